//! What one frame shows while a take is under way. No easing: a transition moves evenly.

use pulse_show::{Canvas, Crop, Fit, Rect, SourceId, Transition, TransitionKind, WipeEdge};

use crate::{Area, Draw, Graph, Group, Picture, Program};

/// Half-way through a stinger the scene beneath it changes.
const STINGER_CUT: f32 = 0.5;

/// How far a take is `elapsed_ns` after it began, 0 to below 1; `None` when it is over (a cut always is).
pub fn progress(transition: &Transition, start: f32, elapsed_ns: u64) -> Option<f32> {
    if transition.kind == TransitionKind::Cut || transition.ms == 0 {
        return None;
    }
    let done = start + (elapsed_ns as f64 / (f64::from(transition.ms) * 1e6)) as f32;
    (done < 1.0).then_some(done.max(0.0))
}

/// The program's picture. `progress` is that of the last take; with `None` no take is under way, and a T-bar counts if there is one.
///
/// Overlays are above everything and take no part in the transition. At and below 0 the picture is that of the old scene, at and
/// above 1 that of the new one.
pub fn picture_at(program: &Program, canvas: Canvas, progress: Option<f32>) -> Picture {
    let mut groups = match (progress, &program.take, &program.tbar) {
        (Some(progress), Some(take), _) => between(&take.from, &program.scene, &take.transition, canvas, progress),
        (_, _, Some(tbar)) => between(&program.scene, &tbar.to, &tbar.transition, canvas, tbar.position),
        _ => vec![scene(&program.scene, canvas)],
    };
    groups.extend(overlays(&program.overlays, canvas));
    Picture { groups }
}

/// The preview's picture: what the program would show after a cut to it.
pub fn preview_picture(graph: &Graph) -> Picture {
    let mut groups = vec![scene(&graph.preview, graph.canvas)];
    groups.extend(overlays(&graph.program.overlays, graph.canvas));
    Picture { groups }
}

fn between(from: &[Draw], to: &[Draw], transition: &Transition, canvas: Canvas, progress: f32) -> Vec<Group> {
    if progress <= 0.0 {
        return vec![scene(from, canvas)];
    }
    if progress.is_nan() || progress >= 1.0 {
        return vec![scene(to, canvas)];
    }
    let (from, to) = (scene(from, canvas), scene(to, canvas));
    match &transition.kind {
        TransitionKind::Cut => vec![from],
        TransitionKind::Fade => vec![from, Group { opacity: progress, ..to }],
        TransitionKind::Wipe(edge) => {
            let parts = parted(*edge, canvas, progress);
            seen([Group { clip: parts.old, ..from }, Group { clip: parts.new, ..to }])
        }
        TransitionKind::Slide(edge) => {
            let parts = parted(*edge, canvas, progress);
            let old = Group { clip: parts.old, offset: parts.old_offset, ..from };
            seen([old, Group { clip: parts.new, offset: parts.new_offset, ..to }])
        }
        TransitionKind::Stinger(source) => {
            let beneath = if progress < STINGER_CUT { from } else { to };
            let above = Group { draws: vec![whole(source, canvas)], opaque: false, ..scene(&[], canvas) };
            vec![beneath, above]
        }
    }
}

/// The canvas parted between two scenes, and where a slide moves each.
struct Parts {
    new: Area,
    old: Area,
    new_offset: (f32, f32),
    old_offset: (f32, f32),
}

/// Parts the canvas at a line that moves away from `edge`, on even pixels so that chroma is not torn.
fn parted(edge: WipeEdge, canvas: Canvas, progress: f32) -> Parts {
    let Canvas { width, height, .. } = canvas;
    let full = Area::full(width, height);
    let length = if matches!(edge, WipeEdge::Left | WipeEdge::Right) { width } else { height };
    let done = (((length as f32 * progress) as u32) & !1).min(length);
    let rest = length - done;
    let (moved, behind) = (done as f32, rest as f32);
    match edge {
        WipeEdge::Left => Parts {
            new: Area { x1: done, ..full },
            old: Area { x0: done, ..full },
            new_offset: (-behind, 0.0),
            old_offset: (moved, 0.0),
        },
        WipeEdge::Right => Parts {
            new: Area { x0: rest, ..full },
            old: Area { x1: rest, ..full },
            new_offset: (behind, 0.0),
            old_offset: (-moved, 0.0),
        },
        WipeEdge::Top => Parts {
            new: Area { y1: done, ..full },
            old: Area { y0: done, ..full },
            new_offset: (0.0, -behind),
            old_offset: (0.0, moved),
        },
        WipeEdge::Bottom => Parts {
            new: Area { y0: rest, ..full },
            old: Area { y1: rest, ..full },
            new_offset: (0.0, behind),
            old_offset: (0.0, -moved),
        },
    }
}

/// Only the groups that touch something.
fn seen(groups: [Group; 2]) -> Vec<Group> {
    groups.into_iter().filter(|group| !group.clip.is_empty()).collect()
}

fn scene(draws: &[Draw], canvas: Canvas) -> Group {
    Group {
        draws: draws.to_vec(),
        opacity: 1.0,
        clip: Area::full(canvas.width, canvas.height),
        offset: (0.0, 0.0),
        opaque: true,
    }
}

fn overlays(draws: &[Draw], canvas: Canvas) -> Option<Group> {
    (!draws.is_empty()).then(|| Group { opaque: false, ..scene(draws, canvas) })
}

/// A source on the whole canvas.
fn whole(source: &SourceId, canvas: Canvas) -> Draw {
    Draw {
        source: source.clone(),
        rect: Rect::whole(canvas),
        fit: Fit::Cover,
        crop: Crop::default(),
        rotation: 0.0,
        opacity: 1.0,
        corner_radius: 0.0,
    }
}
