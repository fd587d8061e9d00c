//! What the programs around the product share: servers and databases as processes of their own, a network that loses answers,
//! and a client that costs little. The benchmarks, the torture and the suite of faults stand on it.
#![warn(missing_docs)]

pub mod client;
pub mod cut;
pub mod database;
pub mod failure;
pub mod process;
pub mod server;
pub mod tools;

pub use failure::{Failure, Result};
