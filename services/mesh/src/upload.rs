//! What a caller sends piece by piece: it takes longer than a call is given, and several transactions.

use prost::{Message, Name};
use tonic::{Request, Status, Streaming};

use crate::{
    Db, Error, OrgTx, Permit, Reply,
    gate::Standing,
    replay::is_answered,
    rpc::{check, permit},
};

/// What is done for a caller while they send, and when all is there.
#[derive(Clone, Debug)]
pub struct Upload {
    db: Db,
    permit: Permit,
    standing: Standing,
}

impl Db {
    /// Begins to take what a caller sends piece by piece.
    pub fn upload<Q>(&self, request: Request<Streaming<Q>>) -> Result<(Upload, Streaming<Q>), Status> {
        let permit = permit(&request)?;
        let standing = request.extensions().get::<Standing>().cloned();
        let standing = standing.ok_or_else(|| Error::broken("a stream came past the gate"))?;
        Ok((Upload { db: self.clone(), permit, standing }, request.into_inner()))
    }
}

impl Upload {
    /// In whose name, with as much time as a call has at most.
    #[must_use]
    pub fn permit(&self) -> Permit {
        self.permit.renewed()
    }

    /// Checks the fields of what was said so far; gives it as it is on the wire.
    pub fn check<Q: Message + Name>(&self, said: &Q) -> Result<Vec<u8>, Error> {
        let wire = said.encode_to_vec();
        check::<Q>(&wire)?;
        Ok(wire)
    }

    /// Whether a call with the same idempotency key was answered, so that its pieces are not stored again.
    pub async fn is_answered(&self, tx: &mut OrgTx) -> Result<bool, Error> {
        is_answered(tx, &self.permit).await
    }

    /// Does `work` that stays done, whatever becomes of the upload and of its caller: what was begun for those who lost their standing is
    /// cleared away too.
    pub async fn step<T>(&self, work: impl AsyncFnOnce(&mut OrgTx) -> Result<T, Error>) -> Result<T, Error> {
        let mut tx = self.db.writing(&self.permit()).await?;
        let done = work(&mut tx).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Does the last `work`, as [`Db::write`] does: once for each idempotency key. What was `said` is all that the caller
    /// sent, with something that stands for its pieces. Refused when the caller was believed as it began, and is not any more.
    pub async fn end<Q, T, M>(&self, said: Q, work: impl AsyncFnOnce(&mut OrgTx, Q) -> Result<T, Error>) -> Reply<M>
    where
        Q: Message + Name,
        T: Into<M>,
        M: Message + Default,
    {
        self.standing.check()?;
        let wire = said.encode_to_vec();
        check::<Q>(&wire)?;
        self.db.once(&self.permit(), said, &wire, work).await
    }
}
