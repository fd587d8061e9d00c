//! The entities agree with what the migrations make.

use std::collections::{BTreeMap, BTreeSet};

use claudetools_migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, ExprTrait, PartialModelTrait, QuerySelect,
    QueryTrait, Schema, Select,
    sea_query::{Expr, Func, Query, TableCreateStatement},
};

use super::{billable_time, session, work_item};
use crate::embedded::fields;

/// Every entity. A table whose entity is missing here fails the test below.
macro_rules! entities {
    ($($entity:ident),+ $(,)?) => {
        fn statements(schema: &Schema) -> Vec<TableCreateStatement> {
            vec![$(schema.create_table_from_entity(super::$entity::Entity)),+]
        }

        /// Of each table the columns that it is read by, and the fields that they are read into.
        fn columns_and_fields() -> Vec<(Vec<String>, Vec<&'static str>)> {
            vec![$((columns(&super::$entity::Entity::find()), fields::of::<super::$entity::Model>().unwrap())),+]
        }
    };
}

entities![
    account,
    agent_run,
    api_audit_log,
    billable_time,
    client,
    coord_component,
    coord_component_history,
    coord_event,
    coord_fence,
    coord_head,
    coord_lock,
    coord_message,
    coord_message_recipient,
    coord_project,
    coord_retention,
    coord_session,
    coord_waiter,
    closing,
    command,
    credential,
    credential_access,
    credential_audit_epoch,
    credential_audit_head,
    credential_audit_log,
    credential_share,
    credential_version,
    environmental_insight,
    failure_pattern,
    failure_pattern_key,
    failure_pattern_spot,
    firewall_rule,
    idempotency_key,
    infrastructure,
    login_throttle,
    m365_tenant,
    machine,
    network,
    pending_task,
    project,
    refresh_token,
    revocation,
    security_incident,
    security_incident_asset,
    security_incident_move,
    service,
    service_relationship,
    session,
    session_tag,
    session_technician,
    session_technology,
    site,
    tag,
    task_dependency,
    time_block,
    timer,
    vault_check,
    work_item,
    work_item_tag,
    write_guard,
];

/// What of a column decides whether a row can be written and read back.
#[derive(Debug, PartialEq, Eq)]
struct Column {
    kind: Kind,
    required: bool,
    /// The place in the primary key, from one.
    key: i32,
}

/// The affinity of a column (<https://www.sqlite.org/datatype3.html>). Of numbers the type itself, because other engines
/// do not read a wide one into a narrow field.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Number(String),
}

impl Kind {
    fn of(declared: &str) -> Self {
        let declared = declared.to_lowercase();
        if ["char", "clob", "text"].iter().any(|part| declared.contains(part)) {
            Self::Text
        } else if declared.contains("blob") {
            Self::Bytes
        } else {
            Self::Number(declared)
        }
    }
}

type Tables = BTreeMap<String, BTreeMap<String, Column>>;

async fn tables(database: &DatabaseConnection) -> Tables {
    let names = Query::select()
        .column("name")
        .from("sqlite_master")
        .and_where(Expr::col("type").eq("table"))
        .and_where(Expr::col("name").ne("seaql_migrations"))
        .take();
    let mut tables = Tables::new();
    for row in database.query_all(&names).await.unwrap() {
        let name: String = row.try_get("", "name").unwrap();
        let info = Query::select()
            .columns(["name", "type", "notnull", "pk"])
            .from_function(Func::cust("pragma_table_info").arg(name.as_str()), "info")
            .take();
        let columns = database.query_all(&info).await.unwrap().into_iter().map(|row| {
            let column = Column {
                kind: Kind::of(&row.try_get::<String>("", "type").unwrap()),
                required: row.try_get("", "notnull").unwrap(),
                key: row.try_get("", "pk").unwrap(),
            };
            (row.try_get("", "name").unwrap(), column)
        });
        let columns = columns.collect();
        tables.insert(name, columns);
    }
    tables
}

#[tokio::test]
async fn every_table_has_an_entity_with_the_same_columns() {
    let migrated = Database::connect("sqlite::memory:").await.unwrap();
    Migrator::up(&migrated, None).await.unwrap();
    let derived = Database::connect("sqlite::memory:").await.unwrap();
    for statement in statements(&Schema::new(DbBackend::Sqlite)) {
        derived.execute(&statement).await.unwrap();
    }
    let (migrated, derived) = (tables(&migrated).await, tables(&derived).await);
    let names = |tables: &Tables| tables.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&derived), names(&migrated), "left: the entities, right: the migrations");
    for (name, columns) in &migrated {
        assert!(!columns.is_empty(), "{name} has columns");
        assert_eq!(&derived[name], columns, "{name}: left the entity, right the migrations");
    }
}

/// The names under which a statement selects, read off its text: `"table"."column"`, or whatever stands behind `AS`.
fn columns<E: EntityTrait>(select: &Select<E>) -> Vec<String> {
    let text = select.build(DbBackend::Sqlite).sql;
    let (selected, _) = text.trim_start_matches("SELECT ").split_once(" FROM ").unwrap();
    let name = |column: &str| column.rsplit('"').nth(1).unwrap().to_owned();
    selected.split(", ").map(name).collect()
}

/// Rows of the embedded engine are read by the order of the columns. What the repositories join by hand is held to the same by
/// the check in `embedded/statement.rs`, which every suite runs through.
#[test]
fn the_fields_of_every_model_stand_in_the_order_of_its_columns() {
    for (columns, fields) in columns_and_fields() {
        assert_eq!(columns, fields);
    }
    let sessions = session::ListRow::select_cols(session::Entity::find().select_only());
    assert_eq!(columns(&sessions), fields::of::<session::ListRow>().unwrap());
    let draws = billable_time::DrawRow::select_cols(billable_time::Entity::find().select_only());
    assert_eq!(columns(&draws), fields::of::<billable_time::DrawRow>().unwrap());
    let items = work_item::ListRow::select_cols(work_item::Entity::find().select_only());
    assert_eq!(columns(&items), fields::of::<work_item::ListRow>().unwrap());
}
