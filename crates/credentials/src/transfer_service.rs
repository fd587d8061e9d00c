//! Credentials in and out of files: other products' exports, and our own under a passphrase.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
};

use claudetools_kernel::{Direction, Error, Id, PageRequest, Patch, Result, Sort, Start, text};
use uuid::Uuid;

use crate::{
    AuditAction, Context, Credential, CredentialFilter, CredentialQuery, CredentialService, CredentialSort,
    SealedVersion, Viewer, Who,
    export::{ExportError, ExportReader, ExportWriter, ExportedCredential, ExportedVersion},
    import::Imported,
    place,
    ports::CredentialsTx,
};

/// How many credentials are read at once.
const PAGE: u32 = 50;

/// The use cases of files, for whoever runs the program on the server's own machine.
#[derive(Debug, Clone)]
pub struct TransferService {
    context: Context,
    credentials: CredentialService,
}

/// How an import is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The client of rows that name none.
    pub client: Option<Uuid>,
    /// Whether rows that cannot be taken are left out; otherwise one of them keeps all others out too.
    pub skip_faulty: bool,
    /// Whether everything is done but kept.
    pub dry_run: bool,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowReport {
    /// Its number, counted from 1.
    pub row: usize,
    /// What the credential is called; empty for a row that could not be read.
    pub name: String,
    /// The credential, or why there is none.
    pub outcome: std::result::Result<Id<Credential>, String>,
    /// What stands elsewhere or otherwise than in the file.
    pub adjustments: Vec<String>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// Every row, in the order of the file.
    pub rows: Vec<RowReport>,
    /// Whether the credentials were kept.
    pub is_kept: bool,
}

/// Why a file could not be written or read back.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A use case refused, or the storage failed.
    #[error(transparent)]
    Refused(#[from] Error),
    /// A credential of the file is there already.
    #[error("credential {0} is there already: an export is restored where none of its credentials is")]
    Exists(Uuid),
}

impl From<claudetools_kernel::StoreError> for TransferError {
    fn from(error: claudetools_kernel::StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl TransferService {
    /// The use cases over these parts.
    pub fn new(context: Context) -> Self {
        Self { credentials: CredentialService::new(context.clone()), context }
    }

    /// Enters the credentials of a file, all in one transaction, each with its row in the chain.
    ///
    /// # Errors
    /// The storage's. What is wrong with a row stands in the report.
    pub async fn import(&self, imported: Imported, options: ImportOptions) -> Result<ImportReport> {
        let who = Who::operator();
        let mut tx = self.context.begin().await?;
        let mut clients: BTreeMap<String, Option<Uuid>> = BTreeMap::new();
        let (mut rows, mut has_faults) = (Vec::new(), false);
        for parsed in imported {
            let report = match parsed {
                Err(fault) => RowReport {
                    row: fault.row,
                    name: String::new(),
                    outcome: Err(fault.message),
                    adjustments: Vec::new(),
                },
                Ok(mut credential) => {
                    let (row, name) = (credential.row, credential.name().to_owned());
                    let adjustments = std::mem::take(&mut credential.adjustments);
                    let client =
                        client_of(&mut *tx, &mut clients, credential.client.as_deref(), options.client).await?;
                    let outcome = match client {
                        Ok(client) => {
                            credential.fields.client_id = client.map_or(Patch::Keep, Patch::Set);
                            match self.credentials.enter_in(&mut tx, &who, credential.into_draft()).await {
                                Ok(entered) => Ok(entered.id),
                                Err(Error::Store(error)) => return Err(error.into()),
                                Err(error) => Err(error.to_string()),
                            }
                        }
                        Err(fault) => Err(fault),
                    };
                    RowReport { row, name, outcome, adjustments }
                }
            };
            has_faults |= report.outcome.is_err();
            rows.push(report);
        }
        let is_kept = !options.dry_run && (options.skip_faulty || !has_faults);
        if is_kept {
            let entered = rows.iter().filter(|row: &&RowReport| row.outcome.is_ok()).count();
            self.context.recorder.witness(&tx.commit().await?, i64::try_from(entered).unwrap_or(i64::MAX));
        }
        Ok(ImportReport { rows, is_kept })
    }

    /// Writes the whole vault under a passphrase; tells how many credentials. Each leaves a row in the chain, as any other
    /// reading of it: give the output away only when this has succeeded.
    ///
    /// # Errors
    /// The output's and the storage's.
    pub async fn export<W: Write>(
        &self,
        passphrase: &claudetools_kernel::Secret,
        output: W,
    ) -> std::result::Result<(u64, W), TransferError> {
        let (who, now) = (Who::operator(), self.context.now());
        let mut writer = ExportWriter::begin(self.context.primitives.as_ref(), passphrase, output)?;
        let filter = CredentialFilter { viewer: Viewer::Operator, wanted: CredentialQuery::default(), now };
        let sort = Sort { field: CredentialSort::CreatedAt, direction: Direction::Ascending };
        let (mut start, mut count) = (Some(Start::Offset(0)), 0);
        while let Some(from) = start {
            // A page holds up the others no longer than it takes; it is recorded before any of it is written.
            let mut tx = self.context.begin().await?;
            let request = PageRequest { limit: PAGE, start: from, sort, with_total: false };
            let page = tx.credentials().list(&filter, &request).await?;
            let mut exported = Vec::new();
            for credential in page.items {
                let mut event = who.event(AuditAction::Read, Some(&credential), now);
                event.reason = Some("exported with the whole vault".to_owned());
                self.context.recorder.record(&mut tx, event).await?;
                let versions = self.versions(&mut *tx, &credential).await?;
                exported.push(ExportedCredential { credential, versions });
                count += 1;
            }
            self.context.recorder.witness(&tx.commit().await?, i64::from(PAGE));
            for credential in &exported {
                writer.add(credential)?;
            }
            start = page.next.map(Start::After);
        }
        let output = writer.finish()?;
        Ok((count, output))
    }

    /// The versions of a credential in plain, the oldest first.
    async fn versions(
        &self,
        tx: &mut dyn CredentialsTx,
        credential: &Credential,
    ) -> std::result::Result<Vec<ExportedVersion>, TransferError> {
        let mut versions = Vec::new();
        for info in tx.versions().of(credential.id).await?.into_iter().rev() {
            let Some(sealed) = tx.versions().lookup(credential.id, info.version).await? else { continue };
            versions.push(ExportedVersion {
                version: sealed.version,
                created_at: sealed.created_at,
                created_by: sealed.created_by.clone(),
                secrets: self.context.open(&sealed)?,
            });
        }
        Ok(versions)
    }

    /// Reads back what [`Self::export`] has written, all or nothing, sealed under the master key in force; tells how many
    /// credentials, and which of them lost their client because there is none with its id here.
    ///
    /// # Errors
    /// The input's and the storage's, and [`TransferError::Exists`].
    pub async fn restore<R: Read>(
        &self,
        passphrase: &claudetools_kernel::Secret,
        input: R,
    ) -> std::result::Result<(u64, Vec<Id<Credential>>), TransferError> {
        let (who, now) = (Who::operator(), self.context.now());
        let mut tx = self.context.begin().await?;
        let (mut count, mut without_client) = (0, Vec::new());
        for exported in ExportReader::open(self.context.primitives.as_ref(), passphrase, input)? {
            let ExportedCredential { mut credential, versions } = exported?;
            if tx.credentials().lookup(credential.id).await?.is_some() {
                return Err(TransferError::Exists(credential.id.uuid()));
            }
            if let Some(client) = credential.client_id
                && !tx.directory().has_client(client).await?
            {
                credential.client_id = None;
                without_client.push(credential.id);
            }
            tx.credentials().add(&credential).await?;
            for version in versions {
                let place = place(credential.id, version.version, version.secrets.fields());
                let sealed = self.context.vault.seal(&place, &version.secrets.to_plaintext()).map_err(Error::from)?;
                let version = SealedVersion {
                    credential_id: credential.id,
                    version: version.version,
                    fields: place.fields,
                    sealed,
                    created_at: version.created_at,
                    created_by: version.created_by,
                    sealed_at: now,
                };
                tx.versions().add(&version).await?;
            }
            let mut event = who.event(AuditAction::Create, Some(&credential), now);
            event.reason = Some("restored from an export".to_owned());
            self.context.recorder.record(&mut tx, event).await?;
            count += 1;
        }
        self.context.recorder.witness(&tx.commit().await?, i64::try_from(count).unwrap_or(i64::MAX));
        Ok((count, without_client))
    }
}

/// The client of a row: the one it names, else `usual`; or what is wrong with the name.
async fn client_of(
    tx: &mut dyn CredentialsTx,
    known: &mut BTreeMap<String, Option<Uuid>>,
    name: Option<&str>,
    usual: Option<Uuid>,
) -> Result<std::result::Result<Option<Uuid>, String>> {
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(Ok(usual)) };
    let folded = text::fold(name);
    let found = if let Some(found) = known.get(&folded) {
        *found
    } else {
        let found = tx.directory().client_named(&folded).await?;
        known.insert(folded, found);
        found
    };
    Ok(found.map(Some).ok_or_else(|| format!("there is no client named {name:?}: make it first")))
}
