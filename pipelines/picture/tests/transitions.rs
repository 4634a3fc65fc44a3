//! Takes half-way: what the planner's pictures look like.

mod common;

use std::num::NonZeroU32;

use common::*;
use pulse_picture::Frame;
use pulse_plan::{Program, TakePlan, picture_at};
use pulse_show::{Canvas, FrameRate, SourceId, Transition, TransitionKind, WipeEdge};

const CANVAS: Canvas =
    Canvas { width: 128, height: 72, rate: FrameRate { num: NonZeroU32::MIN, den: NonZeroU32::MIN } };

/// From `old` (red over blue) to `new` (green beside yellow), with a white logo in a corner.
fn at(kind: TransitionKind, progress: f32) -> Frame {
    let stage = Stage::default()
        .with("old", quarters(128, 72, [RED, RED, BLUE, BLUE]))
        .with("new", quarters(128, 72, [GREEN, YELLOW, GREEN, YELLOW]))
        .with("logo", flat(16, 16, WHITE))
        .with("stinger", painted(128, 72, |x, _| if x < 32 { [255, 255, 255, 255] } else { [9, 9, 9, 0] }));
    let whole = rect(0.0, 0.0, 128.0, 72.0);
    let take =
        TakePlan { number: 1, from: vec![draw("old", whole)], transition: Transition { kind, ms: 1000 }, start: 0.0 };
    let program = Program {
        scene: vec![draw("new", whole)],
        overlays: vec![draw("logo", rect(112.0, 0.0, 16.0, 16.0))],
        take: Some(take),
        tbar: None,
    };
    let out = stage.compose(&picture_at(&program, CANVAS, Some(progress)), 128, 72);
    assert_region(&out, [112, 0, 128, 16], WHITE);
    out
}

#[track_caller]
fn assert_old(out: &Frame) {
    assert_region(out, [0, 0, 110, 36], RED);
    assert_region(out, [0, 36, 128, 72], BLUE);
}

#[track_caller]
fn assert_new(out: &Frame) {
    assert_region(out, [0, 0, 64, 72], GREEN);
    assert_region(out, [64, 18, 128, 72], YELLOW);
}

#[test]
fn every_transition_begins_with_the_old_and_ends_with_the_new() {
    let edges = [WipeEdge::Left, WipeEdge::Right, WipeEdge::Top, WipeEdge::Bottom];
    let kinds = edges.into_iter().flat_map(|edge| [TransitionKind::Wipe(edge), TransitionKind::Slide(edge)]);
    for kind in kinds.chain([TransitionKind::Fade]) {
        assert_old(&at(kind.clone(), 0.0));
        assert_new(&at(kind, 1.0));
    }
}

#[test]
fn a_fade_half_way_is_half_of_each() {
    let out = at(TransitionKind::Fade, 0.5);
    let mix = |a: [u8; 3], b: [u8; 3]| [0, 1, 2].map(|i| a[i] / 2 + b[i] / 2);
    assert_region(&out, [0, 0, 64, 36], mix(RED, GREEN));
    assert_region(&out, [64, 18, 128, 36], mix(RED, YELLOW));
    assert_region(&out, [0, 36, 64, 72], mix(BLUE, GREEN));
    assert_region(&out, [64, 36, 128, 72], mix(BLUE, YELLOW));
}

#[test]
fn wipes_uncover_the_new_where_it_is() {
    let left = at(TransitionKind::Wipe(WipeEdge::Left), 0.25);
    assert_region(&left, [0, 0, 32, 72], GREEN);
    assert_region(&left, [32, 0, 110, 36], RED);
    assert_region(&left, [32, 36, 128, 72], BLUE);
    let right = at(TransitionKind::Wipe(WipeEdge::Right), 0.25);
    assert_region(&right, [96, 18, 128, 72], YELLOW);
    assert_region(&right, [0, 0, 96, 36], RED);
    let top = at(TransitionKind::Wipe(WipeEdge::Top), 0.25);
    assert_region(&top, [0, 0, 64, 18], GREEN);
    assert_region(&top, [64, 0, 110, 18], YELLOW);
    assert_region(&top, [0, 18, 128, 36], RED);
    let bottom = at(TransitionKind::Wipe(WipeEdge::Bottom), 0.75);
    assert_region(&bottom, [0, 18, 64, 72], GREEN);
    assert_region(&bottom, [0, 0, 110, 18], RED);
}

#[test]
fn slides_push_the_old_out() {
    // A quarter in from the left: the new one's right quarter, then the old one moved by a quarter.
    let left = at(TransitionKind::Slide(WipeEdge::Left), 0.25);
    assert_region(&left, [0, 0, 32, 72], YELLOW);
    assert_region(&left, [32, 0, 110, 36], RED);
    assert_region(&left, [32, 36, 128, 72], BLUE);
    let right = at(TransitionKind::Slide(WipeEdge::Right), 0.25);
    assert_region(&right, [96, 18, 128, 72], GREEN);
    assert_region(&right, [0, 36, 96, 72], BLUE);
    // Three quarters in from the top: of the old one its upper quarter is left, at the bottom.
    let top = at(TransitionKind::Slide(WipeEdge::Top), 0.75);
    assert_region(&top, [0, 0, 64, 54], GREEN);
    assert_region(&top, [0, 54, 128, 72], RED);
    let bottom = at(TransitionKind::Slide(WipeEdge::Bottom), 0.25);
    assert_region(&bottom, [0, 0, 110, 18], RED);
    assert_region(&bottom, [0, 18, 128, 54], BLUE);
    assert_region(&bottom, [64, 54, 128, 72], YELLOW);
}

#[test]
fn a_stinger_plays_above_and_changes_the_scene_beneath() {
    let stinger = || TransitionKind::Stinger(SourceId::from("stinger"));
    let before = at(stinger(), 0.4);
    assert_region(&before, [0, 0, 32, 72], WHITE);
    assert_region(&before, [32, 0, 110, 36], RED);
    assert_region(&before, [32, 36, 128, 72], BLUE);
    let after = at(stinger(), 0.6);
    assert_region(&after, [0, 0, 32, 72], WHITE);
    assert_region(&after, [32, 0, 64, 72], GREEN);
    assert_region(&after, [64, 18, 128, 72], YELLOW);
}
