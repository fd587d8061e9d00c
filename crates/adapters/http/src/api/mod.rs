//! The resources, one module each.

pub(crate) mod accounts;
pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod clients;
pub(crate) mod context;
pub(crate) mod health;
pub(crate) mod machines;
pub(crate) mod metrics;
pub(crate) mod outside;
pub(crate) mod pending_tasks;
pub(crate) mod projects;
pub(crate) mod sessions;
pub(crate) mod tags;
pub(crate) mod tasks;
pub(crate) mod work_items;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts every resource under a prefix.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(accounts::routes).configure(agents::routes).configure(audit::routes).configure(auth::routes);
    config.configure(health::api_routes).configure(metrics::routes);
    config.configure(projects::routes).configure(pending_tasks::routes).configure(tasks::routes);
    config.configure(clients::routes).configure(context::routes);
    config.configure(machines::routes).configure(tags::routes);
    config.configure(sessions::routes).configure(work_items::routes);
}
