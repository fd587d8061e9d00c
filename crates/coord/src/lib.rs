//! Who works on what, right now: presence of sessions, locks with fencing tokens, messages, states of components, and the events
//! that tell of all of them.
//!
//! Every change of ownership locks one row first, the head, which hands out tokens and event numbers; so their order is total.
#![warn(missing_docs)]

mod event;
mod head;
pub mod ports;

#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;

pub use event::{Event, EventKind, Occurrence};
pub use head::Head;
