//! The analysis of commands on every storage: each command once, whatever the number of replicas, and none that holds up the others.

use std::{collections::BTreeMap, sync::Arc};

use claudetools_crypto::{RingSecrets, UuidGenerator};
use claudetools_infra::{
    failure::{
        AnalysisService, Command, CommandFields, CommandFilter, FailurePattern, InsightCategory, InsightFilter,
        PatternFilter, Round, ShellType, contract::Outcome, ports::Digest,
    },
    inventory::Context,
};
use claudetools_kernel::{
    Error, Id, Page, PageRequest, StoreError,
    contract::{at, uuid},
};
use claudetools_testkit::{TestClock, TestStore, execute};
use sea_orm::DbBackend;
use uuid::Uuid;

use crate::failures::ground;

/// SHA-256, but for what it panics at.
#[derive(Debug)]
struct Fragile(RingSecrets);

impl Digest for Fragile {
    fn sha256(&self, bytes: &[u8]) -> [u8; 32] {
        assert!(!String::from_utf8_lossy(bytes).contains("explode"), "a panic of this test's own");
        Digest::sha256(&self.0, bytes)
    }
}

/// The analysis of one replica.
fn analysis(store: &TestStore) -> AnalysisService {
    let context = Context {
        store: Arc::clone(&store.infra),
        clock: Arc::new(TestClock::default()),
        ids: Arc::new(UuidGenerator),
    };
    AnalysisService::new(context, Arc::new(Fragile(RingSecrets::new())))
}

/// The `n`th command: with an error one that failed.
fn command(n: u32, session: Uuid, line: &str, error: Option<&str>) -> Command {
    let fields = CommandFields {
        session_id: Some(session),
        host: Some(format!("host{}", n % 4)),
        command_text: Some(line.to_owned()),
        success: Some(error.is_none()),
        error_message: error.map(str::to_owned),
        ..CommandFields::default()
    };
    Command::draft(Id::new(uuid(n.into())), fields, at(n.into())).expect("a valid command").finish(None, None)
}

async fn enter(store: &TestStore, commands: &[Command]) -> Outcome {
    let mut tx = store.infra.begin().await?;
    for command in commands {
        tx.commands().add(command).await?;
    }
    tx.commit().await
}

async fn waiting(store: &TestStore) -> Result<Vec<Id<Command>>, StoreError> {
    store.infra.read().await?.commands().waiting(1000).await
}

async fn patterns(store: &TestStore) -> Result<Vec<FailurePattern>, StoreError> {
    let mut view = store.infra.read().await?;
    Ok(view.failure_patterns().list(&PatternFilter::default(), &PageRequest::first(200)).await?.items)
}

/// Works the queue off as a replica does, whatever goes wrong meanwhile; tells the rounds.
async fn work_off(analysis: &AnalysisService) -> Vec<Result<Round, Error>> {
    let mut rounds = Vec::new();
    while rounds.len() < 500 {
        match analysis.work_off().await {
            Ok(Round { analysed: 0, given_up: None }) => return rounds,
            round => rounds.push(round),
        }
    }
    panic!("the queue does not come to its end: {:?}", rounds.last());
}

fn given_up(rounds: &[Result<Round, Error>]) -> Vec<Id<Command>> {
    rounds.iter().flatten().filter_map(|round| round.given_up.as_ref()).map(|given_up| given_up.command).collect()
}

/// Several replicas analyse each command once, and the figures are those of all commands.
pub(crate) async fn each_command_once(store: &TestStore) -> Outcome {
    let session = ground(store).await?.sessions[0];
    let commands: Vec<Command> = (0..90)
        .map(|n| match n % 3 {
            0 => command(n, session, &format!("jq . {n}.json"), Some("bash: jq: command not found")),
            1 => command(n, session, &format!("curl https://h{n}.example"), Some("curl: (7) Failed to connect")),
            _ => command(n, session, &format!("python3 -m json.tool {n}.json"), None),
        })
        .collect();
    enter(store, &commands).await?;
    let replicas = [analysis(store), analysis(store), analysis(store)];
    let [one, two, three] = &replicas;
    let (first, second, third) = tokio::join!(work_off(one), work_off(two), work_off(three));
    let rounds: Vec<Result<Round, Error>> = first.into_iter().chain(second).chain(third).collect();
    assert_eq!(given_up(&rounds), [], "none is given up because another replica was there first");
    let analysed: usize = rounds.iter().flatten().map(|round| round.analysed).sum();
    assert_eq!(analysed, commands.len(), "each once");
    assert_eq!(waiting(store).await?, []);

    let mut found: Vec<(i64, usize)> =
        patterns(store).await?.iter().map(|pattern| (pattern.occurrence_count, pattern.hosts.len())).collect();
    found.sort_unstable();
    assert_eq!(found, [(30, 4), (30, 4)], "two causes, and every occurrence of each counted once");
    let filter = CommandFilter { success: Some(false), ..CommandFilter::default() };
    let Page { items, .. } = store.infra.read().await?.commands().list(&filter, &PageRequest::first(200)).await?;
    assert!(items.iter().all(|command| command.is_analysed && command.pattern_id.is_some() && command.revision == 2));
    Ok(())
}

/// What makes the analysis fail is passed over, and what stands behind it is analysed.
pub(crate) async fn passes_over_what_fails(store: &TestStore) -> Outcome {
    let session = ground(store).await?.sessions[0];
    let failed = |n, line: &str| command(n, session, line, Some("Permission denied"));
    enter(store, &[failed(1, "chown a b"), failed(2, "explode now"), failed(3, "chown c d")]).await?;
    let rounds = work_off(&analysis(store)).await;
    assert_eq!(given_up(&rounds), [Id::new(uuid(2))]);
    assert_eq!(waiting(store).await?, []);
    let counts: Vec<i64> = patterns(store).await?.iter().map(|pattern| pattern.occurrence_count).collect();
    assert_eq!(counts, [2], "the others are analysed, once");
    let passed_over = store.infra.read().await?.commands().lookup(Id::new(uuid(2))).await?;
    assert_eq!(passed_over.map(|command| (command.is_analysed, command.pattern_id)), Some((true, None)));

    let Some(sql) = &store.sql else { return Ok(()) };
    // A row that cannot be read, of the same verb as those behind it: they are not to be compared with it.
    enter(store, &[failed(4, "chown e f"), failed(5, "chown g h"), failed(6, "chown i j")]).await?;
    execute(sql, "UPDATE commands SET shell_type = 'no shell' WHERE command_text = 'chown g h'").await;
    let rounds = work_off(&analysis(store)).await;
    assert_eq!(given_up(&rounds), [Id::new(uuid(5))]);
    assert_eq!(rounds.iter().filter(|round| round.is_err()).count(), 0, "it is not tried again");
    // What only the database can tell is tried a few times.
    refuse_patterns_of(sql, "nohow").await;
    enter(store, &[failed(7, "nohow"), failed(8, "chown k l")]).await?;
    let rounds = work_off(&analysis(store)).await;
    assert_eq!(given_up(&rounds), [Id::new(uuid(7))]);
    let failures = rounds.iter().filter(|round| round.is_err()).count();
    assert!((1..10).contains(&failures), "{failures} attempts");
    if sql.engine() == DbBackend::Sqlite {
        // No other engine keeps what is not of the column's type.
        enter(store, &[failed(9, "chown m n"), failed(10, "chown o p")]).await?;
        execute(sql, "UPDATE commands SET exit_code = 'none' WHERE command_text = 'chown m n'").await;
        assert_eq!(given_up(&work_off(&analysis(store)).await), [Id::new(uuid(9))]);
    }
    assert_eq!(waiting(store).await?, []);
    let counts: Vec<i64> = patterns(store).await?.iter().map(|pattern| pattern.occurrence_count).collect();
    assert_eq!(counts, [if sql.engine() == DbBackend::Sqlite { 6 } else { 5 }]);
    Ok(())
}

/// What is derived from the same commands is the same, in whatever order they were entered.
pub(crate) async fn whatever_the_order(store: &TestStore) -> Outcome {
    let sessions = ground(store).await?.sessions;
    let denied = (ShellType::Sh, Some("Permission denied"));
    let full = (ShellType::Bash, Some("No space left on device"));
    let worked = (ShellType::Bash, None);
    let orders = [
        [worked, worked, worked, worked, denied, denied, denied, full, full],
        [denied, denied, denied, full, full, worked, worked, worked, worked],
        [full, full, denied, denied, denied, worked, worked, worked, worked],
        [denied, worked, full, worked, denied, worked, full, worked, denied],
        [full, worked, worked, full, worked, worked, denied, denied, denied],
    ];
    let mut number = 100;
    for (order, runs) in orders.iter().enumerate() {
        let mut seen = BTreeMap::new();
        let mut commands = Vec::new();
        for (shell, error) in runs {
            number += 1;
            // Of each kind the runs are alternately on one host and on another.
            let nth: &mut usize = seen.entry(error).or_default();
            *nth += 1;
            let host = Some(format!("{shell}{}", *nth % 2));
            let run = command(number, sessions[*nth % 2], &format!("tool{order} x"), *error);
            commands.push(Command { host, shell_type: Some(*shell), ..run });
        }
        enter(store, &commands).await?;
    }
    assert_eq!(given_up(&work_off(&analysis(store)).await), []);
    let filter = InsightFilter::default();
    let all = store.infra.read().await?.insights().list(&filter, &PageRequest::first(200)).await?.items;
    for (order, runs) in orders.iter().enumerate() {
        let verb = format!("tool{order}");
        let mut told: Vec<(InsightCategory, &str)> = Vec::new();
        told.extend(all.iter().filter(|one| one.verb == verb).map(|one| (one.category, one.description.as_str())));
        told.sort_unstable_by_key(|(_, description)| *description);
        let expected = [
            (InsightCategory::CommandConstraints, "2 of 6 runs on 2 hosts with bash; 0 of 3 elsewhere"),
            (InsightCategory::Permissions, "3 of 3 runs on 2 hosts with sh; 0 of 6 elsewhere"),
        ];
        assert_eq!(told, expected, "{runs:?}");
    }
    Ok(())
}

/// Lets no pattern of `verb` be written.
async fn refuse_patterns_of(sql: &claudetools_sql::SqlStore, verb: &str) {
    let refuse = match sql.engine() {
        DbBackend::Sqlite => format!(
            "CREATE TRIGGER broken BEFORE INSERT ON failure_patterns WHEN NEW.verb = '{verb}' BEGIN SELECT RAISE(ABORT, 'no'); END"
        ),
        _ => format!("ALTER TABLE failure_patterns ADD CONSTRAINT broken CHECK (verb <> '{verb}')"),
    };
    execute(sql, &refuse).await;
}
