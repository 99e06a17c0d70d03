//! The calls of the custody service.

use spectra_mesh::{Error, Permit, Reply, permit};
use spectra_proto::lims::{self as pb, custody_service_server::CustodyService};
use tonic::Request;

use super::{CustodyEvent, store::Parties};
use crate::App;

#[tonic::async_trait]
impl CustodyService for App {
    async fn list_custody_events(&self, request: Request<pb::ListCustodyEventsRequest>) -> Reply<pb::ListCustodyEventsResponse> {
        self.db.list(request, async |tx, asked, page| CustodyEvent::page(tx, &asked, &page).await).await
    }

    async fn get_custody_event(&self, request: Request<pb::GetCustodyEventRequest>) -> Reply<pb::CustodyEvent> {
        self.db.read(request, async |tx, asked| CustodyEvent::find(tx, &asked.id).await).await
    }

    async fn create_custody_event(&self, request: Request<pb::CreateCustodyEventRequest>) -> Reply<pb::CustodyEvent> {
        let permit = permit(&request)?;
        // Judged within: an answer that is remembered under the key stands, whatever identity says meanwhile.
        let parties = self.parties(&permit, request.get_ref()).await;
        self.db.write(request, async move |tx, asked| CustodyEvent::create(tx, &asked, parties).await).await
    }
}

impl App {
    /// Who is said to give and to receive a sample; whoever records it, when nobody is said to receive it.
    async fn parties(&self, permit: &Permit, asked: &pb::CreateCustodyEventRequest) -> Result<Parties, Error> {
        let recorder = permit.caller().user.to_string();
        let to = self.identity.party(permit, asked.to_user.as_deref().unwrap_or(&recorder));
        let from = async {
            match &asked.from_user {
                Some(named) => self.identity.party(permit, named).await.map(Some),
                None => Ok(None),
            }
        };
        let (to, from) = tokio::join!(to, from);
        Ok(Parties { to: to?, from: from? })
    }
}
