//! One request, one transaction: the second door.

use prost::{Message, Name};
use tonic::{Request, Response, Status};

use crate::{
    Db, Error, OrgTx, Page, Permit,
    replay::{recall, remember},
    validate::RULES,
};

/// What every handler answers with.
pub type Reply<T> = Result<Response<T>, Status>;

impl Db {
    /// Answers `request` from what the caller's organization can see.
    pub async fn read<Q, T, M>(&self, request: Request<Q>, work: impl AsyncFnOnce(&mut OrgTx, Q) -> Result<T, Error>) -> Reply<M>
    where
        Q: Message + Name,
        T: Into<M>,
    {
        let (permit, asked, _) = admit(request)?;
        let mut tx = self.reading(&permit).await?;
        // Never committed: the rollback is sent when the answer is already on its way.
        Ok(Response::new(work(&mut tx, asked).await?.into()))
    }

    /// Answers `request` with a page of what the caller's organization can see.
    pub async fn list<Q, T, M>(&self, request: Request<Q>, work: impl AsyncFnOnce(&mut OrgTx, Q, Page) -> Result<T, Error>) -> Reply<M>
    where
        Q: Message + Name,
        T: Into<M>,
    {
        let (permit, asked, wire) = admit(request)?;
        let page = Page::of(&wire, &permit)?;
        let mut tx = self.listing(&permit).await?;
        Ok(Response::new(work(&mut tx, asked, page).await?.into()))
    }

    /// Does `work` in the caller's organization, once for each idempotency key.
    ///
    /// A refusal is rolled back and forgotten, unless it is [kept](crate::Refusal::kept): then what
    /// `work` wrote stays, and the key replays the refusal.
    pub async fn write<Q, T, M>(&self, request: Request<Q>, work: impl AsyncFnOnce(&mut OrgTx, Q) -> Result<T, Error>) -> Reply<M>
    where
        Q: Message + Name,
        T: Into<M>,
        M: Message + Default,
    {
        let (permit, asked, wire) = admit(request)?;
        self.once(&permit, asked, &wire, work).await
    }

    /// Does `work` for what was `asked` and checked; `wire` is what its key was used for.
    pub(crate) async fn once<Q, T, M>(
        &self,
        permit: &Permit,
        asked: Q,
        wire: &[u8],
        work: impl AsyncFnOnce(&mut OrgTx, Q) -> Result<T, Error>,
    ) -> Reply<M>
    where
        T: Into<M>,
        M: Message + Default,
    {
        let mut tx = self.writing(permit).await?;
        if let Some(answer) = recall(&mut tx, permit, wire).await? {
            return Ok(Response::new(answer));
        }
        match work(&mut tx, asked).await {
            Ok(done) => {
                let done: M = done.into();
                remember(&mut tx, permit, Ok(&done.encode_to_vec())).await?;
                tx.commit().await?;
                Ok(Response::new(done))
            }
            Err(error) if error.is_kept() => {
                let refusal = Status::from(error);
                remember(&mut tx, permit, Err(&refusal)).await?;
                tx.commit().await?;
                Err(refusal)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What the gate said of a request.
pub fn permit<Q>(request: &Request<Q>) -> Result<Permit, Status> {
    let permit = request.extensions().get::<Permit>().cloned();
    permit.ok_or_else(|| Error::broken("a call came past the gate").into())
}

/// Takes a request apart and checks its fields; its bytes serve the rules, the key and the page.
pub(crate) fn admit<Q: Message + Name>(request: Request<Q>) -> Result<(Permit, Q, Vec<u8>), Status> {
    let permit = permit(&request)?;
    let asked = request.into_inner();
    let wire = asked.encode_to_vec();
    check::<Q>(&wire)?;
    Ok((permit, asked, wire))
}

/// Checks the fields of a request that has no permit: sign-in and its like.
pub fn checked<Q: Message + Name>(request: Request<Q>) -> Result<Q, Status> {
    let asked = request.into_inner();
    check::<Q>(&asked.encode_to_vec())?;
    Ok(asked)
}

pub(crate) fn check<Q: Name>(wire: &[u8]) -> Result<(), Error> {
    match RULES.check(&Q::full_name(), wire) {
        violations if violations.is_empty() => Ok(()),
        violations => Err(Error::Invalid(violations)),
    }
}
