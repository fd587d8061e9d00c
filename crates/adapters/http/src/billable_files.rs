//! Files of billable time: written page by page, while they are sent.

use actix_web::web::Bytes;
use claudetools_kernel::{Actor, Error, Page, Query, Start, enumeration};
use claudetools_sessions::{BillableTimeFilter, BillableTimeRow, BillableTimeService, BillableTimeSort};

use crate::{
    api::billable_time::BillableTimeView,
    extract::Choice,
    spreadsheet::{Cell, Rows, Sheet},
};

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
    /// As `Content-Type` names it.
    pub(crate) const fn media_type(self) -> &'static str {
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
pub(crate) struct Export {
    entries: BillableTimeService,
    actor: Actor,
    query: Query<BillableTimeFilter, BillableTimeSort>,
    rows: Rows,
    /// The page to write next; `None` once the file is whole.
    next: Option<Page<BillableTimeRow>>,
}

impl Export {
    /// An export that begins with the page `first` of `query`.
    pub(crate) fn begin(
        entries: BillableTimeService,
        actor: Actor,
        query: Query<BillableTimeFilter, BillableTimeSort>,
        first: Page<BillableTimeRow>,
        format: ExportFormat,
    ) -> Result<Self, Error> {
        let rows = match format {
            ExportFormat::Csv => Rows::Sheet(Sheet::csv(&COLUMNS)),
            ExportFormat::Xlsx => Rows::Sheet(Sheet::xlsx("Billable time", &COLUMNS)?),
            ExportFormat::Json => Rows::json("billable_time"),
        };
        Ok(Self { entries, actor, query, rows, next: Some(first) })
    }

    /// The next piece of the file: a page of rows, and the one after it is read only when this has been sent.
    pub(crate) async fn piece(mut self) -> Result<Option<(Bytes, Self)>, Error> {
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
