//! An HTTP client that is someone.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{Answer, Watch};

/// How often a call that is told to come back does so, over some two seconds. More is a fault of the service.
const PATIENCE: u32 = 10;
/// How long a call waits before it first comes back; each time that much longer.
const PAUSE: Duration = Duration::from_millis(40);

/// Someone who calls the gateway.
#[derive(Clone)]
pub struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    token: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Caller {
    /// A caller of the gateway at `url`.
    #[must_use]
    pub fn new(url: String, token: Option<String>) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), url, token, headers: Vec::new() }
    }

    /// The same caller with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same caller with one more header.
    #[must_use]
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut more = self.clone();
        more.headers.push((HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value")));
        more
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string().into())).await
    }

    /// POST of a body as it is, said to be JSON.
    pub async fn post_raw(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(Method::POST, path, Some(body.into())).await
    }

    /// POST without a body.
    pub async fn act(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string().into())).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body.to_string().into())).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Any call. Who is told that the service is busy tries again, as a client should, and fails when
    /// that does not help soon.
    pub async fn send(&self, method: Method, path: &str, body: Option<Bytes>) -> Answer {
        let mut told = 0;
        loop {
            let answer = self.attempt(method.clone(), path, body.clone()).await.expect("an answer");
            if answer.status != StatusCode::SERVICE_UNAVAILABLE || answer.header("retry-after").is_empty() {
                return answer;
            }
            told += 1;
            assert!(told <= PATIENCE, "{method} {path} was told to come back {told} times: {}", answer.text());
            tokio::time::sleep(PAUSE * told).await;
        }
    }

    /// A GET whose answer is a stream of events.
    pub async fn watch(&self, path: &str) -> Result<Watch, Answer> {
        let answer = self.client.request(self.request(Method::GET, path, None)).await.expect("an answer");
        if answer.status().is_success() {
            return Ok(Watch::new(answer));
        }
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Err(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Any call; none when the connection is lost before its answer is whole.
    pub async fn attempt(&self, method: Method, path: &str, body: Option<Bytes>) -> Option<Answer> {
        let answer = self.client.request(self.request(method, path, body)).await.ok()?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Begins a call with a body of so many bytes; they, or some of them, are then written to the connection that it gives.
    pub async fn begin(&self, method: Method, path: &str, length: u64) -> TcpStream {
        let mut connection = TcpStream::connect(self.url.trim_start_matches("http://")).await.expect("a connection");
        let mut head = vec![format!("{method} {path} HTTP/1.1"), "host: x".to_owned(), format!("content-length: {length}")];
        head.extend(self.token.iter().map(|token| format!("authorization: Bearer {token}")));
        head.extend(self.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))));
        connection.write_all(format!("{}\r\n\r\n", head.join("\r\n")).as_bytes()).await.expect("a reader");
        connection
    }

    fn request(&self, method: Method, path: &str, body: Option<Bytes>) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() && !self.headers.iter().any(|(name, _)| name == CONTENT_TYPE) {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(body.unwrap_or_default())).expect("a request")
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    /// A service that is busy so many times, and then is not; its URL.
    async fn busy(times: u32) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for call in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let status = if call < times { "503 Busy\r\nretry-after: 1" } else { "200 OK" };
                _ = stream.read(&mut [0; 1024]).await.unwrap();
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn who_is_told_to_come_back_does() {
        assert_eq!(Caller::new(busy(PATIENCE).await, None).get("/").await.status, 200);
    }

    #[tokio::test]
    #[should_panic(expected = "GET / was told to come back 11 times")]
    async fn but_not_for_ever() {
        Caller::new(busy(PATIENCE + 1).await, None).get("/").await;
    }
}
