//! Storage on SQL databases, through sea-orm.
//!
//! [`SqlStore`] hands out transactions (`SqlTx`); each resource has its table in `entity/` and its repository in
//! `repository/`, where `SqlTx` itself implements the port. What the repositories share is in `query.rs` (statements),
//! `records.rs` (the port that all have in common), `row.rs` (what columns keep) and `failure.rs` (what a driver's error
//! means). `connect.rs` holds what differs by engine about connections, `pulse.rs` and `guarded.rs` what happens when a server is away. `schema.rs` applies the migrations;
//! `bulk.rs` adds rows in great number, past the ports.

mod bulk;
mod connect;
mod connection;
mod embedded;
mod entity;
mod failure;
mod guarded;
mod insertion;
mod journal;
mod lanes;
#[cfg(feature = "plans")]
pub mod plans;
mod pool;
mod pulse;
mod query;
mod question;
mod records;
mod repository;
mod row;
mod schema;
mod store;
mod together;

pub use bulk::Bulk;
pub use connect::SqlOptions;
pub use pool::PoolNumbers;
pub use schema::{SchemaError, compare, is_behind, prepare, take_back};
pub use store::SqlStore;
