//! What is known of a request before anything else is looked at.

use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

use actix_web::{HttpMessage, HttpRequest, http::header};
use claudetools_kernel::{Actor, Allowance, Clock, IdGenerator, Timestamp};
use ipnet::IpNet;

/// The longest `X-Request-Id` that is taken from a client.
const LONGEST_REQUEST_ID: usize = 128;
/// How much of a `User-Agent` is kept.
const LONGEST_USER_AGENT: usize = 255;

/// What is known of a request. The envelope makes it and shares it through the request's extensions; on the way in the
/// layers note what they learn, so that it is known even when a handler panics and takes the request with it.
#[derive(Debug)]
pub(crate) struct RequestInfo {
    pub(crate) request_id: String,
    pub(crate) started: Timestamp,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The route's template, once the request has found its handler.
    pub(crate) route: RefCell<Option<String>>,
    /// The caller behind the access token, from where the request was counted until its handler asks who is calling.
    pub(crate) verified: RefCell<Option<Actor>>,
    /// Where the caller's budget stands, when the request was counted.
    pub(crate) allowance: Cell<Option<Allowance>>,
    /// The caller that the access token names.
    pub(crate) actor: RefCell<Option<Actor>>,
    /// Who proved to be calling without an access token: by logging in.
    pub(crate) proven_subject: RefCell<Option<String>>,
    /// Whether the row of the audit log has been committed together with the change.
    pub(crate) is_audited: Cell<bool>,
}

impl RequestInfo {
    /// What can be known of a request at its head.
    pub(crate) fn new(request: &HttpRequest, trusted: &[IpNet], ids: &dyn IdGenerator, clock: &dyn Clock) -> Self {
        let headers = request.headers();
        Self {
            request_id: own_request_id(headers).map_or_else(|| ids.next().to_string(), str::to_owned),
            started: clock.now(),
            client_ip: client_ip(request.peer_addr(), headers, trusted),
            user_agent: user_agent(headers),
            method: request.method().to_string(),
            path: request.path().to_owned(),
            route: RefCell::default(),
            verified: RefCell::default(),
            allowance: Cell::default(),
            actor: RefCell::default(),
            proven_subject: RefCell::default(),
            is_audited: Cell::default(),
        }
    }

    /// What the envelope noted; requests that bypass it do not reach a handler.
    pub(crate) fn of(request: &HttpRequest) -> Option<Rc<Self>> {
        request.extensions().get::<Rc<Self>>().cloned()
    }
}

/// The client's own request id, if it is one: 1 to 128 characters of `A-Za-z0-9._-`.
fn own_request_id(headers: &header::HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let fits = (1..=LONGEST_REQUEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    fits.then_some(id)
}

/// The `User-Agent` as far as it is kept.
fn user_agent(headers: &header::HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(LONGEST_USER_AGENT).collect())
}

/// The caller's address: the peer's, or behind trusted proxies the last address in `X-Forwarded-For` that is not one of
/// theirs. What stands before that was written by the caller and is not believed.
fn client_ip(peer: Option<SocketAddr>, headers: &header::HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?.ip().to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return Some(peer);
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = peer;
    for hop in forwarded.iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !is_trusted(&nearest) {
            break;
        }
    }
    Some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> header::HeaderMap {
        let mut headers = header::HeaderMap::new();
        headers.insert(header::HeaderName::from_static(name), header::HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn a_request_id_outside_the_alphabet_or_length_is_not_taken() {
        assert_eq!(own_request_id(&headers("x-request-id", "a.B-9_")), Some("a.B-9_"));
        for bad in ["", "a b", "a/b", "<script>"] {
            assert_eq!(own_request_id(&headers("x-request-id", bad)), None, "{bad}");
        }
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_peers_only() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let sent = headers("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.7");
        let via_proxy = client_ip(Some("10.0.0.1:5".parse().unwrap()), &sent, &trusted);
        assert_eq!(via_proxy, Some("203.0.113.9".parse().unwrap()));
        let direct = client_ip(Some("198.51.100.4:5".parse().unwrap()), &sent, &trusted);
        assert_eq!(direct, Some("198.51.100.4".parse().unwrap()));
    }
}
