//! Credentials.

use std::collections::BTreeMap;

use async_trait::async_trait;
use claudetools_credentials::{
    Access, Credential, CredentialFilter, CredentialSort, SealedVersion, Viewer,
    ports::{CredentialRepository, Directory},
};
use claudetools_kernel::{Id, Page, PageRequest, Records, Referrer, StoreError, Stored};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, JoinType, QueryFilter,
    QuerySelect, QueryTrait,
    sea_query::{DynIden, Expr, SimpleExpr},
};
use uuid::Uuid;

use crate::{
    entity::{
        api_audit_log, client,
        credential::{Column, Entity, Model, WithVersion},
        credential_access::{self, AGENT_TYPE, Column as Named, SUBJECT},
        credential_version, infrastructure, service, session,
    },
    query::{Listing, contains, padded},
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> Records<Credential> for SqlTx<C> {
    async fn add(&mut self, credential: &Credential) -> Stored<()> {
        self.insert::<Entity>(credential.into()).await?;
        self.insert_all::<credential_access::Entity>(credential_access::Model::of(credential)).await
    }

    async fn save(&mut self, credential: &Credential) -> Stored<()> {
        // Who may see it is `restrict`'s business: it leaves the revision, so that this may be a change of a credential that was
        // restricted after it was read.
        let mut row = Model::from(credential).into_active_model();
        row.not_set(Column::IsRestricted);
        self.replace_revision::<Entity>(row, Column::Id, Column::Revision, credential.revision - 1).await
    }

    async fn remove(&mut self, id: Id<Credential>) -> Stored<bool> {
        // Versions, links and access go with it: their foreign keys cascade.
        Ok(self.erase::<Entity>(Condition::all().add(Column::Id.eq(id.uuid()))).await? > 0)
    }

    async fn lookup(&mut self, id: Id<Credential>) -> Stored<Option<Credential>> {
        let found = self.ask(self.one_of::<_, Model>(Entity::find_by_id(id.uuid()))).await?;
        let Some(row) = found else { return Ok(None) };
        let mut rows = self.with_access(vec![row]).await?;
        Ok(rows.pop())
    }

    async fn referrers(&mut self, _: Id<Credential>) -> Stored<Vec<Referrer>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl<C: Connection> CredentialRepository for SqlTx<C> {
    async fn list(
        &mut self,
        filter: &CredentialFilter,
        page: &PageRequest<CredentialSort>,
    ) -> Stored<Page<Credential>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        let found = self.page::<_, Model, Credential, _>(listing, page).await?;
        let restricted: Vec<Uuid> = found.items.iter().map(|credential| credential.id.uuid()).collect();
        let mut named = self.access_of(&restricted).await?;
        Ok(found.map(|mut credential| {
            credential.access = named.remove(&credential.id.uuid()).unwrap_or_default();
            credential
        }))
    }

    async fn with_version(
        &mut self,
        id: Id<Credential>,
        version: Option<i64>,
    ) -> Stored<Option<(Credential, Option<SealedVersion>)>> {
        let is_wanted = move |credentials: DynIden, versions: DynIden| {
            let number = Expr::col((versions, credential_version::Column::Version));
            let is_wanted = match version {
                Some(version) => number.eq(version),
                None => number.equals((credentials, Column::Version)),
            };
            Condition::all().add(is_wanted)
        };
        let versions = Entity::belongs_to(credential_version::Entity)
            .from(Column::Id)
            .to(credential_version::Column::CredentialId)
            .on_condition(is_wanted);
        let joined = Entity::find_by_id(id.uuid()).join(JoinType::LeftJoin, versions.into());
        let joined =
            WithVersion::COLUMNS.into_iter().fold(joined, |joined, (column, name)| joined.column_as(column, name));
        let found = self.ask(self.one_of::<_, WithVersion>(joined)).await?;
        let Some((credential, version)) = found.map(WithVersion::rows) else { return Ok(None) };
        let Some(credential) = self.with_access(vec![credential]).await?.pop() else { return Ok(None) };
        Ok(Some((credential, version.map(credential_version::Model::try_into).transpose()?)))
    }

    async fn is_empty(&mut self) -> Stored<bool> {
        Ok(!self.has_any::<Entity>(Column::Id).await?)
    }

    async fn restrict(&mut self, id: Id<Credential>, access: &Access) -> Stored<()> {
        self.erase::<credential_access::Entity>(Condition::all().add(Named::CredentialId.eq(id.uuid()))).await?;
        let rows: Vec<_> = credential_access::Model::of_access(id.uuid(), access).collect();
        self.insert_all::<credential_access::Entity>(rows.into_iter()).await?;
        let update = Entity::update_many()
            .col_expr(Column::IsRestricted, Expr::value(access.is_restricted()))
            .filter(Column::Id.eq(id.uuid()));
        self.change(update).await?;
        Ok(())
    }
}

#[async_trait]
impl<C: Connection> Directory for SqlTx<C> {
    async fn is_used(&mut self) -> Stored<bool> {
        Ok(self.has_any::<api_audit_log::Entity>(api_audit_log::Column::Id).await?
            || self.has_any::<client::Entity>(client::Column::Id).await?
            || self.has_any::<session::Entity>(session::Column::Id).await?)
    }

    async fn has_client(&mut self, id: Uuid) -> Stored<bool> {
        Ok(self.count::<client::Entity>(Condition::all().add(client::Column::Id.eq(id))).await? > 0)
    }

    async fn client_named(&mut self, folded: &str) -> Stored<Option<Uuid>> {
        let named = client::Entity::find().select_only().column(client::Column::Id);
        let found: Option<Id<Credential>> = self.id_of(named.filter(client::Column::NameKey.eq(folded))).await?;
        Ok(found.map(Id::uuid))
    }

    async fn has_service(&mut self, id: Uuid) -> Stored<bool> {
        Ok(self.count::<service::Entity>(Condition::all().add(service::Column::Id.eq(id))).await? > 0)
    }

    async fn has_infrastructure(&mut self, id: Uuid) -> Stored<bool> {
        Ok(self.count::<infrastructure::Entity>(Condition::all().add(infrastructure::Column::Id.eq(id))).await? > 0)
    }
}

impl<C: Connection> SqlTx<C> {
    /// Whether `E` has any row.
    async fn has_any<E: EntityTrait>(&self, id: E::Column) -> Stored<bool> {
        let first: Option<Id<()>> = self.id_of(E::find().select_only().column(id).limit(1)).await?;
        Ok(first.is_some())
    }

    async fn with_access(&self, rows: Vec<Model>) -> Stored<Vec<Credential>> {
        let restricted: Vec<Uuid> = rows.iter().filter(|row| row.is_restricted).map(|row| row.id).collect();
        let mut named = self.access_of(&restricted).await?;
        rows.into_iter()
            .map(|row| {
                let access = match named.remove(&row.id) {
                    // Between the two statements, or for good: then nobody sees it until somebody has looked.
                    None if row.is_restricted => {
                        return Err(StoreError::Contention("a restricted credential names nobody".to_owned()));
                    }
                    named => named.unwrap_or_default(),
                };
                Ok(Credential { access, ..row.try_into()? })
            })
            .collect()
    }

    /// Whom these credentials name.
    async fn access_of(&self, credentials: &[Uuid]) -> Stored<BTreeMap<Uuid, Access>> {
        let mut named: BTreeMap<Uuid, Access> = BTreeMap::new();
        if credentials.is_empty() {
            return Ok(named);
        }
        let rows = credential_access::Entity::find().filter(Named::CredentialId.is_in(padded(credentials)));
        for row in self.all::<_, credential_access::Model, credential_access::Named>(rows).await? {
            named.entry(row.credential_id).or_default().name(row.viewer);
        }
        Ok(named)
    }
}

fn condition(filter: &CredentialFilter) -> Condition {
    let wanted = &filter.wanted;
    let due = |is_due: bool| {
        let due = Column::RotationDueAt.lte(filter.now.micros());
        if is_due { due } else { Column::RotationDueAt.is_null().or(Column::RotationDueAt.gt(filter.now.micros())) }
    };
    Condition::all()
        .add_option(visible_to(&filter.viewer))
        .add_option(wanted.client_id.map(|wanted| Column::ClientId.eq(wanted)))
        .add_option(wanted.service_id.map(|wanted| Column::ServiceId.eq(wanted)))
        .add_option(wanted.infrastructure_id.map(|wanted| Column::InfrastructureId.eq(wanted)))
        .add_option(wanted.credential_type.map(|wanted| Column::CredentialType.eq(wanted.to_string())))
        .add_option(wanted.is_active.map(|wanted| Column::IsActive.eq(wanted)))
        .add_option(wanted.q.as_deref().map(|q| contains(Column::SearchKey, q)))
        .add_option(wanted.expires_before.map(|before| Column::ExpiresAt.lt(before.micros())))
        .add_option(wanted.rotation_due.map(due))
}

/// Those that name nobody, or the viewer; `None` for one who sees all.
fn visible_to(viewer: &Viewer) -> Option<SimpleExpr> {
    let (kind, name) = match viewer {
        Viewer::Account(subject) => (SUBJECT, subject),
        Viewer::Agent(agent_type) => (AGENT_TYPE, agent_type),
        Viewer::Operator => return None,
    };
    let of_credential = Expr::col(Named::CredentialId.as_column_ref()).equals(Column::Id.as_column_ref());
    let names = credential_access::Entity::find()
        .select_only()
        .column(Named::CredentialId)
        .filter(of_credential)
        .filter(Named::Kind.eq(kind))
        .filter(Named::Name.eq(name.as_str()));
    Some(Column::IsRestricted.eq(false).or(Expr::exists(names.into_query())))
}

const fn column(field: CredentialSort) -> Column {
    match field {
        CredentialSort::ServiceName => Column::ServiceNameKey,
        CredentialSort::CreatedAt => Column::CreatedAt,
        CredentialSort::UpdatedAt => Column::UpdatedAt,
    }
}
