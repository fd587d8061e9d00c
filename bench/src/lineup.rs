//! Who runs: our server and its peers, on databases of their own.

use std::{cell::Cell, path::PathBuf, process::Command, rc::Rc, time::Duration};

use claudetools_kernel::Timestamp;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::{
    client::{Call, Client},
    data::{Data, Databases, Engine, Rows},
    failure::{Failure, Result},
    goals::Goals,
    load::{Load, Pace, Shot, Shots, Target},
    peer,
    report::Report,
    rounds::{Effort, Entrant},
    server::{JWT_KEY, JWT_NAME, Server},
};

/// Limits so high that none is reached, and yet kept count of.
const COUNTED: [(&str, &str); 2] = [("RATE_LIMIT_PER_MINUTE", "1000000000"), ("RATE_LIMIT_PER_HOUR", "1000000000")];
/// No limits.
pub(crate) const UNLIMITED: [(&str, &str); 2] = [("RATE_LIMIT_PER_MINUTE", "0"), ("RATE_LIMIT_PER_HOUR", "0")];
/// As many as the `FastAPI` peer is usually given on a machine of two cores.
const FASTAPI_WORKERS: &str = "2";
/// Pages that a list is asked for by turns, and sessions that are read by themselves: more than one, so that it is not the
/// same row of the database's cache again and again.
const PAGES: usize = 20;
const SESSIONS: usize = 1_000;

/// How thoroughly to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Thoroughness {
    /// More and longer rounds, and a million rows on every engine.
    #[arg(long, global = true)]
    pub(crate) thorough: bool,
    /// Rounds that count; 5 unless given, 9 when thorough.
    #[arg(long, global = true, value_parser = clap::value_parser!(u8).range(1..=50))]
    rounds: Option<u8>,
    /// How long each entrant's turn lasts, in seconds; 1.5 unless given, 3 when thorough.
    #[arg(long, global = true)]
    seconds: Option<f64>,
    /// Connections at once.
    #[arg(long, global = true, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
}

/// What every scenario is given.
#[derive(Debug)]
pub(crate) struct Bench {
    /// Our server's program.
    pub(crate) program: PathBuf,
    /// The Python environment of the `FastAPI` peer.
    pub(crate) python: Option<PathBuf>,
    /// The folder of that peer's source.
    pub(crate) fastapi: PathBuf,
    pub(crate) databases: Databases,
    pub(crate) thoroughness: Thoroughness,
    pub(crate) goals: Goals,
}

/// What of our server is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extras {
    /// As bare as its peers: no audit log, no limits.
    None,
    /// The audit log, as is the default.
    Audit,
    /// Audit log and limits.
    All,
}

/// A server that runs.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) server: Server,
    pub(crate) authorization: HeaderValue,
    next: Rc<Cell<u64>>,
}

impl Bench {
    pub(crate) fn report(&self, scenario: &str, about: impl Into<String>) -> Report {
        Report::new(scenario, about, &self.goals)
    }

    /// The usual load, and how often it is put on.
    pub(crate) fn effort(&self) -> Effort {
        let Thoroughness { thorough, rounds, seconds, connections } = self.thoroughness;
        let (usual_rounds, usual_seconds) = if thorough { (9, 3.0) } else { (5, 1.5) };
        let load = Load {
            connections: connections.into(),
            warm_up: Duration::from_millis(if thorough { 1_000 } else { 400 }),
            lasting: Duration::from_secs_f64(seconds.unwrap_or(usual_seconds).clamp(0.1, 600.0)),
            pace: Pace::Closed,
        };
        Effort { rounds: rounds.map_or(usual_rounds, usize::from), load }
    }

    /// Our server.
    pub(crate) async fn ours(&self, name: &'static str, data: &Data, extras: Extras) -> Result<Contender> {
        let limits = if extras == Extras::All { COUNTED } else { UNLIMITED };
        let audit = if extras == Extras::None { "off" } else { "on" };
        let mut settings = vec![("DATABASE_URL", data.url.clone()), ("API_AUDIT_LOG", audit.to_owned())];
        settings.extend(limits.map(|(name, value)| (name, value.to_owned())));
        settings.push(("TRUSTED_PROXIES", "127.0.0.1/32".to_owned()));
        let server = Server::start(&self.program, &settings).await?;
        let authorization = server.authorization().await?;
        Ok(Contender { name, server, authorization, next: Rc::default() })
    }

    /// A bare peer, which takes the tokens of our server.
    pub(crate) async fn bare(
        &self,
        name: &'static str,
        data: &Data,
        group_commit: bool,
        ours: &Contender,
    ) -> Result<Contender> {
        let mut command = peer::command(data.engine, &data.url, group_commit)?;
        let server = Server::launch(|address, _| {
            command.args(["--port", &address.port().to_string()]);
            command
        })
        .await?;
        Ok(Contender { name, server, authorization: ours.authorization.clone(), next: Rc::default() })
    }

    /// The `FastAPI` peer, which takes the tokens of our server.
    pub(crate) async fn fastapi(&self, data: &Data, ours: &Contender) -> Result<Contender> {
        let Some(python) = &self.python else {
            return Err(Failure::Server("the FastAPI peer needs --python; `cargo xtask bench` installs it".into()));
        };
        let source = self.fastapi.canonicalize().map_err(|error| Failure::File(self.fastapi.clone(), error))?;
        let server = Server::launch(|address, _| {
            let mut command = Command::new(python.join("bin/uvicorn"));
            command.args(["app:app", "--app-dir"]).arg(source);
            command.args(["--workers", FASTAPI_WORKERS, "--host", "127.0.0.1", "--port", &address.port().to_string()]);
            command.args(["--log-level", "warning", "--no-access-log"]);
            command.env("DATABASE_URL", sqlalchemy_url(data)).env("JWT_SECRET_KEY", JWT_KEY).env("JWT_NAME", JWT_NAME);
            // Compiled modules of the peer stay out of the repository.
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        })
        .await?;
        Ok(Contender { name: "FastAPI", server, authorization: ours.authorization.clone(), next: Rc::default() })
    }

    /// A copy of the rows for each of `N` entrants.
    pub(crate) async fn copies<const N: usize>(&self, engine: Engine, rows: Rows) -> Result<[Data; N]> {
        let mut copies = Vec::with_capacity(N);
        for _ in 0..N {
            copies.push(self.databases.copy(engine, rows).await?);
        }
        copies.try_into().map_err(|_| Failure::Server("the number of copies is not the one asked for".into()))
    }
}

impl Contender {
    pub(crate) fn entrant(&self, shots: &Shots) -> Entrant<'_> {
        Entrant { name: self.name, target: self.target(shots), tree: self.server.tree() }
    }

    pub(crate) fn target(&self, shots: &Shots) -> Target {
        Target {
            address: self.server.address(),
            authorization: Some(self.authorization.clone()),
            shots: Rc::clone(shots),
            next: Rc::clone(&self.next),
        }
    }

    pub(crate) async fn client(&self) -> Result<Client> {
        let mut client = self.server.connect().await?;
        client.authorise(self.authorization.clone());
        Ok(client)
    }

    /// Pages of the list of sessions behind a place, so that no total is counted.
    pub(crate) async fn pages(&self) -> Result<Vec<String>> {
        let mut client = self.client().await?;
        let mut pages = Vec::with_capacity(PAGES);
        let mut path = "/api/v1/sessions?limit=50".to_owned();
        while pages.len() < PAGES {
            let page = client.get(&path).await?;
            let cursor = page["next_cursor"].as_str();
            let cursor = cursor.ok_or_else(|| Failure::Server("too few sessions to page through".into()))?;
            path = format!("/api/v1/sessions?limit=50&cursor={cursor}");
            pages.push(path.clone());
        }
        Ok(pages)
    }

    /// The paths of sessions, from all over the list.
    pub(crate) async fn sessions(&self) -> Result<Vec<String>> {
        let mut client = self.client().await?;
        let mut paths = Vec::with_capacity(SESSIONS);
        let mut path = "/api/v1/sessions?limit=200".to_owned();
        while paths.len() < SESSIONS {
            let page = client.get(&path).await?;
            let ids = page["sessions"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_str());
            paths.extend(ids.map(|id| format!("/api/v1/sessions/{id}")));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/sessions?limit=200&cursor={cursor}");
        }
        Ok(paths)
    }

    /// A session to make, but for its title.
    pub(crate) async fn new_session(&self) -> Result<Value> {
        let projects = self.client().await?.get("/api/v1/projects?limit=1&status=active").await?;
        let project = &projects["projects"][0];
        let (Some(client), Some(id)) = (project["client_id"].as_str(), project["id"].as_str()) else {
            return Err(Failure::Server("there is no active project".into()));
        };
        Ok(json!({
            "client_id": client,
            "project_id": id,
            "session_date": "2026-06-30",
            "start_time": "2026-06-30T08:00:00Z",
            "end_time": "2026-06-30T09:35:00Z",
            "session_title": "A session of the benchmark",
            "summary": "Replaced the battery of the uninterruptible power supply, and tested that it holds for ten minutes.",
            "status": "completed",
        }))
    }
}

/// GETs of these paths, by turns.
pub(crate) fn gets(paths: &[String]) -> Result<Shots> {
    let shots: Vec<Shot> = paths.iter().map(|path| Shot::get(path)).collect::<Result<_>>()?;
    let shot = move |number: u64| {
        let at = usize::try_from(number).unwrap_or_default() % shots.len().max(1);
        shots.get(at).cloned().ok_or_else(|| Failure::Server("there is nothing to ask for".into()))
    };
    Ok(Rc::new(shot))
}

/// POSTs of sessions, each with a title of its own.
pub(crate) fn posts(session: &Value) -> Result<Shots> {
    let template = serde_json::to_string(session)?;
    let title = session["session_title"].as_str().unwrap_or_default().to_owned();
    let shot = Shot::post("/api/v1/sessions", "")?;
    Ok(Rc::new(move |number| {
        let body = template.replacen(&title, &format!("{title}, number {number}"), 1);
        Ok(Shot { body: Some(body.into()), ..shot.clone() })
    }))
}

/// Fails unless both answer a path with the same JSON.
pub(crate) async fn check_same(one: &Contender, other: &Contender, path: &str) -> Result<()> {
    let (mine, theirs) = (one.client().await?.get(path).await?, other.client().await?.get(path).await?);
    expect_same(path, other.name, &mine, &theirs)
}

/// Fails unless both make the same of a new session.
pub(crate) async fn check_same_made(one: &Contender, other: &Contender, session: &Value) -> Result<()> {
    let mut made = Vec::new();
    for contender in [one, other] {
        let body = contender.client().await?.post("/api/v1/sessions", session).await?;
        let mut body = body.as_object().cloned().unwrap_or_default();
        for own in ["id", "created_at", "updated_at"] {
            let value = body.remove(own);
            value.ok_or_else(|| Failure::Server(format!("a session made by {} has no {own}", contender.name)))?;
        }
        made.push(Value::Object(body));
    }
    expect_same("a new session", other.name, &made[0], &made[1])
}

fn expect_same(what: &str, who: &str, ours: &Value, theirs: &Value) -> Result<()> {
    let (ours, theirs) = (canonical(ours), canonical(theirs));
    if ours == theirs {
        return Ok(());
    }
    Err(Failure::Server(format!("{what}: {who} does not answer what we do\nours:   {ours}\ntheirs: {theirs}")))
}

/// Instants in one notation: `.5Z` and `.500000Z` are the same.
fn canonical(value: &Value) -> Value {
    match value {
        Value::String(text) => match Timestamp::parse(text) {
            Ok(instant) => Value::String(instant.to_string()),
            Err(_) => value.clone(),
        },
        Value::Array(values) => values.iter().map(canonical).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), canonical(value))).collect(),
        other => other.clone(),
    }
}

/// The database as `SQLAlchemy` wants it named.
fn sqlalchemy_url(data: &Data) -> String {
    match data.engine {
        Engine::Sqlite => data.url.replacen("sqlite://", "sqlite:///", 1),
        Engine::Mariadb => data.url.replacen("mysql://", "mysql+pymysql://", 1),
        Engine::Postgres => data.url.replacen("postgres://", "postgresql+psycopg://", 1),
    }
}

/// Sends one request and tells how long it took.
pub(crate) async fn timed(client: &mut Client, path: &str) -> Result<(Duration, Value)> {
    let answer = client.send(Call { path, ..Call::default() }).await?;
    answer.expect(200, path)?;
    Ok((answer.took, answer.json()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_differ_in_the_notation_of_instants_alone_are_the_same() {
        let ours = json!({"at": "2026-06-30T08:00:00Z", "hours": 1.5, "rows": [{"id": "a"}]});
        let theirs = json!({"rows": [{"id": "a"}], "hours": 1.5, "at": "2026-06-30T08:00:00.000000Z"});
        assert!(expect_same("a page", "peer", &ours, &theirs).is_ok());
        let theirs = json!({"rows": [{"id": "b"}], "hours": 1.5, "at": "2026-06-30T08:00:00Z"});
        let failure = expect_same("a page", "peer", &ours, &theirs).unwrap_err().to_string();
        assert!(failure.starts_with("a page: peer does not answer what we do"), "{failure}");
    }

    #[test]
    fn every_request_that_makes_something_differs() {
        let shots = posts(&json!({"session_title": "A title"})).unwrap();
        let body = |number| String::from_utf8(shots(number).unwrap().body.unwrap().to_vec()).unwrap();
        assert_eq!(body(7), r#"{"session_title":"A title, number 7"}"#);
        assert_ne!(body(7), body(8));
    }
}
