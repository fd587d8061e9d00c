//! What the documentation shows is run as it stands.

use std::path::Path;

use crate::program::{ADMIN_EMAIL, ADMIN_PASSWORD, Ended, Site, repository};

/// Whether all of these programs can be run. Where the suites have to be complete, a missing one is a failure.
pub(crate) fn tools_are_here(tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = |tool: &&str| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    let missing: Vec<_> = tools.iter().filter(|tool| !here(tool)).collect();
    if missing.is_empty() {
        return true;
    }
    let complete = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!complete, "{missing:?} must be installed when CI=true");
    eprintln!("left out, because {missing:?} cannot be found: what needs {tools:?}");
    false
}

/// Runs a script against a fresh server with the variables that the documentation names.
async fn against_a_fresh_server(shell: &[&str], script: &str) -> Ended {
    let site = Site::as_shipped();
    let server = site.serve().await;
    let variables = [("BASE", server.base()), ("EMAIL", ADMIN_EMAIL), ("PASSWORD", ADMIN_PASSWORD)];
    let ended = site.shell(shell, script, &variables).await.success();
    server.stop().await;
    ended
}

fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The block after the mark.
fn marked_block(text: &str) -> &str {
    let (_, rest) =
        text.split_once("\n<!-- day-of-work -->\n").expect("the mark <!-- day-of-work --> on a line of its own");
    let (_, block) = rest.split_once("```sh\n").expect("a block of sh after the mark");
    block.split_once("\n```").expect("the end of the block").0
}

#[tokio::test]
async fn the_day_of_the_examples_ends_with_its_hours() {
    if tools_are_here(&["bash", "curl", "jq"]) {
        let script = repository().join(Path::new("docs/examples/day.sh"));
        let ended = against_a_fresh_server(&["bash"], &script.display().to_string()).await;
        assert_eq!(ended.out.lines().next_back(), Some("Hours: 3.5"), "{}", ended.out);
    }
}

#[tokio::test]
async fn the_day_of_the_readme_ends_with_its_hours() {
    if tools_are_here(&["sh", "curl", "jq"]) {
        let readme = read("README.md");
        let ended = against_a_fresh_server(&["sh", "-eu", "-c"], marked_block(&readme)).await;
        assert_eq!(ended.out.lines().next_back(), Some("3.5"), "{}", ended.out);
    }
}
