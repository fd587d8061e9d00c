//! Before a command is run: whether what is known says that it will fail.

use std::collections::BTreeSet;

use claudetools_kernel::{Faults, Result, Stored, text};
use uuid::Uuid;

use super::{Call, FailurePattern, Insight, Place, ShellType, Source, verb::calls};
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
        all.into_iter().filter(|call| seen.insert(call.verb.clone())).take(CALLS).collect()
    }
}

impl FailurePattern {
    /// Whether it says that `call` will fail at `place`: it was seen there or entered for it, or was entered for everywhere; the
    /// command has the option that it is about; and of a pattern entered by hand the words of its signature.
    pub(super) fn says_of(&self, plan: &Plan, call: &Call, place: &Place) -> bool {
        let host = place.host.as_deref().map(text::fold);
        let seen_there = host.is_some_and(|host| self.hosts.contains(&host))
            || place.infrastructure_id.is_some_and(|id| self.affected_infrastructure.contains(&id));
        let everywhere =
            self.source == Source::Manual && self.hosts.is_empty() && self.affected_infrastructure.is_empty();
        if !(seen_there || everywhere) {
            return false;
        }
        let command = text::fold(plan.command_text.as_deref().unwrap_or_default());
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
    /// Takes the insights that are about `verb` and hold at `place`, each once.
    pub(super) fn take(&mut self, insights: Vec<Insight>, verb: &str, place: &Place, shell: Option<ShellType>) {
        for insight in insights {
            let known = self.insights.iter().any(|known| known.id == insight.id);
            if !known && insight.is_about(verb) && insight.holds_at(place, shell) {
                self.insights.push(insight);
            }
        }
        self.insights.sort_by_key(|insight| (std::cmp::Reverse(insight.priority), insight.id));
    }

    /// Adds the patterns that the insights were derived from: they hold there although they may not have been seen there. An insight
    /// about an option says nothing of a command that does not have it.
    pub(super) async fn of_insights(mut self, tx: &mut dyn InfraTx, calls: &[Call]) -> Stored<Self> {
        for insight in std::mem::take(&mut self.insights) {
            let Some(id) = insight.pattern_id else {
                self.insights.push(insight);
                continue;
            };
            let Some(pattern) = tx.failure_patterns().lookup(id).await? else { continue };
            let has = |call: &Call| call.verb == insight.verb && has_option(call, &pattern.subject);
            if !pattern.is_active || !calls.iter().any(has) {
                continue;
            }
            self.insights.push(insight);
            if !self.patterns.iter().any(|known| known.id == id) {
                self.patterns.push(pattern);
            }
        }
        Ok(self)
    }
}
