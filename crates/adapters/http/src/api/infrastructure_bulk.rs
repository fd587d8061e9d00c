//! Many pieces of infrastructure at once over HTTP, and what fails with one.

use actix_web::{get, http::StatusCode, post};
use claudetools_infra::inventory::{
    Asset, AssetDraft, AssetFilter, AssetStatus, AssetType, Bulk, Cause, FailingAsset, FailingService, Impact,
    MOST_ROWS, Outcome, RelationshipType,
};
use claudetools_kernel::Faults;
use o2o::o2o;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::infrastructure::{InfrastructureBody, InfrastructureView};
use crate::{
    extract::{Body, Caller, CsvText, PathId, Query, Read, Write},
    infrastructure_files::{BulkView, Format, draft, named, send},
    infrastructure_table as table,
    mounting::ServiceConfig,
    reply::{Answer, Reply, value},
    wire::{Cross, IpText, WantedAddress, Word, each},
};

type TypeWord = Word<AssetType>;
type StatusWord = Word<AssetStatus>;
type RelationshipWord = Word<RelationshipType>;
type FormatWord = Word<Format>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(bulk).service(import).service(export).service(impact);
}

/// Infrastructure to enter.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"rows": [{"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "hostname": "FS01",
    "asset_type": "physical_server"}]}))]
struct InfrastructureRows {
    /// At most 1,000.
    #[schema(required, value_type = Vec<InfrastructureBody>, min_items = 1, max_items = 1000)]
    rows: Vec<Value>,
}

/// Whether the good rows are kept where others are refused.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BulkQuery {
    /// Keep the good rows; otherwise one row that is refused keeps all others out, and the answer is an error whose fields are
    /// named `rows[3].hostname`.
    #[param(default = false)]
    partial: Option<bool>,
}

/// How a table is taken.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// As for a bulk.
    #[param(default = false)]
    partial: Option<bool>,
    /// Tell what would be done, and do nothing.
    #[param(default = false)]
    dry_run: Option<bool>,
}

/// Enter many pieces of infrastructure
///
/// All or none, unless `partial` says otherwise.
#[utoipa::path(params(BulkQuery), request_body = InfrastructureRows, responses((status = 200, body = BulkView)), security(("bearer" = ["msp:write"])))]
#[post("/infrastructure/bulk")]
async fn bulk(caller: Caller<Write>, query: Query<BulkQuery>, body: Body<InfrastructureRows>) -> Answer {
    let rows: Vec<_> = body.0.rows.iter().map(|row| draft(row, true)).collect();
    let how = Bulk { partial: query.0.partial.unwrap_or_default(), ..Bulk::default() };
    take(&caller, rows, how).await
}

/// Take infrastructure over from a table
///
/// The first row names the columns, which are those of the export; any of them may be missing. A client can be named by
/// `client_name`, a site by `site_name`, a host by `parent_hostname`; `id`, `created_at` and `updated_at` are passed over. A row whose
/// host name the client has already changes what its cells say and leaves what its empty cells are about. Lists are separated by
/// semicolons, maps are JSON. All rows or none, unless `partial` says otherwise.
#[utoipa::path(params(ImportQuery), request_body(content = String, content_type = "text/csv", description = "A table of at most 1,000 rows, in UTF-8."),
    responses((status = 200, body = BulkView)), security(("bearer" = ["msp:write"])))]
#[post("/infrastructure/import")]
async fn import(caller: Caller<Write>, query: Query<ImportQuery>, body: CsvText) -> Answer {
    let rows = table::read(&body.0)?;
    let ImportQuery { partial, dry_run } = query.0;
    let how = Bulk { partial: partial.unwrap_or_default(), updates: true, dry_run: dry_run.unwrap_or_default() };
    take(&caller, rows.into_iter().map(|row| row.and_then(named)).collect(), how).await
}

async fn take(caller: &Caller<Write>, rows: Vec<Result<AssetDraft, Faults>>, how: Bulk) -> Answer {
    if !(1..=MOST_ROWS).contains(&rows.len()) {
        return Err(Faults::one("rows", "items", &format!("must be from 1 to {MOST_ROWS}")).into());
    }
    let assets = &caller.services().inventory.assets;
    let render = |outcomes: &Vec<Outcome>| Reply::plain(StatusCode::OK, &BulkView::new(outcomes, how.dry_run));
    caller.write(|| assets.bulk(caller.actor(), &rows, how), render).await
}

/// Which infrastructure to export, and how.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(AssetFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `csv` unless given.
    #[ghost]
    #[param(inline)]
    format: Option<FormatWord>,
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    site_id: Option<Uuid>,
    asset_type: Option<TypeWord>,
    status: Option<StatusWord>,
    /// Substring of the host name, whatever the case.
    hostname: Option<String>,
    /// The whole address, however it is written.
    #[param(inline, value_type = Option<IpText>, example = "10.20.0.5")]
    ip: Option<WantedAddress>,
    /// One of the tags, whatever the case.
    tag: Option<String>,
    /// As for the list.
    q: Option<String>,
}

/// All infrastructure asked for.
#[derive(Debug, Serialize, ToSchema)]
struct InfrastructureExport {
    infrastructure: Vec<InfrastructureView>,
}

/// Export infrastructure
///
/// All rows that the filters admit, by host name, sent as they are read. In the table a cell that a spreadsheet would take for a
/// formula has an apostrophe before it, which the import takes off again.
#[utoipa::path(params(ExportQuery), responses((status = 200, description = "By `format`.",
    content((InfrastructureExport = "application/json"), (String = "text/csv")))), security(("bearer" = ["msp:read"])))]
#[get("/infrastructure/export")]
async fn export(caller: Caller<Read>, query: Query<ExportQuery>) -> Answer {
    let format = query.0.format.map_or(Format::Csv, |format| format.0);
    send(caller.shared(), caller.actor().clone(), query.0.into(), format).await
}

/// How far to look.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImpactQuery {
    /// How many steps away.
    #[param(minimum = 1, maximum = 50, default = 10)]
    depth: Option<u32>,
}

/// What fails with a piece of infrastructure, the nearest first.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(Impact)]
struct ImpactView {
    #[from(@.asset.id.cross())]
    infrastructure_id: Uuid,
    #[schema(example = "HV01")]
    #[from(@.asset.hostname)]
    hostname: String,
    /// What runs on it, also by way of others.
    #[from(each(@.assets))]
    infrastructure: Vec<FailingInfrastructureView>,
    /// The services on all of these, and those that do not work without them.
    #[from(each(~))]
    services: Vec<FailingServiceView>,
    /// Whether everything was followed to its end; if not, `depth` or 10,000 rows were reached before.
    is_complete: bool,
}

/// Why something fails.
#[derive(Debug, Serialize, ToSchema)]
struct CauseView {
    /// What it runs on.
    infrastructure_id: Option<Uuid>,
    /// The service that it needs, and what it is to that one.
    service_id: Option<Uuid>,
    relationship_type: Option<RelationshipWord>,
}

impl From<Cause> for CauseView {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::RunsOn(asset) => {
                Self { infrastructure_id: Some(asset.uuid()), service_id: None, relationship_type: None }
            }
            Cause::Service(service, kind) => {
                Self { infrastructure_id: None, service_id: Some(service.uuid()), relationship_type: Some(Word(kind)) }
            }
        }
    }
}

/// Infrastructure that fails.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(FailingAsset)]
struct FailingInfrastructureView {
    #[from(@.asset.id.cross())]
    id: Uuid,
    #[from(@.asset.client_id)]
    client_id: Uuid,
    #[schema(example = "VM01")]
    #[from(@.asset.hostname)]
    hostname: String,
    #[from(Word(@.asset.asset_type))]
    asset_type: TypeWord,
    /// How many steps away.
    #[schema(minimum = 1, example = 1)]
    distance: u32,
    #[from(~.into())]
    cause: CauseView,
}

/// A service that fails.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(FailingService)]
struct FailingServiceView {
    #[from(@.service.id.cross())]
    id: Uuid,
    #[from(@.service.client_id)]
    client_id: Uuid,
    #[schema(example = "Intranet")]
    #[from(@.service.service_name)]
    service_name: String,
    #[from(@.service.infrastructure_id.cross())]
    infrastructure_id: Uuid,
    /// How many steps away.
    #[schema(minimum = 1, example = 2)]
    distance: u32,
    #[from(~.into())]
    cause: CauseView,
}

/// What fails with a piece of infrastructure
///
/// Follows hosts to what runs on them, and services to those that are hosted on, proxied by, dependent on or authenticated via
/// them. Replicas and backups are not followed: they go on without. What hangs together in a circle is shown once.
#[utoipa::path(params(ImpactQuery), responses((status = 200, body = ImpactView)), security(("bearer" = ["msp:read"])))]
#[get("/infrastructure/{id}/impact")]
async fn impact(caller: Caller<Read>, id: PathId<Asset>, query: Query<ImpactQuery>) -> Answer {
    let found = caller.services().inventory.assets.impact(caller.actor(), id.0, query.0.depth).await?;
    value(&ImpactView::from(found))
}
