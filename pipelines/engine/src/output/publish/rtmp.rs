//! RTMP and RTMPS: FLV over TCP (Adobe's RTMP 1.0 specification).

use std::time::Duration;

use gst::prelude::*;

use super::{CONNECT_WITHIN, Link, Order, PublishError, make};
use crate::tap::{Feed, Start};

/// TCP takes what it has buffered in large pieces: on a slow network half a minute may lie between two of them.
const SILENT_AFTER: Duration = Duration::from_secs(25);
/// The same for the element's own patience, which must not end before ours, in seconds.
const SOCKET_TIMEOUT: u32 = 60;

/// A connection to `url` (`rtmp(s)://host/app`) under the order's key.
pub(super) fn connect(order: &Order, url: &str) -> Result<Link, PublishError> {
    let key = order.secret.as_ref().ok_or(PublishError::NoSecret { name: order.name.clone(), what: "stream key" })?;
    let lacking = |cause: String| PublishError::Lacking { name: order.name.clone(), cause };
    let pipeline = gst::Pipeline::builder().name(format!("publish {}", order.id)).build();
    order.timeline.adopt(&pipeline);
    let mux = make(order, "flvmux")?;
    mux.set_property("streamable", true);
    let sink = make(order, "rtmp2sink")?;
    sink.set_property("location", format!("{url}/{}", key.reveal()));
    sink.set_property("sync", false);
    sink.set_property("async-connect", true);
    sink.set_property("timeout", SOCKET_TIMEOUT);
    pipeline.add_many([&mux, &sink]).map_err(|e| lacking(e.to_string()))?;
    mux.link(&sink).map_err(|e| lacking(e.to_string()))?;
    let start = Start::of_program();
    let mut feeds = Vec::new();
    for (pad, video) in [("video", true), ("audio", false)] {
        if !video && order.audio.is_none() {
            continue;
        }
        let appsrc = gst_app::AppSrc::builder().format(gst::Format::Time).build();
        pipeline.add(&appsrc).map_err(|e| lacking(e.to_string()))?;
        appsrc.link_pads(Some("src"), &mux, Some(pad)).map_err(|e| lacking(e.to_string()))?;
        feeds.push(Feed::new(appsrc, video, start.clone(), order.queue()));
    }
    let weak = sink.downgrade();
    let passed = move || weak.upgrade().map_or(0, |sink| sent(&sink));
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

/// Bytes of media that have gone out: the handshake and the commands before them do not count.
fn sent(sink: &gst::Element) -> u64 {
    const BEFORE_MEDIA: u64 = 8 << 10;
    let stats = sink.property::<Option<gst::Structure>>("stats");
    let out = stats.and_then(|stats| stats.get::<u64>("out-bytes-total").ok()).unwrap_or(0);
    out.saturating_sub(BEFORE_MEDIA)
}
