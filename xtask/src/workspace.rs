//! The workspace as `cargo metadata` tells it, cut down to what the rules need.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::{
    failure::{Failure, Result},
    shell,
};

/// Where everything is.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
    /// The workspace's packages.
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its folder, relative to the root, with `/`.
    pub(crate) folder: String,
    /// What it declares to depend on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A declared dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// The name the source uses for it.
    pub(crate) ident: String,
    /// Whether only tests, examples and benchmarks see it.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo; needs no network.
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        let root = metadata.workspace_root.as_std_path().to_owned();
        let packages = metadata.packages.iter().map(|package| Package::from_metadata(package, &root)).collect();
        Ok(Self { target: metadata.target_directory.as_std_path().to_owned(), root, packages })
    }

    /// The files git knows or would add, relative to the root: what a clone will contain of the project's own. What others wrote keeps
    /// their rules.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let listed = shell::read(shell::command_in(&self.root, "git").args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ]))?;
        let mut files: Vec<_> = listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        files.retain(|name| !name.starts_with("vendor/") && self.root.join(name).is_file());
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    /// A file's text; `None` when it is not text.
    pub(crate) fn text(&self, file: &str) -> Result<Option<String>> {
        let path = self.root.join(file);
        let bytes = fs::read(&path).map_err(|error| Failure::at(&path, error))?;
        Ok(String::from_utf8(bytes).ok())
    }
}

impl Package {
    fn from_metadata(package: &cargo_metadata::Package, root: &Path) -> Self {
        let folder = package.manifest_path.parent().map_or(root, |folder| folder.as_std_path());
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            ident: dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_"),
            dev: dependency.kind == DependencyKind::Development,
        });
        Self {
            name: package.name.to_string(),
            folder: folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().replace('\\', "/"),
            dependencies: dependencies.collect(),
        }
    }

    /// Whether a file, named relative to the root, belongs to this package.
    pub(crate) fn owns(&self, file: &str) -> bool {
        file.strip_prefix(&self.folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Made-up packages for the tests of the rules.
#[cfg(test)]
pub(crate) fn package(name: &str, folder: &str, dependencies: &[&str]) -> Package {
    let dependencies = dependencies.iter().map(|text| {
        let name = text.strip_prefix("dev:").unwrap_or(text);
        Dependency { name: name.into(), ident: name.replace('-', "_"), dev: text.starts_with("dev:") }
    });
    Package { name: name.into(), folder: folder.into(), dependencies: dependencies.collect() }
}
