//! One-time links: a secret for somebody who has no account.

use chrono::TimeDelta;
use claudetools_kernel::{Actor, Change, Error, Faults, Id, Result, Scope, Secret, Timestamp, text};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    AuditAction, Context, Credential, FieldSet, Key, Refusal, SecretField, Secrets, Share, ShareToken, Who,
    context::Origin,
};

/// The longest life of a link: 30 days.
pub const LONGEST_SHARE_SECONDS: i32 = 30 * 24 * 3600;
/// The most views of a link.
pub const MOST_SHARE_VIEWS: i32 = 100;

/// The use cases of one-time links.
#[derive(Debug, Clone)]
pub struct ShareService(Context);

/// What a request says of a link to be made.
#[derive(Debug, Clone, Default)]
pub struct ShareFields {
    /// How long it lives.
    pub ttl_seconds: Option<i32>,
    /// How often it can be opened; once unless given.
    pub max_views: Option<i32>,
    /// The secret fields that it shows; all that are set unless given.
    pub fields: Option<Vec<SecretField>>,
    /// Why, where the credential asks for a reason.
    pub reason: Option<String>,
}

/// A link that was made. Its text is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewShare {
    /// The link's id.
    pub id: Uuid,
    /// The link.
    pub token: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How often it can be opened.
    pub max_views: i32,
}

/// What a link shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedShare {
    /// What the credential opens, as it was called when the link was made.
    pub service_name: String,
    /// The user name that goes with it.
    pub username: Option<String>,
    /// The secrets.
    pub secrets: Secrets,
    /// How often the link can still be opened.
    pub views_left: i32,
    /// When it was opened.
    pub accessed_at: Timestamp,
}

/// What is sealed of a link: no part of it is in the database in plain.
#[derive(Serialize, Deserialize)]
struct Content {
    service_name: String,
    username: Option<String>,
    secrets: zeroize::Zeroizing<String>,
}

impl Content {
    /// The bytes that are sealed.
    fn bytes(&self) -> Result<zeroize::Zeroizing<Vec<u8>>> {
        // As long as it can get when every byte is escaped, so that no part is left behind in a buffer that was outgrown.
        let texts = self.service_name.len() + self.username.as_ref().map_or(0, String::len) + self.secrets.len();
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(64 + 6 * texts));
        serde_json::to_writer(&mut *bytes, self).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(bytes)
    }
}

impl ShareService {
    /// The use cases over these parts.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    /// Makes a link to the secrets as they are now. Needs [`Scope::Write`].
    pub async fn create(
        &self,
        actor: &Actor,
        who: &Who,
        id: Id<Credential>,
        fields: ShareFields,
    ) -> crate::Recorded<NewShare> {
        actor.require(Scope::Write)?;
        let (ttl, max_views, reason) = checked(&fields)?;
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let credential = tx.credentials().find(id).await?;
        let refusal = if !credential.access.admits(&who.viewer) {
            Some(Refusal::NotVisible(id))
        } else if credential.requires_reason && reason.is_none() {
            Some(Refusal::ReasonRequired)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            let mut event = who.event(AuditAction::Denied, Some(&credential), now);
            event.reason = Some("a link".to_owned());
            return self.0.recorder.seal(Err(refusal), tx, event).await;
        }
        let version = tx.versions().lookup(id, credential.version).await?;
        let secrets = match version {
            Some(version) => self.0.open(&version)?,
            None => Secrets::default(),
        };
        let secrets = match &fields.fields {
            Some(wanted) => secrets.only(&FieldSet::new(wanted.iter().copied())),
            None => secrets,
        };
        if secrets.fields().list().is_empty() {
            return Err(Error::Conflict(
                "the credential has none of the secret fields that the link is to show".to_owned(),
            ));
        }
        let mut key = Key::default();
        self.0.primitives.random(key.as_mut())?;
        let share =
            self.sealed(&credential, &secrets, &key, who, max_views, now.plus(TimeDelta::seconds(ttl.into())), now)?;
        tx.shares().add(&share).await?;
        let mut event = who.event(AuditAction::ShareCreated, Some(&credential), now);
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        event.reason = Some(format!("link {}, {max_views} view(s), {ttl} s{reason}", share.id));
        let made =
            NewShare { id: share.id, token: ShareToken::text(share.id, &key), expires_at: share.expires_at, max_views };
        self.0.recorder.seal(Ok(made), tx, event).await
    }

    #[expect(clippy::too_many_arguments, reason = "a row's parts, each of another source")]
    fn sealed(
        &self,
        credential: &Credential,
        secrets: &Secrets,
        key: &Key,
        who: &Who,
        views_left: i32,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Share> {
        let (id, fields) = (self.0.ids.next(), secrets.fields());
        let text = std::str::from_utf8(&secrets.to_plaintext()).map(|text| zeroize::Zeroizing::new(text.to_owned()));
        let content = Content {
            service_name: credential.service_name.clone(),
            username: credential.username.clone(),
            secrets: text.map_err(|error| Error::Internal(error.to_string()))?,
        };
        let content = content.bytes()?;
        let sealed = self.0.primitives.seal_under(key, &Share::place_of(id, fields.clone()), &content)?;
        Ok(Share {
            id,
            credential_id: credential.id,
            fields,
            sealed,
            views_left,
            expires_at,
            created_at: now,
            created_by: who.subject.clone(),
        })
    }

    /// Opens a link. It needs no account: whoever holds it may. A link that is spent, expired or none at all is the same
    /// [`Error::NotFound`]; its last view erases it.
    pub async fn open(&self, origin: Origin, token: &Secret) -> Result<Change<OpenedShare>> {
        let unknown = || Error::NotFound { resource_type: "share", resource_id: "the link".to_owned() };
        let (id, key) = ShareToken::parse(token.expose()).ok_or_else(unknown)?;
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        let share = tx.shares().lock(id).await?.filter(|share| share.views_left > 0 && share.expires_at > now);
        let share = share.ok_or_else(unknown)?;
        // A wrong key is a wrong link: nothing is counted, or others could use up what is not theirs.
        let content = self.0.primitives.open_under(&key, &Share::place_of(id, share.fields.clone()), &share.sealed);
        let content = content.map_err(|_| unknown())?;
        let content: Content = serde_json::from_slice(&content).map_err(|_| unknown())?;
        let secrets = Secrets::from_plaintext(content.secrets.as_bytes()).ok_or_else(unknown)?;
        let credential = tx.credentials().lookup(share.credential_id).await?.ok_or_else(unknown)?;
        let views_left = share.views_left - 1;
        if views_left == 0 {
            tx.shares().remove(id).await?;
        } else {
            tx.shares().set_views_left(id, views_left).await?;
        }
        let mut event = Who::holder(origin).event(AuditAction::ShareOpened, Some(&credential), now);
        event.reason = Some(format!("link {id} made by {}, {views_left} view(s) left", share.created_by));
        let opened = OpenedShare {
            service_name: content.service_name,
            username: content.username,
            secrets,
            views_left,
            accessed_at: now,
        };
        self.0.recorder.seal(opened, tx, event).await
    }

    /// Erases the links that have expired; tells how many.
    pub async fn sweep(&self) -> Result<u64> {
        let mut tx = self.0.store.begin().await?;
        let erased = tx.shares().remove_expired(self.0.now()).await?;
        tx.commit().await?;
        Ok(erased)
    }
}

/// How long, how often and why.
fn checked(fields: &ShareFields) -> Result<(i32, i32, Option<String>)> {
    let mut faults = Faults::default();
    let ttl = faults.required("ttl_seconds", fields.ttl_seconds).unwrap_or(1);
    if !(1..=LONGEST_SHARE_SECONDS).contains(&ttl) {
        faults.schema("ttl_seconds", "range", &format!("must be from 1 to {LONGEST_SHARE_SECONDS}"));
    }
    let max_views = fields.max_views.unwrap_or(1);
    if !(1..=MOST_SHARE_VIEWS).contains(&max_views) {
        faults.schema("max_views", "range", &format!("must be from 1 to {MOST_SHARE_VIEWS}"));
    }
    let reason = fields.reason.as_deref().filter(|reason| !reason.trim().is_empty());
    let reason = reason.and_then(|reason| text::line(&mut faults, "reason", reason, text::LINE));
    faults.finish()?;
    Ok((ttl, max_views, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_of_a_link_never_outgrows_its_buffer() {
        for (name, secret) in [("", ""), ("Firewall", "\"\\\"\\"), ("\u{1}", "\u{1}\u{2}\u{1f}"), ("é😀", "é😀\"")]
        {
            let secrets = zeroize::Zeroizing::new(secret.repeat(1000));
            let content = Content { service_name: name.to_owned(), username: Some(name.repeat(9)), secrets };
            let texts = 10 * name.len() + 1000 * secret.len();
            let bytes = content.bytes().unwrap();
            assert!(bytes.len() <= 64 + 6 * texts, "{name:?} {secret:?}: {} bytes", bytes.len());
        }
    }
}
