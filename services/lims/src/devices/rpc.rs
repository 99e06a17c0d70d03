//! The calls of the device service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, device_service_server::DeviceService};
use tonic::Request;

use super::Device;
use crate::App;

#[tonic::async_trait]
impl DeviceService for App {
    async fn list_devices(&self, request: Request<pb::ListDevicesRequest>) -> Reply<pb::ListDevicesResponse> {
        self.db.list(request, async |tx, asked, page| Device::page(tx, &asked, &page).await).await
    }

    async fn get_device(&self, request: Request<pb::GetDeviceRequest>) -> Reply<pb::Device> {
        self.db.read(request, async |tx, asked| Device::find(tx, &asked).await).await
    }

    async fn create_device(&self, request: Request<pb::CreateDeviceRequest>) -> Reply<pb::Device> {
        self.db.write(request, async |tx, asked| Device::create(tx, &asked).await).await
    }

    async fn update_device(&self, request: Request<pb::UpdateDeviceRequest>) -> Reply<pb::Device> {
        self.db.write(request, async |tx, asked| Device::update(tx, asked).await).await
    }

    async fn delete_device(&self, request: Request<pb::DeleteDeviceRequest>) -> Reply<()> {
        self.db.write(request, async |tx, asked| Device::delete(tx, &asked.id).await).await
    }
}
