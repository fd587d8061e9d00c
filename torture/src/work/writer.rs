//! A process of its own that reads, changes and writes a set under a lock, so that it can be stopped for good in the middle of it.

use std::{net::SocketAddr, path::Path, process::Stdio, rc::Rc, time::Duration};

use claudetools_harness::client::{Call, Client};
use hyper::Method;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{
    dice::Dice,
    failure::{Failure, Result},
    registers::{Reply, Wish},
    site::Site,
};

/// What the process is told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The replicas.
    #[arg(long, value_delimiter = ',', required = true)]
    servers: Vec<SocketAddr>,
    /// Where the registers are served.
    #[arg(long)]
    registers: u16,
    /// The path that is locked, and names the register.
    #[arg(long)]
    resource: String,
    /// Which writer this is.
    #[arg(long)]
    number: u64,
    /// The seed of the run.
    #[arg(long)]
    seed: u64,
}

/// The register that a writer works on: two work on each.
pub(crate) fn resource(number: usize) -> String {
    let kind = if number.is_multiple_of(2) { "fenced" } else { crate::registers::UNFENCED };
    format!("set/{kind}")
}

/// Starts a writer.
pub(crate) fn start(site: &Rc<Site>, registers: u16, number: usize) -> Result<Child> {
    let program = std::env::current_exe()?;
    let servers: Vec<String> = site.addresses.iter().map(ToString::to_string).collect();
    let mut command = Command::new(&program);
    command.args(["writer", "--servers", &servers.join(","), "--registers", &registers.to_string()]);
    command.args(["--resource", &resource(number), "--number", &number.to_string()]);
    command.args(["--seed", &site.plan.seed.to_string()]).stdin(Stdio::null()).kill_on_drop(true);
    spawn(command, &program)
}

fn spawn(mut command: Command, program: &Path) -> Result<Child> {
    command.spawn().map_err(|error| Failure::File(program.to_owned(), error))
}

/// Reads, changes and writes until it is killed.
pub(crate) async fn run(options: Options) -> Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", options.registers)).await?;
    let (read, write) = stream.into_split();
    let mut writer = Writer {
        dice: Dice::new(options.seed, 1_000_000 + options.number),
        registers: (BufReader::new(read), write),
        added: 0,
        options,
    };
    loop {
        // A replica may be away; what is half done ends by itself with the lock's time.
        let _ = timeout(Duration::from_secs(30), writer.once()).await;
        let pause = Duration::from_millis(writer.dice.between(20, 80));
        sleep(pause).await;
    }
}

struct Writer {
    options: Options,
    dice: Dice,
    registers: (BufReader<OwnedReadHalf>, OwnedWriteHalf),
    added: u64,
}

impl Writer {
    async fn once(&mut self) -> Result<()> {
        let address = self.dice.pick(&self.options.servers).copied();
        let address = address.ok_or_else(|| Failure::Needed("there is no server".to_owned()))?;
        let mut client = Client::connect(address).await?;
        let session = format!("writer-{}", self.options.number);
        let body = json!({"resource": self.options.resource, "ttl_seconds": 10, "session_id": session});
        let path = "/api/v1/coord/locks?wait=2";
        let answer = timeout(Duration::from_secs(4), client.send(Call { path, body: Some(&body), ..Call::default() }));
        let answer = answer.await.map_err(|_| Failure::Needed("no answer".to_owned()))??;
        if !matches!(answer.status, 200 | 201) {
            return Ok(());
        }
        let lock = answer.json()?;
        let token = lock["token"].as_i64().unwrap_or_default();
        // Here it may be stopped, with what it has read in hand.
        let read = self.ask(token, None).await?;
        if read.is_taken {
            self.added += 1;
            let element = (self.options.number << 40) | self.added;
            self.ask(token, Some((read.elements, element))).await?;
        }
        let path = format!("/api/v1/coord/locks/{}", lock["id"].as_str().unwrap_or_default());
        let release = Call { path: &path, method: Some(Method::DELETE), ..Call::default() };
        // Lost, it ends with its time.
        let _ = timeout(Duration::from_secs(4), client.send(release)).await;
        Ok(())
    }

    async fn ask(&mut self, token: i64, write: Option<(Vec<u64>, u64)>) -> Result<Reply> {
        let process = std::process::id();
        let mut wish = serde_json::to_string(&Wish { resource: self.options.resource.clone(), token, process, write })?;
        wish.push('\n');
        self.registers.1.write_all(wish.as_bytes()).await?;
        let mut reply = String::new();
        if self.registers.0.read_line(&mut reply).await? == 0 {
            return Err(Failure::Needed("the run is over".to_owned()));
        }
        Ok(serde_json::from_str(&reply)?)
    }
}
