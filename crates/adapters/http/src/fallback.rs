//! Paths and methods that nothing is mounted at.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ResourceDef,
    web::{Bytes, Data},
};
use serde::Deserialize;

use crate::error::{Problem, response};

/// The description of everything mounted, as `cargo xtask openapi` has left it; a test compares it with what is mounted.
const DESCRIPTION: &str = include_str!("../../../../docs/api/openapi.json");

/// Every path of the API with its methods, read from the description.
///
/// actix answers 404 where the path fits and the method does not, because each handler is a resource of its own.
#[derive(Debug)]
pub struct RouteTable {
    routes: Vec<Route>,
    /// The place of each route's template in `routes`.
    by_template: HashMap<String, usize>,
}

#[derive(Debug)]
struct Route {
    path: ResourceDef,
    /// How many of its segments are no placeholders.
    words: usize,
    allowed: String,
    /// The methods that take no query at all.
    without_query: Vec<&'static str>,
}

/// What the table needs of the description.
#[derive(Deserialize)]
struct Described {
    paths: BTreeMap<String, DescribedPath>,
}

#[derive(Deserialize)]
struct DescribedPath {
    get: Option<DescribedOperation>,
    post: Option<DescribedOperation>,
    put: Option<DescribedOperation>,
    patch: Option<DescribedOperation>,
    delete: Option<DescribedOperation>,
}

#[derive(Deserialize)]
struct DescribedOperation {
    #[serde(default)]
    parameters: Vec<DescribedParameter>,
}

#[derive(Deserialize)]
struct DescribedParameter {
    #[serde(rename = "in")]
    place: Option<Cow<'static, str>>,
}

impl DescribedPath {
    fn operations(&self) -> impl Iterator<Item = (&'static str, &DescribedOperation)> {
        let all = [
            ("GET", &self.get),
            ("POST", &self.post),
            ("PUT", &self.put),
            ("PATCH", &self.patch),
            ("DELETE", &self.delete),
        ];
        all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
    }
}

impl RouteTable {
    /// The table of everything mounted.
    ///
    /// # Errors
    /// The description in this binary is not one.
    pub fn new() -> Result<Self, serde_json::Error> {
        let described: Described = serde_json::from_str(DESCRIPTION)?;
        Ok(Self {
            by_template: described.paths.keys().cloned().zip(0..).collect(),
            routes: described.paths.iter().map(|(path, item)| Route::new(path, item)).collect(),
        })
    }

    /// The route that fits a path at which no handler was found; only these pay for a walk over all of them.
    fn find(&self, path: &str) -> Option<&Route> {
        let described = described(path);
        // Where a key may hold a slash several fit: the one with the most words of its own is meant.
        self.routes.iter().filter(|route| route.path.is_match(&described)).max_by_key(|route| route.words)
    }

    /// What a request is answered whose path is described as it stands, for other methods.
    pub(crate) fn refusal(&self, request: &HttpRequest) -> Option<Problem> {
        let route = self.find(request.path())?;
        (!route.allows(request.method().as_str())).then(|| route.refuse(request))
    }

    /// Whether the operation that a request was routed to takes no query parameters, so that any given is a misspelt or misplaced
    /// one. `template` is the one that it is mounted at.
    pub(crate) fn takes_no_query(&self, method: &str, template: &str) -> bool {
        let route = self.by_template.get(&*described(template)).and_then(|place| self.routes.get(*place));
        route.is_some_and(|route| route.without_query.contains(&method))
    }
}

/// The template of a route as the description has it, whose variable parts bear no patterns: of the one in the second place of
/// `/components/{key:[^/]+}` remains `{key}`.
pub(crate) fn template(pattern: &str) -> String {
    let mut template = String::with_capacity(pattern.len());
    let mut in_pattern = false;
    let mut in_variable = false;
    for character in pattern.chars() {
        match character {
            '{' => in_variable = true,
            ':' if in_variable => in_pattern = true,
            '}' => (in_variable, in_pattern) = (false, false),
            _ => {}
        }
        if !in_pattern {
            template.push(character);
        }
    }
    template
}

/// The keys of projects of coordination stand in paths as one segment or as two.
fn with_patterns(path: &str) -> String {
    path.replace("{project_key}", "{project_key:[^/]+(?:/[^/]+)?}")
}

/// A path or template as the description has it. The first generation's prefix serves the same; the description lists `/api/v1` alone.
fn described(path: &str) -> Cow<'_, str> {
    match path.strip_prefix("/api/") {
        Some(rest) if !rest.starts_with("v1/") => Cow::Owned(format!("/api/v1/{rest}")),
        _ => Cow::Borrowed(path),
    }
}

impl Route {
    fn new(path: &str, item: &DescribedPath) -> Self {
        let has_query = |operation: &DescribedOperation| {
            operation.parameters.iter().any(|parameter| parameter.place.as_deref() == Some("query"))
        };
        let allowed: Vec<&str> = item.operations().map(|(method, _)| method).collect();
        let without_query = item.operations().filter(|(_, operation)| !has_query(operation));
        Self {
            path: ResourceDef::new(with_patterns(path)),
            words: path.split('/').filter(|segment| !segment.starts_with('{')).count(),
            allowed: allowed.join(", "),
            without_query: without_query.map(|(method, _)| method).collect(),
        }
    }

    fn allows(&self, method: &str) -> bool {
        self.allowed.split(", ").any(|allowed| allowed == method)
    }

    /// That the method of a request is none of this route.
    fn refuse(&self, request: &HttpRequest) -> Problem {
        let text = format!("{} is not available here; use {}", request.method(), self.allowed);
        let mut problem = Problem::new("METHOD_NOT_ALLOWED", text);
        problem.allow = Some(self.allowed.clone());
        problem
    }
}

/// The description as it is sent.
pub(crate) const fn description() -> Bytes {
    Bytes::from_static(DESCRIPTION.as_bytes())
}

/// 405 where the path exists, else 404.
pub(crate) async fn not_found(request: HttpRequest, routes: Data<RouteTable>) -> HttpResponse {
    let path = request.path();
    let Some(route) = routes.find(path) else {
        return response(Problem::new(
            "NOT_FOUND",
            format!("nothing is at {path}; see /openapi.json for what there is"),
        ));
    };
    response(route.refuse(&request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_bears_no_patterns() {
        let pattern = "/api/v1/coord/components/{project_key:[^/]+(?:/[^/]+)?}/{component}/history";
        assert_eq!(template(pattern), "/api/v1/coord/components/{project_key}/{component}/history");
        assert_eq!(template("/clients/{id}"), "/clients/{id}");
    }
}
