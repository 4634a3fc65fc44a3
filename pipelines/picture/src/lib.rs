//! Pictures in memory: drawing a program frame on the CPU, and making the pictures that are not filmed: images, texts, slates.
//!
//! May import: pulse-show, pulse-plan, codecs and fonts. Never: GStreamer, a clock, threads, the network. Only [`image`] and the fonts of
//! [`text`] come from files.
//!
//! Invariants:
//! * all pictures are I420 or A420, BT.709, limited range;
//! * nothing is drawn outside a group's clip, whatever the draws ask for;
//! * no input panics: what cannot be drawn is not drawn, what cannot be read is an error;
//! * what [`Compositor`] keeps is bounded.

mod across;
mod axis;
mod cache;
mod color;
mod compose;
mod coverage;
mod frame;
pub mod image;
mod kernel;
mod layer;
mod pixels;
mod place;
mod plane;
mod region;
mod scale;
pub mod slate;
mod spot;
pub mod text;
mod turn;

pub use color::{mean_rgb, rgba_to_frame, to_rgb};
pub use compose::Compositor;
pub use frame::{CanvasMut, Frame, FrameRef, Smaller};
pub use place::{Placement, place};
pub use plane::{Plane, PlaneError, PlaneMut};
pub use scale::halved;
