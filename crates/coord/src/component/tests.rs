use claudetools_kernel::contract::{at, uuid};
use proptest::prelude::*;

use super::*;

fn key() -> ComponentKey {
    ComponentKey::new("clients/acme", "dns").unwrap()
}

fn draft(state: ComponentState, observed: Option<i64>) -> ComponentDraft {
    let fields = ComponentFields { state: Some(state), observed_at: observed.map(at), ..ComponentFields::default() };
    ComponentDraft::new(&fields).unwrap()
}

fn report(kept: Option<Component>, state: ComponentState, observed: Option<i64>, now: i64) -> Reported {
    Reported::of(kept, &key(), draft(state, observed), [uuid(1), uuid(2)], at(now))
}

#[test]
fn a_component_springs_into_being_at_its_first_report() {
    let first = report(None, ComponentState::Building, None, 10);
    assert_eq!((first.component.revision, first.component.report.observed_at), (1, at(10)));
    assert_eq!((first.before, first.entry.late), (None, false));
    let mut head = Head::new(at(10));
    let event = first.event(&mut head).unwrap();
    assert_eq!(event.project_key.as_deref(), Some("clients/acme"));
    assert!(event.payload.contains(r#""state":"building","previous_state":null"#), "{}", event.payload);
}

#[test]
fn a_late_report_is_history_and_nothing_else() {
    let kept = report(None, ComponentState::Deployed, Some(50), 60).component;
    let late = report(Some(kept.clone()), ComponentState::Building, Some(49), 70);
    assert_eq!(late.component, kept, "the component stays as it is");
    assert!(late.entry.late);
    assert_eq!((late.entry.report.state, late.entry.recorded_at), (ComponentState::Building, at(70)));
    let mut head = Head::new(at(70));
    assert_eq!(late.event(&mut head), None);
    assert_eq!(head.last_event, 0, "a number that no event has would be a gap");
    let same = report(Some(kept), ComponentState::Degraded, Some(50), 70);
    assert_eq!((same.component.report.state, same.component.revision), (ComponentState::Degraded, 2));
}

#[test]
fn a_clock_that_is_ahead_does_not_make_others_late() {
    let kept = report(None, ComponentState::Deployed, Some(10_000), 60).component;
    assert_eq!(kept.report.observed_at, at(60));
    assert!(report(Some(kept), ComponentState::Degraded, None, 61).is_change());
}

#[test]
fn what_a_report_leaves_out_stays_but_who_said_so_and_of_earlier_times_nothing_is_known() {
    let set = |text: &str| Patch::Set(text.to_owned());
    let fields = ComponentFields {
        state: Some(ComponentState::Built),
        version: set("1.2.0"),
        notes: set("first"),
        updated_by: set("jo"),
        observed_at: Some(at(50)),
        ..ComponentFields::default()
    };
    let kept = Reported::of(None, &key(), ComponentDraft::new(&fields).unwrap(), [uuid(1), uuid(2)], at(60)).component;
    let next = report(Some(kept.clone()), ComponentState::Deploying, None, 61).component.report;
    assert_eq!((next.version.as_deref(), next.notes.as_deref(), next.updated_by), (Some("1.2.0"), Some("first"), None));
    let fields = ComponentFields { notes: Patch::Clear, ..fields };
    let cleared =
        Reported::of(Some(kept.clone()), &key(), ComponentDraft::new(&fields).unwrap(), [uuid(1), uuid(2)], at(61));
    assert_eq!(cleared.component.report.notes, None);
    assert_eq!(report(Some(kept), ComponentState::Building, Some(1), 61).entry.report.version, None);
}

proptest! {
    /// Whatever order reports come in: the component shows the one that was observed last, of several observed at once the one
    /// that came last; every report is in the history, and each that changed the component has told so.
    #[test]
    fn the_component_shows_what_was_observed_last(observed in proptest::collection::vec(0..20_i64, 1..12)) {
        let (mut kept, mut head, mut latest) = (None, Head::new(at(0)), i64::MIN);
        let mut changes = 0;
        for (now, seen) in (100..).zip(&observed) {
            head.now = at(now);
            let reported = report(kept.clone(), ComponentState::Built, Some(*seen), now);
            prop_assert_eq!(reported.is_change(), *seen >= latest);
            changes += i64::from(reported.event(&mut head).is_some());
            latest = latest.max(*seen);
            prop_assert_eq!(reported.component.report.observed_at, at(latest));
            prop_assert_eq!(reported.component.revision, changes);
            kept = Some(reported.component);
        }
        prop_assert_eq!(head.last_event, changes);
    }
}
