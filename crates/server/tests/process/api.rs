//! A caller of the API.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, Method, Response, StatusCode};
use serde_json::{Value, json};

/// A caller of the API at one address.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) base: String,
    pub(crate) token: Option<String>,
}

/// A client that asks no proxy.
pub(crate) fn client() -> ClientBuilder {
    claudetools_server::tls::install_provider();
    Client::builder().no_proxy().timeout(Duration::from_secs(30))
}

impl Api {
    pub(crate) fn new(base: &str) -> Self {
        let client = client().tls_certs_only([]).build().expect("a client");
        Self { client, base: base.to_owned(), token: None }
    }

    /// The same, at another address.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..Self::new(base) }.with_token(self.token())
    }

    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("a caller who has logged in")
    }

    /// Logs in and returns the caller with the access token.
    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Self {
        let body = self.post("/auth/token", &json!({"email": email, "password": password})).await.expect(200);
        self.clone().with_token(body["access_token"].as_str().expect("an access token"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.try_send(Method::GET, path, None, &[]).await.expect("an answer")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.try_send(Method::POST, path, Some(body), &[]).await.expect("an answer")).await
    }

    /// A request that may find no server.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Response> {
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await
    }

    /// Every row of a list, page by page; `path` has a query already.
    pub(crate) async fn all(&self, path: &str, collection: &str) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}&limit=200{cursor}")).await.expect(200);
            rows.extend(page[collection].as_array().expect("a collection").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    /// The status of a path outside the prefix, `None` while nobody answers.
    pub(crate) async fn status(&self, path: &str) -> Option<StatusCode> {
        Some(self.client.get(format!("{}{path}", self.base)).send().await.ok()?.status())
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a whole body");
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// The body, if the status is this one.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }
}
