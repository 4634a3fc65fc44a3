//! Encoders: which there are, which work, and one running for all outputs that want the same.

mod catalogue;
mod sound;
mod trial;
mod video;

pub use catalogue::{Candidate, EncoderKind, candidates};
pub use sound::SoundEncoder;
pub use trial::{Trial, capabilities, try_all};
pub use video::VideoEncoder;

/// Why an encoder could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncoderError {
    /// The element is not installed.
    #[error("{0} is not installed")]
    Missing(String),
    /// The element refused to work.
    #[error("{element}: {cause}")]
    Refused {
        /// Which.
        element: String,
        /// What it said.
        cause: String,
    },
    /// Nothing is left to try.
    #[error("no encoder works: {0}. Install gstreamer1.0-plugins-ugly (x264) or gstreamer1.0-plugins-bad (openh264).")]
    NoneLeft(String),
}
