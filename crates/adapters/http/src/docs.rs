//! The description and the interactive page, both out of the binary, so that they work with no internet access.

use std::sync::{Arc, LazyLock};

use actix_web::{HttpResponse, http::header, web};
use utoipa_swagger_ui::Config;

use crate::{
    error::{Problem, response},
    fallback,
};

static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config =
        Config::new(["/openapi.json"]).display_operation_id(true).persist_authorization(true).try_it_out_enabled(true);
    // The validator would send the description to a host on the internet.
    Arc::new(config.validator_url("none"))
});

/// Mounts the description at `/openapi.json` and the page at `/docs` and `/api/docs`.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.route("/openapi.json", web::get().to(description));
    for root in ["/docs", "/api/docs"] {
        config.service(web::redirect(root, format!("{root}/")).permanent());
        config.route(&format!("{root}/{{file:.*}}"), web::get().to(page));
    }
}

async fn description() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(fallback::description())
}

async fn page(file: web::Path<String>) -> HttpResponse {
    match utoipa_swagger_ui::serve(&file, Arc::clone(&PAGE)) {
        Ok(Some(found)) => HttpResponse::Ok()
            .content_type(found.content_type)
            .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
            .body(found.bytes.into_owned()),
        _ => response(Problem::new("NOT_FOUND", "no such file; the page is at /docs/")),
    }
}
