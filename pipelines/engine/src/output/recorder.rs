//! One recording: a thread that writes parts until it is told to stop.

use std::{
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use pulse_plan::{AudioSpec, OutputId, VideoSpec};
use pulse_show::SourceId;

use super::{OutputError, iso, mux, stem};
use crate::{
    notices::Notices,
    source::Taps,
    status::{FileReport, Notice, OutputState, OutputStatus},
    tap::{Feed, Tap, lock},
    timeline::Timeline,
};

/// How long to wait before another part is begun after a fault.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Where and on what clock to record.
#[derive(Clone)]
pub struct Setting {
    /// Its id.
    pub id: OutputId,
    /// The folder of the session.
    pub folder: PathBuf,
    /// The file's name without extension.
    pub name: String,
    /// Whose file it is.
    pub source: Option<SourceId>,
    /// The common clock.
    pub timeline: Timeline,
    /// Where to tell what happened.
    pub notices: Notices,
}

/// What to record.
pub enum Job {
    /// The program, from its encoders.
    Program {
        /// Encoded pictures.
        video: Arc<Tap>,
        /// Encoded sound.
        audio: Option<Arc<Tap>>,
        /// Frames a second.
        fps: f64,
    },
    /// A camera: its own bytes, or encoded.
    Iso {
        /// The camera's streams.
        taps: Arc<Taps>,
        /// For a camera that sends neither H.264 nor H.265.
        fallback: VideoSpec,
        /// Encoders to try for that, best first.
        elements: Vec<String>,
        /// For its sound.
        audio: Option<AudioSpec>,
    },
    /// A microphone, as it comes.
    Stem {
        /// The microphone's streams.
        taps: Arc<Taps>,
    },
}

/// A running recording.
pub struct Recorder {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

/// What the handle and the thread share.
pub(super) struct Control {
    pub setting: Setting,
    stop: AtomicBool,
    asked: Condvar,
    waiting: Mutex<()>,
    state: Mutex<OutputState>,
    muxing: Mutex<Option<(gst::Bus, Vec<Arc<Feed>>)>>,
    pub bytes: AtomicU64,
    pub dropped: AtomicU64,
}

impl Recorder {
    /// Begins to record; returns at once.
    pub fn start(setting: Setting, job: Job) -> Self {
        let control = Arc::new(Control {
            setting,
            stop: AtomicBool::new(false),
            asked: Condvar::new(),
            waiting: Mutex::new(()),
            state: Mutex::new(OutputState::Connecting { attempt: 1 }),
            muxing: Mutex::new(None),
            bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let shared = control.clone();
        let thread =
            std::thread::Builder::new().name(format!("rec-{}", control.setting.name)).spawn(move || run(&shared, &job));
        let thread =
            thread.inspect_err(|error| tracing::error!(%error, "a recorder's thread could not be started")).ok();
        Self { control, thread }
    }

    /// How it fares.
    pub fn status(&self) -> OutputStatus {
        let muxing = lock(&self.control.muxing);
        let feeds = muxing.iter().flat_map(|(_, feeds)| feeds);
        let (queued, dropped) = feeds.fold((0, 0), |(queued, dropped), feed| {
            (queued + feed.queued(), dropped + feed.dropped() + feed.unstamped())
        });
        OutputStatus {
            state: lock(&self.control.state).clone(),
            bytes: self.control.bytes.load(Ordering::Relaxed),
            queued,
            dropped: dropped + self.control.dropped.load(Ordering::Relaxed),
            estimate: None,
        }
    }

    /// Tells it to end its file; [`Recorder::join`] waits for it.
    pub fn stop(&self) {
        self.control.stop.store(true, Ordering::Release);
        self.control.wake();
        if let Some((bus, _)) = lock(&self.control.muxing).as_ref() {
            // A bus that is flushing has no reader left.
            let _ = bus.post(gst::message::Application::new(gst::Structure::new_empty("pulse-stop")));
        }
    }

    /// Waits until the file is whole.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(output = %self.control.setting.id, "a recorder's thread panicked");
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Control {
    /// Whether it should end.
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Waits until told to stop, until `ready`, or for `time`. [`Control::wake`] has `ready` looked at again.
    pub fn wait(&self, time: Duration, mut ready: impl FnMut() -> bool) {
        let guard = lock(&self.waiting);
        drop(self.asked.wait_timeout_while(guard, time, |()| !self.stopping() && !ready()));
    }

    /// Wakes the thread in [`Control::wait`].
    pub fn wake(&self) {
        let _waiting = lock(&self.waiting);
        self.asked.notify_all();
    }

    /// The pipeline of the present part, if there is one: where it is told to stop, and whose queues are looked at.
    pub fn set_muxing(&self, muxing: Option<(gst::Bus, Vec<Arc<Feed>>)>) {
        let before = std::mem::replace(&mut *lock(&self.muxing), muxing);
        let lost: u64 = before.iter().flat_map(|(_, feeds)| feeds).map(|feed| feed.dropped() + feed.unstamped()).sum();
        self.dropped.fetch_add(lost, Ordering::Relaxed);
    }

    /// Changes its state.
    pub fn set(&self, state: OutputState) {
        *lock(&self.state) = state;
    }

    /// The first bytes of a part are on the disk.
    pub fn begun(&self, path: &std::path::Path) {
        self.set(OutputState::Live { since: self.setting.timeline.now() });
        self.setting.notices.tell(Notice::Recording { output: self.setting.id.clone(), path: path.to_owned() });
    }
}

/// How a part ended, and the file if there is one.
pub(super) struct Part {
    pub file: Option<FileReport>,
    pub fault: Option<OutputError>,
}

fn run(control: &Arc<Control>, job: &Job) {
    let mut attempt = 1;
    while !control.stopping() {
        let begun = Instant::now();
        let part = match job {
            Job::Program { video, audio, fps } => mux::record(
                control,
                &mux::Streams { video: video.clone(), audio: audio.clone(), fps: *fps, foreign: false },
            ),
            Job::Iso { taps, fallback, elements, audio } => {
                iso::record(control, taps, fallback, elements, audio.as_ref())
            }
            Job::Stem { taps } => stem::record(control, taps),
        };
        if let Some(file) = part.file {
            control.setting.notices.tell(Notice::Recorded(file));
        }
        if let Some(fault) = part.fault {
            attempt = if begun.elapsed() > AGAIN_AFTER * 5 { 2 } else { attempt + 1 };
            report(control, &fault, attempt);
            control.wait(AGAIN_AFTER, || false);
        }
    }
    control.set(OutputState::Offline);
}

fn report(control: &Control, fault: &OutputError, attempt: u32) {
    let again = u64::try_from(AGAIN_AFTER.as_nanos()).unwrap_or(u64::MAX);
    let at = control.setting.timeline.now().saturating_add(again);
    tracing::warn!(output = %control.setting.id, %fault, attempt, "recording interrupted");
    control.set(OutputState::Retrying { at, cause: fault.to_string() });
    control.setting.notices.tell(Notice::OutputRetrying {
        output: control.setting.id.clone(),
        attempt,
        at,
        code: fault.code(),
        cause: fault.to_string(),
    });
}
