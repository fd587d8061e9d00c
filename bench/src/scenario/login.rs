//! Whether the time of a failed log-in tells if there is an account with the address.

use serde_json::json;

use crate::{
    client::{Call, Client},
    failure::Result,
    lineup::Bench,
    report::{Report, Samples},
    server::Server,
};

/// Attempts of each kind before the first that counts.
const WARM_UP: usize = 20;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Attempts of each kind.
    #[arg(long, default_value_t = Self::default().samples, value_parser = clap::value_parser!(u32).range(200..=5_000))]
    samples: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { samples: 400 }
    }
}

/// Tries wrong passwords at known and unknown addresses by turns. Every attempt has an address and a caller of its own, so
/// that no limit is reached.
pub(crate) async fn run(bench: &Bench, options: &Options) -> Result<Report> {
    let server = Server::start(&bench.program, &[("TRUSTED_PROXIES", "127.0.0.1/32".into())]).await?;
    let attempts = WARM_UP + options.samples as usize;
    let mut administrator = server.administrator().await?;
    for number in 0..attempts {
        let body = json!({"email": address("known", number), "password": "eleven-red-boats-sail"});
        let call = Call { path: "/api/v1/accounts", body: Some(&body), ..Call::default() };
        administrator.send(call).await?.expect(201, "a new account")?;
    }
    let mut client = server.connect().await?;
    let (mut known, mut unknown) = (Samples::default(), Samples::default());
    for number in 0..attempts {
        // Each goes first as often as the other, so that what drifts hits both alike.
        let kinds = if number % 2 == 0 { ["known", "other"] } else { ["other", "known"] };
        for kind in kinds {
            let took = attempt(&mut client, kind, number).await?;
            if number >= WARM_UP {
                if kind == "known" { &mut known } else { &mut unknown }.add(took);
            }
        }
    }
    let mut report = bench.report("login", "Failed log-ins, one after another, by turns.");
    report.measured("known address, wrong password", &known);
    report.measured("unknown address", &unknown);
    report.value("known / unknown", known.median() / unknown.median());
    Ok(report)
}

async fn attempt(client: &mut Client, kind: &str, number: usize) -> Result<std::time::Duration> {
    let body = json!({"email": address(kind, number), "password": "eleven-red-boats-sink"});
    let network = if kind == "known" { 10 } else { 11 };
    let from = format!("{network}.0.{}.{}", number / 250, number % 250 + 1);
    let call = Call { path: "/api/v1/auth/token", body: Some(&body), from: Some(&from), ..Call::default() };
    let answer = client.send(call).await?;
    answer.expect(401, "a log-in with a wrong password")?;
    Ok(answer.took)
}

/// Of the same length for every kind.
fn address(kind: &str, number: usize) -> String {
    format!("{kind}-{number:05}@bench.example")
}
