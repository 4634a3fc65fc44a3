//! One running video encoder, fed by the mixer, given out by its tap, replaced by the next one when it fails.
//!
//! Its takers notice nothing of a replacement but a keyframe: every encoder repeats its parameter sets in the stream.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use gst::prelude::*;
use gst_app::AppSinkCallbacks;
use pulse_plan::VideoSpec;
use pulse_show::Profile;

use super::{EncoderError, catalogue::make_named};
use crate::{
    deadline,
    notices::Notices,
    status::{EncoderStatus, Notice},
    tap::{Take, Tap, lock},
    timeline::Timeline,
};

/// Pictures that may wait for the encoder.
const WAITING: u64 = 20;
/// An encoder that takes pictures and gives nothing for this long has failed.
const STUCK_AFTER: Duration = Duration::from_secs(3);
/// Keyframes are made at most this often on request.
const KEYFRAME_EVERY_NS: u64 = 200_000_000;
/// How long a pipeline may take to go down.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A running video encoder.
pub struct VideoEncoder {
    /// Its encoded pictures (H.264, avc, whole pictures), stamped with engine time.
    pub tap: Arc<Tap>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    spec: VideoSpec,
    timeline: Timeline,
    input: Mutex<Option<gst_app::AppSrc>>,
    bus: Mutex<Option<gst::Bus>>,
    element: Mutex<String>,
    stop: AtomicBool,
    dropped: AtomicU64,
    failovers: AtomicU32,
    taken: AtomicU64,
    keyframe_wanted: AtomicBool,
    last_keyframe: AtomicU64,
}

impl VideoEncoder {
    /// Starts the first of `elements` that works and attaches it to `pictures`. Returns at once; faults are told as notices.
    pub fn start(spec: VideoSpec, elements: Vec<String>, pictures: &Tap, timeline: Timeline, notices: Notices) -> Self {
        let shared = Arc::new(Shared {
            spec,
            timeline,
            input: Mutex::new(None),
            bus: Mutex::new(None),
            element: Mutex::default(),
            stop: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            failovers: AtomicU32::new(0),
            taken: AtomicU64::new(0),
            keyframe_wanted: AtomicBool::new(false),
            last_keyframe: AtomicU64::new(0),
        });
        let tap = Arc::new(Tap::default());
        let asked = Arc::downgrade(&shared);
        tap.on_keyframe_request(move || {
            if let Some(shared) = asked.upgrade() {
                shared.keyframe_wanted.store(true, Ordering::Relaxed);
            }
        });
        let taker: Arc<dyn Take> = shared.clone();
        pictures.attach(&taker);
        let worker = Worker { shared: shared.clone(), tap: tap.clone(), notices };
        let thread = std::thread::Builder::new().name("encode-video".into()).spawn(move || worker.run(&elements));
        let thread =
            thread.inspect_err(|error| tracing::error!(%error, "an encoder's thread could not be started")).ok();
        Self { tap, shared, thread }
    }

    /// How it fares.
    pub fn status(&self) -> EncoderStatus {
        EncoderStatus {
            element: lock(&self.shared.element).clone(),
            queued: lock(&self.shared.input).as_ref().map_or(0, gst_app::AppSrc::current_level_buffers),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            failovers: self.shared.failovers.load(Ordering::Relaxed),
        }
    }
}

impl Drop for VideoEncoder {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(bus) = lock(&self.shared.bus).as_ref() {
            // A bus that is flushing has no reader left.
            let _ = bus.post(gst::message::Application::new(gst::Structure::new_empty("pulse-stop")));
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a video encoder's thread panicked");
        }
    }
}

impl Shared {
    /// Called before each picture: passes a wish for a keyframe on, as often as is sensible.
    fn keyframe_if_wanted(&self, input: &gst_app::AppSrc) {
        if !self.keyframe_wanted.load(Ordering::Relaxed) {
            return;
        }
        let now = self.timeline.now();
        let last = self.last_keyframe.load(Ordering::Relaxed);
        if last != 0 && now < last + KEYFRAME_EVERY_NS {
            return;
        }
        self.keyframe_wanted.store(false, Ordering::Relaxed);
        self.last_keyframe.store(now, Ordering::Relaxed);
        input.send_event(gst_video::DownstreamForceKeyUnitEvent::builder().all_headers(true).build());
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

impl Take for Shared {
    fn take(&self, buffer: &gst::Buffer, caps: &gst::Caps) {
        let input = lock(&self.input);
        let Some(input) = input.as_ref() else {
            // An encoder that is only starting has not missed anything yet.
            if self.taken.load(Ordering::Relaxed) > 0 {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            return;
        };
        if input.current_level_buffers() >= WAITING {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if input.caps().as_ref() != Some(caps) {
            input.set_caps(Some(caps));
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.keyframe_if_wanted(input);
        // A pipeline that has just failed refuses; its successor is on its way.
        let _ = input.push_buffer(buffer.clone());
    }
}

struct Worker {
    shared: Arc<Shared>,
    tap: Arc<Tap>,
    notices: Notices,
}

impl Worker {
    fn run(&self, elements: &[String]) {
        let mut failed: Option<(String, EncoderError)> = None;
        for element in elements {
            if self.shared.stopping() {
                return;
            }
            let pipeline = match self.build(element) {
                Ok(pipeline) => pipeline,
                Err(error) => {
                    failed = Some((element.clone(), error));
                    continue;
                }
            };
            element.clone_into(&mut lock(&self.shared.element));
            if let Some((from, cause)) = failed.take() {
                self.shared.failovers.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%from, to = %element, %cause, "encoder replaced");
                self.notices.tell(Notice::EncoderReplaced { from, to: element.clone(), cause: cause.to_string() });
            }
            let outcome = self.watch(&pipeline, element);
            *lock(&self.shared.input) = None;
            *lock(&self.shared.bus) = None;
            if let Err(error) = deadline::stop_pipeline(element, &pipeline, STOP_WITHIN) {
                tracing::error!(%error);
            }
            match outcome {
                Ok(()) => return,
                Err(error) => failed = Some((element.clone(), error)),
            }
        }
        let cause = failed.map_or_else(|| "none is installed".to_owned(), |(_, error)| error.to_string());
        self.notices.tell(Notice::EncoderFailed { cause: EncoderError::NoneLeft(cause).to_string() });
    }

    fn build(&self, element: &str) -> Result<gst::Pipeline, EncoderError> {
        let refused = |cause: &dyn std::fmt::Display| EncoderError::Refused {
            element: element.to_owned(),
            cause: cause.to_string(),
        };
        let make =
            |name: &str| gst::ElementFactory::make(name).build().map_err(|_| EncoderError::Missing(name.to_owned()));
        let input = gst_app::AppSrc::builder().format(gst::Format::Time).is_live(true).max_bytes(0).build();
        let convert = make("videoconvert")?;
        let encoder = make_named(element, &self.shared.spec)?;
        let profile = make("capsfilter")?;
        profile.set_property("caps", profile_caps(self.shared.spec.profile));
        let parse = make("h264parse")?;
        parse.set_property("config-interval", -1_i32);
        let caps = gst::Caps::builder("video/x-h264").field("stream-format", "avc").field("alignment", "au").build();
        let sink = gst_app::AppSink::builder().sync(false).enable_last_sample(false).caps(&caps).build();
        let pipeline = gst::Pipeline::builder().name(format!("encoder {element}")).build();
        self.shared.timeline.adopt(&pipeline);
        let row: [&gst::Element; 6] = [input.upcast_ref(), &convert, &encoder, &profile, &parse, sink.upcast_ref()];
        pipeline.add_many(row).map_err(|e| refused(&e))?;
        gst::Element::link_many(row).map_err(|e| refused(&e))?;
        sink.set_callbacks(give_to(self.tap.clone(), 0));
        *lock(&self.shared.bus) = pipeline.bus();
        let starting = pipeline.clone();
        let started = deadline::within("starting an encoder", Duration::from_secs(5), move || {
            starting.set_state(gst::State::Playing)
        });
        match started {
            Ok(Ok(_)) => {
                *lock(&self.shared.input) = Some(input);
                Ok(pipeline)
            }
            Ok(Err(error)) => {
                let _ = pipeline.set_state(gst::State::Null);
                Err(refused(&error))
            }
            Err(late) => Err(refused(&late)),
        }
    }

    /// Waits until it is told to stop (`Ok`) or the encoder fails.
    fn watch(&self, pipeline: &gst::Pipeline, element: &str) -> Result<(), EncoderError> {
        let refused = |cause: String| EncoderError::Refused { element: element.to_owned(), cause };
        let bus = pipeline.bus().ok_or_else(|| refused("no bus".into()))?;
        let wait = gst::ClockTime::from_nseconds(u64::try_from(STUCK_AFTER.as_nanos()).unwrap_or(u64::MAX / 2));
        let mut before = (self.shared.taken.load(Ordering::Relaxed), self.tap.totals().0);
        loop {
            if self.shared.stopping() {
                return Ok(());
            }
            let message = bus.timed_pop_filtered(wait, &[gst::MessageType::Error, gst::MessageType::Application]);
            match message.as_ref().map(|m| m.view()) {
                Some(gst::MessageView::Error(error)) => return Err(refused(error.error().message().to_owned())),
                Some(_) => {}
                None => {
                    let now = (self.shared.taken.load(Ordering::Relaxed), self.tap.totals().0);
                    if now.0 > before.0 + WAITING / 2 && now.1 == before.1 {
                        return Err(refused(format!("it gave no picture for {} s", STUCK_AFTER.as_secs())));
                    }
                    before = now;
                }
            }
        }
    }
}

/// What the encoder may make. An encoder that cannot is replaced by the next one.
fn profile_caps(profile: Profile) -> gst::Caps {
    let caps = gst::Caps::builder("video/x-h264");
    match profile {
        Profile::High => caps.build(),
        Profile::ConstrainedBaseline => {
            caps.field("profile", gst::List::new(["constrained-baseline", "baseline"])).build()
        }
    }
}

/// Gives every sample of a sink to `tap`, in running time less `lead` nanoseconds (what an audio encoder puts before its first sample).
pub(super) fn give_to(tap: Arc<Tap>, lead: u64) -> AppSinkCallbacks {
    AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let (Some(mut buffer), Some(caps)) = (sample.buffer_owned(), sample.caps()) else {
                return Ok(gst::FlowSuccess::Ok);
            };
            let segment = sample.segment().and_then(|s| s.downcast_ref::<gst::ClockTime>().cloned());
            let running = |t: Option<gst::ClockTime>| {
                let running = segment.as_ref()?.to_running_time_full(t?)?;
                let ns = match running {
                    gst::Signed::Positive(t) => t.nseconds(),
                    gst::Signed::Negative(_) => 0,
                };
                Some(gst::ClockTime::from_nseconds(ns.saturating_sub(lead)))
            };
            {
                let buffer = buffer.make_mut();
                let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
                buffer.set_pts(pts);
                buffer.set_dts(dts);
            }
            tap.give(&buffer, caps);
            Ok(gst::FlowSuccess::Ok)
        })
        .build()
}
