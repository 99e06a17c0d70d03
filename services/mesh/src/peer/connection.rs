//! Connections to services.

use std::{io, net::SocketAddr, time::Duration};

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{net::TcpStream, time::timeout};
use tonic::body::Body;

use crate::serve::{KEEPALIVE, KEEPALIVE_TIMEOUT};

/// How long a connection may take to be made.
const LONGEST: Duration = Duration::from_secs(1);

/// Makes a connection, which lasts until nobody has it any more and all its calls have ended.
pub(super) async fn connect(at: SocketAddr) -> io::Result<SendRequest<Body>> {
    let stream = timeout(LONGEST, TcpStream::connect(at)).await??;
    stream.set_nodelay(true)?;
    let mut builder = Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).keep_alive_interval(KEEPALIVE).keep_alive_timeout(KEEPALIVE_TIMEOUT).keep_alive_while_idle(true);
    let (connection, driven) = timeout(LONGEST, builder.handshake(TokioIo::new(stream))).await?.map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(fault) = driven.await {
            tracing::debug!(%at, %fault, "a connection to a service broke");
        }
    });
    Ok(connection)
}
