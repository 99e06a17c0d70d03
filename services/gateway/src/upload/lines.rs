//! A body of JSON lines: each is a message of the caller's stream.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::task::consume_budget;
use tokio_stream::StreamExt as _;

use super::Hand;
use crate::{
    body::{self, Incoming, LIMIT, Pieces},
    problem::{Answered, Problem},
    request::{self, Address},
    routes::{binding::Binding, template::Template},
    transcode::Plans,
};

/// What makes messages of lines.
pub(crate) struct Lines {
    plans: Arc<Plans>,
    binding: Arc<Binding>,
    template: Template,
    /// What path and query say, of every message.
    said: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(plans: &Arc<Plans>, binding: &Arc<Binding>, address: &Address<'_>) -> Answered<Self> {
        let mut said = Vec::new();
        address.put(plans, binding, &mut said)?;
        Ok(Self { plans: Arc::clone(plans), binding: Arc::clone(binding), template: address.template.clone(), said })
    }

    /// Sends a message for each line, until the body ends or the service has answered.
    pub(crate) async fn feed(self, mut body: Pieces<'_, impl Incoming>, hand: Hand) -> Answered<()> {
        let (mut read, mut looked, mut number) = (BytesMut::new(), 0, 1);
        loop {
            let piece = body.next().await.transpose()?;
            let is_last = piece.is_none();
            read.extend_from_slice(&piece.unwrap_or_default());
            // Empty lines wait for nobody, and may come packed by the million.
            consume_budget().await;
            while let Some(end) = read[looked..].iter().position(|byte| *byte == b'\n') {
                let line = read.split_to(looked + end + 1);
                looked = 0;
                if !self.send(&line, number, &hand).await? {
                    return Ok(());
                }
                number += 1;
            }
            looked = read.len();
            if looked > LIMIT {
                return Err(body::too_large(LIMIT as u64).at_line(number));
            }
            if is_last {
                if self.send(&read, number, &hand).await? {
                    hand.end().await;
                }
                return Ok(());
            }
        }
    }

    /// Sends the message of one line; one without anything is none. Whether more are wanted.
    async fn send(&self, line: &[u8], number: u64, hand: &Hand) -> Answered<bool> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(true);
        }
        let message = self.message(line).map_err(|problem| problem.at_line(number))?;
        Ok(hand.send(message).await.is_ok())
    }

    fn message(&self, line: &[u8]) -> Result<Vec<u8>, Box<Problem>> {
        let mut wire = Vec::with_capacity(line.len() + self.said.len());
        request::fill(&self.plans, &self.binding, &self.template, line, &mut wire)?;
        // The path outweighs what the line says.
        wire.extend_from_slice(&self.said);
        if wire.len() > LIMIT { Err(body::too_large(LIMIT as u64)) } else { Ok(wire) }
    }
}
