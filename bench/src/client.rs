//! One connection to the server. Bare hyper, so that the client's share of what is measured stays small.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::failure::{Failure, Result};

/// An open connection, kept alive between requests.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// Opens a connection.
pub(crate) async fn connect(address: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // A connection that breaks is noticed by the request that it carries.
    tokio::spawn(connection);
    Ok(sender)
}

/// A connection for one request after another.
#[derive(Debug)]
pub(crate) struct Client {
    sender: Connection,
    host: String,
    authorization: Option<HeaderValue>,
}

/// An answer, and how long it took from the request until its last byte.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) took: Duration,
}

/// What is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call<'a> {
    pub(crate) path: &'a str,
    /// A body makes it a POST.
    pub(crate) body: Option<&'a Value>,
    /// The `X-Forwarded-For`.
    pub(crate) from: Option<&'a str>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self { sender: connect(address).await?, host: address.to_string(), authorization: None })
    }

    /// Sends requests with this `Authorization` from now on.
    pub(crate) fn authorise(&mut self, authorization: HeaderValue) {
        self.authorization = Some(authorization);
    }

    pub(crate) async fn send(&mut self, call: Call<'_>) -> Result<Answer> {
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(call.path).header(HOST, &self.host);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(from) = call.from {
            request = request.header("x-forwarded-for", from);
        }
        let body = call.body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let request = request.header(CONTENT_TYPE, "application/json").body(Full::from(body))?;
        self.sender.ready().await?;
        let start = Instant::now();
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body, took: start.elapsed() })
    }

    /// What is at a path, as JSON.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Value> {
        let answer = self.send(Call { path, ..Call::default() }).await?;
        answer.expect(200, path)?;
        answer.json()
    }

    /// What was made by a POST, as JSON.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.send(Call { path, body: Some(body), ..Call::default() }).await?;
        answer.expect(201, path)?;
        answer.json()
    }
}

impl Answer {
    /// Fails unless the answer has this status.
    pub(crate) fn expect(&self, status: u16, what: &str) -> Result<()> {
        if self.status == status {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(Failure::Server(format!("{what} was answered {} instead of {status}: {body}", self.status)))
    }

    pub(crate) fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}
