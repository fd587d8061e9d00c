//! What a line of the table of settings says.

/// What a default may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// The number of cores the process may use.
    pub cores: usize,
    /// Whether log lines go to a terminal.
    pub terminal: bool,
}

impl Machine {
    /// The machine this process runs on.
    pub fn this() -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
        }
    }
}

/// The value of a setting that nobody gave.
#[derive(Debug, Clone, Copy)]
pub enum Fallback {
    /// Always this text; the empty one stands for "none".
    Fixed(&'static str),
    /// Worked out from the machine or from `DATA_DIR`.
    Computed {
        /// How the documentation says it.
        shown: &'static str,
        /// The text, given the machine and the data directory.
        value: fn(Machine, &str) -> String,
    },
}

/// How much of a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// All of it.
    Open,
    /// A URL, without the user and password in it.
    Url,
    /// Nothing.
    Secret,
}

/// What an empty text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// The same as not giving the name there: the next weaker source counts.
    Unset,
    /// None, or switched off, whatever weaker sources say.
    Off,
    /// A mistake. For keys: an empty variable is a deployment that lost its secret, not a wish for another one.
    Fault,
}

/// One setting: the single truth for reading, checking, showing and documenting it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The name in the environment, upper case. The TOML key is the same in lower case.
    pub name: &'static str,
    /// What it does, in one paragraph.
    pub description: &'static str,
    /// Its value when it is not given.
    pub fallback: Fallback,
    /// How much of it may be shown.
    pub secrecy: Secrecy,
    /// What an empty text means.
    pub empty: Empty,
}

impl Setting {
    /// The key in the configuration file.
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// The default, as the documentation says it.
    pub fn default_shown(&self) -> &'static str {
        match self.fallback {
            Fallback::Fixed("") => "none",
            Fallback::Fixed(text) => text,
            Fallback::Computed { shown, .. } => shown,
        }
    }

    /// `value` as far as it may be shown.
    pub fn show(&self, value: &str) -> String {
        match self.secrecy {
            _ if value.is_empty() => "(none)".to_owned(),
            Secrecy::Open => value.to_owned(),
            Secrecy::Url => mask_userinfo(value),
            Secrecy::Secret => crate::secret::MASK.to_owned(),
        }
    }
}

/// A URL without the user and password in it.
pub(super) fn mask_userinfo(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{}@{rest}", crate::secret::MASK),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_part_of_a_url_is_masked_even_with_an_at_sign_in_the_password() {
        assert_eq!(mask_userinfo("mysql://u:p@ss@db/x"), "mysql://********@db/x");
        assert_eq!(mask_userinfo("sqlite://data/a.db"), "sqlite://data/a.db");
    }
}
