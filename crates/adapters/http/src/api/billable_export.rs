//! The export of billable time over HTTP.

use actix_web::{
    HttpResponse, get,
    http::header::{self, ContentEncoding},
};
use claudetools_kernel::{Direction, PageRequest, Query, Sort, Start};
use claudetools_sessions::{BillableTimeFilter, BillableTimeSort};
use futures::stream;

use super::billable_time::{BillableTimeQuery, BillableTimeView};
use crate::{
    billable_files::{Export, ExportFormat},
    extract::{Caller, FilterQuery, Read},
    mounting::ServiceConfig,
    openapi::Choosing,
    reply::Answer,
};

/// How many rows are read, and kept, at a time.
const ROWS: u32 = 500;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(export);
}

/// Export billable time
///
/// All entries that the filter admits, the oldest first, sent while they are read. In CSV, text that a spreadsheet would take for a
/// formula (`=`, `+`, `-`, `@`, a tab or a carriage return first) begins with an apostrophe. A workbook has text as text, and a sheet for
/// each 1,048,575 entries. An export that fails on its way ends in the middle: the connection is cut.
#[utoipa::path(params(BillableTimeQuery, Choosing<ExportFormat>), responses((status = 200, description = "The file.", content(
    (String = "text/csv"),
    (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (BillableTimeExport = "application/json"),
))), security(("bearer" = ["msp:read"])))]
#[get("/billable-time/export")]
async fn export(
    caller: Caller<Read>,
    query: FilterQuery<BillableTimeQuery, BillableTimeFilter, ExportFormat>,
) -> Answer {
    let format = query.choice;
    let sort = Sort { field: BillableTimeSort::EntryDate, direction: Direction::Ascending };
    let page = PageRequest { limit: ROWS, start: Start::Offset(0), sort, with_total: false };
    let query = Query { filter: query.filter, page };
    let entries = caller.services().billing.entries.clone();
    // What is refused is refused before the first byte.
    let first = entries.list(caller.actor(), &query).await?;
    let export = Export::begin(entries, caller.actor().clone(), query, first, format)?;
    let name = format!("attachment; filename=\"billable-time.{format}\"");
    let mut response = HttpResponse::Ok();
    response.content_type(format.media_type()).insert_header((header::CONTENT_DISPOSITION, name));
    if format == ExportFormat::Xlsx {
        // It is compressed already.
        response.insert_header(ContentEncoding::Identity);
    }
    Ok(response.streaming(stream::try_unfold(export, Export::piece)))
}

/// An export as JSON.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "written piece by piece; this describes the whole")]
struct BillableTimeExport {
    billable_time: Vec<BillableTimeView>,
}
