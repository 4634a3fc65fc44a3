//! State changes that may hang run on a thread of their own and are waited for only so long.

use std::{sync::mpsc, thread, time::Duration};

use gst::prelude::*;

/// A call that did not come back in time. Its thread is left alone: whatever it holds stays alive until it returns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} did not finish within {waited:?}; it is left behind and the show goes on")]
pub struct DeadlineError {
    what: String,
    waited: Duration,
}

/// Runs `f` on a thread of its own and waits at most `deadline` for its answer.
pub fn within<T: Send + 'static>(
    what: &str,
    deadline: Duration,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DeadlineError> {
    let late = || DeadlineError { what: what.to_owned(), waited: deadline };
    let (tx, rx) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("pulse-state".into()).spawn(move || {
        // The receiver may have given up; there is nobody left to tell.
        let _ = tx.send(f());
    });
    if let Err(error) = spawned {
        tracing::error!(%error, what, "no thread could be started");
        return Err(late());
    }
    rx.recv_timeout(deadline).map_err(|_| late())
}

/// Brings a pipeline to `NULL` within `deadline`; a pipeline that hangs is left behind.
pub fn stop_pipeline(name: &str, pipeline: &gst::Pipeline, deadline: Duration) -> Result<(), DeadlineError> {
    let pipeline = pipeline.clone();
    within(&format!("stopping {name}"), deadline, move || {
        let _ = pipeline.set_state(gst::State::Null);
    })
}
