//! Whoever receives a stream by another way than LiveKit: an ffmpeg that plays it or is called by it, tells when each
//! picture was decoded and what the clock in it said, and saves what came as it came.

use std::{
    io::Read,
    path::Path,
    process::{ChildStdout, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};

use crate::{
    child::Child,
    clock,
    judge::{Picture, Region, ffmpeg},
    wait::wait_for,
};

/// The size at which pictures are looked at: the clock is read down to a quarter of it.
const WIDTH: usize = 640;
const HEIGHT: usize = 360;

/// A picture that was decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// When, in milliseconds since 1970.
    pub wall: u64,
    /// The clock in it ([`crate::clock`]), in milliseconds since 1970, where one could be read.
    pub clock: Option<u64>,
}

impl Seen {
    /// Milliseconds from when it was drawn to when it was decoded.
    #[must_use]
    pub fn latency(&self) -> Option<f64> {
        self.clock.map(|drawn| self.wall as f64 - drawn as f64)
    }
}

/// A receiver. Gone when dropped.
#[derive(Debug)]
pub struct Receiver {
    child: Child,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    /// Begins to receive: `input` are ffmpeg's options of the input, as `["-listen", "1"]`; what comes is saved in a new
    /// file, whose ending says its form, where one is given; the clock is looked for in a part of the picture.
    ///
    /// # Errors
    /// When ffmpeg is missing. That nothing comes is told by [`Receiver::wait_first`].
    pub fn open(url: &str, input: &[&str], save: Option<&Path>, clock_in: Region) -> Result<Self> {
        let mut command = ffmpeg();
        // Nothing is kept back to look at the stream or to put frames in order.
        command.args(["-fflags", "nobuffer", "-flags", "low_delay", "-analyzeduration", "0", "-threads", "1"]);
        command.args(input).args(["-i", url]);
        let filter = format!("scale={WIDTH}:{HEIGHT}:flags=area,format=rgb24");
        command.args([
            "-map",
            "0:v:0",
            "-vf",
            &filter,
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
            "-flush_packets",
            "1",
        ]);
        command.arg("-");
        if let Some(path) = save {
            ensure!(!path.exists(), "{} is there already", path.display());
            command.args(["-map", "0", "-c", "copy", "-flush_packets", "1"]).arg(path);
        }
        let (child, pictures) = Child::start_piped(format!("the receiver of {url}"), command.stdin(Stdio::null()))?;
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let noted = Arc::clone(&seen);
        thread::Builder::new().name("receiver".to_owned()).spawn(move || look(pictures, clock_in, &noted))?;
        Ok(Self { child, seen })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the first picture.
    ///
    /// # Errors
    /// When none comes in time, or the receiver ended first: with what it said.
    pub fn wait_first(&mut self, within: Duration) -> Result<Seen> {
        wait_for("a first picture", within, || {
            let first = self.lock().first().copied();
            ensure!(first.is_some() || self.child.is_running(), "it has ended; it said:\n{}", self.child.stderr());
            Ok(first)
        })
    }

    /// Waits for a picture that comes from now on.
    ///
    /// # Errors
    /// As [`Receiver::wait_first`].
    pub fn wait_next(&mut self, within: Duration) -> Result<Seen> {
        let before = self.lock().len();
        wait_for("another picture", within, || {
            let next = self.lock().get(before).copied();
            ensure!(next.is_some() || self.child.is_running(), "it has ended; it said:\n{}", self.child.stderr());
            Ok(next)
        })
    }

    /// Every picture so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// The process: to freeze or kill it, or to wait until its sender has ended.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}

fn look(mut pictures: ChildStdout, clock_in: Region, seen: &Mutex<Vec<Seen>>) {
    let mut picture = vec![0; WIDTH * HEIGHT * 3];
    while pictures.read_exact(&mut picture).is_ok() {
        let wall = clock::wall_ms();
        let whole = Picture::from_rgb(WIDTH, HEIGHT, picture.clone());
        let clock = clock::read(&whole, clock_in);
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { wall, clock });
    }
}
