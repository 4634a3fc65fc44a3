//! What happened, told once: a bounded queue that says so when it overflows.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use crate::status::Notice;

/// Notices that may wait to be read.
const WAITING: usize = 1024;

/// Where notices are put. Cheap to clone; never waits.
#[derive(Debug, Clone)]
pub struct Notices {
    queue: mpsc::Sender<Notice>,
    lost: Arc<AtomicU64>,
}

impl Notices {
    /// A queue and its reading end.
    pub fn channel() -> (Self, mpsc::Receiver<Notice>) {
        let (queue, reader) = mpsc::channel(WAITING);
        (Self { queue, lost: Arc::default() }, reader)
    }

    /// Tells something. When nobody reads, the newest are counted instead of kept.
    pub fn tell(&self, notice: Notice) {
        if let Err(error) = self.queue.try_send(notice) {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(%error, lost, "a notice could not be delivered");
        }
    }

    /// Notices that could not be kept.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
