//! Pure planning: from a show to what should run, and from what runs to what should change.
//!
//! May import: pulse-show, serde, thiserror. Never: GStreamer, tokio, a clock, I/O.
//!
//! Invariants, proved by property tests:
//! * `diff(x, x)` is empty, and playing `diff(a, b)` on `a` gives `b`;
//! * things are added before they are referenced and removed after the last reference is gone;
//! * editing a scene, adding a source or adding an output never restarts an encoder, a recording or another output;
//! * a wish that can't be met is a [`Refusal`] naming what is missing and which setting mends it.

pub mod codecs;
pub mod compile;
pub mod diff;
pub mod graph;
pub mod picture;
pub mod transition;

pub use codecs::{AudioCodec, AudioSpec, Capabilities, VideoCodec, VideoSpec};
pub use compile::{Compiled, Refusal, compile};
pub use diff::{Step, diff, play};
pub use graph::{
    Graph, OutputId, OutputKind, OutputNode, Program, SoundPlan, SourceNode, StripPlan, TBarPlan, TakePlan,
};
pub use picture::{Area, Draw, Group, Picture};
pub use transition::{picture_at, preview_picture, progress};
