//! A stretch of network between server and database that loses what it is told to.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What drivers send to commit: a packet of MySQL (its command, then the text, to the end), a message of PostgreSQL.
const COMMITS: [&[u8]; 2] = [b"\x03COMMIT", b"Q\0\0\0\x0bCOMMIT\0"];

/// Passes everything on, but for the answers to some commits.
#[derive(Debug)]
pub struct Cut {
    /// Where whoever is to lose answers connects to, on the loopback address.
    pub port: u16,
    due: Arc<AtomicUsize>,
    done: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Cut {
    /// Between whoever connects to its port and `database`, a port of this machine.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn before(database: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (due, done) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (taken, made) = (Arc::clone(&due), Arc::clone(&done));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (due, done) = (Arc::clone(&taken), Arc::clone(&made));
                tokio::spawn(async move {
                    // Whichever side ends, both do; what they say about it is of no interest here.
                    let _ = pass(client, database, &due, &done).await;
                });
            }
        });
        Ok(Self { port, due, done, accepting })
    }

    /// From now on the answer to the next commit is lost, and its connection with it.
    pub fn lose_next(&self) {
        self.due.fetch_add(1, Ordering::SeqCst);
    }

    /// How many answers were lost.
    pub fn lost(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, port: u16, due: &AtomicUsize, done: &AtomicUsize) -> std::io::Result<()> {
    let mut database = TcpStream::connect(("127.0.0.1", port)).await?;
    client.set_nodelay(true)?;
    database.set_nodelay(true)?;
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let count = count?;
                if count == 0 { return Ok(()) }
                let is_commit = COMMITS.iter().any(|commit| asked[..count].ends_with(commit));
                let one_less = |due: usize| due.checked_sub(1);
                let is_cut = is_commit && due.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
                database.write_all(&asked[..count]).await?;
                if is_cut {
                    // The database has answered, so it has done it; nobody is told.
                    if database.read(&mut answered).await? == 0 { return Ok(()) }
                    done.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
            }
            count = database.read(&mut answered) => {
                let count = count?;
                if count == 0 { return Ok(()) }
                client.write_all(&answered[..count]).await?;
            }
        }
    }
}
