//! The calls of the scan service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, scan_service_server::ScanService};
use tonic::Request;

use super::Scanned;
use crate::App;

#[tonic::async_trait]
impl ScanService for App {
    async fn scan(&self, request: Request<pb::ScanRequest>) -> Reply<pb::ScanResponse> {
        self.db.read(request, async |tx, asked| Scanned::find(tx, &asked.code).await).await
    }
}
