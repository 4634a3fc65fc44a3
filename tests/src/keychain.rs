//! A keychain: GNOME's, unlocked, on a message bus of the test's own. It serves Secret Service, as every Linux desktop does.

use std::{
    fs::{self, File},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{desk::Desk, wait::wait_for};

/// How long it may take to be unlocked.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running keychain. Gone when dropped.
#[derive(Debug)]
pub struct Keychain {
    desk: Desk,
}

impl Keychain {
    /// Starts an empty one, and is back when it takes secrets.
    ///
    /// # Errors
    /// When it is not installed (Debian: gnome-keyring) or does not come up.
    pub fn start() -> Result<Self> {
        let mut desk = Desk::start("keychain")?;
        let password = desk.path("password");
        fs::write(&password, "correct horse")?;
        let mut daemon = Command::new("gnome-keyring-daemon");
        daemon.args(["--foreground", "--unlock", "--components=secrets"]).stdin(File::open(password)?);
        desk.daemon(&mut daemon, None)?;
        let keychain = Self { desk };
        wait_for("the keychain to be unlocked", PATIENCE, || {
            let told = keychain.call("ReadAlias", "string:default");
            // Before it has its name on the bus the question fails; before it is unlocked the default is "/".
            Ok(told.ok().filter(|told| told.contains("/collection/")).map(|_| ()))
        })?;
        Ok(keychain)
    }

    /// The environment variables with which a program finds it instead of the user's.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        self.desk.env()
    }

    /// Locks it, as when the user goes away. Nobody is there to unlock it again: whoever asks is refused.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn lock(&self) -> Result<()> {
        self.call("Lock", "array:objpath:/org/freedesktop/secrets/collection/login").map(|_| ())
    }

    /// Calls a method of the Secret Service (freedesktop.org's Secret Service API).
    fn call(&self, method: &str, argument: &str) -> Result<String> {
        let mut ask = Command::new("dbus-send");
        ask.args(["--session", "--print-reply=literal", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"]);
        ask.arg(format!("org.freedesktop.Secret.Service.{method}")).arg(argument);
        self.desk.tool(&mut ask)
    }

    /// The secret of a program by name, as `secret-tool` (Debian: libsecret-tools) reads it; none if there is none.
    ///
    /// # Errors
    /// When the tool is not installed.
    pub fn secret(&self, service: &str, username: &str) -> Result<Option<String>> {
        let mut command = Command::new("secret-tool");
        command.args(["lookup", "service", service, "username", username]).envs(self.env());
        let output = command.output().context("secret-tool cannot be started; is it installed?")?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}
