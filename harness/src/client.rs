//! One connection to the server. Bare hyper, so that the client's share of what is measured stays small.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::{Failure, Result};

/// An open connection, kept alive between requests.
pub type Connection = SendRequest<Full<Bytes>>;

/// Opens a connection.
///
/// # Errors
/// When nobody listens there, or what listens does not speak HTTP.
pub async fn connect(address: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // A connection that breaks is noticed by the request that it carries.
    tokio::spawn(connection);
    Ok(sender)
}

/// A connection for one request after another.
#[derive(Debug)]
pub struct Client {
    sender: Connection,
    host: String,
    authorization: Option<HeaderValue>,
}

/// An answer, and how long it took from the request until its last byte.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// From the request until the last byte.
    pub took: Duration,
}

/// What is sent.
#[derive(Debug, Clone, Default)]
pub struct Call<'a> {
    /// Path and query.
    pub path: &'a str,
    /// The method; unless given, a body makes it a POST, and none a GET.
    pub method: Option<Method>,
    /// The body.
    pub body: Option<&'a Value>,
    /// The `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// The `X-Forwarded-For`.
    pub from: Option<&'a str>,
}

impl Client {
    /// Opens a connection.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self { sender: connect(address).await?, host: address.to_string(), authorization: None })
    }

    /// Sends requests with this `Authorization` from now on.
    pub fn authorise(&mut self, authorization: HeaderValue) {
        self.authorization = Some(authorization);
    }

    /// Sends a request and waits for all of its answer, whatever its status.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(&mut self, call: Call<'_>) -> Result<Answer> {
        let usual = if call.body.is_some() { Method::POST } else { Method::GET };
        let method = call.method.unwrap_or(usual);
        let mut request = Request::builder().method(method).uri(call.path).header(HOST, &self.host);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(from) = call.from {
            request = request.header("x-forwarded-for", from);
        }
        if let Some(key) = call.key {
            request = request.header("idempotency-key", key);
        }
        let body = call.body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::from(body))?;
        self.sender.ready().await?;
        let start = Instant::now();
        let response = self.sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, took: start.elapsed() })
    }

    /// What is at a path, as JSON.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not 200 with JSON.
    pub async fn get(&mut self, path: &str) -> Result<Value> {
        let answer = self.send(Call { path, ..Call::default() }).await?;
        answer.expect(200, path)?;
        answer.json()
    }

    /// What was made by a POST, as JSON.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not 201 with JSON.
    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.send(Call { path, body: Some(body), ..Call::default() }).await?;
        answer.expect(201, path)?;
        answer.json()
    }
}

impl Answer {
    /// Fails unless the answer has this status.
    ///
    /// # Errors
    /// The status and the body that came instead.
    pub fn expect(&self, status: u16, what: &str) -> Result<()> {
        if self.status == status {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(Failure::Server(format!("{what} was answered {} instead of {status}: {body}", self.status)))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}
