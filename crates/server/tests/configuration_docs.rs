//! The documents that are made from the table of settings say what it says.

use std::path::Path;

use claudetools_server::config::{self, Machine, Sources, render};

fn compare(path: &str, wanted: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("WRITE_DOCS").is_some() {
        assert!(std::fs::write(&file, wanted).is_ok(), "{path} cannot be written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == wanted, "{path} differs from the table of settings; WRITE_DOCS=1 cargo test writes it anew");
}

#[test]
fn the_documentation_is_the_table() {
    compare("docs/configuration.md", &render::markdown());
}

#[test]
fn the_example_file_is_the_table() {
    compare("deploy/claudetools.example.toml", &render::example_file());
}

#[test]
fn the_example_file_is_valid_as_it_stands_and_with_its_defaults_uncommented() {
    let example = render::example_file();
    let uncommented: String = example
        .lines()
        // A secret has no default, and a computed one is told in words.
        .filter(|line| line.starts_with("# ") && line.contains(" = ") && !line.contains("    # "))
        .flat_map(|line| [line.trim_start_matches("# "), "\n"])
        .collect();
    for text in [example, uncommented] {
        let machine = Machine { cores: 2, terminal: true };
        let sources = Sources { file: Some(("example".to_owned(), text)), ..Sources::none(machine) };
        config::load(&sources).unwrap();
    }
}
