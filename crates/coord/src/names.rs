//! What messages and components are addressed by: projects and components.

use claudetools_kernel::{Faults, text};

/// The longest project key, in bytes.
pub(crate) const LONGEST_PROJECT_KEY: usize = 200;
/// The longest name of a component, in bytes.
pub(crate) const LONGEST_COMPONENT: usize = 100;
/// What stands in the place of a component in the path of its history, so that none can be called so.
const RESERVED: &str = "history";

/// The key of a project: a segment, or two with a slash between them (`gururmm`, `clients/acme`). NFC, case kept, at most
/// `LONGEST_PROJECT_KEY` bytes. What does not fit is noted under `field`.
pub fn project_key(faults: &mut Faults, field: &str, value: &str) -> Option<String> {
    segments(faults, field, value, LONGEST_PROJECT_KEY, 2)
}

/// The name of a component: a segment of at most [`LONGEST_COMPONENT`] bytes, NFC, case kept. What does not fit is noted
/// under `field`.
pub(crate) fn component_name(faults: &mut Faults, field: &str, value: &str) -> Option<String> {
    let name = segments(faults, field, value, LONGEST_COMPONENT, 1)?;
    if name == RESERVED {
        faults.semantic(field, "reserved", &format!("must not be {RESERVED}"));
        return None;
    }
    Some(name)
}

fn segments(faults: &mut Faults, field: &str, value: &str, longest: usize, most: usize) -> Option<String> {
    let value = text::line(faults, field, value, longest)?;
    let parts: Vec<&str> = value.split('/').collect();
    if value.len() > longest {
        // Characters enough, which is all that a schema tells.
        faults.semantic(field, "max_length", &format!("must have at most {longest} bytes"));
    } else if parts.len() > most {
        let allowed = if most == 1 { "no slash" } else { "at most one slash" };
        faults.schema(field, "segments", &format!("may have {allowed}"));
    } else if parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..") {
        faults.schema(field, "segments", "must have no empty segment, and none that is . or ..");
    } else {
        return Some(value);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(check: impl FnOnce(&mut Faults) -> Option<String>) -> Option<String> {
        let mut faults = Faults::default();
        let kept = check(&mut faults);
        assert_eq!(kept.is_none(), !faults.is_empty(), "what is dropped is told, and nothing else");
        faults.list().first().map(|fault| fault.constraint.clone())
    }

    #[test]
    fn a_project_key_has_one_slash_at_the_most_and_no_empty_segment() {
        for good in ["gururmm", "clients/acme", "Ünïcode", "a b"] {
            assert_eq!(fault(|faults| project_key(faults, "project_key", good)), None, "{good}");
        }
        for (bad, constraint) in [
            ("", "min_length"),
            ("a/b/c", "segments"),
            ("/a", "segments"),
            ("a/", "segments"),
            ("a/..", "segments"),
            (".", "segments"),
            ("a\nb", "pattern"),
        ] {
            assert_eq!(fault(|faults| project_key(faults, "project_key", bad)).as_deref(), Some(constraint), "{bad:?}");
        }
        let long = "ü".repeat(101);
        assert_eq!(fault(|faults| project_key(faults, "project_key", &long)).as_deref(), Some("max_length"));
    }

    #[test]
    fn a_component_is_one_segment_and_not_the_word_for_its_history() {
        assert_eq!(fault(|faults| component_name(faults, "component", "api")), None);
        assert_eq!(fault(|faults| component_name(faults, "component", "a/b")).as_deref(), Some("segments"));
        assert_eq!(fault(|faults| component_name(faults, "component", "history")).as_deref(), Some("reserved"));
    }
}
