//! The tables, one module each. The migrations are the truth; a test compares these with what they make.

pub(crate) mod account;
pub(crate) mod agent_run;
pub(crate) mod api_audit_log;
pub(crate) mod billable_time;
pub(crate) mod client;
pub(crate) mod closing;
pub(crate) mod coord_component;
pub(crate) mod coord_component_history;
pub(crate) mod coord_event;
pub(crate) mod coord_fence;
pub(crate) mod coord_head;
pub(crate) mod coord_lock;
pub(crate) mod coord_message;
pub(crate) mod coord_message_recipient;
pub(crate) mod coord_project;
pub(crate) mod coord_retention;
pub(crate) mod coord_session;
pub(crate) mod coord_waiter;
pub(crate) mod credential;
pub(crate) mod credential_access;
pub(crate) mod credential_audit_epoch;
pub(crate) mod credential_audit_head;
pub(crate) mod credential_audit_log;
pub(crate) mod credential_share;
pub(crate) mod credential_version;
pub(crate) mod idempotency_key;
pub(crate) mod login_throttle;
pub(crate) mod machine;
pub(crate) mod pending_task;
pub(crate) mod project;
pub(crate) mod refresh_token;
pub(crate) mod revocation;
pub(crate) mod session;
pub(crate) mod session_tag;
pub(crate) mod session_technology;
pub(crate) mod tag;
pub(crate) mod task_dependency;
pub(crate) mod time_block;
pub(crate) mod timer;
pub(crate) mod vault_check;
pub(crate) mod work_item;
pub(crate) mod work_item_tag;
pub(crate) mod write_guard;

#[cfg(test)]
mod tests;
