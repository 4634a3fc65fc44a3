//! From what should be on air and what this machine can do to what should run.

use pulse_show::{
    Address, Canvas, Destination, Fit, Layer, Rect, Scene, SceneId, Show, Source, SourceId, Strip, Studio, Target,
};

use crate::{
    AudioCodec, AudioSpec, Capabilities, Draw, Graph, OutputId, OutputKind, OutputNode, Program, SoundPlan, SourceNode,
    StripPlan, TBarPlan, TakePlan, VideoSpec,
    codecs::{choose_audio, choose_video},
};

/// At and below this many decibels a strip is silent.
const SILENT_DB: f32 = -60.0;

/// A graph, and what of the show it could not take up.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// What should run.
    pub graph: Graph,
    /// What can't, in the order of the wishes.
    pub refusals: Vec<Refusal>,
}

/// A wish that can't be met on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wanted}: {missing}; {remedy}{}", done_instead(.instead.as_deref()))]
pub struct Refusal {
    /// What was asked for: `recording the program`.
    pub wanted: String,
    /// What is missing for it.
    pub missing: String,
    /// Which setting or installation mends it.
    pub remedy: String,
    /// What is done instead. `None`: it is not done at all; else this is a notice.
    pub instead: Option<String>,
}

fn done_instead(instead: Option<&str>) -> String {
    instead.map(|instead| format!(" (until then: {instead})")).unwrap_or_default()
}

/// What should run for a show on a machine. Total: a show that does not hold together gives a graph without the parts that do not.
pub fn compile(studio: &Studio, caps: &Capabilities) -> Compiled {
    let show = &studio.show;
    let mut graph = Graph::empty(show.canvas);
    graph.sources = show.sources.iter().map(|source| (source.id.clone(), source_node(studio, source))).collect();
    graph.program = program(studio);
    graph.preview = scene_draws(show, studio.live.preview.as_ref());
    graph.sound = sound(studio);
    let mut outputs = Outputs { studio, caps, graph: &mut graph, refusals: Vec::new() };
    outputs.add_all();
    let refusals = outputs.refusals;
    Compiled { graph, refusals }
}

fn source_node(studio: &Studio, source: &Source) -> SourceNode {
    SourceNode {
        name: source.name.clone(),
        address: source.address.clone(),
        text: source.text.clone(),
        on_loss: source.on_loss,
        sound_only: source.sound_only,
        held: is_held(studio, source),
    }
}

/// Whether a source waits at its first frame: a file that is the stinger of the show's transition or of the last take.
fn is_held(studio: &Studio, source: &Source) -> bool {
    let take = studio.live.take.as_ref().map(|take| &take.transition);
    let stinger =
        std::iter::once(&studio.show.transition).chain(take).any(|transition| transition.stinger() == Some(&source.id));
    stinger && matches!(source.address, Address::File { .. })
}

fn program(studio: &Studio) -> Program {
    let (show, live) = (&studio.show, &studio.live);
    Program {
        scene: scene_draws(show, live.program.as_ref()),
        overlays: draws(show, &show.overlays),
        take: live.take.as_ref().map(|take| TakePlan {
            number: take.number,
            from: scene_draws(show, take.from.as_ref()),
            transition: take.transition.clone(),
            start: take.start,
        }),
        tbar: live.tbar.map(|position| TBarPlan {
            position,
            to: scene_draws(show, live.preview.as_ref()),
            transition: show.transition.clone(),
        }),
    }
}

fn scene_draws(show: &Show, scene: Option<&SceneId>) -> Vec<Draw> {
    scene.and_then(|id| show.scene(id)).map_or_else(Vec::new, |scene| draws(show, &scene.layers))
}

/// The draws of some layers, without those that can't be seen.
fn draws(show: &Show, layers: &[Layer]) -> Vec<Draw> {
    let mut draws = Vec::with_capacity(layers.len());
    for layer in layers.iter().filter(|layer| layer.is_seen()) {
        let Some(source) = show.source(&layer.source) else { continue };
        if !source.may_have_pictures() {
            continue;
        }
        let draw = draw(layer, &source.address, show.canvas);
        if hides_all(&draw, &source.address, show.canvas) {
            draws.clear();
        }
        draws.push(draw);
    }
    draws
}

fn draw(layer: &Layer, address: &Address, canvas: Canvas) -> Draw {
    let own_size = matches!(address, Address::Image { .. } | Address::Text { .. });
    let rect = if layer.rect == Rect::default() && !own_size { Rect::whole(canvas) } else { layer.rect };
    Draw {
        source: layer.source.clone(),
        rect,
        fit: layer.fit,
        crop: layer.crop,
        rotation: layer.rotation,
        opacity: layer.opacity,
        corner_radius: layer.corner_radius,
    }
}

/// Whether nothing behind a draw can be seen, for certain.
fn hides_all(draw: &Draw, address: &Address, canvas: Canvas) -> bool {
    let may_have_alpha = match address {
        Address::Image { .. } | Address::Text { .. } | Address::File { .. } | Address::Http { .. } => true,
        Address::TestPicture { .. }
        | Address::TestTone { .. }
        | Address::Rtsp { .. }
        | Address::Srt { .. }
        | Address::Rtmp { .. }
        | Address::Screen { .. }
        | Address::Device { .. } => false,
    };
    let Rect { x, y, width, height } = draw.rect;
    let covers = x <= 0.0 && y <= 0.0 && x + width >= canvas.width as f32 && y + height >= canvas.height as f32;
    let plain = draw.fit != Fit::Contain && draw.rotation == 0.0 && draw.opacity >= 1.0 && draw.corner_radius == 0.0;
    covers && plain && !may_have_alpha
}

fn sound(studio: &Studio) -> SoundPlan {
    let show = &studio.show;
    let soloed = show.strips.iter().any(|strip| strip.solo);
    let strips = heard_strips(show).map(|(source, strip)| {
        let heard = !strip.mute && (strip.solo || !soloed) && (!strip.follow || is_on_air(studio, &source.id));
        let gain = if heard { linear(strip.gain_db) } else { 0.0 };
        (source.id.clone(), StripPlan { gain, pan: strip.pan, delay_ms: strip.delay_ms })
    });
    SoundPlan {
        strips: strips.collect(),
        master_gain: if show.master.mute { 0.0 } else { linear(show.master.gain_db) },
        ceiling: show.master.limiter_dbfs.map(amplitude),
    }
}

/// The strips whose source can give sound.
fn heard_strips(show: &Show) -> impl Iterator<Item = (&Source, &Strip)> {
    let strips = show.strips.iter().filter_map(|strip| Some((show.source(&strip.source)?, strip)));
    strips.filter(|(source, _)| source.address.has_audio() != Some(false))
}

/// Whether a source is seen in the program: in its scene, in the overlays, or in the scene that the T-bar is bringing in.
fn is_on_air(studio: &Studio, source: &SourceId) -> bool {
    let (show, live) = (&studio.show, &studio.live);
    let coming = live.tbar.and(live.preview.as_ref());
    let scenes = live.program.iter().chain(coming).filter_map(|id| show.scene(id));
    let overlay = show.overlays.iter().any(|layer| layer.is_seen() && layer.source == *source);
    overlay || scenes.flat_map(Scene::visible_sources).any(|seen| seen == source)
}

/// A fader's decibels as a factor; its lowest position is silence.
fn linear(db: f32) -> f32 {
    if db > SILENT_DB { amplitude(db) } else { 0.0 }
}

fn amplitude(db: f32) -> f32 {
    10_f32.powf(db / 20.0)
}

/// Adds outputs to a graph, each with the encoders it needs, or a refusal.
struct Outputs<'a> {
    studio: &'a Studio,
    caps: &'a Capabilities,
    graph: &'a mut Graph,
    refusals: Vec<Refusal>,
}

impl Outputs<'_> {
    fn add_all(&mut self) {
        let studio = self.studio;
        let (show, live) = (&studio.show, &studio.live);
        if live.record.program {
            self.program("recording the program", &[AudioCodec::Aac, AudioCodec::Opus], OutputKind::Program);
        }
        if live.record.iso {
            for source in show.sources.iter().filter(|source| is_camera(studio, source)) {
                self.iso(source);
            }
        }
        if live.record.audio {
            for (source, _) in heard_strips(show) {
                self.add(OutputKind::Stem { source: source.id.clone(), name: source.name.clone() }, None, None);
            }
        }
        for destination in live.publish.iter().filter_map(|id| show.destination(id)) {
            self.publish(destination);
        }
    }

    fn publish(&mut self, destination: &Destination) {
        let wanted = format!("publishing to \"{}\"", destination.name);
        match destination.url.parse::<Target>() {
            Ok(target) => {
                let (id, name) = (destination.id.clone(), destination.name.clone());
                self.program(&wanted, codecs_for(&target), OutputKind::Publish { destination: id, name, target });
            }
            Err(error) => self.refuse(Refusal {
                wanted,
                missing: error.to_string(),
                remedy: "correct the destination's address".to_owned(),
                instead: None,
            }),
        }
    }

    /// An output of the program. It is made without sound rather than not at all.
    fn program(&mut self, wanted: &str, order: &[AudioCodec], kind: OutputKind) {
        let Some(mut video) = self.video(wanted) else { return };
        if matches!(&kind, OutputKind::Publish { target, .. } if target.is_webrtc()) {
            video = video.for_webrtc();
        }
        let audio = match choose_audio(wanted, order, &self.studio.show.encoding, self.caps) {
            Ok(audio) => Some(audio),
            Err(refusal) => {
                self.refuse(Refusal { instead: Some("without sound".to_owned()), ..refusal });
                None
            }
        };
        self.add(kind, Some(video), audio);
    }

    fn iso(&mut self, source: &Source) {
        if let Some(video) = self.video(&format!("recording \"{}\" on its own", source.name)) {
            let fallback = video.for_iso();
            self.add(OutputKind::Iso { source: source.id.clone(), name: source.name.clone(), fallback }, None, None);
        }
    }

    fn video(&mut self, wanted: &str) -> Option<VideoSpec> {
        let show = &self.studio.show;
        match choose_video(wanted, &show.encoding, show.canvas, self.caps) {
            Ok((spec, notice)) => {
                notice.into_iter().for_each(|notice| self.refuse(notice));
                Some(spec)
            }
            Err(refusal) => {
                self.refuse(refusal);
                None
            }
        }
    }

    /// The same notice for several outputs is told once.
    fn refuse(&mut self, refusal: Refusal) {
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    fn add(&mut self, kind: OutputKind, video: Option<VideoSpec>, audio: Option<AudioSpec>) {
        self.graph.video_encoders.extend(video.clone());
        self.graph.audio_encoders.extend(audio.clone());
        self.graph.outputs.insert(OutputId::from(&kind), OutputNode { kind, video, audio });
    }
}

/// A source that may have pictures worth a file of their own.
fn is_camera(studio: &Studio, source: &Source) -> bool {
    let drawn = matches!(source.address, Address::Image { .. } | Address::Text { .. });
    source.may_have_pictures() && !drawn && !is_held(studio, source)
}

/// The audio codecs a destination takes, best first: WebRTC takes Opus alone.
fn codecs_for(target: &Target) -> &'static [AudioCodec] {
    match target {
        Target::LiveKit { .. } | Target::Whip { .. } => &[AudioCodec::Opus],
        // FLV knows no Opus.
        Target::Rtmp { .. } => &[AudioCodec::Aac],
        Target::Srt { .. } | Target::Hls { .. } => &[AudioCodec::Aac, AudioCodec::Opus],
    }
}
