//! Whether log-ins, of which each costs 19 MiB and tens of milliseconds by design, hold up everybody else.

use std::{cell::Cell, rc::Rc, time::Duration};

use claudetools_seed::Size;
use hyper::{body::Bytes, header::HeaderValue};
use serde_json::json;

use crate::{
    client::Call,
    data::{Engine, Rows},
    failure::Result,
    lineup::{Bench, Contender, Extras, gets},
    load::{self, Load, Pace, Shot, Shots, Target},
    report::{Report, megabytes},
    rounds::{Measure, by_turns, turn},
};

const PASSWORD: &str = "nine-tall-poplars-bend";
/// Log-ins at once.
const LOGINS: u16 = 16;
/// Pages a second in the open loop: what a busy office asks for, far from what the server can do.
const PAGES_A_SECOND: f64 = 100.0;

/// Pages of sessions, quiet and while sixteen log in over and over, by turns.
pub(crate) async fn run(bench: &Bench) -> Result<Report> {
    let about = "Pages of 50 sessions on SQLite, quiet and while 16 connections log in again and again. In the open \
                 loop 100 pages a second are due, and a latency counts from then. CPU is of both together.";
    let mut report = bench.report("login-storm", about);
    let data = bench.databases.copy(Engine::Sqlite, Rows::Seed(Size::Small)).await?;
    let server = bench.ours("ours", &data, Extras::Audit).await?;
    accounts(&server).await?;
    let pages = gets(&server.pages().await?)?;
    let effort = bench.effort();
    let tree = server.server.tree();
    for (name, pace) in [("closed loop", Pace::Closed), ("open loop", Pace::Open(PAGES_A_SECOND))] {
        let load = Load { pace, ..effort.load };
        let mut logged_in = (0.0, Duration::ZERO);
        let entrants = [("quiet", tree), ("while 16 log in", tree)];
        let comparison = by_turns(&entrants, effort.rounds, async |at| {
            let reader = server.entrant(&pages);
            let quiet = turn(&reader, load, Engine::Sqlite);
            if at == 0 {
                return quiet.await;
            }
            let target = logins(&server)?;
            let storm = Load { connections: LOGINS.into(), pace: Pace::Closed, ..load };
            let storm = load::run(&target, storm, || Ok(()));
            let (turn, storm) = futures::future::try_join(quiet, storm).await?;
            logged_in.0 += storm.count();
            logged_in.1 += storm.lasted;
            Ok(turn)
        })
        .await?;
        report.loaded(name, &comparison);
        if let [quiet, during] = &comparison.series[..] {
            report.value(format!("{name}: during / quiet, p99"), during.against(quiet, Measure::P99));
            report.value(format!("{name}: during / quiet, req/s"), during.against(quiet, Measure::PerSecond));
        }
        report.value(format!("{name}: log-ins/s"), logged_in.0 / logged_in.1.as_secs_f64());
    }
    report.value("RSS after the storms, MB", megabytes(tree.memory()?.resident));
    Ok(report)
}

/// Log-ins of sixteen accounts. When they are too many at once the server may answer 503, which is what it is meant to do.
fn logins(server: &Contender) -> Result<Target> {
    let bodies: Vec<Bytes> = (0..LOGINS).map(|number| credentials(number).to_string().into()).collect();
    let shot = Shot { expect: &[200, 503], ..Shot::post("/api/v1/auth/token", "")? };
    let shots: Shots = Rc::new(move |number| {
        let at = usize::try_from(number).unwrap_or_default() % bodies.len();
        // Each from an address of its own: no limit for one address is to be what keeps them apart.
        let from = format!("10.1.{}.{}", number / 250 % 250, number % 250 + 1);
        let from = HeaderValue::from_str(&from).map_err(hyper::http::Error::from)?;
        Ok(Shot { body: Some(bodies[at].clone()), from: Some(from), ..shot.clone() })
    });
    Ok(Target { authorization: None, next: Rc::new(Cell::new(0)), ..server.target(&shots) })
}

async fn accounts(server: &Contender) -> Result<()> {
    let mut administrator = server.client().await?;
    for number in 0..LOGINS {
        let call = Call { path: "/api/v1/accounts", body: Some(&credentials(number)), ..Call::default() };
        administrator.send(call).await?.expect(201, "a new account")?;
    }
    Ok(())
}

fn credentials(number: u16) -> serde_json::Value {
    json!({"email": format!("storm-{number}@bench.example"), "password": PASSWORD})
}
