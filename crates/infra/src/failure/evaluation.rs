//! How well groups agree with labels.

use std::collections::BTreeMap;

use super::{Classifier, Failed, Fingerprint, fingerprint, join::similarity};

/// A labelled failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The group that it belongs to.
    pub group: String,
    /// The command line.
    pub command: String,
    /// What it said.
    pub error: String,
}

/// How well groups agree with labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// How many failures there are.
    pub lines: usize,
    /// How many labels.
    pub labels: usize,
    /// How many groups were made.
    pub groups: usize,
    /// The share of failures whose group is exactly their label's.
    pub grouping_accuracy: f64,
    /// Of the pairs in one group, the share with one label.
    pub precision: f64,
    /// Of the pairs with one label, the share in one group.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

/// Groups failures as they come in: by key, else by the most similar template of the bucket. The rule that the analysis of stored
/// commands follows too.
#[derive(Debug, Default)]
pub struct Grouping {
    keys: BTreeMap<String, usize>,
    buckets: BTreeMap<String, Vec<(String, usize)>>,
    groups: usize,
}

impl Grouping {
    /// The group of a failure; a new one if it is like none before.
    pub fn assign(&mut self, fingerprint: &Fingerprint) -> usize {
        let keys = fingerprint.canonical();
        let known = keys.iter().find_map(|key| self.keys.get(key).copied());
        let group = known.unwrap_or_else(|| self.similar(fingerprint));
        for key in keys {
            self.keys.entry(key).or_insert(group);
        }
        group
    }

    fn similar(&mut self, fingerprint: &Fingerprint) -> usize {
        let bucket = self.buckets.entry(fingerprint.bucket()).or_default();
        let known = bucket.iter().map(|(template, group)| (template.as_str(), *group));
        let group = fingerprint.join(known).unwrap_or_else(|| {
            self.groups += 1;
            self.groups - 1
        });
        if fingerprint.is_text {
            bucket.push((fingerprint.template.clone(), group));
        }
        group
    }
}

impl Fingerprint {
    /// Which of the templates of its bucket, the oldest first, it joins: the most similar, of equals the oldest.
    pub fn join<'a, G>(&self, known: impl Iterator<Item = (&'a str, G)>) -> Option<G> {
        if !self.is_text {
            return None;
        }
        let mut best: Option<(f64, G)> = None;
        for (template, group) in known {
            let alike = similarity(template, &self.template);
            if alike >= super::join::SIMILAR && best.as_ref().is_none_or(|(most, _)| alike > *most) {
                best = Some((alike, group));
            }
        }
        best.map(|(_, group)| group)
    }
}

/// The groups of `lines`, in their order.
pub fn group(lines: &[Labelled], classifier: &Classifier) -> Vec<usize> {
    let mut grouping = Grouping::default();
    let mut groups = Vec::with_capacity(lines.len());
    for line in lines {
        let failed = Failed { command: &line.command, error: &line.error, shell: None, exit_code: None };
        groups.push(grouping.assign(&fingerprint(&failed, classifier)));
    }
    groups
}

/// How well `groups` agree with the labels of `lines`.
#[expect(clippy::cast_precision_loss, reason = "counts of lines lie far below 2^52")]
pub fn score(lines: &[Labelled], groups: &[usize]) -> Scores {
    let mut by_label: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_group: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, (line, group)) in lines.iter().zip(groups).enumerate() {
        by_label.entry(&line.group).or_default().push(at);
        by_group.entry(*group).or_default().push(at);
    }
    let pairs = |members: usize| members * members.saturating_sub(1) / 2;
    let mut agreed = 0;
    let mut exact = 0;
    for members in by_group.values() {
        let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
        for at in members {
            *labels.entry(&lines[*at].group).or_default() += 1;
        }
        agreed += labels.values().map(|count| pairs(*count)).sum::<usize>();
        if let [label] = labels.keys().collect::<Vec<_>>()[..]
            && by_label.get(label).is_some_and(|all| all.len() == members.len())
        {
            exact += members.len();
        }
    }
    let together: usize = by_group.values().map(|members| pairs(members.len())).sum();
    let wanted: usize = by_label.values().map(|members| pairs(members.len())).sum();
    let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
    let (precision, recall) = (share(agreed, together), share(agreed, wanted));
    let f1 = if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
    Scores {
        lines: lines.len(),
        labels: by_label.len(),
        groups: by_group.len(),
        grouping_accuracy: share(exact, lines.len()),
        precision,
        recall,
        f1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(labels: &[&str]) -> Vec<Labelled> {
        let line = |label: &&str| Labelled { group: (*label).to_owned(), command: String::new(), error: String::new() };
        labels.iter().map(line).collect()
    }

    #[test]
    fn a_group_counts_only_when_it_is_exactly_its_label() {
        let lines = labelled(&["a", "a", "b", "b", "c"]);
        let whole = score(&lines, &[0, 0, 1, 1, 2]);
        assert!((whole.grouping_accuracy - 1.0).abs() < 1e-9 && (whole.f1 - 1.0).abs() < 1e-9);
        let split = score(&lines, &[0, 1, 2, 2, 3]);
        assert!((split.grouping_accuracy - 0.6).abs() < 1e-9);
        assert!((split.precision - 1.0).abs() < 1e-9 && (split.recall - 0.5).abs() < 1e-9);
        let merged = score(&lines, &[0, 0, 0, 0, 1]);
        assert!((merged.grouping_accuracy - 0.2).abs() < 1e-9);
        assert!((merged.precision - 2.0 / 6.0).abs() < 1e-9 && (merged.recall - 1.0).abs() < 1e-9);
    }
}
