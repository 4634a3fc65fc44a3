//! A participant that publishes a camera with a clock ([`crate::clock`]) and a tone, by LiveKit's own Python SDK.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{
    child::Child,
    clock,
    livekit::{Grant, Server, token},
    peers,
};

/// The names of its tracks.
pub const VIDEO: &str = "program";
/// See [`VIDEO`].
pub const AUDIO: &str = "program-audio";

/// How long it may take to publish: mostly Python's own start.
const PUBLISH: Duration = Duration::from_secs(20);

/// A participant that publishes. Gone without a goodbye when dropped.
#[derive(Debug)]
pub struct Publisher {
    _camera: Child,
    child: Child,
}

impl Publisher {
    /// Joins a room and publishes a picture of a size at 30 frames a second, in several layers or in one, and a tone in
    /// hertz at -15 dBFS RMS.
    ///
    /// # Errors
    /// When it is not let in within 20 s.
    pub fn join(server: &Server, room: &str, size: (u32, u32), hertz: u32, simulcast: bool) -> Result<Self> {
        Self::join_at(&server.url(), room, size, hertz, simulcast)
    }

    /// As [`Publisher::join`], at an address (that of a proxy, say).
    ///
    /// # Errors
    /// As [`Publisher::join`].
    pub fn join_at(url: &str, room: &str, size: (u32, u32), hertz: u32, simulcast: bool) -> Result<Self> {
        let (camera, frames) = Child::start_piped("the publisher's camera", &mut clock::raw(size, 30)?)?;
        let mut command = Command::new(peers::python()?);
        command.arg(peers::script("subscriber/publisher.py")).args(["--url", url]);
        command.args(["--size", &format!("{}x{}", size.0, size.1), "--tone", &hertz.to_string()]);
        command.args(simulcast.then_some("--simulcast"));
        command.env("LIVEKIT_TOKEN", token(room, "publisher", Grant::Publish)?).stdin(Stdio::from(frames));
        let child = Child::start("the publisher", &mut command)?;
        child.wait_line("being published", PUBLISH, |line| line.strip_prefix("published ").map(|_| ()))?;
        Ok(Self { _camera: camera, child })
    }

    /// The process, to freeze, thaw or kill it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}
