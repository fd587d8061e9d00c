//! Clients.

use async_trait::async_trait;
use claudetools_credentials::Credential;
use claudetools_infra::failure::{Command, Insight};
use claudetools_infra::inventory::{Asset, FirewallRule, M365Tenant, Network, SecurityIncident, Site};
use claudetools_kernel::{Entity as _, Id, Page, PageRequest};
use claudetools_sessions::{
    BillableTime, Client, ClientAsset, ClientFilter, ClientSort, Closing, PendingTask, Project, Session, TimeBlock,
    Timer,
    ports::{ClientRepository, Stored},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{
    entity::{
        billable_time,
        client::{Column, Entity, Model},
        closing, command, credential, environmental_insight, firewall_rule, infrastructure, m365_tenant, network,
        pending_task, project, security_incident, session, site, time_block, timer,
    },
    query::{Listing, contains},
    records::{Referring, Row},
    store::{Connection, SqlTx},
};

impl Row for Client {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;

    fn referring(id: Uuid) -> Vec<Referring> {
        vec![
            Referring::new::<project::Entity>(Project::TYPE, project::Column::ClientId.eq(id)),
            Referring::new::<session::Entity>(Session::TYPE, session::Column::ClientId.eq(id)),
            Referring::new::<pending_task::Entity>(PendingTask::TYPE, pending_task::Column::ClientId.eq(id)),
            Referring::new::<billable_time::Entity>(BillableTime::TYPE, billable_time::Column::ClientId.eq(id)),
            Referring::new::<timer::Entity>(Timer::TYPE, timer::Column::ClientId.eq(id)),
            Referring::new::<closing::Entity>(Closing::TYPE, closing::Column::ClientId.eq(id)),
            Referring::new::<time_block::Entity>(TimeBlock::TYPE, time_block::Column::ClientId.eq(id)),
            Referring::new::<credential::Entity>(Credential::TYPE, credential::Column::ClientId.eq(id)),
            Referring::new::<environmental_insight::Entity>(
                Insight::TYPE,
                environmental_insight::Column::ClientId.eq(id),
            ),
            Referring::new::<command::Entity>(Command::TYPE, command::Column::ClientId.eq(id)),
            Referring::new::<site::Entity>(Site::TYPE, site::Column::ClientId.eq(id)),
            Referring::new::<infrastructure::Entity>(Asset::TYPE, infrastructure::Column::ClientId.eq(id)),
            Referring::new::<network::Entity>(Network::TYPE, network::Column::ClientId.eq(id)),
            Referring::new::<firewall_rule::Entity>(FirewallRule::TYPE, firewall_rule::Column::ClientId.eq(id)),
            Referring::new::<m365_tenant::Entity>(M365Tenant::TYPE, m365_tenant::Column::ClientId.eq(id)),
            Referring::new::<security_incident::Entity>(
                SecurityIncident::TYPE,
                security_incident::Column::ClientId.eq(id),
            ),
        ]
    }
}

#[async_trait]
impl<C: Connection> ClientRepository for SqlTx<C> {
    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Client>>> {
        let ids = Entity::find().select_only().column(Column::Id).filter(Column::NameKey.eq(folded));
        self.id_of(ids).await
    }

    async fn equipment(&mut self, client: Id<Client>, limit: u32) -> Stored<Vec<ClientAsset>> {
        use infrastructure::Column as Asset;
        let assets = infrastructure::Entity::find()
            .select_only()
            .columns([Asset::Id, Asset::Hostname, Asset::IpAddress, Asset::AssetType, Asset::Os])
            .filter(Asset::ClientId.eq(client.uuid()))
            .order_by_asc(Asset::HostnameKey)
            .order_by_asc(Asset::Id)
            .limit(u64::from(limit));
        let rows = self.values::<_, (Uuid, String, Option<String>, String, Option<String>)>(assets).await?;
        let asset =
            |(id, hostname, ip_address, asset_type, os)| ClientAsset { id, hostname, ip_address, asset_type, os };
        Ok(rows.into_iter().map(asset).collect())
    }

    async fn list(&mut self, filter: &ClientFilter, page: &PageRequest<ClientSort>) -> Stored<Page<Client>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }
}

fn condition(filter: &ClientFilter) -> Condition {
    Condition::all()
        .add_option(filter.client_type.map(|wanted| Column::ClientType.eq(wanted.to_string())))
        .add_option(filter.is_active.map(|wanted| Column::IsActive.eq(wanted)))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: ClientSort) -> Column {
    match field {
        ClientSort::Name => Column::NameKey,
        ClientSort::CreatedAt => Column::CreatedAt,
        ClientSort::UpdatedAt => Column::UpdatedAt,
    }
}
