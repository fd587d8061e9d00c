//! Accounts.

use async_trait::async_trait;
use claudetools_identity::{Account, AccountFilter, AccountSort, ports::AccountRepository};
use claudetools_kernel::{Enumeration, Id, Page, PageRequest, Scope, Scopes, StoreError, Stored, Timestamp};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use crate::{
    entity::account::{Column, Entity, Model},
    query::{Listing, contains},
    records::Row,
    store::{Connection, SqlTx},
};

impl Row for Account {
    type Table = Entity;
    const ID: Column = Column::Id;
    const REVISION: Column = Column::Revision;
}

#[async_trait]
impl<C: Connection> AccountRepository for SqlTx<C> {
    async fn find_by_key(&mut self, email_key: &str) -> Stored<Option<Account>> {
        self.one::<_, Model, _>(Entity::find().filter(Column::EmailKey.eq(email_key))).await
    }

    async fn lock(&mut self, id: Id<Account>) -> Stored<Option<Account>> {
        self.one::<_, Model, _>(Entity::find_by_id(id.uuid()).lock_exclusive()).await
    }

    async fn lock_admins(&mut self) -> Stored<Vec<Id<Account>>> {
        let admins = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Scope.eq(Scope::Admin.as_str()))
            .filter(Column::IsActive.eq(true))
            .order_by_asc(Column::Id)
            .lock_exclusive();
        Ok(self.values(admins).await?.into_iter().map(Id::new).collect())
    }

    async fn record_login(&mut self, id: Id<Account>, at: Timestamp, new_hash: Option<&str>) -> Stored<()> {
        let mut update = Entity::update_many()
            .col_expr(Column::LastLoginAt, Expr::value(at.micros()))
            .filter(Column::Id.eq(id.uuid()));
        if let Some(hash) = new_hash {
            update = update.col_expr(Column::PasswordHash, Expr::value(hash));
        }
        if self.change(update).await? == 1 {
            Ok(())
        } else {
            Err(StoreError::Contention("the account was removed since it was read".to_owned()))
        }
    }

    async fn list(&mut self, filter: &AccountFilter, page: &PageRequest<AccountSort>) -> Stored<Page<Account>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }

    async fn any(&mut self) -> Stored<bool> {
        let first = self.id_of::<_, Account>(Entity::find().select_only().column(Column::Id)).await?;
        Ok(first.is_some())
    }
}

fn condition(filter: &AccountFilter) -> Condition {
    let holding = |wanted: Scope| {
        let holders = Scope::ALL.iter().filter(move |highest| Scopes::up_to(**highest).allow(wanted));
        Column::Scope.is_in(holders.map(|scope| scope.as_str()))
    };
    Condition::all()
        .add_option(filter.q.as_deref().map(|q| contains(Column::EmailKey, q)))
        .add_option(filter.is_active.map(|wanted| Column::IsActive.eq(wanted)))
        .add_option(filter.scope.map(holding))
}

const fn column(field: AccountSort) -> Column {
    match field {
        AccountSort::Email => Column::EmailKey,
        AccountSort::CreatedAt => Column::CreatedAt,
        AccountSort::UpdatedAt => Column::UpdatedAt,
    }
}
