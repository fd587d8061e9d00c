//! The detail of a client whose equipment was imported from `NetBox`.

use std::{env, path::PathBuf, process::Command};

use claudetools_seed::Size;
use serde_json::Value;

use crate::{
    client::{Call, Client},
    data::{Data, Engine, Rows},
    failure::{Failure, Result},
    lineup::{Bench, Extras},
    report::{Report, Samples},
};

/// Names the dump where the option does not.
const VARIABLE: &str = "CLAUDETOOLS_NETBOX_DUMP";
/// Reads of each client, and those before the first that counts.
const READS: usize = 1_000;
const WARM_UP: usize = 50;

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// A dump of `NetBox`, JSON or JSON in gzip; unless given the one that `CLAUDETOOLS_NETBOX_DUMP` names.
    #[arg(long)]
    netbox: Option<PathBuf>,
}

impl Options {
    fn dump(&self) -> Result<PathBuf> {
        let named = self.netbox.clone().or_else(|| env::var_os(VARIABLE).map(PathBuf::from));
        let dump = named.ok_or_else(|| {
            Failure::Server(format!(
                "a dump of NetBox is missing: name one by --netbox or {VARIABLE}, such as netbox-demo-v3.6.json.gz"
            ))
        })?;
        if dump.is_file() {
            Ok(dump)
        } else {
            Err(Failure::Server(format!("there is no dump of NetBox at {}", dump.display())))
        }
    }
}

/// Measures on one engine.
pub(crate) async fn run(bench: &Bench, options: &Options, engine: Engine) -> Result<Report> {
    let dump = options.dump()?;
    let name = engine.name();
    let about = format!(
        "The client with the most equipment of an import from NetBox, {READS} reads over one connection, on {name}."
    );
    let mut report = bench.report("imported-client", about).of_engine(name);
    let data = bench.databases.copy(engine, Rows::Seed(Size::Small)).await?;
    let seeded = {
        let server = bench.ours("seeded", &data, Extras::Audit).await?;
        let clients = clients(&mut server.client().await?).await?;
        server.server.stop().await?;
        clients
    };
    import(bench, &data, &dump)?;
    let server = bench.ours("ours", &data, Extras::Audit).await?;
    let mut client = server.client().await?;
    let (mut largest, mut most) = (None, 0);
    for id in clients(&mut client).await?.into_iter().filter(|id| !seeded.contains(id)) {
        let path = format!("/api/v1/clients/{id}");
        let equipment = client.get(&path).await?["infrastructure"].as_array().map_or(0, Vec::len);
        if equipment > most {
            (largest, most) = (Some(path), equipment);
        }
    }
    let path = largest.ok_or_else(|| Failure::Server("the import has made no client with equipment".into()))?;
    let mut taken = Samples::default();
    for number in 0..WARM_UP + READS {
        let answer = client.send(Call { path: &path, ..Call::default() }).await?;
        answer.expect(200, &path)?;
        if number >= WARM_UP {
            taken.add(answer.took);
        }
    }
    report.measured(format!("{name}: a client with {most} pieces of equipment shown"), &taken);
    report.value(format!("{name}: an imported client, median ms"), taken.median() / 1e3);
    report.value(format!("{name}: an imported client, p99 ms"), taken.quantile_seconds(0.99) * 1e3);
    Ok(report)
}

/// Takes the dump over as an operator does.
fn import(bench: &Bench, data: &Data, dump: &std::path::Path) -> Result<()> {
    let program = bench.program.canonicalize().map_err(|error| Failure::File(bench.program.clone(), error))?;
    let dump = dump.canonicalize().map_err(|error| Failure::File(dump.to_owned(), error))?;
    // No setting of whoever measures is to take part.
    let folder = tempfile::tempdir()?;
    let imported = Command::new(program)
        .args(["import", "netbox"])
        .arg(dump)
        .env_clear()
        .env("DATABASE_URL", &data.url)
        .env("DATA_DIR", folder.path())
        .current_dir(folder.path())
        .output()?;
    if imported.status.success() {
        return Ok(());
    }
    Err(Failure::Server(format!("the import failed: {}", String::from_utf8_lossy(&imported.stderr))))
}

/// The ids of all clients.
async fn clients(client: &mut Client) -> Result<Vec<String>> {
    let (mut ids, mut path) = (Vec::new(), "/api/v1/clients?limit=200".to_owned());
    loop {
        let page: Value = client.get(&path).await?;
        let rows = page["clients"].as_array().into_iter().flatten();
        ids.extend(rows.filter_map(|row| row["id"].as_str()).map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { return Ok(ids) };
        path = format!("/api/v1/clients?limit=200&cursor={cursor}");
    }
}
