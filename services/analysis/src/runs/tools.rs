//! The instruments of a run: all of them are held, judged and pinned alike.

use std::{collections::BTreeMap, iter};

use spectra_mesh::{Error, OrgTx, Refusal, id, new_id};
use spectra_proto::{Label, analysis as pb, types::Reason};
use time::OffsetDateTime;
use uuid::Uuid;

use super::rules;
use crate::calibrations::{Calibrated, Held, Lockout};

/// Which instruments a run measures with: one, and further ones.
pub(super) struct Named {
    first: Uuid,
    further: Vec<Uuid>,
}

/// The instruments of a run, whose certificates stay as they are until the transaction ends.
#[derive(Debug)]
pub(super) struct Tools {
    first: Held,
    further: Vec<Held>,
}

/// Proof that every instrument of a run is calibrated.
pub(super) struct Proved<'a> {
    pub(super) first: Calibrated<'a>,
    further: Vec<Calibrated<'a>>,
}

/// The first instrument of a run that is not, and why.
pub(super) struct Fault<'a> {
    held: &'a Held,
    lockout: Lockout<'a>,
}

impl Fault<'_> {
    /// The word for programs.
    pub(super) fn reason(&self) -> Reason {
        self.lockout.reason()
    }

    /// The refusal of the run, which names the instrument.
    pub(super) fn refusal(&self, run_id: Uuid) -> Refusal {
        self.lockout.refusal(self.held.id(), self.held.name(), run_id)
    }
}

impl Tools {
    /// What a new run names. Each instrument is named once.
    pub(super) fn of(run: &pb::Run) -> Result<Named, Error> {
        let first = id(&run.instrument_id)?;
        let further = run.further_instrument_ids.iter().map(|named| id(named)).collect::<Result<Vec<_>, _>>()?;
        // As ids, since one may be written in several ways.
        let again = |nth: &usize| further[*nth] == first || further[..*nth].contains(&further[*nth]);
        if let Some(nth) = (0..further.len()).find(again) {
            return Err(Error::invalid(format!("run.further_instrument_ids[{nth}]"), "is named already"));
        }
        Ok(Named { first, further })
    }

    /// The instruments of a run that there is.
    pub(super) async fn of_run(tx: &mut OrgTx, run_id: Uuid, first: Uuid) -> Result<Named, Error> {
        let further = sqlx::query_scalar!(
            "SELECT instrument_id FROM run_instruments WHERE organization_id = $1 AND run_id = $2 ORDER BY id",
            tx.org(),
            run_id,
        );
        Ok(Named { first, further: further.fetch_all(tx.conn()).await? })
    }

    /// The run's own instrument.
    pub(super) fn first(&self) -> &Held {
        &self.first
    }

    /// The time that all are judged for: when the last of them was held.
    pub(super) fn at(&self) -> OffsetDateTime {
        self.further.iter().map(Held::at).fold(self.first.at(), OffsetDateTime::max)
    }

    /// All instruments, the run's own first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Held> {
        iter::once(&self.first).chain(&self.further)
    }

    /// The proof that every instrument may be used, or which may not, and why.
    pub(super) fn calibrated(&self) -> Result<Proved<'_>, Fault<'_>> {
        let at = self.at();
        let judge = |held| Held::calibrated(held, at).map_err(|lockout| Fault { held, lockout });
        Ok(Proved { first: judge(&self.first)?, further: self.further.iter().map(judge).collect::<Result<_, _>>()? })
    }

    /// Refuses a start unless every instrument is online.
    pub(super) fn ready(&self) -> Result<(), Refusal> {
        for held in self.all() {
            if let Some(why) = rules::unready(held.name(), held.status()) {
                let refusal = Refusal::new(Reason::InstrumentNotReady, why).about("instrument_id", held.id());
                return Err(refusal.about("instrument_status", held.status().label()));
            }
        }
        Ok(())
    }

    /// Writes down that a new run measures with the further instruments, under the certificates that are proved to be in force.
    pub(super) async fn join(&self, tx: &mut OrgTx, run_id: Uuid, proved: Option<&Proved<'_>>) -> Result<(), Error> {
        for (nth, held) in self.further.iter().enumerate() {
            let certificate = proved.and_then(|proved| proved.further.get(nth)).map(Calibrated::certificate);
            sqlx::query!(
                "INSERT INTO run_instruments (organization_id, id, run_id, instrument_id, calibration_id, calibration_hash)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                tx.org(),
                new_id(),
                run_id,
                held.id(),
                certificate.map(|certificate| certificate.id),
                certificate.map(|certificate| &*certificate.content_hash),
            )
            .execute(tx.conn())
            .await?;
        }
        Ok(())
    }

    /// Pins the certificates of the further instruments anew.
    pub(super) async fn pin(&self, tx: &mut OrgTx, run_id: Uuid, proved: &Proved<'_>) -> Result<(), Error> {
        for (held, calibrated) in self.further.iter().zip(&proved.further) {
            let certificate = calibrated.certificate();
            sqlx::query!(
                "UPDATE run_instruments SET calibration_id = $4, calibration_hash = $5
                  WHERE organization_id = $1 AND run_id = $2 AND instrument_id = $3",
                tx.org(),
                run_id,
                held.id(),
                certificate.id,
                certificate.content_hash,
            )
            .execute(tx.conn())
            .await?;
        }
        Ok(())
    }
}

impl Named {
    /// Holds the instruments, in the order of their ids: whoever else holds some of them waits, and never both for each other.
    pub(super) async fn hold(self, tx: &mut OrgTx) -> Result<Tools, Error> {
        let mut order: Vec<Uuid> = iter::once(self.first).chain(self.further.iter().copied()).collect();
        order.sort_unstable();
        let mut held = BTreeMap::new();
        for instrument_id in order {
            held.insert(instrument_id, Held::shared(tx, instrument_id).await?);
        }
        let mut take = |instrument_id: &Uuid| held.remove(instrument_id).ok_or_else(|| Error::broken("an instrument of a run is not held"));
        Ok(Tools { first: take(&self.first)?, further: self.further.iter().map(take).collect::<Result<_, _>>()? })
    }
}
