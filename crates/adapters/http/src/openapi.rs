//! The OpenAPI 3.1 description: what is mounted, completed by the rules that hold for every operation.
//!
//! A handler says only what is its own (summary, body, success answer, scope). Here every operation gets what follows from
//! the conventions: its tag and id, the errors it can answer, the headers it takes, an example; and bodies shared by create
//! and update get their two forms.

mod example;
mod forms;
mod parameters;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::{api::PENDING_TASKS, app, error::CODES, limits::is_aside, mounting::Collected};

pub(crate) use forms::{Form, Forms, OneForm};
pub(crate) use parameters::{Choosing, Listed, Paging};

/// Operations without a token. `tests/` compares this with what the server does.
const PUBLIC: &[&str] = &[
    "/",
    "/health",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/health",
    "/api/v1/metrics",
    "/api/v1/auth/token",
    "/api/v1/auth/refresh",
    "/api/v1/shares/open",
];

/// Operations whose body may be left out.
const OPTIONAL_BODIES: &[&str] = &["/api/v1/coord/messages/{id}/read", "/api/v1/coord/messages/{id}/ack"];

/// What a create must have besides the fields that it always must: all fields of one of the lists, none of them `null`.
const EITHER: &[(&str, &[&[&str]])] = &[("BillableTimeBody", &[&["minutes"], &["start_time", "end_time"]])];

/// The description of everything mounted under `/api/v1` and outside the prefixes. Putting it together takes a while: a server
/// has it in its binary, as `cargo xtask openapi` has left it in `docs/api/openapi.json`.
pub fn description() -> Value {
    let collected = Collected::of(app::mount_described).complete(Info::openapi());
    let mut document = serde_json::to_value(collected).unwrap_or_default();
    inline_fields(&mut document);
    demand_either(&mut document["components"]["schemas"]);
    let schemas = document["components"]["schemas"].clone();
    let mut updates = Map::new();
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.retain(|path, _| !path.starts_with("/api/") || path.starts_with("/api/v1/"));
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                complete(path, method, operation, &schemas, &mut updates);
            }
        }
    }
    if let Some(components) = document["components"]["schemas"].as_object_mut() {
        components.retain(|name, _| !name.starts_with("Inline") && !name.starts_with("ListOf"));
        components.extend(updates);
        components.insert("Error".to_owned(), error_schema());
    }
    document["components"]["responses"] = error_responses();
    document["components"]["headers"] = headers();
    document
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ClaudeTools",
        description = "The system of record of a managed service provider: whom we work for, what was done, how long it took.\n\n\
            Conventions that hold for every operation (ids, instants, paging, conditional and idempotent requests, errors) are in \
            `docs/api/README.md`. The same operations are served under `/api` for clients of the first generation; only the error \
            body differs there."
    ),
    modifiers(&Bearer)
)]
struct Info;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

fn demand_either(schemas: &mut Value) {
    for (form, lists) in EITHER {
        let form = &mut schemas[*form];
        let choice = |fields: &&[&str]| {
            let filled = fields.iter().map(|field| ((*field).to_owned(), filled(&form["properties"][*field])));
            json!({"required": fields, "properties": filled.collect::<Map<String, Value>>()})
        };
        form["anyOf"] = lists.iter().map(choice).collect();
    }
}

/// What of a field's types is not `null`.
fn filled(field: &Value) -> Value {
    let types = field["type"].as_array().into_iter().flatten().find(|kind| *kind != "null");
    json!({"type": types.unwrap_or(&field["type"])})
}

/// Replaces references to `Inline…` schemas by what they refer to; what stands beside a reference wins.
fn inline_fields(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    inline(document, &schemas);
}

fn inline(value: &mut Value, schemas: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, schemas)),
        Value::Object(object) => {
            object.values_mut().for_each(|member| inline(member, schemas));
            if object.get("default") == Some(&Value::Null) {
                object.remove("default");
            }
            if let Some(mut whole) = inlined(object, schemas) {
                inline(&mut whole, schemas);
                *value = whole;
            }
        }
        _ => {}
    }
}

fn inlined(object: &Map<String, Value>, schemas: &Value) -> Option<Value> {
    let name = object.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")?;
    if !name.starts_with("Inline") {
        return None;
    }
    let mut whole = schemas.get(name)?.as_object()?.clone();
    whole.extend(object.iter().filter(|(key, _)| *key != "$ref").map(|(key, member)| (key.clone(), member.clone())));
    Some(Value::Object(whole))
}

fn complete(path: &str, method: &str, operation: &mut Value, schemas: &Value, updates: &mut Map<String, Value>) {
    let segment = path.strip_prefix("/api/v1/").unwrap_or("service").split('/').next().unwrap_or("service");
    let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
    if let Some(rest) = path.strip_prefix("/api/v1") {
        note_other_path(rest, operation);
    }
    let suffix = if method == "patch" { "_patch" } else { "" };
    operation["tags"] = json!([segment]);
    operation["operationId"] = json!(format!("{}_{name}{suffix}", segment.replace('-', "_")));
    if method == "patch" {
        add_to_summary(operation, "the same as PUT");
    }
    if PUBLIC.contains(&path) {
        operation["security"] = json!([]);
    }
    if OPTIONAL_BODIES.contains(&path) {
        operation["requestBody"]["required"] = json!(false);
    }
    parameters::add(path, method, operation);
    if matches!(method, "put" | "patch") {
        use_update_form(operation, schemas, updates);
    }
    name_collections(path, operation, schemas);
    add_errors(path, method, operation);
    if !is_aside(path) {
        add_budget_headers(operation);
    }
    example::add(operation, schemas, updates);
}

/// Every answer to a request that was counted tells where the budget stands. Errors, which are described once for all
/// operations, have it in [`error_responses`].
fn add_budget_headers(operation: &mut Value) {
    let answers = operation["responses"].as_object_mut().into_iter().flatten().map(|(_, answer)| answer);
    for answer in answers.filter(|answer| answer.get("$ref").is_none()) {
        for name in BUDGET_HEADERS {
            answer["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
        }
    }
}

const BUDGET_HEADERS: [&str; 3] = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// What the headers of answers mean. None is required: the limits can be switched off.
fn headers() -> Value {
    let whole = |least: u32, text: &str| json!({"description": text, "schema": {"type": "integer", "minimum": least}});
    let [limit, remaining, reset] = BUDGET_HEADERS;
    json!({
        limit: whole(1, "How many requests the window admits that is nearest to its end."),
        remaining: whole(0, "How many requests that window has left."),
        reset: whole(0, "When that window ends, in seconds since 1970-01-01T00:00:00Z."),
        "Retry-After": whole(1, "How many seconds to wait.")
    })
}

/// Pending tasks stand under two paths; the shorter says so.
fn note_other_path(path: &str, operation: &mut Value) {
    let [first, other] = PENDING_TASKS;
    if path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        add_to_summary(operation, &format!("the same as {first}"));
    }
}

fn add_to_summary(operation: &mut Value, note: &str) {
    let summary = operation["summary"].as_str().unwrap_or_default().to_owned();
    operation["summary"] = json!(format!("{summary} ({note})"));
}

/// An update takes the same fields as a create, none of them demanded.
fn use_update_form(operation: &mut Value, schemas: &Value, updates: &mut Map<String, Value>) {
    let Some(Value::String(reference)) = operation.pointer_mut("/requestBody/content/application~1json/schema/$ref")
    else {
        return;
    };
    let Some(name) = reference.strip_prefix("#/components/schemas/").map(str::to_owned) else { return };
    let Some(Value::Object(form)) = schemas.get(&name) else { return };
    if !name.ends_with("Body") || !form.contains_key("required") {
        return;
    }
    let mut form = form.clone();
    form.remove("required");
    form.remove("anyOf");
    form.insert("description".to_owned(), json!("The fields to change; those absent stay as they are."));
    let update = format!("{name}Update");
    *reference = format!("#/components/schemas/{update}");
    updates.insert(update, Value::Object(form));
}

/// A list's collection is named after the path's last segment.
fn name_collections(path: &str, operation: &mut Value, schemas: &Value) {
    let Some(schema) = operation.pointer_mut("/responses/200/content/application~1json/schema") else {
        return;
    };
    let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"))
    else {
        return;
    };
    if !name.starts_with("ListOf") {
        return;
    }
    let collection = path.rsplit('/').next().unwrap_or_default().replace('-', "_");
    let mut properties = Map::new();
    properties.insert(collection.clone(), schemas[name].clone());
    for (field, described) in [
        (
            "total",
            json!({"type": "integer", "minimum": 0, "description": "How many rows the filter admits; with a cursor only on request."}),
        ),
        ("limit", json!({"type": "integer", "minimum": 1, "maximum": 200})),
        ("offset", json!({"type": "integer", "minimum": 0, "description": "Absent with a cursor."})),
        (
            "next_cursor",
            json!({"type": ["string", "null"], "description": "Where the next page begins; null on the last."}),
        ),
    ] {
        properties.insert(field.to_owned(), described);
    }
    *schema = json!({"type": "object", "required": [collection, "limit", "next_cursor"], "properties": properties});
}

/// The errors that the conventions give an operation of this kind.
fn add_errors(path: &str, method: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    let is_public = operation["security"].as_array().is_some_and(Vec::is_empty);
    let is_probe = path == "/" || is_aside(path);
    let has_id = path.contains('{');
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    let demands_an_id = parameters.any(|given| given["required"] == true && given["schema"]["format"] == "uuid");
    // An end before its beginning, a cursor together with an offset, no reason where the row asks for one.
    let combines = |name: &Value| name == "date_from" || name == "cursor" || name == "reason";
    let can_clash = operation["parameters"].as_array().into_iter().flatten().any(|one| combines(&one["name"]));
    let applies = |status: u16| match status {
        401 | 403 => !is_public || path.contains("/auth/"),
        404 => has_id || has_body || demands_an_id,
        409 => method != "get" || path.ends_with("/totp"),
        410 => path.ends_with("/coord/events") || (path.ends_with("/coord/locks/{id}") && has_body),
        412 => matches!(method, "put" | "patch" | "delete") && parameters::is_conditional(path),
        413 | 415 => has_body,
        422 => has_body || method == "post" || can_clash,
        429 => !is_aside(path),
        405 => false,
        400 => !is_probe,
        _ => !is_probe || status == 500,
    };
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (_, status, _) in CODES.iter().filter(|(_, status, _)| applies(*status)) {
        let reference = json!({"$ref": format!("#/components/responses/{status}")});
        responses.entry(status.to_string()).or_insert(reference);
    }
}

fn error_responses() -> Value {
    let mut responses = Map::new();
    for (code, status, when) in CODES {
        let entry = responses.entry(status.to_string()).or_insert_with(|| {
            json!({"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}})
        });
        let told = entry["description"].as_str().unwrap_or_default().to_owned();
        let separator = if told.is_empty() { "" } else { "; " };
        entry["description"] = json!(format!("{told}{separator}`{code}`: {when}"));
        for name in BUDGET_HEADERS {
            entry["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
        }
        if matches!(status, 429 | 503) {
            entry["headers"]["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
        }
    }
    Value::Object(responses)
}

fn error_schema() -> Value {
    let codes: Vec<&str> = CODES.iter().map(|(code, ..)| *code).collect();
    json!({
        "type": "object",
        "required": ["error", "detail", "path", "timestamp", "request_id"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "details"],
                "properties": {
                    "code": {"type": "string", "enum": codes},
                    "message": {"type": "string", "description": "What to change."},
                    "details": {"type": "object", "description": "With several faults at once, `fields` lists them all."},
                    "retry_after": {"type": "integer", "description": "Seconds to wait."}
                }
            },
            "detail": {"description": "The message, or with several faults the list of them.",
                       "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
            "path": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time"},
            "request_id": {"type": "string"}
        }
    })
}
