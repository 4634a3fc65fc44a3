//! Publishing the program: one thread and one pipeline a destination, tried again for as long as it is wanted.
//!
//! What each protocol needs is in its own file, which makes a [`Link`]; everything else is common: connecting with a deadline,
//! telling when it is live, noticing that nothing gets through, waiting before the next try, draining at the end.
//!
//! Invariant: a destination that is slow, silent or wrong holds up nobody: its queue is its own, and drops whole groups of pictures.

mod error;
mod hls;
mod rtmp;
mod srt;
pub mod webrtc;

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub use error::PublishError;
use error::explain;
use gst::prelude::*;
use pulse_plan::OutputId;
use pulse_show::{Secret, Target};

use crate::{
    backoff, deadline,
    notices::Notices,
    status::{Notice, OutputState, OutputStatus},
    tap::{Feed, Take, Tap, lock},
    timeline::Timeline,
};

/// How long a destination may take to let the first pictures through.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);
/// As long as this what is encoded may wait for a slow network, before whole groups of pictures are left out.
const QUEUE_S: u64 = 3;
/// A queue holds at least so many bytes: a large keyframe must fit.
const LEAST_QUEUE: u64 = 256 << 10;
/// How often it is looked whether something gets through.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a goodbye may take.
const DRAIN_WITHIN: Duration = Duration::from_millis(800);
/// How long a pipeline may take to go down.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Being hung up on this often without ever having been live is a refusal.
const SHUT_OUT_MOST: u32 = 3;
/// A connection that held this long was a good one: the next loss begins with short waits again.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// What to publish, where, and by which secrets.
#[derive(Clone)]
pub struct Order {
    /// Its id.
    pub id: OutputId,
    /// What the user calls the destination.
    pub name: String,
    /// Where to.
    pub target: Target,
    /// The key, passphrase or token.
    pub secret: Option<Secret>,
    /// An SRT stream id.
    pub stream_id: Option<Secret>,
    /// Bits a second of pictures and sound together.
    pub bitrate: u32,
    /// Key and secret of a LiveKit project.
    pub api: Option<(Secret, Secret)>,
    /// Encoded pictures.
    pub video: Arc<Tap>,
    /// Encoded sound.
    pub audio: Option<Arc<Tap>>,
    /// The common clock.
    pub timeline: Timeline,
    /// Where to tell what happened.
    pub notices: Notices,
}

/// One connection: a pipeline that is fed by taps.
struct Link {
    pipeline: gst::Pipeline,
    feeds: Vec<Arc<Feed>>,
    /// Bytes that the other side has taken so far.
    passed: Box<dyn Fn() -> u64 + Send>,
    /// How long it may take until something gets through; none where others call when they like.
    connect_within: Option<Duration>,
    /// Nothing gets through for this long: the connection is dead, whatever it says.
    silent_after: Duration,
    /// Whether something waits for the other side, where the feeds' queues do not tell.
    waiting: Option<Box<dyn Fn() -> bool + Send>>,
    /// Bits a second that the network seems to carry, where the protocol tells; 0 until known.
    estimate: Option<Arc<AtomicU64>>,
}

/// A running publication.
pub struct Publisher {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

/// What the handle and the thread share.
struct Control {
    order: Order,
    stop: AtomicBool,
    asked: Condvar,
    waiting: Mutex<()>,
    state: Mutex<OutputState>,
    link: Mutex<Option<(gst::Bus, Vec<Arc<Feed>>)>>,
    bytes: AtomicU64,
    dropped: AtomicU64,
    /// See [`Link::estimate`].
    estimate: AtomicU64,
}

impl Publisher {
    /// Begins to publish; returns at once.
    pub fn start(order: Order) -> Self {
        let name = format!("pub-{}", order.id);
        let control = Arc::new(Control {
            order,
            stop: AtomicBool::new(false),
            asked: Condvar::new(),
            waiting: Mutex::new(()),
            state: Mutex::new(OutputState::Connecting { attempt: 1 }),
            link: Mutex::new(None),
            bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            estimate: AtomicU64::new(0),
        });
        let shared = control.clone();
        let thread = std::thread::Builder::new().name(name).spawn(move || shared.run());
        let thread =
            thread.inspect_err(|error| tracing::error!(%error, "a publisher's thread could not be started")).ok();
        Self { control, thread }
    }

    /// How it fares.
    pub fn status(&self) -> OutputStatus {
        let link = lock(&self.control.link);
        let feeds = link.iter().flat_map(|(_, feeds)| feeds);
        let (queued, dropped) =
            feeds.fold((0, 0), |(queued, dropped), feed| (queued + feed.queued(), dropped + lost_by(feed)));
        OutputStatus {
            state: lock(&self.control.state).clone(),
            bytes: self.control.bytes.load(Ordering::Relaxed),
            queued,
            dropped: dropped + self.control.dropped.load(Ordering::Relaxed),
            estimate: Some(self.control.estimate.load(Ordering::Relaxed)).filter(|bps| *bps > 0),
        }
    }

    /// Tells it to end; [`Publisher::join`] waits for it.
    pub fn stop(&self) {
        self.control.stop.store(true, Ordering::Release);
        drop(lock(&self.control.waiting));
        self.control.asked.notify_all();
        if let Some((bus, _)) = lock(&self.control.link).as_ref() {
            // A bus that is flushing has no reader left.
            let _ = bus.post(gst::message::Application::new(gst::Structure::new_empty("pulse-stop")));
        }
    }

    /// Waits until the other side has been told.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(output = %self.control.order.id, "a publisher's thread panicked");
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lost_by(feed: &Feed) -> u64 {
    feed.dropped() + feed.unstamped()
}

impl Control {
    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn set(&self, state: OutputState) {
        *lock(&self.state) = state;
    }

    fn run(&self) {
        if let Some(message) = webrtc::left_out(&self.order.target) {
            self.order.notices.tell(Notice::Refused { message: format!("{}: {message}", self.order.name) });
        }
        let (mut attempt, mut ever_live, mut shut_out) = (1, false, 0);
        while !self.stopping() {
            self.set(OutputState::Connecting { attempt });
            let mut live_since = None;
            let held = self.hold(&mut live_since);
            ever_live |= live_since.is_some();
            shut_out = if matches!(held, Err(PublishError::ShutOut { .. })) { shut_out + 1 } else { 0 };
            match held {
                Ok(()) => break,
                // A secret that was good once is not bad now: the server may still hold the connection that was lost.
                Err(error) if !ever_live && (error.is_final() || shut_out == SHUT_OUT_MOST) => {
                    tracing::warn!(output = %self.order.id, %error, "not published");
                    self.set(OutputState::Failed { cause: error.to_string() });
                    let (output, code, cause) = (self.order.id.clone(), error.code(), error.to_string());
                    return self.order.notices.tell(Notice::OutputFailed { output, code, cause });
                }
                Err(error) => {
                    let good = live_since.is_some_and(|since: Instant| since.elapsed() > GOOD_AFTER);
                    attempt = if good { 2 } else { attempt.saturating_add(1) };
                    self.rest(&error, attempt);
                }
            }
        }
        self.set(OutputState::Offline);
    }

    /// Waits before the next try.
    fn rest(&self, error: &PublishError, attempt: u32) {
        let wait = backoff::wait_before(attempt - 1, LONGEST_WAIT);
        let at = self.order.timeline.now().saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        let (output, cause) = (self.order.id.clone(), error.to_string());
        tracing::warn!(output = %output, %cause, attempt, "publishing interrupted");
        self.set(OutputState::Retrying { at, cause: cause.clone() });
        self.order.notices.tell(Notice::OutputRetrying { output, attempt, at, code: error.code(), cause });
        let guard = lock(&self.waiting);
        drop(self.asked.wait_timeout_while(guard, wait, |()| !self.stopping()));
    }

    /// One connection from its beginning until told to stop (`Ok`) or until it fails.
    fn hold(&self, live_since: &mut Option<Instant>) -> Result<(), PublishError> {
        let order = &self.order;
        let link = match &order.target {
            Target::Rtmp { url } => rtmp::connect(order, url)?,
            Target::Srt { host, port, latency_ms } => srt::connect(order, host.as_deref(), *port, *latency_ms)?,
            Target::Hls { folder } => hls::connect(order, folder)?,
            Target::LiveKit { url, room, identity, .. } => webrtc::connect_livekit(order, url, room, identity)?,
            Target::Whip { url } => webrtc::connect_whip(order, url)?,
        };
        let lacking = |cause: String| PublishError::Lacking { name: order.name.clone(), cause };
        let bus = link.pipeline.bus().ok_or_else(|| lacking("no bus".into()))?;
        *lock(&self.link) = Some((bus.clone(), link.feeds.clone()));
        let takers: Vec<Arc<dyn Take>> = link.feeds.iter().map(|feed| feed.clone() as Arc<dyn Take>).collect();
        let starting = link.pipeline.clone();
        let started =
            deadline::within("starting to publish", CONNECT_WITHIN, move || starting.set_state(gst::State::Playing));
        let outcome = match started {
            Err(late) => Err(PublishError::Unreachable { name: order.name.clone(), cause: late.to_string() }),
            Ok(Err(_)) => Err(self.posted(&bus, None).unwrap_or_else(|| PublishError::Unreachable {
                name: order.name.clone(),
                cause: "it could not be opened".to_owned(),
            })),
            Ok(Ok(_)) => {
                for (tap, taker) in std::iter::once(&order.video).chain(&order.audio).zip(&takers) {
                    tap.attach(taker);
                }
                self.watch(&bus, &link, live_since)
            }
        };
        drop(takers);
        self.close(&bus, &link, outcome.is_ok());
        outcome
    }

    /// Watches a connection: something must get through.
    fn watch(&self, bus: &gst::Bus, link: &Link, live_since: &mut Option<Instant>) -> Result<(), PublishError> {
        let order = &self.order;
        let base = self.bytes.load(Ordering::Relaxed);
        let (mut passed, mut moved) = (0, Instant::now());
        let look = gst::ClockTime::from_mseconds(u64::try_from(LOOK_EVERY.as_millis()).unwrap_or(250));
        while !self.stopping() {
            let kinds = [gst::MessageType::Error, gst::MessageType::Application, gst::MessageType::Eos];
            if let Some(message) = bus.timed_pop_filtered(look, &kinds)
                && let Some(error) = self.posted(bus, Some(&message))
            {
                return Err(if live_since.is_some() { error } else { error.before_live(&order.target) });
            }
            let estimate = link.estimate.as_ref().map_or(0, |bps| bps.load(Ordering::Relaxed));
            self.estimate.store(estimate, Ordering::Relaxed);
            let now = (link.passed)();
            if now > passed {
                (passed, moved) = (now, Instant::now());
                self.bytes.store(base + passed, Ordering::Relaxed);
                if live_since.is_none() {
                    *live_since = Some(moved);
                    self.set(OutputState::Live { since: self.order.timeline.now() });
                    self.order.notices.tell(Notice::Publishing { output: self.order.id.clone() });
                }
            }
            let patience = if live_since.is_some() { Some(link.silent_after) } else { link.connect_within };
            // A stream that nobody encodes yet is not held against the destination.
            let queued = || link.feeds.iter().any(|feed| feed.queued() > 0);
            let waiting = link.waiting.as_ref().map_or_else(queued, |waiting| waiting());
            if !waiting {
                moved = Instant::now();
            } else if let Some(patience) = patience.filter(|patience| moved.elapsed() > *patience) {
                let (name, seconds) = (self.order.name.clone(), patience.as_secs());
                return Err(match live_since {
                    Some(_) => PublishError::Silent { name, seconds },
                    None => PublishError::Unreachable { name, cause: format!("nothing got through in {seconds} s") },
                });
            }
        }
        Ok(())
    }

    /// What an error on the bus means; `message` is one that has been taken from it already.
    fn posted(&self, bus: &gst::Bus, message: Option<&gst::Message>) -> Option<PublishError> {
        let waiting = || bus.pop_filtered(&[gst::MessageType::Error]);
        let message = message.cloned().or_else(waiting)?;
        let name = self.order.name.clone();
        match message.view() {
            gst::MessageView::Error(error) => {
                let (cause, detail) = (error.error(), error.debug().unwrap_or_default());
                tracing::debug!(output = %self.order.id, %cause, "the pipeline failed");
                Some(explain(&self.order, &cause, &detail))
            }
            gst::MessageView::Eos(_) => Some(PublishError::Lost { name, cause: "it ended the stream".to_owned() }),
            _ => None,
        }
    }

    /// Says goodbye, where there is somebody to hear it, and takes everything down.
    fn close(&self, bus: &gst::Bus, link: &Link, polite: bool) {
        if polite {
            let drain = gst::ClockTime::from_mseconds(u64::try_from(DRAIN_WITHIN.as_millis()).unwrap_or(800));
            self.set(OutputState::Draining { deadline: self.order.timeline.now() + drain.nseconds() });
            link.feeds.iter().for_each(|feed| feed.end());
            // A destination that does not take the rest in time has had its chance.
            let _ = bus.timed_pop_filtered(drain, &[gst::MessageType::Eos, gst::MessageType::Error]);
        }
        *lock(&self.link) = None;
        self.dropped.fetch_add(link.feeds.iter().map(|feed| lost_by(feed)).sum(), Ordering::Relaxed);
        if let Err(error) = deadline::stop_pipeline(self.order.id.as_str(), &link.pipeline, STOP_WITHIN) {
            tracing::warn!(%error);
        }
    }
}

impl Order {
    /// Bytes that may wait for the network.
    fn queue(&self) -> u64 {
        (u64::from(self.bitrate) / 8 * QUEUE_S).max(LEAST_QUEUE)
    }
}

/// Makes an element for `order`, or says that it is missing.
fn make(order: &Order, factory: &str) -> Result<gst::Element, PublishError> {
    gst::ElementFactory::make(factory).build().map_err(|_| PublishError::Lacking {
        name: order.name.clone(),
        cause: format!("GStreamer's \"{factory}\" is not installed"),
    })
}

/// Counts the bytes that come out of `element` into what is behind it.
fn count_into(sink: &gst::Element) -> Arc<AtomicU64> {
    let passed = Arc::new(AtomicU64::new(0));
    if let Some(pad) = sink.static_pad("sink") {
        let count = passed.clone();
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(kinds, move |_, info| {
            let bytes = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => buffer.size(),
                Some(gst::PadProbeData::BufferList(list)) => list.calculate_size(),
                _ => 0,
            };
            count.fetch_add(bytes as u64, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
    passed
}
