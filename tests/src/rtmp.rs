//! RTMP encoders: ffmpeg publishing to the studio, as a drone or another broadcaster does.

use std::{path::Path, time::Duration};

use anyhow::Result;

use crate::{
    child::Child,
    feed::{looped, sending},
};

/// How long an encoder may take to be let in and send.
const START: Duration = Duration::from_secs(15);

/// An encoder that publishes a clip for ever, without encoding it. Gone when dropped.
#[derive(Debug)]
pub struct Encoder {
    child: Child,
}

impl Encoder {
    /// Publishes to a listener that is there already, as `rtmp://127.0.0.1:PORT/live/key`, and is back when it sends.
    ///
    /// # Errors
    /// When nobody listens, or it is not let in.
    pub fn publish(clip: &Path, url: &str) -> Result<Self> {
        let mut command = looped(clip);
        command.args(["-c", "copy", "-progress", "pipe:1", "-f", "flv", url]);
        let child = Child::start("RTMP encoder", &mut command)?;
        child.wait_line("sending", START, sending)?;
        Ok(Self { child })
    }

    /// Takes it away at once, without a goodbye.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// The process, to freeze and thaw it or to see whether it was thrown out.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}
