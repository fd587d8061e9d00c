//! Values with rules of their own, shared by several resources.

use std::{collections::BTreeMap, fmt, net::IpAddr, ops::RangeInclusive};

use claudetools_kernel::{Error, Faults, Id, Patch, Result, text};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::ports::InfraTx;

/// An IPv4 or IPv6 network in CIDR notation, host bits cleared: `10.1.2.3/16` becomes `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr(IpNet);

impl Cidr {
    /// Every address of IPv4.
    pub(crate) const ANY: Self = Self(IpNet::V4(ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::UNSPECIFIED, 0)));

    /// Reads CIDR notation; a bare address stands for itself alone.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
        Some(Self(net.trunc()))
    }

    /// Whether the two share addresses: one of them then contains the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.contains(&other.0) || other.0.contains(&self.0)
    }

    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// The networks that contain all of this one, itself the first: one for each length of prefix. Whatever contains it is
    /// among these, so that an index finds it by equality.
    pub fn supernets(&self) -> Vec<Self> {
        std::iter::successors(Some(self.0), IpNet::supernet).map(Self).collect()
    }

    /// The first and the last address, each as text that sorts as addresses do.
    pub fn bounds(&self) -> [String; 2] {
        [self.0.network(), self.0.broadcast()].map(|address| address_key(&address))
    }

    /// Whether it is a network of IPv6.
    pub const fn is_v6(&self) -> bool {
        matches!(self.0, IpNet::V6(_))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Text of fixed length in each family that sorts as addresses do.
fn address_key(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("4{:08x}", address.to_bits()),
        IpAddr::V6(address) => format!("6{:032x}", address.to_bits()),
    }
}

/// A degree of latitude or longitude, in ten-millionths: a centimetre at the equator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Degrees(i64);

/// Ten-millionths in a degree.
const DEGREE: i64 = 10_000_000;

impl Degrees {
    /// From ten-millionths of a degree.
    pub const fn from_ten_millionths(value: i64) -> Self {
        Self(value)
    }

    /// In ten-millionths of a degree.
    pub const fn ten_millionths(self) -> i64 {
        self.0
    }

    /// Whether it is at most so many degrees from zero.
    pub(crate) const fn is_within(self, degrees: i64) -> bool {
        self.0.abs() <= degrees * DEGREE
    }
}

impl Serialize for Degrees {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        serializer.serialize_f64(self.0 as f64 / DEGREE as f64)
    }
}

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let degrees = f64::deserialize(deserializer)?;
        if !(-180.0..=180.0).contains(&degrees) {
            return Err(de::Error::custom("must be a number of degrees from -180 to 180"));
        }
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "bounded above")]
        Ok(Self((degrees * DEGREE as f64).round() as i64))
    }
}

/// An address of either family, in its canonical form: `2001:DB8::0:1` becomes `2001:db8::1`.
pub(crate) fn parse_address(text: &str) -> Option<IpAddr> {
    text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

const ADDRESS: &str = "must be an IPv4 or IPv6 address such as 10.0.0.5";
const CIDR: &str = "must be an IPv4 or IPv6 network such as 10.0.0.0/24";

/// A value made of a text that is not blank; blank text empties the field.
pub(crate) fn parsed<T>(
    faults: &mut Faults,
    field: &str,
    given: Patch<String>,
    (constraint, rule): (&str, &str),
    parse: impl FnOnce(&str) -> Option<T>,
) -> Patch<T> {
    match given {
        Patch::Set(text) if text.trim().is_empty() => Patch::Clear,
        other => other.and_then(|text| {
            let value = parse(&text);
            if value.is_none() {
                faults.semantic(field, constraint, rule);
            }
            value
        }),
    }
}

/// An address for a field that may be empty.
pub(crate) fn address(faults: &mut Faults, field: &str, given: Patch<String>) -> Patch<String> {
    parsed(faults, field, given, ("ip", ADDRESS), |text| parse_address(text).map(|address| address.to_string()))
}

/// A network for a field that may be empty.
pub(crate) fn cidr(faults: &mut Faults, field: &str, given: Patch<String>) -> Patch<Cidr> {
    parsed(faults, field, given, ("cidr", CIDR), Cidr::parse)
}

/// Notes a required network that is none.
pub(crate) fn refuse_cidr(faults: &mut Faults, field: &str) {
    faults.semantic(field, "cidr", CIDR);
}

/// A list of addresses, repeats dropped.
pub(crate) fn addresses(faults: &mut Faults, field: &str, given: Option<Vec<String>>, kept: &mut Vec<String>) {
    let Some(lines) = given.and_then(|given| text::lines(faults, field, &given)) else { return };
    let mut read = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        match parse_address(line).map(|address| address.to_string()) {
            Some(address) if read.contains(&address) => {}
            Some(address) => read.push(address),
            None => faults.semantic(&format!("{field}[{at}]"), "ip", ADDRESS),
        }
    }
    *kept = read;
}

/// An address of a network card (EUI-48), as `00:1a:2b:3c:4d:5e` whatever separates its digits.
pub(crate) fn mac(faults: &mut Faults, field: &str, given: Patch<String>) -> Patch<String> {
    parsed(faults, field, given, ("mac", "must be a MAC address such as 00:1a:2b:3c:4d:5e"), parse_mac)
}

fn parse_mac(text: &str) -> Option<String> {
    let text = text.trim();
    let separated = [(':', 2), ('-', 2), ('.', 4)].into_iter().find(|(separator, _)| text.contains(*separator));
    let has_form = separated.is_none_or(|(separator, digits)| text.split(separator).all(|part| part.len() == digits));
    let digits: Vec<char> = text.chars().filter(|character| !matches!(character, ':' | '-' | '.')).collect();
    let known = [12, 14, 17].contains(&text.len()) && digits.len() == 12;
    if !has_form || !known || !digits.iter().all(char::is_ascii_hexdigit) {
        return None;
    }
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>().to_ascii_lowercase());
    Some(pairs.collect::<Vec<_>>().join(":"))
}

/// A whole number within bounds.
pub(crate) fn whole(faults: &mut Faults, field: &str, given: Patch<i32>, bounds: RangeInclusive<i32>) -> Patch<i32> {
    given.and_then(|number| {
        let fits = bounds.contains(&number);
        if !fits {
            faults.schema(field, "range", &format!("must be from {} to {}", bounds.start(), bounds.end()));
        }
        fits.then_some(number)
    })
}

/// A web address, or any other line. User name and password inside of one are refused: they would be stored in plain.
pub(crate) fn url(faults: &mut Faults, field: &str, given: Patch<String>) -> Patch<String> {
    text::optional_line(faults, field, given).and_then(|address| {
        let authority = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.split_once('@').is_some_and(|(user, _)| user.contains(':')) {
            faults.semantic(field, "no_secret", "must not contain a password, which belongs into the vault");
            return None;
        }
        Some(address)
    })
}

/// The longest name in a map, in characters.
const LONGEST_KEY: usize = 64;

/// A map of names to texts of at most `longest` characters, in place of `kept`.
pub(crate) fn replace_map(
    faults: &mut Faults,
    field: &str,
    given: Option<BTreeMap<String, String>>,
    longest: usize,
    kept: &mut BTreeMap<String, String>,
) {
    let Some(given) = given else { return };
    if given.len() > text::ENTRIES {
        faults.schema(field, "max_properties", &format!("must have at most {} entries", text::ENTRIES));
        return;
    }
    let read = given.into_iter().map(|(name, value)| {
        let place = format!("{field}.{name}");
        Some((text::line(faults, &place, &name, LONGEST_KEY)?, text::block(faults, &place, &value, longest)?))
    });
    if let Some(map) = read.collect() {
        *kept = map;
    }
}

/// Takes a value over where one is given.
pub(crate) fn replace<T>(given: Option<T>, kept: &mut T) {
    if let Some(value) = given {
        *kept = value;
    }
}

/// Refuses a client that does not exist.
pub(crate) async fn refuse_unknown_client(tx: &mut dyn InfraTx, client: Uuid) -> Result<()> {
    if tx.surroundings().has_client(client).await? {
        return Ok(());
    }
    Err(Error::NotFound { resource_type: "client", resource_id: client.to_string() })
}

/// An id that a row has until its fields are applied.
pub(crate) const fn unset<K>() -> Id<K> {
    Id::new(Uuid::nil())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mac_address_has_one_form_whatever_separates_its_digits() {
        for given in ["00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e", "001a.2b3c.4d5e", "001A2B3C4D5E"] {
            assert_eq!(parse_mac(given).as_deref(), Some("00:1a:2b:3c:4d:5e"), "{given}");
        }
        for given in
            ["", "00:1a:2b:3c:4d", "00:1a:2b:3c:4d:5g", "001a:2b3c:4d5e", "0:01a:2b:3c:4d:5e", "00:1a-2b:3c:4d:5e"]
        {
            assert_eq!(parse_mac(given), None, "{given}");
        }
    }

    #[test]
    fn an_address_has_one_form() {
        for (given, kept) in
            [("2001:DB8::0:1", "2001:db8::1"), (" 10.0.0.5 ", "10.0.0.5"), ("::ffff:10.0.0.5", "10.0.0.5")]
        {
            assert_eq!(parse_address(given).map(|address| address.to_string()).as_deref(), Some(kept));
        }
        for given in ["10.0.0.256", "10.0.0", "010.0.0.1", "host"] {
            assert_eq!(parse_address(given), None, "{given}");
        }
    }

    fn nets() -> impl Strategy<Value = Cidr> {
        let four = (any::<u32>(), 0_u8..=32)
            .prop_map(|(bits, length)| Cidr::parse(&format!("{}/{length}", std::net::Ipv4Addr::from_bits(bits))));
        let six = (any::<u128>(), 0_u8..=128)
            .prop_map(|(bits, length)| Cidr::parse(&format!("{}/{length}", std::net::Ipv6Addr::from_bits(bits))));
        prop_oneof![four, six].prop_map(|net| net.unwrap())
    }

    proptest! {
        /// What the databases ask for says the same as containment itself.
        #[test]
        fn networks_overlap_where_one_is_a_supernet_or_begins_within_the_other(a in nets(), b in nets(), up in 0_usize..129) {
            let above = a.supernets();
            for other in [b, above[up % above.len()]] {
                let [first, last] = a.bounds();
                let begins_within = (first..=last).contains(&other.bounds()[0]);
                prop_assert_eq!(a.overlaps(&other), above.contains(&other) || begins_within);
            }
        }
    }
}
