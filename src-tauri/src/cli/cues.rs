//! From cues to commands, and to the lines that tell of them.

use std::path::Path;

use pulse_show::{Command, Show, SourceId, Strip, Studio, Transition, TransitionKind, WipeEdge};
use pulse_wire::{Cue, CueAction, Edge, Event, Names, Transition as Word};

use crate::error::Failure;

/// How long a transition takes when neither the cue nor the show says.
const USUAL_MS: u32 = 500;

/// Reads a cues file for this show.
pub fn read(path: &Path, show: &Show) -> Result<Vec<Cue>, Failure> {
    let name = path.display();
    let json = std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("{name} cannot be read: {e}")))?;
    let name_of = |id: &SourceId| show.source(id).map(|source| source.name.clone());
    let names = Names {
        scenes: show.scenes.iter().map(|scene| scene.name.clone()).collect(),
        strips: show.strips.iter().filter_map(|strip| name_of(&strip.source)).collect(),
        stingers: show.sources.iter().map(|source| source.name.clone()).collect(),
    };
    Cue::parse_all(&json, &names).map_err(|e| Failure::usage(format!("{name}: {e}")))
}

/// The command that a cue stands for; `None` if what it names has gone.
pub fn command(action: &CueAction, studio: &Studio, now: u64) -> Option<Command> {
    let show = &studio.show;
    let strip = |name: &str| -> Option<Strip> { show.strip(&show.source_by_name(name)?.id).cloned() };
    Some(match action {
        CueAction::Take { scene, transition, ms } => Command::Take {
            scene: Some(show.scene_by_name(scene)?.id.clone()),
            transition: transition_of(transition.as_ref(), *ms, show),
        },
        CueAction::Preview { scene } => Command::Preview { scene: show.scene_by_name(scene)?.id.clone() },
        CueAction::TBar { position } => Command::TBar { position: *position as f32 },
        CueAction::Marker { name } => Command::Mark { name: name.clone(), at_ns: now },
        CueAction::Mute { source, muted } => Command::SetStrip { strip: Strip { mute: *muted, ..strip(source)? } },
        CueAction::Gain { source, db } => Command::SetStrip { strip: Strip { gain_db: *db as f32, ..strip(source)? } },
    })
}

fn transition_of(word: Option<&Word>, ms: Option<u32>, show: &Show) -> Option<Transition> {
    let kind = match word {
        None => {
            let ms = ms?;
            return Some(Transition { ms, ..show.transition.clone() });
        }
        Some(Word::Cut) => TransitionKind::Cut,
        Some(Word::Fade) => TransitionKind::Fade,
        Some(Word::Wipe(edge)) => TransitionKind::Wipe(edge_of(*edge)),
        Some(Word::Slide(edge)) => TransitionKind::Slide(edge_of(*edge)),
        Some(Word::Stinger(Some(name))) => TransitionKind::Stinger(show.source_by_name(name)?.id.clone()),
        Some(Word::Stinger(None)) => TransitionKind::Stinger(show.transition.stinger()?.clone()),
    };
    let usual = if show.transition.ms > 0 { show.transition.ms } else { USUAL_MS };
    let ms = if kind == TransitionKind::Cut { 0 } else { ms.unwrap_or(usual) };
    Some(Transition { kind, ms })
}

fn edge_of(edge: Edge) -> WipeEdge {
    match edge {
        Edge::Left => WipeEdge::Left,
        Edge::Right => WipeEdge::Right,
        Edge::Top => WipeEdge::Top,
        Edge::Bottom => WipeEdge::Bottom,
    }
}

fn word_of(transition: &Transition, show: &Show) -> Word {
    let edge = |edge: WipeEdge| match edge {
        WipeEdge::Left => Edge::Left,
        WipeEdge::Right => Edge::Right,
        WipeEdge::Top => Edge::Top,
        WipeEdge::Bottom => Edge::Bottom,
    };
    match &transition.kind {
        TransitionKind::Cut => Word::Cut,
        TransitionKind::Fade => Word::Fade,
        TransitionKind::Wipe(from) => Word::Wipe(edge(*from)),
        TransitionKind::Slide(from) => Word::Slide(edge(*from)),
        TransitionKind::Stinger(id) => Word::Stinger(show.source(id).map(|source| source.name.clone())),
    }
}

/// The line that tells of a cue that was carried out; preview, and a T-bar that is not at its far end, are not told. `studio` is
/// the one before.
pub fn event(action: &CueAction, command: &Command, studio: &Studio) -> Option<Event> {
    let (show, live) = (&studio.show, &studio.live);
    let taken = |scene: &str, transition: &Transition| {
        let ms = if transition.kind == TransitionKind::Cut { 0 } else { transition.ms };
        Event::Take { scene: scene.to_owned(), transition: word_of(transition, show), ms }
    };
    match (action, command) {
        (CueAction::Take { scene, .. }, Command::Take { transition, .. }) => {
            Some(taken(scene, transition.as_ref().unwrap_or(&show.transition)))
        }
        (CueAction::TBar { position }, _) if *position >= 1.0 && live.preview != live.program => {
            Some(taken(&show.scene(live.preview.as_ref()?)?.name, &show.transition))
        }
        (CueAction::Marker { name }, _) => Some(Event::Marker { name: name.clone() }),
        (CueAction::Mute { source, muted }, _) => Some(Event::Mute { source: source.clone(), muted: *muted }),
        _ => None,
    }
}
