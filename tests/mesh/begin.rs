//! A call that is cancelled while its transaction opens takes nobody else's writes with it.

use std::time::{Duration, Instant};

use spectra_mesh::Channel;
use spectra_proto::lims::{CreateSampleRequest, ListSamplesRequest, Sample, sample_service_client::SampleServiceClient};
use spectra_tests::{DEMO, Mesh, TEST, empty_database};
use sqlx::{Connection, PgConnection, postgres::PgPoolOptions};
use tokio::task::JoinSet;
use tonic::{Code, Request, Status};
use uuid::Uuid;

/// How many at once cancel one call and finish the next, and how often each.
const CALLERS: u32 = 8;
const CALLS: u32 = 60;

/// Why the mesh opens its transactions in tasks of their own. When this fails, sqlx was mended and
/// they can open where they are needed. It rests on chance, which is given a second one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_alone_loses_acknowledged_writes() {
    assert!(lost_by_a_pool().await > 0 || lost_by_a_pool().await > 0, "sqlx forgets no transaction any more");
}

/// How many acknowledged writes a pool alone loses, of callers who cancel every other call.
async fn lost_by_a_pool() -> i64 {
    let admin = empty_database().await;
    let pool = PgPoolOptions::new().max_connections(CALLERS / 2).test_before_acquire(false).connect_with(admin.clone()).await.unwrap();
    sqlx::query("CREATE TABLE written (n int PRIMARY KEY)").execute(&pool).await.unwrap();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let pool = pool.clone();
        callers.spawn(async move {
            for n in caller * CALLS..(caller + 1) * CALLS {
                #[expect(clippy::disallowed_methods, reason = "this is what it does")]
                drop(cut(pool.begin(), spread(n, Duration::from_millis(1))).await);
                sqlx::query("INSERT INTO written VALUES ($1)").bind(n.cast_signed()).execute(&pool).await.unwrap();
            }
        });
    }
    callers.join_all().await;
    pool.close().await;
    let mut conn = PgConnection::connect_with(&admin).await.unwrap();
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM written").fetch_one(&mut conn).await.unwrap();
    let lost = i64::from(CALLERS * CALLS) - written;
    println!("a pool alone: {lost} of {} acknowledged writes lost", CALLERS * CALLS);
    lost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mesh_loses_none() {
    let mesh = Mesh::start().await;
    let people = [person(&mesh, DEMO).await, person(&mesh, TEST).await];
    people[0].list().await.unwrap();
    let begun = Instant::now();
    for _ in 0..20 {
        people[0].list().await.unwrap();
    }
    // Other callers slow a call down: calls are cut from their beginning to beyond their end.
    let usual = begun.elapsed() / 20 * CALLERS / 4;

    let mut callers = JoinSet::new();
    for (caller, person) in (0..CALLERS).zip(people.into_iter().cycle()) {
        callers.spawn(async move {
            let (mut kept, mut cancelled) = (Vec::new(), 0);
            for n in caller * CALLS..(caller + 1) * CALLS {
                let after = spread(n, usual);
                // Mostly reads: a write runs to its end whoever hangs up.
                let whole =
                    if n % 4 == 0 { cut(person.create("cut"), after).await.is_some() } else { cut(person.list(), after).await.is_some() };
                cancelled += u32::from(!whole);
                kept.push(person.keep().await);
            }
            (kept, cancelled)
        });
    }
    let (kept, cancelled): (Vec<_>, Vec<u32>) = callers.join_all().await.into_iter().unzip();
    let (kept, cancelled) = (kept.concat(), cancelled.iter().sum::<u32>());

    let mut conn = mesh.sql().await;
    let found: i64 =
        sqlx::query_scalar("SELECT count(*) FROM lims.samples WHERE id = ANY ($1)").bind(&kept).fetch_one(&mut conn).await.unwrap();
    let (written, strangers): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE s.lot_code = 'cut'), count(*) FILTER (WHERE s.name <> o.slug OR u.id IS NULL)
           FROM lims.samples s
           JOIN identity.organizations o ON o.id = s.organization_id
           LEFT JOIN lims.audit_events e ON e.organization_id = s.organization_id AND e.record_id = s.id
           LEFT JOIN identity.users u ON u.organization_id = s.organization_id AND u.id = e.actor_id",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    let acknowledged = i64::try_from(kept.len()).unwrap();
    println!(
        "the mesh: {} of {acknowledged} acknowledged writes lost; {cancelled} calls cancelled, {written} written",
        acknowledged - found
    );
    assert_eq!(found, acknowledged, "what was acknowledged is there");
    assert_eq!(strangers, 0, "every sample and its trail is of one organization");
    assert!(cancelled > CALLERS * CALLS / 10, "too few calls were cancelled to tell anything");
    assert_eq!(open(&mut conn).await, 0, "no connection stays in a transaction");
}

/// Someone who calls the sample service itself.
#[derive(Clone)]
struct Person {
    channel: Channel,
    organization: &'static str,
    token: String,
}

async fn person(mesh: &Mesh, organization: &'static str) -> Person {
    Person { channel: mesh.channel("spectra.lims.v1"), organization, token: mesh.token("engineer", organization).await }
}

impl Person {
    /// Registers a sample that bears the name of the organization.
    async fn create(&self, lot: &str) -> Result<Uuid, Status> {
        let sample = Sample { name: self.organization.to_owned(), lot_code: Some(lot.to_owned()), ..Sample::default() };
        let made = self.client().create_sample(self.signed(CreateSampleRequest { sample: Some(sample) })).await?;
        Ok(made.get_ref().id.parse().expect("an id"))
    }

    /// Registers a sample for certain, asking again when the service is busy.
    async fn keep(&self) -> Uuid {
        loop {
            match self.create("kept").await {
                Err(busy) if busy.code() == Code::Unavailable => {}
                answer => return answer.unwrap(),
            }
        }
    }

    /// Reads, in a transaction that must not become a writer's.
    async fn list(&self) -> Result<(), Status> {
        let asked = ListSamplesRequest { limit: Some(1), ..ListSamplesRequest::default() };
        self.client().list_samples(self.signed(asked)).await.map(|_| ())
    }

    fn client(&self) -> SampleServiceClient<Channel> {
        SampleServiceClient::new(self.channel.clone())
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        request
    }
}

/// Works for so long at most, then lets the work go.
async fn cut<T>(work: impl Future<Output = T>, after: Duration) -> Option<T> {
    let end = Instant::now() + after;
    // The runtime's timer counts in milliseconds, and a transaction opens in less.
    let over = async {
        while Instant::now() < end {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = over => None,
    }
}

/// The nth of moments that are spread over a span.
fn spread(n: u32, span: Duration) -> Duration {
    span * (n * 7 % 50) / 50
}

/// How many connections are in a transaction that nobody works in; what was just let go has a second to end.
async fn open(conn: &mut PgConnection) -> i64 {
    let mut open = 0;
    for _ in 0..20 {
        open = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
        )
        .fetch_one(&mut *conn)
        .await
        .unwrap();
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    open
}
