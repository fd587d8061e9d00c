//! The API audit log.

use async_trait::async_trait;
use claudetools_identity::{AuditFilter, AuditSort, ports::ApiAuditLogRepository};
use claudetools_kernel::{AuditEntry, Page, PageRequest, Stored};
use sea_orm::{ColumnTrait, Condition, EntityTrait};

use crate::{
    entity::api_audit_log::{Column, Entity, Model},
    query::Listing,
    store::{Connection, SqlTx},
};

/// The most rows of one statement, as a power of two: 256 rows of thirteen values are far below the 32,766 that the
/// strictest engine binds.
const LARGEST_CHUNK: u32 = 8;

#[async_trait]
impl<C: Connection> ApiAuditLogRepository for SqlTx<C> {
    async fn add_batch(&mut self, mut entries: &[AuditEntry]) -> Stored<()> {
        let mut statements = Vec::new();
        while !entries.is_empty() {
            let (chunk, rest) = entries.split_at(chunk_size(entries.len()));
            statements.extend(self.insert_all_of::<Entity>(chunk.iter().map(Model::from)));
            entries = rest;
        }
        self.run(statements).await?;
        Ok(())
    }

    async fn list(&mut self, filter: &AuditFilter, page: &PageRequest<AuditSort>) -> Stored<Page<AuditEntry>> {
        let listing = Listing { select: Entity::find(), filter: condition(filter), sort: column, id: Column::Id };
        self.page::<_, Model, _, _>(listing, page).await
    }
}

/// The largest power of two that `rows`, of which there is at least one, hold. With nine sizes there are nine statements to
/// keep prepared, where any size would push all others out of the cache.
const fn chunk_size(rows: usize) -> usize {
    let power = rows.ilog2();
    1 << if power < LARGEST_CHUNK { power } else { LARGEST_CHUNK }
}

fn condition(filter: &AuditFilter) -> Condition {
    Condition::all()
        .add_option(filter.subject.as_deref().map(|subject| Column::Subject.eq(subject)))
        .add_option(filter.route.as_deref().map(|route| Column::Route.eq(route)))
        // A status beyond the column's range stands in no row.
        .add_option(filter.status.map(|status| Column::Status.eq(i16::try_from(status).unwrap_or(i16::MAX))))
        .add_option(filter.begin().map(|begin| Column::At.gte(begin.micros())))
        .add_option(filter.end().map(|end| Column::At.lt(end.micros())))
        .add_option(filter.request_id.as_deref().map(|request| Column::RequestId.eq(request)))
        .add_option(filter.parent_session.map(|session| Column::ParentSession.eq(session)))
}

const fn column(field: AuditSort) -> Column {
    match field {
        AuditSort::At => Column::At,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_into_few_chunks_of_few_sizes() {
        let sizes = |mut rows: usize| {
            let mut sizes = Vec::new();
            while rows > 0 {
                sizes.push(chunk_size(rows));
                rows -= chunk_size(rows);
            }
            sizes
        };
        assert_eq!(sizes(500), [256, 128, 64, 32, 16, 4]);
        assert_eq!(sizes(513), [256, 256, 1]);
    }
}
