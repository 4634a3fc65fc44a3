//! What crosses a process border: the lines a headless run prints, the cues it follows, the errors everybody reports.
//!
//! May import: serde, serde_json, thiserror. Never: tokio, Tauri, GStreamer, a clock, the file system.
//!
//! Invariants:
//! * names on the wire are `snake_case` and never change their meaning; new fields and new events may be added;
//! * times and durations are seconds, sizes are bytes, rates are a second's worth, levels are dBFS;
//! * every number written is finite, so that every line is valid JSON for every reader;
//! * whatever is written here can be read back here.

pub mod cue;
pub mod error;
pub mod event;
pub mod file;
mod number;
pub mod status;
pub mod transition;

pub use cue::{Cue, CueAction, CueError, Names};
pub use error::{Blame, ErrorCode, Fault, Severity};
pub use event::{
    Canvas, Encoder, EncoderStats, Event, Line, Meter, OutputStats, RecordedFile, SourceStats, State, Stats,
};
pub use file::{FileKind, UnknownFileKind};
pub use status::{Status, StudioStatus};
pub use transition::{Edge, Transition, TransitionError};
