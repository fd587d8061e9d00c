//! What every limiter must do, in memory and in Redis. Where there is no Redis its part is left out with a word.
#![expect(clippy::expect_used, reason = "a failure here is a failed test")]

mod exact;
mod link;
mod place;
mod windows;
