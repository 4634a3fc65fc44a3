//! Signs of life of one connection, written by streaming threads and read by the supervisor. Atomics only.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Signs of life.
#[derive(Debug, Default)]
pub struct Life {
    pictures: AtomicBool,
    last_picture: AtomicU64,
    last_sound: AtomicU64,
    interval: AtomicU64,
    latency: AtomicU64,
    width: AtomicU32,
    height: AtomicU32,
    told: AtomicBool,
}

impl Life {
    /// A picture came at engine time `now`. True the first time anything came since [`Life::forget`].
    pub fn picture(&self, now: u64, width: u32, height: u32) -> bool {
        let before = self.last_picture.swap(now, Ordering::Relaxed);
        self.pictures.store(true, Ordering::Relaxed);
        self.width.store(width, Ordering::Relaxed);
        self.height.store(height, Ordering::Relaxed);
        if before > 0 {
            let smoothed = (self.interval.load(Ordering::Relaxed) * 7 + now.saturating_sub(before)) / 8;
            self.interval.store(smoothed, Ordering::Relaxed);
        }
        !self.told.swap(true, Ordering::Relaxed)
    }

    /// A block of sound came at engine time `now`. True the first time anything came since [`Life::forget`].
    pub fn sound(&self, now: u64) -> bool {
        self.last_sound.store(now, Ordering::Relaxed);
        !self.pictures.load(Ordering::Relaxed) && !self.told.swap(true, Ordering::Relaxed)
    }

    /// Engine time of the last sign: pictures where there are any, otherwise sound. 0 if there was none.
    pub fn last(&self) -> u64 {
        if self.pictures.load(Ordering::Relaxed) {
            self.last_picture.load(Ordering::Relaxed)
        } else {
            self.last_sound.load(Ordering::Relaxed)
        }
    }

    /// Nanoseconds between pictures, smoothed.
    pub fn interval(&self) -> u64 {
        self.interval.load(Ordering::Relaxed)
    }

    /// Nanoseconds that the pipeline keeps pictures back, as told with the last one.
    pub fn latency(&self) -> u64 {
        self.latency.load(Ordering::Relaxed)
    }

    /// What the pipeline keeps pictures back, in nanoseconds.
    pub fn set_latency(&self, latency: u64) {
        self.latency.store(latency, Ordering::Relaxed);
    }

    /// Size of the picture, once known.
    pub fn size(&self) -> Option<(u32, u32)> {
        let size = (self.width.load(Ordering::Relaxed), self.height.load(Ordering::Relaxed));
        (size.0 > 0).then_some(size)
    }

    /// The next sign counts as the first again.
    pub fn forget(&self) {
        self.told.store(false, Ordering::Relaxed);
    }
}
