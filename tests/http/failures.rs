//! Commands, what follows from their failures, and the check before they are run.

use claudetools_testkit::{Answer, Api, TestApp};
use serde_json::{Value, json};

struct Ground {
    app: TestApp,
    client: String,
}

impl Ground {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let body = json!({"name": "Acme", "type": "msp_client"});
        let client = app.admin().post("/api/v1/clients", &body).await.expect(201).id().to_owned();
        Self { app, client }
    }

    async fn session(&self) -> String {
        let body = json!({"client_id": self.client, "session_date": "2026-01-16", "session_title": "Work"});
        self.app.writer().post("/api/v1/sessions", &body).await.expect(201).id().to_owned()
    }

    async fn asset(&self, hostname: &str, powershell: &str) -> String {
        let body = json!({"client_id": self.client, "hostname": hostname, "asset_type": "physical_server",
            "os": "Windows Server", "powershell_version": powershell, "limitations": ["no_native_wins_service"]});
        self.app.writer().post("/api/v1/infrastructure", &body).await.expect(201).id().to_owned()
    }

    async fn run(&self, session: &str, host: &str, command: &str, error: Option<&str>) -> Answer {
        let body = json!({"session_id": session, "host": host, "shell_type": "powershell", "command_text": command,
            "success": error.is_none(), "error_message": error});
        self.app.writer().post("/api/v1/commands", &body).await.expect(201)
    }

    async fn settled(&self) {
        let reader = self.app.reader();
        self.app
            .eventually("the analysis", async || {
                let commands = reader.get("/api/v1/commands?success=false&limit=200").await.expect(200);
                let rows = commands.body["commands"].as_array().expect("rows").clone();
                rows.iter().all(|row| row["pattern_id"].is_string()).then_some(())
            })
            .await;
    }
}

async fn patterns(reader: &Api) -> Vec<Value> {
    reader.get("/api/v1/failure-patterns").await.expect(200).body["failure_patterns"].as_array().expect("rows").clone()
}

const RAW: &str = "Get-Content : A parameter cannot be found that matches parameter name 'Raw'.\r\nAt line:1 char:17\r\n    + CategoryInfo          : InvalidArgument: (:) [Get-Content], ParameterBindingException\r\n    + FullyQualifiedErrorId : NamedParameterNotFound,Microsoft.PowerShell.Commands.GetContentCommand";

#[tokio::test]
async fn failures_of_one_cause_become_a_pattern_an_insight_and_a_warning() {
    let ground = Ground::new().await;
    let (old, newer, new) =
        (ground.asset("DC01", "2.0").await, ground.asset("DC02", "2.0").await, ground.asset("SRV01", "5.1").await);
    for n in 0..3 {
        let session = ground.session().await;
        let host = if n < 2 { "dc01" } else { "DC02" };
        let failed = ground.run(&session, host, &format!("Get-Content -Raw C:\\logs\\{n}.log"), Some(RAW)).await;
        assert_eq!(failed.body["failure_logged"], true);
        let helped = ground.run(&session, host, &format!("type C:\\logs\\{n}.log"), None).await;
        assert_eq!(helped.body["failure_logged"], false);
        ground.run(&session, "SRV01", "gc C:\\logs\\x.log -Raw", None).await;
    }
    ground.settled().await;
    let reader = ground.app.reader();
    let pattern = ground
        .app
        .eventually("three suggestions", async || {
            let all = patterns(&reader).await;
            assert!(all.len() <= 1, "one cause is one pattern: {all:?}");
            all.into_iter().next().filter(|one| one["suggestions"].as_array().is_some_and(|all| all.len() == 3))
        })
        .await;
    assert_eq!((&pattern["occurrence_count"], &pattern["source"]), (&json!(3), &json!("derived")));
    assert_eq!(pattern["pattern_type"], "command_compatibility");
    let command = reader.get("/api/v1/commands?success=false&host=Dc02").await.expect(200);
    assert_eq!(command.body["commands"][0]["failure_category"], "compatibility");
    assert_eq!(command.body["commands"][0]["infrastructure_id"], newer);

    for (host, total) in [("c0", 6), ("srv", 3), ("d_", 0)] {
        let listed = reader.get(&format!("/api/v1/commands?host={host}")).await.expect(200);
        assert_eq!(listed.body["total"], total, "{host}");
    }

    let insights = reader.get(&format!("/api/v1/infrastructure/{old}/insights")).await.expect(200);
    assert_eq!(insights.body["limitations"], json!(["no_native_wins_service"]));
    let described = insights.body["insights"][0]["description"].as_str().expect("a description").to_owned();
    assert_eq!(described, "3 of 3 runs on 2 hosts with powershell 2.0; 0 of 3 elsewhere");
    let elsewhere = reader.get(&format!("/api/v1/infrastructure/{new}/insights")).await.expect(200);
    assert_eq!(elsewhere.body["insights"], json!([]), "it does not hold there");

    let check = |host: &str, command: &str| json!({"host": host, "command_text": command, "shell_type": "powershell"});
    for (host, command, fails) in [
        ("dc02", "Get-Content C:\\a -raw | Out-Null", true),
        ("DC01", "Get-Content C:\\a", false),
        ("srv01", "Get-Content C:\\a -Raw", false),
    ] {
        let answer = reader.post("/api/v1/failure-patterns/check", &check(host, command)).await.expect(200);
        let found = !answer.body["patterns"].as_array().expect("patterns").is_empty();
        assert_eq!(found, fails, "{host}: {command}: {:?}", answer.body);
    }
    for (query, count) in [
        (format!("infrastructure_id={old}"), 1),
        (format!("infrastructure_id={new}"), 0),
        (format!("client_id={}", ground.client), 1),
    ] {
        let listed = reader.get(&format!("/api/v1/failure-patterns?{query}")).await.expect(200);
        assert_eq!(listed.body["total"], count, "{query}");
    }

    let refused = ground.app.admin().delete(&format!("/api/v1/infrastructure/{old}")).await.expect(409);
    for (referrer, count) in [("command", 4), ("failure_pattern", 1)] {
        assert!(refused.text.contains(&format!("{count} {referrer}(s)")), "{}", refused.text);
    }

    let before = insights.body["insights"][0]["confidence"].as_f64().expect("a number");
    let session = ground.session().await;
    ground.run(&session, "DC01", "Get-Content -Raw C:\\logs\\y.log", None).await;
    let after = ground
        .app
        .eventually("a lower confidence", async || {
            let answer = reader.get(&format!("/api/v1/infrastructure/{old}/insights")).await.expect(200);
            answer.body["insights"][0]["confidence"].as_f64().filter(|after| *after < before)
        })
        .await;
    assert!(after < before);
    let path = format!("/api/v1/failure-patterns/{}", pattern["id"].as_str().expect("an id"));
    let _ = ground.app.admin().delete(&path).await.expect(204);
    let gone = reader.get(&format!("/api/v1/infrastructure/{old}/insights")).await.expect(200);
    assert_eq!(gone.body["insights"], json!([]), "the insight goes with its pattern");
    ground.app.stop().await;
}

#[tokio::test]
async fn sessions_count_their_commands_and_infrastructure_names_the_sessions_of_its_commands() {
    let ground = Ground::new().await;
    let asset = ground.asset("DC01", "5.1").await;
    let today = claudetools_kernel::Clock::now(&*ground.app.clock).date();
    let days_ago = |days| (today - chrono::Days::new(days)).to_string();
    let mut sessions = Vec::new();
    // One without a client: the work on the asset counts all the same.
    for (title, client, day) in [
        ("no command", json!(ground.client), days_ago(0)),
        ("two commands", json!(ground.client), days_ago(1)),
        ("of nobody", Value::Null, days_ago(2)),
        ("long ago", json!(ground.client), days_ago(40)),
    ] {
        let body = json!({"client_id": client, "session_title": title, "session_date": day});
        let made = ground.app.writer().post("/api/v1/sessions", &body).await.expect(201);
        assert_eq!(made.body["commands"], 0);
        sessions.push(made.id().to_owned());
    }
    ground.run(&sessions[1], "DC01", "ls", None).await;
    ground.run(&sessions[1], "elsewhere", "ls", None).await;
    ground.run(&sessions[2], "DC01", "ls", None).await;
    ground.run(&sessions[3], "DC01", "ls", None).await;
    let reader = ground.app.reader();
    for (session, count) in sessions.iter().zip([0, 2, 1, 1]) {
        let read = reader.get(&format!("/api/v1/sessions/{session}")).await.expect(200);
        assert_eq!(read.body["commands"], count, "{}", read.text);
    }
    let shown = reader.get(&format!("/api/v1/infrastructure/{asset}")).await.expect(200);
    let touching = shown.body["recent_sessions"].as_array().expect("sessions").clone();
    let titles: Vec<&Value> = touching.iter().map(|session| &session["session_title"]).collect();
    assert_eq!(titles, ["two commands", "of nobody"]);
    ground.app.stop().await;
}

#[tokio::test]
async fn what_is_known_of_a_shell_is_known_of_what_has_it() {
    let ground = Ground::new().await;
    let writer = ground.app.writer();
    let mut hosts = Vec::new();
    for (hostname, shell) in [("web01", "Bash"), ("web02", "bash"), ("bsd01", "sh"), ("idle", "bash")] {
        let body = json!({"client_id": ground.client, "hostname": hostname, "asset_type": "virtual_server", "shell_type": shell});
        let made = writer.post("/api/v1/infrastructure", &body).await.expect(201);
        hosts.push((hostname, shell.to_lowercase(), made.id().to_owned()));
    }
    // The failures first: what makes the contrast comes later.
    for (hostname, shell, _) in &hosts[..3] {
        let error = (shell == "bash").then_some("Permission denied");
        for _ in 0..3 {
            let body = json!({"session_id": ground.session().await, "host": hostname, "shell_type": shell,
                "command_text": "mount /mnt", "success": error.is_none(), "error_message": error});
            writer.post("/api/v1/commands", &body).await.expect(201);
        }
    }
    let reader = ground.app.reader();
    let described = "6 of 6 runs on 2 hosts with bash; 0 of 3 elsewhere";
    let expected = [Some(described), Some(described), None, Some(described)];
    for ((hostname, _, id), expected) in hosts.iter().zip(expected) {
        let found = async || {
            let answer = reader.get(&format!("/api/v1/infrastructure/{id}/insights")).await.expect(200);
            let description = answer.body["insights"][0]["description"].as_str().map(str::to_owned);
            (description.as_deref() == expected).then_some(())
        };
        ground.app.eventually(hostname, found).await;
    }
    ground.app.stop().await;
}

#[tokio::test]
async fn commands_patterns_and_insights_refuse_what_makes_no_sense() {
    let ground = Ground::new().await;
    let session = ground.session().await;
    let writer = ground.app.writer();
    let nobody = "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f";
    for (body, status) in [
        (json!({"session_id": session, "success": true}), 400),
        (json!({"session_id": session, "success": true, "command_text": " "}), 400),
        (json!({"session_id": nobody, "success": true, "command_text": "ls"}), 404),
        (json!({"session_id": session, "success": true, "command_text": "ls", "work_item_id": nobody}), 404),
        (json!({"session_id": session, "success": true, "command_text": "ls", "infrastructure_id": nobody}), 404),
        (json!({"session_id": session, "success": true, "command_text": "ls", "failure_category": "network"}), 422),
        (json!({"session_id": session, "success": true, "command_text": "ls", "duration_ms": -1}), 400),
    ] {
        let answer = writer.post("/api/v1/commands", &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    let pattern = json!({"pattern_type": "other", "pattern_signature": "wevtutil cl", "error_pattern": "(a|b"});
    let _ = writer.post("/api/v1/failure-patterns", &pattern).await.expect(422);
    let pattern =
        json!({"pattern_type": "other", "pattern_signature": "wevtutil cl", "recommended_solution": "Do not"});
    let made = writer.post("/api/v1/failure-patterns", &pattern).await.expect(201);
    let path = format!("/api/v1/failure-patterns/{}", made.id());
    let changed =
        writer.put(&path, &json!({"severity": "blocking", "root_cause": "It empties the log"})).await.expect(200);
    assert_eq!((&changed.body["severity"], &changed.body["source"]), (&json!("blocking"), &json!("manual")));
    for (command, fails) in [("wevtutil.exe cl System", true), ("wevtutil qe System", false)] {
        let answer = ground
            .app
            .reader()
            .post("/api/v1/failure-patterns/check", &json!({"command_text": command}))
            .await
            .expect(200);
        assert_eq!(answer.body["will_fail"], fails, "{command}");
    }
    let insight = json!({"client_id": ground.client, "category": "permissions", "title": "No sudo", "description": "Ask Jo", "priority": 11});
    let _ = writer.post("/api/v1/environmental-insights", &insight).await.expect(400);
    let insight = json!({"client_id": ground.client, "category": "permissions", "title": "No sudo", "description": "Ask Jo", "confidence": 0.75});
    let made = writer.post("/api/v1/environmental-insights", &insight).await.expect(201);
    assert_eq!((&made.body["confidence"], &made.body["priority"]), (&json!(0.75), &json!(5)));
    let path = format!("/api/v1/environmental-insights/{}", made.id());
    let _ = writer.patch(&path, &json!({"priority": 9})).await.expect(200);
    let refused = ground.app.admin().delete(&format!("/api/v1/clients/{}", ground.client)).await.expect(409);
    assert!(refused.text.contains("environmental_insight"), "{}", refused.text);
    let _ = ground.app.admin().delete(&path).await.expect(204);
    ground.app.stop().await;
}

const SECRETS: &str = include_str!("../data/secrets.tsv");
const HARMLESS: &str = include_str!("../data/harmless.txt");

/// Every file below a directory, as it lies on the disk.
fn files(directory: &std::path::Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        bytes.extend(if path.is_dir() { files(&path) } else { std::fs::read(&path).expect("a file") });
    }
    bytes
}

#[tokio::test]
async fn no_secret_reaches_the_disk_and_what_looks_like_one_stays() {
    let ground = Ground::new().await;
    let session = ground.session().await;
    let writer = ground.app.writer();
    let send = async |command: &str, error: Option<&str>| {
        let body = json!({"session_id": session, "host": "web01", "command_text": command, "success": error.is_none(),
            "error_message": error, "output_excerpt": error});
        writer.post("/api/v1/commands", &body).await.expect(201).id().to_owned()
    };
    let mut secrets = Vec::new();
    for line in SECRETS.lines() {
        let parts: Vec<&str> = line.splitn(3, '\t').collect();
        let text = |at: usize| serde_json::from_str::<String>(parts[at]).expect("a string");
        send(&text(1), Some(&text(2))).await;
        secrets.push(parts[0].to_owned());
    }
    assert!(secrets.len() >= 200);
    ground.settled().await;
    let mut changed = Vec::new();
    let harmless: Vec<&str> = HARMLESS.lines().collect();
    assert!(harmless.len() >= 200);
    for text in &harmless {
        let id = send(text, None).await;
        let kept = ground.app.reader().get(&format!("/api/v1/commands/{id}")).await.expect(200);
        if kept.body["command_text"] != json!(text) {
            changed.push((*text, kept.body["command_text"].clone()));
        }
    }
    assert!(changed.len() * 20 <= harmless.len(), "{} of {}: {changed:#?}", changed.len(), harmless.len());
    if claudetools_testkit::Engine::of_run() == claudetools_testkit::Engine::Sqlite {
        let disk = files(&ground.app.data_dir());
        let found: Vec<&String> =
            secrets.iter().filter(|secret| disk.windows(secret.len()).any(|part| part == secret.as_bytes())).collect();
        assert!(found.is_empty(), "stored: {found:#?}");
    }
    ground.app.stop().await;
}
