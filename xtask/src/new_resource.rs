//! `cargo xtask new-resource`: the checklist of `docs/adding-a-resource.md` with the names filled in.

use crate::{
    arch::DOMAINS,
    failure::{Failure, Result},
    names::Names,
};

/// What the resource is called and where it belongs.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The resource in the singular, in any case: `work-item`, `work_item`, `WorkItem`.
    name: String,
    /// The plural, where English is not regular.
    #[arg(long)]
    plural: Option<String>,
    /// The domain it belongs to.
    #[arg(long, default_value = "sessions")]
    domain: String,
}

/// One step: the file and what to do there.
type Step = (String, String);

/// Prints the checklist.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !DOMAINS.contains(&options.domain.as_str()) {
        return Err(Failure::new(format!("there is no domain {}; there are {}", options.domain, DOMAINS.join(", "))));
    }
    let names = Names::new(&options.name, options.plural.as_deref())?;
    println!("{} in the domain {}; docs/adding-a-resource.md explains each step.\n", names.pascal, options.domain);
    for (number, (layer, steps)) in checklist(&names, &options.domain).into_iter().enumerate() {
        println!("{}. {layer}", number + 1);
        for (file, what) in steps {
            println!("   [ ] {file}\n       {what}");
        }
    }
    println!("\nThen: cargo xtask openapi && cargo xtask check --all && cargo xtask lines");
    Ok(())
}

fn checklist(names: &Names, domain: &str) -> Vec<(&'static str, Vec<Step>)> {
    vec![
        ("Domain: the type, its port, its use cases", domain_steps(names, domain)),
        ("Contract: what every storage must do", contract_steps(names, domain)),
        ("Memory: the reference", memory_steps(names)),
        ("SQL: migration, table, repository", sql_steps(names)),
        ("HTTP: bodies, views, handlers", http_steps(names)),
        ("Tests over HTTP", test_steps(names)),
        ("Documentation", documentation_steps(names)),
    ]
}

fn step(file: impl Into<String>, what: impl Into<String>) -> Step {
    (file.into(), what.into())
}

fn domain_steps(names: &Names, domain: &str) -> Vec<Step> {
    let Names { snake, snake_plural, pascal, .. } = names;
    let src = format!("crates/{domain}/src");
    vec![
        step(
            format!("{src}/{snake}.rs"),
            format!(
                "`{pascal}` with id, created_at, updated_at and revision; `{pascal}Fields` (what a caller may set); `{pascal}Filter` with \
                 `admits`; `{pascal}Sort`. `new` and `change` check every field and name all faults at once. `impl Entity` with \
                 TYPE = \"{snake}\", id and revision; `impl Detail` for what shows it with related rows."
            ),
        ),
        step(
            format!("{src}/ports.rs"),
            format!(
                "trait `{pascal}Repository: Records<{pascal}>` (its lists, and what uniqueness and references ask for); \
                 `fn {snake_plural}(&mut self) -> &mut dyn {pascal}Repository` in the domain's transaction trait."
            ),
        ),
        step(
            format!("{src}/{snake}_service.rs"),
            format!(
                "`{pascal}Service(Context)`: a method per use case. Ask the actor for its scope, begin, look, build, save; return \
                 `Change<{pascal}>` from what writes and never commit. Lists take a `Query`, writes to a row a `Target`."
            ),
        ),
        step(format!("{src}/lib.rs"), "Declare the two modules, export the types."),
    ]
}

fn contract_steps(names: &Names, domain: &str) -> Vec<Step> {
    let Names { snake, pascal, .. } = names;
    let folder = format!("crates/{domain}/src/contract");
    vec![
        step(
            format!("{folder}/{snake}.rs"),
            format!(
                "The suite over `&dyn UnitOfWork<…>`: every field of `{pascal}` comes back, unique keys and their case, a dropped change \
                 leaves nothing, every filter, every sort with offset and cursor, saving an outdated or missing row, two writers at once."
            ),
        ),
        step(format!("{folder}/mod.rs"), "Declare it and add its cases to the list that the adapters run."),
    ]
}

fn memory_steps(names: &Names) -> Vec<Step> {
    let Names { snake, snake_plural, pascal, .. } = names;
    let src = "crates/adapters/memory/src";
    vec![
        step(
            format!("{src}/{snake}.rs"),
            format!(
                "`impl Row for {pascal}` (its table, what clashes, dangles, refers to it) and `impl {pascal}Repository for MemoryTx`."
            ),
        ),
        step(
            format!("{src}/store.rs"),
            format!("A table `{snake_plural}` in the state, and the accessor in the transaction."),
        ),
        step(format!("{src}/lib.rs"), "Declare the module."),
    ]
}

fn sql_steps(names: &Names) -> Vec<Step> {
    let Names { snake, snake_plural, pascal, .. } = names;
    let src = "crates/adapters/sql/src";
    vec![
        step(
            format!("migrations/src/m<date>_<number>_{snake_plural}.rs"),
            format!(
                "The table `{snake_plural}`, forward and back. An index for each sort and filter that lists use, the id as its last column."
            ),
        ),
        step("migrations/src/lib.rs", "Declare it and append it to the list."),
        step(
            format!("{src}/entity/{snake}.rs"),
            format!(
                "The sea-orm `Model`, with `from_ref({pascal})` and `owned_try_into({pascal}, StoreError)` derived: each column passes through `Keeps`."
            ),
        ),
        step(format!("{src}/entity/mod.rs"), "Declare it, and register it in the comparison with the migrations."),
        step(
            format!("{src}/repository/{snake}.rs"),
            format!(
                "`impl Row for {pascal}` (table, id, revision, what refers to it) and `impl {pascal}Repository for SqlTx`; `condition` and `column` for its lists."
            ),
        ),
        step(format!("{src}/repository/mod.rs"), "Declare it."),
        step(format!("{src}/store.rs"), "The accessor in the transaction: it returns `self`."),
    ]
}

fn http_steps(names: &Names) -> Vec<Step> {
    let Names { snake_plural, kebab_plural, pascal, .. } = names;
    let src = "crates/adapters/http/src";
    vec![
        step(
            format!("{src}/api/{snake_plural}.rs"),
            format!(
                "`{pascal}Body`, `{pascal}Query` and `{pascal}View` with examples, their ways to and from the domain derived; handlers under \
                 /{kebab_plural} that take `Caller` with the scope in its type, `Body`, `PathId`, `At`, `ListQuery`, and call the service through \
                 `caller.create`, `change`, `act`, `one`, `page`. `routes` mounts them."
            ),
        ),
        step(format!("{src}/api/mod.rs"), "Declare it."),
        step(
            format!("{src}/app.rs"),
            format!("Add `{pascal}Service` to the services, and mount the routes: the mounting is the description."),
        ),
        step("crates/server/src", format!("Build `{pascal}Service` where the other services are built.")),
    ]
}

fn test_steps(names: &Names) -> Vec<Step> {
    let Names { snake_plural, snake, .. } = names;
    vec![
        step(
            format!("tests/http/{snake_plural}.rs"),
            "Over HTTP: the life of one row, each refusal with its code and details, filters, sorts, both ways of paging, ETag and \
             If-Match, a repeated key, the audit row. Scopes, tokens and error shapes are walked by the suites over the description.",
        ),
        step("crates/testkit/src", format!("A builder for a valid {snake}, when other suites need one to refer to.")),
    ]
}

fn documentation_steps(names: &Names) -> Vec<Step> {
    vec![
        step("docs/api/openapi.json", "Regenerate it: `cargo xtask openapi`."),
        step("docs/api", format!("What a caller of /{} would not guess.", names.kebab_plural)),
        step("CHANGELOG.md", "One line."),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_filled_in_at_every_layer() {
        let names = Names::new("work-item", None).unwrap();
        let files: Vec<String> =
            checklist(&names, "sessions").into_iter().flat_map(|(_, steps)| steps).map(|(file, _)| file).collect();
        for expected in [
            "crates/sessions/src/work_item.rs",
            "crates/sessions/src/work_item_service.rs",
            "crates/sessions/src/contract/work_item.rs",
            "crates/adapters/memory/src/work_item.rs",
            "crates/adapters/sql/src/entity/work_item.rs",
            "crates/adapters/sql/src/repository/work_item.rs",
            "migrations/src/m<date>_<number>_work_items.rs",
            "crates/adapters/http/src/api/work_items.rs",
            "tests/http/work_items.rs",
        ] {
            assert!(files.iter().any(|file| file == expected), "{expected} is not in {files:?}");
        }
    }

    /// The printed list and the prose must not drift apart.
    #[test]
    fn the_prose_explains_every_file_of_the_checklist() {
        let prose = include_str!("../../docs/adding-a-resource.md");
        let names = Names::new("client", None).unwrap();
        for (file, _) in checklist(&names, "sessions").into_iter().flat_map(|(_, steps)| steps) {
            assert!(prose.contains(&format!("`{file}`")), "docs/adding-a-resource.md does not mention {file}");
        }
    }
}
