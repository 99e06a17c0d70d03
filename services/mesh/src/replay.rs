//! Idempotency keys: the same key and message replay the first answer, in the same transaction.

use prost::{Message, bytes::Bytes};
use spectra_proto::types::Reason;
use tonic::{Code, Status};

use crate::{Error, OrgTx, Permit, Refusal, fingerprint};

/// Claims the key, waiting for a twin in flight; gives the answer if the work was done before.
#[expect(clippy::disallowed_methods, reason = "an error that was translated when it was first told")]
pub(crate) async fn recall<M: Message + Default>(tx: &mut OrgTx, permit: &Permit, asked: &[u8]) -> Result<Option<M>, Error> {
    let Some(key) = permit.idempotency_key() else { return Ok(None) };
    let asked = fingerprint(asked);
    // Keys are kept for a day; each new one takes a few old ones with it, and is new again after that.
    let claimed = sqlx::query!(
        "WITH outlived AS (
             DELETE FROM idempotency_keys WHERE ctid IN (
                 SELECT ctid FROM idempotency_keys
                  WHERE organization_id = $1 AND created_at < now() - interval '1 day' AND (caller_id, method, key) <> ($2, $3, $4)
                  LIMIT 20 FOR UPDATE SKIP LOCKED)
         )
         INSERT INTO idempotency_keys (organization_id, caller_id, method, key, digest) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (organization_id, caller_id, method, key) DO UPDATE
            SET digest = excluded.digest, code = NULL, message = NULL, reply = NULL, created_at = now()
          WHERE idempotency_keys.created_at < now() - interval '1 day'",
        tx.org(),
        permit.caller().user,
        permit.method(),
        key,
        &asked,
    )
    .execute(tx.conn())
    .await?
    .rows_affected()
        == 1;
    if claimed {
        return Ok(None);
    }
    let first = sqlx::query!(
        "SELECT digest, code, message, reply FROM idempotency_keys
          WHERE organization_id = $1 AND caller_id = $2 AND method = $3 AND key = $4",
        tx.org(),
        permit.caller().user,
        permit.method(),
        key,
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(first) = first else {
        return Err(Error::Unavailable("the first call with this idempotency key was undone; try again"));
    };
    if first.digest != asked {
        return Err(
            Refusal::new(Reason::KeyReused, "this idempotency key was used for another request; make a new key for a new request").into()
        );
    }
    let reply = first.reply.unwrap_or_default();
    match first.code {
        None => Ok(Some(M::decode(reply.as_slice()).map_err(Error::broken)?)),
        Some(code) => {
            Err(Error::Replayed(Box::new(Status::with_details(Code::from(code), first.message.unwrap_or_default(), Bytes::from(reply)))))
        }
    }
}

/// Whether the key was answered within the day that it is kept.
pub(crate) async fn is_answered(tx: &mut OrgTx, permit: &Permit) -> Result<bool, Error> {
    let Some(key) = permit.idempotency_key() else { return Ok(false) };
    let found = sqlx::query_scalar!(
        r#"SELECT code IS NOT NULL OR reply IS NOT NULL AS "is_answered!" FROM idempotency_keys
            WHERE organization_id = $1 AND caller_id = $2 AND method = $3 AND key = $4 AND created_at >= now() - interval '1 day'"#,
        tx.org(),
        permit.caller().user,
        permit.method(),
        key,
    );
    Ok(found.fetch_optional(tx.conn()).await?.unwrap_or_default())
}

/// Remembers the answer for whoever asks again with the key.
pub(crate) async fn remember(tx: &mut OrgTx, permit: &Permit, answer: Result<&[u8], &Status>) -> Result<(), Error> {
    let Some(key) = permit.idempotency_key() else { return Ok(()) };
    let (code, message, reply) = match answer {
        Ok(reply) => (None, None, reply),
        Err(status) => (Some(status.code() as i32), Some(status.message()), status.details()),
    };
    sqlx::query!(
        "UPDATE idempotency_keys SET code = $5, message = $6, reply = $7
          WHERE organization_id = $1 AND caller_id = $2 AND method = $3 AND key = $4",
        tx.org(),
        permit.caller().user,
        permit.method(),
        key,
        code,
        message,
        reply,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
