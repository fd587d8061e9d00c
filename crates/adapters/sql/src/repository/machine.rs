//! Machines.

use async_trait::async_trait;
use claudetools_kernel::{Entity as _, Id, Page, PageRequest, Timestamp};
use claudetools_sessions::{
    Fingerprint, Machine, MachineFilter, MachineSort, Session,
    ports::{MachineRepository, Stored},
};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{CaseStatement, Expr},
};
use uuid::Uuid;

use crate::{
    entity::{
        machine::{ActiveModel, Column, Entity, Model},
        session,
    },
    query::{Listing, contains},
    records::{Referring, Row},
    store::{Connection, SqlTx},
};

impl Row for Machine {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;

    fn changed(&self) -> ActiveModel {
        // A heartbeat may have come in since the row was read.
        ActiveModel { last_seen: ActiveValue::NotSet, ..Model::from(self).into_active_model() }
    }

    fn referring(id: Uuid) -> Vec<Referring> {
        vec![Referring::new::<session::Entity>(Session::TYPE, session::Column::MachineId.eq(id))]
    }
}

#[async_trait]
impl<C: Connection> MachineRepository for SqlTx<C> {
    async fn by_fingerprint(&mut self, fingerprint: &Fingerprint) -> Stored<Option<Machine>> {
        self.one::<_, Model, _>(Entity::find().filter(Column::MachineFingerprint.eq(fingerprint.as_str()))).await
    }

    async fn touch(&mut self, id: Id<Machine>, at: Timestamp) -> Stored<bool> {
        let behind = Condition::any().add(Column::LastSeen.is_null()).add(Column::LastSeen.lt(at.micros()));
        let forward = CaseStatement::new().case(behind, at.micros()).finally(Expr::col(Column::LastSeen));
        let update = Entity::update_many().col_expr(Column::LastSeen, forward.into()).filter(Column::Id.eq(id.uuid()));
        Ok(self.change(update).await? > 0)
    }

    async fn list(&mut self, filter: &MachineFilter, page: &PageRequest<MachineSort>) -> Stored<Page<Machine>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }
}

fn condition(filter: &MachineFilter) -> Condition {
    Condition::all()
        .add_option(filter.is_active.map(|wanted| Column::IsActive.eq(wanted)))
        .add_option(filter.platform.map(|wanted| Column::Platform.eq(wanted.to_string())))
        .add_option(filter.q.as_deref().map(|q| contains(Column::SearchKey, q)))
}

const fn column(field: MachineSort) -> Column {
    match field {
        MachineSort::Hostname => Column::HostnameKey,
        MachineSort::CreatedAt => Column::CreatedAt,
        MachineSort::UpdatedAt => Column::UpdatedAt,
    }
}
