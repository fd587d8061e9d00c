//! How the pools of connections are used, for whoever measures.

use sea_orm::{
    DatabaseConnection, DbBackend,
    sqlx::{self, Pool},
};

use crate::{SqlStore, store::Base};

/// One pool of connections at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolNumbers {
    /// Which: `writer` and `readers` of an embedded database, `shared` of one on a server.
    pub pool: &'static str,
    /// How many connections are open.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
    /// How many there may be.
    pub limit: u32,
}

impl SqlStore {
    /// The pools. It asks the database nothing and waits for nobody.
    pub fn pools(&self) -> Vec<PoolNumbers> {
        match self.base() {
            Base::Embedded(embedded) => embedded.pools(),
            Base::Server { lanes, .. } => {
                let none = PoolNumbers { pool: "shared", open: 0, idle: 0, limit: 0 };
                vec![lanes.all().map(numbers).fold(none, PoolNumbers::and)]
            }
        }
    }
}

impl PoolNumbers {
    /// Both as if they were one.
    const fn and(self, other: Self) -> Self {
        let (open, idle, limit) = (self.open + other.open, self.idle + other.idle, self.limit + other.limit);
        Self { pool: self.pool, open, idle, limit }
    }
}

fn numbers(pool: &DatabaseConnection) -> PoolNumbers {
    if pool.get_database_backend() == DbBackend::MySql {
        numbers_of(pool.get_mysql_connection_pool())
    } else {
        numbers_of(pool.get_postgres_connection_pool())
    }
}

fn numbers_of<D: sqlx::Database>(pool: &Pool<D>) -> PoolNumbers {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    // The two are read one after the other, and a connection may be opened in between.
    let open = pool.size().max(idle);
    PoolNumbers { pool: "shared", open, idle, limit: pool.options().get_max_connections() }
}
