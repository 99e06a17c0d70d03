//! What this service asks of analysis, in its own words.

use spectra_mesh::{Error, Peer, Permit};
use spectra_proto::analysis::{
    GetCalibrationRequest, GetInstrumentRequest, GetResultRequest, GetRunRequest, calibration_service_client::CalibrationServiceClient,
    instrument_service_client::InstrumentServiceClient, result_service_client::ResultServiceClient, run_service_client::RunServiceClient,
};
use tokio::task::JoinSet;
use tonic::Status;

/// Analysis, which is asked in the name of whoever calls, and never within a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Analysis(pub(crate) Peer);

/// How many runs are asked for at once.
const AT_ONCE: usize = 16;

impl Analysis {
    /// Makes sure that there is such an instrument.
    pub(crate) async fn has_instrument(&self, permit: &Permit, id: String) -> Result<(), Error> {
        let asked = Peer::ask(permit, GetInstrumentRequest { id });
        self.told(InstrumentServiceClient::new(self.0.channel()).get_instrument(asked).await, "instrument")
    }

    /// Makes sure that there is such a certificate.
    pub(crate) async fn has_calibration(&self, permit: &Permit, id: String) -> Result<(), Error> {
        let asked = Peer::ask(permit, GetCalibrationRequest { id });
        self.told(CalibrationServiceClient::new(self.0.channel()).get_calibration(asked).await, "calibration")
    }

    /// Makes sure that there is such a run.
    pub(crate) async fn has_run(&self, permit: &Permit, id: String) -> Result<(), Error> {
        let asked = Peer::ask(permit, GetRunRequest { id, bare: Some(true) });
        self.told(RunServiceClient::new(self.0.channel()).get_run(asked).await, "run")
    }

    /// Makes sure that there is such a result.
    pub(crate) async fn has_result(&self, permit: &Permit, id: String) -> Result<(), Error> {
        let asked = Peer::ask(permit, GetResultRequest { id });
        self.told(ResultServiceClient::new(self.0.channel()).get_result(asked).await, "result")
    }

    /// Makes sure that there are such runs.
    pub(crate) async fn has_runs(&self, permit: &Permit, ids: &[String]) -> Result<(), Error> {
        for some in ids.chunks(AT_ONCE) {
            let looks = some.iter().map(|id| {
                let (analysis, permit, id) = (self.clone(), permit.clone(), id.clone());
                async move { analysis.has_run(&permit, id).await }
            });
            let mut looks: JoinSet<_> = looks.collect();
            while let Some(look) = looks.join_next().await {
                look.map_err(Error::broken)??;
            }
        }
        Ok(())
    }

    fn told<T>(&self, answered: Result<T, Status>, kind: &'static str) -> Result<(), Error> {
        answered.map(|_| ()).map_err(|status| self.0.explain(status, kind))
    }
}
