//! The tables, one module each. The migrations are the truth; a test compares these with what they make.

pub(crate) mod api_audit_log;
pub(crate) mod client;
pub(crate) mod idempotency_key;
