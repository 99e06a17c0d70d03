//! The calls of the material service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, material_service_server::MaterialService};
use tonic::Request;

use super::Material;
use crate::App;

#[tonic::async_trait]
impl MaterialService for App {
    async fn list_materials(&self, request: Request<pb::ListMaterialsRequest>) -> Reply<pb::ListMaterialsResponse> {
        self.db.list(request, async |tx, asked, page| Material::page(tx, &asked, &page).await).await
    }

    async fn get_material(&self, request: Request<pb::GetMaterialRequest>) -> Reply<pb::Material> {
        self.db.read(request, async |tx, asked| Material::find(tx, &asked.id).await).await
    }

    async fn create_material(&self, request: Request<pb::CreateMaterialRequest>) -> Reply<pb::Material> {
        self.db.write(request, async |tx, asked| Material::create(tx, &asked.material.unwrap_or_default()).await).await
    }

    async fn update_material(&self, request: Request<pb::UpdateMaterialRequest>) -> Reply<pb::Material> {
        self.db.write(request, async |tx, asked| Material::update(tx, asked).await).await
    }
}
