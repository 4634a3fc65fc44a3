//! A clip as an endless live stream: what the senders ([`crate::srt`], [`crate::rtmp`], [`crate::http`]) have in common.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::judge::ffmpeg;

/// An ffmpeg that reads a clip again and again in real time: how and where to send it is to be added.
pub(crate) fn looped(clip: &Path) -> Command {
    let mut command = ffmpeg();
    command.args(["-re", "-stream_loop", "-1", "-i"]).arg(clip).stdin(Stdio::null());
    command
}

/// Whether a line of ffmpeg's `-progress` says that something has been sent.
pub(crate) fn sending(line: &str) -> Option<()> {
    line.strip_prefix("total_size=")?.parse::<u64>().is_ok_and(|bytes| bytes > 0).then_some(())
}
