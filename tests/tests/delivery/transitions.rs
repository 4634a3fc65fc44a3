//! How one scene gives way to the next, judged by the frames between them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    app::{App, Finished},
    judge::{self, Picture, Region},
    media::{self, BORDER, Stinger, camera_seen},
};
use serde_json::json;

use super::stage::{PATIENCE, Stage, looped, the_file};

/// Parts of the picture's width in which an edge is looked for.
const COLUMNS: u32 = 64;

/// A show of some cameras by the names of their borders' colours, and further words.
fn stage(name: &str, further: &[String]) -> Result<Stage> {
    let mut words = vec!["--scenes".to_owned(), "each".into()];
    for (index, name) in [(0, "Red"), (1, "Green"), (2, "Blue"), (7, "White")] {
        words.extend(["--camera".to_owned(), format!("{name}={}", looped(&media::small_camera(index))?)]);
    }
    words.extend_from_slice(further);
    Stage::new(name, &words)
}

/// Records the program for that long, and gives the time of the file's beginning too.
fn recorded(stage: &Stage, cues: &str, length: &str) -> Result<(Finished, f64)> {
    let mut app: App = stage.run(&["--record", "program", "--for", length, "--cues", &stage.cues(cues)?])?;
    app.wait_for("recording", PATIENCE, |_| true)?;
    let finished = app.finish(PATIENCE * 2)?;
    let start = the_file(&finished, "program")?.start;
    Ok((finished, start))
}

/// The frames from before a scene was taken until well after its transition of a second.
fn around(path: &Path, finished: &Finished, scene: &str, zero: f64) -> Result<Vec<Picture>> {
    let take = finished.all("take").find(|take| take.text("/scene").is_ok_and(|taken| taken == scene));
    let at = take.with_context(|| format!("{scene} was not taken"))?.t - zero;
    judge::frames_between(path, at - 0.6, at + 1.9)
}

/// Which of two cameras' borders are seen beside each other, from left to right, and where each begins.
fn beside_each_other(picture: &Picture, cameras: [usize; 2]) -> Vec<(usize, f64)> {
    let width = 1.0 / f64::from(COLUMNS);
    let column = |n: u32| Region::new(f64::from(n) * width, BORDER.y, width, BORDER.h);
    let mut seen: Vec<(usize, f64)> = Vec::new();
    for n in 0..COLUMNS {
        // A column that the edge goes through has a colour of its own.
        let camera = camera_seen(picture.mean_rgb(column(n))).filter(|camera| cameras.contains(camera));
        let Some(camera) = camera else { continue };
        if seen.last().is_none_or(|(last, _)| *last != camera) {
            seen.push((camera, f64::from(n) * width));
        }
    }
    seen
}

/// How far from the top a camera's border begins, if all of it is in the picture.
fn border_from_top(picture: &Picture, camera: usize) -> Option<f64> {
    let from = |y: f64| Region::new(BORDER.x, y, BORDER.w, 0.1);
    (0..=90).map(|percent| f64::from(percent) / 100.0).find(|y| camera_seen(picture.mean_rgb(from(*y))) == Some(camera))
}

/// Wants a transition of a second to be one: about thirty steps that go on evenly, one of them half-way.
fn goes_evenly(steps: &[f64]) -> Result<()> {
    ensure!((24..=31).contains(&steps.len()), "{} frames are between: {steps:?}", steps.len());
    let uneven = steps.windows(2).find(|pair| !(0.0..0.2).contains(&(pair[1] - pair[0])));
    ensure!(uneven.is_none(), "from {uneven:?} at once: {steps:?}");
    ensure!(steps.iter().any(|step| (step - 0.5).abs() < 0.1), "nothing is half-way: {steps:?}");
    Ok(())
}

#[test]
fn wipes_and_slides_go_evenly_and_a_t_bar_stays_where_it_is_held() -> Result<()> {
    let stage = stage("transitions", &[])?;
    stage.edit(|show| show["transition"] = json!({"kind": {"wipe": "right"}, "ms": 500}))?;
    let (finished, zero) = recorded(
        &stage,
        r#"[{"at": 4, "take": "Green", "transition": "wipe-left", "ms": 1000},
            {"at": 6.5, "take": "Blue", "transition": "slide-bottom", "ms": 1000},
            {"at": 9, "preview": "Red"}, {"at": 9.2, "tbar": 0.5}, {"at": 11, "tbar": 1}]"#,
        "12.5s",
    )?;
    let takes: Vec<_> = finished.all("take").filter_map(|take| take.text("/scene").ok()).collect();
    assert_eq!(takes, ["Green", "Blue", "Red"]);
    let file = the_file(&finished, "program")?.path;

    let mut wiped = Vec::new();
    for picture in around(&file, &finished, "Green", zero)? {
        match beside_each_other(&picture, [0, 1])[..] {
            [(0, _)] => ensure!(wiped.is_empty(), "back at the old scene after {wiped:?}"),
            [(1, _), (0, edge)] => wiped.push(edge),
            [(1, _)] => {}
            ref other => anyhow::bail!("{other:?} beside each other"),
        }
    }
    goes_evenly(&wiped).context("wipe")?;

    // What is slid in from the bottom has its own upper edge at its own top; what is uncovered there would not.
    let slid: Vec<f64> = around(&file, &finished, "Blue", zero)?
        .iter()
        .filter_map(|picture| border_from_top(picture, 2))
        .filter(|edge| *edge > 0.02)
        .map(|edge| 1.0 - edge)
        .collect();
    ensure!(slid.first().is_some_and(|edge| *edge < 0.2), "comes from elsewhere: {slid:?}");
    // The first eighth is not counted: the border is not wholly in the picture then.
    goes_evenly(&slid).context("slide")?;

    let at = |t: f64| t - zero;
    for picture in judge::frames_between(&file, at(9.4), at(10.9))? {
        let seen = beside_each_other(&picture, [0, 2]);
        ensure!(matches!(seen[..], [(2, _), (0, edge)] if (edge - 0.5).abs() < 0.02), "held half-way: {seen:?}");
    }
    let end = judge::frame_at(&file, at(11.2))?;
    assert_eq!(beside_each_other(&end, [0, 2]), [(0, 0.0)], "the T-bar is at its end");
    Ok(())
}

/// What is seen over a stinger of a second: the old scene, 0.4 s of the stinger, the new scene, and nothing else.
fn stung(pictures: &[Picture], old: usize, new: usize) -> Result<()> {
    let mut seen: Vec<(Option<usize>, u32)> = Vec::new();
    for picture in pictures {
        let camera = camera_seen(picture.mean_rgb(Region::WHOLE.part(BORDER)));
        match seen.last_mut() {
            Some((last, frames)) if *last == camera => *frames += 1,
            _ => seen.push((camera, 1)),
        }
    }
    let [(first, _), (Some(4), covered), (last, _)] = seen[..] else {
        anyhow::bail!("seen one after the other, and for how many frames: {seen:?}")
    };
    ensure!((first, last) == (Some(old), Some(new)), "{seen:?}");
    // Without its transparency it covers for 30; a busy machine shows some of its frames for longer.
    ensure!((9..=20).contains(&covered), "covered for {covered} frames instead of 12: {seen:?}");
    Ok(())
}

#[test]
fn a_stinger_hides_the_cut_and_lets_the_scenes_be_seen_where_it_is_transparent() -> Result<()> {
    let mut words = Vec::new();
    for (name, kind) in [("Gold", Stinger::Webm), ("Silver", Stinger::Animation), ("Bronze", Stinger::ProRes)] {
        words.extend(["--camera".to_owned(), format!("{name}=file:{}", media::stinger(kind)?.display())]);
    }
    let stage = stage("stinger", &words)?;
    stage.edit(|show| show["transition"] = json!({"kind": {"stinger": "gold"}, "ms": 1000}))?;
    let (finished, zero) = recorded(
        &stage,
        r#"[{"at": 4, "take": "Green"}, {"at": 6.5, "take": "Blue", "transition": "stinger:Silver", "ms": 1000},
            {"at": 9, "take": "Red", "transition": "stinger"},
            {"at": 11.5, "take": "White", "transition": "stinger:Bronze", "ms": 1000}]"#,
        "14s",
    )?;
    let file = the_file(&finished, "program")?.path;
    stung(&around(&file, &finished, "Green", zero)?, 0, 1).context("the show's own stinger")?;
    stung(&around(&file, &finished, "Blue", zero)?, 1, 2).context("another stinger")?;
    stung(&around(&file, &finished, "Red", zero)?, 2, 0).context("the show's own stinger again")?;
    stung(&around(&file, &finished, "White", zero)?, 0, 7).context("yet another stinger")
}
