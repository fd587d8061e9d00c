//! Which source counts for each setting, and what it says.

use std::collections::BTreeMap;

use super::fault::{ConfigFault, Origin};
use super::setting::{Empty, Fallback, Machine, Secrecy, Setting};
use super::source::{self, Given, Layer, Sources};
use super::table::SETTINGS;

/// One line of `config check`: what is in force, and why.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The setting.
    pub setting: &'static Setting,
    /// The value as far as it may be shown.
    pub shown: String,
    /// Where it came from.
    pub origin: Origin,
}

/// The text in force of every setting, and the faults so far.
#[derive(Debug)]
pub(super) struct Resolved {
    values: BTreeMap<&'static str, Given>,
    pub(super) faults: Vec<ConfigFault>,
}

impl Resolved {
    pub(super) fn of(sources: &Sources) -> Self {
        let mut faults = sources.unreadable.clone();
        let mut layers = vec![source::environment_layer(&sources.environment, Origin::Environment, &mut faults)];
        if let Some(text) = &sources.dotenv {
            let values = source::dotenv_values(text, &mut faults);
            layers.push(source::environment_layer(&values, Origin::DotEnv, &mut faults));
        }
        if let Some((file, text)) = &sources.file {
            layers.push(source::file_layer(file, text, &mut faults));
        }
        let data_dir = SETTINGS
            .iter()
            .find(|setting| setting.name == "DATA_DIR")
            .map_or_else(String::new, |setting| strongest(setting, &layers, sources.machine, "").text);
        let values = SETTINGS
            .iter()
            .map(|setting| (setting.name, strongest(setting, &layers, sources.machine, &data_dir)))
            .collect();
        Self { values, faults }
    }

    /// The value of a setting, or `None` and one fault more.
    pub(super) fn read<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name)?;
        let given = self.values.get(name)?;
        let is_default = given.origin == Origin::Default;
        if given.text.is_empty() && setting.empty == Empty::Fault && !is_default {
            let message = "is empty: give it a value, or take the name out".to_owned();
            self.fault(name, message);
            return None;
        }
        match parse(&given.text) {
            Ok(value) => Some(value),
            Err(message) if setting.secrecy == Secrecy::Open => {
                let message = format!("{message}, not {:?}", given.text);
                self.fault(name, message);
                None
            }
            Err(message) => {
                self.fault(name, message);
                None
            }
        }
    }

    /// Records what is wrong with a setting, with where it came from.
    pub(super) fn fault(&mut self, name: &'static str, message: String) {
        let origin = self.values.get(name).map(|given| given.origin.clone());
        self.faults.push(ConfigFault { name: name.to_owned(), origin, message });
    }

    pub(super) fn effective(&self) -> Vec<Effective> {
        let line = |setting: &'static Setting| {
            let given = self.values.get(setting.name)?;
            Some(Effective { setting, shown: setting.show(&given.text), origin: given.origin.clone() })
        };
        SETTINGS.iter().filter_map(line).collect()
    }
}

fn strongest(setting: &Setting, layers: &[Layer], machine: Machine, data_dir: &str) -> Given {
    let counts = |given: &&Given| !given.text.is_empty() || setting.empty != Empty::Unset;
    let found = layers.iter().filter_map(|layer| layer.get(setting.name)).find(counts);
    found.cloned().unwrap_or_else(|| {
        let text = match setting.fallback {
            Fallback::Fixed(text) => text.to_owned(),
            Fallback::Computed { value, .. } => value(machine, data_dir),
        };
        Given { text, origin: Origin::Default }
    })
}
