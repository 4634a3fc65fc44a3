//! Layouts: even boxes that tile the canvas exactly.

use proptest::prelude::*;
use pulse_show::{Canvas, Corner, Layout, Rect, SourceId, strategies};

const GRIDS: [Layout; 4] = [Layout::Single, Layout::SideBySide, Layout::Grid2x2, Layout::Grid3x3];
const CORNERS: [Corner; 4] = [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight];

fn is_even(rect: &Rect) -> bool {
    [rect.x, rect.y, rect.width, rect.height].into_iter().all(|side| side % 2.0 == 0.0)
}

fn overlap(a: &Rect, b: &Rect) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

#[test]
fn a_canvas_that_three_does_not_divide_is_shared_out() {
    let canvas = Canvas { width: 1280, height: 720, ..Canvas::default() };
    let columns: Vec<(f32, f32)> = Layout::Grid3x3.rects(canvas)[..3].iter().map(|rect| (rect.x, rect.width)).collect();
    assert_eq!(columns, [(0.0, 426.0), (426.0, 426.0), (852.0, 428.0)]);
}

#[test]
fn the_small_picture_stands_in_its_corner() {
    let canvas = Canvas { width: 1280, height: 720, ..Canvas::default() };
    let places = CORNERS.map(|corner| {
        let inset = Layout::PictureInPicture { corner }.rects(canvas)[1];
        (inset.x, inset.y, inset.width, inset.height)
    });
    let size = |x, y| (x, y, 320.0, 180.0);
    assert_eq!(places, [size(32.0, 32.0), size(928.0, 32.0), size(32.0, 508.0), size(928.0, 508.0)]);
}

#[test]
fn the_smallest_grid_is_chosen() {
    let chosen: Vec<usize> = (0..=10).map(|n| Layout::for_count(n).places()).collect();
    assert_eq!(chosen, [1, 1, 2, 4, 4, 9, 9, 9, 9, 9, 9]);
}

#[test]
fn a_source_placed_twice_has_two_layers() {
    let room = SourceId::from("room");
    let layers = Layout::SideBySide.layers(Canvas::default(), &[room.clone(), room]);
    assert_eq!(layers.iter().map(|layer| layer.id.as_str()).collect::<Vec<_>>(), ["room", "room-2"]);
}

#[test]
fn layouts_are_written_by_name() {
    let written: Vec<String> = GRIDS.iter().map(|layout| serde_json::to_string(layout).unwrap()).collect();
    assert_eq!(written, ["\"single\"", "\"side_by_side\"", "\"grid2x2\"", "\"grid3x3\""]);
    let inset = serde_json::to_string(&Layout::PictureInPicture { corner: Corner::TopLeft }).unwrap();
    assert_eq!(inset, r#"{"picture_in_picture":{"corner":"top_left"}}"#);
}

proptest! {
    #[test]
    fn grids_tile_the_canvas(canvas in strategies::canvas(), n in 0..GRIDS.len()) {
        let rects = GRIDS[n].rects(canvas);
        prop_assert_eq!(rects.len(), GRIDS[n].places());
        let area: f64 = rects.iter().map(|rect| f64::from(rect.width) * f64::from(rect.height)).sum();
        prop_assert_eq!(area, f64::from(canvas.width) * f64::from(canvas.height));
        for (n, rect) in rects.iter().enumerate() {
            prop_assert!(is_even(rect), "{:?}", rect);
            prop_assert!(rect.x >= 0.0 && rect.x + rect.width <= canvas.width as f32, "{:?}", rect);
            prop_assert!(rect.y >= 0.0 && rect.y + rect.height <= canvas.height as f32, "{:?}", rect);
            prop_assert!(!rects[..n].iter().any(|before| overlap(rect, before)), "{:?}", rect);
        }
    }

    #[test]
    fn the_small_picture_is_on_the_canvas(canvas in strategies::canvas(), n in 0..CORNERS.len()) {
        let rects = Layout::PictureInPicture { corner: CORNERS[n] }.rects(canvas);
        let inset = rects[1];
        prop_assert!(is_even(&inset) && inset.width > 0.0 && inset.height > 0.0, "{:?}", inset);
        prop_assert!(inset.x >= 0.0 && inset.x + inset.width <= canvas.width as f32, "{:?}", inset);
        prop_assert!(inset.y >= 0.0 && inset.y + inset.height <= canvas.height as f32, "{:?}", inset);
    }
}
