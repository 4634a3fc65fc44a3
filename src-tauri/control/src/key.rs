//! Keys that servers and the window show: `pulse_` and 43 characters, 256 bits of chance in base64url (RFC 4648, section 5).
//!
//! A key has so much chance in it that a plain SHA-256 is enough to keep it by: nobody tries that many.

use std::{fmt, ops::RangeInclusive};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "pulse_";
/// The fewest and the most characters of a key that somebody else made.
const LENGTHS: RangeInclusive<usize> = 32..=256;

/// A key in the clear: shown once, sent with every request. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// The machine gives no random numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no key can be made, for the system gives no random numbers ({0}): restart the machine, or report it if that does not help"
)]
pub struct KeyError(String);

/// Why a text is no key. It does not hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// It can be guessed, or is something else than a key.
    #[error("it has {0} characters and needs {min} to {max}: make one with `openssl rand -hex 32`", min = LENGTHS.start(), max = LENGTHS.end())]
    Length(usize),
    /// It could not be sent in a header, or would be mangled on the way there.
    #[error(
        "it has a character that is none of the Latin letters, digits and - _ . ~ + / =: make one with `openssl rand -hex 32`"
    )]
    Character,
}

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

    /// A key that was made elsewhere: 32 to 256 Latin letters, digits and `-_.~+/=`.
    ///
    /// # Errors
    /// [`KeyTextError`] for any other text.
    pub fn from_text(text: String) -> Result<Self, KeyTextError> {
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte)) {
            return Err(KeyTextError::Character);
        }
        if !LENGTHS.contains(&text.len()) {
            return Err(KeyTextError::Length(text.len()));
        }
        Ok(Self(text))
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
    fn a_text_is_a_key_when_it_is_long_enough_and_fits_into_a_header() {
        let texts = ["0123456789abcdef0123456789ABCDEF".to_owned(), "-_.~+/=x".repeat(32)];
        for text in texts {
            let key = Key::from_text(text.clone()).unwrap();
            assert!(key.hash().accepts(text.as_bytes()) && key.reveal() == text);
        }
        let generated = Key::generate().unwrap();
        assert_eq!(Key::from_text(generated.reveal().to_owned()).unwrap(), generated);
        for (text, fault) in [
            (String::new(), KeyTextError::Length(0)),
            ("a".repeat(31), KeyTextError::Length(31)),
            ("a".repeat(257), KeyTextError::Length(257)),
            ("secret word ".repeat(4), KeyTextError::Character),
            ("s\u{e9}same".repeat(8), KeyTextError::Character),
            (format!("{}\n", "a".repeat(40)), KeyTextError::Character),
        ] {
            assert_eq!(Key::from_text(text.clone()), Err(fault), "{text}");
        }
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
