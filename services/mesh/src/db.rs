//! The database, reachable only in the name of an organization.
//!
//! The pools are private. [`OrgTx`] comes from a [`Permit`], which the gate alone makes; [`SystemTx`]
//! is identity's, over the sign-in directory, and connects as another role.

#![expect(clippy::disallowed_types, reason = "the pools live here, and nowhere else; settings are put together of ids and names alone")]

use std::{sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::{Caller, Error, Permit, Shares, deadline};

/// How long a statement may wait for another transaction's lock.
const LOCK_TIMEOUT: &str = "2s";
/// How long a call may wait for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many connections a service keeps.
#[derive(Clone, Copy, Debug)]
pub struct Pools {
    /// At most.
    pub max: u32,
    /// At least, opened ahead.
    pub min: u32,
}

/// A service's database, seen as its application role.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    /// The connections that each organization may hold at once: half of them, so that whoever waits for its own locks
    /// leaves the others room.
    shares: Arc<Shares<Uuid>>,
}

impl Db {
    /// Opens the pool. Refuses a role that could see past row security, or cannot be reached.
    pub async fn connect(options: PgConnectOptions, pools: Pools) -> Result<Self, Error> {
        let shares = Arc::new(Shares::of(pools.max as usize / 2));
        Ok(Self { pool: pool(options, pools).await?, shares })
    }

    /// Refuses a database that is not this service's, or is not migrated yet.
    pub async fn expect_schema(&self, schema: &str) -> Result<(), Error> {
        expect_schema(&self.pool, schema).await
    }

    /// A connection that hears what the database tells; it is the caller's own from now on.
    pub(crate) async fn listener(&self) -> Result<PgListener, sqlx::Error> {
        PgListener::connect_with(&self.pool).await
    }

    /// Opens a transaction that sees `permit`'s organization and changes nothing.
    pub(crate) async fn reading(&self, permit: &Permit) -> Result<OrgTx, Error> {
        self.looking(permit, "").await
    }

    /// The same for a list: planned for the filters it has, as a plan for any filters could not use
    /// the indexes of some.
    pub(crate) async fn listing(&self, permit: &Permit) -> Result<OrgTx, Error> {
        self.looking(permit, "SET LOCAL plan_cache_mode = force_custom_plan; ").await
    }

    async fn looking(&self, permit: &Permit, setting: &str) -> Result<OrgTx, Error> {
        let begun = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; {setting}SELECT set_config('app.org', '{}', true)",
            permit.caller().org
        );
        self.open(permit, begun).await
    }

    /// Opens a transaction that sees and changes `permit`'s organization, with the settings that
    /// the audit trail takes its who, what and why from.
    pub(crate) async fn writing(&self, permit: &Permit) -> Result<OrgTx, Error> {
        let caller = permit.caller();
        // Ids and the contract's own method names: nothing here is the caller's text.
        let begun = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; \
             SELECT set_config('app.org', '{}', true), set_config('app.actor', '{}', true), set_config('app.session', '{}', true), \
             set_config('app.request', '{}', true), set_config('app.method', '{}', true)",
            caller.org,
            caller.user,
            caller.session,
            permit.request_id(),
            permit.method(),
        );
        let mut tx = self.open(permit, begun).await?;
        tx.because(permit.reason()).await?;
        Ok(tx)
    }

    async fn open(&self, permit: &Permit, begun: String) -> Result<OrgTx, Error> {
        let share = self.shares.share(permit.caller().org).acquire_owned();
        let Ok(Ok(share)) = tokio::time::timeout(ACQUIRE_TIMEOUT, share).await else { return Err(sqlx::Error::PoolTimedOut.into()) };
        let (tx, share) = begin(&self.pool, begun, permit.remaining(), share).await?;
        Ok(OrgTx { tx, permit: permit.clone(), _share: share })
    }

    /// Opens a transaction for what nobody asked for and concerns all organizations: it sees the rows of `table` that a
    /// policy named `upkeep` shows, whosever they are, and no others.
    pub async fn upkeep(&self, table: &'static str) -> Result<UpkeepTx, Error> {
        let begun = format!("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT set_config('app.upkeep', '{table}', true)");
        let (tx, ()) = begin(&self.pool, begun, deadline::LONGEST, ()).await?;
        Ok(UpkeepTx(tx))
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> bool {
        ready(&self.pool).await
    }

    /// Closes the pool once its connections are back.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction bound to one organization: the only source of a connection for a service's work.
pub struct OrgTx {
    tx: Transaction<'static, Postgres>,
    permit: Permit,
    /// The connection counts to its organization until it is given back.
    _share: OwnedSemaphorePermit,
}

impl OrgTx {
    /// The organization, for the predicate that every statement carries besides row security.
    #[must_use]
    pub fn org(&self) -> Uuid {
        self.permit.caller().org
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.permit.caller()
    }

    /// Refuses to change a resource at `revision` when the caller meant another one (`If-Match`).
    pub fn expect(&self, kind: &'static str, revision: i32) -> Result<(), Error> {
        if self.permit.meets(revision) { Ok(()) } else { Err(Error::Stale(kind)) }
    }

    /// The connection to run a statement on.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Says why the changes of this transaction are made, for the audit trail, if there is something to say.
    pub async fn because(&mut self, reason: Option<&str>) -> Result<(), Error> {
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            sqlx::query_scalar!("SELECT set_config('app.reason', $1, true)", reason).fetch_one(self.conn()).await?;
        }
        Ok(())
    }

    /// Does `work` that the rest of the transaction does not hang on: what it wrote is undone where a rule or a field says no, and the answer is
    /// that no. Whatever else goes wrong is an error here too.
    pub async fn attempt<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> Result<T, Error>) -> Result<Result<T, Error>, Error> {
        sqlx::raw_sql("SAVEPOINT attempt").execute(self.conn()).await?;
        let done = work(self).await;
        let end = match &done {
            Ok(_) => "RELEASE SAVEPOINT attempt",
            Err(Error::Refused(_) | Error::Invalid(_)) => "ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt",
            Err(_) => return done.map(Ok),
        };
        sqlx::raw_sql(end).execute(self.conn()).await?;
        Ok(done)
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        commit(self.tx).await
    }
}

/// A transaction over one table of all organizations.
pub struct UpkeepTx(Transaction<'static, Postgres>);

impl UpkeepTx {
    /// The connection to run a statement on.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Makes the work last.
    pub async fn commit(self) -> Result<(), Error> {
        commit(self.0).await
    }
}

/// The sign-in directory, seen as the role that may look before an organization is known.
#[derive(Clone, Debug)]
pub struct SystemDb(PgPool);

impl SystemDb {
    /// Opens the pool. Refuses a role that could see past row security, or cannot be reached.
    pub async fn connect(options: PgConnectOptions, pools: Pools) -> Result<Self, Error> {
        Ok(Self(pool(options, pools).await?))
    }

    /// Refuses a database that is not identity's, or is not migrated yet.
    pub async fn expect_schema(&self, schema: &str) -> Result<(), Error> {
        expect_schema(&self.0, schema).await
    }

    /// Opens a transaction over the directory.
    pub async fn begin(&self) -> Result<SystemTx, Error> {
        let (tx, ()) = begin(&self.0, "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned(), deadline::LONGEST, ()).await?;
        Ok(SystemTx(tx))
    }

    /// Closes the pool once its connections are back.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// A transaction over the sign-in directory.
pub struct SystemTx(Transaction<'static, Postgres>);

impl SystemTx {
    /// The connection to run a statement on.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Names the person in whose name the rest is done, and by which call, for the audit trail.
    pub async fn act_as(&mut self, org: Uuid, user: Uuid, session: Uuid, request: Uuid, method: &str) -> Result<(), Error> {
        sqlx::query!(
            "SELECT set_config('app.org', $1, true) AS org, set_config('app.actor', $2, true) AS actor,
                    set_config('app.session', $3, true) AS session, set_config('app.request', $4, true) AS request,
                    set_config('app.method', $5, true) AS method",
            org.to_string(),
            user.to_string(),
            session.to_string(),
            request.to_string(),
            method,
        )
        .fetch_one(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Makes the work last.
    pub async fn commit(self) -> Result<(), Error> {
        commit(self.0).await
    }
}

async fn pool(options: PgConnectOptions, pools: Pools) -> Result<PgPool, Error> {
    let mut first = PgConnection::connect_with(&options).await?;
    refuse_power(&mut first).await?;
    // A ping before each use would double the price of a read; `begin` tries again instead.
    Ok(PgPoolOptions::new()
        .max_connections(pools.max)
        .min_connections(pools.min)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_release(|conn, _| Box::pin(async move { Ok(is_usable(conn).await) }))
        .connect_lazy_with(options))
}

async fn expect_schema(pool: &PgPool, schema: &str) -> Result<(), Error> {
    let found = sqlx::query!(
        r#"SELECT current_user::text AS "role!", coalesce(current_schema(), 'none') AS "schema!",
                  to_regclass('audit_events') IS NOT NULL AS "migrated!""#
    )
    .fetch_one(pool)
    .await?;
    if found.schema == schema && found.migrated {
        return Ok(());
    }
    let (role, seen) = (found.role, found.schema);
    Err(Error::broken(format!(
        "the database role `{role}` works in the schema {seen}; this service needs {schema}, as `spectra migrate` makes it, and its role"
    )))
}

/// Row security binds neither superusers nor roles that bypass it, and an owner could switch it off.
/// The role that signed in counts too: the connection could go back to it.
async fn refuse_power(conn: &mut PgConnection) -> Result<(), Error> {
    let mighty = sqlx::query_scalar!(
        r#"SELECT r.rolname::text AS "name!" FROM pg_roles r
            WHERE r.rolname IN (current_user, session_user)
              AND (r.rolsuper OR r.rolbypassrls OR EXISTS (
                    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE pg_has_role(r.oid, c.relowner, 'MEMBER') AND c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%'))
            ORDER BY r.rolname = current_user DESC LIMIT 1"#
    )
    .fetch_optional(conn)
    .await?;
    match mighty {
        None => Ok(()),
        Some(name) => Err(Error::broken(format!(
            "the database role `{name}` is a superuser, bypasses row security or may act as an owner of tables; a service connects as its application role"
        ))),
    }
}

/// Opens a transaction with one trip to the database: `begun` and the limits of what follows.
///
/// sqlx 0.9 forgets a transaction whose `begin` is dropped while it waits: the connection goes back
/// to the pool inside it, and the next borrower's writes are never committed. So `begin` runs in a
/// task of its own, which no cancelled call can drop. It forgets one whose script fails after its
/// BEGIN too: so the time limit comes last, when nothing is left to run out of time. `held` stays with the connection,
/// whoever is still there to take it.
async fn begin<H: Send + 'static>(
    pool: &PgPool,
    begun: String,
    work: Duration,
    held: H,
) -> Result<(Transaction<'static, Postgres>, H), Error> {
    let pool = pool.clone();
    let sql = format!(
        "{begun}; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL statement_timeout = {}",
        work.as_millis().max(1)
    );
    let opening = tokio::spawn(async move {
        let attempts = pool.options().get_max_connections();
        for _ in 0..attempts {
            match pool.begin_with(AssertSqlSafe(sql.clone())).await {
                // The connection broke while it was idle; nothing was done on it yet.
                Err(error) if is_broken(&error) => tracing::debug!(%error, "a pooled connection was broken"),
                outcome => return Ok((outcome?, held)),
            }
        }
        Ok((pool.begin_with(AssertSqlSafe(sql)).await?, held))
    });
    opening.await.map_err(Error::broken)?
}

/// Whether an error says that the connection is gone, or was told to go.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(told) => {
            told.code().is_some_and(|code| code.starts_with("08") || ["25P02", "57P01", "57P02", "57P05"].contains(&&*code))
        }
        _ => false,
    }
}

/// Whether a connection that comes back can serve again: one that is still in a failed transaction
/// cannot, and is closed. None comes back inside one that is well: a transaction that is dropped sends
/// its rollback first.
async fn is_usable(conn: &mut PgConnection) -> bool {
    sqlx::raw_sql("SELECT").execute(conn).await.is_ok()
}

async fn commit(tx: Transaction<'static, Postgres>) -> Result<(), Error> {
    tx.commit().await.map_err(|error| match error {
        sqlx::Error::Io(_) => Error::Unavailable("the database went away while it committed; ask again with the same idempotency key"),
        other => other.into(),
    })
}

async fn ready(pool: &PgPool) -> bool {
    let answer = tokio::time::timeout(ACQUIRE_TIMEOUT, sqlx::query_scalar!(r#"SELECT 1 AS "one!""#).fetch_one(pool)).await;
    matches!(answer, Ok(Ok(1)))
}
