//! Infrastructure in great number: rows read from a bulk or a table, what is told of them, and files sent page by page.

use actix_web::{
    HttpResponse,
    web::{Bytes, Data},
};
use claudetools_infra::inventory::{Asset, AssetDraft, AssetFilter, AssetSort, Named, Outcome};
use claudetools_kernel::{Actor, Error, Faults, Id, Page, PageRequest, Query as Wanted, Start, enumeration};
use futures::{
    future::{Either, ready},
    stream,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    api::infrastructure::{InfrastructureBody, InfrastructureView},
    app::Services,
    error::{ApiError, problem_without_log},
    extract::parse,
    infrastructure_table as table,
    reply::Answer,
    wire::Word,
};

type OutcomeWord = Word<OutcomeKind>;

enumeration! {
    /// What a file is.
    pub(crate) enum Format {
        /// A table.
        Csv = "csv",
        /// One object.
        Json = "json",
    }
}

enumeration! {
    /// What became of a row.
    pub(crate) enum OutcomeKind {
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

/// What became of the rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkView {
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
    pub(crate) fn new(outcomes: &[Outcome], dry_run: bool) -> Self {
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

/// A row of a bulk.
pub(crate) fn draft(row: &Value, is_create: bool) -> Result<AssetDraft, Faults> {
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
pub(crate) fn named(mut row: Map<String, Value>) -> Result<AssetDraft, Faults> {
    let mut take = |column: &str| row.remove(column).and_then(|name| name.as_str().map(str::to_owned));
    let (client_name, site_name, parent_hostname) = (take("client_name"), take("site_name"), take("parent_hostname"));
    Ok(AssetDraft { client_name, site_name, parent_hostname, ..draft(&Value::Object(row), false)? })
}

/// How many rows are read at a time.
const AT_ONCE: u32 = 200;

/// Sends what a filter admits, by host name, page after page as they are read.
pub(crate) async fn send(services: Data<Services>, actor: Actor, filter: AssetFilter, format: Format) -> Answer {
    let mut wanted = Wanted { filter, page: PageRequest::<AssetSort>::first(AT_ONCE) };
    let first = services.inventory.assets.list(&actor, &wanted).await?;
    let pages = stream::try_unfold((Some(first), true), move |(page, is_first)| {
        let (services, actor) = (services.clone(), actor.clone());
        let Some(page) = page else { return Either::Left(ready(Ok(None))) };
        if let Some(place) = page.next.clone() {
            wanted.page.start = Start::After(place);
        }
        let (wanted, goes_on) =
            (Wanted { filter: wanted.filter.clone(), page: wanted.page.clone() }, page.next.is_some());
        Either::Right(Box::pin(async move {
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
