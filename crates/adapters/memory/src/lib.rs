//! Storage in memory: every port in plain code, which makes it the reference that the SQL adapter is compared with.
//!
//! A transaction works on a copy of everything and swaps it in at commit; only one writes at a time. That is simple and
//! right, and far too slow for anything but tests and trials.

mod billable_time;
mod client;
mod client_book;
mod closing;
mod coord;
mod coord_messages;
mod credential;
mod failure;
mod identity;
mod inventory;
mod inventory_queries;
mod journal;
mod machine;
mod pending_task;
mod project;
mod session;
mod store;
mod table;
mod tag;
mod time_block;
mod timer;
mod work_item;

pub use store::MemoryStore;
