//! Request budgets, counted exactly: in the memory of this process, or in Redis for several replicas.
//!
//! `window.rs` says which windows a class has and how their counters are read; [`MemoryLimiter`] and [`RedisLimiter`] keep
//! them. Both pass the same suite, in `tests/limiter`.

mod budgets;
mod memory;
mod redis;
mod window;

pub use crate::{
    budgets::Budgets,
    memory::MemoryLimiter,
    redis::{ConnectError, RedisLimiter, RedisOptions, RedisUrl},
};
