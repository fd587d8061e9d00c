//! The sub-commands.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sea_orm::{ConnectionTrait, Database};
use serde_json::Value;

use crate::program::{ADMIN_EMAIL, ADMIN_PASSWORD, Site};

/// The `kid` of a token.
fn kid(token: &str) -> String {
    let head = token.split('.').next().expect("a header");
    let head: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(head).expect("base64")).expect("JSON");
    head["kid"].as_str().expect("a kid").to_owned()
}

#[tokio::test]
async fn version_help_and_what_is_unknown() {
    let site = Site::bare();
    let version = site.run(&["--version"]).await.success();
    assert_eq!(version.out.trim(), concat!("claudetools ", env!("CARGO_PKG_VERSION")));
    let help = site.run(&["--help"]).await.success().out;
    for name in ["serve", "migrate", "keys", "audit", "credentials", "accounts", "config", "openapi", "health"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(name)), "{name} is not in {help}");
    }
    let unknown = site.run(&["migrat"]).await;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("migrate"), "{unknown:?}");
    assert!(!site.path("data").exists(), "nothing was made");
}

#[tokio::test]
async fn config_check_shows_what_is_in_force_without_secrets() {
    let key = Site::bare().run(&["keys", "generate"]).await.success().out;
    let site = Site::new().with("JWT_SECRET_KEY", key.trim());
    let shown = site.run(&["config", "check"]).await.success().out;
    let line = |name: &str| shown.lines().find(|line| line.starts_with(name)).expect(name).to_owned();
    assert!(line("PORT ").contains("environment PORT"), "{shown}");
    assert!(line("HOST ").contains("127.0.0.1") && line("HOST ").contains("default"), "{shown}");
    assert!(line("JWT_SECRET_KEY").contains("****") && line("BOOTSTRAP_ADMIN_PASSWORD").contains("****"), "{shown}");
    assert!(!shown.contains(key.trim()) && !shown.contains(ADMIN_PASSWORD), "{shown}");

    let wrong = Site::new().with("PORT", "many").with("CLAUDETOOLS_HOTS", "::1").run(&["config", "check"]).await;
    let wrong = wrong.failure("2 faults");
    assert!(wrong.err.contains("PORT") && wrong.err.contains("the nearest one is CLAUDETOOLS_HOST"), "{wrong:?}");
}

#[tokio::test]
async fn openapi_prints_the_description_that_is_served() {
    let site = Site::new();
    let printed = site.run(&["openapi"]).await.success().out;
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert!(printed["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", printed["openapi"]);
    let server = site.serve().await;
    let api = server.anonymous();
    let answer = api.client.get(format!("{}/openapi.json", api.base)).send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer, printed);
    server.stop().await;
}

#[tokio::test]
async fn migrate_goes_forward_and_back_and_tells_where_it_stands() {
    let site = Site::new();
    let states = async || -> Vec<bool> {
        let status = site.run(&["migrate", "status"]).await.success().out;
        status.lines().map(|line| line.starts_with("Applied")).collect()
    };
    let fresh = states().await;
    assert!(!fresh.is_empty() && fresh.iter().all(|applied| !applied), "{fresh:?}");
    let count = fresh.len();
    let up = site.run(&["migrate"]).await.success().out;
    assert!(up.starts_with(&format!("{count} migrations applied")), "{up}");
    assert_eq!(states().await, vec![true; count]);
    let again = site.run(&["migrate", "up"]).await.success().out;
    assert!(again.starts_with("0 migrations applied"), "{again}");

    site.run(&["migrate", "down"]).await.failure("--yes");
    assert_eq!(states().await, vec![true; count], "without --yes nothing is done");
    site.run(&["migrate", "down", "--steps", "2", "--yes"]).await.success();
    assert_eq!(states().await.iter().filter(|applied| !**applied).count(), 2);
    site.run(&["migrate", "down", "--steps", "1000", "--yes"]).await.success();
    assert_eq!(states().await, fresh);

    let server = site.serve().await;
    server.admin().await;
    server.stop().await;
    assert_eq!(states().await, vec![true; count], "a start applies what is missing");
}

#[tokio::test]
async fn a_program_older_than_the_schema_refuses_to_touch_it() {
    let site = Site::new();
    site.serve().await.stop().await;
    let url = format!("sqlite://{}", site.path("data/claudetools.db").display());
    let database = Database::connect(url).await.expect("the database");
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m99991231_000001_of_tomorrow', 0)";
    database.execute_unprepared(newer).await.expect("a row");
    database.close().await.expect("a clean end");
    for command in
        [&["serve"][..], &["migrate", "up"], &["migrate", "down", "--yes"], &["accounts", "list"], &["audit", "list"]]
    {
        let refused = site.run(command).await.failure("older than the schema");
        assert!(refused.err.contains("of_tomorrow"), "{command:?}: {refused:?}");
        assert!(refused.out.is_empty(), "{command:?}: {refused:?}");
    }
    let status = site.run(&["migrate", "status"]).await.success().out;
    assert!(
        status.lines().next_back().is_some_and(|line| line.contains("of_tomorrow") && line.starts_with("Newer")),
        "{status}"
    );
}

#[tokio::test]
async fn accounts_are_made_listed_and_closed() {
    let site = Site::new();
    let server = site.serve().await;
    let made =
        site.run(&["accounts", "create", "ann@example.test", "--scope", "msp:read", "--generate"]).await.success();
    let password =
        made.out.lines().find_map(|line| line.strip_prefix("Its password, shown this once: ")).expect("a password");
    let ann = server.anonymous().log_in("ann@example.test", password).await;
    assert_eq!(ann.get("/auth/me").await.expect(200)["scopes"], serde_json::json!(["msp:read"]));
    site.run(&["accounts", "create", "Ann@Example.test", "--generate"]).await.failure("email");
    let weak = site.run_with_input(&["accounts", "create", "bob@example.test", "--password-stdin"], "short\n").await;
    weak.failure("12");

    let list = site.run(&["accounts"]).await.success().out;
    let of = |list: &str, email: &str| list.lines().find(|line| line.starts_with(email)).map(str::to_owned);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(
        of(&list, ADMIN_EMAIL).is_some_and(|line| line.contains("msp:admin") && line.ends_with(" active")),
        "{list}"
    );

    site.run(&["accounts", "deactivate", "ann@example.test"]).await.success();
    let list = site.run(&["accounts", "list"]).await.success().out;
    assert!(of(&list, "ann@example.test").is_some_and(|line| line.ends_with("inactive")), "{list}");
    let log_in = |password: &str| serde_json::json!({"email": "ann@example.test", "password": password});
    assert_eq!(server.anonymous().post("/auth/token", &log_in(password)).await.status, 401);
    site.run(&["accounts", "activate", "ann@example.test"]).await.success();
    let new = "twelve grey herons land";
    let set = site
        .run_with_input(&["accounts", "set-password", "ann@example.test", "--password-stdin"], &format!("{new}\n"))
        .await;
    assert!(!set.success().out.contains(new));
    server.anonymous().log_in("ann@example.test", new).await;
    assert_eq!(server.anonymous().post("/auth/token", &log_in(password)).await.status, 401);

    site.run(&["accounts", "deactivate", ADMIN_EMAIL]).await.failure("last active admin");
    site.run(&["accounts", "deactivate", "nobody@example.test"]).await.failure("nobody@example.test");
    server.stop().await;
}

#[tokio::test]
async fn audit_list_prints_what_was_called_latest_first() {
    let site = Site::new();
    let server = site.serve().await;
    let admin = server.admin().await;
    admin.get("/auth/me").await.expect(200);
    admin.get("/clients/none").await.expect(400);
    server.stop().await;
    let listed = site.run(&["audit", "list", "--json"]).await.success().out;
    let rows: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect();
    let paths: Vec<&Value> = rows.iter().map(|row| &row["path"]).collect();
    assert_eq!(paths, ["/api/v1/clients/none", "/api/v1/auth/me", "/api/v1/auth/token"]);
    assert!(rows.iter().all(|row| row["subject"] == ADMIN_EMAIL), "{listed}");
    assert_eq!(rows[0]["status"], 400);
    assert!(rows[0]["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{listed}");
    let table = site.run(&["audit", "list", "--status", "200", "--limit", "1"]).await.success().out;
    assert_eq!(table.lines().count(), 1);
    assert!(table.contains(" 200 GET ") && table.contains("/api/v1/auth/me"), "{table}");
}

#[tokio::test]
async fn a_new_key_signs_and_the_one_before_still_verifies() {
    let site = Site::new();
    site.run(&["keys"]).await.failure("made on first start");
    let server = site.serve().await;
    let before = server.admin().await;
    let listed = site.run(&["keys", "list"]).await.success().out;
    let signs = format!("{}  signs and verifies\n", kid(before.token()));
    let (first, rest) = listed.split_at(signs.len());
    assert!(first == signs && rest.starts_with("mk-") && rest.ends_with("  wraps and opens\n"), "{listed}");
    let rotated = site.run(&["keys", "rotate", "--tokens"]).await.success().out;
    assert!(rotated.contains("Restart"), "{rotated}");
    server.stop().await;

    let server = site.serve().await;
    let after = server.admin().await;
    assert_eq!(before.at(server.base()).get("/auth/me").await.status, 200, "a token of the key before");
    assert_ne!(kid(before.token()), kid(after.token()));
    let listed = site.run(&["keys"]).await.success().out;
    let expected = format!("{}  signs and verifies\n{}  verifies\n", kid(after.token()), kid(before.token()));
    assert_eq!(listed, format!("{expected}{rest}"));
    let file = std::fs::read_to_string(site.path("data/jwt.keys")).expect("the key file");
    assert!(file.lines().all(|key| !listed.contains(key) && !rotated.contains(key)));
    server.stop().await;

    // Deleted keys end every token.
    std::fs::remove_file(site.path("data/jwt.keys")).expect("the key file");
    let server = site.serve().await;
    assert_eq!(after.at(server.base()).get("/auth/me").await.status, 401);
    server.stop().await;
}

#[tokio::test]
async fn health_tells_by_its_exit_code() {
    let site = Site::new();
    let server = site.serve().await;
    let url = server.base().to_owned();
    let port = server.address().rsplit(':').next().expect("a port").to_owned();
    site.run(&["health", "--url", &url]).await.success();
    let configured = site.with("PORT", &port);
    configured.run(&["health"]).await.success();
    configured.run(&["health", "--url", &format!("{url}/nowhere")]).await.failure("404");
    server.stop().await;
    configured.run(&["health"]).await.failure("no answer from http://127.0.0.1");
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let site = Site::new();
    let binary = env!("CARGO_BIN_EXE_claudetools");
    let piped = site.shell(&["sh", "-c"], &format!("'{binary}' openapi | head -n 1"), &[]).await.success();
    assert_eq!((piped.out.as_str(), piped.err.as_str()), ("{\n", ""));
}
