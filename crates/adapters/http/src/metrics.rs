//! What the service measures of itself, in the text format of Prometheus.
//!
//! Every label is of a closed set: methods, route templates, statuses, words of ours. Nothing grows with users, ids or paths.

use std::{cell::RefCell, collections::HashMap, fmt, rc::Rc, time::Duration};

use claudetools_coord::LockCounts;
use claudetools_kernel::{Enumeration, LimitClass};
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::{audit::AuditSink, lock_metrics::LockMetrics};

/// The borders of the latency histogram in seconds: from what a row by its id takes to what a client gives up on.
const LATENCIES: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The route of requests that no template fits.
const UNMATCHED: &str = "unmatched";

/// One pool of database connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Which, as the label says it.
    pub pool: &'static str,
    /// How many connections are open.
    pub open: u32,
    /// How many of them wait for work.
    pub idle: u32,
    /// How many there may be.
    pub limit: u32,
}

/// What `/metrics` asks the database's pools.
pub trait PoolProbe: Send + Sync + fmt::Debug {
    /// How each pool is used at this moment.
    fn pools(&self) -> Vec<PoolUse>;
}

/// How a log-in ended, as the label says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogInOutcome {
    Succeeded,
    WrongCredentials,
    Throttled,
    Invalid,
    Failed,
}

impl LogInOutcome {
    const ALL: [Self; 5] = [Self::Succeeded, Self::WrongCredentials, Self::Throttled, Self::Invalid, Self::Failed];

    const fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::WrongCredentials => "wrong_credentials",
            Self::Throttled => "throttled",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        }
    }

    /// What the status of the answer says.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Succeeded,
            401 => Self::WrongCredentials,
            429 => Self::Throttled,
            400..=499 => Self::Invalid,
            _ => Self::Failed,
        }
    }
}

/// The measurements of one server.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    rate_limited: IntCounterVec,
    limiter_failures: IntCounter,
    log_ins: IntCounterVec,
    audit_rows_queued: IntGauge,
    connections: IntGaugeVec,
    connections_limit: IntGaugeVec,
    locks: LockMetrics,
    feed: FeedMeter,
}

/// What is measured of the feed of events.
#[derive(Debug, Clone)]
pub struct FeedMeter {
    listeners: IntGauge,
    events: IntCounter,
    cut_off: IntCounter,
    failures: IntCounter,
}

impl FeedMeter {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            listeners: gauge(
                registry,
                "claudetools_event_listeners",
                "Streams and long polls that listen to the events at this moment.",
            )?,
            events: counter(registry, "claudetools_events_read_total", "Events that were read for the listeners.")?,
            cut_off: counter(
                registry,
                "claudetools_event_listeners_cut_off_total",
                "Listeners that were cut off because they were too slow.",
            )?,
            failures: counter(
                registry,
                "claudetools_event_poll_failures_total",
                "Polls for new events that the database did not answer.",
            )?,
        })
    }

    pub(crate) fn joined(&self) {
        self.listeners.inc();
    }

    pub(crate) fn left(&self) {
        self.listeners.dec();
    }

    pub(crate) fn read(&self, events: usize) {
        self.events.inc_by(events as u64);
    }

    pub(crate) fn cut_off(&self) {
        self.cut_off.inc();
    }

    pub(crate) fn failed(&self) {
        self.failures.inc();
    }
}

impl Metrics {
    /// Measurements that begin at nothing.
    ///
    /// # Errors
    /// Two families of one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let build = IntGaugeVec::new(
            Opts::new("claudetools_build_info", "Always 1; the label says which version runs."),
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let metrics = Self {
            requests: counters(
                &registry,
                "claudetools_http_requests_total",
                "Requests that were answered, by method, template of the route and status.",
                &["method", "route", "status"],
            )?,
            durations: {
                let help = "From the head of a request to its answer, in seconds, by method and template of the route.";
                let options = HistogramOpts::new("claudetools_http_request_duration_seconds", help);
                let family = HistogramVec::new(options.buckets(LATENCIES.to_vec()), &["method", "route"])?;
                registry.register(Box::new(family.clone()))?;
                family
            },
            in_flight: gauge(
                &registry,
                "claudetools_http_requests_in_flight",
                "Requests that are being handled at this moment.",
            )?,
            rate_limited: counters(
                &registry,
                "claudetools_rate_limited_total",
                "Requests refused because a budget was used up, by the class that they were counted in.",
                &["class"],
            )?,
            limiter_failures: counter(
                &registry,
                "claudetools_rate_limiter_failures_total",
                "Requests let through uncounted because the rate limiter did not answer.",
            )?,
            log_ins: counters(
                &registry,
                "claudetools_log_ins_total",
                "Log-ins with a password that reached the service, by outcome.",
                &["outcome"],
            )?,
            audit_rows_queued: gauge(
                &registry,
                "claudetools_audit_rows_queued",
                "Rows of the API audit log that wait to be written.",
            )?,
            connections: gauges(
                &registry,
                "claudetools_database_connections",
                "Open connections to the database, by pool and by what they do: in_use or idle.",
                &["pool", "state"],
            )?,
            connections_limit: gauges(
                &registry,
                "claudetools_database_connections_limit",
                "How many connections to the database a pool may open.",
                &["pool"],
            )?,
            locks: LockMetrics::new(&registry)?,
            feed: FeedMeter::new(&registry)?,
            registry,
        };
        metrics.begin();
        Ok(metrics)
    }

    /// Makes the series that alerts compare with their past, so that the first event is a rise and not a beginning.
    fn begin(&self) {
        for class in [LimitClass::Token, LimitClass::Address] {
            self.rate_limited.with_label_values(&[class.as_str()]);
        }
        for outcome in LogInOutcome::ALL {
            self.log_ins.with_label_values(&[outcome.label()]);
        }
    }

    /// What the feed of events counts by.
    pub fn feed(&self) -> FeedMeter {
        self.feed.clone()
    }

    /// A request was refused for its budget.
    pub(crate) fn rate_limited(&self, class: LimitClass) {
        self.rate_limited.with_label_values(&[class.as_str()]).inc();
    }

    /// A request was let through uncounted.
    pub(crate) fn limiter_failed(&self) {
        self.limiter_failures.inc();
    }

    /// A log-in with a password has ended.
    pub(crate) fn log_in(&self, outcome: LogInOutcome) {
        self.log_ins.with_label_values(&[outcome.label()]).inc();
    }

    /// A request is being handled, until the value is dropped.
    pub(crate) fn enter(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Everything, as Prometheus reads it; what is not counted but looked at is looked at now.
    pub(crate) fn render(
        &self,
        audit: Option<&AuditSink>,
        pools: &dyn PoolProbe,
        locks: &LockCounts,
    ) -> Result<Vec<u8>, prometheus::Error> {
        self.locks.show(locks);
        self.audit_rows_queued.set(audit.map_or(0, |sink| i64::try_from(sink.queued()).unwrap_or(i64::MAX)));
        for PoolUse { pool, open, idle, limit } in pools.pools() {
            let connections = |state| self.connections.with_label_values(&[pool, state]);
            connections("in_use").set(open.saturating_sub(idle).into());
            connections("idle").set(idle.into());
            self.connections_limit.with_label_values(&[pool]).set(limit.into());
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    fn handles(&self, method: &'static str, route: &str, status: u16) -> Handles {
        Handles {
            method,
            status,
            count: self.requests.with_label_values(&[method, route, &status.to_string()]),
            duration: self.durations.with_label_values(&[method, route]),
        }
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    let family = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    let family = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

/// A request that is being handled. It is dropped also when the client goes away and nobody waits for the answer.
#[derive(Debug)]
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The two series that requests of one method and status belong to.
#[derive(Debug, Clone)]
struct Handles {
    method: &'static str,
    status: u16,
    count: IntCounter,
    duration: Histogram,
}

/// What one worker has found in the families before, by route: it counts a request without a lock and without hashing
/// labels. There are as many entries as routes with a status that occurred.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Rc<RefCell<HashMap<String, Vec<Handles>>>>);

impl Meter {
    /// Counts a request that was answered.
    pub(crate) fn observe(&self, metrics: &Metrics, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let (method, route) = (method_label(method), route.unwrap_or(UNMATCHED));
        let mut routes = self.0.borrow_mut();
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Vec::new());
        }
        let Some(known) = routes.get_mut(route) else { return };
        let found = known.iter().position(|handles| handles.method == method && handles.status == status);
        let at = found.unwrap_or_else(|| {
            known.push(metrics.handles(method, route, status));
            known.len() - 1
        });
        if let Some(handles) = known.get(at) {
            handles.count.inc();
            handles.duration.observe(took.as_secs_f64());
        }
    }
}

/// A method as its label: anybody may send one that does not exist.
fn method_label(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Pools;

    impl PoolProbe for Pools {
        fn pools(&self) -> Vec<PoolUse> {
            vec![PoolUse { pool: "readers", open: 3, idle: 1, limit: 4 }]
        }
    }

    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.render(None, &Pools, &LockCounts::default()).unwrap()).unwrap()
    }

    #[test]
    fn workers_share_the_series_and_unknown_words_share_one_label() {
        let metrics = Metrics::new().unwrap();
        let (one, other) = (Meter::default(), Meter::default());
        let took = Duration::from_millis(3);
        for meter in [&one, &one, &other] {
            meter.observe(&metrics, "GET", Some("/api/v1/clients/{id}"), 200, took);
        }
        for number in 0..100 {
            one.observe(&metrics, &format!("M{number}"), None, 404, took);
        }
        let text = text(&metrics);
        let line = |line: &str| assert!(text.lines().any(|found| found == line), "no {line} in {text}");
        line(r#"claudetools_http_requests_total{method="GET",route="/api/v1/clients/{id}",status="200"} 3"#);
        line(r#"claudetools_http_requests_total{method="other",route="unmatched",status="404"} 100"#);
        line(
            r#"claudetools_http_request_duration_seconds_bucket{method="GET",route="/api/v1/clients/{id}",le="0.0025"} 0"#,
        );
        line(
            r#"claudetools_http_request_duration_seconds_bucket{method="GET",route="/api/v1/clients/{id}",le="0.005"} 3"#,
        );
        assert_eq!(text.matches("claudetools_http_requests_total{").count(), 2);
    }

    #[test]
    fn a_request_is_in_flight_until_it_is_dropped() {
        let metrics = Metrics::new().unwrap();
        let (one, two) = (metrics.enter(), metrics.enter());
        assert!(text(&metrics).contains("\nclaudetools_http_requests_in_flight 2\n"));
        drop((one, two));
        assert!(text(&metrics).contains("\nclaudetools_http_requests_in_flight 0\n"));
    }

    #[test]
    fn pools_are_shown_as_they_are_at_the_moment() {
        let text = text(&Metrics::new().unwrap());
        for line in [
            r#"claudetools_database_connections{pool="readers",state="idle"} 1"#,
            r#"claudetools_database_connections{pool="readers",state="in_use"} 2"#,
            r#"claudetools_database_connections_limit{pool="readers"} 4"#,
        ] {
            assert!(text.contains(line), "no {line} in {text}");
        }
    }

    #[test]
    fn the_outcome_of_a_log_in_follows_from_its_status() {
        let outcome = |status| LogInOutcome::of_status(status).label();
        let seen = [200, 401, 429, 400, 422, 503].map(outcome);
        assert_eq!(seen, ["succeeded", "wrong_credentials", "throttled", "invalid", "invalid", "failed"]);
    }
}
