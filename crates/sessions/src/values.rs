//! Values with rules of their own, shared by several resources.

use std::{collections::BTreeMap, fmt, net::IpAddr, sync::Arc};

use claudetools_kernel::{Clock, Faults, IdGenerator, Timestamp, UnitOfWork, enumeration, text};
use ipnet::IpNet;

use crate::ports::SessionsTx;

/// What every service of this crate stands on: storage, the time and new ids.
#[derive(Clone)]
pub struct Context {
    /// Storage.
    pub store: Arc<dyn UnitOfWork<dyn SessionsTx>>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdGenerator>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("clock", &self.clock).field("ids", &self.ids).finish_non_exhaustive()
    }
}

impl Context {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

enumeration! {
    /// How much something matters, least first.
    pub enum Priority {
        /// When there is nothing else to do.
        Low = "low",
        /// In its turn.
        Medium = "medium",
        /// Before others.
        High = "high",
        /// Before everything.
        Critical = "critical",
    }
}

/// An IPv4 or IPv6 network in CIDR notation, host bits cleared: `10.1.2.3/16` becomes `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet(IpNet);

impl Subnet {
    /// Reads CIDR notation; a bare address stands for itself alone.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
        Some(Self(net.trunc()))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A currency code of ISO 4217: three capital letters out of the list of active codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency([u8; 3]);

/// The active codes of ISO 4217 (list one, amendment 176), without funds codes, metals and the test code.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR \
ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR \
MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE \
SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER \
ZAR ZMW ZWG";

impl Currency {
    /// The US dollar, the default.
    pub const USD: Self = Self(*b"USD");

    /// Reads a code, whatever its case.
    pub fn parse(text: &str) -> Option<Self> {
        let code = text.trim().to_ascii_uppercase();
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        CODES.split(' ').any(|known| known == code).then_some(Self(bytes))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        // Only ASCII letters get in.
        std::str::from_utf8(&self.0).unwrap_or("USD")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Ids that other systems gave a row: `{"psa": "4711"}`.
pub(crate) fn external_ids(
    faults: &mut Faults,
    field: &str,
    given: BTreeMap<String, String>,
) -> Option<BTreeMap<String, String>> {
    if given.len() > text::ENTRIES {
        faults.schema(field, "max_properties", &format!("must have at most {} entries", text::ENTRIES));
        return None;
    }
    given
        .into_iter()
        .map(|(system, id)| {
            let place = format!("{field}.{system}");
            Some((text::line(faults, &place, &system, 64)?, text::line(faults, &place, &id, text::LINE)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_loses_its_host_bits_and_takes_both_address_families() {
        for (given, kept) in
            [("10.1.2.3/16", "10.1.0.0/16"), ("2001:DB8::1/32", "2001:db8::/32"), ("192.168.1.7", "192.168.1.7/32")]
        {
            assert_eq!(Subnet::parse(given).map(|net| net.to_string()).as_deref(), Some(kept));
        }
        for given in ["10.0.0.0/33", "10.0.0/8", "acme", ""] {
            assert_eq!(Subnet::parse(given), None, "{given}");
        }
    }

    #[test]
    fn a_currency_is_an_active_code_of_iso_4217() {
        assert_eq!(Currency::parse("eur").as_ref().map(Currency::as_str), Some("EUR"));
        for given in ["XXX", "DEM", "US", "DOLLAR", "€"] {
            assert_eq!(Currency::parse(given), None, "{given}");
        }
    }
}
