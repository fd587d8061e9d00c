//! The record of work: clients, their projects, the machines that tools run on, sessions, work items, pending tasks, tags.
//!
//! Every resource is three pieces: its type with the rules that need no storage (`client.rs`), its port
//! ([`ports::ClientRepository`]) and its use cases ([`ClientService`]). `docs/adding-a-resource.md` walks through them.
#![warn(missing_docs)]

pub mod ports;

mod client;
mod client_service;
#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;
mod values;

pub use client::{BillingRounding, Client, ClientFields, ClientFilter, ClientSort, ClientType};
pub use client_service::ClientService;
pub use values::{Context, Currency, Subnet};
