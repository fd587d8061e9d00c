//! Who works on what, right now: presence of sessions, locks with fencing tokens, messages, states of components, and the events
//! that tell of all of them.
//!
//! Every change of ownership locks one row first, the head, which hands out tokens and event numbers; so their order is total. Who gets
//! which lock is decided in `table.rs`, in plain sequential code. Calls reach it over the desk (`desk.rs`), where the clerk of each process
//! (`clerk.rs`) decides whatever waits in one transaction (`round.rs`, `batch.rs`).
#![warn(missing_docs)]

mod batch;
mod clerk;
mod component;
mod component_service;
mod context;
mod desk;
mod event;
mod feed_service;
mod head;
mod lock;
mod lock_service;
mod message;
mod message_service;
pub mod mutant;
mod names;
mod path;
pub mod ports;
mod presence;
mod presence_service;
mod project;
mod retention;
mod retention_service;
mod round;
mod status;
mod table;

#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;

pub use clerk::Clerk;
pub use component::{
    Component, ComponentDraft, ComponentFields, ComponentKey, ComponentState, HistoryEntry, HistorySort, Report,
    Reported,
};
pub use component_service::ComponentService;
pub use context::Context;
pub use desk::{Answer, Desk, LockCounts, NoWitness, Pause, Pending, Witness};
pub use event::{Event, EventKind, Occurrence};
pub use feed_service::{Extent, FeedService, Place};
pub use head::Head;
pub use lock::{
    Call, Conflict, Done, Grant, LONGEST_WAIT, Lock, LockDetail, LockFields, LockFilter, LockMode, LockSort, LockState,
    Refusal, Waiter, Want, session_key,
};
pub use lock_service::{Broken, LockService};
pub use message::{
    Audience, Delivery, Importance, Mark, Message, MessageDetail, MessageDraft, MessageFields, MessageFilter,
    MessageRow, MessageSort,
};
pub use message_service::{MessageService, deliver_late};
pub use names::project_key;
pub use path::ResourcePath;
pub use presence::{Party, Presence, PresenceFields, PresenceFilter, PresenceSort, PresenceState};
pub use presence_service::{PresenceService, SignOfLife};
pub use project::{CoordProject, CoordProjectFields};
pub use retention::{PruneBounds, Pruned, Retention, RetentionFields};
pub use retention_service::RetentionService;
pub use status::{ProjectStatus, Status, StatusService};
pub use table::{Changes, NotRenewed, Obstacle, Rules, Table};
