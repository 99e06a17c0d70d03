//! How a service listens, says that it is well, and stops.

use std::{sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::server::{Server, TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{Db, Error, authority::Authority, compressed, gate::Gate};

/// How long calls may go on after the stop.
pub const GRACE: Duration = Duration::from_secs(20);
/// How long the database's connections may take to close.
const CLOSING: Duration = Duration::from_secs(3);
/// Calls at once on one connection of a client.
pub const STREAMS: u32 = 200;
/// Calls at once on one connection to a service, which carries those of many clients.
pub const CALLS: u32 = 1_000;
/// How much of a stream between services may be on its way unread, in bytes.
pub const STREAM_WINDOW: u32 = 256 << 10;
/// How much of all streams of a connection: what each may have, so that one that nobody reads stands in no other's way.
pub const WINDOW: u32 = STREAM_WINDOW * CALLS;
/// How large the headers of a call may be.
pub const HEADERS: u32 = 16 * 1024;
/// How often an HTTP/2 connection is asked whether it lives.
pub const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long it has to answer.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a service asks itself whether it is well.
const PULSE: Duration = Duration::from_secs(1);

/// What a service needs besides its subject.
pub struct Service {
    /// Its name, for people and logs.
    pub name: &'static str,
    /// The full names of the gRPC services it offers.
    pub offers: &'static [&'static str],
    /// Its handlers.
    pub routes: Routes,
    /// Its database, which it is well with.
    pub db: Db,
    /// Who may call.
    pub authority: Arc<Authority>,
}

impl Service {
    /// Serves until `stop`, then lets the calls in flight end, for twenty seconds at most.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> Result<(), Error> {
        let faults = spectra_proto::policy::faults();
        if !faults.is_empty() {
            return Err(Error::broken(format!("the contract has methods without a whole policy: {}", faults.join(", "))));
        }
        let (reporter, health) = tonic_health::server::health_reporter();
        let pulse = tokio::spawn(report(reporter, self.offers, self.db.clone(), Arc::clone(&self.authority), stop.clone()));
        let reflection = || reflection(spectra_proto::BARE, self.offers.iter().copied());
        let serving = Server::builder()
            .layer(Gate::new(self.authority))
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .http2_max_header_list_size(HEADERS)
            .max_concurrent_streams(CALLS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .add_routes(self.routes)
            .add_service(compressed!(health))
            .add_service(compressed!(reflection().build_v1().map_err(Error::broken)?))
            .add_service(compressed!(reflection().build_v1alpha().map_err(Error::broken)?))
            .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stop.clone().cancelled_owned());
        let cut = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = serving => served.map_err(Error::broken)?,
            () = cut => tracing::warn!(service = self.name, "calls were still running after the grace and were cut"),
        }
        pulse.abort();
        // A call that was cut may still hold its connection.
        _ = tokio::time::timeout(CLOSING, self.db.close()).await;
        Ok(())
    }
}

/// What tells of the services of these names, and of health, from their `encoded` descriptors.
pub fn reflection<'d>(encoded: &'d [u8], names: impl Iterator<Item = &'d str>) -> tonic_reflection::server::Builder<'d> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(encoded)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    names.chain(["grpc.health.v1.Health"]).fold(builder, tonic_reflection::server::Builder::with_service_name)
}

/// Keeps the health of each offered service, and of the whole, as the database and the keys are.
async fn report(reporter: HealthReporter, offers: &'static [&'static str], db: Db, authority: Arc<Authority>, stop: CancellationToken) {
    let mut told = None;
    loop {
        let well = !stop.is_cancelled() && authority.ready() && db.ready().await;
        if told != Some(well) {
            told = Some(well);
            let status = if well { ServingStatus::Serving } else { ServingStatus::NotServing };
            for name in offers.iter().chain(&[""]) {
                reporter.set_service_status(*name, status).await;
            }
        }
        let pause = if well { PULSE } else { PULSE / 20 };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled(), if well => {}
        }
    }
}

/// Lets a generated server speak gzip and zstd, in and out. Each is a type of its own without a
/// trait in common, so this cannot be a function.
#[macro_export]
macro_rules! compressed {
    ($server:expr) => {{
        use ::tonic::codec::CompressionEncoding::{Gzip, Zstd};
        $server.accept_compressed(Gzip).accept_compressed(Zstd).send_compressed(Gzip).send_compressed(Zstd)
    }};
}
