//! What a headless run tells, one JSON object a line: `{"t":1.25,"event":"take","scene":"Wide",…}`.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::number::{level, measure, rounded};
use crate::{ErrorCode, Fault, FileKind, Transition};

/// One line of output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Seconds since the start, to the millisecond.
    #[serde(serialize_with = "measure")]
    pub t: f64,
    /// What happened then.
    #[serde(flatten)]
    pub event: Event,
}

impl Line {
    /// Something that happened `since_start`.
    pub fn new(since_start: Duration, event: Event) -> Self {
        Self { t: rounded(since_start.as_secs_f64()), event }
    }

    /// The line as it is printed, without its line break.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text keys and finite numbers always make JSON")
    }
}

/// What can happen in a run. Sources and outputs are named by their ids in the show; `name` is what the user calls them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Program frames flow.
    Ready {
        /// The version of Pulse Studio.
        version: String,
        /// Size and rate of the program.
        canvas: Canvas,
        /// What encodes the program, if anything does yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encoder: Option<Encoder>,
        /// Where the control plane listens, if it does: `http://127.0.0.1:PORT`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        control: Option<String>,
    },
    /// A file has been begun.
    Recording {
        /// Where it is.
        path: String,
        /// What it holds.
        kind: FileKind,
        /// Whose it is; none for the program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// A destination takes the program.
    Publishing {
        /// Which one.
        output: String,
    },
    /// Another scene goes on air.
    Take {
        /// Its name.
        scene: String,
        /// How.
        transition: Transition,
        /// Milliseconds that it takes.
        ms: u32,
    },
    /// A moment was marked.
    Marker {
        /// What it is called.
        name: String,
    },
    /// A strip was silenced, or is heard again.
    Mute {
        /// Whose strip.
        source: String,
        /// Whether it is silent now.
        muted: bool,
    },
    /// A source stopped sending, or never began; its slate is shown and it is tried again.
    SourceLost {
        /// Which one.
        source: String,
        /// What the user calls it.
        name: String,
        /// The kind of fault.
        code: ErrorCode,
        /// What happened.
        cause: String,
    },
    /// A lost source sends again.
    SourceBack {
        /// Which one.
        source: String,
        /// What the user calls it.
        name: String,
        /// Seconds that it was away.
        #[serde(serialize_with = "measure")]
        after: f64,
    },
    /// Something worth knowing, or an error that belongs to nothing else here.
    Notice(Fault),
    /// A destination failed and is tried again.
    OutputRetrying {
        /// Which one.
        output: String,
        /// The number of the next try, from 1.
        attempt: u32,
        /// When that is, in seconds since the start.
        #[serde(serialize_with = "measure")]
        at: f64,
        /// The kind of fault.
        code: ErrorCode,
        /// What happened.
        cause: String,
    },
    /// A destination failed and is not tried again.
    OutputFailed {
        /// Which one.
        output: String,
        /// The kind of fault.
        code: ErrorCode,
        /// What happened.
        cause: String,
    },
    /// How it goes; every second.
    Stats(Stats),
    /// The end: every file is complete.
    Stopped {
        /// Each file that was written.
        files: Vec<RecordedFile>,
    },
}

/// Size and rate of the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Canvas {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    #[serde(serialize_with = "measure")]
    pub fps: f64,
}

/// What encodes the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoder {
    /// The GStreamer element, as `--encoder` takes it.
    pub name: String,
    /// Whether a GPU or the like does the work.
    pub hardware: bool,
}

/// How a run goes. Counts are since the start, rates are over the last second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Program frames a second.
    #[serde(serialize_with = "measure")]
    pub fps: f64,
    /// Program frames made.
    pub frames: u64,
    /// Program frames that were due and not made.
    pub dropped: u64,
    /// Seconds of processor time used by the whole process, all cores together.
    #[serde(serialize_with = "measure")]
    pub cpu_seconds: f64,
    /// Memory in use by the whole process.
    pub rss_bytes: u64,
    /// What encodes the program, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
    /// Every video encoder of the program: more than one when outputs want different things.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encoders: Vec<EncoderStats>,
    /// Each recording and destination, by id.
    #[serde(default)]
    pub outputs: BTreeMap<String, OutputStats>,
    /// Each source, by id.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceStats>,
    /// Each strip by its source's id, and `master`; empty where nobody listens.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub meters: BTreeMap<String, Meter>,
}

/// A video encoder at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderStats {
    /// The element.
    pub name: String,
    /// Pictures waiting for it.
    pub queued: u64,
    /// Pictures it could not take in time.
    pub dropped: u64,
}

/// Where a source or an output stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not asked to run.
    Offline,
    /// Trying for the first time.
    Connecting,
    /// Running.
    Live,
    /// Failed, and tried again later.
    Retrying,
    /// Told to stop, writing what is left.
    Draining,
    /// Failed for good.
    Failed,
}

/// How an output goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputStats {
    /// Where it stands.
    pub state: State,
    /// Bits a second that left.
    pub bitrate: u64,
    /// Seconds of media waiting to leave.
    #[serde(serialize_with = "measure")]
    pub queue: f64,
    /// Frames thrown away because they could not leave in time.
    pub dropped: u64,
    /// Bytes that left.
    pub bytes: u64,
}

/// How a source goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceStats {
    /// What the user calls it.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Pictures a second that it sent; 0 for a microphone.
    #[serde(serialize_with = "measure")]
    pub fps: f64,
    /// Pictures that came and could not be used.
    pub dropped: u64,
}

/// How loud something is, the louder of its channels. Silence is written as -100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Meter {
    /// Highest sample, dBFS.
    #[serde(serialize_with = "level")]
    pub peak: f64,
    /// Mean power, dBFS.
    #[serde(serialize_with = "level")]
    pub rms: f64,
}

/// One file that a run wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// Where it is.
    pub path: String,
    /// What it holds.
    pub kind: FileKind,
    /// Whose it is; none for the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it begins, in seconds since the start of the run.
    #[serde(serialize_with = "measure")]
    pub start: f64,
    /// Seconds.
    #[serde(serialize_with = "measure")]
    pub duration: f64,
    /// Pictures; 0 in a file of sound.
    pub frames: u64,
    /// Its size.
    pub bytes: u64,
}
