//! Many pieces of infrastructure at once over HTTP, and what fails with one.

use actix_web::{HttpResponse, get, http::StatusCode, post, web::Bytes};
use claudetools_infra::inventory::{
    Asset, AssetDraft, AssetFilter, AssetSort, AssetStatus, AssetType, Bulk, Cause, FailingAsset, FailingService,
    Impact, MOST_ROWS, Named, Outcome, RelationshipType,
};
use claudetools_kernel::{Error, Faults, Id, Page, PageRequest, Query as Wanted, Start, enumeration};
use futures::stream;
use o2o::o2o;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{
    infrastructure::{InfrastructureBody, InfrastructureView},
    infrastructure_table as table,
};
use crate::{
    error::{ApiError, problem_without_log},
    extract::{Body, Caller, CsvText, PathId, Query, Read, Write, parse},
    reply::{Answer, Reply, value},
    wire::{Cross, WantedAddress, Word, each},
};

type TypeWord = Word<AssetType>;
type StatusWord = Word<AssetStatus>;
type RelationshipWord = Word<RelationshipType>;
type FormatWord = Word<Format>;
type OutcomeWord = Word<OutcomeKind>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(bulk).service(import).service(export).service(impact);
}

enumeration! {
    /// What a file is.
    enum Format {
        /// A table.
        Csv = "csv",
        /// One object.
        Json = "json",
    }
}

enumeration! {
    /// What became of a row.
    enum OutcomeKind {
        /// It was entered.
        Created = "created",
        /// What has its host name was changed.
        Updated = "updated",
        /// What has its host name says the same already.
        Unchanged = "unchanged",
        /// It was not taken.
        Refused = "refused",
    }
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

/// What became of the rows.
#[derive(Debug, Serialize, ToSchema)]
struct BulkView {
    #[schema(minimum = 0, example = 1)]
    created: usize,
    #[schema(minimum = 0, example = 0)]
    updated: usize,
    #[schema(minimum = 0, example = 0)]
    unchanged: usize,
    #[schema(minimum = 0, example = 0)]
    refused: usize,
    /// Whether nothing of this was kept.
    dry_run: bool,
    /// In the order of the request.
    rows: Vec<RowView>,
}

/// What became of a row.
#[derive(Debug, Serialize, ToSchema)]
struct RowView {
    /// The row's place, from 0; of a table without the row that names the columns.
    #[schema(minimum = 0, example = 0)]
    index: usize,
    outcome: OutcomeWord,
    /// Empty when the row was refused, or nothing was kept.
    id: Option<Uuid>,
    /// Why it was refused: `code`, `message`, `details` as in an error's body.
    #[schema(value_type = Option<Object>)]
    error: Option<Value>,
}

impl BulkView {
    fn new(outcomes: &[Outcome], dry_run: bool) -> Self {
        let rows: Vec<RowView> = outcomes.iter().enumerate().map(|row| RowView::new(row, dry_run)).collect();
        let count = |kind| rows.iter().filter(|row| row.outcome.0 == kind).count();
        Self {
            created: count(OutcomeKind::Created),
            updated: count(OutcomeKind::Updated),
            unchanged: count(OutcomeKind::Unchanged),
            refused: count(OutcomeKind::Refused),
            dry_run,
            rows,
        }
    }
}

impl RowView {
    fn new((index, outcome): (usize, &Outcome), dry_run: bool) -> Self {
        let taken = |kind, id: Option<Id<Asset>>| (kind, id.map(Id::uuid), None);
        let (kind, id, error) = match outcome {
            // A dry run's new ids name nothing.
            Outcome::Created(id) => taken(OutcomeKind::Created, Some(*id).filter(|_| !dry_run)),
            Outcome::Updated(id) => taken(OutcomeKind::Updated, Some(*id)),
            Outcome::Unchanged(id) => taken(OutcomeKind::Unchanged, Some(*id)),
            Outcome::Refused(error) => {
                let problem = problem_without_log(error);
                let told = serde_json::json!({"code": problem.code, "message": problem.message,
                    "details": problem.details});
                (OutcomeKind::Refused, None, Some(told))
            }
        };
        Self { index, outcome: Word(kind), id, error }
    }
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

/// A row of a bulk.
fn draft(row: &Value, is_create: bool) -> Result<AssetDraft, Faults> {
    let read = parse::<InfrastructureBody>(row.to_string().as_bytes(), is_create);
    match read {
        Ok(body) => Ok(AssetDraft { fields: body.into(), ..AssetDraft::default() }),
        Err(Error::Invalid(faults)) => Err(faults),
        Err(other) => {
            let mut faults = Faults::default();
            faults.schema("row", "form", &format!("could not be read: {other}"));
            Err(faults)
        }
    }
}

/// A row of a table, which may name others by their names.
fn named(mut row: Map<String, Value>) -> Result<AssetDraft, Faults> {
    let mut take = |column: &str| row.remove(column).and_then(|name| name.as_str().map(str::to_owned));
    let (client_name, site_name, parent_hostname) = (take("client_name"), take("site_name"), take("parent_hostname"));
    Ok(AssetDraft { client_name, site_name, parent_hostname, ..draft(&Value::Object(row), false)? })
}

/// Which infrastructure to export, and how.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(AssetFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `csv` unless given.
    #[ghost]
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
    #[param(value_type = Option<String>, example = "10.20.0.5")]
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

/// How many rows are read at a time.
const AT_ONCE: u32 = 200;

/// Export infrastructure
///
/// All rows that the filters admit, by host name, sent as they are read. In the table a cell that a spreadsheet would take for a
/// formula has an apostrophe before it, which the import takes off again.
#[utoipa::path(params(ExportQuery), responses((status = 200, description = "By `format`.",
    content((InfrastructureExport = "application/json"), (String = "text/csv")))), security(("bearer" = ["msp:read"])))]
#[get("/infrastructure/export")]
async fn export(caller: Caller<Read>, query: Query<ExportQuery>) -> Answer {
    let format = query.0.format.map_or(Format::Csv, |format| format.0);
    let mut wanted = Wanted { filter: query.0.into(), page: PageRequest::<AssetSort>::first(AT_ONCE) };
    let (services, actor) = (caller.shared(), caller.actor().clone());
    let first = services.inventory.assets.list(&actor, &wanted).await?;
    let pages = stream::try_unfold((Some(first), true), move |(page, is_first)| {
        let (services, actor) = (services.clone(), actor.clone());
        let Some(page) = page else { return futures::future::Either::Left(futures::future::ready(Ok(None))) };
        if let Some(place) = page.next.clone() {
            wanted.page.start = Start::After(place);
        }
        let (wanted, goes_on) =
            (Wanted { filter: wanted.filter.clone(), page: wanted.page.clone() }, page.next.is_some());
        futures::future::Either::Right(Box::pin(async move {
            let text = chunk(page, format, is_first).map_err(ApiError::from)?;
            let next = if goes_on {
                Some(services.inventory.assets.list(&actor, &wanted).await.map_err(ApiError::from)?)
            } else {
                None
            };
            Ok::<_, ApiError>(Some((Bytes::from(text), (next, false))))
        }))
    });
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "infrastructure.csv"),
        Format::Json => ("application/json", "infrastructure.json"),
    };
    let disposition = ("Content-Disposition", format!("attachment; filename=\"{name}\""));
    Ok(HttpResponse::Ok().content_type(kind).insert_header(disposition).streaming(pages))
}

/// The part of a file that a page makes.
fn chunk(page: Page<Named<Asset>>, format: Format, is_first: bool) -> Result<String, Error> {
    let is_last = page.next.is_none();
    let failed = |error: serde_json::Error| Error::Internal(error.to_string());
    let mut text = String::new();
    match format {
        Format::Csv => {
            if is_first {
                table::write_header(&mut text);
            }
            for row in page.items {
                let view = serde_json::to_value(InfrastructureView::from(row)).map_err(failed)?;
                table::write_row(&view, &mut text);
            }
        }
        Format::Json => {
            text.push_str(if is_first { "{\"infrastructure\":[" } else { "," });
            for (at, row) in page.items.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::to_string(&InfrastructureView::from(row)).map_err(failed)?);
            }
            if is_last {
                text.push_str("]}");
            }
        }
    }
    Ok(text)
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
