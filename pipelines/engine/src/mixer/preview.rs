//! The preview's pictures: what a cut would show, drawn small and only while somebody looks.
//!
//! Invariant: nothing is drawn, and no thread wakes, without a taker on the preview's tap.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
};

use pulse_plan::Picture;
use pulse_show::Canvas;

use super::{
    ProgramTaps, SETTLE_NS,
    painter::{MixerError, Painter, Slots},
};
use crate::{tap::lock, timeline::Timeline};

/// A preview is no wider than this.
const WIDTH: u32 = 960;
/// Nor shown more often than this.
const FRAME_NS: u64 = 1_000_000_000 / 30;

/// Draws the preview.
pub struct PreviewMixer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Whether to stop; what the thread waits with while nobody looks.
    stop: Mutex<bool>,
    changed: Condvar,
    wanted: Mutex<Wanted>,
}

#[derive(Default, Clone)]
struct Wanted {
    picture: Arc<Picture>,
    slots: Arc<Slots>,
}

impl PreviewMixer {
    /// Waits for somebody to take from `taps.preview`.
    pub fn start(canvas: Canvas, timeline: Timeline, taps: &Arc<ProgramTaps>) -> Result<Self, MixerError> {
        let shared = Arc::new(Shared::default());
        let looked_at = Arc::downgrade(&shared);
        taps.preview.on_keyframe_request(move || {
            if let Some(shared) = looked_at.upgrade() {
                shared.wake(false);
            }
        });
        let worker = Worker {
            painter: Painter::new(canvas, size(canvas))?,
            timeline,
            taps: taps.clone(),
            shared: shared.clone(),
            frame_ns: FRAME_NS.max(canvas.frame_time(1)),
        };
        let thread = std::thread::Builder::new().name("mix-preview".into()).spawn(move || worker.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Changes what is drawn, from the next picture on.
    pub fn set_picture(&self, picture: Picture) {
        lock(&self.shared.wanted).picture = Arc::new(picture);
    }

    /// Changes whose pictures there are.
    pub fn set_slots(&self, slots: Slots) {
        lock(&self.shared.wanted).slots = Arc::new(slots);
    }
}

impl Drop for PreviewMixer {
    fn drop(&mut self) {
        self.shared.wake(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the preview's thread panicked");
        }
    }
}

impl Shared {
    fn wake(&self, stop: bool) {
        *lock(&self.stop) |= stop;
        self.changed.notify_all();
    }

    /// Waits until somebody looks; false when it is over.
    fn wait_for_a_look(&self, taps: &ProgramTaps) -> bool {
        let waiting = self.changed.wait_while(lock(&self.stop), |stop| !*stop && !taps.preview.is_used());
        !*waiting.unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker {
    painter: Painter,
    timeline: Timeline,
    taps: Arc<ProgramTaps>,
    shared: Arc<Shared>,
    frame_ns: u64,
}

impl Worker {
    fn run(mut self) {
        while self.shared.wait_for_a_look(&self.taps) {
            let now = self.timeline.now();
            // Never ahead of the program, which takes its pictures this long after they are due.
            let at = now.saturating_sub(SETTLE_NS);
            let Wanted { picture, slots } = lock(&self.shared.wanted).clone();
            if let Some(mut buffer) = self.painter.paint(&picture, &slots, at) {
                buffer.make_mut().set_pts(gst::ClockTime::from_nseconds(at));
                self.taps.preview.give(&buffer, self.painter.caps());
            }
            self.timeline.sleep_until(now + self.frame_ns);
        }
    }
}

/// The canvas, no wider than [`WIDTH`], in even pixels.
fn size(canvas: Canvas) -> (u32, u32) {
    let width = canvas.width.min(WIDTH);
    let height = (u64::from(canvas.height) * u64::from(width) / u64::from(canvas.width.max(1))) as u32;
    ((width & !1).max(2), (height & !1).max(2))
}
