//! Tenants of Microsoft 365.

use async_trait::async_trait;
use claudetools_kernel::{
    Actor, Direction, Error, Faults, Id, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use super::{
    Item, Items, NoDetail,
    item::entity,
    values::{refuse_unknown_client, replace},
};
use crate::ports::InfraTx;

enumeration! {
    /// What tenants can be sorted by.
    pub enum M365TenantSort {
        /// By name, whatever its case.
        TenantName = "tenant_name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for M365TenantSort {
    const DEFAULT: (Self, Direction) = (Self::TenantName, Direction::Ascending);
}

/// A tenant. Its names: the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct M365Tenant {
    /// Its id.
    pub id: Id<Self>,
    /// Whose it is.
    pub client_id: Uuid,
    /// Its id at Microsoft; unique.
    pub tenant_id: Uuid,
    /// What it is called.
    pub tenant_name: String,
    /// The domain of addresses that name none.
    pub default_domain: Option<String>,
    /// The address of its administrator.
    pub admin_email: Option<String>,
    /// What it is called in CIPP.
    pub cipp_name: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

entity!(M365Tenant, "m365_tenant");

/// What a request says of a tenant.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at M365Tenant")]
pub struct M365TenantFields {
    pub client_id: Option<Uuid>,
    pub tenant_id: Option<Uuid>,
    pub tenant_name: Option<String>,
    pub default_domain: Patch<String>,
    pub admin_email: Patch<String>,
    pub cipp_name: Patch<String>,
    pub notes: Patch<String>,
}

/// Which tenants to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at M365Tenant")]
pub struct M365TenantFilter {
    pub client_id: Option<Uuid>,
    /// Substring of [`M365Tenant::search_key`].
    pub q: Option<String>,
}

impl M365Tenant {
    /// What `q` searches: names, domain, address, notes.
    pub fn search_key(&self) -> String {
        text::search_key([
            Some(self.tenant_name.as_str()),
            self.default_domain.as_deref(),
            self.admin_email.as_deref(),
            self.cipp_name.as_deref(),
            self.notes.as_deref(),
        ])
    }
}

#[async_trait]
impl Item for M365Tenant {
    type Fields = M365TenantFields;
    type Filter = M365TenantFilter;
    type Sort = M365TenantSort;
    type Extra = NoDetail;

    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Self {
            id,
            client_id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            tenant_name: String::new(),
            default_domain: None,
            admin_email: None,
            cipp_name: None,
            notes: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    fn required(fields: &M365TenantFields) -> Vec<(&'static str, bool)> {
        vec![
            ("client_id", fields.client_id.is_some()),
            ("tenant_id", fields.tenant_id.is_some()),
            ("tenant_name", fields.tenant_name.is_some()),
        ]
    }

    fn apply(&mut self, fields: M365TenantFields, faults: &mut Faults) {
        replace(fields.client_id, &mut self.client_id);
        replace(fields.tenant_id, &mut self.tenant_id);
        text::replace_line(faults, "tenant_name", fields.tenant_name, &mut self.tenant_name);
        text::optional_line(faults, "default_domain", fields.default_domain).apply(&mut self.default_domain);
        fields
            .admin_email
            .and_then(|address| text::email(faults, "admin_email", &address))
            .apply(&mut self.admin_email);
        text::optional_line(faults, "cipp_name", fields.cipp_name).apply(&mut self.cipp_name);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
    }

    fn is_admitted(&self, filter: &M365TenantFilter) -> bool {
        filter.client_id.is_none_or(|wanted| wanted == self.client_id)
            && filter.q.as_deref().is_none_or(|q| self.search_key().contains(&text::fold(q)))
    }

    fn sort_key(&self, field: M365TenantSort) -> SortKey {
        match field {
            M365TenantSort::TenantName => SortKey::Text(text::fold(&self.tenant_name)),
            M365TenantSort::CreatedAt => self.created_at.into(),
            M365TenantSort::UpdatedAt => self.updated_at.into(),
        }
    }

    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self> {
        tx.m365_tenants()
    }

    async fn settle(&mut self, tx: &mut dyn InfraTx, before: Option<&Self>) -> Result<()> {
        if before.is_none_or(|before| before.client_id != self.client_id) {
            refuse_unknown_client(tx, self.client_id).await?;
        }
        let holder = tx.inventory().tenant_with(self.tenant_id).await?;
        Error::refuse_taken("tenant_id", holder, self.id)
    }

    async fn extra(&self, _: &mut dyn InfraTx, _: &Actor, _: Timestamp) -> Result<NoDetail> {
        Ok(NoDetail)
    }
}
