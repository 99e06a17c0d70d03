//! The calls of the analysis service.

use spectra_mesh::{Error, Object, Permit, Reply, id, optional_id, permit};
use spectra_proto::analysis::{self as pb, AnalysisKind, analysis_service_server::AnalysisService};
use tonic::{Request, Status};

use super::{
    Analysis,
    compute::{compute, tree},
    source::{Computed, Source},
    store,
};
use crate::{App, results};

#[tonic::async_trait]
impl AnalysisService for App {
    async fn list_analyses(&self, request: Request<pb::ListAnalysesRequest>) -> Reply<pb::ListAnalysesResponse> {
        self.db.list(request, async |tx, asked, page| Analysis::page(tx, &asked, &page).await).await
    }

    async fn get_analysis(&self, request: Request<pb::GetAnalysisRequest>) -> Reply<pb::Analysis> {
        self.db.read(request, async |tx, asked| Analysis::find(tx, id(&asked.id)?).await?.of(asked.kind())).await
    }

    async fn analyse(&self, request: Request<pb::AnalyseRequest>) -> Reply<pb::Analysis> {
        let permit = permit(&request)?;
        // Judged within: an answer that is remembered under the key stands. No transaction is open while it is computed.
        let computed = self.computed(&permit, request.get_ref()).await;
        self.db.write(request, async move |tx, asked| store::keep(tx, asked, computed?).await).await
    }
}

impl App {
    /// The analysis that is asked for. Results never change: what was read of one still holds when the outputs are written.
    async fn computed(&self, permit: &Permit, asked: &pb::AnalyseRequest) -> Result<Computed, Error> {
        let org = permit.caller().org;
        let result_id = optional_id(asked.result_id.as_deref())?;
        // Arrays are held until the analysis is made.
        let turn = if result_id.is_some() { Some(results::down(org).await?) } else { None };
        let source = match result_id {
            None => Source::sent(asked)?,
            Some(result_id) => {
                let mut look = Request::new(asked.clone());
                look.extensions_mut().insert(permit.clone());
                let read = self.db.read(look, async |tx, asked| Source::stored(tx, result_id, &asked).await).await;
                read.map_err(|status: Status| Error::Peer(Box::new(status)))?.into_inner()
            }
        };
        let kind = AnalysisKind::try_from(asked.kind).unwrap_or_default();
        let Source { run_id, result_id, inputs } = source;
        let outcome = compute(&self.computer, org, kind, inputs, tree(&Object::of(asked.params.as_ref()))?).await?;
        drop(turn);
        Ok(Computed { run_id, result_id, outcome })
    }
}
