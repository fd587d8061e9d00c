//! Clients that cost a server more than they ask for: slow ones, and very many.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::{TOLD, alone, load::Load, memory, program::SOON, site, tools};

const SLOW: usize = 100;
/// The time-outs below, and room for a busy machine.
const CUT_OFF: Duration = Duration::from_secs(10);
const IDLE: usize = 10_000;
/// Files that a server has open beside the connections, and how many it needs for each of those.
const OTHER_FILES: usize = 500;
const FILES_EACH: usize = 2;
const WRITERS: usize = 4;
const SOME: usize = 50;

/// Sends `head` and then `piece` again and again until it is cut off, and tells after how long that was.
async fn trickle(address: String, head: String, piece: &'static str) -> Duration {
    let start = Instant::now();
    let mut wire = TcpStream::connect(address).await.expect("a connection");
    wire.write_all(head.as_bytes()).await.expect("an open connection");
    while start.elapsed() < CUT_OFF {
        let mut part = [0; 1024];
        match timeout(Duration::from_millis(200), wire.read(&mut part)).await {
            Ok(Ok(0) | Err(_)) => return start.elapsed(),
            // An answer; the end comes after it.
            Ok(Ok(_)) => {}
            // Nothing said yet: the next piece. When it cannot be sent, the end is found by reading.
            Err(_) => drop(wire.write_all(piece.as_bytes()).await),
        }
    }
    panic!("still open after {CUT_OFF:?}: {head:?}");
}

#[tokio::test]
async fn hundreds_of_clients_that_trickle_are_cut_off_while_others_are_served() {
    let _alone = alone().await;
    let server = site().with("REQUEST_TIMEOUT_SECONDS", "2").with("KEEP_ALIVE_SECONDS", "2").serve().await;
    let api = server.admin().await;
    let load = Load::start(&api, "beside-slow", WRITERS).await;
    load.goes_on(SOME, SOON).await;
    let before = memory::resident(server.id());

    let body = format!(
        "POST /api/v1/clients HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100000\r\n\r\n",
        api.token()
    );
    let kinds = [
        ("GET /healthz HTTP/1.1\r\nHost: here\r\n".to_owned(), "X: y\r\n"),
        (body, " "),
        // Nothing at all, and a first line that never ends.
        (String::new(), ""),
        ("GET /".to_owned(), "a"),
    ];
    let begun = Instant::now();
    let mut slow = JoinSet::new();
    for (head, piece) in kinds {
        for _ in 0..SLOW {
            slow.spawn(trickle(server.address().to_owned(), head.clone(), piece));
        }
    }
    load.goes_on(SOME, SOON).await;
    let slowest = slow.join_all().await.into_iter().max().expect("clients");
    eprintln!("{} slow clients were cut off after at most {slowest:?}", 4 * SLOW);
    let ended = Instant::now();
    load.goes_on(SOME, SOON).await;
    let ledger = load.finish().await;
    ledger.only_allowed_errors(false);
    ledger.all_told_within(TOLD, begun, ended);
    ledger.is_what_is_stored(&api).await;
    memory::is_back(server.id(), before).await;
    server.stop().await;
}

/// As many idle connections as the system lets this process and the server have, up to what is wanted.
fn affordable() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("the limits of this process");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("that of files");
    let hard: usize = line.split_whitespace().nth(1).and_then(|hard| hard.parse().ok()).unwrap_or(usize::MAX);
    let process = std::process::id().to_string();
    tools::run(Command::new("prlimit").args(["--pid", &process, &format!("--nofile={hard}:{hard}")]));
    let affordable = IDLE.min(hard.saturating_sub(OTHER_FILES) / FILES_EACH);
    if affordable < IDLE {
        eprintln!("only {affordable} connections instead of {IDLE}: a process may have {hard} open files here");
    }
    affordable
}

/// Connections that have been used once.
async fn idle_connections(address: &str, count: usize) -> Vec<TcpStream> {
    const AT_ONCE: usize = 50;
    let mut connecting = JoinSet::new();
    for part in 0..AT_ONCE {
        let (address, count) = (address.to_owned(), count / AT_ONCE + usize::from(part < count % AT_ONCE));
        connecting.spawn(async move {
            let mut connections = Vec::with_capacity(count);
            for _ in 0..count {
                let mut wire = TcpStream::connect(&address).await.expect("a connection");
                wire.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await.expect("an open connection");
                let mut answer = [0; 2048];
                let read = timeout(SOON, wire.read(&mut answer)).await.expect("an answer").expect("an answer");
                assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
                connections.push(wire);
            }
            connections
        });
    }
    connecting.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_hold_nobody_up_and_cost_nothing_once_they_are_gone() {
    let _alone = alone().await;
    let count = affordable();
    let server = site().with("KEEP_ALIVE_SECONDS", "600").serve().await;
    let api = server.admin().await;
    let load = Load::start(&api, "beside-idle", WRITERS).await;
    load.goes_on(SOME, SOON).await;
    let before = memory::resident(server.id());

    let begun = Instant::now();
    let connections = idle_connections(server.address(), count).await;
    let (opened, during) = (Instant::now(), memory::resident(server.id()));
    load.goes_on(2 * SOME, SOON).await;
    eprintln!(
        "{count} connections opened within {:?}; each costs {} bytes",
        opened - begun,
        during.saturating_sub(before) * 1024 / u64::try_from(count).expect("a number")
    );
    let last = Instant::now();
    drop(connections);
    load.goes_on(SOME, SOON).await;
    let ledger = load.finish().await;
    ledger.only_allowed_errors(false);
    ledger.all_told_within(TOLD, opened, last);
    ledger.is_what_is_stored(&api).await;
    memory::is_back(server.id(), before).await;
    server.stop().await;
}
