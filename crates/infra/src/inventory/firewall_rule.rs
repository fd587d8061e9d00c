//! Firewall rules.

use std::fmt;

use async_trait::async_trait;
use claudetools_kernel::{
    Actor, Direction, Faults, Id, Patch, Result, SortField, SortKey, SortKind, Timestamp, enumeration, text,
};
use uuid::Uuid;

use super::{
    Asset, Cidr, Item, Items, NoDetail,
    asset::refuse_other_asset,
    item::entity,
    values::{self, refuse_unknown_client, replace},
};
use crate::ports::InfraTx;

enumeration! {
    /// What a rule is about.
    pub enum RuleProtocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
        /// ICMP, of either family.
        Icmp = "icmp",
        /// Everything.
        Any = "any",
    }
}

enumeration! {
    /// What is done with what a rule is about.
    pub enum RuleAction {
        /// It passes.
        Allow = "allow",
        /// It is refused.
        Deny = "deny",
        /// It vanishes.
        Drop = "drop",
    }
}

enumeration! {
    /// What rules can be sorted by.
    pub enum FirewallRuleSort {
        /// By their order.
        RuleOrder = "rule_order",
        /// By name, whatever its case.
        Name = "name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for FirewallRuleSort {
    const DEFAULT: (Self, Direction) = (Self::RuleOrder, Direction::Ascending);

    fn kind(self) -> SortKind {
        if self == Self::Name { SortKind::Text } else { SortKind::Integer }
    }
}

/// One port, or all from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Reads `443` or `8000-8100`.
    pub fn parse(text: &str) -> Option<Self> {
        let port = |text: &str| text.trim().parse().ok().filter(|port| *port > 0);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = Self { first: port(first)?, last: port(last)? };
        (range.first <= range.last).then_some(range)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

/// A firewall rule. Its names: the client's, the asset's host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallRule {
    /// Its id.
    pub id: Id<Self>,
    /// The firewall; an asset of the client.
    pub infrastructure_id: Option<Id<Asset>>,
    /// Whose it is.
    pub client_id: Uuid,
    /// What it is called.
    pub name: String,
    /// Where from; anywhere where empty.
    pub source_cidr: Option<Cidr>,
    /// Where to; anywhere where empty.
    pub destination_cidr: Option<Cidr>,
    /// To which ports; all where empty.
    pub port: Option<PortRange>,
    /// What it is about.
    pub protocol: RuleProtocol,
    /// What is done with that.
    pub action: RuleAction,
    /// Its place among the rules of the firewall, the smallest first.
    pub rule_order: i32,
    /// Anything else.
    pub notes: Option<String>,
    /// Whether it is in force.
    pub is_enabled: bool,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

entity!(FirewallRule, "firewall_rule");

/// What a request says of a rule.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at FirewallRule")]
pub struct FirewallRuleFields {
    pub infrastructure_id: Patch<Id<Asset>>,
    pub client_id: Option<Uuid>,
    pub name: Option<String>,
    pub source_cidr: Patch<String>,
    pub destination_cidr: Patch<String>,
    pub port: Patch<String>,
    pub protocol: Option<RuleProtocol>,
    pub action: Option<RuleAction>,
    pub rule_order: Option<i32>,
    pub notes: Patch<String>,
    pub is_enabled: Option<bool>,
}

/// Which rules to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at FirewallRule")]
pub struct FirewallRuleFilter {
    pub client_id: Option<Uuid>,
    pub infrastructure_id: Option<Id<Asset>>,
    pub action: Option<RuleAction>,
    /// Substring of [`FirewallRule::search_key`].
    pub q: Option<String>,
}

impl FirewallRule {
    /// What `q` searches: name, networks, ports, notes.
    pub fn search_key(&self) -> String {
        let values = [
            self.source_cidr.map(|cidr| cidr.to_string()),
            self.destination_cidr.map(|cidr| cidr.to_string()),
            self.port.map(|port| port.to_string()),
        ];
        let own = [Some(self.name.as_str()), self.notes.as_deref()];
        text::search_key(own.into_iter().chain(values.iter().map(Option::as_deref)))
    }
}

#[async_trait]
impl Item for FirewallRule {
    type Fields = FirewallRuleFields;
    type Filter = FirewallRuleFilter;
    type Sort = FirewallRuleSort;
    type Extra = NoDetail;

    fn blank(id: Id<Self>, now: Timestamp) -> Self {
        Self {
            id,
            infrastructure_id: None,
            client_id: Uuid::nil(),
            name: String::new(),
            source_cidr: None,
            destination_cidr: None,
            port: None,
            protocol: RuleProtocol::Any,
            action: RuleAction::Deny,
            rule_order: 0,
            notes: None,
            is_enabled: true,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    fn required(fields: &FirewallRuleFields) -> Vec<(&'static str, bool)> {
        vec![
            ("client_id", fields.client_id.is_some()),
            ("name", fields.name.is_some()),
            ("action", fields.action.is_some()),
        ]
    }

    fn apply(&mut self, fields: FirewallRuleFields, faults: &mut Faults) {
        const PORT: (&str, &str) = ("port", "must be a port such as 443, or two with a dash such as 8000-8100");
        fields.infrastructure_id.apply(&mut self.infrastructure_id);
        replace(fields.client_id, &mut self.client_id);
        text::replace_line(faults, "name", fields.name, &mut self.name);
        values::cidr(faults, "source_cidr", fields.source_cidr).apply(&mut self.source_cidr);
        values::cidr(faults, "destination_cidr", fields.destination_cidr).apply(&mut self.destination_cidr);
        values::parsed(faults, "port", fields.port, PORT, PortRange::parse).apply(&mut self.port);
        replace(fields.protocol, &mut self.protocol);
        replace(fields.action, &mut self.action);
        let order = Patch::from(fields.rule_order);
        replace(values::whole(faults, "rule_order", order, 0..=1_000_000).value().copied(), &mut self.rule_order);
        text::optional_block(faults, "notes", fields.notes).apply(&mut self.notes);
        replace(fields.is_enabled, &mut self.is_enabled);
        if self.port.is_some() && self.protocol == RuleProtocol::Icmp {
            faults.semantic("port", "protocol", "must be empty: ICMP has no ports");
        }
        let ends = self.source_cidr.zip(self.destination_cidr);
        if ends.is_some_and(|(source, destination)| source.is_v6() != destination.is_v6()) {
            faults.semantic("destination_cidr", "family", "must be of the address family of source_cidr");
        }
    }

    fn is_admitted(&self, filter: &FirewallRuleFilter) -> bool {
        filter.client_id.is_none_or(|wanted| wanted == self.client_id)
            && filter.infrastructure_id.is_none_or(|wanted| Some(wanted) == self.infrastructure_id)
            && filter.action.is_none_or(|wanted| wanted == self.action)
            && filter.q.as_deref().is_none_or(|q| self.search_key().contains(&text::fold(q)))
    }

    fn sort_key(&self, field: FirewallRuleSort) -> SortKey {
        match field {
            FirewallRuleSort::RuleOrder => SortKey::Integer(self.rule_order.into()),
            FirewallRuleSort::Name => SortKey::Text(text::fold(&self.name)),
            FirewallRuleSort::CreatedAt => self.created_at.into(),
            FirewallRuleSort::UpdatedAt => self.updated_at.into(),
        }
    }

    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self> {
        tx.firewall_rules()
    }

    async fn settle(&mut self, tx: &mut dyn InfraTx, before: Option<&Self>) -> Result<()> {
        let moves = before.is_none_or(|before| before.client_id != self.client_id);
        if moves {
            refuse_unknown_client(tx, self.client_id).await?;
        }
        let asset = self.infrastructure_id;
        if let Some(asset) = asset.filter(|_| moves || before.is_none_or(|b| b.infrastructure_id != asset)) {
            refuse_other_asset(tx, self.client_id, asset).await?;
        }
        Ok(())
    }

    async fn extra(&self, _: &mut dyn InfraTx, _: &Actor, _: Timestamp) -> Result<NoDetail> {
        Ok(NoDetail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_stands_alone_or_with_the_last_of_its_range() {
        for (given, shown) in [("443", "443"), ("8000-8100", "8000-8100"), (" 80 - 80 ", "80")] {
            assert_eq!(PortRange::parse(given).map(|range| range.to_string()).as_deref(), Some(shown));
        }
        for given in ["", "0", "65536", "90-80", "-80", "80-", "http", "80-90-100"] {
            assert_eq!(PortRange::parse(given), None, "{given}");
        }
    }
}
