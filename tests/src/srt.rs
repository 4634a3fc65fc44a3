//! SRT cameras: ffmpeg calling the studio, and GStreamer's srtsink waiting to be called by it.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{
    child::Child,
    feed::{insist, looped},
    wait::free_udp_port,
};

/// How long a waiting camera may take to come up.
const START: Duration = Duration::from_secs(15);

/// A camera that sends a clip for ever as an MPEG transport stream, without encoding it. Gone when dropped.
#[derive(Debug)]
pub struct Camera {
    url: String,
    source: Child,
    sink: Option<Child>,
}

impl Camera {
    /// A camera that waits on a free port for callers, lets them come and go, and sends to whoever is there. `query` is
    /// added to its address, as `passphrase=0123456789` (SRT wants 10 to 79 letters).
    ///
    /// # Errors
    /// When it does not come up.
    pub fn listen(clip: &Path, query: &str) -> Result<Self> {
        Self::listen_on(free_udp_port()?, clip, query)
    }

    /// As [`Camera::listen`], on a given UDP port: brings back a camera that was killed.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn listen_on(port: u16, clip: &Path, query: &str) -> Result<Self> {
        let (source, stream) =
            Child::start_piped("the SRT camera's picture", looped(clip).args(["-c", "copy", "-f", "mpegts", "-"]))?;
        let mut command = Command::new("gst-launch-1.0");
        command.args(["-m", "fdsrc", "fd=0", "blocksize=1316", "!", "srtsink"]);
        command.args(["wait-for-connection=false", "sync=false"]);
        command.arg(format!("uri=srt://127.0.0.1:{port}?mode=listener{}", joined(query)));
        let sink = Child::start(format!("SRT camera on port {port}"), command.stdin(Stdio::from(stream)))?;
        sink.wait_line("playing", START, |line| line.contains("PLAYING").then_some(()))?;
        let url = format!("srt://127.0.0.1:{port}?mode=caller{}", joined(query));
        Ok(Self { url, source, sink: Some(sink) })
    }

    /// A camera that calls a listener that is there or soon will be, as the studio at `srt://:PORT?mode=listener`, and is back
    /// when it sends.
    ///
    /// # Errors
    /// When it is not let in within 15 s.
    pub fn call(port: u16, clip: &Path, query: &str) -> Result<Self> {
        let url = format!("srt://127.0.0.1:{port}?mode=caller{}", joined(query));
        let source = insist(&format!("the SRT camera calling port {port}"), &["-f", "mpegts", &url], clip)?;
        Ok(Self { url, source, sink: None })
    }

    /// Where a waiting camera is called, or whom a calling one calls.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes it away at once, without a goodbye.
    pub fn kill(&mut self) {
        if let Some(sink) = &mut self.sink {
            sink.kill();
        }
        self.source.kill();
    }

    /// The process that makes its picture, to freeze and thaw it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.source
    }
}

fn joined(query: &str) -> String {
    if query.is_empty() { String::new() } else { format!("&{query}") }
}
