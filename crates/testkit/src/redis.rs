//! The Redis of the tests, and a way to it that can be cut.

use std::{env, net::SocketAddr};

use redis::{AsyncCommands, Client, aio::MultiplexedConnection};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// The Redis of the suites: that of `CLAUDETOOLS_TEST_REDIS_URL`, else the one on this machine. What needs it stands in modules
/// called `redis`, which `cargo xtask test` leaves out where there is none.
pub fn redis_url() -> String {
    env::var("CLAUDETOOLS_TEST_REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379/".to_owned())
}

async fn connect() -> MultiplexedConnection {
    let url = redis_url();
    let client = Client::open(url.as_str()).expect("a URL of Redis");
    let connected = client.get_multiplexed_async_connection().await;
    connected.unwrap_or_else(|error| panic!("no Redis at {url}; `cargo xtask services up` starts it: {error}"))
}

/// Removes all keys whose names begin with `prefix`.
pub async fn clear_redis(prefix: &str) {
    let mut connection = connect().await;
    let keys: Vec<String> = connection.keys(format!("{prefix}*")).await.expect("the keys");
    if !keys.is_empty() {
        let _: i64 = connection.del(keys).await.expect("their removal");
    }
}

/// A way to a server that can be cut, as when the server ends, or blocked, as when it hangs.
#[derive(Debug)]
pub struct Way {
    address: SocketAddr,
    upstream: SocketAddr,
    open: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Way {
    /// A way to the Redis of the suites.
    pub async fn to_redis() -> Self {
        let client = Client::open(redis_url()).expect("a URL of Redis");
        let upstream = tokio::net::lookup_host(client.get_connection_info().addr().to_string()).await;
        let upstream = upstream.expect("a TCP address").next().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut way = Self { address, upstream, open: watch::channel(true).0, task: None };
        way.serve(listener);
        way
    }

    /// The Redis at the end of the way.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Cuts every connection and takes no new one.
    pub async fn cut(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // It ends by being aborted.
            let _ = task.await;
        }
    }

    /// Takes connections again.
    pub async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the same port");
        self.serve(listener);
    }

    /// From now on what is sent gets nowhere; connections stay.
    pub fn block(&self) {
        self.open.send_replace(false);
    }

    /// Lets through again, also what was sent meanwhile.
    pub fn unblock(&self) {
        self.open.send_replace(true);
    }

    fn serve(&mut self, listener: TcpListener) {
        let (upstream, open) = (self.upstream, self.open.subscribe());
        self.task = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(forward(client, upstream, open.clone()));
            }
        }));
    }
}

async fn forward(mut client: TcpStream, upstream: SocketAddr, mut open: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    loop {
        if open.wait_for(|open| *open).await.is_err() {
            return;
        }
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            blocked = open.wait_for(|open| !*open) => if blocked.is_err() { return },
        }
    }
}
