use claudetools_kernel::{Error, contract::at, contract::uuid};
use proptest::prelude::*;

use super::*;

fn to(session: &str) -> MessageFields {
    MessageFields {
        from_session: Some("a".to_owned()),
        to_session: Some(session.to_owned()),
        body: Some("Which port?".to_owned()),
        ..MessageFields::default()
    }
}

fn draft(fields: MessageFields) -> Result<MessageDraft> {
    MessageDraft::new(Id::new(uuid(1)), fields)
}

fn refused(fields: MessageFields) -> Vec<(String, String)> {
    let Err(Error::Invalid(faults)) = draft(fields) else { panic!("refused") };
    faults.list().iter().map(|fault| (fault.field.clone(), fault.constraint.clone())).collect()
}

#[test]
fn a_message_is_for_one_session_or_a_project_or_all() {
    let both = MessageFields { to_project: Some("p".to_owned()), ..to("b") };
    let none = MessageFields { to_session: None, broadcast: Some(false), ..to("b") };
    for fields in [both, none] {
        assert_eq!(refused(fields), [("to_session".to_owned(), "one_of".to_owned())]);
    }
    let all = draft(MessageFields { to_session: None, broadcast: Some(true), ..to("b") }).unwrap();
    assert_eq!(all.0.audience(), Audience::All);
    let project = MessageFields { to_session: None, to_project: Some("clients/acme".to_owned()), ..to("b") };
    let project = draft(project).unwrap().0;
    assert_eq!(project.audience(), Audience::Project("clients/acme".to_owned()));
    assert_eq!(project.project_key.as_deref(), Some("clients/acme"), "it is about the project that it is for");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let fields = MessageFields {
        from_session: Some("a b".to_owned()),
        to_session: Some(String::new()),
        body: Some(" \n".to_owned()),
        thread_id: Some("x".repeat(129)),
        ..MessageFields::default()
    };
    let fields: Vec<String> = refused(fields).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["from_session", "to_session", "thread_id", "body"]);
    let missing: Vec<String> = refused(MessageFields::default()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(missing, ["from_session", "body", "to_session"]);
}

#[test]
fn a_body_is_measured_in_bytes() {
    let of = |body: String| draft(MessageFields { body: Some(body), ..to("b") });
    assert!(of("x".repeat(LONGEST_BODY)).is_ok());
    assert!(of("x".repeat(LONGEST_BODY + 1)).is_err());
    assert!(of("ü".repeat(LONGEST_BODY / 2)).is_ok());
    assert!(of("ü".repeat(LONGEST_BODY / 2 + 1)).is_err());
}

#[test]
fn an_answer_joins_the_conversation_unless_it_names_another() {
    let mut head = Head::new(at(1));
    let (first, _) = draft(to("b")).unwrap().send(&mut head).unwrap();
    let mut answer = draft(to("a")).unwrap();
    answer.answer(&first);
    assert_eq!(answer.0.thread_id, Some(first.id.to_string()), "the first of a conversation gives it its name");
    let mut next = draft(to("b")).unwrap();
    next.answer(&answer.0);
    assert_eq!(next.0.thread_id, answer.0.thread_id);
    let mut other = draft(MessageFields { thread_id: Some("t".to_owned()), ..to("b") }).unwrap();
    other.answer(&first);
    assert_eq!(other.0.thread_id.as_deref(), Some("t"));
}

#[test]
fn what_has_expired_is_not_sent_and_nobody_is_told() {
    let mut head = Head::new(at(10));
    for end in [at(9), at(10)] {
        let late = draft(MessageFields { expires_at: Some(end), ..to("b") }).unwrap();
        assert!(matches!(late.send(&mut head), Err(Error::Invalid(_))));
    }
    assert_eq!(head.last_event, 0);
    let (message, event) =
        draft(MessageFields { expires_at: Some(at(11)), ..to("b") }).unwrap().send(&mut head).unwrap();
    assert_eq!((message.seq, event.seq, message.created_at), (1, 1, at(10)));
    assert!(!message.is_expired(at(10)) && message.is_expired(at(11)));
    assert!(!event.payload.contains("Which port?"), "an event tells of a message, and does not repeat it");
}

#[test]
fn the_only_recipient_need_not_be_named_but_one_of_several_must() {
    let mut head = Head::new(at(1));
    let (direct, _) = draft(to("b")).unwrap().send(&mut head).unwrap();
    assert_eq!(direct.reader(None).unwrap(), "b");
    assert_eq!(direct.reader(Some("c".to_owned())).unwrap(), "c");
    let all = MessageFields { to_session: None, broadcast: Some(true), ..to("b") };
    let (all, _) = draft(all).unwrap().send(&mut head).unwrap();
    assert!(all.reader(None).is_err());
}

proptest! {
    /// However often and in whatever order a recipient marks a message: each mark is noted once, with one event.
    #[test]
    fn marks_are_noted_once(marks in proptest::collection::vec(prop_oneof![Just(Mark::Read), Just(Mark::Ack)], 0..8)) {
        let mut head = Head::new(at(1));
        let (message, _) = draft(to("b")).unwrap().send(&mut head).unwrap();
        let mut delivery = Delivery::new(message.id, message.seq, "b".to_owned(), head.now);
        let mut events = 0;
        for (second, mark) in (2..).zip(&marks) {
            head.now = at(second);
            let before = delivery.clone();
            if let Some(event) = delivery.mark(*mark, &message, &mut head) {
                events += 1;
                prop_assert_eq!(event.seq, 1 + events);
            } else {
                prop_assert_eq!(&delivery, &before);
            }
        }
        prop_assert_eq!(delivery.read_at.is_some(), !marks.is_empty());
        prop_assert_eq!(delivery.acked_at.is_some(), marks.contains(&Mark::Ack));
        prop_assert!(delivery.acked_at.is_none() || delivery.read_at <= delivery.acked_at);
    }
}
