//! A file that comes up: a raw body, or a part of a form. Its first message says what path, query and form say, each further
//! one brings a piece of it; what a form says after the file comes last.

use http::{HeaderMap, header};
use tokio_stream::StreamExt as _;

use super::{Done, Hand, digest, form};
use crate::{
    body::{Incoming, Pieces},
    media,
    problem::{Answered, Problem},
    request::Address,
    routes::binding::{Binding, CONTENT_TYPE, FILENAME, File, SHA256},
    transcode::{Parameters, Plans},
};

/// A file on its way up.
pub(crate) struct Upload<'u> {
    pub(super) plans: &'u Plans,
    pub(super) binding: &'u Binding,
    pub(super) file: &'u File,
    parameters: Parameters<'u>,
    /// What is said and not yet sent.
    said: Vec<u8>,
}

impl<'u> Upload<'u> {
    pub(crate) fn new(plans: &'u Plans, binding: &'u Binding, file: &'u File, address: &Address<'_>) -> Answered<Self> {
        let mut said = Vec::new();
        let parameters = address.put(plans, binding, &mut said)?;
        Ok(Self { plans, binding, file, parameters, said })
    }

    /// Sends the file that `body` holds, until it ends or the service has answered.
    pub(crate) async fn feed(mut self, headers: &HeaderMap, mut body: Pieces<'_, impl Incoming>, hand: Hand) -> Answered<()> {
        if self.file.summed
            && let Some(sum) = digest::stated(headers)?
        {
            self.set(SHA256, &sum)?;
        }
        if let Some(boundary) = media::form_boundary(headers)? {
            return form::feed(self, boundary, body, hand).await;
        }
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|stated| stated.to_str().ok());
        self.describe(None, media_type)?;
        if self.tell(&hand).await.is_err() {
            return Ok(());
        }
        while let Some(piece) = body.next().await.transpose()? {
            if self.bring(&piece, &hand).await.is_err() {
                return Ok(());
            }
        }
        hand.end().await;
        Ok(())
    }

    /// Says what the file is, where nobody has said it and the service wants to know.
    pub(super) fn describe(&mut self, filename: Option<&str>, media_type: Option<&str>) -> Answered<()> {
        let told = [(FILENAME, self.file.named, filename), (CONTENT_TYPE, self.file.typed, media_type)];
        for (field, wanted, said) in told {
            if let Some(said) = said.filter(|_| wanted && !self.parameters.has(field)) {
                self.set(field, said)?;
            }
        }
        Ok(())
    }

    /// Sets a field of the request.
    pub(super) fn set(&mut self, field: &str, text: &str) -> Answered<()> {
        if self.binding.withholds(field) {
            return Err(Problem::malformed_field(field, "the file is a part with a file name"));
        }
        self.parameters.set(field, text, &mut self.said).map_err(|fault| Problem::unreadable(&fault, None))
    }

    /// Sends what is said so far.
    pub(super) async fn tell(&mut self, hand: &Hand) -> Result<(), Done> {
        hand.send(std::mem::take(&mut self.said)).await
    }

    /// Whether something is said that is not yet sent.
    pub(super) fn has_more(&self) -> bool {
        !self.said.is_empty()
    }

    /// Sends a piece of the file.
    pub(super) async fn bring(&self, piece: &[u8], hand: &Hand) -> Result<(), Done> {
        let mut wire = Vec::with_capacity(piece.len() + 16);
        self.plans.put_bytes_field(self.file.content, piece, &mut wire);
        hand.send(wire).await
    }
}
