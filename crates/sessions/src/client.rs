//! Clients: whom work is done for.

use std::collections::BTreeMap;

use claudetools_kernel::{
    Direction, Entity, Faults, Id, Keyed, Money, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use crate::{
    slug,
    values::{self, Currency, Subnet},
    zone::Zone,
};

enumeration! {
    /// What kind of client it is.
    pub enum ClientType {
        /// A customer of the MSP.
        MspClient = "msp_client",
        /// The MSP itself.
        Internal = "internal",
        /// An undertaking of its own that is tracked like a customer.
        Project = "project",
    }
}

enumeration! {
    /// How minutes become billed minutes.
    pub enum BillingRounding {
        /// To the next full increment.
        Up = "up",
        /// To the nearest increment, half up.
        Nearest = "nearest",
        /// Not at all.
        None = "none",
    }
}

enumeration! {
    /// What clients can be sorted by.
    pub enum ClientSort {
        /// By name, whatever its case.
        Name = "name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for ClientSort {
    const DEFAULT: (Self, Direction) = (Self::Name, Direction::Ascending);
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: Id<Self>,
    /// Unique among clients, whatever the case.
    pub name: String,
    /// What kind of client it is.
    pub client_type: ClientType,
    /// Its main network, normalised CIDR.
    pub network_subnet: Option<String>,
    /// Its DNS or Active Directory domain.
    pub domain_name: Option<String>,
    /// Whom to talk to.
    pub primary_contact: Option<String>,
    /// How to write to them.
    pub contact_email: Option<String>,
    /// How to call them.
    pub contact_phone: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
    /// Whether work is still done for it.
    pub is_active: bool,
    /// Price of an hour, in `currency`.
    pub hourly_rate: Option<Money>,
    /// Minutes that billing counts in, 1 to 1440.
    pub billing_increment_minutes: i32,
    /// How minutes are rounded to increments.
    pub billing_rounding: BillingRounding,
    /// The currency of its rates.
    pub currency: Currency,
    /// Where its clocks and calendars hang: its billed time is rounded on them.
    pub time_zone: Option<Zone>,
    /// Its ids in other systems.
    pub external_ids: BTreeMap<String, String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Client {
    const TYPE: &'static str = "client";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

impl Keyed<ClientSort> for Client {
    fn row_id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_key(&self, field: ClientSort) -> SortKey {
        match field {
            ClientSort::Name => SortKey::Text(text::fold(&self.name)),
            ClientSort::CreatedAt => self.created_at.into(),
            ClientSort::UpdatedAt => self.updated_at.into(),
        }
    }
}

/// What a request says of a client: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Client")]
pub struct ClientFields {
    pub name: Option<String>,
    pub client_type: Option<ClientType>,
    pub network_subnet: Patch<String>,
    pub domain_name: Patch<String>,
    pub primary_contact: Patch<String>,
    pub contact_email: Patch<String>,
    pub contact_phone: Patch<String>,
    pub notes: Patch<String>,
    pub is_active: Option<bool>,
    pub hourly_rate: Patch<Money>,
    pub billing_increment_minutes: Option<i32>,
    pub billing_rounding: Option<BillingRounding>,
    pub currency: Option<String>,
    pub time_zone: Patch<String>,
    pub external_ids: Option<BTreeMap<String, String>>,
}

impl Client {
    /// By which keys coordination knows the client: `clients/<slug of its name>`, if the name makes one, and `clients/<id>`.
    pub fn project_keys(&self) -> Vec<String> {
        let slug = Some(slug::from_name(&self.name, "")).filter(|slug| !slug.is_empty());
        slug.into_iter().chain([self.id.to_string()]).map(|name| format!("clients/{name}")).collect()
    }

    /// A new client; refused with every fault of `fields` at once.
    pub fn new(id: Id<Self>, fields: ClientFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[("name", fields.name.is_some()), ("type", fields.client_type.is_some())]);
        let mut client = Self {
            id,
            name: String::new(),
            client_type: ClientType::MspClient,
            network_subnet: None,
            domain_name: None,
            primary_contact: None,
            contact_email: None,
            contact_phone: None,
            notes: None,
            is_active: true,
            hourly_rate: None,
            billing_increment_minutes: 15,
            billing_rounding: BillingRounding::Up,
            currency: Currency::USD,
            time_zone: None,
            external_ids: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        client.apply(fields, &mut faults);
        faults.finish()?;
        Ok(client)
    }

    /// The client with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: ClientFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        self.apply(fields, &mut faults);
        faults.finish()?;
        self.updated_at = now;
        self.revision += 1;
        Ok(self)
    }

    fn apply(&mut self, fields: ClientFields, faults: &mut Faults) {
        text::replace_line(faults, "name", fields.name, &mut self.name);
        self.client_type = fields.client_type.unwrap_or(self.client_type);
        subnet(faults, "network_subnet", fields.network_subnet).apply(&mut self.network_subnet);
        text::optional_line(faults, "domain_name", fields.domain_name).apply(&mut self.domain_name);
        text::optional_line(faults, "primary_contact", fields.primary_contact).apply(&mut self.primary_contact);
        fields
            .contact_email
            .and_then(|address| text::email(faults, "contact_email", &address))
            .apply(&mut self.contact_email);
        text::optional_line(faults, "contact_phone", fields.contact_phone).apply(&mut self.contact_phone);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
        self.is_active = fields.is_active.unwrap_or(self.is_active);
        fields.hourly_rate.apply(&mut self.hourly_rate);
        if let Some(minutes) = fields.billing_increment_minutes {
            if !(1..=1440).contains(&minutes) {
                faults.schema("billing_increment_minutes", "range", "must be from 1 to 1440");
            }
            self.billing_increment_minutes = minutes;
        }
        self.billing_rounding = fields.billing_rounding.unwrap_or(self.billing_rounding);
        if let Some(code) = fields.currency {
            match Currency::parse(&code) {
                Some(currency) => self.currency = currency,
                None => {
                    faults.semantic("currency", "iso_4217", "must be a currency code of ISO 4217 such as USD");
                }
            }
        }
        zone(faults, "time_zone", fields.time_zone).apply(&mut self.time_zone);
        if let Some(ids) = fields.external_ids.and_then(|ids| values::external_ids(faults, "external_ids", ids)) {
            self.external_ids = ids;
        }
    }

    /// What `q` searches: name, domain, contact, notes.
    pub fn search_key(&self) -> String {
        text::search_key([
            Some(self.name.as_str()),
            self.domain_name.as_deref(),
            self.primary_contact.as_deref(),
            self.contact_email.as_deref(),
            self.notes.as_deref(),
        ])
    }
}

fn subnet(faults: &mut Faults, field: &str, given: Patch<String>) -> Patch<String> {
    given.and_then(|text| {
        let parsed = Subnet::parse(&text).map(|net| net.to_string());
        if parsed.is_none() {
            faults.semantic(field, "cidr", "must be an IPv4 or IPv6 network such as 10.0.0.0/24");
        }
        parsed
    })
}

fn zone(faults: &mut Faults, field: &str, given: Patch<String>) -> Patch<Zone> {
    given.and_then(|name| {
        let known = Zone::parse(&name);
        if known.is_none() {
            faults.semantic(field, "iana", "must be a time zone of the IANA database such as Europe/Berlin");
        }
        known
    })
}

/// Which clients to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Client")]
pub struct ClientFilter {
    pub client_type: Option<ClientType>,
    pub is_active: Option<bool>,
    /// Substring of [`Client::search_key`].
    pub q: Option<String>,
}

impl ClientFilter {
    /// Whether `client` is to be listed.
    pub fn admits(&self, client: &Client) -> bool {
        self.client_type.is_none_or(|wanted| wanted == client.client_type)
            && self.is_active.is_none_or(|wanted| wanted == client.is_active)
            && self.q.as_deref().is_none_or(|q| client.search_key().contains(&text::fold(q)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordination_knows_a_client_by_its_slug_and_by_its_id() {
        let keys = |name: &str| {
            let fields = ClientFields {
                name: Some(name.to_owned()),
                client_type: Some(ClientType::MspClient),
                ..ClientFields::default()
            };
            let now = Timestamp::from_micros(0).unwrap();
            Client::new(Id::new(Uuid::from_u128(1)), fields, now).unwrap().project_keys()
        };
        let by_id = "clients/00000000-0000-0000-0000-000000000001";
        assert_eq!(keys("Acme Dental"), ["clients/acme-dental", by_id]);
        assert_eq!(keys("Müller & Söhne"), ["clients/muller-sohne", by_id]);
        assert_eq!(keys("東京"), [by_id], "a name that makes no slug");
    }
}
