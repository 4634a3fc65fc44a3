//! What does run: states, rates, drops and levels, as the engine sees them. Plain data.

use std::collections::BTreeMap;

use pulse_plan::OutputId;
use pulse_show::SourceId;
use pulse_sound::Levels;

/// Everything that is observed, taken at one moment.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Engine time in nanoseconds.
    pub at: u64,
    /// The program mixer.
    pub program: ProgramStatus,
    /// Each source.
    pub sources: BTreeMap<SourceId, SourceStatus>,
    /// Each output.
    pub outputs: BTreeMap<OutputId, OutputStatus>,
    /// The video encoders in use: element and frames waiting.
    pub encoders: Vec<EncoderStatus>,
    /// Each strip's meter.
    pub strips: BTreeMap<SourceId, Levels>,
    /// The program's meter.
    pub master: Levels,
}

/// How the program mixer fares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProgramStatus {
    /// Frames given out since the start.
    pub frames: u64,
    /// Frames that could not be made in time; the picture before was given again.
    pub dropped: u64,
    /// Blocks of sound that could not be made in time.
    pub sound_dropped: u64,
}

/// How a source fares.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceStatus {
    /// What the user calls it.
    pub name: String,
    /// Its state.
    pub state: SourceState,
    /// Frames received since the start.
    pub frames: u64,
    /// Frames that came too fast to be shown.
    pub dropped: u64,
    /// Size of its picture in pixels, once known.
    pub size: Option<(u32, u32)>,
}

/// The state of a source; each variant holds only what is true in it.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceState {
    /// Being reached for.
    Connecting {
        /// From 1.
        attempt: u32,
    },
    /// Giving pictures or sound.
    Live {
        /// Engine time.
        since: u64,
    },
    /// Lost; will be tried again.
    Retrying {
        /// Engine time of the next try.
        at: u64,
        /// Tries so far.
        attempt: u32,
        /// Why.
        cause: SourceFault,
    },
    /// A file that was played to its end; its last picture stays.
    Ended,
}

/// Why a source gives nothing: names the source, the cause and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceFault {
    /// The place could not be reached.
    #[error(
        "{name}: cannot reach {address}: {cause}. Check that it is switched on and that the address is right; it is tried again by itself."
    )]
    Unreachable {
        /// The source.
        name: String,
        /// Without secrets.
        address: String,
        /// What the system said.
        cause: String,
    },
    /// The place wants other credentials.
    #[error("{name}: {address} refused the login. Put the right user and password into its address.")]
    Refused {
        /// The source.
        name: String,
        /// Without secrets.
        address: String,
    },
    /// A file that is not there.
    #[error("{name}: there is no file {path}. Put it back or choose another one.")]
    MissingFile {
        /// The source.
        name: String,
        /// As written.
        path: String,
    },
    /// A device that is not there.
    #[error("{name}: {cause}")]
    MissingDevice {
        /// The source.
        name: String,
        /// What was looked for, and what there is.
        cause: String,
    },
    /// Something that cannot be decoded.
    #[error("{name}: {address} cannot be played: {cause}. Check the file or the stream with another player.")]
    Broken {
        /// The source.
        name: String,
        /// Without secrets.
        address: String,
        /// What the decoder said.
        cause: String,
    },
    /// It gave pictures and stopped.
    #[error("{name}: nothing came for {silent_ms} ms. Check its cable, battery and network; it comes back by itself.")]
    Frozen {
        /// The source.
        name: String,
        /// For how long.
        silent_ms: u64,
    },
    /// It said that it has ended.
    #[error("{name}: {address} ended the stream. It is tried again by itself.")]
    Ended {
        /// The source.
        name: String,
        /// Without secrets.
        address: String,
    },
    /// Something this machine lacks.
    #[error("{name}: this machine lacks {what}. Install it and restart.")]
    Lacking {
        /// The source.
        name: String,
        /// A GStreamer element or plugin.
        what: String,
    },
}

impl SourceFault {
    /// A stable word for it, as documented for error codes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "source_unreachable",
            Self::Refused { .. } => "source_refused",
            Self::MissingFile { .. } => "source_missing_file",
            Self::MissingDevice { .. } => "device_missing",
            Self::Broken { .. } => "source_broken",
            Self::Frozen { .. } => "source_frozen",
            Self::Ended { .. } => "source_lost",
            Self::Lacking { .. } => "not_supported",
        }
    }
}

/// How an output fares.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputStatus {
    /// Its state.
    pub state: OutputState,
    /// Bytes written or sent.
    pub bytes: u64,
    /// Bytes waiting to be written or sent.
    pub queued: u64,
    /// Encoded buffers dropped because its queue was full.
    pub dropped: u64,
    /// Bits a second that the network seems to carry, where the protocol tells.
    pub estimate: Option<u64>,
}

/// The state of an output; each variant holds only what is true in it.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputState {
    /// Not wanted.
    Offline,
    /// Waiting for the first keyframe or the other side.
    Connecting {
        /// From 1.
        attempt: u32,
    },
    /// Writing or sending.
    Live {
        /// Engine time.
        since: u64,
    },
    /// Lost; will be tried again.
    Retrying {
        /// Engine time of the next try.
        at: u64,
        /// Why.
        cause: String,
    },
    /// Told to end; finishing what it has.
    Draining {
        /// Engine time by which it must be done.
        deadline: u64,
    },
    /// Given up.
    Failed {
        /// Why, with the remedy.
        cause: String,
    },
}

/// A video encoder in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderStatus {
    /// The GStreamer element.
    pub element: String,
    /// Pictures waiting.
    pub queued: u64,
    /// Pictures it could not take in time.
    pub dropped: u64,
    /// How often it had to be replaced by the next one.
    pub failovers: u32,
}

/// Something that happened and should be told once.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Program frames flow.
    Ready,
    /// A source gives nothing any more, or could not be started.
    SourceLost {
        /// Which.
        source: SourceId,
        /// What the user calls it.
        name: String,
        /// Why.
        fault: SourceFault,
    },
    /// A source gives something again (or for the first time after a fault).
    SourceBack {
        /// Which.
        source: SourceId,
        /// What the user calls it.
        name: String,
        /// Nanoseconds it was away.
        away: u64,
    },
    /// A file is being written.
    Recording {
        /// Which output.
        output: OutputId,
        /// Where.
        path: std::path::PathBuf,
    },
    /// A file is whole.
    Recorded(FileReport),
    /// A destination takes the program.
    Publishing {
        /// Which output.
        output: OutputId,
    },
    /// An output was interrupted and is tried again.
    OutputRetrying {
        /// Which.
        output: OutputId,
        /// From 2.
        attempt: u32,
        /// Engine time of the next try.
        at: u64,
        /// A stable word for the cause, as documented for error codes.
        code: &'static str,
        /// Why, with the remedy.
        cause: String,
    },
    /// An output has failed for good.
    OutputFailed {
        /// Which.
        output: OutputId,
        /// A stable word for the cause, as documented for error codes.
        code: &'static str,
        /// Why, with the remedy.
        cause: String,
    },
    /// An encoder failed and the next one has taken over.
    EncoderReplaced {
        /// The one that failed.
        from: String,
        /// The one that goes on.
        to: String,
        /// What it said.
        cause: String,
    },
    /// A wish that cannot be met here.
    Refused {
        /// What is missing and which setting mends it.
        message: String,
    },
    /// No encoder is left.
    EncoderFailed {
        /// What the last one said.
        cause: String,
    },
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    /// Which output wrote it.
    pub output: OutputId,
    /// Where.
    pub path: std::path::PathBuf,
    /// The source, for a camera's or microphone's own file.
    pub source: Option<SourceId>,
    /// Engine time of its beginning in nanoseconds: what lies at zero in it.
    pub start: u64,
    /// Seconds.
    pub duration: f64,
    /// Pictures (or blocks of sound in a file without pictures).
    pub frames: u64,
    /// Size.
    pub bytes: u64,
}
