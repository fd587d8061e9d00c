//! Tables in text (RFC 4180), as spreadsheets read and write them.

use csv_core::{ReadRecordResult, Reader};

/// The most columns of a row.
const COLUMNS: usize = 256;
/// What makes a spreadsheet take a cell for a formula when it stands first.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// What some programs begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The rows of a table, empty lines left out; `None` when one has more than 256 columns.
pub fn read(text: &str) -> Option<Vec<Vec<String>>> {
    let mut input = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).as_bytes();
    let (mut reader, mut rows) = (Reader::new(), Vec::new());
    let (mut cells, mut ends) = (vec![0; input.len()], vec![0; COLUMNS]);
    let (mut filled, mut columns) = (0, 0);
    loop {
        let (outcome, taken, written, ended) =
            reader.read_record(input, cells.get_mut(filled..)?, ends.get_mut(columns..)?);
        input = input.get(taken..)?;
        filled += written;
        columns += ended;
        match outcome {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::Record => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let spans = starts.zip(ends.iter().copied()).take(columns);
                // What is cut out of UTF-8 between characters of ASCII is UTF-8.
                let row = spans.map(|(from, to)| String::from_utf8_lossy(&cells[from..to]).into_owned());
                rows.push(row.collect());
                (filled, columns) = (0, 0);
            }
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => return None,
            ReadRecordResult::End => return Some(rows),
        }
    }
}

/// Appends a row.
pub fn write<'a>(cells: impl IntoIterator<Item = &'a str>, table: &mut String) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            table.push(',');
        }
        if cell.is_empty() || cell.contains([',', '"', '\n', '\r']) || cell.starts_with([' ', BYTE_ORDER_MARK]) {
            table.push('"');
            table.push_str(&cell.replace('"', "\"\""));
            table.push('"');
        } else {
            table.push_str(cell);
        }
    }
    table.push_str("\r\n");
}

fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(FORMULA)
}

/// A cell that no spreadsheet takes for a formula: one that looks like one has an apostrophe before it.
pub fn defused(cell: String) -> String {
    if is_formula(&cell) { format!("'{cell}") } else { cell }
}

/// What [`defused`] was given.
pub fn fused(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|_| is_formula(cell)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_spreadsheets_write_is_read() {
        let text = "\u{feff}hostname,notes\r\nsrv1,\"one, \"\"two\"\"\nthree\"\n\nsrv2,";
        assert_eq!(
            read(text),
            Some(vec![
                vec!["hostname".to_owned(), "notes".to_owned()],
                vec!["srv1".to_owned(), "one, \"two\"\nthree".to_owned()],
                vec!["srv2".to_owned(), String::new()],
            ])
        );
        assert_eq!(read(""), Some(vec![]));
        assert_eq!(read(&",".repeat(256)), None);
    }

    #[test]
    fn a_formula_is_defused() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "'=1"] {
            assert!(defused(formula.to_owned()).starts_with('\''), "{formula:?}");
        }
        assert_eq!(defused("it's".to_owned()), "it's");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(rows in prop::collection::vec(prop::collection::vec(".*|[=+',\"\r\n@-]{0,4}", 1..6), 0..6)) {
            let mut table = String::new();
            for row in &rows {
                let cells: Vec<String> = row.iter().cloned().map(defused).collect();
                write(cells.iter().map(String::as_str), &mut table);
            }
            let read = read(&table).unwrap();
            let read: Vec<Vec<&str>> = read.iter().map(|row| row.iter().map(|cell| fused(cell)).collect()).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
