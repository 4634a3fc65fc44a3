//! The list of keys, `keys.json`, which also holds those that no keychain keeps: each sealed by XChaCha20-Poly1305
//! (draft-irtf-cfrg-xchacha) with its name as associated data and a nonce of its own, by the 32 random bytes of `keys.key`.
//!
//! Both files are written whole or not at all, and only this user may read them. Who can read them can open the keys: sealing
//! keeps them out of searches, backups of one of the files and eyes, nothing more.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Key, KeyInit, Payload},
};
use pulse_show::Secret;
use serde::{Deserialize, Serialize};

use super::{KeyError, KeyStore, Place};

/// The list's form; a newer one is refused.
const SCHEMA: u32 = 1;
/// Larger than any list of keys, in bytes.
const MAX_LIST: u64 = 4 << 20;

/// The keys of a data folder.
pub struct KeyFile {
    list: PathBuf,
    opener: PathBuf,
    lock: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct List {
    schema: u32,
    keys: BTreeMap<String, Kept>,
}

/// Where one is, and what it is when it is here.
#[derive(Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "snake_case")]
enum Kept {
    Keychain,
    File { nonce: String, sealed: String },
}

impl KeyFile {
    /// That of a folder, which need not be there yet.
    pub fn in_folder(data: &Path) -> Self {
        Self { list: data.join("keys.json"), opener: data.join("keys.key"), lock: data.join("keys.lock") }
    }

    /// The list's path.
    pub fn path(&self) -> &Path {
        &self.list
    }

    /// Where the key of that name is.
    pub fn place(&self, name: &str) -> Result<Option<Place>, KeyError> {
        Ok(self.read()?.keys.get(name).map(Kept::place))
    }

    /// All names.
    pub fn list(&self) -> Result<Vec<(String, Place)>, KeyError> {
        Ok(self.read()?.keys.into_iter().map(|(name, kept)| (name, kept.place())).collect())
    }

    /// Notes that the keychain has the key of that name, and forgets what was kept here.
    pub fn note_keychain(&self, name: &str) -> Result<(), KeyError> {
        self.change(|list| {
            list.keys.insert(name.to_owned(), Kept::Keychain);
            Ok(())
        })
    }

    fn read(&self) -> Result<List, KeyError> {
        let damaged = |cause: String| KeyError::List { path: self.list.clone(), cause };
        let json = match fs::metadata(&self.list) {
            Ok(meta) if meta.len() > MAX_LIST => return Err(damaged("it is too large".into())),
            Ok(_) => fs::read(&self.list).map_err(|error| unusable(&self.list, &error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(List { schema: SCHEMA, keys: BTreeMap::new() });
            }
            Err(error) => return Err(unusable(&self.list, &error)),
        };
        let list: List = serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
        if list.schema != SCHEMA {
            return Err(damaged(format!("its schema is {}, not {SCHEMA}", list.schema)));
        }
        Ok(list)
    }

    /// Changes the list as the only one that does, among all processes.
    fn change<T>(&self, change: impl FnOnce(&mut List) -> Result<T, KeyError>) -> Result<T, KeyError> {
        let folder = self.list.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
        let lock = File::create(&self.lock).and_then(|lock| lock.lock().map(|()| lock));
        let _lock = lock.map_err(|error| unusable(&self.lock, &error))?;
        let mut list = self.read()?;
        let changed = change(&mut list)?;
        let json = serde_json::to_vec_pretty(&list).map_err(|error| unusable(&self.list, &error))?;
        write(&self.list, &json).map_err(|error| unusable(&self.list, &error))?;
        Ok(changed)
    }

    /// What seals and opens, if it has been made.
    fn cipher(&self) -> Result<Option<XChaCha20Poly1305>, KeyError> {
        match fs::read(&self.opener) {
            Ok(bytes) => match XChaCha20Poly1305::new_from_slice(&bytes) {
                Ok(cipher) => Ok(Some(cipher)),
                Err(_) => Err(KeyError::Opener { path: self.opener.clone() }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(&self.opener, &error)),
        }
    }

    fn cipher_or_new(&self) -> Result<XChaCha20Poly1305, KeyError> {
        if let Some(cipher) = self.cipher()? {
            return Ok(cipher);
        }
        let key = Key::<XChaCha20Poly1305>::try_generate().map_err(|error| unusable(&self.opener, &error))?;
        write(&self.opener, &key).map_err(|error| unusable(&self.opener, &error))?;
        Ok(XChaCha20Poly1305::new(&key))
    }
}

impl KeyStore for KeyFile {
    fn get(&self, name: &str) -> Result<Option<Secret>, KeyError> {
        let list = self.read()?;
        let Some(Kept::File { nonce, sealed }) = list.keys.get(name) else { return Ok(None) };
        let cipher = self.cipher()?.ok_or_else(|| KeyError::Opener { path: self.opener.clone() })?;
        let opened = open(&cipher, name, nonce, sealed).map(Secret::new);
        opened.map(Some).ok_or_else(|| KeyError::Sealed { name: name.to_owned(), path: self.list.clone() })
    }

    fn set(&self, name: &str, secret: &Secret) -> Result<(), KeyError> {
        self.change(|list| {
            let cipher = self.cipher_or_new()?;
            let nonce = XNonce::try_generate().map_err(|error| unusable(&self.list, &error))?;
            let payload = Payload { msg: secret.reveal().as_bytes(), aad: name.as_bytes() };
            let sealed = cipher.encrypt(&nonce, payload).expect("only 256 GB are too long to be sealed");
            let [nonce, sealed] = [nonce.as_slice(), &sealed].map(|bytes| BASE64_STANDARD.encode(bytes));
            list.keys.insert(name.to_owned(), Kept::File { nonce, sealed });
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> Result<bool, KeyError> {
        if self.place(name)?.is_none() {
            return Ok(false);
        }
        self.change(|list| Ok(list.keys.remove(name).is_some()))
    }
}

impl Kept {
    fn place(&self) -> Place {
        match self {
            Self::Keychain => Place::Keychain,
            Self::File { .. } => Place::File,
        }
    }
}

fn open(cipher: &XChaCha20Poly1305, name: &str, nonce: &str, sealed: &str) -> Option<String> {
    let nonce = XNonce::try_from(BASE64_STANDARD.decode(nonce).ok()?.as_slice()).ok()?;
    let sealed = BASE64_STANDARD.decode(sealed).ok()?;
    let opened = cipher.decrypt(&nonce, Payload { msg: &sealed, aad: name.as_bytes() }).ok()?;
    String::from_utf8(opened).ok()
}

/// Writes a file whole or not at all, for this user alone.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600));
    let mut draft = builder.prefix(".keys-").tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}

fn unusable(path: &Path, error: &impl Display) -> KeyError {
    KeyError::Io { path: path.to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests;
