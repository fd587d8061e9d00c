//! What a command line calls: its commands, their verbs with aliases resolved, and what they are meant to do.

use std::collections::BTreeSet;

use super::words::{ALIASES, OBJECTS, POWERSHELL_ALIASES, PURPOSES};

/// One command of a command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// The program or cmdlet, lower case, without path and `.exe`; aliases are resolved. Scripts share one verb by kind.
    pub verb: String,
    /// What follows it, quotes taken off.
    pub words: Vec<String>,
}

/// Commands that only run another.
const WRAPPERS: &[&str] = &[
    "sudo", "doas", "env", "time", "nohup", "nice", "ionice", "exec", "command", "call", "builtin", "stdbuf", "setsid",
    "chronic", "unbuffer", "runas", "gsudo", "timeout", "watch", "strace", "xargs", "then", "do", "if", "while",
    "else", "!", "&", ".", "try", "return", "catch",
];

/// Statements of SQL are one verb: what fails is the statement, not its first word.
const SQL_WORDS: &[&str] = &[
    "select", "insert", "update", "delete", "create", "alter", "drop", "grant", "revoke", "truncate", "merge", "with",
    "exec", "execute", "declare", "begin", "use", "backup", "restore", "call", "replace", "load", "explain", "vacuum",
    "copy",
];

/// The commands of `line`, in their order. `powershell` says that aliases are those of `PowerShell`.
pub fn calls(line: &str, powershell: bool) -> Vec<Call> {
    segments(line).iter().filter_map(|segment| call(segment, powershell)).collect()
}

/// Parts of a command line between `|`, `&&`, `||`, `;` and line ends, quotes respected.
fn segments(line: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut quoted = false;
    let push = |word: &mut String, quoted: &mut bool, words: &mut Vec<String>| {
        if !word.is_empty() || *quoted {
            words.push(std::mem::take(word));
        }
        *quoted = false;
    };
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') if word.is_empty() || word.ends_with(['=', '(', ':', ',']) => {
                quote = Some(c);
                quoted = true;
            }
            (None, '|' | ';' | '\n') => {
                push(&mut word, &mut quoted, &mut words);
                all.push(std::mem::take(&mut words));
            }
            (None, '&') if chars.peek() == Some(&'&') => {
                chars.next();
                push(&mut word, &mut quoted, &mut words);
                all.push(std::mem::take(&mut words));
            }
            (None, c) if c.is_whitespace() => push(&mut word, &mut quoted, &mut words),
            (None, '{' | '}') if word.is_empty() => push(&mut word, &mut quoted, &mut words),
            (_, c) => word.push(c),
        }
    }
    push(&mut word, &mut quoted, &mut words);
    all.push(words);
    all.retain(|words| !words.is_empty());
    all
}

fn call(words: &[String], powershell: bool) -> Option<Call> {
    let mut rest = words;
    // `$x = Get-Foo`, `A=1 foo`, `sudo -u root foo`.
    loop {
        let (first, after) = rest.split_first()?;
        let lower = first.to_lowercase();
        if after.first().is_some_and(|next| next == "=") && first.starts_with('$') {
            rest = after.get(1..)?;
        } else if is_assignment(first) && !after.is_empty() {
            rest = after;
        } else if WRAPPERS.contains(&base_name(&lower).as_str()) && !after.is_empty() {
            rest = skip_options(after);
        } else if is_shell(&base_name(&lower)) && inner(after).is_some() {
            let text = inner(after)?;
            return calls(&text, powershell || base_name(&lower).starts_with('p')).into_iter().next();
        } else if matches!(base_name(&lower).as_str(), "python" | "python3" | "py")
            && after.first().is_some_and(|word| word == "-m")
        {
            rest = after.get(1..)?;
        } else {
            break;
        }
    }
    let (first, after) = rest.split_first()?;
    let verb = verb_of(first, powershell, after.len());
    Some(Call { verb, words: after.to_vec() })
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// The words behind the options of a wrapper; those that take a value are few and short.
fn skip_options(words: &[String]) -> &[String] {
    let mut rest = words;
    while let Some((first, after)) = rest.split_first() {
        let valued = matches!(first.as_str(), "-u" | "-g" | "-n" | "-c" | "-k" | "-s" | "-I" | "-h" | "-C" | "-o");
        if first.starts_with('-') && first.len() > 1 && !after.is_empty() {
            rest = if valued && after.len() > 1 { &after[1..] } else { after };
        } else if first.chars().next().is_some_and(|c| c.is_ascii_digit()) && !after.is_empty() {
            rest = after;
        } else {
            break;
        }
    }
    rest
}

fn is_shell(name: &str) -> bool {
    matches!(name, "powershell" | "pwsh" | "cmd" | "bash" | "sh" | "zsh" | "dash" | "su")
}

/// The command line that a shell is told to run.
fn inner(words: &[String]) -> Option<String> {
    let at = words.iter().position(|word| {
        let word = word.to_lowercase();
        matches!(word.as_str(), "-c" | "-command" | "/c" | "/k" | "-lc" | "-ec" | "-ic") || word == "-cmd"
    })?;
    let text = words.get(at + 1..)?.join(" ");
    (!text.trim().is_empty()).then_some(text)
}

/// A program's name without its directory and `.exe`.
fn base_name(word: &str) -> String {
    let word = word.trim_start_matches(['(', '&', '@', '{', '`', '"', '\'']);
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let name = name.trim_end_matches([')', ',', '"', '\'']);
    name.strip_suffix(".exe").or_else(|| name.strip_suffix(".com")).unwrap_or(name).to_owned()
}

/// The verb of a word in the place of a command.
fn verb_of(word: &str, powershell: bool, words: usize) -> String {
    let lower = word.to_lowercase();
    if lower.starts_with('[') || lower.starts_with("([") {
        // A static method: `[System.Net.Dns]::GetHostEntry('x')`.
        return lower.trim_start_matches('(').split('(').next().unwrap_or_default().to_owned();
    }
    if lower.starts_with('$') {
        let method = lower.split('(').next().unwrap_or_default();
        return method.rsplit_once('.').map_or_else(|| "$".to_owned(), |(_, method)| format!("$.{method}"));
    }
    let name = base_name(&lower);
    if let Some((_, kind)) = name.rsplit_once('.')
        && matches!(
            kind,
            "ps1"
                | "psm1"
                | "sh"
                | "bash"
                | "bat"
                | "cmd"
                | "py"
                | "pl"
                | "rb"
                | "js"
                | "vbs"
                | "sql"
                | "exe"
                | "msi"
                | "jar"
        )
    {
        return format!("*.{kind}");
    }
    let alias =
        |aliases: &[(&str, &str)]| aliases.iter().find(|(alias, _)| *alias == name).map(|(_, verb)| (*verb).to_owned());
    if !powershell && words > 1 && SQL_WORDS.contains(&name.as_str()) {
        return "sql".to_owned();
    }
    let own = if powershell { alias(POWERSHELL_ALIASES) } else { None };
    own.or_else(|| alias(ALIASES)).unwrap_or(name)
}

/// Words of a command line that name something: what an error repeats of them says nothing about its kind.
pub(super) fn operands(calls: &[Call]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for call in calls {
        let plain = |word: &str| word.chars().all(|c| c.is_ascii_lowercase());
        for (at, word) in call.words.iter().enumerate() {
            // The first plain word is a sub-command: `systemctl start`, `git push`.
            let is_sub_command = at == 0 && call.words.len() > 1 && plain(word);
            if word.starts_with('-') && !word.contains('=') || is_sub_command {
                continue;
            }
            let value = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
            let parts = value.split(['/', '\\', ':', '@', ',', '=']).chain([value]);
            names.extend(
                parts
                    .map(|part| part.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
                    .filter(|part| part.chars().count() > 1 && !COMMON.contains(&part.as_str())),
            );
        }
    }
    names
}

/// Words that errors use of themselves.
const COMMON: &[&str] = &[
    "a",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "by",
    "command",
    "connect",
    "connection",
    "database",
    "directory",
    "does",
    "error",
    "failed",
    "file",
    "find",
    "for",
    "found",
    "from",
    "has",
    "host",
    "in",
    "invalid",
    "is",
    "key",
    "network",
    "no",
    "not",
    "of",
    "on",
    "open",
    "option",
    "or",
    "package",
    "password",
    "path",
    "permission",
    "port",
    "process",
    "read",
    "remote",
    "server",
    "service",
    "start",
    "stop",
    "such",
    "table",
    "the",
    "this",
    "to",
    "unable",
    "unit",
    "update",
    "user",
    "value",
    "version",
    "was",
    "with",
    "write",
    "image",
    "container",
    "module",
    "branch",
    "repository",
    "install",
    "login",
];

/// What a command is meant to do, so that another command with the same intent can stand in for it: `restart service`.
pub fn intent(call: &Call) -> String {
    let first = call.words.iter().find(|word| !word.starts_with('-')).map(|word| word.to_lowercase());
    let first = first.as_deref().unwrap_or_default();
    if let Some((action, object)) = call.verb.split_once('-')
        && !object.is_empty()
        && ACTIONS.contains(&action)
    {
        // WMI says what it is about in its class: `Win32_Service`.
        let class = call
            .words
            .iter()
            .map(|word| word.to_lowercase())
            .find_map(|word| word.strip_prefix("win32_").or_else(|| word.strip_prefix("msft_")).map(str::to_owned));
        let object = class.unwrap_or_else(|| object.to_owned());
        let object = OBJECTS.iter().find(|(name, _)| *name == object).map_or(object.as_str(), |(_, known)| known);
        return format!("{} {object}", same_action(action));
    }
    if matches!(call.verb.as_str(), "systemctl" | "rc-service") && SERVICE_ACTIONS.contains(&first) {
        return format!("{} service", same_action(first));
    }
    if matches!(call.verb.as_str(), "service" | "sc" | "net") {
        let action =
            call.words.iter().map(|word| word.to_lowercase()).find(|word| SERVICE_ACTIONS.contains(&word.as_str()));
        if let Some(action) = action {
            return format!("{} service", same_action(&action));
        }
    }
    if PACKAGERS.contains(&call.verb.as_str())
        && matches!(first, "install" | "add" | "remove" | "update" | "upgrade" | "erase")
    {
        return format!("{} package", same_action(first));
    }
    PURPOSES.iter().find(|(verb, _)| *verb == call.verb).map_or_else(
        || {
            if first.is_empty() || !first.chars().all(|c| c.is_ascii_lowercase()) {
                call.verb.clone()
            } else {
                format!("{} {first}", call.verb)
            }
        },
        |(_, purpose)| (*purpose).to_owned(),
    )
}

const ACTIONS: &[&str] = &[
    "get",
    "set",
    "new",
    "add",
    "remove",
    "start",
    "stop",
    "restart",
    "test",
    "invoke",
    "copy",
    "move",
    "rename",
    "enable",
    "disable",
    "install",
    "uninstall",
    "update",
    "import",
    "export",
    "clear",
    "resolve",
    "register",
    "unregister",
    "find",
    "suspend",
    "resume",
    "mount",
    "dismount",
    "connect",
    "disconnect",
    "show",
    "search",
    "convertto",
    "convertfrom",
    "out",
];
const SERVICE_ACTIONS: &[&str] =
    &["start", "stop", "restart", "status", "query", "reload", "enable", "disable", "is-active", "config"];
const PACKAGERS: &[&str] =
    &["apt", "dnf", "apk", "zypper", "pacman", "brew", "snap", "choco", "winget", "scoop", "emerge"];

/// The one name of an action that goes by several.
fn same_action(action: &str) -> &str {
    match action {
        "status" | "query" | "show" | "find" | "search" | "is-active" => "get",
        "add" => "install",
        "erase" | "uninstall" | "unregister" => "remove",
        "upgrade" => "update",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(line: &str) -> Vec<String> {
        calls(line, false).into_iter().map(|call| call.verb).collect()
    }

    #[test]
    fn a_verb_is_what_is_called_whatever_calls_it() {
        for (line, verb) in [
            ("sudo -u root /usr/bin/docker ps", "docker"),
            ("DEBIAN_FRONTEND=noninteractive apt-get install -y htop", "apt"),
            ("powershell.exe -NoProfile -Command \"Get-Service spooler\"", "get-service"),
            ("cmd /c dir C:\\", "dir"),
            ("$x = Get-WmiObject Win32_Service", "get-wmiobject"),
            ("gwmi Win32_Service", "get-wmiobject"),
            ("C:\\Windows\\System32\\sc.exe query spooler", "sc"),
            (".\\deploy.ps1 -Force", "*.ps1"),
            ("python3 -m pip install x", "pip"),
            ("[System.Net.Dns]::GetHostEntry('x')", "[system.net.dns]::gethostentry"),
            ("SELECT * FROM users", "sql"),
            ("timeout 5 ssh web01 uptime", "ssh"),
        ] {
            assert_eq!(verbs(line).first().map(String::as_str), Some(verb), "{line}");
        }
        assert_eq!(verbs("cat a | grep 'x | y' && echo b; ls"), ["cat", "grep", "echo", "ls"]);
    }

    #[test]
    fn commands_of_different_shells_have_one_intent() {
        let intent_of = |line: &str| calls(line, false).first().map(intent).unwrap_or_default();
        assert_eq!(intent_of("Get-Service spooler"), intent_of("sc query spooler"));
        assert_eq!(intent_of("Get-Service spooler"), intent_of("Get-WmiObject Win32_Service"));
        assert_eq!(intent_of("systemctl restart nginx"), intent_of("service nginx restart"));
        assert_eq!(intent_of("apt install htop"), intent_of("dnf -y install htop"));
        assert_ne!(intent_of("systemctl start nginx"), intent_of("systemctl stop nginx"));
    }
}
