//! Services: what runs on assets.

use async_trait::async_trait;
use claudetools_kernel::{
    Actor, Direction, Faults, Id, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use super::{
    Asset, Item, Items, NoDetail,
    item::entity,
    values::{self, replace, unset},
};
use crate::ports::InfraTx;

enumeration! {
    /// What a service is spoken to by.
    pub enum Transport {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

enumeration! {
    /// How a service is doing.
    pub enum ServiceStatus {
        /// As it should.
        Running = "running",
        /// It does not run.
        Stopped = "stopped",
        /// It runs, but not as it should.
        Degraded = "degraded",
        /// It fails.
        Error = "error",
    }
}

enumeration! {
    /// What services can be sorted by.
    pub enum ServiceSort {
        /// By name, whatever its case.
        ServiceName = "service_name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for ServiceSort {
    const DEFAULT: (Self, Direction) = (Self::ServiceName, Direction::Ascending);
}

/// A service. Its names: the client's, the asset's host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its id.
    pub id: Id<Self>,
    /// What it runs on.
    pub infrastructure_id: Id<Asset>,
    /// Whose that is; it cannot change while the service is there.
    pub client_id: Uuid,
    /// What it is called.
    pub service_name: String,
    /// What kind of service it is, such as `web` or `database`.
    pub service_type: Option<String>,
    /// The port that it listens on.
    pub port: Option<i32>,
    /// What it is spoken to by.
    pub protocol: Option<Transport>,
    /// Where it is used from outside.
    pub external_url: Option<String>,
    /// Where it is used from inside.
    pub internal_url: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// How it is doing.
    pub status: ServiceStatus,
    /// Anything else.
    pub notes: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

entity!(Service, "service");

/// What a request says of a service.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Service")]
pub struct ServiceFields {
    pub infrastructure_id: Option<Id<Asset>>,
    pub service_name: Option<String>,
    pub service_type: Patch<String>,
    pub port: Patch<i32>,
    pub protocol: Patch<Transport>,
    pub external_url: Patch<String>,
    pub internal_url: Patch<String>,
    pub version: Patch<String>,
    pub status: Option<ServiceStatus>,
    pub notes: Patch<String>,
}

/// Which services to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Service")]
pub struct ServiceFilter {
    pub infrastructure_id: Option<Id<Asset>>,
    pub client_id: Option<Uuid>,
    /// Substring of the type.
    pub service_type: Option<String>,
    pub status: Option<ServiceStatus>,
    /// Substring of [`Service::search_key`].
    pub q: Option<String>,
}

impl Service {
    /// What `q` searches: name, type, addresses, version, notes.
    pub fn search_key(&self) -> String {
        text::search_key([
            Some(self.service_name.as_str()),
            self.service_type.as_deref(),
            self.external_url.as_deref(),
            self.internal_url.as_deref(),
            self.version.as_deref(),
            self.notes.as_deref(),
        ])
    }
}

#[async_trait]
impl Item for Service {
    type Fields = ServiceFields;
    type Filter = ServiceFilter;
    type Sort = ServiceSort;
    type Extra = NoDetail;

    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Self {
            id,
            infrastructure_id: unset(),
            client_id: Uuid::nil(),
            service_name: String::new(),
            service_type: None,
            port: None,
            protocol: None,
            external_url: None,
            internal_url: None,
            version: None,
            status: ServiceStatus::Running,
            notes: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    fn required(fields: &ServiceFields) -> Vec<(&'static str, bool)> {
        vec![("infrastructure_id", fields.infrastructure_id.is_some()), ("service_name", fields.service_name.is_some())]
    }

    fn apply(&mut self, fields: ServiceFields, faults: &mut Faults) {
        replace(fields.infrastructure_id, &mut self.infrastructure_id);
        text::replace_line(faults, "service_name", fields.service_name, &mut self.service_name);
        text::optional_line(faults, "service_type", fields.service_type).apply(&mut self.service_type);
        values::whole(faults, "port", fields.port, 1..=65_535).apply(&mut self.port);
        fields.protocol.apply(&mut self.protocol);
        values::url(faults, "external_url", fields.external_url).apply(&mut self.external_url);
        values::url(faults, "internal_url", fields.internal_url).apply(&mut self.internal_url);
        text::optional_line(faults, "version", fields.version).apply(&mut self.version);
        replace(fields.status, &mut self.status);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
    }

    fn is_admitted(&self, filter: &ServiceFilter) -> bool {
        let kind = self.service_type.as_deref().map(text::fold).unwrap_or_default();
        filter.infrastructure_id.is_none_or(|wanted| wanted == self.infrastructure_id)
            && filter.client_id.is_none_or(|wanted| wanted == self.client_id)
            && filter.service_type.as_deref().is_none_or(|part| kind.contains(&text::fold(part.trim())))
            && filter.status.is_none_or(|wanted| wanted == self.status)
            && filter.q.as_deref().is_none_or(|q| self.search_key().contains(&text::fold(q)))
    }

    fn sort_key(&self, field: ServiceSort) -> SortKey {
        match field {
            ServiceSort::ServiceName => SortKey::Text(text::fold(&self.service_name)),
            ServiceSort::CreatedAt => self.created_at.into(),
            ServiceSort::UpdatedAt => self.updated_at.into(),
        }
    }

    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self> {
        tx.services()
    }

    async fn settle(&mut self, tx: &mut dyn InfraTx, before: Option<&Self>) -> Result<()> {
        if before.is_none_or(|before| before.infrastructure_id != self.infrastructure_id) {
            self.client_id = tx.assets().find(self.infrastructure_id).await?.client_id;
        }
        Ok(())
    }

    async fn extra(&self, _: &mut dyn InfraTx, _: &Actor, _: Timestamp) -> Result<NoDetail> {
        Ok(NoDetail)
    }
}
