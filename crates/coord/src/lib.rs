//! Who works on what, right now: presence of sessions, locks with fencing tokens, messages, states of components, and the events
//! that tell of all of them.
//!
//! Every change of ownership locks one row first, the head, which hands out tokens and event numbers; so their order is total.
#![warn(missing_docs)]

mod component;
mod component_service;
mod event;
mod feed_service;
mod head;
mod message;
mod message_service;
mod names;
pub mod ports;
mod project;
mod retention;
mod retention_service;
mod status;

#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;

pub use component::{
    Component, ComponentDraft, ComponentFields, ComponentKey, ComponentState, HistoryEntry, HistorySort, Report, Reported,
};
pub use component_service::ComponentService;
pub use event::{Event, EventKind, Occurrence};
pub use feed_service::{Extent, FeedService, Place};
pub use head::Head;
pub use message::{
    Audience, Delivery, Importance, Mark, Message, MessageDetail, MessageDraft, MessageFields, MessageFilter, MessageRow,
    MessageSort,
};
pub use message_service::{MessageService, deliver_late};
pub use names::{LONGEST_COMPONENT, LONGEST_PROJECT_KEY, project_key};
pub use project::{CoordProject, CoordProjectFields};
pub use retention::{LONGEST_DAYS, PruneBounds, Pruned, Retention, RetentionFields};
pub use retention_service::RetentionService;
pub use status::{ProjectStatus, Status, StatusService};
