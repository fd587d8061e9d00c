//! Tags: the words that sessions and work items are found by.

use std::collections::HashSet;

use chrono::NaiveDate;
use claudetools_kernel::{
    Detail, Direction, Entity, Faults, Id, Keyed, Patch, Result, SortField, SortKey, Timestamp, enumeration, text,
};
use uuid::Uuid;

use crate::{Session, WorkItem};

/// The longest name of a tag, in characters.
pub const LONGEST_NAME: usize = 100;

enumeration! {
    /// What a tag speaks of.
    pub enum TagCategory {
        /// A product or technique.
        Technology = "technology",
        /// A client or something of theirs.
        Client = "client",
        /// A piece of infrastructure.
        Infrastructure = "infrastructure",
        /// A kind of trouble.
        ProblemType = "problem_type",
        /// Something done.
        Action = "action",
        /// Something offered.
        Service = "service",
    }
}

enumeration! {
    /// What tags can be sorted by.
    pub enum TagSort {
        /// By name.
        Name = "name",
        /// By creation.
        CreatedAt = "created_at",
        /// By last change.
        UpdatedAt = "updated_at",
    }
}

impl SortField for TagSort {
    const DEFAULT: (Self, Direction) = (Self::Name, Direction::Ascending);
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its id.
    pub id: Id<Self>,
    /// Unique, and kept in the form of [`text::fold`].
    pub name: String,
    /// What it speaks of; empty for a tag that came into being by its first use.
    pub category: Option<TagCategory>,
    /// What it is meant for.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the basis of `ETag`.
    pub revision: i64,
}

impl Entity for Tag {
    const TYPE: &'static str = "tag";

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }
}

/// What a request says of a tag: everything a create needs, or the part that an update changes.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Tag")]
pub struct TagFields {
    pub name: Option<String>,
    pub category: Patch<TagCategory>,
    pub description: Patch<String>,
}

impl Tag {
    /// A new tag; refused with every fault of `fields` at once.
    pub fn new(id: Id<Self>, fields: TagFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        faults.require_all(&[("name", fields.name.is_some())]);
        let mut tag = Self {
            id,
            name: String::new(),
            category: None,
            description: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        };
        tag.apply(fields, &mut faults);
        faults.finish()?;
        Ok(tag)
    }

    /// The tag with `fields` changed; refused with every fault at once.
    pub fn change(mut self, fields: TagFields, now: Timestamp) -> Result<Self> {
        let mut faults = Faults::default();
        self.apply(fields, &mut faults);
        faults.finish()?;
        self.updated_at = now;
        self.revision += 1;
        Ok(self)
    }

    fn apply(&mut self, fields: TagFields, faults: &mut Faults) {
        if let Some(name) = fields.name.and_then(|name| tag_name(faults, "name", &name)) {
            self.name = name;
        }
        fields.category.apply(&mut self.category);
        text::optional_block(faults, "description", fields.description).apply(&mut self.description);
    }

    /// What `q` searches: name and description.
    pub fn search_key(&self) -> String {
        text::search_key([Some(self.name.as_str()), self.description.as_deref()])
    }
}

fn tag_name(faults: &mut Faults, field: &str, given: &str) -> Option<String> {
    text::line(faults, field, given, LONGEST_NAME).map(|name| text::fold(&name))
}

/// The names in a `tags` field as [`Tag`] keeps them, repeats dropped; for the `apply` of what bears tags. What does not fit
/// is noted under its place in `field`. [`crate::tag_service::ensure_tags`] turns the names into tags.
pub(crate) fn tag_names(faults: &mut Faults, field: &str, given: &[String]) -> Option<Vec<String>> {
    if given.len() > text::ENTRIES {
        faults.schema(field, "max_items", &format!("must have at most {} entries", text::ENTRIES));
        return None;
    }
    let names = given.iter().enumerate().map(|(at, name)| tag_name(faults, &format!("{field}[{at}]"), name));
    // Every name is looked at before the first bad one decides.
    let names: Vec<Option<String>> = names.collect();
    let mut seen = HashSet::new();
    let names: Option<Vec<String>> = names.into_iter().collect();
    names.map(|names| names.into_iter().filter(|name| seen.insert(name.clone())).collect())
}

/// A tag with the number of its uses, as reads answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedTag {
    /// The tag.
    pub tag: Tag,
    /// How many sessions and work items bear it.
    pub usage_count: u64,
}

impl Detail for CountedTag {
    type Of = Tag;

    fn entity(&self) -> &Tag {
        &self.tag
    }
}

impl Keyed<TagSort> for CountedTag {
    fn row_id(&self) -> Uuid {
        self.tag.id.uuid()
    }

    fn sort_key(&self, field: TagSort) -> SortKey {
        match field {
            TagSort::Name => SortKey::Text(self.tag.name.clone()),
            TagSort::CreatedAt => self.tag.created_at.into(),
            TagSort::UpdatedAt => self.tag.updated_at.into(),
        }
    }
}

/// What bears a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagUsage {
    /// How many sessions bear it.
    pub sessions: u64,
    /// How many work items bear it.
    pub work_items: u64,
    /// The sessions of the latest days, latest first, at most [`RECENT`].
    pub recent_sessions: Vec<TaggedSession>,
    /// The work items made last, latest first, at most [`RECENT`].
    pub recent_work_items: Vec<TaggedWorkItem>,
}

/// How many rows of each kind [`TagUsage`] names.
pub const RECENT: usize = 50;

/// A session that bears a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is described at Session")]
pub struct TaggedSession {
    pub id: Id<Session>,
    pub session_title: String,
    pub session_date: NaiveDate,
}

/// A work item that bears a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is described at WorkItem")]
pub struct TaggedWorkItem {
    pub id: Id<WorkItem>,
    pub title: String,
}

/// Which tags to list; conditions combine with AND.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is described at Tag")]
pub struct TagFilter {
    pub category: Option<TagCategory>,
    /// Substring of [`Tag::search_key`].
    pub q: Option<String>,
}

impl TagFilter {
    /// Whether `tag` is to be listed.
    pub fn admits(&self, tag: &Tag) -> bool {
        self.category.is_none_or(|wanted| Some(wanted) == tag.category)
            && self.q.as_deref().is_none_or(|q| tag.search_key().contains(&text::fold(q)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_fields(faults: &Faults) -> Vec<&str> {
        faults.list().iter().map(|fault| fault.field.as_str()).collect()
    }

    #[test]
    fn a_name_is_kept_trimmed_and_in_lower_case() {
        let fields = TagFields { name: Some("  Exchange ONLINE ".to_owned()), ..TagFields::default() };
        let tag = Tag::new(Id::new(Uuid::nil()), fields, Timestamp::from_micros(0).unwrap()).unwrap();
        assert_eq!(tag.name, "exchange online");
    }

    #[test]
    fn names_that_differ_in_case_alone_are_one_tag() {
        let mut faults = Faults::default();
        let given = ["DNS", "dns ", "Émile", "ÉMILE", "vpn"].map(str::to_owned);
        let kept = tag_names(&mut faults, "tags", &given);
        assert_eq!(kept, Some(vec!["dns".to_owned(), "émile".to_owned(), "vpn".to_owned()]));
    }

    #[test]
    fn every_bad_name_is_noted_at_its_place() {
        let mut faults = Faults::default();
        let given = [" ".to_owned(), "good".to_owned(), "x".repeat(LONGEST_NAME + 1)];
        assert_eq!(tag_names(&mut faults, "tags", &given), None);
        assert_eq!(fault_fields(&faults), ["tags[0]", "tags[2]"]);
        let many = vec!["same".to_owned(); text::ENTRIES + 1];
        assert_eq!(tag_names(&mut faults, "tags", &many), None);
        assert_eq!(fault_fields(&faults).last(), Some(&"tags"));
    }
}
