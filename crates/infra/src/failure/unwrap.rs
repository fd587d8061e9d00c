//! The message of an error without what consoles put around it.

use std::sync::LazyLock;

use regex::Regex;

use super::expr::{fixed, found, replace};

/// An error without colours, positions in scripts and echoes of the code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unwrapped {
    /// Every line of the message that is left. Of `PowerShell` it is one: consoles break its lines where they please.
    pub text: String,
    /// The line that says what is wrong.
    pub head: String,
    /// The command that reports it, where the error itself begins with one.
    pub reporter: Option<String>,
    /// The first part of `PowerShell`'s `FullyQualifiedErrorId`, which is the same in every language.
    pub error_id: Option<String>,
    /// What `CategoryInfo` says that the error is about.
    pub target: Option<String>,
    /// Whether it is in the form of `PowerShell`.
    pub is_powershell: bool,
}

static ANSI: LazyLock<Option<Regex>> = LazyLock::new(|| {
    fixed(
        r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]",
    )
});
/// `At line:1 char:4`, `In C:\x.ps1:3 Zeichen:1`: a line that ends in a position, in whatever language.
static POSITION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    fixed(r"(?i)^\s*(?:\p{L}+\s+){1,3}(?:[^\n]*?\.psm?1\s*:\s*\d+|\p{L}+\s*:\s*\d+)\s*,?\s*(?:\p{L}*\s*:\s*\d+)\s*$")
});
static CODE: LazyLock<Option<Regex>> = LazyLock::new(|| fixed(r"^\s*\+(?:\s|$)|^\s*~+\s*$"));
static CATEGORY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    fixed(r"CategoryInfo\s*:\s*\w+\s*:\s*\((?P<target>[^()]*(?:\([^()]*\)[^()]*)*)\)\s*\[(?P<command>[^\]]*)\]")
});
static ERROR_ID: LazyLock<Option<Regex>> = LazyLock::new(|| fixed(r"FullyQualifiedErrorId\s*:\s*(?P<id>[^\s,]+)"));
/// The lines that `PowerShell` 7 draws: `Line |`, `   1 |  code`, `     |  ~~~`.
static DRAWN_CODE: LazyLock<Option<Regex>> = LazyLock::new(|| fixed(r"^\s*Line \|\s*$|^\s*\d+ \|\s|^\s*\|\s+~+\s*$"));
static DRAWN_TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| fixed(r"^\s*\|\s+"));
static REPORTER: LazyLock<Option<Regex>> =
    LazyLock::new(|| fixed(r"^(?P<name>[A-Za-z]+-[A-Za-z][A-Za-z0-9]*|[\w.\\:-]+\.ps1)\s?:\s+(?P<rest>\S)"));
/// What makes a line the one that says what is wrong.
static TELLS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    fixed(
        r"(?i)\b(?:errors?|fatal|failed|failure|fails|cannot|can't|could not|couldn't|unable|denied|refused|invalid|unknown|not found|no such|not recognized|unexpected|missing|expired|timed out|timeout|abort(?:ed)?|exception|unsupported|not supported|not permitted|forbidden|rejected|conflict|illegal|mismatch|panic|killed|exceeded|corrupt)\b|^(?:E|ERR!?|FATAL|Msg \d+):?\s|\b\w+(?:Error|Exception)\b",
    )
});
static NOISE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    fixed(
        r"(?i)^\s*(?:(?:warning|warn|notice|info|hint|debug|note)\b|npm warn|\s*at \S+ ?\(|reading package|building dependency|cloning into|using default|please |see |try |use |usage:|hint:|@+\s*$|-+\s*$|=+\s*$)",
    )
});

/// Takes the wrapping off.
pub fn unwrap(error: &str) -> Unwrapped {
    let plain = replace(ANSI.as_ref(), error, "").replace(['\u{2018}', '\u{2019}', '\u{201a}'], "'");
    let plain = plain.replace(['\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}', '\u{bb}'], "\"").replace('\u{a0}', " ");
    let plain = plain.replace("\r\n", "\n").replace('\r', "\n");
    let joined = rejoin(&plain);
    let mut unwrapped = Unwrapped {
        error_id: capture(&ERROR_ID, &joined, "id"),
        target: capture(&CATEGORY, &joined, "target").map(|target| named(&target)),
        ..Unwrapped::default()
    };
    let drawn = plain.lines().any(|line| found(DRAWN_CODE.as_ref(), line));
    let marked = plain.lines().any(|line| found(POSITION.as_ref(), line));
    unwrapped.is_powershell = unwrapped.error_id.is_some() || unwrapped.target.is_some() || drawn || marked;
    let mut lines: Vec<String> = Vec::new();
    let mut skipping = false;
    for line in plain.lines() {
        // What a console broke off the echo of the code goes with it.
        let is_code = unwrapped.is_powershell && found(CODE.as_ref(), line);
        let goes_on = skipping && line.starts_with([' ', '\t']);
        if is_code || goes_on || found(DRAWN_CODE.as_ref(), line) || found(POSITION.as_ref(), line) {
            skipping = is_code || goes_on;
            continue;
        }
        skipping = false;
        let line = if drawn { replace(DRAWN_TEXT.as_ref(), line, "") } else { line.to_owned() };
        if !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
        }
    }
    if let Some(captures) = lines.first().and_then(|line| REPORTER.as_ref()?.captures(line)) {
        unwrapped.reporter = captures.name("name").map(|name| name.as_str().to_owned());
        let rest = captures.name("rest").map_or(0, |rest| rest.start());
        unwrapped.is_powershell = true;
        let message = lines[0][rest..].to_owned();
        lines[0] = message;
    }
    if unwrapped.is_powershell && !lines.iter().any(|line| line.contains("Traceback")) {
        lines = vec![lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")];
    }
    unwrapped.head = head(&lines);
    unwrapped.text = lines.join("\n");
    unwrapped
}

/// The name in what `CategoryInfo` calls the target: `(Get-Foo:String)`.
fn named(target: &str) -> String {
    target.rsplit_once(':').map_or(target, |(name, _)| name).trim().to_owned()
}

fn capture(expression: &LazyLock<Option<Regex>>, text: &str, group: &str) -> Option<String> {
    let captures = expression.as_ref()?.captures(text)?;
    captures.name(group).map(|found| found.as_str().to_owned())
}

/// The `+` lines of `PowerShell` as they were before a console broke them.
fn rejoin(plain: &str) -> String {
    let mut joined = String::with_capacity(plain.len());
    for line in plain.lines() {
        let in_plus = joined.rsplit('\n').next().is_some_and(|last| last.trim_start().starts_with("+ "));
        if in_plus && line.starts_with(' ') && !line.trim_start().starts_with('+') {
            joined.push_str(line.trim());
        } else {
            joined.push('\n');
            joined.push_str(line.trim_end());
        }
    }
    joined
}

/// The line that says what is wrong: of a Python traceback the last, else the first that tells of an error.
fn head(lines: &[String]) -> String {
    let traced = lines.iter().any(|line| line.starts_with("Traceback"));
    let flush = |line: &&String| !line.starts_with([' ', '\t']);
    let chosen = if traced {
        lines.iter().rev().find(flush)
    } else {
        let tells = |line: &&String| found(TELLS.as_ref(), line) && !found(NOISE.as_ref(), line);
        lines.iter().find(tells).or_else(|| lines.iter().find(|line| !found(NOISE.as_ref(), line)))
    };
    chosen.or_else(|| lines.first()).map(|line| line.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_compiles() {
        for expression in
            [&ANSI, &POSITION, &CODE, &CATEGORY, &ERROR_ID, &DRAWN_CODE, &DRAWN_TEXT, &REPORTER, &TELLS, &NOISE]
        {
            assert!(expression.is_some());
        }
    }

    #[test]
    fn an_error_of_old_powershell_keeps_its_message_its_id_and_its_target() {
        let unwrapped = unwrap(
            "Get-Foo : The term 'Get-Foo' is not recognized as the name of a cmdlet, function, script \r\nfile, or operable program.\r\nAt line:1 char:8\r\n+ Get-Foo <<<<  -Bar 1\r\n    + CategoryInfo          : ObjectNotFound: (Get-Foo:String) [], CommandNotFo \r\n   undException\r\n    + FullyQualifiedErrorId : CommandNotFoundException\r\n",
        );
        assert_eq!(
            unwrapped.head,
            "The term 'Get-Foo' is not recognized as the name of a cmdlet, function, script file, or operable program."
        );
        assert_eq!(unwrapped.error_id.as_deref(), Some("CommandNotFoundException"));
        assert_eq!(unwrapped.target.as_deref(), Some("Get-Foo"));
        assert_eq!(unwrapped.reporter.as_deref(), Some("Get-Foo"));
    }

    #[test]
    fn an_error_of_new_powershell_loses_its_colours_and_its_drawing() {
        let unwrapped = unwrap(
            "\u{1b}[31;1mGet-Item: \u{1b}[0m\n\u{1b}[36;1mLine |\u{1b}[0m\n\u{1b}[36;1m   1 | \u{1b}[0m Get-Item C:\\x\n     | ~~~~~~~~~\n     | \u{1b}[31;1mCannot find path 'C:\\x' because it does not exist.\u{1b}[0m",
        );
        assert!(unwrapped.text.ends_with("Cannot find path 'C:\\x' because it does not exist."), "{unwrapped:?}");
        assert!(!unwrapped.text.contains('~') && !unwrapped.text.contains('\u{1b}'));
    }

    #[test]
    fn a_position_is_known_in_other_languages() {
        for line in
            ["In Zeile:1 Zeichen:1", "Au caractère Ligne:1 : 5", "En línea: 1 Carácter: 1", "At C:\\x\\y.ps1:3 char:5"]
        {
            let unwrapped = unwrap(&format!("kaputt\n{line}\n+ Get-Foo\n+ ~~~"));
            assert_eq!(unwrapped.text, "kaputt", "{line}");
        }
    }

    #[test]
    fn the_last_line_of_a_traceback_tells() {
        let text = "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n    import y\nModuleNotFoundError: No module named 'y'";
        assert_eq!(unwrap(text).head, "ModuleNotFoundError: No module named 'y'");
    }
}
