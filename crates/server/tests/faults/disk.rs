//! The disk under an embedded database is full, or the file may not grow any more.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use sea_orm::{ConnectionTrait, Database, Statement};

use crate::{
    RECOVERY, alone,
    load::{Load, Outcome, new_client, write_once},
    memory,
    program::{SOON, Server, eventually},
    site, tools,
};

const WRITERS: usize = 4;
const SOME: usize = 50;

/// The load on a server whose database cannot grow between `full` and `room`.
async fn without_room(server: &Server, file: &Path, full: impl FnOnce(), room: impl FnOnce()) {
    let api = server.admin().await;
    let load = Load::start(&api, "full", WRITERS).await;
    load.goes_on(SOME, SOON).await;
    let before = memory::resident(server.id());

    let client = new_client(&api, "Refused").await;
    full();
    let mut number = 0;
    eventually("a write that is refused", SOON, async || {
        number += 1;
        match write_once(&api, &client, &format!("until-{number}")).await.outcome {
            Outcome::Refused { status: 503, .. } => Some(()),
            Outcome::Done { .. } => None,
            wrong => panic!("{wrong:?}"),
        }
    })
    .await;
    for number in 0..20 {
        // Reading goes on; writing is refused each time, and each time anew.
        api.get("/clients?limit=5").await.expect(200);
        let outcome = write_once(&api, &client, &format!("refused-{number}")).await.outcome;
        assert!(matches!(outcome, Outcome::Refused { status: 503, .. }), "{outcome:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    room();
    let back = load.goes_on(1, RECOVERY).await;
    eprintln!("written again {back:?} after there was room");
    load.goes_on(SOME, SOON).await;

    let ledger = load.finish().await;
    ledger.only_allowed_errors(false);
    ledger.is_what_is_stored(&api).await;
    let tasks = api.get(&format!("/pending-tasks?client_id={client}")).await.expect(200);
    let titles: Vec<&str> =
        tasks["pending_tasks"].as_array().expect("tasks").iter().filter_map(|t| t["title"].as_str()).collect();
    assert!(titles.iter().all(|title| !title.starts_with("refused-")), "refused writes are there: {titles:?}");
    memory::is_back(server.id(), before).await;

    let database = Database::connect(format!("sqlite://{}?mode=ro", file.display())).await.expect("the database");
    let check = Statement::from_string(database.get_database_backend(), "PRAGMA integrity_check");
    let answer = database.query_one_raw(check).await.expect("an answer").expect("a row");
    assert_eq!(answer.try_get_by_index::<String>(0).expect("a text"), "ok");
    database.close().await.expect("a clean end");
}

/// A small disk of its own, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    const SIZE: &str = "size=16m";

    /// `None` where the system lets nobody mount one.
    fn mount() -> Option<Self> {
        let place = tempfile::tempdir().expect("a directory");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", Self::SIZE, "tmpfs"]).arg(place.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(place));
        }
        eprintln!("left out: no disk can be mounted here; the limit of a file's size has a test of its own");
        None
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn fill(&self) {
        let mut filler = fs::File::create(self.path("filler")).expect("a file");
        // The last piece is smaller than what the database asks for next.
        for size in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![1; size]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whatever still has a file open there is about to end.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_writes_no_halves_and_is_used_again_when_there_is_room() {
    let _alone = alone().await;
    let Some(disk) = SmallDisk::mount() else { return };
    let file = disk.path("claudetools.db");
    let server = site().with("DATABASE_URL", &format!("sqlite://{}", file.display())).serve().await;
    let room = || fs::remove_file(disk.path("filler")).expect("the filler");
    without_room(&server, &file, || disk.fill(), room).await;
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_may_not_grow_refuses_writes_and_is_used_again_when_it_may() {
    let _alone = alone().await;
    let site = site();
    let server = site.serve().await;
    let file = site.path("data/claudetools.db");
    let limit = |size: &str| {
        let process = server.id().to_string();
        tools::run(Command::new("prlimit").args(["--pid", &process, &format!("--fsize={size}:")]));
    };
    // Somewhat less than the log has now, so that its next page is beyond.
    let wal = site.path("data/claudetools.db-wal");
    let full = || limit(&(fs::metadata(&wal).expect("the log").len() / 2).to_string());
    without_room(&server, &file, full, || limit("unlimited")).await;
    server.stop().await;
}
