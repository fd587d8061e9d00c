//! The API over real HTTP against the server that ships, one module per resource or subject.
#![expect(clippy::too_many_lines, reason = "a day told in one test reads better than in five")]

mod agents;
mod audit;
mod context;
mod conventions;
mod identity;
mod jwt;
mod machines;
mod pending_tasks;
mod projects;
mod sessions;
mod spec;
mod tags;
mod work_items;
