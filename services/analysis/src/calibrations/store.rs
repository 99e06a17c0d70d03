//! The statements over certificates.

use spectra_mesh::{Error, OrgTx, Page, Refusal, id, moment, new_id, optional_id, page, stamp};
use spectra_proto::{analysis as pb, analysis::CalibrationState, types::Reason};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Calibration,
    content::Content,
    hold,
    rules::{Certificate, Standing, Term},
};
use crate::{ml_models, spc_points};

impl Calibration {
    /// The certificate asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT *, clock_timestamp() AS "read_at!" FROM calibrations WHERE organization_id = $1 AND id = $2"#,
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("calibration"))
    }

    /// A page of the certificates that match the filters.
    pub(super) async fn page(
        tx: &mut OrgTx,
        asked: &pb::ListCalibrationsRequest,
        page: &Page,
    ) -> Result<pb::ListCalibrationsResponse, Error> {
        let instrument_id = optional_id(asked.instrument_id.as_deref())?;
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT *, clock_timestamp() AS "read_at!" FROM calibrations
                WHERE organization_id = $1 AND ($6::uuid IS NULL OR instrument_id = $6)"#,
            instrument_id,
        )?;
        Ok(pb::ListCalibrationsResponse { items, pagination })
    }

    /// Records a certificate, which decides about its instrument from then on if it is the newest.
    ///
    /// `paper` is what LIMS said of the attachment that it names.
    pub(super) async fn create(tx: &mut OrgTx, calibration: pb::Calibration, paper: Result<(), Error>) -> Result<Self, Error> {
        let content = Content::of(calibration)?;
        paper?;
        let hash = content.hash()?;
        hold::alone(tx, content.instrument_id).await?;
        Ok(sqlx::query_as!(
            Self,
            r#"INSERT INTO calibrations
                   (organization_id, id, instrument_id, certificate_id, issued_at, expires_at, provider, results, standards_used, uncertainty, content_hash,
                    attachment_id, file_uri)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *, clock_timestamp() AS "read_at!""#,
            tx.org(),
            new_id(),
            content.instrument_id,
            content.certificate_id,
            content.issued_at,
            content.expires_at,
            content.provider,
            content.results,
            content.standards_used,
            content.uncertainty,
            hash,
            content.attachment_id,
            content.file_uri,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Revokes a certificate from now on, once, and recalls what was measured in reliance on it.
    pub(super) async fn revoke(tx: &mut OrgTx, asked: &pb::RevokeCalibrationRequest) -> Result<Self, Error> {
        let instrument_id = Self::find(tx, &asked.id).await?.instrument_id;
        hold::alone(tx, instrument_id).await?;
        // Read again: another may have revoked it during the wait.
        let current = Self::find(tx, &asked.id).await?;
        tx.expect("calibration", current.revision)?;
        if current.revoked_at.is_some() {
            let message = format!("the certificate {} is revoked already; its first reason stands", current.certificate_id);
            return Err(Refusal::new(Reason::AlreadyRevoked, message).about("certificate_id", current.certificate_id).into());
        }
        // The clock's time, not the transaction's: whatever was queued before the lock was granted was queued before this.
        let revoked = sqlx::query_as!(
            Self,
            r#"UPDATE calibrations SET revoked_at = clock_timestamp(), revoked_reason = $3
                WHERE organization_id = $1 AND id = $2 RETURNING *, clock_timestamp() AS "read_at!""#,
            tx.org(),
            current.id,
            asked.reason,
        )
        .fetch_one(tx.conn())
        .await?;
        let run_ids = revoked.recall(tx).await?;
        // What is plotted and what was learnt bears a mark of its own, which charts and stages look for.
        spc_points::suspect(tx, &run_ids).await?;
        ml_models::suspect(tx, &run_ids).await?;
        Ok(revoked)
    }
}

/// Where an instrument stands at the time asked for, or now.
pub(super) async fn status(tx: &mut OrgTx, asked: &pb::GetCalibrationStatusRequest) -> Result<pb::CalibrationStatus, Error> {
    let instrument_id = id(&asked.instrument_id)?;
    let at = sqlx::query_scalar!(
        r#"SELECT coalesce($3, clock_timestamp()) AS "at!" FROM instruments WHERE organization_id = $1 AND id = $2"#,
        tx.org(),
        instrument_id,
        asked.at.and_then(moment),
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or_else(|| Error::not_found("instrument"))?;
    let certificates = certificates(tx, instrument_id, at).await?;
    let standing = Standing::of(&certificates, at);
    Ok(pb::CalibrationStatus {
        instrument_id: instrument_id.to_string(),
        valid: standing.state() == CalibrationState::Valid,
        status: standing.state().into(),
        latest_calibration: standing.certificate().map(Into::into),
        at: Some(stamp(at)),
    })
}

/// The certificates of an instrument that can decide at a time: none that is older than one that was issued by then
/// and never revoked.
pub(super) async fn certificates(tx: &mut OrgTx, instrument_id: Uuid, at: OffsetDateTime) -> Result<Vec<Certificate>, Error> {
    let rows = sqlx::query!(
        "SELECT id, certificate_id, content_hash, issued_at, expires_at, revoked_at FROM calibrations
          WHERE organization_id = $1 AND instrument_id = $2
            AND issued_at >= coalesce(
                (SELECT max(issued_at) FROM calibrations
                  WHERE organization_id = $1 AND instrument_id = $2 AND issued_at <= $3 AND revoked_at IS NULL), '-infinity')",
        tx.org(),
        instrument_id,
        at,
    )
    .fetch_all(tx.conn())
    .await?;
    let certificates = rows.into_iter().map(|row| Certificate {
        id: row.id,
        number: row.certificate_id,
        content_hash: row.content_hash,
        term: Term { issued: row.issued_at, expires: row.expires_at, revoked: row.revoked_at },
    });
    Ok(certificates.collect())
}
