//! What stands outside the prefixes.

use actix_web::get;
use serde::Serialize;
use utoipa::ToSchema;

use crate::mounting::ServiceConfig;
use crate::reply::{Answer, value};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(about);
}

/// Where to find what.
#[derive(Debug, Serialize, ToSchema)]
struct About {
    #[schema(example = "ClaudeTools")]
    name: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
    links: Links,
}

#[derive(Debug, Serialize, ToSchema)]
struct Links {
    #[schema(example = "/api/v1")]
    api: &'static str,
    #[schema(example = "/docs")]
    docs: &'static str,
    #[schema(example = "/openapi.json")]
    openapi: &'static str,
    #[schema(example = "/health")]
    health: &'static str,
}

/// Name, version and links
#[utoipa::path(responses((status = 200, body = About)))]
#[get("/")]
async fn about() -> Answer {
    let links = Links { api: "/api/v1", docs: "/docs", openapi: "/openapi.json", health: "/health" };
    value(&About { name: "ClaudeTools", version: env!("CARGO_PKG_VERSION"), links })
}
