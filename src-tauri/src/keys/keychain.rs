//! The system's keychain: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
//!
//! Every call may block on another process, or on a person who is asked to unlock: it is made on a thread of its own, with a
//! deadline. A call that is not back by then is left behind; it holds nothing of ours.

use std::{sync::mpsc, thread, time::Duration};

use keyring::{Entry, Error};
use pulse_show::Secret;

use super::{KeyError, KeyStore};

/// Whose entries they are.
const SERVICE: &str = "pulse-studio";
/// What is asked for to see whether anything answers. It is never written.
const NOBODY: &str = "destination/";
/// How long a keychain may take to answer when nothing has to be unlocked.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a person may take to unlock it.
const UNLOCK: Duration = Duration::from_secs(60);

/// A keychain that has answered.
#[derive(Debug)]
pub struct Keychain(());

impl Keychain {
    /// Asks whether there is one; the error is why there is none.
    pub fn open() -> Result<Self, String> {
        // Why it cannot be reached is only told by the status, not by the entry.
        let tried = within(ANSWER, || {
            if let Err(error) = Entry::store_status() {
                return Err(error.to_string());
            }
            match Entry::new(SERVICE, NOBODY).and_then(|entry| entry.get_password()) {
                Ok(_) | Err(Error::NoEntry) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        });
        tried.and_then(|answer| answer).map(|()| Self(()))
    }

    fn ask<T: Send + 'static>(
        what: &'static str,
        name: &str,
        call: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Result<Option<T>, KeyError> {
        let fault = |cause: String| KeyError::Keychain { what, name: name.to_owned(), cause };
        let asked = name.to_owned();
        match within(UNLOCK, move || Entry::new(SERVICE, &asked).and_then(|entry| call(&entry))).map_err(fault)? {
            Ok(value) => Ok(Some(value)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(fault(error.to_string())),
        }
    }
}

impl KeyStore for Keychain {
    fn get(&self, name: &str) -> Result<Option<Secret>, KeyError> {
        Self::ask("give", name, |entry| entry.get_password().map(Secret::new))
    }

    fn set(&self, name: &str, secret: &Secret) -> Result<(), KeyError> {
        let secret = secret.clone();
        Self::ask("take", name, move |entry| entry.set_password(secret.reveal())).map(|_| ())
    }

    fn remove(&self, name: &str) -> Result<bool, KeyError> {
        Self::ask("forget", name, Entry::delete_credential).map(|found| found.is_some())
    }
}

/// What `call` gives, if it does in time.
fn within<T: Send + 'static>(time: Duration, call: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (answer, answered) = mpsc::sync_channel(1);
    let asking = move || {
        // Whoever asked may have given up.
        let _ = answer.send(call());
    };
    thread::Builder::new().name("keychain".into()).spawn(asking).map_err(|error| error.to_string())?;
    answered.recv_timeout(time).map_err(|_| format!("no answer in {} s", time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_answers_is_not_waited_for() {
        let (_keep, never) = mpsc::channel::<()>();
        let told = within(Duration::from_millis(10), move || never.recv().is_ok());
        assert_eq!(told, Err("no answer in 0 s".to_owned()));
        assert_eq!(within(ANSWER, || 7), Ok(7));
    }
}
