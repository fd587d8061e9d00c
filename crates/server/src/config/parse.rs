//! Reading one setting from its text. A message says what the value must be and never repeats it: whether it may be
//! shown is decided where the fault is reported.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use claudetools_crypto::KeyRing;
use claudetools_kernel::Enumeration;
use ipnet::IpNet;

use super::value::{CoordAuth, JwtAlgorithm, LogFormat, RateLimitBackend};
use crate::secret::{KeyBytes, Password};

pub(super) type Parsed<T> = Result<T, String>;

/// `None` for an empty text, else what `parse` makes of it.
pub(super) fn optional<T>(text: &str, parse: fn(&str) -> Parsed<T>) -> Parsed<Option<T>> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

pub(super) fn number<T: FromStr + PartialOrd + Display>(text: &str, range: RangeInclusive<T>) -> Parsed<T> {
    text.parse()
        .ok()
        .filter(|value| range.contains(value))
        .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
}

pub(super) fn switch(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err("must be true or false (also on/off, yes/no, 1/0)".to_owned()),
    }
}

/// An address to listen on. Names other than `localhost` are refused, because what they mean is decided elsewhere and
/// may change under the check that keeps plain HTTP on this machine.
pub(super) fn host(text: &str) -> Parsed<IpAddr> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| "must be an IP address, such as 127.0.0.1, ::1 or 0.0.0.0, or localhost".to_owned())
}

pub(super) fn networks(text: &str) -> Parsed<Vec<IpNet>> {
    items(text)
        .map(|item| item.parse::<IpNet>().map(|net| net.trunc()).or_else(|_| item.parse::<IpAddr>().map(IpNet::from)))
        .collect::<Result<_, _>>()
        .map_err(|_| "must be IP addresses or networks with commas between, such as 10.0.0.0/8,192.168.1.5".to_owned())
}

pub(super) fn origins(text: &str) -> Parsed<Vec<String>> {
    items(text).map(origin).collect()
}

fn origin(item: &str) -> Parsed<String> {
    const WANTED: &str = "must be origins with commas between, each a scheme, a host and perhaps a port, \
                          such as https://dashboard.example.com; `*` is not accepted";
    let item = item.to_ascii_lowercase();
    let rest = item.strip_prefix("https://").or_else(|| item.strip_prefix("http://"));
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    match rest {
        Some(host) if !host.is_empty() && host.chars().all(allowed) => Ok(item),
        _ => Err(WANTED.to_owned()),
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

pub(super) fn algorithm(text: &str) -> Parsed<JwtAlgorithm> {
    JwtAlgorithm::ALL
        .iter()
        .copied()
        .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| "must be HS256, HS384, HS512 or EdDSA".to_owned())
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text.to_ascii_lowercase().as_str() {
        "pretty" => Ok(LogFormat::Pretty),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be pretty or json".to_owned()),
    }
}

pub(super) fn rate_limit_backend(text: &str) -> Parsed<RateLimitBackend> {
    match text.to_ascii_lowercase().as_str() {
        "memory" => Ok(RateLimitBackend::Memory),
        "redis" => Ok(RateLimitBackend::Redis),
        _ => Err("must be memory or redis".to_owned()),
    }
}

pub(super) fn coord_auth(text: &str) -> Parsed<CoordAuth> {
    match text.to_ascii_lowercase().as_str() {
        "trusted-network" => Ok(CoordAuth::TrustedNetwork),
        "token" => Ok(CoordAuth::Token),
        _ => Err("must be trusted-network or token".to_owned()),
    }
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("must be log directives, such as info or info,claudetools_http=debug".to_owned()),
    }
}

pub(super) fn keys(text: &str) -> Parsed<Vec<KeyBytes>> {
    items(text).map(KeyBytes::from_base64).collect()
}

pub(super) fn key_ring(text: &str) -> Parsed<KeyRing> {
    KeyRing::parse(items(text)).map_err(|fault| fault.to_string())
}

pub(super) fn file(text: &str) -> Parsed<PathBuf> {
    if text.contains('\0') { Err("must be a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// Only the shape that no address can lack; the account itself is checked where accounts are made.
pub(super) fn email(text: &str) -> Parsed<String> {
    match text.split_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !text.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => Err("must be an e-mail address".to_owned()),
    }
}

pub(super) fn password(text: &str) -> Parsed<Password> {
    const LEAST: usize = 12;
    if text.chars().count() < LEAST {
        return Err(format!("must be at least {LEAST} characters long"));
    }
    Ok(Password::new(text))
}

pub(super) fn header(text: &str) -> Parsed<String> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        Ok(text.to_owned())
    } else {
        Err("must be the value of an HTTP header: visible ASCII and blanks on one line".to_owned())
    }
}

/// What an `iss` or `aud` may be: the two are compared as they stand, so blanks around them would be a trap.
pub(super) fn claim(text: &str) -> Parsed<String> {
    if text.trim() == text && !text.is_empty() && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("must be a text without blanks around it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_to_their_range() {
        assert_eq!(number("1440", 1..=1440_u32), Ok(1440));
        for text in ["0", "1441", "-1", "1.5", "", "x"] {
            assert_eq!(number(text, 1..=1440_u32), Err("must be a whole number from 1 to 1440".to_owned()), "{text}");
        }
    }

    #[test]
    fn switches_read_the_usual_words() {
        for text in ["true", "On", "YES", "1"] {
            assert_eq!(switch(text), Ok(true), "{text}");
        }
        for text in ["false", "off", "no", "0"] {
            assert_eq!(switch(text), Ok(false), "{text}");
        }
        assert!(switch("perhaps").is_err());
    }

    #[test]
    fn a_host_is_an_address_or_localhost() {
        for (text, loopback) in [("localhost", true), ("127.0.0.1", true), ("[::1]", true), ("::", false)] {
            assert_eq!(host(text).unwrap().is_loopback(), loopback, "{text}");
        }
        assert!(host("example.com").is_err() && host("127.0.0.1:8000").is_err());
    }

    #[test]
    fn networks_are_addresses_or_cidr() {
        let parsed = networks("10.1.2.3/8, 192.168.1.5,,fd00::/8").unwrap();
        let shown: Vec<_> = parsed.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "192.168.1.5/32", "fd00::/8"]);
        assert!(networks("10.0.0.0/33").is_err() && networks("proxy").is_err());
    }

    #[test]
    fn origins_have_scheme_and_host_and_no_path() {
        assert_eq!(
            origins("https://A.example.com, http://localhost:3000").unwrap(),
            ["https://a.example.com", "http://localhost:3000"]
        );
        for text in ["*", "a.example.com", "https://", "https://a/b", "ftp://a", "https://u@a"] {
            assert!(origins(text).is_err(), "{text}");
        }
    }

    #[test]
    fn closed_sets_ignore_case() {
        assert_eq!(algorithm("eddsa"), Ok(JwtAlgorithm::EdDsa));
        assert_eq!(log_format("JSON"), Ok(LogFormat::Json));
        assert_eq!(rate_limit_backend("Redis"), Ok(RateLimitBackend::Redis));
        assert!(algorithm("none").is_err() && algorithm("RS256").is_err() && log_format("xml").is_err());
        assert!(rate_limit_backend("memcached").is_err());
        assert_eq!(coord_auth("Token"), Ok(CoordAuth::Token));
        assert!(coord_auth("none").is_err());
    }

    #[test]
    fn texts_with_a_shape_are_checked() {
        assert!(log_filter("info,sqlx=warn").is_ok() && log_filter("a=b=c=").is_err());
        assert!(email("a@b").is_ok() && email("a b@c").is_err() && email("@c").is_err());
        assert!(header("camera=(), geolocation=()").is_ok() && header("a\r\nSet-Cookie: b").is_err());
        assert!(claim("claudetools").is_ok() && claim(" claudetools").is_err());
        assert!(password("twelve chars").is_ok() && password("short").is_err());
    }
}
