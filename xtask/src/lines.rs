//! `cargo xtask lines`: what an endpoint costs, layer by layer.

use std::collections::BTreeMap;

use crate::{
    arch::DOMAINS,
    failure::{Failure, Result},
    openapi,
    source::{Strings, code, test_lines},
    workspace::Workspace,
};

/// The most lines an endpoint may cost on average, over all layers.
const MAX_AVERAGE: usize = 130;
/// The most lines that its HTTP part may cost on average.
const HTTP_AVERAGE: usize = 25;

const RULE: &str = "\
Counted are lines of Rust that are neither blank, nor a comment, nor inside a #[cfg(test)] module; attributes count, those of the
API's description too. Contract suites are tests. Counted per endpoint: all of the domains, of the SQL and memory adapters and of the
migrations, and of the HTTP adapter what lies below src/api. What every resource shares and none adds to (kernel, crypto,
server, the rest of the HTTP adapter, the statements and stores that all repositories use) is shown, but not divided.";

/// Where a line counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Domain,
    Memory,
    Sql,
    Migrations,
    Http,
    Shared,
}

impl Layer {
    const PER_ENDPOINT: [Self; 5] = [Self::Domain, Self::Memory, Self::Sql, Self::Migrations, Self::Http];

    const fn name(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Memory => "memory",
            Self::Sql => "sql",
            Self::Migrations => "migrations",
            Self::Http => "http",
            Self::Shared => "shared",
        }
    }
}

/// Counts, prints the table, and fails when the average is too high.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut lines: BTreeMap<Layer, usize> = BTreeMap::new();
    for file in workspace.files()? {
        let Some(layer) = layer(&file) else { continue };
        if let Some(text) = workspace.text(&file)? {
            *lines.entry(layer).or_default() += count(&text);
        }
    }
    let operations = openapi::operations(workspace)?;
    if operations == 0 {
        return Err(Failure::new("the API's description has no operations"));
    }
    print!("{}", table(&lines, operations));
    let http = lines.get(&Layer::Http).copied().unwrap_or_default();
    within("an endpoint", per_endpoint(&lines), operations, MAX_AVERAGE)?;
    within("the HTTP part of an endpoint", http, operations, HTTP_AVERAGE)
}

fn within(what: &str, lines: usize, operations: usize, most: usize) -> Result<()> {
    if lines <= most * operations {
        return Ok(());
    }
    let average = tenths(lines, operations);
    Err(Failure::new(format!("{what} costs {average} lines on average, at most {most} are allowed")))
}

/// Modules that every resource stands on and none adds to, in crates that otherwise hold resources.
const SHARED_MODULES: &[(&str, &[&str])] = &[
    (
        "crates/adapters/sql",
        &[
            "bulk.rs",
            "connect.rs",
            "connection.rs",
            "embedded/errand.rs",
            "embedded/failure.rs",
            "embedded/fields.rs",
            "embedded/member.rs",
            "embedded/mod.rs",
            "embedded/open.rs",
            "embedded/queue.rs",
            "embedded/reader.rs",
            "embedded/row.rs",
            "embedded/statement.rs",
            "embedded/writer.rs",
            "failure.rs",
            "guarded.rs",
            "insertion.rs",
            "journal.rs",
            "plans.rs",
            "pulse.rs",
            "query.rs",
            "question.rs",
            "records.rs",
            "row.rs",
            "schema.rs",
            "store.rs",
        ],
    ),
    ("crates/adapters/memory", &["journal.rs", "store.rs", "table.rs"]),
    // The vault's own machinery: what is sealed and how, its first start and its keys, the chain and its verification, one-time
    // passwords, made passwords, and the files that the command line alone reads and writes.
    (
        "crates/credentials",
        &[
            "chain.rs",
            "chain_service.rs",
            "context.rs",
            "export/mod.rs",
            "export/shape.rs",
            "generate.rs",
            "import/bitwarden.rs",
            "import/csv.rs",
            "import/draft.rs",
            "import/keepass.rs",
            "import/mod.rs",
            "recorder.rs",
            "sealed.rs",
            "secrets.rs",
            "share_token.rs",
            "totp.rs",
            "transfer_service.rs",
            "vault_service.rs",
        ],
    ),
    // What reads an error (wordings, masks, keys, contrast) and takes secrets out, tables as text, and the inventory of another product that the command line alone reads.
    (
        "crates/infra",
        &[
            "failure/analysis_service.rs",
            "failure/class.rs",
            "failure/classify.rs",
            "failure/contrast.rs",
            "failure/evaluation.rs",
            "failure/expr.rs",
            "failure/fingerprint.rs",
            "failure/join.rs",
            "failure/mask.rs",
            "failure/redact.rs",
            "failure/rules.rs",
            "failure/unwrap.rs",
            "failure/verb.rs",
            "failure/words.rs",
            "inventory/csv.rs",
            "netbox/dump.rs",
            "netbox/import.rs",
            "netbox/mod.rs",
            "netbox/plan.rs",
            "netbox/plan_assets.rs",
            "netbox/report.rs",
        ],
    ),
    // What orders coordination and decides about locks, whatever call asks: the head, its events and their feed, the table, and the
    // clerk who decides many calls at once.
    (
        "crates/coord",
        &[
            "batch.rs",
            "clerk.rs",
            "context.rs",
            "desk.rs",
            "event.rs",
            "feed_service.rs",
            "head.rs",
            "path.rs",
            "round.rs",
            "table.rs",
        ],
    ),
    ("migrations", &["dialect.rs", "difference.rs", "lib.rs"]),
];

/// The layer of a file; `None` when it is not counted.
fn layer(file: &str) -> Option<Layer> {
    let module = file.strip_suffix(".rs")?;
    // Modules that exist for tests alone.
    if module.ends_with("/tests") || module.ends_with("/contract") || module.contains("/contract/") {
        return None;
    }
    let (package, inside) = file.split_once("/src/")?;
    if SHARED_MODULES.iter().any(|(of, modules)| *of == package && modules.contains(&inside)) {
        return Some(Layer::Shared);
    }
    match package {
        "crates/adapters/memory" => Some(Layer::Memory),
        "crates/adapters/sql" => Some(Layer::Sql),
        "migrations" => Some(Layer::Migrations),
        "crates/adapters/http" if inside.starts_with("api/") => Some(Layer::Http),
        "crates/adapters/http" | "crates/adapters/crypto" | "crates/kernel" | "crates/server" => Some(Layer::Shared),
        _ => package.strip_prefix("crates/").filter(|name| DOMAINS.contains(name)).map(|_| Layer::Domain),
    }
}

/// The lines of a file that count.
fn count(text: &str) -> usize {
    let code = code(text, Strings::Mask);
    let tests = test_lines(&code);
    code.lines().enumerate().filter(|(number, line)| !line.trim().is_empty() && !tests.contains(number)).count()
}

fn per_endpoint(lines: &BTreeMap<Layer, usize>) -> usize {
    Layer::PER_ENDPOINT.iter().filter_map(|layer| lines.get(layer)).sum()
}

fn table(lines: &BTreeMap<Layer, usize>, operations: usize) -> String {
    let of = |layer: Layer| lines.get(&layer).copied().unwrap_or_default();
    let each = |lines: usize| tenths(lines, operations);
    let row = |name: &str, lines: &str, each: &str| format!("{name:<12}{lines:>8}{each:>16}");
    let (total, http) = (per_endpoint(lines), of(Layer::Http));

    let mut rows = vec![RULE.to_owned(), String::new(), row("layer", "lines", "per endpoint")];
    rows.extend(Layer::PER_ENDPOINT.map(|layer| row(layer.name(), &of(layer).to_string(), &each(of(layer)))));
    rows.push(row("total", &total.to_string(), &each(total)));
    rows.push(row(Layer::Shared.name(), &of(Layer::Shared).to_string(), "-"));
    rows.push(format!(
        "\n{operations} endpoints: {} lines each (at most {MAX_AVERAGE}), {} of them HTTP (at most {HTTP_AVERAGE})\n",
        each(total),
        each(http),
    ));
    rows.join("\n")
}

/// A quotient with one decimal place, rounded half up.
fn tenths(dividend: usize, divisor: usize) -> String {
    let tenths = (dividend * 10 + divisor / 2) / divisor;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_counts_in_its_layer() {
        let layers = [
            ("crates/sessions/src/client.rs", Some(Layer::Domain)),
            ("crates/sessions/src/contract/client.rs", None),
            ("crates/sessions/src/client/tests.rs", None),
            ("crates/sessions/Cargo.toml", None),
            ("crates/adapters/sql/src/entity/client.rs", Some(Layer::Sql)),
            ("crates/adapters/sql/src/query.rs", Some(Layer::Shared)),
            ("crates/adapters/sql/tests/plans.rs", None),
            ("crates/adapters/memory/src/client.rs", Some(Layer::Memory)),
            ("crates/adapters/http/src/api/clients.rs", Some(Layer::Http)),
            ("crates/adapters/http/src/body.rs", Some(Layer::Shared)),
            ("crates/kernel/src/id.rs", Some(Layer::Shared)),
            ("migrations/src/m1.rs", Some(Layer::Migrations)),
            ("xtask/src/main.rs", None),
            ("crates/testkit/src/lib.rs", None),
        ];
        for (file, expected) in layers {
            assert_eq!(layer(file), expected, "{file}");
        }
    }

    #[test]
    fn tests_comments_and_blank_lines_do_not_count() {
        let text = "//! Doc.\n\nuse a::b;\n\n/// Doc.\n#[derive(Debug)]\nstruct A; // why\n\n/*\nold\n*/\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        assert_eq!(count(text), 3);
    }

    #[test]
    fn an_average_above_the_limit_is_refused_and_named() {
        assert!(within("an endpoint", 260, 2, 130).is_ok());
        let refused = within("an endpoint", 261, 2, 130).unwrap_err().to_string();
        assert_eq!(refused, "an endpoint costs 130.5 lines on average, at most 130 are allowed");
    }

    #[test]
    fn the_table_divides_the_layers_but_not_what_is_shared() {
        let lines = BTreeMap::from([(Layer::Domain, 100), (Layer::Http, 51), (Layer::Shared, 900)]);
        let text = table(&lines, 2);
        assert!(text.contains("domain           100            50.0\n"), "{text}");
        assert!(text.contains("total            151            75.5\n"), "{text}");
        assert!(text.contains("shared           900               -\n"), "{text}");
        assert!(text.contains("75.5 lines each (at most 130), 25.5 of them HTTP (at most 25)"), "{text}");
    }
}
