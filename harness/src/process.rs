//! What the system says of processes: their time, their memory, their ports. Linux only, from `/proc`.

use std::{collections::HashMap, fs, path::Path, time::Duration};

use crate::{Failure, Result};

/// The unit in which the kernel tells times to programs, on every architecture: `USER_HZ`.
const TICKS_PER_SECOND: u64 = 100;

/// A process and all that it has started: a server that works in several processes is one server.
#[derive(Debug, Clone, Copy)]
pub struct Tree {
    root: u32,
}

/// The memory of a tree at one moment, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// `VmRSS`: everything resident, with the pages of mapped files.
    pub resident: u64,
    /// `RssAnon`: what the processes have allocated themselves.
    pub anonymous: u64,
    /// `VmHWM`: the most that was ever resident.
    pub peak: u64,
}

impl Tree {
    /// The tree below a process, with it.
    pub const fn new(root: u32) -> Self {
        Self { root }
    }

    /// The processor time that all of it has used, with that of children which have ended.
    ///
    /// # Errors
    /// When `/proc` cannot be read or says what nobody understands.
    pub fn processor_time(self) -> Result<Duration> {
        let mut ticks = 0;
        for pid in self.members()? {
            ticks += Stat::read(pid)?.map_or(0, |stat| stat.ticks);
        }
        Ok(of_ticks(ticks))
    }

    /// What it occupies. Pages that its processes share count for each of them.
    ///
    /// # Errors
    /// When `/proc` cannot be read or says what nobody understands.
    pub fn memory(self) -> Result<Memory> {
        let mut sum = Memory::default();
        for pid in self.members()? {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            sum.resident += kilobytes(&status, "VmRSS:") * 1024;
            sum.anonymous += kilobytes(&status, "RssAnon:") * 1024;
            sum.peak += kilobytes(&status, "VmHWM:") * 1024;
        }
        Ok(sum)
    }

    /// Whether whoever listens on this port of the loopback address is one of these processes: the answers of a stranger that
    /// was there before must not be taken for ours.
    ///
    /// # Errors
    /// When `/proc` cannot be read or says what nobody understands.
    pub fn owns_port(self, port: u16) -> Result<bool> {
        let sockets = listening_sockets(&fs::read_to_string("/proc/net/tcp")?, port);
        let mut own = Vec::new();
        for pid in self.members()? {
            own.extend(sockets_of(pid));
        }
        Ok(!sockets.is_empty() && sockets.iter().all(|socket| own.contains(socket)))
    }

    fn members(self) -> Result<Vec<u32>> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for pid in all_processes()? {
            if let Some(stat) = Stat::read(pid)? {
                children.entry(stat.parent).or_default().push(pid);
            }
        }
        let mut members = vec![self.root];
        let mut next = 0;
        while let Some(pid) = members.get(next) {
            members.extend(children.get(pid).into_iter().flatten());
            next += 1;
        }
        Ok(members)
    }
}

/// The processor time that the whole machine has spent, idle time apart.
///
/// # Errors
/// When `/proc` cannot be read or says what nobody understands.
pub fn machine_time() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let cpu = stat.lines().next().and_then(|line| line.strip_prefix("cpu "));
    let cpu = cpu.ok_or_else(|| Failure::Process("stat begins with no cpu line".into()))?;
    let ticks: Vec<u64> = cpu.split_whitespace().filter_map(|ticks| ticks.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; what follows is in user and nice already.
    Ok(of_ticks(ticks.iter().take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4)).map(|(_, ticks)| ticks).sum()))
}

/// The processor time of all processes of a name, such as those of a database server.
///
/// # Errors
/// When `/proc` cannot be read or says what nobody understands.
pub fn time_of_named(name: &str) -> Result<Duration> {
    let mut ticks = 0;
    for pid in all_processes()? {
        ticks += Stat::read(pid)?.filter(|stat| stat.name == name).map_or(0, |stat| stat.ticks);
    }
    Ok(of_ticks(ticks))
}

/// Whether there is a process of this number.
pub fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

const fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

fn all_processes() -> Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?.filter_map(std::io::Result::ok);
    Ok(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// What is needed of `/proc/<pid>/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    parent: u32,
    ticks: u64,
}

impl Stat {
    /// `None` for a process that has ended meanwhile.
    fn read(pid: u32) -> Result<Option<Self>> {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return Ok(None) };
        Self::parse(&text).map(Some).ok_or_else(|| Failure::Process(format!("{pid}/stat is {text:?}")))
    }

    fn parse(text: &str) -> Option<Self> {
        // The name stands in parentheses and may itself contain any.
        let (before, rest) = text.rsplit_once(')')?;
        let name = before.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted from 1; the state is the third.
        let ticks = [11, 12, 13, 14].into_iter().map(number).sum::<Option<u64>>()?;
        Some(Self { name, parent: fields.get(1)?.parse().ok()?, ticks })
    }
}

fn kilobytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The inodes of the sockets that listen on a port, out of `/proc/net/tcp`.
fn listening_sockets(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let local = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listening = rows.filter(|row| row.len() > 9 && row[1].ends_with(&local) && row[3] == LISTEN);
    listening.filter_map(|row| row[9].parse().ok()).collect()
}

fn sockets_of(pid: u32) -> Vec<u64> {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let inode = |target: &Path| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    targets.filter_map(|target| inode(&target)).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_name_of_a_process_may_contain_parentheses_and_spaces() {
        let text = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 5 6 7";
        assert_eq!(Stat::parse(text), Some(Stat { name: "a (b) c".into(), parent: 7, ticks: 100 }));
    }

    #[test]
    fn work_shows_in_the_time_of_the_process_and_of_the_machine() {
        let own = Tree::new(std::process::id());
        let before = (own.processor_time().unwrap(), machine_time().unwrap());
        let mut sum = 0_u64;
        while own.processor_time().unwrap() < before.0 + Duration::from_millis(50) {
            sum = (0..100_000_u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
        }
        assert!(machine_time().unwrap() > before.1, "{sum}");
        let memory = own.memory().unwrap();
        assert!(memory.resident >= memory.anonymous && memory.peak > 0, "{memory:?}");
    }

    #[test]
    fn a_port_belongs_to_the_process_that_listens_on_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(Tree::new(std::process::id()).owns_port(port).unwrap());
        let mut stranger = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        assert!(!Tree::new(stranger.id()).owns_port(port).unwrap());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
