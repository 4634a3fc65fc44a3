//! Trying encoders for real: a driver that is installed without its hardware says so only when it gets pictures.

use std::time::Duration;

use gst::prelude::*;
use pulse_plan::{AudioCodec, Capabilities, VideoCodec, VideoSpec};

use super::{
    EncoderError,
    catalogue::{Candidate, EncoderKind, candidates, make_named},
    sound,
};
use crate::deadline;

/// How long an encoder may take for its trial.
const TRIAL_WITHIN: Duration = Duration::from_secs(4);
/// Pictures in a trial.
const PICTURES: i32 = 5;

/// What a trial showed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Trial {
    /// GStreamer element.
    pub element: String,
    /// What people call it.
    pub name: String,
    /// Where it works.
    pub kind: EncoderKind,
    /// Whether it made pictures.
    pub works: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// Tries every encoder of the catalogue with a few pictures.
pub fn try_all() -> Vec<Trial> {
    candidates(None)
        .iter()
        .map(|candidate| {
            let outcome = attempt(candidate);
            Trial {
                element: candidate.element.to_owned(),
                name: candidate.name.to_owned(),
                kind: candidate.kind,
                works: outcome.is_ok(),
                why_not: outcome.err().map(|e| e.to_string()),
            }
        })
        .collect()
}

/// What this machine can encode. Hardware is tried; software that is installed works.
pub fn capabilities(prefer: Option<&str>) -> Capabilities {
    let mut h264: Vec<String> = Vec::new();
    if let Some(named) = prefer.filter(|named| !candidates(None).iter().any(|c| matches(c, named)))
        && attempt_element(named).is_ok()
    {
        h264.push(named.to_owned());
    }
    for candidate in candidates(prefer) {
        let works = match candidate.kind {
            EncoderKind::Software => candidate.is_installed(),
            EncoderKind::Hardware => attempt(&candidate).is_ok(),
        };
        if works {
            h264.push(candidate.element.to_owned());
        }
    }
    let audio =
        [AudioCodec::Aac, AudioCodec::Opus].into_iter().filter(|codec| sound::element_for(*codec).is_some()).collect();
    Capabilities { h264, audio }
}

fn matches(candidate: &Candidate, named: &str) -> bool {
    candidate.element == named || candidate.element.trim_end_matches("enc") == named
}

fn attempt(candidate: &Candidate) -> Result<(), EncoderError> {
    if !candidate.is_installed() {
        return Err(EncoderError::Missing(candidate.element.to_owned()));
    }
    attempt_element(candidate.element)
}

fn attempt_element(element: &str) -> Result<(), EncoderError> {
    let refused = |cause: String| EncoderError::Refused { element: element.to_owned(), cause };
    let name = element.to_owned();
    deadline::within(&format!("trying {element}"), TRIAL_WITHIN, move || encode_some(&name))
        .map_err(|e| refused(e.to_string()))?
}

fn trial_spec() -> VideoSpec {
    VideoSpec {
        codec: VideoCodec::H264,
        width: 640,
        height: 360,
        rate: (30, 1),
        bitrate: 1_000_000,
        preset: "ultrafast".into(),
        gop_ms: 1000,
        prefer: None,
        profile: pulse_show::Profile::High,
    }
}

fn encode_some(element: &str) -> Result<(), EncoderError> {
    let refused =
        |cause: &dyn std::fmt::Display| EncoderError::Refused { element: element.to_owned(), cause: cause.to_string() };
    let missing = |name: &str| EncoderError::Missing(name.to_owned());
    let make = |name: &'static str| gst::ElementFactory::make(name).build().map_err(|_| missing(name));
    let source = make("videotestsrc")?;
    source.set_property("num-buffers", PICTURES);
    let caps = gst_video::VideoCapsBuilder::new().width(640).height(360).framerate(gst::Fraction::new(30, 1)).build();
    let filter = make("capsfilter")?;
    filter.set_property("caps", caps);
    let convert = make("videoconvert")?;
    let encoder = make_named(element, &trial_spec())?;
    let sink = make("fakesink")?;
    let pipeline = gst::Pipeline::new();
    let row = [&source, &filter, &convert, &encoder, &sink];
    pipeline.add_many(row).map_err(|e| refused(&e))?;
    gst::Element::link_many(row).map_err(|e| refused(&e))?;
    let bus = pipeline.bus().ok_or_else(|| refused(&"no bus"))?;
    let result =
        pipeline.set_state(gst::State::Playing).map_err(|e| refused(&e)).and_then(|_| wait_for_end(&bus, element));
    let _ = pipeline.set_state(gst::State::Null);
    result
}

fn wait_for_end(bus: &gst::Bus, element: &str) -> Result<(), EncoderError> {
    let refused = |cause: String| EncoderError::Refused { element: element.to_owned(), cause };
    let wait = gst::ClockTime::from_nseconds(u64::try_from(TRIAL_WITHIN.as_nanos()).unwrap_or(u64::MAX / 2));
    let message = bus.timed_pop_filtered(wait, &[gst::MessageType::Eos, gst::MessageType::Error]);
    match message.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        Some(gst::MessageView::Error(error)) => Err(refused(error.error().message().to_owned())),
        _ => Err(refused("it made no pictures in time".into())),
    }
}
