//! The vault: what sealing costs, what a decrypt costs beside its own audit commit, how fast keys rotate and a chain is verified.

use std::{
    fmt::Display,
    fs,
    hint::black_box,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use claudetools_credentials::{
    AuditAction, AuditEvent, AuditRow, ChainService, Context, Credential, FieldSet, Head, Key, Rewrap, SealedVersion,
    SecretField, VaultService, place,
    ports::{ChainWitness, CredentialsTx, HmacHash, Primitives, Vault},
};
use claudetools_crypto::{KeyRing, KeySource, RingPrimitives, RingVault, SystemClock, UuidGenerator};
use claudetools_kernel::{Clock, Id, IdGenerator, UnitOfWork};
use claudetools_seed::Size;
use claudetools_sql::{SqlOptions, SqlStore};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::json;
use uuid::Uuid;

use crate::{
    client::Call,
    data::{Data, Engine, Rows},
    failure::{Failure, Result},
    lineup::Bench,
    report::{Report, Samples},
    server::{MASTER_KEYS, Server},
};

/// Decrypts and audit commits, by turns.
const DECRYPTS: usize = 400;
/// Before the first that counts.
const WARM_UP: usize = 50;
/// Sealings of each size.
const SEALINGS: u32 = 20_000;
/// Versions whose data keys are wrapped anew.
const VERSIONS: i64 = 5_000;
/// Rows of the chain that is verified.
const CHAIN: i64 = 200_000;
/// Rows that are written in one transaction.
const BATCH: i64 = 10_000;

/// Measures on one engine; sealing, which needs none, with SQLite.
pub(crate) async fn run(bench: &Bench, engine: Engine) -> Result<Report> {
    let about =
        "Decrypts over one connection and bare audit commits, by turns; rotation and verification in one process.";
    let mut report = bench.report("vault", about).of_engine(engine.name());
    if engine == Engine::Sqlite {
        sealing(&mut report)?;
    }
    // Its master keys will be others than those of any server that is started afterwards.
    let data = bench.databases.alone(engine, Rows::Seed(Size::Small)).await?;
    let vault = Subject::open(&data).await?;
    let credential = vault.decrypts(bench, &data, engine, &mut report).await?;
    vault.rotation(engine, credential, &mut report).await?;
    vault.verification(engine, &mut report).await?;
    vault.store.close().await?;
    Ok(report)
}

/// Sealing and opening, ours beside the bare cipher: ours has a data key for each, wrapped with a second sealing.
fn sealing(report: &mut Report) -> Result<()> {
    let ring = KeyRing::generate().map_err(failed)?;
    let vault = RingVault::new(Arc::new(Shelf(Mutex::new(ring)))).map_err(failed)?;
    let bare = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(failed)?);
    let place = place(Id::<Credential>::new(Uuid::nil()), 1, FieldSet::new([SecretField::Password]));
    for (size, name) in [(64, "64 B"), (4096, "4 KiB")] {
        let (plaintext, mut nonce) = (vec![b'x'; size], [0_u8; 12]);
        let sealed = vault.seal(&place, &plaintext).map_err(failed)?;
        let mut bare_sealed = plaintext.clone();
        let fixed = || Nonce::assume_unique_for_key([0; 12]);
        bare.seal_in_place_append_tag(fixed(), Aad::empty(), &mut bare_sealed).map_err(failed)?;
        let ours_seal = timed(|| vault.seal(&place, &plaintext).is_ok());
        let bare_seal = timed(|| {
            let is_random = RingPrimitives::new().random(&mut nonce).is_ok();
            let (nonce, mut text) = (Nonce::assume_unique_for_key(nonce), plaintext.clone());
            is_random && bare.seal_in_place_append_tag(nonce, Aad::empty(), &mut text).is_ok()
        });
        let ours_open = timed(|| vault.open(&place, &sealed).is_ok());
        let bare_open = timed(|| bare.open_in_place(fixed(), Aad::empty(), &mut bare_sealed.clone()).is_ok());
        report.value(format!("seal {name}, ours, µs"), ours_seal);
        report.value(format!("seal {name}, ours / bare AES-GCM"), ours_seal / bare_seal);
        report.value(format!("open {name}, ours, µs"), ours_open);
        report.value(format!("open {name}, ours / bare AES-GCM"), ours_open / bare_open);
    }
    Ok(())
}

/// Microseconds of one, as the average of many.
fn timed(mut one: impl FnMut() -> bool) -> f64 {
    let begun = Instant::now();
    for _ in 0..SEALINGS {
        black_box(one());
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(SEALINGS)
}

/// The vault of a database, in this process.
struct Subject {
    store: SqlStore,
    shelf: Arc<Shelf>,
    vault: Arc<RingVault>,
    context: Context,
}

impl Subject {
    async fn open(data: &Data) -> Result<Self> {
        let ring = KeyRing::parse([MASTER_KEYS]).map_err(failed)?;
        let shelf = Arc::new(Shelf(Mutex::new(ring)));
        let vault = Arc::new(RingVault::new(shelf.clone()).map_err(failed)?);
        let store = SqlStore::open(&data.url, &SqlOptions::default()).await?;
        let context = Context::new(
            Arc::new(store.clone()),
            Arc::new(SystemClock),
            Arc::new(UuidGenerator),
            vault.clone(),
            Arc::new(RingPrimitives::new()),
            Arc::new(Nobody),
        );
        VaultService::new(context.clone()).open().await.map_err(failed)?;
        Ok(Self { store, shelf, vault, context })
    }

    async fn begin(&self) -> Result<Box<dyn CredentialsTx>> {
        Ok(UnitOfWork::<dyn CredentialsTx>::begin(&self.store).await?)
    }

    /// Decrypts over HTTP, answers without any work and bare audit commits, by turns.
    async fn decrypts(
        &self,
        bench: &Bench,
        data: &Data,
        engine: Engine,
        report: &mut Report,
    ) -> Result<Id<Credential>> {
        let off = |name: &'static str| (name, "0".to_owned());
        let settings = [
            ("DATABASE_URL", data.url.clone()),
            off("RATE_LIMIT_PER_MINUTE"),
            off("RATE_LIMIT_PER_HOUR"),
            off("RATE_LIMIT_DECRYPT_PER_MINUTE"),
        ];
        let server = Server::start(&bench.program, &settings).await?;
        let mut client = server.administrator().await?;
        let body = json!({"service_name": "Firewall", "credential_type": "password", "password": "correct-horse"});
        let made = client.post("/api/v1/credentials", &body).await?;
        let id = made["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
        let id = id.ok_or_else(|| Failure::Server("the new credential has no id".to_owned()))?;
        let path = format!("/api/v1/credentials/{id}/decrypt");
        let (mut decrypt, mut commit, mut empty) = (Samples::default(), Samples::default(), Samples::default());
        for number in 0..WARM_UP + DECRYPTS {
            let answer = client.send(Call { path: &path, ..Call::default() }).await?;
            answer.expect(200, "a decrypt")?;
            let nothing = client.send(Call { path: "/health", ..Call::default() }).await?;
            nothing.expect(200, "an answer without any work")?;
            let begun = Instant::now();
            self.commit_rows(1).await?;
            let took = begun.elapsed();
            if number >= WARM_UP {
                decrypt.add(answer.took);
                commit.add(took);
                empty.add(nothing.took);
            }
        }
        server.stop().await?;
        let engine = engine.name();
        report.measured(format!("{engine}: decrypt over HTTP"), &decrypt);
        report.measured(format!("{engine}: audit commit alone"), &commit);
        report.measured(format!("{engine}: an answer without any work"), &empty);
        report.value(format!("{engine}: decrypt / its own audit commit, p50"), decrypt.median() / commit.median());
        let least = (commit.median() + empty.median()) / commit.median();
        report
            .value(format!("{engine}: the least there can be: commit and an answer without any work / commit"), least);
        Ok(Id::new(id))
    }

    /// Data keys wrapped with a new master key, in the batches of the use case.
    async fn rotation(&self, engine: Engine, credential: Id<Credential>, report: &mut Report) -> Result<()> {
        let now = SystemClock.now();
        let mut tx = self.begin().await?;
        for version in 2..=VERSIONS {
            let fields = FieldSet::new([SecretField::Password]);
            let place = place(credential, version, fields.clone());
            let sealed = self.vault.seal(&place, b"correct-horse").map_err(failed)?;
            let (created_by, sealed_at) = ("bench".to_owned(), now);
            let row = SealedVersion {
                credential_id: credential,
                version,
                fields,
                sealed,
                created_at: now,
                created_by,
                sealed_at,
            };
            tx.versions().add(&row).await?;
        }
        tx.commit().await?;
        self.shelf.turn()?;
        let begun = Instant::now();
        let order = Rewrap { reencrypt_before: None, limit: u64::MAX };
        let progress = VaultService::new(self.context.clone()).rewrap_as_operator(order).await.map_err(failed)?;
        let rate = per_second(progress.done, begun);
        if progress.remaining > 0 || !progress.failed.is_empty() {
            return Err(Failure::Server(format!("a rotation that is not whole: {progress:?}")));
        }
        report.value(format!("{}: rotation, rows/s", engine.name()), rate);
        Ok(())
    }

    /// A long chain, verified from its first row.
    async fn verification(&self, engine: Engine, report: &mut Report) -> Result<()> {
        for _ in 0..CHAIN / BATCH {
            self.commit_rows(BATCH).await?;
        }
        let chain = ChainService::new(self.context.clone());
        let (before, begun) = (own_megabytes(), Instant::now());
        let verified = chain.verify_as_operator(None).await.map_err(failed)?;
        let rate = per_second(verified.rows, begun);
        if let Some(fault) = verified.fault {
            return Err(Failure::Server(format!("the chain is not whole: {fault}")));
        }
        report.value(format!("{}: verify, rows/s", engine.name()), rate);
        report.value(
            format!("{}: memory of its own that a verification adds, MB", engine.name()),
            own_megabytes() - before,
        );
        Ok(())
    }

    /// Adds rows to the chain in one transaction, as an access does with one.
    async fn commit_rows(&self, rows: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        let head = tx.chain().lock_head().await?;
        let mut head = head.ok_or_else(|| Failure::Server("the chain has no head".to_owned()))?;
        // Every epoch of this run began with the key that is active in it.
        let key = self.vault.audit_key(&self.vault.active_key()).map_err(failed)?;
        for _ in 0..rows {
            let mut row = AuditRow {
                id: UuidGenerator.next(),
                seq: head.seq + 1,
                epoch: head.epoch,
                event: event(),
                hash: [0; 32],
            };
            row.hash = hmac(&key, &[head.hash.as_slice(), &row.canonical()].concat());
            tx.chain().append(&row).await?;
            head = Head { seq: row.seq, hash: row.hash, ..head };
        }
        head.seal = hmac(&key, &head.canonical());
        tx.chain().put_head(&head).await?;
        Ok(tx.commit().await?)
    }
}

fn hmac(key: &Key, message: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let made = RingPrimitives::new().hmac(HmacHash::Sha256, key.as_ref(), message);
    hash.iter_mut().zip(made).for_each(|(to, from)| *to = from);
    hash
}

/// An access as long as usual ones.
fn event() -> AuditEvent {
    AuditEvent {
        credential_id: Some(Uuid::from_u128(1)),
        credential_name: Some("Firewall".to_owned()),
        action: AuditAction::Read,
        subject: "technician@bench.example".to_owned(),
        agent_type: None,
        parent_session: None,
        client_ip: Some("127.0.0.1".to_owned()),
        user_agent: Some("bench/1".to_owned()),
        request_id: Some(UuidGenerator.next().to_string()),
        reason: Some("the switch is down".to_owned()),
        at: SystemClock.now(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 rows")]
fn per_second(rows: u64, begun: Instant) -> f64 {
    rows as f64 / begun.elapsed().as_secs_f64()
}

/// What this process occupies, but for pages of files, which the system takes back when it needs them.
fn own_megabytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default() * 1024.0 / 1e6
}

fn failed(error: impl Display) -> Failure {
    Failure::Server(error.to_string())
}

/// A key ring that can be rotated.
#[derive(Debug)]
struct Shelf(Mutex<KeyRing>);

impl Shelf {
    fn turn(&self) -> Result<()> {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ring = ring.clone().with_new_key().map_err(failed)?;
        Ok(())
    }
}

impl KeySource for Shelf {
    fn load(&self) -> std::result::Result<KeyRing, String> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Nobody is told of heads.
#[derive(Debug)]
struct Nobody;

impl ChainWitness for Nobody {
    fn note(&self, _: &Head) {}
}
