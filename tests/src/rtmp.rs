//! RTMP encoders: ffmpeg publishing to the studio, as a drone or another broadcaster does.

use std::path::Path;

use anyhow::Result;

use crate::{
    child::Child,
    feed::{attempt, insist},
};

/// An encoder that publishes a clip for ever, without encoding it. Gone when dropped.
#[derive(Debug)]
pub struct Encoder {
    child: Child,
}

impl Encoder {
    /// Publishes to a listener that is there or soon will be, as `rtmp://127.0.0.1:PORT/live/key`, and is back when it sends.
    ///
    /// # Errors
    /// When it is not let in within 15 s.
    pub fn publish(clip: &Path, url: &str) -> Result<Self> {
        let child = insist("the RTMP encoder", &["-f", "flv", url], clip)?;
        Ok(Self { child })
    }

    /// As [`Encoder::publish`], but a refusal is final.
    ///
    /// # Errors
    /// When it is not let in, with what it was told.
    pub fn publish_once(clip: &Path, url: &str) -> Result<Self> {
        let child = attempt("the RTMP encoder", &["-f", "flv", url], clip)?;
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
