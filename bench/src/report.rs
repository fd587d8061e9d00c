//! What was measured: a table for people, JSON for programs.

use std::{fmt::Write, fs, path::Path, time::Duration};

use claudetools_crypto::SystemClock;
use claudetools_kernel::Clock;
use serde::Serialize;

use crate::failure::{Failure, Result};

/// How long something took, many times.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The time that this share of a thousand did not exceed, in microseconds.
    fn permille(&self, share: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * share).div_ceil(1000).max(1) - 1;
        sorted.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e6)
    }

    /// The median, in microseconds.
    pub(crate) fn median(&self) -> f64 {
        self.permille(500)
    }
}

/// One row of the table.
#[derive(Debug, Serialize)]
struct Measurement {
    name: String,
    samples: usize,
    median_us: f64,
    p90_us: f64,
    p99_us: f64,
}

/// A ratio, and what it is to be.
#[derive(Debug, Serialize)]
struct Verdict {
    name: String,
    ratio: f64,
    least: f64,
    most: f64,
    met: bool,
}

/// The outcome of a scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    scenario: &'static str,
    date: String,
    cores: usize,
    system: String,
    about: String,
    measurements: Vec<Measurement>,
    verdicts: Vec<Verdict>,
}

impl Report {
    /// An empty one; `about` says what was measured on.
    pub(crate) fn new(scenario: &'static str, about: String) -> Self {
        Self {
            scenario,
            date: SystemClock.now().date().to_string(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            about,
            measurements: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    pub(crate) fn measured(&mut self, name: impl Into<String>, samples: &Samples) {
        self.measurements.push(Measurement {
            name: name.into(),
            samples: samples.0.len(),
            median_us: samples.median(),
            p90_us: samples.permille(900),
            p99_us: samples.permille(990),
        });
    }

    /// The median of `one` against that of `other`, which is to lie from `least` to `most`.
    pub(crate) fn compare(
        &mut self,
        name: impl Into<String>,
        one: &Samples,
        other: &Samples,
        (least, most): (f64, f64),
    ) {
        let ratio = one.median() / other.median();
        let met = (least..=most).contains(&ratio);
        self.verdicts.push(Verdict { name: name.into(), ratio, least, most, met });
    }

    /// Whether every goal is met.
    pub(crate) fn is_met(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.met)
    }

    /// Writes `<scenario>.json` and `<scenario>.md` into the folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let files = [("json", serde_json::to_string_pretty(self)?), ("md", self.markdown())];
        fs::create_dir_all(folder).map_err(|error| Failure::File(folder.to_owned(), error))?;
        for (extension, text) in files {
            let path = folder.join(self.scenario).with_extension(extension);
            fs::write(&path, text).map_err(|error| Failure::File(path, error))?;
        }
        Ok(())
    }

    /// The tables.
    pub(crate) fn markdown(&self) -> String {
        let Self { scenario, date, cores, system, about, .. } = self;
        let mut text = format!("{scenario}, {date}, {system}, {cores} cores. {about}\n\n");
        text.push_str("| what | samples | median ms | p90 ms | p99 ms |\n|---|---|---|---|---|\n");
        for Measurement { name, samples, median_us, p90_us, p99_us } in &self.measurements {
            let (median, p90, p99) = (median_us / 1e3, p90_us / 1e3, p99_us / 1e3);
            // Writing into a text cannot fail.
            let _ = writeln!(text, "| {name} | {samples} | {median:.3} | {p90:.3} | {p99:.3} |");
        }
        text.push_str("\n| ratio of medians | value | goal | |\n|---|---|---|---|\n");
        for Verdict { name, ratio, least, most, met } in &self.verdicts {
            let goal = if *least > 0.0 { format!("{least:.2} to {most:.2}") } else { format!("≤ {most:.2}") };
            let _ = writeln!(text, "| {name} | {ratio:.3} | {goal} | {} |", if *met { "met" } else { "MISSED" });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(micros: impl Iterator<Item = u64>) -> Samples {
        Samples(micros.map(Duration::from_micros).collect())
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let samples = samples((1..=200).rev());
        for (share, micros) in [(500, 100.0), (900, 180.0), (990, 198.0), (1000, 200.0), (1, 1.0)] {
            assert!((samples.permille(share) - micros).abs() < 1e-9, "{share}");
        }
    }

    #[test]
    fn a_report_fails_with_its_first_missed_goal() {
        let mut report = Report::new("test", String::new());
        let (slow, fast) = (samples(110..=110), samples(100..=100));
        report.compare("near", &slow, &fast, (0.0, 1.2));
        assert!(report.is_met());
        report.compare("far", &slow, &fast, (0.95, 1.05));
        assert!(!report.is_met());
        let text = report.markdown();
        assert!(text.contains("| near | 1.100 | ≤ 1.20 | met |"), "{text}");
        assert!(text.contains("| far | 1.100 | 0.95 to 1.05 | MISSED |"), "{text}");
    }
}
