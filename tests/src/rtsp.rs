//! Network cameras: our own `rtsp-camera` (gst-rtsp-server) in a process of its own, to be frozen, killed and brought back.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    child::{Child, built},
    wait::free_tcp_port,
};

/// How long a camera may take from its start to accepting connections.
const START: Duration = Duration::from_secs(10);

/// What a camera shows.
#[derive(Debug, Clone)]
pub enum Feed {
    /// A clip as it is, without encoding it, for ever.
    Clip(PathBuf),
    /// A test picture that is drawn and encoded while it runs: further arguments of `rtsp-camera`, as `["--codec", "mjpeg"]`.
    Drawn(Vec<String>),
}

/// A network camera. Gone when dropped.
#[derive(Debug)]
pub struct Camera {
    feed: Feed,
    login: Option<(String, String)>,
    port: u16,
    child: Child,
}

impl Camera {
    /// A camera that plays a clip.
    ///
    /// # Errors
    /// When it does not come up within 10 s.
    pub fn play(clip: &Path) -> Result<Self> {
        Self::start(Feed::Clip(clip.to_owned()), None)
    }

    /// A camera; with a name and a password, of letters, digits and `-._~` only, one that asks for them.
    ///
    /// # Errors
    /// When it does not come up within 10 s.
    pub fn start(feed: Feed, login: Option<(&str, &str)>) -> Result<Self> {
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let port = free_tcp_port()?;
        let child = launch(&feed, login.as_ref(), port)?;
        Ok(Self { feed, login, port, child })
    }

    /// Its address, with name and password where it asks for them.
    #[must_use]
    pub fn url(&self) -> String {
        let login = self.login.as_ref().map(|(user, password)| format!("{user}:{password}@")).unwrap_or_default();
        format!("rtsp://{login}127.0.0.1:{}/cam", self.port)
    }

    /// Takes it away at once, as when its cable is pulled (SIGKILL). Nothing happens when it is away already.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Brings it back at the same address, killing it first where it still runs.
    ///
    /// # Errors
    /// When it does not come up within 10 s.
    pub fn restart(&mut self) -> Result<()> {
        self.child.kill();
        self.child = launch(&self.feed, self.login.as_ref(), self.port)?;
        Ok(())
    }

    /// The process, to freeze and thaw it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}

fn launch(feed: &Feed, login: Option<&(String, String)>, port: u16) -> Result<Child> {
    let mut command = Command::new(built("rtsp-camera", "pulse-tests")?);
    command.stdin(Stdio::null()).args(["--port", &port.to_string()]);
    match feed {
        Feed::Clip(path) => command.arg("--file").arg(path),
        Feed::Drawn(arguments) => command.args(arguments),
    };
    if let Some((user, password)) = login {
        command.args(["--user", user, "--password", password]);
    }
    let child = Child::start(format!("camera on port {port}"), &mut command)?;
    child.wait_line("being ready", START, |line| line.strip_prefix("ready ").map(|_| ())).context("no camera")?;
    Ok(child)
}
