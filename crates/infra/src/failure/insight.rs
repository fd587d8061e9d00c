//! Environmental insights: what is known of a place, so that nobody has to learn it again.

use std::collections::BTreeMap;

use claudetools_kernel::{
    Direction, Entity, Faults, Id, Keyed, Patch, Result, SortField, SortKey, SortKind, Timestamp, enumeration, text,
};
use uuid::Uuid;

use super::{Attribute, FailureClass, FailurePattern, Finding, Place, ShellType, fingerprint::first_call};

enumeration! {
    /// What an insight is about.
    pub enum InsightCategory {
        /// Which commands do not work.
        CommandConstraints = "command_constraints",
        /// How services are set up.
        ServiceConfiguration = "service_configuration",
        /// What a version cannot do.
        VersionLimitations = "version_limitations",
        /// What is installed in an unusual way.
        CustomInstallations = "custom_installations",
        /// What the network does not let through.
        NetworkConstraints = "network_constraints",
        /// What may be done.
        Permissions = "permissions",
    }
}

enumeration! {
    /// Where knowledge comes from.
    pub enum Source {
        /// Somebody entered it.
        Manual = "manual",
        /// The analysis of commands found it.
        Derived = "derived",
    }
}

enumeration! {
    /// What insights can be sorted by.
    pub enum InsightSort {
        /// By priority.
        Priority = "priority",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for InsightSort {
    const DEFAULT: (Self, Direction) = (Self::Priority, Direction::Descending);

    fn kind(self) -> SortKind {
        SortKind::Integer
    }
}

/// Something that is known of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insight {
    /// Its id.
    pub id: Id<Self>,
    /// The client that it is about.
    pub client_id: Option<Uuid>,
    /// The asset that it is about.
    pub infrastructure_id: Option<Uuid>,
    /// What it is about.
    pub category: InsightCategory,
    /// In a line.
    pub title: String,
    /// In full; of a derived one with its figures.
    pub description: String,
    /// Commands that show it.
    pub examples: Vec<String>,
    /// How much it matters, from 1 to 10.
    pub priority: i32,
    /// Where it comes from.
    pub source: Source,
    /// How sure it is, in thousandths.
    pub confidence: i32,
    /// When it was last found to hold.
    pub last_verified_at: Option<Timestamp>,
    /// The pattern that it was derived from.
    pub pattern_id: Option<Id<FailurePattern>>,
    /// What the commands that it is about call.
    pub verb: String,
    /// What the places have in common at which it holds.
    pub attribute: Option<Attribute>,
    /// The value of that, as it is compared.
    pub attribute_value: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Insight {
    const TYPE: &'static str = "environmental_insight";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<InsightSort> for Insight {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: InsightSort) -> SortKey {
        match field {
            InsightSort::Priority => SortKey::Integer(self.priority.into()),
            InsightSort::CreatedAt => self.created_at.into(),
            InsightSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

/// What a request says of an insight.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Insight")]
pub struct InsightFields {
    pub client_id: Patch<Uuid>,
    pub infrastructure_id: Patch<Uuid>,
    pub category: Option<InsightCategory>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub examples: Option<Vec<String>>,
    pub priority: Option<i32>,
    pub confidence: Option<i32>,
    pub last_verified_at: Patch<Timestamp>,
}

impl Insight {
    /// An insight that somebody has entered; refused with every fault of `fields` at once.
    pub fn new(id: Id<Self>, fields: InsightFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[
            ("category", fields.category.is_some()),
            ("title", fields.title.is_some()),
            ("description", fields.description.is_some()),
        ]);
        let mut insight = Self {
            id,
            client_id: None,
            infrastructure_id: None,
            category: InsightCategory::CommandConstraints,
            title: String::new(),
            description: String::new(),
            examples: Vec::new(),
            priority: 5,
            source: Source::Manual,
            confidence: 1000,
            last_verified_at: Some(now),
            pattern_id: None,
            verb: String::new(),
            attribute: None,
            attribute_value: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        insight.apply(fields, &mut faults);
        faults.finish()?;
        Ok(insight)
    }

    /// The insight with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: InsightFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        self.apply(fields, &mut faults);
        faults.finish()?;
        self.updated_at = now;
        self.revision += 1;
        Ok(self)
    }

    fn apply(&mut self, fields: InsightFields, faults: &mut Faults) {
        fields.client_id.apply(&mut self.client_id);
        fields.infrastructure_id.apply(&mut self.infrastructure_id);
        self.category = fields.category.unwrap_or(self.category);
        text::replace_line(faults, "title", fields.title, &mut self.title);
        if let Some(description) = fields.description {
            if description.trim().is_empty() {
                faults.schema("description", "min_length", "must not be empty");
            } else if let Some(kept) = text::block(faults, "description", &description, text::BLOCK) {
                self.description = kept;
            }
        }
        text::replace_lines(faults, "examples", fields.examples, &mut self.examples);
        for (field, given, bounds, kept) in [
            ("priority", fields.priority, 1..=10, &mut self.priority),
            ("confidence", fields.confidence, 0..=1000, &mut self.confidence),
        ] {
            match given {
                Some(value) if bounds.contains(&value) => *kept = value,
                Some(_) => faults.schema(
                    field,
                    "range",
                    if field == "priority" { "must be from 1 to 10" } else { "must be from 0 to 1" },
                ),
                None => {}
            }
        }
        fields.last_verified_at.apply(&mut self.last_verified_at);
    }

    /// The insight that a finding about a pattern makes.
    pub fn derived(id: Id<Self>, pattern: &FailurePattern, class: FailureClass, now: Timestamp) -> Self {
        let line = format!(
            "{} fails: {}",
            if pattern.verb.is_empty() { "A command" } else { &pattern.verb },
            pattern.root_cause.as_deref().unwrap_or_default()
        );
        Self {
            id,
            client_id: None,
            infrastructure_id: None,
            category: category(class),
            title: line.replace(char::is_control, " ").chars().take(text::LINE).collect(),
            description: String::new(),
            examples: Vec::new(),
            priority: match pattern.severity {
                super::Severity::Blocking => 8,
                super::Severity::Major => 6,
                super::Severity::Minor => 4,
                super::Severity::Info => 2,
            },
            source: Source::Derived,
            confidence: 0,
            last_verified_at: None,
            pattern_id: Some(pattern.id),
            verb: pattern.verb.clone(),
            attribute: None,
            attribute_value: None,
            created_at: now,
            updated_at: now,
            revision: 0,
        }
    }

    /// The insight with the figures of `finding`.
    #[must_use]
    pub fn with_figures(
        mut self,
        finding: &Finding,
        client_name: Option<&str>,
        pattern: &FailurePattern,
        now: Timestamp,
    ) -> Self {
        self.attribute = Some(finding.attribute);
        self.attribute_value = Some(finding.value.clone());
        self.description = finding.figures(client_name);
        #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1000")]
        let confidence = (finding.confidence() * 1000.0).round() as i32;
        self.confidence = confidence;
        self.examples = pattern
            .examples
            .iter()
            .take(3)
            .map(|text| text.replace(char::is_control, " ").chars().take(text::LINE).collect())
            .collect();
        let only = |ids: &[Uuid]| if let [id] = ids { Some(*id) } else { None };
        let (of_host, of_client) = (finding.attribute == Attribute::Host, finding.attribute == Attribute::Client);
        self.infrastructure_id = if of_host { only(&pattern.affected_infrastructure) } else { None };
        self.client_id = if of_client { Uuid::parse_str(&finding.value).ok() } else { None };
        if matches!(finding.attribute, Attribute::OsVersion | Attribute::ShellVersion) {
            self.category = InsightCategory::VersionLimitations;
        }
        self.last_verified_at = Some(now);
        self.updated_at = now;
        self.revision += 1;
        self
    }

    /// Whether it holds at a place.
    pub fn holds_at(&self, place: &Place, shell: Option<ShellType>) -> bool {
        if let (Some(attribute), Some(wanted)) = (self.attribute, &self.attribute_value) {
            return place.run(shell).value(attribute).as_ref() == Some(wanted);
        }
        match (self.infrastructure_id, self.client_id) {
            (Some(asset), _) => place.infrastructure_id == Some(asset),
            (None, Some(client)) => place.client_id == Some(client),
            (None, None) => true,
        }
    }

    /// Whether it is about a command that calls `verb`: derived for it, or entered with it as a word of its title, or at the
    /// beginning of an example.
    pub fn is_about(&self, verb: &str) -> bool {
        if !self.verb.is_empty() {
            return self.verb == verb;
        }
        !verb.is_empty()
            && (self.words().any(|word| word.to_lowercase() == verb) || self.called().any(|call| call == verb))
    }

    /// The words of its title.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let words = self.title.split(|c: char| c.is_whitespace() || ",;:()'\"`".contains(c));
        words.filter(|word| !word.is_empty())
    }

    /// What its examples call.
    pub(super) fn called(&self) -> impl Iterator<Item = String> {
        self.examples.iter().filter_map(|example| Some(first_call(example, None)?.verb))
    }

    /// What `q` searches.
    pub fn search_key(&self) -> String {
        text::search_key([Some(self.title.as_str()), Some(self.description.as_str())])
    }
}

const fn category(class: FailureClass) -> InsightCategory {
    match class {
        FailureClass::Version => InsightCategory::VersionLimitations,
        FailureClass::Service | FailureClass::Down | FailureClass::Configuration => {
            InsightCategory::ServiceConfiguration
        }
        FailureClass::ModuleMissing | FailureClass::PackageMissing => InsightCategory::CustomInstallations,
        FailureClass::Permission
        | FailureClass::Elevation
        | FailureClass::ExecutionPolicy
        | FailureClass::Credentials
        | FailureClass::Account
        | FailureClass::HostKey => InsightCategory::Permissions,
        FailureClass::Dns
        | FailureClass::ConnectionRefused
        | FailureClass::Unreachable
        | FailureClass::ConnectionLost
        | FailureClass::Tls
        | FailureClass::HttpStatus
        | FailureClass::Timeout => InsightCategory::NetworkConstraints,
        _ => InsightCategory::CommandConstraints,
    }
}

/// Everything that is known of an asset before work on it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetInsights {
    /// The asset.
    pub infrastructure_id: Uuid,
    /// Its host name.
    pub hostname: String,
    /// The insights that hold there, the highest priority first.
    pub insights: Vec<Insight>,
    /// What does not work on it.
    pub limitations: Vec<String>,
    /// Commands that work on it, by name.
    pub recommended_commands: BTreeMap<String, String>,
}

/// Which insights to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Insight")]
pub struct InsightFilter {
    pub client_id: Option<Uuid>,
    pub infrastructure_id: Option<Uuid>,
    pub category: Option<InsightCategory>,
    pub source: Option<Source>,
    /// Substring of title and description.
    pub q: Option<String>,
}

impl InsightFilter {
    /// Whether `insight` is to be listed.
    pub fn admits(&self, insight: &Insight) -> bool {
        self.client_id.is_none_or(|wanted| Some(wanted) == insight.client_id)
            && self.infrastructure_id.is_none_or(|wanted| Some(wanted) == insight.infrastructure_id)
            && self.category.is_none_or(|wanted| wanted == insight.category)
            && self.source.is_none_or(|wanted| wanted == insight.source)
            && self.q.as_deref().is_none_or(|q| insight.search_key().contains(&text::fold(q)))
    }
}
