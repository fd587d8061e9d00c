//! The strict query parser, by its own source: it is private to the HTTP adapter, which takes minutes to build.

use actix_web::{FromRequest, dev::Payload, test::TestRequest};
use chrono::NaiveDate;
use claudetools_credentials::{CredentialSort, CredentialType};
use claudetools_kernel::{Start, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

#[allow(dead_code, reason = "the adapter also makes the bodies of lists with it")]
#[path = "../../crates/adapters/http/src/extract/query.rs"]
mod parser;

/// Parameters of every type that the lists have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read by serde alone")]
struct Parameters {
    client_id: Option<Uuid>,
    credential_type: Option<CredentialType>,
    is_active: Option<bool>,
    q: Option<String>,
    expires_before: Option<Timestamp>,
    date_from: Option<NaiveDate>,
}

/// Whatever is taken for a query of a list asks for a page that a list has.
pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(uri) = format!("/x?{text}").parse::<actix_web::http::Uri>() else { return };
    let request = TestRequest::default().uri(&uri.to_string()).to_http_request();
    let list = parser::ListQuery::<Parameters, Parameters, CredentialSort>::from_request(&request, &mut Payload::None);
    if let Ok(list) = list.into_inner() {
        let page = list.0.page;
        assert!((1..=parser::MAX_LIMIT).contains(&page.limit));
        assert!(!matches!(page.start, Start::Offset(offset) if i64::try_from(offset).is_err()));
    }
    let _ = parser::Query::<Parameters>::from_request(&request, &mut Payload::None).into_inner();
}
