//! Pictures for people to look at: the newest one wins, and a reader that is slow misses some.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use pulse_picture::FrameRef;

use crate::{
    source::slot::decoded_planes,
    tap::{Take, lock},
};

/// One picture of a monitor.
pub struct MonitorPicture {
    frame: gst_video::VideoFrame<gst_video::video_frame::Readable>,
}

impl MonitorPicture {
    /// Engine time in nanoseconds.
    pub fn at(&self) -> u64 {
        self.frame.buffer().pts().map_or(0, gst::ClockTime::nseconds)
    }

    /// Its planes (I420, BT.709); none of a buffer that is not what its caps say.
    pub fn planes(&self) -> Option<FrameRef<'_>> {
        decoded_planes(&self.frame)
    }
}

/// Somebody looks: pictures are made for as long as this lives.
pub struct Monitor {
    newest: Arc<Newest>,
}

impl Monitor {
    pub(crate) fn on(tap: &crate::tap::Tap) -> Self {
        let newest = Arc::new(Newest::default());
        let taker: Arc<dyn Take> = newest.clone();
        tap.attach(&taker);
        Self { newest }
    }

    /// Waits for a picture that has not been seen yet; none when there is none `within` that time.
    pub fn next(&self, within: Duration) -> Option<MonitorPicture> {
        let waiting = lock(&self.newest.picture);
        let come = self.newest.come.wait_timeout_while(waiting, within, |picture| picture.is_none());
        let (buffer, caps) = come.unwrap_or_else(PoisonError::into_inner).0.take()?;
        let info = gst_video::VideoInfo::from_caps(&caps).ok()?;
        let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info).ok()?;
        Some(MonitorPicture { frame })
    }
}

#[derive(Default)]
struct Newest {
    picture: Mutex<Option<(gst::Buffer, gst::Caps)>>,
    come: Condvar,
}

impl Take for Newest {
    fn take(&self, buffer: &gst::Buffer, caps: &gst::Caps) {
        *lock(&self.picture) = Some((buffer.clone(), caps.clone()));
        self.come.notify_one();
    }
}
