//! The calls of the run service.

use spectra_mesh::{Events, Reply, id, permit};
use spectra_proto::analysis::{self as pb, run_service_server::RunService};
use tonic::Request;

use super::{Run, watch::Watched};
use crate::App;

#[tonic::async_trait]
impl RunService for App {
    type WatchRunsStream = Events<pb::RunEvent>;

    async fn watch_runs(&self, request: Request<pb::WatchRunsRequest>) -> Reply<Self::WatchRunsStream> {
        self.db.follow(&self.outbox, request, Watched::of)
    }

    async fn list_runs(&self, request: Request<pb::ListRunsRequest>) -> Reply<pb::ListRunsResponse> {
        self.db.list(request, async |tx, asked, page| Run::page(tx, &asked, &page).await).await
    }

    async fn get_run(&self, request: Request<pb::GetRunRequest>) -> Reply<pb::Run> {
        self.db
            .read(request, async |tx, asked| {
                let run_id = id(&asked.id)?;
                if asked.bare() { Run::find(tx, run_id).await.map(Into::into) } else { Run::tell(tx, run_id).await }
            })
            .await
    }

    async fn create_run(&self, request: Request<pb::CreateRunRequest>) -> Reply<pb::Run> {
        let permit = permit(&request)?;
        let run = request.get_ref().run.clone().unwrap_or_default();
        // Judged within: an answer that is remembered under the key stands, whatever LIMS says meanwhile.
        let grounds = self.lims.grounds(&permit, &run).await;
        self.db.write(request, async move |tx, asked| Run::create(tx, &asked.run.unwrap_or_default(), grounds).await).await
    }

    async fn start_run(&self, request: Request<pb::StartRunRequest>) -> Reply<pb::Run> {
        self.db.write(request, async |tx, asked| Run::start(tx, &asked.id).await).await
    }

    async fn complete_run(&self, request: Request<pb::CompleteRunRequest>) -> Reply<pb::Run> {
        self.db.write(request, async |tx, asked| Run::complete(tx, asked).await).await
    }

    async fn fail_run(&self, request: Request<pb::FailRunRequest>) -> Reply<pb::Run> {
        self.db.write(request, async |tx, asked| Run::fail(tx, asked).await).await
    }

    async fn cancel_run(&self, request: Request<pb::CancelRunRequest>) -> Reply<pb::Run> {
        self.db.write(request, async |tx, asked| Run::cancel(tx, &asked.id).await).await
    }

    async fn unblock_run(&self, request: Request<pb::UnblockRunRequest>) -> Reply<pb::Run> {
        self.db.write(request, async |tx, asked| Run::unblock(tx, &asked.id).await).await
    }
}
