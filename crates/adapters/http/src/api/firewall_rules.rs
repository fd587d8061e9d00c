//! Firewall rules over HTTP.

use actix_web::{delete, get, post, route};
use claudetools_infra::inventory::{
    FirewallRule, FirewallRuleFields, FirewallRuleFilter, FirewallRuleSort, Named, RuleAction, RuleProtocol,
};
use o2o::o2o;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    extract::{Admin, At, Body, Caller, ListQuery, PathId, Read, Write},
    openapi::{Listed, Paging},
    reply::Answer,
    wire::{Block, Cidr, Cross, Field, Instant, Line, Nullable, Ports, RowOf, RuleOrder, Uid, Word},
};

type ActionWord = Word<RuleAction>;
type ProtocolWord = Word<RuleProtocol>;
type NamedFirewallRule = Named<FirewallRule>;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(get).service(update).service(remove);
}

/// A firewall rule to enter, or what to change of it.
#[derive(Debug, Default, Deserialize, ToSchema, o2o)]
#[owned_into(FirewallRuleFields)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"client_id": "01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f", "name": "VPN to file server", "source_cidr": "10.99.0.0/24",
    "destination_cidr": "10.20.0.5/32", "port": "445", "protocol": "tcp", "action": "allow", "rule_order": 10, "is_enabled": true}))]
struct FirewallRuleBody {
    /// The firewall; infrastructure of the client.
    #[o2o(repeat)]
    #[into(~.cross())]
    infrastructure_id: Nullable<Uid>,
    /// Whose it is.
    #[schema(required)]
    client_id: Field<Uid>,
    #[schema(required)]
    name: Field<Line>,
    /// Where from; anywhere unless given.
    source_cidr: Nullable<Cidr>,
    /// Where to; anywhere unless given.
    destination_cidr: Nullable<Cidr>,
    /// A port such as 443, or a range such as `8000-8100`; all unless given.
    port: Nullable<Ports>,
    /// `any` unless given.
    protocol: Field<ProtocolWord>,
    #[schema(required)]
    action: Field<ActionWord>,
    /// The smallest is looked at first; 0 unless given.
    rule_order: Field<RuleOrder>,
    notes: Nullable<Block>,
    /// True unless given.
    is_enabled: Field<bool>,
}

/// A firewall rule.
#[derive(Debug, Serialize, ToSchema, o2o)]
#[from_owned(NamedFirewallRule)]
pub(super) struct FirewallRuleView {
    #[o2o(repeat)]
    #[child(item)]
    #[from(~.cross())]
    id: Uuid,
    infrastructure_id: Option<Uuid>,
    #[schema(example = "FW01")]
    #[o2o(skip_repeat, from(@.names[1].clone()))]
    hostname: Option<String>,
    client_id: Uuid,
    #[schema(example = "Acme Dental")]
    #[o2o(skip_repeat, from(@.names[0].clone()))]
    client_name: Option<String>,
    #[schema(example = "VPN to file server")]
    name: String,
    source_cidr: Option<String>,
    destination_cidr: Option<String>,
    #[schema(example = "8000-8100")]
    port: Option<String>,
    protocol: ProtocolWord,
    action: ActionWord,
    rule_order: i32,
    notes: Option<String>,
    is_enabled: bool,
    created_at: Instant,
    updated_at: Instant,
}

/// Which firewall rules to list.
#[derive(Debug, Deserialize, IntoParams, o2o)]
#[owned_into(FirewallRuleFilter)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FirewallRuleQuery {
    #[o2o(repeat)]
    #[into(~.cross())]
    client_id: Option<Uuid>,
    infrastructure_id: Option<Uuid>,
    action: Option<ActionWord>,
    /// Substring of name, networks, ports or notes, whatever the case.
    q: Option<String>,
}

/// List firewall rules
#[utoipa::path(params(FirewallRuleQuery, Paging<FirewallRuleSort>), responses((status = 200, body = Listed<FirewallRuleView>)), security(("bearer" = ["msp:read"])))]
#[get("/firewall-rules")]
async fn list(
    caller: Caller<Read>,
    query: ListQuery<FirewallRuleQuery, FirewallRuleFilter, FirewallRuleSort>,
) -> Answer {
    let page = caller.services().inventory.firewall_rules.list(caller.actor(), &query.0).await?;
    caller.page::<FirewallRuleView, _, _>(page, &query.0.page)
}

/// Enter a firewall rule
#[utoipa::path(request_body = FirewallRuleBody, responses((status = 201, body = FirewallRuleView)), security(("bearer" = ["msp:write"])))]
#[post("/firewall-rules")]
async fn create(caller: Caller<Write>, body: Body<FirewallRuleBody, FirewallRuleFields>) -> Answer {
    let firewall_rules = &caller.services().inventory.firewall_rules;
    caller.create::<RowOf<FirewallRuleView>, _>(|| firewall_rules.create(caller.actor(), body.0.clone())).await
}

/// Read a firewall rule
#[utoipa::path(responses((status = 200, body = FirewallRuleView)), security(("bearer" = ["msp:read"])))]
#[get("/firewall-rules/{id}")]
async fn get(caller: Caller<Read>, id: PathId<FirewallRule>) -> Answer {
    caller
        .one::<RowOf<FirewallRuleView>, _>(caller.services().inventory.firewall_rules.get(caller.actor(), id.0).await?)
}

/// Change a firewall rule
#[utoipa::path(request_body = FirewallRuleBody, responses((status = 200, body = FirewallRuleView)), security(("bearer" = ["msp:write"])))]
#[route("/firewall-rules/{id}", method = "PUT", method = "PATCH")]
async fn update(
    caller: Caller<Write>,
    at: At<FirewallRule>,
    body: Body<FirewallRuleBody, FirewallRuleFields>,
) -> Answer {
    let firewall_rules = &caller.services().inventory.firewall_rules;
    caller.change::<RowOf<FirewallRuleView>, _>(|| firewall_rules.update(caller.actor(), &at.0, body.0.clone())).await
}

/// Remove a firewall rule
#[utoipa::path(responses((status = 204)), security(("bearer" = ["msp:admin"])))]
#[delete("/firewall-rules/{id}")]
async fn remove(caller: Caller<Admin>, at: At<FirewallRule>) -> Answer {
    caller.act(|| caller.services().inventory.firewall_rules.delete(caller.actor(), &at.0)).await
}
