//! What the resources of the inventory have in common: how a row comes about, and what callers do with it.

use std::marker::PhantomData;

use async_trait::async_trait;
use claudetools_kernel::{
    Actor, Change, Detail, Entity, Error, Faults, Id, Keyed, Page, Query, Result, Scope, SortField, SortKey, Target,
    Timestamp,
};
use uuid::Uuid;

use super::{Context, ports::Items};
use crate::ports::InfraTx;

/// A row that knows when it was changed.
pub trait Touch {
    /// Notes that the row was changed now.
    fn touch(&mut self, now: Timestamp);
}

/// The part of a row that its three columns `id`, `updated_at` and `revision` say.
macro_rules! entity {
    ($type:ident, $name:literal) => {
        impl claudetools_kernel::Entity for $type {
            const TYPE: &'static str = $name;

            fn id(&self) -> claudetools_kernel::Id<Self> {
                self.id
            }

            fn revision(&self) -> i64 {
                self.revision
            }
        }

        impl $crate::inventory::item::Touch for $type {
            fn touch(&mut self, now: claudetools_kernel::Timestamp) {
                self.updated_at = now;
                self.revision += 1;
            }
        }
    };
}
pub(crate) use entity;

/// A row of the inventory: its fields with their rules, and what it refers to.
#[async_trait]
pub trait Item: Entity + Touch + Clone {
    /// What a request says of a row: everything a create needs, or the part that an update changes.
    type Fields: Clone + Send + Sync + 'static;
    /// Which rows to list; conditions combine with AND.
    type Filter: Send + Sync + 'static;
    /// What lists can be sorted by.
    type Sort: SortField + Send + Sync;
    /// What a row is shown with by itself, beyond the names of [`Named`].
    type Extra: Clone + Send + Sync + 'static;

    /// A row before a request has said anything of it: what a create leaves out has these values.
    fn blank(id: Id<Self>, now: Timestamp) -> Self;

    /// The fields that a create must give, and whether they are given.
    fn required(fields: &Self::Fields) -> Vec<(&'static str, bool)>;

    /// Takes over what `fields` say; everything wrong with them is noted.
    fn apply(&mut self, fields: Self::Fields, faults: &mut Faults);

    /// Whether lists with `filter` show the row.
    fn is_admitted(&self, filter: &Self::Filter) -> bool;

    /// Whether lists with `filter` show a row that refers to what has these names, as far as these matter.
    fn is_admitted_by_name(_filter: &Self::Filter, _names: &[Option<String>; 2]) -> bool {
        true
    }

    /// The row's place in lists sorted by `field`.
    fn sort_key(&self, field: Self::Sort) -> SortKey;

    /// Where such rows are kept.
    fn items(tx: &mut dyn InfraTx) -> &mut dyn Items<Self>;

    /// Whether a change of these fields must not meet another one of the same kind: [`Item::hold`] is called before anything is
    /// read then.
    fn contends(_fields: &Self::Fields) -> bool {
        false
    }

    /// Holds off changes of the same kind until the transaction ends.
    async fn hold(_tx: &mut dyn InfraTx) -> Result<()> {
        Ok(())
    }

    /// Looks up what the row refers to and what must be unique, and takes over what follows from it. `before` is the row that
    /// it is to replace.
    async fn settle(&mut self, tx: &mut dyn InfraTx, before: Option<&Self>) -> Result<()>;

    /// Writes what belongs to the row in other places, once it is written itself.
    async fn record(&self, _tx: &mut dyn InfraTx, _actor: &Actor, _before: Option<&Self>) -> Result<()> {
        Ok(())
    }

    /// What is shown with the row.
    async fn extra(&self, tx: &mut dyn InfraTx, actor: &Actor, now: Timestamp) -> Result<Self::Extra>;
}

/// Nothing more than the row and its names is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoDetail;

/// A row with the names of what it refers to, in the order in which the type's documentation lists them. A name is empty where
/// the reference is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<I> {
    /// The row.
    pub item: I,
    /// The names.
    pub names: [Option<String>; 2],
}

impl<I: Item> Named<I> {
    /// Whether lists with `filter` show the row.
    pub fn is_admitted(&self, filter: &I::Filter) -> bool {
        self.item.is_admitted(filter) && I::is_admitted_by_name(filter, &self.names)
    }
}

impl<I: Item> Keyed<I::Sort> for Named<I> {
    fn row_id(&self) -> Uuid {
        self.item.id().uuid()
    }

    fn sort_key(&self, field: I::Sort) -> SortKey {
        self.item.sort_key(field)
    }
}

/// A row as it is shown by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown<I: Item> {
    /// The row with its names.
    pub row: Named<I>,
    /// What is shown with it.
    pub extra: I::Extra,
}

impl<I: Item> Detail for Shown<I> {
    type Of = I;

    fn entity(&self) -> &I {
        &self.row.item
    }
}

/// A new row out of `fields`; refused with every fault of them at once.
pub(crate) fn draft<I: Item>(id: Id<I>, fields: I::Fields, now: Timestamp) -> Result<I> {
    let mut faults = Faults::default();
    faults.require_all(&I::required(&fields));
    let mut item = I::blank(id, now);
    item.apply(fields, &mut faults);
    faults.finish()?;
    Ok(item)
}

/// The row with `fields` changed; refused with every fault at once.
pub(crate) fn change<I: Item>(mut item: I, fields: I::Fields, now: Timestamp) -> Result<I> {
    let mut faults = Faults::default();
    item.apply(fields, &mut faults);
    faults.finish()?;
    item.touch(now);
    Ok(item)
}

/// Enters a row that its fields allow.
pub(crate) async fn enter<I: Item>(tx: &mut dyn InfraTx, actor: &Actor, mut item: I) -> Result<I> {
    item.settle(tx, None).await?;
    I::items(tx).add(&item).await?;
    item.record(tx, actor, None).await?;
    Ok(item)
}

/// Replaces `before` by the row that came of it.
pub(crate) async fn replace<I: Item>(tx: &mut dyn InfraTx, actor: &Actor, before: &I, mut item: I) -> Result<I> {
    item.settle(tx, Some(before)).await?;
    I::items(tx).save(&item).await?;
    item.record(tx, actor, Some(before)).await?;
    Ok(item)
}

/// A row as it now stands.
pub(crate) async fn show<I: Item>(tx: &mut dyn InfraTx, actor: &Actor, id: Id<I>, now: Timestamp) -> Result<Shown<I>> {
    let row = I::items(tx).row(id).await?.ok_or_else(|| Error::not_found(id))?;
    let extra = row.item.extra(tx, actor, now).await?;
    Ok(Shown { row, extra })
}

/// The use cases of one kind of rows. Reading needs [`Scope::Read`], entering and changing [`Scope::Write`], removing
/// [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct ItemService<I>(Context, PhantomData<fn() -> I>);

impl<I: Item> ItemService<I> {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context, PhantomData)
    }

    pub(super) const fn context(&self) -> &Context {
        &self.0
    }

    /// Enters a row.
    pub async fn create(&self, actor: &Actor, fields: I::Fields) -> Result<Change<Shown<I>>> {
        actor.require(Scope::Write)?;
        let now = self.0.now();
        let item = draft::<I>(self.0.ids.id(), fields, now)?;
        let mut tx = self.0.store.begin().await?;
        let item = enter(tx.as_mut(), actor, item).await?;
        Ok(Change::new(show(tx.as_mut(), actor, item.id(), now).await?, tx))
    }

    /// One row.
    pub async fn get(&self, actor: &Actor, id: Id<I>) -> Result<Shown<I>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        show(tx.as_mut(), actor, id, self.0.now()).await
    }

    /// A page of rows.
    pub async fn list(&self, actor: &Actor, query: &Query<I::Filter, I::Sort>) -> Result<Page<Named<I>>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(I::items(tx.as_mut()).list(&query.filter, &query.page).await?)
    }

    /// Changes the fields given.
    pub async fn update(&self, actor: &Actor, target: &Target<I>, fields: I::Fields) -> Result<Change<Shown<I>>> {
        actor.require(Scope::Write)?;
        let now = self.0.now();
        let mut tx = self.0.store.begin().await?;
        if I::contends(&fields) {
            I::hold(tx.as_mut()).await?;
        }
        let before = I::items(tx.as_mut()).find_for(target).await?;
        let item = change(before.clone(), fields, now)?;
        let item = replace(tx.as_mut(), actor, &before, item).await?;
        Ok(Change::new(show(tx.as_mut(), actor, item.id(), now).await?, tx))
    }

    /// Removes a row that nothing refers to.
    pub async fn delete(&self, actor: &Actor, target: &Target<I>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        I::items(tx.as_mut()).remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }
}
