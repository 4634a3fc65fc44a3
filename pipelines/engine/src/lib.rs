//! The engine: the only crate that imports GStreamer.
//!
//! It is given the latest [`Studio`](pulse_show::Studio), plans what should run, and carries the difference out. Each source and each
//! output has a pipeline and a thread of its own; the program is mixed by two threads that wait for nobody.
//!
//! May import: GStreamer and its plugins' crates, pulse-show, pulse-plan, pulse-picture, pulse-sound, pulse-mp4, tokio's channels.
//! Never: tokio's runtime, a window, a network server.
//!
//! Invariants:
//! * whatever a source, an output or an encoder does, program frames keep their rate;
//! * every pipeline runs on one clock, and every time stamp between pipelines is engine time (see [`timeline`]);
//! * state changes that may hang have a deadline and are left behind when they miss it;
//! * every queue is bounded and what it drops is counted in [`Observed`].

use gst::prelude::*;

mod backoff;
mod deadline;
pub mod devices;
pub mod encoder;
mod engine;
mod mixer;
mod monitor;
mod notices;
mod output;
mod running;
mod source;
pub mod status;
mod tap;
pub mod timeline;

pub use engine::{Engine, EngineError, Options, Secrets};
pub use monitor::{Monitor, MonitorPicture};
pub use pulse_sound::Levels;
pub use status::{FileReport, Notice, Observed, OutputState, SourceFault, SourceState};

/// Makes GStreamer ready. Must be called before anything else of this crate; more than once is harmless.
pub fn init() -> Result<(), EngineError> {
    gst::init().map_err(|e| EngineError::GStreamer(e.to_string()))?;
    // The newer adaptive demuxers work in `decodebin3` alone; elsewhere GStreamer 1.22 aborts the process when they are taken down.
    for demuxer in ["hlsdemux2", "dashdemux2", "mssdemux2"] {
        if let Some(factory) = gst::ElementFactory::find(demuxer) {
            factory.set_rank(gst::Rank::NONE);
        }
    }
    register_webrtc().map_err(|e| EngineError::GStreamer(e.to_string()))
}

/// Adds the WebRTC sinks and their bandwidth estimator, which are built in. They take the place of those that are installed.
fn register_webrtc() -> Result<(), gst::glib::BoolError> {
    static ONCE: std::sync::OnceLock<Result<(), gst::glib::BoolError>> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| {
        gstrsrtp::plugin_register_static()?;
        gstrswebrtc::plugin_register_static()?;
        // Of what else these bring nothing is to be chosen by itself.
        let registry = gst::Registry::get();
        for plugin in ["rsrtp", "rswebrtc"] {
            registry.features_by_plugin(plugin).iter().for_each(|feature| feature.set_rank(gst::Rank::NONE));
        }
        Ok(())
    })
    .clone()
}
