//! `multipart/form-data`: fields of the request, and the file among them.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use multer::{Error, Field, Multipart};
use tokio_stream::Stream;

use super::{Hand, file::Upload};
use crate::{
    body::{Incoming, Pieces},
    problem::{Answered, Problem},
};

/// How many parts a form may have.
const PARTS: usize = 100;
/// How long a field of the form may be, in bytes.
const LONGEST: usize = 256 << 10;
/// How much may come before a part begins, or a piece of one is whole, in bytes.
const HEAD: usize = 16 << 10;
/// What the part of the file may be called when it has no file name.
const FILE: &str = "file";

/// Sends what a form holds, until it ends or the service has answered.
pub(super) async fn feed(mut upload: Upload<'_>, boundary: String, body: Pieces<'_, impl Incoming>, hand: Hand) -> Answered<()> {
    let held = Arc::new(AtomicUsize::new(0));
    let mut form = Multipart::new(Sparing { body, held: Arc::clone(&held), gave: false }, boundary);
    let (mut parts, mut is_here) = (0, false);
    while let Some(mut part) = form.next_field().await.map_err(unreadable)? {
        held.store(0, Ordering::Relaxed);
        parts += 1;
        if parts > PARTS {
            return Err(Problem::malformed(format!("a form has at most {PARTS} parts")));
        }
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_none() && name != FILE && name != upload.file.name {
            let text = text(&name, &mut part, &held).await?;
            upload.set(&name, &text)?;
            continue;
        }
        if std::mem::replace(&mut is_here, true) {
            return Err(Problem::malformed("a form brings one file"));
        }
        upload.describe(part.file_name(), part.content_type().map(AsRef::as_ref))?;
        if upload.tell(&hand).await.is_err() {
            return Ok(());
        }
        while let Some(piece) = part.chunk().await.map_err(unreadable)? {
            held.store(0, Ordering::Relaxed);
            if upload.bring(&piece, &hand).await.is_err() {
                return Ok(());
            }
        }
    }
    if !is_here {
        return Err(Problem::malformed("the form has no file: a part with a file name, or with the name \"file\""));
    }
    if upload.has_more() && upload.tell(&hand).await.is_err() {
        return Ok(());
    }
    hand.end().await;
    Ok(())
}

/// The text of a part that is no file.
async fn text(name: &str, part: &mut Field<'_>, held: &AtomicUsize) -> Answered<String> {
    let mut text = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(unreadable)? {
        held.store(0, Ordering::Relaxed);
        text.extend_from_slice(&piece);
        if text.len() > LONGEST {
            return Err(Problem::malformed_field(name, "is too long for a field of a form"));
        }
    }
    String::from_utf8(text).map_err(|_| Problem::malformed_field(name, "is not UTF-8"))
}

/// A form that does not read, or a body that does not come.
fn unreadable(fault: Error) -> Box<Problem> {
    match fault {
        Error::StreamReadFailed(fault) => match fault.downcast::<Box<Problem>>() {
            Ok(problem) => *problem,
            Err(_) => Problem::malformed("the body does not read as a form"),
        },
        Error::IncompleteStream | Error::IncompleteFieldData { .. } | Error::IncompleteHeaders => {
            Problem::malformed("the form ended before its closing boundary")
        }
        _ => Problem::malformed("the body does not read as a form"),
    }
}

/// A body that gives one piece at a time: the reader of forms takes in whatever is there, and holds it until a part ends.
struct Sparing<'b, B> {
    body: Pieces<'b, B>,
    /// How much was given since the reader last gave something.
    held: Arc<AtomicUsize>,
    gave: bool,
}

impl<B: Incoming> Stream for Sparing<'_, B> {
    type Item = Answered<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.gave) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = ready!(Pin::new(&mut self.body).poll_next(context));
        self.gave = true;
        let size = piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len);
        if self.held.fetch_add(size, Ordering::Relaxed) > HEAD {
            return Poll::Ready(Some(Err(Problem::malformed("the head of a part of the form does not end"))));
        }
        Poll::Ready(piece)
    }
}
