//! The picture mixer: one frame of the program each frame time, whatever the sources do.
//!
//! Invariants: frame `n` has exactly the time `first + n / rate`; a frame that cannot be made in time is replaced by the one before and
//! counted; a machine that slept goes on with the present instead of making up the past.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use gst::prelude::*;
use gst_video::VideoFrameExt;
use pulse_picture::{CanvasMut, Compositor, PlaneMut};
use pulse_plan::{Program, picture_at};
use pulse_show::{Canvas, SourceId, TransitionKind};

use super::ProgramTaps;
use crate::{
    notices::Notices,
    source::slot::{Shot, Slot},
    status::Notice,
    tap::lock,
    timeline::Timeline,
};

/// Every source's slot, by its id.
pub type Slots = BTreeMap<SourceId, Arc<Slot>>;

/// A frame is made this long after the last moment that it may show, so that pictures have arrived although threads wake late.
const SETTLE_NS: u64 = 10_000_000;
/// Being later than this means that the machine slept or stood still.
const ASLEEP_NS: u64 = 2_000_000_000;
/// A stinger that has no picture after this time is not waited for any longer.
const STINGER_PATIENCE_NS: u64 = 500_000_000;

/// The running picture mixer.
pub struct PictureMixer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    program: Mutex<Arc<Program>>,
    slots: Mutex<Arc<Slots>>,
    stop: AtomicBool,
    frames: AtomicU64,
    dropped: AtomicU64,
}

/// The program's pictures cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum MixerError {
    /// No memory for frames.
    #[error("no memory for pictures of {width}×{height}: {cause}. Choose a smaller canvas.")]
    Pool {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// What the system said.
        cause: String,
    },
    /// No thread.
    #[error("the mixer's thread could not be started: {0}. Close other programs.")]
    Thread(#[from] std::io::Error),
}

impl PictureMixer {
    /// Starts giving frames; they flow from the next whole frame time on.
    pub fn start(
        canvas: Canvas,
        timeline: Timeline,
        taps: Arc<ProgramTaps>,
        notices: Notices,
    ) -> Result<Self, MixerError> {
        let shared = Arc::new(Shared {
            program: Mutex::default(),
            slots: Mutex::default(),
            stop: AtomicBool::new(false),
            frames: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let frames = FramePool::new(canvas)?;
        let worker = Worker {
            canvas,
            timeline,
            taps,
            notices,
            shared: shared.clone(),
            pool: frames,
            compositor: Compositor::new(canvas.width, canvas.height),
            transition: Playing::default(),
            before: None,
        };
        let thread = std::thread::Builder::new().name("mix-picture".into()).spawn(move || worker.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Changes what is drawn, from the next frame on.
    pub fn set_program(&self, program: Program) {
        *lock(&self.shared.program) = Arc::new(program);
    }

    /// Changes whose pictures there are.
    pub fn set_slots(&self, slots: Slots) {
        *lock(&self.shared.slots) = Arc::new(slots);
    }

    /// Frames given out and frames that could not be made in time.
    pub fn totals(&self) -> (u64, u64) {
        (self.shared.frames.load(Ordering::Relaxed), self.shared.dropped.load(Ordering::Relaxed))
    }
}

impl Drop for PictureMixer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the picture mixer's thread panicked");
        }
    }
}

/// Memory for program frames, used again and again.
struct FramePool {
    pool: gst_video::VideoBufferPool,
    info: gst_video::VideoInfo,
    caps: gst::Caps,
}

impl FramePool {
    fn new(canvas: Canvas) -> Result<Self, MixerError> {
        let fail = |cause: &dyn std::fmt::Display| MixerError::Pool {
            width: canvas.width,
            height: canvas.height,
            cause: cause.to_string(),
        };
        let fraction = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let rate = gst::Fraction::new(fraction(canvas.rate.num.get()), fraction(canvas.rate.den.get()));
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, canvas.width, canvas.height)
            .fps(rate)
            .colorimetry(&gst_video::VideoColorimetry::from_str("bt709").map_err(|e| fail(&e))?)
            .build()
            .map_err(|e| fail(&e))?;
        let caps = info.to_caps().map_err(|e| fail(&e))?;
        let pool = gst_video::VideoBufferPool::new();
        let mut config = pool.config();
        let size = u32::try_from(info.size()).map_err(|e| fail(&e))?;
        config.set_params(Some(&caps), size, 4, 0);
        pool.set_config(config).map_err(|e| fail(&e))?;
        pool.set_active(true).map_err(|e| fail(&e))?;
        Ok(Self { pool, info, caps })
    }

    fn frame(&self) -> Option<gst_video::VideoFrame<gst_video::video_frame::Writable>> {
        let buffer = self.pool.acquire_buffer(None).ok()?;
        gst_video::VideoFrame::from_buffer_writable(buffer, &self.info).ok()
    }
}

impl Drop for FramePool {
    fn drop(&mut self) {
        // Frames still in an encoder return their memory when they are done.
        let _ = self.pool.set_active(false);
    }
}

use std::str::FromStr;

/// The transition being played.
#[derive(Default)]
struct Playing {
    seen: u64,
    begun: Option<u64>,
    waiting_since: Option<u64>,
}

impl Playing {
    /// How far the program's transition is at engine time `at`, if one is being played.
    fn progress(&mut self, program: &Program, slots: &Slots, at: u64) -> Option<f32> {
        let take = program.take.as_ref()?;
        if take.number != self.seen {
            *self = Self { seen: take.number, begun: None, waiting_since: Some(at) };
        }
        let length = u64::from(take.transition.ms) * 1_000_000;
        if length == 0 {
            return None;
        }
        let Some(begun) = self.begun else {
            let waited = at.saturating_sub(self.waiting_since?);
            if let TransitionKind::Stinger(source) = &take.transition.kind {
                let ready = slots.get(source).is_some_and(|slot| slot.at(at).is_some());
                if !ready && waited < STINGER_PATIENCE_NS {
                    return Some(0.0);
                }
            }
            let head_start = (f64::from(take.start) * length as f64) as u64;
            self.begun = Some(at.saturating_sub(head_start));
            return Some(take.start);
        };
        let played = at.saturating_sub(begun);
        if played >= length {
            return None;
        }
        Some(played as f32 / length as f32)
    }
}

struct Worker {
    canvas: Canvas,
    timeline: Timeline,
    taps: Arc<ProgramTaps>,
    notices: Notices,
    shared: Arc<Shared>,
    pool: FramePool,
    compositor: Compositor,
    transition: Playing,
    before: Option<gst::Buffer>,
}

impl Worker {
    fn run(mut self) {
        let mut first = self.timeline.now();
        let mut n = 0_u64;
        while !self.shared.stop.load(Ordering::Acquire) {
            let at = first + self.canvas.frame_time(n);
            let next = first + self.canvas.frame_time(n + 1);
            // The picture nearest to the frame's time is shown: up to half a frame before or after it.
            let shown = at + (next - at) / 2;
            self.timeline.sleep_until(shown + SETTLE_NS);
            let now = self.timeline.now();
            if now > at + ASLEEP_NS {
                let missed = (now - at) / (next - at).max(1);
                self.shared.dropped.fetch_add(missed, Ordering::Relaxed);
                first = now;
                n = 0;
                continue;
            }
            let late = now > shown + (next - at) + SETTLE_NS;
            self.give(at, next - at, late);
            if self.shared.frames.fetch_add(1, Ordering::Relaxed) == 0 {
                self.notices.tell(Notice::Ready);
            }
            n += 1;
        }
    }

    /// Gives the frame of time `at`: a new one, or the one before when there is no time to make it.
    fn give(&mut self, at: u64, duration: u64, late: bool) {
        if !self.taps.pictures.is_used() {
            self.before = None;
            return;
        }
        let shown = at + duration / 2;
        let fresh = if late { None } else { self.draw(shown) };
        if fresh.is_none() {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
        let Some(mut buffer) = fresh.or_else(|| self.before.clone()).or_else(|| self.draw(shown)) else { return };
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(gst::ClockTime::from_nseconds(at));
            buffer.set_duration(gst::ClockTime::from_nseconds(duration));
        }
        self.taps.pictures.give(&buffer, &self.pool.caps);
        self.before = Some(buffer);
    }

    fn draw(&mut self, at: u64) -> Option<gst::Buffer> {
        let program = lock(&self.shared.program).clone();
        let slots = lock(&self.shared.slots).clone();
        let progress = self.transition.progress(&program, &slots, at);
        let picture = picture_at(&program, self.canvas, progress);
        let shots: BTreeMap<&SourceId, Arc<Shot>> = picture
            .groups
            .iter()
            .flat_map(|group| &group.draws)
            .filter_map(|draw| Some((&draw.source, slots.get(&draw.source)?.at(at)?)))
            .collect();
        let mut frame = self.pool.frame()?;
        let strides: [usize; 3] = std::array::from_fn(|i| usize::try_from(frame.plane_stride()[i]).unwrap_or(0));
        let (width, height) = (self.canvas.width as usize, self.canvas.height as usize);
        let half = (width.div_ceil(2), height.div_ceil(2));
        let [y, u, v, _] = frame.planes_data_mut();
        let y = PlaneMut::new(y, strides[0], width, height).ok()?;
        let u = PlaneMut::new(u, strides[1], half.0, half.1).ok()?;
        let v = PlaneMut::new(v, strides[2], half.0, half.1).ok()?;
        let mut canvas = CanvasMut::new(y, u, v).ok()?;
        let find = |id: &SourceId| shots.get(id).and_then(|shot| Some((shot.planes()?, shot.stamp())));
        self.compositor.compose(&picture, &find, &mut canvas);
        Some(frame.into_buffer())
    }
}
