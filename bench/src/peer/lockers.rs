//! Who gives locks: our server, etcd and Redis.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    client::{Call, Client},
    data::Data,
    failure::{Failure, Result},
    lineup::Contender,
    process::Tree,
    server::Server,
};

/// How long a lock lives if nobody gives it back, in seconds.
const LIFE: u32 = 30;

/// Who gives locks.
pub(crate) trait Locker {
    /// A connection.
    type Client;
    /// What is needed to give a lock back.
    type Held;

    /// A connection for the client of this number.
    async fn client(&self, number: usize) -> Result<Self::Client>;
    /// Takes a lock if nobody has it.
    async fn try_take(&self, client: &mut Self::Client, number: usize, resource: &str) -> Result<Option<Self::Held>>;
    /// Takes a lock, and waits for it.
    async fn take(&self, client: &mut Self::Client, number: usize, resource: &str) -> Result<Self::Held>;
    /// Gives it back.
    async fn release(&self, client: &mut Self::Client, held: Self::Held) -> Result<()>;
}

/// Our server, in one replica or several.
pub(crate) struct Ours(Vec<Rc<Contender>>);

impl Ours {
    pub(crate) const fn new(servers: Vec<Rc<Contender>>) -> Self {
        Self(servers)
    }

    /// The processes of the first replica.
    pub(crate) fn tree(&self) -> Tree {
        self.0[0].server.tree()
    }

    async fn acquire(&self, client: &mut Client, number: usize, resource: &str, wait: u32) -> Result<Option<String>> {
        let body = json!({"resource": resource, "ttl_seconds": LIFE, "session_id": format!("bench-{number}")});
        let path =
            if wait == 0 { "/api/v1/coord/locks".to_owned() } else { format!("/api/v1/coord/locks?wait={wait}") };
        let answer = client.send(Call { path: &path, body: Some(&body), ..Call::default() }).await?;
        if answer.status == 409 {
            return Ok(None);
        }
        answer.expect(201, "a lock")?;
        Ok(answer.json()?["id"].as_str().map(str::to_owned))
    }
}

impl Locker for Ours {
    type Client = Client;
    type Held = String;

    async fn client(&self, number: usize) -> Result<Client> {
        self.0[number % self.0.len()].client().await
    }

    async fn try_take(&self, client: &mut Client, number: usize, resource: &str) -> Result<Option<String>> {
        self.acquire(client, number, resource, 0).await
    }

    async fn take(&self, client: &mut Client, number: usize, resource: &str) -> Result<String> {
        let taken = self.acquire(client, number, resource, 60).await?;
        taken.ok_or_else(|| Failure::Server("nobody gave the lock back for a minute".to_owned()))
    }

    async fn release(&self, client: &mut Client, held: String) -> Result<()> {
        let path = format!("/api/v1/coord/locks/{held}");
        let answer = client.send(Call { path: &path, method: Some(Method::DELETE), ..Call::default() }).await?;
        Ok(answer.expect(200, "a release")?)
    }
}

/// An etcd of one node.
pub(crate) struct Etcd(Server);

impl Etcd {
    /// Starts one whose data lie beside `place`.
    pub(crate) async fn start(place: &Data) -> Result<Self> {
        let place = Path::new(place.url.trim_start_matches("sqlite://")).with_extension("etcd");
        fs::create_dir_all(&place).map_err(|error| Failure::File(place.clone(), error))?;
        let peers = format!("http://{}", free_address()?);
        let server = Server::launch(|address, _| {
            let clients = format!("http://{address}");
            let mut command = Command::new("etcd");
            command.arg("--data-dir").arg(&place).args(["--log-level", "error", "--initial-cluster"]);
            command.arg(format!("default={peers}")).args(["--initial-advertise-peer-urls", &peers]);
            command.args(["--listen-peer-urls", &peers, "--listen-client-urls", &clients]);
            command.args(["--advertise-client-urls", &clients]).env("PATH", "/usr/bin:/bin");
            command
        });
        Ok(Self(server.await?))
    }

    pub(crate) fn tree(&self) -> Tree {
        self.0.tree()
    }

    async fn ask(client: &mut Client, path: &str, body: &Value) -> Result<Value> {
        let answer = client.send(Call { path, body: Some(body), ..Call::default() }).await?;
        answer.expect(200, path)?;
        Ok(answer.json()?)
    }

    async fn lease(client: &mut Client) -> Result<Value> {
        Ok(Self::ask(client, "/v3/lease/grant", &json!({"TTL": LIFE.to_string()})).await?["ID"].clone())
    }
}

impl Locker for Etcd {
    type Client = Client;
    /// The lease.
    type Held = Value;

    async fn client(&self, _: usize) -> Result<Client> {
        Ok(self.0.connect().await?)
    }

    async fn try_take(&self, client: &mut Client, number: usize, resource: &str) -> Result<Option<Value>> {
        let lease = Self::lease(client).await?;
        let (key, value) = (STANDARD.encode(resource), STANDARD.encode(format!("bench-{number}")));
        let body = json!({
            "compare": [{"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": "0"}],
            "success": [{"request_put": {"key": key, "value": value, "lease": lease}}],
        });
        if Self::ask(client, "/v3/kv/txn", &body).await?["succeeded"] == true {
            return Ok(Some(lease));
        }
        self.release(client, lease).await?;
        Ok(None)
    }

    /// By its own lock service, which is fair.
    async fn take(&self, client: &mut Client, _: usize, resource: &str) -> Result<Value> {
        let lease = Self::lease(client).await?;
        Self::ask(client, "/v3/lock/lock", &json!({"name": STANDARD.encode(resource), "lease": lease})).await?;
        Ok(lease)
    }

    async fn release(&self, client: &mut Client, held: Value) -> Result<()> {
        // What hangs on the lease goes with it.
        Self::ask(client, "/v3/lease/revoke", &json!({"ID": held})).await?;
        Ok(())
    }
}

/// A Redis that keeps nothing.
pub(crate) struct Redis {
    child: Child,
    address: SocketAddr,
}

impl Redis {
    pub(crate) async fn start() -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &address.port().to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.current_dir(std::env::temp_dir()).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().map_err(|error| Failure::File("redis-server".into(), error))?;
        let (redis, begun) = (Self { child, address }, Instant::now());
        while TcpStream::connect(address).await.is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err(Failure::Server("Redis does not answer".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(redis)
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::new(self.child.id())
    }

    async fn ask(client: &mut BufReader<TcpStream>, command: &str) -> Result<String> {
        client.write_all(command.as_bytes()).await?;
        let mut line = String::new();
        client.read_line(&mut line).await?;
        Ok(line)
    }
}

impl Locker for Redis {
    type Client = BufReader<TcpStream>;
    type Held = String;

    async fn client(&self, _: usize) -> Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }

    async fn try_take(&self, client: &mut Self::Client, number: usize, resource: &str) -> Result<Option<String>> {
        let life = LIFE * 1_000;
        let told = Self::ask(client, &format!("SET {resource} bench-{number} NX PX {life}\r\n")).await?;
        if !told.starts_with('+') {
            // The second line of a nil in the old protocol does not exist: `$-1` is all of it.
            return Ok(None);
        }
        Ok(Some(resource.to_owned()))
    }

    /// Asks until it has it: there is no line to stand in.
    async fn take(&self, client: &mut Self::Client, number: usize, resource: &str) -> Result<String> {
        loop {
            if let Some(held) = self.try_take(client, number, resource).await? {
                return Ok(held);
            }
        }
    }

    async fn release(&self, client: &mut Self::Client, held: String) -> Result<()> {
        Self::ask(client, &format!("DEL {held}\r\n")).await?;
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It keeps nothing that it could lose, and may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
