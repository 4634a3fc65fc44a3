//! What is drawn where: layouts, fits, crops, shapes of pixels, odd sizes, order.

mod common;

use common::*;
use pulse_picture::{Compositor, Frame};
use pulse_plan::{Area, Group, Picture};
use pulse_show::{Crop, Fit};

#[test]
fn nothing_is_black() {
    let out = Stage::default().compose(&Picture::default(), 64, 48);
    assert_eq!(out, Frame::black(64, 48));
    let missing = scene(vec![draw("nobody", rect(0.0, 0.0, 64.0, 48.0))]);
    assert_eq!(Stage::default().compose(&missing, 64, 48), Frame::black(64, 48));
}

#[test]
fn one_picture_of_the_same_size_is_copied() {
    let source = painted(64, 48, |x, y| [(x * 4) as u8, (y * 5) as u8, (x * y) as u8, 255]);
    let stage = Stage::default().with("a", source.clone());
    assert_eq!(stage.compose(&scene(vec![draw("a", rect(0.0, 0.0, 64.0, 48.0))]), 64, 48), source);
}

#[test]
fn two_beside_each_other() {
    let stage = Stage::default().with("a", flat(128, 72, RED)).with("b", flat(128, 72, BLUE));
    let draws = vec![draw("a", rect(0.0, 0.0, 64.0, 72.0)), draw("b", rect(64.0, 0.0, 64.0, 72.0))];
    let out = stage.compose(&scene(draws), 128, 72);
    // 64 wide at 16:9 is 36 high, in the middle of 72.
    assert_region(&out, [0, 18, 64, 54], RED);
    assert_region(&out, [64, 18, 128, 54], BLUE);
    assert_region(&out, [0, 0, 128, 18], BLACK);
    assert_region(&out, [0, 54, 128, 72], BLACK);
}

#[test]
fn two_by_two() {
    let colors = [RED, GREEN, BLUE, YELLOW];
    let names = ["a", "b", "c", "d"];
    let stage =
        names.iter().zip(colors).fold(Stage::default(), |stage, (name, color)| stage.with(name, flat(256, 144, color)));
    let place = |i: usize| rect((i % 2 * 128) as f32, (i / 2 * 72) as f32, 128.0, 72.0);
    let draws = names.iter().enumerate().map(|(i, name)| draw(name, place(i))).collect();
    let out = stage.compose(&scene(draws), 256, 144);
    // Not a pixel between them.
    for (i, color) in colors.into_iter().enumerate() {
        let (x, y) = (i as u32 % 2 * 128, i as u32 / 2 * 72);
        for (x, y) in [(x, y), (x + 126, y), (x, y + 70), (x + 126, y + 70), (x + 64, y + 36)] {
            assert_at(&out, x, y, color);
        }
    }
}

#[test]
fn three_by_three_where_thirds_are_not_whole() {
    let colors: Vec<[u8; 3]> = (0..9).map(|i| [20 + i * 25, 250 - i * 25, 128]).collect();
    let mut stage = Stage::default();
    let mut draws = Vec::new();
    for (i, color) in (0_u16..).zip(&colors) {
        let name = format!("s{i}");
        stage = stage.with(&name, flat(320, 180, *color));
        let (column, row) = (f32::from(i % 3), f32::from(i / 3));
        let (width, height) = (200.0 / 3.0, 112.0 / 3.0);
        draws.push(pulse_plan::Draw {
            fit: Fit::Stretch,
            ..draw(&name, rect(column * width, row * height, width, height))
        });
    }
    let out = stage.compose(&scene(draws), 200, 112);
    // Edges at 66.7 and 133.3 of 200, at 37.3 and 74.7 of 112, to the nearest even pixel.
    let (columns, rows) = ([0, 66, 134, 200], [0, 38, 74, 112]);
    for (i, color) in colors.iter().enumerate() {
        let (c, r) = (i % 3, i / 3);
        assert_region(&out, [columns[c], rows[r], columns[c + 1], rows[r + 1]], *color);
        assert_at(&out, columns[c], rows[r], *color);
        assert_at(&out, columns[c + 1] - 2, rows[r + 1] - 2, *color);
    }
}

#[test]
fn a_picture_in_a_picture() {
    let stage = Stage::default().with("big", flat(192, 108, RED)).with("small", flat(192, 108, GREEN));
    let draws = vec![draw("big", rect(0.0, 0.0, 192.0, 108.0)), draw("small", rect(140.0, 76.0, 48.0, 27.0))];
    let out = stage.compose(&scene(draws), 192, 108);
    assert_region(&out, [0, 0, 138, 108], RED);
    assert_region(&out, [0, 0, 192, 74], RED);
    assert_region(&out, [140, 76, 188, 103], GREEN);
    assert_region(&out, [190, 0, 192, 108], RED);
}

#[test]
fn later_draws_and_groups_are_in_front() {
    let stage =
        Stage::default().with("a", flat(64, 64, RED)).with("b", flat(64, 64, BLUE)).with("c", flat(64, 64, GREEN));
    let (whole, part) = (rect(0.0, 0.0, 64.0, 64.0), rect(16.0, 16.0, 32.0, 32.0));
    let a_then_b = stage.compose(&scene(vec![draw("a", whole), draw("b", part)]), 64, 64);
    assert_region(&a_then_b, [16, 16, 48, 48], BLUE);
    assert_region(&a_then_b, [0, 0, 64, 16], RED);
    let b_then_a = stage.compose(&scene(vec![draw("b", part), draw("a", whole)]), 64, 64);
    assert_region(&b_then_a, [0, 0, 64, 64], RED);
    let overlay = Group { opaque: false, ..group(vec![draw("c", rect(0.0, 0.0, 8.0, 8.0))]) };
    let out = stage.compose(&Picture { groups: vec![group(vec![draw("a", whole)]), overlay] }, 64, 64);
    assert_region(&out, [0, 0, 8, 8], GREEN);
    assert_region(&out, [8, 8, 64, 64], RED);
}

#[test]
fn an_opaque_group_hides_what_is_beneath_it_even_where_it_is_empty() {
    let stage = Stage::default().with("a", flat(64, 64, RED)).with("b", flat(64, 64, BLUE));
    let beneath = group(vec![draw("a", rect(0.0, 0.0, 64.0, 64.0))]);
    let clip = Area { x0: 0, y0: 0, x1: 32, y1: 64 };
    let above = Group { clip, ..group(vec![draw("b", rect(0.0, 0.0, 16.0, 16.0))]) };
    let out = stage.compose(&Picture { groups: vec![beneath, above] }, 64, 64);
    assert_region(&out, [0, 0, 16, 16], BLUE);
    assert_region(&out, [0, 16, 32, 64], BLACK);
    assert_region(&out, [32, 0, 64, 64], RED);
}

#[test]
fn fits() {
    let source = quarters(120, 60, [RED, GREEN, BLUE, YELLOW]);
    let stage = Stage::default().with("a", source);
    let fit = |fit| {
        let square = rect(20.0, 20.0, 80.0, 80.0);
        stage.compose(&scene(vec![pulse_plan::Draw { fit, ..draw("a", square) }]), 120, 120)
    };
    let contain = fit(Fit::Contain);
    assert_region(&contain, [20, 40, 60, 60], RED);
    assert_region(&contain, [60, 60, 100, 80], YELLOW);
    assert_region(&contain, [20, 20, 100, 40], BLACK);
    let cover = fit(Fit::Cover);
    assert_region(&cover, [20, 20, 60, 60], RED);
    assert_region(&cover, [60, 60, 100, 100], YELLOW);
    assert_region(&cover, [100, 0, 120, 120], BLACK);
    let stretch = fit(Fit::Stretch);
    assert_region(&stretch, [20, 20, 60, 60], RED);
    assert_region(&stretch, [60, 20, 100, 60], GREEN);
    assert_region(&stretch, [20, 60, 60, 100], BLUE);
}

#[test]
fn cover_shows_the_middle() {
    // A stripe in the middle third: covering a square with a picture three times as wide shows just that.
    let source = painted(180, 60, |x, _| if (60..120).contains(&x) { [30, 200, 40, 255] } else { [220, 30, 30, 255] });
    let covering = pulse_plan::Draw { fit: Fit::Cover, ..draw("a", rect(0.0, 0.0, 60.0, 60.0)) };
    let out = Stage::default().with("a", source).compose(&scene(vec![covering]), 60, 60);
    for (x, y) in [(0, 0), (58, 58), (30, 30)] {
        assert_at(&out, x, y, GREEN);
    }
}

#[test]
fn crops_cut_off_and_do_not_bleed() {
    // Its quarters meet at even pixels, so that they share no chroma to begin with.
    let source = quarters(160, 96, [RED, GREEN, BLUE, YELLOW]);
    let crop = Crop { left: 0.5, top: 0.5, right: 0.0, bottom: 0.0 };
    for (width, height) in [(160.0, 96.0), (100.0, 56.0), (40.0, 22.0)] {
        let cropped = pulse_plan::Draw { crop, fit: Fit::Stretch, ..draw("a", rect(0.0, 0.0, width, height)) };
        let out = Stage::default().with("a", source.clone()).compose(&scene(vec![cropped]), 160, 96);
        for (x, y) in [(0, 0), (width as u32 - 2, 0), (0, height as u32 - 2)] {
            assert_at(&out, x, y, YELLOW);
        }
    }
}

#[test]
fn a_box_of_no_size_is_the_pictures_own() {
    let stage = Stage::default().with("a", flat(41, 23, RED));
    let out = stage.compose(&scene(vec![draw("a", rect(10.0, 6.0, 0.0, 0.0))]), 100, 60);
    assert_region(&out, [10, 6, 51, 29], RED);
    assert_region(&out, [0, 0, 10, 60], BLACK);
    assert_region(&out, [53, 0, 100, 60], BLACK);
    assert_region(&out, [0, 31, 100, 60], BLACK);
}

#[test]
fn odd_sizes_fill_their_box() {
    for (width, height) in [(641, 361), (3, 3), (1, 1), (2, 5), (639, 360)] {
        let stage = Stage::default().with("a", flat(width, height, GREEN));
        for canvas in [(320, 180), (64, 64), (33, 17)] {
            let (w, h) = (canvas.0 as f32, canvas.1 as f32);
            let stretched = pulse_plan::Draw { fit: Fit::Stretch, ..draw("a", rect(0.0, 0.0, w, h)) };
            let out = stage.compose(&scene(vec![stretched]), canvas.0, canvas.1);
            let whole = Area::full(canvas.0, canvas.1);
            let rows = [whole.y0, whole.y1 - 1];
            for (x, y) in [whole.x0, whole.x1 - 1].into_iter().flat_map(|x| rows.map(|y| (x, y))) {
                assert_region(&out, [x, y, x + 1, y + 1], GREEN);
            }
            assert_region(&out, [0, 0, canvas.0, canvas.1], GREEN);
        }
    }
}

#[test]
fn anamorphic_pictures_get_their_shape_back() {
    // 720 × 576 with pixels 64:45 as wide as high is 1024 × 576, or 16:9.
    let stage = Stage::default().with_par("a", flat(720, 576, RED), (64, 45));
    let out = stage.compose(&scene(vec![draw("a", rect(0.0, 0.0, 160.0, 120.0))]), 160, 120);
    assert_region(&out, [0, 16, 160, 104], RED);
    assert_region(&out, [0, 0, 160, 14], BLACK);
    assert_region(&out, [0, 106, 160, 120], BLACK);
}

#[test]
fn a_smaller_output_shows_the_whole_canvas() {
    let stage = Stage::default().with("a", flat(192, 108, RED)).with("b", flat(192, 108, BLUE));
    let logo = pulse_plan::Draw { corner_radius: 6.0, ..draw("b", rect(96.0, 54.0, 48.0, 27.0)) };
    let clip = Area { x0: 0, y0: 0, x1: 120, y1: 108 };
    let left = Group { clip, offset: (0.0, 6.0), opaque: false, ..group(vec![logo]) };
    let picture = Picture { groups: vec![group(vec![draw("a", rect(0.0, 0.0, 192.0, 108.0))]), left] };
    let mut compositor = Compositor::new(192, 108);
    let full = stage.compose_with(&mut compositor, &picture, 192, 108);
    let third = stage.compose_with(&mut compositor, &picture, 64, 36);
    assert_region(&full, [96, 60, 120, 87], BLUE);
    assert_region(&full, [122, 0, 192, 108], RED);
    assert_region(&third, [34, 22, 40, 28], BLUE);
    assert_region(&third, [42, 0, 64, 36], RED);
    assert_region(&third, [0, 0, 30, 36], RED);
}
