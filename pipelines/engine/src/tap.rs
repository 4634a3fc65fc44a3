//! Where a stream is handed from the pipeline that makes it to the pipelines that take it.
//!
//! A [`Tap`] belongs to the maker (an encoder, a camera's untouched bytes); a [`Feed`] is one taker's bounded queue into its own
//! pipeline. Makers never wait for takers: a full feed drops whole groups of pictures, up to the next keyframe, and counts them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Packets of sound that wait for the first picture: two seconds and more of AAC. The oldest go first, they lie before it.
const MAX_WAITING: usize = 128;

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
    /// Made anew when one comes, so that giving a buffer out takes no memory.
    takers: Mutex<Arc<[Weak<dyn Take>]>>,
    caps: Mutex<Option<gst::Caps>>,
    keyframe: Mutex<Option<Box<dyn Fn() + Send>>>,
    buffers: AtomicU64,
    bytes: AtomicU64,
}

impl Tap {
    /// Adds a taker for as long as it lives, and asks the maker for a keyframe so that it can begin.
    pub fn attach(&self, taker: &Arc<dyn Take>) {
        let mut takers = lock(&self.takers);
        let living = takers.iter().filter(|t| t.strong_count() > 0).cloned();
        *takers = living.chain([Arc::downgrade(taker)]).collect();
        drop(takers);
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
        let takers = lock(&self.takers).clone();
        for taker in takers.iter().filter_map(Weak::upgrade) {
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
    /// Sound that came before it was known where the file begins.
    waiting: Mutex<VecDeque<gst::Buffer>>,
    limit: u64,
}

/// The moment (engine time) at which a file begins: set by the first video keyframe, shared by its streams.
///
/// Pictures that are decoded in another order than they are shown must be decoded before they are due. The first one's decode time
/// is zero in the file, so the sound begins as long before the first picture as that takes: that is the lead.
#[derive(Debug)]
pub struct Start {
    at: AtomicU64,
    lead: AtomicU64,
    led_by_video: bool,
}

/// In [`Start`]: not known yet.
const UNKNOWN: u64 = u64::MAX;

impl Start {
    /// A start that waits for the first video keyframe, or, in a file without pictures, for the first sound.
    pub fn new(led_by_video: bool) -> Arc<Self> {
        Arc::new(Self {
            at: AtomicU64::new(UNKNOWN),
            lead: AtomicU64::new(if led_by_video { UNKNOWN } else { 0 }),
            led_by_video,
        })
    }

    /// A start at the first video keyframe of our own encoders, whose pictures are decoded as they are shown.
    pub fn of_program() -> Arc<Self> {
        let start = Self::new(true);
        start.lead_by(0);
        start
    }

    /// A start at engine time's own zero: a live sink is given engine time as it is, and sound before the first picture.
    pub fn in_engine_time() -> Arc<Self> {
        Arc::new(Self { at: AtomicU64::new(0), lead: AtomicU64::new(0), led_by_video: true })
    }

    fn at(&self) -> Option<u64> {
        Some(self.at.load(Ordering::Acquire)).filter(|at| *at != UNKNOWN)
    }

    /// The first picture is decoded `lead` nanoseconds before it is shown.
    pub fn lead_by(&self, lead: u64) {
        self.lead.store(lead, Ordering::Release);
    }

    /// Engine time of the file's zero in nanoseconds, once known: its first picture is shown a lead later, its sound begins here.
    pub fn zero(&self) -> Option<u64> {
        let lead = Some(self.lead.load(Ordering::Acquire)).filter(|lead| *lead != UNKNOWN)?;
        Some(self.at()?.saturating_sub(lead))
    }

    fn settle(&self, at: u64) -> u64 {
        match self.at.compare_exchange(UNKNOWN, at, Ordering::AcqRel, Ordering::Acquire) {
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
            waiting: Mutex::default(),
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

    /// Whether it comes between two keyframes of which the first is missing.
    fn lacks_keyframe(&self, buffer: &gst::Buffer) -> bool {
        let delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let lacks = self.video && delta && (!self.has_begun() || self.broken.load(Ordering::Relaxed));
        if lacks && self.has_begun() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        lacks
    }

    /// Where this stream's zero is, if that is known when a buffer of it comes.
    fn zero(&self, pts: u64) -> Option<u64> {
        if self.video || !self.start.led_by_video { Some(self.start.settle(pts)) } else { self.start.zero() }
    }

    fn wait(&self, buffer: &gst::Buffer) {
        let mut waiting = lock(&self.waiting);
        if waiting.len() == MAX_WAITING {
            waiting.pop_front();
            if self.start.at().is_some() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        waiting.push_back(buffer.clone());
    }

    fn push(&self, mut buffer: gst::Buffer, caps: &gst::Caps, zero: u64) {
        let Some(pts) = stamp(&buffer).filter(|pts| *pts >= zero) else { return };
        if self.queued() > self.limit {
            self.broken.store(true, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.broken.store(false, Ordering::Relaxed);
        self.settle_caps(caps);
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(gst::ClockTime::from_nseconds(pts - zero));
            // A decode time before the start would be negative: the muxer takes the first one as its zero.
            let dts = buffer.dts().map(|dts| gst::ClockTime::from_nseconds(dts.nseconds().saturating_sub(zero)));
            buffer.set_dts(dts);
        }
        self.begun.store(true, Ordering::Relaxed);
        // A pipeline that is going down refuses; what it had is being finalised.
        let _ = self.appsrc.push_buffer(buffer);
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
        let Some(pts) = stamp(buffer) else {
            self.unstamped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if self.lacks_keyframe(buffer) {
            return;
        }
        let Some(zero) = self.zero(pts) else { return self.wait(buffer) };
        for earlier in lock(&self.waiting).drain(..) {
            self.push(earlier, caps, zero);
        }
        self.push(buffer.clone(), caps, zero);
    }
}

fn stamp(buffer: &gst::Buffer) -> Option<u64> {
    buffer.pts().or(buffer.dts()).map(gst::ClockTime::nseconds)
}

#[cfg(test)]
mod tests {
    use gst::prelude::*;

    use super::*;

    const CAPS: &str = "audio/x-test";

    fn at(ms: u64) -> gst::Buffer {
        let mut buffer = gst::Buffer::with_size(4).unwrap();
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(ms));
        buffer
    }

    /// The times in milliseconds at which a file's sound lies that came every 20 ms, while pictures began at 1000 ms and were found
    /// to be decoded `lead` ms before they are shown only when `known` ms of sound had come.
    fn sound_in_file(lead: u64, known: u64) -> Vec<u64> {
        gst::init().unwrap();
        let (appsrc, sink) = (gst_app::AppSrc::builder().build(), gst_app::AppSink::builder().sync(false).build());
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([appsrc.upcast_ref::<gst::Element>(), sink.upcast_ref()]).unwrap();
        appsrc.link(&sink).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let start = Start::new(true);
        let (feed, caps) = (Feed::new(appsrc, false, start.clone(), 1 << 20), gst::Caps::builder(CAPS).build());
        for ms in (900..=1100).step_by(20) {
            if ms == 1000 {
                start.settle(1_000_000_000);
            }
            if ms == known {
                start.lead_by(lead * 1_000_000);
            }
            feed.take(&at(ms), &caps);
        }
        feed.end();
        let times =
            std::iter::from_fn(|| sink.pull_sample().ok()).map(|s| s.buffer().unwrap().pts().unwrap().mseconds());
        let times = times.collect();
        pipeline.set_state(gst::State::Null).unwrap();
        times
    }

    #[test]
    fn sound_begins_as_long_before_the_first_picture_as_that_is_decoded() {
        assert_eq!(sound_in_file(0, 1000), [0, 20, 40, 60, 80, 100]);
        assert_eq!(sound_in_file(66, 1060), [6, 26, 46, 66, 86, 106, 126, 146, 166]);
    }

    #[test]
    fn a_taker_that_is_gone_is_given_nothing_and_the_others_everything() {
        struct Count(AtomicU64);
        impl Take for Count {
            fn take(&self, _: &gst::Buffer, _: &gst::Caps) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        gst::init().unwrap();
        let (tap, caps) = (Tap::default(), gst::Caps::builder(CAPS).build());
        assert!(!tap.is_used());
        let counts = [0; 3].map(|_| Arc::new(Count(AtomicU64::new(0))));
        for count in &counts {
            tap.attach(&(count.clone() as Arc<dyn Take>));
        }
        tap.give(&at(0), &caps);
        let [first, second, third] = counts;
        drop(second);
        tap.give(&at(20), &caps);
        assert_eq!([&first, &third].map(|count| count.0.load(Ordering::Relaxed)), [2, 2]);
        drop((first, third));
        assert!(!tap.is_used());
    }
}
