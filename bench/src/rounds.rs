//! Measuring by turns: A B B A, so that what drifts hits all alike, and a guard against neighbours.

use std::{cell::Cell, time::Duration};

use hdrhistogram::Histogram;

use crate::{
    data::Engine,
    failure::{Failure, Result},
    load::{self, Load, Outcome, Target},
    process::{self, Tree},
};

/// A round in which programs that have nothing to do with it took more than this share of the machine is measured again.
const QUIET: f64 = 0.10;
/// How many rounds are tried for each that is wanted, before the quietest of the noisy ones have to do.
const PATIENCE: usize = 2;

/// Who is measured.
pub(crate) struct Entrant<'a> {
    pub(crate) name: &'a str,
    pub(crate) target: Target,
    pub(crate) tree: Tree,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) load: Load,
}

/// One entrant in one round.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Point {
    pub(crate) per_second: f64,
    /// Processor time of the server for each request, in microseconds; of the database server's, if there is one, nothing.
    pub(crate) cpu_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Measure {
    PerSecond,
    Cpu,
    P99,
}

/// One entrant in all rounds.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    points: Vec<Point>,
    /// `VmRSS` after the last round, in bytes.
    pub(crate) resident: u64,
}

/// All entrants in all rounds that count.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) series: Vec<Series>,
    /// How many rounds were thrown away for their noise.
    pub(crate) rejected: usize,
    /// The share of the machine that others took in the noisiest round that counts.
    pub(crate) noise: f64,
    /// How far apart the middle half of the ratios of the first two lies, as a share of their median.
    pub(crate) spread: f64,
}

struct Round {
    points: Vec<Point>,
    noise: f64,
}

/// Measures the entrants by turns.
pub(crate) async fn compare(entrants: &[Entrant<'_>], effort: Effort, engine: Engine) -> Result<Comparison> {
    let names: Vec<_> = entrants.iter().map(|entrant| (entrant.name, entrant.tree)).collect();
    by_turns(&names, effort.rounds, async |at| turn(&entrants[at], effort.load, engine).await).await
}

/// Measures whatever has turns, so many rounds that count. `turn` gives what came of one, and the share of the machine that
/// others took meanwhile.
pub(crate) async fn by_turns(
    names: &[(&str, Tree)],
    rounds: usize,
    mut turn: impl AsyncFnMut(usize) -> Result<(Point, f64)>,
) -> Result<Comparison> {
    let (mut kept, mut loud) = (Vec::new(), Vec::new());
    let mut tried = 0;
    while kept.len() < rounds && tried < rounds * PATIENCE {
        let mut round = Round { points: vec![Point::default(); names.len()], noise: 0.0 };
        let mut order: Vec<usize> = (0..names.len()).collect();
        if tried % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let (point, noise) = turn(at).await?;
            round.points[at] = point;
            round.noise = round.noise.max(noise);
        }
        tried += 1;
        if round.noise <= QUIET { kept.push(round) } else { loud.push(round) }
    }
    loud.sort_by(|one, other| one.noise.total_cmp(&other.noise));
    let missing = rounds.saturating_sub(kept.len());
    kept.extend(loud.into_iter().take(missing));
    let series = names.iter().enumerate().map(|(at, (name, tree))| {
        let points = kept.iter().map(|round| round.points[at]).collect();
        Ok(Series { name: (*name).to_owned(), points, resident: tree.memory()?.resident })
    });
    let series: Vec<Series> = series.collect::<Result<_>>()?;
    let spread =
        if let [one, other, ..] = &series[..] { spread(&one.quotients(other, Measure::PerSecond)) } else { 0.0 };
    let noise = kept.iter().map(|round| round.noise).fold(0.0, f64::max);
    Ok(Comparison { series, rejected: tried - kept.len(), noise, spread })
}

/// The processor times at one edge of a turn.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    server: Duration,
    /// Of all that belongs to the measurement: the servers, this program, the database server.
    involved: Duration,
    machine: Duration,
}

/// One entrant's turn, and the share of the machine that others took meanwhile.
pub(crate) async fn turn(entrant: &Entrant<'_>, load: Load, engine: Engine) -> Result<(Point, f64)> {
    let edges = [Cell::new(Times::default()), Cell::new(Times::default())];
    let mut edge = edges.iter();
    let outcome = load::run(&entrant.target, load, || {
        if let Some(edge) = edge.next() {
            edge.set(times(entrant.tree, engine)?);
        }
        Ok(())
    })
    .await?;
    let [begin, end] = edges.map(Cell::into_inner);
    if outcome.count() < 1.0 {
        return Err(Failure::Server(format!("{} gave no answer in time", entrant.name)));
    }
    let point = Point {
        per_second: outcome.per_second(),
        cpu_us: (end.server.saturating_sub(begin.server)).as_secs_f64() * 1e6 / outcome.count(),
        p50_us: outcome.quantile(0.50),
        p99_us: outcome.quantile(0.99),
    };
    Ok((point, end.others_since(begin, outcome.lasted)))
}

/// A turn of whatever is not one request after another: `work` goes on for `lasting`, and gives the latencies of what it did.
pub(crate) async fn turn_of(
    tree: Tree,
    engine: Engine,
    lasting: Duration,
    work: impl Future<Output = Result<Histogram<u64>>>,
) -> Result<(Point, f64)> {
    let begin = times(tree, engine)?;
    let latencies = work.await?;
    let end = times(tree, engine)?;
    let outcome = Outcome { latencies, lasted: lasting };
    if outcome.count() < 1.0 {
        return Err(Failure::Server("nothing was done in time".to_owned()));
    }
    let point = Point {
        per_second: outcome.per_second(),
        cpu_us: (end.server.saturating_sub(begin.server)).as_secs_f64() * 1e6 / outcome.count(),
        p50_us: outcome.quantile(0.50),
        p99_us: outcome.quantile(0.99),
    };
    Ok((point, end.others_since(begin, lasting)))
}

impl Times {
    /// The share of the machine that programs took which have nothing to do with it.
    fn others_since(self, begin: Self, lasted: Duration) -> f64 {
        let involved = self.involved.saturating_sub(begin.involved);
        let others = self.machine.saturating_sub(begin.machine).saturating_sub(involved);
        others.as_secs_f64() / (lasted.as_secs_f64() * cores())
    }
}

fn times(tree: Tree, engine: Engine) -> Result<Times> {
    let server = tree.processor_time()?;
    // This program has started the servers, so that they belong to its tree.
    let own = Tree::new(std::process::id()).processor_time()?;
    let database = engine.process_name().map_or(Ok(Duration::ZERO), process::time_of_named)?;
    Ok(Times { server, involved: own + database, machine: process::machine_time()? })
}

#[expect(clippy::cast_precision_loss, reason = "no machine has that many")]
fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1, usize::from) as f64
}

impl Comparison {
    /// Whether too few rounds were quiet.
    pub(crate) fn is_noisy(&self) -> bool {
        self.noise > QUIET
    }
}

impl Series {
    /// The median over the rounds.
    pub(crate) fn median(&self, measure: Measure) -> f64 {
        median(self.points.iter().map(|point| point.get(measure)).collect())
    }

    pub(crate) fn median_p50(&self) -> f64 {
        median(self.points.iter().map(|point| point.p50_us).collect())
    }

    pub(crate) const fn rounds(&self) -> usize {
        self.points.len()
    }

    fn quotients(&self, other: &Self, measure: Measure) -> Vec<f64> {
        let pairs = self.points.iter().zip(&other.points);
        pairs.map(|(one, other)| one.get(measure) / other.get(measure)).collect()
    }

    /// The median of the ratios within each round, in which both had the same neighbours.
    pub(crate) fn against(&self, other: &Self, measure: Measure) -> f64 {
        median(self.quotients(other, measure))
    }
}

impl Point {
    const fn get(&self, measure: Measure) -> f64 {
        match measure {
            Measure::PerSecond => self.per_second,
            Measure::Cpu => self.cpu_us,
            Measure::P99 => self.p99_us,
        }
    }
}

/// The value in the middle; of an even number the mean of the two there.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle)) {
        (_, None) => f64::NAN,
        (1, Some(value)) => *value,
        (_, Some(value)) => f64::midpoint(values[middle - 1], *value),
    }
}

fn spread(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |quarter: usize| sorted.get((sorted.len().saturating_sub(1)) * quarter / 4).copied().unwrap_or(f64::NAN);
    (at(3) - at(1)) / median(sorted.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(per_second: &[f64]) -> Series {
        let points = per_second.iter().map(|&per_second| Point { per_second, ..Point::default() }).collect();
        Series { name: String::new(), points, resident: 0 }
    }

    #[test]
    fn a_ratio_compares_within_rounds() {
        // The machine became twice as slow after the first round; each round by itself still says 1 to 2.
        let (one, other) = (series(&[100.0, 50.0, 51.0]), series(&[200.0, 100.0, 100.0]));
        assert!((one.against(&other, Measure::PerSecond) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        for (values, expected) in [(vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 3.0], 2.5), (vec![7.0], 7.0)] {
            assert!((median(values) - expected).abs() < 1e-9);
        }
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_spread_ignores_what_lies_outside_the_middle_half() {
        assert!((spread(&[1.0, 0.9, 1.1, 1.0, 9.0]) - 0.1).abs() < 1e-9);
    }
}
