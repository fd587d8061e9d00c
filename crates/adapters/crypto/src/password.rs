//! Password hashing on threads of its own.
//!
//! A hash takes tens of milliseconds of one core and 19 MiB. So there are fewer threads than cores, each with one work
//! area that it wipes and uses again until there is nothing to do for a while, and a bounded queue: what does not fit is told
//! to come again.

use std::{
    collections::VecDeque,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use async_trait::async_trait;
use claudetools_identity::{
    Secret,
    ports::{PasswordHasher, Verified},
};
use claudetools_kernel::{Error, Result};
use tokio::sync::oneshot;
use zeroize::Zeroize;

use crate::{RingSecrets, constant_time_eq};

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
/// A stored hash that wants more memory than this is broken or foreign.
const LARGEST_MEMORY_KIB: u32 = 1 << 20;
/// bcrypt's cost is a power of two; beyond this a check takes minutes.
const HIGHEST_BCRYPT_COST: u32 = 18;
/// How long a thread without work keeps its work area.
const REST: Duration = Duration::from_secs(2);
/// The salt of the comparison made when there is no account.
const NOBODYS_SALT: [u8; SALT_BYTES] = *b"there-is-no-user";

/// What a hash costs whoever tries passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for HashingCost {
    /// The first choice of the OWASP Password Storage Cheat Sheet.
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// How a [`PasswordPool`] works.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// What a hash costs.
    pub cost: HashingCost,
    /// How many threads; at least one.
    pub threads: usize,
    /// How many requests may wait; more are refused.
    pub queue: usize,
}

impl Default for PoolSettings {
    /// A thread for each core but one, and a queue of about two seconds for each.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = cores.saturating_sub(1).max(1);
        Self { cost: HashingCost::default(), threads, queue: 64 * threads }
    }
}

type Job = Box<dyn FnOnce(&mut Bench) + Send>;

/// Hashes and verifies passwords with Argon2id (RFC 9106); verifies bcrypt hashes too.
pub struct PasswordPool {
    queue: Arc<Queue>,
    settings: PoolSettings,
}

/// What waits for a thread.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    work: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl fmt::Debug for PasswordPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordPool").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl PasswordPool {
    /// Starts the threads; they end when the pool is dropped.
    pub fn start(settings: PoolSettings) -> io::Result<Self> {
        let HashingCost { memory_kib, iterations, parallelism } = settings.cost;
        let params = Params::new(memory_kib, iterations, parallelism, Some(OUTPUT_BYTES))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("Argon2: {error}")))?;
        // Dropped when a thread cannot be started, which ends those before it.
        let pool = Self { queue: Arc::default(), settings };
        for number in 0..settings.threads.max(1) {
            let (queue, mut bench) = (Arc::clone(&pool.queue), Bench::new(params.clone()));
            thread::Builder::new().name(format!("password-{number}")).spawn(move || queue.serve(&mut bench))?;
        }
        Ok(pool)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Bench) -> Result<T> + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |bench| {
            // Whoever asked may have gone away while this waited.
            if !reply.is_closed() {
                let _ = reply.send(work(bench));
            }
        });
        if !self.queue.send(job, self.settings.queue.max(1)) {
            return Err(Error::Busy("the queue of passwords to hash is full"));
        }
        answer.await.map_err(|_| Error::Internal("a password thread gave up on a hash".to_owned()))?
    }
}

impl Drop for PasswordPool {
    fn drop(&mut self) {
        self.queue.state().is_closed = true;
        self.queue.work.notify_all();
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job unless `limit` wait already; tells whether it did.
    fn send(&self, job: Job, limit: usize) -> bool {
        let mut state = self.state();
        if state.jobs.len() >= limit {
            return false;
        }
        state.jobs.push_back(job);
        drop(state);
        self.work.notify_one();
        true
    }

    /// The life of a thread.
    fn serve(&self, bench: &mut Bench) {
        while let Some(job) = self.next(bench) {
            // A panic must not cost a thread; its asker learns of it by the reply that never comes.
            if catch_unwind(AssertUnwindSafe(|| job(bench))).is_err() {
                tracing::error!("hashing a password panicked");
            }
        }
    }

    /// Waits for a job; after a while without the work area, which is much memory for nothing.
    fn next(&self, bench: &mut Bench) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            if bench.area.is_empty() {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (waited, rest) = self.work.wait_timeout(state, REST).unwrap_or_else(PoisonError::into_inner);
            state = waited;
            if rest.timed_out() && state.jobs.is_empty() {
                bench.area = Vec::new();
            }
        }
    }
}

#[async_trait]
impl PasswordHasher for PasswordPool {
    async fn hash(&self, password: &Secret) -> Result<String> {
        let password = password.clone();
        self.run(move |bench| bench.hash(&password)).await
    }

    async fn verify(&self, password: &Secret, hash: Option<&str>) -> Result<Verified> {
        let (password, hash) = (password.clone(), hash.map(str::to_owned));
        self.run(move |bench| match hash {
            Some(hash) => bench.verify(&password, &hash),
            None => bench.pretend(&password),
        })
        .await
    }
}

/// What one thread works with.
struct Bench {
    params: Params,
    secrets: RingSecrets,
    /// Argon2's work area, made at the first hash and kept as long as there is work.
    area: Vec<Block>,
}

impl Bench {
    fn new(params: Params) -> Self {
        Self { params, secrets: RingSecrets::new(), area: Vec::new() }
    }

    fn hash(&mut self, password: &Secret) -> Result<String> {
        let salt = self.secrets.bytes::<SALT_BYTES>()?;
        let params = self.params.clone();
        let mut output = [0; OUTPUT_BYTES];
        self.fill(Algorithm::Argon2id, Version::V0x13, params, password, salt.as_ref(), &mut output)?;
        let phc = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(|error| failed(&error))?,
            salt: Some(Salt::new(salt.as_ref()).map_err(|error| failed(&error))?),
            hash: Some(Output::new(&output).map_err(|error| failed(&error))?),
        };
        output.zeroize();
        Ok(phc.to_string())
    }

    fn verify(&mut self, password: &Secret, hash: &str) -> Result<Verified> {
        if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix)) {
            return verify_bcrypt(password, hash);
        }
        let phc = PasswordHash::new(hash).map_err(|error| unknown_format(&error))?;
        let algorithm = Algorithm::new(phc.algorithm.as_str()).map_err(|error| unknown_format(&error))?;
        let version =
            phc.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(|error| unknown_format(&error))?;
        let params = Params::try_from(&phc).map_err(|error| unknown_format(&error))?;
        let (Some(salt), Some(wanted)) = (phc.salt, phc.hash) else {
            return Err(unknown_format(&"no salt or no hash"));
        };
        if params.m_cost() > LARGEST_MEMORY_KIB {
            return Err(unknown_format(&"it wants too much memory"));
        }
        let needs_rehash = algorithm != Algorithm::Argon2id
            || version != Version::V0x13
            || params.m_cost() < self.params.m_cost()
            || params.t_cost() < self.params.t_cost()
            || wanted.len() < OUTPUT_BYTES;
        let mut output = vec![0; wanted.len()];
        self.fill(algorithm, version, params, password, &salt, &mut output)?;
        let ok = constant_time_eq(&output, wanted.as_bytes());
        output.zeroize();
        Ok(Verified { ok, needs_rehash })
    }

    /// Takes as long as a comparison and says no.
    fn pretend(&mut self, password: &Secret) -> Result<Verified> {
        let params = self.params.clone();
        let mut output = [0; OUTPUT_BYTES];
        self.fill(Algorithm::Argon2id, Version::V0x13, params, password, &NOBODYS_SALT, &mut output)?;
        output.zeroize();
        Ok(Verified { ok: false, needs_rehash: false })
    }

    /// Computes Argon2 in the work area and wipes it.
    fn fill(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: Params,
        password: &Secret,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<()> {
        let (usual, blocks) = (self.params.block_count(), params.block_count());
        if self.area.len() < blocks {
            self.area.resize(blocks.max(usual), Block::new());
        }
        let area = self.area.get_mut(..blocks).unwrap_or_default();
        let argon2 = Argon2::new(algorithm, version, params);
        let done = argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, output, &mut *area);
        for block in area {
            block.as_mut().zeroize();
        }
        if self.area.len() > usual {
            // A foreign hash wanted more; no need to keep it.
            self.area.truncate(usual);
            self.area.shrink_to_fit();
        }
        done.map_err(|error| failed(&error))
    }
}

/// A hash of the first generation. bcrypt looks at 72 bytes and no more, as it did when the hash was made.
fn verify_bcrypt(password: &Secret, hash: &str) -> Result<Verified> {
    let cost = hash.get(4..6).and_then(|cost| cost.parse::<u32>().ok());
    if cost.is_none_or(|cost| cost > HIGHEST_BCRYPT_COST) {
        return Err(unknown_format(&"its bcrypt cost is out of range"));
    }
    let ok = bcrypt::verify(password.expose().as_bytes(), hash).map_err(|error| unknown_format(&error))?;
    Ok(Verified { ok, needs_rehash: true })
}

fn unknown_format(problem: &dyn fmt::Display) -> Error {
    Error::Internal(format!("a stored password hash cannot be read: {problem}"))
}

fn failed(problem: &dyn fmt::Display) -> Error {
    Error::Internal(format!("a password could not be hashed: {problem}"))
}

#[cfg(test)]
mod tests;
