//! The records that commit together with a change: API audit rows and answers kept for repeated requests.

use async_trait::async_trait;
use claudetools_kernel::{AuditEntry, ReplayRecord, StoreError, StoredReply, Timestamp, Transaction};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use crate::{
    entity::{api_audit_log, idempotency_key},
    row::RowReader,
    store::{Connection, SqlTx},
};

#[async_trait]
impl<C: Connection> Transaction for SqlTx<C> {
    async fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.audit_last(entry.into());
        Ok(())
    }

    async fn keep_reply(&mut self, record: &ReplayRecord) -> Result<(), StoreError> {
        use idempotency_key::Column;
        let expired = under(&record.caller, &record.key).add(Column::ExpiresAt.lte(record.created_at.micros()));
        let (erase, insert) = (
            self.erase_of::<idempotency_key::Entity>(expired),
            self.insert_of::<idempotency_key::Entity>(record.into()),
        );
        self.run(vec![erase, insert]).await?;
        Ok(())
    }

    async fn keep_first_reply(&mut self, record: &ReplayRecord) -> Result<(), StoreError> {
        self.change_last(self.insert_of::<idempotency_key::Entity>(record.into()));
        Ok(())
    }

    async fn kept_reply(
        &mut self,
        caller: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<ReplayRecord>, StoreError> {
        let live = under(caller, key).add(idempotency_key::Column::ExpiresAt.gt(now.micros()));
        self.one::<_, idempotency_key::Model, _>(idempotency_key::Entity::find().filter(live)).await
    }

    async fn forget_replies(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let expired = Condition::all().add(idempotency_key::Column::ExpiresAt.lte(now.micros()));
        self.erase::<idempotency_key::Entity>(expired).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.finish().await
    }
}

fn under(caller: &str, key: &str) -> Condition {
    use idempotency_key::Column;
    Condition::all().add(Column::Caller.eq(caller)).add(Column::IdempotencyKey.eq(key))
}

impl From<&ReplayRecord> for idempotency_key::Model {
    fn from(record: &ReplayRecord) -> Self {
        Self {
            caller: record.caller.clone(),
            idempotency_key: record.key.clone(),
            fingerprint: record.fingerprint.to_vec(),
            status: i16::try_from(record.reply.status).unwrap_or(i16::MAX),
            location: record.reply.location.clone(),
            etag: record.reply.etag.clone(),
            body: record.reply.body.clone(),
            created_at: record.created_at.micros(),
            expires_at: record.expires_at.micros(),
        }
    }
}

impl TryFrom<idempotency_key::Model> for ReplayRecord {
    type Error = StoreError;

    fn try_from(row: idempotency_key::Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("idempotency_keys", uuid::Uuid::nil());
        Ok(Self {
            fingerprint: reader.value("fingerprint", row.fingerprint.try_into().ok())?,
            reply: StoredReply {
                status: reader.value("status", row.status.try_into().ok())?,
                location: row.location,
                etag: row.etag,
                body: row.body,
            },
            created_at: reader.read("created_at", row.created_at)?,
            expires_at: reader.read("expires_at", row.expires_at)?,
            caller: row.caller,
            key: row.idempotency_key,
        })
    }
}

impl From<&AuditEntry> for api_audit_log::Model {
    fn from(entry: &AuditEntry) -> Self {
        Self {
            id: entry.id,
            at: entry.at.micros(),
            request_id: entry.request_id.clone(),
            subject: entry.subject.clone(),
            agent_type: entry.agent_type.clone(),
            parent_session: entry.parent_session,
            method: entry.method.clone(),
            route: entry.route.clone(),
            path: entry.path.clone(),
            status: i16::try_from(entry.status).unwrap_or(i16::MAX),
            duration_micros: entry.duration_micros,
            client_ip: entry.client_ip.map(|address| address.to_string()),
            user_agent: entry.user_agent.clone(),
        }
    }
}

impl TryFrom<api_audit_log::Model> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: api_audit_log::Model) -> Result<Self, StoreError> {
        let reader = RowReader::new("api_audit_logs", row.id);
        let client_ip = match row.client_ip.as_deref() {
            Some(address) => Some(reader.value("client_ip", address.parse().ok())?),
            None => None,
        };
        Ok(Self {
            id: row.id,
            at: reader.read("at", row.at)?,
            request_id: row.request_id,
            subject: row.subject,
            agent_type: row.agent_type,
            parent_session: row.parent_session,
            method: row.method,
            route: row.route,
            path: row.path,
            status: reader.value("status", row.status.try_into().ok())?,
            duration_micros: row.duration_micros,
            client_ip,
            user_agent: row.user_agent,
        })
    }
}
