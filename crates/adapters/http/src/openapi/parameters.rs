//! Parameters that follow from the conventions.

use std::{borrow::Cow, marker::PhantomData};

use claudetools_kernel::SortField;
use serde_json::{Value, json};
use utoipa::{
    __dev::ComposeSchema,
    IntoParams, ToSchema,
    openapi::{
        RefOr, Schema, SchemaFormat,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type},
    },
};

use crate::extract::{Choice, MAX_LIMIT};

/// The body of a list of `T`, for the description: the collection is named after the path there.
pub(crate) struct Listed<T>(PhantomData<T>);

impl<T: ToSchema> ComposeSchema for Listed<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ArrayBuilder::new().items(utoipa::openapi::Ref::from_schema_name(T::name())).into()
    }
}

impl<T: ToSchema> ToSchema for Listed<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("ListOf{}", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// The paging parameters of a list that can be sorted by `S`.
pub(crate) struct Paging<S>(PhantomData<S>);

impl<S: SortField> IntoParams for Paging<S> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let (field, direction) = S::DEFAULT;
        let sign = if direction == claudetools_kernel::Direction::Descending { "-" } else { "" };
        let words = S::ALL.iter().flat_map(|field| [field.as_str().to_owned(), format!("-{}", field.as_str())]);
        let integer = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
        let string = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        let sort = string().enum_values(Some(words)).default(Some(json!(format!("{sign}{}", field.as_str()))));
        let limit = integer().minimum(Some(1)).maximum(Some(MAX_LIMIT)).default(Some(json!(50)));
        let offset = integer().minimum(Some(0)).maximum(Some(i64::MAX)).default(Some(json!(0)));
        let include_total = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean));
        [
            ("limit", "At most so many rows.", limit),
            ("offset", "Skip so many rows; beyond some ten thousand, page by `cursor` instead.", offset),
            (
                "cursor",
                "Continue behind the last row of the page whose `next_cursor` this is; in place of `offset`.",
                string().format(Some(SchemaFormat::Custom("cursor".to_owned()))),
            ),
            ("sort", "The order; `-` before the field for descending. Ties are broken by id.", sort),
            ("include_total", "Count the rows also when paging by cursor.", include_total),
        ]
        .into_iter()
        .map(|(name, description, schema)| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .description(Some(description))
                .schema(Some(schema))
                .build()
        })
        .collect()
    }
}

/// The parameter of a [`Choice`].
pub(crate) struct Choosing<W>(PhantomData<W>);

impl<W: Choice> IntoParams for Choosing<W> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let words = W::ALL.iter().map(|word| word.as_str());
        let string = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        let schema = string.enum_values(Some(words)).default(Some(json!(W::DEFAULT.as_str())));
        let parameter = ParameterBuilder::new().name(W::NAME).parameter_in(ParameterIn::Query);
        vec![parameter.description(Some(W::TEXT)).schema(Some(schema)).build()]
    }
}

/// Operations whose answers carry a token or a secret: they are never stored, and refuse `Idempotency-Key`.
const SECRET: &[&str] = &[
    "/api/v1/auth/token",
    "/api/v1/auth/refresh",
    "/api/v1/agents/{agent_type}",
    "/api/v1/credentials/generate",
    "/api/v1/credentials/{id}/shares",
    "/api/v1/shares/open",
];

/// Whether the path is that of a single row with an `ETag`. Refresh tokens have none: nothing of them can be changed.
pub(super) fn is_conditional(path: &str) -> bool {
    // What coordination shows of locks and sessions changes with every millisecond.
    let passes = ["/refresh-tokens/", "/coord/locks/", "/coord/sessions/"].iter().any(|part| path.contains(part));
    (path.ends_with('}') || path.ends_with("/access")) && !passes
}

/// Adds the path's ids and the headers that the conventions give an operation of this kind.
pub(super) fn add(path: &str, method: &str, operation: &mut Value) {
    refuse_nul(operation);
    let mut added = Vec::new();
    let named: Vec<&str> = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let known = operation["parameters"].as_array().cloned().unwrap_or_default();
    for name in &named {
        if !known.iter().any(|parameter| parameter["name"] == **name && parameter["in"] == "path") {
            added.push(
                json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}}),
            );
        }
    }
    let is_conditional = is_conditional(path);
    let is_secret = SECRET.contains(&path);
    if method == "get" && is_conditional {
        added.push(header("If-None-Match", "ETag of the copy that the client has; 304 when it is still good."));
        operation["responses"]["304"] = json!({"description": "The client's copy is still good; no body."});
    }
    if matches!(method, "put" | "patch" | "delete") && is_conditional {
        added.push(header("If-Match", "ETag of the row that the change is meant for; 412 when it has changed since."));
    }
    if method == "post" && path.starts_with("/api/v1/") && !is_secret {
        let text = "Repeats of this request under the same key, for 24 hours, get the first answer again.";
        let mut parameter = header("Idempotency-Key", text);
        parameter["schema"] = json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"});
        added.push(parameter);
    }
    if !added.is_empty() {
        let all: Vec<Value> = known.into_iter().chain(added).collect();
        operation["parameters"] = Value::Array(all);
    }
}

fn header(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"}})
}

/// No parameter is null, and no text of a query may contain NUL, which PostgreSQL cannot store.
fn refuse_nul(operation: &mut Value) {
    // Indexing would leave a null where there are no parameters.
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        // What may be left out is given or not, but never null.
        if let Some(kinds) = parameter["schema"]["type"].as_array() {
            let kinds: Vec<Value> = kinds.iter().filter(|kind| **kind != "null").cloned().collect();
            parameter["schema"]["type"] = if let [kind] = &kinds[..] { kind.clone() } else { json!(kinds) };
        }
        let is_free_text = parameter["in"] == "query"
            && parameter["schema"]["type"] == "string"
            && ["format", "enum", "pattern"].iter().all(|bound| parameter["schema"].get(*bound).is_none());
        if is_free_text {
            parameter["schema"]["pattern"] = json!(r"^[^\x00]*$");
        }
    }
}
