//! The calls of the instrument service.

use spectra_mesh::Reply;
use spectra_proto::analysis::{self as pb, instrument_service_server::InstrumentService};
use tonic::Request;

use super::Instrument;
use crate::App;

#[tonic::async_trait]
impl InstrumentService for App {
    async fn list_instruments(&self, request: Request<pb::ListInstrumentsRequest>) -> Reply<pb::ListInstrumentsResponse> {
        self.db.list(request, async |tx, asked, page| Instrument::page(tx, &asked, &page).await).await
    }

    async fn get_instrument(&self, request: Request<pb::GetInstrumentRequest>) -> Reply<pb::Instrument> {
        self.db.read(request, async |tx, asked| Instrument::find(tx, &asked.id).await).await
    }

    async fn create_instrument(&self, request: Request<pb::CreateInstrumentRequest>) -> Reply<pb::Instrument> {
        self.db.write(request, async |tx, asked| Instrument::create(tx, &asked.instrument.unwrap_or_default()).await).await
    }

    async fn update_instrument(&self, request: Request<pb::UpdateInstrumentRequest>) -> Reply<pb::Instrument> {
        self.db.write(request, async |tx, asked| Instrument::update(tx, asked).await).await
    }
}
