//! A first start makes everything that is needed, and says how to make a first call.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::examples::tools_are_here;
use crate::program::{ADMIN_EMAIL, ADMIN_PASSWORD, Ended, SOON, Site, eventually};

const PASSWORD_LINE: &str = "Its password, shown this once: ";

/// The call that a start has printed.
fn printed_call(printed: &str) -> &str {
    printed.lines().find(|line| line.starts_with("curl ")).expect("a line with a call")
}

/// The access token in the answer of a call.
fn access_token(call: &Ended) -> String {
    assert_eq!(call.code, Some(0), "{call:?}");
    let body: Value = serde_json::from_str(&call.out).unwrap_or_else(|_| panic!("no JSON in {call:?}"));
    body["access_token"].as_str().unwrap_or_else(|| panic!("no token in {call:?}")).to_owned()
}

#[tokio::test]
async fn a_first_start_makes_keys_database_and_admin_and_prints_a_call_that_works() {
    let site = Site::bare();
    let server = site.serve().await;
    let api = server.anonymous();
    eventually("a first 200", SOON, async || api.status("/healthz").await.filter(|status| *status == 200)).await;
    let age = server.age();
    eprintln!("a first start answered its first 200 after {age:?}");
    assert!(age.as_secs() < 10, "a first start took {age:?}");

    let mode = |name: &str| site.path(name).metadata().expect(name).permissions().mode() & 0o777;
    assert_eq!(mode("data/jwt.keys"), 0o600);
    assert_eq!(mode("data/master.keys"), 0o600);
    assert_eq!(mode("data"), 0o700);
    assert!(site.path("data/claudetools.db").is_file());

    let printed = server.printed();
    let password =
        printed.lines().find_map(|line| line.strip_prefix(PASSWORD_LINE)).expect("the line with the password");
    assert_eq!(printed.matches(PASSWORD_LINE).count(), 1, "{printed}");
    assert!(!server.log().contains(password), "the password stands in the log too");
    assert!(printed.contains(&format!("API page: {}/docs/", server.base())), "{printed}");
    assert_eq!(api.status("/docs/").await.map(|status| status.as_u16()), Some(200));

    let call = printed_call(&printed).to_owned();
    assert_eq!(printed.lines().next_back(), Some(call.as_str()), "the call is not the last line: {printed}");
    let token = if tools_are_here(&["curl"]) {
        access_token(&site.shell(&["sh", "-c"], &call, &[]).await)
    } else {
        api.log_in("admin@claudetools.local", password).await.token().to_owned()
    };
    let (password, admin) = (password.to_owned(), api.with_token(&token));
    assert_eq!(admin.get("/auth/me").await.expect(200)["scopes"], json!(["msp:read", "msp:write", "msp:admin"]));
    server.stop().await;

    let again = site.serve().await;
    let age = again.age();
    eprintln!("a second start listened after {age:?}");
    let printed = again.printed();
    assert!(!printed.contains("assword") && !printed.contains(&password), "{printed}");
    assert_eq!(admin.at(again.base()).get("/auth/me").await.status, 200, "a token of before the restart");
    if tools_are_here(&["curl"]) {
        let health = site.shell(&["sh", "-c"], printed_call(&printed), &[]).await.success();
        assert!(health.out.contains("\"healthy\""), "{health:?}");
    }
    again.stop().await;
}

#[tokio::test]
async fn a_password_that_was_given_is_not_printed_and_the_printed_call_takes_it_from_the_environment() {
    let awkward = r#"a "quoted" \ $HOME `passphrase`"#;
    for password in [ADMIN_PASSWORD, awkward] {
        let site = Site::new().with("BOOTSTRAP_ADMIN_PASSWORD", password);
        let server = site.serve().await;
        let (printed, log) = (server.printed(), server.log());
        assert!(printed.contains(ADMIN_EMAIL), "{printed}");
        assert!(!printed.contains(password) && !log.contains(password), "{printed}");
        if tools_are_here(&["curl"]) {
            let variables = [("BOOTSTRAP_ADMIN_PASSWORD", password)];
            let call = site.shell(&["sh", "-c"], printed_call(&printed), &variables).await;
            let admin = server.anonymous().with_token(&access_token(&call));
            assert_eq!(admin.get("/auth/me").await.expect(200)["subject"], ADMIN_EMAIL);
        }
        // It has no effect once there is an account.
        server.stop().await;
        let other = site.with("BOOTSTRAP_ADMIN_PASSWORD", "another long passphrase");
        let server = other.serve().await;
        server.anonymous().log_in(ADMIN_EMAIL, password).await;
        server.stop().await;
    }
}
