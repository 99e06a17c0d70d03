//! Streams over HTTP/2 that their sender resets: with an error, with a cancellation, and with no error at all.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::{Reason, SendStream, client};
use http::Request;
use tokio::net::TcpStream;

use crate::stage::Stage;

const REASONS: [Reason; 3] = [Reason::NO_ERROR, Reason::CANCEL, Reason::INTERNAL_ERROR];

/// Opens a POST, whose body is then sent piece by piece.
async fn post(to: SocketAddr, path: &str, kind: &str) -> SendStream<Bytes> {
    let stream = TcpStream::connect(to).await.expect("a connection");
    let (mut sender, connection) = client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = Request::post(format!("http://{to}{path}")).header("content-type", kind).header("te", "trailers");
    let (answer, body) = sender.send_request(request.body(()).expect("a request"), false).expect("a stream");
    tokio::spawn(answer);
    body
}

/// A message of an upload, as gRPC frames it: ten bytes of content.
fn framed() -> Bytes {
    let message = [&[0x7a, 10][..], &[7; 10]].concat();
    [&[0, 0, 0, 0, 12][..], &message].concat().into()
}

#[tokio::test]
async fn a_reset_is_no_end() {
    let stage = Stage::start().await;
    let upload = "/ground.v1.FileService/Upload";
    let ways = [
        ("raw", stage.gateway, "/ground/files", "text/csv", Bytes::from(vec![7; 1000])),
        ("lines", stage.gateway, "/ground/sums", "application/x-ndjson", Bytes::from("{\"value\":1}\n")),
        ("in gRPC", stage.gateway, upload, "application/grpc", framed()),
        ("to the service", stage.service, upload, "application/grpc", framed()),
    ];
    for (way, to, path, kind, piece) in ways {
        for reason in REASONS {
            let mut body = post(to, path, kind).await;
            for _ in 0..3 {
                body.send_data(piece.clone(), false).expect("room");
            }
            stage.streamed.begun(1).await;
            body.send_reset(reason);
            assert_eq!(stage.streamed.settled().await.0, 0, "{way}, {reason}");
        }
    }
    assert_eq!(stage.streamed.settled().await, (0, 12));
    // And an end is one.
    let mut body = post(stage.gateway, upload, "application/grpc").await;
    body.send_data(framed(), true).expect("room");
    stage.streamed.ended(1).await;
}
