//! The committed description of the API, `docs/api/openapi.json`.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    failure::{Failure, Result},
    server::{Build, build_server},
    shell,
    workspace::Workspace,
};

/// Where the description is committed.
const FILE: &str = "docs/api/openapi.json";

/// The keys of a path item that are operations; the rest describes the path.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// `cargo xtask openapi`: writes the description anew.
pub(crate) fn regenerate(workspace: &Workspace) -> Result<()> {
    let text = generate(workspace)?;
    let operations = count_operations(&serde_json::from_str(&text)?);
    let path = path(workspace);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::at(folder, error))?;
    }
    fs::write(&path, text).map_err(|error| Failure::at(&path, error))?;
    println!("{FILE}: {operations} operations");
    Ok(())
}

/// Fails when the code describes another API than the committed file.
pub(crate) fn check_drift(workspace: &Workspace) -> Result<()> {
    let generated = generate(workspace)?;
    let committed = read(workspace)?;
    match first_difference(&committed, &generated) {
        None => Ok(()),
        Some(difference) => Err(Failure::new(format!(
            "{FILE} is not what the code describes; run `cargo xtask openapi` and commit the result. First difference, {difference}"
        ))),
    }
}

/// The number of operations in the committed description.
pub(crate) fn operations(workspace: &Workspace) -> Result<usize> {
    Ok(count_operations(&serde_json::from_str(&read(workspace)?)?))
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join(FILE)
}

fn read(workspace: &Workspace) -> Result<String> {
    let path = path(workspace);
    fs::read_to_string(&path).map_err(|error| Failure::at(&path, error))
}

fn generate(workspace: &Workspace) -> Result<String> {
    let server = build_server(workspace, Build::Debug)?;
    shell::read(shell::command_in(&workspace.root, &server.to_string_lossy()).arg("openapi"))
}

fn count_operations(description: &Value) -> usize {
    let items = description["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    items
        .filter_map(Value::as_object)
        .flat_map(|item| item.keys())
        .filter(|key| METHODS.contains(&key.as_str()))
        .count()
}

/// The first line in which two texts differ, both versions of it.
fn first_difference(committed: &str, generated: &str) -> Option<String> {
    if committed == generated {
        return None;
    }
    let (mut left, mut right) = (committed.lines(), generated.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let end = "(end of file)";
                return Some(format!("line {number}:\n- {}\n+ {}", a.unwrap_or(end), b.unwrap_or(end)));
            }
        }
    }
    Some("the line ends".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_the_methods_of_all_paths() {
        let description = serde_json::json!({"paths": {
            "/a": {"get": {}, "post": {}, "parameters": [], "summary": "a"},
            "/b": {"delete": {}},
        }});
        assert_eq!(count_operations(&description), 3);
        assert_eq!(count_operations(&serde_json::json!({})), 0);
    }

    #[test]
    fn the_first_difference_is_shown_from_both_sides() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").unwrap(), "line 2:\n- b\n+ c");
        assert_eq!(first_difference("a\n", "a\nb\n").unwrap(), "line 2:\n- (end of file)\n+ b");
        assert_eq!(first_difference("a", "a\n").unwrap(), "the line ends");
    }
}
