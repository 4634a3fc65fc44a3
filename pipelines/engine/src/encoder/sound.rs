//! One running sound encoder, fed by the mixer (or a source), given out by its tap.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gst::prelude::*;
use pulse_plan::{AudioCodec, AudioSpec};

use super::{EncoderError, video::give_to};
use crate::{
    deadline,
    notices::Notices,
    status::Notice,
    tap::{Take, Tap, lock},
    timeline::Timeline,
};

/// Blocks of sound that may wait for the encoder: two seconds.
const WAITING: u64 = 200;
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A sound encoder worth trying: what it is called, and how many samples it puts before the first one it was given.
struct Candidate {
    element: &'static str,
    codec: AudioCodec,
    lead: u64,
}

/// Best first. The leads are those of the encoders' documentation (FDK: 2048 with the default tool set, FFmpeg: 1024, VisualOn: 1600);
/// GStreamer's Opus and CoreAudio wrappers already take theirs out.
const ALL: [Candidate; 6] = [
    Candidate { element: "fdkaacenc", codec: AudioCodec::Aac, lead: 2048 },
    Candidate { element: "avenc_aac", codec: AudioCodec::Aac, lead: 1024 },
    Candidate { element: "voaacenc", codec: AudioCodec::Aac, lead: 1600 },
    Candidate { element: "mfaacenc", codec: AudioCodec::Aac, lead: 1024 },
    Candidate { element: "opusenc", codec: AudioCodec::Opus, lead: 0 },
    Candidate { element: "avenc_opus", codec: AudioCodec::Opus, lead: 0 },
];

fn candidate_for(codec: AudioCodec) -> Option<&'static Candidate> {
    ALL.iter().find(|c| c.codec == codec && gst::ElementFactory::find(c.element).is_some())
}

/// The element that encodes `codec` here.
pub(super) fn element_for(codec: AudioCodec) -> Option<&'static str> {
    candidate_for(codec).map(|c| c.element)
}

/// A running sound encoder.
pub struct SoundEncoder {
    /// Its encoded sound, stamped with engine time.
    pub tap: Arc<Tap>,
    input: Arc<Input>,
    pipeline: gst::Pipeline,
}

struct Input {
    appsrc: Mutex<gst_app::AppSrc>,
    dropped: AtomicU64,
}

impl SoundEncoder {
    /// Starts encoding what `sound` gives.
    pub fn start(spec: &AudioSpec, sound: &Tap, timeline: &Timeline, notices: &Notices) -> Result<Self, EncoderError> {
        let candidate = candidate_for(spec.codec)
            .ok_or_else(|| EncoderError::Missing(format!("an encoder for {:?}", spec.codec)))?;
        let element = candidate.element;
        let refused = |cause: &dyn std::fmt::Display| EncoderError::Refused {
            element: element.to_owned(),
            cause: cause.to_string(),
        };
        let make =
            |name: &str| gst::ElementFactory::make(name).build().map_err(|_| EncoderError::Missing(name.to_owned()));
        let appsrc = gst_app::AppSrc::builder().format(gst::Format::Time).is_live(true).max_bytes(0).build();
        let convert = make("audioconvert")?;
        let encoder = make(element)?;
        encoder.set_property_from_str("bitrate", &spec.bitrate.to_string());
        let sink = gst_app::AppSink::builder().sync(false).enable_last_sample(false).build();
        let pipeline = gst::Pipeline::builder().name(format!("encoder {element}")).build();
        timeline.adopt(&pipeline);
        tell_faults(&pipeline, element, notices);
        let parse = match spec.codec {
            AudioCodec::Aac => make("aacparse")?,
            AudioCodec::Opus => make("opusparse")?,
        };
        if spec.codec == AudioCodec::Aac {
            sink.set_caps(Some(
                &gst::Caps::builder("audio/mpeg").field("mpegversion", 4_i32).field("stream-format", "raw").build(),
            ));
        }
        let row: [&gst::Element; 5] = [appsrc.upcast_ref(), &convert, &encoder, &parse, sink.upcast_ref()];
        pipeline.add_many(row).map_err(|e| refused(&e))?;
        gst::Element::link_many(row).map_err(|e| refused(&e))?;
        let tap = Arc::new(Tap::default());
        sink.set_callbacks(give_to(tap.clone(), candidate.lead * 1_000_000_000 / 48_000));
        pipeline.set_state(gst::State::Playing).map_err(|e| refused(&e))?;
        let input = Arc::new(Input { appsrc: Mutex::new(appsrc), dropped: AtomicU64::new(0) });
        let taker: Arc<dyn Take> = input.clone();
        sound.attach(&taker);
        Ok(Self { tap, input, pipeline })
    }

    /// Blocks of sound it could not take in time.
    pub fn dropped(&self) -> u64 {
        self.input.dropped.load(Ordering::Relaxed)
    }
}

/// Tells what goes wrong inside, and lets no messages pile up.
fn tell_faults(pipeline: &gst::Pipeline, element: &'static str, notices: &Notices) {
    let Some(bus) = pipeline.bus() else { return };
    let notices = notices.clone();
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            let cause = error.error().message().to_owned();
            let failed = EncoderError::Refused { element: element.to_owned(), cause };
            notices.tell(Notice::EncoderFailed { cause: failed.to_string() });
        }
        gst::BusSyncReply::Drop
    });
}

impl Drop for SoundEncoder {
    fn drop(&mut self) {
        if let Err(error) = deadline::stop_pipeline("a sound encoder", &self.pipeline, STOP_WITHIN) {
            tracing::error!(%error);
        }
    }
}

impl Take for Input {
    fn take(&self, buffer: &gst::Buffer, caps: &gst::Caps) {
        let appsrc = lock(&self.appsrc);
        if appsrc.current_level_buffers() >= WAITING {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if appsrc.caps().as_ref() != Some(caps) {
            appsrc.set_caps(Some(caps));
        }
        // A pipeline that is going down refuses.
        let _ = appsrc.push_buffer(buffer.clone());
    }
}
