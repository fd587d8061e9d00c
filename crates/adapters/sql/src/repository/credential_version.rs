//! The versions of credentials' secrets, and one-time links.

use async_trait::async_trait;
use claudetools_credentials::{
    Credential, Sealed, SealedVersion, Share, VersionInfo, WrapCount,
    ports::{ShareRepository, VersionRepository},
};
use claudetools_kernel::{Id, StoreError, Stored, Timestamp};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, PartialModelTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{CaseStatement, Expr},
};
use uuid::Uuid;

use crate::{
    entity::{
        credential_share,
        credential_version::{Column, Entity, Info, Model, Wrapped},
    },
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> VersionRepository for SqlTx<C> {
    async fn add(&mut self, version: &SealedVersion) -> Stored<()> {
        self.insert::<Entity>(version.into()).await
    }

    async fn lookup(&mut self, credential: Id<Credential>, version: i64) -> Stored<Option<SealedVersion>> {
        self.one::<_, Model, _>(Entity::find_by_id((credential.uuid(), version))).await
    }

    async fn of(&mut self, credential: Id<Credential>) -> Stored<Vec<VersionInfo>> {
        let versions = Info::select_cols(Entity::find().select_only())
            .filter(Column::CredentialId.eq(credential.uuid()))
            .order_by_desc(Column::Version);
        self.all::<_, Info, _>(versions).await
    }

    async fn remove_up_to(&mut self, credential: Id<Credential>, version: i64) -> Stored<u64> {
        let former = Condition::all().add(Column::CredentialId.eq(credential.uuid())).add(Column::Version.lte(version));
        self.erase::<Entity>(former).await
    }

    async fn outdated(
        &mut self,
        key_id: &str,
        before: Option<Timestamp>,
        after: Option<(Id<Credential>, i64)>,
        limit: u32,
    ) -> Stored<Vec<SealedVersion>> {
        let is_outdated = Condition::any()
            .add(Column::KeyId.ne(key_id))
            .add_option(before.map(|before| Column::SealedAt.lt(before.micros())));
        let is_behind = after.map(|(credential, version)| {
            let same = Column::CredentialId.eq(credential.uuid()).and(Column::Version.gt(version));
            Condition::any().add(Column::CredentialId.gt(credential.uuid())).add(same)
        });
        let versions = Entity::find()
            .filter(Condition::all().add(is_outdated).add_option(is_behind))
            .order_by_asc(Column::CredentialId)
            .order_by_asc(Column::Version)
            .limit(u64::from(limit));
        self.all::<_, Model, _>(versions).await
    }

    async fn reseal(&mut self, version: &SealedVersion, was: &Sealed) -> Stored<bool> {
        let sealed = version.sealed.clone();
        let update = Entity::update_many()
            .col_expr(Column::KeyId, Expr::value(sealed.key_id))
            .col_expr(Column::WrappedKey, Expr::value(sealed.wrapped_key))
            .col_expr(Column::Ciphertext, Expr::value(sealed.ciphertext))
            .col_expr(Column::SealedAt, Expr::value(version.sealed_at.micros()))
            .filter(Column::CredentialId.eq(version.credential_id.uuid()))
            .filter(Column::Version.eq(version.version))
            .filter(Column::WrappedKey.eq(was.wrapped_key.clone()));
        Ok(self.change(update).await? == 1)
    }

    async fn wrap_counts(&mut self, before: Option<Timestamp>) -> Stored<Vec<WrapCount>> {
        // Without an instant all count as outdated: none was sealed after the end of time.
        let before = before.map_or(i64::MAX, Timestamp::micros);
        let is_outdated = CaseStatement::new().case(Column::SealedAt.lt(before), 1_i64).finally(0_i64);
        let outdated = self.whole(Expr::expr(is_outdated).sum());
        let counts = Entity::find()
            .select_only()
            .column(Column::KeyId)
            .column_as(Expr::col(Column::Version).count(), "versions")
            .column_as(outdated, "outdated")
            .group_by(Column::KeyId)
            .order_by_asc(Column::KeyId);
        self.all::<_, Wrapped, _>(counts).await
    }
}

impl TryFrom<Wrapped> for WrapCount {
    type Error = StoreError;

    fn try_from(row: Wrapped) -> Result<Self, StoreError> {
        let (versions, outdated) = (row.versions.unsigned_abs(), row.outdated.unsigned_abs());
        Ok(Self { key_id: row.key_id, versions, outdated })
    }
}

#[async_trait]
impl<C: Connection> ShareRepository for SqlTx<C> {
    async fn add(&mut self, share: &Share) -> Stored<()> {
        self.insert::<credential_share::Entity>(share.into()).await
    }

    async fn lock(&mut self, id: Uuid) -> Stored<Option<Share>> {
        self.one::<_, credential_share::Model, _>(credential_share::Entity::find_by_id(id).lock_exclusive()).await
    }

    async fn set_views_left(&mut self, id: Uuid, left: i32) -> Stored<()> {
        let update = credential_share::Entity::update_many()
            .col_expr(credential_share::Column::ViewsLeft, Expr::value(left))
            .filter(credential_share::Column::Id.eq(id));
        self.change(update).await?;
        Ok(())
    }

    async fn remove(&mut self, id: Uuid) -> Stored<bool> {
        let only = Condition::all().add(credential_share::Column::Id.eq(id));
        Ok(self.erase::<credential_share::Entity>(only).await? > 0)
    }

    async fn remove_of(&mut self, credential: Id<Credential>) -> Stored<u64> {
        let of = Condition::all().add(credential_share::Column::CredentialId.eq(credential.uuid()));
        self.erase::<credential_share::Entity>(of).await
    }

    async fn remove_expired(&mut self, now: Timestamp) -> Stored<u64> {
        let expired = Condition::all().add(credential_share::Column::ExpiresAt.lte(now.micros()));
        self.erase::<credential_share::Entity>(expired).await
    }
}
