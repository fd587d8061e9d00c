//! The memory of a process.

use std::time::{Duration, Instant};

/// How much more than before it may be.
const ALLOWED: f64 = 1.2;
/// How long the process may take to give back what a fault has cost.
const SETTLING: Duration = Duration::from_secs(20);

/// What a process holds at the moment, in KiB.
pub(crate) fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process that runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Waits until a process holds at the most a fifth more than `before`.
pub(crate) async fn is_back(process: u32, before: u64) {
    let (start, mut after) = (Instant::now(), resident(process));
    let highest = after;
    #[expect(clippy::cast_precision_loss, reason = "KiB of a process are far below 2^52")]
    let is_back = |after: u64| after as f64 <= before as f64 * ALLOWED;
    while !is_back(after) {
        assert!(start.elapsed() < SETTLING, "{before} KiB before, {highest} KiB afterwards, and still {after} KiB");
        tokio::time::sleep(Duration::from_millis(200)).await;
        after = resident(process);
    }
    eprintln!("memory: {before} KiB before, {highest} KiB at the end of the fault, {after} KiB when it had settled");
}
