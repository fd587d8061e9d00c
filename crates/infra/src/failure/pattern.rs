//! Failure patterns: what keeps failing, and what to do instead.

use std::collections::BTreeSet;

use claudetools_kernel::{
    Direction, Entity, Faults, Id, Keyed, Patch, Result, SortField, SortKey, SortKind, Timestamp, enumeration, text,
};
use regex::Regex;
use uuid::Uuid;

use super::{Command, Fingerprint, Source, fingerprint::first_call};

enumeration! {
    /// What kind of failure it is.
    pub enum PatternType {
        /// The command is not there, or does not do that.
        CommandCompatibility = "command_compatibility",
        /// Versions do not fit.
        VersionMismatch = "version_mismatch",
        /// Rights and credentials.
        PermissionDenied = "permission_denied",
        /// A service does not run.
        ServiceUnavailable = "service_unavailable",
        /// Something is set up wrongly.
        ConfigurationError = "configuration_error",
        /// The machine sets a limit.
        EnvironmentalLimitation = "environmental_limitation",
        /// Names, connections, certificates.
        Network = "network",
        /// It takes too long.
        Timeout = "timeout",
        /// Anything else.
        Other = "other",
    }
}

enumeration! {
    /// How much a failure holds up.
    pub enum Severity {
        /// Nothing goes on without another way.
        Blocking = "blocking",
        /// Work is held up.
        Major = "major",
        /// It is easily got round.
        Minor = "minor",
        /// Good to know.
        Info = "info",
    }
}

enumeration! {
    /// What patterns can be sorted by.
    pub enum PatternSort {
        /// By how often it was seen.
        OccurrenceCount = "occurrence_count",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for PatternSort {
    const DEFAULT: (Self, Direction) = (Self::OccurrenceCount, Direction::Descending);

    fn kind(self) -> SortKind {
        SortKind::Integer
    }
}

/// The most hosts, assets, clients and examples that a pattern lists; it goes on counting beyond.
const LISTED: usize = 100;
/// The most examples and suggestions that a pattern keeps.
const KEPT: usize = 10;
/// The longest example kept, in characters.
const LONGEST_EXAMPLE: usize = 500;
/// The longest regular expression taken, in characters.
const LONGEST_EXPRESSION: usize = 1000;

/// A command that succeeded where another of the same intent had failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Suggestion {
    /// The command line.
    pub command_text: String,
    /// How often it succeeded so.
    pub support_count: i64,
}

/// A pattern of failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailurePattern {
    /// Its id.
    pub id: Id<Self>,
    /// What kind of failure it is.
    pub pattern_type: PatternType,
    /// What fails, in a line; of a pattern entered by hand a command line or its beginning.
    pub pattern_signature: String,
    /// What the error looks like, a regular expression in linear-time syntax.
    pub error_pattern: Option<String>,
    /// Why it fails.
    pub root_cause: Option<String>,
    /// What to do instead.
    pub recommended_solution: Option<String>,
    /// What else can be done.
    pub alternative_approaches: Vec<String>,
    /// How much it holds up.
    pub severity: Severity,
    /// How often it was seen.
    pub occurrence_count: i64,
    /// Whether it is still looked for.
    pub is_active: bool,
    /// The assets on which it was seen, or that it was entered for.
    pub affected_infrastructure: Vec<Uuid>,
    /// Whether the analysis found it.
    pub source: Source,
    /// The verb of the commands that fail so.
    pub verb: String,
    /// What the failure is about: an option that the command must have to fail so, if it is one.
    pub subject: String,
    /// The hosts on which it was seen, folded.
    pub hosts: Vec<String>,
    /// The clients at which it was seen.
    pub client_ids: Vec<Uuid>,
    /// Errors as they were.
    pub examples: Vec<String>,
    /// Commands that succeeded instead, the best supported first.
    pub suggestions: Vec<Suggestion>,
    /// When it was first seen.
    pub first_seen_at: Option<Timestamp>,
    /// When it was last seen.
    pub last_seen_at: Option<Timestamp>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

/// The key of a failure, and the pattern that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternKey {
    /// SHA-256 of [`Fingerprint::canonical`].
    pub key: [u8; 32],
    /// SHA-256 of [`Fingerprint::bucket`].
    pub bucket: [u8; 32],
    /// The pattern.
    pub pattern_id: Id<FailurePattern>,
    /// What a similar failure is compared with; empty when none may join.
    pub template: String,
    /// What made the key: [`super::FINGERPRINT_VERSION`] at that time.
    pub fingerprint_version: i32,
    /// When it was first seen.
    pub created_at: Timestamp,
}

impl Entity for FailurePattern {
    const TYPE: &'static str = "failure_pattern";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<PatternSort> for FailurePattern {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: PatternSort) -> SortKey {
        match field {
            PatternSort::OccurrenceCount => SortKey::Integer(self.occurrence_count),
            PatternSort::CreatedAt => self.created_at.into(),
            PatternSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

/// What a request says of a pattern.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at FailurePattern")]
pub struct PatternFields {
    pub pattern_type: Option<PatternType>,
    pub pattern_signature: Option<String>,
    pub error_pattern: Patch<String>,
    pub root_cause: Patch<String>,
    pub recommended_solution: Patch<String>,
    pub alternative_approaches: Option<Vec<String>>,
    pub severity: Option<Severity>,
    pub is_active: Option<bool>,
    pub affected_infrastructure: Option<Vec<Uuid>>,
}

impl FailurePattern {
    fn empty(id: Id<Self>, source: Source, now: Timestamp) -> Self {
        Self {
            id,
            pattern_type: PatternType::Other,
            pattern_signature: String::new(),
            error_pattern: None,
            root_cause: None,
            recommended_solution: None,
            alternative_approaches: Vec::new(),
            severity: Severity::Major,
            occurrence_count: 0,
            is_active: true,
            affected_infrastructure: Vec::new(),
            source,
            verb: String::new(),
            subject: String::new(),
            hosts: Vec::new(),
            client_ids: Vec::new(),
            examples: Vec::new(),
            suggestions: Vec::new(),
            first_seen_at: None,
            last_seen_at: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    /// A pattern entered by hand; refused with every fault of `fields` at once.
    pub fn new(id: Id<Self>, fields: PatternFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[
            ("pattern_type", fields.pattern_type.is_some()),
            ("pattern_signature", fields.pattern_signature.is_some()),
        ]);
        let mut pattern = Self::empty(id, Source::Manual, now);
        pattern.apply(fields, &mut faults);
        faults.finish()?;
        Ok(pattern)
    }

    /// A pattern that the analysis has found, not yet counted.
    pub fn derived(id: Id<Self>, found: &Fingerprint, now: Timestamp) -> Self {
        let line = |text: &str| text.replace(char::is_control, " ").trim().chars().take(text::LINE).collect::<String>();
        let what = if found.command.is_empty() { "a command" } else { found.command.as_str() };
        let signature = line(&format!("{what}: {}", found.message));
        let about = if found.subject.is_empty() { String::new() } else { format!(" ({})", found.subject) };
        Self {
            pattern_type: found.class.pattern_type(),
            severity: found.class.severity(),
            pattern_signature: signature,
            error_pattern: found.expression(),
            root_cause: Some(format!("{}{about}", found.class.to_string().replace('_', " "))),
            verb: found.command.clone(),
            subject: if found.class == super::FailureClass::UnknownOption {
                found.subject.clone()
            } else {
                String::new()
            },
            ..Self::empty(id, Source::Derived, now)
        }
    }

    /// The pattern with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: PatternFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        self.apply(fields, &mut faults);
        faults.finish()?;
        Ok(self.changed(now))
    }

    fn changed(mut self, now: Timestamp) -> Self {
        self.updated_at = now;
        self.revision += 1;
        self
    }

    fn apply(&mut self, fields: PatternFields, faults: &mut Faults) {
        self.pattern_type = fields.pattern_type.unwrap_or(self.pattern_type);
        self.severity = fields.severity.unwrap_or(self.severity);
        self.is_active = fields.is_active.unwrap_or(self.is_active);
        let is_named = fields.pattern_signature.is_some();
        text::replace_line(faults, "pattern_signature", fields.pattern_signature, &mut self.pattern_signature);
        if is_named && self.source == Source::Manual {
            let call = first_call(&self.pattern_signature, None).unwrap_or_default();
            self.verb = call.verb.chars().take(120).collect();
        }
        let expression = fields.error_pattern.and_then(|pattern| {
            let kept = text::block(faults, "error_pattern", &pattern, LONGEST_EXPRESSION)?;
            if let Err(error) = Regex::new(&kept) {
                let told = error.to_string();
                let reason = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
                faults.semantic("error_pattern", "regex", &format!("must be a regular expression: {reason}"));
            }
            Some(kept)
        });
        expression.apply(&mut self.error_pattern);
        text::optional_block(faults, "root_cause", fields.root_cause).apply(&mut self.root_cause);
        text::optional_block(faults, "recommended_solution", fields.recommended_solution)
            .apply(&mut self.recommended_solution);
        text::replace_lines(
            faults,
            "alternative_approaches",
            fields.alternative_approaches,
            &mut self.alternative_approaches,
        );
        if let Some(ids) = fields.affected_infrastructure {
            if ids.len() > LISTED {
                faults.schema("affected_infrastructure", "max_items", &format!("must have at most {LISTED} entries"));
            }
            let ids: BTreeSet<Uuid> = ids.into_iter().collect();
            self.affected_infrastructure = ids.into_iter().collect();
        }
    }

    /// The pattern with one more occurrence.
    #[must_use]
    pub fn occurred(mut self, command: &Command, message: &str, now: Timestamp) -> Self {
        self.occurrence_count += 1;
        let at = command.executed_at;
        self.first_seen_at = Some(self.first_seen_at.map_or(at, |first| first.min(at)));
        self.last_seen_at = Some(self.last_seen_at.map_or(at, |last| last.max(at)));
        list(&mut self.hosts, Some(command.host_key()).filter(|host| !host.is_empty()), LISTED);
        list(&mut self.affected_infrastructure, command.infrastructure_id, LISTED);
        list(&mut self.client_ids, command.client_id, LISTED);
        list(&mut self.examples, Some(cut(message)).filter(|text| !text.is_empty()), KEPT);
        self.changed(now)
    }

    /// The pattern with `command` as what succeeded instead.
    #[must_use]
    pub fn suggested(mut self, command: &str, now: Timestamp) -> Self {
        let command_text = cut(command);
        match self.suggestions.iter_mut().find(|known| known.command_text == command_text) {
            Some(known) => known.support_count += 1,
            None => self.suggestions.push(Suggestion { command_text, support_count: 1 }),
        }
        self.suggestions.sort_by_key(|known| std::cmp::Reverse(known.support_count));
        self.suggestions.truncate(KEPT);
        self.changed(now)
    }

    /// What `q` searches.
    pub fn search_key(&self) -> String {
        text::search_key([
            Some(self.pattern_signature.as_str()),
            self.error_pattern.as_deref(),
            self.root_cause.as_deref(),
            self.recommended_solution.as_deref(),
        ])
    }
}

/// Adds what is not there yet, while there is room.
fn list<T: PartialEq>(all: &mut Vec<T>, one: Option<T>, most: usize) {
    if let Some(one) = one
        && all.len() < most
        && !all.contains(&one)
    {
        all.push(one);
    }
}

fn cut(text: &str) -> String {
    text.trim().chars().take(LONGEST_EXAMPLE).collect()
}

/// Which patterns to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at FailurePattern")]
pub struct PatternFilter {
    pub infrastructure_id: Option<Uuid>,
    pub client_id: Option<Uuid>,
    pub pattern_type: Option<PatternType>,
    pub severity: Option<Severity>,
    pub is_active: Option<bool>,
    /// Substring of [`FailurePattern::search_key`].
    pub q: Option<String>,
}

impl PatternFilter {
    /// Whether `pattern` is to be listed.
    pub fn admits(&self, pattern: &FailurePattern) -> bool {
        self.infrastructure_id.is_none_or(|wanted| pattern.affected_infrastructure.contains(&wanted))
            && self.client_id.is_none_or(|wanted| pattern.client_ids.contains(&wanted))
            && self.pattern_type.is_none_or(|wanted| wanted == pattern.pattern_type)
            && self.severity.is_none_or(|wanted| wanted == pattern.severity)
            && self.is_active.is_none_or(|wanted| wanted == pattern.is_active)
            && self.q.as_deref().is_none_or(|q| pattern.search_key().contains(&text::fold(q)))
    }
}
