//! Tools that come as Python packages, each with its pinned version in an environment of its own below the target folder.

use std::path::PathBuf;

use crate::{
    failure::{Failure, Result},
    shell,
    workspace::Workspace,
};

/// A tool from the Python package index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// The package's name.
    pub(crate) package: &'static str,
    /// Its exact version.
    pub(crate) version: &'static str,
    /// The program it installs.
    pub(crate) program: &'static str,
}

impl Tool {
    fn folder(&self, workspace: &Workspace) -> PathBuf {
        workspace.target.join("tools").join(format!("{}-{}", self.package, self.version))
    }

    /// Where the program is once installed.
    fn path(&self, workspace: &Workspace) -> PathBuf {
        self.folder(workspace).join("bin").join(self.program)
    }

    /// The program, if it has been installed before.
    pub(crate) fn installed(&self, workspace: &Workspace) -> Option<PathBuf> {
        Some(self.path(workspace)).filter(|path| path.is_file())
    }

    /// The program, installed if need be.
    pub(crate) fn install(&self, workspace: &Workspace) -> Result<PathBuf> {
        if let Some(path) = self.installed(workspace) {
            return Ok(path);
        }
        if !shell::is_on_path("python3") {
            return Err(Failure::new(format!("{} needs python3 with its venv module", self.program)));
        }
        let folder = self.folder(workspace);
        let place = folder.to_string_lossy();
        println!("installing {} {} into {place}", self.package, self.version);
        // `--clear`: what an interrupted installation has left behind is no start.
        shell::run(shell::command_in(&workspace.root, "python3").args(["-m", "venv", "--clear", &place]))?;
        let requirement = format!("{}=={}", self.package, self.version);
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &requirement];
        shell::run(shell::command_in(&workspace.root, &folder.join("bin/python").to_string_lossy()).args(pip))?;
        self.installed(workspace)
            .ok_or_else(|| Failure::new(format!("{requirement} installs no program {}", self.program)))
    }
}
