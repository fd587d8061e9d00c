//! What identifies a failure: class, verb, subject and what is left of the text when everything that varies is masked.

use super::{
    class::FailureClass,
    classify::Classifier,
    mask::{MASK, codes, mask},
    rules::Keeps,
    unwrap::{Unwrapped, unwrap},
    verb::{Call, calls, intent, operands},
};
use crate::failure::ShellType;

/// The version of everything that a key depends on: wordings, aliases, masks. It is stored with each key, so that keys made by an
/// earlier version stay what they are.
pub const FINGERPRINT_VERSION: i32 = 1;

/// The longest template kept, in characters.
const LONGEST_TEMPLATE: usize = 400;

/// A failure without what varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// What went wrong.
    pub class: FailureClass,
    /// What was called, aliases resolved; the family of the wording where it is the same whatever was called.
    pub verb: String,
    /// What it is about: a cmdlet, an option, a module, a kind of path, a code of an error.
    pub subject: String,
    /// The masked text, or the name of a wording that says it all.
    pub template: String,
    /// Whether `template` is text that a similar one may join.
    pub is_text: bool,
    /// An id that names the error in every language and version, where no wording is known.
    pub error_id: Option<String>,
    /// The verb of the failing command itself.
    pub command: String,
    /// What the failing command is meant to do.
    pub intent: String,
    /// The line that says what is wrong, as it is.
    pub message: String,
    /// The same, masked.
    pub shape: String,
}

impl Fingerprint {
    /// What similar failures share: they are compared with each other only.
    pub fn bucket(&self) -> String {
        [self.class.to_string().as_str(), &self.verb, &self.subject].join("\u{1f}")
    }

    /// What the keys are the SHA-256 of: that of the error's id, if it has one, before that of its text. A failure belongs where
    /// the first of them is known that is known at all.
    pub fn canonical(&self) -> Vec<String> {
        let by_id =
            self.error_id.as_ref().map(|id| format!("{FINGERPRINT_VERSION}\u{1f}id\u{1f}{}\u{1f}{id}", self.command));
        let by_text = format!("{FINGERPRINT_VERSION}\u{1f}{}\u{1f}{}", self.bucket(), self.template);
        by_id.into_iter().chain([by_text]).collect()
    }

    /// A regular expression for messages of this shape.
    pub fn expression(&self) -> Option<String> {
        let parts = self.shape.split(MASK).map(|part| {
            let words: Vec<String> = part.split_whitespace().map(regex::escape).collect();
            words.join(r"\W+")
        });
        let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| format!("(?i){}", parts.join(".*")))
    }
}

/// What is known of a failed command.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The command line.
    pub command: &'a str,
    /// What it said.
    pub error: &'a str,
    /// The shell, if known.
    pub shell: Option<ShellType>,
    /// Its exit code, if known.
    pub exit_code: Option<i32>,
}

/// The fingerprint of a failure.
pub fn fingerprint(failed: &Failed<'_>, classifier: &Classifier) -> Fingerprint {
    let error = unwrap(failed.error);
    let powershell = error.is_powershell || failed.shell == Some(ShellType::Powershell);
    let calls = calls(failed.command, powershell);
    let at_fault = at_fault(&calls, &error, powershell);
    let verdict = classifier.classify(&error);
    let command = at_fault.map_or_else(String::new, |call| call.verb.clone());
    let purpose = at_fault.map_or_else(String::new, intent);
    let verb = match (verdict.keeps, verdict.class, &verdict.subject) {
        (_, FailureClass::CommandNotFound, Some(name)) => name.clone(),
        (Keeps::RuleAlone, ..) => verdict.family.to_string(),
        _ => command.clone(),
    };
    let codes = codes(&error.text);
    let told = if error.head.is_empty() { told_by_code(failed) } else { error.head.clone() };
    let shape = mask(&told, &operands(&calls));
    let (template, is_text) = match (verdict.keeps, verdict.rule) {
        (Keeps::Rule | Keeps::RuleAlone, Some(rule)) => (rule.to_owned(), false),
        _ => (shape.clone(), true),
    };
    // A code tells as much as a subject where the wording does not.
    let subject = match verdict.subject {
        Some(subject) => subject,
        None if is_text => codes.into_iter().collect::<Vec<_>>().join(" "),
        None => String::new(),
    };
    Fingerprint {
        class: verdict.class,
        verb: text_of(&verb),
        subject: text_of(&subject),
        template: template.chars().take(LONGEST_TEMPLATE).collect(),
        is_text,
        error_id: error.error_id.filter(|id| is_text && is_telling(id)).map(|id| id.to_lowercase()),
        command: text_of(&command),
        intent: text_of(&purpose),
        message: told.chars().take(LONGEST_TEMPLATE).collect(),
        shape: shape.chars().take(LONGEST_TEMPLATE).collect(),
    }
}

/// Columns hold 120 characters of it.
pub(super) fn text_of(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

fn told_by_code(failed: &Failed<'_>) -> String {
    failed.exit_code.map_or_else(|| "failed without a word".to_owned(), |code| format!("exit code {code}"))
}

/// Whether an id of `PowerShell` names one error rather than a kind of exception.
fn is_telling(id: &str) -> bool {
    let general = ["Exception", "Error", "Command", "IOError"].iter().any(|end| id.ends_with(end));
    let code = id.chars().all(|c| c.is_ascii_digit() || c == '-');
    !general && !code && !id.contains('.') && id.chars().count() > 3 && !id.contains("Exception")
}

/// The command that failed: the one that the error begins with, else the first.
fn at_fault<'a>(calls: &'a [Call], error: &Unwrapped, powershell: bool) -> Option<&'a Call> {
    let named = |name: &str| {
        let reported = super::verb::calls(name, powershell).into_iter().next()?;
        calls.iter().find(|call| call.verb == reported.verb)
    };
    let reporter = error.reporter.as_deref().and_then(named);
    let prefix = || {
        let (name, _) = error.head.split_once(':')?;
        if name.is_empty() || name.contains(char::is_whitespace) { None } else { named(name) }
    };
    reporter.or_else(prefix).or_else(|| calls.first())
}

/// A command that has not run yet, or did not fail.
pub(super) fn first_call(command: &str, shell: Option<ShellType>) -> Option<Call> {
    calls(command, shell == Some(ShellType::Powershell)).into_iter().next()
}
