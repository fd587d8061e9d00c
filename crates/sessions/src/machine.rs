//! Machines: where the tools run that record work.

use std::fmt;

use claudetools_kernel::{
    Direction, Entity, Faults, Id, Keyed, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

enumeration! {
    /// What a machine runs, in the words of Node's `process.platform`.
    pub enum Platform {
        /// Windows.
        Win32 = "win32",
        /// macOS.
        Darwin = "darwin",
        /// Linux.
        Linux = "linux",
    }
}

enumeration! {
    /// What machines can be sorted by.
    pub enum MachineSort {
        /// By host name, whatever its case.
        Hostname = "hostname",
        /// By registration.
        CreatedAt = "created_at",
        /// By last change; a heartbeat is none.
        UpdatedAt = "updated_at",
    }
}

impl SortField for MachineSort {
    const DEFAULT: (Self, Direction) = (Self::Hostname, Direction::Ascending);
}

/// What tells a machine from all others: 64 hexadecimal digits, kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Reads 64 hexadecimal digits of either case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// By what a caller names a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineKey {
    /// By its id.
    Id(Id<Machine>),
    /// By its fingerprint, which is what a tool knows of the machine it runs on.
    Fingerprint(Fingerprint),
}

impl MachineKey {
    /// Reads a UUID or a fingerprint.
    pub fn parse(text: &str) -> Option<Self> {
        let by_id = || Uuid::try_parse(text).ok().map(|id| Self::Id(Id::new(id)));
        Fingerprint::parse(text).map(Self::Fingerprint).or_else(by_id)
    }
}

impl fmt::Display for MachineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Fingerprint(fingerprint) => fingerprint.fmt(f),
        }
    }
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its id.
    pub id: Id<Self>,
    /// Its name in its network; several may have the same.
    pub hostname: String,
    /// Unique among machines.
    pub machine_fingerprint: Fingerprint,
    /// What it runs.
    pub platform: Platform,
    /// The version of that.
    pub os_version: Option<String>,
    /// Whose account the tools run under.
    pub username: Option<String>,
    /// What its user calls it.
    pub friendly_name: Option<String>,
    /// Whether it can reach clients' networks.
    pub has_vpn_access: bool,
    /// The VPN connections set up on it.
    pub vpn_profiles: Vec<String>,
    /// Whether containers run on it.
    pub has_docker: bool,
    /// The version of PowerShell, if there is one.
    pub powershell_version: Option<String>,
    /// What commands are written for.
    pub preferred_shell: Option<String>,
    /// The MCP servers set up on it.
    pub available_mcps: Vec<String>,
    /// The skills set up on it.
    pub available_skills: Vec<String>,
    /// Anything else.
    pub notes: Option<String>,
    /// Whether it is still in use.
    pub is_active: bool,
    /// When it last reported; never moves back, and is no part of a revision.
    pub last_seen: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Machine {
    const TYPE: &'static str = "machine";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<MachineSort> for Machine {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: MachineSort) -> SortKey {
        match field {
            MachineSort::Hostname => SortKey::Text(text::fold(&self.hostname)),
            MachineSort::CreatedAt => self.created_at.into(),
            MachineSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

/// What a request says of a machine: everything a registration needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Machine")]
pub struct MachineFields {
    pub hostname: Option<String>,
    pub machine_fingerprint: Option<String>,
    pub platform: Option<Platform>,
    pub os_version: Patch<String>,
    pub username: Patch<String>,
    pub friendly_name: Patch<String>,
    pub has_vpn_access: Option<bool>,
    pub vpn_profiles: Option<Vec<String>>,
    pub has_docker: Option<bool>,
    pub powershell_version: Patch<String>,
    pub preferred_shell: Patch<String>,
    pub available_mcps: Option<Vec<String>>,
    pub available_skills: Option<Vec<String>>,
    pub notes: Patch<String>,
    pub is_active: Option<bool>,
    pub last_seen: Option<Timestamp>,
}

impl Machine {
    /// A new machine; refused with every fault of `fields` at once.
    pub fn new(id: Id<Self>, fields: MachineFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[
            ("hostname", fields.hostname.is_some()),
            ("machine_fingerprint", fields.machine_fingerprint.is_some()),
            ("platform", fields.platform.is_some()),
        ]);
        let mut machine = Self {
            id,
            hostname: String::new(),
            machine_fingerprint: Fingerprint(String::new()),
            platform: Platform::Linux,
            os_version: None,
            username: None,
            friendly_name: None,
            has_vpn_access: false,
            vpn_profiles: Vec::new(),
            has_docker: false,
            powershell_version: None,
            preferred_shell: None,
            available_mcps: Vec::new(),
            available_skills: Vec::new(),
            notes: None,
            is_active: true,
            last_seen: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        machine.apply(fields, now, &mut faults);
        faults.finish()?;
        Ok(machine)
    }

    /// The machine with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: MachineFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        self.apply(fields, now, &mut faults);
        faults.finish()?;
        self.updated_at = now;
        self.revision += 1;
        Ok(self)
    }

    fn apply(&mut self, fields: MachineFields, now: Timestamp, faults: &mut Faults) {
        text::replace_line(faults, "hostname", fields.hostname, &mut self.hostname);
        if let Some(given) = fields.machine_fingerprint {
            match Fingerprint::parse(&given) {
                Some(fingerprint) => self.machine_fingerprint = fingerprint,
                None => faults.schema("machine_fingerprint", "pattern", "must be 64 hexadecimal digits"),
            }
        }
        self.platform = fields.platform.unwrap_or(self.platform);
        text::optional_line(faults, "os_version", fields.os_version).apply(&mut self.os_version);
        text::optional_line(faults, "username", fields.username).apply(&mut self.username);
        text::optional_line(faults, "friendly_name", fields.friendly_name).apply(&mut self.friendly_name);
        self.has_vpn_access = fields.has_vpn_access.unwrap_or(self.has_vpn_access);
        text::replace_lines(faults, "vpn_profiles", fields.vpn_profiles, &mut self.vpn_profiles);
        self.has_docker = fields.has_docker.unwrap_or(self.has_docker);
        text::optional_line(faults, "powershell_version", fields.powershell_version)
            .apply(&mut self.powershell_version);
        text::optional_line(faults, "preferred_shell", fields.preferred_shell).apply(&mut self.preferred_shell);
        text::replace_lines(faults, "available_mcps", fields.available_mcps, &mut self.available_mcps);
        text::replace_lines(faults, "available_skills", fields.available_skills, &mut self.available_skills);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
        self.is_active = fields.is_active.unwrap_or(self.is_active);
        if fields.last_seen.is_some_and(|seen| seen > now) {
            faults.semantic("last_seen", "past", "must not lie in the future");
        }
        // `None` is less than any instant.
        self.last_seen = self.last_seen.max(fields.last_seen);
    }

    /// What `q` searches: host name, friendly name, user name.
    pub fn search_key(&self) -> String {
        text::search_key([Some(self.hostname.as_str()), self.friendly_name.as_deref(), self.username.as_deref()])
    }
}

/// Which machines to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Machine")]
pub struct MachineFilter {
    pub is_active: Option<bool>,
    pub platform: Option<Platform>,
    /// Substring of [`Machine::search_key`].
    pub q: Option<String>,
}

impl MachineFilter {
    /// Whether `machine` is to be listed.
    pub fn admits(&self, machine: &Machine) -> bool {
        self.is_active.is_none_or(|wanted| wanted == machine.is_active)
            && self.platform.is_none_or(|wanted| wanted == machine.platform)
            && self.q.as_deref().is_none_or(|q| machine.search_key().contains(&text::fold(q)))
    }
}

#[cfg(test)]
mod tests {
    use claudetools_kernel::Error;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn fields(fingerprint: &str) -> MachineFields {
        MachineFields {
            hostname: Some("ws-01".to_owned()),
            machine_fingerprint: Some(fingerprint.to_owned()),
            platform: Some(Platform::Linux),
            ..MachineFields::default()
        }
    }

    fn machine() -> Machine {
        Machine::new(Id::new(Uuid::nil()), fields(&"AB".repeat(32)), at(100)).unwrap()
    }

    #[test]
    fn a_fingerprint_is_64_hexadecimal_digits_kept_in_lower_case() {
        assert_eq!(machine().machine_fingerprint.as_str(), "ab".repeat(32));
        for bad in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), &"ä".repeat(32)] {
            let refused = Machine::new(Id::new(Uuid::nil()), fields(bad), at(0)).unwrap_err();
            let Error::Invalid(faults) = refused else { panic!("{refused}") };
            assert_eq!(faults.list()[0].field, "machine_fingerprint", "{bad}");
        }
    }

    #[test]
    fn a_machine_is_named_by_uuid_or_fingerprint_and_by_nothing_else() {
        let digits = "0123456789abcdef".repeat(4);
        assert!(matches!(MachineKey::parse(&digits), Some(MachineKey::Fingerprint(found)) if found.as_str() == digits));
        assert!(matches!(MachineKey::parse("01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f"), Some(MachineKey::Id(_))));
        for bad in ["", "ws-01", "0123456789abcdef", &"x".repeat(64)] {
            assert_eq!(MachineKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_last_sighting_never_moves_back_and_never_lies_ahead() {
        let seen = |seconds| MachineFields { last_seen: Some(at(seconds)), ..MachineFields::default() };
        let machine = machine().change(seen(50), at(101)).unwrap().change(seen(20), at(102)).unwrap();
        assert_eq!(machine.last_seen, Some(at(50)));
        assert!(matches!(machine.change(seen(104), at(103)), Err(Error::Invalid(_))));
    }

    #[test]
    fn everything_missing_is_told_at_once() {
        let refused = Machine::new(Id::new(Uuid::nil()), MachineFields::default(), at(0)).unwrap_err();
        let Error::Invalid(faults) = refused else { panic!("{refused}") };
        let missing: Vec<&str> = faults.list().iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(missing, ["hostname", "machine_fingerprint", "platform"]);
    }
}
