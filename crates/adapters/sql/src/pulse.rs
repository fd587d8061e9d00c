//! Whether a database server still answers.
//!
//! A server that is frozen, or that a network swallows, keeps its connections open: whoever waits for an answer waits for
//! minutes. So one connection of its own asks now and then. When it gets no answer in time, everything that waits for the
//! database is told so at once, and what was connected before the server came back is not used again.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, RuntimeErr};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(250);
/// How long an answer may take. Together with the pause and the grace it stays below the two seconds within which callers are
/// told.
const PATIENCE: Duration = Duration::from_millis(1200);
/// How long to look once more when the time is up: it may be this process that was held up, with the answer long there.
const GRACE: Duration = Duration::from_millis(300);

/// What is known of the server; shared by its pool's hooks and by everything that waits for an answer.
#[derive(Debug)]
pub(crate) struct Pulse {
    is_down: watch::Sender<bool>,
    /// When the clock below began.
    started: Instant,
    /// Milliseconds from `started` until the server last came back.
    returned: AtomicU64,
    questions: Mutex<Option<JoinHandle<()>>>,
}

impl Pulse {
    /// Knowledge that begins with a server that answers.
    pub(crate) fn new() -> Arc<Self> {
        let is_down = watch::Sender::new(false);
        Arc::new(Self { is_down, started: Instant::now(), returned: AtomicU64::new(0), questions: Mutex::default() })
    }

    /// Begins to ask, over a connection of its own made with `options`.
    pub(crate) fn listen(self: &Arc<Self>, options: ConnectOptions) {
        let pulse = Arc::downgrade(self);
        let questions = tokio::spawn(async move {
            let mut connection = None;
            loop {
                let answers = answers(&mut connection, &options).await;
                let Some(pulse) = pulse.upgrade() else { return };
                pulse.note(answers);
                drop(pulse);
                sleep(PAUSE).await;
            }
        });
        *self.questions.lock().unwrap_or_else(PoisonError::into_inner) = Some(questions);
    }

    /// Whether the server gave no answer when it was last asked.
    pub(crate) fn is_down(&self) -> bool {
        *self.is_down.borrow()
    }

    /// Whether a connection of this age was made before the server last came back.
    pub(crate) fn is_stale(&self, age: Duration) -> bool {
        let returned = Duration::from_millis(self.returned.load(Ordering::Relaxed));
        !returned.is_zero() && self.started.elapsed().saturating_sub(age) < returned
    }

    /// Waits for `work`, but not for a server that does not answer.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        let mut is_down = self.is_down.subscribe();
        tokio::select! {
            biased;
            // The sender lives as long as `self`: this ends with a server that is down and in no other way.
            _ = is_down.wait_for(|is_down| *is_down) => Err(silent()),
            done = work => done,
        }
    }

    fn note(&self, answers: bool) {
        let was_down = self.is_down.send_replace(!answers);
        match (was_down, answers) {
            (false, false) => tracing::error!("the database does not answer; requests get 503 until it does"),
            (true, true) => {
                let returned = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.returned.store(returned, Ordering::Relaxed);
                tracing::info!("the database answers again");
            }
            _ => {}
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        if let Some(questions) = self.questions.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            questions.abort();
        }
    }
}

fn silent() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the database does not answer".to_owned()))
}

/// Asks once. A connection that gave no answer is not asked again.
async fn answers(connection: &mut Option<DatabaseConnection>, options: &ConnectOptions) -> bool {
    let open = connection.take();
    let question = async {
        let asked = match open {
            Some(open) => open,
            None => Database::connect(options.clone()).await?,
        };
        asked.execute_unprepared("SELECT 1").await?;
        Ok::<_, DbErr>(asked)
    };
    tokio::pin!(question);
    let answer = match timeout(PATIENCE, &mut question).await {
        Ok(answer) => Ok(answer),
        Err(_) => timeout(GRACE, question).await,
    };
    match answer {
        Ok(Ok(answered)) => *connection = Some(answered),
        Ok(Err(error)) => tracing::debug!(%error, "the database did not answer"),
        Err(_) => tracing::debug!("the database did not answer in time"),
    }
    connection.is_some()
}
