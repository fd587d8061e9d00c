//! Where settings come from, and reading each source into names and texts.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::fault::{ConfigFault, Origin};
use super::setting::{Machine, Setting};
use super::table::SETTINGS;

/// In the environment and in `.env` every name may bear this prefix; with it, a name that is unknown is a fault.
pub const PREFIX: &str = "CLAUDETOOLS_";

/// The configuration file that is read when it exists and no other is named.
pub const DEFAULT_FILE: &str = "claudetools.toml";

/// All sources as plain values, so that reading them needs neither a process environment nor a file system.
#[derive(Clone)]
pub struct Sources {
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The text of `.env`.
    pub dotenv: Option<String>,
    /// The name and the text of the configuration file.
    pub file: Option<(String, String)>,
    /// What defaults depend on.
    pub machine: Machine,
    /// Sources that could not be read; [`load`](super::load) reports them with all other faults.
    pub unreadable: Vec<ConfigFault>,
}

// The texts hold secrets.
impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("machine", &self.machine).finish_non_exhaustive()
    }
}

impl Sources {
    /// No source at all: every setting has its default.
    pub fn none(machine: Machine) -> Self {
        Self { environment: BTreeMap::new(), dotenv: None, file: None, machine, unreadable: Vec::new() }
    }

    /// The environment of this process, `.env` and the configuration file of the working directory. A `file` that is
    /// named must exist.
    pub fn of_process(file: Option<&Path>) -> Self {
        let mut faults = Vec::new();
        let environment = process_environment(&mut faults);
        let dotenv = keep_fault(read_optional(Path::new(".env"), false), &mut faults);
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = keep_fault(read_optional(path, file.is_some()), &mut faults);
        let file = text.map(|text| (path.display().to_string(), text));
        Self { environment, dotenv, file, machine: Machine::this(), unreadable: faults }
    }
}

fn keep_fault(read: Result<Option<String>, ConfigFault>, faults: &mut Vec<ConfigFault>) -> Option<String> {
    read.unwrap_or_else(|fault| {
        faults.push(fault);
        None
    })
}

fn read_optional(path: &Path, required: bool) -> Result<Option<String>, ConfigFault> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => Err(ConfigFault {
            name: path.display().to_string(),
            origin: None,
            message: format!("cannot be read: {error}"),
        }),
    }
}

fn process_environment(faults: &mut Vec<ConfigFault>) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => {
                environment.insert(name, value);
            }
            Err(_) if is_known(bare(&name)) => faults.push(ConfigFault {
                origin: Some(Origin::Environment(name.clone())),
                name,
                message: "must be UTF-8".to_owned(),
            }),
            Err(_) => {}
        }
    }
    environment
}

/// A value as one source gives it.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// The values of one source by the name of the setting.
pub(super) type Layer = BTreeMap<&'static str, Given>;

/// The layer of the names and texts of an environment. The prefixed form of a name is the stronger one.
pub(super) fn environment_layer(
    values: &BTreeMap<String, String>,
    origin: fn(String) -> Origin,
    faults: &mut Vec<ConfigFault>,
) -> Layer {
    for name in values.keys().filter(|name| name.starts_with(PREFIX) && !is_known(bare(name))) {
        let message = format!("is not a setting; the nearest one is {PREFIX}{}", nearest(bare(name)));
        faults.push(ConfigFault { name: name.clone(), origin: Some(origin(name.clone())), message });
    }
    let mut layer = Layer::new();
    for setting in SETTINGS {
        let prefixed = format!("{PREFIX}{}", setting.name);
        let found = [prefixed.as_str(), setting.name].into_iter().find_map(|name| values.get_key_value(name));
        if let Some((name, text)) = found {
            layer.insert(setting.name, Given { text: text.clone(), origin: origin(name.clone()) });
        }
    }
    layer
}

/// The names and texts of `.env`. Its errors are told by line, since their own texts repeat the line.
pub(super) fn dotenv_values(text: &str, faults: &mut Vec<ConfigFault>) -> BTreeMap<String, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut values = BTreeMap::new();
    let mut fault = |message| {
        faults.push(ConfigFault { name: ".env".to_owned(), origin: None, message });
    };
    for entry in dotenvy::from_read_iter(text.as_bytes()) {
        match entry {
            Ok((name, value)) => {
                if is_known(bare(&name)) && values.contains_key(&name) {
                    fault(format!("gives {name} twice: keep one"));
                }
                values.insert(name, value);
            }
            Err(dotenvy::Error::LineParse(line, _)) => {
                fault(format!("line {} is not NAME=value; quote a value with blanks in it", line_of(text, &line)));
            }
            Err(_) => fault("cannot be read".to_owned()),
        }
    }
    values
}

fn line_of(text: &str, part: &str) -> usize {
    let start = text.find(part).unwrap_or(0);
    text.get(..start).map_or(1, |before| before.matches('\n').count() + 1)
}

/// The layer of a configuration file.
pub(super) fn file_layer(file: &str, text: &str, faults: &mut Vec<ConfigFault>) -> Layer {
    let mut layer = Layer::new();
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            // Its Display would repeat the line, with whatever secret stands there.
            let line =
                error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            let message = format!("{place}is not TOML; texts need quotes, and each key may stand only once");
            faults.push(ConfigFault { name: file.to_owned(), origin: None, message });
            return layer;
        }
    };
    for (key, value) in table {
        let origin = Origin::File { file: file.to_owned(), key: key.clone() };
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key() == key) else {
            let near = nearest(&key).to_ascii_lowercase();
            let message = format!("is not a setting; the nearest one is {near}");
            faults.push(ConfigFault { name: key, origin: Some(origin), message });
            continue;
        };
        match scalar(value) {
            Some(text) => {
                layer.insert(setting.name, Given { text, origin });
            }
            None => faults.push(ConfigFault {
                name: setting.name.to_owned(),
                origin: Some(origin),
                message: "must be a text, a whole number, true or false, or a list of texts".to_owned(),
            }),
        }
    }
    layer
}

fn scalar(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str()).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

fn bare(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn is_known(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name)
}

fn nearest(name: &str) -> &'static str {
    let wanted = name.to_ascii_uppercase().replace('-', "_");
    let distance = |setting: &&Setting| strsim::damerau_levenshtein(&wanted, setting.name);
    SETTINGS.iter().min_by_key(distance).map_or("", |setting| setting.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_across_case_and_hyphens() {
        for (wrong, right) in [("prot", "PORT"), ("database-uri", "DATABASE_URL"), ("JWT_SECRET", "JWT_SECRET_KEY")] {
            assert_eq!(nearest(wrong), right);
        }
    }

    #[test]
    fn a_broken_line_of_dotenv_is_told_by_number_and_not_repeated() {
        let mut faults = Vec::new();
        let values = dotenv_values("PORT=1\n\nJWT_SECRET_KEY geheim\nexport HOST='::1' # here\n", &mut faults);
        assert_eq!(values.get("HOST").map(String::as_str), Some("::1"));
        assert_eq!(faults.len(), 1);
        let shown = faults[0].to_string();
        assert!(shown.contains("line 3") && !shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn a_name_given_twice_in_dotenv_is_a_fault() {
        let mut faults = Vec::new();
        dotenv_values("PORT=1\nPORT=2\n", &mut faults);
        assert_eq!(faults[0].to_string(), ".env: gives PORT twice: keep one");
    }

    #[test]
    fn broken_toml_is_told_by_line_and_not_repeated() {
        let mut faults = Vec::new();
        file_layer("c.toml", "port = 1\njwt_secret_key = geheim\n", &mut faults);
        let shown = faults[0].to_string();
        assert!(shown.starts_with("c.toml: line 2: is not TOML") && !shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn toml_takes_lists_and_refuses_tables() {
        let mut faults = Vec::new();
        let layer = file_layer(
            "c.toml",
            "trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nbehind_tls_proxy = true\nport = { a = 1 }\nhost = 1.5\n",
            &mut faults,
        );
        assert_eq!(layer["TRUSTED_PROXIES"].text, "10.0.0.0/8,::1");
        assert_eq!(layer["BEHIND_TLS_PROXY"].text, "true");
        assert_eq!(faults.len(), 2);
    }
}
