//! What a source shows now: the only thing that its pipeline and the mixer share.
//!
//! The source's thread puts pictures in as they fall due; the mixer takes the newest that is due. Neither ever waits for the
//! other: the lock is held for moving a few pointers.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use gst_video::VideoFrameExt;
use pulse_picture::{Frame, FrameRef, Plane, Smaller, halved};
use pulse_show::OnLoss;

use crate::tap::lock;

/// Pictures that may wait to fall due; more means that the source runs ahead of the clock.
const WAITING: usize = 6;
/// A picture this much too early is due all the same: threads do not wake to the nanosecond.
const EARLY: u64 = 2_000_000;

/// The mixer may ask for pictures of times this long ago.
const LOOKING_NS: u64 = 100_000_000;

/// Halves are made for this long after they were last looked at.
const HALVES_FOR_NS: u64 = 500_000_000;

/// One picture of a source.
#[allow(clippy::large_enum_variant, reason = "always behind an Arc, and nearly always the large one")]
pub enum Shot {
    /// Decoded, still in the decoder's memory.
    Decoded {
        /// Mapped for reading.
        frame: gst_video::VideoFrame<gst_video::video_frame::Readable>,
        /// At half its size, made while it was fresh, when halves are what is looked at.
        half: Option<Frame>,
        /// Where those who look say that a half would do.
        half_wanted: Arc<AtomicBool>,
        /// Identity.
        stamp: u64,
    },
    /// Made by ourselves: an image, a text, a slate.
    Still {
        /// The picture.
        frame: Arc<Frame>,
        /// Identity.
        stamp: u64,
    },
}

/// Gives every picture an identity of its own, so that what was scaled once is recognised.
fn next_stamp() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Shot {
    /// A picture that stays.
    pub fn still(frame: Frame) -> Arc<Self> {
        Arc::new(Self::Still { frame: Arc::new(frame), stamp: next_stamp() })
    }

    /// The planes, for the compositor; none of a buffer that is not what its caps say.
    pub fn planes(&self) -> Option<FrameRef<'_>> {
        match self {
            Self::Decoded { frame, half, half_wanted, .. } => {
                Some(decoded_planes(frame)?.with_smaller(Smaller { frame: half.as_ref(), wanted: half_wanted }))
            }
            Self::Still { frame, .. } => Some(Frame::as_ref(frame)),
        }
    }

    /// Identity: equal stamps are the same picture.
    pub fn stamp(&self) -> u64 {
        match self {
            Self::Decoded { stamp, .. } | Self::Still { stamp, .. } => *stamp,
        }
    }
}

/// Makes shots of decoded pictures, with their halves for as long as somebody looks at halves.
#[derive(Default)]
pub struct Halves {
    wanted: Arc<AtomicBool>,
    last_wanted: Option<u64>,
}

impl Halves {
    /// A shot of `frame`, come at engine time `now`.
    pub fn shot(&mut self, frame: gst_video::VideoFrame<gst_video::video_frame::Readable>, now: u64) -> Shot {
        if self.wanted.swap(false, Ordering::Relaxed) {
            self.last_wanted = Some(now);
        }
        let looked_at = self.last_wanted.is_some_and(|last| now < last + HALVES_FOR_NS);
        let half = looked_at.then(|| decoded_planes(&frame)).flatten().and_then(|planes| halved(&planes));
        Shot::Decoded { frame, half, half_wanted: self.wanted.clone(), stamp: next_stamp() }
    }
}

/// The planes of a mapped picture; none of a buffer that is not what its caps say.
pub fn decoded_planes(frame: &gst_video::VideoFrame<gst_video::video_frame::Readable>) -> Option<FrameRef<'_>> {
    let info = frame.info();
    let plane = |index: u8| {
        let stride = usize::try_from(*frame.plane_stride().get(usize::from(index))?).ok()?;
        let data = frame.plane_data(u32::from(index)).ok()?;
        Plane::new(data, stride, info.comp_width(index) as usize, info.comp_height(index) as usize).ok()
    };
    let planes = FrameRef::new(plane(0)?, plane(1)?, plane(2)?).ok()?;
    let planes = if info.has_alpha() { planes.with_alpha(plane(3)?).ok()? } else { planes };
    let fraction = |n: i32| u32::try_from(n).unwrap_or(0);
    Some(planes.with_par((fraction(info.par().numer()), fraction(info.par().denom()))))
}

#[derive(Default)]
struct Inside {
    waiting: VecDeque<(u64, Arc<Shot>)>,
    shown: Option<Arc<Shot>>,
    slate: Option<Arc<Shot>>,
    lost: bool,
    on_loss: OnLoss,
}

impl Inside {
    /// What is due at engine time `at` is shown.
    fn advance(&mut self, at: u64) {
        while self.waiting.front().is_some_and(|(due, _)| *due <= at + EARLY) {
            self.shown = self.waiting.pop_front().map(|(_, shot)| shot);
        }
    }
}

/// What a source shows now.
pub struct Slot {
    inside: Mutex<Inside>,
    frames: AtomicU64,
    dropped: AtomicU64,
}

impl Slot {
    /// Empty, showing `slate` until the first picture.
    pub fn new(slate: Option<Arc<Shot>>, on_loss: OnLoss) -> Self {
        let inside = Inside { slate, on_loss, lost: true, ..Inside::default() };
        Self { inside: Mutex::new(inside), frames: AtomicU64::new(0), dropped: AtomicU64::new(0) }
    }

    /// A new picture, come at engine time `now`, to be shown from `due` on.
    pub fn put(&self, due: u64, now: u64, shot: Arc<Shot>) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        let mut inside = lock(&self.inside);
        inside.lost = false;
        // Nobody may be looking: what has had its time makes room. A mixer that is looking is behind by less than this.
        inside.advance(now.saturating_sub(LOOKING_NS));
        if inside.waiting.len() >= WAITING {
            inside.waiting.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        inside.waiting.push_back((due, shot));
    }

    /// What should be seen at engine time `at`.
    pub fn at(&self, at: u64) -> Option<Arc<Shot>> {
        let mut inside = lock(&self.inside);
        inside.advance(at);
        let keep = !inside.lost || inside.on_loss == OnLoss::LastFrame;
        match &inside.shown {
            Some(shown) if keep => Some(shown.clone()),
            _ => inside.slate.clone(),
        }
    }

    /// The source gives nothing any more: the slate, or its last picture.
    pub fn lose(&self, slate: Option<Arc<Shot>>) {
        let mut inside = lock(&self.inside);
        inside.lost = true;
        inside.slate = slate;
        inside.waiting.clear();
    }

    /// Shows nothing until the next picture.
    pub fn clear(&self) {
        let mut inside = lock(&self.inside);
        inside.waiting.clear();
        inside.shown = None;
    }

    /// What is shown without a signal.
    pub fn set_on_loss(&self, on_loss: OnLoss) {
        lock(&self.inside).on_loss = on_loss;
    }

    /// Pictures received, and pictures that came too fast to be shown.
    pub fn totals(&self) -> (u64, u64) {
        (self.frames.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }
}
