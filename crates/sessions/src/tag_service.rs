//! What callers do with tags, and how what bears tags comes by them.

use std::collections::HashMap;

use claudetools_kernel::{Actor, Change, Error, Id, Page, Query, Result, Scope, Target, text};

use crate::{
    Context, CountedTag, Tag, TagFields, TagFilter, TagSort, TagUsage,
    ports::{SessionsTx, TagRepository},
};

/// The use cases of tags. Reading needs [`Scope::Read`], creating and changing [`Scope::Write`], deleting [`Scope::Admin`].
#[derive(Debug, Clone)]
pub struct TagService(Context);

impl TagService {
    /// The use cases over this storage, clock and ids.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Makes a tag. Refused as [`Error::Duplicate`] when another has the name, whatever its case.
    pub async fn create(&self, actor: &Actor, fields: TagFields) -> Result<Change<CountedTag>> {
        actor.require(Scope::Write)?;
        let tag = Tag::new(self.0.ids.id(), fields, self.0.now())?;
        let mut tx = self.0.store.begin().await?;
        refuse_taken_name(tx.tags(), &tag).await?;
        tx.tags().add(&tag).await?;
        Ok(Change::new(CountedTag { tag, usage_count: 0 }, tx))
    }

    /// One tag.
    pub async fn get(&self, actor: &Actor, id: Id<Tag>) -> Result<CountedTag> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        tx.tags().counted(id).await?.ok_or_else(|| Error::not_found(id))
    }

    /// A page of tags.
    pub async fn list(&self, actor: &Actor, query: &Query<TagFilter, TagSort>) -> Result<Page<CountedTag>> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        Ok(tx.tags().list(&query.filter, &query.page).await?)
    }

    /// A tag and what bears it.
    pub async fn usage(&self, actor: &Actor, id: Id<Tag>) -> Result<(Tag, TagUsage)> {
        actor.require(Scope::Read)?;
        let mut tx = self.0.store.read().await?;
        let tag = tx.tags().find(id).await?;
        Ok((tag, tx.tags().usage(id).await?))
    }

    /// Changes the fields given. What bears the tag bears its new name.
    pub async fn update(&self, actor: &Actor, target: &Target<Tag>, fields: TagFields) -> Result<Change<CountedTag>> {
        actor.require(Scope::Write)?;
        let mut tx = self.0.store.begin().await?;
        let CountedTag { tag, usage_count } = target.admit(tx.tags().counted(target.id).await?)?;
        let tag = tag.change(fields, self.0.now())?;
        refuse_taken_name(tx.tags(), &tag).await?;
        tx.tags().save(&tag).await?;
        Ok(Change::new(CountedTag { tag, usage_count }, tx))
    }

    /// Removes a tag and takes it off everything that bears it.
    pub async fn delete(&self, actor: &Actor, target: &Target<Tag>) -> Result<Change<()>> {
        actor.require(Scope::Admin)?;
        let mut tx = self.0.store.begin().await?;
        tx.tags().remove_unreferenced(target).await?;
        Ok(Change::new((), tx))
    }
}

async fn refuse_taken_name(tags: &mut dyn TagRepository, tag: &Tag) -> Result<()> {
    Error::refuse_taken("name", tags.by_name(&tag.name).await?, tag.id)
}

/// The tags of `names`, in the order of their first mention, each once whatever its case. Those that do not exist are added
/// in `tx`, without a category; another writer adding the same one meanwhile makes the use case repeat.
///
/// Check names with [`crate::tag::tag_names`] first, so that a bad one is told together with the other faults of a request;
/// here it is refused by itself, as a fault of `name`.
pub(crate) async fn ensure_tags(tx: &mut dyn SessionsTx, ctx: &Context, names: &[String]) -> Result<Vec<Tag>> {
    let folded: Vec<String> = names.iter().map(|name| text::fold(name.trim())).collect();
    if folded.is_empty() {
        return Ok(Vec::new());
    }
    let known = tx.tags().by_names(&folded).await?;
    let mut known: HashMap<String, Tag> = known.into_iter().map(|tag| (tag.name.clone(), tag)).collect();
    let mut tags: Vec<Tag> = Vec::with_capacity(folded.len());
    for name in folded {
        if tags.iter().any(|tag| tag.name == name) {
            continue;
        }
        let tag = if let Some(tag) = known.remove(&name) {
            tag
        } else {
            let fields = TagFields { name: Some(name), ..TagFields::default() };
            let tag = Tag::new(ctx.ids.id(), fields, ctx.now())?;
            tx.tags().add(&tag).await?;
            tag
        };
        tags.push(tag);
    }
    Ok(tags)
}
