//! The direction of dependencies: kernel ← domains ← adapters ← server.

use super::Violation;
use crate::workspace::Package;

/// Where a package stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Kernel,
    Domain,
    Migrations,
    Adapter,
    Server,
    Testkit,
    /// The acceptance suites.
    Tests,
    /// Programs around the product, made of the same parts as the server: the seed, the benchmarks, the torture.
    Tool,
    /// The project's own commands.
    Xtask,
}

/// The domains. A new one is added here, together with its crate.
pub(crate) const DOMAINS: [&str; 6] = ["sessions", "identity", "infra", "credentials", "coord", "recall"];

/// What kernel and domains must not know, by the start of the crate's name.
const OUTSIDE: [&str; 13] = [
    "sea-orm",
    "sea-query",
    "sqlx",
    "actix",
    "utoipa",
    "tokio",
    "rand",
    "getrandom",
    "reqwest",
    "redis",
    "jsonwebtoken",
    "ring",
    "hyper",
];

const WHY_ARROWS: &str = "dependencies point inward (kernel, domains, adapters, server), so that a rule of the business can be read, \
     tested and kept when a database or a protocol is exchanged";
const WHY_DOMAINS: &str = "a use case that needs another domain declares a narrow port in its own crate, which an adapter fulfils; \
     otherwise two domains can only be understood and changed together";
const WHY_ADAPTERS: &str =
    "adapters meet in the server crate alone, so that each can be replaced without touching another";
const WHY_OUTSIDE: &str = "kernel and domains get storage, transport, time and randomness through ports; with this crate in reach a use case \
     could go around them, and tests could no longer decide what happens";
const WHY_TESTKIT: &str = "the testkit starts servers with known passwords; it belongs into tests only";
const WHY_MIGRATIONS: &str =
    "a migration is frozen on the day it ships; it must not change because a type of today does";
const WHY_PLACED: &str =
    "a package without a layer would be free of every rule; give it one in xtask/src/arch/layers.rs";

/// Checks all declared dependencies.
pub(super) fn check(packages: &[Package]) -> Vec<Violation> {
    packages.iter().flat_map(|package| check_package(package, packages)).collect()
}

fn check_package(package: &Package, all: &[Package]) -> Vec<Violation> {
    let Some(layer) = layer(&package.folder) else {
        return vec![violation(package, format!("the folder {} has no layer", package.folder), WHY_PLACED)];
    };
    // Development dependencies are free: a domain's tests may use any adapter, and nothing of them is shipped.
    let shipped = package.dependencies.iter().filter(|dependency| !dependency.dev);
    shipped
        .filter_map(|dependency| {
            let why = match all.iter().find(|other| other.name == dependency.name) {
                Some(other) => forbidden(layer, package, self::layer(&other.folder)?)?,
                None if matches!(layer, Layer::Kernel | Layer::Domain) && is_outside(&dependency.name) => WHY_OUTSIDE,
                None => return None,
            };
            Some(violation(package, format!("depends on {}", dependency.name), why))
        })
        .collect()
}

fn violation(package: &Package, what: String, why: &'static str) -> Violation {
    Violation { place: format!("{}/Cargo.toml", package.folder), what, why }
}

/// The layer of a folder.
fn layer(folder: &str) -> Option<Layer> {
    match folder {
        "crates/kernel" => Some(Layer::Kernel),
        "crates/server" => Some(Layer::Server),
        "crates/testkit" => Some(Layer::Testkit),
        "migrations" => Some(Layer::Migrations),
        "crates/seed" | "bench" | "harness" | "torture" => Some(Layer::Tool),
        "tests" => Some(Layer::Tests),
        "xtask" => Some(Layer::Xtask),
        _ if folder.starts_with("crates/adapters/") => Some(Layer::Adapter),
        _ => folder.strip_prefix("crates/").filter(|name| DOMAINS.contains(name)).map(|_| Layer::Domain),
    }
}

/// Why one package of the workspace must not depend on another; `None` when it may.
fn forbidden(from: Layer, package: &Package, to: Layer) -> Option<&'static str> {
    let migrates = package.folder == "crates/adapters/sql" && to == Layer::Migrations;
    if migrates || is_inward(from, to) {
        return None;
    }
    Some(match (from, to) {
        (_, Layer::Testkit) => WHY_TESTKIT,
        (Layer::Migrations, _) => WHY_MIGRATIONS,
        (Layer::Domain, Layer::Domain) => WHY_DOMAINS,
        (Layer::Adapter, Layer::Adapter | Layer::Migrations) => WHY_ADAPTERS,
        _ => WHY_ARROWS,
    })
}

const fn is_inward(from: Layer, to: Layer) -> bool {
    match from {
        Layer::Kernel | Layer::Migrations => false,
        Layer::Domain => matches!(to, Layer::Kernel),
        Layer::Adapter => matches!(to, Layer::Kernel | Layer::Domain),
        Layer::Server => matches!(to, Layer::Kernel | Layer::Domain | Layer::Adapter | Layer::Migrations),
        Layer::Tool => !matches!(to, Layer::Testkit | Layer::Tests | Layer::Xtask),
        Layer::Testkit | Layer::Xtask => !matches!(to, Layer::Testkit),
        Layer::Tests => true,
    }
}

fn is_outside(name: &str) -> bool {
    OUTSIDE
        .iter()
        .any(|start| name.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_'])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::package;

    fn workspace(name: &str, folder: &str, dependencies: &[&str]) -> Vec<Violation> {
        let mut packages = vec![
            package("kernel", "crates/kernel", &["chrono", "uuid"]),
            package("sessions", "crates/sessions", &["kernel", "dev:tokio", "dev:memory", "dev:testkit"]),
            package("migrations", "migrations", &["sea-orm-migration"]),
            package("sql", "crates/adapters/sql", &["kernel", "sessions", "migrations", "sea-orm"]),
            package("memory", "crates/adapters/memory", &["kernel", "sessions", "tokio"]),
            package("server", "crates/server", &["sql", "memory", "sessions", "kernel", "actix-web"]),
            package("testkit", "crates/testkit", &["server", "memory"]),
            package("acceptance", "tests", &["testkit", "server"]),
            package("seed", "crates/seed", &["sql", "sessions", "kernel"]),
            package("bench", "bench", &["seed", "sql", "server"]),
        ];
        packages.push(package(name, folder, dependencies));
        check(&packages)
    }

    fn why(name: &str, folder: &str, dependency: &str) -> &'static str {
        let violations = workspace(name, folder, &[dependency]);
        assert_eq!(violations.len(), 1, "{violations:?}");
        violations[0].why
    }

    #[test]
    fn the_intended_workspace_breaks_nothing() {
        assert_eq!(workspace("xtask", "xtask", &["sql", "clap"]), []);
    }

    #[test]
    fn arrows_do_not_point_outward() {
        assert_eq!(why("infra", "crates/infra", "sql"), WHY_ARROWS);
        assert_eq!(why("infra", "crates/infra", "server"), WHY_ARROWS);
        assert_eq!(why("http", "crates/adapters/http", "server"), WHY_ARROWS);
        assert_eq!(why("kernel", "crates/kernel", "sessions"), WHY_ARROWS);
        assert_eq!(why("infra", "crates/infra", "migrations"), WHY_ARROWS);
    }

    #[test]
    fn nothing_that_ships_is_made_of_tools() {
        assert_eq!(why("server2", "crates/server", "seed"), WHY_ARROWS);
        assert_eq!(why("http", "crates/adapters/http", "seed"), WHY_ARROWS);
        assert_eq!(why("seed2", "crates/seed", "testkit"), WHY_TESTKIT);
    }

    #[test]
    fn domains_do_not_see_each_other() {
        assert_eq!(why("infra", "crates/infra", "sessions"), WHY_DOMAINS);
    }

    #[test]
    fn adapters_do_not_see_each_other() {
        assert_eq!(why("http", "crates/adapters/http", "memory"), WHY_ADAPTERS);
        assert_eq!(why("http", "crates/adapters/http", "migrations"), WHY_ADAPTERS);
    }

    #[test]
    fn domains_do_not_see_the_outside() {
        for name in ["sqlx", "sqlx-core", "sea-orm", "actix-web", "utoipa", "tokio", "tokio-util", "rand_core", "ring"]
        {
            assert_eq!(why("infra", "crates/infra", name), WHY_OUTSIDE);
        }
        assert_eq!(workspace("infra", "crates/infra", &["kernel", "random-sort", "redistribute"]), []);
    }

    #[test]
    fn only_tests_see_the_testkit() {
        assert_eq!(why("http", "crates/adapters/http", "testkit"), WHY_TESTKIT);
        assert_eq!(why("xtask", "xtask", "testkit"), WHY_TESTKIT);
    }

    #[test]
    fn migrations_stand_alone() {
        assert_eq!(why("migrations2", "migrations", "kernel"), WHY_MIGRATIONS);
    }

    #[test]
    fn a_new_folder_needs_a_layer() {
        assert_eq!(workspace("odd", "crates/odd", &[])[0].why, WHY_PLACED);
    }
}
