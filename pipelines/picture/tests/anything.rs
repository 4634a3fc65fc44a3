//! Whatever is asked for: nothing panics, and nothing is drawn outside a clip.

mod common;

use common::*;
use proptest::prelude::*;
use pulse_picture::{Compositor, Frame, place};
use pulse_plan::{Area, Draw, Group, Picture};
use pulse_show::{Crop, Fit, Rect};

const WIDTH: u32 = 66;
const HEIGHT: u32 = 38;

fn side() -> impl Strategy<Value = f32> {
    prop_oneof![4 => -100.0..200.0_f32, 1 => -1e6..1e6_f32, 1 => Just(0.0), 1 => Just(1e30_f32), 1 => Just(-1e30_f32), 1 => 0.0..2.0_f32]
}

fn fit() -> impl Strategy<Value = Fit> {
    prop_oneof![Just(Fit::Contain), Just(Fit::Cover), Just(Fit::Stretch)]
}

fn cut() -> impl Strategy<Value = f32> {
    prop_oneof![3 => Just(0.0), 2 => 0.0..0.6_f32, 1 => 0.49..0.5_f32, 1 => -2.0..2.0_f32]
}

fn any_draw() -> impl Strategy<Value = Draw> {
    let crop = (cut(), cut(), cut(), cut()).prop_map(|(left, top, right, bottom)| Crop { left, top, right, bottom });
    let rotation =
        prop_oneof![3 => Just(0.0), 1 => Just(90.0), 1 => Just(180.0), 1 => Just(270.0_f32), 2 => -1000.0..1000.0_f32];
    let source = prop_oneof![Just("plain"), Just("odd"), Just("alpha"), Just("tiny"), Just("nobody")];
    let radius = prop_oneof![2 => Just(0.0), 1 => 0.0..50.0_f32, 1 => Just(1e20_f32), 1 => Just(-5.0_f32)];
    let frame = (side(), side(), side(), side()).prop_map(|(x, y, width, height)| Rect { x, y, width, height });
    (source, frame, fit(), crop, rotation, -0.5..1.5_f32, radius).prop_map(
        |(source, rect, fit, crop, rotation, opacity, corner_radius)| Draw {
            fit,
            crop,
            rotation,
            opacity,
            corner_radius,
            ..draw(source, rect)
        },
    )
}

fn any_group() -> impl Strategy<Value = Group> {
    let edge = || prop_oneof![4 => 0_u32..80, 1 => Just(u32::MAX)];
    let clip = (edge(), edge(), edge(), edge()).prop_map(|(x0, y0, x1, y1)| Area { x0, y0, x1, y1 });
    let draws = proptest::collection::vec(any_draw(), 0..4);
    let opacity = prop_oneof![2 => Just(1.0), 1 => -0.5..1.5_f32];
    (draws, opacity, clip, side(), side(), any::<bool>()).prop_map(|(draws, opacity, clip, x, y, opaque)| Group {
        draws,
        opacity,
        clip,
        offset: (x, y),
        opaque,
    })
}

fn stage() -> Stage {
    Stage::default()
        .with("plain", flat(64, 36, WHITE))
        .with("odd", flat(31, 17, RED))
        .with("alpha", painted(40, 40, |x, y| [200, 100, 0, ((x * y) % 256) as u8]))
        .with_par("tiny", flat(1, 1, GREEN), (16, 11))
}

/// Samples of a plane outside of an area, in samples of that plane.
fn outside(frame: &Frame, clip: Area) -> impl Iterator<Item = (&'static str, u8, u8)> {
    let planes =
        [("Y", frame.as_ref().y(), 16, 1), ("U", frame.as_ref().u(), 128, 2), ("V", frame.as_ref().v(), 128, 2)];
    let mut found = Vec::new();
    for (name, plane, black, pitch) in planes {
        for (y, row) in (0_u32..).zip((0..plane.height()).map(|y| plane.row(y))) {
            for (x, &sample) in (0_u32..).zip(row) {
                let within = (clip.x0..clip.x1).contains(&(x * pitch)) && (clip.y0..clip.y1).contains(&(y * pitch));
                if !within {
                    found.push((name, sample, black));
                }
            }
        }
    }
    found.into_iter()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn anything_can_be_drawn(groups in proptest::collection::vec(any_group(), 0..4), (w, h) in (1_u32..90, 1_u32..70)) {
        let (stage, mut compositor) = (stage(), Compositor::new(WIDTH, HEIGHT));
        let picture = Picture { groups };
        let once = stage.compose_with(&mut compositor, &picture, WIDTH, HEIGHT);
        // Drawn again, now partly from what was kept, it is the same.
        prop_assert!(once == stage.compose_with(&mut compositor, &picture, WIDTH, HEIGHT));
        prop_assert!(once == stage.compose_with(&mut compositor, &picture, WIDTH, HEIGHT));
        stage.compose_with(&mut compositor, &picture, w, h);
    }

    #[test]
    fn nothing_is_drawn_outside_a_clip(group in any_group()) {
        let clip = group.clip;
        let out = stage().compose(&Picture { groups: vec![group] }, WIDTH, HEIGHT);
        for (plane, sample, black) in outside(&out, clip) {
            prop_assert_eq!(sample, black, "{} outside of {:?}", plane, clip);
        }
    }

    #[test]
    fn placements_keep_their_promises(draw in any_draw(), (w, h) in (1_u32..4000, 1_u32..4000), par in (0_u32..5, 0_u32..5)) {
        let Some(placement) = place(&draw, w, h, par) else { return Ok(()) };
        let (src, dst, frame) = (placement.src, placement.dst, draw.rect);
        let near = |a: f32, b: f32, scale: f32| (a - b).abs() <= 1e-3 * scale.abs().max(1.0);
        prop_assert!(src.width > 0.0 && src.height > 0.0 && src.x >= -0.1 && src.y >= -0.1);
        prop_assert!(src.x + src.width <= w as f32 * 1.0001 && src.y + src.height <= h as f32 * 1.0001);
        if frame.width == 0.0 {
            return Ok(());
        }
        // Within the box, around its middle, and filling it in at least one direction.
        prop_assert!(dst.width <= frame.width * 1.0001 && dst.height <= frame.height * 1.0001);
        prop_assert!(near(dst.x + dst.width / 2.0, frame.x + frame.width / 2.0, frame.x.abs() + frame.width));
        prop_assert!(near(dst.y + dst.height / 2.0, frame.y + frame.height / 2.0, frame.y.abs() + frame.height));
        prop_assert!(near(dst.width, frame.width, frame.width) || near(dst.height, frame.height, frame.height));
        if draw.fit != Fit::Stretch {
            let par = if par.0 == 0 || par.1 == 0 { 1.0 } else { f64::from(par.0) / f64::from(par.1) };
            let shown = f64::from(src.width) * par / f64::from(src.height);
            let shape = f64::from(dst.width) / f64::from(dst.height);
            prop_assert!((shown / shape - 1.0).abs() < 0.01, "shape {shape}, shown {shown}");
        }
    }
}

#[test]
fn what_is_not_a_number_is_not_drawn() {
    let stage = stage();
    let whole = rect(0.0, 0.0, 66.0, 38.0);
    let bad = [
        Draw { rotation: f32::NAN, ..draw("plain", whole) },
        Draw { rotation: f32::INFINITY, ..draw("plain", whole) },
        Draw { opacity: f32::NAN, ..draw("plain", whole) },
        Draw { corner_radius: f32::NAN, ..draw("plain", whole) },
        Draw { crop: Crop { left: f32::NAN, ..Crop::default() }, ..draw("plain", whole) },
        draw("plain", rect(f32::NAN, 0.0, 66.0, 38.0)),
        draw("plain", rect(0.0, 0.0, f32::NAN, 38.0)),
        draw("plain", rect(0.0, 0.0, f32::INFINITY, 38.0)),
    ];
    for one in bad {
        let said = format!("{one:?}");
        assert_eq!(stage.compose(&scene(vec![one]), WIDTH, HEIGHT), Frame::black(WIDTH, HEIGHT), "{said}");
    }
    let nowhere = Group { offset: (f32::NAN, 0.0), ..group(vec![draw("plain", whole)]) };
    assert_eq!(stage.compose(&Picture { groups: vec![nowhere] }, WIDTH, HEIGHT), Frame::black(WIDTH, HEIGHT));
}
