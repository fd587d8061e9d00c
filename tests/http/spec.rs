//! What holds for every operation, walked from the description that the server itself gives.

use std::collections::BTreeSet;

use claudetools_testkit::{Answer, Api, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

/// An operation of the description.
struct Operation {
    method: Method,
    path: String,
    node: Value,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The scope it names; `None` for one listed as public.
    fn scope(&self) -> Option<String> {
        let security = self.node["security"].as_array().unwrap_or_else(|| panic!("{} names no security", self.name()));
        security.first().map(|entry| entry["bearer"][0].as_str().expect("a bearer scope").to_owned())
    }

    /// The path with every required parameter filled in: ids that name nothing, words that fit.
    fn filled(&self) -> String {
        let mut path = self.path.clone();
        let mut query = Vec::new();
        for parameter in self.node["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("a name");
            let is_id = parameter["schema"]["format"] == "uuid";
            let example = match &parameter["example"] {
                Value::Null => parameter["schema"]["examples"][0].as_str().map(str::to_owned),
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            let value =
                if is_id { "01980000-0000-7000-8000-00000000dead" } else { example.as_deref().unwrap_or("word") };
            match parameter["in"].as_str() {
                Some("path") => path = path.replace(&format!("{{{name}}}"), value),
                Some("query") if parameter["required"] == true => query.push(format!("{name}={value}")),
                _ => {}
            }
        }
        // Of what has no end, the form that has one.
        if !self.node["responses"]["200"]["content"]["text/event-stream"].is_null() {
            query.push("wait=0".to_owned());
        }
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    fn example(&self) -> Option<Value> {
        let media = &self.node["requestBody"]["content"]["application/json"];
        (!media.is_null()).then(|| media["example"].clone())
    }

    async fn call(&self, caller: &Api, body: Option<&Value>) -> Answer {
        caller.send(self.method.clone(), &self.filled(), body).await
    }
}

async fn operations(app: &TestApp) -> Vec<Operation> {
    let document = app.anonymous().get("/openapi.json").await.expect(200).body;
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, node) in item.as_object().expect("operations") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            all.push(Operation { method, path: path.clone(), node: node.clone() });
        }
    }
    assert!(all.len() > 50, "only {} operations are described", all.len());
    all
}

/// The operations that need no token, reviewed: to add one is to change this list.
const PUBLIC: &[&str] = &[
    "GET /",
    "GET /api/v1/health",
    "GET /api/v1/metrics",
    "GET /health",
    "GET /healthz",
    "GET /metrics",
    "GET /readyz",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/token",
    "POST /api/v1/shares/open",
];

#[tokio::test]
async fn every_operation_is_described_in_full() {
    let app = TestApp::start().await;
    let mut ids = BTreeSet::new();
    let mut public = Vec::new();
    for operation in operations(&app).await {
        let (name, node) = (operation.name(), &operation.node);
        let id = node["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && ids.insert(id.to_owned()), "{name}: operationId {id:?} is empty or taken");
        assert!(node["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
        assert_eq!(node["tags"].as_array().map(Vec::len), Some(1), "{name} has no tag");
        let responses = node["responses"].as_object().expect("responses");
        let success = responses
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .unwrap_or_else(|| panic!("{name} never succeeds"));
        if let Some(media) = success.1["content"].get("application/json") {
            assert!(!media["example"].is_null(), "{name}: its answer has no example");
        }
        if let Some(example) = operation.example() {
            assert!(example.is_object(), "{name}: its body has no example");
        }
        match operation.scope() {
            None => public.push(name.clone()),
            Some(_) => {
                for status in ["401", "403", "429", "500", "503"] {
                    assert!(responses.contains_key(status), "{name} does not describe {status}");
                }
            }
        }
        if operation.path.contains('{') {
            assert!(responses.contains_key("404"), "{name} does not describe 404");
        }
    }
    public.sort();
    assert_eq!(public, PUBLIC, "the reviewed list of public operations");
    app.stop().await;
}

#[tokio::test]
async fn no_operation_with_a_scope_runs_without_a_token_or_with_a_smaller_scope() {
    let app = TestApp::builder().with("COORD_AUTH", "token").start().await;
    let (anonymous, reader, writer) = (app.anonymous(), app.reader(), app.writer());
    let mut refused = 0;
    for operation in operations(&app).await {
        let Some(scope) = operation.scope() else { continue };
        let (name, body) = (operation.name(), operation.example());
        let answer = operation.call(&anonymous, body.as_ref()).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHORIZED"), "{name}: {}", answer.text);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{name}");
        let answer = operation.call(&anonymous.clone().with_token("a.b.c"), body.as_ref()).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHORIZED"), "{name}: {}", answer.text);
        let smaller: &[&Api] = match scope.as_str() {
            "msp:read" => &[],
            "msp:write" => &[&reader],
            "msp:admin" => &[&reader, &writer],
            other => panic!("{name} names an unknown scope {other}"),
        };
        for caller in smaller {
            let answer = operation.call(caller, body.as_ref()).await;
            assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{name}: {}", answer.text);
            assert_eq!(answer.body["error"]["details"]["required_scope"], scope, "{name}");
            refused += 1;
        }
    }
    assert!(refused > 40, "only {refused} calls were tried with too small a scope");
    app.stop().await;
}

#[tokio::test]
async fn every_body_is_read_strictly() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for operation in operations(&app).await.into_iter().filter(|operation| operation.example().is_some()) {
        let (name, path) = (operation.name(), operation.filled());
        let unknown = operation.call(&admin, Some(&json!({"no_such_field": 1}))).await;
        assert_eq!((unknown.status, unknown.code()), (400, "INVALID_REQUEST"), "{name}: {}", unknown.text);
        assert!(unknown.text.contains("no_such_field"), "{name} does not name the field: {}", unknown.text);
        let send = |content_type: &'static str, body: &'static [u8]| {
            let (method, path) = (operation.method.clone(), path.clone());
            let admin = &admin;
            async move { admin.send_bytes(method, &path, content_type, Some(body.to_vec())).await }
        };
        let broken = send("application/json", b"{\"a\":").await;
        assert_eq!((broken.status, broken.code()), (400, "INVALID_REQUEST"), "{name}: {}", broken.text);
        let text = send("text/plain", b"{}").await;
        assert_eq!((text.status, text.code()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{name}: {}", text.text);
    }
    app.stop().await;
}

#[tokio::test]
async fn every_query_is_read_strictly() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for operation in operations(&app).await.into_iter().filter(|operation| operation.scope().is_some()) {
        let (name, filled) = (operation.name(), operation.filled());
        let separator = if filled.contains('?') { '&' } else { '?' };
        let path = format!("{filled}{separator}no_such_parameter=1");
        let answer = admin.send(operation.method.clone(), &path, operation.example().as_ref()).await;
        assert_eq!((answer.status, answer.code()), (400, "INVALID_REQUEST"), "{name}: {}", answer.text);
        assert!(answer.text.contains("no_such_parameter"), "{name} does not name the parameter: {}", answer.text);
    }
    app.stop().await;
}

#[tokio::test]
async fn every_example_is_answered_as_described() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for operation in operations(&app).await {
        let name = operation.name();
        let answer = operation.call(&admin, operation.example().as_ref()).await;
        let described = operation.node["responses"].as_object().expect("responses");
        assert!(
            described.contains_key(&answer.status.to_string()),
            "{name} answers {} undescribed: {}",
            answer.status,
            answer.text
        );
        assert!(answer.status < 500, "{name}: {}", answer.text);
        assert_ne!(answer.status, 400, "{name}: its own example does not fit its schema: {}", answer.text);
    }
    app.stop().await;
}

#[tokio::test]
async fn an_operation_is_counted_if_and_only_if_it_describes_429() {
    let app = TestApp::builder().with("RATE_LIMIT_PER_MINUTE", "1000").start().await;
    let admin = app.admin();
    let (mut counted, mut aside) = (0, Vec::new());
    for operation in operations(&app).await {
        let name = operation.name();
        let answer = operation.call(&admin, operation.example().as_ref()).await;
        let described = operation.node["responses"].as_object().expect("responses").contains_key("429");
        assert_eq!(answer.headers.contains_key("x-ratelimit-limit"), described, "{name}");
        if described {
            counted += 1;
            let success = operation.node["responses"].as_object().expect("responses").iter();
            for (status, response) in success.filter(|(status, _)| status.starts_with('2')) {
                assert!(response["headers"]["X-RateLimit-Remaining"].is_object(), "{name} {status}");
            }
        } else {
            aside.push(name);
        }
    }
    assert!(counted > 50, "only {counted} operations are counted");
    aside.sort();
    let probes = ["/api/v1/health", "/api/v1/metrics", "/health", "/healthz", "/metrics", "/readyz"];
    assert_eq!(aside, probes.map(|path| format!("GET {path}")), "the reviewed list of what is not counted");
    app.stop().await;
}

#[tokio::test]
async fn every_get_works_under_the_first_generations_prefix_too() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let all = operations(&app).await;
    for operation in
        all.iter().filter(|operation| operation.method == Method::GET && operation.path.starts_with("/api/v1/"))
    {
        let path = operation.filled();
        let (second, first) = (admin.get(&path).await, admin.get(&path.replacen("/api/v1", "/api", 1)).await);
        assert_eq!(second.status, first.status, "{}", operation.name());
    }
    app.stop().await;
}

#[tokio::test]
async fn the_description_served_is_that_of_what_is_mounted_and_it_is_openapi_3_1() {
    let app = TestApp::start().await;
    let served = app.anonymous().get("/openapi.json").await.expect(200).body;
    assert_eq!(served["openapi"], "3.1.0");
    let drifted = "docs/api/openapi.json, which the program serves, has drifted; run `cargo xtask openapi`";
    assert!(served == claudetools_http::description(), "{drifted}");
    app.stop().await;
}

#[tokio::test]
async fn the_interactive_page_needs_nothing_from_the_internet() {
    let app = TestApp::start().await;
    for root in ["/docs/", "/api/docs/"] {
        let page = app.anonymous().get(root).await.expect(200);
        assert!(page.header("content-type").starts_with("text/html"), "{root}");
        assert!(
            !page.text.contains("https://") && !page.text.contains("//cdn"),
            "{root} loads from elsewhere: {}",
            page.text
        );
        for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
            let found = app.anonymous().get(&format!("{root}{file}")).await.expect(200);
            assert!(!found.text.is_empty(), "{root}{file}");
        }
        let initializer = app.anonymous().get(&format!("{root}swagger-initializer.js")).await.text;
        assert!(initializer.contains("/openapi.json"), "{initializer}");
    }
    assert_eq!(app.anonymous().get("/docs").await.status, 200, "redirected to the page");
    app.stop().await;
}
