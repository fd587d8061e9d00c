//! Tables and columns as all engines take them.
//!
//! - Ids are UUIDs in sixteen bytes.
//! - Instants are whole microseconds since 1970-01-01 UTC (`docs/decisions/0003-instants-as-microseconds.md`).
//! - Text is compared byte by byte; what must be found whatever its case has a folded column beside it.
//! - Text that is no key has room for what the API admits: 16 MiB on `MySQL`, where plain `text` ends at 64 KiB.
//! - Lists and maps are JSON in a text column.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// A new table with an id of its own.
pub(crate) fn resource(manager: &SchemaManager<'_>, name: &'static str) -> TableCreateStatement {
    let mut table = bare(manager, name);
    table.col(ColumnDef::new("id").uuid().not_null().primary_key());
    table
}

/// A new table whose key the migration names itself.
pub(crate) fn bare(manager: &SchemaManager<'_>, name: &'static str) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name);
    if manager.get_database_backend() == DbBackend::MySql {
        // sea-query would write these for SQLite too, which does not know them.
        table.engine("InnoDB").character_set("utf8mb4").collate("utf8mb4_bin");
    }
    table
}

/// A reference to another row.
pub(crate) fn id(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().take()
}

/// Text that is an index key or part of one: at most `longest` characters.
pub(crate) fn key_text(manager: &SchemaManager<'_>, name: &'static str, longest: u32) -> ColumnDef {
    by_bytes(manager, ColumnDef::new(name).string_len(longest).take())
}

/// A word of a closed set.
pub(crate) fn word(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    key_text(manager, name, 32).not_null().take()
}

/// Text of any length, never an index key.
pub(crate) fn text(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    match manager.get_database_backend() {
        DbBackend::MySql => ColumnDef::new(name).custom("mediumtext").take(),
        _ => by_bytes(manager, ColumnDef::new(name).text().take()),
    }
}

/// Bytes of any length.
pub(crate) fn bytes(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    match manager.get_database_backend() {
        DbBackend::MySql => ColumnDef::new(name).custom("mediumblob").take(),
        _ => ColumnDef::new(name).blob().take(),
    }
}

/// `PostgreSQL` orders text by the language of its database unless the column says otherwise.
fn by_bytes(manager: &SchemaManager<'_>, mut column: ColumnDef) -> ColumnDef {
    if manager.get_database_backend() == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}

/// An instant or an exact amount.
pub(crate) fn integer(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}

/// A calendar day.
pub(crate) fn date(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).date().take()
}

/// True or false.
pub(crate) fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

/// What every resource has: when it was made and changed, and its revision.
pub(crate) fn stamps(table: &mut TableCreateStatement) {
    for name in ["created_at", "updated_at", "revision"] {
        table.col(integer(name).not_null());
    }
}

/// A foreign key named after its table and column. Rows that are referred to cannot be removed.
pub(crate) fn references(
    table: &'static str,
    column: &'static str,
    target: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(target, "id")
        .on_delete(on_delete)
        .take()
}

/// Makes a table, unless an attempt that was broken off has left it: `MySQL` takes no change of the schema back.
pub(crate) async fn create(manager: &SchemaManager<'_>, table: TableCreateStatement) -> Result<(), DbErr> {
    let mut table = table;
    if manager.get_database_backend() == DbBackend::MySql {
        table.if_not_exists();
    }
    manager.create_table(table).await
}

/// Makes an index named `name` over `columns`, unless an attempt that was broken off has left it.
pub(crate) async fn index(
    manager: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::MySql && manager.has_index(table, name).await? {
        return Ok(());
    }
    let mut index = Index::create().name(name).table(table).take();
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    manager.create_index(index).await
}

/// Drops tables, the last made first.
pub(crate) async fn drop_tables(manager: &SchemaManager<'_>, tables: &[&'static str]) -> Result<(), DbErr> {
    for table in tables.iter().rev() {
        let mut drop = Table::drop().table(*table).take();
        if manager.get_database_backend() == DbBackend::MySql {
            drop.if_exists();
        }
        manager.drop_table(drop).await?;
    }
    Ok(())
}
