//! Another service of the mesh. The one place that names tonic's channel.

use std::time::Duration;

use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};

use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    Error, Permit,
    serve::{KEEPALIVE, KEEPALIVE_TIMEOUT},
};

/// A connection to a service, made when it is first needed and again when it is lost.
#[derive(Clone, Debug)]
pub struct Peer {
    name: &'static str,
    channel: Channel,
}

impl Peer {
    /// The service `name` at `url`.
    pub fn at(name: &'static str, url: &str) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(url.to_owned()).map_err(Error::broken)?;
        let channel = endpoint
            .connect_timeout(Duration::from_secs(1))
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true)
            .connect_lazy();
        Ok(Self { name, channel })
    }

    /// The channel for a generated client.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The name of the service, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the service says that it is well, within a second.
    pub async fn well(&self) -> bool {
        let mut health = HealthClient::new(self.channel());
        let asked = health.check(HealthCheckRequest::default());
        let answer = tokio::time::timeout(Duration::from_secs(1), asked).await;
        matches!(answer, Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving)
    }

    /// A request in the name of whoever made the call that `permit` is for: the same token, request
    /// id and trace, and half of the time that is left; the other half is for what the answer is needed for.
    pub fn ask<T>(permit: &Permit, message: T) -> Request<T> {
        let mut request = Request::new(message);
        permit.pass_on(request.metadata_mut());
        request.set_timeout(permit.remaining() / 2);
        request
    }

    /// What a peer's refusal means to our own caller. `missing` is what the call asked for.
    #[must_use]
    pub fn explain(&self, status: Status, missing: &'static str) -> Error {
        match status.code() {
            Code::NotFound => Error::not_found(missing),
            // Said of the caller, and as true here as there.
            Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument => Error::Peer(Box::new(status)),
            Code::DeadlineExceeded | Code::Cancelled => Error::Deadline,
            Code::Unavailable | Code::ResourceExhausted | Code::Aborted => {
                tracing::warn!(peer = self.name, %status, "a peer does not answer");
                Error::Unavailable("another service of the mesh does not answer; try again in a moment")
            }
            _ => Error::broken(format!("{} answered {status}", self.name)),
        }
    }
}
