//! What kind of failure an error tells of, by the table of known wordings.

use std::sync::LazyLock;

use regex::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::{
    class::{FailureClass, Family},
    rules::{Keeps, RULES, Rule},
    unwrap::Unwrapped,
};

/// The verdict on an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) class: FailureClass,
    /// The wording, unless none is known.
    pub(super) rule: Option<&'static str>,
    /// Where the wording comes from.
    pub(super) family: Family,
    pub(super) keeps: Keeps,
    /// What it is about: a cmdlet, an option, a module, a kind of path; lower case.
    pub(super) subject: Option<String>,
}

/// The table, compiled.
#[derive(Debug)]
pub struct Classifier {
    set: RegexSet,
    rules: Vec<(&'static Rule, Regex)>,
}

static ALL: LazyLock<Classifier> = LazyLock::new(|| Classifier::without(None));

impl Classifier {
    /// The whole table.
    pub fn whole() -> &'static Self {
        &ALL
    }

    /// The table without the wordings of one family: to measure what the masks alone achieve for it.
    pub fn without(family: Option<Family>) -> Self {
        let kept = RULES.iter().filter(|rule| Some(rule.family) != family);
        let rules: Vec<(&Rule, Regex)> = kept
            .filter_map(|rule| {
                let compiled = RegexBuilder::new(rule.pattern).case_insensitive(true).multi_line(true).build().ok()?;
                Some((rule, compiled))
            })
            .collect();
        let patterns = rules.iter().map(|(rule, _)| rule.pattern);
        let set = RegexSetBuilder::new(patterns).case_insensitive(true).multi_line(true).size_limit(64 << 20).build();
        Self { set: set.unwrap_or_else(|_| RegexSet::empty()), rules }
    }

    /// The verdict on `error`. Wordings of one product are looked for in all of it; what any program may say first where it
    /// says what is wrong.
    pub(super) fn classify(&self, error: &Unwrapped) -> Verdict {
        let special = self.first(&error.text, is_special);
        let verdict = special
            .or_else(|| by_error_id(error))
            .or_else(|| self.first(&error.head, |_| true))
            .or_else(|| self.first(&error.text, |_| true));
        verdict.unwrap_or(Verdict {
            class: FailureClass::Other,
            rule: None,
            family: Family::General,
            keeps: Keeps::Text,
            subject: None,
        })
    }

    fn first(&self, text: &str, fits: impl Fn(&Rule) -> bool) -> Option<Verdict> {
        let at =
            self.set.matches(text).into_iter().find(|at| self.rules.get(*at).is_some_and(|(rule, _)| fits(rule)))?;
        let (rule, expression) = self.rules.get(at)?;
        let captures = expression.captures(text)?;
        let (class, name, keeps) = (rule.class, Some(rule.name), rule.keeps);
        Some(Verdict { class, rule: name, family: rule.family, keeps, subject: subject(&captures) })
    }
}

/// Whether the wording is of one product, rather than what any program may say.
fn is_special(rule: &Rule) -> bool {
    match rule.family {
        Family::General | Family::Network => false,
        Family::Bash | Family::Language => rule.keeps == Keeps::RuleAlone,
        _ => rule.keeps != Keeps::Text,
    }
}

fn subject(captures: &Captures<'_>) -> Option<String> {
    if let Some(path) = captures.name("path") {
        return Some(kind_of_path(path.as_str()).to_owned());
    }
    let found = captures.name("subject").or_else(|| captures.name("other"))?;
    let name =
        found.as_str().trim().trim_matches(|c: char| matches!(c, '\'' | '"' | '`' | '.' | ',' | ':' | '(' | ')'));
    let lower = name.to_lowercase();
    // A command by its whole path is the command.
    let base = lower.rsplit(['/', '\\']).next().filter(|base| !base.is_empty()).unwrap_or(&lower);
    let base = base.strip_suffix(".exe").unwrap_or(base);
    (!base.is_empty()).then(|| base.to_owned())
}

/// The kind of a path: where it leads, not what it names.
fn kind_of_path(path: &str) -> &'static str {
    let lower = path.to_lowercase();
    let drive = lower.split(':').next().unwrap_or_default();
    if lower.starts_with("\\\\") {
        "share"
    } else if lower.contains("hkey_") || matches!(drive, "hklm" | "hkcu" | "hkcr" | "hku" | "hkcc" | "registry") {
        "registry"
    } else if matches!(drive, "cert" | "env" | "variable" | "function" | "alias" | "wsman" | "iis" | "ad")
        && lower.contains(':')
    {
        "provider"
    } else {
        "file"
    }
}

/// The ids that `PowerShell` gives its errors are the same in every language; texts are not.
fn by_error_id(error: &Unwrapped) -> Option<Verdict> {
    use FailureClass as Class;
    let id = error.error_id.as_deref()?;
    let quoted = || error.text.split(['\'', '"']).nth(1).map(str::to_lowercase);
    let target = || error.target.as_deref().map(str::to_lowercase);
    let (class, rule, keeps, subject) = match id {
        "CommandNotFoundException" => (Class::CommandNotFound, "command_not_found", Keeps::RuleAlone, target()),
        "NamedParameterNotFound" => (Class::UnknownOption, "unknown_parameter", Keeps::Rule, quoted()),
        "PositionalParameterNotFound" => (Class::UnknownOption, "positional_parameter", Keeps::Rule, None),
        "AmbiguousParameter" => (Class::UnknownOption, "ambiguous_parameter", Keeps::Rule, quoted()),
        "AmbiguousParameterSet" => (Class::InvalidArgument, "parameter_set", Keeps::Rule, None),
        "MissingArgument" => (Class::InvalidArgument, "missing_argument", Keeps::Rule, quoted()),
        "ParameterArgumentValidationError" => (Class::InvalidArgument, "validate_argument", Keeps::Rule, quoted()),
        "ParameterArgumentValidationErrorNullNotAllowed" | "ParameterArgumentValidationErrorEmptyStringNotAllowed" => {
            (Class::InvalidArgument, "bind_null", Keeps::Rule, quoted())
        }
        "ParameterArgumentTransformationError" | "CannotConvertArgumentNoMessage" => {
            (Class::InvalidArgument, "bind_conversion", Keeps::Rule, quoted())
        }
        "InputObjectNotBound" => (Class::InvalidArgument, "input_object", Keeps::Rule, None),
        "PathNotFound" => {
            let kind = target().map(|target| kind_of_path(&target).to_owned());
            (Class::PathNotFound, "path_not_found", Keeps::Rule, kind)
        }
        "DriveNotFound" => (Class::ObjectNotFound, "drive_missing", Keeps::Rule, None),
        "NoServiceFoundForGivenName" | "NoServiceFoundForGivenDisplayName" => {
            (Class::ObjectNotFound, "service_missing", Keeps::Rule, None)
        }
        "NoProcessFoundForGivenName" | "NoProcessFoundForGivenId" => {
            (Class::ObjectNotFound, "process_missing", Keeps::Rule, None)
        }
        "CouldNotStartService" => (Class::Service, "service_control", Keeps::Rule, Some("start".to_owned())),
        "CouldNotStopService" => (Class::Service, "service_control", Keeps::Rule, Some("stop".to_owned())),
        "Modules_ModuleNotFound" => (Class::ModuleMissing, "module_not_loaded", Keeps::RuleAlone, target()),
        "TypeNotFound" => (Class::ModuleMissing, "type_missing", Keeps::Rule, target()),
        "MethodNotFound" => (Class::UnknownOption, "method_missing", Keeps::Rule, target()),
        "InvokeMethodOnNull" => (Class::InvalidArgument, "null_method", Keeps::Rule, None),
        "NullArray" => (Class::InvalidArgument, "null_index", Keeps::Rule, None),
        "UnauthorizedAccess" => (Class::ExecutionPolicy, "scripts_disabled", Keeps::RuleAlone, None),
        "InvalidEndOfLine" => (Class::Syntax, "statement_separator", Keeps::RuleAlone, quoted()),
        "UnexpectedToken" => (Class::Syntax, "unexpected_token", Keeps::RuleAlone, None),
        "TerminatorExpectedAtEndOfString" => (Class::Syntax, "string_terminator", Keeps::RuleAlone, None),
        _ => return None,
    };
    Some(Verdict { class, rule: Some(rule), family: Family::PowerShell, keeps, subject })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::unwrap::unwrap;

    #[test]
    fn every_rule_compiles_and_has_a_name_in_its_own_spelling() {
        let classifier = Classifier::whole();
        let broken: Vec<&str> =
            RULES.iter().filter(|rule| Regex::new(rule.pattern).is_err()).map(|rule| rule.pattern).collect();
        assert!(broken.is_empty(), "{broken:?}");
        assert_eq!(classifier.set.len(), RULES.len());
        assert_eq!(RULES.len(), super::super::rules::lines().count(), "every line is read");
        assert!(RULES.iter().all(|rule| rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }

    #[test]
    fn one_cause_has_one_verdict_in_every_shell_and_language() {
        let verdict = |error: &str| {
            let verdict = Classifier::whole().classify(&unwrap(error));
            (verdict.class, verdict.rule, verdict.subject)
        };
        let expected = (FailureClass::CommandNotFound, Some("command_not_found"), Some("jq".to_owned()));
        for error in [
            "bash: jq: command not found",
            "-bash: line 1: jq: command not found",
            "zsh: command not found: jq",
            "sh: 1: jq: not found",
            "/bin/sh: jq: not found",
            "'jq' is not recognized as an internal or external command,\r\noperable program or batch file.",
            "jq : The term 'jq' is not recognized as the name of a cmdlet, function, script file, or operable program.",
            "jq: The term 'jq' is not recognized as a name of a cmdlet, function, script file, or executable program.",
            "jq : Die Benennung \"jq\" wurde nicht als Name eines Cmdlet erkannt.\nIn Zeile:1 Zeichen:1\n+ jq\n+ ~~\n    + CategoryInfo          : ObjectNotFound: (jq:String) [], CommandNotFoundException\n    + FullyQualifiedErrorId : CommandNotFoundException",
        ] {
            assert_eq!(verdict(error), expected, "{error}");
        }
    }
}
