//! The record of work: clients, their projects, the machines that tools run on, sessions, work items, pending tasks, tags.
//!
//! Every resource is three pieces: its type with the rules that need no storage (`client.rs`), its port
//! ([`ports::ClientRepository`]) and its use cases ([`ClientService`]). `docs/adding-a-resource.md` walks through them.
#![warn(missing_docs)]

pub mod ports;

mod billing;
mod client;
mod client_detail;
mod client_service;
mod context_service;
#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;
mod machine;
mod machine_service;
mod pending_task;
mod pending_task_service;
mod project;
mod project_service;
mod session;
mod session_filter;
mod session_service;
mod session_views;
mod slug;
mod tag;
mod tag_service;
mod task_graph;
mod values;
mod work_item;
mod work_item_service;

pub use billing::BillingRule;
pub use client::{BillingRounding, Client, ClientFields, ClientFilter, ClientSort, ClientType};
pub use client_detail::{ClientAsset, ClientDetail};
pub use client_service::ClientService;
pub use context_service::{ContextService, RecoveredContext};
pub use machine::{Fingerprint, Machine, MachineFields, MachineFilter, MachineKey, MachineSort, Platform};
pub use machine_service::MachineService;
pub use pending_task::{
    PendingTask, PendingTaskDetail, PendingTaskDraft, PendingTaskFields, PendingTaskFilter, PendingTaskRow, TaskSort,
    TaskStatus,
};
pub use pending_task_service::PendingTaskService;
pub use project::{
    Project, ProjectDetail, ProjectFields, ProjectFilter, ProjectRow, ProjectSort, ProjectStatus, ProjectTotals,
};
pub use project_service::ProjectService;
pub use session::{Session, SessionDraft, SessionFields, SessionSort, SessionStatus};
pub use session_filter::SessionFilter;
pub use session_service::SessionService;
pub use session_views::{SessionDetail, SessionRow, SessionWorkItem};
pub use tag::{
    CountedTag, LONGEST_NAME as LONGEST_TAG_NAME, RECENT as RECENTLY_TAGGED, Tag, TagCategory, TagFields, TagFilter,
    TagSort, TagUsage, TaggedSession, TaggedWorkItem,
};
pub use tag_service::TagService;
pub use task_graph::TaskLink;
pub use values::{Context, Currency, Priority, Subnet};
pub use work_item::{
    WorkItem, WorkItemCategory, WorkItemDetail, WorkItemDraft, WorkItemFields, WorkItemFilter, WorkItemRow,
    WorkItemSort, WorkItemStatus,
};
pub use work_item_service::WorkItemService;
