//! The repositories, one module each.

mod account;
mod agent_run;
mod api_audit_log;
mod client;
mod machine;
mod login_throttle;
mod refresh_token;
mod revocation;
mod tag;
mod pending_task;
mod project;
mod session_directory;
pub(crate) mod session;
pub(crate) mod work_item;
