//! A replica is killed while others serve.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    RECOVERY, alone,
    api::Api,
    engine::{free_port, new_mariadb},
    load::Load,
    memory,
    program::{ADMIN_EMAIL, ADMIN_PASSWORD, SOON, eventually, repository},
    tools,
};

const WRITERS: usize = 6;
const SOME: usize = 100;
const KILLS: usize = 4;
/// How long each part may take to start, which is not what is measured here.
const START: Duration = Duration::from_mins(2);

/// What `deploy/replicas.sh` runs.
struct Replicas {
    script: Child,
    base: String,
    place: tempfile::TempDir,
}

impl Replicas {
    async fn start() -> Self {
        let place = tools::directory_of_a_database();
        new_mariadb(&place.path().join("mariadb"));
        let ports = [free_port(), free_port(), free_port(), free_port()].map(|port| port.to_string());
        let mut command = Command::new("bash");
        command.arg(repository().join("deploy/replicas.sh"));
        // What tells the suites where their servers are would be misspelt settings to the replicas, which refuse those.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CLAUDETOOLS_")) {
            command.env_remove(name);
        }
        command.env("CLAUDETOOLS", env!("CARGO_BIN_EXE_claudetools")).env("DIRECTORY", place.path());
        command.env("PATIENCE", START.as_secs().to_string());
        command.env("PROXY_PORT", &ports[0]).env("REPLICA_PORTS", format!("{} {}", ports[1], ports[2]));
        command.env("MARIADB_PORT", &ports[3]);
        command.env("BOOTSTRAP_ADMIN_EMAIL", ADMIN_EMAIL).env("BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD);
        command.env("RATE_LIMIT_PER_MINUTE", "0").env("RATE_LIMIT_PER_HOUR", "0").env("WORKERS", "2");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut script = command.spawn().expect("bash");
        let mut lines = BufReader::new(script.stdout.take().expect("a pipe")).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await.expect("a line") {
                if let Some(base) = line.strip_prefix("ready: ") {
                    return base.to_owned();
                }
            }
            panic!("replicas.sh ended; what it said is above");
        };
        // From here on a failure ends the script, too.
        let mut replicas = Self { script, base: String::new(), place };
        replicas.base = timeout(2 * START, ready).await.expect("replicas that are ready");
        // It says more when a replica is started again; nobody may block it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        replicas
    }

    /// The process of a replica, 1 or 2, as long as it runs.
    fn process(&self, replica: usize) -> Option<u32> {
        let process = std::fs::read_to_string(self.place.path().join(format!("replica-{replica}.pid"))).ok()?;
        process.trim().parse().ok().filter(|process| std::path::Path::new(&format!("/proc/{process}")).exists())
    }

    async fn stop(mut self) {
        tools::signal("TERM", &[self.script.id().expect("a process that runs")]);
        let status = timeout(2 * SOON, self.script.wait()).await.expect("an end").expect("a status");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        // After a failure: the script ends what it has started. It is not waited for.
        if let Some(script) = self.script.id() {
            tools::signal("TERM", &[script]);
        }
    }
}

#[tokio::test]
async fn replicas_behind_a_proxy_are_killed_one_after_the_other_and_nothing_is_lost() {
    let _alone = alone().await;
    let what = "replicas behind a proxy";
    for program in ["haproxy", "mariadbd", "bash"] {
        if tools::find(program).is_none() {
            return tools::leave_out(what, program);
        }
    }
    let replicas = Replicas::start().await;
    let api = Api::new(&replicas.base).log_in(ADMIN_EMAIL, ADMIN_PASSWORD).await;
    let load = Load::start(&api, "replicas", WRITERS).await;
    load.goes_on(SOME, SOON).await;

    let mut before = BTreeMap::new();
    for kill in 0..KILLS {
        let (dies, stays) = (1 + kill % 2, 2 - kill % 2);
        let both = async || Some((replicas.process(dies)?, replicas.process(stays)?));
        let (dying, staying) = eventually("two replicas that run", SOON, both).await;
        before.entry(staying).or_insert_with(|| memory::resident(staying));
        tools::signal("KILL", &[dying]);
        let back = load.goes_on(1, RECOVERY).await;
        eprintln!("replica {dies} killed: the next write was acknowledged after {back:?}");
        load.goes_on(SOME, SOON).await;
        // The one that was started in its place serves again.
        eventually("another process", SOON, async || replicas.process(dies).filter(|process| *process != dying)).await;
        load.goes_on(SOME, SOON).await;
    }
    let ledger = load.finish().await;
    ledger.only_allowed_errors(true);
    ledger.is_what_is_stored(&api).await;
    for (process, before) in before {
        if [1, 2].iter().any(|replica| replicas.process(*replica) == Some(process)) {
            memory::is_back(process, before).await;
        }
    }
    replicas.stop().await;
}
