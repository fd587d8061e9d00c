//! The audit chain.

use async_trait::async_trait;
use claudetools_credentials::{AuditRow, ChainFilter, ChainSort, Epoch, Head, VaultCheck, ports::ChainRepository};
use claudetools_kernel::{Page, PageRequest, Stored};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    entity::{
        credential_audit_epoch, credential_audit_head,
        credential_audit_log::{Column, Entity, Model},
        vault_check,
    },
    query::Listing,
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> ChainRepository for SqlTx<C> {
    async fn lock_head(&mut self) -> Stored<Option<Head>> {
        let only = credential_audit_head::Entity::find_by_id(credential_audit_head::ONLY).lock_exclusive();
        self.one::<_, credential_audit_head::Model, _>(only).await
    }

    async fn head(&mut self) -> Stored<Option<Head>> {
        let only = credential_audit_head::Entity::find_by_id(credential_audit_head::ONLY);
        self.one::<_, credential_audit_head::Model, _>(only).await
    }

    async fn put_head(&mut self, head: &Head) -> Stored<()> {
        let id = credential_audit_head::Column::Id;
        self.put_row::<credential_audit_head::Entity>(head.into(), id, credential_audit_head::ONLY).await
    }

    async fn append(&mut self, row: &AuditRow) -> Stored<()> {
        self.insert::<Entity>(row.into()).await
    }

    async fn rows_after(&mut self, seq: i64, limit: u32) -> Stored<Vec<AuditRow>> {
        let rows = Entity::find().filter(Column::Seq.gt(seq)).order_by_asc(Column::Seq).limit(u64::from(limit));
        self.all::<_, Model, _>(rows).await
    }

    async fn list(&mut self, filter: &ChainFilter, page: &PageRequest<ChainSort>) -> Stored<Page<AuditRow>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }

    async fn epochs(&mut self) -> Stored<Vec<Epoch>> {
        let epochs = credential_audit_epoch::Entity::find().order_by_asc(credential_audit_epoch::Column::Epoch);
        self.all::<_, credential_audit_epoch::Model, _>(epochs).await
    }

    async fn put_epoch(&mut self, epoch: &Epoch) -> Stored<()> {
        let id = credential_audit_epoch::Column::Epoch;
        self.put_row::<credential_audit_epoch::Entity>(epoch.into(), id, epoch.epoch).await
    }

    async fn lock_check(&mut self) -> Stored<Option<VaultCheck>> {
        let only = vault_check::Entity::find_by_id(vault_check::ONLY).lock_exclusive();
        self.one::<_, vault_check::Model, _>(only).await
    }

    async fn check(&mut self) -> Stored<Option<VaultCheck>> {
        self.one::<_, vault_check::Model, _>(vault_check::Entity::find_by_id(vault_check::ONLY)).await
    }

    async fn put_check(&mut self, check: &VaultCheck) -> Stored<()> {
        self.put_row::<vault_check::Entity>(check.into(), vault_check::Column::Id, vault_check::ONLY).await
    }
}

fn condition(filter: &ChainFilter) -> Condition {
    Condition::all()
        .add_option(filter.credential_id.map(|wanted| Column::CredentialId.eq(wanted)))
        .add_option(filter.subject.as_deref().map(|wanted| Column::Subject.eq(wanted)))
        .add_option(filter.action.map(|wanted| Column::Action.eq(wanted.to_string())))
        .add_option(filter.begin().map(|begin| Column::At.gte(begin.micros())))
        .add_option(filter.end().map(|end| Column::At.lt(end.micros())))
}

const fn column(field: ChainSort) -> Column {
    match field {
        ChainSort::Seq => Column::Seq,
    }
}
