//! Credentials in and out of files.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::{Answer, Api},
    program::Site,
};

const PASSPHRASE: &str = "a passphrase for the file\n";

fn site() -> Site {
    Site::new().with("RATE_LIMIT_DECRYPT_PER_MINUTE", "0")
}

async fn named(api: &Api, name: &str) -> Value {
    let rows = api.all(&format!("/credentials?q={name}"), "credentials").await;
    let [row] = &rows[..] else { panic!("{} rows named {name}", rows.len()) };
    row.clone()
}

async fn decrypted(api: &Api, row: &Value) -> Value {
    api.get(&format!("/credentials/{}/decrypt", row["id"].as_str().expect("an id"))).await.expect(200)
}

#[tokio::test]
async fn an_import_tells_of_every_row_and_takes_all_or_none() {
    let site = site();
    let server = site.serve().await;
    let admin = server.admin().await;
    let client = admin.post("/clients", &json!({"name": "Acme Dental", "type": "msp_client"})).await.expect(201);
    let long = "x".repeat(300);
    let table = format!(
        "organization,name,username,password,url,notes\r\n\
         ACME dental,Router,admin,\"p,1\"\"x\",https://10.0.0.1,\r\n\
         Nobody Inc,Lost,jo,p2,,\r\n\
         ,Blank,jo,,,\"two\nlines\"\r\n\
         ,{long},jo,p4,,\r\n"
    );
    std::fs::write(site.path("passwords.csv"), table).expect("the file");
    let import = ["credentials", "import", "passwords.csv", "--format", "csv"];

    let refused = site.run(&import).await.failure("1 rows could not be taken");
    assert!(refused.out.contains("NOT TAKEN") && refused.out.contains("Nobody Inc"), "{refused:?}");
    assert!(refused.out.contains("4 rows: 3 good, 1 faulty, 0 entered"), "{refused:?}");
    assert_eq!(admin.get("/credentials").await.expect(200)["total"], 0, "one faulty row keeps all others out");
    let tried = site.run(&[&import[..], &["--skip-faulty", "--dry-run"]].concat()).await;
    assert!(tried.out.contains("0 entered") && !tried.out.contains("p,1") && !tried.out.contains("p4"), "{tried:?}");
    assert_eq!(admin.get("/credentials").await.expect(200)["total"], 0);

    let done = site.run(&[&import[..], &["--skip-faulty"]].concat()).await.failure("the others were taken");
    assert!(done.out.contains("3 entered"), "{done:?}");
    let router = named(&admin, "router").await;
    assert_eq!(router["client_id"], client["id"]);
    assert_eq!(decrypted(&admin, &router).await["password"], "p,1\"x");
    let blank = decrypted(&admin, &named(&admin, "blank").await).await;
    assert_eq!(blank["password"], "", "a blank password is a value");
    assert!(blank.to_string().contains("two\\nlines"), "{blank}");
    let shortened = named(&admin, &"x".repeat(250)).await;
    let whole = decrypted(&admin, &shortened).await;
    assert!(whole.to_string().contains(&long) && whole["password"] == "p4", "the whole name is kept: {whole}");
    let report = admin.get("/credential-audit-logs?subject=cli&action=create").await.expect(200);
    assert_eq!(report["total"], 3);
    site.run(&["credentials", "import", "none.csv", "--format", "csv"]).await.failure("none.csv");
    server.stop().await;
}

#[tokio::test]
async fn an_export_restores_everything_elsewhere_and_shows_nothing_without_its_passphrase() {
    let here = site();
    let server = here.serve().await;
    let admin = server.admin().await;
    let body = json!({"service_name": "Firewall", "credential_type": "password", "password": "first",
        "custom_fields": {"pin": "0000"}, "tags": ["edge"]});
    let made = admin.post("/credentials", &body).await.expect(201);
    let path = format!("/credentials/{}", made["id"].as_str().expect("an id"));
    let put = admin.try_send(Method::PUT, &path, Some(&json!({"password": "second-secret"})), &[]).await;
    Answer::of(put.expect("an answer")).await.expect(200);
    let grant = json!({"subjects": ["jo@example.com"]});
    let put = admin.try_send(Method::PUT, &format!("{path}/access"), Some(&grant), &[]).await;
    Answer::of(put.expect("an answer")).await.expect(200);

    // While the server runs.
    let export = ["credentials", "export", "vault.ctvault", "--passphrase-stdin"];
    here.run_with_input(&export, "short\n").await.failure("at least 12 characters");
    let done = here.run_with_input(&export, PASSPHRASE).await.success();
    assert!(done.out.contains("1 credentials"), "{done:?}");
    here.run_with_input(&export, PASSPHRASE).await.failure("exists already");
    let bytes = std::fs::read(here.path("vault.ctvault")).expect("the export");
    assert!(!String::from_utf8_lossy(&bytes).contains("second-secret"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = std::fs::metadata(here.path("vault.ctvault")).expect("the export");
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    let read = admin.get("/credential-audit-logs?subject=cli&action=read").await.expect(200);
    assert_eq!(read["credential_audit_logs"][0]["reason"], "exported with the whole vault");
    let again =
        here.run_with_input(&["credentials", "restore", "vault.ctvault", "--passphrase-stdin"], PASSPHRASE).await;
    again.failure("is there already");
    server.stop().await;

    let there = site();
    std::fs::write(there.path("vault.ctvault"), &bytes).expect("the export");
    let restore = ["credentials", "restore", "vault.ctvault", "--passphrase-stdin"];
    there.run_with_input(&restore, "another passphrase\n").await.failure("the passphrase is wrong");
    std::fs::write(there.path("cut"), &bytes[..bytes.len() - 1]).expect("a part of the export");
    there.run_with_input(&["credentials", "restore", "cut", "--passphrase-stdin"], PASSPHRASE).await.failure("cut off");
    there.run_with_input(&restore, PASSPHRASE).await.success();
    let server = there.serve().await;
    let admin = server.admin().await;
    assert_eq!(admin.get(&path).await.status, 404, "it is restricted here as there");
    let put = admin.try_send(Method::PUT, &format!("{path}/access"), Some(&json!({})), &[]).await;
    Answer::of(put.expect("an answer")).await.expect(200);
    let shown = admin.get(&format!("{path}/decrypt")).await.expect(200);
    assert_eq!((&shown["password"], &shown["custom_fields"]["pin"]), (&json!("second-secret"), &json!("0000")));
    let first = admin.get(&format!("{path}/versions/1/decrypt")).await.expect(200);
    assert_eq!(first["password"], "first");
    assert_eq!(admin.get(&path).await.expect(200)["created_at"], made["created_at"]);
    server.stop().await;
    there.run(&["audit", "verify"]).await.success();
}
