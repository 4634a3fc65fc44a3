//! The program mixer: one thread for pictures, one for sound, both on the engine's clock.
//!
//! They read slots and inlets and never wait for a source; what they make goes into [`Tap`]s and they never wait for a taker.

mod picture;
mod sound;

pub use picture::{MixerError, PictureMixer};
pub use sound::SoundMixer;

use crate::tap::Tap;

/// What the mixer makes.
#[derive(Default)]
pub struct ProgramTaps {
    /// Raw program pictures (I420, BT.709), stamped with engine time.
    pub pictures: Tap,
    /// Raw program sound (48 kHz stereo floats), stamped with engine time.
    pub sound: Tap,
}
