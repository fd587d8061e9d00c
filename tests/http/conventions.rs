//! `conventions.md`: each rule produced on purpose, with clients as the example resource.

use claudetools_testkit::{Answer, Api, TestApp, execute, hold_writers};
use reqwest::Method;
use serde_json::{Value, json};

fn acme() -> Value {
    json!({"name": "Acme Dental", "type": "msp_client"})
}

async fn new_client(admin: &Api, name: &str) -> Answer {
    admin.post("/api/v1/clients", &json!({"name": name, "type": "msp_client"})).await.expect(201)
}

/// Everything that every error body under `/api/v1` says.
fn assert_error(answer: &Answer, status: u16, code: &str, path: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text);
    let body = &answer.body;
    assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    assert!(body["error"]["details"].is_object(), "{body}");
    assert_eq!(body["path"], path, "{body}");
    assert!(body["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{body}");
    assert_eq!(body["request_id"], answer.header("x-request-id"), "{body}");
    assert_eq!(answer.header("content-type"), "application/json");
    for secret in ["SELECT", "INSERT", "sqlite", "panicked", ".rs:", "/src/"] {
        assert!(!answer.text.contains(secret), "{secret} leaks in {}", answer.text);
    }
}

#[tokio::test]
async fn a_create_answers_201_with_location_and_the_whole_resource() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let made = admin.post("/api/v1/clients", &acme()).await.expect(201);
    let location = made.header("location").to_owned();
    assert_eq!(location, format!("/api/v1/clients/{}", made.id()));
    let read = admin.get(&location).await.expect(200);
    assert_eq!(read.body, made.body);
    assert_eq!(read.header("etag"), made.header("etag"));
    assert_eq!(read.body["currency"], "USD");
    assert_eq!(read.body["billing_increment_minutes"], 15);
    assert!(read.body["created_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    app.stop().await;
}

#[tokio::test]
async fn an_update_changes_just_the_fields_given_and_null_clears() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let full = json!({"name": "Acme", "type": "internal", "notes": "first", "hourly_rate": "125.5", "network_subnet": "10.1.2.3/16"});
    let made = admin.post("/api/v1/clients", &full).await.expect(201);
    assert_eq!(made.body["hourly_rate"], "125.50", "money is a decimal string");
    assert_eq!(made.body["network_subnet"], "10.1.0.0/16", "a network is normalised");
    let path = format!("/api/v1/clients/{}", made.id());
    let put = admin.put(&path, &json!({"notes": null})).await.expect(200);
    assert_eq!(put.body["notes"], Value::Null);
    assert_eq!(put.body["hourly_rate"], "125.50");
    let patched = admin.patch(&path, &json!({"name": "Acme Two"})).await.expect(200);
    assert_eq!((&patched.body["name"], &patched.body["type"]), (&json!("Acme Two"), &json!("internal")));
    assert_error(&admin.put(&path, &json!({"name": null})).await, 400, "INVALID_REQUEST", &path);
    app.stop().await;
}

#[tokio::test]
async fn a_second_delete_is_404() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let path = format!("/api/v1/clients/{}", new_client(&admin, "Gone").await.id());
    let deleted = admin.delete(&path).await.expect(204);
    assert_eq!(deleted.text, "");
    let again = admin.delete(&path).await;
    assert_error(&again, 404, "NOT_FOUND", &path);
    assert_eq!(again.body["error"]["details"]["resource_type"], "client");
    app.stop().await;
}

#[tokio::test]
async fn bad_bodies_are_400_and_name_every_fault_at_once() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let path = "/api/v1/clients";
    let several = json!({"nmae": "Acme", "is_active": "yes", "billing_increment_minutes": 0.5});
    let answer = admin.post(path, &several).await;
    assert_error(&answer, 400, "INVALID_REQUEST", path);
    let fields = answer.body["error"]["details"]["fields"].as_array().expect("all faults");
    let named: Vec<&str> = fields.iter().filter_map(|fault| fault["field"].as_str()).collect();
    for field in ["nmae", "is_active", "billing_increment_minutes", "name", "type"] {
        assert!(named.contains(&field), "{field} is not among {named:?}");
    }
    assert_eq!(answer.body["detail"], answer.body["error"]["details"]["fields"]);

    let one = admin.post(path, &json!({"name": "Acme"})).await;
    assert_error(&one, 400, "INVALID_REQUEST", path);
    assert_eq!(one.body["error"]["details"], json!({"field": "type", "constraint": "required"}));
    assert_eq!(one.body["detail"], "type is required");

    let unknown = admin.post(path, &json!({"name": "Acme", "type": "customer"})).await;
    assert_error(&unknown, 400, "INVALID_REQUEST", path);
    for word in ["msp_client", "internal", "project"] {
        assert!(unknown.text.contains(word), "the allowed words are listed: {}", unknown.text);
    }
    for bytes in [
        &b"{"[..],
        b"",
        b"[]",
        b"\"text\"",
        b"null",
        b"{\"name\":\"a\",\"name\":\"b\",\"type\":\"internal\"}",
        b"\xff\xfe",
    ] {
        let answer = admin.send_bytes(Method::POST, path, "application/json", Some(bytes.to_vec())).await;
        assert_error(&answer, 400, "INVALID_REQUEST", path);
    }
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let answer = admin.send_bytes(Method::POST, path, "application/json", Some(deep.into_bytes())).await;
    assert_error(&answer, 400, "INVALID_REQUEST", path);
    app.stop().await;
}

#[tokio::test]
async fn bad_queries_and_ids_are_400() {
    let app = TestApp::start().await;
    let reader = app.reader();
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=ten",
        "offset=-1",
        "offset=99999999999999999999",
        "sort=colour",
        "sort=--name",
        "colour=red",
        "is_active=maybe",
        "type=customer",
        "cursor=nonsense",
        "limit=1&limit=2",
        "q=%00",
        "include_total=1",
    ] {
        let answer = reader.get(&format!("/api/v1/clients?{query}")).await;
        assert_error(&answer, 400, "INVALID_REQUEST", "/api/v1/clients");
    }
    let both = reader.get("/api/v1/clients?limit=0&colour=red").await;
    assert_eq!(both.body["error"]["details"]["fields"].as_array().map(Vec::len), Some(2), "{}", both.text);
    let id = reader.get("/api/v1/clients/not-a-uuid").await;
    assert_error(&id, 400, "INVALID_REQUEST", "/api/v1/clients/not-a-uuid");
    app.stop().await;
}

#[tokio::test]
async fn what_fits_the_schema_but_makes_no_sense_is_422() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for (field, value) in [("network_subnet", "10.0.0.0/33"), ("currency", "DEM"), ("contact_email", "nobody")] {
        let mut body = acme();
        body[field] = json!(value);
        let answer = admin.post("/api/v1/clients", &body).await;
        assert_error(&answer, 422, "VALIDATION_ERROR", "/api/v1/clients");
        assert_eq!(answer.body["error"]["details"]["field"], field);
    }
    app.stop().await;
}

#[tokio::test]
async fn callers_without_token_or_scope_are_401_and_403() {
    let app = TestApp::start().await;
    let path = "/api/v1/clients";
    let none = app.anonymous().get(path).await;
    assert_error(&none, 401, "UNAUTHORIZED", path);
    assert_eq!(none.header("www-authenticate"), "Bearer");
    assert_error(&app.anonymous().with_token("nonsense").get(path).await, 401, "UNAUTHORIZED", path);
    let weak = app.reader().post(path, &acme()).await;
    assert_error(&weak, 403, "FORBIDDEN", path);
    assert_eq!(weak.body["error"]["details"]["required_scope"], "msp:admin");
    app.stop().await;
}

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405_with_allow() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for path in ["/nowhere", "/api/v1/nowhere", "/api/v1", "/api/v1/clients/a/b/c"] {
        assert_error(&admin.get(path).await, 404, "NOT_FOUND", path);
    }
    let wrong = admin.delete("/api/v1/clients").await;
    assert_error(&wrong, 405, "METHOD_NOT_ALLOWED", "/api/v1/clients");
    assert_eq!(wrong.header("allow"), "GET, POST");
    let id = "/api/v1/clients/01980000-0000-7000-8000-000000000001";
    let wrong = admin.post(id, &json!({})).await;
    assert_error(&wrong, 405, "METHOD_NOT_ALLOWED", id);
    assert_eq!(wrong.header("allow"), "GET, PUT, PATCH, DELETE");
    let outside = admin.post("/health", &json!({})).await;
    assert_error(&outside, 405, "METHOD_NOT_ALLOWED", "/health");
    assert_eq!(admin.delete("/api/clients").await.header("allow"), "GET, POST", "under the first prefix too");
    app.stop().await;
}

#[tokio::test]
async fn a_taken_name_is_409_with_the_row_that_has_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let first = new_client(&admin, "École").await;
    let second = admin.post("/api/v1/clients", &json!({"name": "éCOLE", "type": "internal"})).await;
    assert_error(&second, 409, "DUPLICATE_ENTRY", "/api/v1/clients");
    assert_eq!(second.body["error"]["details"], json!({"field": "name", "existing_id": first.id()}));
    app.stop().await;
}

#[tokio::test]
async fn large_bodies_are_413_and_other_types_415() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let path = "/api/v1/clients";
    let with_notes = |size: usize| {
        let mut body = acme().to_string();
        body.truncate(body.len() - 1);
        let head = format!("{body},\"notes\":\"");
        let notes = "x".repeat(size - head.len() - 2);
        format!("{head}{notes}\"}}").into_bytes()
    };
    let fits = admin.send_bytes(Method::POST, path, "application/json", Some(with_notes(1_048_576))).await;
    assert_error(&fits, 400, "INVALID_REQUEST", path);
    assert_eq!(
        fits.body["error"]["details"]["constraint"], "max_length",
        "one MiB is read, the note is what is too long"
    );
    let over = admin.send_bytes(Method::POST, path, "application/json", Some(with_notes(1_048_577))).await;
    assert_error(&over, 413, "PAYLOAD_TOO_LARGE", path);
    for other in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonx"]
    {
        let answer = admin.send_bytes(Method::POST, path, other, Some(acme().to_string().into_bytes())).await;
        assert_error(&answer, 415, "UNSUPPORTED_MEDIA_TYPE", path);
    }
    let spelt = "Application/JSON; charset=\"UTF-8\"";
    let _ = admin.send_bytes(Method::POST, path, spelt, Some(acme().to_string().into_bytes())).await.expect(201);
    app.stop().await;
}

#[tokio::test]
async fn if_match_guards_against_lost_updates_and_if_none_match_saves_the_body() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let made = new_client(&admin, "Acme").await;
    let (path, first) = (format!("/api/v1/clients/{}", made.id()), made.header("etag").to_owned());
    let unchanged = admin.clone().with("if-none-match", &first).get(&path).await.expect(304);
    assert_eq!((unchanged.text.as_str(), unchanged.header("etag")), ("", first.as_str()));
    let renamed = admin.clone().with("if-match", &first).put(&path, &json!({"name": "Acme Two"})).await.expect(200);
    assert_ne!(renamed.header("etag"), first);
    let lost = admin.clone().with("if-match", &first).put(&path, &json!({"name": "Acme Three"})).await;
    assert_error(&lost, 412, "PRECONDITION_FAILED", &path);
    let current = lost.body["error"]["details"]["current_etag"].as_str().expect("the current tag").to_owned();
    let _ = admin.clone().with("if-match", &current).put(&path, &json!({"name": "Acme Three"})).await.expect(200);
    let _ = admin.clone().with("if-none-match", &first).get(&path).await.expect(200);
    assert_error(&admin.clone().with("if-match", &first).delete(&path).await, 412, "PRECONDITION_FAILED", &path);
    let _ = admin.with("if-match", "*").delete(&path).await.expect(204);
    app.stop().await;
}

#[tokio::test]
async fn of_32_parallel_renames_under_one_etag_one_succeeds_and_31_are_412() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let made = new_client(&admin, "Acme").await;
    let path = format!("/api/v1/clients/{}", made.id());
    let conditional = admin.with("if-match", made.header("etag"));
    let renames = (0..32).map(|n| {
        let (caller, path) = (conditional.clone(), path.clone());
        tokio::spawn(async move { caller.put(&path, &json!({"name": format!("Acme {n}")})).await.status })
    });
    let mut statuses = Vec::new();
    for rename in renames.collect::<Vec<_>>() {
        statuses.push(rename.await.expect("no panic"));
    }
    let count = |status| statuses.iter().filter(|seen| **seen == status).count();
    assert_eq!((count(200), count(412)), (1, 31), "{statuses:?}");
    app.stop().await;
}

#[tokio::test]
async fn of_32_parallel_creates_under_one_idempotency_key_one_row_comes() {
    let app = TestApp::start().await;
    let keyed = app.admin().with("idempotency-key", "create-acme-1");
    let creates: Vec<_> = (0..32)
        .map(|_| {
            let caller = keyed.clone();
            tokio::spawn(async move { caller.post("/api/v1/clients", &acme()).await })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    for create in creates {
        let answer = create.await.expect("no panic");
        match answer.status {
            201 => _ = ids.insert(answer.id().to_owned()),
            409 => {
                assert_eq!(answer.code(), "CONFLICT", "{}", answer.text);
                assert_eq!(answer.header("retry-after"), "1");
            }
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert_eq!(ids.len(), 1, "one row: {ids:?}");
    assert_eq!(app.admin().get("/api/v1/clients").await.body["total"], 1);
    app.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_replays_the_first_answer_for_its_caller_for_24_hours() {
    let mut app = TestApp::start().await;
    let keyed = |app: &TestApp| app.admin().with("idempotency-key", "k1");
    let first = keyed(&app).post("/api/v1/clients", &acme()).await.expect(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = keyed(&app).post("/api/v1/clients", &acme()).await.expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.text), ("true", &first.text));
    assert_eq!((again.header("etag"), again.header("location")), (first.header("etag"), first.header("location")));
    let other_body = keyed(&app).post("/api/v1/clients", &json!({"name": "Other", "type": "internal"})).await;
    assert_error(&other_body, 422, "VALIDATION_ERROR", "/api/v1/clients");
    let other_caller =
        app.caller("second@claudetools.test", claudetools_kernel::Scope::Admin).with("idempotency-key", "k1");
    let _ = other_caller.post("/api/v1/clients", &json!({"name": "Other", "type": "internal"})).await.expect(201);

    app.restart().await;
    let after_restart = keyed(&app).post("/api/v1/clients", &acme()).await.expect(201);
    assert_eq!(after_restart.header("idempotent-replayed"), "true", "it is kept in the database");
    app.clock.advance(24 * 3600 + 1);
    let expired = keyed(&app).post("/api/v1/clients", &acme()).await;
    assert_error(&expired, 409, "DUPLICATE_ENTRY", "/api/v1/clients");

    let failed = app.admin().with("idempotency-key", "k2");
    let _ = failed.post("/api/v1/clients", &json!({"name": "Acme Dental", "type": "internal"})).await.expect(409);
    let _ = failed.post("/api/v1/clients", &json!({"name": "New", "type": "internal"})).await.expect(201);
    for bad in ["", "with blank", &"x".repeat(129)] {
        let answer = app.admin().with("idempotency-key", bad).post("/api/v1/clients", &acme()).await;
        assert_error(&answer, 400, "INVALID_REQUEST", "/api/v1/clients");
    }
    app.stop().await;
}

#[tokio::test]
async fn lists_page_by_offset_and_by_cursor_without_overlap() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for n in 0..7 {
        new_client(&admin, &format!("Client {n}")).await;
    }
    let page = admin.get("/api/v1/clients?limit=3&offset=3&sort=-name").await.expect(200);
    let names = |page: &Answer| -> Vec<String> {
        page.body["clients"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["name"].as_str().unwrap_or("").to_owned())
            .collect()
    };
    assert_eq!(names(&page), ["Client 3", "Client 2", "Client 1"]);
    assert_eq!((&page.body["total"], &page.body["limit"], &page.body["offset"]), (&json!(7), &json!(3), &json!(3)));

    let mut seen = Vec::new();
    let mut path = "/api/v1/clients?limit=3&sort=created_at".to_owned();
    loop {
        let page = admin.get(&path).await.expect(200);
        seen.extend(names(&page));
        assert_eq!(path.contains("cursor"), page.body.get("total").is_none(), "a total only on request: {}", page.text);
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/clients?limit=3&sort=created_at&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, (0..7).map(|n| format!("Client {n}")).collect::<Vec<_>>());
    let counted = admin.get(&format!("{path}&include_total=true")).await.expect(200);
    assert_eq!(counted.body["total"], 7);
    // Each fits the schema; together, or for this list, they make no sense. The last names a number where names are text.
    let forged = "eyJzIjoibmFtZSIsImsiOnsibiI6MX0sImkiOiIwMTk4MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEifQ";
    for senseless in [
        format!("{path}&offset=1"),
        path.replace("sort=created_at", "sort=name"),
        format!("/api/v1/clients?cursor={forged}"),
    ] {
        assert_error(&admin.get(&senseless).await, 422, "VALIDATION_ERROR", "/api/v1/clients");
    }
    app.stop().await;
}

#[tokio::test]
async fn text_filters_are_substrings_whatever_the_case_and_wildcards_are_plain() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for name in ["Zürich Dental", "100% Cotton", "under_score", "plain"] {
        new_client(&admin, name).await;
    }
    for (q, expected) in [("ZÜRICH", 1), ("%25", 1), ("_", 1), ("nt", 1), ("n", 4), ("!", 0)] {
        let found = admin.get(&format!("/api/v1/clients?q={q}")).await.expect(200);
        assert_eq!(found.body["total"], expected, "{q}: {}", found.text);
    }
    app.stop().await;
}

#[tokio::test]
async fn every_answer_bears_a_request_id_and_the_security_headers() {
    let app = TestApp::builder()
        .with("SECURITY_HEADER_X_FRAME_OPTIONS", "")
        .with("SECURITY_HEADER_PERMISSIONS_POLICY", "camera=()")
        .start()
        .await;
    let own = app.reader().with("x-request-id", "my.id-1_A");
    for path in ["/", "/health", "/nowhere", "/api/v1/clients", "/api/v1/clients?limit=0", "/docs/", "/openapi.json"] {
        let answer = own.get(path).await;
        assert_eq!(answer.header("x-request-id"), "my.id-1_A", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "strict-origin-when-cross-origin", "{path}");
        assert_eq!(answer.header("permissions-policy"), "camera=()", "{path}");
        assert_eq!(answer.header("x-frame-options"), "", "switched off by an empty value: {path}");
    }
    for foreign in ["with blank", &"x".repeat(129), "<script>"] {
        let answer = app.reader().with("x-request-id", foreign).get("/health").await;
        assert_eq!(answer.header("x-request-id").len(), 36, "a new UUID in place of {foreign:?}");
    }
    let plain = TestApp::start().await;
    assert_eq!(plain.anonymous().get("/").await.header("x-frame-options"), "DENY");
    assert_eq!(plain.anonymous().get("/").await.header("permissions-policy"), "");
    plain.stop().await;
    app.stop().await;
}

#[tokio::test]
async fn the_first_generations_prefix_serves_the_same_with_its_own_error_body() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let made = admin.post("/api/clients", &acme()).await.expect(201);
    assert_eq!(made.header("location"), format!("/api/clients/{}", made.id()));
    assert_eq!(admin.get(&format!("/api/v1/clients/{}", made.id())).await.body, made.body);
    let missing = admin.get("/api/clients/01980000-0000-7000-8000-00000000dead").await.expect(404);
    assert_eq!(missing.body["path"], "/api/clients/01980000-0000-7000-8000-00000000dead");
    assert!(missing.body["error"].is_string(), "{}", missing.text);
    assert_eq!(missing.body["details"]["resource_type"], "client");
    assert_eq!(missing.body.as_object().map(serde_json::Map::len), Some(3), "{}", missing.text);
    app.stop().await;
}

#[tokio::test]
async fn answers_are_compressed_when_asked_for_and_worth_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for n in 0..20 {
        new_client(&admin, &format!("Client number {n}")).await;
    }
    for encoding in ["gzip", "br"] {
        let list = admin.clone().with("accept-encoding", encoding).get("/api/v1/clients").await.expect(200);
        assert_eq!(list.header("content-encoding"), encoding);
        let small = admin.clone().with("accept-encoding", encoding).get("/").await.expect(200);
        assert_eq!(small.header("content-encoding"), "", "not worth it");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused_even_if_its_values_would_fit_the_fields_in_order() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let made = new_client(&admin, "Acme").await;
    let path = format!("/api/v1/clients/{}", made.id());
    for body in [json!([]), json!(["Other"]), json!("Other"), json!(null)] {
        assert_error(&admin.put(&path, &body).await, 400, "INVALID_REQUEST", &path);
    }
    assert_eq!(admin.get(&path).await.body["name"], "Acme");
    app.stop().await;
}

#[tokio::test]
async fn cross_origin_requests_are_admitted_from_the_origins_named_only() {
    let app = TestApp::builder().with("CORS_ALLOWED_ORIGINS", "https://dash.example").start().await;
    let preflight = |origin: &'static str| {
        let caller = app.anonymous().with("origin", origin).with("access-control-request-method", "PUT");
        async move { caller.send(Method::OPTIONS, "/api/v1/clients", None).await }
    };
    assert_eq!(preflight("https://dash.example").await.header("access-control-allow-origin"), "https://dash.example");
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
    app.stop().await;
}

#[tokio::test]
async fn a_database_that_is_held_by_another_is_503_with_retry_after_and_nothing_is_written() {
    let app = TestApp::builder().with("DATABASE_BUSY_TIMEOUT_MS", "200").start().await;
    let other = hold_writers(&app.running().assembly.store, &app.database_url(), "clients").await;
    let refused = app.admin().post("/api/v1/clients", &acme()).await;
    assert_error(&refused, 503, "SERVICE_UNAVAILABLE", "/api/v1/clients");
    assert_eq!(refused.header("retry-after"), "30");
    assert_eq!(app.reader().get("/api/v1/clients").await.expect(200).body["total"], 0, "readers are not held up");
    other.close().await.expect("the lock goes with its connection");
    let _ = app.admin().post("/api/v1/clients", &acme()).await.expect(201);
    app.stop().await;
}

#[tokio::test]
async fn a_row_that_no_use_case_could_have_written_is_500_without_details() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let made = new_client(&admin, "Acme").await;
    execute(&app.running().assembly.store, "UPDATE clients SET client_type = 'martian'").await;
    let path = format!("/api/v1/clients/{}", made.id());
    let answer = admin.get(&path).await;
    assert_error(&answer, 500, "DATABASE_ERROR", &path);
    assert!(!answer.text.contains("martian") && !answer.text.contains("client_type"), "{}", answer.text);
    app.stop().await;
}

#[tokio::test]
async fn a_panic_in_a_handler_is_500_and_the_process_goes_on() {
    let app = TestApp::start().await;
    let admin = app.admin();
    app.clock.panic_in_next_handler();
    let answer = admin.clone().with("x-request-id", "panics").get("/api/v1/clients").await;
    assert_error(&answer, 500, "INTERNAL_ERROR", "/api/v1/clients");
    assert_eq!(answer.header("x-request-id"), "panics");
    let _ = admin.get("/api/v1/clients").await.expect(200);
    app.stop().await;
}
