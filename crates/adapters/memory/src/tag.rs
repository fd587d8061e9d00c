//! Tags.

use std::cmp::Reverse;

use async_trait::async_trait;
use claudetools_kernel::{Id, Page, PageRequest};
use claudetools_sessions::{
    CountedTag, RECENTLY_TAGGED, Session, Tag, TagFilter, TagSort, TagUsage, TaggedSession, TaggedWorkItem, WorkItem,
    ports::{Stored, TagRepository},
};

use crate::{
    store::{MemoryTx, State},
    table::{Row, Table},
};

impl Row for Tag {
    fn table(state: &mut State) -> &mut Table<Self> {
        &mut state.tags
    }

    fn clashes(&self, other: &Self) -> bool {
        self.name == other.name
    }

    fn release(id: Id<Self>, state: &mut State) -> Stored<()> {
        for session in state.sessions.rows_mut() {
            session.tags.remove(&id);
        }
        for item in state.work_items.rows_mut() {
            item.tags.remove(&id);
        }
        Ok(())
    }
}

impl MemoryTx {
    fn with_uses(&self, tag: &Tag) -> CountedTag {
        let uses = self.sessions_with(tag.id).count() + self.work_items_with(tag.id).count();
        CountedTag { tag: tag.clone(), usage_count: uses as u64 }
    }

    fn sessions_with(&self, id: Id<Tag>) -> impl Iterator<Item = &Session> {
        self.state.sessions.rows().filter(move |session| session.tags.contains(&id))
    }

    fn work_items_with(&self, id: Id<Tag>) -> impl Iterator<Item = &WorkItem> {
        self.state.work_items.rows().filter(move |item| item.tags.contains(&id))
    }
}

#[async_trait]
impl TagRepository for MemoryTx {
    async fn counted(&mut self, id: Id<Tag>) -> Stored<Option<CountedTag>> {
        Ok(self.state.tags.get(id).map(|tag| self.with_uses(&tag)))
    }

    async fn by_name(&mut self, folded: &str) -> Stored<Option<Id<Tag>>> {
        Ok(self.state.tags.rows().find(|tag| tag.name == folded).map(|tag| tag.id))
    }

    async fn by_names(&mut self, folded: &[String]) -> Stored<Vec<Tag>> {
        Ok(self.state.tags.rows().filter(|tag| folded.contains(&tag.name)).cloned().collect())
    }

    async fn list(&mut self, filter: &TagFilter, page: &PageRequest<TagSort>) -> Stored<Page<CountedTag>> {
        let rows = self.state.tags.rows().filter(|tag| filter.admits(tag)).map(|tag| self.with_uses(tag)).collect();
        Ok(Page::cut(rows, page))
    }

    async fn usage(&mut self, id: Id<Tag>) -> Stored<TagUsage> {
        let mut sessions: Vec<&Session> = self.sessions_with(id).collect();
        sessions.sort_by_key(|session| Reverse((session.session_date, session.id)));
        let mut items: Vec<&WorkItem> = self.work_items_with(id).collect();
        items.sort_by_key(|item| Reverse(item.id));
        let tagged_session = |session: &&Session| TaggedSession {
            id: session.id,
            session_title: session.session_title.clone(),
            session_date: session.session_date,
        };
        let tagged_item = |item: &&WorkItem| TaggedWorkItem { id: item.id, title: item.title.clone() };
        Ok(TagUsage {
            sessions: sessions.len() as u64,
            work_items: items.len() as u64,
            recent_sessions: sessions.iter().take(RECENTLY_TAGGED).map(tagged_session).collect(),
            recent_work_items: items.iter().take(RECENTLY_TAGGED).map(tagged_item).collect(),
        })
    }
}
