//! The vault as its operator sees it: keys that rotate under load, and nothing that shows a secret.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use aho_corasick::AhoCorasick;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    api::{Answer, Api},
    program::{SOON, Site, eventually},
};

const READERS: usize = 4;
const WRITERS: usize = 2;

fn site() -> Site {
    Site::new().with("RATE_LIMIT_DECRYPT_PER_MINUTE", "0").with("WORKERS", "2")
}

async fn enter(api: &Api, number: usize) -> String {
    let body = json!({"service_name": format!("Switch {number}"), "credential_type": "password",
        "password": format!("secret {number}")});
    let made = api.post("/credentials", &body).await.expect(201);
    made["id"].as_str().expect("an id").to_owned()
}

/// What reads and writes until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
}

impl Load {
    fn start(api: &Api, ids: &Arc<[String]>) -> Self {
        let mut load = Self { stop: Arc::default(), reads: Arc::default(), tasks: JoinSet::new() };
        // Each credential has one writer at the most, who knows what it holds.
        let (written, read) = ids.split_at(ids.len() / 10);
        for reader in 0..READERS {
            let (api, ids) = (api.clone(), read.to_vec());
            let (stop, reads, first) = (Arc::clone(&load.stop), Arc::clone(&load.reads), written.len());
            load.tasks.spawn(async move {
                for at in (reader..).step_by(READERS) {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let at = at * 7 % ids.len();
                    let shown = api.get(&format!("/credentials/{}/decrypt", ids[at])).await.expect(200);
                    assert_eq!(shown["password"], json!(format!("secret {}", first + at)));
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for writer in 0..WRITERS {
            let ids: Vec<String> = written.iter().skip(writer).step_by(WRITERS).cloned().collect();
            let (api, stop) = (api.clone(), Arc::clone(&load.stop));
            load.tasks.spawn(async move {
                for round in 0.. {
                    let path = format!("/credentials/{}", ids[round % ids.len()]);
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let body = json!({"password": format!("round {round}")});
                    let put = api.try_send(Method::PUT, &path, Some(&body), &[]).await.expect("an answer");
                    Answer::of(put).await.expect(200);
                    let shown = api.get(&format!("{path}/decrypt")).await.expect(200);
                    assert_eq!(shown["password"], body["password"]);
                }
            });
        }
        load
    }

    async fn finish(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("every read and write succeeds while keys rotate");
        }
        self.reads.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn keys_rotate_twice_under_load_and_through_a_kill_9_and_no_read_fails() {
    const CREDENTIALS: usize = 800;
    let site = site();
    let server = site.serve().await;
    let admin = server.admin().await;
    let mut ids = Vec::new();
    for number in 0..CREDENTIALS {
        ids.push(enter(&admin, number).await);
    }
    let ids: Arc<[String]> = ids.into();
    let load = Load::start(&admin, &ids);

    let rotated = site.run(&["keys", "rotate"]).await.success();
    assert!(rotated.out.contains("0 are left"), "{rotated:?}");
    assert!(rotated.out.contains("may be removed"), "{rotated:?}");
    let after_first = admin.get("/credentials/rewrap").await.expect(200);
    assert_eq!(after_first["remaining"], 0);

    // The second is killed once it has begun and before it is done. One that was faster is followed by another.
    let total = after_first["keys"][0]["versions"].as_u64().expect("a number");
    let mut left = 0;
    for _ in 0..5 {
        let mut second = site.spawn_command(&["keys", "rotate"]);
        eventually("a rotation in the middle", SOON, async || {
            let progress = admin.get("/credentials/rewrap").await.expect(200);
            // A server learns of the new key when it meets a row that is wrapped with it.
            let keys = progress["keys"].as_array().expect("keys").len();
            (keys > 1 || second.try_wait().expect("its state").is_some()).then_some(())
        })
        .await;
        let _ = second.kill().await;
        left = admin.get("/credentials/rewrap").await.expect(200)["remaining"].as_u64().expect("a number");
        if left > 0 {
            break;
        }
    }
    eprintln!("killed with {left} of {total} left");
    assert!(left > 0, "it was killed before it was done");
    let rest = site.run(&["keys", "rewrap", "--reencrypt"]).await.success();
    assert!(rest.out.contains("0 are left"), "{rest:?}");

    let reads = load.finish().await;
    eprintln!("{reads} reads, all right, while keys rotated twice");
    let done = admin.get("/credentials/rewrap").await.expect(200);
    assert_eq!((done["remaining"].clone(), done["keys"].as_array().map(Vec::len)), (json!(0), Some(1)), "{done}");
    let report = admin.get("/credential-audit-logs/verify").await.expect(200);
    assert_eq!(report["is_whole"], true, "{report}");
    for (number, id) in ids.iter().enumerate().skip(CREDENTIALS / 10) {
        let shown = admin.get(&format!("/credentials/{id}/decrypt")).await.expect(200);
        assert_eq!(shown["password"], json!(format!("secret {number}")));
    }
    server.stop().await;
    // With the new key alone everything opens: the old ones may go.
    let ring = std::fs::read_to_string(site.path("data/master.keys")).expect("the key ring");
    std::fs::write(site.path("data/master.keys"), format!("{}\n", ring.lines().next().expect("a key")))
        .expect("the ring");
    let server = site.serve().await;
    let admin = server.admin().await;
    let shown = admin.get(&format!("/credentials/{}/decrypt", ids[CREDENTIALS - 1])).await.expect(200);
    assert_eq!(shown["password"], json!(format!("secret {}", CREDENTIALS - 1)));
    server.stop().await;
    site.run(&["audit", "verify"]).await.success();
}

#[tokio::test]
async fn a_key_ring_that_is_not_the_databases_keeps_the_server_from_starting() {
    let site = site();
    let server = site.serve().await;
    enter(&server.admin().await, 1).await;
    server.stop().await;
    let (file, aside) = (site.path("data/master.keys"), site.path("aside"));
    let good = std::fs::read_to_string(&file).expect("the key ring");
    std::fs::rename(&file, &aside).expect("the ring put aside");
    site.run(&["serve"]).await.failure("not those of this database");
    std::fs::remove_file(&file).expect("the ring that was made instead");
    std::fs::rename(&aside, &file).expect("the ring put back");

    // One bit of the key.
    let (id, key) = good.trim().split_once(':').expect("id and key");
    let mut bytes = base64::engine::general_purpose::STANDARD.decode(key).expect("base64");
    bytes[0] ^= 1;
    let wrong = format!("{id}:{}", base64::engine::general_purpose::STANDARD.encode(bytes));
    let other = Site::bare().with("DATABASE_URL", &format!("sqlite://{}", site.path("data/claudetools.db").display()));
    other.with("MASTER_KEYS", &wrong).run(&["serve"]).await.failure("not those of this database");

    // An old ring, from before a rotation.
    site.run(&["keys", "rotate"]).await.success();
    let old = Site::bare().with("DATABASE_URL", &format!("sqlite://{}", site.path("data/claudetools.db").display()));
    let refused = old.with("MASTER_KEYS", good.trim()).run(&["serve"]).await.failure("the vault");
    assert!(!refused.err.contains(key), "no key is shown");
    site.serve().await.stop().await;
}

#[tokio::test]
async fn a_backup_from_before_a_rotation_opens_as_long_as_its_key_is_in_the_ring() {
    let site = site();
    let server = site.serve().await;
    let id = enter(&server.admin().await, 7).await;
    server.stop().await;
    let database = site.path("data/claudetools.db");
    let backup = std::fs::read(&database).expect("the database");
    site.run(&["keys", "rotate"]).await.success();
    std::fs::write(&database, backup).expect("the backup put back");
    for side in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(site.path(&format!("data/claudetools.db{side}")));
    }
    let server = site.serve().await;
    let shown = server.admin().await.get(&format!("/credentials/{id}/decrypt")).await.expect(200);
    assert_eq!(shown["password"], "secret 7");
    server.stop().await;
}

#[tokio::test]
async fn a_chain_that_was_put_back_is_found_by_a_head_noted_before() {
    let site = site();
    let server = site.serve().await;
    let admin = server.admin().await;
    let id = enter(&admin, 1).await;
    server.stop().await;
    let database = site.path("data/claudetools.db");
    let backup = std::fs::read(&database).expect("the database");
    let server = site.serve().await;
    server.admin().await.get(&format!("/credentials/{id}/decrypt")).await.expect(200);
    let log = server.stop().await.err;
    assert!(log.contains("the head of the vault's audit chain"), "{log}");
    let verified = site.run(&["audit", "verify"]).await.success().out;
    let noted = verified.split_whitespace().find(|word| word.contains(':')).expect("a head").to_owned();
    assert!(log.contains(noted.split_once(':').expect("a hash").1), "the log has noted the same head");
    site.run(&["audit", "verify", "--head", &noted, "--since", "2"]).await.success();

    // The whole database as it was before the access, head included.
    std::fs::write(&database, backup).expect("the backup put back");
    for side in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(site.path(&format!("data/claudetools.db{side}")));
    }
    site.run(&["audit", "verify"]).await.success();
    site.run(&["audit", "verify", "--head", &noted]).await.failure("put back or replaced");
    let refused = site.run(&["audit", "verify", "--head", "2:abc"]).await;
    assert!(refused.code == Some(2) && refused.err.contains("64 hexadecimal digits"), "{refused:?}");
}

#[tokio::test]
async fn the_command_names_the_row_that_was_doctored() {
    let site = site();
    let server = site.serve().await;
    let admin = server.admin().await;
    let id = enter(&admin, 1).await;
    for _ in 0..3 {
        admin.get(&format!("/credentials/{id}/decrypt")).await.expect(200);
    }
    server.stop().await;
    assert!(site.run(&["audit", "verify"]).await.success().out.contains("4 rows, head 4:"));
    let database = format!("sqlite://{}", site.path("data/claudetools.db").display());
    let doctor = Database::connect(&database).await.expect("the database");
    let edit = "UPDATE credential_audit_log SET subject = 'nobody@example.com' WHERE seq = 3";
    doctor.execute_unprepared(edit).await.expect("a row edited");
    doctor.close().await.expect("closed");
    let told = site.run(&["audit", "verify"]).await.failure("row 3 was altered");
    assert!(told.code == Some(1) && !told.out.contains("whole"), "{told:?}");
    site.run(&["audit", "verify", "--since", "4"]).await.success();
}

/// Every form in which a planted secret could turn up.
struct Hunt {
    forms: AhoCorasick,
    of: Vec<usize>,
}

impl Hunt {
    fn new(planted: &[String]) -> Self {
        let (mut forms, mut of) = (Vec::new(), Vec::new());
        for (number, secret) in planted.iter().enumerate() {
            let mut texts = vec![secret.clone(), hex::encode(secret), hex::encode_upper(secret)];
            // Base64 of a text in which the secret begins at any place: what depends on its neighbours is cut off.
            for before in 0..3 {
                let encoded = STANDARD_NO_PAD.encode([vec![b'x'; before], secret.clone().into_bytes()].concat());
                let inner = &encoded[(before * 8).div_ceil(6)..encoded.len() - 2];
                texts.extend([inner.to_owned(), inner.replace('+', "-").replace('/', "_")]);
            }
            of.extend(std::iter::repeat_n(number, texts.len()));
            forms.extend(texts);
        }
        Self { forms: AhoCorasick::new(forms).expect("patterns"), of }
    }

    /// The number of a secret that turns up in `bytes`.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        self.forms.find(bytes).map(|found| self.of[found.pattern().as_usize()])
    }

    fn refuse(&self, what: &str, bytes: &[u8]) {
        if let Some(number) = self.find(bytes) {
            panic!("secret {number} turns up in {what}");
        }
        eprintln!("{what}: {} bytes searched", bytes.len());
    }
}

/// A text that nothing else contains, and that is no base32.
fn plant(number: usize) -> String {
    format!("pl0nt{:016x}", (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Sends every planted secret through whatever takes or shows one.
async fn through_everything(site: &Site, api: &Api, planted: &[String]) {
    let mut ids = Vec::new();
    for (at, four) in planted.chunks(4).enumerate() {
        let body = json!({"service_name": format!("Plant {at}"), "credential_type": "password", "password": four[0],
            "secret_notes": four[1], "custom_fields": {"pin": four[2]}});
        let key = format!("plant-{at}");
        let made = api.try_send(Method::POST, "/credentials", Some(&body), &[("idempotency-key", &key)]).await;
        let made = Answer::of(made.expect("an answer")).await.expect(201);
        let id = made["id"].as_str().expect("an id").to_owned();
        let repeated = api.try_send(Method::POST, "/credentials", Some(&body), &[("idempotency-key", &key)]).await;
        assert_eq!(Answer::of(repeated.expect("an answer")).await.expect(201)["id"], made["id"]);
        let update = json!({"api_key": four[3], "token": four[0]});
        let put = api.try_send(Method::PUT, &format!("/credentials/{id}"), Some(&update), &[]).await;
        Answer::of(put.expect("an answer")).await.expect(200);
        // Refused in every way there is.
        for (bad, status) in [
            (json!({"pasword": four[0]}), 400),
            (json!({"password": {"value": four[0]}}), 400),
            (json!({"totp_secret": four[1]}), 422),
            (json!({"custom_fields": {"pin": [four[2]]}}), 400),
            (json!({"password": four[3], "custom_port": 0}), 400),
        ] {
            let put = api.try_send(Method::PUT, &format!("/credentials/{id}"), Some(&bad), &[]).await;
            Answer::of(put.expect("an answer")).await.expect(status);
        }
        let shown = api.get(&format!("/credentials/{id}/decrypt?reason=hunt")).await.expect(200);
        assert_eq!((&shown["password"], &shown["api_key"]), (&json!(four[0]), &json!(four[3])));
        let link = api.post(&format!("/credentials/{id}/shares"), &json!({"ttl_seconds": 600, "max_views": 2})).await;
        let opened = api.post("/shares/open", &json!({"token": link.expect(201)["token"]})).await.expect(200);
        assert_eq!(opened["secret_notes"], json!(four[1]));
        ids.push(id);
    }
    site.run(&["keys", "rotate", "--reencrypt"]).await.success();
    for (id, four) in ids.iter().zip(planted.chunks(4)) {
        let shown = api.get(&format!("/credentials/{id}/versions/1/decrypt")).await.expect(200);
        assert_eq!(shown["custom_fields"]["pin"], json!(four[2]));
    }
}

#[tokio::test]
async fn none_of_a_thousand_secrets_turns_up_anywhere_but_in_the_answers_that_show_them() {
    let planted: Vec<String> = (0..1000).map(plant).collect();
    let hunt = Hunt::new(&planted);
    // A hunt that finds nothing must be one that would have found something.
    for form in [
        planted[17].clone(),
        hex::encode(&planted[17]),
        STANDARD_NO_PAD.encode(format!("{{\"a\":\"{}\"}}", planted[17])),
    ] {
        assert_eq!(hunt.find(format!("…{form}…").as_bytes()), Some(17), "{form}");
    }
    let site = site().with("LOG_FORMAT", "json").with("RUST_LOG", "trace");
    let server = site.serve().await;
    let admin = server.admin().await;
    through_everything(&site, &admin, &planted).await;

    let text = async |path: &str| {
        let response = admin.client.get(format!("{}{path}", server.base())).bearer_auth(admin.token()).send().await;
        response.expect("an answer").text().await.expect("a text")
    };
    hunt.refuse("the metrics", text("/metrics").await.as_bytes());
    let audit: Vec<Value> = admin.all("/api-audit-logs?sort=at", "api_audit_logs").await;
    hunt.refuse("the API audit log", json!(audit).to_string().as_bytes());
    let chain: Vec<Value> = admin.all("/credential-audit-logs?sort=seq", "credential_audit_logs").await;
    assert!(chain.len() >= 250 * 5, "{} rows in the chain", chain.len());
    hunt.refuse("the audit chain", json!(chain).to_string().as_bytes());
    // While the server runs: with the write-ahead log as a crash would leave it.
    let mut files = BTreeMap::new();
    read_all(&site.path("data"), &mut files);
    assert!(files.keys().any(|name| name.ends_with("-wal")), "{:?}", files.keys());
    for (name, bytes) in &files {
        hunt.refuse(name, bytes);
    }
    let dump = ["-c", "sqlite3 data/claudetools.db .dump"];
    let dump = site.shell(&["sh", dump[0]], dump[1], &[]).await.success();
    hunt.refuse("a dump", dump.out.as_bytes());
    let log = server.stop().await.err;
    assert!(log.lines().count() > 10_000, "{} lines", log.lines().count());
    hunt.refuse("the log at level trace", log.as_bytes());
}

fn read_all(directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, files);
        } else {
            files.insert(path.display().to_string(), std::fs::read(&path).expect("a file"));
        }
    }
}
