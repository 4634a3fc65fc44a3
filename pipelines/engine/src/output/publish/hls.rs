//! HLS in a folder: MPEG-TS segments that begin with keyframes, and a live playlist (RFC 8216).

use std::{path::Path, sync::atomic::Ordering, time::Duration};

use gst::prelude::*;

use super::{CONNECT_WITHIN, Link, Order, PublishError, count_into, make};
use crate::tap::{Feed, Start};

/// Seconds that a segment should last; it ends with the next keyframe.
const SEGMENT_S: u32 = 2;
/// Segments in the playlist.
const LISTED: u32 = 6;
/// Segments that stay: somebody may be loading one that has left the playlist.
const KEPT: u32 = 10;
/// A disk that takes nothing for this long will not.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// Writes `live.m3u8` and its segments into `folder`, which is made if need be.
pub(super) fn connect(order: &Order, folder: &Path) -> Result<Link, PublishError> {
    let lacking = |cause: String| PublishError::Lacking { name: order.name.clone(), cause };
    std::fs::create_dir_all(folder).map_err(|e| PublishError::Unreachable {
        name: order.name.clone(),
        cause: format!("{} cannot be made: {e}", folder.display()),
    })?;
    let pipeline = gst::Pipeline::builder().name(format!("publish {}", order.id)).build();
    order.timeline.adopt(&pipeline);
    let sink = make(order, "hlssink2")?;
    sink.set_property("location", folder.join("segment%06d.ts").display().to_string());
    sink.set_property("playlist-location", folder.join("live.m3u8").display().to_string());
    sink.set_property("target-duration", SEGMENT_S);
    sink.set_property("playlist-length", LISTED);
    sink.set_property("max-files", KEPT);
    // Keyframes come as the program's encoder makes them: others share it.
    sink.set_property("send-keyframe-requests", false);
    pipeline.add(&sink).map_err(|e| lacking(e.to_string()))?;
    let start = Start::of_program();
    let (mut feeds, mut counts) = (Vec::new(), Vec::new());
    for (pad, parser, video) in [("video", "h264parse", true), ("audio", "aacparse", false)] {
        if !video && order.audio.is_none() {
            continue;
        }
        let appsrc = gst_app::AppSrc::builder().format(gst::Format::Time).build();
        let parse = make(order, parser)?;
        pipeline.add_many([appsrc.upcast_ref(), &parse]).map_err(|e| lacking(e.to_string()))?;
        appsrc.link(&parse).map_err(|e| lacking(e.to_string()))?;
        let into = sink.request_pad_simple(pad).ok_or_else(|| lacking("HLS has no more inputs".into()))?;
        let from = parse.static_pad("src").ok_or_else(|| lacking("no output".into()))?;
        from.link(&into).map_err(|e| lacking(e.to_string()))?;
        counts.push(count_into(&parse));
        feeds.push(Feed::new(appsrc, video, start.clone(), order.queue()));
    }
    let passed = move || counts.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    Ok(Link {
        pipeline,
        feeds,
        passed: Box::new(passed),
        connect_within: Some(CONNECT_WITHIN),
        silent_after: SILENT_AFTER,
        waiting: None,
        estimate: None,
    })
}
