//! Brings the storage to what a plan says, one transaction for each client.

use std::collections::HashMap;

use claudetools_kernel::{
    Actor, Change, Error, Id, IdGenerator, Page, PageRequest, Patch, Receipt, Result, Scope, Start, Timestamp, text,
};
use uuid::Uuid;

use super::{
    Fate, Plan, Report, SYSTEM,
    plan::{ClientPlan, Origin, Planned, SITE, TENANT, external_id},
};
use crate::{
    inventory::{
        Asset, AssetFields, AssetFilter, AssetSort, Context, Item, Named, Network, NetworkFields, NetworkFilter,
        NetworkSort, Site, SiteFields, SiteFilter, SiteSort, item,
    },
    ports::InfraTx,
};

/// How many rows are read at a time.
const PAGE: u32 = 200;
/// How often a client is begun anew that met another writer.
const ATTEMPTS: u32 = 6;

/// The import.
#[derive(Debug, Clone)]
pub struct NetboxImport(Context);

/// What a client's transaction has to do with.
struct Turn<'a> {
    tx: &'a mut dyn InfraTx,
    actor: &'a Actor,
    ids: &'a dyn IdGenerator,
    now: Timestamp,
    report: Report,
    known: HashMap<Origin, Id<Asset>>,
    late: Vec<(Id<Asset>, Origin)>,
}

impl NetboxImport {
    /// The import over this storage, clock and ids.
    pub const fn new(context: Context) -> Self {
        Self(context)
    }

    /// Enters and changes what the plan says, or with `dry_run` tells what it would; `progress` hears of each client that is
    /// done. Needs [`Scope::Admin`].
    pub async fn run(
        &self,
        actor: &Actor,
        plan: Plan,
        dry_run: bool,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Report> {
        actor.require(Scope::Admin)?;
        let mut report = plan.report;
        let (mut known, mut late) = (HashMap::new(), Vec::new());
        for client in &plan.clients {
            let (own, assets, links) = self.client(actor, client, &known, dry_run).await?;
            merge(&mut report, own);
            known = assets;
            late.extend(links);
            progress(&client.client.name);
        }
        self.link(actor, &late, &known, dry_run).await?;
        Ok(report)
    }

    /// One client in a transaction of its own, again when it met another writer.
    async fn client(
        &self,
        actor: &Actor,
        plan: &ClientPlan,
        known: &HashMap<Origin, Id<Asset>>,
        dry_run: bool,
    ) -> Result<(Report, HashMap<Origin, Id<Asset>>, Vec<(Id<Asset>, Origin)>)> {
        let mut attempt = 1;
        loop {
            let mut tx = self.0.store.begin().await?;
            let mut turn = Turn {
                tx: tx.as_mut(),
                actor,
                ids: &*self.0.ids,
                now: self.0.now(),
                report: Report::default(),
                known: known.clone(),
                late: Vec::new(),
            };
            let done = turn.take(plan).await;
            let Turn { report, known, late, .. } = turn;
            let done = match done {
                Ok(()) if dry_run => Ok(()),
                Ok(()) => Change::new((), tx).commit(Receipt::default()).await.map_err(Error::from),
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => return Ok((report, known, late)),
                Err(error) if error.is_retryable() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets assets run on hosts of clients that came after theirs.
    async fn link(
        &self,
        actor: &Actor,
        late: &[(Id<Asset>, Origin)],
        known: &HashMap<Origin, Id<Asset>>,
        dry_run: bool,
    ) -> Result<()> {
        if late.is_empty() || dry_run {
            return Ok(());
        }
        let mut tx = self.0.store.begin().await?;
        Asset::hold(tx.as_mut()).await?;
        for (asset, host) in late {
            let (Some(host), before) = (known.get(host), tx.assets().find(*asset).await?) else { continue };
            if before.parent_id != Some(*host) {
                let fields = AssetFields { parent_id: Patch::Set(*host), ..AssetFields::default() };
                let after = item::change(before.clone(), fields, self.0.now())?;
                item::replace(tx.as_mut(), actor, &before, after).await?;
            }
        }
        Ok(Change::new((), tx).commit(Receipt::default()).await?)
    }
}

fn merge(report: &mut Report, own: Report) {
    for (model, tally) in own.tallies {
        let all = report.tallies.entry(model).or_default();
        all.created += tally.created;
        all.updated += tally.updated;
        all.unchanged += tally.unchanged;
        all.skipped += tally.skipped;
    }
    report.skipped.extend(own.skipped);
    report.adjusted.extend(own.adjusted);
}

/// What an import has to know of a kind of rows.
trait Taken: Item + PartialEq {
    fn filter(client: Uuid) -> Self::Filter;
    fn external_ids(&self) -> &std::collections::BTreeMap<String, String>;
    /// What the client's rows are told apart by, if by anything.
    fn unique(&self) -> Option<String>;
    fn with_stamps_of(self, other: &Self) -> Self;
    fn place(fields: &mut Self::Fields, client: Uuid, ids: std::collections::BTreeMap<String, String>);
    fn wanted(fields: &Self::Fields) -> Option<String>;
}

macro_rules! taken {
    ($type:ident, $fields:ident, $filter:ident, |$row:ident| $unique:expr, |$wanted:ident| $name:expr) => {
        impl Taken for $type {
            fn filter(client: Uuid) -> $filter {
                $filter { client_id: Some(client), ..$filter::default() }
            }

            fn external_ids(&self) -> &std::collections::BTreeMap<String, String> {
                &self.external_ids
            }

            fn unique(&self) -> Option<String> {
                let $row = self;
                $unique
            }

            fn with_stamps_of(self, other: &Self) -> Self {
                Self { updated_at: other.updated_at, revision: other.revision, ..self }
            }

            fn place(fields: &mut $fields, client: Uuid, ids: std::collections::BTreeMap<String, String>) {
                fields.client_id = Some(client);
                fields.external_ids = Some(ids);
            }

            fn wanted($wanted: &$fields) -> Option<String> {
                $name
            }
        }
    };
}
taken!(Site, SiteFields, SiteFilter, |site| Some(text::fold(&site.name)), |wanted| wanted
    .name
    .as_deref()
    .map(text::fold));
taken!(Asset, AssetFields, AssetFilter, |asset| Some(text::fold(&asset.hostname)), |wanted| {
    wanted.hostname.as_deref().map(text::fold)
});
taken!(Network, NetworkFields, NetworkFilter, |_network| None, |_wanted| None);

impl Turn<'_> {
    async fn take(&mut self, plan: &ClientPlan) -> Result<()> {
        let (client, fate) = self.tx.client_book().put_client(self.ids.next(), &plan.client, self.now).await?;
        if plan.tenant.is_some() {
            self.report.count(TENANT, fate);
        }
        let mut sites = HashMap::new();
        let mut rows = self.rows::<Site, SiteSort>(client).await?;
        for planned in &plan.sites {
            if let Some(id) = self.put(client, &mut rows, planned, planned.fields.clone()).await? {
                sites.insert(planned.origin, id);
            }
        }
        let site = |planned: Option<i64>| planned.and_then(|pk| sites.get(&(SITE, pk)).copied());
        let mut rows = self.rows::<Asset, AssetSort>(client).await?;
        for planned in &plan.assets {
            let mut fields = planned.fields.clone();
            fields.site_id = site(planned.site).into();
            let host = planned.parent.and_then(|parent| self.known.get(&parent).copied());
            fields.parent_id = host.into();
            let Some(id) = self.put(client, &mut rows, planned, fields).await? else { continue };
            self.known.insert(planned.origin, id);
            if let Some(parent) = planned.parent.filter(|_| host.is_none()) {
                self.late.push((id, parent));
            }
        }
        let mut rows = self.rows::<Network, NetworkSort>(client).await?;
        for planned in &plan.networks {
            let mut fields = planned.fields.clone();
            fields.site_id = site(planned.site).into();
            self.put(client, &mut rows, planned, fields).await?;
        }
        Ok(())
    }

    /// All rows of a client.
    async fn rows<I: Taken + Item<Sort = S>, S: claudetools_kernel::SortField>(
        &mut self,
        client: Uuid,
    ) -> Result<Vec<I>> {
        let (filter, mut page, mut rows) = (I::filter(client), PageRequest::first(PAGE), Vec::new());
        loop {
            let Page { items, next, .. } = I::items(self.tx).list(&filter, &page).await?;
            rows.extend(items.into_iter().map(|Named { item, .. }| item));
            match next {
                Some(place) => page.start = Start::After(place),
                None => return Ok(rows),
            }
        }
    }

    /// Enters a row, or brings the one that came of the object before to what is wanted.
    async fn put<I: Taken, F>(
        &mut self,
        client: Uuid,
        rows: &mut Vec<I>,
        planned: &Planned<F>,
        mut fields: I::Fields,
    ) -> Result<Option<Id<I>>> {
        let (model, pk) = planned.origin;
        let origin = external_id(planned.origin);
        let name = I::wanted(&fields);
        let same_name = |row: &&mut I| name.is_some() && row.unique() == name;
        let found = match rows.iter().position(|row| row.external_ids().get(SYSTEM) == Some(&origin)) {
            Some(at) => rows.get_mut(at),
            None => rows.iter_mut().find(same_name),
        };
        let mut ids = found.as_ref().map(|row| row.external_ids().clone()).unwrap_or_default();
        if ids.insert(SYSTEM.to_owned(), origin.clone()).is_some_and(|other| other != origin) {
            self.report.skip(model, pk, &planned.name, "the client has a row of its name that came of another object");
            return Ok(None);
        }
        I::place(&mut fields, client, ids);
        let taken = match found {
            None => match item::draft::<I>(self.ids.id(), fields, self.now) {
                Ok(draft) => Ok((item::enter(self.tx, self.actor, draft).await?, Fate::Created)),
                Err(error) => Err(error),
            },
            Some(before) => match item::change(before.clone(), fields, self.now) {
                Ok(after) if after.clone().with_stamps_of(before) == *before => Ok((before.clone(), Fate::Unchanged)),
                Ok(after) => {
                    let after = item::replace(self.tx, self.actor, before, after).await?;
                    *before = after.clone();
                    Ok((after, Fate::Updated))
                }
                Err(error) => Err(error),
            },
        };
        match taken {
            Ok((row, fate)) => {
                self.report.count(model, fate);
                let id = row.id();
                if fate == Fate::Created {
                    rows.push(row);
                }
                Ok(Some(id))
            }
            Err(Error::Invalid(faults)) => {
                self.report.skip(model, pk, &planned.name, &faults.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
