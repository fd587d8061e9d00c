//! The export of billable time over HTTP.

use actix_web::{
    HttpResponse, get,
    http::header::{self, ContentEncoding},
    web::Bytes,
};
use claudetools_kernel::{Actor, Direction, Error, Page, PageRequest, Query, Sort, Start, enumeration};
use claudetools_sessions::{BillableTimeFilter, BillableTimeRow, BillableTimeService, BillableTimeSort};
use futures::stream;

use super::billable_time::{BillableTimeQuery, BillableTimeView};
use crate::{
    extract::{Caller, Choice, FilterQuery, Read},
    mounting::ServiceConfig,
    openapi::Choosing,
    reply::Answer,
    spreadsheet::{Cell, Rows, Sheet},
};

/// How many rows are read, and kept, at a time.
const ROWS: u32 = 500;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(export);
}

enumeration! {
    /// The form of an export.
    pub(crate) enum ExportFormat {
        /// Comma-separated values.
        Csv = "csv",
        /// A workbook.
        Xlsx = "xlsx",
        /// JSON.
        Json = "json",
    }
}

impl Choice for ExportFormat {
    const NAME: &'static str = "format";
    const TEXT: &'static str = "The form of the file.";
    const DEFAULT: Self = Self::Csv;
}

impl ExportFormat {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Json => "application/json",
        }
    }
}

const COLUMNS: [&str; 21] = [
    "id",
    "entry_date",
    "client",
    "project",
    "technician",
    "start_time",
    "end_time",
    "minutes",
    "rounded_minutes",
    "is_billable",
    "hourly_rate",
    "currency",
    "amount",
    "is_billed",
    "invoice_ref",
    "description",
    "overlaps",
    "session_id",
    "work_item_id",
    "client_id",
    "project_id",
];

fn cells(row: &BillableTimeRow) -> [Cell; COLUMNS.len()] {
    let entry = &row.entry;
    let text = |text: &dyn ToString| Cell::Text(text.to_string());
    let number = |number: &dyn ToString| Cell::Number(number.to_string());
    let overlaps: Vec<String> = row.overlaps.iter().map(ToString::to_string).collect();
    [
        text(&entry.id),
        text(&entry.entry_date),
        text(&row.client_name),
        row.project_name.as_ref().map_or(Cell::Empty, |name| text(name)),
        text(&entry.technician),
        entry.start_time.map_or(Cell::Empty, |at| text(&at)),
        entry.end_time.map_or(Cell::Empty, |at| text(&at)),
        number(&entry.minutes),
        number(&entry.rounded_minutes),
        text(&entry.is_billable),
        entry.hourly_rate.map_or(Cell::Empty, |rate| number(&rate)),
        text(&entry.currency),
        entry.amount.map_or(Cell::Empty, |amount| number(&amount)),
        text(&entry.is_billed),
        entry.invoice_ref.as_ref().map_or(Cell::Empty, |reference| text(reference)),
        entry.description.as_ref().map_or(Cell::Empty, |description| text(description)),
        text(&overlaps.join(" ")),
        entry.session_id.map_or(Cell::Empty, |id| text(&id)),
        entry.work_item_id.map_or(Cell::Empty, |id| text(&id)),
        text(&entry.client_id),
        entry.project_id.map_or(Cell::Empty, |id| text(&id)),
    ]
}

/// An export on its way.
struct Export {
    entries: BillableTimeService,
    actor: Actor,
    query: Query<BillableTimeFilter, BillableTimeSort>,
    rows: Rows,
    /// The page to write next; `None` once the file is whole.
    next: Option<Page<BillableTimeRow>>,
}

impl Export {
    /// The next piece of the file: a page of rows, and the one after it is read only when this has been sent.
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        let Some(page) = self.next.take() else { return Ok(None) };
        for row in page.items {
            match &mut self.rows {
                Rows::Json(json) => json.row(&BillableTimeView::from(row))?,
                Rows::Sheet(sheet) => sheet.row(&cells(&row))?,
            }
        }
        if let Some(place) = page.next {
            self.query.page.start = Start::After(place);
            self.next = Some(self.entries.list(&self.actor, &self.query).await?);
        }
        let bytes = if self.next.is_some() { self.rows.take() } else { self.rows.finish()? };
        Ok(Some((bytes.into(), self)))
    }
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
    let rows = match format {
        ExportFormat::Csv => Rows::Sheet(Sheet::csv(&COLUMNS)),
        ExportFormat::Xlsx => Rows::Sheet(Sheet::xlsx("Billable time", &COLUMNS)?),
        ExportFormat::Json => Rows::json("billable_time"),
    };
    let export = Export { entries, actor: caller.actor().clone(), query, rows, next: Some(first) };
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
