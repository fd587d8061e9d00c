//! Refresh tokens.

use async_trait::async_trait;
use claudetools_identity::{
    Account, RefreshToken, RefreshTokenFilter, RefreshTokenSort, ports::RefreshTokenRepository,
};
use claudetools_kernel::{Id, Page, PageRequest, Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};
use uuid::Uuid;

use crate::{
    entity::refresh_token::{Column, Entity, Model},
    query::Listing,
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> RefreshTokenRepository for SqlTx<C> {
    async fn add(&mut self, token: &RefreshToken) -> Stored<()> {
        self.insert::<Entity>(token.into()).await
    }

    async fn lookup(&mut self, id: Id<RefreshToken>) -> Stored<Option<RefreshToken>> {
        self.one::<_, Model, _>(Entity::find_by_id(id.uuid())).await
    }

    async fn find_by_hash(&mut self, hash: &[u8; 32]) -> Stored<Option<RefreshToken>> {
        self.one::<_, Model, _>(Entity::find().filter(Column::TokenHash.eq(hash.to_vec()))).await
    }

    async fn mark_used(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool> {
        let update = Entity::update_many()
            .col_expr(Column::UsedAt, Expr::value(now.micros()))
            .col_expr(Column::LastUsedAt, Expr::value(now.micros()))
            .filter(usable(id));
        Ok(self.change(update).await? > 0)
    }

    async fn touch(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool> {
        let update = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(now.micros())).filter(usable(id));
        Ok(self.change(update).await? > 0)
    }

    async fn revoke(&mut self, id: Id<RefreshToken>, now: Timestamp) -> Stored<bool> {
        Ok(self.revoke_all(Column::Id, id.uuid(), now).await? > 0)
    }

    async fn revoke_family(&mut self, family_id: Uuid, now: Timestamp) -> Stored<u64> {
        self.revoke_all(Column::FamilyId, family_id, now).await
    }

    async fn revoke_account(&mut self, account_id: Id<Account>, now: Timestamp) -> Stored<u64> {
        self.revoke_all(Column::AccountId, account_id.uuid(), now).await
    }

    async fn remove_account(&mut self, account_id: Id<Account>) -> Stored<u64> {
        self.erase::<Entity>(Condition::all().add(Column::AccountId.eq(account_id.uuid()))).await
    }

    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64> {
        self.erase::<Entity>(Condition::all().add(Column::ExpiresAt.lte(now.micros()))).await
    }

    async fn list(
        &mut self,
        filter: &RefreshTokenFilter,
        page: &PageRequest<RefreshTokenSort>,
    ) -> Stored<Page<RefreshToken>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }
}

impl<C: Connection> SqlTx<C> {
    /// Revokes those that have `value` in `column` and are not revoked yet.
    async fn revoke_all(&self, column: Column, value: Uuid, now: Timestamp) -> Stored<u64> {
        let update = Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(now.micros()))
            .filter(column.eq(value))
            .filter(Column::RevokedAt.is_null());
        self.change(update).await
    }
}

fn unspent() -> Condition {
    Condition::all().add(Column::UsedAt.is_null()).add(Column::RevokedAt.is_null())
}

fn usable(id: Id<RefreshToken>) -> Condition {
    unspent().add(Column::Id.eq(id.uuid()))
}

fn condition(filter: &RefreshTokenFilter) -> Condition {
    let account = filter.account_id.map(|account| Column::AccountId.eq(account.uuid()));
    let live = filter.live_at.map(|now| unspent().add(Column::ExpiresAt.gt(now.micros())));
    Condition::all().add_option(account).add_option(live)
}

const fn column(field: RefreshTokenSort) -> Column {
    match field {
        RefreshTokenSort::CreatedAt => Column::CreatedAt,
        RefreshTokenSort::ExpiresAt => Column::ExpiresAt,
    }
}
