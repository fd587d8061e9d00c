//! Resources outside the database, which the locks are there to protect: kept by this program, and served to the writers that run
//! as processes of their own.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use claudetools_harness::tools;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::spawn_local,
    time::sleep,
};

use crate::{
    check::{Violation, fence::Register},
    failure::Result,
    site::Site,
};

/// How the name of a register without a fence ends.
pub(crate) const UNFENCED: &str = "unfenced";
/// How long a writer is stopped: longer than its lock lives, by so much that another one surely writes meanwhile.
pub(crate) const PAUSE: Duration = Duration::from_secs(13);

/// All registers, by the path that is locked for them.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    all: RefCell<BTreeMap<String, Register>>,
    /// Registers whose next reader is stopped with what it has read in hand.
    due: RefCell<Vec<String>>,
}

/// What a writer asks of a register.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) resource: String,
    pub(crate) token: i64,
    /// The process, to be stopped.
    pub(crate) process: u32,
    /// Of a write: what it has read, and what it adds.
    pub(crate) write: Option<(Vec<u64>, u64)>,
}

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// Of a read: what is in it.
    pub(crate) elements: Vec<u64>,
    /// Whether the register took the token.
    pub(crate) is_taken: bool,
}

impl Registers {
    /// Does something with the register of a resource.
    pub(crate) fn with<T>(&self, resource: &str, what: impl FnOnce(&mut Register) -> T) -> T {
        let mut all = self.all.borrow_mut();
        let new = || Register::new(!resource.ends_with(UNFENCED));
        what(all.entry(resource.to_owned()).or_insert_with(new))
    }

    /// Has the next reader of this register stopped.
    pub(crate) fn pause_next(&self, resource: &str) {
        self.due.borrow_mut().push(resource.to_owned());
    }

    /// What is wrong; and stale writes tried and taken where there is a fence, acknowledged writes lost where there is none.
    pub(crate) fn check(&self) -> (Tally, Vec<Violation>) {
        let (mut tally, mut faults) = (Tally::default(), Vec::new());
        for (resource, register) in &*self.all.borrow() {
            if resource.ends_with(UNFENCED) {
                tally.lost_without_fence += register.lost();
                continue;
            }
            tally.elements += register.len();
            tally.stale_tried += register.stale.0;
            if register.stale.1 > 0 || register.lost() > 0 {
                let what = format!("{resource} took {} stale writes and lost {}", register.stale.1, register.lost());
                faults.push(Violation::new("fence", what));
            }
        }
        (tally, faults)
    }

    async fn answer(&self, site: &Site, wish: Wish) -> Result<Reply> {
        if let Some((elements, added)) = wish.write {
            let is_taken = self.with(&wish.resource, |register| register.write(wish.token, &elements, added));
            return Ok(Reply { elements: Vec::new(), is_taken });
        }
        let elements = self.with(&wish.resource, |register| register.read(wish.token));
        let is_due = {
            let mut due = self.due.borrow_mut();
            let at = due.iter().position(|resource| *resource == wish.resource);
            at.map(|at| due.swap_remove(at)).is_some()
        };
        if is_due {
            // In the very middle of read, change and write.
            tools::signal("STOP", &[wish.process])?;
            site.injected("a client stopped for 13 s with a lock in hand");
            let process = wish.process;
            spawn_local(async move {
                sleep(PAUSE).await;
                // Who is gone already needs no signal.
                let _ = tools::signal("CONT", &[process]);
            });
        }
        Ok(Reply { is_taken: elements.is_some(), elements: elements.unwrap_or_default() })
    }
}

/// What the registers have seen.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(crate) struct Tally {
    /// In the registers with a fence.
    pub(crate) elements: usize,
    pub(crate) stale_tried: u64,
    pub(crate) lost_without_fence: usize,
}

/// Serves the registers to whoever connects; tells the port.
pub(crate) async fn serve(site: &Rc<Site>) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let site = Rc::clone(site);
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let site = Rc::clone(&site);
            spawn_local(async move {
                if let Err(failure) = serve_one(&site, stream).await {
                    site.record.fault(format!("a register could not be served: {failure}"));
                }
            });
        }
    });
    Ok(port)
}

async fn serve_one(site: &Site, stream: TcpStream) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    // A writer that is killed at the end breaks its connection off.
    while let Ok(Some(line)) = lines.next_line().await {
        let reply = site.registers.answer(site, serde_json::from_str(&line)?).await?;
        let mut reply = serde_json::to_string(&reply)?;
        reply.push('\n');
        if write.write_all(reply.as_bytes()).await.is_err() {
            break;
        }
    }
    Ok(())
}
