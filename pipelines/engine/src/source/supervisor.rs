//! The thread that keeps one source alive: connect, watch, take down, wait, try again.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use gst::prelude::*;
use pulse_show::OnLoss;

use super::{
    Life, Order, Taps,
    branch::{ALIVE, Ends},
    fault,
    head::{self, Manner},
    patience::Patience,
    slot::Slot,
    still,
};
use crate::{
    backoff::{LONGEST_FOR_SOURCES, wait_before},
    deadline,
    status::{Notice, SourceFault, SourceState, SourceStatus},
    tap::lock,
};

/// How long a pipeline may take to go down before it is left behind.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// The message that wakes the supervisor when somebody wants something.
const ASKED: &str = "pulse-asked";

/// A running source.
pub struct SourceHandle {
    /// What it shows.
    pub slot: Arc<Slot>,
    /// Its other takers.
    pub taps: Arc<Taps>,
    shared: Arc<Shared>,
    order: Order,
    thread: Option<JoinHandle<()>>,
}

/// What the handle and the thread share.
struct Shared {
    stop: AtomicBool,
    play: AtomicBool,
    bus: Mutex<Option<gst::Bus>>,
    asked: Condvar,
    waiting: Mutex<()>,
    state: Mutex<SourceState>,
    life: Arc<Life>,
}

impl SourceHandle {
    /// Starts a source; returns at once.
    pub fn start(order: Order) -> Self {
        let slot = Arc::new(Slot::new(still::card(&order, "Waiting for the signal"), order.node.on_loss));
        let taps = Arc::new(Taps::default());
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            play: AtomicBool::new(false),
            bus: Mutex::new(None),
            asked: Condvar::new(),
            waiting: Mutex::new(()),
            state: Mutex::new(SourceState::Connecting { attempt: 1 }),
            life: Arc::default(),
        });
        let supervisor = Supervisor {
            shared: shared.clone(),
            ends: Ends { order: order.clone(), slot: slot.clone(), life: shared.life.clone(), taps: taps.clone() },
            manner: head::manner(&order.node.address),
            lost_at: None,
        };
        let name = format!("src-{}", order.id);
        let thread = std::thread::Builder::new().name(name).spawn(move || supervisor.run());
        let thread = thread.inspect_err(|error| tracing::error!(%error, "a source's thread could not be started")).ok();
        Self { slot, taps, shared, order, thread }
    }

    /// What is shown without a signal.
    pub fn set_on_loss(&self, on_loss: OnLoss) {
        self.slot.set_on_loss(on_loss);
    }

    /// Plays a held source from its beginning.
    pub fn play(&self) {
        self.shared.play.store(true, Ordering::Release);
        self.shared.ask();
    }

    /// How it fares.
    pub fn status(&self) -> SourceStatus {
        let (frames, dropped) = self.slot.totals();
        SourceStatus {
            name: self.order.node.name.clone(),
            state: lock(&self.shared.state).clone(),
            frames,
            dropped,
            size: self.shared.life.size(),
        }
    }

    /// Tells it to stop; [`SourceHandle::join`] waits for it.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.ask();
    }

    /// Waits until its thread has ended; it ends within its own deadlines.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(source = %self.order.id, "a source's thread panicked");
        }
    }
}

impl Drop for SourceHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn ask(&self) {
        let _waiting = lock(&self.waiting);
        self.asked.notify_all();
        if let Some(bus) = lock(&self.bus).as_ref() {
            // A bus that is flushing has no reader left.
            let _ = bus.post(gst::message::Application::new(gst::Structure::new_empty(ASKED)));
        }
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// How one connection ended.
enum Outcome {
    Stopped,
    Ended,
    Fault(SourceFault),
}

struct Supervisor {
    shared: Arc<Shared>,
    ends: Ends,
    manner: Manner,
    lost_at: Option<u64>,
}

impl Supervisor {
    fn run(mut self) {
        let mut attempt = 1;
        while !self.shared.stopping() {
            if attempt == 1 || self.lost_at.is_none() {
                self.set(SourceState::Connecting { attempt });
            }
            let outcome = match still::picture(&self.ends.order) {
                Some(shot) => self.show_still(shot),
                None => self.connect(attempt),
            };
            match outcome {
                Outcome::Stopped => return,
                Outcome::Ended => {
                    self.set(SourceState::Ended);
                    self.wait(Duration::MAX);
                }
                Outcome::Fault(fault) => {
                    let was_live = matches!(*lock(&self.shared.state), SourceState::Live { .. });
                    attempt = if was_live { 1 } else { attempt + 1 };
                    self.lose(&fault);
                    let wait = wait_before(attempt, LONGEST_FOR_SOURCES);
                    let at = self.ends.order.timeline.now() + u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
                    self.set(SourceState::Retrying { at, attempt, cause: fault });
                    self.wait(wait);
                }
            }
        }
    }

    fn show_still(&mut self, shot: Result<Arc<super::slot::Shot>, SourceFault>) -> Outcome {
        match shot {
            Err(fault) => Outcome::Fault(fault),
            Ok(shot) => {
                self.ends.slot.put(0, 0, shot);
                self.alive();
                self.wait(Duration::MAX);
                Outcome::Stopped
            }
        }
    }

    fn set(&self, state: SourceState) {
        *lock(&self.shared.state) = state;
    }

    /// Waits until somebody asks for something or the time has passed.
    fn wait(&self, time: Duration) {
        let guard = lock(&self.shared.waiting);
        if self.shared.stopping() {
            return;
        }
        if time == Duration::MAX {
            // Woken for nothing is harmless: the loop looks again.
            drop(self.shared.asked.wait_while(guard, |()| !self.shared.stopping()));
        } else {
            drop(self.shared.asked.wait_timeout_while(guard, time, |()| !self.shared.stopping()));
        }
    }

    /// The signal came (back).
    fn alive(&mut self) {
        let now = self.ends.order.timeline.now();
        self.set(SourceState::Live { since: now });
        if let Some(lost_at) = self.lost_at.take() {
            self.ends.order.notices.tell(Notice::SourceBack {
                source: self.ends.order.id.clone(),
                name: self.ends.order.node.name.clone(),
                away: now.saturating_sub(lost_at),
            });
        }
    }

    /// The signal is gone: shows it, and tells it once until it is back.
    fn lose(&mut self, fault: &SourceFault) {
        self.ends.slot.lose(still::card(&self.ends.order, "No signal"));
        if self.lost_at.is_none() {
            self.lost_at = Some(self.ends.order.timeline.now());
            self.ends.order.notices.tell(Notice::SourceLost {
                source: self.ends.order.id.clone(),
                name: self.ends.order.node.name.clone(),
                fault: fault.clone(),
            });
        }
    }

    /// One connection, from building its pipeline to taking it down.
    fn connect(&mut self, attempt: u32) -> Outcome {
        let pipeline = gst::Pipeline::builder().name(format!("source {}-{attempt}", self.ends.order.id)).build();
        self.ends.order.timeline.adopt(&pipeline);
        self.ends.life.forget();
        self.ends.taps.encoded.reset();
        self.ends.taps.pictures.reset();
        let outcome = match head::build(&pipeline, &self.ends) {
            Err(fault) => Outcome::Fault(fault),
            Ok(()) => self.play(&pipeline),
        };
        *lock(&self.shared.bus) = None;
        if let Err(error) = deadline::stop_pipeline(&self.ends.order.node.name, &pipeline, STOP_WITHIN) {
            tracing::error!(source = %self.ends.order.id, %error);
        }
        outcome
    }

    fn play(&mut self, pipeline: &gst::Pipeline) -> Outcome {
        let Some(bus) = pipeline.bus() else { return Outcome::Stopped };
        *lock(&self.shared.bus) = Some(bus.clone());
        let paused_first = self.manner.ends;
        let target = if paused_first { gst::State::Paused } else { gst::State::Playing };
        let starting = pipeline.clone();
        let changed =
            deadline::within("starting a source", Duration::from_secs(10), move || starting.set_state(target));
        match changed {
            Ok(Ok(_)) => {}
            // The element has posted why.
            Ok(Err(_)) => return self.posted_fault(&bus),
            Err(late) => return Outcome::Fault(self.broken(&late.to_string())),
        }
        let mut watch = Watch { begun: Instant::now(), prerolled: false, alive: false };
        loop {
            if self.shared.stopping() {
                return Outcome::Stopped;
            }
            let silence = match self.check(&mut watch) {
                Ok(next) => next,
                Err(fault) => return Outcome::Fault(fault),
            };
            let Some(message) =
                bus.timed_pop(gst::ClockTime::from_nseconds(u64::try_from(silence.as_nanos()).unwrap_or(u64::MAX / 2)))
            else {
                continue;
            };
            if let Some(outcome) = self.on_message(pipeline, &message, &mut watch) {
                return outcome;
            }
        }
    }

    fn posted_fault(&self, bus: &gst::Bus) -> Outcome {
        let posted = bus.pop_filtered(&[gst::MessageType::Error]);
        let fault = match posted.as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Error(error)) => self.explain(&error.error()),
            _ => self.broken("it could not be started"),
        };
        Outcome::Fault(fault)
    }

    fn explain(&self, error: &gst::glib::Error) -> SourceFault {
        fault::from_error(&self.ends.order.node.name, &self.ends.order.node.address, error)
    }

    fn broken(&self, cause: &str) -> SourceFault {
        let node = &self.ends.order.node;
        SourceFault::Broken { name: node.name.clone(), address: node.address.redacted(), cause: cause.to_owned() }
    }

    fn on_message(&mut self, pipeline: &gst::Pipeline, message: &gst::Message, watch: &mut Watch) -> Option<Outcome> {
        match message.view() {
            gst::MessageView::Error(error) => return Some(Outcome::Fault(self.explain(&error.error()))),
            gst::MessageView::Latency(_) => {
                if let Err(error) = pipeline.recalculate_latency() {
                    tracing::debug!(%error, "latency");
                }
            }
            gst::MessageView::AsyncDone(_) if self.manner.ends => self.prerolled(pipeline, watch),
            gst::MessageView::SegmentDone(_) => {
                let again = pipeline.seek_simple(gst::SeekFlags::SEGMENT, gst::ClockTime::ZERO);
                if again.is_err() {
                    return Some(Outcome::Fault(self.broken("it cannot be begun again")));
                }
            }
            gst::MessageView::Eos(_) => return self.at_end(pipeline),
            gst::MessageView::Application(told) => {
                let name = told.structure().map(|s| s.name().to_string()).unwrap_or_default();
                if name == ALIVE {
                    watch.alive = true;
                    self.alive();
                }
                if self.shared.play.swap(false, Ordering::AcqRel) {
                    self.play_held(pipeline);
                }
            }
            _ => {}
        }
        None
    }

    /// A file is ready: loops are played as segments, so that they join without a gap.
    fn prerolled(&self, pipeline: &gst::Pipeline, watch: &mut Watch) {
        if watch.prerolled {
            return;
        }
        watch.prerolled = true;
        if self.manner.looped
            && pipeline.seek_simple(gst::SeekFlags::SEGMENT | gst::SeekFlags::FLUSH, gst::ClockTime::ZERO).is_err()
        {
            tracing::info!(source = %self.ends.order.id, "this file cannot be looped without a gap");
        }
        // A stinger that is taken as soon as it is there is asked to play before it can.
        if !self.ends.order.node.held || self.shared.play.swap(false, Ordering::AcqRel) {
            self.set_playing(pipeline);
        }
    }

    fn set_playing(&self, pipeline: &gst::Pipeline) {
        if let Err(error) = pipeline.set_state(gst::State::Playing) {
            tracing::warn!(%error, source = %self.ends.order.id, "could not be played");
        }
    }

    /// A stinger: from the beginning, now.
    fn play_held(&self, pipeline: &gst::Pipeline) {
        self.ends.slot.clear();
        let at_beginning =
            pipeline.query_position::<gst::ClockTime>().is_none_or(|at| at < gst::ClockTime::from_mseconds(50));
        if !at_beginning && pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO).is_err() {
            tracing::warn!(source = %self.ends.order.id, "the stinger cannot be played again");
        }
        self.set_playing(pipeline);
    }

    fn at_end(&self, pipeline: &gst::Pipeline) -> Option<Outcome> {
        if self.ends.order.node.held {
            self.ends.slot.clear();
            let rewound = pipeline.set_state(gst::State::Paused).is_ok()
                && pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO).is_ok();
            return (!rewound).then_some(Outcome::Ended);
        }
        if self.manner.looped {
            let again = pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO);
            return again.is_err().then(|| Outcome::Fault(self.broken("it cannot be begun again")));
        }
        if self.manner.ends {
            return Some(Outcome::Ended);
        }
        let node = &self.ends.order.node;
        Some(Outcome::Fault(SourceFault::Ended { name: node.name.clone(), address: node.address.redacted() }))
    }

    /// Looks for signs of life. Returns how long nothing has to be looked at again.
    fn check(&mut self, watch: &mut Watch) -> Result<Duration, SourceFault> {
        const LONG: Duration = Duration::from_secs(3600);
        if self.ends.order.node.held {
            return Ok(LONG);
        }
        let patience = Patience::for_interval(Duration::from_nanos(self.ends.life.interval()));
        if !watch.alive {
            let waited = watch.begun.elapsed();
            return match patience.first_within.checked_sub(waited) {
                _ if self.manner.listens => Ok(LONG),
                Some(left) if !left.is_zero() => Ok(left),
                _ => Err(self.frozen(waited)),
            };
        }
        let silent = Duration::from_nanos(self.ends.order.timeline.now().saturating_sub(self.ends.life.last()));
        if silent >= patience.reconnect_after {
            return Err(self.frozen(silent));
        }
        if silent >= patience.lost_after {
            let fault = self.frozen(silent);
            self.lose(&fault);
            self.ends.life.forget();
            return Ok(patience.reconnect_after - silent);
        }
        Ok(patience.lost_after - silent)
    }

    fn frozen(&self, silent: Duration) -> SourceFault {
        let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        SourceFault::Frozen { name: self.ends.order.node.name.clone(), silent_ms }
    }
}

struct Watch {
    begun: Instant,
    prerolled: bool,
    alive: bool,
}
