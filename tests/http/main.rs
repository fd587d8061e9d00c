//! The API over real HTTP against the server that ships, one module per resource or subject.
#![expect(clippy::expect_used, reason = "test code: what is missing is a failed test")]
#![expect(clippy::needless_pass_by_value, reason = "`json!` at the place of the call reads best")]

mod agents;
mod audit;
mod billable_time;
mod clients;
mod context;
mod conventions;
mod coord_components;
mod coord_feed;
mod coord_locks;
mod coord_messages;
mod coord_sessions;
mod credential_chain;
mod credentials;
mod failures;
mod identity;
mod infrastructure;
mod inventory;
mod jwt;
mod limits;
mod machines;
mod metrics;
mod pending_tasks;
mod projects;
mod promql;
mod sessions;
mod spec;
mod tags;
mod work_items;
