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
};
use crate::calibrations::{Calibrated, Held};

/// A run that nobody else changes meanwhile.
struct Locked {
    id: Uuid,
    instrument_id: Uuid,
    status: Labelled<RunStatus>,
    started: bool,
    revision: i32,
}

impl Run {
    /// Starts a queued run, under the certificate that is in force now.
    pub(super) async fn start(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let run = Locked::find(tx, asked).await?;
        let step = run.step(Verb::Start)?;
        let held = Held::shared(tx, run.instrument_id).await?;
        let calibrated = run.judge(tx, &held).await?;
        if let Some(why) = rules::unready(held.name(), held.status()) {
            let refusal = Refusal::new(Reason::InstrumentNotReady, why).about("instrument_id", held.id());
            return Err(refusal.about("instrument_status", held.status().label()).into());
        }
        sqlx::query!(
            "UPDATE runs SET status = $3, operator_id = $4, started_at = $5, calibration_id = $6, calibration_hash = $7
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            run.id,
            step.to(),
            tx.caller().user,
            held.at(),
            calibrated.certificate().id,
            calibrated.certificate().content_hash,
        )
        .execute(tx.conn())
        .await?;
        Self::find(tx, run.id).await
    }

    /// Ends a running run well, if its instrument is still calibrated; the certificate that it was started under stays pinned.
    pub(super) async fn complete(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let run = Locked::find(tx, asked).await?;
        let step = run.step(Verb::Complete)?;
        let held = Held::shared(tx, run.instrument_id).await?;
        run.judge(tx, &held).await?;
        sqlx::query!(
            "UPDATE runs SET status = $3, finished_at = greatest($4, started_at) WHERE organization_id = $1 AND id = $2",
            tx.org(),
            run.id,
            step.to(),
            held.at(),
        )
        .execute(tx.conn())
        .await?;
        Self::find(tx, run.id).await
    }

    /// Ends a running run as failed.
    pub(super) async fn fail(tx: &mut OrgTx, asked: &pb::FailRunRequest) -> Result<Self, Error> {
        let run = Locked::find(tx, &asked.id).await?;
        run.end(tx, &run.step(Verb::Fail)?, asked.error_message.as_deref()).await
    }

    /// Takes a queued run out of the queue.
    pub(super) async fn cancel(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let run = Locked::find(tx, asked).await?;
        run.end(tx, &run.step(Verb::Cancel)?, None).await
    }

    /// Lets a blocked run go on where it stood, now that a certificate is in force. One that was started
    /// keeps the certificate that it was started under: what was measured was measured under that.
    pub(super) async fn unblock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
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
        let held = Held::shared(tx, run.instrument_id).await?;
        // A run that stays blocked is as it was: nothing to keep.
        let calibrated = held.calibrated().map_err(|lockout| lockout.refusal(held.id(), held.name(), run.id))?;
        sqlx::query!(
            "UPDATE runs SET status = $3, blocked_reason = NULL,
                    calibration_id = CASE WHEN started_at IS NULL THEN $4 ELSE calibration_id END,
                    calibration_hash = CASE WHEN started_at IS NULL THEN $5 ELSE calibration_hash END
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            run.id,
            step.to(),
            calibrated.certificate().id,
            calibrated.certificate().content_hash,
        )
        .execute(tx.conn())
        .await?;
        Self::find(tx, run.id).await
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

    /// The proof that the run may go on; without one the run is blocked, and the refusal is kept.
    async fn judge<'a>(&self, tx: &mut OrgTx, held: &'a Held) -> Result<Calibrated<'a>, Error> {
        let lockout = match held.calibrated() {
            Ok(calibrated) => return Ok(calibrated),
            Err(lockout) => lockout,
        };
        sqlx::query!(
            "UPDATE runs SET status = 'blocked', blocked_reason = $3 WHERE organization_id = $1 AND id = $2",
            tx.org(),
            self.id,
            lockout.reason().label(),
        )
        .execute(tx.conn())
        .await?;
        Err(lockout.refusal(held.id(), held.name(), self.id).kept().into())
    }

    /// Ends the run without a result, for which no certificate is needed.
    async fn end(&self, tx: &mut OrgTx, step: &Step, error_message: Option<&str>) -> Result<Run, Error> {
        sqlx::query!(
            "UPDATE runs SET status = $3, finished_at = greatest(clock_timestamp(), started_at), error_message = $4
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            self.id,
            step.to(),
            error_message,
        )
        .execute(tx.conn())
        .await?;
        Run::find(tx, self.id).await
    }
}
