//! The suites of the ports of failures. Each runs on a store with the rows that [`Ground`] names, and nothing else.

mod commands;
mod insights;
mod patterns;
mod queue;

pub use commands::commands;
pub use insights::insights;
pub use patterns::patterns;
pub use queue::command_queue;

use claudetools_kernel::{
    Entity, Id, Records, StoreError, UnitOfWork,
    contract::{at, met_another_writer, uuid},
};
use std::fmt::Debug;
use uuid::Uuid;

use super::{
    Attribute, Command, CommandFields, FailureCategory, FailurePattern, Insight, InsightCategory, InsightFields,
    PatternFields, PatternKey, PatternType, Severity, ShellType, Source, Suggestion,
};
use crate::{
    inventory::{Asset, AssetFields, AssetType, item},
    ports::InfraTx,
};

/// A store under test.
pub type Store<'a> = &'a dyn UnitOfWork<dyn InfraTx>;
/// The outcome of a suite: an error where the storage fails, a panic where a rule does not hold.
pub type Outcome = Result<(), StoreError>;

/// The rows of other domains that there must be.
#[derive(Debug, Clone, Copy)]
pub struct Ground {
    /// The clients `Acme` and `Globex`.
    pub clients: [Uuid; 2],
    /// A session of the first client, and one of none.
    pub sessions: [Uuid; 2],
    /// A work item of the first session.
    pub work_item: Uuid,
}

/// The longest text of a block that an API takes, of the longest characters.
fn longest_block() -> String {
    "\u{1F980}".repeat(claudetools_kernel::text::BLOCK)
}

/// A line of so many characters that become two when they are folded.
fn longest_line(characters: usize) -> String {
    "\u{130}".repeat(characters)
}

fn id<K>(n: u128) -> Id<K> {
    Id::new(uuid(n))
}

#[expect(clippy::unnecessary_wraps, reason = "as fields have it")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The `n`th command of a suite, entered after so many seconds.
fn command(n: u128, session: Uuid, line: &str) -> Command {
    let fields = CommandFields {
        session_id: Some(session),
        command_text: text(line),
        success: Some(true),
        ..CommandFields::default()
    };
    let now = at(i64::try_from(n).unwrap_or_default());
    Command::draft(id(n), fields, now).expect("a valid command").finish(None, None)
}

/// A command that failed and was analysed, with every field set.
fn full_command(n: u128, ground: &Ground, pattern: Id<FailurePattern>) -> Command {
    Command {
        work_item_id: Some(ground.work_item),
        client_id: Some(ground.clients[0]),
        infrastructure_id: Some(uuid(900)),
        host: Some(longest_line(255)),
        os: text("Windows Server"),
        os_version: text("2008 R2"),
        shell_version: text("2.0"),
        shell_type: Some(ShellType::Powershell),
        command_text: longest_block(),
        success: false,
        exit_code: Some(i32::MIN),
        error_message: Some(longest_block()),
        output_excerpt: text("first\nsecond \u{1F980}"),
        failure_category: Some(FailureCategory::Compatibility),
        duration_ms: Some(i64::MAX),
        executed_at: at(-1_000_000),
        verb: "\u{1F980}".repeat(120),
        intent: "\u{1F980}".repeat(120),
        is_analysed: true,
        pattern_id: Some(pattern),
        ..command(n, ground.sessions[0], "x")
    }
}

/// The `n`th pattern of a suite.
fn pattern(n: u128, signature: &str) -> FailurePattern {
    let fields = PatternFields {
        pattern_type: Some(PatternType::Other),
        pattern_signature: text(signature),
        ..PatternFields::default()
    };
    FailurePattern::new(id(n), fields, at(i64::try_from(n).unwrap_or_default())).expect("a valid pattern")
}

/// A pattern with every field set.
fn full_pattern(n: u128) -> FailurePattern {
    FailurePattern {
        pattern_type: PatternType::VersionMismatch,
        pattern_signature: longest_line(255),
        error_pattern: text("(?i)parameter name '?Raw'?"),
        root_cause: Some(longest_block()),
        recommended_solution: text("first\nsecond"),
        alternative_approaches: vec!["type".to_owned(), "\"quoted\" \\ \u{1F980}".to_owned()],
        severity: Severity::Blocking,
        occurrence_count: i64::MAX - 1,
        is_active: false,
        affected_infrastructure: vec![uuid(900), uuid(901)],
        source: Source::Derived,
        verb: "\u{1F980}".repeat(120),
        subject: "\u{1F980}".repeat(120),
        hosts: vec!["dc01".to_owned(), "ünï".to_owned()],
        client_ids: vec![uuid(902)],
        examples: vec!["It failed\nbadly".to_owned()],
        suggestions: vec![Suggestion { command_text: "gc x".to_owned(), support_count: 3 }],
        first_seen_at: Some(at(-5)),
        last_seen_at: Some(at(5)),
        ..pattern(n, "x")
    }
}

/// A key of a pattern, entered after so many seconds.
fn key(first: u8, bucket: u8, pattern: Id<FailurePattern>, template: &str, seconds: i64) -> PatternKey {
    PatternKey {
        key: [first; 32],
        bucket: [bucket; 32],
        pattern_id: pattern,
        template: template.to_owned(),
        fingerprint_version: super::FINGERPRINT_VERSION,
        created_at: at(seconds),
    }
}

/// The `n`th insight of a suite.
fn insight(n: u128, title: &str, priority: i32) -> Insight {
    let fields = InsightFields {
        category: Some(InsightCategory::Permissions),
        title: text(title),
        description: text("Ask Jo"),
        priority: Some(priority),
        ..InsightFields::default()
    };
    Insight::new(id(n), fields, at(i64::try_from(n).unwrap_or_default())).expect("a valid insight")
}

/// The insight derived of a pattern: `verb` fails where `attribute` has the value.
fn derived(n: u128, of: &FailurePattern, attribute: Attribute, value: &str) -> Insight {
    Insight {
        source: Source::Derived,
        pattern_id: Some(of.id),
        verb: of.verb.clone(),
        attribute: Some(attribute),
        attribute_value: text(value),
        ..insight(n, "It fails", 6)
    }
}

/// The `n`th asset of a suite.
fn asset(n: u128, client: Uuid, hostname: &str) -> Asset {
    let fields = AssetFields {
        client_id: Some(client),
        hostname: text(hostname),
        asset_type: Some(AssetType::VirtualServer),
        ..AssetFields::default()
    };
    item::draft(id(n), fields, at(0)).expect("a valid asset")
}

/// The rows of one kind in a transaction.
type Kind<R> = for<'a> fn(&'a mut dyn InfraTx) -> &'a mut dyn Records<R>;

fn command_rows(tx: &mut dyn InfraTx) -> &mut dyn Records<Command> {
    tx.commands()
}

fn pattern_rows(tx: &mut dyn InfraTx) -> &mut dyn Records<FailurePattern> {
    tx.failure_patterns()
}

fn insight_rows(tx: &mut dyn InfraTx) -> &mut dyn Records<Insight> {
    tx.insights()
}

fn asset_rows(tx: &mut dyn InfraTx) -> &mut dyn Records<Asset> {
    tx.assets()
}

async fn add<R: Entity>(store: Store<'_>, kind: Kind<R>, rows: &[R]) -> Outcome {
    let mut tx = store.begin().await?;
    for row in rows {
        kind(tx.as_mut()).add(row).await?;
    }
    tx.commit().await
}

/// The row is refused because of another that is there, or is not.
async fn refused<R: Entity>(store: Store<'_>, kind: Kind<R>, row: &R) -> Outcome {
    let mut tx = store.begin().await?;
    met_another_writer(kind(tx.as_mut()).add(row).await);
    Ok(())
}

/// Every field comes back, a dropped transaction leaves nothing behind, and only the next revision is saved.
async fn round_trips<R>(store: Store<'_>, kind: Kind<R>, row: &R, next: &R) -> Outcome
where
    R: Entity + PartialEq + Debug,
{
    let mut tx = store.begin().await?;
    kind(tx.as_mut()).add(row).await?;
    drop(tx);
    let mut view = store.read().await?;
    assert_eq!(kind(view.as_mut()).lookup(row.id()).await?, None, "dropping a transaction undoes it");
    drop(view);

    add(store, kind, std::slice::from_ref(row)).await?;
    refused(store, kind, row).await?;
    let mut tx = store.begin().await?;
    assert_eq!(kind(tx.as_mut()).lookup(row.id()).await?.as_ref(), Some(row), "every field comes back");
    kind(tx.as_mut()).save(next).await?;
    assert_eq!(kind(tx.as_mut()).lookup(row.id()).await?.as_ref(), Some(next), "the change is there");
    tx.commit().await?;
    let mut tx = store.begin().await?;
    let stale = kind(tx.as_mut()).save(next).await;
    assert!(matches!(stale, Err(StoreError::Contention(_))), "the second writer is told: {stale:?}");
    Ok(())
}
