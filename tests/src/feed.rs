//! A clip as an endless live stream: what the senders ([`crate::srt`], [`crate::rtmp`], [`crate::http`]) have in common.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{child::Child, judge::ffmpeg, wait::wait_for};

/// How long a sender may take to be let in and send.
const PATIENCE: Duration = Duration::from_secs(15);

/// An ffmpeg that reads a clip again and again in real time: how and where to send it is to be added.
pub(crate) fn looped(clip: &Path) -> Command {
    let mut command = ffmpeg();
    command.args(["-re", "-stream_loop", "-1", "-i"]).arg(clip).stdin(Stdio::null());
    command
}

/// Starts an ffmpeg that sends to somebody who listens, again and again until it does, as encoders do.
///
/// # Errors
/// When it is not let in within 15 s, with what it said at last.
pub(crate) fn insist(name: &str, arguments: &[&str], clip: &Path) -> Result<Child> {
    let mut refusal = None;
    let child = wait_for(&format!("{name} to be let in"), PATIENCE, || match attempt(name, arguments, clip) {
        Ok(child) => Ok(Some(child)),
        Err(cause) => {
            refusal = Some(cause);
            Ok(None)
        }
    });
    child.map_err(|late| match refusal {
        Some(cause) => cause.context(late),
        None => late,
    })
}

/// Starts an ffmpeg that sends to somebody who listens, once.
///
/// # Errors
/// When it is not let in, with what it said.
pub(crate) fn attempt(name: &str, arguments: &[&str], clip: &Path) -> Result<Child> {
    let mut command = looped(clip);
    let child = Child::start(name, command.args(["-c", "copy", "-progress", "pipe:1"]).args(arguments))?;
    child.wait_line("sending", PATIENCE, sending)?;
    Ok(child)
}

/// Whether a line of ffmpeg's `-progress` says that something has been sent.
fn sending(line: &str) -> Option<()> {
    line.strip_prefix("total_size=")?.parse::<u64>().is_ok_and(|bytes| bytes > 0).then_some(())
}
