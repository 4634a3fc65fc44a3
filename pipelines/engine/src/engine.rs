//! The engine's own thread: takes the latest studio, plans, and carries the steps out one by one.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use pulse_plan::Capabilities;
use pulse_show::{Canvas, DestinationId, Secret, Studio};
use tokio::sync::mpsc as notices_queue;

use crate::{
    encoder,
    mixer::MixerError,
    monitor::Monitor,
    notices::Notices,
    output::{Recorder, publish::Publisher},
    running::Running,
    source::SourceHandle,
    status::{Notice, Observed},
    tap::lock,
    timeline::Timeline,
};

/// The engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// GStreamer is broken or too old.
    #[error(
        "GStreamer cannot be used: {0}. Install GStreamer 1.22 or newer with its base, good, bad, ugly and libav plugins."
    )]
    GStreamer(String),
    /// The mixer cannot run.
    #[error(transparent)]
    Mixer(#[from] MixerError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}. Close other programs.")]
    Thread(#[from] std::io::Error),
}

/// What the engine is told once.
#[derive(Debug, Clone)]
pub struct Options {
    /// Size and rate to begin with.
    pub canvas: Canvas,
    /// Where recordings go.
    pub folder: PathBuf,
    /// What lets the program into destinations.
    pub secrets: BTreeMap<DestinationId, Secrets>,
}

/// What lets the program into one destination.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// The stream key, passphrase or token.
    pub key: Option<Secret>,
    /// An SRT stream id.
    pub stream_id: Option<Secret>,
    /// A LiveKit project's key, of which tokens are made where there is none.
    pub api_key: Option<Secret>,
    /// The secret of `api_key`.
    pub api_secret: Option<Secret>,
}

/// What the engine's thread should do next: only the latest studio counts.
#[derive(Default)]
struct Inbox {
    waiting: Mutex<Waiting>,
    come: Condvar,
}

#[derive(Default)]
struct Waiting {
    studio: Option<Arc<Studio>>,
    stop: bool,
}

impl Inbox {
    fn put(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut lock(&self.waiting));
        self.come.notify_one();
    }

    /// Waits for a studio; none when it is over.
    fn next(&self) -> Option<Arc<Studio>> {
        let idle = |waiting: &mut Waiting| waiting.studio.is_none() && !waiting.stop;
        let waiting = self.come.wait_while(lock(&self.waiting), idle);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if waiting.stop { None } else { waiting.studio.take() }
    }
}

/// The running engine. Dropping it stops everything and makes all files whole.
pub struct Engine {
    inbox: Arc<Inbox>,
    running: Arc<Mutex<Running>>,
    timeline: Timeline,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts mixing an empty program; notices come out of the queue.
    pub fn start(options: Options) -> Result<(Self, notices_queue::Receiver<Notice>), EngineError> {
        crate::init()?;
        let timeline = Timeline::start();
        let (notices, reader) = Notices::channel();
        let running = Arc::new(Mutex::new(Running::start(options, timeline.clone(), notices)?));
        let inbox = Arc::new(Inbox::default());
        let (shared, orders) = (running.clone(), inbox.clone());
        let thread = std::thread::Builder::new().name("engine".into()).spawn(move || run(&shared, &orders))?;
        Ok((Self { inbox, running, timeline, thread: Some(thread) }, reader))
    }

    /// Makes what runs follow `studio`. Returns at once; of several only the latest is carried out.
    pub fn apply(&self, studio: Arc<Studio>) {
        self.inbox.put(|waiting| waiting.studio = Some(studio));
    }

    /// Nanoseconds since the start.
    pub fn now(&self) -> u64 {
        self.timeline.now()
    }

    /// What runs, now.
    pub fn observe(&self) -> Observed {
        lock(&self.running).observe()
    }

    /// Looks at the preview, which is drawn only while somebody does.
    pub fn watch_preview(&self) -> Monitor {
        lock(&self.running).watch_preview()
    }

    /// Ends all outputs, makes their files whole and stops everything.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.inbox.put(|waiting| waiting.stop = true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread panicked");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(running: &Mutex<Running>, inbox: &Inbox) {
    let mut capabilities: Option<(Option<String>, Capabilities)> = None;
    while let Some(studio) = inbox.next() {
        let prefer = match &studio.show.encoding.encoder {
            pulse_show::EncoderChoice::Auto => None,
            pulse_show::EncoderChoice::Named(name) => Some(name.clone()),
        };
        if capabilities.as_ref().is_none_or(|(tried, _)| *tried != prefer) {
            // Trying encoders takes a moment: pictures first.
            lock(running).follow(&studio, None);
            capabilities = Some((prefer.clone(), encoder::capabilities(prefer.as_deref())));
        }
        lock(running).follow(&studio, capabilities.as_ref().map(|(_, caps)| caps));
    }
    let (recorders, publishers) = lock(running).end_outputs();
    join_all(recorders, publishers);
    let sources = lock(running).end_sources();
    for source in &sources {
        source.stop();
    }
    sources.into_iter().for_each(SourceHandle::join);
}

/// Recordings and publications end side by side: each has its own deadlines.
fn join_all(recorders: Vec<Recorder>, publishers: Vec<Publisher>) {
    recorders.iter().for_each(Recorder::stop);
    publishers.iter().for_each(Publisher::stop);
    let begun = Instant::now();
    let recorders = recorders.into_iter().map(|output| std::thread::spawn(move || output.join()));
    let publishers = publishers.into_iter().map(|output| std::thread::spawn(move || output.join()));
    let threads: Vec<_> = recorders.chain(publishers).collect();
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("ending an output panicked");
        }
    }
    if begun.elapsed() > Duration::from_secs(4) {
        tracing::warn!(took = ?begun.elapsed(), "outputs took long to end");
    }
}
