use claudetools_kernel::Error;
use uuid::Uuid;

use super::*;
use crate::ProjectFields;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-01-16T{text}:00Z")).unwrap()
}

fn least() -> SessionFields {
    let (title, day) = (Some("Printers".to_owned()), "2026-01-16".parse().ok());
    SessionFields { session_title: title, session_date: day, ..SessionFields::default() }
}

fn worked(from: &str, to: &str) -> SessionFields {
    SessionFields { start_time: Patch::Set(at(from)), end_time: Patch::Set(at(to)), ..least() }
}

fn draft(fields: SessionFields) -> Result<SessionDraft> {
    Session::draft(Id::new(Uuid::from_u128(1)), fields, "jo@example.com", at("12:00"))
}

fn session(fields: SessionFields) -> Session {
    draft(fields).unwrap().finish(BillingRule::default(), None)
}

fn change(session: &Session, fields: SessionFields) -> Result<Session> {
    let draft = session.clone().change(fields, at("18:00"))?;
    Ok(draft.finish(BillingRule::default(), None))
}

fn to(status: SessionStatus) -> SessionFields {
    SessionFields { status: Some(status), ..SessionFields::default() }
}

fn faults<T: std::fmt::Debug>(refused: Result<T>) -> Vec<(String, bool)> {
    let Err(Error::Invalid(faults)) = refused else { panic!("not refused: {refused:?}") };
    faults.list().iter().map(|fault| (fault.field.clone(), fault.semantic)).collect()
}

#[test]
fn a_session_is_billable_work_in_progress_of_the_caller_unless_told_otherwise() {
    let session = session(least());
    assert_eq!((session.status, session.is_billable), (SessionStatus::InProgress, true));
    assert_eq!(session.technician.as_deref(), Some("jo@example.com"));
    assert_eq!((session.duration_minutes, session.billable_hours), (None, None), "no end, no hours");
    let nobody = SessionFields { technician: Patch::Clear, ..least() };
    assert_eq!(self::session(nobody).technician, None);
}

#[test]
fn every_fault_is_named_at_once() {
    let fields = SessionFields { tags: Some(vec![String::new()]), ..worked("12:00", "11:00") };
    let fields = SessionFields { session_title: None, summary: Patch::Set("\0".to_owned()), ..fields };
    let named = faults(draft(fields));
    let named: Vec<(&str, bool)> = named.iter().map(|(field, semantic)| (field.as_str(), *semantic)).collect();
    assert_eq!(named, [("session_title", false), ("tags[0]", false), ("summary", false), ("end_time", true)]);
}

#[test]
fn minutes_are_whole_and_hours_follow_the_rule_of_the_client() {
    let fields =
        SessionFields { end_time: Patch::Set(at("10:50").plus(TimeDelta::seconds(59))), ..worked("09:00", "10:00") };
    let rule = BillingRule { increment_minutes: 60, ..BillingRule::default() };
    let session = draft(fields).unwrap().finish(rule, None);
    assert_eq!((session.duration_minutes, session.billable_hours), (Some(110), Some(Hours::from_hundredths(200))));
}

#[test]
fn hours_given_stay_until_they_are_cleared() {
    let given = SessionFields { billable_hours: Patch::Set(Hours::from_hundredths(42)), ..worked("09:00", "10:00") };
    let given = session(given);
    let longer = SessionFields { end_time: Patch::Set(at("11:00")), ..SessionFields::default() };
    let longer = change(&given, longer).unwrap();
    assert_eq!(longer.billable_hours, Some(Hours::from_hundredths(42)));
    let cleared = SessionFields { billable_hours: Patch::Clear, ..SessionFields::default() };
    assert_eq!(change(&longer, cleared).unwrap().billable_hours, Some(Hours::from_hundredths(200)));
}

#[test]
fn work_that_is_not_billable_has_no_hours_to_bill() {
    let session = session(worked("09:00", "10:00"));
    let free = SessionFields { is_billable: Some(false), ..SessionFields::default() };
    assert_eq!(change(&session, free).unwrap().billable_hours, Some(Hours::default()));
}

#[test]
fn a_new_rule_of_the_client_leaves_past_hours_alone() {
    let session = session(worked("09:00", "10:10"));
    let rule = BillingRule { increment_minutes: 60, ..BillingRule::default() };
    let noted = SessionFields { notes: Patch::Set("x".to_owned()), ..SessionFields::default() };
    let noted = session.clone().change(noted, at("18:00")).unwrap().finish(rule, None);
    assert_eq!(noted.billable_hours, session.billable_hours);
}

#[test]
fn completion_ends_the_work_now_unless_it_has_ended() {
    let open = session(SessionFields { start_time: Patch::Set(at("09:00")), ..least() });
    let done = change(&open, to(SessionStatus::Completed)).unwrap();
    assert_eq!((done.end_time, done.duration_minutes), (Some(at("18:00")), Some(540)));
    let ended = session(SessionFields { status: Some(SessionStatus::Completed), ..worked("09:00", "10:00") });
    assert_eq!(ended.end_time, Some(at("10:00")));

    let later = session(SessionFields { start_time: Patch::Set(at("19:00")), ..least() });
    assert_eq!(faults(change(&later, to(SessionStatus::Completed))), [("end_time".to_owned(), true)]);
    let endless = SessionFields { end_time: Patch::Clear, ..SessionFields::default() };
    assert_eq!(faults(change(&done, endless)), [("end_time".to_owned(), true)], "while it is completed");
}

#[test]
fn an_end_a_year_and_more_after_the_start_is_refused() {
    let late =
        SessionFields { end_time: Patch::Set(at("09:01").plus(TimeDelta::days(366))), ..worked("09:00", "10:00") };
    assert_eq!(faults(draft(late)), [("end_time".to_owned(), true)]);
}

#[test]
fn the_client_is_the_projects_unless_another_is_named() {
    let acme = Id::new(Uuid::from_u128(7));
    let fields = ProjectFields { client_id: Some(acme), name: Some("Move".to_owned()), ..ProjectFields::default() };
    let project = Project::new(Id::new(Uuid::from_u128(2)), fields, at("08:00")).unwrap();
    let place = |client_id| {
        let mut draft = draft(SessionFields { client_id, project_id: Patch::Set(project.id), ..least() }).unwrap();
        draft.place(&project).map(|()| draft)
    };
    let session = place(Patch::Keep).unwrap().finish(BillingRule::default(), None);
    assert_eq!(session.client_id, Some(acme));
    assert_eq!(faults(place(Patch::Set(Id::new(Uuid::from_u128(8))))), [("project_id".to_owned(), true)]);

    let cleared = SessionFields { client_id: Patch::Clear, ..SessionFields::default() };
    let mut draft = session.change(cleared, at("18:00")).unwrap();
    assert!(draft.place(&project).is_err(), "a session cannot drop its client and keep the project");
}
