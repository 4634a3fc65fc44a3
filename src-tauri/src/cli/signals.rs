//! SIGINT and SIGTERM (Ctrl-C and the closing of the console on Windows), as something to wait for.

use crate::error::Failure;

/// The number of SIGXFSZ, the same on Linux and macOS.
#[cfg(unix)]
const SIGXFSZ: i32 = 25;

/// Listens from its making on, so that no signal is missed.
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    /// Held so that a file size limit is an error that the recorder handles, not the end of the process.
    #[cfg(unix)]
    _file_limit: tokio::signal::unix::Signal,
    #[cfg(windows)]
    close: tokio::signal::windows::CtrlClose,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// Begins to listen.
    #[cfg(unix)]
    pub fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(Failure::failed);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            _file_limit: listen(SignalKind::from_raw(SIGXFSZ))?,
        })
    }

    /// Begins to listen.
    #[cfg(windows)]
    pub fn listen() -> Result<Self, Failure> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(Self { close: ctrl_close().map_err(Failure::failed)?, interrupt: ctrl_c().map_err(Failure::failed)? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(windows)]
        tokio::select! {
            _ = self.close.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
