//! AES-256-GCM with a random nonce in front.

use ::ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use claudetools_credentials::{Key, Plaintext, VaultError};
use zeroize::Zeroizing;

use super::primitives;

/// `nonce ‖ ciphertext ‖ tag` of `plaintext`.
pub(super) fn seal(key: &Key, associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE_LEN];
    primitives::random(&mut nonce)?;
    seal_with(key, nonce, associated, plaintext)
}

/// [`seal`] with the nonce given.
pub(super) fn seal_with(
    key: &Key,
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, VaultError> {
    // Room for all of it at once: a buffer that grew would leave a copy of the plaintext behind.
    let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let (_, text) = sealed.split_at_mut(NONCE_LEN);
    let tag = cipher(key)?.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), text);
    // Refused only beyond 2^36 bytes.
    let tag = tag.map_err(|_| VaultError::Forged)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// The plaintext of what [`seal`] has made.
pub(super) fn open(key: &Key, associated: &[u8], sealed: &[u8]) -> Result<Plaintext, VaultError> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Truncated)?;
    if text.len() < AES_256_GCM.tag_len() {
        return Err(VaultError::Truncated);
    }
    let mut text = Zeroizing::new(text.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = cipher(key)?.open_in_place(nonce, Aad::from(associated), &mut text).map(|plain| plain.len());
    text.truncate(length.map_err(|_| VaultError::Forged)?);
    Ok(text)
}

fn cipher(key: &Key) -> Result<LessSafeKey, VaultError> {
    // 32 bytes are the length that it wants.
    UnboundKey::new(&AES_256_GCM, key.as_ref()).map(LessSafeKey::new).map_err(|_| VaultError::Forged)
}
