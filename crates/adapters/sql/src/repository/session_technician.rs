//! Who has ever had a session: the names among which a part of one is looked for.
//!
//! A list filtered by a part of a technician's name would look at every session in its order until the page is full, most of
//! them somebody else's. If the part is in one name alone, the sessions of that name have an index.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use claudetools_kernel::text;
use claudetools_sessions::{Session, SessionFilter, ports::Stored};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{OnConflict, Query, SimpleExpr},
};

use crate::{
    entity::{
        session,
        session_technician::{Column, Entity},
    },
    query::contains,
    question::{All, Values},
    store::{Connection, SqlTx},
};

/// As many names as are remembered.
const REMEMBERED: usize = 10_000;

/// Names that a commit of this process has seen to, which need not be entered again: none is ever removed.
#[derive(Clone, Default)]
pub(crate) struct KnownTechnicians(Arc<Mutex<HashSet<String>>>);

impl KnownTechnicians {
    fn has(&self, name: &str) -> bool {
        self.names().contains(name)
    }

    fn names(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those names, and what a transaction adds to them.
pub(crate) struct Technicians {
    known: KnownTechnicians,
    entered: HashSet<String>,
}

impl Technicians {
    pub(crate) fn new(known: KnownTechnicians) -> Self {
        Self { known, entered: HashSet::new() }
    }

    /// Whether the transaction has to enter a name.
    fn lack(&self, name: &str) -> bool {
        !self.known.has(name) && !self.entered.contains(name)
    }

    /// Remembers what the transaction has entered, now that it is committed.
    pub(crate) fn committed(self) {
        if self.entered.is_empty() {
            return;
        }
        let mut known = self.known.names();
        if known.len() < REMEMBERED {
            known.extend(self.entered);
        }
    }
}

impl<C: Connection> SqlTx<C> {
    /// Enters the technicians of `sessions` that are not known to be there.
    pub(crate) async fn enter_technicians(&mut self, sessions: &[Session]) -> Stored<()> {
        let mut statements = Vec::new();
        for name in sessions.iter().filter_map(|session| session.technician.as_deref()).map(text::fold) {
            if !self.technicians.lack(&name) {
                continue;
            }
            let enter = Query::insert()
                .into_table(Entity)
                .columns([Column::TechnicianKey])
                .values_panic([name.as_str().into()])
                .on_conflict(
                    OnConflict::column(Column::TechnicianKey).do_nothing_on([Column::TechnicianKey]).to_owned(),
                )
                .take();
            statements.push(self.statement(&enter));
            self.technicians.entered.insert(name);
        }
        self.run(statements).await.map(drop)
    }

    /// The question for the names that hold a part, if the filter has one: for two of them at the most.
    pub(crate) fn technicians_like(&self, filter: &SessionFilter) -> Option<All<Values<String>>> {
        let part = filter.technician.as_deref()?;
        let names = Entity::find().select_only().column(Column::TechnicianKey);
        Some(self.all_of(names.filter(contains(Column::TechnicianKey, part)).limit(2)))
    }
}

/// What the filter's part of a name means for a session, by what [`SqlTx::technicians_like`] has found.
pub(crate) fn technician(filter: &SessionFilter, names: Option<&[Values<String>]>) -> Option<SimpleExpr> {
    let part = filter.technician.as_deref()?;
    Some(match names {
        Some([Values(name)]) => session::Column::TechnicianKey.eq(name.as_str()),
        // Several, or none: an older version of the program, which enters no names, may be finishing its last requests.
        _ => contains(session::Column::TechnicianKey, part),
    })
}
