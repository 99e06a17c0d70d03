//! One call of a method: what of the request goes in, what of the answer comes out.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, IF_MATCH},
    request::Parts,
};
use tokio::sync::SemaphorePermit;
use tonic::Streaming;

use crate::{
    answer::{Answer, stream},
    body::{self, Incoming, Pieces},
    call::{self, Failure},
    deadline,
    download::Download,
    events::{Events, Feed},
    front::{Asked, Front},
    guard::Excess,
    media::{self, Framing},
    problem::{Answered, Problem},
    request::{self, Address},
    respond,
    routes::binding::{Binding, Body, Shown},
    transcode::Plans,
    upload::{self, Hand, file::Upload, lines::Lines},
};

/// A call in the making.
pub(crate) struct Exchange<'e> {
    pub(crate) front: &'e Front,
    pub(crate) binding: &'e Arc<Binding>,
    pub(crate) address: Address<'e>,
    pub(crate) asked: Asked<'e>,
}

impl Exchange<'_> {
    /// Makes the call, and shows what comes of it. What it leaves of `body` is the caller's.
    pub(crate) async fn answer<B: Incoming>(&self, body: &mut Option<B>) -> Answered<Answer> {
        if call::is_nameless(self.binding.rpc.public, &self.parts().headers) {
            return Err(Problem::unauthenticated());
        }
        self.front.guard.has_room().map_err(Excess::problem)?;
        let framing = self.framing()?;
        match (self.binding.rpc.takes, framing, body) {
            (None, None, Some(body)) => self.call(body).await,
            (None, Some(framing), Some(body)) => self.watch(framing, body).await,
            // Boxed: the futures of these two are large, and would make that of every call as large.
            (Some(limit), None, Some(body)) => Box::pin(self.collect(limit, body)).await,
            (Some(limit), Some(framing), body) => Box::pin(self.converse(limit, framing, body.take())).await,
            (_, _, None) => Err(Problem::internal()),
        }
    }

    /// How the messages of the answer are told apart; none when it is one, or a file. Refused when the client takes no such thing.
    fn framing(&self) -> Answered<Option<Framing>> {
        let headers = &self.parts().headers;
        match (self.binding.shown, self.binding.rpc.stream) {
            // What a file is shows only when it comes.
            (Shown::File { .. }, _) => Ok(None),
            (_, Some(_)) => media::accepts_events(headers).map(Some),
            (_, None) => media::accepts_json(headers).map(|()| None),
        }
    }

    /// A message in, a message or a file out.
    async fn call(&self, body: &mut impl Incoming) -> Answered<Answer> {
        let message = self.message(body).await?;
        // Only now, so that nobody holds a place by sending slowly.
        let _place = self.place()?;
        let (rpc, metadata, time) = (&self.binding.rpc, self.metadata(), self.time());
        if let (Shown::File { .. }, Some(_)) = (self.binding.shown, rpc.stream) {
            let opened = async {
                let mut messages = call::stream(rpc, message, metadata, time).await?;
                let first = messages.message().await.map_err(|status| Failure::Refused(Box::new(status)))?;
                Ok((first, messages))
            };
            let opened = tokio::time::timeout(time, opened).await.unwrap_or(Err(Failure::Deadline));
            let (first, rest) = opened.map_err(|failure| self.failed(&failure))?;
            return self.download(|file| file.piecewise(first.unwrap_or_default(), rest));
        }
        let wire = call::unary(rpc, message, metadata, time).await.map_err(|failure| self.failed(&failure))?;
        self.told(&wire)
    }

    /// A message in, a stream out.
    async fn watch(&self, framing: Framing, body: &mut impl Incoming) -> Answered<Answer> {
        let message = self.message(body).await?;
        let _place = self.place()?;
        let opened = call::stream(&self.binding.rpc, message, self.metadata(), self.time()).await;
        let messages = opened.map_err(|failure| self.failed(&failure))?;
        Ok(self.events(framing, messages, None))
    }

    /// A stream in, a message out.
    async fn collect(&self, limit: u64, body: &mut impl Incoming) -> Answered<Answer> {
        let (hand, messages) = upload::stream();
        let mut feed = pin!(self.feed(limit, body, hand)?);
        let mut call = pin!(call::collect(&self.binding.rpc, messages, self.metadata()));
        let answered = tokio::select! {
            biased;
            // A service may know before the end what it thinks.
            answered = &mut call => answered,
            sent = &mut feed => {
                sent?;
                // The time counts from the last byte: how long a body comes is the sender's affair.
                tokio::time::timeout(self.time(), call).await.unwrap_or(Err(Failure::Deadline))
            }
        };
        self.told(&answered.map_err(|failure| self.failed(&failure))?)
    }

    /// A stream in, a stream out, both at once.
    async fn converse(&self, limit: u64, framing: Framing, body: Option<impl Incoming>) -> Answered<Answer> {
        let Some(mut body) = body else { return Err(Problem::internal()) };
        media::is_lines(&self.parts().headers)?;
        let lines = Lines::new(self.plans(), self.binding, &self.address)?;
        let (hand, messages) = upload::stream();
        let feed = Feed::of(async move { lines.feed(Pieces::of(&mut body, limit)?.patient(), hand).await });
        let opened = call::converse(&self.binding.rpc, messages, self.metadata());
        let opened = tokio::time::timeout(self.time(), opened).await.unwrap_or(Err(Failure::Deadline));
        let messages = opened.map_err(|failure| self.failed(&failure))?;
        Ok(self.events(framing, messages, Some(feed)))
    }

    /// Sends a body as a stream of messages, to its end.
    fn feed<'f, B: Incoming>(&'f self, limit: u64, body: &'f mut B, hand: Hand) -> Answered<impl Future<Output = Answered<()>> + 'f> {
        let headers = &self.parts().headers;
        let pieces = Pieces::of(body, limit)?;
        let way = match &self.binding.body {
            Body::File(file) => Ok(Upload::new(self.plans(), self.binding, file, &self.address)?),
            Body::None | Body::Whole | Body::Field(_) => {
                media::is_lines(headers)?;
                Err(Lines::new(self.plans(), self.binding, &self.address)?)
            }
        };
        Ok(async move {
            let sent = match way {
                Ok(upload) => upload.feed(headers, pieces, hand).await,
                Err(lines) => lines.feed(pieces, hand).await,
            };
            // What follows in the body is not looked at.
            sent.map_err(Problem::last)
        })
    }

    /// The message that the request makes.
    async fn message(&self, body: &mut impl Incoming) -> Answered<Bytes> {
        if !body::is_empty(body) {
            media::is_json(&self.parts().headers)?;
        }
        let body = body::read(body).await?;
        request::message(self.plans(), self.binding, &self.address, &body).map(Bytes::from)
    }

    /// A place among the calls that are on their way.
    fn place(&self) -> Answered<SemaphorePermit<'_>> {
        self.front.guard.admit().map_err(Excess::problem)
    }

    fn metadata(&self) -> http::HeaderMap {
        call::metadata(&self.parts().headers, self.asked.trace, self.asked.client)
    }

    fn time(&self) -> Duration {
        deadline::of(&self.parts().headers)
    }

    fn plans(&self) -> &Arc<Plans> {
        &self.front.plans
    }

    fn parts(&self) -> &Parts {
        self.asked.parts
    }

    /// One message, as the client sees it.
    fn told(&self, wire: &Bytes) -> Answered<Answer> {
        if let Shown::File { .. } = self.binding.shown {
            return self.download(|file| file.whole(wire));
        }
        let Parts { method, uri, headers, .. } = self.parts();
        respond::success(self.plans(), self.binding, method, uri, headers, wire)
    }

    /// A stream, as the client sees it.
    fn events(&self, framing: Framing, messages: Streaming<Bytes>, feed: Option<Feed>) -> Answer {
        let (plans, binding) = (Arc::clone(self.plans()), Arc::clone(self.binding));
        let (path, ids, stop) = (self.parts().uri.path(), self.asked.trace.ids, self.asked.stop.clone());
        let mut answer = Response::new(stream(Events::new(messages, plans, binding, framing, path, ids, stop).fed_by(feed)));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(framing.media_type()));
        answer
    }

    /// A file, as `give` takes it from its messages.
    fn download(&self, give: impl FnOnce(Download<'_>) -> Answered<Answer>) -> Answered<Answer> {
        let Shown::File { head, content } = self.binding.shown else { return Err(Problem::internal()) };
        give(Download {
            plans: self.plans(),
            binding: self.binding,
            parts: self.parts(),
            ranged: self.address.range.is_some(),
            head,
            content,
        })
    }

    /// Why a call has no answer, for whoever made the request.
    fn failed(&self, failure: &Failure) -> Box<Problem> {
        let Parts { method, uri, headers, .. } = self.parts();
        let status = match failure {
            Failure::Refused(status) => status,
            Failure::Deadline => return Problem::deadline(),
            Failure::Unanswered => return Problem::unavailable(),
        };
        let problem = Problem::refused(status, self.binding.body_name(), headers.contains_key(IF_MATCH));
        let forbidden = problem.status() == StatusCode::METHOD_NOT_ALLOWED;
        if forbidden { problem.allowing(self.front.routes.others(method, uri.path())) } else { problem }
    }
}
