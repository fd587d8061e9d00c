//! How the pools of connections are used, for whoever measures.

use sea_orm::{
    DbBackend,
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
            Base::Server { pool, .. } if pool.get_database_backend() == DbBackend::MySql => {
                vec![numbers("shared", pool.get_mysql_connection_pool())]
            }
            Base::Server { pool, .. } => vec![numbers("shared", pool.get_postgres_connection_pool())],
        }
    }
}

fn numbers<D: sqlx::Database>(name: &'static str, pool: &Pool<D>) -> PoolNumbers {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    // The two are read one after the other, and a connection may be opened in between.
    let open = pool.size().max(idle);
    PoolNumbers { pool: name, open, idle, limit: pool.options().get_max_connections() }
}
