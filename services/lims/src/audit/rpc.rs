//! The calls of the audit service.

use spectra_mesh::{Reply, audit};
use spectra_proto::{
    lims::audit_service_server::AuditService,
    types::{ListAuditEventsRequest, ListAuditEventsResponse},
};
use tonic::Request;

use crate::App;

#[tonic::async_trait]
impl AuditService for App {
    async fn list_audit_events(&self, request: Request<ListAuditEventsRequest>) -> Reply<ListAuditEventsResponse> {
        self.db.list(request, async |tx, asked, page| audit::page(tx, &asked, &page).await).await
    }
}
