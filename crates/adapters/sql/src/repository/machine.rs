//! Machines.

use async_trait::async_trait;
use claudetools_kernel::{Entity as _, Id, Page, PageRequest, Referrer, Timestamp};
use claudetools_sessions::{
    Fingerprint, Machine, MachineFilter, MachineSort, Session,
    ports::{MachineRepository, Stored},
};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{CaseStatement, Expr},
};

use crate::{
    entity::{
        machine::{ActiveModel, Column, Entity, Model},
        session,
    },
    query::{Listing, contains},
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> MachineRepository for SqlTx<C> {
    async fn add(&mut self, machine: &Machine) -> Stored<()> {
        self.insert::<Entity>(machine.into()).await
    }

    async fn save(&mut self, machine: &Machine) -> Stored<()> {
        // A heartbeat may have come in since the row was read.
        let row = ActiveModel { last_seen: ActiveValue::NotSet, ..Model::from(machine).into_active_model() };
        self.replace_revision::<Entity>(row, Column::Id, Column::Revision, machine.revision - 1).await
    }

    async fn remove(&mut self, id: Id<Machine>) -> Stored<bool> {
        Ok(self.erase::<Entity>(Condition::all().add(Column::Id.eq(id.uuid()))).await? > 0)
    }

    async fn lookup(&mut self, id: Id<Machine>) -> Stored<Option<Machine>> {
        self.one::<_, Model, _>(Entity::find_by_id(id.uuid())).await
    }

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

    async fn referrers(&mut self, id: Id<Machine>) -> Stored<Vec<Referrer>> {
        let on_machine = session::Column::MachineId.eq(id.uuid());
        Ok(self.referring::<session::Entity>(Session::TYPE, on_machine).await?.into_iter().collect())
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
