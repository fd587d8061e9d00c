//! The text of a one-time link.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claudetools_kernel::Secret;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Key;

/// Id and key in bytes.
const BYTES: usize = 16 + 32;
/// The characters of that many bytes in base64.
const CHARACTERS: usize = BYTES / 3 * 4;

/// The text of a one-time link: the link's id and the key of what it shows, 64 characters of base64url (RFC 4648 section 5).
/// The key is nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct ShareToken;

impl ShareToken {
    /// The text of a link.
    pub fn text(id: Uuid, key: &Key) -> Secret {
        let mut bytes = Zeroizing::new([0_u8; BYTES]);
        let (first, second) = bytes.split_at_mut(16);
        first.copy_from_slice(id.as_bytes());
        second.copy_from_slice(key.as_ref());
        Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
    }

    /// The id and the key of a text; `None` for what is none.
    pub fn parse(text: &str) -> Option<(Uuid, Key)> {
        if text.len() != CHARACTERS {
            return None;
        }
        let mut bytes = Zeroizing::new([0_u8; BYTES]);
        let length = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut()).ok()?;
        let (id, key) = bytes.get(..length)?.split_at_checked(16)?;
        Some((Uuid::from_slice(id).ok()?, Key::new(key.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_link_leads_to_its_id_and_key(id: u128, key: [u8; 32]) {
            let text = ShareToken::text(Uuid::from_u128(id), &Key::new(key));
            prop_assert_eq!(text.expose().len(), CHARACTERS);
            prop_assert_eq!(ShareToken::parse(text.expose()), Some((Uuid::from_u128(id), Key::new(key))));
        }

        #[test]
        fn other_texts_are_no_links(text in ".{0,80}") {
            let parsed = ShareToken::parse(&text);
            prop_assert_eq!(parsed.is_some(), parsed.is_some_and(|(id, key)| ShareToken::text(id, &key).expose() == text));
        }
    }
}
