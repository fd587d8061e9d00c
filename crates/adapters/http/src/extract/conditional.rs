//! Conditional requests (RFC 9110 section 13).
//!
//! An `ETag` is `"<revision>-<digest of the body>"`. `If-Match` compares the revision alone, because it guards the row
//! against lost updates; `If-None-Match` compares the whole, because the body also shows related rows.

use actix_web::http::header::{self, HeaderMap, HeaderName};
use claudetools_kernel::Expected;

/// The revisions that `If-Match` allows.
pub(super) fn expected(headers: &HeaderMap) -> Expected {
    if !headers.contains_key(header::IF_MATCH) {
        return Expected::Any;
    }
    let tags: Vec<&str> = tags(headers, &header::IF_MATCH).collect();
    if tags.contains(&"*") {
        return Expected::Any;
    }
    // A weak tag never matches here (RFC 9110 section 8.8.3.2), nor does one that we did not make.
    Expected::OneOf(tags.into_iter().filter_map(revision).collect())
}

fn revision(tag: &str) -> Option<i64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    inner.split('-').next()?.parse().ok()
}

/// Whether `If-None-Match` names `etag`, so that the client's copy is still good.
pub(crate) fn none_match(headers: &HeaderMap, etag: &str) -> bool {
    tags(headers, &header::IF_NONE_MATCH).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, header::HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn if_match_compares_revisions_and_a_weak_or_foreign_tag_matches_nothing() {
        assert_eq!(expected(&HeaderMap::new()), Expected::Any);
        assert_eq!(expected(&headers(header::IF_MATCH, "*")), Expected::Any);
        let several = expected(&headers(header::IF_MATCH, r#""3-ab", "4""#));
        assert_eq!(several, Expected::OneOf(vec![3, 4]));
        assert_eq!(expected(&headers(header::IF_MATCH, r#"W/"3-ab", "x""#)), Expected::OneOf(Vec::new()));
    }

    #[test]
    fn if_none_match_compares_the_whole_tag_weakly() {
        assert!(none_match(&headers(header::IF_NONE_MATCH, r#"W/"3-ab""#), r#""3-ab""#));
        assert!(!none_match(&headers(header::IF_NONE_MATCH, r#""3-ac""#), r#""3-ab""#));
    }
}
