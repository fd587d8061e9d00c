//! Clients that send each other messages, and look into their inboxes at the end.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::sessions::Session;
use crate::{
    api::{Api, Ask},
    check::messages::{Mark, Sent},
    site::Site,
};

/// The name of the session of a sender, which is a recipient as well.
pub(crate) fn name(number: usize) -> String {
    format!("sender-{number}")
}

/// Sends messages to the others, one after the other, each until it is acknowledged.
pub(crate) async fn sender(site: Rc<Site>, client: u64, number: usize) {
    let others = site.plan.crowd().senders;
    let mut session = Session::new(&site, name(number), client);
    let mut sent = 0;
    while !session.is_over() {
        sent += 1;
        let dice = &mut session.api.dice;
        let to = (number + 1 + dice.below(others - 1)) % others;
        let is_to_all = dice.percent(20);
        let is_repeated = dice.percent(25);
        let recipients: Vec<String> =
            (0..others).filter(|other| *other == to || is_to_all).filter(|other| *other != number).map(name).collect();
        let mut body =
            json!({"from_session": session.id, "subject": format!("{sent}"), "body": "so that it may be lost"});
        if is_to_all {
            body["to_project"] = json!(PROJECT);
        } else {
            body["to_session"] = json!(name(to));
        }
        let mut ask = Ask::new(Method::POST, "/coord/messages").with(&body);
        ask.key = Some(session.key());
        let mut told = session.api.settle(&ask).await;
        let acknowledged = told.status == Some(201);
        if is_repeated && acknowledged {
            // As if the answer had been lost: the same key again must do nothing again.
            let first = told.body["id"].clone();
            session.api.move_on();
            told = session.api.settle(&ask).await;
            if told.status == Some(201) && told.body["id"] != first {
                site.record.fault(format!("the key {:?} of message {first} made {}", ask.key, told.body["id"]));
            }
        }
        if told.status.is_some_and(|status| status != 201) {
            site.record.fault(format!("a message was answered {:?}: {}", told.status, told.body));
        }
        site.record.sent.borrow_mut().push(Sent { sender: name(number), number: sent, recipients, acknowledged });
        sleep(Duration::from_millis(session.api.dice.between(5, 60))).await;
    }
}

/// The project that all senders belong to.
const PROJECT: &str = "torture-mail";

/// Announces all senders, before any of them sends to all.
pub(crate) async fn announce(site: &Rc<Site>) {
    let mut api = Api::new(site, u64::MAX);
    for number in 0..site.plan.crowd().senders {
        let body = json!({"machine": "torture", "host": "torture.example", "agent": "torture", "project_key": PROJECT,
            "task": "writes letters"});
        let told = api.settle(&Ask::new(Method::PUT, format!("/coord/sessions/{}", name(number))).with(&body)).await;
        if !matches!(told.status, Some(200 | 201)) {
            site.record.fault(format!("an announcement was answered {:?}: {}", told.status, told.body));
        }
    }
}

/// What is in all inboxes, the oldest first.
pub(crate) async fn inboxes(site: &Rc<Site>) -> BTreeMap<String, Vec<Mark>> {
    let mut api = Api::new(site, u64::MAX - 1);
    let mut all = BTreeMap::new();
    for number in 0..site.plan.crowd().senders {
        let recipient = name(number);
        let first = format!("/coord/messages?to_session={recipient}&sort=seq&limit=200");
        let (mut path, mut inbox) = (first.clone(), Vec::new());
        loop {
            let told = api.settle(&Ask::new(Method::GET, path)).await;
            let Some(messages) = told.body["messages"].as_array() else {
                site.record.fault(format!("an inbox was answered {:?}: {}", told.status, told.body));
                break;
            };
            inbox.extend(messages.iter().filter_map(mark));
            let Some(cursor) = told.body["next_cursor"].as_str() else { break };
            path = format!("{first}&cursor={cursor}");
        }
        all.insert(recipient, inbox);
    }
    all
}

fn mark(message: &Value) -> Option<Mark> {
    let sender = message["from_session"].as_str()?.to_owned();
    // Those of the server itself, which tells whoever has lost a lock, bear no number.
    Some((sender, message["subject"].as_str()?.parse().ok()?))
}
