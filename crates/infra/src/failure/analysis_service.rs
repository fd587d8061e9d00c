//! The analysis of commands, in the background: what a failure has in common with others, where it occurs, and what helps.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, Once, PoisonError},
};

use claudetools_kernel::{Error, Id, Result, StoreError, Timestamp};
use futures::FutureExt;

use super::{
    Classifier, Command, Failed, FailureClass, FailurePattern, Finding, Fingerprint, Insight, PatternKey, Run,
    contrast, contrast::recurring, fingerprint, ports::Digest,
};
use crate::{inventory::Context, ports::InfraTx};

/// How many commands one transaction analyses at most.
const BATCH: u32 = 16;
/// How many templates of a bucket a failure is compared with.
const TEMPLATES: u32 = 500;
/// How many runs of a verb a contrast looks at, the youngest.
const RUNS: u32 = 2000;
/// How many attempts before a success are looked at.
const ATTEMPTS: u32 = 10;
/// How many insights about a verb a run is held against.
const INSIGHTS: u32 = 20;
/// How many patterns of a verb are looked at for an insight, the most frequent.
const PATTERNS: usize = 20;
/// What a command's failed analyses may weigh together before it is given up, by [`weight`].
const PATIENCE: u32 = 30;

/// The analysis. Nobody calls it over the API; it works off the queue that the commands themselves are.
#[derive(Debug, Clone)]
pub struct AnalysisService {
    context: Context,
    digest: Arc<dyn Digest>,
    /// What the failed analyses weigh of the commands that wait. A replica that starts anew counts anew.
    failures: Arc<Mutex<BTreeMap<Id<Command>, u32>>>,
}

/// What a round of the analysis came to.
#[derive(Debug, Default)]
pub struct Round {
    /// How many commands were analysed.
    pub analysed: usize,
    /// The command that was taken out of the queue without having been analysed.
    pub given_up: Option<GivenUp>,
}

/// A command that cannot be analysed.
#[derive(Debug)]
pub struct GivenUp {
    /// Which one.
    pub command: Id<Command>,
    /// Why.
    pub error: Error,
}

/// Why a round ended early, and at which command, if it was at one.
struct Stop {
    at: Option<Id<Command>>,
    error: Error,
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self { at: None, error: error.into() }
    }
}

/// What a failure at a command says against the command: nothing when the database is away, everything when a repetition cannot
/// help. What another writer may have caused is tried more often than what only the database itself knows.
const fn weight(error: &Error) -> u32 {
    match error {
        Error::Store(StoreError::Unavailable(_) | StoreError::Undecided(_)) => 0,
        Error::Store(StoreError::Contention(_) | StoreError::Constraint(_)) => 1,
        Error::Store(StoreError::Database(_)) => PATIENCE / 5,
        _ => PATIENCE,
    }
}

impl AnalysisService {
    /// The analysis over this storage, clock and ids.
    pub fn new(context: Context, digest: Arc<dyn Digest>) -> Self {
        Self { context, digest, failures: Arc::default() }
    }

    /// Analyses some of the commands that wait, in the order in which they were entered; tells how many.
    ///
    /// One transaction claims them, writes what follows and marks them as seen. A crash leaves all of it or nothing, and another
    /// replica that would do the same waits and then finds them done. A command at which that fails again and again is given up,
    /// so that those behind it are analysed.
    pub async fn work_off(&self) -> Result<Round> {
        // Looked at without a lock first: most rounds find nothing.
        if self.context.store.read().await?.commands().waiting(1).await?.is_empty() {
            return Ok(Round::default());
        }
        compile_expressions();
        match self.batch().await {
            Ok(analysed) => {
                self.failures.lock().unwrap_or_else(PoisonError::into_inner).clear();
                Ok(Round { analysed, given_up: None })
            }
            Err(Stop { at: Some(command), error }) if self.is_over(command, &error) => {
                self.give_up(command).await?;
                Ok(Round { analysed: 0, given_up: Some(GivenUp { command, error }) })
            }
            Err(Stop { error, .. }) => Err(error),
        }
    }

    async fn batch(&self) -> Result<usize, Stop> {
        let mut tx = self.context.store.begin().await?;
        tx.commands().lock_queue().await?;
        let waiting = tx.commands().waiting(BATCH).await?;
        for &command in &waiting {
            // A panic would end the task, and with it the analysis of everything until the next start.
            let analysed = AssertUnwindSafe(self.analyse(tx.as_mut(), command)).catch_unwind().await;
            let analysed = analysed.unwrap_or_else(|_| Err(Error::Internal("the analysis panicked".to_owned())));
            analysed.map_err(|error| Stop { at: Some(command), error })?;
        }
        tx.commit().await?;
        Ok(waiting.len())
    }

    /// Notes that the analysis failed at a command; tells whether that was once too often.
    fn is_over(&self, command: Id<Command>, error: &Error) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let weighs = failures.entry(command).or_default();
        *weighs = weighs.saturating_add(weight(error));
        *weighs >= PATIENCE
    }

    async fn give_up(&self, command: Id<Command>) -> Result<()> {
        let mut tx = self.context.store.begin().await?;
        tx.commands().lock_queue().await?;
        tx.commands().give_up(command).await?;
        Ok(tx.commit().await?)
    }

    async fn analyse(&self, tx: &mut dyn InfraTx, command: Id<Command>) -> Result<()> {
        let mut command = tx.commands().find(command).await?;
        let now = self.context.now();
        command.is_analysed = true;
        command.revision += 1;
        if command.success {
            tx.commands().save(&command).await?;
            self.suggest(tx, &command, now).await?;
            return self.derive(tx, &command.verb, now).await;
        }
        let found = fingerprint_of(&command);
        let pattern = self.pattern_of(tx, &found, now).await?.occurred(&command, &found.message, now);
        tx.failure_patterns().save(&pattern).await?;
        tx.failure_patterns().expect_at(&pattern, &command.spots()).await?;
        command.verb.clone_from(&found.command);
        command.intent.clone_from(&found.intent);
        command.pattern_id = Some(pattern.id);
        command.failure_category.get_or_insert(found.class.category());
        tx.commands().save(&command).await?;
        self.derive(tx, &pattern.verb, now).await
    }

    /// The pattern that a failure belongs to: that of its key, else that of a similar template, else a new one.
    async fn pattern_of(&self, tx: &mut dyn InfraTx, found: &Fingerprint, now: Timestamp) -> Result<FailurePattern> {
        let bucket = self.digest.sha256(found.bucket().as_bytes());
        let keys: Vec<[u8; 32]> = found.canonical().iter().map(|key| self.digest.sha256(key.as_bytes())).collect();
        let mut unknown = Vec::new();
        let mut known = None;
        for key in keys {
            match tx.failure_patterns().by_key(&key).await? {
                Some(id) => known = known.or(Some(id)),
                None => unknown.push(key),
            }
        }
        if known.is_none() && found.is_text {
            let templates = tx.failure_patterns().templates(&bucket, TEMPLATES).await?;
            known = found.join(templates.iter().map(|(template, id)| (template.as_str(), *id)));
        }
        let pattern = if let Some(id) = known {
            tx.failure_patterns().find(id).await?
        } else {
            let pattern = FailurePattern::derived(self.context.ids.id(), found, now);
            tx.failure_patterns().add(&pattern).await?;
            pattern
        };
        let template = if found.is_text { found.template.clone() } else { String::new() };
        let (pattern_id, fingerprint_version) = (pattern.id, super::FINGERPRINT_VERSION);
        for key in unknown {
            let key = PatternKey {
                key,
                bucket,
                pattern_id,
                template: template.clone(),
                fingerprint_version,
                created_at: now,
            };
            tx.failure_patterns().add_key(&key).await?;
        }
        Ok(pattern)
    }

    /// Notes a success as what to do instead of the failures of the same intent right before it. What is meant to do nothing that
    /// is known stands in for nothing.
    async fn suggest(&self, tx: &mut dyn InfraTx, success: &Command, now: Timestamp) -> Result<()> {
        if success.intent.is_empty() {
            return Ok(());
        }
        let host = success.host_key();
        let attempts = tx.commands().attempts(success.session_id, &host, &success.intent, ATTEMPTS).await?;
        let before = attempts.into_iter().filter(|attempt| attempt.id != success.id);
        let mut noted: Vec<Id<FailurePattern>> = Vec::new();
        for failure in before.take_while(|attempt| !attempt.success) {
            let Some(id) = failure.pattern_id.filter(|id| !noted.contains(id)) else { continue };
            noted.push(id);
            if failure.command_text.trim() == success.command_text.trim() {
                continue;
            }
            if let Some(pattern) = tx.failure_patterns().lookup(id).await? {
                let pattern = pattern.suggested(&success.command_text, now);
                tx.failure_patterns().save(&pattern).await?;
            }
        }
        Ok(())
    }

    /// Writes the insights that the runs of a verb bear, and what is left of those that they bore. Any run, failed or not, may make the
    /// contrast that a pattern lacked so far, so that all patterns of the verb are looked at which were seen often enough: what is
    /// found depends on the runs, not on which came last. Runs that call nothing have nothing in common to be compared by.
    async fn derive(&self, tx: &mut dyn InfraTx, verb: &str, now: Timestamp) -> Result<()> {
        if verb.is_empty() {
            return Ok(());
        }
        let runs = tx.commands().runs(verb, RUNS).await?;
        let known = tx.insights().of_verb(verb, INSIGHTS).await?;
        let mut patterns: Vec<Id<FailurePattern>> = known.iter().filter_map(|insight| insight.pattern_id).collect();
        patterns.extend(recurring(&runs, PATTERNS));
        patterns.sort_unstable();
        patterns.dedup();
        let mut patterns = tx.failure_patterns().some(&patterns).await?;
        patterns.retain(|pattern| pattern.verb == verb);
        patterns.sort_unstable_by_key(|pattern| pattern.id);
        for pattern in &patterns {
            self.derive_of(tx, pattern, &runs, now).await?;
        }
        Ok(())
    }

    /// Writes the insight that the runs of its verb bear about a pattern.
    async fn derive_of(
        &self,
        tx: &mut dyn InfraTx,
        pattern: &FailurePattern,
        runs: &[Run],
        now: Timestamp,
    ) -> Result<()> {
        let runs: Vec<&Run> = runs.iter().filter(|run| run.is_comparable(pattern)).collect();
        let known = tx.insights().of_pattern(pattern.id).await?;
        let finding = contrast(pattern.id, &runs).or_else(|| {
            let known = known.as_ref()?;
            Some(Finding::of(known.attribute?, known.attribute_value.as_deref()?, pattern.id, &runs))
        });
        let Some(finding) = finding else { return Ok(()) };
        let client = match uuid::Uuid::parse_str(&finding.value) {
            Ok(id) if finding.attribute == super::Attribute::Client => tx.command_context().client_name(id).await?,
            _ => None,
        };
        if let Some(insight) = known {
            tx.insights().save(&insight.with_figures(&finding, client.as_deref(), pattern, now)).await?;
        } else {
            // All failures of a pattern are of one class.
            let failure = tx.commands().failure_of(pattern.id).await?;
            let class = failure.map_or(FailureClass::Other, |failure| fingerprint_of(&failure).class);
            let insight = Insight::derived(self.context.ids.id(), pattern, class, now);
            tx.insights().add(&insight.with_figures(&finding, client.as_deref(), pattern, now)).await?;
        }
        Ok(())
    }
}

/// Compiles the expressions of all wordings, once. That takes longer than anybody may be in a transaction, which on SQLite keeps every
/// other writer waiting.
fn compile_expressions() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let failed = Failed {
            command: "ls x",
            error: "ls: cannot access 'x': No such file or directory",
            shell: None,
            exit_code: Some(2),
        };
        drop(fingerprint(&failed, Classifier::whole()));
    });
}

fn fingerprint_of(failure: &Command) -> Fingerprint {
    let failed = Failed {
        command: &failure.command_text,
        error: failure.error_message.as_deref().or(failure.output_excerpt.as_deref()).unwrap_or_default(),
        shell: failure.shell_type,
        exit_code: failure.exit_code,
    };
    fingerprint(&failed, Classifier::whole())
}

impl Run {
    /// Whether the run could have failed as `pattern` does: it has the option that the failure is about.
    fn is_comparable(&self, pattern: &FailurePattern) -> bool {
        let option = pattern.subject.trim_start_matches(['-', '/']);
        self.pattern_id == Some(pattern.id)
            || option.is_empty()
            || self.command_text.to_lowercase().split_whitespace().any(|word| {
                word.starts_with(['-', '/'])
                    && word.trim_start_matches(['-', '/']).split(['=', ':']).next() == Some(option)
            })
    }
}
