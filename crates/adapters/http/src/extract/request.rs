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
    /// The caller's address; `None` when it is not known, as when what a trusted proxy says of it cannot be read. This is what is
    /// recorded, and what a network is trusted by: an unknown address lies in none.
    pub(crate) caller_ip: Option<IpAddr>,
    /// The address that budgets and failed log-ins are counted for: the caller's, or where that is not known that of the nearest proxy
    /// which is. Such callers share its budget, and get round no limit.
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
        let Origin { caller_ip, client_ip } = origin(request.peer_addr(), headers, trusted);
        Self {
            request_id: own_request_id(headers).map_or_else(|| ids.next().to_string(), str::to_owned),
            started: clock.now(),
            caller_ip,
            client_ip,
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

/// Where a request comes from.
#[derive(Debug, Default, PartialEq, Eq)]
struct Origin {
    caller_ip: Option<IpAddr>,
    client_ip: Option<IpAddr>,
}

/// The caller's address: the peer's, or behind trusted proxies the last address in `X-Forwarded-For` that is not one of
/// theirs. What stands before that was written by the caller and is not believed. Where a hop cannot be read the caller is unknown,
/// and never taken for the proxy that wrote it: that one's address mostly lies in a network which is trusted.
fn origin(peer: Option<SocketAddr>, headers: &header::HeaderMap, trusted: &[IpNet]) -> Origin {
    let Some(peer) = peer else { return Origin::default() };
    let mut nearest = peer.ip().to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    // In bytes: a value that is no text as a whole may end in a hop that is.
    let forwarded: Vec<&[u8]> =
        headers.get_all("x-forwarded-for").flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).collect();
    for text in forwarded.into_iter().rev() {
        if !is_trusted(&nearest) {
            break;
        }
        let Some(address) = hop(text) else { return Origin { caller_ip: None, client_ip: Some(nearest) } };
        nearest = address;
    }
    Origin { caller_ip: Some(nearest), client_ip: Some(nearest) }
}

/// The address of a hop as proxies write it: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`, each in
/// quotes or not.
fn hop(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip())),
    };
    address.map(|address| address.to_canonical())
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
        let from = |peer: &str| origin(Some(peer.parse().unwrap()), &sent, &trusted).caller_ip;
        assert_eq!(from("10.0.0.1:5"), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(from("198.51.100.4:5"), Some("198.51.100.4".parse().unwrap()));
    }

    fn behind_a_proxy(value: &[u8]) -> Origin {
        let mut headers = header::HeaderMap::new();
        let value = header::HeaderValue::from_bytes(value).unwrap();
        headers.insert(header::HeaderName::from_static("x-forwarded-for"), value);
        origin(Some("127.0.0.1:5".parse().unwrap()), &headers, &["127.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn a_hop_is_read_as_proxies_write_it() {
        for (sent, address) in [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("nonsense, 203.0.113.9 ,127.0.0.2", "203.0.113.9"),
        ] {
            let address = Some(address.parse().unwrap());
            assert_eq!(behind_a_proxy(sent.as_bytes()), Origin { caller_ip: address, client_ip: address }, "{sent}");
        }
        let own = Some("127.0.0.2".parse().unwrap());
        assert_eq!(behind_a_proxy(b"127.0.0.2").caller_ip, own, "a proxy calls for itself");
        let beside = behind_a_proxy(b"\xff, 203.0.113.9").caller_ip;
        assert_eq!(beside, Some("203.0.113.9".parse().unwrap()), "what stands before is not looked at");
    }

    #[test]
    fn a_caller_whose_hop_cannot_be_read_is_unknown_and_counted_for_the_proxy() {
        for sent in
            ["unknown", "_hidden", "", "203.0.113.9,", "203.0.113.9:99999", "[203.0.113.9]", "fe80::1%eth0", "10.0.0"]
        {
            let unknown = Origin { caller_ip: None, client_ip: Some("127.0.0.1".parse().unwrap()) };
            assert_eq!(behind_a_proxy(sent.as_bytes()), unknown, "{sent}");
        }
        assert_eq!(behind_a_proxy(b"203.0.113.9, \xff").caller_ip, None);
        let between = behind_a_proxy(b"unknown, 127.0.0.7");
        assert_eq!(between, Origin { caller_ip: None, client_ip: Some("127.0.0.7".parse().unwrap()) });
    }
}
