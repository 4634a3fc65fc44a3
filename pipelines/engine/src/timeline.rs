//! One clock for every pipeline, and the program's own count of time on it.
//!
//! *Engine time* is nanoseconds since the engine started, on the system's monotonic clock. Every pipeline is slaved to that
//! clock; a pipeline's running time becomes engine time by adding the difference of the base times.

use std::time::Duration;

use gst::prelude::*;

/// The clock that all pipelines share, and the moment on it that is called zero.
#[derive(Debug, Clone)]
pub struct Timeline {
    clock: gst::Clock,
    zero: gst::ClockTime,
}

impl Timeline {
    /// Starts counting now.
    pub fn start() -> Self {
        let clock = gst::SystemClock::obtain();
        let zero = clock.time();
        Self { clock, zero }
    }

    /// Nanoseconds since the start.
    pub fn now(&self) -> u64 {
        self.clock.time().saturating_sub(self.zero).nseconds()
    }

    /// Makes `pipeline` run on this clock.
    pub fn adopt(&self, pipeline: &gst::Pipeline) {
        pipeline.use_clock(Some(&self.clock));
    }

    /// Makes `pipeline` run on this clock with engine time as its running time.
    pub fn adopt_from_zero(&self, pipeline: &gst::Pipeline) {
        self.adopt(pipeline);
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(self.zero);
    }

    /// What must be added to a running time of `pipeline` to make it engine time; `None` before it plays.
    pub fn offset_of(&self, pipeline: &gst::Pipeline) -> Option<i64> {
        let base = i64::try_from(pipeline.base_time()?.nseconds()).ok()?;
        let zero = i64::try_from(self.zero.nseconds()).ok()?;
        Some(base - zero)
    }

    /// Sleeps until engine time `at`; returns at once when it has passed.
    pub fn sleep_until(&self, at: u64) {
        let now = self.now();
        if at > now {
            std::thread::sleep(Duration::from_nanos(at - now));
        }
    }
}
