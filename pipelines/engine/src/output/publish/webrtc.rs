//! LiveKit rooms and WHIP endpoints (RFC 9725): WebRTC by GStreamer's `webrtcbin`, with the signalling of gst-plugin-webrtc.
//!
//! The sinks are given H.264 and Opus that are encoded already: they make no encoder of their own, and the program is encoded once
//! for everything. What they would have told their encoder, the estimate of what the network carries, is in [`Link::estimate`].
//!
//! Invariant: bytes count as passed when the other side has reported on them (RTCP), never because they were sent.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use pulse_show::Target;
use url::{Host, Url};

use super::{CONNECT_WITHIN, Link, Order, PublishError, count_into, make};
use crate::tap::{Feed, Start, Tap, lock};

/// The other side reports every few seconds at the least.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// Wishes for keyframes are passed on at most this often: one sink with a bad network must not spoil the encode that others share.
const KEYFRAME_EVERY: Duration = Duration::from_secs(1);
/// Wishes that are passed on earlier, when the connection has just come about: nobody can see anything before.
const FIRST_KEYFRAMES: u32 = 3;
/// Bits a second that the estimate begins with, and never falls below or rises above. The sink sends no faster than the estimate, so
/// it begins above what a program needs, and finds out.
const ESTIMATE: (u32, u32, u32) = (10_000_000, 100_000, 50_000_000);
/// What the program's tracks are called.
const VIDEO_TRACK: &str = "program";
/// See [`VIDEO_TRACK`].
const AUDIO_TRACK: &str = "program-audio";

/// Begins what takes long the first time, so that going live does not.
pub fn prepare() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let spawned = thread::Builder::new().name("webrtc-prepare".into()).spawn(|| {
            // With the first of these the process gets its DTLS certificate, which is a third of a second's work.
            for factory in ["dtlsdec", "webrtcbin", "nicesink"] {
                drop(gst::ElementFactory::make(factory).build());
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "going live by WebRTC will take a little longer");
        }
    });
}

/// What was asked for with a destination and is not done, and what to do instead.
pub(super) fn left_out(target: &Target) -> Option<&'static str> {
    match target {
        Target::LiveKit { simulcast: true, .. } | Target::LiveKit { cameras: true, .. } => {
            Some("simulcast and cameras are not supported yet; the program alone is published, in one layer")
        }
        _ => None,
    }
}

/// A connection to a room of the LiveKit server at `url` (`ws(s)://host[:port]`).
pub(super) fn connect_livekit(order: &Order, url: &str, room: &str, identity: &str) -> Result<Link, PublishError> {
    let sink = make(order, "livekitwebrtcsink")?;
    let signaller = sink.property::<glib::Object>("signaller");
    signaller.set_property("ws-url", url);
    signaller.set_property("room-name", room);
    signaller.set_property("identity", identity);
    signaller.set_property("participant-name", identity);
    match (&order.secret, &order.api) {
        (Some(token), _) => signaller.set_property("auth-token", bearer(order, token.reveal())?),
        (None, Some((key, secret))) => {
            signaller.set_property("api-key", key.reveal());
            signaller.set_property("secret-key", secret.reveal());
        }
        (None, None) => {
            return Err(PublishError::NoSecret { name: order.name.clone(), what: "token, nor an API key and secret" });
        }
    }
    connect(order, &sink, &parse(order, url)?, AUDIO_TRACK)
}

/// A connection to the WHIP endpoint at `url` (`http(s)://…`).
pub(super) fn connect_whip(order: &Order, url: &str) -> Result<Link, PublishError> {
    let sink = make(order, "whipclientsink")?;
    let signaller = sink.property::<glib::Object>("signaller");
    let endpoint = parse(order, url)?;
    signaller.set_property("whip-endpoint", url);
    signaller.set_property("use-link-headers", true);
    if let Some(token) = &order.secret {
        signaller.set_property("auth-token", bearer(order, token.reveal())?);
    }
    // An endpoint takes one stream (RFC 9725, section 4.4.2), so both tracks belong to the same.
    connect(order, &sink, &endpoint, VIDEO_TRACK)
}

fn parse(order: &Order, url: &str) -> Result<Url, PublishError> {
    let unreachable = || PublishError::Unreachable { name: order.name.clone(), cause: "that is no address".to_owned() };
    Url::parse(url).ok().filter(Url::has_host).ok_or_else(unreachable)
}

/// A token goes out in an HTTP header, which takes visible ASCII alone.
fn bearer<'a>(order: &Order, token: &'a str) -> Result<&'a str, PublishError> {
    let refused = || PublishError::Refused {
        name: order.name.clone(),
        what: "token",
        cause: "it has characters that no token has".to_owned(),
    };
    Some(token).filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic())).ok_or_else(refused)
}

/// The address by which a server on this machine is reached: WebRTC leaves the loopback out unless it is named.
fn loopback(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost").then_some(Ipv4Addr::LOCALHOST.into()),
        Host::Ipv4(ip) => ip.is_loopback().then_some(Ipv4Addr::LOCALHOST.into()),
        Host::Ipv6(ip) => ip.is_loopback().then_some(Ipv6Addr::LOCALHOST.into()),
    }
}

fn connect(order: &Order, sink: &gst::Element, url: &Url, audio_stream: &str) -> Result<Link, PublishError> {
    let lacking = |cause: String| PublishError::Lacking { name: order.name.clone(), cause };
    let pipeline = gst::Pipeline::builder().name(format!("publish {}", order.id)).build();
    // The sink waits until a buffer is due: engine time is its running time, so that all is due when it comes.
    order.timeline.adopt_from_zero(&pipeline);
    let media = |name: &str| gst::Caps::new_empty_simple(name);
    sink.set_property("video-caps", media("video/x-h264"));
    sink.set_property("audio-caps", media("audio/x-opus"));
    // Servers see where we are, and those that do not name a server of their own; nobody else is asked.
    sink.set_property("stun-server", None::<String>);
    let (begin, least, most) = ESTIMATE;
    sink.set_properties(&[("start-bitrate", &begin), ("min-bitrate", &least), ("max-bitrate", &most)]);
    pipeline.add(sink).map_err(|e| lacking(e.to_string()))?;
    let peer = Arc::new(Peer::new(order.video.clone()));
    let (mut feeds, start) = (Vec::new(), Start::in_engine_time());
    for (pad, parser, stream) in [("video_%u", "h264parse", VIDEO_TRACK), ("audio_%u", "opusparse", audio_stream)] {
        let video = parser == "h264parse";
        if !video && order.audio.is_none() {
            continue;
        }
        let appsrc = gst_app::AppSrc::builder().format(gst::Format::Time).build();
        let parse = make(order, parser)?;
        if video {
            parse.set_property("config-interval", -1_i32);
        }
        pipeline.add_many([appsrc.upcast_ref(), &parse]).map_err(|e| lacking(e.to_string()))?;
        appsrc.link(&parse).map_err(|e| lacking(e.to_string()))?;
        let into = sink.request_pad_simple(pad).ok_or_else(|| lacking("WebRTC has no more inputs".into()))?;
        into.set_property("msid", stream);
        let from = parse.static_pad("src").ok_or_else(|| lacking("no output".into()))?;
        from.link(&into).map_err(|e| lacking(e.to_string()))?;
        peer.offer(&from);
        if video {
            peer.limit_keyframes(&from);
        }
        feeds.push(Feed::new(appsrc, video, start.clone(), order.queue()));
    }
    peer.follow(sink, loopback(url));
    let (passing, offered) = (peer.clone(), peer.clone());
    Ok(Link {
        pipeline,
        feeds,
        passed: Box::new(move || passing.passed()),
        connect_within: Some(CONNECT_WITHIN),
        silent_after: SILENT_AFTER,
        waiting: Some(Box::new(move || offered.waits())),
        estimate: Some(peer.estimate.clone()),
    })
}

/// What is known of the other side.
struct Peer {
    video: Arc<Tap>,
    /// Bytes given to the sink.
    offered: Arc<AtomicU64>,
    /// Bytes that went out, one count for each transport.
    sent: Mutex<Vec<Arc<AtomicU64>>>,
    /// Of `sent`, what the other side had taken when it last reported.
    taken: AtomicU64,
    /// Of `offered`, what had been given when the other side last reported.
    offered_then: AtomicU64,
    /// Bits a second that the network seems to carry; 0 until known.
    estimate: Arc<AtomicU64>,
    connected: AtomicBool,
    keyframes: Mutex<Keyframes>,
}

/// What was asked for and what was passed on.
#[derive(Default)]
struct Keyframes {
    passed_on: Option<Instant>,
    wanted: bool,
    /// How many may still be passed on too early.
    spare: u32,
}

impl Keyframes {
    /// Whether a keyframe is to be asked for at `now`. A wish that comes too early is kept.
    fn due(&mut self, now: Instant) -> bool {
        let early = self.passed_on.is_some_and(|last| now.duration_since(last) < KEYFRAME_EVERY);
        let due = self.wanted && (!early || self.spare > 0);
        if due {
            *self = Self { passed_on: Some(now), wanted: false, spare: self.spare - u32::from(early) };
        }
        due
    }
}

impl Peer {
    fn new(video: Arc<Tap>) -> Self {
        Self {
            video,
            offered: Arc::default(),
            sent: Mutex::default(),
            taken: AtomicU64::new(0),
            offered_then: AtomicU64::new(0),
            estimate: Arc::default(),
            connected: AtomicBool::new(false),
            keyframes: Mutex::default(),
        }
    }

    fn passed(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Whether something was given since the other side last reported.
    fn waits(&self) -> bool {
        self.offered.load(Ordering::Relaxed) > self.offered_then.load(Ordering::Relaxed)
    }

    /// The other side has told what it received.
    fn reported(&self) {
        let sent = lock(&self.sent).iter().map(|count| count.load(Ordering::Relaxed)).sum();
        self.taken.store(sent, Ordering::Relaxed);
        self.offered_then.store(self.offered.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Counts what goes into the sink by `pad`.
    fn offer(&self, pad: &gst::Pad) {
        let offered = self.offered.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            offered.fetch_add(info.buffer().map_or(0, |buffer| buffer.size()) as u64, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }

    /// Takes the sink's wishes for keyframes from `pad` and passes them on as often as is sensible.
    fn limit_keyframes(self: &Arc<Self>, pad: &gst::Pad) {
        let peer = Arc::downgrade(self);
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM | gst::PadProbeType::BUFFER, move |_, info| {
            let Some(peer) = peer.upgrade() else { return gst::PadProbeReturn::Ok };
            let asked = info.event().is_some_and(|event| gst_video::UpstreamForceKeyUnitEvent::parse(event).is_ok());
            let due = {
                let mut keyframes = lock(&peer.keyframes);
                keyframes.wanted |= asked;
                keyframes.due(Instant::now())
            };
            if due {
                peer.video.request_keyframe();
            }
            if !asked {
                return gst::PadProbeReturn::Ok;
            }
            // Dropping an event is an error to who sent it; one that was handled is gone in peace.
            info.data.take();
            gst::PadProbeReturn::Handled
        });
    }

    /// Watches the session that `sink` is going to have.
    fn follow(self: &Arc<Self>, sink: &gst::Element, local: Option<IpAddr>) {
        let peer = Arc::downgrade(self);
        sink.connect("consumer-added", false, move |values| {
            let (peer, session) = (peer.upgrade()?, values.get(2)?.get::<gst::Element>().ok()?);
            if let Some(ip) = local {
                let agent = session.property::<glib::Object>("ice-agent");
                agent.emit_by_name::<bool>("add-local-ip-address", &[&ip.to_string()]);
            }
            peer.follow_session(&session);
            None
        });
        let ended = sink.downgrade();
        sink.connect("consumer-removed", false, move |_| {
            let sink = ended.upgrade()?;
            gst::element_error!(sink, gst::ResourceError::Close, ["The session has ended"]);
            None
        });
    }

    fn follow_session(self: &Arc<Self>, session: &gst::Element) {
        let peer = Arc::downgrade(self);
        session.connect("deep-element-added", false, move |values| {
            let (peer, element) = (peer.upgrade()?, values.get(2)?.get::<gst::Element>().ok()?);
            peer.meet(&element);
            None
        });
        let peer = Arc::downgrade(self);
        session.connect_notify(Some("connection-state"), move |session, _| {
            let state = session.property_value("connection-state");
            let connected = glib::EnumValue::from_value(&state).is_some_and(|(_, value)| value.nick() == "connected");
            if let Some(peer) = peer.upgrade()
                && connected
                && !peer.connected.swap(true, Ordering::Relaxed)
            {
                // What was asked for before went to nobody.
                *lock(&peer.keyframes) = Keyframes { passed_on: None, wanted: true, spare: FIRST_KEYFRAMES };
            }
        });
    }

    /// Looks at an element inside the session.
    fn meet(self: &Arc<Self>, element: &gst::Element) {
        let peer = Arc::downgrade(self);
        match element.factory().map(|factory| factory.name()).as_deref() {
            Some("nicesink") => lock(&self.sent).push(count_into(element)),
            Some("rtpsession") => {
                let other = peer.clone();
                element.connect_notify(Some("twcc-stats"), move |_, _| {
                    peer.upgrade().inspect(|peer| peer.reported());
                });
                // Who does not report on each packet does so on the whole, every few seconds.
                element.connect("on-ssrc-active", false, move |_| {
                    other.upgrade().inspect(|peer| peer.reported());
                    None
                });
            }
            Some("rtpgccbwe") => {
                let estimate = self.estimate.clone();
                element.connect_notify(Some("estimated-bitrate"), move |estimator, _| {
                    estimate.store(estimator.property::<u32>("estimated-bitrate").into(), Ordering::Relaxed);
                });
            }
            _ => {}
        }
    }
}

/// What a sink's error means, from what it `said` in lower case.
pub(super) fn explain(order: &Order, said: &str) -> PublishError {
    let name = order.name.clone();
    let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let unreachable = |cause: &str| PublishError::Unreachable { name: order.name.clone(), cause: cause.to_owned() };
    let refused = || {
        let cause = "it does not let the program in".to_owned();
        PublishError::Refused { name: order.name.clone(), what: "token", cause }
    };
    match status(said) {
        Some(401 | 403) => refused(),
        Some(404 | 405) => unreachable("there is no such place to publish to"),
        Some(code) => unreachable(&format!("it answers with {code}")),
        None if any(&["token has invalid characters"]) => refused(),
        None if any(&["connection refused"]) => unreachable("nobody listens there"),
        None if any(&["lookup address", "name or service", "dns error"]) => unreachable("there is no such host"),
        None if any(&["certificate"]) => unreachable("its certificate is not to be trusted"),
        None if any(&["timed out", "timeout", "ws failure", "sending request"]) => unreachable("it does not answer"),
        None => PublishError::Lost { name, cause: "the other side closed it".to_owned() },
    }
}

/// The HTTP status that signalling ended with. Anything else that is said may hold an address or a token with such digits.
fn status(said: &str) -> Option<u16> {
    let told = ["unexpected response: ", "client error: ", "server error: ", "http error: "];
    let after = told.iter().find_map(|words| said.split_once(words))?.1;
    after.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_a_keyframe_that_comes_too_early_is_kept() {
        let (began, mut keyframes) = (Instant::now(), Keyframes::default());
        let passed: Vec<u64> = (0..3_000)
            .step_by(100)
            .filter(|ms| {
                keyframes.wanted |= *ms < 1_500;
                keyframes.due(began + Duration::from_millis(*ms))
            })
            .collect();
        assert_eq!(passed, [0, 1_000, 2_000]);
    }

    #[test]
    fn only_a_status_is_read_as_one() {
        assert_eq!(status("error: client error: 401 unauthorized - invalid token"), Some(401));
        assert_eq!(status("signalling error: error: unexpected response: 404 - not found"), Some(404));
        assert_eq!(status("error sending request for url (http://127.0.0.1:40101/whip)"), None);
        assert_eq!(status("server error: "), None);
    }

    #[test]
    fn a_server_on_this_machine_is_known_by_its_address() {
        let known = |url: &str| loopback(&Url::parse(url).unwrap()).map(|ip| ip.to_string());
        assert_eq!(known("ws://127.0.0.1:7880").as_deref(), Some("127.0.0.1"));
        assert_eq!(known("ws://Localhost:7880").as_deref(), Some("127.0.0.1"));
        assert_eq!(known("https://[::1]/whip").as_deref(), Some("::1"));
        assert_eq!(known("wss://localhost.example.org"), None);
        assert_eq!(known("ws://192.168.0.3:7880"), None);
    }
}
