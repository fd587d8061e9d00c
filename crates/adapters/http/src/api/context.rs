//! Recovering the context of a client's work over HTTP.

use actix_web::get;
use claudetools_kernel::Id;
use claudetools_sessions::RecoveredContext;
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{
    clients::{ClientInfrastructureView, ClientView},
    pending_tasks::PendingTaskView,
    sessions::SessionRowView,
    work_items::WorkItemRowView,
};
use crate::{
    extract::{Caller, Query, Read},
    reply::{Answer, value},
    wire::each,
};

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(recover);
}

/// Where the work for a client stands.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(RecoveredContext)]
struct RecoveredContextView {
    #[from(~.into())]
    client: ClientView,
    /// What equipment the client has, by host name. At most 200.
    #[from(each(~))]
    infrastructure: Vec<ClientInfrastructureView>,
    /// The latest first.
    #[from(each(~))]
    last_sessions: Vec<SessionRowView>,
    /// Those neither completed nor cancelled, the most urgent first: overdue, then by priority, then by the day due. At
    /// most 200.
    #[from(each(~))]
    open_tasks: Vec<PendingTaskView>,
    /// Those not completed, the youngest first. At most 200.
    #[from(each(~))]
    open_work_items: Vec<WorkItemRowView>,
}

/// Whose context to recover.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RecoverQuery {
    #[param(required)]
    client_id: Option<Uuid>,
    /// How many sessions to tell of.
    #[param(minimum = 1, maximum = 50, default = 5)]
    limit: Option<u32>,
}

/// Recover the context of a client's work
#[utoipa::path(params(RecoverQuery), responses((status = 200, body = RecoveredContextView)), security(("bearer" = ["msp:read"])))]
#[get("/context/recover")]
async fn recover(caller: Caller<Read>, query: Query<RecoverQuery>) -> Answer {
    let RecoverQuery { client_id, limit } = query.0;
    let recovered = caller.services().context.recover(caller.actor(), client_id.map(Id::new), limit).await?;
    value(&RecoveredContextView::from(recovered))
}
