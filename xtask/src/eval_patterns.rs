//! `cargo xtask eval-patterns`: how well the grouping of failures agrees with labels.

use std::{collections::BTreeMap, path::PathBuf};

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
    let lines = read(options)?;
    let groups = group(&lines, Classifier::whole());
    print("all lines", &score(&lines, &groups));
    if options.show {
        show(&lines, &groups);
    }
    if options.leave_one_out {
        leave_one_out(&lines);
    }
    Ok(())
}

fn read(options: &Options) -> Result<Vec<Labelled>> {
    let path = options.file.display();
    let text = std::fs::read_to_string(&options.file).map_err(|error| Failure::new(format!("{path}: {error}")))?;
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

fn leave_one_out(lines: &[Labelled]) {
    let mut exact = 0.0;
    let mut counted = 0;
    for family in Family::ALL {
        let is_of = |line: &&Labelled| {
            line.group.split(['-', '_', '/', '.', ':']).next().is_some_and(|name| named(*family, name))
        };
        let of_family: Vec<Labelled> = lines.iter().filter(is_of).cloned().collect();
        if of_family.is_empty() {
            continue;
        }
        let groups = group(&of_family, &Classifier::without(Some(*family)));
        let scores = score(&of_family, &groups);
        print(&format!("without the wordings of {family}"), &scores);
        #[expect(clippy::cast_precision_loss, reason = "counts of lines lie far below 2^52")]
        let lines = scores.lines as f64;
        exact += scores.grouping_accuracy * lines;
        counted += scores.lines;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of lines lie far below 2^52")]
    let mean = if counted == 0 { 0.0 } else { exact / counted as f64 };
    println!("leaving out one family at a time: {counted} lines, grouping accuracy {mean:.4}");
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
