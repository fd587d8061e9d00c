//! Billable time: what only it does.

use claudetools_kernel::{Clock, Scope, Timestamp};
use claudetools_testkit::{Answer, Api, TestApp};
use serde_json::{Value, json};

async fn new_client(app: &TestApp, more: &Value) -> String {
    let mut body = json!({"name": "Acme", "type": "msp_client", "hourly_rate": "100"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.admin().post("/api/v1/clients", &body).await.expect(201).id().to_owned()
}

async fn enter(caller: &Api, client: &str, more: &Value) -> Answer {
    let mut body = json!({"client_id": client, "entry_date": "2026-01-16"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    caller.post("/api/v1/billable-time", &body).await
}

fn time(start: &str, end: &str) -> Value {
    json!({"start_time": format!("2026-01-16T{start}:00Z"), "end_time": format!("2026-01-16T{end}:00Z")})
}

#[tokio::test]
async fn an_entry_keeps_the_terms_it_was_entered_under() {
    let app = TestApp::start().await;
    let client = new_client(&app, &json!({})).await;
    let writer = app.writer();
    let project = json!({"client_id": client, "name": "Move", "hourly_rate": "80.50"});
    let project = writer.post("/api/v1/projects", &project).await.expect(201).id().to_owned();

    let entry = enter(&writer, &client, &time("09:00", "09:50")).await.expect(201);
    assert_eq!(entry.header("location"), format!("/api/v1/billable-time/{}", entry.id()));
    let shown = |entry: &Answer| {
        ["minutes", "rounded_minutes", "hourly_rate", "rate_source", "amount", "currency", "billing_rounding"]
            .map(|field| entry.body[field].clone())
    };
    let expected = [json!(50), json!(60), json!("100.00"), json!("client"), json!("100.00"), json!("USD"), json!("up")];
    assert_eq!(shown(&entry), expected);
    assert_eq!(entry.body["technician"], "writer@claudetools.test");
    assert_eq!((&entry.body["client_name"], &entry.body["overlaps"]), (&json!("Acme"), &json!([])));

    let new_rate = json!({"hourly_rate": "200", "billing_increment_minutes": 6});
    app.admin().put(&format!("/api/v1/clients/{client}"), &new_rate).await.expect(200);
    let path = format!("/api/v1/billable-time/{}", entry.id());
    let changed = writer.put(&path, &json!({"description": "Mail", "invoice_ref": "R-1", "is_billed": true})).await;
    assert_eq!(shown(&changed.expect(200)), expected, "the client's new terms leave it alone");
    let moved = writer.put(&path, &json!({"project_id": project})).await.expect(200);
    assert_eq!((&moved.body["amount"], &moved.body["rate_source"]), (&json!("72.45"), &json!("project")), "54 minutes");
    let own = writer.put(&path, &json!({"hourly_rate": "99.99", "minutes": 15})).await.expect(200);
    assert_eq!((&own.body["amount"], &own.body["rounded_minutes"]), (&json!("29.997"), &json!(18)));
    let free = writer.put(&path, &json!({"is_billable": false})).await.expect(200);
    assert_eq!((&free.body["amount"], &free.body["rounded_minutes"]), (&json!("0.00"), &json!(0)));

    app.writer().delete(&path).await.expect(403);
    app.admin().delete(&path).await.expect(204);
    app.admin().delete(&path).await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused() {
    let app = TestApp::start().await;
    let (client, writer) = (new_client(&app, &json!({})).await, app.writer());
    let other = new_client(&app, &json!({"name": "Globex"})).await;
    let project = json!({"client_id": other, "name": "Theirs"});
    let project = writer.post("/api/v1/projects", &project).await.expect(201).id().to_owned();
    let session = json!({"client_id": other, "session_date": "2026-01-16", "session_title": "Theirs"});
    let session = writer.post("/api/v1/sessions", &session).await.expect(201).id().to_owned();
    for (more, status, field) in [
        (json!({}), 400, "minutes"),
        (json!({"start_time": "2026-01-16T09:00:00Z"}), 400, "minutes"),
        (json!({"minutes": 5, "entry_date": "2026-02-30"}), 400, "entry_date"),
        (json!({"minutes": 44_641}), 400, "minutes"),
        (time("10:00", "09:00"), 422, "end_time"),
        (json!({"minutes": 5, "project_id": project}), 422, "project_id"),
        (json!({"minutes": 5, "session_id": session}), 422, "session_id"),
    ] {
        let refused = enter(&writer, &client, &more).await.expect(status);
        assert_eq!(refused.body["error"]["details"]["field"], field, "{}", refused.text);
    }
    let unknown = json!({"minutes": 5, "session_id": "01980000-0000-7000-8000-00000000dead"});
    assert_eq!(
        enter(&writer, &client, &unknown).await.expect(404).body["error"]["details"]["resource_type"],
        "session"
    );
    let zone = json!({"time_zone": "Mars/Olympus"});
    let refused = app.admin().put(&format!("/api/v1/clients/{client}"), &zone).await.expect(422);
    assert_eq!(refused.body["error"]["details"]["constraint"], "iana");
    app.stop().await;
}

#[tokio::test]
async fn a_client_s_clock_rounds_its_time_also_on_the_days_it_is_changed() {
    let app = TestApp::start().await;
    let writer = app.writer();
    let zone = |zone: &str, minutes| json!({"name": zone, "time_zone": zone, "billing_increment_minutes": minutes});
    let kathmandu = new_client(&app, &zone("Asia/Kathmandu", 60)).await;
    let adelaide = new_client(&app, &zone("Australia/Adelaide", 30)).await;
    for (client, start, end, worked, billed) in [
        // 09:00 to 09:47, a quarter past the hours of UTC.
        (&kathmandu, "2026-03-02T09:00:00+05:45", "2026-03-02T09:47:00+05:45", 47, 60),
        (&kathmandu, "2026-03-02T09:07:00+05:45", "2026-03-02T10:01:00+05:45", 54, 120),
        // 02:00 to 03:00 is left out in October, and there twice in April.
        (&adelaide, "2026-10-04T01:40:00+09:30", "2026-10-04T03:20:00+10:30", 40, 60),
        (&adelaide, "2026-04-05T01:30:00+10:30", "2026-04-05T03:30:00+09:30", 180, 180),
        (&adelaide, "2026-04-05T02:40:00+10:30", "2026-04-05T02:10:00+09:30", 30, 60),
    ] {
        let body = json!({"client_id": client, "entry_date": start[..10], "start_time": start, "end_time": end});
        let entry = writer.post("/api/v1/billable-time", &body).await.expect(201).body;
        assert_eq!(
            (&entry["minutes"], &entry["rounded_minutes"]),
            (&json!(worked), &json!(billed)),
            "{start} to {end}"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn overlaps_are_taken_and_flagged() {
    let app = TestApp::start().await;
    let (client, writer) = (new_client(&app, &json!({})).await, app.writer());
    let of = async |more: &Value| enter(&writer, &client, more).await.expect(201).id().to_owned();
    let first = of(&time("09:00", "10:00")).await;
    let next = of(&time("10:00", "11:00")).await;
    let across = of(&time("09:30", "10:30")).await;
    let overlaps =
        async |id: &str| app.reader().get(&format!("/api/v1/billable-time/{id}")).await.body["overlaps"].clone();
    assert_eq!(overlaps(&first).await, json!([across]), "what begins where it ends does not overlap");
    let mut both = [first.clone(), next.clone()];
    both.sort();
    assert_eq!(overlaps(&across).await, json!(both));
    let mut other = time("09:00", "11:00");
    other["technician"] = json!("somebody.else");
    assert_eq!(overlaps(&of(&other).await).await, json!([]), "another technician's");

    let timer = json!({"client_id": client});
    let timer = writer.post("/api/v1/billable-time/timers", &timer).await.expect(201);
    assert_eq!(overlaps(&first).await, json!([across]), "the timer was started long after");
    let now = app.clock.now();
    let later = |seconds: i64| Timestamp::from_micros(now.micros() + seconds * 1_000_000).expect("an instant");
    let ahead = of(&json!({"start_time": later(3_600), "end_time": later(7_200), "entry_date": "2026-02-01"})).await;
    assert_eq!(overlaps(&ahead).await, json!([timer.id()]), "a timer that runs has no end");
    let listed = app.reader().get("/api/v1/billable-time?sort=entry_date").await.expect(200).body;
    let rows = listed["billable_time"].as_array().expect("rows");
    assert_eq!(rows.iter().filter(|row| row["overlaps"] != json!([])).count(), 4, "the list flags them too");
    app.stop().await;
}

#[tokio::test]
async fn one_timer_runs_for_a_technician_and_survives_a_restart() {
    let mut app = TestApp::start().await;
    let client = new_client(&app, &json!({"time_zone": "Pacific/Kiritimati"})).await;
    let start = json!({"client_id": client, "description": "Mail is down"});
    let timers = "/api/v1/billable-time/timers";
    let timer = app.writer().post(timers, &start).await.expect(201);
    assert_eq!(timer.header("location"), format!("{timers}/{}", timer.id()));
    let second = app.writer().post(timers, &start).await.expect(409);
    assert_eq!(
        (second.code(), &second.body["error"]["details"]["existing_id"]),
        ("DUPLICATE_ENTRY", &timer.body["id"])
    );
    app.caller("zoe@claudetools.test", Scope::Write).post(timers, &start).await.expect(201);

    app.clock.advance(1_200);
    app.restart().await;
    let writer = app.writer();
    let act = |what: &str| format!("{timers}/{}/{what}", timer.id());
    let paused = writer.post(&act("pause"), &Value::Null).await.expect(200).body;
    assert_eq!((&paused["minutes"], &paused["is_running"]), (&json!(20), &json!(false)));
    let other = writer.post(timers, &start).await.expect(201);
    let refused = writer.post(&act("resume"), &Value::Null).await.expect(409);
    assert_eq!(refused.body["error"]["details"]["existing_id"], other.body["id"], "another runs by now");
    app.admin().delete(&format!("{timers}/{}", other.id())).await.expect(204);
    app.clock.advance(3_000);
    // The first one's token has come to its end.
    let writer = app.writer();
    writer.post(&act("resume"), &Value::Null).await.expect(200);
    app.clock.advance(600);
    let listed = app.reader().get(&format!("{timers}?is_running=true&technician=writer")).await.expect(200).body;
    assert_eq!((&listed["total"], &listed["timers"][0]["minutes"]), (&json!(1), &json!(30)));

    let entry = writer.post(&act("stop"), &Value::Null).await.expect(200).body;
    assert_eq!((&entry["minutes"], &entry["description"]), (&json!(30), &start["description"]));
    let started = Timestamp::parse(entry["start_time"].as_str().expect("a start")).expect("an instant");
    let there = started.plus(chrono::TimeDelta::hours(14)).date();
    assert_eq!(entry["entry_date"], there.to_string(), "the day that it was there");
    writer.post(&act("stop"), &Value::Null).await.expect(404);
    let read = app.reader().get(&format!("/api/v1/billable-time/{}", entry["id"].as_str().expect("an id"))).await;
    assert_eq!(read.expect(200).body["minutes"], 30);
    app.stop().await;
}

#[tokio::test]
async fn what_took_no_time_costs_nothing_whatever_the_zone() {
    let app = TestApp::start().await;
    let writer = app.writer();
    for terms in [json!({"name": "A"}), json!({"name": "B", "time_zone": "Australia/Adelaide"})] {
        let client = new_client(&app, &terms).await;
        let nothing = |entry: &Value| {
            let shown = ["minutes", "rounded_minutes", "amount"].map(|field| entry[field].clone());
            assert_eq!(shown, [json!(0), json!(0), json!("0.00")], "{terms}: {entry}");
        };
        nothing(&enter(&writer, &client, &time("09:07", "09:07")).await.expect(201).body);
        let mut all_breaks = time("09:07", "09:21");
        all_breaks["minutes"] = json!(0);
        nothing(&enter(&writer, &client, &all_breaks).await.expect(201).body);
        let timers = "/api/v1/billable-time/timers";
        let timer = writer.post(timers, &json!({"client_id": client})).await.expect(201);
        nothing(&writer.post(&format!("{timers}/{}/stop", timer.id()), &Value::Null).await.expect(200).body);
    }
    app.stop().await;
}

#[tokio::test]
async fn of_many_starts_at_once_exactly_one_runs() {
    let app = TestApp::start().await;
    let client = new_client(&app, &json!({})).await;
    let writer = app.writer();
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let (writer, body) = (writer.clone(), json!({"client_id": client}));
        // A server with too many callers for its pool turns some away, who come again.
        starts.spawn(async move {
            loop {
                let answer = writer.post("/api/v1/billable-time/timers", &body).await;
                if answer.status != 503 {
                    return answer;
                }
            }
        });
    }
    let answers = starts.join_all().await;
    let started: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    let [first] = started[..] else { panic!("{} timers run", started.len()) };
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((answer.status, &answer.body["error"]["details"]["existing_id"]), (409, &first.body["id"]));
    }
    let listed = app.reader().get("/api/v1/billable-time/timers").await.expect(200);
    assert_eq!(listed.body["total"], 1);
    app.stop().await;
}

#[tokio::test]
async fn a_closed_period_cannot_be_changed_until_it_is_reopened() {
    let app = TestApp::start().await;
    let (client, writer, admin) = (new_client(&app, &json!({})).await, app.writer(), app.admin());
    let entry = enter(&writer, &client, &json!({"minutes": 30})).await.expect(201);
    let path = format!("/api/v1/billable-time/{}", entry.id());
    let january = json!({"client_id": client, "through": "2026-01-31"});
    writer.post("/api/v1/billable-time/close", &january).await.expect(403);
    let closed = admin.post("/api/v1/billable-time/close", &january).await.expect(200).body;
    assert_eq!(closed["closed_through"], "2026-01-31");

    assert_eq!(writer.put(&path, &json!({"description": "late"})).await.expect(409).code(), "CONFLICT");
    admin.delete(&path).await.expect(409);
    enter(&writer, &client, &json!({"minutes": 5})).await.expect(409);
    let later = enter(&writer, &client, &json!({"minutes": 5, "entry_date": "2026-02-01"})).await.expect(201);
    let back = json!({"entry_date": "2026-01-31"});
    writer.put(&format!("/api/v1/billable-time/{}", later.id()), &back).await.expect(409);
    let block = json!({"client_id": client, "hours": 5, "from": "2026-01-01"});
    writer.post("/api/v1/time-blocks", &block).await.expect(409);
    let other = new_client(&app, &json!({"name": "Globex"})).await;
    enter(&writer, &other, &json!({"minutes": 5})).await.expect(201);

    admin.post("/api/v1/billable-time/close", &january).await.expect(409);
    admin.post("/api/v1/billable-time/close", &json!({"through": "2026-01-10"})).await.expect(200);
    enter(&writer, &other, &json!({"minutes": 5, "entry_date": "2026-01-10"})).await.expect(409);
    let reopened = admin.post("/api/v1/billable-time/reopen", &january).await.expect(200).body;
    assert_eq!(reopened["closed_through"], "2026-01-10", "everybody's is still closed");
    assert_eq!(reopened["closings"][0]["reopened_by"], "admin@claudetools.test");
    admin.post("/api/v1/billable-time/reopen", &january).await.expect(409);
    writer.put(&path, &json!({"description": "late"})).await.expect(200);

    let record = app.reader().get(&format!("/api/v1/billable-time/closings?client_id={client}")).await.expect(200).body;
    let row = &record["closings"][0];
    assert_eq!((&row["closed_by"], &row["through"]), (&json!("admin@claudetools.test"), &json!("2026-01-31")));
    assert!(row["reopened_at"].is_string());
    for route in ["close", "reopen"] {
        let rows = admin.get("/api/v1/api-audit-logs?limit=200").await.expect(200);
        assert!(rows.text.contains(&format!("/billable-time/{route}")), "the call is in the audit log too");
    }
    app.stop().await;
}

#[tokio::test]
async fn the_summary_adds_up_and_shows_what_is_left_of_blocks() {
    let app = TestApp::start().await;
    let (client, writer) = (new_client(&app, &json!({})).await, app.writer());
    let block =
        json!({"client_id": client, "hours": 1.5, "from": "2026-01-01", "until": "2026-01-31", "rollover": true});
    let block = writer.post("/api/v1/time-blocks", &block).await.expect(201);
    assert_eq!(block.body["balance"]["minutes"], 90);
    let next = json!({"client_id": client, "hours": 1, "from": "2026-02-01"});
    let next = writer.post("/api/v1/time-blocks", &next).await.expect(201);
    for (day, minutes) in [("2026-01-10", 50), ("2026-02-10", 100), ("2026-02-11", 10)] {
        enter(&writer, &client, &json!({"entry_date": day, "minutes": minutes})).await.expect(201);
    }
    let sums =
        app.reader().get("/api/v1/billable-time/summary?group_by=month&date_to=2026-02-28").await.expect(200).body;
    let keys: Vec<&Value> = sums["groups"].as_array().expect("groups").iter().map(|group| &group["key"]).collect();
    assert_eq!(keys, ["2026-01", "2026-02"]);
    assert_eq!(sums["groups"][1]["amounts"], json!({"USD": "200.00"}));
    let total = json!({"entries": 3, "minutes": 160, "rounded_minutes": 180, "amounts": {"USD": "300.00"}});
    assert_eq!(sums["total"], total);
    let blocks = &sums["time_blocks"]["blocks"];
    assert_eq!((&blocks[0]["drawn"], &blocks[0]["carried_out"]), (&json!(60), &json!(30)));
    assert_eq!(
        (&blocks[1]["carried_in"], &blocks[1]["drawn"], &blocks[1]["balance"]),
        (&json!(30), &json!(90), &json!(0))
    );
    assert_eq!(sums["time_blocks"]["overage_minutes"], 30);
    assert_eq!(sums["time_blocks"]["overage_amounts"], json!({"USD": "50.00"}));

    let path = format!("/api/v1/time-blocks/{}", next.id());
    let bigger = writer.put(&path, &json!({"hours": 2})).await.expect(200).body;
    assert_eq!(bigger["balance"]["drawn"], 120, "what was beyond draws on it now");
    let moved = writer.put(&path, &json!({"client_id": new_client(&app, &json!({"name": "Globex"})).await})).await;
    assert_eq!(moved.expect(422).body["error"]["details"]["field"], "client_id");
    writer.put(&path, &json!({"until": "2026-01-01"})).await.expect(422);
    let listed = app.reader().get("/api/v1/time-blocks?on=2026-01-15").await.expect(200).body;
    assert_eq!((&listed["total"], &listed["time_blocks"][0]["id"]), (&json!(1), &block.body["id"]));
    for query in ["group_by=week", "date_from=2026-02-01&date_to=2026-01-01", "sort=amount"] {
        let status = app.reader().get(&format!("/api/v1/billable-time/summary?{query}")).await.status;
        assert!(status == 400 || status == 422, "{query}");
    }
    app.admin().delete(&path).await.expect(204);
    app.stop().await;
}

#[tokio::test]
async fn an_export_has_every_row_in_each_form() {
    let app = TestApp::start().await;
    let (client, writer) = (new_client(&app, &json!({"name": "=Acme"})).await, app.writer());
    for n in 0..1_203 {
        let description = if n == 0 { "=HYPERLINK(\"http://evil\",\"x\")".to_owned() } else { format!("entry {n}") };
        let more = json!({"minutes": 10, "description": description, "invoice_ref": "-1", "technician": "@jo"});
        enter(&writer, &client, &more).await.expect(201);
    }
    enter(&writer, &client, &json!({"minutes": 10, "entry_date": "2026-02-01"})).await.expect(201);
    let reader = app.reader();
    let export = async |format: &str| {
        let path = format!("/api/v1/billable-time/export?format={format}&date_to=2026-01-31&technician=@JO");
        reader.get(&path).await.expect(200)
    };
    let csv = export("csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"billable-time.csv\"");
    assert_eq!(csv.text.lines().count(), 1_204);
    assert!(csv.text.starts_with("id,entry_date,client,"));
    assert!(csv.text.contains(",'=Acme,,'@jo,,,10,15,true,100.00,USD,25.00,false,'-1,"), "{}", &csv.text[..600]);
    assert!(csv.text.contains("\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\""));
    let cells = |line: &str| line.split(',').any(|cell| cell.trim_start_matches('"').starts_with(['=', '+', '-', '@']));
    assert!(!csv.text.lines().any(cells), "no cell begins like a formula");

    let rows = export("json").await.body;
    let rows = rows["billable_time"].as_array().expect("rows");
    assert_eq!((rows.len(), &rows[0]["amount"], &rows[0]["client_name"]), (1_203, &json!("25.00"), &json!("=Acme")));
    let xlsx = export("xlsx").await;
    assert!(xlsx.header("content-type").ends_with("spreadsheetml.sheet") && xlsx.text.starts_with("PK"));
    assert!(xlsx.header("content-encoding").is_empty());

    let refused = reader.get("/api/v1/billable-time/export?format=pdf&no=1").await.expect(400);
    assert_eq!(refused.body["error"]["details"]["fields"].as_array().map(Vec::len), Some(2));
    app.anonymous().get("/api/v1/billable-time/export").await.expect(401);
    let empty = reader.get("/api/v1/billable-time/export?format=json&date_from=2030-01-01").await.expect(200);
    assert_eq!(empty.body, json!({"billable_time": []}));
    app.stop().await;
}

#[tokio::test]
async fn session_client_and_context_show_the_time() {
    let app = TestApp::start().await;
    let (client, writer) = (new_client(&app, &json!({})).await, app.writer());
    let session = json!({"client_id": client, "session_date": "2026-01-16", "session_title": "Mail is down"});
    let session = writer.post("/api/v1/sessions", &session).await.expect(201);
    assert_eq!(session.body["billable_time"], json!([]));
    let item = json!({"session_id": session.id(), "category": "other", "title": "Look at the logs"});
    let item = writer.post("/api/v1/work-items", &item).await.expect(201);
    let entry = enter(&writer, &client, &json!({"minutes": 20, "work_item_id": item.id()})).await.expect(201);
    assert_eq!(entry.body["session_id"], session.body["id"], "the work item's session");
    enter(&writer, &client, &json!({"minutes": 20, "is_billed": true})).await.expect(201);
    writer
        .post("/api/v1/time-blocks", &json!({"client_id": client, "hours": 2, "from": "2026-01-01"}))
        .await
        .expect(201);
    writer.post("/api/v1/billable-time/timers", &json!({"client_id": client})).await.expect(201);

    let reader = app.reader();
    let shown = reader.get(&format!("/api/v1/sessions/{}", session.id())).await.expect(200).body;
    let time = &shown["billable_time"][0];
    assert_eq!(
        (&time["id"], &time["rounded_minutes"], &time["amount"]),
        (&entry.body["id"], &json!(30), &json!("50.00"))
    );
    for path in [format!("/api/v1/clients/{client}"), format!("/api/v1/context/recover?client_id={client}")] {
        let billing = reader.get(&path).await.expect(200).body["billing"].clone();
        let unbilled = json!({"entries": 1, "minutes": 20, "rounded_minutes": 30, "amounts": {"USD": "50.00"}});
        assert_eq!(billing["unbilled"], unbilled, "{path}");
        assert_eq!(billing["timers"][0]["is_running"], true);
        assert_eq!(billing["time_blocks"][0]["balance"], 60);
    }
    let refused = app.admin().delete(&format!("/api/v1/sessions/{}", session.id())).await.expect(409);
    assert!(refused.text.contains("billable_time"), "{}", refused.text);
    app.stop().await;
}
