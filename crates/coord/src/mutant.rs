//! Which rule a test build breaks.

use std::sync::OnceLock;

/// Whether a rule that this build can break is to be broken. All are that it was built for, unless the environment variable `MUTANT`
/// names one: so one build serves for all of them. Ask only behind the feature (`cfg!(feature = "mutant-…") && is_meant("…")`), so
/// that nothing of it is in the product.
pub fn is_meant(mutant: &str) -> bool {
    static MEANT: OnceLock<Option<String>> = OnceLock::new();
    MEANT.get_or_init(|| std::env::var("MUTANT").ok()).as_deref().is_none_or(|meant| meant == mutant)
}
