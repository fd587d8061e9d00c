//! What the suites stand on: a fresh store per test and engine, and the application over real HTTP.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "test code: a failure here is a failed test")]
#![expect(clippy::print_stderr, reason = "what was left out is for whoever runs the tests")]

mod api;
mod app;
mod clock;
mod damage;
mod redis;
mod stores;

pub use api::{Answer, Api};
pub use app::{ADMIN_EMAIL, ADMIN_PASSWORD, TestApp, TestAppBuilder};
pub use clock::TestClock;
pub use damage::{execute, hold_write_lock};
pub use redis::{Way, clear_redis, redis_url};
pub use stores::{Engine, TestStore};
