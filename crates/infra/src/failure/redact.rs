//! Secrets in commands and their output are taken out before anything is stored.

use std::{ops::Range, sync::LazyLock};

use regex::{Captures, Regex};

use super::expr::fixed;

/// A value: in double quotes, in single quotes, or up to the next blank. The groups `a`, `b`, `c` are what is taken out.
const VALUE: &str = r#"(?:\\?"(?P<a>[^"\n]+?)\\?"|'(?P<b>[^'\n]+)'|(?P<c>[^\s'";]+))"#;

/// Where a secret may stand, and what it is called in its place.
struct Place {
    kind: &'static str,
    expression: Regex,
    /// Whether a value in this place is a secret at all.
    admits: fn(&str, &Captures<'_>) -> bool,
}

type Admits = fn(&str, &Captures<'_>) -> bool;

/// Shapes that are secret wherever they stand.
const SHAPES: &[(&str, &str)] = &[
    (
        "private_key",
        r"(?P<c>-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\z))",
    ),
    ("private_key", r"(?P<c>Private-Lines: \d+[\s\S]*?(?:Private-MAC: \w+|\z))"),
    ("private_key", r"\b(?P<c>AGE-SECRET-KEY-1[0-9A-Z]{20,})"),
    ("aws_key", r"\b(?P<c>(?:AKIA|ASIA)[A-Z0-9]{16})\b"),
    ("azure_key", r"(?i)\b(?:AccountKey|SharedAccessKey|SharedSecretValue)\s*=\s*(?P<c>[^;\s'\x22]+)"),
    ("azure_key", r"(?:^|[^A-Za-z0-9+/-])(?P<c>[A-Za-z0-9+/]{86}==)"),
    ("azure_key", r"(?:^|[^\w~.-])(?P<c>[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34})"),
    ("azure_key", r"(?i)[?&;]sig=(?P<c>[A-Za-z0-9%/+=_-]{20,})"),
    (
        "token",
        r"\b(?P<c>gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|gl(?:pat|rt|dt|oas|ptt)-[\w.-]{18,}|xox[abeprs]-[\w-]{10,}|xapp-\d-[\w-]{10,})",
    ),
    (
        "token",
        r"\b(?P<c>(?:sk|rk|pk|whsec)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}|sk-(?:proj-|ant-|live-)?[A-Za-z0-9_-]{20,})",
    ),
    (
        "token",
        r"\b(?P<c>AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|dckr_pat_[\w-]{20,}|do[opr]_v1_[a-f0-9]{40,})",
    ),
    (
        "token",
        r"\b(?P<c>hv[sbr]\.[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|glsa_\w{20,}|nfp_\w{20,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{20,}|tskey-[\w-]{10,}|dapi[a-f0-9]{32}|ATATT[\w=-]{20,}|key-[0-9a-f]{32})",
    ),
    ("token", r"\b(?P<c>\d{8,10}:AA[\w-]{32,34})\b"),
    ("token", r"(?P<c>hooks\.slack\.com/(?:services|workflows)/[\w/]{20,})"),
    ("token", r"discord(?:app)?\.com/api/webhooks/\d+/(?P<c>[\w-]{30,})"),
    ("token", r"webhook\.office\.com/webhookb2/(?P<c>\S{30,})"),
    ("jwt", r"\b(?P<c>eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)"),
    ("recovery_key", r"\b(?P<c>(?:\d{6}-){7}\d{6})\b"),
    ("license_key", r"\b(?P<c>(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5})\b"),
];

/// Secrets told by what stands before them. `{V}` is [`VALUE`].
const NAMED: &[(&str, &str, Admits)] = &[
    (
        "token",
        r#"(?i)\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|digest|token|apikey|negotiate|ntlm|bot|key)\s+)?(?P<c>[^\s"',;]+)"#,
        is_token,
    ),
    ("token", r#"(?i)\b(?:bearer|-BearerToken)\s+["']?(?P<c>[A-Za-z0-9._~+/=-]{12,})"#, is_token),
    (
        "token",
        r#"(?i)\b(?:x-api-key|x-auth-token|x-access-token|api-key|apikey|x-vault-token|private-token|job-token|x-amz-security-token|x-goog-api-key|ocp-apim-subscription-key|x-csrf-token)["']?\s*[:=]\s*{V}"#,
        is_token,
    ),
    ("cookie", r#"(?i)\b(?:set-)?cookie["']?\s*[:=]\s*["']?(?P<c>[\w.-]+=[^"'\n]+)"#, is_secret),
    ("password", r#"(?i)\b[a-z][a-z0-9+.-]*://[^\s:/@'"]*:(?P<c>[^\s'"/]+)@[\w\[]"#, is_secret),
    ("token", r"(?i)\bhttps?://(?P<c>[\w~.-]{20,})@", is_secret),
    ("aws_key", r#"(?i)\baws_?secret(?:_?access)?_?key["']?(?:\s*[=:]\s*|\s+){V}"#, is_secret),
    ("aws_key", r#"(?i)\baws_?session_?token["']?(?:\s*[=:]\s*|\s+){V}"#, is_secret),
    // Names and their values: `PGPASSWORD=x`, `"client_secret": "x"`, `Pwd=x;`, `$env:API_KEY = 'x'`.
    (
        "password",
        r#"(?i)(?:^|[^A-Za-z0-9])[\w.-]*?(?:password|passwd|passphrase|passcode|pwd|_pass|\bpass|secret[_-]?phrase|psk|keymaterial|community)["']?\s*(?:=>|:=|==|=)\s*{V}"#,
        is_password,
    ),
    (
        "password",
        r#"(?i)(?:^|[^A-Za-z0-9])[\w.-]*?(?:password|passwd|passphrase|passcode)["']?\s*:\s*{V}"#,
        is_told_password,
    ),
    (
        "secret",
        r#"(?i)(?:^|[^A-Za-z0-9])[\w.-]*?(?:secret|client_?secret|secret_?key|api_?key|access_?key|auth_?key|encryption_?key|signing_?key|private_?key|shared_?key|master_?key|account_?key|storage_?key|subscription_?key|webhook_?key|_auth|salt)["']?\s*(?:=>|:=|=)\s*{V}"#,
        is_password,
    ),
    (
        "secret",
        r#"(?i)(?:^|[^A-Za-z0-9])[\w.-]*?(?:secret|client_?secret|secret_?key|api_?key|access_?key|auth_?key|encryption_?key|signing_?key|private_?key|shared_?key|account_?key|subscription_?key)["']?\s*:\s*{V}"#,
        is_token,
    ),
    ("token", r#"(?i)(?:^|[^A-Za-z0-9])[\w.-]*?token["']?\s*(?:=>|:=|=)\s*{V}"#, is_password),
    ("token", r#"(?i)(?:^|[^A-Za-z0-9])[\w.-]*?token["']?\s*:\s*{V}"#, is_token),
    // Options that say what they take: `--password x`, `-Password x`, `/pass:x`.
    (
        "password",
        r"(?i)(?:^|\s)(?:--?|/)(?P<option>[\w-]*?(?:password|passwd|passphrase|passcode|pwd|pass|psk|pin))(?:[=:]\s*|\s+){V}",
        is_option_value,
    ),
    (
        "secret",
        r"(?i)(?:^|\s)(?:--?|/)(?P<option>[\w-]*?(?:secret|api-?key|access-?key|secret-?key|account-?key|storage-?key|auth-?key|client-?key|shared-?key|private-?key|encryption-?key|apikey|license-?key|product-?key|credential))(?:[=:]\s*|\s+){V}",
        is_option_value,
    ),
    ("token", r"(?i)(?:^|\s)(?:--?|/)(?P<option>[\w-]*?(?:token|sas|bearer))(?:[=:]\s*|\s+){V}", is_option_value),
    // Options that mean a password in one program only.
    (
        "password",
        r"\b(?:mysql\w*|mariadb[\w-]*|mycli|innobackupex|xtrabackup)(?:\.exe)?\s(?:[^|;\n]*?\s)?-p{V}",
        is_secret,
    ),
    ("password", r"\bsshpass\s+-p\s*{V}", is_secret),
    (
        "password",
        r"(?i)\b(?:plink|pscp|psftp|putty|kitty|winscp)(?:\.exe|\.com)?\s(?:[^|;\n]*?\s)?-pw\s+{V}",
        is_secret,
    ),
    (
        "password",
        r"(?i)\b(?:psexec(?:64)?|paexec|wmiexec|psservice|pslist|pskill)(?:\.exe)?\s(?:[^|;\n]*?\s)?-p\s+{V}",
        is_secret,
    ),
    (
        "password",
        r"\b(?:docker|podman|nerdctl|buildah|skopeo|helm registry|az acr|az|oc|rancher|cf|heroku|argocd)\s+(?:registry\s+)?login\s(?:[^|;\n]*?\s)?-p\s+{V}",
        is_secret,
    ),
    ("password", r"\b(?:redis-cli|keydb-cli|valkey-cli)\s(?:[^|;\n]*?\s)?-a\s+{V}", is_secret),
    ("password", r"\b(?:mongo\w*)\s(?:[^|;\n]*?\s)?-p\s*{V}", is_secret),
    ("password", r"(?:^|[\s\\/])(?i:sqlcmd|osql|bcp|isql)(?i:\.exe)?\s(?:[^|;\n]*?\s)?-P\s*{V}", is_secret),
    (
        "password",
        r"\bldap(?:search|modify|add|delete|passwd|whoami|compare|modrdn)\s(?:[^|;\n]*?\s)?-[wys]\s*{V}",
        is_secret,
    ),
    (
        "password",
        r#"\b(?:curl|http|https|httpie|xh)(?:\.exe)?\s(?:[^|;\n]*?\s)?(?:-u|-U|-a|--user|--proxy-user|--auth)[\s=]*["']?[^\s:"']+:(?P<c>[^\s"']+)"#,
        is_secret,
    ),
    (
        "password",
        r#"\b(?:smbclient|rpcclient|smbmap|net rpc|net ads|wmic|winexe|crackmapexec)\s(?:[^|;\n]*?\s)?(?:-U|--user)[\s=]*["']?[^\s%"']+%(?P<c>[^\s"']+)"#,
        is_secret,
    ),
    ("password", r"(?i)\b(?:7z[a]?|rar|unrar|7zr)(?:\.exe)?\s(?:[^|;\n]*?\s)?-p{V}", is_secret),
    ("password", r"\b(?:zip|unzip|zipcloak|fcrackzip)\s(?:[^|;\n]*?\s)?-P\s*{V}", is_secret),
    ("password", r"\bsnmp\w+\s(?:[^|;\n]*?\s)?-[cAX]\s+{V}", is_secret),
    ("password", r"\bipmitool\s(?:[^|;\n]*?\s)?-P\s+{V}", is_secret),
    ("password", r"\bhtpasswd\s+-\w*b\w*\s+(?:-\w+\s+)*\S+\s+\S+\s+{V}", is_secret),
    ("password", r"\bhtpasswd\s+-\w*n\w*b\w*\s+\S+\s+{V}", is_secret),
    ("password", r#"\bpass:(?P<c>[^\s'"]+)"#, is_secret),
    ("password", r#"(?i)\bnet(?:\.exe)?\s+user\s+(?:"[^"]+"|\S+)\s+(?:"(?P<a>[^"]+)"|(?P<c>[^\s/*"]\S*))"#, is_secret),
    (
        "password",
        r#"(?i)\bnet(?:\.exe)?\s+use\s+(?:\S+:\s+)?\\\\\S+\s+(?:"(?P<a>[^"]+)"|(?P<c>[^\s/*"]\S*))\s+/u"#,
        is_secret,
    ),
    (
        "password",
        r#"(?i)\bnet(?:\.exe)?\s+use\s[^|;\n]*?/u(?:ser)?:\S+\s+(?:"(?P<a>[^"]+)"|(?P<c>[^\s/*"]\S*))"#,
        is_secret,
    ),
    ("password", r"(?i)\bschtasks(?:\.exe)?\s(?:[^|;\n]*?\s)?/rp\s+{V}", is_secret),
    (
        "password",
        r"(?i)\b(?:xfreerdp|wfreerdp|rdesktop|winrs|winrm|wbadmin|cmdkey|evil-winrm)(?:\.exe)?\s(?:[^|;\n]*?\s)?[/-]p(?:[:=]|\s+){V}",
        is_secret,
    ),
    ("password", r"(?i)\bConvertTo-SecureString\s+(?:-AsPlainText\s+)?(?:-Force\s+)?(?:-String\s+)?{V}", is_secret),
    (
        "password",
        r#"(?i)\b(?:PSCredential|NetworkCredential)\b["']?\]?(?:::new)?\s*(?:-ArgumentList\s+)?\(?\s*["'][^"']*["']\s*,\s*{V}"#,
        is_secret,
    ),
    (
        "password",
        r#"(?i)\becho\s+(?:-n\s+)?["']?[\w.@\\-]+:(?P<c>[^\s"'|]+)["']?\s*\|\s*(?:sudo\s+)?chpasswd"#,
        is_secret,
    ),
    (
        "password",
        r"(?i)\b(?:echo|printf|write-output)\s+(?:-n\s+|-e\s+|'%s(?:\\n)?'\s+)*{V}\s*\|\s*(?:sudo\s+-\w*S|sudo\s+passwd|passwd|su\b|kinit|cryptsetup|(?:\S+\s+)*?\S*(?:--password-stdin|--passphrase-fd|--with-token|--stdin|-S))",
        is_secret,
    ),
    ("password", r"<<<\s*{V}", is_secret),
    ("password", r"(?i)\bIDENTIFIED\s+(?:WITH\s+\S+\s+)?(?:BY|AS)\s+(?:PASSWORD\s+)?{V}", is_secret),
    (
        "password",
        r"(?i)\b(?:WITH\s+|ENCRYPTED\s+|SET\s+)?PASSWORD\s*(?:=\s*|FOR\s+\S+\s*=\s*|\(\s*|\s+)N?(?:PASSWORD\s*\(\s*)?'(?P<b>[^'\n]+)'",
        is_secret,
    ),
    ("password", r#"(?i)\bpass(?:word|phrase)\s+"(?P<a>[^"\n]+)""#, is_secret),
    ("password", r"(?i)\b(?:pass(?:word|phrase)|pin)\s+(?:is|was|of)\s+{V}", is_told_password),
    ("token", r"(?i)\bvault\s+login\s+(?:-\S+\s+)*(?P<c>[^\s=-][^\s=]{7,})", is_token),
    (
        "secret",
        r"(?i)\b(?:configure|config)\s+(?:--?\S+\s+)*(?:set\s+)?\S*(?:secret\w*|token|passw(?:or)?d|_auth|api_?key)\s+{V}",
        is_option_value,
    ),
    (
        "secret",
        r"(?i)\bsetx?\s+(?:/m\s+)?[\w.-]*(?:password|passwd|pwd|token|secret|api_?key|access_?key|secret_?key)\s+{V}",
        is_secret,
    ),
    ("password", r"\b(?:nmcli|iwctl)\s[^|;\n]*?\b(?:password|passphrase)\s+{V}", is_secret),
    ("password", r"\bwpa_passphrase\s+\S+\s+{V}", is_secret),
    ("password", r#"\b(?:expect|send)\s+(?:-c\s+)?["']?(?:send\s+)?\\?"(?P<c>[^"\\]+)\\r"#, is_secret),
    ("token", r#"(?i)\btoken\s+(?:is\s+|was\s+)?["'](?P<c>[^"'\s]{12,})["']"#, is_token),
];

static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| {
    let shape =
        |(kind, pattern): &(&'static str, &str)| Some(Place { kind, expression: fixed(pattern)?, admits: |_, _| true });
    let named = |(kind, pattern, admits): &(&'static str, &str, Admits)| {
        Some(Place { kind, expression: fixed(&pattern.replace("{V}", VALUE))?, admits: *admits })
    };
    SHAPES.iter().filter_map(shape).chain(NAMED.iter().filter_map(named)).collect()
});
/// Forty characters of base 64 that are no digest, path or name: the form of AWS's secret keys.
static FORTY: LazyLock<Option<Regex>> =
    LazyLock::new(|| fixed(r"(?:^|[^A-Za-z0-9/+=_.-])(?P<c>[A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=_.-])"));

/// `text` with every secret replaced by `[REDACTED:<kind>]`.
pub fn redact(text: &str) -> String {
    let mut redacted = text.to_owned();
    for place in PLACES.iter() {
        if let Some(found) = replaced(&redacted, &place.expression, place.kind, place.admits) {
            redacted = found;
        }
    }
    let forty =
        FORTY.as_ref().and_then(|expression| replaced(&redacted, expression, "aws_key", |value, _| is_key(value)));
    forty.unwrap_or(redacted)
}

/// `text` with what `expression` finds replaced, unless that is nothing. The end of one match may be the beginning of the next, so
/// it goes on behind the value rather than behind the match.
fn replaced(text: &str, expression: &Regex, kind: &str, admits: Admits) -> Option<String> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    while from <= text.len() {
        let Some(captures) = expression.captures_at(text, from) else { break };
        let Some(value) = ["a", "b", "c"].iter().find_map(|group| captures.name(group)) else { break };
        let is_reference = is_reference(value.as_str());
        if !is_reference && admits(value.as_str(), &captures) {
            ranges.push(value.range());
        }
        let end = value.end();
        from = if end > from { end } else { from + text[from..].chars().next().map_or(1, char::len_utf8) };
    }
    if ranges.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        out.push_str(&text[at..range.start]);
        out.push_str("[REDACTED:");
        out.push_str(kind);
        out.push(']');
        at = range.end;
    }
    out.push_str(&text[at..]);
    Some(out)
}

/// What only points at a secret: a variable, a placeholder, a file, a call, or one taken out before.
fn is_reference(value: &str) -> bool {
    let lower = value.trim_start_matches('(').to_lowercase();
    let between = |mark: char| value.len() > 2 && value.starts_with(mark) && value.ends_with(mark);
    let calls = [
        "read-host",
        "get-credential",
        "convertto-securestring",
        "get-content",
        "get-secret",
        "new-object",
        "[system",
        "[net",
        "os.environ",
        "process.env",
    ];
    lower.is_empty()
        || value.contains("[REDACTED:")
        || value.starts_with('$') && is_variable(value)
        || value.starts_with('<') && value.ends_with('>')
        || value.starts_with("{{")
        || value.starts_with('@') && value.contains(['/', '\\', '.'])
        || between('%')
        || between('!')
        || value.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '-' | '\u{2022}' | '?'))
        || calls.iter().any(|call| lower.starts_with(call))
}

/// `$name`, `${name}`, `$env:NAME`, `$(command)`, `$1`: not a password that begins with a dollar.
fn is_variable(value: &str) -> bool {
    let rest = &value[1..];
    rest.starts_with(['{', '(']) || {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.')).collect();
        !name.is_empty() && !rest[name.len()..].starts_with(['!', '#', '$', '@', '%', '^', '&', '*'])
    }
}

fn is_secret(_: &str, _: &Captures<'_>) -> bool {
    true
}

/// Long enough and mixed enough for a token: no word of a sentence.
fn is_token(value: &str, _: &Captures<'_>) -> bool {
    let has = |fits: fn(char) -> bool| value.chars().any(fits);
    value.chars().count() >= 8
        && (has(|c| c.is_ascii_digit()) || has(char::is_uppercase) && has(char::is_lowercase) || value.len() >= 24)
        && !is_path(value)
}

fn is_password(value: &str, captures: &Captures<'_>) -> bool {
    let whole = captures.get(0).map_or("", |found| found.as_str()).to_lowercase();
    // `PWD` is also the present directory, and `==` compares.
    !is_path(value)
        && !is_word(value)
        && !value.starts_with('=')
        && !whole.contains("_file")
        && !value.starts_with("new ")
}

/// A password that a sentence or a form tells: words of the language are none.
fn is_told_password(value: &str, captures: &Captures<'_>) -> bool {
    is_password(value, captures) && !value.starts_with(['<', '{', '('])
}

fn is_option_value(value: &str, captures: &Captures<'_>) -> bool {
    let option = captures.name("option").map_or("", |found| found.as_str()).to_lowercase();
    let asks = [
        "no-", "no", "ask-", "ask", "prompt-", "prompt", "by", "use-", "without-", "reset-", "change-", "show-",
        "skip-",
    ];
    let bare = ["pass", "password", "passwd", "passphrase"].iter().find_map(|word| option.strip_suffix(word));
    let only_asks = bare.is_some_and(|before| {
        asks.contains(&before) || before.ends_with("-ask-") || before.ends_with("by") || before.ends_with("ask-become-")
    });
    let short = matches!(option.as_str(), "pin" | "sas") && value.chars().count() < 4;
    let other = option.ends_with("spin") || option.ends_with("ping");
    !only_asks && !short && !other && !value.starts_with('-') && !is_path(value) && !is_word(value)
}

/// Words that stand where a password could, and are none.
fn is_word(value: &str) -> bool {
    let value = value.trim_end_matches([',', '.', ';', ')', ':', '}', ']', '!', '?']).to_lowercase();
    matches!(
        value.as_str(),
        "" | "yes"
            | "no"
            | "true"
            | "false"
            | "null"
            | "none"
            | "nil"
            | "undefined"
            | "must"
            | "is"
            | "was"
            | "are"
            | "required"
            | "incorrect"
            | "invalid"
            | "expired"
            | "failed"
            | "cannot"
            | "not"
            | "the"
            | "for"
            | "empty"
            | "wrong"
            | "denied"
            | "too"
            | "should"
            | "needs"
            | "unknown"
            | "unexpected"
            | "missing"
            | "authentication"
            | "permission"
            | "access"
            | "error"
            | "at"
            | "and"
            | "or"
            | "to"
            | "of"
            | "in"
            | "on"
            | "with"
            | "a"
            | "an"
            | "it"
            | "this"
            | "that"
            | "if"
            | "has"
            | "have"
            | "may"
            | "can"
            | "will"
            | "never"
            | "always"
            | "auto"
            | "default"
            | "disabled"
            | "enabled"
            | "off"
            | "unset"
            | "set"
            | "changed"
            | "string"
            | "securestring"
            | "correct"
            | "valid"
            | "optional"
            | "your"
            | "command"
            | "found"
            | "only"
            | "stdin"
            | "prompt"
            | "ask"
            | "file"
            | "env"
            | "redacted"
            | "hidden"
            | "protected"
            | "sync"
            | "policy"
            | "reset"
            | "same"
    )
}

/// Whether it names a file rather than being a secret.
fn is_path(value: &str) -> bool {
    let lower = value.to_lowercase();
    let rooted =
        ["/", "./", "../", "~/", ".\\", "..\\", "\\\\", "file:", "cert:", "env:", "vault:", "secretref:", "keyring:"];
    let drive =
        value.as_bytes().get(1) == Some(&b':') && value.as_bytes().get(2).is_some_and(|c| matches!(c, b'\\' | b'/'));
    let ends = [
        ".pem", ".key", ".txt", ".crt", ".cer", ".pfx", ".p12", ".json", ".yml", ".yaml", ".xml", ".ini", ".conf",
        ".env", ".log", ".md", ".py", ".sh", ".ps1", ".pub", ".ppk",
    ];
    let path = rooted.iter().any(|start| lower.starts_with(start))
        && (value.matches(['/', '\\']).count() > 1 || lower.contains('.'));
    path || drive
        || ends.iter().any(|end| lower.ends_with(end))
        || lower.starts_with("http://")
        || lower.starts_with("https://")
}

fn is_key(value: &str) -> bool {
    let count = |fits: fn(&char) -> bool| value.chars().filter(fits).count();
    let (upper, lower, digits) =
        (count(char::is_ascii_uppercase), count(char::is_ascii_lowercase), count(char::is_ascii_digit));
    upper >= 6 && lower >= 6 && digits >= 3 && count(|c| *c == '/') <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_compiles() {
        assert_eq!(PLACES.len(), SHAPES.len() + NAMED.len());
        assert!(FORTY.is_some());
    }

    #[test]
    fn what_is_taken_out_says_its_kind_and_the_rest_stays() {
        for (text, expected) in [
            ("mysql -u root -pS3cret! db", "mysql -u root -p[REDACTED:password] db"),
            ("psql postgres://jo:hunter2@db.example/x", "psql postgres://jo:[REDACTED:password]@db.example/x"),
            (
                "curl -H 'Authorization: Bearer abcdef0123456789' https://x",
                "curl -H 'Authorization: Bearer [REDACTED:token]' https://x",
            ),
            (
                "Server=x;User Id=sa;Password=Pa55;Encrypt=true",
                "Server=x;User Id=sa;Password=[REDACTED:password];Encrypt=true",
            ),
            ("net user jo P@ssw0rd /add", "net user jo [REDACTED:password] /add"),
        ] {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn what_only_looks_like_a_secret_stays() {
        for text in [
            "ssh -p 2222 jo@web01",
            "docker run -p 8080:80 -u 1000:1000 nginx",
            "Access denied for user 'jo'@'localhost' (using password: YES)",
            "mkdir -p /srv/x",
            "git show 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
            "psql --no-password -h db",
            "docker login -u jo --password-stdin",
            "PGPASSWORD=$DB_PASSWORD psql",
            "Unexpected token '}' in expression or statement.",
            "PWD=/users/jo",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn taking_out_twice_changes_nothing() {
        let once = redact("sshpass -p 'hunter2' ssh jo@web01 --token abcdefgh12345678");
        assert_eq!(redact(&once), once);
    }
}
