//! Which addresses a service has, looked up now and then.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::Notify;

use super::balance::Balance;
use crate::clock;

/// How often the addresses are looked up.
const OFTEN: Duration = Duration::from_secs(5);
/// How soon after something failed; not at once, so that many failures cause one lookup.
const SOON: Duration = Duration::from_millis(250);

/// Tells `balance` what `lookup` finds, until nobody needs to know. `doubt` is told when an address fails.
pub(super) async fn follow<L, F>(balance: Weak<Balance>, doubt: Arc<Notify>, lookup: L)
where
    L: Fn() -> F,
    F: Future<Output = io::Result<Vec<SocketAddr>>>,
{
    loop {
        let found = lookup().await;
        let Some(balance) = balance.upgrade() else { return };
        match found {
            Ok(found) if !found.is_empty() => balance.update(found),
            found => {
                tracing::warn!(peer = %balance.authority(), fault = ?found.err(), "no address of a service is found; those that are known stay");
                balance.keep();
            }
        }
        drop(balance);
        let sooner = async {
            doubt.notified().await;
            tokio::time::sleep(clock::jitter(SOON)).await;
        };
        _ = tokio::time::timeout(clock::jitter(OFTEN), sooner).await;
    }
}
