//! Credentials: everything about them but their secrets.

use chrono::TimeDelta;
use claudetools_kernel::{
    Direction, Entity, Faults, Id, Keyed, Patch, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use crate::{Access, FieldSet, Viewer};

/// The longest interval between two rotations, in days.
const LONGEST_INTERVAL: i32 = 3650;

enumeration! {
    /// What kind of secret it is.
    pub enum CredentialType {
        /// A user name and a password.
        Password = "password",
        /// A key of an API.
        ApiKey = "api_key",
        /// An OAuth client.
        Oauth = "oauth",
        /// An SSH key.
        SshKey = "ssh_key",
        /// A secret that two machines share, as of a VPN.
        SharedSecret = "shared_secret",
        /// A key or token of JWT.
        Jwt = "jwt",
        /// A connection string.
        ConnectionString = "connection_string",
        /// A certificate with its key.
        Certificate = "certificate",
        /// A seed of one-time passwords.
        Totp = "totp",
        /// Text.
        Note = "note",
    }
}

enumeration! {
    /// What credentials can be sorted by.
    pub enum CredentialSort {
        /// By service name, whatever its case.
        ServiceName = "service_name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for CredentialSort {
    const DEFAULT: (Self, Direction) = (Self::ServiceName, Direction::Ascending);
}

/// A credential without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that have nothing to do with one another")]
pub struct Credential {
    /// Its id.
    pub id: Id<Self>,
    /// The client whose it is.
    pub client_id: Option<Uuid>,
    /// The service that it opens.
    pub service_id: Option<Uuid>,
    /// The piece of infrastructure that it opens.
    pub infrastructure_id: Option<Uuid>,
    /// What it opens, in words.
    pub service_name: String,
    /// What kind of secret it is.
    pub credential_type: CredentialType,
    /// The user name that goes with it; no secret.
    pub username: Option<String>,
    /// Where it is used from outside.
    pub external_url: Option<String>,
    /// Where it is used from inside.
    pub internal_url: Option<String>,
    /// The port, where it is not the usual one.
    pub custom_port: Option<i32>,
    /// What it is for.
    pub role_description: Option<String>,
    /// Whether a VPN is needed to use it.
    pub requires_vpn: bool,
    /// Whether a second factor is asked for.
    pub requires_2fa: bool,
    /// Whether a decrypt must say why.
    pub requires_reason: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When its secrets were last changed.
    pub last_rotated_at: Option<Timestamp>,
    /// How often they should be, in days.
    pub rotation_interval_days: Option<i32>,
    /// Whether it is still in use.
    pub is_active: bool,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Which secret fields are set.
    pub has: FieldSet,
    /// The version of its secrets, counted from 1; 0 while it never had any.
    pub version: i64,
    /// Who may see it.
    pub access: Access,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Credential {
    const TYPE: &'static str = "credential";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<CredentialSort> for Credential {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: CredentialSort) -> SortKey {
        match field {
            CredentialSort::ServiceName => SortKey::Text(text::fold(&self.service_name)),
            CredentialSort::CreatedAt => self.created_at.into(),
            CredentialSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

/// What a request says of a credential, secrets aside: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Credential")]
pub struct CredentialFields {
    pub client_id: Patch<Uuid>,
    pub service_id: Patch<Uuid>,
    pub infrastructure_id: Patch<Uuid>,
    pub service_name: Option<String>,
    pub credential_type: Option<CredentialType>,
    pub username: Patch<String>,
    pub external_url: Patch<String>,
    pub internal_url: Patch<String>,
    pub custom_port: Patch<i32>,
    pub role_description: Patch<String>,
    pub requires_vpn: Option<bool>,
    pub requires_2fa: Option<bool>,
    pub requires_reason: Option<bool>,
    pub expires_at: Patch<Timestamp>,
    pub last_rotated_at: Patch<Timestamp>,
    pub rotation_interval_days: Patch<i32>,
    pub is_active: Option<bool>,
    pub tags: Option<Vec<String>>,
}

/// What a request says of a credential and its secrets.
#[derive(Debug, Clone, Default)]
pub struct CredentialDraft {
    /// The part that is no secret.
    pub fields: CredentialFields,
    /// The secrets.
    pub secrets: crate::SecretFields,
}

impl Credential {
    /// A new credential without secrets; every fault of `fields` goes to `faults`, after which it must not be used.
    pub fn new(id: Id<Self>, fields: CredentialFields, now: Timestamp, faults: &mut Faults) -> Self {
        faults.require_all(&[
            ("service_name", fields.service_name.is_some()),
            ("credential_type", fields.credential_type.is_some()),
        ]);
        let mut credential = Self {
            id,
            client_id: None,
            service_id: None,
            infrastructure_id: None,
            service_name: String::new(),
            credential_type: CredentialType::Password,
            username: None,
            external_url: None,
            internal_url: None,
            custom_port: None,
            role_description: None,
            requires_vpn: false,
            requires_2fa: false,
            requires_reason: false,
            expires_at: None,
            last_rotated_at: None,
            rotation_interval_days: None,
            is_active: true,
            tags: Vec::new(),
            has: FieldSet::default(),
            version: 0,
            access: Access::default(),
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        credential.apply(fields, faults);
        credential
    }

    /// The credential with `fields` changed; faults as for [`Self::new`].
    #[must_use]
    pub fn change(mut self, fields: CredentialFields, now: Timestamp, faults: &mut Faults) -> Self {
        self.apply(fields, faults);
        self.updated_at = now;
        self.revision += 1;
        self
    }

    /// The credential with a new version of its secrets, of which it has the fields `has`.
    #[must_use]
    pub fn with_version(mut self, has: FieldSet, now: Timestamp) -> Self {
        self.version += 1;
        self.has = has;
        self.last_rotated_at = Some(now);
        self
    }

    fn apply(&mut self, fields: CredentialFields, faults: &mut Faults) {
        fields.client_id.apply(&mut self.client_id);
        fields.service_id.apply(&mut self.service_id);
        fields.infrastructure_id.apply(&mut self.infrastructure_id);
        text::replace_line(faults, "service_name", fields.service_name, &mut self.service_name);
        self.credential_type = fields.credential_type.unwrap_or(self.credential_type);
        text::optional_line(faults, "username", fields.username).apply(&mut self.username);
        url(faults, "external_url", fields.external_url).apply(&mut self.external_url);
        url(faults, "internal_url", fields.internal_url).apply(&mut self.internal_url);
        in_range(faults, "custom_port", fields.custom_port, 65_535).apply(&mut self.custom_port);
        text::optional_block(faults, "role_description", fields.role_description).apply(&mut self.role_description);
        self.requires_vpn = fields.requires_vpn.unwrap_or(self.requires_vpn);
        self.requires_2fa = fields.requires_2fa.unwrap_or(self.requires_2fa);
        self.requires_reason = fields.requires_reason.unwrap_or(self.requires_reason);
        fields.expires_at.apply(&mut self.expires_at);
        fields.last_rotated_at.apply(&mut self.last_rotated_at);
        in_range(faults, "rotation_interval_days", fields.rotation_interval_days, LONGEST_INTERVAL)
            .apply(&mut self.rotation_interval_days);
        self.is_active = fields.is_active.unwrap_or(self.is_active);
        text::replace_lines(faults, "tags", fields.tags, &mut self.tags);
    }

    /// When its secrets should next be changed: so many days after the last time, or after it was entered.
    pub fn rotation_due_at(&self) -> Option<Timestamp> {
        let since = self.last_rotated_at.unwrap_or(self.created_at);
        self.rotation_interval_days.map(|days| since.plus(TimeDelta::days(days.into())))
    }

    /// What `q` searches: service name, user name, addresses, role, tags.
    pub fn search_key(&self) -> String {
        let own = [
            Some(self.service_name.as_str()),
            self.username.as_deref(),
            self.external_url.as_deref(),
            self.internal_url.as_deref(),
            self.role_description.as_deref(),
        ];
        text::search_key(own.into_iter().chain(self.tags.iter().map(|tag| Some(tag.as_str()))))
    }
}

/// Adresses are lines like any other: people write `vpn.acme.example:8443/login` as well as whole URLs. User name and password
/// inside of one are refused: they would be stored in plain.
fn url(faults: &mut Faults, field: &str, given: Patch<String>) -> Patch<String> {
    text::optional_line(faults, field, given).and_then(|address| {
        let authority = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.split_once('@').is_some_and(|(user, _)| user.contains(':')) {
            faults.semantic(field, "no_secret", "must not contain a password, which would not be encrypted");
            return None;
        }
        Some(address)
    })
}

fn in_range(faults: &mut Faults, field: &str, given: Patch<i32>, most: i32) -> Patch<i32> {
    given.and_then(|number| {
        let fits = (1..=most).contains(&number);
        if !fits {
            faults.schema(field, "range", &format!("must be from 1 to {most}"));
        }
        fits.then_some(number)
    })
}

/// Which credentials to list; conditions combine with AND.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFilter {
    /// Who looks: what is restricted to others is left out.
    pub viewer: Viewer,
    /// What is asked for.
    pub wanted: CredentialQuery,
    /// The present instant, for `rotation_due`.
    pub now: Timestamp,
}

/// What a request asks of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is described at Credential")]
pub struct CredentialQuery {
    pub client_id: Option<Uuid>,
    pub service_id: Option<Uuid>,
    pub infrastructure_id: Option<Uuid>,
    pub credential_type: Option<CredentialType>,
    pub is_active: Option<bool>,
    /// Substring of [`Credential::search_key`].
    pub q: Option<String>,
    /// It ends before this instant.
    pub expires_before: Option<Timestamp>,
    /// Whether its secrets should have been changed by now.
    pub rotation_due: Option<bool>,
}

impl CredentialFilter {
    /// Whether `credential` is to be listed.
    pub fn admits(&self, credential: &Credential) -> bool {
        let (wanted, due) = (&self.wanted, credential.rotation_due_at().is_some_and(|due| due <= self.now));
        let same = |wanted: Option<Uuid>, has: Option<Uuid>| wanted.is_none() || wanted == has;
        credential.access.admits(&self.viewer)
            && same(wanted.client_id, credential.client_id)
            && same(wanted.service_id, credential.service_id)
            && same(wanted.infrastructure_id, credential.infrastructure_id)
            && wanted.credential_type.is_none_or(|wanted| wanted == credential.credential_type)
            && wanted.is_active.is_none_or(|wanted| wanted == credential.is_active)
            && wanted.q.as_deref().is_none_or(|q| credential.search_key().contains(&text::fold(q)))
            && wanted.expires_before.is_none_or(|before| credential.expires_at.is_some_and(|end| end < before))
            && wanted.rotation_due.is_none_or(|wanted| wanted == due)
    }
}
