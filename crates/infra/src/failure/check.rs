//! Before a command is run: whether what is known says that it will fail.

use std::collections::{BTreeMap, BTreeSet};

use claudetools_kernel::{Faults, Result, Stored, text};
use uuid::Uuid;

use super::{Call, FailurePattern, Insight, ShellType, Source, fingerprint::text_of, verb::calls};
use crate::ports::InfraTx;

/// How many commands of a command line are looked at.
const CALLS: usize = 8;

/// A command that is to be run, and where.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The command line.
    pub command_text: Option<String>,
    /// The asset.
    pub infrastructure_id: Option<Uuid>,
    /// The host, where the asset is not known.
    pub host: Option<String>,
    /// What it will be run by.
    pub shell_type: Option<ShellType>,
}

/// What says that a command will fail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Patterns of failures that were seen there, or that hold everywhere.
    pub patterns: Vec<FailurePattern>,
    /// Insights that hold there.
    pub insights: Vec<Insight>,
}

impl Plan {
    /// Refuses what cannot be checked.
    pub(super) fn refuse_faults(&self) -> Result<()> {
        let mut faults = Faults::default();
        match self.command_text.as_deref() {
            Some(command) if !command.trim().is_empty() => {
                text::block(&mut faults, "command_text", command, text::BLOCK);
            }
            _ => faults.schema("command_text", "required", "is required"),
        }
        if let Some(host) = &self.host {
            text::line(&mut faults, "host", host, text::LINE);
        }
        faults.finish()
    }

    /// What it calls, repeats left out.
    pub(super) fn calls(&self) -> Vec<Call> {
        let command = self.command_text.as_deref().unwrap_or_default();
        let mut seen = BTreeSet::new();
        let all = calls(command, self.shell_type == Some(ShellType::Powershell));
        let kept = all.into_iter().map(|call| Call { verb: text_of(&call.verb), ..call });
        kept.filter(|call| !call.verb.is_empty() && seen.insert(call.verb.clone())).take(CALLS).collect()
    }
}

impl FailurePattern {
    /// Whether it says that `call`, a part of `command` (folded), will fail where the pattern is expected: it has the option that the
    /// pattern is about, or every word of a signature entered by hand.
    pub(super) fn says_of(&self, command: &str, call: &Call) -> bool {
        if self.verb != call.verb {
            return false;
        }
        match self.source {
            Source::Derived => has_option(call, &self.subject),
            Source::Manual => {
                let mut words = self.pattern_signature.split_whitespace().skip(1);
                words.all(|word| command.contains(&text::fold(word)))
            }
        }
    }
}

/// Whether a command has an option; shells differ in dashes, and options may be cut short.
fn has_option(call: &Call, option: &str) -> bool {
    let bare = option.trim_start_matches(['-', '/']);
    let is = |word: &String| {
        let word = word.to_lowercase();
        let name = word.trim_start_matches(['-', '/']).split(['=', ':']).next().unwrap_or_default().to_owned();
        word.starts_with(['-', '/'])
            && (name == bare || bare.len() == 1 && !word.starts_with("--") && name.contains(bare))
            || word == bare
    };
    bare.is_empty() || call.words.iter().any(is)
}

impl Checked {
    /// Adds the patterns that the insights were derived from: they hold there although they may not have been seen there. An insight
    /// about an option says nothing of a command that does not have it.
    pub(super) async fn of_insights(mut self, tx: &mut dyn InfraTx, calls: &[Call]) -> Stored<Self> {
        let ids: Vec<_> = self.insights.iter().filter_map(|insight| insight.pattern_id).collect();
        let patterns = tx.failure_patterns().some(&ids).await?;
        let patterns: BTreeMap<_, _> = patterns.into_iter().map(|pattern| (pattern.id, pattern)).collect();
        for insight in std::mem::take(&mut self.insights) {
            let Some(id) = insight.pattern_id else {
                self.insights.push(insight);
                continue;
            };
            let Some(pattern) = patterns.get(&id) else { continue };
            let has = |call: &Call| call.verb == insight.verb && has_option(call, &pattern.subject);
            if !pattern.is_active || !calls.iter().any(has) {
                continue;
            }
            self.insights.push(insight);
            if !self.patterns.iter().any(|known| known.id == id) {
                self.patterns.push(pattern.clone());
            }
        }
        Ok(self)
    }
}
