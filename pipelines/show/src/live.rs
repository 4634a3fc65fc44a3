//! The intent of the moment: what is in program and preview, what is recording. Saved to come back after a crash.

use serde::{Deserialize, Serialize};

use crate::{DestinationId, SceneId, Show, Transition};

/// What should be happening now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Live {
    /// The scene on air; `None` shows black.
    pub program: Option<SceneId>,
    /// The scene that is next.
    pub preview: Option<SceneId>,
    /// The last take; the engine plays its transition once, when it first sees its number.
    pub take: Option<Take>,
    /// Where the T-bar stands between program (0) and preview (1), while a hand is on it.
    pub tbar: Option<f32>,
    /// What is being recorded.
    pub record: Record,
    /// Where the program is being published.
    pub publish: Vec<DestinationId>,
    /// Moments marked so far, oldest first.
    pub markers: Vec<Marker>,
}

/// What is recorded, each to files of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    /// The program.
    pub program: bool,
    /// Every camera, untouched where it sends H.264 or H.265.
    pub iso: bool,
    /// Every strip as a stem.
    pub audio: bool,
}

impl Record {
    /// Whether anything is recorded.
    pub fn any(self) -> bool {
        self.program || self.iso || self.audio
    }
}

impl Live {
    /// Where a show begins: its first scene on air, its second (or only) one in preview, nothing recorded.
    pub fn initial(show: &Show) -> Self {
        let scene = |n: usize| show.scenes.get(n).map(|scene| scene.id.clone());
        Self { program: scene(0), preview: scene(1).or_else(|| scene(0)), ..Self::default() }
    }

    /// The number that the next take gets.
    pub fn next_take(&self) -> u64 {
        self.take.as_ref().map_or(1, |take| take.number.saturating_add(1))
    }

    /// What would be interrupted by a restart of the mixer or the encoders.
    pub fn busy(&self) -> Option<&'static str> {
        if self.record.any() {
            Some("recording")
        } else if self.publish.is_empty() {
            None
        } else {
            Some("publishing")
        }
    }
}

/// Makes `live` refer only to what `show` holds, as after an undo or when a session is picked up again.
///
/// A lost scene on air gives way to the one in preview, else to the first; a lost preview to the first scene that is not on air.
/// Black (`program: None`) stays black. The last take keeps its number, so that it is not played again.
pub fn repair(show: &Show, live: &mut Live) {
    let lost = |scene: &Option<SceneId>| scene.as_ref().is_some_and(|id| show.scene(id).is_none());
    let (program_lost, preview_lost) = (lost(&live.program), lost(&live.preview));
    if preview_lost {
        live.preview = None;
    }
    if program_lost {
        live.program = live.preview.clone().or_else(|| show.scenes.first().map(|scene| scene.id.clone()));
    }
    if preview_lost {
        let next = show.scenes.iter().map(|scene| &scene.id).find(|id| live.program.as_ref() != Some(id));
        live.preview = next.or(live.program.as_ref()).cloned();
    }
    if let Some(take) = &mut live.take {
        if lost(&take.from) {
            take.from = None;
        }
        if take.transition.stinger().is_some_and(|source| show.source(source).is_none()) {
            take.transition = Transition::cut();
        }
    }
    let held = |position: f32| position > 0.0 && position < 1.0;
    if program_lost || preview_lost || live.preview.is_none() || !live.tbar.is_some_and(held) {
        live.tbar = None;
    }
    let mut seen = std::collections::BTreeSet::new();
    live.publish.retain(|id| show.destination(id).is_some() && seen.insert(id.clone()));
}

/// One change of the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// Grows by one with every take.
    pub number: u64,
    /// What was on air before.
    pub from: Option<SceneId>,
    /// How it changes.
    pub transition: Transition,
    /// Where the transition begins, 0 to 1: above 0 when a T-bar that was let go is carried on.
    #[serde(default)]
    pub start: f32,
}

/// A moment worth finding again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// What it is called.
    pub name: String,
    /// Nanoseconds since the engine started.
    pub at_ns: u64,
}
