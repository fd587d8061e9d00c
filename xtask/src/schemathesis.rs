//! `cargo xtask schemathesis`: generated requests against a server of its own, judged by the API's own description.

use std::{path::Path, process::Command};

use crate::{
    failure::{Failure, Result},
    python::Tool,
    server::{ADMIN, Build, Server},
    shell,
    workspace::Workspace,
};

const SCHEMATHESIS: Tool = Tool { package: "schemathesis", version: "4.32.5", program: "schemathesis" };

/// Whose token the cases bear.
const CALLER: &str = "generated-cases@example.test";

/// What may differ from run to run; everything else stands in `schemathesis.toml`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// Try the optimised build.
    #[arg(long)]
    release: bool,
    /// Cases per operation and phase, instead of what schemathesis.toml says.
    #[arg(long, value_name = "N")]
    max_examples: Option<u32>,
    /// Another seed than that of schemathesis.toml, to look further.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Only operations whose path fits this expression.
    #[arg(long, value_name = "REGEX")]
    path: Option<String>,
}

/// Builds and starts a server, tries its API, stops it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let tool = SCHEMATHESIS.install(workspace)?;
    let build = if options.release { Build::Release } else { Build::Debug };
    // The caller's account lives on another server: no generated case can find it there and demote it or end its tokens.
    let token = Server::start(workspace, build, "schemathesis-caller", CALLER)?.log_in()?;
    let mut server = Server::start(workspace, build, "schemathesis", ADMIN)?;
    println!("trying {} with {} {}", server.url(), SCHEMATHESIS.package, SCHEMATHESIS.version);
    let mut command = command(&workspace.root, &tool, &server.url(), &token, options);
    // Otherwise it keeps notes in the current folder, whatever its configuration says.
    command.env("HYPOTHESIS_STORAGE_DIRECTORY", workspace.target.join("schemathesis/hypothesis"));
    let tried = shell::run(&mut command);
    let alive = server.check_alive();
    // Should the token have ended all the same, what came after has proved nothing and must not pass.
    let authorised = alive.and_then(|()| server.expect_authorised(&token));
    match tried.and(authorised) {
        Ok(()) => Ok(()),
        Err(failure) => Err(Failure::new(format!("{failure}\nthe server's log: {}", server.log().display()))),
    }
}

fn command(root: &Path, tool: &Path, url: &str, token: &str, options: &Options) -> Command {
    let mut command = shell::command_in(root, &tool.to_string_lossy());
    let configuration = root.join("schemathesis.toml");
    command.arg("--config-file").arg(configuration).arg("--no-color").arg("run");
    command.args(["--checks", "all", "--header", &format!("Authorization: Bearer {token}")]);
    if let Some(number) = options.max_examples {
        command.args(["--max-examples", &number.to_string()]);
    }
    if let Some(seed) = options.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(path) = &options.path {
        command.args(["--include-path-regex", path]);
    }
    command.arg(format!("{url}/openapi.json"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(options: &Options) -> String {
        let command = command(Path::new("repo"), Path::new("st"), "http://127.0.0.1:1", "abc", options);
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_configuration_decides_unless_an_option_does() {
        let common =
            "--config-file repo/schemathesis.toml --no-color run --checks all --header Authorization: Bearer abc";
        assert_eq!(words(&Options::default()), format!("{common} http://127.0.0.1:1/openapi.json"));
        let options =
            Options { max_examples: Some(5), seed: Some(7), path: Some("clients".into()), ..Options::default() };
        assert_eq!(
            words(&options),
            format!("{common} --max-examples 5 --seed 7 --include-path-regex clients http://127.0.0.1:1/openapi.json")
        );
    }
}
