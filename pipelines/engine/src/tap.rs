//! Where a stream is handed from the pipeline that makes it to the pipelines that take it.
//!
//! A [`Tap`] belongs to the maker (an encoder, a camera's untouched bytes); a [`Feed`] is one taker's bounded queue into its own
//! pipeline. Makers never wait for takers: a full feed drops whole groups of pictures, up to the next keyframe, and counts them.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// A lock whose holder panicked is still a lock: the data behind these is valid after every statement.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what a [`Tap`] gives.
pub trait Take: Send + Sync {
    /// One buffer in engine time, with the caps it was made in. Called on the maker's streaming thread: must not wait.
    fn take(&self, buffer: &gst::Buffer, caps: &gst::Caps);
}

/// Where a stream is given out.
#[derive(Default)]
pub struct Tap {
    takers: Mutex<Vec<Weak<dyn Take>>>,
    caps: Mutex<Option<gst::Caps>>,
    keyframe: Mutex<Option<Box<dyn Fn() + Send>>>,
    buffers: AtomicU64,
    bytes: AtomicU64,
}

impl Tap {
    /// Adds a taker for as long as it lives, and asks the maker for a keyframe so that it can begin.
    pub fn attach(&self, taker: &Arc<dyn Take>) {
        lock(&self.takers).push(Arc::downgrade(taker));
        self.request_keyframe();
    }

    /// Whether anybody takes.
    pub fn is_used(&self) -> bool {
        lock(&self.takers).iter().any(|t| t.strong_count() > 0)
    }

    /// What the stream is, once it has begun.
    pub fn caps(&self) -> Option<gst::Caps> {
        lock(&self.caps).clone()
    }

    /// Forgets the caps: the maker is starting again and may make something else.
    pub fn reset(&self) {
        *lock(&self.caps) = None;
    }

    /// How the maker is asked for a keyframe.
    pub fn on_keyframe_request(&self, ask: impl Fn() + Send + 'static) {
        *lock(&self.keyframe) = Some(Box::new(ask));
    }

    /// Asks the maker for a keyframe.
    pub fn request_keyframe(&self) {
        if let Some(ask) = lock(&self.keyframe).as_ref() {
            ask();
        }
    }

    /// Buffers and bytes given out so far.
    pub fn totals(&self) -> (u64, u64) {
        (self.buffers.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Gives a buffer to every taker.
    pub fn give(&self, buffer: &gst::Buffer, caps: &gst::CapsRef) {
        self.buffers.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(buffer.size() as u64, Ordering::Relaxed);
        let caps = {
            let mut known = lock(&self.caps);
            match known.as_ref() {
                Some(same) if **same == *caps => same.clone(),
                _ => known.insert(caps.to_owned()).clone(),
            }
        };
        let takers: Vec<Arc<dyn Take>> = {
            let mut takers = lock(&self.takers);
            takers.retain(|t| t.strong_count() > 0);
            takers.iter().filter_map(Weak::upgrade).collect()
        };
        for taker in takers {
            taker.take(buffer, &caps);
        }
    }
}

/// One taker's way into its own pipeline: an `appsrc` behind a bounded queue.
pub struct Feed {
    appsrc: gst_app::AppSrc,
    video: bool,
    start: Arc<Start>,
    begun: AtomicBool,
    broken: AtomicBool,
    fixed_caps: Mutex<Option<gst::Caps>>,
    dropped: AtomicU64,
    unstamped: AtomicU64,
    limit: u64,
}

/// The moment (engine time) that is zero in a file: set by the first video keyframe, shared by its streams.
#[derive(Debug)]
pub struct Start {
    at: AtomicU64,
    led_by_video: bool,
}

impl Start {
    /// A start that waits for the first video keyframe, or, in a file without pictures, for the first sound.
    pub fn new(led_by_video: bool) -> Arc<Self> {
        Arc::new(Self { at: AtomicU64::new(u64::MAX), led_by_video })
    }

    /// Engine time of the start in nanoseconds, once known.
    pub fn at(&self) -> Option<u64> {
        Some(self.at.load(Ordering::Acquire)).filter(|at| *at != u64::MAX)
    }

    fn settle(&self, at: u64) -> u64 {
        match self.at.compare_exchange(u64::MAX, at, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => at,
            Err(earlier) => earlier,
        }
    }
}

impl Feed {
    /// A feed into `appsrc` (format time, byte-limited by this feed) holding at most `limit` bytes.
    pub fn new(appsrc: gst_app::AppSrc, video: bool, start: Arc<Start>, limit: u64) -> Arc<Self> {
        appsrc.set_format(gst::Format::Time);
        appsrc.set_max_bytes(0);
        appsrc.set_block(false);
        Arc::new(Self {
            appsrc,
            video,
            start,
            begun: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            fixed_caps: Mutex::new(None),
            dropped: AtomicU64::new(0),
            unstamped: AtomicU64::new(0),
            limit,
        })
    }

    /// Buffers that were dropped because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Buffers that came without a time stamp and could not be used.
    pub fn unstamped(&self) -> u64 {
        self.unstamped.load(Ordering::Relaxed)
    }

    /// Bytes waiting.
    pub fn queued(&self) -> u64 {
        self.appsrc.current_level_bytes()
    }

    /// Whether the first buffer has passed.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Tells the pipeline that nothing more comes.
    pub fn end(&self) {
        // A pipeline that is already down has nothing to end.
        let _ = self.appsrc.end_of_stream();
    }

    fn admit(&self, buffer: &gst::Buffer, pts: u64) -> Option<u64> {
        let delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if self.video && delta && (!self.has_begun() || self.broken.load(Ordering::Relaxed)) {
            if self.has_begun() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            return None;
        }
        let leads = self.video || !self.start.led_by_video;
        let start = if leads { self.start.settle(pts) } else { self.start.at()? };
        if pts < start {
            return None;
        }
        if self.queued() > self.limit {
            self.broken.store(true, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.broken.store(false, Ordering::Relaxed);
        Some(start)
    }

    /// The file keeps the description it began with: a successor encoder repeats its own parameter sets in the stream.
    fn settle_caps(&self, caps: &gst::Caps) {
        let mut fixed = lock(&self.fixed_caps);
        if fixed.is_none() {
            self.appsrc.set_caps(Some(caps));
            *fixed = Some(caps.clone());
        }
    }
}

impl Take for Feed {
    fn take(&self, buffer: &gst::Buffer, caps: &gst::Caps) {
        let Some(pts) = buffer.pts().or(buffer.dts()).map(gst::ClockTime::nseconds) else {
            self.unstamped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Some(start) = self.admit(buffer, pts) else { return };
        self.settle_caps(caps);
        let mut buffer = buffer.clone();
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(gst::ClockTime::from_nseconds(pts - start));
            // A decode time before the start would be negative: the muxer takes the first one as its zero.
            let dts = buffer.dts().map(|dts| gst::ClockTime::from_nseconds(dts.nseconds().saturating_sub(start)));
            buffer.set_dts(dts);
        }
        self.begun.store(true, Ordering::Relaxed);
        // A pipeline that is going down refuses; what it had is being finalised.
        let _ = self.appsrc.push_buffer(buffer);
    }
}
