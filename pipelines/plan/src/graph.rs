//! What should run: the engine's desired state, derived from the show and never saved.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use pulse_show::{Address, Canvas, DestinationId, OnLoss, SourceId, Target, TextStyle, Transition};

use crate::{AudioSpec, Draw, VideoSpec};

/// Everything that should run.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Size and rate of the mixer.
    pub canvas: Canvas,
    /// One pipeline a source.
    pub sources: BTreeMap<SourceId, SourceNode>,
    /// What the video mixer draws.
    pub program: Program,
    /// What the preview draws when somebody looks at it.
    pub preview: Vec<Draw>,
    /// What the audio mixer does.
    pub sound: SoundPlan,
    /// One video encoder for all outputs that want the same: the settings are the identity.
    pub video_encoders: BTreeSet<VideoSpec>,
    /// One audio encoder for all outputs that want the same.
    pub audio_encoders: BTreeSet<AudioSpec>,
    /// One pipeline an output.
    pub outputs: BTreeMap<OutputId, OutputNode>,
}

/// A source that should run.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceNode {
    /// For slates and errors.
    pub name: String,
    /// Where it comes from; a change restarts it.
    pub address: Address,
    /// How a text looks; a change restarts it.
    pub text: Option<TextStyle>,
    /// Its pictures are not used; a change restarts it.
    pub sound_only: bool,
    /// What is shown without a signal; a change does not restart it.
    pub on_loss: OnLoss,
    /// Held at its first frame until a take plays it (a stinger); a change restarts it.
    pub held: bool,
}

/// What the video mixer draws.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Program {
    /// The scene on air, from back to front.
    pub scene: Vec<Draw>,
    /// Layers above every scene.
    pub overlays: Vec<Draw>,
    /// The last take, to be played once when its number is new.
    pub take: Option<TakePlan>,
    /// The T-bar under a hand.
    pub tbar: Option<TBarPlan>,
}

/// A transition to be played.
#[derive(Debug, Clone, PartialEq)]
pub struct TakePlan {
    /// Grows with every take.
    pub number: u64,
    /// The scene before.
    pub from: Vec<Draw>,
    /// How it changes.
    pub transition: Transition,
    /// Where it begins, 0 to 1.
    pub start: f32,
}

/// A transition held by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct TBarPlan {
    /// 0 (program) to 1 (preview).
    pub position: f32,
    /// The scene in preview.
    pub to: Vec<Draw>,
    /// How it changes.
    pub transition: Transition,
}

/// What the audio mixer does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SoundPlan {
    /// One a strip, by source.
    pub strips: BTreeMap<SourceId, StripPlan>,
    /// Linear gain of the sum (0 when muted).
    pub master_gain: f32,
    /// Linear ceiling of the limiter.
    pub ceiling: Option<f32>,
}

/// One strip with mute, solo and audio-follows-video already resolved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StripPlan {
    /// Linear; 0 when it should not be heard.
    pub gain: f32,
    /// -1 to 1.
    pub pan: f32,
    /// Milliseconds.
    pub delay_ms: u32,
}

/// An output: `record:program`, `iso:<source>`, `stem:<source>`, `publish:<destination>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputId(Arc<str>);

/// An output that should run.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputNode {
    /// What it is.
    pub kind: OutputKind,
    /// The encoder it takes its pictures from.
    pub video: Option<VideoSpec>,
    /// The encoder it takes its sound from.
    pub audio: Option<AudioSpec>,
}

/// What an output is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// The program to a file.
    Program,
    /// One camera to a file: its own bytes where it sends H.264 or H.265, else encoded by the given settings.
    Iso {
        /// Which.
        source: SourceId,
        /// Its name, for the file.
        name: String,
        /// For a camera that does not send H.264 or H.265.
        fallback: VideoSpec,
    },
    /// One strip to a WAV file, as it comes from the microphone.
    Stem {
        /// Which.
        source: SourceId,
        /// Its name, for the file.
        name: String,
    },
    /// The program to a destination.
    Publish {
        /// Which.
        destination: DestinationId,
        /// What the user calls it.
        name: String,
        /// Where to, without any key.
        target: Target,
    },
}

impl Graph {
    /// Nothing runs but the mixer, which draws black.
    pub fn empty(canvas: Canvas) -> Self {
        Self {
            canvas,
            sources: BTreeMap::new(),
            program: Program::default(),
            preview: Vec::new(),
            sound: SoundPlan::default(),
            video_encoders: BTreeSet::new(),
            audio_encoders: BTreeSet::new(),
            outputs: BTreeMap::new(),
        }
    }

    /// Every source that the mixers or an output refer to, whether it is there or not.
    pub fn referenced_sources(&self) -> BTreeSet<&SourceId> {
        let program = &self.program;
        let (take, tbar) = (program.take.as_ref(), program.tbar.as_ref());
        let draws = [&program.scene, &program.overlays, &self.preview].into_iter();
        let draws = draws.chain(take.map(|take| &take.from)).chain(tbar.map(|tbar| &tbar.to)).flatten();
        let transitions = take.map(|take| &take.transition).into_iter().chain(tbar.map(|tbar| &tbar.transition));
        draws
            .map(|draw| &draw.source)
            .chain(transitions.filter_map(Transition::stinger))
            .chain(self.sound.strips.keys())
            .chain(self.outputs.values().filter_map(|output| output.kind.source()))
            .collect()
    }
}

impl OutputKind {
    /// The one source that it records.
    pub fn source(&self) -> Option<&SourceId> {
        match self {
            Self::Iso { source, .. } | Self::Stem { source, .. } => Some(source),
            Self::Program | Self::Publish { .. } => None,
        }
    }
}

impl OutputId {
    /// The id as it stands in events.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&OutputKind> for OutputId {
    fn from(kind: &OutputKind) -> Self {
        Self(match kind {
            OutputKind::Program => Arc::from("record:program"),
            OutputKind::Iso { source, .. } => Arc::from(format!("iso:{source}")),
            OutputKind::Stem { source, .. } => Arc::from(format!("stem:{source}")),
            OutputKind::Publish { destination, .. } => Arc::from(format!("publish:{destination}")),
        })
    }
}

impl fmt::Display for OutputId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
