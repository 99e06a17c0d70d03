//! The statements over runs: reading them and queueing them.

use spectra_mesh::{Error, Labelled, Object, OrgTx, Page, id, moment, new_id, optional_id, page};
use spectra_proto::{
    Label,
    analysis::{self as pb, RunStatus},
    types::Reason,
};
use uuid::Uuid;

use super::{Run, rules};
use crate::{
    calibrations::{Calibrated, Held, Lockout},
    lims::Grounds,
};

impl Run {
    /// The run asked for.
    pub(super) async fn find(tx: &mut OrgTx, run_id: Uuid) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT runs.*, c.certificate_id AS "certificate_id?", c.issued_at AS "issued_at?", c.expires_at AS "expires_at?"
                 FROM runs LEFT JOIN calibrations c ON c.organization_id = runs.organization_id AND c.id = runs.calibration_id
                WHERE runs.organization_id = $1 AND runs.id = $2"#,
            tx.org(),
            run_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("run"))
    }

    /// A page of the runs that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListRunsRequest, page: &Page) -> Result<pb::ListRunsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT runs.*, c.certificate_id AS "certificate_id?", c.issued_at AS "issued_at?", c.expires_at AS "expires_at?"
                 FROM runs LEFT JOIN calibrations c ON c.organization_id = runs.organization_id AND c.id = runs.calibration_id
                WHERE runs.organization_id = $1
                  AND ($6::run_status IS NULL OR runs.status = $6)
                  AND ($7::uuid IS NULL OR runs.instrument_id = $7)
                  AND ($8::uuid IS NULL OR runs.recipe_id = $8)
                  AND ($9::uuid IS NULL OR runs.sample_id = $9)
                  AND ($10::timestamptz IS NULL OR runs.created_at >= $10)
                  AND ($11::timestamptz IS NULL OR runs.created_at < $11)"#,
            asked.status.and_then(Labelled::of) as Option<Labelled<RunStatus>>,
            optional_id(asked.instrument_id.as_deref())?,
            optional_id(asked.recipe_id.as_deref())?,
            optional_id(asked.sample_id.as_deref())?,
            asked.from.and_then(moment),
            asked.to.and_then(moment),
        )?;
        Ok(pb::ListRunsResponse { items, pagination })
    }

    /// Queues a run on a calibrated instrument; on any other the attempt is kept as a blocked run, and refused.
    pub(super) async fn create(tx: &mut OrgTx, run: &pb::Run, grounds: Result<Grounds, Error>) -> Result<pb::Run, Error> {
        if run.recipe_id.is_none() && rules::needs_recipe(tx.caller().role) {
            return Err(Error::Denied {
                reason: Reason::RecipeRequired,
                lacking: ("required_field", "recipe_id".to_owned()),
                message: "a technician runs approved recipes only; name one".to_owned(),
            });
        }
        let grounds = grounds?;
        let held = Held::shared(tx, id(&run.instrument_id)?).await?;
        let verdict = held.calibrated();
        let run_id = Self::insert(tx, &held, &verdict, run, &grounds).await?;
        if let Err(lockout) = verdict {
            return Err(lockout.refusal(held.id(), held.name(), run_id).kept().into());
        }
        let procedure = grounds.recipe.as_ref().and_then(|recipe| recipe.procedure.as_ref());
        let warnings = rules::warnings(held.name(), held.status(), procedure);
        Ok(pb::Run { warnings, ..Self::find(tx, run_id).await?.into() })
    }

    /// Writes a new run: queued under the certificate that is proved to be in force, or else blocked.
    async fn insert(
        tx: &mut OrgTx,
        held: &Held,
        verdict: &Result<Calibrated<'_>, Lockout<'_>>,
        run: &pb::Run,
        grounds: &Grounds,
    ) -> Result<Uuid, Error> {
        let (status, certificate, blocked_reason) = match verdict {
            Ok(calibrated) => (RunStatus::Queued, Some(calibrated.certificate()), None),
            Err(lockout) => (RunStatus::Blocked, None, Some(lockout.reason().label())),
        };
        let recipe = grounds.recipe.as_ref();
        Ok(sqlx::query_scalar!(
            "INSERT INTO runs (organization_id, id, instrument_id, method, params, recipe_id, recipe_version, recipe_params_hash, sample_id,
                               status, created_by, calibration_id, calibration_hash, blocked_reason)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id",
            tx.org(),
            new_id(),
            held.id(),
            run.method,
            Object::of(run.params.as_ref()),
            recipe.map(|recipe| recipe.id),
            recipe.map(|recipe| &*recipe.version),
            recipe.map(|recipe| &*recipe.params_hash),
            grounds.sample_id,
            Labelled(status),
            tx.caller().user,
            certificate.map(|certificate| certificate.id),
            certificate.map(|certificate| &*certificate.content_hash),
            blocked_reason,
        )
        .fetch_one(tx.conn())
        .await?)
    }
}
