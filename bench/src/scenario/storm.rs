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
    load::{self, Load, Outcome, Pace, Shot, Shots, Target},
    report::{Report, megabytes},
    rounds::median,
};

const PASSWORD: &str = "nine-tall-poplars-bend";
/// Log-ins at once.
const LOGINS: u16 = 16;
/// Pages a second in the open loop: what a busy office asks for, far from what the server can do.
const PAGES_A_SECOND: f64 = 100.0;

/// Pages of sessions, quiet and while sixteen log in over and over, by turns.
pub(crate) async fn run(bench: &Bench) -> Result<Report> {
    let about = "Pages of 50 sessions on SQLite, quiet and while 16 connections log in again and again. In the open \
                 loop 100 pages a second are due, and a latency counts from then.";
    let mut report = bench.report("login-storm", about);
    let data = bench.databases.copy(Engine::Sqlite, Rows::Seed(Size::Small)).await?;
    let server = bench.ours("ours", &data, Extras::Audit).await?;
    accounts(&server).await?;
    let pages = gets(&server.pages().await?)?;
    let effort = bench.effort();
    for (name, pace) in [("closed loop", Pace::Closed), ("open loop", Pace::Open(PAGES_A_SECOND))] {
        let load = Load { pace, ..effort.load };
        let (mut quiet, mut during, mut logins) = (Vec::new(), Vec::new(), 0.0);
        for round in 0..effort.rounds {
            for stormy in [round % 2 == 1, round % 2 == 0] {
                if stormy {
                    let (outcome, answered) = storm(&server, &pages, load).await?;
                    logins += answered;
                    during.push(outcome);
                } else {
                    quiet.push(load::run(&server.target(&pages), load, || Ok(())).await?);
                }
            }
        }
        let p99 = |outcomes: &[Outcome]| median(outcomes.iter().map(|outcome| outcome.quantile(0.99)).collect());
        let rate = |outcomes: &[Outcome]| median(outcomes.iter().map(Outcome::per_second).collect());
        report.value(format!("{name}: quiet, pages/s"), rate(&quiet));
        report.value(format!("{name}: during, pages/s"), rate(&during));
        report.value(format!("{name}: quiet, p99 ms"), p99(&quiet) / 1e3);
        report.value(format!("{name}: during, p99 ms"), p99(&during) / 1e3);
        let ratios = during.iter().zip(&quiet).map(|(during, quiet)| during.quantile(0.99) / quiet.quantile(0.99));
        report.value(format!("{name}: during / quiet, p99"), median(ratios.collect()));
        let seconds: Duration = during.iter().map(|outcome| outcome.lasted).sum();
        report.value(format!("{name}: log-ins/s"), logins / seconds.as_secs_f64());
    }
    report.value("RSS after the storms, MB", megabytes(server.server.tree().memory()?.resident));
    Ok(report)
}

/// Pages while others log in; the number of log-ins that were answered with a token.
async fn storm(server: &Contender, pages: &Shots, load: Load) -> Result<(Outcome, f64)> {
    let (target, storm) = (server.target(pages), logins(server)?);
    let pages = load::run(&target, load, || Ok(()));
    let others = Load { connections: LOGINS.into(), pace: Pace::Closed, ..load };
    let others = load::run(&storm, others, || Ok(()));
    let (pages, others) = futures::future::try_join(pages, others).await?;
    Ok((pages, others.count()))
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
