//! Infrastructure as a table: a column for each field, named as in JSON.

use claudetools_infra::inventory::csv;
use claudetools_kernel::{Error, Faults};
use serde_json::{Map, Value};

/// What the cells of a column hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    List,
    Map,
    /// Text that an import passes over.
    Shown,
    /// Text that an export does not write.
    Taken,
}

/// The columns in their order.
const COLUMNS: [(&str, Kind); 30] = [
    ("id", Kind::Shown),
    ("client_id", Kind::Text),
    ("client_name", Kind::Text),
    ("site_id", Kind::Text),
    ("site_name", Kind::Text),
    ("hostname", Kind::Text),
    ("ip_address", Kind::Text),
    ("mac_address", Kind::Text),
    ("asset_type", Kind::Text),
    ("os", Kind::Text),
    ("os_version", Kind::Text),
    ("location", Kind::Text),
    ("status", Kind::Text),
    ("environmental_notes", Kind::Text),
    ("powershell_version", Kind::Text),
    ("shell_type", Kind::Text),
    ("package_manager", Kind::Text),
    ("has_gui", Kind::Flag),
    ("has_ssh", Kind::Flag),
    ("has_winrm", Kind::Flag),
    ("limitations", Kind::List),
    ("recommended_commands", Kind::Map),
    ("parent_id", Kind::Text),
    ("parent_hostname", Kind::Taken),
    ("serial_number", Kind::Text),
    ("warranty_until", Kind::Text),
    ("tags", Kind::List),
    ("external_ids", Kind::Map),
    ("created_at", Kind::Shown),
    ("updated_at", Kind::Shown),
];

/// A row as a JSON object, or what is wrong with it.
pub(crate) type TableRow = Result<Map<String, Value>, Faults>;

fn written() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().filter(|(_, kind)| *kind != Kind::Taken).map(|(name, _)| *name)
}

/// Appends the row that names the columns.
pub(crate) fn write_header(table: &mut String) {
    csv::write(written(), table);
}

/// Appends a row.
pub(crate) fn write_row(view: &Value, table: &mut String) {
    let cells: Vec<String> = written().map(|name| csv::defused(cell(&view[name]))).collect();
    csv::write(cells.iter().map(String::as_str), table);
}

/// A cell: lists are separated by semicolons, unless one is part of an entry.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(entries) => {
            let texts: Option<Vec<&str>> = entries.iter().map(Value::as_str).collect();
            let plain = texts.filter(|texts| texts.iter().all(|text| !text.contains(';') && !text.starts_with('[')));
            plain.map_or_else(|| value.to_string(), |texts| texts.join(";"))
        }
        Value::Object(map) if map.is_empty() => String::new(),
        other => other.to_string(),
    }
}

/// The rows of a table; refused where its first row names a column that there is not, or one twice.
pub(crate) fn read(text: &str) -> Result<Vec<TableRow>, Error> {
    let unreadable = || Faults::one("body", "csv", "must be a table of at most 256 columns");
    let mut rows = csv::read(text).ok_or_else(unreadable)?.into_iter();
    let header = rows.next().unwrap_or_default();
    let (mut columns, mut faults) = (Vec::with_capacity(header.len()), Faults::default());
    for name in &header {
        let name = name.trim().to_ascii_lowercase();
        let known = COLUMNS.into_iter().find(|(column, _)| *column == name);
        match known {
            Some(column) if columns.contains(&Some(column)) => faults.semantic(&name, "repeated", "is there twice"),
            None => faults.semantic(&name, "unknown_column", "is no column of infrastructure"),
            Some(_) => {}
        }
        columns.push(known);
    }
    if !columns.contains(&Some(("hostname", Kind::Text))) {
        faults.semantic("hostname", "required", "is required as a column");
    }
    faults.finish()?;
    let columns: Vec<(&str, Kind)> = columns.into_iter().flatten().collect();
    Ok(rows.map(|cells| object(&columns, &cells)).collect())
}

fn object(columns: &[(&'static str, Kind)], cells: &[String]) -> TableRow {
    let (mut row, mut faults) = (Map::new(), Faults::default());
    if cells.len() > columns.len() {
        faults.semantic("row", "columns", "has more cells than the first row has names");
    }
    for ((name, kind), cell) in columns.iter().zip(cells) {
        let cell = csv::fused(cell).trim();
        if cell.is_empty() || *kind == Kind::Shown {
            continue;
        }
        match value(*kind, cell) {
            Some(value) => drop(row.insert((*name).to_owned(), value)),
            None => faults.semantic(name, "type", wanted(*kind)),
        }
    }
    if faults.is_empty() { Ok(row) } else { Err(faults) }
}

const fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Flag => "must be true or false",
        Kind::List => "must be a list separated by semicolons",
        Kind::Map => "must be a JSON object",
        Kind::Text | Kind::Shown | Kind::Taken => "must be text",
    }
}

/// What a cell says; `None` when that is not of its kind.
fn value(kind: Kind, cell: &str) -> Option<Value> {
    match kind {
        Kind::Flag => match cell.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::List if cell.starts_with('[') => serde_json::from_str(cell).ok().filter(Value::is_array),
        Kind::List => {
            let entries = cell.split(';').map(str::trim).filter(|entry| !entry.is_empty());
            Some(Value::Array(entries.map(|entry| Value::String(entry.to_owned())).collect()))
        }
        Kind::Map => serde_json::from_str(cell).ok().filter(Value::is_object),
        Kind::Text | Kind::Shown | Kind::Taken => Some(Value::String(cell.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_that_was_written_is_read_back() {
        let view = json!({"hostname": "=FS01", "has_gui": true, "limitations": ["a", "b"], "tags": ["x;y"],
            "recommended_commands": {"list": "dir, \"all\""}, "os": null, "external_ids": {}});
        let mut table = String::new();
        write_header(&mut table);
        write_row(&view, &mut table);
        let rows = read(&table).unwrap();
        let row = Value::Object(rows[0].clone().unwrap());
        let said = json!({"hostname": "=FS01", "has_gui": true, "limitations": ["a", "b"], "tags": ["x;y"],
            "recommended_commands": {"list": "dir, \"all\""}});
        assert_eq!(row, said);
    }

    #[test]
    fn columns_that_are_not_known_are_refused_by_name() {
        let refused = read("hostname,colour,hostname\nfs01,red,fs02\n").unwrap_err().to_string();
        assert!(refused.contains("colour is no column") && refused.contains("hostname is there twice"), "{refused}");
        assert!(read("client_name\nAcme\n").is_err());
    }

    #[test]
    fn a_cell_of_the_wrong_kind_is_told_of_its_row() {
        let rows = read("hostname,has_gui\nfs01,perhaps\nfs02,yes\n").unwrap();
        assert!(rows[0].clone().unwrap_err().to_string().contains("has_gui must be true or false"));
        assert_eq!(rows[1].clone().unwrap()["has_gui"], json!(true));
    }
}
