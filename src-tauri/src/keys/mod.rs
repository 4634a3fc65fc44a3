//! What lets the program in at its destinations, kept between runs: in the system's keychain, and where there is none, sealed in
//! a file of the data folder.
//!
//! May import: `pulse-show` for [`Secret`] and [`target`], nothing else of the studio.
//!
//! Invariants: a secret is in no error, no log line and no `Debug`; a key is in one place, which the data folder's list of names
//! tells, because keychains cannot be listed by every system.

mod file;
mod keychain;

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use pulse_show::{Destination, Secret, target};

use file::KeyFile;
use keychain::Keychain;

/// A place that keeps secrets by name.
pub trait KeyStore {
    /// The secret of that name; none if there is none.
    fn get(&self, name: &str) -> Result<Option<Secret>, KeyError>;
    /// Keeps it, instead of what was kept by that name.
    fn set(&self, name: &str, secret: &Secret) -> Result<(), KeyError>;
    /// Forgets it; false when there was none.
    fn remove(&self, name: &str) -> Result<bool, KeyError>;
}

/// Where a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the system's keychain.
    Keychain,
    /// In a file, for whoever can read this user's files.
    File,
}

/// Why a key could not be kept, found or forgotten.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nothing is there to ask.
    #[error("no keychain answers here ({cause}); start a session with one, or keep the key with `keys set --file`")]
    NoKeychain { cause: String },
    /// It is there and did not do it.
    #[error(
        "the keychain did not {what} the key of {}: {cause}; unlock it and try again, or use `keys set --file`",
        title_of(name)
    )]
    Keychain { what: &'static str, name: String, cause: String },
    /// A file of the data folder cannot be read or written.
    #[error("{} cannot be used: {cause}; check the folder and who may use it", path.display())]
    Io { path: PathBuf, cause: String },
    /// The list of keys is not what was written.
    #[error(
        "{} is not a list of keys ({cause}); bring it back from a copy, or remove it and keep the keys anew", path.display()
    )]
    List { path: PathBuf, cause: String },
    /// What opens the keys is not what was written.
    #[error(
        "{} is missing or damaged, and only it opens the keys; bring it back from a copy, or remove it and keep the keys anew",
        path.display()
    )]
    Opener { path: PathBuf },
    /// A key does not open.
    #[error(
        "the key of {} in {} does not open: that file was changed, or its *.key file is of another; \
         keep the key anew with `pulse-studio keys set`", title_of(name), path.display()
    )]
    Sealed { name: String, path: PathBuf },
    /// What cannot be a name.
    #[error("{0}")]
    Name(String),
}

/// What keys of destinations are called, wherever they are.
const PREFIX: &str = "destination/";
/// The longest name, in bytes: what every keychain takes.
const MAX_NAME: usize = 255;

/// The name of the key of a destination: by its id, or by its public address as [`target::part`] gives it.
pub fn name_of(destination: &str) -> String {
    format!("{PREFIX}{destination}")
}

/// What a person calls it.
pub fn title_of(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

/// The names under which the key of a show's destination may be, the nearest first.
pub fn names_of(destination: &Destination) -> [String; 3] {
    [destination.id.as_str(), &destination.name, &destination.url].map(name_of)
}

/// Reads what a person wrote as an id or an address.
///
/// # Errors
/// [`KeyError::Name`], without the secret, for an address with one in it: command lines are seen and remembered.
pub fn name_from(text: &str) -> Result<String, KeyError> {
    let text = text.trim();
    let named = if text.contains(':') {
        let parted = target::part(text).map_err(|error| KeyError::Name(error.to_string()))?;
        if parted.secret.is_some() || parted.stream_id.is_some() {
            return Err(KeyError::Name(format!(
                "give the address without its key ({}); the key itself is read from the standard input",
                parted.url
            )));
        }
        parted.url
    } else {
        text.to_owned()
    };
    let name = name_of(&named);
    if named.is_empty() || name.len() > MAX_NAME || named.contains(char::is_control) {
        return Err(KeyError::Name(format!(
            "a key is kept by a destination's id or address, in one line of at most {} bytes",
            MAX_NAME - PREFIX.len()
        )));
    }
    Ok(name)
}

/// The keys of this user: the keychain where one answers, or else the file.
pub struct Keys {
    file: KeyFile,
    keychain: OnceLock<Result<Keychain, String>>,
}

impl Keys {
    /// Those of a data folder. Nothing is asked or written before it has to be.
    pub fn open(data: &Path) -> Self {
        Self { file: KeyFile::in_folder(data), keychain: OnceLock::new() }
    }

    /// The keychain, tried once.
    fn keychain(&self) -> Result<&Keychain, KeyError> {
        let tried = self.keychain.get_or_init(Keychain::open);
        tried.as_ref().map_err(|cause| KeyError::NoKeychain { cause: cause.clone() })
    }

    /// Keeps a key in the keychain, or without one or if `in_file` in the file, and tells where.
    ///
    /// # Errors
    /// [`KeyError`]; then what was kept before still is.
    pub fn keep(&self, name: &str, secret: &Secret, in_file: bool) -> Result<Place, KeyError> {
        let before = self.file.place(name)?;
        let keychain = if in_file { None } else { self.keychain().ok() };
        if let Some(keychain) = keychain {
            keychain.set(name, secret)?;
            self.file.note_keychain(name)?;
            return Ok(Place::Keychain);
        }
        self.file.set(name, secret)?;
        if before == Some(Place::Keychain)
            && let Err(error) = self.keychain().and_then(|keychain| keychain.remove(name))
        {
            tracing::warn!(%error, "an older key stays in the keychain; it is not used any more");
        }
        Ok(Place::File)
    }

    /// A key that is not listed here: another data folder may have put it into the keychain. Nobody counts on it, so that a
    /// keychain in trouble is no error.
    fn unlisted(&self, name: &str) -> Option<Secret> {
        let keychain = self.keychain().ok()?;
        keychain.get(name).unwrap_or_else(|error| {
            tracing::warn!(%error, "going on without");
            None
        })
    }

    /// What is kept, by name, and where.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn list(&self) -> Result<Vec<(String, Place)>, KeyError> {
        self.file.list()
    }

    /// What a person must know of a key that is not in a keychain.
    pub fn warning(&self) -> String {
        let why = match self.keychain.get() {
            Some(Err(cause)) => format!("no keychain answers here ({cause}): "),
            _ => String::new(),
        };
        format!("{why}the key is in {}; whoever can read this user's files can read it", self.file.path().display())
    }
}

impl KeyStore for Keys {
    fn get(&self, name: &str) -> Result<Option<Secret>, KeyError> {
        match self.file.place(name)? {
            Some(Place::File) => {
                tracing::warn!("{}", self.warning());
                self.file.get(name)
            }
            Some(Place::Keychain) => self.keychain()?.get(name),
            None => Ok(self.unlisted(name)),
        }
    }

    fn set(&self, name: &str, secret: &Secret) -> Result<(), KeyError> {
        self.keep(name, secret, false).map(|_| ())
    }

    fn remove(&self, name: &str) -> Result<bool, KeyError> {
        let there = match self.file.place(name)? {
            Some(Place::Keychain) => self.keychain()?.remove(name)?,
            Some(Place::File) => true,
            None => self.keychain().map_or(Ok(false), |keychain| keychain.remove(name))?,
        };
        Ok(self.file.remove(name)? || there)
    }
}
