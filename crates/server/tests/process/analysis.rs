//! A failure that was answered is analysed, once, whatever happens to the process.

use serde_json::json;

use crate::program::{SOON, Site, eventually};

/// How many failures are answered before each kill.
const FAILURES: usize = 40;
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_between_the_answer_and_the_analysis_leaves_a_command_that_is_analysed_once() {
    let site = Site::new();
    let mut server = site.serve().await;
    let mut api = server.admin().await;
    let body = json!({"session_date": "2026-01-16", "session_title": "Killed"});
    let session = api.post("/sessions", &body).await.expect(201)["id"].clone();
    let mut left_waiting = 0;
    for round in 0..ROUNDS {
        for n in 0..FAILURES {
            let error = format!("cat: /srv/{round}/{n}.log: Permission denied");
            let body = json!({"session_id": session, "host": "web01", "command_text": format!("cat /srv/{round}/{n}.log"),
                "success": false, "shell_type": "bash", "error_message": error});
            let answer = api.post("/commands", &body).await.expect(201);
            assert_eq!(answer["failure_logged"], true);
        }
        server.kill().await;
        server = site.serve().await;
        api = api.at(server.base());
        let failures = api.all("/commands?success=false", "commands").await;
        left_waiting += failures.iter().filter(|row| row["pattern_id"].is_null()).count();
        let all = (round + 1) * FAILURES;
        eventually("the analysis", SOON, async || {
            let failures = api.all("/commands?success=false", "commands").await;
            assert_eq!(failures.len(), all, "every answer was kept");
            failures.iter().all(|row| row["pattern_id"].is_string()).then_some(())
        })
        .await;
        let patterns = api.all("/failure-patterns?is_active=true", "failure_patterns").await;
        assert_eq!(patterns.len(), 1, "one cause is one pattern");
        assert_eq!(patterns[0]["occurrence_count"], all, "each failure was counted once");
    }
    eprintln!("{left_waiting} of {} failures were waiting when the server came back", ROUNDS * FAILURES);
    server.stop().await;
}
