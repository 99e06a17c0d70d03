//! The statements that lead a run from one state to another.
//!
//! Times are read from the clock once the run is locked: by the transaction's time, a run could end before it began.

use spectra_mesh::{Error, Labelled, OrgTx, Refusal, id};
use spectra_proto::{
    Label,
    analysis::{self as pb, RunStatus},
    types::Reason,
};
use uuid::Uuid;

use super::{
    Run,
    rules::{self, Step, Verb},
    tools::{Proved, Tools},
};
use crate::{ml_models, results, spc_points};

/// A run that nobody else changes meanwhile.
struct Locked {
    id: Uuid,
    instrument_id: Uuid,
    status: Labelled<RunStatus>,
    started: bool,
    revision: i32,
}

impl Run {
    /// Starts a queued run, under the certificates that are in force now.
    pub(super) async fn start(tx: &mut OrgTx, asked: &str) -> Result<pb::Run, Error> {
        let run = Locked::find(tx, asked).await?;
        let step = run.step(Verb::Start)?;
        let tools = run.hold(tx).await?;
        let proved = run.judge(tx, &tools).await?;
        tools.ready()?;
        let certificate = proved.first.certificate();
        sqlx::query!(
            "UPDATE runs SET status = $3, operator_id = $4, started_at = $5, calibration_id = $6, calibration_hash = $7
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            run.id,
            step.to(),
            tx.caller().user,
            tools.at(),
            certificate.id,
            certificate.content_hash,
        )
        .execute(tx.conn())
        .await?;
        tools.pin(tx, run.id, &proved).await?;
        Self::tell(tx, run.id).await
    }

    /// Ends a running run well, if its instruments are still calibrated; the certificates that it was started under stay pinned.
    pub(super) async fn complete(tx: &mut OrgTx, asked: pb::CompleteRunRequest) -> Result<pb::Run, Error> {
        let run = Locked::find(tx, &asked.id).await?;
        let step = run.step(Verb::Complete)?;
        let tools = run.hold(tx).await?;
        // What was measured was measured: it stays, whatever is judged of the calibration.
        let warnings = results::record(tx, run.id, asked.results).await?;
        run.judge(tx, &tools).await?;
        sqlx::query!(
            "UPDATE runs SET status = $3, finished_at = greatest($4, started_at), log_uri = coalesce($5, log_uri)
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            run.id,
            step.to(),
            tools.at(),
            asked.log_uri,
        )
        .execute(tx.conn())
        .await?;
        Ok(pb::Run { warnings, ..Self::tell(tx, run.id).await? })
    }

    /// Ends a running run as failed.
    pub(super) async fn fail(tx: &mut OrgTx, asked: pb::FailRunRequest) -> Result<pb::Run, Error> {
        let run = Locked::find(tx, &asked.id).await?;
        let step = run.step(Verb::Fail)?;
        let warnings = results::record(tx, run.id, asked.results).await?;
        Ok(pb::Run { warnings, ..run.end(tx, &step, asked.error_message.as_deref(), asked.log_uri.as_deref()).await? })
    }

    /// Takes a queued run out of the queue.
    pub(super) async fn cancel(tx: &mut OrgTx, asked: &str) -> Result<pb::Run, Error> {
        let run = Locked::find(tx, asked).await?;
        run.end(tx, &run.step(Verb::Cancel)?, None, None).await
    }

    /// Lets a blocked run go on where it stood, now that certificates are in force. One that was started
    /// keeps the certificates that it was started under: what was measured was measured under those.
    pub(super) async fn unblock(tx: &mut OrgTx, asked: &str) -> Result<pb::Run, Error> {
        let run = Locked::find(tx, asked).await?;
        let step = run.step(Verb::Unblock)?;
        let needed = rules::unblocker(run.started);
        if tx.caller().role < needed {
            return Err(Error::Denied {
                reason: Reason::RoleRequired,
                lacking: ("required_role", needed.label().to_owned()),
                message: format!("a run that had started is unblocked by the role {} or higher", needed.label()),
            });
        }
        let tools = run.hold(tx).await?;
        // A run that stays blocked is as it was: nothing to keep.
        let proved = tools.calibrated().map_err(|fault| fault.refusal(run.id))?;
        let certificate = proved.first.certificate();
        sqlx::query!(
            "UPDATE runs SET status = $3, blocked_reason = NULL,
                    calibration_id = CASE WHEN started_at IS NULL THEN $4 ELSE calibration_id END,
                    calibration_hash = CASE WHEN started_at IS NULL THEN $5 ELSE calibration_hash END
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            run.id,
            step.to(),
            certificate.id,
            certificate.content_hash,
        )
        .execute(tx.conn())
        .await?;
        if !run.started {
            tools.pin(tx, run.id, &proved).await?;
        }
        Self::tell(tx, run.id).await
    }
}

impl Locked {
    /// The run asked for, at the revision that the caller meant.
    async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT id, instrument_id, status, started_at IS NOT NULL AS "started!", revision FROM runs
                WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE"#,
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        let run = found.ok_or_else(|| Error::not_found("run"))?;
        tx.expect("run", run.revision)?;
        Ok(run)
    }

    /// The step that `verb` takes from here.
    fn step(&self, verb: Verb) -> Result<Step, Refusal> {
        rules::step(self.id, self.status.0, self.started, verb)
    }

    /// Holds the instruments of the run.
    async fn hold(&self, tx: &mut OrgTx) -> Result<Tools, Error> {
        Tools::of_run(tx, self.id, self.instrument_id).await?.hold(tx).await
    }

    /// The proof that the run may go on; without one the run is blocked, what it measured is in question, and the refusal is kept.
    async fn judge<'a>(&self, tx: &mut OrgTx, tools: &'a Tools) -> Result<Proved<'a>, Error> {
        let fault = match tools.calibrated() {
            Ok(proved) => return Ok(proved),
            Err(fault) => fault,
        };
        sqlx::query!(
            "UPDATE runs SET status = 'blocked', blocked_reason = $3, calibration_lapsed = $4 WHERE organization_id = $1 AND id = $2",
            tx.org(),
            self.id,
            fault.reason().label(),
            self.started,
        )
        .execute(tx.conn())
        .await?;
        if self.started {
            spc_points::suspect(tx, &[self.id]).await?;
            ml_models::suspect(tx, &[self.id]).await?;
        }
        Err(fault.refusal(self.id).kept().into())
    }

    /// Ends the run without a result of its own, for which no certificate is needed.
    async fn end(&self, tx: &mut OrgTx, step: &Step, error_message: Option<&str>, log_uri: Option<&str>) -> Result<pb::Run, Error> {
        sqlx::query!(
            "UPDATE runs SET status = $3, finished_at = greatest(clock_timestamp(), started_at), error_message = $4,
                    log_uri = coalesce($5, log_uri)
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            self.id,
            step.to(),
            error_message,
            log_uri,
        )
        .execute(tx.conn())
        .await?;
        Run::tell(tx, self.id).await
    }
}
