//! The repositories, one module each.

mod account;
mod agent_run;
mod api_audit_log;
mod billable_time;
mod client;
mod closing;
mod coord_component;
mod coord_head;
mod coord_lock;
mod coord_message;
mod coord_retention;
mod coord_session;
mod credential;
mod credential_chain;
mod credential_version;
mod login_throttle;
mod machine;
mod pending_task;
mod project;
mod refresh_token;
mod revocation;
pub(crate) mod session;
mod session_directory;
mod tag;
mod time_block;
mod timer;
pub(crate) mod work_item;
