//! Commands that were run, why they failed, and what follows from it.
//!
//! A failure is reduced to what does not vary ([`fingerprint()`]): the wrapping of consoles is taken off, the wording is looked up
//! in one ordered table, and what is left of the text is masked. Failures with one key are one pattern; a key that is not known
//! yet may join a pattern whose template is similar. What a pattern has to do with where it occurs is told by contrast with the
//! runs that did not fail ([`contrast()`]).

mod analysis_service;
mod check;
mod class;
mod classify;
mod command;
mod command_service;
#[cfg(feature = "contract")]
#[expect(clippy::expect_used, reason = "suites are test code")]
pub mod contract;
mod contrast;
mod evaluation;
mod expr;
mod fingerprint;
mod insight;
mod insight_service;
mod join;
mod mask;
mod pattern;
mod pattern_service;
pub mod ports;
mod redact;
mod rules;
mod spot;
mod unwrap;
mod verb;
mod words;

pub use analysis_service::{AnalysisService, GivenUp, Round};
pub use check::{Checked, Plan};
pub use class::{FailureClass, Family};
pub use classify::Classifier;
pub use command::{
    Command, CommandDraft, CommandFields, CommandFilter, CommandLogged, CommandSort, FailureCategory, Place, ShellType,
};
pub use command_service::CommandService;
pub use contrast::{Attribute, Finding, Run, contrast, wilson_lower_bound};
pub use evaluation::{Grouping, Labelled, Scores, group, score};
pub use fingerprint::{FINGERPRINT_VERSION, Failed, Fingerprint, fingerprint};
pub use insight::{AssetInsights, Insight, InsightCategory, InsightFields, InsightFilter, InsightSort, Source};
pub use insight_service::InsightService;
pub use pattern::{
    FailurePattern, PatternFields, PatternFilter, PatternKey, PatternSort, PatternType, Severity, Suggestion,
};
pub use pattern_service::PatternService;
pub use redact::redact;
pub use spot::{LONGEST_SPOT, Spot};
pub use unwrap::{Unwrapped, unwrap};
pub use verb::{Call, calls, intent};
