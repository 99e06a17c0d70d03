//! The statements over runs: reading them and queueing them.

use spectra_mesh::{Error, Labelled, Object, OrgTx, Page, moment, new_id, optional_id, page};
use spectra_proto::{
    Label,
    analysis::{self as pb, RunStatus},
    types::Reason,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Pinned, Run, rules,
    tools::{Fault, Proved, Tools},
};
use crate::{
    calibrations::Held,
    lims::Grounds,
    results,
    spc_alerts::{Unheld, Watched},
};

impl Run {
    /// The run asked for.
    pub(super) async fn find(tx: &mut OrgTx, run_id: Uuid) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT runs.*, c.certificate_id AS "certificate_id?", c.issued_at AS "issued_at?", c.expires_at AS "expires_at?",
                      runs.calibration_suspect AS "calibration_suspect!", runs.further AS "further!: Json<Vec<Pinned>>",
                      (SELECT count(*)::int FROM results o WHERE o.organization_id = runs.organization_id AND o.run_id = runs.id) AS "result_count!"
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
            r#"SELECT runs.*, c.certificate_id AS "certificate_id?", c.issued_at AS "issued_at?", c.expires_at AS "expires_at?",
                      runs.calibration_suspect AS "calibration_suspect!", runs.further AS "further!: Json<Vec<Pinned>>",
                      (SELECT count(*)::int FROM results o WHERE o.organization_id = runs.organization_id AND o.run_id = runs.id) AS "result_count!"
                 FROM runs LEFT JOIN calibrations c ON c.organization_id = runs.organization_id AND c.id = runs.calibration_id
                WHERE runs.organization_id = $1
                  AND ($6::run_status IS NULL OR runs.status = $6)
                  AND ($7::uuid IS NULL OR runs.instrument_id = $7)
                  AND ($8::uuid IS NULL OR runs.recipe_id = $8)
                  AND ($9::uuid IS NULL OR runs.sample_id = $9)
                  AND ($10::timestamptz IS NULL OR runs.created_at >= $10)
                  AND ($11::timestamptz IS NULL OR runs.created_at < $11)
                  AND ($12::uuid IS NULL OR runs.wafer_id = $12)
                  AND ($13::uuid IS NULL OR runs.device_id = $13)
                  AND ($14::uuid IS NULL OR runs.calibration_id = $14 OR runs.id IN (
                       SELECT run_id FROM run_instruments f WHERE f.organization_id = $1 AND f.calibration_id = $14))
                  AND ($15::bool IS NULL OR runs.calibration_suspect = $15)"#,
            asked.status.and_then(Labelled::of) as Option<Labelled<RunStatus>>,
            optional_id(asked.instrument_id.as_deref())?,
            optional_id(asked.recipe_id.as_deref())?,
            optional_id(asked.sample_id.as_deref())?,
            asked.from.and_then(moment),
            asked.to.and_then(moment),
            optional_id(asked.wafer_id.as_deref())?,
            optional_id(asked.device_id.as_deref())?,
            optional_id(asked.calibration_id.as_deref())?,
            asked.calibration_suspect,
        )?;
        Ok(pb::ListRunsResponse { items, pagination })
    }

    /// A run as an answer about it alone tells it: with its newest results.
    pub(super) async fn tell(tx: &mut OrgTx, run_id: Uuid) -> Result<pb::Run, Error> {
        let run = Self::find(tx, run_id).await?;
        Ok(pb::Run { results: results::of_run(tx, run_id).await?, ..run.into() })
    }

    /// Queues a run on calibrated instruments; on any other the attempt is kept as a blocked run, and refused.
    pub(super) async fn create(tx: &mut OrgTx, run: &pb::Run, grounds: Result<Grounds, Error>) -> Result<pb::Run, Error> {
        if run.recipe_id.is_none() && rules::needs_recipe(tx.caller().role) {
            return Err(Error::Denied {
                reason: Reason::RecipeRequired,
                lacking: ("required_field", "recipe_id".to_owned()),
                message: "a technician runs approved recipes only; name one".to_owned(),
            });
        }
        let grounds = grounds?;
        let tools = Tools::of(run)?.hold(tx).await?;
        let instruments: Vec<_> = tools.all().map(Held::id).collect();
        let recipe_id = grounds.recipe.as_ref().map(|recipe| recipe.id);
        let watched = Watched {
            instruments: &instruments,
            method: &run.method,
            recipe_id,
            sample_id: grounds.measured.sample,
            material_id: grounds.measured.material,
        };
        let unheld = watched.unheld(tx).await?;
        let verdict = tools.calibrated();
        let run_id = Self::insert(tx, &unheld, &tools, &verdict, run, &grounds).await?;
        if let Err(fault) = verdict {
            return Err(fault.refusal(run_id).kept().into());
        }
        let procedure = grounds.recipe.as_ref().and_then(|recipe| recipe.procedure.as_ref());
        let warnings = tools.all().filter_map(|held| rules::unready_warning(held.name(), held.status()));
        let warnings = warnings.chain(procedure.and_then(rules::unlearnt_warning)).collect();
        Ok(pb::Run { warnings, ..Self::tell(tx, run_id).await? })
    }

    /// Writes a new run: queued under the certificates that are proved to be in force, or else blocked.
    async fn insert(
        tx: &mut OrgTx,
        _: &Unheld,
        tools: &Tools,
        verdict: &Result<Proved<'_>, Fault<'_>>,
        run: &pb::Run,
        grounds: &Grounds,
    ) -> Result<Uuid, Error> {
        let (status, certificate, blocked_reason) = match verdict {
            Ok(proved) => (RunStatus::Queued, Some(proved.first.certificate()), None),
            Err(fault) => (RunStatus::Blocked, None, Some(fault.reason().label())),
        };
        let (recipe, measured) = (grounds.recipe.as_ref(), &grounds.measured);
        let run_id = sqlx::query_scalar!(
            "INSERT INTO runs (organization_id, id, instrument_id, method, params, recipe_id, recipe_version, recipe_params_hash, sample_id,
                               status, created_by, calibration_id, calibration_hash, blocked_reason, material_id, wafer_id, device_id,
                               log_uri)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) RETURNING id",
            tx.org(),
            new_id(),
            tools.first().id(),
            run.method,
            Object::of(run.params.as_ref()),
            recipe.map(|recipe| recipe.id),
            recipe.map(|recipe| &*recipe.version),
            recipe.map(|recipe| &*recipe.params_hash),
            measured.sample,
            Labelled(status),
            tx.caller().user,
            certificate.map(|certificate| certificate.id),
            certificate.map(|certificate| &*certificate.content_hash),
            blocked_reason,
            measured.material,
            measured.wafer,
            measured.device,
            run.log_uri,
        )
        .fetch_one(tx.conn())
        .await?;
        tools.join(tx, run_id, verdict.as_ref().ok()).await?;
        Ok(run_id)
    }
}
