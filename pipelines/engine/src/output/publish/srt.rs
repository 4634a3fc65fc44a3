//! SRT: MPEG-TS over UDP, with losses mended within the set latency (Haivision's SRT protocol).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gst::prelude::*;

use super::{CONNECT_WITHIN, Link, Order, PublishError, count_into, make};
use crate::tap::{Feed, Start};

/// SRT sends or gives up: a connection that takes nothing for this long is dead.
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// A connection to `host`, or a listener on `port` without one.
pub(super) fn connect(order: &Order, host: Option<&str>, port: u16, latency_ms: u32) -> Result<Link, PublishError> {
    let lacking = |cause: String| PublishError::Lacking { name: order.name.clone(), cause };
    let pipeline = gst::Pipeline::builder().name(format!("publish {}", order.id)).build();
    order.timeline.adopt(&pipeline);
    let mux = make(order, "mpegtsmux")?;
    // SRT carries seven packets of a transport stream at a time.
    mux.set_property("alignment", 7_i32);
    let sink = make(order, "srtsink")?;
    sink.set_property("uri", format!("srt://{}:{port}", host.unwrap_or_default()));
    sink.set_property_from_str("mode", if host.is_some() { "caller" } else { "listener" });
    sink.set_property("latency", i32::try_from(latency_ms).unwrap_or(i32::MAX));
    sink.set_property("wait-for-connection", true);
    sink.set_property("sync", false);
    sink.set_property("auto-reconnect", false);
    if let Some(passphrase) = &order.secret {
        sink.set_property("passphrase", passphrase.reveal());
    }
    if let Some(stream_id) = &order.stream_id {
        sink.set_property("streamid", stream_id.reveal());
    }
    pipeline.add_many([&mux, &sink]).map_err(|e| lacking(e.to_string()))?;
    mux.link(&sink).map_err(|e| lacking(e.to_string()))?;
    let start = Start::of_program();
    let mut feeds = Vec::new();
    for video in [true, false] {
        let Some(tap) = (if video { Some(&order.video) } else { order.audio.as_ref() }) else { continue };
        let appsrc = gst_app::AppSrc::builder().format(gst::Format::Time).build();
        let opus = tap.caps().and_then(|caps| caps.structure(0).map(|s| s.name() == "audio/x-opus"));
        let parse = make(
            order,
            match (video, opus) {
                (true, _) => "h264parse",
                (false, Some(true)) => "opusparse",
                (false, _) => "aacparse",
            },
        )?;
        pipeline.add_many([appsrc.upcast_ref(), &parse]).map_err(|e| lacking(e.to_string()))?;
        gst::Element::link_many([appsrc.upcast_ref(), &parse, &mux]).map_err(|e| lacking(e.to_string()))?;
        feeds.push(Feed::new(appsrc, video, start.clone(), order.queue()));
    }
    let counted = count_into(&sink);
    let heard = Arc::new(AtomicBool::new(false));
    let called = heard.clone();
    sink.connect("caller-added", false, move |_| {
        called.store(true, Ordering::Relaxed);
        None
    });
    let weak = sink.downgrade();
    let passed = move || {
        let acknowledged = || weak.upgrade().is_some_and(|sink| is_acknowledged(&sink));
        if heard.load(Ordering::Relaxed) || acknowledged() {
            heard.store(true, Ordering::Relaxed);
            return counted.load(Ordering::Relaxed);
        }
        0
    };
    let connect_within = host.is_some().then_some(CONNECT_WITHIN);
    Ok(Link {
        pipeline,
        feeds,
        passed: Box::new(passed),
        connect_within,
        silent_after: SILENT_AFTER,
        waiting: None,
        estimate: None,
    })
}

/// Whether the other side has acknowledged anything: a caller's packets go out whether or not anybody is there.
fn is_acknowledged(sink: &gst::Element) -> bool {
    let stats = sink.property::<Option<gst::Structure>>("stats");
    stats.is_some_and(|stats| stats.get::<i32>("packet-ack-received").is_ok_and(|acknowledged| acknowledged > 0))
}
