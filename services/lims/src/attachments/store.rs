//! The statements over attachments, and over uploads that have not become one.

use spectra_mesh::{Error, Labelled, OrgTx, Page, UpkeepTx, id, optional_id, page};
use spectra_proto::lims as pb;
use uuid::Uuid;

use super::{Attachment, entity::Entity};

/// What is known of a file once all of it is there.
pub(super) struct Whole {
    pub(super) id: Uuid,
    pub(super) filename: String,
    pub(super) content_type: String,
    pub(super) size_bytes: i64,
    pub(super) sha256: String,
    pub(super) uri: String,
}

impl Attachment {
    /// The attachment of this id.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM attachments WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?,)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("attachment"))
    }

    /// A page of the attachments that match the filters.
    pub(super) async fn page(
        tx: &mut OrgTx,
        asked: &pb::ListAttachmentsRequest,
        page: &Page,
    ) -> Result<pb::ListAttachmentsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM attachments
              WHERE organization_id = $1
                AND ($6::entity_type IS NULL OR entity_type = $6)
                AND ($7::uuid IS NULL OR entity_id = $7)
                AND ($8::text IS NULL OR sha256 = $8)",
            asked.entity_type.and_then(Labelled::<pb::EntityType>::of) as _,
            optional_id(asked.entity_id.as_deref())?,
            asked.sha256,
        )?;
        Ok(pb::ListAttachmentsResponse { items, pagination })
    }

    /// Whether files belong to a record.
    pub(super) async fn any(tx: &mut OrgTx, entity: Entity) -> Result<bool, Error> {
        let any = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM attachments WHERE organization_id = $1 AND entity_type = $2 AND entity_id = $3) AS "any!""#,
            tx.org(),
            Labelled(entity.kind) as _,
            entity.id,
        );
        Ok(any.fetch_one(tx.conn()).await?)
    }

    /// Ends an upload in an attachment to a record that there is.
    pub(super) async fn keep(tx: &mut OrgTx, entity: &Entity, file: Whole) -> Result<Self, Error> {
        let entry = entity.hold(tx).await?;
        let uploads =
            sqlx::query!("DELETE FROM attachment_uploads WHERE organization_id = $1 AND id = $2 AND NOT given_up", tx.org(), file.id,);
        if uploads.execute(tx.conn()).await?.rows_affected() == 0 {
            return Err(Error::Unavailable("the upload was taken for dead and cleared away; send the file again"));
        }
        let kept = sqlx::query_as!(
            Self,
            "INSERT INTO attachments (organization_id, id, entity_type, entity_id, filename, content_type, size_bytes, sha256, uri, uploaded_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *",
            tx.org(),
            file.id,
            Labelled(entity.kind) as _,
            entity.id,
            file.filename,
            file.content_type,
            file.size_bytes,
            file.sha256,
            file.uri,
            tx.caller().user,
        )
        .fetch_one(tx.conn())
        .await?;
        if let Some(entry) = entry {
            entry.take_in(tx).await?;
        }
        Ok(kept)
    }
}

/// Writes down that there may be a file of this id from now on.
pub(super) async fn begin(tx: &mut OrgTx, id: Uuid) -> Result<(), Error> {
    sqlx::query!("INSERT INTO attachment_uploads (organization_id, id) VALUES ($1, $2)", tx.org(), id).execute(tx.conn()).await?;
    Ok(())
}

/// Says that an upload lives.
pub(super) async fn renew(tx: &mut OrgTx, id: Uuid) -> Result<(), Error> {
    let renewed = sqlx::query!("UPDATE attachment_uploads SET alive_at = now() WHERE organization_id = $1 AND id = $2", tx.org(), id);
    renewed.execute(tx.conn()).await?;
    Ok(())
}

/// Gives an upload up. Whether its file is nobody's: an attachment may have come of it although nobody heard of that.
pub(super) async fn give_up(tx: &mut OrgTx, id: Uuid) -> Result<bool, Error> {
    let given_up = sqlx::query!("UPDATE attachment_uploads SET given_up = true WHERE organization_id = $1 AND id = $2", tx.org(), id);
    given_up.execute(tx.conn()).await?;
    let kept = sqlx::query_scalar!("SELECT id FROM attachments WHERE organization_id = $1 AND id = $2", tx.org(), id);
    Ok(kept.fetch_optional(tx.conn()).await?.is_none())
}

/// Forgets an upload whose file is gone.
pub(super) async fn forget(tx: &mut OrgTx, id: Uuid) -> Result<(), Error> {
    sqlx::query!("DELETE FROM attachment_uploads WHERE organization_id = $1 AND id = $2", tx.org(), id).execute(tx.conn()).await?;
    Ok(())
}

/// An upload that is to be cleared away.
pub(super) struct Dead {
    pub(super) organization_id: Uuid,
    pub(super) id: Uuid,
}

/// Gives up the uploads that fell silent; these, and others that were given up. All organizations' alike, and the oldest first: what was
/// taken is as new again, so that what cannot be cleared away now lets the others go before it.
pub(super) async fn dead(tx: &mut UpkeepTx) -> Result<Vec<Dead>, Error> {
    let dead = sqlx::query_as!(
        Dead,
        "WITH dead AS (
             SELECT organization_id, id FROM attachment_uploads WHERE given_up OR alive_at < now() - interval '30 seconds'
              ORDER BY alive_at LIMIT 100 FOR UPDATE SKIP LOCKED)
         UPDATE attachment_uploads u SET given_up = true, alive_at = now() FROM dead
          WHERE u.organization_id = dead.organization_id AND u.id = dead.id
         RETURNING u.organization_id, u.id"
    );
    Ok(dead.fetch_all(tx.conn()).await?)
}

/// Forgets an upload whose file was cleared away.
pub(super) async fn bury(tx: &mut UpkeepTx, dead: &Dead) -> Result<(), Error> {
    let buried = sqlx::query!("DELETE FROM attachment_uploads WHERE organization_id = $1 AND id = $2", dead.organization_id, dead.id);
    buried.execute(tx.conn()).await?;
    Ok(())
}
