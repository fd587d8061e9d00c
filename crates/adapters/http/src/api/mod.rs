//! The resources, one module each.

pub(crate) mod clients;
pub(crate) mod outside;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts every resource under a prefix.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(clients::routes);
}
