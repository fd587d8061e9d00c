//! One-time passwords by time (RFC 6238) from a seed or an `otpauth://` address.

use claudetools_kernel::{Secret, Timestamp};
use zeroize::Zeroizing;

use crate::ports::{HmacHash, Primitives};

/// The shortest and the longest seed taken, in bytes.
const SEED_BYTES: std::ops::RangeInclusive<usize> = 1..=256;

/// What a one-time password is computed from.
pub struct Totp {
    seed: Zeroizing<Vec<u8>>,
    hash: HmacHash,
    digits: u32,
    period: u32,
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Totp").field("digits", &self.digits).field("period", &self.period).finish_non_exhaustive()
    }
}

/// Why a text is no seed. It never repeats any of the text; it reads behind the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TotpFault {
    /// The seed is not base32.
    #[error("must be a seed in base32 or an otpauth://totp address")]
    Seed,
    /// The address is for another kind of one-time password.
    #[error("must be an otpauth://totp address: other kinds of one-time passwords are not computed here")]
    Kind,
    /// The address has no seed.
    #[error("must have a secret: otpauth://totp/<name>?secret=<base32>")]
    NoSecret,
    /// A parameter of the address is out of bounds.
    #[error("must have {0}")]
    Parameter(&'static str),
}

impl Totp {
    /// What `text` says: a seed in base32 (RFC 4648; blanks, dashes, lower case and missing padding are common and taken), which
    /// stands for SHA-1, 6 digits and 30 seconds, or an address of Google's key URI format.
    ///
    /// # Errors
    /// Why it is neither.
    pub fn parse(text: &str) -> Result<Self, TotpFault> {
        let text = text.trim();
        let Some(rest) = strip_prefix_ignoring_case(text, "otpauth://") else {
            return Ok(Self {
                seed: base32(text).ok_or(TotpFault::Seed)?,
                hash: HmacHash::Sha1,
                digits: 6,
                period: 30,
            });
        };
        let (path, query) = rest.split_once('?').ok_or(TotpFault::NoSecret)?;
        let kind = path.split('/').next().unwrap_or_default();
        if !kind.eq_ignore_ascii_case("totp") {
            return Err(TotpFault::Kind);
        }
        let query = query.split('#').next().unwrap_or_default();
        let (mut seed, mut totp) = (None, (HmacHash::Sha1, 6, 30));
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = percent_decoded(value).ok_or(TotpFault::Seed)?;
            match name.to_ascii_lowercase().as_str() {
                "secret" => seed = Some(base32(&value).ok_or(TotpFault::Seed)?),
                "algorithm" => totp.0 = algorithm(&value)?,
                "digits" => totp.1 = number(&value, 6..=8).ok_or(TotpFault::Parameter("6 to 8 digits"))?,
                "period" => {
                    totp.2 = number(&value, 15..=120).ok_or(TotpFault::Parameter("a period of 15 to 120 seconds"))?;
                }
                _ => {}
            }
        }
        let (hash, digits, period) = totp;
        Ok(Self { seed: seed.ok_or(TotpFault::NoSecret)?, hash, digits, period })
    }

    /// The password at `at`, and for how many seconds it is the right one, at least 1.
    pub fn code(&self, primitives: &dyn Primitives, at: Timestamp) -> (Secret, u32) {
        let seconds = u64::try_from(at.micros().div_euclid(1_000_000)).unwrap_or_default();
        let (step, into) = (seconds / u64::from(self.period), seconds % u64::from(self.period));
        let digest = Zeroizing::new(primitives.hmac(self.hash, &self.seed, &step.to_be_bytes()));
        // Dynamic truncation (RFC 4226 section 5.3): the last four bits say where the four bytes begin.
        let offset = usize::from(digest.last().copied().unwrap_or_default() & 0x0f);
        let part = digest.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        let number = (u32::from_be_bytes(part) & 0x7fff_ffff) % 10_u32.pow(self.digits);
        let code = Secret::new(format!("{number:0width$}", width = self.digits as usize));
        (code, self.period - u32::try_from(into).unwrap_or_default())
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn algorithm(name: &str) -> Result<HmacHash, TotpFault> {
    match name.to_ascii_uppercase().replace('-', "").as_str() {
        "SHA1" => Ok(HmacHash::Sha1),
        "SHA256" => Ok(HmacHash::Sha256),
        "SHA512" => Ok(HmacHash::Sha512),
        _ => Err(TotpFault::Parameter("one of the algorithms SHA1, SHA256 and SHA512")),
    }
}

fn number(text: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
    text.parse().ok().filter(|number| range.contains(number))
}

fn percent_decoded(text: &str) -> Option<Zeroizing<String>> {
    let (mut bytes, mut rest) = (Zeroizing::new(Vec::with_capacity(text.len())), text.as_bytes());
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(2..)?;
        } else {
            bytes.push(byte);
        }
    }
    std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// The bytes of a text in base32; `None` for other text and for a length that no seed has.
fn base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (mut bytes, mut bits, mut count) = (Zeroizing::new(Vec::with_capacity(text.len())), 0_u32, 0);
    let mut is_padding = false;
    for character in text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
        let value = match character {
            b'=' => {
                is_padding = true;
                continue;
            }
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a',
            b'2'..=b'7' => character - b'2' + 26,
            _ => return None,
        };
        if is_padding {
            return None;
        }
        bits = (bits << 5) | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    SEED_BYTES.contains(&bytes.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(text: &str) -> Option<Vec<u8>> {
        base32(text).map(|bytes| bytes.to_vec())
    }

    #[test]
    fn base32_is_that_of_rfc_4648_however_people_write_it() {
        for (text, plain) in
            [("MY======", "f"), ("MZXQ====", "fo"), ("MZXW6===", "foo"), ("MZXW6YTBOI======", "foobar")]
        {
            assert_eq!(bytes(text).unwrap(), plain.as_bytes());
            assert_eq!(bytes(text.trim_end_matches('=')).unwrap(), plain.as_bytes());
        }
        assert_eq!(bytes("mzxw 6ytb-oi").unwrap(), b"foobar");
        for bad in ["", "=", "M", "MZXW1", "MZXW6===Y", "ÄÖ"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_is_read_whatever_its_case_and_refused_with_a_reason_that_shows_nothing() {
        let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let totp = Totp::parse(&format!(
            "OTPAUTH://TOTP/A%20b:c?issuer=A&secret={seed}&ALGORITHM=sha-256&digits=8&period=60#x"
        ));
        let totp = totp.unwrap();
        assert_eq!((totp.hash, totp.digits, totp.period, totp.seed.len()), (HmacHash::Sha256, 8, 60, 20));
        for (bad, fault) in [
            (format!("otpauth://hotp/x?secret={seed}&counter=1"), TotpFault::Kind),
            ("otpauth://totp/x?issuer=y".to_owned(), TotpFault::NoSecret),
            ("otpauth://totp/x".to_owned(), TotpFault::NoSecret),
            (format!("otpauth://totp/x?secret={seed}1"), TotpFault::Seed),
            (format!("otpauth://totp/x?secret={seed}&digits=9"), TotpFault::Parameter("6 to 8 digits")),
            (format!("otpauth://totp/x?secret={seed}&period=0"), TotpFault::Parameter("a period of 15 to 120 seconds")),
            ("0189".to_owned(), TotpFault::Seed),
        ] {
            let found = Totp::parse(&bad).unwrap_err();
            assert_eq!(found, fault, "{bad}");
            assert!(!found.to_string().contains(&seed[..8]));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(otpauth://totp/)?[?&=%a-zA-Z2-7ä]{0,60}") {
            let _ = Totp::parse(&text);
        }

        #[test]
        fn whatever_was_encoded_is_read(seed in prop::collection::vec(any::<u8>(), 1..64)) {
            let mut text = String::new();
            for chunk in seed.chunks(5) {
                let mut whole = [0; 8];
                whole[3..3 + chunk.len()].copy_from_slice(chunk);
                let bits = u64::from_be_bytes(whole);
                for at in 0..(chunk.len() * 8).div_ceil(5) {
                    let index = (bits >> (35 - 5 * at)) & 31;
                    text.push(char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::try_from(index).unwrap()]));
                }
            }
            prop_assert_eq!(bytes(&text).unwrap(), seed);
        }
    }
}
