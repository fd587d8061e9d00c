//! `cargo xtask eval-patterns`: how well the grouping of failures agrees with labels.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use claudetools_infra::failure::{Classifier, Family, Labelled, Scores, group, score};
use claudetools_kernel::Enumeration;

use crate::failure::{Failure, Result};

/// What to score.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Lines of group, command and error between tabs; command and error are strings of JSON.
    file: PathBuf,
    /// Leave out the wordings of one family at a time, and score the lines whose group begins with its name: what is left are the
    /// masks and what any program may say.
    #[arg(long)]
    leave_one_out: bool,
    /// Name the groups that were not found exactly.
    #[arg(long)]
    show: bool,
}

/// Groups the lines of a file and prints how well the groups agree with the labels.
pub(crate) fn run(options: &Options) -> Result<()> {
    let lines = read(&options.file)?;
    let groups = group(&lines, Classifier::whole());
    print("all lines", &score(&lines, &groups));
    if options.show {
        show(&lines, &groups);
    }
    if options.leave_one_out {
        let left_out = leave_one_out(&lines);
        for (family, scores) in &left_out.families {
            print(&format!("without the wordings of {family}"), scores);
        }
        let LeftOut { lines, mean, .. } = left_out;
        println!("leaving out one family at a time: {lines} lines, grouping accuracy {mean:.4}");
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Labelled>> {
    let path = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| Failure::new(format!("{path}: {error}")))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| parse(line).ok_or_else(|| Failure::new(format!("{path}:{}: not a labelled failure", at + 1))))
        .collect()
}

/// A string of JSON; text without quotes is taken as the inside of one.
fn unescape(text: &str) -> Option<String> {
    let text = text.trim();
    if text.starts_with('"') {
        serde_json::from_str(text).ok()
    } else {
        serde_json::from_str(&format!("\"{text}\"")).ok()
    }
}

fn parse(line: &str) -> Option<Labelled> {
    let mut parts = line.splitn(3, '\t');
    let (group, command, error) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Labelled { group: group.trim().to_owned(), command: unescape(command)?, error: unescape(error)? })
}

fn print(what: &str, scores: &Scores) {
    println!(
        "{what}: {} lines, {} labels, {} groups; grouping accuracy {:.4}, precision {:.4}, recall {:.4}, F1 {:.4}",
        scores.lines,
        scores.labels,
        scores.groups,
        scores.grouping_accuracy,
        scores.precision,
        scores.recall,
        scores.f1
    );
}

/// The scores of each family whose wordings were left out, and the grouping accuracy over all their lines.
struct LeftOut {
    families: Vec<(Family, Scores)>,
    lines: usize,
    mean: f64,
}

fn leave_one_out(lines: &[Labelled]) -> LeftOut {
    let mut families = Vec::new();
    for family in Family::ALL {
        let of_family: Vec<Labelled> = of(lines, *family).cloned().collect();
        if of_family.is_empty() {
            continue;
        }
        let groups = group(&of_family, &Classifier::without(Some(*family)));
        families.push((*family, score(&of_family, &groups)));
    }
    let counted: usize = families.iter().map(|(_, scores)| scores.lines).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts of lines lie far below 2^52")]
    let exact: f64 = families.iter().map(|(_, scores)| scores.grouping_accuracy * scores.lines as f64).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts of lines lie far below 2^52")]
    let mean = if counted == 0 { 0.0 } else { exact / counted as f64 };
    LeftOut { families, lines: counted, mean }
}

/// The lines whose group begins with the name of a family.
fn of(lines: &[Labelled], family: Family) -> impl Iterator<Item = &Labelled> {
    let first = |line: &Labelled| line.group.split(['-', '_', '/', '.', ':']).next().map(str::to_owned);
    lines.iter().filter(move |line| first(line).is_some_and(|name| named(family, &name)))
}

fn named(family: Family, name: &str) -> bool {
    let also = match family {
        Family::PowerShell => "ps",
        Family::Network => "net",
        Family::Language => "python",
        Family::General => "other",
        _ => "",
    };
    name == family.as_str() || name == also
}

fn show(lines: &[Labelled], groups: &[usize]) {
    let mut labels: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut wanted: BTreeMap<&str, BTreeMap<usize, usize>> = BTreeMap::new();
    for (line, group) in lines.iter().zip(groups) {
        *labels.entry(*group).or_default().entry(&line.group).or_default() += 1;
        *wanted.entry(&line.group).or_default().entry(*group).or_default() += 1;
    }
    for (label, parts) in wanted.iter().filter(|(_, parts)| parts.len() > 1) {
        println!("split: {label} into {} groups", parts.len());
    }
    for members in labels.values().filter(|members| members.len() > 1) {
        println!("merged: {}", members.keys().copied().collect::<Vec<_>>().join(", "));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What leaving out one family at a time scored when this was written, less a little.
    const WITHOUT_ITS_WORDINGS: f64 = 0.70;

    fn labelled() -> Vec<Labelled> {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/failures.tsv")).unwrap()
    }

    #[test]
    fn failures_of_one_label_are_one_group() {
        let lines = labelled();
        assert!(lines.len() >= 500, "{} lines", lines.len());
        let scores = score(&lines, &group(&lines, Classifier::whole()));
        assert!(scores.grouping_accuracy >= 0.95, "{scores:?}");
    }

    #[test]
    fn no_two_labels_of_powershell_are_merged() {
        let lines = labelled();
        let groups = group(&lines, Classifier::whole());
        let of_powershell: BTreeSet<&str> = of(&lines, Family::PowerShell).map(|line| line.group.as_str()).collect();
        assert!(of_powershell.len() >= 10, "{of_powershell:?}");
        let mut members: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for (line, group) in lines.iter().zip(groups) {
            members.entry(group).or_default().insert(&line.group);
        }
        let merged: Vec<&BTreeSet<&str>> = members
            .values()
            .filter(|labels| labels.len() > 1 && labels.iter().any(|label| of_powershell.contains(label)))
            .collect();
        assert!(merged.is_empty(), "{merged:?}");
    }

    #[test]
    fn without_its_wordings_a_family_is_still_told_apart_for_the_most_part() {
        let left_out = leave_one_out(&labelled());
        assert!(left_out.families.len() > 3, "{} families", left_out.families.len());
        assert!(left_out.mean >= WITHOUT_ITS_WORDINGS, "{:.4} over {} lines", left_out.mean, left_out.lines);
    }
}
