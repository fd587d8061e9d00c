//! What callers do with failure patterns.

use claudetools_kernel::{Actor, Change, Id, Page, Query, Result, Scope, Target, text};

use super::{
    Checked, FailurePattern, PatternFields, PatternFilter, PatternSort, Place, Plan,
    insight_service::{known_asset, refuse_unknown_place},
};
use crate::inventory::Context;

/// How many patterns and insights are looked at before a command is run, all of which hold there and are about it.
const LOOKED_AT: u32 = 200;

/// The use cases of failure patterns. Reading and checking need [`Scope::Read`], writing [`Scope::Write`], removing
/// [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct PatternService(Context);

impl PatternService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters a pattern.
    pub async fn create(&self, actor: &Actor, fields: PatternFields) -> Result<Change<FailurePattern>> {
        actor.require(Scope::Write)?;
        let pattern = FailurePattern::new(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        refuse_unknown_place(tx.as_mut(), None, &pattern.affected_infrastructure).await?;
        tx.failure_patterns().add(&pattern).await?;
        tx.failure_patterns().expect_anew(&pattern).await?;
        Ok(Change::new(pattern, tx))
    }

    /// One pattern.
    pub async fn get(&self, actor: &Actor, id: Id<FailurePattern>) -> Result<FailurePattern> {
        actor.require(Scope::Read)?;
        self.0.store.read().await?.failure_patterns().find(id).await
    }

    /// A page of patterns.
    pub async fn list(&self, actor: &Actor, query: &Query<PatternFilter, PatternSort>) -> Result<Page<FailurePattern>> {
        actor.require(Scope::Read)?;
        Ok(self.0.store.read().await?.failure_patterns().list(&query.filter, &query.page).await?)
    }

    /// Changes the fields given.
    pub async fn update(
        &self,
        actor: &Actor,
        target: &Target<FailurePattern>,
        fields: PatternFields,
    ) -> Result<Change<FailurePattern>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let given = fields.affected_infrastructure.clone().unwrap_or_default();
        let is_moved = fields.affected_infrastructure.is_some() || fields.pattern_signature.is_some();
        let pattern = tx.failure_patterns().find_for(target).await?.change(fields, self.0.now())?;
        refuse_unknown_place(tx.as_mut(), None, &given).await?;
        tx.failure_patterns().save(&pattern).await?;
        if is_moved {
            tx.failure_patterns().expect_anew(&pattern).await?;
        }
        Ok(Change::new(pattern, tx))
    }

    /// Removes a pattern with its keys and the insight derived from it. Failures of its kind that come later make a new one.
    pub async fn delete(&self, actor: &Actor, target: &Target<FailurePattern>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.failure_patterns().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }

    /// What says that a command will fail at a place, before it is run there.
    pub async fn check(&self, actor: &Actor, plan: Plan) -> Result<Checked> {
        actor.require(Scope::Read)?;
        plan.refuse_faults()?;
        let calls = plan.calls();
        let mut tx = self.0.store.read().await?;
        let asset = match (plan.infrastructure_id, &plan.host) {
            (Some(id), _) => Some(known_asset(tx.as_mut(), id).await?),
            (None, Some(host)) => tx.command_context().asset_of_host(None, &text::fold(host)).await?,
            (None, None) => None,
        };
        let mut place = asset.as_ref().map(Place::from).unwrap_or_default();
        if place.host.is_none() {
            place.host = plan.host.clone();
        }
        let (spots, command) =
            (place.spots(plan.shell_type), text::fold(plan.command_text.as_deref().unwrap_or_default()));
        let verbs: Vec<String> = calls.iter().map(|call| call.verb.clone()).collect();
        let mut patterns = tx.failure_patterns().expected(&spots, &verbs, &command, LOOKED_AT).await?;
        patterns.retain(|pattern| calls.iter().any(|call| pattern.says_of(&command, call)));
        let mut insights = tx.insights().about(&spots, &verbs, LOOKED_AT).await?;
        insights.retain(|insight| {
            verbs.iter().any(|verb| insight.is_about(verb)) && insight.holds_at(&place, plan.shell_type)
        });
        Ok(Checked { patterns, insights }.of_insights(tx.as_mut(), &calls).await?)
    }
}
