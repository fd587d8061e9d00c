//! What every limiter must do, in memory and in Redis. What needs Redis stands in modules
//! called `redis`.
#![expect(clippy::expect_used, reason = "a failure here is a failed test")]

mod exact;
mod link;
mod place;
mod windows;
