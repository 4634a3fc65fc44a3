//! Everything that can be done to a show: the only way in which it changes.

use serde::{Deserialize, Serialize};

use crate::live::Record;
use crate::{
    Canvas, Destination, DestinationId, Encoding, Layer, LayerId, Layout, Master, Scene, SceneId, Source, SourceId,
    Strip, Transition,
};

/// One thing a person, a cue or a remote asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are named as in the model, where they are described")]
pub enum Command {
    /// Names the show.
    SetTitle { title: String },
    /// Changes size or rate; refused while recording or publishing.
    SetCanvas { canvas: Canvas },
    /// Adds a source at the end, with a strip if `strip` says so.
    AddSource { source: Source, strip: Option<Strip> },
    /// Replaces a source of the same id.
    SetSource { source: Source },
    /// Removes a source, its layers everywhere and its strip; refused while it is the stinger of the show's transition.
    RemoveSource { source: SourceId },
    /// Adds a scene at `index` (at the end if `None`).
    AddScene { scene: Scene, index: Option<usize> },
    /// Adds a scene that lays `sources` out.
    AddLayout { scene: SceneId, name: String, layout: Layout, sources: Vec<SourceId> },
    /// A copy of a scene under a new id and name, right after it.
    DuplicateScene { scene: SceneId, as_scene: SceneId, name: String },
    /// Gives a scene another name.
    RenameScene { scene: SceneId, name: String },
    /// Moves a scene to `index` among the scenes.
    MoveScene { scene: SceneId, index: usize },
    /// Removes a scene; refused while it is on air.
    RemoveScene { scene: SceneId },
    /// Adds a layer in front (`scene: None`: as an overlay above every scene).
    AddLayer { scene: Option<SceneId>, layer: Layer },
    /// Replaces a layer of the same id.
    SetLayer { scene: Option<SceneId>, layer: Layer },
    /// Moves a layer to `index`, counted from the back.
    MoveLayer { scene: Option<SceneId>, layer: LayerId, index: usize },
    /// Removes a layer.
    RemoveLayer { scene: Option<SceneId>, layer: LayerId },
    /// Adds or replaces the strip of a source.
    SetStrip { strip: Strip },
    /// Changes the program's sound.
    SetMaster { master: Master },
    /// Changes how the program is encoded; refused while recording or publishing.
    SetEncoding { encoding: Encoding },
    /// Changes what a take does when nothing else is said.
    SetTransition { transition: Transition },
    /// Adds or replaces a destination.
    SetDestination { destination: Destination },
    /// Removes a destination; refused while it is being published to.
    RemoveDestination { destination: DestinationId },
    /// Puts a scene into preview; refused while the T-bar stands between two scenes.
    Preview { scene: SceneId },
    /// Puts a scene (`None`: the one in preview) on air; what was on air goes to preview. Nothing happens if it is on air already.
    Take { scene: Option<SceneId>, transition: Option<Transition> },
    /// Moves the T-bar: 0 leaves the program as it is, 1 completes the take to preview.
    TBar { position: f32 },
    /// Sets what is recorded; all off stops.
    Record { record: Record },
    /// Sets where the program is published; empty stops.
    Publish { destinations: Vec<DestinationId> },
    /// Marks this moment; `at_ns` is nanoseconds since the engine started.
    Mark { name: String, at_ns: u64 },
}
