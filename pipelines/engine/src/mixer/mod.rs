//! The program mixer: one thread for pictures, one for sound, both on the engine's clock.
//!
//! They read slots and inlets and never wait for a source; what they make goes into [`Tap`]s and they never wait for a taker.

mod painter;
mod picture;
mod preview;
mod sound;

pub use painter::{MixerError, Slots};
pub use picture::PictureMixer;
pub use preview::PreviewMixer;
pub use sound::SoundMixer;

use crate::tap::Tap;

/// A frame is made this long after the last moment that it may show, so that pictures have arrived although threads wake late.
const SETTLE_NS: u64 = 10_000_000;

/// What the mixer makes.
#[derive(Default)]
pub struct ProgramTaps {
    /// Raw program pictures (I420, BT.709), stamped with engine time.
    pub pictures: Tap,
    /// Raw preview pictures (I420, BT.709), small, made only while somebody takes them.
    pub preview: Tap,
    /// Raw program sound (48 kHz stereo floats), stamped with engine time.
    pub sound: Tap,
}
