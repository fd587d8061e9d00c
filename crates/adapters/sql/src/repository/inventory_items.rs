//! The rows of the inventory: their tables, names and lists. What reads and writes them is the same for all of them.

use async_trait::async_trait;
use claudetools_credentials::Credential;
use claudetools_infra::failure::{Command, FailurePattern, Insight, Spot};
use claudetools_infra::inventory::{
    Asset, AssetFilter, AssetSort, FirewallRule, FirewallRuleFilter, FirewallRuleSort, Item, Items, M365Tenant,
    M365TenantFilter, M365TenantSort, Named, Network, NetworkFilter, NetworkSort, SecurityIncident,
    SecurityIncidentFilter, SecurityIncidentSort, Service, ServiceFilter, ServiceRelationship,
    ServiceRelationshipFilter, ServiceRelationshipSort, ServiceSort, Site, SiteFilter, SiteSort,
};
use claudetools_kernel::{Entity as _, Id, Page, PageRequest, StoreError, Stored};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, FromQueryResult, JoinType, QueryFilter, QueryResult,
    QuerySelect, QueryTrait, RelationTrait, Select,
    sea_query::{Expr, SimpleExpr},
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    entity::{
        client, command, credential, environmental_insight, failure_pattern_spot, firewall_rule, infrastructure,
        m365_tenant, network, security_incident, security_incident_asset, service, service_relationship, site,
    },
    query::{Listing, contains},
    records::{ColumnOf, ModelOf, Referring, Row},
    store::{Connection, SqlTx},
};

/// A row of a model and the names of what it refers to.
#[derive(Debug, Deserialize)]
pub(crate) struct Joined<M> {
    item: M,
    first_name: Option<String>,
    second_name: Option<String>,
}

impl<M: FromQueryResult> FromQueryResult for Joined<M> {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        Ok(Self {
            item: M::from_query_result(row, prefix)?,
            first_name: row.try_get(prefix, "first_name")?,
            second_name: row.try_get(prefix, "second_name")?,
        })
    }
}

impl<M: TryInto<I, Error = StoreError>, I> TryFrom<Joined<M>> for Named<I> {
    type Error = StoreError;

    fn try_from(row: Joined<M>) -> Result<Self, StoreError> {
        Ok(Self { item: row.item.try_into()?, names: [row.first_name, row.second_name] })
    }
}

/// How a kind of rows is listed.
pub(crate) trait Listed: Row + Item {
    /// The rows, joined to what their names come from.
    fn joined() -> Select<Self::Table>;
    /// The names.
    fn names() -> [SimpleExpr; 2];
    /// The rows that a filter admits.
    fn condition(filter: &Self::Filter) -> Condition;
    /// What a list is sorted by.
    fn column(field: Self::Sort) -> ColumnOf<Self>;

    /// The rows with their names.
    fn named() -> Select<Self::Table> {
        let [first, second] = Self::names();
        Self::joined().expr_as(first, "first_name").expr_as(second, "second_name")
    }
}

#[async_trait]
impl<C: Connection, I: Listed> Items<I> for SqlTx<C>
where
    ModelOf<I>: Sync,
{
    async fn row(&mut self, id: Id<I>) -> Stored<Option<Named<I>>> {
        self.one::<_, Joined<ModelOf<I>>, _>(I::named().filter(I::ID.eq(id.uuid()))).await
    }

    async fn list(&mut self, filter: &I::Filter, page: &PageRequest<I::Sort>) -> Stored<Page<Named<I>>> {
        let listing = Listing { select: I::named(), filter: I::condition(filter), sort: I::column, id: I::ID };
        self.page::<_, Joined<ModelOf<I>>, _, _>(listing, page).await
    }
}

/// A name of a row joined.
fn name(column: impl ColumnTrait) -> SimpleExpr {
    Expr::col(column.as_column_ref())
}

/// In the place of a name that a kind of rows does not have.
fn nothing() -> SimpleExpr {
    Expr::cust("NULL")
}

/// Names the table of each kind, and its columns of id and revision.
macro_rules! table {
    ($entity:ident) => {
        type Table = $entity::Entity;
        const ID: $entity::Column = $entity::Column::Id;
        const REVISION: $entity::Column = $entity::Column::Revision;
    };
}

impl Row for Site {
    table!(site);

    fn referring(id: Uuid) -> Vec<Referring> {
        vec![
            Referring::new::<infrastructure::Entity>(Asset::TYPE, infrastructure::Column::SiteId.eq(id)),
            Referring::new::<network::Entity>(Network::TYPE, network::Column::SiteId.eq(id)),
        ]
    }
}

impl Listed for Site {
    fn joined() -> Select<site::Entity> {
        site::Entity::find().join(JoinType::LeftJoin, site::Relation::Client.def())
    }

    fn names() -> [SimpleExpr; 2] {
        [name(client::Column::Name), nothing()]
    }

    fn condition(filter: &SiteFilter) -> Condition {
        Condition::all()
            .add_option(filter.client_id.map(|wanted| site::Column::ClientId.eq(wanted)))
            .add_option(filter.q.as_deref().map(|q| contains(site::Column::SearchKey, q)))
    }

    fn column(field: SiteSort) -> site::Column {
        match field {
            SiteSort::Name => site::Column::NameKey,
            SiteSort::CreatedAt => site::Column::CreatedAt,
            SiteSort::UpdatedAt => site::Column::UpdatedAt,
        }
    }
}

impl Row for Asset {
    table!(infrastructure);

    fn referring(id: Uuid) -> Vec<Referring> {
        let named = security_incident_asset::Column::InfrastructureId.eq(id);
        vec![
            Referring::new::<infrastructure::Entity>(Self::TYPE, infrastructure::Column::ParentId.eq(id)),
            Referring::new::<service::Entity>(Service::TYPE, service::Column::InfrastructureId.eq(id)),
            Referring::new::<firewall_rule::Entity>(FirewallRule::TYPE, firewall_rule::Column::InfrastructureId.eq(id)),
            Referring::new::<security_incident_asset::Entity>(SecurityIncident::TYPE, named),
            Referring::new::<credential::Entity>(Credential::TYPE, credential::Column::InfrastructureId.eq(id)),
            Referring::new::<environmental_insight::Entity>(
                Insight::TYPE,
                environmental_insight::Column::InfrastructureId.eq(id),
            ),
            Referring::new::<command::Entity>(Command::TYPE, command::Column::InfrastructureId.eq(id)),
            Referring::new::<failure_pattern_spot::Entity>(
                FailurePattern::TYPE,
                failure_pattern_spot::Column::Spot.eq(Spot::Asset(id).key()),
            ),
        ]
    }
}

impl Listed for Asset {
    fn joined() -> Select<infrastructure::Entity> {
        infrastructure::Entity::find()
            .join(JoinType::LeftJoin, infrastructure::Relation::Client.def())
            .join(JoinType::LeftJoin, infrastructure::Relation::Site.def())
    }

    fn names() -> [SimpleExpr; 2] {
        [name(client::Column::Name), name(site::Column::Name)]
    }

    fn condition(filter: &AssetFilter) -> Condition {
        use infrastructure::Column;
        let ip = filter.ip.map(|ip| ip.to_canonical().to_string());
        Condition::all()
            .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted)))
            .add_option(filter.site_id.map(|wanted| Column::SiteId.eq(wanted.uuid())))
            .add_option(filter.asset_type.map(|wanted| Column::AssetType.eq(wanted.to_string())))
            .add_option(filter.status.map(|wanted| Column::Status.eq(wanted.to_string())))
            .add_option(filter.hostname.as_deref().map(|part| contains(Column::HostnameKey, part)))
            .add_option(ip.map(|ip| Column::IpAddress.eq(ip)))
            .add_option(filter.tag_needle().map(|needle| contains(Column::TagKey, &needle)))
            .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
    }

    fn column(field: AssetSort) -> infrastructure::Column {
        match field {
            AssetSort::Hostname => infrastructure::Column::HostnameKey,
            AssetSort::CreatedAt => infrastructure::Column::CreatedAt,
            AssetSort::UpdatedAt => infrastructure::Column::UpdatedAt,
        }
    }
}

impl Row for Service {
    table!(service);

    fn referring(id: Uuid) -> Vec<Referring> {
        use service_relationship::Column;
        let ends = Column::FromServiceId.eq(id).or(Column::ToServiceId.eq(id));
        vec![
            Referring::new::<service_relationship::Entity>(ServiceRelationship::TYPE, ends),
            Referring::new::<credential::Entity>(Credential::TYPE, credential::Column::ServiceId.eq(id)),
        ]
    }
}

impl Listed for Service {
    fn joined() -> Select<service::Entity> {
        service::Entity::find()
            .join(JoinType::LeftJoin, service::Relation::Client.def())
            .join(JoinType::LeftJoin, service::Relation::Infrastructure.def())
    }

    fn names() -> [SimpleExpr; 2] {
        [name(client::Column::Name), name(infrastructure::Column::Hostname)]
    }

    fn condition(filter: &ServiceFilter) -> Condition {
        use service::Column;
        Condition::all()
            .add_option(filter.infrastructure_id.map(|wanted| Column::InfrastructureId.eq(wanted.uuid())))
            .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted)))
            .add_option(filter.service_type.as_deref().map(|part| contains(Column::ServiceTypeKey, part.trim())))
            .add_option(filter.status.map(|wanted| Column::Status.eq(wanted.to_string())))
            .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
    }

    fn column(field: ServiceSort) -> service::Column {
        match field {
            ServiceSort::ServiceName => service::Column::ServiceNameKey,
            ServiceSort::CreatedAt => service::Column::CreatedAt,
            ServiceSort::UpdatedAt => service::Column::UpdatedAt,
        }
    }
}

impl Row for ServiceRelationship {
    table!(service_relationship);
}

impl Listed for ServiceRelationship {
    fn joined() -> Select<service_relationship::Entity> {
        service_relationship::Entity::find()
            .join_as(JoinType::LeftJoin, service_relationship::Relation::From.def(), "from_service")
            .join_as(JoinType::LeftJoin, service_relationship::Relation::To.def(), "to_service")
    }

    fn names() -> [SimpleExpr; 2] {
        ["from_service", "to_service"].map(|service| Expr::col((service, service::Column::ServiceName)))
    }

    fn condition(filter: &ServiceRelationshipFilter) -> Condition {
        use service_relationship::Column;
        let at_either_end = |id: Id<Service>| {
            Condition::any().add(Column::FromServiceId.eq(id.uuid())).add(Column::ToServiceId.eq(id.uuid()))
        };
        // By itself, not by the tables joined: a total is counted without them.
        let named = |q: &str| {
            let services = service::Entity::find().select_only().column(service::Column::Id);
            let services = services.filter(contains(service::Column::ServiceNameKey, q)).into_query();
            Condition::any()
                .add(Column::FromServiceId.in_subquery(services.clone()))
                .add(Column::ToServiceId.in_subquery(services))
        };
        Condition::all()
            .add_option(filter.service_id.map(at_either_end))
            .add_option(filter.q.as_deref().map(named))
            .add_option(filter.relationship_type.map(|wanted| Column::RelationshipType.eq(wanted.to_string())))
    }

    fn column(field: ServiceRelationshipSort) -> service_relationship::Column {
        match field {
            ServiceRelationshipSort::CreatedAt => service_relationship::Column::CreatedAt,
            ServiceRelationshipSort::UpdatedAt => service_relationship::Column::UpdatedAt,
        }
    }
}

impl Row for Network {
    table!(network);
}

impl Listed for Network {
    fn joined() -> Select<network::Entity> {
        network::Entity::find()
            .join(JoinType::LeftJoin, network::Relation::Client.def())
            .join(JoinType::LeftJoin, network::Relation::Site.def())
    }

    fn names() -> [SimpleExpr; 2] {
        [name(client::Column::Name), name(site::Column::Name)]
    }

    fn condition(filter: &NetworkFilter) -> Condition {
        use network::Column;
        let containing = filter.containing().map(|nets| nets.iter().map(ToString::to_string).collect::<Vec<_>>());
        Condition::all()
            .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted)))
            .add_option(filter.site_id.map(|wanted| Column::SiteId.eq(wanted.uuid())))
            .add_option(filter.network_type.map(|wanted| Column::NetworkType.eq(wanted.to_string())))
            .add_option(containing.map(|nets| Column::Cidr.is_in(nets)))
            .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
    }

    fn column(field: NetworkSort) -> network::Column {
        match field {
            NetworkSort::Name => network::Column::NameKey,
            NetworkSort::CreatedAt => network::Column::CreatedAt,
            NetworkSort::UpdatedAt => network::Column::UpdatedAt,
        }
    }
}

impl Row for FirewallRule {
    table!(firewall_rule);
}

impl Listed for FirewallRule {
    fn joined() -> Select<firewall_rule::Entity> {
        firewall_rule::Entity::find()
            .join(JoinType::LeftJoin, firewall_rule::Relation::Client.def())
            .join(JoinType::LeftJoin, firewall_rule::Relation::Infrastructure.def())
    }

    fn names() -> [SimpleExpr; 2] {
        [name(client::Column::Name), name(infrastructure::Column::Hostname)]
    }

    fn condition(filter: &FirewallRuleFilter) -> Condition {
        use firewall_rule::Column;
        Condition::all()
            .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted)))
            .add_option(filter.infrastructure_id.map(|wanted| Column::InfrastructureId.eq(wanted.uuid())))
            .add_option(filter.action.map(|wanted| Column::Action.eq(wanted.to_string())))
            .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
    }

    fn column(field: FirewallRuleSort) -> firewall_rule::Column {
        match field {
            FirewallRuleSort::RuleOrder => firewall_rule::Column::RuleOrder,
            FirewallRuleSort::Name => firewall_rule::Column::NameKey,
            FirewallRuleSort::CreatedAt => firewall_rule::Column::CreatedAt,
            FirewallRuleSort::UpdatedAt => firewall_rule::Column::UpdatedAt,
        }
    }
}

impl Row for M365Tenant {
    table!(m365_tenant);
}

impl Listed for M365Tenant {
    fn joined() -> Select<m365_tenant::Entity> {
        m365_tenant::Entity::find().join(JoinType::LeftJoin, m365_tenant::Relation::Client.def())
    }

    fn names() -> [SimpleExpr; 2] {
        [name(client::Column::Name), nothing()]
    }

    fn condition(filter: &M365TenantFilter) -> Condition {
        Condition::all()
            .add_option(filter.client_id.map(|wanted| m365_tenant::Column::ClientId.eq(wanted)))
            .add_option(filter.q.as_deref().map(|q| contains(m365_tenant::Column::SearchKey, q)))
    }

    fn column(field: M365TenantSort) -> m365_tenant::Column {
        match field {
            M365TenantSort::TenantName => m365_tenant::Column::TenantNameKey,
            M365TenantSort::CreatedAt => m365_tenant::Column::CreatedAt,
            M365TenantSort::UpdatedAt => m365_tenant::Column::UpdatedAt,
        }
    }
}

impl Row for SecurityIncident {
    table!(security_incident);
}

impl Listed for SecurityIncident {
    fn joined() -> Select<security_incident::Entity> {
        security_incident::Entity::find().join(JoinType::LeftJoin, security_incident::Relation::Client.def())
    }

    fn names() -> [SimpleExpr; 2] {
        [name(client::Column::Name), nothing()]
    }

    fn condition(filter: &SecurityIncidentFilter) -> Condition {
        use security_incident::Column;
        Condition::all()
            .add_option(filter.client_id.map(|wanted| Column::ClientId.eq(wanted)))
            .add_option(filter.severity.map(|wanted| Column::Severity.eq(wanted.to_string())))
            .add_option(filter.status.map(|wanted| Column::Status.eq(wanted.to_string())))
            .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
    }

    fn column(field: SecurityIncidentSort) -> security_incident::Column {
        match field {
            SecurityIncidentSort::IncidentDate => security_incident::Column::IncidentDate,
            SecurityIncidentSort::Title => security_incident::Column::TitleKey,
            SecurityIncidentSort::CreatedAt => security_incident::Column::CreatedAt,
            SecurityIncidentSort::UpdatedAt => security_incident::Column::UpdatedAt,
        }
    }
}
