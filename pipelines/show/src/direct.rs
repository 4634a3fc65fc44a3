//! How each command changes what is on air.

use crate::{
    DestinationId, Live, Marker, Rejected, SceneId, Show, Take, Transition, TransitionKind, edit,
    validate::validate_transition,
};

/// Most marks in one session.
const MAX_MARKERS: usize = 10_000;
/// Longest name of a mark, in characters.
const MAX_MARK: usize = 200;

pub(crate) fn preview(show: &Show, live: &mut Live, scene: &SceneId) -> Result<(), Rejected> {
    edit::scene_index(show, scene)?;
    if live.tbar.is_some() && live.preview.as_ref() != Some(scene) {
        return Err(Rejected::TBarHeld);
    }
    live.preview = Some(scene.clone());
    Ok(())
}

/// Puts a scene on air. Letting go of a T-bar by a take carries on from where it stood.
pub(crate) fn take(
    show: &Show,
    live: &mut Live,
    scene: Option<&SceneId>,
    transition: Option<&Transition>,
) -> Result<(), Rejected> {
    let next = scene.or(live.preview.as_ref()).ok_or(Rejected::NothingNext)?.clone();
    edit::scene_index(show, &next)?;
    if let Some(transition) = transition {
        validate_transition(show, transition).map_err(Rejected::Invalid)?;
    }
    let carried = transition.is_none_or(|transition| transition.kind == show.transition.kind)
        && live.preview.as_ref() == Some(&next);
    let start = live.tbar.filter(|_| carried).unwrap_or(0.0);
    swap(live, next, timed(transition.unwrap_or(&show.transition)), start);
    Ok(())
}

/// Moves the T-bar. At its far end the take has happened; at its near end nothing has.
pub(crate) fn tbar(show: &Show, live: &mut Live, position: f32) -> Result<(), Rejected> {
    if position.is_nan() {
        return Err(Rejected::TBarPosition);
    }
    if position <= 0.0 {
        live.tbar = None;
        return Ok(());
    }
    let next = live.preview.clone().ok_or(Rejected::NothingNext)?;
    if position < 1.0 {
        live.tbar = Some(position);
    } else {
        live.tbar = None;
        swap(live, next, timed(&show.transition), 1.0);
    }
    Ok(())
}

pub(crate) fn publish(show: &Show, live: &mut Live, destinations: &[DestinationId]) -> Result<(), Rejected> {
    let mut publish: Vec<DestinationId> = Vec::with_capacity(destinations.len());
    for id in destinations {
        edit::destination_index(show, id)?;
        if !publish.contains(id) {
            publish.push(id.clone());
        }
    }
    live.publish = publish;
    Ok(())
}

pub(crate) fn mark(live: &mut Live, name: &str, at_ns: u64) -> Result<(), Rejected> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_MARK || name.contains(char::is_control) {
        return Err(Rejected::Mark {
            reason: "its name is empty, longer than 200 characters or more than a line; write another",
        });
    }
    if live.markers.len() >= MAX_MARKERS {
        return Err(Rejected::Mark { reason: "the session has 10000 already; begin a new session" });
    }
    live.markers.push(Marker { name: name.to_owned(), at_ns });
    Ok(())
}

/// A cut takes no time, whatever was asked for.
pub(crate) fn timed(transition: &Transition) -> Transition {
    let ms = if transition.kind == TransitionKind::Cut { 0 } else { transition.ms };
    Transition { kind: transition.kind.clone(), ms }
}

/// A take of what is on air already changes nothing.
fn swap(live: &mut Live, next: SceneId, transition: Transition, start: f32) {
    if live.program.as_ref() == Some(&next) {
        return;
    }
    let number = live.next_take();
    let from = live.program.replace(next);
    if from.is_some() {
        live.preview.clone_from(&from);
    }
    live.tbar = None;
    live.take = Some(Take { number, from, transition, start });
}
