//! Connections: slow ones, long ones, and the last ones. The clock leaps ahead whenever nobody has anything to do.

use std::time::Duration;

use http::Method;
use tokio::{io::AsyncReadExt, net::TcpStream, time::Instant};

use crate::{client::Front, service::Double};

const SAMPLES: &str = "/api/lims/samples";

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_nothing_is_closed() {
    let front = Front::alone().await;
    for begun in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTT", "GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let since = Instant::now();
        let read = front.raw(begun).await.unwrap_or_default();
        assert_eq!(read, "", "{begun}");
        assert!((Duration::from_secs(9)..Duration::from_secs(12)).contains(&since.elapsed()), "{begun}: {:?}", since.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let front = Front::alone().await;
    let since = Instant::now();
    let slow = format!("POST {SAMPLES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ncontent-length: 100\r\n\r\n{{");
    let answer = front.raw(slow).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"body_too_slow\""), "{answer}");
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_body_is_never_read_beyond_the_limit() {
    let front = Front::alone().await;
    for (name, head) in [
        (
            "announced",
            format!(
                "POST {SAMPLES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\nexpect: 100-continue\r\ncontent-length: 1073741824\r\n\r\n"
            ),
        ),
        (
            "chunked",
            format!(
                "POST {SAMPLES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ntransfer-encoding: chunked\r\n\r\n500000\r\n{}\r\n",
                "x".repeat(0x50_0000)
            ),
        ),
    ] {
        let answer = front.raw(head).await.expect(name);
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"too_large\""), "{name}: {answer}");
        assert!(answer.contains("connection: close"), "{name}: {answer}");
    }
    let broken = format!("POST {SAMPLES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    let answer = front.raw(broken).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn many_headers_are_refused() {
    let front = Front::alone().await;
    let headers = "x-y: z\r\n".repeat(200);
    let answer = front.raw(format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn requests_in_flight_end_before_the_gateway_does() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    let mut idle = TcpStream::connect(front.address).await.expect("a connection");
    let asked = front.get("/api/lims/materials?q=pause");
    let stopped = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        front.stop.cancel();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(TcpStream::connect(front.address).await.is_err(), "a new connection goes elsewhere");
        assert_eq!(idle.read(&mut [0]).await.unwrap_or_default(), 0, "an idle connection ends at once");
    };
    let (answer, ()) = tokio::join!(asked, stopped);
    assert_eq!(answer.status, 200);
    tokio::time::timeout(Duration::from_secs(2), front.serving).await.expect("nothing holds the gateway").expect("no fault");
}

#[tokio::test]
async fn a_refused_body_does_not_cost_the_answer() {
    let front = Front::alone().await;
    for _ in 0..20 {
        let answer = front.send(Method::POST, "/nothing", &[], vec![b'x'; 8 << 20]).await;
        answer.refused(404, "not_found");
        front.send(Method::POST, SAMPLES, &[], vec![b'x'; 8 << 20]).await.refused(413, "too_large");
    }
}
