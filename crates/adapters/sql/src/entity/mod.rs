//! The tables, one module each. The migrations are the truth; a test compares these with what they make.

pub(crate) mod account;
pub(crate) mod agent_run;
pub(crate) mod api_audit_log;
pub(crate) mod client;
pub(crate) mod command;
pub(crate) mod credential;
pub(crate) mod credential_access;
pub(crate) mod credential_audit_epoch;
pub(crate) mod credential_audit_head;
pub(crate) mod credential_audit_log;
pub(crate) mod credential_share;
pub(crate) mod credential_version;
pub(crate) mod environmental_insight;
pub(crate) mod failure_pattern;
pub(crate) mod failure_pattern_key;
pub(crate) mod firewall_rule;
pub(crate) mod idempotency_key;
pub(crate) mod infrastructure;
pub(crate) mod login_throttle;
pub(crate) mod m365_tenant;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod pending_task;
pub(crate) mod project;
pub(crate) mod refresh_token;
pub(crate) mod revocation;
pub(crate) mod security_incident;
pub(crate) mod security_incident_asset;
pub(crate) mod security_incident_move;
pub(crate) mod service;
pub(crate) mod service_relationship;
pub(crate) mod session;
pub(crate) mod session_tag;
pub(crate) mod session_technology;
pub(crate) mod site;
pub(crate) mod tag;
pub(crate) mod task_dependency;
pub(crate) mod vault_check;
pub(crate) mod work_item;
pub(crate) mod work_item_tag;
pub(crate) mod write_guard;

#[cfg(test)]
mod tests;
