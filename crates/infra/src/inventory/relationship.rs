//! How services hang together.

use async_trait::async_trait;
use claudetools_kernel::{
    Actor, Direction, Error, Faults, Id, Result, SortField, SortKey, Timestamp, enumeration, text,
};

use super::{
    Item, Items, NoDetail, Service,
    item::entity,
    values::{replace, unset},
};
use crate::ports::InfraTx;

enumeration! {
    /// What one service is to another.
    pub enum RelationshipType {
        /// It runs inside of the other.
        HostedOn = "hosted_on",
        /// It is reached through the other.
        ProxiedBy = "proxied_by",
        /// It does not work without the other.
        DependsOn = "depends_on",
        /// It asks the other who its users are.
        AuthenticatesVia = "authenticates_via",
        /// It copies its data to the other.
        ReplicatesTo = "replicates_to",
        /// It keeps copies of the other's data.
        BacksUp = "backs_up",
    }
}

impl RelationshipType {
    /// Whether a service fails when the one that it is related to does. Replicas and backups go on without.
    pub const fn passes_failure(self) -> bool {
        !matches!(self, Self::ReplicatesTo | Self::BacksUp)
    }
}

enumeration! {
    /// What relationships can be sorted by.
    pub enum ServiceRelationshipSort {
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for ServiceRelationshipSort {
    const DEFAULT: (Self, Direction) = (Self::CreatedAt, Direction::Descending);
}

/// A relationship, unique by both services and type. Its names: those of the two services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRelationship {
    /// Its id.
    pub id: Id<Self>,
    /// The service that it is about.
    pub from_service_id: Id<Service>,
    /// The other service, never the same.
    pub to_service_id: Id<Service>,
    /// What the first is to the other.
    pub relationship_type: RelationshipType,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

entity!(ServiceRelationship, "service_relationship");

/// What a request says of a relationship.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at ServiceRelationship")]
pub struct ServiceRelationshipFields {
    pub from_service_id: Option<Id<Service>>,
    pub to_service_id: Option<Id<Service>>,
    pub relationship_type: Option<RelationshipType>,
}

/// Which relationships to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at ServiceRelationship")]
pub struct ServiceRelationshipFilter {
    /// At either end.
    pub service_id: Option<Id<Service>>,
    pub relationship_type: Option<RelationshipType>,
    /// Substring of the name of either service.
    pub q: Option<String>,
}

#[async_trait]
impl Item for ServiceRelationship {
    type Fields = ServiceRelationshipFields;
    type Filter = ServiceRelationshipFilter;
    type Sort = ServiceRelationshipSort;
    type Extra = NoDetail;

    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Self {
            id,
            from_service_id: unset(),
            to_service_id: unset(),
            relationship_type: RelationshipType::DependsOn,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    fn required(fields: &ServiceRelationshipFields) -> Vec<(&'static str, bool)> {
        vec![
            ("from_service_id", fields.from_service_id.is_some()),
            ("to_service_id", fields.to_service_id.is_some()),
            ("relationship_type", fields.relationship_type.is_some()),
        ]
    }

    fn apply(&mut self, fields: ServiceRelationshipFields, faults: &mut Faults) {
        replace(fields.from_service_id, &mut self.from_service_id);
        replace(fields.to_service_id, &mut self.to_service_id);
        replace(fields.relationship_type, &mut self.relationship_type);
        if self.from_service_id == self.to_service_id && faults.is_empty() {
            faults.semantic("to_service_id", "other", "must name another service than from_service_id");
        }
    }

    fn is_admitted(&self, filter: &ServiceRelationshipFilter) -> bool {
        filter.service_id.is_none_or(|wanted| [self.from_service_id, self.to_service_id].contains(&wanted))
            && filter.relationship_type.is_none_or(|wanted| wanted == self.relationship_type)
    }

    fn is_admitted_by_name(filter: &ServiceRelationshipFilter, names: &[Option<String>; 2]) -> bool {
        let has = |q: &str| names.iter().flatten().any(|name| text::fold(name).contains(&text::fold(q)));
        filter.q.as_deref().is_none_or(has)
    }

    fn sort_key(&self, field: ServiceRelationshipSort) -> SortKey {
        match field {
            ServiceRelationshipSort::CreatedAt => self.created_at.into(),
            ServiceRelationshipSort::UpdatedAt => self.updated_at.into(),
        }
    }

    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self> {
        tx.service_relationships()
    }

    async fn settle(&mut self, tx: &mut dyn InfraTx, _: Option<&Self>) -> Result<()> {
        let (from, to) = (self.from_service_id, self.to_service_id);
        for service in [from, to] {
            tx.services().find(service).await?;
        }
        let holder = tx.inventory().relationship(from, to, self.relationship_type).await?;
        Error::refuse_taken("relationship_type", holder, self.id)
    }

    async fn extra(&self, _: &mut dyn InfraTx, _: &Actor, _: Timestamp) -> Result<NoDetail> {
        Ok(NoDetail)
    }
}
