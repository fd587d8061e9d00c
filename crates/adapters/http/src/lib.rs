//! The REST API on actix-web.
//!
//! - `api/` holds a module per resource: bodies, views, handlers of a dozen lines, `routes`.
//! - `extract/` holds what handlers take: `extract::Caller` (nobody reaches a handler without the scope in its type),
//!   `Body`, `PathId`, `ListQuery`.
//! - `wire.rs` holds how kernel types look in JSON and in the OpenAPI description.
//! - `error.rs` is the one table from errors to statuses; `envelope.rs` is the outermost layer, which gives every answer its
//!   request id, its security headers and, when it is an error, its body; `limits.rs` is the layer inside it that counts
//!   requests against budgets; `metrics.rs` is what is measured; `feed.rs` tells all who listen what happened.
//!
//! The mounting is the description: `openapi.rs` collects what `app.rs` mounts.

mod api;
mod app;
mod audit;
mod billable_files;
mod cors;
mod docs;
mod envelope;
mod error;
mod extract;
mod fallback;
mod feed;
mod feed_answer;
mod infrastructure_files;
mod infrastructure_table;
mod limits;
mod lock_metrics;
mod lock_refusal;
mod metrics;
mod mounting;
mod openapi;
mod probe;
mod recovery;
mod reply;
mod requests;
mod spreadsheet;
mod starting;
mod wire;

pub use app::{HttpOptions, SecurityHeaders, Services, mount};
pub use audit::{AuditSink, WriteBatch};
pub use cors::cors;
pub use envelope::Envelope;
pub use extract::{CoordAccess, RunningKeys};
pub use fallback::RouteTable;
pub use feed::{Chunk, Feed, Heard, Listener};
pub use limits::limit;
pub use metrics::{FeedMeter, Metrics, PoolProbe, PoolUse};
pub use openapi::description;
pub use probe::HealthProbe;
pub use requests::RequestCounter;
pub use starting::{Starting, mount_starting};
