//! The show as a document: what is in it, what may be done to it, and how it is saved.
//!
//! May import: serde and its JSON, percent-encoding, thiserror. Never: tokio, GStreamer, a clock, the file system.
//!
//! Invariants:
//! * a [`Show`] that passed [`validate`] refers only to things it holds;
//! * [`apply`] either applies a [`Command`] wholly or changes nothing;
//! * a saved show of any older [`SCHEMA`] loads; a newer or broken one is refused with the place of the fault.

pub mod address;
pub mod apply;
pub mod command;
mod direct;
mod edit;
pub mod ids;
pub mod layout;
pub mod live;
mod lookup;
pub mod model;
pub mod notation;
mod redact;
pub mod saved;
#[cfg(any(test, feature = "strategies"))]
pub mod strategies;
pub mod target;
pub mod undo;
pub mod validate;

pub use address::{Address, AddressError, Kind};
pub use apply::{Rejected, apply, is_undoable, restore};
pub use command::Command;
pub use ids::{DestinationId, LayerId, SceneId, SourceId};
pub use layout::{Corner, Layout};
pub use live::{Live, Marker, Record, Take};
pub use model::{
    Canvas, Crop, Destination, EncoderChoice, Encoding, Fit, FrameRate, Layer, Master, OnLoss, Profile, Rect, Rgba,
    Scene, Show, Source, Strip, TextAlign, TextStyle, Transition, TransitionKind, WipeEdge,
};
pub use saved::{SCHEMA, SavedError};
pub use target::{Parted, Secret, Target, TargetError};
pub use undo::History;
pub use validate::{Fault, validate};

/// The document, the intent of the moment, and how often either has changed: what the engine and every window read.
#[derive(Debug, Clone, PartialEq)]
pub struct Studio {
    /// Grows by one with every command that was applied.
    pub revision: u64,
    /// What should be on air: saved, and undone.
    pub show: Show,
    /// What is on air now: saved to come back after a crash, never undone.
    pub live: Live,
}
