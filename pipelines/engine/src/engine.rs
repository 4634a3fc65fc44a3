//! The engine's own thread: takes the latest studio, plans, and carries the steps out one by one.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use pulse_plan::{
    AudioSpec, Capabilities, Graph, OutputId, OutputKind, OutputNode, Step, VideoSpec, compile, diff, play,
    preview_picture,
};
use pulse_show::{Canvas, Destination, DestinationId, Secret, SourceId, Studio, Target, TransitionKind, ids::slug};
use tokio::sync::mpsc as notices_queue;

use crate::{
    encoder::{self, SoundEncoder, VideoEncoder},
    mixer::{MixerError, PictureMixer, PreviewMixer, ProgramTaps, Slots, SoundMixer},
    monitor::Monitor,
    notices::Notices,
    output::{
        Job, Recorder, Setting,
        publish::{self, Publisher},
    },
    source::{Order, SourceHandle},
    status::{Notice, Observed, ProgramStatus},
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

enum Message {
    Apply(Arc<Studio>),
    Stop,
}

/// The running engine. Dropping it stops everything and makes all files whole.
pub struct Engine {
    messages: mpsc::Sender<Message>,
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
        let (messages, inbox) = mpsc::channel();
        let shared = running.clone();
        let thread = std::thread::Builder::new().name("engine".into()).spawn(move || run(&shared, &inbox))?;
        Ok((Self { messages, running, timeline, thread: Some(thread) }, reader))
    }

    /// Makes what runs follow `studio`. Returns at once; of several only the latest is carried out.
    pub fn apply(&self, studio: Arc<Studio>) {
        if self.messages.send(Message::Apply(studio)).is_err() {
            tracing::error!("the engine's thread is gone");
        }
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
        Monitor::on(&lock(&self.running).taps.preview)
    }

    /// Ends all outputs, makes their files whole and stops everything.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // A thread that is gone has nothing to stop.
        let _ = self.messages.send(Message::Stop);
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

fn run(running: &Mutex<Running>, inbox: &mpsc::Receiver<Message>) {
    let mut capabilities: Option<(Option<String>, Capabilities)> = None;
    while let Ok(message) = inbox.recv() {
        let mut latest = message;
        while let Ok(newer) = inbox.try_recv() {
            if matches!(latest, Message::Stop) {
                break;
            }
            latest = newer;
        }
        let Message::Apply(studio) = latest else { break };
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

/// Everything that runs, as far as the steps have been carried out.
struct Running {
    graph: Graph,
    folder: PathBuf,
    timeline: Timeline,
    notices: Notices,
    taps: Arc<ProgramTaps>,
    pictures: PictureMixer,
    preview: PreviewMixer,
    sound: SoundMixer,
    sources: BTreeMap<SourceId, SourceHandle>,
    video: BTreeMap<VideoSpec, VideoEncoder>,
    audio: BTreeMap<AudioSpec, SoundEncoder>,
    outputs: BTreeMap<OutputId, Recorder>,
    publishers: BTreeMap<OutputId, Publisher>,
    secrets: BTreeMap<DestinationId, Secrets>,
    elements: Vec<String>,
    refused: Vec<String>,
    taken: u64,
}

impl Running {
    fn start(options: Options, timeline: Timeline, notices: Notices) -> Result<Self, EngineError> {
        let taps = Arc::new(ProgramTaps::default());
        let pictures = PictureMixer::start(options.canvas, timeline.clone(), taps.clone(), notices.clone())?;
        let preview = PreviewMixer::start(options.canvas, timeline.clone(), &taps)?;
        let sound = SoundMixer::start(timeline.clone(), taps.clone())?;
        Ok(Self {
            graph: Graph::empty(options.canvas),
            folder: options.folder,
            timeline,
            notices,
            taps,
            pictures,
            preview,
            sound,
            sources: BTreeMap::new(),
            video: BTreeMap::new(),
            audio: BTreeMap::new(),
            outputs: BTreeMap::new(),
            publishers: BTreeMap::new(),
            secrets: options.secrets,
            elements: Vec::new(),
            refused: Vec::new(),
            taken: 0,
        })
    }

    /// Makes what runs follow `studio`; without capabilities everything but encoders and outputs.
    fn follow(&mut self, studio: &Studio, capabilities: Option<&Capabilities>) {
        let browsers = |to: &Destination| to.url.parse::<Target>().is_ok_and(|target| target.is_webrtc());
        if studio.show.destinations.iter().any(browsers) {
            publish::webrtc::prepare();
        }
        let compiled = match capabilities {
            Some(capabilities) => {
                self.elements.clone_from(&capabilities.h264);
                compile(studio, capabilities)
            }
            None => {
                let mut silent = studio.clone();
                silent.live.record = pulse_show::Record::default();
                silent.live.publish.clear();
                compile(&silent, &Capabilities::default())
            }
        };
        let refused: Vec<String> = compiled.refusals.iter().map(ToString::to_string).collect();
        for message in refused.iter().filter(|message| !self.refused.contains(message)) {
            self.notices.tell(Notice::Refused { message: message.clone() });
        }
        self.refused = refused;
        for step in diff(&self.graph, &compiled.graph) {
            self.carry_out(&step);
            play(&mut self.graph, &step);
            if matches!(step, Step::SetProgram(_) | Step::SetPreview(_)) {
                // Overlays, which are the program's, are above the preview too.
                self.preview.set_picture(preview_picture(&self.graph));
            }
        }
    }

    fn carry_out(&mut self, step: &Step) {
        match step {
            Step::StartSource(id, node) => self.start_source(id, node),
            Step::StopSource(id) => self.stop_source(id),
            Step::UpdateSource(id, node) => {
                if let Some(source) = self.sources.get(id) {
                    source.set_on_loss(node.on_loss);
                }
            }
            Step::SetCanvas(canvas) => self.set_canvas(*canvas),
            Step::SetProgram(program) => {
                self.play_stinger(program);
                self.pictures.set_program(program.clone());
            }
            // Drawn from what the graph has become.
            Step::SetPreview(_) => {}
            Step::SetSound(plan) => self.sound.set(plan),
            Step::StartVideoEncoder(spec) => {
                let elements = self.elements.clone();
                let (timeline, notices) = (self.timeline.clone(), self.notices.clone());
                let encoder = VideoEncoder::start(spec.clone(), elements, &self.taps.pictures, timeline, notices);
                self.video.insert(spec.clone(), encoder);
            }
            Step::StopVideoEncoder(spec) => drop(self.video.remove(spec)),
            Step::StartAudioEncoder(spec) => match SoundEncoder::start(spec, &self.taps.sound, &self.timeline) {
                Ok(encoder) => drop(self.audio.insert(spec.clone(), encoder)),
                Err(error) => self.notices.tell(Notice::EncoderFailed { cause: error.to_string() }),
            },
            Step::StopAudioEncoder(spec) => drop(self.audio.remove(spec)),
            Step::StartOutput(id, node) => self.start_output(id, node),
            Step::UpdateOutput(..) => {}
            Step::StopOutput(id) => {
                // Dropping tells it to stop; its thread makes the file whole, or says goodbye, and ends by itself.
                drop(self.outputs.remove(id));
                drop(self.publishers.remove(id));
            }
        }
    }

    fn start_source(&mut self, id: &SourceId, node: &pulse_plan::SourceNode) {
        let (inlet, outlet) = pulse_sound::pipe();
        let order = Order {
            id: id.clone(),
            node: node.clone(),
            canvas: self.graph.canvas,
            timeline: self.timeline.clone(),
            notices: self.notices.clone(),
            inlet: Arc::new(Mutex::new(inlet)),
        };
        self.sound.add(id, outlet);
        self.sound.set(&self.graph.sound);
        self.sources.insert(id.clone(), SourceHandle::start(order));
        self.tell_slots();
    }

    fn stop_source(&mut self, id: &SourceId) {
        self.sound.remove(id);
        // Dropping tells it to stop; its thread ends within its own deadlines.
        drop(self.sources.remove(id));
        self.tell_slots();
    }

    fn tell_slots(&self) {
        let slots: Slots = self.sources.iter().map(|(id, source)| (id.clone(), source.slot.clone())).collect();
        self.preview.set_slots(slots.clone());
        self.pictures.set_slots(slots);
    }

    fn set_canvas(&mut self, canvas: Canvas) {
        let pictures = PictureMixer::start(canvas, self.timeline.clone(), self.taps.clone(), self.notices.clone());
        let preview = PreviewMixer::start(canvas, self.timeline.clone(), &self.taps);
        match pictures.and_then(|pictures| Ok((pictures, preview?))) {
            Ok((pictures, preview)) => {
                (self.pictures, self.preview) = (pictures, preview);
                self.tell_slots();
            }
            Err(error) => self.notices.tell(Notice::Refused { message: error.to_string() }),
        }
    }

    /// A stinger begins with the take that shows it.
    fn play_stinger(&mut self, program: &pulse_plan::Program) {
        let Some(take) = program.take.as_ref().filter(|take| take.number > self.taken) else { return };
        self.taken = take.number;
        if let TransitionKind::Stinger(id) = &take.transition.kind
            && let Some(source) = self.sources.get(id)
        {
            source.play();
        }
    }

    fn start_output(&mut self, id: &OutputId, node: &OutputNode) {
        let rate = self.graph.canvas.rate.as_f64();
        let (name, source, job) = match &node.kind {
            OutputKind::Program => {
                let Some(video) = node.video.as_ref().and_then(|spec| self.video.get(spec)) else { return };
                let audio = node.audio.as_ref().and_then(|spec| self.audio.get(spec));
                let job = Job::Program { video: video.tap.clone(), audio: audio.map(|a| a.tap.clone()), fps: rate };
                ("program".to_owned(), None, job)
            }
            OutputKind::Iso { source, name, fallback } => {
                let Some(camera) = self.sources.get(source) else { return };
                let (taps, elements) = (camera.taps.clone(), self.elements.clone());
                let audio = Some(AudioSpec { codec: pulse_plan::AudioCodec::Aac, bitrate: 160_000 });
                (
                    format!("iso-{}", slug(name)),
                    Some(source),
                    Job::Iso { taps, fallback: fallback.clone(), elements, audio },
                )
            }
            OutputKind::Stem { source, name } => {
                let Some(microphone) = self.sources.get(source) else { return };
                (format!("audio-{}", slug(name)), Some(source), Job::Stem { taps: microphone.taps.clone() })
            }
            OutputKind::Publish { destination, name, target } => {
                return self.publish(id, node, (destination, name, target));
            }
        };
        let setting = Setting {
            id: id.clone(),
            folder: self.folder.clone(),
            name,
            source: source.cloned(),
            timeline: self.timeline.clone(),
            notices: self.notices.clone(),
        };
        self.outputs.insert(id.clone(), Recorder::start(setting, job));
    }

    fn publish(&mut self, id: &OutputId, node: &OutputNode, to: (&DestinationId, &str, &Target)) {
        let Some(video) = node.video.as_ref().and_then(|spec| self.video.get(spec)) else { return };
        let audio = node.audio.as_ref().and_then(|spec| self.audio.get(spec));
        let (destination, name, target) = to;
        let secrets = self.secrets.get(destination).cloned().unwrap_or_default();
        let order = publish::Order {
            id: id.clone(),
            name: name.to_owned(),
            target: target.clone(),
            secret: secrets.key,
            stream_id: secrets.stream_id,
            api: secrets.api_key.zip(secrets.api_secret),
            video: video.tap.clone(),
            audio: audio.map(|encoder| encoder.tap.clone()),
            timeline: self.timeline.clone(),
            notices: self.notices.clone(),
        };
        self.publishers.insert(id.clone(), Publisher::start(order));
    }

    fn observe(&self) -> Observed {
        let (frames, dropped) = self.pictures.totals();
        let (strips, master) = self.sound.levels();
        Observed {
            at: self.timeline.now(),
            program: ProgramStatus { frames, dropped, sound_dropped: self.sound.dropped() },
            sources: self.sources.iter().map(|(id, source)| (id.clone(), source.status())).collect(),
            outputs: self
                .outputs
                .iter()
                .map(|(id, output)| (id.clone(), output.status()))
                .chain(self.publishers.iter().map(|(id, publisher)| (id.clone(), publisher.status())))
                .collect(),
            encoders: self.video.values().map(VideoEncoder::status).collect(),
            strips,
            master,
        }
    }

    fn end_outputs(&mut self) -> (Vec<Recorder>, Vec<Publisher>) {
        let (recorders, publishers) = (std::mem::take(&mut self.outputs), std::mem::take(&mut self.publishers));
        (recorders.into_values().collect(), publishers.into_values().collect())
    }

    fn end_sources(&mut self) -> Vec<SourceHandle> {
        std::mem::take(&mut self.sources).into_values().collect()
    }
}
