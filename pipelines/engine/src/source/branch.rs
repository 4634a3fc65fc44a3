//! The way of one stream inside a source's pipeline: from encoded or raw media to the slot, the mixer's inlet and the taps.
//!
//! A picture is decoded once and handed on in the decoder's own memory; it is converted only when the canvas's format asks for it.

use std::sync::Arc;

use gst::prelude::*;
use gst_app::AppSinkCallbacks;
use gst_base::prelude::*;

use super::{
    Life, Order, Taps,
    slot::{Halves, Slot},
};
use crate::{
    tap::{Tap, lock},
    timeline::Timeline,
};

/// The message that wakes the supervisor when the first sign of life came.
pub const ALIVE: &str = "pulse-alive";

/// What one stream of a source may be ahead of another: a file's interleaving is coarser than a frame.
const QUEUE_NS: u64 = 3_000_000_000;
/// The same in bytes, for a stream that does not say how long it is.
const QUEUE_BYTES: u32 = 24 << 20;

/// Sound whose time is further than this from where the block before ended does not continue it: a packet was lost, or the
/// pipeline's latency has just become known.
const JUMP_NS: u64 = 15_000_000;

/// Everything the streaming threads of one source write to.
#[derive(Clone)]
pub struct Ends {
    /// What to run.
    pub order: Order,
    /// Pictures.
    pub slot: Arc<Slot>,
    /// Signs of life.
    pub life: Arc<Life>,
    /// Other takers.
    pub taps: Arc<Taps>,
}

/// What kind of stream a pad gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Decoded pictures.
    Pictures,
    /// Decoded sound.
    Sound,
    /// Encoded pictures.
    EncodedPictures,
    /// Encoded sound.
    EncodedSound,
    /// A container, RTP or something that must be looked into first.
    Opaque,
    /// Subtitles and the like.
    Other,
}

/// What kind of stream has these caps.
pub fn kind_of(caps: &gst::CapsRef) -> Kind {
    let Some(structure) = caps.structure(0) else { return Kind::Other };
    match structure.name().as_str() {
        "video/x-raw" => Kind::Pictures,
        "audio/x-raw" => Kind::Sound,
        "application/x-rtp" | "video/mpegts" | "video/x-flv" | "video/quicktime" => Kind::Opaque,
        name if name.starts_with("video/") || name.starts_with("image/") => Kind::EncodedPictures,
        name if name.starts_with("audio/") => Kind::EncodedSound,
        name if name.starts_with("application/") || name.starts_with("multipart/") => Kind::Opaque,
        _ => Kind::Other,
    }
}

/// Whether a stream, in RTP or not, is pictures.
pub fn is_pictures(caps: &gst::CapsRef) -> bool {
    let media = caps.structure(0).and_then(|s| s.get::<String>("media").ok());
    matches!(kind_of(caps), Kind::Pictures | Kind::EncodedPictures) || media.as_deref() == Some("video")
}

/// Why a branch could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BranchError {
    /// An element is missing.
    #[error("the GStreamer element \"{0}\" is not installed")]
    Missing(String),
    /// No decoder takes the stream.
    #[error("there is no decoder for {0}")]
    NoDecoder(String),
    /// Elements do not fit.
    #[error("the stream could not be linked: {0}")]
    Link(String),
}

/// Makes an element, or names it when it is missing.
pub fn make(factory: &str) -> Result<gst::Element, BranchError> {
    gst::ElementFactory::make(factory).build().map_err(|_| BranchError::Missing(factory.to_owned()))
}

/// Adds elements to a pipeline, links them in a row behind `pad` and starts them.
fn chain(pipeline: &gst::Pipeline, pad: &gst::Pad, elements: &[&gst::Element]) -> Result<(), BranchError> {
    let link = |error: &dyn std::fmt::Display| BranchError::Link(error.to_string());
    pipeline.add_many(elements).map_err(|e| link(&e))?;
    gst::Element::link_many(elements).map_err(|e| link(&e))?;
    // From the end to the beginning, so that nothing arrives at an element that is not running yet.
    for element in elements.iter().rev() {
        element.sync_state_with_parent().map_err(|e| link(&e))?;
    }
    let sink = elements.first().and_then(|e| e.static_pad("sink")).ok_or_else(|| link(&"no sink pad"))?;
    pad.link(&sink).map(drop).map_err(|e| link(&e))
}

/// Ends a stream that nobody wants.
pub fn discard(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Result<(), BranchError> {
    let sink = make("fakesink")?;
    sink.set_property("async", false);
    sink.set_property("sync", false);
    chain(pipeline, pad, &[&sink])
}

/// Decodes an encoded stream and goes on with [`pictures`] or [`sound`].
pub fn decode(pipeline: &gst::Pipeline, pad: &gst::Pad, caps: &gst::Caps, ends: &Ends) -> Result<(), BranchError> {
    let decoder = decoder_for(caps)?;
    if decoder.has_property("max-threads") {
        // Many sources share the processor: threads inside each decoder cost more than they win, and delay pictures.
        decoder.set_property("max-threads", decoder_threads(caps));
    }
    if is_recordable(caps) && decoder.has_property("direct-rendering") {
        // libav keeps the pictures that it still refers to: drawn in our memory, each would be copied into memory that is new.
        // Decoders that draw each picture over the one before (QuickTime Animation) give nothing without it.
        decoder.set_property("direct-rendering", false);
    }
    let wanted = kind_of(caps);
    // A demuxer gives all its streams on one thread: without queues the first sink that waits would stop the others.
    let queue = make("queue")?;
    queue.set_property("max-size-buffers", 0_u32);
    queue.set_property("max-size-bytes", QUEUE_BYTES);
    queue.set_property("max-size-time", QUEUE_NS);
    if wanted == Kind::EncodedPictures && is_recordable(caps) {
        chain(pipeline, pad, &[&queue, &tap(ends, pipeline)?, &decoder])?;
    } else {
        chain(pipeline, pad, &[&queue, &decoder])?;
    }
    let out = decoder.static_pad("src").ok_or_else(|| BranchError::Link("the decoder has no output".into()))?;
    match wanted {
        Kind::EncodedPictures => lead_pictures(pipeline, &out, declares_alpha(caps), ends),
        _ => sound(pipeline, &out, ends),
    }
}

/// Whether a camera's bytes can go into a file as they are.
fn is_recordable(caps: &gst::CapsRef) -> bool {
    caps.structure(0).is_some_and(|s| matches!(s.name().as_str(), "video/x-h264" | "video/x-h265"))
}

/// One thread decodes 1080p at 60 easily; more only for what is larger.
fn decoder_threads(caps: &gst::CapsRef) -> i32 {
    let height = caps.structure(0).and_then(|s| s.get::<i32>("height").ok()).unwrap_or(1080);
    if height > 1088 { 0 } else { 1 }
}

/// The best decoder that takes these caps and can be opened.
fn decoder_for(caps: &gst::Caps) -> Result<gst::Element, BranchError> {
    let kinds = gst::ElementFactoryType::DECODER;
    let all = gst::ElementFactory::factories_with_type(kinds, gst::Rank::MARGINAL);
    let mut fitting: Vec<_> = all.into_iter().filter(|f| f.can_sink_any_caps(caps)).collect();
    // VP8 and VP9 with alpha are two streams in one: decoders of plain streams take them too, and lose the alpha. After that,
    // those that take whatever fits the caps first.
    let alpha = caps.iter().any(asks_for_alpha);
    fitting.sort_by_key(|f| (takes_alpha(f) != alpha, !f.can_sink_all_caps(caps), std::cmp::Reverse(f.rank())));
    for factory in fitting {
        let Ok(element) = factory.create().build() else { continue };
        // A hardware decoder may be installed without its hardware: opening tells.
        if element.set_state(gst::State::Ready).is_ok() {
            return Ok(element);
        }
        let _ = element.set_state(gst::State::Null);
    }
    let what = caps.structure(0).map_or_else(|| "this stream".to_owned(), |s| s.name().to_string());
    Err(BranchError::NoDecoder(what))
}

/// Whether a decoder is made for a picture with a second one in it that is its alpha.
fn takes_alpha(decoder: &gst::ElementFactory) -> bool {
    let inputs = decoder.static_pad_templates().into_iter().filter(|pad| pad.direction() == gst::PadDirection::Sink);
    inputs.into_iter().any(|pad| pad.caps().iter().any(asks_for_alpha))
}

fn asks_for_alpha(codec: &gst::StructureRef) -> bool {
    codec.get("codec-alpha").unwrap_or(false)
}

/// Where the times of a stream lie on the engine's count: a buffer is due at its running time plus the pipeline's latency.
struct Due<'a> {
    segment: Option<&'a gst::Segment>,
    latency: u64,
    offset: Option<i64>,
    now: u64,
}

impl Due<'_> {
    /// The moment at which a buffer is due; now, if it does not say.
    fn of(&self, pts: Option<gst::ClockTime>) -> u64 {
        let exact = || {
            let running = self.segment?.downcast_ref::<gst::ClockTime>()?.to_running_time(pts?)?;
            u64::try_from(i64::try_from(running.nseconds() + self.latency).ok()? + self.offset?).ok()
        };
        exact().unwrap_or(self.now)
    }
}

/// The count of time of a sink's pipeline.
fn due_at<'a>(
    sink: &gst_app::AppSink,
    segment: Option<&'a gst::Segment>,
    pipeline: &WeakPipeline,
    timeline: &Timeline,
) -> Due<'a> {
    let base = sink.upcast_ref::<gst::Element>().downcast_ref::<gst_base::BaseSink>();
    Due {
        segment,
        latency: base.map_or(0, |sink| sink.latency().nseconds()),
        offset: pipeline.upgrade().and_then(|pipeline| timeline.offset_of(&pipeline)),
        now: timeline.now(),
    }
}

type WeakPipeline = gst::glib::WeakRef<gst::Pipeline>;

fn app_sink(sync: bool) -> gst_app::AppSink {
    gst_app::AppSink::builder().sync(sync).max_buffers(1).enable_last_sample(false).build()
}

fn wake_supervisor(sink: &gst_app::AppSink) {
    let alive = gst::Structure::new_empty(ALIVE);
    // Nobody listens when the pipeline is being taken down.
    let _ = sink.post_message(gst::message::Application::builder(alive).src(sink).build());
}

/// Where a camera's own bytes are given out, for recording them untouched. It stands in the stream and never holds it up.
fn tap(ends: &Ends, pipeline: &gst::Pipeline) -> Result<gst::Element, BranchError> {
    let identity = make("identity")?;
    identity.set_property("signal-handoffs", true);
    identity.set_property("silent", true);
    let (ends, pipeline) = (ends.clone(), pipeline.downgrade());
    identity.connect("handoff", false, move |values| {
        if !ends.taps.encoded.is_used() {
            return None;
        }
        let identity = values.first()?.get::<gst::Element>().ok()?;
        let buffer = values.get(1)?.get::<gst::Buffer>().ok()?;
        let pad = identity.static_pad("sink")?;
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let timeline = &ends.order.timeline;
        let due = Due {
            segment: segment.as_ref().map(|event| event.segment()),
            latency: ends.life.latency(),
            offset: timeline.offset_of(&pipeline.upgrade()?),
            now: timeline.now(),
        };
        give(&ends.taps.encoded, buffer, &*pad.current_caps()?, &due);
        None
    });
    Ok(identity)
}

/// Gives a buffer out in engine time.
fn give(tap: &Tap, mut buffer: gst::Buffer, caps: &gst::CapsRef, due: &Due<'_>) {
    {
        let buffer = buffer.make_mut();
        let at = due.of(buffer.pts());
        let pts = buffer.pts().map_or(at, gst::ClockTime::nseconds);
        let dts = buffer.dts().map(|dts| gst::ClockTime::from_nseconds((at + dts.nseconds()).saturating_sub(pts)));
        buffer.set_pts(gst::ClockTime::from_nseconds(at));
        buffer.set_dts(dts);
    }
    tap.give(&buffer, caps);
}

/// Raw pictures: brought to I420 (A420 with alpha) in BT.709, turned upright, put into the slot when they are due.
pub fn pictures(pipeline: &gst::Pipeline, pad: &gst::Pad, ends: &Ends) -> Result<(), BranchError> {
    let caps = pad.current_caps();
    let info = caps.as_ref().and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok());
    lead_pictures(pipeline, pad, info.is_some_and(|info| info.has_alpha()), ends)
}

fn lead_pictures(pipeline: &gst::Pipeline, pad: &gst::Pad, alpha: bool, ends: &Ends) -> Result<(), BranchError> {
    let deinterlace = make("deinterlace")?;
    deinterlace.set_property_from_str("mode", "auto");
    let convert = make("videoconvert")?;
    let filter = make("capsfilter")?;
    let caps = gst_video::VideoCapsBuilder::new()
        .format_list([gst_video::VideoFormat::I420, gst_video::VideoFormat::A420])
        .field("colorimetry", "bt709")
        .build();
    filter.set_property("caps", caps);
    let sink = picture_sink(ends, pipeline);
    let row: Vec<&gst::Element> = if alpha {
        vec![&convert, &filter, sink.upcast_ref()]
    } else if is_interlaced(pad) {
        vec![&deinterlace, &convert, &filter, sink.upcast_ref()]
    } else {
        vec![&convert, &filter, sink.upcast_ref()]
    };
    if !alpha {
        turn_when_told(pipeline, &filter);
    }
    chain(pipeline, pad, &row)
}

/// Turns pictures upright as soon as the stream says that they lie on their side. An element that turns copies every picture even
/// when there is nothing to turn, so it comes into the stream only then.
fn turn_when_told(pipeline: &gst::Pipeline, before: &gst::Element) {
    let Some(pad) = before.static_pad("src") else { return };
    let pipeline = pipeline.downgrade();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let Some(gst::EventView::Tag(event)) = info.event().map(|event| event.view()) else {
            return gst::PadProbeReturn::Ok;
        };
        let direction = event.tag().get::<gst::tags::ImageOrientation>();
        if direction.is_none_or(|direction| direction.get() == "rotate-0") {
            return gst::PadProbeReturn::Ok;
        }
        let turned = pipeline.upgrade().map(|pipeline| insert_turn(&pipeline, pad));
        if let Some(Err(error)) = turned {
            tracing::warn!(%error, "a picture cannot be turned upright");
        }
        gst::PadProbeReturn::Remove
    });
}

/// Puts what turns pictures behind `pad`, on whose streaming thread this runs: no picture can be on its way.
fn insert_turn(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Result<(), BranchError> {
    let behind = pad.peer().ok_or_else(|| BranchError::Link("nothing takes the pictures".into()))?;
    let flip = make("videoflip")?;
    flip.set_property_from_str("video-direction", "auto");
    pad.unlink(&behind).map_err(|e| BranchError::Link(e.to_string()))?;
    chain(pipeline, pad, &[&flip])?;
    let out = flip.static_pad("src").ok_or_else(|| BranchError::Link("no way out".into()))?;
    out.link(&behind).map(drop).map_err(|e| BranchError::Link(e.to_string()))
}

/// Whether encoded pictures may be transparent: their decoder has not begun yet.
fn declares_alpha(caps: &gst::CapsRef) -> bool {
    caps.structure(0).is_some_and(|codec| {
        asks_for_alpha(codec) || matches!(codec.name().as_str(), "video/x-prores" | "video/x-rle" | "image/png")
    })
}

fn is_interlaced(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps();
    let mode = caps.as_ref().and_then(|c| c.structure(0)).and_then(|s| s.get::<String>("interlace-mode").ok());
    mode.is_some_and(|mode| mode != "progressive")
}

/// Tells the decoder that pictures may lie in memory as it likes: without this it copies each one into a tighter form.
fn accept_any_stride(sink: &gst_app::AppSink) {
    let Some(pad) = sink.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        let Some(gst::QueryViewMut::Allocation(query)) = info.query_mut().map(gst::QueryRef::view_mut) else {
            return gst::PadProbeReturn::Ok;
        };
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        gst::PadProbeReturn::Handled
    });
}

fn picture_sink(ends: &Ends, pipeline: &gst::Pipeline) -> gst_app::AppSink {
    let sink = app_sink(true);
    accept_any_stride(&sink);
    let (ends, pipeline) = (ends.clone(), pipeline.downgrade());
    let mut info: Option<(gst::Caps, gst_video::VideoInfo)> = None;
    let mut halves = Halves::default();
    sink.set_callbacks(
        AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let (Some(buffer), Some(caps)) = (sample.buffer_owned(), sample.caps()) else {
                    return Ok(gst::FlowSuccess::Ok);
                };
                let known = info.as_ref().is_some_and(|(known, _)| **known == *caps);
                if !known {
                    info = gst_video::VideoInfo::from_caps(caps).ok().map(|info| (caps.to_owned(), info));
                }
                let Some((_, video)) = info.as_ref() else { return Err(gst::FlowError::NotNegotiated) };
                let due = due_at(sink, sample.segment(), &pipeline, &ends.order.timeline);
                ends.life.set_latency(due.latency);
                if ends.taps.pictures.is_used() {
                    give(&ends.taps.pictures, buffer.clone(), caps, &due);
                }
                let at = due.of(buffer.pts());
                let frame =
                    gst_video::VideoFrame::from_buffer_readable(buffer, video).map_err(|_| gst::FlowError::Error)?;
                let (width, height) = (video.width(), video.height());
                let now = ends.order.timeline.now();
                ends.slot.put(at, now, Arc::new(halves.shot(frame, now)));
                if ends.life.picture(now, width, height) {
                    wake_supervisor(sink);
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    sink
}

/// Raw sound: brought to 48 kHz stereo floats and pushed into the mixer's inlet when it is due.
pub fn sound(pipeline: &gst::Pipeline, pad: &gst::Pad, ends: &Ends) -> Result<(), BranchError> {
    let convert = make("audioconvert")?;
    let resample = make("audioresample")?;
    let filter = make("capsfilter")?;
    filter.set_property("caps", program_sound_caps());
    let sink = sound_sink(ends, pipeline);
    chain(pipeline, pad, &[&convert, &resample, &filter, sink.upcast_ref()])
}

/// The program's format of sound: 48 kHz, stereo, 32-bit floats, interleaved.
pub fn program_sound_caps() -> gst::Caps {
    gst_audio::AudioCapsBuilder::new_interleaved().format(gst_audio::AUDIO_FORMAT_F32).rate(48_000).channels(2).build()
}

fn sound_sink(ends: &Ends, pipeline: &gst::Pipeline) -> gst_app::AppSink {
    let sink = app_sink(true);
    let (ends, pipeline) = (ends.clone(), pipeline.downgrade());
    let mut samples: Vec<f32> = Vec::with_capacity(48_000);
    let mut expected = 0_u64;
    sink.set_callbacks(
        AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let Some(buffer) = sample.buffer() else { return Ok(gst::FlowSuccess::Ok) };
                let due = due_at(sink, sample.segment(), &pipeline, &ends.order.timeline);
                let at = due.of(buffer.pts());
                let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
                samples.clear();
                samples.extend(map.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])));
                {
                    let mut inlet = lock(&ends.order.inlet);
                    if at.abs_diff(expected) > JUMP_NS {
                        inlet.break_here();
                    }
                    inlet.push(Some(at), &samples);
                }
                expected = at + samples.len() as u64 / 2 * 1_000_000_000 / 48_000;
                if let (true, Some(buffer), Some(caps)) =
                    (ends.taps.sound.is_used(), sample.buffer_owned(), sample.caps())
                {
                    give(&ends.taps.sound, buffer, caps, &due);
                }
                if ends.life.sound(ends.order.timeline.now()) {
                    wake_supervisor(sink);
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
    sink
}
