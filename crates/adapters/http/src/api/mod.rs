//! The resources, one module each.

pub(crate) mod accounts;
pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod billable_export;
pub(crate) mod billable_time;
pub(crate) mod clients;
pub(crate) mod commands;
pub(crate) mod context;
pub(crate) mod coord_components;
pub(crate) mod coord_events;
pub(crate) mod coord_locks;
pub(crate) mod coord_messages;
pub(crate) mod coord_sessions;
pub(crate) mod coord_status;
pub(crate) mod credential_audit;
pub(crate) mod credential_secrets;
pub(crate) mod credentials;
pub(crate) mod environmental_insights;
pub(crate) mod failure_patterns;
pub(crate) mod firewall_rules;
pub(crate) mod generate;
pub(crate) mod health;
pub(crate) mod infrastructure;
pub(crate) mod infrastructure_bulk;
pub(crate) mod m365_tenants;
pub(crate) mod machines;
pub(crate) mod metrics;
pub(crate) mod networks;
pub(crate) mod outside;
pub(crate) mod pending_tasks;
pub(crate) mod periods;
pub(crate) mod projects;
pub(crate) mod security_incidents;
pub(crate) mod service_relationships;
pub(crate) mod services;
pub(crate) mod sessions;
pub(crate) mod shares;
pub(crate) mod sites;
pub(crate) mod tags;
pub(crate) mod time_blocks;
pub(crate) mod timers;
pub(crate) mod vault;
pub(crate) mod work_items;

use crate::mounting::ServiceConfig;

/// The paths of pending tasks; the second is the same by a shorter name.
pub(crate) const PENDING_TASKS: [&str; 2] = ["/pending-tasks", "/tasks"];

/// Mounts every resource under a prefix.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    // A request is compared with the routes in their order; most are for these.
    config.configure(sessions::routes).configure(work_items::routes);
    config.configure(accounts::routes).configure(agents::routes).configure(audit::routes).configure(auth::routes);
    config.configure(health::api_routes).configure(metrics::routes);
    for path in PENDING_TASKS {
        config.scope(path, pending_tasks::routes);
    }
    config.configure(projects::routes);
    config.configure(clients::routes).configure(context::routes);
    // The paths with words in the place of an id come first.
    config.configure(vault::routes).configure(generate::routes).configure(credential_audit::routes);
    config.configure(credential_secrets::routes).configure(shares::routes).configure(credentials::routes);
    config.configure(coord_locks::routes).configure(coord_sessions::routes);
    config.configure(coord_messages::routes).configure(coord_components::routes);
    config.configure(coord_status::routes).configure(coord_events::routes);
    config.configure(timers::routes).configure(periods::routes).configure(billable_export::routes);
    config.configure(billable_time::routes).configure(time_blocks::routes);
    config.configure(machines::routes).configure(tags::routes);
    config.configure(sites::routes).configure(infrastructure_bulk::routes).configure(infrastructure::routes);
    config.configure(services::routes).configure(service_relationships::routes).configure(networks::routes);
    config.configure(firewall_rules::routes).configure(m365_tenants::routes).configure(security_incidents::routes);
    config.configure(commands::routes).configure(environmental_insights::routes).configure(failure_patterns::routes);
}
