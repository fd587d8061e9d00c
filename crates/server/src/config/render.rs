//! The configuration as people read it: what is in force, the documentation, the example file.

use std::fmt::Write as _;

use super::resolve::Effective;
use super::setting::{Empty, Fallback, Secrecy, Setting};
use super::source::{DEFAULT_FILE, PREFIX};
use super::table::SETTINGS;

/// What `config check` prints: a line for each setting with its value, secrets masked, and where it came from.
pub fn effective(lines: &[Effective]) -> String {
    let width = |measure: fn(&Effective) -> usize| lines.iter().map(measure).max().unwrap_or(0);
    let names = width(|line| line.setting.name.len());
    // One long value must not push the origins of all others off the screen.
    let values = width(|line| line.shown.chars().count()).min(48);
    lines.iter().fold(String::new(), |mut text, line| {
        let Effective { setting, shown, origin } = line;
        let shown = shown.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:names$}  {shown:values$}  {origin}", setting.name);
        text
    })
}

/// The text of `docs/configuration.md`.
pub fn markdown() -> String {
    let mut text = format!(
        "# Configuration\n\n\
         <!-- Made from the table in crates/server/src/config/table.rs; a test compares the two.\n     \
         WRITE_DOCS=1 cargo test -p claudetools-server --test configuration_docs   writes it anew. -->\n\n\
         A setting is taken from the environment, else from `.env` in the working directory, else from `{DEFAULT_FILE}`\n\
         there (or the file named with `--config`), else it has its default. In the environment and in `.env` every name\n\
         may be given as `{PREFIX}<NAME>`, which is stronger than the bare name. In the file a key is the name in\n\
         lower case, without tables; lists may be TOML lists.\n\n\
         A name with the prefix, or a key in the file, that is not in this table is an error that names the nearest\n\
         one. All faults are reported at once. An empty value counts as not given, except where the\n\
         table says otherwise.\n\
         `claudetools config check` prints what is in force and where it came from, with secrets masked.\n\n\
         | name | default | meaning |\n|---|---|---|\n"
    );
    for setting in SETTINGS {
        let _ = writeln!(
            text,
            "| `{}` | {} | {}{} |",
            setting.name,
            default_cell(setting),
            setting.description.trim(),
            remarks(setting)
        );
    }
    text
}

fn default_cell(setting: &Setting) -> String {
    match setting.fallback {
        Fallback::Fixed("") => "none".to_owned(),
        Fallback::Fixed(text) => format!("`{text}`"),
        Fallback::Computed { shown, .. } if shown.contains("://") => format!("`{shown}`"),
        Fallback::Computed { shown, .. } => shown.to_owned(),
    }
}

fn remarks(setting: &Setting) -> &'static str {
    match (setting.secrecy, setting.empty) {
        (Secrecy::Secret, Empty::Fault) => " Secret. An empty value is an error.",
        (Secrecy::Secret, Empty::Off) => " Secret. An empty value means none.",
        (Secrecy::Secret, Empty::Unset) => " Secret.",
        (_, Empty::Off) if !setting.description.contains("empty value") => " An empty value means none.",
        _ => "",
    }
}

/// The text of `deploy/claudetools.example.toml`: every setting, commented out, with its default.
pub fn example_file() -> String {
    let mut text = format!(
        "# Copy to {DEFAULT_FILE} in the working directory, or name it with --config. What stands in the environment or in\n\
         # .env is stronger. docs/configuration.md describes the same settings as a table.\n"
    );
    for setting in SETTINGS {
        text.push('\n');
        for line in wrap(setting.description, 116) {
            let _ = writeln!(text, "# {line}");
        }
        let _ = writeln!(text, "# {} = {}", setting.key(), example_value(setting));
    }
    text
}

fn example_value(setting: &Setting) -> String {
    match (setting.fallback, setting.secrecy) {
        (_, Secrecy::Secret) => "\"\"    # better in the environment than in a file".to_owned(),
        (Fallback::Fixed(text), _) if text.parse::<u32>().is_ok() || ["true", "false"].contains(&text) => {
            text.to_owned()
        }
        (Fallback::Fixed(text), _) => format!("{text:?}"),
        (Fallback::Computed { shown, .. }, _) => format!("    # {shown}"),
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
