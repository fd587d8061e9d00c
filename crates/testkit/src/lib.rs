//! What the suites stand on: a fresh store per test and engine, and the application over real HTTP.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "test code: a failure here is a failed test")]

mod stores;

pub use stores::{Engine, TestStore};
