//! Who may see a restricted credential.

use claudetools_credentials::{Access, Credential, Viewer};
use claudetools_kernel::StoreError;
use sea_orm::entity::prelude::*;
use serde::Deserialize;

use crate::row::RowReader;

/// An address of an account, folded.
pub(crate) const SUBJECT: &str = "subject";
/// A type of agents.
pub(crate) const AGENT_TYPE: &str = "agent_type";

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "credential_access")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) credential_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name: String,
}

impl Model {
    /// The rows of a credential.
    pub(crate) fn of(credential: &Credential) -> impl Iterator<Item = Self> + Send {
        Self::of_access(credential.id.uuid(), &credential.access)
    }

    /// The rows of a credential with this access.
    pub(crate) fn of_access(credential_id: Uuid, access: &Access) -> impl Iterator<Item = Self> + Send {
        let subjects = access.subjects.iter().map(|name| (SUBJECT, name));
        let agents = access.agent_types.iter().map(|name| (AGENT_TYPE, name));
        subjects.chain(agents).map(move |(kind, name)| Self {
            credential_id,
            kind: kind.to_owned(),
            name: name.clone(),
        })
    }
}

/// Whom a row names.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) credential_id: Uuid,
    pub(crate) viewer: Viewer,
}

impl TryFrom<Model> for Named {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let viewer = match row.kind.as_str() {
            SUBJECT => Viewer::Account(row.name),
            AGENT_TYPE => Viewer::Agent(row.name),
            _ => return Err(RowReader::new("credential_access", row.credential_id).corrupt("kind", "not a known word")),
        };
        Ok(Self { credential_id: row.credential_id, viewer })
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
