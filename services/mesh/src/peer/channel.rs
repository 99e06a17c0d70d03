//! What generated clients call through.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::{Status, body::Body};
use tower::Service;

use super::{
    address::{Address, Failure},
    balance::Balance,
};
use crate::Error;

/// Takes calls to a service, at whichever of its addresses answers.
#[derive(Clone, Debug)]
pub struct Channel(pub(super) Arc<Balance>);

/// A service does not answer: no connection could be made, or the one that the call was on broke.
#[derive(Debug, thiserror::Error)]
#[error("the service does not answer")]
pub struct Unanswered(#[source] Status);

/// What comes of a call.
type Answer = Result<Response<Body>, Unanswered>;

impl Unanswered {
    /// What clients make a status of when they look for the cause.
    pub(super) fn new() -> Self {
        Self(Error::Unavailable("the service does not answer; try again in a moment").into())
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    /// Always: what there is no room for is refused, not made to wait.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unanswered>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let balance = Arc::clone(&self.0);
        Box::pin(async move { balance.call(request).await })
    }
}

/// Takes calls to one address, which they tell nothing of.
#[derive(Clone)]
pub(super) struct Direct(pub(super) Arc<Address>);

impl Service<Request<Body>> for Direct {
    type Response = Response<Body>;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unanswered>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let address = Arc::clone(&self.0);
        Box::pin(async move { address.send(request).await.map_err(|_: Failure| Unanswered::new()) })
    }
}
