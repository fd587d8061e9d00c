//! The repositories, one module each.

mod account;
mod agent_run;
mod api_audit_log;
mod client;
mod client_book;
mod command;
mod credential;
mod credential_chain;
mod credential_version;
mod environmental_insight;
mod failure_pattern;
mod inventory;
mod inventory_items;
mod login_throttle;
mod machine;
mod pending_task;
mod project;
mod refresh_token;
mod revocation;
pub(crate) mod session;
mod session_directory;
mod surroundings;
mod tag;
pub(crate) mod work_item;
