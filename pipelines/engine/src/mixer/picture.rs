//! The picture mixer: one frame of the program each frame time, whatever the sources do.
//!
//! Invariants: frame `n` has exactly the time `first + n / rate`; a frame that cannot be made in time is replaced by the one before and
//! counted; a machine that slept goes on with the present instead of making up the past.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use pulse_plan::{Program, picture_at, progress};
use pulse_show::{Canvas, TransitionKind};

use super::{
    ProgramTaps, SETTLE_NS,
    painter::{MixerError, Painter, Slots},
};
use crate::{notices::Notices, status::Notice, tap::lock, timeline::Timeline};

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
        let worker = Worker {
            canvas,
            timeline,
            taps,
            notices,
            shared: shared.clone(),
            painter: Painter::new(canvas, (canvas.width, canvas.height))?,
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
        let Some(begun) = self.begun else {
            let waited = at.saturating_sub(self.waiting_since?);
            if let TransitionKind::Stinger(source) = &take.transition.kind {
                let ready = slots.get(source).is_some_and(|slot| slot.at(at).is_some());
                if !ready && waited < STINGER_PATIENCE_NS {
                    return Some(0.0);
                }
            }
            self.begun = Some(at);
            return progress(&take.transition, take.start, 0);
        };
        progress(&take.transition, take.start, at.saturating_sub(begun))
    }
}

struct Worker {
    canvas: Canvas,
    timeline: Timeline,
    taps: Arc<ProgramTaps>,
    notices: Notices,
    shared: Arc<Shared>,
    painter: Painter,
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
        self.taps.pictures.give(&buffer, self.painter.caps());
        self.before = Some(buffer);
    }

    fn draw(&mut self, at: u64) -> Option<gst::Buffer> {
        let program = lock(&self.shared.program).clone();
        let slots = lock(&self.shared.slots).clone();
        let progress = self.transition.progress(&program, &slots, at);
        let picture = picture_at(&program, self.canvas, progress);
        self.painter.paint(&picture, &slots, at)
    }
}
