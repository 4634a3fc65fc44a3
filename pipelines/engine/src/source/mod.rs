//! Sources: one pipeline and one supervising thread each.
//!
//! A source can be late, lost, frozen, wrong or gone; the mixer only ever sees its [`slot::Slot`], which always has something to
//! show. The supervisor connects, watches, tears down with a deadline, tries again with backoff, and tells what happened.

mod branch;
mod fault;
mod head;
mod life;
mod patience;
mod rtmp;
pub mod slot;
mod still;
mod supervisor;

use std::sync::Arc;

use pulse_plan::SourceNode;
use pulse_show::{Canvas, SourceId};

pub use branch::program_sound_caps;
pub use life::Life;
pub use supervisor::SourceHandle;

use crate::{notices::Notices, tap::Tap, timeline::Timeline};

/// Where a source's streams are given out, whether or not anybody takes them. They outlive reconnects.
#[derive(Default)]
pub struct Taps {
    /// The camera's own H.264 or H.265 bytes, in engine time.
    pub encoded: Arc<Tap>,
    /// Decoded pictures, in engine time.
    pub pictures: Arc<Tap>,
    /// Sound, 48 kHz stereo floats, in engine time.
    pub sound: Arc<Tap>,
}

/// What a source needs to know to run.
#[derive(Clone)]
pub struct Order {
    /// Its id.
    pub id: SourceId,
    /// What it is.
    pub node: SourceNode,
    /// For test pictures and slates.
    pub canvas: Canvas,
    /// The common clock.
    pub timeline: Timeline,
    /// Where to tell what happened.
    pub notices: Notices,
    /// Where its sound goes.
    pub inlet: Arc<std::sync::Mutex<pulse_sound::Inlet>>,
}
