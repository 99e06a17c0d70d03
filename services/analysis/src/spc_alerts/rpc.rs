//! The calls of the alerts' service.

use spectra_mesh::{Error, OrgTx, Permit, Reply, permit};
use spectra_proto::analysis::{self as pb, spc_alert_service_server::SpcAlertService};
use tonic::{Request, Status};

use super::{Alert, rules::Resolvable};
use crate::{App, identity::Signed};

#[tonic::async_trait]
impl SpcAlertService for App {
    async fn list_spc_alerts(&self, request: Request<pb::ListSpcAlertsRequest>) -> Reply<pb::ListSpcAlertsResponse> {
        self.db.list(request, async |tx, asked, page| Alert::page(tx, &asked, &page).await).await
    }

    async fn get_spc_alert(&self, request: Request<pb::GetSpcAlertRequest>) -> Reply<pb::SpcAlert> {
        self.db.read(request, async |tx, asked| Alert::find(tx, &asked.id).await).await
    }

    async fn acknowledge_spc_alert(&self, request: Request<pb::AcknowledgeSpcAlertRequest>) -> Reply<pb::SpcAlert> {
        self.db.write(request, async |tx, asked| Alert::acknowledge(tx, &asked).await).await
    }

    async fn resolve_spc_alert(&self, mut request: Request<pb::ResolveSpcAlertRequest>) -> Reply<pb::SpcAlert> {
        let permit = permit(&request)?;
        // What is remembered under an idempotency key is made of the request without what proves the caller.
        let password = request.get_mut().password.take();
        // Judged within: an answer that is remembered under the key stands, whatever identity says meanwhile.
        let signed = self.signed(&permit, request.get_ref(), password).await;
        self.db.write(request, async move |tx, asked| Alert::resolve(tx, &asked, signed).await).await
    }
}

impl App {
    /// Has the resolution of an alert signed, if it must be.
    async fn signed(&self, permit: &Permit, asked: &pb::ResolveSpcAlertRequest, password: Option<String>) -> Result<Option<Signed>, Error> {
        let mut look = Request::new(asked.clone());
        look.extensions_mut().insert(permit.clone());
        let work = async |tx: &mut OrgTx, asked: pb::ResolveSpcAlertRequest| {
            let alert = Alert::find(tx, &asked.id).await?;
            alert.resolvable(tx, &asked.comment).await
        };
        let told = |status: Status| Error::Peer(Box::new(status));
        let resolvable: Resolvable = self.db.read(look, work).await.map_err(told)?.into_inner();
        let Resolvable::Signed(record) = resolvable else { return Ok(None) };
        let password = password.ok_or_else(|| Error::invalid("password", "is needed: resolving an alert that holds runs is signed for"))?;
        Ok(Some(self.identity.approve(permit, *record, &asked.comment, password).await?))
    }
}
