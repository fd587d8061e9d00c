//! By what patterns and insights are found, so that a look-up reads those that hold at a place and no others.

use claudetools_kernel::{Enumeration, text};
use uuid::Uuid;

use super::{Attribute, Command, FailurePattern, Insight, Place, Run, ShellType, Source};

/// The longest key of a spot, in characters.
pub const LONGEST_SPOT: usize = 520;

/// One way to say where something holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// Wherever.
    Everywhere,
    /// At everything of a client.
    Client(Uuid),
    /// On an asset.
    Asset(Uuid),
    /// On the host of this name, folded.
    Host(String),
    /// Wherever an attribute has this value, as it is compared.
    Having(Attribute, String),
}

impl Spot {
    /// What the keys of hosts begin with, and no other.
    pub const HOST: &'static str = "host:";

    /// The spot as it is kept and compared; at most [`LONGEST_SPOT`] characters, so that two values that are longer may share one.
    pub fn key(&self) -> String {
        let key = match self {
            Self::Everywhere => String::new(),
            Self::Client(id) => format!("client:{id}"),
            Self::Asset(id) => format!("asset:{id}"),
            Self::Host(host) => format!("{}{host}", Self::HOST),
            Self::Having(attribute, value) => format!("{attribute}={value}"),
        };
        key.chars().take(LONGEST_SPOT).collect()
    }
}

impl Place {
    /// The place as a run there would have it.
    pub(super) fn run(&self, shell: Option<ShellType>) -> Run {
        Run {
            session_id: Uuid::nil(),
            client_id: self.client_id,
            host: self.host.clone(),
            os: self.os.clone(),
            os_version: self.os_version.clone(),
            shell_type: shell,
            shell_version: self.shell_version.clone(),
            pattern_id: None,
            command_text: String::new(),
        }
    }

    /// Every spot that the place is at, when `shell` runs the command.
    pub fn spots(&self, shell: Option<ShellType>) -> Vec<Spot> {
        let run = self.run(shell);
        let having = |attribute: &Attribute| Some(Spot::Having(*attribute, run.value(*attribute)?));
        let mut spots = vec![Spot::Everywhere];
        spots.extend(self.client_id.map(Spot::Client));
        spots.extend(self.infrastructure_id.map(Spot::Asset));
        spots.extend(self.host.as_deref().map(|host| Spot::Host(text::fold(host))));
        spots.extend(Attribute::ALL.iter().filter_map(having));
        spots
    }
}

impl Command {
    /// Where its pattern was seen by it.
    pub fn spots(&self) -> Vec<Spot> {
        let host = Some(self.host_key()).filter(|host| !host.is_empty()).map(Spot::Host);
        host.into_iter().chain(self.infrastructure_id.map(Spot::Asset)).collect()
    }
}

impl FailurePattern {
    /// Where its lists say that it is to be expected: where it was seen or entered for; entered for nowhere in particular, everywhere.
    pub fn spots(&self) -> Vec<Spot> {
        let assets = self.affected_infrastructure.iter().copied().map(Spot::Asset);
        let spots: Vec<Spot> = self.hosts.iter().cloned().map(Spot::Host).chain(assets).collect();
        if spots.is_empty() && self.source == Source::Manual { vec![Spot::Everywhere] } else { spots }
    }

    /// What a command that fails so has in it, folded, whatever else it must have: the option that the failure is about, or the
    /// longest word of a signature entered by hand.
    pub fn needle(&self) -> String {
        match self.source {
            Source::Derived => text::fold(self.subject.trim_start_matches(['-', '/'])),
            Source::Manual => {
                let words = self.pattern_signature.split_whitespace().skip(1).map(text::fold);
                words.max_by_key(String::len).unwrap_or_default()
            }
        }
    }
}

impl Insight {
    /// Where it holds.
    pub fn spot(&self) -> Spot {
        if let (Some(attribute), Some(value)) = (self.attribute, &self.attribute_value) {
            return Spot::Having(attribute, value.clone());
        }
        match (self.infrastructure_id, self.client_id) {
            (Some(asset), _) => Spot::Asset(asset),
            (None, Some(client)) => Spot::Client(client),
            (None, None) => Spot::Everywhere,
        }
    }

    /// Whatever an insight that somebody has entered may be about, folded, each between blanks: what its examples call, and the words
    /// of its title. Of one that was derived nothing: its verb says it.
    pub fn topics(&self) -> String {
        if !self.verb.is_empty() {
            return String::new();
        }
        let words = self.words().map(str::to_owned).chain(self.called());
        words.fold(" ".to_owned(), |all, word| all + &text::fold(&word) + " ")
    }
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::{Id, Timestamp};

    use super::*;
    use crate::failure::{InsightCategory, InsightFields, PatternFields, PatternType};

    fn now() -> Timestamp {
        Timestamp::from_micros(0).unwrap()
    }

    #[test]
    fn a_key_says_what_it_is_of_and_has_room_in_its_column() {
        let id = Uuid::from_u128(1);
        let spots = [
            Spot::Everywhere,
            Spot::Client(id),
            Spot::Asset(id),
            Spot::Host("os=windows".to_owned()),
            Spot::Having(Attribute::Os, "windows".to_owned()),
            Spot::Having(Attribute::Host, "windows".to_owned()),
            Spot::Having(Attribute::OsVersion, "\u{1F980}".repeat(1020)),
        ];
        let keys: std::collections::BTreeSet<String> = spots.iter().map(Spot::key).collect();
        assert_eq!(keys.len(), spots.len(), "{keys:?}");
        assert!(keys.iter().all(|key| key.chars().count() <= LONGEST_SPOT));
    }

    #[test]
    fn a_place_is_at_every_spot_at_which_an_insight_about_it_holds() {
        let place = Place {
            client_id: Some(Uuid::from_u128(1)),
            infrastructure_id: Some(Uuid::from_u128(2)),
            host: Some("DC01".to_owned()),
            os: Some("Windows".to_owned()),
            os_version: None,
            shell_version: Some("2.0".to_owned()),
        };
        let spots: Vec<String> = place.spots(Some(ShellType::Powershell)).iter().map(Spot::key).collect();
        for expected in ["", "host:dc01", "os=windows", "shell_version=powershell 2.0", "host=dc01"] {
            assert!(spots.iter().any(|spot| spot == expected), "{expected}: {spots:?}");
        }
        assert!(!spots.iter().any(|spot| spot.starts_with("os_version=")), "{spots:?}");
    }

    #[test]
    fn a_pattern_is_expected_where_its_lists_say_and_by_what_a_command_must_have() {
        let fields = PatternFields {
            pattern_type: Some(PatternType::Other),
            pattern_signature: Some("wevtutil cl SYSTEM".to_owned()),
            ..PatternFields::default()
        };
        let pattern = FailurePattern::new(Id::new(Uuid::from_u128(1)), fields, now()).unwrap();
        assert_eq!((pattern.spots(), pattern.needle().as_str()), (vec![Spot::Everywhere], "system"));
        let seen = FailurePattern {
            source: Source::Derived,
            subject: "-Raw".to_owned(),
            hosts: vec!["dc01".to_owned()],
            ..pattern.clone()
        };
        assert_eq!((seen.spots(), seen.needle().as_str()), (vec![Spot::Host("dc01".to_owned())], "raw"));
        let nowhere = FailurePattern { hosts: Vec::new(), ..seen };
        assert_eq!(nowhere.spots(), [], "what was seen on no host that is known is expected on none");
    }

    #[test]
    fn the_topics_of_an_insight_are_all_that_it_may_be_about() {
        let fields = InsightFields {
            category: Some(InsightCategory::Permissions),
            title: Some("No 'sudo', ask: RoboCopy".to_owned()),
            description: Some("d".to_owned()),
            examples: Some(vec!["gc x".to_owned()]),
            ..InsightFields::default()
        };
        let insight = Insight::new(Id::new(Uuid::from_u128(1)), fields, now()).unwrap();
        for verb in ["sudo", "robocopy", "get-content"] {
            assert!(insight.is_about(verb) && insight.topics().contains(&format!(" {verb} ")), "{verb}");
        }
        assert!(!insight.is_about("copy") && !insight.topics().contains(" copy "));
        assert_eq!(Insight { verb: "x".to_owned(), ..insight }.topics(), "");
    }
}
