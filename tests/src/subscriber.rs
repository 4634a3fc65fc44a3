//! A viewer of a LiveKit room: LiveKit's own Python SDK, which tells what it is sent.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::{
    child::Child,
    clock::wall_ms,
    judge::{Region, Rgb},
    livekit::{Grant, Server, token},
    peers,
};

/// How long it may take to join: mostly Python's own start.
const JOIN: Duration = Duration::from_secs(20);

/// Something that the viewer has told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    /// When it came, in milliseconds since 1970.
    pub wall: f64,
    /// When it came, in seconds of the machine's monotonic clock.
    pub mono: f64,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// What the viewer has told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// It is in the room.
    Connected {
        /// The room's name.
        room: String,
        /// Its own.
        identity: String,
    },
    /// Somebody else is in the room.
    Joined {
        /// Who.
        identity: String,
    },
    /// Somebody has left, as far as the server knows.
    Left {
        /// Who.
        identity: String,
    },
    /// A track is subscribed to.
    Track(Track),
    /// A track is not any more: unpublished, left, or its participant is gone.
    TrackGone {
        /// Which.
        sid: String,
    },
    /// A track was muted.
    Muted {
        /// Which.
        sid: String,
    },
    /// A track was unmuted.
    Unmuted {
        /// Which.
        sid: String,
    },
    /// A frame was decoded.
    Video(Frame),
    /// 100 ms of sound were decoded.
    Audio(Sound),
    /// The connection is lost and tried again.
    Reconnecting,
    /// The connection is back.
    Reconnected,
    /// The connection is lost for good, or was ended.
    Disconnected {
        /// LiveKit's name of the reason.
        reason: String,
    },
    /// It was not let in.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A track as it is announced.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Track {
    /// LiveKit's id of it.
    pub sid: String,
    /// The name that its publisher gave it.
    pub name: String,
    /// `video` or `audio`.
    pub kind: String,
    /// Who publishes it.
    pub identity: String,
    /// As `SOURCE_CAMERA`.
    pub source: String,
    /// As `video/H264`.
    pub mime: String,
    /// Pixels, as announced; 0 for sound.
    pub width: u32,
    /// Pixels, as announced; 0 for sound.
    pub height: u32,
    /// Whether there are several layers to choose from.
    pub simulcast: bool,
}

/// A decoded frame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Frame {
    /// Of which track.
    pub sid: String,
    /// The receiver's time stamp, in microseconds.
    pub pts_us: i64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Mean colours of a grid of 4 × 4, row by row.
    pub cells: Vec<Rgb>,
    /// The clock in the picture ([`crate::clock`]), in milliseconds since 1970, where one could be read.
    pub clock: Option<u64>,
}

/// 100 ms of decoded sound, resampled to two channels of 48 kHz whatever was sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sound {
    /// Of which track.
    pub sid: String,
    /// Samples a second.
    pub rate: u32,
    /// Channels.
    pub channels: u32,
    /// Samples of a channel.
    pub samples: u32,
    /// RMS of each channel in dBFS; -120 for silence.
    pub levels_db: Vec<f64>,
    /// The strongest frequency, in hertz.
    pub hz: f64,
}

impl Event {
    /// The frame, where it is one of this track.
    #[must_use]
    pub fn frame(&self, of: &str) -> Option<&Frame> {
        match &self.what {
            What::Video(frame) if frame.sid == of => Some(frame),
            _ => None,
        }
    }

    /// The sound, where it is some of this track.
    #[must_use]
    pub fn sound(&self, of: &str) -> Option<&Sound> {
        match &self.what {
            What::Audio(sound) if sound.sid == of => Some(sound),
            _ => None,
        }
    }

    /// For a frame with a clock in it: milliseconds from when it was drawn to when it was decoded.
    #[must_use]
    pub fn latency(&self) -> Option<f64> {
        match &self.what {
            What::Video(frame) => frame.clock.map(|drawn| self.wall - drawn as f64),
            _ => None,
        }
    }
}

/// A layer of a track that is sent in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// The smallest.
    Low,
    /// The one in the middle, where there is one.
    Medium,
    /// The largest.
    High,
}

/// A viewer. Gone without a goodbye when dropped.
#[derive(Debug)]
pub struct Subscriber {
    child: Child,
    events: Vec<Event>,
    /// How many of the events a wait has passed.
    read: usize,
}

impl Subscriber {
    /// Joins a room of a server and subscribes to everything.
    ///
    /// # Errors
    /// When it is not let in within 20 s.
    pub fn join(server: &Server, room: &str) -> Result<Self> {
        Self::join_at(&server.url(), room, "viewer", Region::WHOLE)
    }

    /// As [`Subscriber::join`], at an address (that of a proxy, say), under a name, looking for the clock in a part of
    /// the picture.
    ///
    /// # Errors
    /// As [`Subscriber::join`].
    pub fn join_at(url: &str, room: &str, identity: &str, clock_in: Region) -> Result<Self> {
        let Region { x, y, w, h } = clock_in;
        let mut command = Command::new(peers::python()?);
        command.arg(peers::script("subscriber/subscriber.py"));
        command.args(["--url", url, "--clock-in", &format!("{x},{y},{w},{h}")]);
        command.env("LIVEKIT_TOKEN", token(room, identity, Grant::Watch)?).stdin(Stdio::piped());
        let child = Child::start(format!("{identity} in the room {room}"), &mut command)?;
        let mut viewer = Self { child, events: Vec::new(), read: 0 };
        let answer = viewer.wait_for("an answer of the server", JOIN, |event| match &event.what {
            What::Connected { .. } => Some(Ok(())),
            What::Failed { reason } => Some(Err(reason.clone())),
            _ => None,
        })?;
        answer.map_err(anyhow::Error::msg).context("the viewer is not let in")?;
        Ok(viewer)
    }

    /// Reads on until `wanted` gives a value for an event. What is read on the way is in [`Subscriber::events`].
    ///
    /// # Errors
    /// When none does in time, or the viewer ended first: with what it said on standard error.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut wanted: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + within;
        loop {
            while self.read < self.events.len() {
                self.read += 1;
                if let Some(value) = wanted(&self.events[self.read - 1]) {
                    return Ok(value);
                }
            }
            let heard = self.hear(what, end.saturating_duration_since(Instant::now()));
            if !heard.with_context(|| format!("waited {:.1} s for {what}", within.as_secs_f64()))? {
                bail!("{} ended before {what}; it said:\n{}", self.child.name(), self.child.stderr());
            }
        }
    }

    /// The first track of a kind (`video`, `audio`) and a name that is there or comes in time. Nothing is read past.
    ///
    /// # Errors
    /// As [`Subscriber::wait_for`].
    pub fn track(&mut self, kind: &str, name: &str, within: Duration) -> Result<Track> {
        let read = std::mem::take(&mut self.read);
        let found = self.wait_for(&format!("the {kind} track \"{name}\""), within, |event| match &event.what {
            What::Track(track) if track.kind == kind && track.name == name => Some(track.clone()),
            _ => None,
        });
        self.read = read;
        found
    }

    /// The next frame of a track.
    ///
    /// # Errors
    /// As [`Subscriber::wait_for`].
    pub fn next_frame(&mut self, sid: &str, within: Duration) -> Result<Frame> {
        self.wait_for("a frame", within, |event| event.frame(sid).cloned())
    }

    /// The next 100 ms of a track's sound.
    ///
    /// # Errors
    /// As [`Subscriber::wait_for`].
    pub fn next_sound(&mut self, sid: &str, within: Duration) -> Result<Sound> {
        self.wait_for("sound", within, |event| event.sound(sid).cloned())
    }

    /// Everything that comes in the next while; what had come before and was not waited for is read past.
    ///
    /// # Errors
    /// When the viewer ends meanwhile.
    pub fn watch(&mut self, span: Duration) -> Result<Vec<Event>> {
        let (began, end) = (wall_ms() as f64, Instant::now() + span);
        let from = self.events.len();
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match self.hear("anything", left) {
                Ok(true) => {}
                Ok(false) => bail!("{} ended; it said:\n{}", self.child.name(), self.child.stderr()),
                Err(_) if Instant::now() >= end => break,
                Err(cause) => return Err(cause),
            }
        }
        self.read = self.events.len();
        // Lines that had waited unread are from before.
        Ok(self.events[from..].iter().filter(|event| event.wall >= began).cloned().collect())
    }

    /// Everything so far, what nobody waited for included.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Asks for a layer of a track that is sent in several.
    ///
    /// # Errors
    /// When the viewer has ended.
    pub fn ask_quality(&mut self, sid: &str, quality: Quality) -> Result<()> {
        let quality = match quality {
            Quality::Low => "low",
            Quality::Medium => "medium",
            Quality::High => "high",
        };
        self.child.write_line(&json!({"track": sid, "quality": quality}).to_string())
    }

    /// Subscribes to a track, or leaves it.
    ///
    /// # Errors
    /// When the viewer has ended.
    pub fn subscribe(&mut self, sid: &str, subscribed: bool) -> Result<()> {
        self.child.write_line(&json!({"track": sid, "subscribed": subscribed}).to_string())
    }

    /// The process, to freeze or kill it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Takes one more line; false when there will be none.
    fn hear(&mut self, what: &str, within: Duration) -> Result<bool> {
        let Some(line) = self.child.next_line(what, within)? else { return Ok(false) };
        let event = serde_json::from_str(&line).with_context(|| format!("the viewer printed no event: {line}"))?;
        self.events.push(event);
        Ok(true)
    }
}
