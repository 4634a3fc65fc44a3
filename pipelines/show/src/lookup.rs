//! Making the parts of a show and finding them again.

use crate::{
    Address, Canvas, Crop, Destination, DestinationId, Encoding, Fit, Layer, LayerId, Master, OnLoss, Rect, SCHEMA,
    Scene, SceneId, Show, Source, SourceId, Strip, Transition, TransitionKind,
};

impl Show {
    /// A show with nothing in it.
    pub fn empty(canvas: Canvas) -> Self {
        Self {
            schema: SCHEMA,
            title: String::new(),
            canvas,
            sources: Vec::new(),
            scenes: Vec::new(),
            overlays: Vec::new(),
            strips: Vec::new(),
            master: Master::default(),
            encoding: Encoding::default(),
            transition: Transition::default(),
            destinations: Vec::new(),
        }
    }

    /// The source with this id.
    pub fn source(&self, id: &SourceId) -> Option<&Source> {
        self.sources.iter().find(|source| source.id == *id)
    }

    /// The source that the user calls this.
    pub fn source_by_name(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The scene with this id.
    pub fn scene(&self, id: &SceneId) -> Option<&Scene> {
        self.scenes.iter().find(|scene| scene.id == *id)
    }

    /// The scene that the user calls this.
    pub fn scene_by_name(&self, name: &str) -> Option<&Scene> {
        self.scenes.iter().find(|scene| scene.name == name)
    }

    /// The strip of this source.
    pub fn strip(&self, source: &SourceId) -> Option<&Strip> {
        self.strips.iter().find(|strip| strip.source == *source)
    }

    /// The destination with this id.
    pub fn destination(&self, id: &DestinationId) -> Option<&Destination> {
        self.destinations.iter().find(|destination| destination.id == *id)
    }
}

impl Source {
    /// A source with the usual settings and an id made out of its name (unique only if the name is: see [`SourceId::fresh`]).
    pub fn new(name: impl Into<String>, address: Address) -> Self {
        let name = name.into();
        Self {
            id: SourceId::fresh(&name, []),
            name,
            address,
            sound_only: false,
            on_loss: OnLoss::default(),
            text: None,
        }
    }

    /// Whether it may have pictures: only the source itself can tell for sure.
    pub fn may_have_pictures(&self) -> bool {
        !self.sound_only && self.address.has_video() != Some(false)
    }
}

impl Scene {
    /// A scene without layers and an id made out of its name (unique only if the name is: see [`SceneId::fresh`]).
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { id: SceneId::fresh(&name, []), name, layers: Vec::new() }
    }

    /// What can be seen in it, from back to front; a source that is placed twice comes twice.
    pub fn visible_sources(&self) -> impl Iterator<Item = &SourceId> {
        self.layers.iter().filter(|layer| layer.is_seen()).map(|layer| &layer.source)
    }
}

impl Layer {
    /// A layer that shows `source` where its kind puts it: a picture or text at its own size at the origin, anything else on the whole canvas.
    pub fn full(source: SourceId) -> Self {
        Self {
            id: LayerId::from(source.as_str()),
            source,
            rect: Rect::default(),
            fit: Fit::default(),
            crop: Crop::default(),
            rotation: 0.0,
            opacity: 1.0,
            corner_radius: 0.0,
            visible: true,
        }
    }

    /// Whether anything of it is drawn.
    pub fn is_seen(&self) -> bool {
        self.visible && self.opacity > 0.0
    }
}

impl Strip {
    /// A strip at 0 dB, in the middle, that is always heard.
    pub fn new(source: SourceId) -> Self {
        Self { source, gain_db: 0.0, mute: false, solo: false, pan: 0.0, delay_ms: 0, follow: false }
    }
}

impl Rect {
    /// The whole of a canvas.
    pub fn whole(canvas: Canvas) -> Self {
        Self { x: 0.0, y: 0.0, width: canvas.width as f32, height: canvas.height as f32 }
    }
}

impl Transition {
    /// At once.
    pub fn cut() -> Self {
        Self::default()
    }

    /// The source that plays above it, if it is a stinger.
    pub fn stinger(&self) -> Option<&SourceId> {
        match &self.kind {
            TransitionKind::Stinger(source) => Some(source),
            TransitionKind::Cut | TransitionKind::Fade | TransitionKind::Wipe(_) | TransitionKind::Slide(_) => None,
        }
    }
}
