//! Paths and methods that nothing is mounted at.

use actix_web::{HttpRequest, HttpResponse, dev::ResourceDef, web::Data};

use crate::error::{Problem, response};

/// Every path of the API with its methods, read from the description.
///
/// actix answers 404 where the path fits and the method does not, because each handler is a resource of its own.
#[derive(Debug)]
pub struct RouteTable(Vec<(ResourceDef, String)>);

impl RouteTable {
    /// The table of a description.
    pub fn new(description: &serde_json::Value) -> Self {
        let paths = description.get("paths").and_then(serde_json::Value::as_object);
        let route = |(path, item): (&String, &serde_json::Value)| {
            let methods = ["get", "post", "put", "patch", "delete"];
            let allowed: Vec<String> =
                methods.iter().filter(|method| item.get(**method).is_some()).map(|m| m.to_uppercase()).collect();
            (ResourceDef::new(path.as_str()), allowed.join(", "))
        };
        Self(paths.into_iter().flatten().map(route).collect())
    }

    /// The methods of a path, as the `Allow` header lists them.
    fn allowed(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(route, _)| route.is_match(path)).map(|(_, allowed)| allowed.as_str())
    }
}

/// 405 where the path exists, else 404.
pub(crate) async fn not_found(request: HttpRequest, routes: Data<RouteTable>) -> HttpResponse {
    let path = request.path();
    // The first generation's prefix serves the same paths; the description lists `/api/v1` alone.
    let described = match path.strip_prefix("/api/") {
        Some(rest) if !rest.starts_with("v1/") => format!("/api/v1/{rest}"),
        _ => path.to_owned(),
    };
    match routes.allowed(&described) {
        Some(allowed) => {
            let text = format!("{} is not available here; use {allowed}", request.method());
            let mut problem = Problem::new("METHOD_NOT_ALLOWED", text);
            problem.allow = Some(allowed.to_owned());
            response(problem)
        }
        None => response(Problem::new("NOT_FOUND", format!("nothing is at {path}; see /openapi.json for what there is"))),
    }
}
