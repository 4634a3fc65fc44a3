//! What pictures look like: turned, rounded, faint, with alpha.

mod common;

use common::*;
use pulse_picture::{Compositor, Frame};
use pulse_plan::{Area, Draw, Group, Picture};
use pulse_show::Fit;

const CORNERS: [[u8; 3]; 4] = [RED, GREEN, BLUE, YELLOW];

fn turned(angle: f32) -> Frame {
    let stage = Stage::default().with("a", quarters(80, 40, CORNERS));
    stage.compose(&scene(vec![Draw { rotation: angle, ..draw("a", rect(60.0, 60.0, 80.0, 40.0)) }]), 200, 160)
}

/// The box is 60,60 to 140,100: its middle is 100,80.
#[test]
fn right_angles() {
    for (angle, [upper_left, upper_right, lower_left, lower_right]) in
        [(90.0, [BLUE, RED, YELLOW, GREEN]), (270.0, [GREEN, YELLOW, RED, BLUE]), (-90.0, [GREEN, YELLOW, RED, BLUE])]
    {
        let out = turned(angle);
        assert_region(&out, [80, 40, 100, 80], upper_left);
        assert_region(&out, [100, 40, 120, 80], upper_right);
        assert_region(&out, [80, 80, 100, 120], lower_left);
        assert_region(&out, [100, 80, 120, 120], lower_right);
        assert_region(&out, [0, 0, 80, 160], BLACK);
        assert_region(&out, [120, 0, 200, 160], BLACK);
    }
    let over = turned(180.0);
    assert_region(&over, [60, 60, 100, 80], YELLOW);
    assert_region(&over, [100, 60, 140, 80], BLUE);
    assert_region(&over, [60, 80, 100, 100], GREEN);
    assert_region(&over, [100, 80, 140, 100], RED);
}

#[test]
fn right_angles_lose_nothing() {
    let source = painted(64, 48, |x, y| [(x * 4) as u8, (y * 5) as u8, ((x ^ y) * 3) as u8, 255]);
    let stage = Stage::default().with("a", source.clone());
    let luma = |frame: &Frame, x: usize, y: usize| frame.as_ref().y().row(y)[x];
    let blue = |frame: &Frame, x: usize, y: usize| frame.as_ref().u().row(y)[x];
    for (angle, canvas) in [(90.0, (48, 64)), (180.0, (64, 48)), (270.0, (48, 64))] {
        let middle = (canvas.0 as f32 / 2.0, canvas.1 as f32 / 2.0);
        let around = rect(middle.0 - 32.0, middle.1 - 24.0, 64.0, 48.0);
        let out = stage.compose(&scene(vec![Draw { rotation: angle, ..draw("a", around) }]), canvas.0, canvas.1);
        let from = |x: usize, y: usize, width: usize, height: usize| match angle as u32 {
            90 => (y, height - 1 - x),
            180 => (width - 1 - x, height - 1 - y),
            _ => (width - 1 - y, x),
        };
        for (x, y) in (0..canvas.0 as usize).flat_map(|x| (0..canvas.1 as usize).map(move |y| (x, y))) {
            let (sx, sy) = from(x, y, 64, 48);
            assert_eq!(luma(&out, x, y), luma(&source, sx, sy), "luma {x},{y} at {angle}");
        }
        for (x, y) in (0..canvas.0 as usize / 2).flat_map(|x| (0..canvas.1 as usize / 2).map(move |y| (x, y))) {
            let (sx, sy) = from(x, y, 32, 24);
            assert_eq!(blue(&out, x, y), blue(&source, sx, sy), "chroma {x},{y} at {angle}");
        }
    }
}

/// Where a point of the unturned picture, seen from the middle of its box, comes to lie.
fn turn(angle: f32, x: f32, y: f32) -> (u32, u32) {
    let (sin, cos) = angle.to_radians().sin_cos();
    ((100.0 + x * cos - y * sin) as u32, (80.0 + x * sin + y * cos) as u32)
}

#[test]
fn other_angles() {
    for angle in [30.0, 45.0, 117.0, -60.0, 359.0] {
        let out = turned(angle);
        for ((x, y), color) in
            [((-20.0, -10.0), RED), ((20.0, -10.0), GREEN), ((-20.0, 10.0), BLUE), ((20.0, 10.0), YELLOW)]
        {
            let at = turn(angle, x, y);
            assert_at(&out, at.0, at.1, color);
            // Close to the corner, and just outside of it.
            let inside = turn(angle, x.signum() * 36.0, y.signum() * 16.0);
            assert_at(&out, inside.0, inside.1, color);
            let outside = turn(angle, x.signum() * 44.0, y.signum() * 24.0);
            assert_at(&out, outside.0, outside.1, BLACK);
        }
    }
}

#[test]
fn slanted_edges_are_soft() {
    let stage = Stage::default().with("a", flat(80, 80, WHITE));
    let out = stage.compose(&scene(vec![Draw { rotation: 45.0, ..draw("a", rect(10.0, 10.0, 80.0, 80.0)) }]), 100, 100);
    let between =
        (0..100).flat_map(|y| out.as_ref().y().row(y).iter().filter(|&&luma| luma > 40 && luma < 210)).count();
    // About one pixel for each of the 4 × 57 rows and columns that the edges cross.
    assert!((100..500).contains(&between), "{between} pixels are between black and white");
}

#[test]
fn turned_pictures_are_scaled_down_without_gaps() {
    // Stripes a pixel wide, made 8 times smaller and turned, are an even grey.
    let stripes = painted(640, 640, |x, _| if x % 2 == 0 { [255; 4] } else { [0, 0, 0, 255] });
    let stage = Stage::default().with("a", stripes);
    let out = stage.compose(&scene(vec![Draw { rotation: 30.0, ..draw("a", rect(24.0, 24.0, 80.0, 80.0)) }]), 128, 128);
    let middle: Vec<u8> = (50..78).flat_map(|y| out.as_ref().y().row(y)[50..78].to_vec()).collect();
    let (low, high) = (middle.iter().min().unwrap(), middle.iter().max().unwrap());
    assert!(*low >= 123 && *high <= 128, "luma from {low} to {high}");
}

#[test]
fn round_corners() {
    let stage = Stage::default().with("back", flat(128, 96, BLUE)).with("a", flat(64, 48, RED));
    let round = Draw { corner_radius: 16.0, ..draw("a", rect(32.0, 24.0, 64.0, 48.0)) };
    let out = stage.compose(&scene(vec![draw("back", rect(0.0, 0.0, 128.0, 96.0)), round]), 128, 96);
    for (x, y) in [(32, 24), (94, 24), (32, 70), (94, 70), (34, 26)] {
        assert_at(&out, x, y, BLUE);
    }
    // The edges beside the corners, and the arc at 45° from inside: 16 - 16 / √2 = 4.7 off each edge.
    for (x, y) in [(64, 24), (64, 70), (32, 48), (94, 48), (38, 30), (64, 48)] {
        assert_at(&out, x, y, RED);
    }
}

#[test]
fn a_radius_larger_than_the_box_makes_it_round() {
    let stage = Stage::default().with("a", flat(64, 64, WHITE));
    let out = stage.compose(&scene(vec![Draw { corner_radius: 1e6, ..draw("a", rect(0.0, 0.0, 64.0, 64.0)) }]), 64, 64);
    let sum: f64 =
        (0..64).flat_map(|y| out.as_ref().y().row(y).to_vec()).map(|luma| (f64::from(luma) - 16.0) / 219.0).sum();
    let circle = std::f64::consts::PI * 32.0 * 32.0;
    assert!((sum / circle - 1.0).abs() < 0.01, "covers {sum} pixels, a circle has {circle}");
}

#[test]
fn faint_pictures() {
    let stage = Stage::default().with("a", flat(64, 64, WHITE)).with("b", flat(64, 64, BLACK));
    let whole = rect(0.0, 0.0, 64.0, 64.0);
    let over = |opacity| stage.compose(&scene(vec![draw("b", whole), Draw { opacity, ..draw("a", whole) }]), 64, 64);
    assert_region(&over(0.5), [0, 0, 64, 64], [128, 128, 128]);
    assert_region(&over(0.25), [0, 0, 64, 64], [64, 64, 64]);
    assert_region(&over(0.0), [0, 0, 64, 64], BLACK);
    assert_region(&over(-3.0), [0, 0, 64, 64], BLACK);
    assert_region(&over(7.0), [0, 0, 64, 64], WHITE);
}

#[test]
fn a_faint_group_fades_as_one() {
    // Two white pictures above each other at half: as one they let half of the black through, one by one a quarter.
    let stage = Stage::default().with("a", flat(64, 64, WHITE)).with("b", flat(64, 64, WHITE));
    let whole = rect(0.0, 0.0, 64.0, 64.0);
    let both = Group { opacity: 0.5, opaque: false, ..group(vec![draw("a", whole), draw("b", whole)]) };
    let out = stage.compose(&Picture { groups: vec![both] }, 64, 64);
    assert_region(&out, [0, 0, 64, 64], [128, 128, 128]);
}

#[test]
fn a_faint_group_with_one_faint_picture() {
    let stage = Stage::default().with("a", flat(64, 64, WHITE));
    let faint = Draw { opacity: 0.5, ..draw("a", rect(0.0, 0.0, 64.0, 64.0)) };
    let out =
        stage.compose(&Picture { groups: vec![Group { opacity: 0.5, opaque: false, ..group(vec![faint]) }] }, 64, 64);
    assert_region(&out, [0, 0, 64, 64], [64, 64, 64]);
}

#[test]
fn a_faint_opaque_group_brings_its_black() {
    let stage = Stage::default().with("a", flat(64, 64, WHITE)).with("b", flat(32, 64, RED));
    let beneath = group(vec![draw("a", rect(0.0, 0.0, 64.0, 64.0))]);
    let above = Group { opacity: 0.5, ..group(vec![draw("b", rect(0.0, 0.0, 32.0, 64.0))]) };
    let out = stage.compose(&Picture { groups: vec![beneath, above] }, 64, 64);
    assert_region(&out, [34, 0, 64, 64], [128, 128, 128]);
    assert_region(&out, [0, 0, 30, 64], [238, 143, 143]);
}

/// A logo: a disc of red with a hole, nothing around it.
fn logo() -> Frame {
    painted(100, 60, |x, y| {
        let from_middle = (f64::from(x) - 49.5).hypot(f64::from(y) - 29.5);
        if (8.0..20.0).contains(&from_middle) { [220, 30, 30, 255] } else { [0, 255, 0, 0] }
    })
}

#[test]
fn alpha_lets_through_what_is_beneath() {
    let stage = Stage::default().with("back", flat(200, 120, BLUE)).with("logo", logo());
    let back = draw("back", rect(0.0, 0.0, 200.0, 120.0));
    for (scale, fit) in [(1.0, Fit::Contain), (0.5, Fit::Contain), (1.6, Fit::Stretch), (0.31, Fit::Cover)] {
        let over = Draw { fit, ..draw("logo", rect(20.0, 20.0, 100.0 * scale, 60.0 * scale)) };
        let out = stage.compose(&scene(vec![back.clone(), over]), 200, 120);
        let at = |x: f32, y: f32| ((20.0 + x * scale) as u32, (20.0 + y * scale) as u32);
        let (ring, hole, outside) = (at(36.0, 30.0), at(50.0, 30.0), at(4.0, 4.0));
        assert_at(&out, ring.0, ring.1, RED);
        assert_at(&out, hole.0, hole.1, BLUE);
        assert_at(&out, outside.0, outside.1, BLUE);
        // The green of what is not seen shows nowhere, least of all at the edges.
        let most_green = (0..120).flat_map(|y| (0..200).map(move |x| (x, y))).map(|(x, y)| {
            pulse_picture::mean_rgb(&out.as_ref(), Area { x0: x, y0: y, x1: x + 1, y1: y + 1 }).unwrap()[1]
        });
        assert!(most_green.max() < Some(85), "no green at scale {scale}");
    }
}

#[test]
fn half_transparent_pictures_mix() {
    let stage =
        Stage::default().with("back", flat(64, 64, BLACK)).with("veil", flat_alpha(64, 64, [255, 255, 255, 128]));
    let whole = rect(0.0, 0.0, 64.0, 64.0);
    let over = |opacity, corner_radius, rotation| {
        let veil = Draw { opacity, corner_radius, rotation, ..draw("veil", whole) };
        stage.compose(&scene(vec![draw("back", whole), veil]), 64, 64)
    };
    assert_region(&over(1.0, 0.0, 0.0), [0, 0, 64, 64], [128, 128, 128]);
    assert_region(&over(0.5, 0.0, 0.0), [0, 0, 64, 64], [64, 64, 64]);
    assert_region(&over(1.0, 8.0, 0.0), [8, 8, 56, 56], [128, 128, 128]);
    assert_region(&over(1.0, 0.0, 90.0), [0, 0, 64, 64], [128, 128, 128]);
    assert_region(&over(1.0, 0.0, 20.0), [16, 16, 48, 48], [128, 128, 128]);
}

#[test]
fn what_stands_still_is_kept_and_what_moves_is_not() {
    let picture = scene(vec![
        draw("live", rect(0.0, 0.0, 32.0, 32.0)),
        Draw { corner_radius: 4.0, ..draw("round", rect(32.0, 0.0, 32.0, 32.0)) },
    ]);
    let mut compositor = Compositor::new(64, 32);
    let mut stage = Stage::default();
    let mut show = |color, stamp, times: u32| {
        stage.set("live", flat(64, 64, color), stamp);
        stage.set("round", flat(64, 64, color), stamp);
        (0..times).map(|_| stage.compose_with(&mut compositor, &picture, 64, 32)).last().unwrap()
    };
    let is = |out: &Frame, color| {
        assert_region(out, [0, 0, 32, 32], color);
        assert_region(out, [40, 8, 56, 24], color);
    };
    is(&show(RED, 1, 3), RED);
    // The same stamp promises the same picture: were it scaled again, it would be green.
    is(&show(GREEN, 1, 1), RED);
    is(&show(GREEN, 2, 1), GREEN);
    is(&show(BLUE, 3, 1), BLUE);
    is(&show(RED, 4, 2), RED);
    is(&show(BLUE, 5, 1), BLUE);
}
