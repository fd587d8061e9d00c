//! The small resources of the inventory: sites, services, relationships, networks, firewall rules, tenants, incidents.

use claudetools_testkit::{Answer, Api, TestApp};
use serde_json::{Value, json};

const UNKNOWN: &str = "01980000-0000-7000-8000-00000000dead";

pub(crate) async fn client(app: &TestApp, name: &str) -> String {
    let body = json!({"name": name, "type": "msp_client"});
    app.admin().post("/api/v1/clients", &body).await.expect(201).id().to_owned()
}

pub(crate) async fn post(api: &Api, path: &str, body: Value) -> Answer {
    api.post(&format!("/api/v1/{path}"), &body).await
}

pub(crate) async fn made(api: &Api, path: &str, body: Value) -> String {
    post(api, path, body).await.expect(201).id().to_owned()
}

pub(crate) async fn asset(api: &Api, client: &str, hostname: &str) -> String {
    let body = json!({"client_id": client, "hostname": hostname, "asset_type": "virtual_server"});
    made(api, "infrastructure", body).await
}

/// The life of a row that all resources have in common: entered once under a key, read, changed under its tag, removed.
async fn lives(app: &TestApp, path: &str, body: Value, change: Value) {
    let (admin, writer, reader) = (app.admin(), app.writer(), app.reader());
    let with_key = writer.clone().with("idempotency-key", &format!("key-{path}"));
    let first = post(&with_key, path, body.clone()).await.expect(201);
    let again = post(&with_key, path, body.clone()).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), again.id()), ("true", first.id()), "{path}");
    let row = format!("/api/v1/{path}/{}", first.id());
    assert_eq!(first.header("location"), row);

    let read = reader.get(&row).await.expect(200);
    assert_eq!((&read.body, read.header("etag")), (&first.body, first.header("etag")), "{path}");
    let etag = read.header("etag").to_owned();
    reader.clone().with("if-none-match", &etag).get(&row).await.expect(304);
    let changed = writer.clone().with("if-match", &etag).put(&row, &change).await.expect(200);
    for (field, value) in change.as_object().expect("fields") {
        assert_eq!(&changed.body[field], value, "{path}");
    }
    writer.clone().with("if-match", &etag).patch(&row, &change).await.expect(412);

    let listed = reader.get(&format!("/api/v1/{path}?include_total=true")).await.expect(200);
    assert_eq!(listed.body["total"], 1, "{path}");
    assert_eq!(listed.body[path.replace('-', "_")][0]["id"], first.body["id"], "{path}");
    writer.delete(&row).await.expect(403);
    admin.delete(&row).await.expect(204);
    admin.delete(&row).await.expect(404);
    reader.get(&row).await.expect(404);
}

#[tokio::test]
async fn every_kind_of_row_lives_from_its_entry_to_its_removal() {
    let app = TestApp::start().await;
    let acme = client(&app, "Acme").await;
    lives(&app, "sites", json!({"client_id": acme, "name": "Main"}), json!({"city": "Bern", "latitude": 46.948})).await;
    let body = json!({"client_id": acme, "name": "Office", "cidr": "10.1.2.3/24"});
    lives(&app, "networks", body, json!({"vlan_id": 12, "cidr": "10.1.0.0/16"})).await;
    let body = json!({"client_id": acme, "name": "web", "action": "allow", "port": 443, "protocol": "tcp"});
    lives(&app, "firewall-rules", body, json!({"port": "8000-8100", "is_enabled": false})).await;
    let body = json!({"client_id": acme, "tenant_id": UNKNOWN, "tenant_name": "Acme"});
    lives(&app, "m365-tenants", body, json!({"default_domain": "acme.onmicrosoft.com"})).await;
    let body = json!({"client_id": acme, "title": "Phishing", "incident_date": "2026-01-16"});
    lives(&app, "security-incidents", body, json!({"status": "contained", "severity": "high"})).await;
    let body = json!({"client_id": acme, "hostname": "fs01", "asset_type": "nas_storage"});
    lives(&app, "infrastructure", body, json!({"status": "maintenance", "tags": ["old"]})).await;

    let on = asset(&app.writer(), &acme, "vm01").await;
    let body = json!({"infrastructure_id": on, "service_name": "web"});
    lives(&app, "services", body, json!({"port": 8080, "protocol": "tcp", "status": "degraded"})).await;
    let from = made(&app.writer(), "services", json!({"infrastructure_id": on, "service_name": "a"})).await;
    let to = made(&app.writer(), "services", json!({"infrastructure_id": on, "service_name": "b"})).await;
    let body = json!({"from_service_id": from, "to_service_id": to, "relationship_type": "depends_on"});
    lives(&app, "service-relationships", body, json!({"relationship_type": "proxied_by"})).await;
    app.stop().await;
}

#[tokio::test]
async fn what_a_row_refers_to_must_be_there_and_be_the_clients() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let (acme, globex) = (client(&app, "Acme").await, client(&app, "Globex").await);
    let site = made(&writer, "sites", json!({"client_id": acme, "name": "Main"})).await;
    let wall = asset(&writer, &acme, "fw01").await;
    let service = made(&writer, "services", json!({"infrastructure_id": wall, "service_name": "a"})).await;

    for (path, body, kind) in [
        ("sites", json!({"client_id": UNKNOWN, "name": "x"}), "client"),
        ("infrastructure", json!({"client_id": UNKNOWN, "hostname": "x", "asset_type": "ups"}), "client"),
        (
            "infrastructure",
            json!({"client_id": acme, "hostname": "x", "asset_type": "ups", "site_id": UNKNOWN}),
            "site",
        ),
        (
            "infrastructure",
            json!({"client_id": acme, "hostname": "x", "asset_type": "ups", "parent_id": UNKNOWN}),
            "infrastructure",
        ),
        ("services", json!({"infrastructure_id": UNKNOWN, "service_name": "x"}), "infrastructure"),
        (
            "service-relationships",
            json!({"from_service_id": service, "to_service_id": UNKNOWN, "relationship_type": "depends_on"}),
            "service",
        ),
        ("networks", json!({"client_id": acme, "site_id": UNKNOWN, "name": "x", "cidr": "10.0.0.0/8"}), "site"),
        (
            "firewall-rules",
            json!({"client_id": acme, "infrastructure_id": UNKNOWN, "name": "x", "action": "drop"}),
            "infrastructure",
        ),
        (
            "security-incidents",
            json!({"client_id": acme, "title": "x", "incident_date": "2026-01-16", "affected_infrastructure": [UNKNOWN]}),
            "infrastructure",
        ),
        ("m365-tenants", json!({"client_id": UNKNOWN, "tenant_id": UNKNOWN, "tenant_name": "x"}), "client"),
    ] {
        let refused = post(&writer, path, body).await.expect(404);
        assert_eq!(refused.body["error"]["details"]["resource_type"], kind, "{path}");
    }
    for (path, body, field) in [
        (
            "infrastructure",
            json!({"client_id": globex, "hostname": "x", "asset_type": "ups", "site_id": site}),
            "site_id",
        ),
        ("networks", json!({"client_id": globex, "site_id": site, "name": "x", "cidr": "10.0.0.0/8"}), "site_id"),
        (
            "firewall-rules",
            json!({"client_id": globex, "infrastructure_id": wall, "name": "x", "action": "drop"}),
            "infrastructure_id",
        ),
        (
            "security-incidents",
            json!({"client_id": globex, "title": "x", "incident_date": "2026-01-16", "affected_infrastructure": [wall]}),
            "affected_infrastructure",
        ),
        (
            "service-relationships",
            json!({"from_service_id": service, "to_service_id": service, "relationship_type": "depends_on"}),
            "to_service_id",
        ),
    ] {
        let refused = post(&writer, path, body).await.expect(422);
        assert_eq!(refused.body["error"]["details"]["field"], field, "{path}");
    }
    app.stop().await;
}

#[tokio::test]
async fn values_are_checked_and_kept_in_one_form() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let acme = client(&app, "Acme").await;
    let body = json!({"client_id": acme, "name": "Main", "network_subnet": "10.1.2.3/16", "gateway_ip": "2001:DB8:0::1",
        "dns_servers": ["10.0.0.1", "10.0.0.1"], "longitude": -180, "latitude": 46.9480});
    let site = post(&writer, "sites", body).await.expect(201).body;
    assert_eq!((&site["network_subnet"], &site["gateway_ip"]), (&json!("10.1.0.0/16"), &json!("2001:db8::1")));
    assert_eq!((&site["dns_servers"], &site["latitude"]), (&json!(["10.0.0.1"]), &json!(46.948)));
    assert_eq!(site["client_name"], "Acme");

    for (path, body, field, status) in [
        ("sites", json!({"client_id": acme, "name": "x", "network_subnet": "10.0.0.0/33"}), "network_subnet", 422),
        ("sites", json!({"client_id": acme, "name": "x", "gateway_ip": "10.0.0.256"}), "gateway_ip", 422),
        ("sites", json!({"client_id": acme, "name": "x", "dns_servers": ["a"]}), "dns_servers[0]", 422),
        ("sites", json!({"client_id": acme, "name": "x", "latitude": 90.1}), "latitude", 400),
        ("networks", json!({"client_id": acme, "name": "x", "cidr": "acme"}), "cidr", 422),
        ("networks", json!({"client_id": acme, "name": "x", "cidr": "10.0.0.0/8", "vlan_id": 4095}), "vlan_id", 400),
        ("firewall-rules", json!({"client_id": acme, "name": "x", "action": "allow", "port": "90-80"}), "port", 422),
        (
            "firewall-rules",
            json!({"client_id": acme, "name": "x", "action": "allow", "port": 80, "protocol": "icmp"}),
            "port",
            422,
        ),
        (
            "firewall-rules",
            json!({"client_id": acme, "name": "x", "action": "allow", "source_cidr": "10.0.0.0/8", "destination_cidr": "::/0"}),
            "destination_cidr",
            422,
        ),
        ("m365-tenants", json!({"client_id": acme, "tenant_name": "x", "tenant_id": "acme"}), "tenant_id", 400),
        (
            "infrastructure",
            json!({"client_id": acme, "hostname": "x", "asset_type": "ups", "mac_address": "00:1a"}),
            "mac_address",
            422,
        ),
        ("infrastructure", json!({"client_id": acme, "hostname": "x", "asset_type": "toaster"}), "asset_type", 400),
    ] {
        let refused = post(&writer, path, body).await.expect(status);
        assert_eq!(refused.body["error"]["details"]["field"], field, "{path}: {}", refused.text);
    }
    let body = json!({"client_id": acme, "hostname": "x", "asset_type": "ups", "mac_address": "001A.2B3C.4D5E"});
    assert_eq!(post(&writer, "infrastructure", body).await.expect(201).body["mac_address"], "00:1a:2b:3c:4d:5e");
    let on = asset(&writer, &acme, "y").await;
    let body = json!({"infrastructure_id": on, "service_name": "x", "external_url": "https://jo:pw@acme.example"});
    assert_eq!(post(&writer, "services", body).await.expect(422).body["error"]["details"]["field"], "external_url");
    app.stop().await;
}

#[tokio::test]
async fn what_is_unique_is_refused_with_the_row_that_has_it() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let (acme, globex) = (client(&app, "Acme").await, client(&app, "Globex").await);
    let site = made(&writer, "sites", json!({"client_id": acme, "name": "École"})).await;
    let taken = post(&writer, "sites", json!({"client_id": acme, "name": "ÉCOLE"})).await.expect(409);
    assert_eq!(taken.code(), "DUPLICATE_ENTRY");
    assert_eq!(taken.body["error"]["details"], json!({"field": "name", "existing_id": site}));
    made(&writer, "sites", json!({"client_id": globex, "name": "École"})).await;

    let host = asset(&writer, &acme, "FS01").await;
    let taken =
        post(&writer, "infrastructure", json!({"client_id": acme, "hostname": "fs01", "asset_type": "ups"})).await;
    assert_eq!(taken.expect(409).body["error"]["details"], json!({"field": "hostname", "existing_id": host}));
    asset(&writer, &globex, "FS01").await;

    let body = json!({"client_id": acme, "tenant_id": UNKNOWN, "tenant_name": "Acme"});
    let tenant = made(&writer, "m365-tenants", body).await;
    let body = json!({"client_id": globex, "tenant_id": UNKNOWN.to_uppercase(), "tenant_name": "Globex"});
    let taken = post(&writer, "m365-tenants", body).await.expect(409);
    assert_eq!(taken.body["error"]["details"], json!({"field": "tenant_id", "existing_id": tenant}));

    let on = |name: &str| json!({"infrastructure_id": host, "service_name": name});
    let (a, b) = (made(&writer, "services", on("a")).await, made(&writer, "services", on("b")).await);
    let link = json!({"from_service_id": a, "to_service_id": b, "relationship_type": "backs_up"});
    let first = made(&writer, "service-relationships", link.clone()).await;
    let taken = post(&writer, "service-relationships", link).await.expect(409);
    assert_eq!(taken.body["error"]["details"]["existing_id"], json!(first));
    let other = json!({"from_service_id": b, "to_service_id": a, "relationship_type": "backs_up"});
    made(&writer, "service-relationships", other).await;
    let found = app.reader().get(&format!("/api/v1/service-relationships?service_id={a}")).await.expect(200);
    assert_eq!(found.body["total"], 2, "at either end");
    assert_eq!(found.body["service_relationships"][1]["from_service_name"], "a");
    assert_eq!(found.body["service_relationships"][1]["to_service_name"], "b");
    app.stop().await;
}

#[tokio::test]
async fn what_others_refer_to_stays_and_a_client_with_equipment_too() {
    let app = TestApp::start().await;
    let (admin, writer) = (app.admin(), app.writer());
    let (acme, globex) = (client(&app, "Acme").await, client(&app, "Globex").await);
    let site = made(&writer, "sites", json!({"client_id": acme, "name": "Main"})).await;
    let body = json!({"client_id": acme, "hostname": "hv", "asset_type": "physical_server", "site_id": site});
    let host = made(&writer, "infrastructure", body).await;
    let service = made(&writer, "services", json!({"infrastructure_id": host, "service_name": "a"})).await;
    let body = json!({"service_name": "admin", "credential_type": "password", "service_id": service,
        "infrastructure_id": host, "client_id": acme});
    made(&writer, "credentials", body).await;

    let refused = async |path: &str, expected: Value| {
        let refused = admin.delete(&format!("/api/v1/{path}")).await.expect(409);
        assert_eq!(refused.code(), "CONFLICT");
        assert_eq!(refused.body["error"]["details"]["referenced_by"], expected, "{path}");
    };
    let count = |kind: &str| json!({"resource_type": kind, "count": 1});
    refused(&format!("sites/{site}"), json!([count("infrastructure")])).await;
    refused(&format!("infrastructure/{host}"), json!([count("service"), count("credential")])).await;
    refused(&format!("services/{service}"), json!([count("credential")])).await;
    let of_client = json!([count("credential"), count("site"), count("infrastructure")]);
    refused(&format!("clients/{acme}"), of_client).await;

    for path in [format!("sites/{site}"), format!("infrastructure/{host}")] {
        let moved = writer.put(&format!("/api/v1/{path}"), &json!({"client_id": globex})).await.expect(409);
        assert_eq!(moved.code(), "CONFLICT", "nothing that others refer to goes to another client");
    }
    let free = made(&writer, "sites", json!({"client_id": acme, "name": "Free"})).await;
    let moved = writer.put(&format!("/api/v1/sites/{free}"), &json!({"client_id": globex})).await.expect(200);
    assert_eq!(moved.body["client_name"], "Globex");

    let listed = app.reader().get(&format!("/api/v1/credentials?infrastructure_id={host}&service_id={service}")).await;
    assert_eq!(listed.expect(200).body["total"], 1);
    for (field, kind) in [("service_id", "service"), ("infrastructure_id", "infrastructure")] {
        let mut body = json!({"service_name": "x", "credential_type": "password"});
        body[field] = json!(UNKNOWN);
        let unknown = post(&writer, "credentials", body).await.expect(404);
        assert_eq!(unknown.body["error"]["details"]["resource_type"], kind);
    }
    app.stop().await;
}

#[tokio::test]
async fn networks_are_found_by_an_address_and_tell_which_others_share_theirs() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let (acme, globex) = (client(&app, "Acme").await, client(&app, "Globex").await);
    let net = |client: &str, cidr: &str| json!({"client_id": client, "name": cidr, "cidr": cidr});
    let wide = post(&writer, "networks", net(&acme, "10.0.0.0/8")).await.expect(201);
    assert_eq!(wide.body["overlaps"], json!([]));
    let narrow = post(&writer, "networks", net(&acme, "10.1.2.0/24")).await.expect(201);
    assert_eq!(narrow.body["overlaps"], json!([wide.id()]), "accepted, and told");
    let apart = post(&writer, "networks", net(&acme, "192.168.0.0/16")).await.expect(201);
    assert_eq!(apart.body["overlaps"], json!([]));
    assert_eq!(post(&writer, "networks", net(&globex, "10.1.2.0/24")).await.expect(201).body["overlaps"], json!([]));
    let read = app.reader().get(&format!("/api/v1/networks/{}", wide.id())).await.expect(200);
    assert_eq!(read.body["overlaps"], json!([narrow.id()]));

    let found = async |query: &str| {
        let found = app.reader().get(&format!("/api/v1/networks?{query}")).await.expect(200);
        found.body["total"].as_u64()
    };
    assert_eq!(found("contains=10.1.2.77").await, Some(3));
    assert_eq!(found(&format!("contains=10.1.2.77&client_id={acme}")).await, Some(2));
    assert_eq!(found("contains=10.9.9.9").await, Some(1));
    assert_eq!(found("contains=2001:db8::1").await, Some(0));
    let refused = app.reader().get("/api/v1/networks?contains=acme").await.expect(400);
    assert_eq!(refused.body["error"]["details"]["field"], "contains");
    app.stop().await;
}

#[tokio::test]
async fn an_incident_keeps_every_move_of_its_status() {
    let app = TestApp::start().await;
    let (writer, acme) = (app.writer(), client(&app, "Acme").await);
    let host = asset(&writer, &acme, "mail01").await;
    let body = json!({"client_id": acme, "title": "Mailbox taken", "incident_type": "bec", "severity": "high",
        "incident_date": "2026-01-16", "affected_infrastructure": [host, host], "affected_users": ["pat@acme.example"]});
    let made = post(&writer, "security-incidents", body).await.expect(201);
    assert_eq!((&made.body["status"], &made.body["resolved_at"]), (&json!("investigating"), &Value::Null));
    assert_eq!(made.body["affected_infrastructure"], json!([host]), "repeats count once");
    let path = format!("/api/v1/security-incidents/{}", made.id());

    let early = writer.put(&path, &json!({"resolved_at": "2026-01-17T10:00:00Z"})).await.expect(422);
    assert_eq!(early.body["error"]["details"]["field"], "resolved_at");
    writer.put(&path, &json!({"findings": "a rule that forwards mail"})).await.expect(200);
    writer.put(&path, &json!({"status": "contained"})).await.expect(200);
    let resolved = app.admin().put(&path, &json!({"status": "resolved"})).await.expect(200);
    assert!(resolved.body["resolved_at"].is_string());
    let again = writer.put(&path, &json!({"status": "monitoring"})).await.expect(200);
    assert_eq!(again.body["resolved_at"], Value::Null, "it is not over after all");
    let moves: Vec<_> = again.body["history"]
        .as_array()
        .expect("a history")
        .iter()
        .map(|moved| {
            (
                moved["from"].as_str().map(str::to_owned),
                moved["to"].as_str().map(str::to_owned),
                moved["by"].as_str().map(str::to_owned),
            )
        })
        .collect();
    let step =
        |from: Option<&str>, to: &str, by: &str| (from.map(str::to_owned), Some(to.to_owned()), Some(by.to_owned()));
    let (jo, admin) = ("writer@claudetools.test", claudetools_testkit::ADMIN_EMAIL);
    assert_eq!(
        moves,
        [
            step(None, "investigating", jo),
            step(Some("investigating"), "contained", jo),
            step(Some("contained"), "resolved", admin),
            step(Some("resolved"), "monitoring", jo),
        ]
    );
    let held = app.admin().delete(&format!("/api/v1/infrastructure/{host}")).await.expect(409);
    assert_eq!(
        held.body["error"]["details"]["referenced_by"],
        json!([{"resource_type": "security_incident", "count": 1}])
    );
    let found = app
        .reader()
        .get(&format!("/api/v1/security-incidents?client_id={acme}&severity=high&status=monitoring&q=MAILBOX"))
        .await;
    assert_eq!(found.expect(200).body["total"], 1);
    app.stop().await;
}
