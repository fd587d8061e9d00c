//! The REST API on actix-web.
//!
//! - `api/` holds a module per resource: bodies, views, handlers of a dozen lines, `routes`.
//! - `extract/` holds what handlers take: `extract::Caller` (nobody reaches a handler without the scope in its type),
//!   `Body`, `PathId`, `ListQuery`.
//! - `wire.rs` holds how kernel types look in JSON and in the OpenAPI description.
//! - `error.rs` is the one table from errors to statuses; `envelope.rs` is the outermost layer, which gives every answer its
//!   request id, its security headers and, when it is an error, its body; `limits.rs` is the layer inside it that counts
//!   requests against budgets; `metrics.rs` is what is measured.
//!
//! The mounting is the description: `openapi.rs` collects what `app.rs` mounts.

mod api;
mod app;
mod audit;
mod cors;
mod docs;
mod envelope;
mod error;
mod extract;
mod fallback;
mod infrastructure_files;
mod infrastructure_table;
mod limits;
mod metrics;
mod openapi;
mod probe;
mod reply;
mod requests;
mod starting;
mod wire;

pub use app::{HttpOptions, SecurityHeaders, Services, mount};
pub use audit::{AuditSink, WriteBatch};
pub use cors::cors;
pub use envelope::Envelope;
pub use extract::RunningKeys;
pub use fallback::RouteTable;
pub use limits::limit;
pub use metrics::{Metrics, PoolProbe, PoolUse};
pub use openapi::description;
pub use probe::HealthProbe;
pub use requests::RequestCounter;
pub use starting::{Starting, mount_starting};
