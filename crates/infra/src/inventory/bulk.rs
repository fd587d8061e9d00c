//! Many assets at once.

use claudetools_kernel::{Actor, Error, Fault, Faults, Id, IdGenerator, Patch, Result, Timestamp, text};

use super::{
    Asset, AssetFields, Item,
    item::{change, draft, enter, replace},
};
use crate::ports::InfraTx;

/// The most rows of one call.
pub const MOST_ROWS: usize = 1000;

/// A row of a bulk or a table: the fields of an asset, and names in place of ids.
#[derive(Debug, Clone, Default)]
pub struct AssetDraft {
    /// The fields.
    pub fields: AssetFields,
    /// The client's name, where its id is not given.
    pub client_name: Option<String>,
    /// The site's name, where its id is not given.
    pub site_name: Option<String>,
    /// The host name of the asset that it runs on, where its id is not given.
    pub parent_hostname: Option<String>,
}

/// What became of a row.
#[derive(Debug)]
pub enum Outcome {
    /// It was entered.
    Created(Id<Asset>),
    /// The asset of its host name was changed.
    Updated(Id<Asset>),
    /// The asset of its host name says the same already.
    Unchanged(Id<Asset>),
    /// It was not taken.
    Refused(Error),
}

/// How rows are taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bulk {
    /// Keep the good rows where others are refused; otherwise one that is refused keeps all others out.
    pub partial: bool,
    /// Change the asset that has a row's host name, instead of refusing the row.
    pub updates: bool,
    /// Tell what would be done, and do nothing.
    pub dry_run: bool,
}

/// The rows' outcomes, in their order.
pub(super) async fn take(
    tx: &mut dyn InfraTx,
    actor: &Actor,
    (ids, now): (&dyn IdGenerator, Timestamp),
    rows: &[Result<AssetDraft, Faults>],
    how: Bulk,
) -> Result<Vec<Outcome>> {
    let names_parents = |row: &Result<AssetDraft, Faults>| {
        row.as_ref().is_ok_and(|row| Asset::contends(&row.fields) || row.parent_hostname.is_some())
    };
    if how.updates && rows.iter().any(names_parents) {
        Asset::hold(tx).await?;
    }
    let mut outcomes = Vec::with_capacity(rows.len());
    for row in rows {
        let taken = match row {
            Ok(row) => take_one(tx, actor, (ids.id(), now), row.clone(), how.updates).await,
            Err(faults) => Err(Error::Invalid(faults.clone())),
        };
        outcomes.push(match taken {
            Ok(outcome) => outcome,
            // Nothing of the transaction can be relied on any more.
            Err(error @ (Error::Store(_) | Error::Internal(_))) => return Err(error),
            Err(refused) => Outcome::Refused(refused),
        });
    }
    if !how.partial {
        refuse_any(&outcomes)?;
    }
    Ok(outcomes)
}

async fn take_one(
    tx: &mut dyn InfraTx,
    actor: &Actor,
    (id, now): (Id<Asset>, Timestamp),
    row: AssetDraft,
    updates: bool,
) -> Result<Outcome> {
    let fields = with_ids(tx, row).await?;
    let known = match (updates, fields.client_id, &fields.hostname) {
        (true, Some(client), Some(hostname)) => {
            tx.inventory().asset_named(client, &text::fold(hostname.trim())).await?
        }
        _ => None,
    };
    let Some(known) = known else {
        let asset = draft::<Asset>(id, fields, now)?;
        return Ok(Outcome::Created(enter(tx, actor, asset).await?.id));
    };
    let before = tx.assets().find(known).await?;
    let asset = change(before.clone(), fields, now)?;
    if (Asset { updated_at: before.updated_at, revision: before.revision, ..asset.clone() }) == before {
        return Ok(Outcome::Unchanged(known));
    }
    replace(tx, actor, &before, asset).await?;
    Ok(Outcome::Updated(known))
}

/// Puts ids in the place of names.
async fn with_ids(tx: &mut dyn InfraTx, row: AssetDraft) -> Result<AssetFields> {
    let mut fields = row.fields;
    if let Some(name) = row.client_name.filter(|_| fields.client_id.is_none()) {
        let client = tx.surroundings().client_named(&text::fold(name.trim())).await?;
        let unknown = || Faults::one_semantic("client_name", "exists", "must be the name of a client");
        fields.client_id = Some(client.ok_or_else(unknown)?);
    }
    let Some(client) = fields.client_id else { return Ok(fields) };
    if let Some(name) = row.site_name.filter(|_| fields.site_id == Patch::Keep) {
        let site = tx.inventory().site_named(client, &text::fold(name.trim())).await?;
        let unknown = || Faults::one_semantic("site_name", "exists", "must be the name of a site of the client");
        fields.site_id = Patch::Set(site.ok_or_else(unknown)?);
    }
    if let Some(name) = row.parent_hostname.filter(|_| fields.parent_id == Patch::Keep) {
        let parent = tx.inventory().asset_named(client, &text::fold(name.trim())).await?;
        let unknown = || Faults::one_semantic("parent_hostname", "exists", "must be a host name of the client");
        fields.parent_id = Patch::Set(parent.ok_or_else(unknown)?);
    }
    Ok(fields)
}

/// Refuses with every fault of every row, named by the row's place: `rows[3].hostname`.
fn refuse_any(outcomes: &[Outcome]) -> Result<()> {
    let mut faults = Faults::default();
    for (at, outcome) in outcomes.iter().enumerate() {
        let Outcome::Refused(error) = outcome else { continue };
        let row = format!("rows[{at}]");
        match error {
            Error::Invalid(own) => own.list().iter().for_each(|fault| note(&mut faults, &row, fault)),
            Error::Duplicate { field, existing } => {
                faults.semantic(&format!("{row}.{field}"), "unique", &format!("is taken by {existing}"));
            }
            Error::NotFound { .. } => faults.semantic(&row, "exists", &format!("is refused: {error}")),
            other => faults.semantic(&row, "conflict", &format!("is refused: {other}")),
        }
    }
    faults.finish()
}

fn note(faults: &mut Faults, row: &str, fault: &Fault) {
    let (field, rule) = (format!("{row}.{}", fault.field), fault.message.strip_prefix(&fault.field));
    let rule = rule.unwrap_or(&fault.message).trim_start();
    if fault.semantic {
        faults.semantic(&field, &fault.constraint, rule);
    } else {
        faults.schema(&field, &fault.constraint, rule);
    }
}
