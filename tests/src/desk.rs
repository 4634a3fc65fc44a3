//! A desktop session of a test's own: a folder, a message bus, and daemons that live and remember in them.
//!
//! Nothing of the user's own session is touched: only a program that is given [`Desk::env`] finds this one.

use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    child::{Child, run},
    cleanup::Workdir,
    wait::wait_until,
};

/// How long a daemon may take to be there.
const PATIENCE: Duration = Duration::from_secs(15);

/// The session. Gone with its daemons when dropped.
#[derive(Debug)]
pub(crate) struct Desk {
    _daemons: Vec<Child>,
    folder: Workdir,
}

impl Desk {
    /// Starts the message bus; `name` begins the folder's name.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub(crate) fn start(name: &str) -> Result<Self> {
        let mut desk = Self { _daemons: Vec::new(), folder: Workdir::new(name)? };
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--nopidfile"]).arg(format!("--address={}", desk.bus()));
        desk.daemon(bus.stdin(Stdio::null()), Some("bus"))?;
        Ok(desk)
    }

    /// The path of something in the session's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The environment variables with which a program finds this session instead of the user's.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let folder = self.folder.path().display().to_string();
        [("XDG_RUNTIME_DIR", folder), ("DBUS_SESSION_BUS_ADDRESS", self.bus())]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    }

    fn bus(&self) -> String {
        format!("unix:path={}", self.path("bus").display())
    }

    /// Starts a program that belongs to the session, and waits for its socket in the folder where it has one.
    ///
    /// # Errors
    /// When it is not installed or its socket does not open within 15 s.
    pub(crate) fn daemon(&mut self, command: &mut Command, socket: Option<&str>) -> Result<()> {
        // A warning of theirs is not ours, and must not end them.
        command.envs(self.env()).env_remove("G_DEBUG");
        // What they remember belongs to the session too.
        for variable in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env(variable, self.path(variable));
        }
        let program = command.get_program().display().to_string();
        let child = Child::start(&program, command)?;
        if let Some(socket) = socket {
            let path = self.path(socket);
            wait_until(&format!("{program} to open {socket}"), PATIENCE, || UnixStream::connect(&path).is_ok())
                .with_context(|| child.stderr())?;
        }
        self._daemons.push(child);
        Ok(())
    }

    /// Runs a program that belongs to the session to its end and gives its standard output.
    ///
    /// # Errors
    /// When it is not installed or does not end well.
    pub(crate) fn tool(&self, command: &mut Command) -> Result<String> {
        let (output, _) = run(command.envs(self.env()).env_remove("G_DEBUG"))?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}
