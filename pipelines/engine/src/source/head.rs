//! The beginning of a source's pipeline: from its address to pads that give media.

use gst::prelude::*;
use pulse_show::Address;

use super::{
    branch::{self, BranchError, Ends, Kind, make},
    fault,
};
use crate::{
    devices::{self, DeviceError, DeviceKind},
    status::SourceFault,
};

/// How long an RTSP camera's packets may be early or late, in milliseconds.
const RTSP_JITTER_MS: u32 = 100;
/// Microseconds after which a connection attempt or a silent server is given up.
const NETWORK_TIMEOUT_US: u64 = 3_000_000;

/// How a source behaves, known from its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Gives pictures in its own time: silence means that it is lost.
    pub live: bool,
    /// Waits until somebody connects: silence before that is normal.
    pub listens: bool,
    /// Begins again at its end.
    pub looped: bool,
    /// Has an end.
    pub ends: bool,
}

/// How a source with this address behaves.
pub fn manner(address: &Address) -> Manner {
    let file = matches!(address, Address::File { .. });
    let listens = match address {
        Address::Rtmp { .. } => true,
        Address::Srt { url } => url.contains("mode=listener"),
        _ => false,
    };
    let looped = matches!(address, Address::File { looped: true, .. });
    Manner { live: !file, listens, looped, ends: file }
}

/// Builds the beginning of the pipeline and has every stream it gives led to its end.
pub fn build(pipeline: &gst::Pipeline, ends: &Ends) -> Result<(), SourceFault> {
    let node = &ends.order.node;
    let broken = |error: BranchError| match error {
        BranchError::Missing(element) => fault::lacking(&node.name, &element),
        other => {
            SourceFault::Broken { name: node.name.clone(), address: node.address.redacted(), cause: other.to_string() }
        }
    };
    match &node.address {
        Address::TestPicture { pattern } => test_picture(pipeline, ends, pattern).map_err(broken),
        Address::TestTone { wave, freq, volume } => test_tone(pipeline, ends, wave, *freq, *volume).map_err(broken),
        Address::File { path, .. } => {
            if !path.is_file() {
                return Err(SourceFault::MissingFile { name: node.name.clone(), path: path.display().to_string() });
            }
            let source = make("filesrc").map_err(broken)?;
            source.set_property("location", path.as_os_str().to_string_lossy().as_ref());
            lead_static(pipeline, &source, ends).map_err(broken)
        }
        Address::Rtsp { url } => rtsp(pipeline, ends, url).map_err(broken),
        Address::Srt { url } => {
            let source = make("srtsrc").map_err(broken)?;
            source.set_property("uri", url.as_str());
            lead_static(pipeline, &source, ends).map_err(broken)
        }
        Address::Http { url } => {
            let source = make("souphttpsrc").map_err(broken)?;
            source.set_property("location", url.as_str());
            source.set_property("is-live", true);
            source.set_property("do-timestamp", true);
            source.set_property("timeout", 5_u32);
            lead_static(pipeline, &source, ends).map_err(broken)
        }
        Address::Rtmp { url } => super::rtmp::build(pipeline, ends, url),
        Address::Screen { index } => {
            lead_device(pipeline, ends, devices::screen_source(*index).map(|source| (source, None)))
        }
        Address::Device { id } => lead_device(pipeline, ends, devices::make_source_with_caps(device_kind(ends), id)),
        Address::Image { .. } | Address::Text { .. } => Ok(()),
    }
}

fn device_kind(ends: &Ends) -> DeviceKind {
    if ends.order.node.sound_only { DeviceKind::Microphone } else { DeviceKind::Camera }
}

fn test_picture(pipeline: &gst::Pipeline, ends: &Ends, pattern: &str) -> Result<(), BranchError> {
    let source = make("videotestsrc")?;
    let known = gst::glib::EnumClass::with_type(source.property_type("pattern").unwrap_or(gst::glib::Type::INVALID));
    if known.is_none_or(|names| names.value_by_nick(pattern).is_none()) {
        return Err(BranchError::Link(format!(
            "there is no test picture \"{pattern}\"; try ball, smpte, snow or black"
        )));
    }
    source.set_property_from_str("pattern", pattern);
    source.set_property("is-live", true);
    let filter = make("capsfilter")?;
    let canvas = ends.order.canvas;
    let rate = (canvas.rate.num.get(), canvas.rate.den.get());
    let caps = gst_video::VideoCapsBuilder::new()
        .format(gst_video::VideoFormat::I420)
        .width(i32::try_from(canvas.width).unwrap_or(1280))
        .height(i32::try_from(canvas.height).unwrap_or(720))
        .framerate(gst::Fraction::new(i32::try_from(rate.0).unwrap_or(30), i32::try_from(rate.1).unwrap_or(1)))
        .field("colorimetry", "bt709")
        .build();
    filter.set_property("caps", caps);
    add_linked(pipeline, &[&source, &filter])?;
    branch::pictures(pipeline, &src_pad(&filter)?, ends)
}

fn test_tone(pipeline: &gst::Pipeline, ends: &Ends, wave: &str, freq: f32, volume: f32) -> Result<(), BranchError> {
    let source = make("audiotestsrc")?;
    source.set_property_from_str("wave", wave);
    source.set_property("freq", f64::from(freq));
    source.set_property("volume", f64::from(volume));
    source.set_property("is-live", true);
    source.set_property("samplesperbuffer", 960_i32);
    let filter = make("capsfilter")?;
    filter.set_property("caps", branch::program_sound_caps());
    add_linked(pipeline, &[&source, &filter])?;
    branch::sound(pipeline, &src_pad(&filter)?, ends)
}

fn rtsp(pipeline: &gst::Pipeline, ends: &Ends, url: &str) -> Result<(), BranchError> {
    let source = make("rtspsrc")?;
    source.set_property("location", url);
    source.set_property("latency", RTSP_JITTER_MS);
    source.set_property_from_str("protocols", "tcp+udp");
    source.set_property("tcp-timeout", NETWORK_TIMEOUT_US);
    source.set_property("timeout", NETWORK_TIMEOUT_US);
    source.set_property("do-retransmission", false);
    pipeline.add(&source).map_err(|e| BranchError::Link(e.to_string()))?;
    lead_dynamic(pipeline, &source, ends);
    Ok(())
}

fn lead_device(
    pipeline: &gst::Pipeline,
    ends: &Ends,
    source: Result<(gst::Element, Option<gst::Caps>), DeviceError>,
) -> Result<(), SourceFault> {
    let name = ends.order.node.name.clone();
    let missing = |cause: String| SourceFault::MissingDevice { name: name.clone(), cause };
    let (source, offered) = source.map_err(|error| missing(error.to_string()))?;
    let led = pipeline.add(&source).map_err(|e| BranchError::Link(e.to_string())).and_then(|()| {
        let pad = src_pad(&source)?;
        let caps = offered.unwrap_or_else(|| pad.query_caps(None));
        lead(pipeline, &pad, &first_kind(&caps), ends)
    });
    led.map_err(|error| missing(error.to_string()))
}

/// A device may offer several formats: raw pictures before compressed ones.
fn first_kind(caps: &gst::Caps) -> gst::Caps {
    let raw = caps.iter().find(|s| matches!(s.name().as_str(), "video/x-raw" | "audio/x-raw"));
    raw.or_else(|| caps.structure(0))
        .map_or_else(gst::Caps::new_empty, |s| gst::Caps::builder_full().structure(s.to_owned()).build())
}

/// A source with one pad whose contents must be looked into.
pub(super) fn lead_static(pipeline: &gst::Pipeline, source: &gst::Element, ends: &Ends) -> Result<(), BranchError> {
    pipeline.add(source).map_err(|e| BranchError::Link(e.to_string()))?;
    look_into(pipeline, &src_pad(source)?, ends)
}

/// Lets GStreamer find out what comes and leads each stream it finds.
fn look_into(pipeline: &gst::Pipeline, pad: &gst::Pad, ends: &Ends) -> Result<(), BranchError> {
    let parse = make("parsebin")?;
    let link = |error: &dyn std::fmt::Display| BranchError::Link(error.to_string());
    pipeline.add(&parse).map_err(|e| link(&e))?;
    lead_dynamic(pipeline, &parse, ends);
    parse.sync_state_with_parent().map_err(|e| link(&e))?;
    let sink = parse.static_pad("sink").ok_or_else(|| link(&"parsebin has no input"))?;
    pad.link(&sink).map(drop).map_err(|e| link(&e))
}

/// Leads every pad that `element` will have.
fn lead_dynamic(pipeline: &gst::Pipeline, element: &gst::Element, ends: &Ends) {
    let (pipeline, ends) = (pipeline.downgrade(), ends.clone());
    let seen = std::sync::Arc::new(Seen::default());
    element.connect_pad_added(move |element, pad| {
        let Some(pipeline) = pipeline.upgrade() else { return };
        if pad.direction() != gst::PadDirection::Src {
            return;
        }
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let wanted = seen.is_first(&caps) && !(ends.order.node.sound_only && branch::is_pictures(&caps));
        let led = if wanted { lead(&pipeline, pad, &caps, &ends) } else { branch::discard(&pipeline, pad) };
        if let Err(error) = led {
            gst::element_error!(element, gst::StreamError::CodecNotFound, ("{error}"));
        }
    });
}

/// Leads one pad to where its kind of media goes.
fn lead(pipeline: &gst::Pipeline, pad: &gst::Pad, caps: &gst::Caps, ends: &Ends) -> Result<(), BranchError> {
    match branch::kind_of(caps) {
        Kind::Pictures => branch::pictures(pipeline, pad, ends),
        Kind::Sound => branch::sound(pipeline, pad, ends),
        Kind::EncodedPictures | Kind::EncodedSound if needs_parser(pad) => look_into(pipeline, pad, ends),
        Kind::EncodedPictures | Kind::EncodedSound => branch::decode(pipeline, pad, caps, ends),
        Kind::Opaque => look_into(pipeline, pad, ends),
        Kind::Other => branch::discard(pipeline, pad),
    }
}

/// Encoded media straight from a device or network source; what `parsebin` gives has been parsed.
fn needs_parser(pad: &gst::Pad) -> bool {
    let from = pad.parent_element().and_then(|e| e.factory());
    from.is_none_or(|factory| factory.name() != "parsebin")
}

/// Only the first picture and the first sound of a source are used.
#[derive(Default)]
struct Seen {
    pictures: std::sync::atomic::AtomicBool,
    sound: std::sync::atomic::AtomicBool,
}

impl Seen {
    fn is_first(&self, caps: &gst::Caps) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        let media = caps.structure(0).and_then(|s| s.get::<String>("media").ok());
        match (branch::kind_of(caps), media.as_deref()) {
            (Kind::Pictures | Kind::EncodedPictures, _) | (Kind::Opaque, Some("video")) => {
                !self.pictures.swap(true, Relaxed)
            }
            (Kind::Sound | Kind::EncodedSound, _) | (Kind::Opaque, Some("audio")) => !self.sound.swap(true, Relaxed),
            (Kind::Opaque, None) => true,
            _ => false,
        }
    }
}

fn add_linked(pipeline: &gst::Pipeline, elements: &[&gst::Element]) -> Result<(), BranchError> {
    pipeline.add_many(elements).map_err(|e| BranchError::Link(e.to_string()))?;
    gst::Element::link_many(elements).map_err(|e| BranchError::Link(e.to_string()))
}

fn src_pad(element: &gst::Element) -> Result<gst::Pad, BranchError> {
    element.static_pad("src").ok_or_else(|| BranchError::Link(format!("{} has no output", element.name())))
}
