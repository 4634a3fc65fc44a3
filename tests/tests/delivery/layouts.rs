//! Where pictures stand on the canvas: grids, pictures in pictures, and overlays above them, judged by the colours of regions.

use anyhow::{Result, ensure};
use pulse_tests::{
    judge::{self, Region, colour_distance},
    media::{self, BORDER, PALETTE, camera_seen},
};
use serde_json::json;

use super::stage::{PATIENCE, Stage, looped, the_file};

/// Seconds before the end, at which the first scene is still seen when the second is taken two seconds before it.
const BEFORE: f64 = 2.8;
/// Seconds before the end, at which the second scene is seen.
const AFTER: f64 = 0.6;

/// A part of a canvas of 640×360, in pixels.
fn pixels(x: u32, y: u32, w: u32, h: u32) -> Region {
    let [x, y, w, h] = [x, y, w, h].map(f64::from);
    Region::new(x / 640.0, y / 360.0, w / 640.0, h / 360.0)
}

#[test]
fn nine_cameras_stand_in_a_grid_and_one_stands_in_another() -> Result<()> {
    let mut words = vec!["--scenes".to_owned(), "grid".into()];
    for index in 0..9 {
        words.extend(["--camera".to_owned(), format!("Cam {index}={}", looped(&media::small_camera(index))?)]);
    }
    let stage = Stage::new("layouts", &words)?;
    let corner = json!({"x": 464, "y": 254, "width": 160, "height": 90});
    stage.edit(|show| {
        let scene = json!({"id": "inset", "name": "Inset", "layers": [
            {"id": "back", "source": "cam-3"}, {"id": "front", "source": "cam-6", "rect": corner}]});
        show["scenes"].as_array_mut().expect("scenes").push(scene);
    })?;
    let cues = stage.cues(r#"[{"at": 5, "take": "Inset"}]"#)?;
    let finished = stage.run(&["--record", "program", "--for", "7s", "--cues", &cues])?.finish(PATIENCE * 2)?;
    let file = the_file(&finished, "program")?;
    judge::decodes_clean(&file.path)?;

    let grid = judge::frame_at(&file.path, file.duration - BEFORE)?;
    let seen: Vec<_> =
        (0..9).map(|n| camera_seen(grid.mean_rgb(Region::cell(n % 3, n / 3, 3, 3).part(BORDER)))).collect();
    assert_eq!(seen, (0..9).map(Some).collect::<Vec<_>>());

    let inset = judge::frame_at(&file.path, file.duration - AFTER)?;
    assert_eq!(camera_seen(inset.mean_rgb(BORDER)), Some(3), "the picture at the back");
    assert_eq!(camera_seen(inset.mean_rgb(pixels(464, 254, 160, 90).part(BORDER))), Some(6), "the picture in front");
    // The border of the one in front ends where its box does.
    for (side, part) in [
        ("left of", pixels(450, 256, 12, 8)),
        ("right of", pixels(626, 256, 12, 8)),
        ("above", pixels(480, 240, 120, 10)),
    ] {
        ensure!(camera_seen(inset.mean_rgb(part)) != Some(6), "it reaches {side} its box");
    }
    Ok(())
}

#[test]
fn an_overlay_stands_at_its_place_above_every_scene_and_what_is_transparent_in_it_shows_the_scene() -> Result<()> {
    let overlay = format!("image:{}@300,160", media::alpha_png()?.display());
    let words =
        ["--scenes", "each", "--camera", "Green=test:green", "--camera", "Blue=test:blue", "--overlay", &overlay];
    let stage = Stage::new("overlay", &words)?;
    let cues = stage.cues(r#"[{"at": 5, "take": "Blue"}]"#)?;
    let finished = stage.run(&["--record", "program", "--for", "7s", "--cues", &cues])?.finish(PATIENCE * 2)?;
    let file = the_file(&finished, "program")?;
    for (at, scene) in [(file.duration - BEFORE, [0, 255, 0]), (file.duration - AFTER, [0, 0, 255])] {
        let picture = judge::frame_at(&file.path, at)?;
        // 320×180 from (300, 160) on: the left half lets everything through, the right half is camera 6's colour.
        let expected = [
            ("its right half", pixels(464, 164, 152, 172), PALETTE[6]),
            ("its left half", pixels(304, 164, 152, 172), scene),
            ("left of it", pixels(4, 4, 290, 350), scene),
            ("above it", pixels(464, 4, 152, 150), scene),
            ("below it", pixels(464, 344, 152, 14), scene),
            ("right of it", pixels(624, 4, 14, 350), scene),
        ];
        for (place, part, colour) in expected {
            let found = picture.mean_rgb(part);
            ensure!(colour_distance(found, colour) < 12, "{place}, at {at} s: {found:?} instead of {colour:?}");
        }
    }
    Ok(())
}
