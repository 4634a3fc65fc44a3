//! RTMP and RTMPS: FLV over TCP (Adobe's RTMP 1.0 specification).

use gst::prelude::*;

use super::{Link, Order, PublishError, make};
use crate::tap::{Feed, Start};

/// Bytes that may wait for a slow network: about four seconds of a usual program.
const QUEUE: u64 = 3 << 20;

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
    pipeline.add_many([&mux, &sink]).map_err(|e| lacking(e.to_string()))?;
    mux.link(&sink).map_err(|e| lacking(e.to_string()))?;
    let start = Start::new(true);
    let mut feeds = Vec::new();
    for (pad, video) in [("video", true), ("audio", false)] {
        if !video && order.audio.is_none() {
            continue;
        }
        let appsrc = gst_app::AppSrc::builder().format(gst::Format::Time).build();
        pipeline.add(&appsrc).map_err(|e| lacking(e.to_string()))?;
        appsrc.link_pads(Some("src"), &mux, Some(pad)).map_err(|e| lacking(e.to_string()))?;
        feeds.push(Feed::new(appsrc, video, start.clone(), QUEUE));
    }
    let weak = sink.downgrade();
    let passed = move || weak.upgrade().map_or(0, |sink| sent(&sink));
    Ok(Link { pipeline, feeds, passed: Box::new(passed), waiting: None, estimate: None })
}

/// Bytes of media that have gone out: the handshake and the commands before them do not count.
fn sent(sink: &gst::Element) -> u64 {
    const BEFORE_MEDIA: u64 = 8 << 10;
    let stats = sink.property::<Option<gst::Structure>>("stats");
    let out = stats.and_then(|stats| stats.get::<u64>("out-bytes-total").ok()).unwrap_or(0);
    out.saturating_sub(BEFORE_MEDIA)
}
