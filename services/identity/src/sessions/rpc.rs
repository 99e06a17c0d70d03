//! The calls of the session service.

use spectra_mesh::{Error, Reply, checked, gate, id};
use spectra_proto::identity::{self as pb, session_service_server::SessionService};
use tonic::{Request, Response};

use super::{
    Origin, RefreshToken, Session, rules,
    store::{self, Why},
};
use crate::App;

#[tonic::async_trait]
impl SessionService for App {
    async fn sign_in(&self, request: Request<pb::SignInRequest>) -> Reply<pb::TokenPair> {
        let origin = Origin::of(&request);
        Ok(Response::new(self.open_session(checked(request)?, &origin).await?))
    }

    async fn refresh_session(&self, request: Request<pb::RefreshSessionRequest>) -> Reply<pb::TokenPair> {
        let origin = Origin::of(&request);
        let presented = RefreshToken(checked(request)?.refresh_token);
        Ok(Response::new(self.renew_session(presented, &origin).await?))
    }

    async fn sign_out(&self, request: Request<pb::SignOutRequest>) -> Reply<()> {
        let mut revoked = None;
        let answer = self
            .db
            .write(request, async |tx, _| {
                let caller = tx.caller().clone();
                revoked = store::end(tx.conn(), caller.org, caller.user, caller.session, Why::SignedOut).await?;
                Ok(())
            })
            .await?;
        self.enforce(revoked);
        Ok(answer)
    }

    async fn get_me(&self, request: Request<pb::GetMeRequest>) -> Reply<pb::Me> {
        self.db.read(request, async |tx, _| store::me(tx).await).await
    }

    async fn list_sessions(&self, request: Request<pb::ListSessionsRequest>) -> Reply<pb::ListSessionsResponse> {
        self.db.list(request, async |tx, _, page| Session::page(tx, &page, self.lives.idle).await).await
    }

    async fn end_session(&self, request: Request<pb::EndSessionRequest>) -> Reply<()> {
        let mut revoked = None;
        let answer = self
            .db
            .write(request, async |tx, asked| {
                let caller = tx.caller().clone();
                revoked = store::end(tx.conn(), caller.org, caller.user, id(&asked.id)?, Why::Ended).await?;
                if revoked.is_some() { Ok(()) } else { Err(Error::not_found("session")) }
            })
            .await?;
        self.enforce(revoked);
        Ok(answer)
    }
}

impl Origin {
    fn of<T>(request: &Request<T>) -> Self {
        let headers = request.metadata().as_ref();
        Self { client: rules::client(headers.get("user-agent").map(AsRef::as_ref)), request: gate::request_id(headers) }
    }
}
