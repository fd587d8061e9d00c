//! Clients.

use async_trait::async_trait;
use claudetools_credentials::Credential;
use claudetools_infra::failure::{Command, Insight};
use claudetools_infra::inventory::{Asset, FirewallRule, M365Tenant, Network, SecurityIncident, Site};
use claudetools_kernel::{Entity, Id, Page, PageRequest, Referrer, text};
use claudetools_sessions::{
    BillableTime, Client, ClientAsset, ClientFilter, ClientSort, Closing, PendingTask, Project, Session, TimeBlock,
    Timer,
    ports::{ClientRepository, Stored},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table, counted},
};

impl Row for Client {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.clients
    }

    fn clashes(&self, other: &Self) -> bool {
        text::fold(&self.name) == text::fold(&other.name)
    }

    fn referrers(id: Id<Self>, state: &State) -> Vec<Referrer> {
        counted([
            (Project::TYPE, state.projects.count(|project| project.client_id == id)),
            (Session::TYPE, state.sessions.count(|session| session.client_id == Some(id))),
            (PendingTask::TYPE, state.pending_tasks.count(|task| task.client_id == Some(id))),
            (BillableTime::TYPE, state.billable_time.count(|entry| entry.client_id == id)),
            (Timer::TYPE, state.timers.count(|timer| timer.client_id == id)),
            (Closing::TYPE, state.closings.count(|closing| closing.client_id == Some(id))),
            (TimeBlock::TYPE, state.time_blocks.count(|block| block.client_id == id)),
            (Credential::TYPE, state.credentials.count(|credential| credential.client_id == Some(id.uuid()))),
            (Insight::TYPE, state.insights.count(|insight| insight.client_id == Some(id.uuid()))),
            (Command::TYPE, state.commands.count(|command| command.client_id == Some(id.uuid()))),
            (Site::TYPE, state.sites.count(|site| site.client_id == id.uuid())),
            (Asset::TYPE, state.assets.count(|asset| asset.client_id == id.uuid())),
            (Network::TYPE, state.networks.count(|network| network.client_id == id.uuid())),
            (FirewallRule::TYPE, state.firewall_rules.count(|rule| rule.client_id == id.uuid())),
            (M365Tenant::TYPE, state.m365_tenants.count(|tenant| tenant.client_id == id.uuid())),
            (SecurityIncident::TYPE, state.security_incidents.count(|incident| incident.client_id == id.uuid())),
        ])
    }
}

#[async_trait]
impl ClientRepository for MemoryTx {
    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Client>>> {
        Ok(self.state.clients.rows().find(|client| text::fold(&client.name) == folded).map(|client| client.id))
    }

    async fn equipment(&mut self, client: Id<Client>, limit: u32) -> Stored<Vec<ClientAsset>> {
        let mut assets: Vec<&Asset> =
            self.state.assets.rows().filter(|asset| asset.client_id == client.uuid()).collect();
        assets.sort_by_cached_key(|asset| (text::fold(&asset.hostname), asset.id));
        let shown = assets.into_iter().take(limit as usize).map(|asset| ClientAsset {
            id: asset.id.uuid(),
            hostname: asset.hostname.clone(),
            ip_address: asset.ip_address.clone(),
            asset_type: asset.asset_type.to_string(),
            os: asset.os.clone(),
        });
        Ok(shown.collect())
    }

    async fn list(&mut self, filter: &ClientFilter, page: &PageRequest<ClientSort>) -> Stored<Page<Client>> {
        let rows = self.state.clients.rows().filter(|client| filter.admits(client)).cloned().collect();
        Ok(Page::cut(rows, page))
    }
}
