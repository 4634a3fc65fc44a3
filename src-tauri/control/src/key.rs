//! Keys that servers and the window show: `pulse_` and 43 characters, 256 bits of chance in base64url (RFC 4648, section 5).
//!
//! A key has so much chance in it that a plain SHA-256 is enough to keep it by: nobody tries that many.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "pulse_";

/// A key in the clear: shown once, sent with every request. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// The machine gives no random numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no key can be made, for the system gives no random numbers ({0}): restart the machine, or report it if that does not help"
)]
pub struct KeyError(String);

impl Key {
    /// A new key.
    ///
    /// # Errors
    /// The system's source of random numbers fails.
    pub fn generate() -> Result<Self, KeyError> {
        let mut chance = [0_u8; 32];
        getrandom::fill(&mut chance).map_err(|error| KeyError(error.to_string()))?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(chance))))
    }

    /// The key in the clear, for the one who may have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What is kept of a key: enough to know it again, not enough to show it.
#[derive(Debug, Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Whether these bytes are the key. Takes the same time whatever they are.
    pub fn accepts(&self, presented: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(presented).0).into()
    }

    fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_pulse_and_43_characters_and_never_the_same() {
        let key = Key::generate().unwrap();
        let chance = key.reveal().strip_prefix("pulse_").expect("the prefix");
        assert_eq!(chance.len(), 43);
        assert!(chance.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{chance}");
        assert!(key != Key::generate().unwrap());
    }

    #[test]
    fn only_the_key_itself_is_accepted() {
        let key = Key::generate().unwrap();
        let hash = key.hash();
        assert!(hash.accepts(key.reveal().as_bytes()));
        let mut longer = key.reveal().to_owned();
        longer.push('A');
        for other in ["", "pulse_", &key.reveal()[..48], &longer, Key::generate().unwrap().reveal()] {
            assert!(!hash.accepts(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn neither_key_nor_hash_shows_the_key() {
        let key = Key::generate().unwrap();
        assert_eq!(format!("{key:?}"), "***");
        assert!(!format!("{:?}", key.hash()).contains(&key.reveal()[6..]));
    }
}
