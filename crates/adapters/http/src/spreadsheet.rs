//! Tables as files that are sent while they are made: in memory is no more than the piece on its way.

use std::{
    cell::RefCell,
    fmt,
    io::{self, Write},
    rc::Rc,
};

use claudetools_kernel::Error;
use serde::Serialize;
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

/// A cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Nothing.
    Empty,
    /// Text.
    Text(String),
    /// A number, as it is written.
    Number(String),
}

/// The rows of a file, of whatever form.
#[derive(Debug)]
pub(crate) enum Rows {
    /// A list in a JSON object.
    Json(JsonRows),
    /// A table.
    Sheet(Sheet),
}

impl Rows {
    /// A JSON object with a list of this name.
    pub(crate) fn json(collection: &str) -> Self {
        Self::Json(JsonRows { bytes: format!("{{\"{collection}\":[").into_bytes(), is_first: true })
    }

    /// What has been made since it was last taken.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Json(rows) => std::mem::take(&mut rows.bytes),
            Self::Sheet(Sheet::Csv(bytes)) => std::mem::take(bytes),
            Self::Sheet(Sheet::Xlsx(book)) => book.buffer.take(),
        }
    }

    /// The last piece.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Json(rows) => rows.bytes.extend_from_slice(b"]}"),
            Self::Sheet(Sheet::Csv(_)) => {}
            Self::Sheet(Sheet::Xlsx(book)) => book.finish().map_err(|error| broken(&error))?,
        }
        Ok(self.take())
    }
}

/// The rows of a list in a JSON object.
#[derive(Debug)]
pub(crate) struct JsonRows {
    bytes: Vec<u8>,
    is_first: bool,
}

impl JsonRows {
    /// Adds a row.
    pub(crate) fn row(&mut self, row: &impl Serialize) -> Result<(), Error> {
        if !std::mem::take(&mut self.is_first) {
            self.bytes.push(b',');
        }
        serde_json::to_writer(&mut self.bytes, row).map_err(|error| broken(&error))
    }
}

fn broken(error: &dyn fmt::Display) -> Error {
    Error::Internal(format!("an export: {error}"))
}

/// A table.
#[derive(Debug)]
pub(crate) enum Sheet {
    /// Comma-separated values (RFC 4180).
    Csv(Vec<u8>),
    /// A workbook (ECMA-376).
    Xlsx(Box<Workbook>),
}

impl Sheet {
    /// A table of comma-separated values.
    pub(crate) fn csv(columns: &[&str]) -> Self {
        let mut bytes = Vec::new();
        csv_row(&mut bytes, &header(columns));
        Self::Csv(bytes)
    }

    /// A workbook whose sheets bear this name.
    pub(crate) fn xlsx(name: &'static str, columns: &[&str]) -> Result<Self, Error> {
        let buffer = Buffer::default();
        let zip = ZipWriter::new_stream(buffer.clone());
        let mut book = Workbook { buffer, zip: Some(zip), name, header: header(columns), sheets: 0, rows: 0 };
        book.begin_sheet().map_err(|error| broken(&error))?;
        Ok(Self::Xlsx(Box::new(book)))
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        match self {
            Self::Csv(bytes) => {
                csv_row(bytes, cells);
                Ok(())
            }
            Self::Xlsx(book) => book.add(cells).map_err(|error| broken(&error)),
        }
    }
}

fn header(columns: &[&str]) -> Vec<Cell> {
    columns.iter().map(|column| Cell::Text((*column).to_owned())).collect()
}

fn csv_row(bytes: &mut Vec<u8>, cells: &[Cell]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            bytes.push(b',');
        }
        match cell {
            Cell::Empty => {}
            Cell::Number(number) => bytes.extend_from_slice(number.as_bytes()),
            Cell::Text(text) => csv_text(bytes, text),
        }
    }
    bytes.extend_from_slice(b"\r\n");
}

/// Text that a spreadsheet would take for a formula is made plain by an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn csv_text(bytes: &mut Vec<u8>, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quotes = text.contains(['"', ',', '\r', '\n']);
    let mark = if quotes { "\"" } else { "" };
    bytes.extend_from_slice(mark.as_bytes());
    if is_formula {
        bytes.push(b'\'');
    }
    bytes.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    bytes.extend_from_slice(mark.as_bytes());
}

/// The most rows that a sheet may have.
const SHEET_ROWS: u32 = 1_048_576;
/// The most characters that a cell may hold, in UTF-16 units; what is beyond is cut off.
const CELL_UNITS: usize = 32_767;

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const TYPES: &str = "http://schemas.openxmlformats.org/package/2006/content-types";
const SHEET_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// Bytes that a writer adds to and a stream takes away.
#[derive(Debug, Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Vec<u8> {
        self.0.take()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A workbook on its way. The sheets come first: how many there are is known only at the end, and then said.
pub(crate) struct Workbook {
    buffer: Buffer,
    /// `None` once it is whole.
    zip: Option<ZipWriter<StreamWriter<Buffer>>>,
    name: &'static str,
    header: Vec<Cell>,
    sheets: u32,
    /// Rows of the present sheet.
    rows: u32,
}

impl fmt::Debug for Workbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workbook").field("sheets", &self.sheets).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Workbook {
    fn add(&mut self, cells: &[Cell]) -> io::Result<()> {
        if self.rows == SHEET_ROWS {
            self.put("</sheetData></worksheet>")?;
            self.begin_sheet()?;
        }
        self.rows += 1;
        let mut row = format!("<row r=\"{}\">", self.rows);
        for cell in cells {
            match cell {
                Cell::Empty => row.push_str("<c/>"),
                Cell::Number(number) => row.extend(["<c><v>", number, "</v></c>"]),
                Cell::Text(text) => {
                    row.push_str("<c t=\"inlineStr\"><is><t xml:space=\"preserve\">");
                    escape(&mut row, text);
                    row.push_str("</t></is></c>");
                }
            }
        }
        row.push_str("</row>");
        self.put(&row)
    }

    fn begin_sheet(&mut self) -> io::Result<()> {
        self.sheets += 1;
        self.rows = 0;
        self.part(&format!("xl/worksheets/sheet{}.xml", self.sheets))?;
        // The first row stays in sight.
        self.put(&format!(
            "{DECLARATION}<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" \
             topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews><sheetData>"
        ))?;
        let header = std::mem::take(&mut self.header);
        self.add(&header)?;
        self.header = header;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.put("</sheetData></worksheet>")?;
        let each = |part: &dyn Fn(u32) -> String| (1..=self.sheets).map(part).collect::<String>();
        let sheets = each(&|n| {
            let name = if n == 1 { self.name.to_owned() } else { format!("{} {n}", self.name) };
            format!("<sheet name=\"{name}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>")
        });
        let targets = each(&|n| {
            format!("<Relationship Id=\"rId{n}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>")
        });
        let types = each(&|n| {
            format!("<Override PartName=\"/xl/worksheets/sheet{n}.xml\" ContentType=\"{SHEET_TYPE}.worksheet+xml\"/>")
        });
        let parts = [
            (
                "xl/workbook.xml",
                format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{sheets}</sheets></workbook>"),
            ),
            ("xl/_rels/workbook.xml.rels", format!("<Relationships xmlns=\"{RELATIONS}\">{targets}</Relationships>")),
            (
                "_rels/.rels",
                format!(
                    "<Relationships xmlns=\"{RELATIONS}\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" \
                     Target=\"xl/workbook.xml\"/></Relationships>"
                ),
            ),
            (
                "[Content_Types].xml",
                format!(
                    "<Types xmlns=\"{TYPES}\"><Default Extension=\"rels\" \
                     ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" \
                     ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" \
                     ContentType=\"{SHEET_TYPE}.sheet.main+xml\"/>{types}</Types>"
                ),
            ),
        ];
        for (name, text) in parts {
            self.part(name)?;
            self.put(&format!("{DECLARATION}{text}"))?;
        }
        if let Some(zip) = self.zip.take() {
            zip.finish()?;
        }
        Ok(())
    }

    fn part(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        Ok(self.open()?.start_file(name, options)?)
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        self.open()?.write_all(text.as_bytes())
    }

    fn open(&mut self) -> io::Result<&mut ZipWriter<StreamWriter<Buffer>>> {
        self.zip.as_mut().ok_or_else(|| io::Error::other("the workbook is whole already"))
    }
}

/// Text as XML has it, cut to what a cell may hold; characters that XML has no way to write become U+FFFD.
fn escape(xml: &mut String, text: &str) {
    let mut units = 0;
    for character in text.chars() {
        units += character.len_utf16();
        if units > CELL_UNITS {
            break;
        }
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            // As it stands, a reader would take it for the end of a line.
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push(char::REPLACEMENT_CHARACTER),
            _ => xml.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn text_that_begins_like_a_formula_is_defused_and_what_csv_means_is_quoted() {
        for (given, written) in [
            ("=1+1", "'=1+1"),
            ("+49 89", "'+49 89"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("a=1", "a=1"),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            let mut bytes = Vec::new();
            csv_text(&mut bytes, given);
            assert_eq!(String::from_utf8(bytes).unwrap(), written, "{given:?}");
        }
    }

    #[test]
    fn a_workbook_is_made_piece_by_piece_and_holds_what_was_put_in() {
        let mut rows = Rows::Sheet(Sheet::xlsx("Time", &["what", "minutes"]).unwrap());
        let mut file = rows.take();
        for n in 0..30_000 {
            let Rows::Sheet(sheet) = &mut rows else { panic!("a sheet") };
            sheet.row(&[text(&format!("=<{n}> & \u{1}\"ü\"")), Cell::Number(n.to_string())]).unwrap();
            if n % 10_000 == 9_999 {
                let piece = rows.take();
                assert!(!piece.is_empty(), "rows are sent before the end");
                file.extend(piece);
            }
        }
        file.extend(rows.finish().unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
        let mut read = |name: &str| {
            let mut text = String::new();
            archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        let sheet = read("xl/worksheets/sheet1.xml");
        assert_eq!(sheet.matches("<row ").count(), 30_001);
        let last = "<row r=\"30001\"><c t=\"inlineStr\"><is><t xml:space=\"preserve\">=&lt;29999&gt; &amp; \u{fffd}\"ü\"</t></is></c>\
                    <c><v>29999</v></c></row></sheetData></worksheet>";
        assert!(sheet.ends_with(last), "{}", &sheet[sheet.len() - 300..]);
        assert!(read("[Content_Types].xml").contains("/xl/worksheets/sheet1.xml"));
        assert!(read("xl/workbook.xml").contains("<sheet name=\"Time\" sheetId=\"1\" r:id=\"rId1\"/>"));
    }

    #[test]
    fn a_cell_is_cut_to_what_it_may_hold() {
        let mut xml = String::new();
        escape(&mut xml, &"😀".repeat(20_000));
        assert_eq!(xml.chars().count(), CELL_UNITS / 2);
    }
}
