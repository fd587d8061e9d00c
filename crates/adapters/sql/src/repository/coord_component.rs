//! Components, their history, and the projects that they belong to.

use async_trait::async_trait;
use claudetools_coord::{
    Component, ComponentKey, CoordProject, HistoryEntry, HistorySort,
    ports::{ComponentRepository, CoordProjectRepository},
};
use claudetools_kernel::{Id, Page, PageRequest, Stored};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::{
    entity::{
        coord_component::{Column, Entity, Model},
        coord_component_history as history, coord_project as project,
    },
    query::Listing,
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for Component {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

impl Row for CoordProject {
    type Table = project::Entity;
    const ID: project::Column = project::Column::Id;
    const REVISION: project::Column = project::Column::Revision;
}

#[async_trait]
impl<C: Connection> ComponentRepository for SqlTx<C> {
    async fn at(&mut self, key: &ComponentKey) -> Stored<Option<Component>> {
        let of_project = Entity::find().filter(Column::ProjectKey.eq(key.project_key.as_str()));
        self.one::<_, Model, _>(of_project.filter(Column::Component.eq(key.component.as_str()))).await
    }

    async fn of_project(&mut self, project_key: Option<&str>) -> Stored<Vec<Component>> {
        let components = Entity::find()
            .apply_if(project_key, |all, project| all.filter(Column::ProjectKey.eq(project)))
            .order_by_asc(Column::ProjectKey)
            .order_by_asc(Column::Component);
        self.all::<_, Model, _>(components).await
    }

    async fn record(&mut self, entry: &HistoryEntry) -> Stored<()> {
        self.insert::<history::Entity>(entry.into()).await
    }

    async fn history(&mut self, id: Id<Component>, page: &PageRequest<HistorySort>) -> Stored<Page<HistoryEntry>> {
        let filter = Condition::all().add(history::Column::ComponentId.eq(id.uuid()));
        let sort = |field| match field {
            HistorySort::RecordedAt => history::Column::RecordedAt,
        };
        let listing = Listing { select: history::Entity::find(), filter, sort, id: history::Column::Id };
        self.page::<_, history::Model, _, _>(listing, page).await
    }
}

#[async_trait]
impl<C: Connection> CoordProjectRepository for SqlTx<C> {
    async fn by_key(&mut self, project_key: &str) -> Stored<Option<CoordProject>> {
        let by_key = project::Entity::find().filter(project::Column::ProjectKey.eq(project_key));
        self.one::<_, project::Model, _>(by_key).await
    }

    async fn keys(&mut self) -> Stored<Vec<String>> {
        let keys = project::Entity::find().select_only().column(project::Column::ProjectKey);
        self.values(keys.order_by_asc(project::Column::ProjectKey)).await
    }
}
