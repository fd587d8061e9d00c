//! The program as a child process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::api::Api;

pub(crate) const ADMIN_EMAIL: &str = "admin@claudetools.test";
pub(crate) const ADMIN_PASSWORD: &str = "a long enough passphrase";

/// How long anything may take that is to happen at once. Generous, because machines that run tests are busy.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Asks until `probe` answers something.
pub(crate) async fn eventually<T>(what: &str, within: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(start.elapsed() < within, "{what} did not come about within {within:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A place to run the program in: a directory of its own and settings.
pub(crate) struct Site {
    directory: Arc<TempDir>,
    settings: BTreeMap<String, String>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// The same, if it succeeded.
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The same, if it failed with 1 and said something with `wanted` in it.
    pub(crate) fn failure(self, wanted: &str) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.err.contains(wanted), "{wanted:?} is not in {self:?}");
        self
    }
}

impl Site {
    /// Nothing set but the port, which the system chooses.
    pub(crate) fn bare() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        Self { directory: Arc::new(directory), settings: BTreeMap::new() }.with("PORT", "0")
    }

    /// With a first administrator whose password is known, and with everything else as it ships.
    pub(crate) fn as_shipped() -> Self {
        Self::bare().with("BOOTSTRAP_ADMIN_EMAIL", ADMIN_EMAIL).with("BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD)
    }

    /// The same without limits: a test that is not about them may make as many requests as it likes.
    pub(crate) fn new() -> Self {
        Self::as_shipped().with("RATE_LIMIT_PER_MINUTE", "0").with("RATE_LIMIT_PER_HOUR", "0")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A file or directory of the site.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Any command in this place, with the variables given and no others.
    fn command(&self, program: &str, settings: &BTreeMap<String, String>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(settings).current_dir(self.directory.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a sub-command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, "").await
    }

    /// Starts a sub-command and does not wait for it. It is killed when this is dropped.
    pub(crate) fn spawn_command(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_claudetools"), &self.settings);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process")
    }

    /// The same, with a file as standard input.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let file = self.path("standard-input");
        std::fs::write(&file, input).expect("the input");
        let mut command = self.command(env!("CARGO_BIN_EXE_claudetools"), &self.settings);
        command.args(arguments).stdin(std::fs::File::open(file).expect("the input"));
        finish(command, arguments.join(" ")).await
    }

    /// Runs a script with `shell`, which finds programs, and knows the variables given and no others.
    pub(crate) async fn shell(&self, shell: &[&str], script: &str, variables: &[(&str, &str)]) -> Ended {
        let path = std::env::var("PATH").unwrap_or_default();
        let variables = variables.iter().copied().chain([("PATH", path.as_str())]);
        let settings = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut command = self.command(shell[0], &settings);
        command.args(&shell[1..]).arg(script);
        finish(command, script.to_owned()).await
    }

    /// Starts a server and does not wait for it.
    pub(crate) fn spawn(&self) -> Server {
        let started = Instant::now();
        let mut child = self.command(env!("CARGO_BIN_EXE_claudetools"), &self.settings).spawn().expect("a process");
        let out = Output::of(child.stdout.take().expect("a pipe"));
        let err = Output::of(child.stderr.take().expect("a pipe"));
        Server { child, out, err, started, base: String::new(), _directory: Arc::clone(&self.directory) }
    }

    /// Starts a server and waits until it has said where it is.
    pub(crate) async fn serve(&self) -> Server {
        let mut server = self.spawn();
        server.wait_until_it_listens().await;
        server
    }
}

async fn finish(mut command: Command, what: String) -> Ended {
    let child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
    let output = timeout(2 * SOON, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("{what} did not end")).expect("its output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// What a process has written so far.
struct Output {
    text: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Output {
    fn of(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&text);
        let reader = tokio::spawn(async move {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut part).await {
                written.lock().expect("the text").extend_from_slice(&part[..count]);
            }
        });
        Self { text, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().expect("the text")).into_owned()
    }

    async fn into_whole(self) -> String {
        timeout(SOON, self.reader).await.expect("the pipe to be closed").expect("a reader that does not panic");
        String::from_utf8_lossy(&self.text.lock().expect("the text")).into_owned()
    }
}

/// A server that runs; it is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    out: Output,
    err: Output,
    started: Instant,
    base: String,
    /// The site may be gone before the server is.
    _directory: Arc<TempDir>,
}

impl Server {
    /// `http://127.0.0.1:<port>`, as it printed it.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.base.split_once("://").map_or("", |(_, address)| address)
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Standard output so far.
    pub(crate) fn printed(&self) -> String {
        self.out.text()
    }

    /// Standard error so far.
    pub(crate) fn log(&self) -> String {
        self.err.text()
    }

    /// A caller without a token.
    pub(crate) fn anonymous(&self) -> Api {
        Api::new(&self.base)
    }

    /// The administrator of [`Site::new`], logged in.
    pub(crate) async fn admin(&self) -> Api {
        self.anonymous().log_in(ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("a process that runs")
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of the child")
    }

    pub(crate) async fn wait_until_it_listens(&mut self) {
        let base = eventually("a server that listens", SOON, async || {
            if let Some(status) = self.exit() {
                panic!("the server ended with {status}: {}", self.err.text());
            }
            printed_base(&self.out.text())
        });
        self.base = base.await;
    }

    /// The same for one that may refuse to start: whether it listens.
    pub(crate) async fn listens_or_ends(&mut self) -> bool {
        let base = eventually("a server that listens or ends", SOON, async || {
            printed_base(&self.out.text()).or_else(|| self.exit().map(|_| String::new()))
        });
        self.base = base.await;
        !self.base.is_empty()
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &id]).status().await;
        assert!(sent.expect("a shell").success(), "the signal was not sent");
    }

    /// Ends it at once, as a power cut would.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("a process that can be killed");
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self, within: Duration) -> Ended {
        let status = timeout(within, self.child.wait()).await;
        let Ok(status) = status else { panic!("it still runs after {within:?}: {}", self.err.text()) };
        let code = status.expect("an exit status").code();
        Ended { code, out: self.out.into_whole().await, err: self.err.into_whole().await }
    }

    /// Stops it gracefully.
    pub(crate) async fn stop(self) -> Ended {
        self.signal("TERM").await;
        self.ended(SOON).await.success()
    }
}

/// Where the server is, once it has printed the last line.
fn printed_base(out: &str) -> Option<String> {
    out.contains("\ncurl ").then_some(())?;
    out.ends_with('\n').then_some(())?;
    let (_, rest) = out.split_once(" serves ")?;
    Some(rest.lines().next()?.trim().to_owned())
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
