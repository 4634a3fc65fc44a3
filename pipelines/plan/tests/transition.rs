//! Transitions: both ends are the pure scenes, and between them nothing goes back.

use proptest::prelude::*;
use pulse_plan::{
    Area, Capabilities, Draw, Graph, Group, Picture, Program, TBarPlan, TakePlan, compile, picture_at, preview_picture,
    progress,
};
use pulse_show::{Canvas, Crop, Fit, FrameRate, Rect, Transition, TransitionKind, WipeEdge, strategies};

const EDGES: [WipeEdge; 4] = [WipeEdge::Left, WipeEdge::Right, WipeEdge::Top, WipeEdge::Bottom];

fn canvas() -> Canvas {
    Canvas { width: 320, height: 180, rate: FrameRate::whole(30) }
}

fn draw(source: &str) -> Draw {
    Draw {
        source: source.into(),
        rect: Rect { x: 0.0, y: 0.0, width: 320.0, height: 180.0 },
        fit: Fit::Contain,
        crop: Crop::default(),
        rotation: 0.0,
        opacity: 1.0,
        corner_radius: 0.0,
    }
}

/// `new` on air after a take from `old`, with a logo above.
fn taken(kind: TransitionKind) -> Program {
    let transition = Transition { kind, ms: 500 };
    Program {
        scene: vec![draw("new")],
        overlays: vec![draw("logo")],
        take: Some(TakePlan { number: 1, from: vec![draw("old")], transition, start: 0.0 }),
        tbar: None,
    }
}

/// A scene of one source, untouched by any transition.
fn whole(source: &str) -> Group {
    let clip = Area { x0: 0, y0: 0, x1: 320, y1: 180 };
    Group { draws: vec![draw(source)], opacity: 1.0, clip, offset: (0.0, 0.0), opaque: true }
}

/// The groups beneath the overlays.
fn groups(kind: TransitionKind, progress: f32) -> Vec<Group> {
    let Picture { mut groups } = picture_at(&taken(kind), canvas(), Some(progress));
    assert_eq!(groups.pop(), Some(Group { opaque: false, ..whole("logo") }), "the logo is above all and untouched");
    groups
}

fn area(x0: u32, y0: u32, x1: u32, y1: u32) -> Area {
    Area { x0, y0, x1, y1 }
}

#[test]
fn a_fade_lays_the_new_scene_over_the_old() {
    assert_eq!(groups(TransitionKind::Fade, 0.25), [whole("old"), Group { opacity: 0.25, ..whole("new") }]);
}

#[test]
fn a_wipe_uncovers_the_new_scene_from_its_edge() {
    let clips = [
        (area(80, 0, 320, 180), area(0, 0, 80, 180)),
        (area(0, 0, 240, 180), area(240, 0, 320, 180)),
        (area(0, 44, 320, 180), area(0, 0, 320, 44)),
        (area(0, 0, 320, 136), area(0, 136, 320, 180)),
    ];
    for (edge, (old, new)) in EDGES.into_iter().zip(clips) {
        let wanted = [Group { clip: old, ..whole("old") }, Group { clip: new, ..whole("new") }];
        assert_eq!(groups(TransitionKind::Wipe(edge), 0.25), wanted, "{edge:?}");
    }
}

#[test]
fn a_slide_pushes_the_old_scene_out() {
    let places = [
        ((80.0, 0.0), area(80, 0, 320, 180), (-240.0, 0.0), area(0, 0, 80, 180)),
        ((-80.0, 0.0), area(0, 0, 240, 180), (240.0, 0.0), area(240, 0, 320, 180)),
        ((0.0, 44.0), area(0, 44, 320, 180), (0.0, -136.0), area(0, 0, 320, 44)),
        ((0.0, -44.0), area(0, 0, 320, 136), (0.0, 136.0), area(0, 136, 320, 180)),
    ];
    for (edge, (old_offset, old, new_offset, new)) in EDGES.into_iter().zip(places) {
        let wanted = [
            Group { offset: old_offset, clip: old, ..whole("old") },
            Group { offset: new_offset, clip: new, ..whole("new") },
        ];
        assert_eq!(groups(TransitionKind::Slide(edge), 0.25), wanted, "{edge:?}");
    }
}

#[test]
fn a_stinger_plays_above_and_cuts_half_way() {
    let stinger = || TransitionKind::Stinger("ribbon".into());
    let above = Group { draws: vec![Draw { fit: Fit::Cover, ..draw("ribbon") }], opaque: false, ..whole("ribbon") };
    assert_eq!(groups(stinger(), 0.01), [whole("old"), above.clone()]);
    assert_eq!(groups(stinger(), 0.49), [whole("old"), above.clone()]);
    assert_eq!(groups(stinger(), 0.5), [whole("new"), above.clone()]);
    assert_eq!(groups(stinger(), 0.99), [whole("new"), above]);
}

#[test]
fn a_cut_under_the_t_bar_comes_at_its_end() {
    assert_eq!(groups(TransitionKind::Cut, 0.99), [whole("old")]);
    assert_eq!(groups(TransitionKind::Cut, 1.0), [whole("new")]);
}

#[test]
fn without_a_take_under_way_the_scene_is_shown() {
    let Picture { groups } = picture_at(&taken(TransitionKind::Fade), canvas(), None);
    assert_eq!(groups[0], whole("new"));
    let never = Program { take: None, overlays: Vec::new(), ..taken(TransitionKind::Fade) };
    assert_eq!(picture_at(&never, canvas(), Some(0.5)).groups, [whole("new")]);
}

#[test]
fn an_empty_scene_is_black() {
    let Picture { groups } = picture_at(&Program::default(), canvas(), None);
    assert_eq!(groups, [Group { draws: Vec::new(), ..whole("none") }]);
}

#[test]
fn the_t_bar_mixes_by_hand_once_the_take_is_over() {
    let transition = Transition { kind: TransitionKind::Fade, ms: 500 };
    let tbar = Some(TBarPlan { position: 0.75, to: vec![draw("next")], transition });
    let program = Program { tbar, overlays: Vec::new(), ..taken(TransitionKind::Fade) };
    let mixed = [whole("new"), Group { opacity: 0.75, ..whole("next") }];
    assert_eq!(picture_at(&program, canvas(), None).groups, mixed);
    assert_eq!(picture_at(&program, canvas(), Some(0.5)).groups[0], whole("old"));
}

#[test]
fn the_preview_is_what_a_cut_would_show() {
    let graph = Graph { preview: vec![draw("next")], program: taken(TransitionKind::Fade), ..Graph::empty(canvas()) };
    let logo = Group { opaque: false, ..whole("logo") };
    assert_eq!(preview_picture(&graph).groups, [whole("next"), logo]);
}

#[test]
fn a_take_moves_evenly_and_ends() {
    let fade = Transition { kind: TransitionKind::Fade, ms: 500 };
    assert_eq!(progress(&fade, 0.0, 0), Some(0.0));
    assert_eq!(progress(&fade, 0.0, 125_000_000), Some(0.25));
    assert_eq!(progress(&fade, 0.5, 125_000_000), Some(0.75));
    assert_eq!(progress(&fade, 0.5, 250_000_000), None);
    assert_eq!(progress(&fade, 1.0, 0), None);
    assert_eq!(progress(&fade, 0.0, u64::MAX), None);
    assert_eq!(progress(&Transition { ms: 0, ..fade }, 0.0, 0), None);
    assert_eq!(progress(&Transition { kind: TransitionKind::Cut, ms: 500 }, 0.0, 0), None);
}

/// How much of the canvas the new scene has, 0 to 1.
fn uncovered(groups: &[Group]) -> f32 {
    let clip = |group: &Group| ((group.clip.x1 - group.clip.x0) * (group.clip.y1 - group.clip.y0)) as f32;
    let is_new = |group: &&Group| group.draws.first().is_some_and(|draw| draw.source.as_str() == "new");
    groups.iter().filter(is_new).map(|group| group.opacity * clip(group) / (320.0 * 180.0)).sum()
}

fn kind() -> impl Strategy<Value = TransitionKind> {
    strategies::transition(vec!["ribbon".into()]).prop_map(|transition| transition.kind)
}

proptest! {
    #[test]
    fn the_ends_are_the_pure_scenes(kind in kind(), beyond in 0.0_f32..10.0) {
        prop_assert_eq!(groups(kind.clone(), -beyond), [whole("old")]);
        prop_assert_eq!(groups(kind.clone(), 1.0 + beyond), [whole("new")]);
        prop_assert_eq!(groups(kind, f32::NAN), [whole("new")]);
    }

    #[test]
    fn the_new_scene_only_grows(kind in kind(), a in 0.0_f32..=1.0, b in 0.0_f32..=1.0) {
        let (before, after) = (groups(kind.clone(), a.min(b)), groups(kind, a.max(b)));
        prop_assert!(uncovered(&before) <= uncovered(&after));
    }

    #[test]
    fn wipes_and_slides_share_the_canvas_out(
        canvas in strategies::canvas(), edge in 0_usize..4, slide in any::<bool>(), at in 0.0_f32..=1.0,
    ) {
        let kind = if slide { TransitionKind::Slide(EDGES[edge]) } else { TransitionKind::Wipe(EDGES[edge]) };
        let program = Program { overlays: Vec::new(), ..taken(kind) };
        let clips: Vec<Area> = picture_at(&program, canvas, Some(at)).groups.iter().map(|group| group.clip).collect();
        let size = |clip: &Area| u64::from(clip.x1 - clip.x0) * u64::from(clip.y1 - clip.y0);
        prop_assert_eq!(clips.iter().map(size).sum::<u64>(), u64::from(canvas.width) * u64::from(canvas.height));
        for clip in &clips {
            prop_assert!(!clip.is_empty());
            prop_assert!([clip.x0, clip.y0, clip.x1, clip.y1].iter().all(|edge| edge % 2 == 0), "{:?}", clip);
        }
        if let [a, b] = clips[..] {
            prop_assert!(a.x1 <= b.x0 || b.x1 <= a.x0 || a.y1 <= b.y0 || b.y1 <= a.y0);
        }
    }

    #[test]
    fn overlays_are_always_on_top(studio in strategies::studio(), at in prop::option::of(-0.5_f32..1.5)) {
        let graph = compile(&studio, &Capabilities::default()).graph;
        let Picture { groups } = picture_at(&graph.program, graph.canvas, at);
        prop_assert!(groups[0].opaque);
        if let (false, Some(top)) = (graph.program.overlays.is_empty(), groups.last()) {
            prop_assert_eq!(&top.draws, &graph.program.overlays);
            prop_assert_eq!((top.opacity, top.opaque, top.offset), (1.0, false, (0.0, 0.0)));
            prop_assert_eq!(top.clip, Area::full(graph.canvas.width, graph.canvas.height));
        }
    }
}
