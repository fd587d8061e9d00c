//! Several processes at once on the same data.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Database, Statement};

use crate::program::Site;

#[tokio::test]
async fn two_first_starts_at_once_make_one_admin_and_one_schema() {
    for _ in 0..3 {
        let site = Site::bare();
        let mut servers = [site.spawn(), site.spawn()];
        let mut running = Vec::new();
        for server in &mut servers {
            running.push(server.listens_or_ends().await);
        }
        assert!(running.contains(&true), "neither came up: {} {}", servers[0].log(), servers[1].log());
        let mut passwords = Vec::new();
        for (server, running) in servers.into_iter().zip(running) {
            let printed = server.printed();
            passwords.extend(
                printed
                    .lines()
                    .find_map(|line| line.strip_prefix("Its password, shown this once: ").map(str::to_owned)),
            );
            if running {
                if let [password] = &passwords[..] {
                    server.anonymous().log_in("admin@claudetools.local", password).await;
                }
                server.stop().await;
            } else {
                server.ended(crate::program::SOON).await.failure("claudetools: ");
            }
        }
        assert_eq!(passwords.len(), 1, "not one password was printed");
        let accounts = site.run(&["accounts", "list"]).await.success().out;
        assert_eq!(accounts.lines().count(), 1, "{accounts}");

        let url = format!("sqlite://{}?mode=ro", site.path("data/claudetools.db").display());
        let database = Database::connect(url).await.expect("the database");
        let query = Statement::from_string(database.get_database_backend(), "SELECT version FROM seaql_migrations");
        let rows = database.query_all_raw(query).await.expect("rows");
        let versions: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).expect("a version")).collect();
        assert_eq!(versions.iter().collect::<BTreeSet<_>>().len(), versions.len(), "{versions:?}");
        database.close().await.expect("a clean end");
        let status = site.run(&["migrate", "status"]).await.success().out;
        assert_eq!(status.lines().count(), versions.len(), "{status}");
        assert!(status.lines().all(|line| line.starts_with("Applied")), "{status}");
    }
}
