//! What the suites stand on: a fresh store per test and engine, and the application over real HTTP.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "test code: a failure here is a failed test")]

mod api;
mod app;
mod clock;
mod damage;
mod database;
mod event_stream;
mod redis;
mod stores;

pub use api::{Answer, Api};
pub use app::{ADMIN_EMAIL, ADMIN_PASSWORD, TestApp, TestAppBuilder};
pub use clock::TestClock;
pub use damage::{admit_audit_of_creates, execute, hold_writers, refuse_audit_of_creates};
pub use database::{Database, Engine};
pub use event_stream::{EventStream, Sent};
pub use redis::{Way, clear_redis, redis_url};
pub use stores::TestStore;
