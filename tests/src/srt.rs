//! SRT cameras: ffmpeg calling the studio, and GStreamer's srtsink waiting to be called by it; and receivers of what the
//! studio sends.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{
    child::Child,
    cleanup::Workdir,
    feed::{insist, looped, once},
    judge::Region,
    receiver,
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
        Self::send(&format!("srt://127.0.0.1:{port}?mode=caller{}", joined(query)), clip)
    }

    /// As [`Camera::call`], to a whole address.
    ///
    /// # Errors
    /// When it is not let in within 15 s.
    pub fn send(url: &str, clip: &Path) -> Result<Self> {
        let source = insist(&format!("the SRT camera calling {url}"), &["-f", "mpegts", url], clip)?;
        Ok(Self { url: url.to_owned(), source, sink: None })
    }

    /// As [`Camera::send`], but a refusal is final.
    ///
    /// # Errors
    /// When it is not let in, with what it was told.
    pub fn send_once(url: &str, clip: &Path) -> Result<Self> {
        let source = once(&format!("the SRT camera calling {url}"), &["-f", "mpegts", url], clip)?;
        Ok(Self { url: url.to_owned(), source, sink: None })
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

/// An SRT server or decoder at the other end: ffmpeg, called by the studio or calling it. Gone when dropped.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    folder: Workdir,
    /// How often it was started.
    started: usize,
    receiver: receiver::Receiver,
}

impl Receiver {
    /// Waits on a free port for one caller; when that leaves it ends. `query` is added to its address, as
    /// `passphrase=0123456789`.
    ///
    /// # Errors
    /// When ffmpeg is missing.
    pub fn listen(query: &str) -> Result<Self> {
        let port = free_udp_port()?;
        Self::open(format!("srt://127.0.0.1:{port}?mode=listener{}", joined(query)))
    }

    /// Calls a port of 127.0.0.1 until somebody listens there, for half a minute.
    ///
    /// # Errors
    /// When ffmpeg is missing.
    pub fn call(port: u16, query: &str) -> Result<Self> {
        // In milliseconds.
        Self::open(format!("srt://127.0.0.1:{port}?mode=caller&connect_timeout=30000{}", joined(query)))
    }

    fn open(url: String) -> Result<Self> {
        let folder = Workdir::new("srt")?;
        let receiver = receiver::Receiver::open(&url, &[], Some(&folder.join("received-1.ts")), Region::WHOLE)?;
        Ok(Self { url, folder, started: 1, receiver })
    }

    /// Where a waiting receiver is called (with what it wants to hear), or whom a calling one calls.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.replace("mode=listener", "mode=caller")
    }

    /// What it was sent since it was started last, as it came.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("received-{}.ts", self.started))
    }

    /// Takes it away at once, without a goodbye. Nothing happens when it is gone already.
    pub fn kill(&mut self) {
        self.receiver.process().kill();
    }

    /// Brings it back at the same address, with a new file, killing it first where it still runs.
    ///
    /// # Errors
    /// When ffmpeg is missing.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        self.started += 1;
        self.receiver = receiver::Receiver::open(&self.url, &[], Some(&self.file()), Region::WHOLE)?;
        Ok(())
    }

    /// The pictures it was sent.
    pub fn pictures(&mut self) -> &mut receiver::Receiver {
        &mut self.receiver
    }
}

fn joined(query: &str) -> String {
    if query.is_empty() { String::new() } else { format!("&{query}") }
}
