//! Everything that runs, and how one planned step after another is carried out on it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use pulse_plan::{
    AudioSpec, Capabilities, Graph, OutputId, OutputKind, OutputNode, Step, VideoSpec, compile, diff, play,
    preview_picture,
};
use pulse_show::{Canvas, Destination, DestinationId, SourceId, Studio, Target, TransitionKind, ids::slug};

use crate::{
    encoder::{SoundEncoder, VideoEncoder},
    engine::{EngineError, Options, Secrets},
    mixer::{PictureMixer, PreviewMixer, ProgramTaps, Slots, SoundMixer},
    monitor::Monitor,
    notices::Notices,
    output::{
        Job, Recorder, Setting,
        publish::{self, Publisher},
    },
    source::{Order, SourceHandle},
    status::{Notice, Observed, ProgramStatus},
    timeline::Timeline,
};

/// Everything that runs, as far as the steps have been carried out.
pub struct Running {
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
    /// An empty program.
    pub fn start(options: Options, timeline: Timeline, notices: Notices) -> Result<Self, EngineError> {
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
    pub fn follow(&mut self, studio: &Studio, capabilities: Option<&Capabilities>) {
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
            Step::StartAudioEncoder(spec) => {
                match SoundEncoder::start(spec, &self.taps.sound, &self.timeline, &self.notices) {
                    Ok(encoder) => drop(self.audio.insert(spec.clone(), encoder)),
                    Err(error) => self.notices.tell(Notice::EncoderFailed { cause: error.to_string() }),
                }
            }
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
            bitrate: node.video.as_ref().map_or(0, |spec| spec.bitrate)
                + node.audio.as_ref().map_or(0, |spec| spec.bitrate),
            video: video.tap.clone(),
            audio: audio.map(|encoder| encoder.tap.clone()),
            timeline: self.timeline.clone(),
            notices: self.notices.clone(),
        };
        self.publishers.insert(id.clone(), Publisher::start(order));
    }

    /// Somebody looks at the preview.
    pub fn watch_preview(&self) -> Monitor {
        Monitor::on(&self.taps.preview)
    }

    /// What runs, now.
    pub fn observe(&self) -> Observed {
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

    /// Takes all outputs out, to be ended.
    pub fn end_outputs(&mut self) -> (Vec<Recorder>, Vec<Publisher>) {
        let (recorders, publishers) = (std::mem::take(&mut self.outputs), std::mem::take(&mut self.publishers));
        (recorders.into_values().collect(), publishers.into_values().collect())
    }

    /// Takes all sources out, to be ended.
    pub fn end_sources(&mut self) -> Vec<SourceHandle> {
        std::mem::take(&mut self.sources).into_values().collect()
    }
}
