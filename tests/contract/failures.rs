//! Commands, patterns and insights on rows of the other domains: the sessions in which commands are run, and their clients.

use claudetools_infra::failure::{
    Attribute, Command, CommandFields, FailurePattern, Insight, InsightCategory, InsightFields, PatternFields,
    PatternService, PatternType, Plan, Source,
    contract::{self, Ground, Outcome},
};
use claudetools_kernel::{
    Entity, Id, Patch, Referrer, StoreError,
    contract::{at, uuid},
};
use claudetools_sessions::{BillingRule, Client, Session, SessionFields, WorkItem, WorkItemCategory, WorkItemFields};
use claudetools_testkit::TestStore;

use crate::inventory::{actor, clients, context};

pub(crate) async fn ground(store: &TestStore) -> Result<Ground, StoreError> {
    let clients = clients(store).await?;
    let (of_client, of_nobody) = (session(5010, Patch::Set(Id::new(clients[0]))), session(5011, Patch::Keep));
    let item = work_item(5020, &of_client);
    let mut tx = store.sessions.begin().await?;
    for session in [&of_client, &of_nobody] {
        tx.sessions().add(session).await?;
    }
    tx.work_items().add(&item).await?;
    tx.commit().await?;
    Ok(Ground { clients, sessions: [of_client.id.uuid(), of_nobody.id.uuid()], work_item: item.id.uuid() })
}

fn session(n: u128, client_id: Patch<Id<Client>>) -> Session {
    let fields = SessionFields {
        client_id,
        session_date: Some(at(0).date()),
        session_title: Some("Moved the mail".to_owned()),
        ..SessionFields::default()
    };
    let draft = Session::draft(Id::new(uuid(n)), fields, "jo@example.com", at(0)).expect("a valid session");
    draft.finish(BillingRule::default(), None)
}

fn work_item(n: u128, of: &Session) -> WorkItem {
    let fields = WorkItemFields {
        session_id: Some(of.id),
        category: Some(WorkItemCategory::Troubleshooting),
        title: Some("Mail does not arrive".to_owned()),
        ..WorkItemFields::default()
    };
    WorkItem::draft(Id::new(uuid(n)), fields, at(0)).expect("a valid work item").finish(of, None)
}

/// Whatever else is known of the same command elsewhere, the check finds what is known of it here.
pub(crate) async fn check(store: &TestStore) -> Outcome {
    let ground = ground(store).await?;
    let context = context(store);
    let mut tx = store.infra.begin().await?;
    for n in 0..300 {
        let (often, seldom) = (seen(n, 1_000, "elsewhere"), seen(1_000 + n, 1, &format!("host{n}")));
        for pattern in [&often, &seldom] {
            tx.failure_patterns().add(pattern).await?;
            tx.failure_patterns().expect_anew(pattern).await?;
        }
        tx.insights().add(&on_windows(n, &often)).await?;
        tx.insights().add(&told(2_000 + n, &format!("Ask before tool{n}"), 9)).await?;
    }
    tx.insights().add(&told(3_000, "Never cttool at night", 1)).await?;
    tx.insights().add(&Insight { client_id: Some(ground.clients[1]), ..told(3_001, "No cttool", 9) }).await?;
    tx.commit().await?;

    let check = PatternService::new(context);
    for (host, command, patterns, insights) in [
        ("HOST7", "cttool --all", vec![1_007], vec![3_000]),
        ("host7", "cttool7 --all", vec![], vec![]),
        ("host7", "tool7 --all", vec![], vec![2_007]),
        ("nowhere", "sudo cttool x | tee log", vec![], vec![3_000]),
    ] {
        let plan = Plan { command_text: Some(command.to_owned()), host: Some(host.to_owned()), ..Plan::default() };
        let checked = check.check(&actor("jo@msp.example"), plan).await.expect("a check");
        let found: Vec<u128> = checked.patterns.iter().map(|pattern| number(pattern.id.uuid())).collect();
        assert_eq!(found, patterns, "{host}: {command}");
        let found: Vec<u128> = checked.insights.iter().map(|insight| number(insight.id.uuid())).collect();
        assert_eq!(found, insights, "{host}: {command}");
    }
    Ok(())
}

/// Of which number an id of a suite is.
fn number(id: uuid::Uuid) -> u128 {
    id.as_u128() - uuid(0).as_u128()
}

fn seen(n: u128, count: i64, host: &str) -> FailurePattern {
    let fields = PatternFields {
        pattern_type: Some(PatternType::Other),
        pattern_signature: Some("cttool".to_owned()),
        ..PatternFields::default()
    };
    let pattern = FailurePattern::new(Id::new(uuid(n)), fields, at(0)).expect("a valid pattern");
    FailurePattern { source: Source::Derived, occurrence_count: count, hosts: vec![host.to_owned()], ..pattern }
}

fn told(n: u128, title: &str, priority: i32) -> Insight {
    let fields = InsightFields {
        category: Some(InsightCategory::Permissions),
        title: Some(title.to_owned()),
        description: Some("Ask Jo".to_owned()),
        priority: Some(priority),
        ..InsightFields::default()
    };
    Insight::new(Id::new(uuid(n)), fields, at(0)).expect("a valid insight")
}

fn on_windows(n: u128, of: &FailurePattern) -> Insight {
    Insight {
        source: Source::Derived,
        pattern_id: Some(of.id),
        verb: of.verb.clone(),
        attribute: Some(Attribute::Os),
        attribute_value: Some("windows".to_owned()),
        ..told(n, "It fails", 9)
    }
}

pub(crate) async fn commands(store: &TestStore) -> Outcome {
    let ground = ground(store).await?;
    contract::commands(&*store.infra, ground).await?;
    let mut tx = store.infra.begin().await?;
    let fields = CommandFields {
        session_id: Some(ground.sessions[1]),
        command_text: Some("ls".to_owned()),
        success: Some(true),
        ..CommandFields::default()
    };
    let command = Command::draft(Id::new(uuid(6_000)), fields, at(0)).expect("a valid command");
    let alone = ground.clients[1];
    tx.commands().add(&command.finish(Some(alone), None)).await?;
    tx.commit().await?;
    let referrers = store.sessions.read().await?.clients().referrers(Id::new(alone)).await?;
    assert!(referrers.contains(&Referrer { resource_type: Command::TYPE, count: 1 }), "{referrers:?}");
    Ok(())
}

pub(crate) async fn queue(store: &TestStore) -> Outcome {
    contract::command_queue(&*store.infra, ground(store).await?).await
}

pub(crate) async fn patterns(store: &TestStore) -> Outcome {
    contract::patterns(&*store.infra, ground(store).await?).await
}

pub(crate) async fn insights(store: &TestStore) -> Outcome {
    contract::insights(&*store.infra, ground(store).await?).await
}
