//! The calls of the organization service.

use spectra_mesh::Reply;
use spectra_proto::identity::{self as pb, organization_service_server::OrganizationService};
use tonic::Request;

use super::Organization;
use crate::App;

#[tonic::async_trait]
impl OrganizationService for App {
    async fn get_organization(&self, request: Request<pb::GetOrganizationRequest>) -> Reply<pb::Organization> {
        self.db.read(request, async |tx, _| Organization::own(tx).await).await
    }

    async fn update_organization(&self, request: Request<pb::UpdateOrganizationRequest>) -> Reply<pb::Organization> {
        self.db.write(request, async |tx, asked| Organization::update(tx, asked).await).await
    }
}
