//! Calls of any method, by descriptors alone.
#![expect(clippy::disallowed_methods, reason = "a client's own errors, told as tonic tells them")]

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::Value;
use spectra_mesh::Channel;
use spectra_proto::POOL;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// Every method of the product's contract.
pub fn methods() -> impl Iterator<Item = MethodDescriptor> {
    let services: Vec<_> = POOL.services().filter(|service| service.full_name().starts_with("spectra.")).collect();
    services.into_iter().flat_map(|service| service.methods().collect::<Vec<_>>())
}

/// The gRPC path of a method.
#[must_use]
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// A request of a method, from proto3 JSON.
#[must_use]
pub fn request(method: &MethodDescriptor, json: Value) -> DynamicMessage {
    let shown = json.to_string();
    DynamicMessage::deserialize(method.input(), json).unwrap_or_else(|error| panic!("{}: {error}: {shown}", path(method)))
}

/// Calls a unary method with a token, or without one.
pub async fn call(
    channel: Channel,
    method: &MethodDescriptor,
    message: &DynamicMessage,
    token: Option<&str>,
) -> Result<DynamicMessage, Status> {
    let answer = call_raw(channel, method, message.encode_to_vec().into(), token).await?;
    Ok(DynamicMessage::decode(method.output(), answer).expect("an answer of the contract"))
}

/// Calls a unary method with bytes that may be no message at all.
pub async fn call_raw(channel: Channel, method: &MethodDescriptor, message: Bytes, token: Option<&str>) -> Result<Bytes, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(message);
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().map_err(|_| Status::invalid_argument("a token that no header holds"))?;
        request.metadata_mut().insert("authorization", value);
    }
    let path = path(method).parse().expect("a path");
    Ok(client.unary(request, path, Raw).await?.into_inner())
}

/// Messages as the bytes they are.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
