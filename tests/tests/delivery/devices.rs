//! What is plugged into the machine, in a show: cameras and microphones by PipeWire, and the screen.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    app::{App, Event},
    judge::{self, Region},
    media::{PALETTE, camera_seen},
    pipewire::{Camera, CameraSpec, Session},
    screen::Screen,
    sound::{Channel, Sound},
};

use super::stage::{PATIENCE, Stage};

/// How long a device that is plugged in may take to be seen or heard.
const BACK_WITHIN: Duration = Duration::from_secs(3);
/// The ground of a camera's picture, where its ball never is.
const CORNER: Region = Region::new(0.01, 0.01, 0.03, 0.03);

fn told(app: &mut App, kind: &str, name: &str, within: Duration) -> Result<Event> {
    app.wait_for(kind, within, |event| event.text("/name").is_ok_and(|told| told == name))
}

/// A moment after another one at which everything has been there for a while.
fn all_live(app: &mut App, after: f64) -> Result<f64> {
    let live = |stats: &Event, source| stats.text(&format!("/sources/{source}/state")).is_ok_and(|s| s == "live");
    let all = |stats: &Event| ["left", "right", "room"].iter().all(|source| live(stats, source));
    let first = app.wait_for("stats", PATIENCE, |stats| stats.t > after && all(stats))?.t;
    let moment = app.wait_for("stats", PATIENCE, |stats| stats.t > first + 1.5 && all(stats))?.t;
    app.wait_for("stats", PATIENCE, |stats| stats.t > moment + 0.5)?;
    Ok(moment)
}

/// Plugs a camera in and wants it to be seen in time, for at least half a second.
fn joins(desk: &Session, app: &mut App, spec: &CameraSpec, name: &str) -> Result<Camera> {
    for _ in 0..12 {
        let mut camera = desk.plug_camera(spec)?;
        let back = told(app, "source_back", name, BACK_WITHIN);
        if let Ok(back) = &back {
            app.wait_for("stats", PATIENCE, |stats| stats.t > back.t + 0.5)?;
        }
        if camera.process().is_running() {
            return back.map(|_| camera).with_context(|| format!("{name} is not back in time"));
        }
        // PipeWire's virtual camera may crash when somebody begins to watch it: that is one unplugging more.
        desk.unplug(camera)?;
    }
    anyhow::bail!("the virtual camera of {name} has crashed too often")
}

/// Which cameras' grounds are seen at the left and at the right of a grid of two, whose boxes are twice as high as the pictures.
fn beside_each_other(path: &Path, at: f64) -> Result<[Option<usize>; 2]> {
    let picture = judge::frame_at(path, at)?;
    let corner = |column: u32| Region::cell(column, 0, 2, 1).part(Region::new(0.0, 0.25, 1.0, 0.5)).part(CORNER);
    Ok([0, 1].map(|column| camera_seen(picture.mean_rgb(corner(column)))))
}

#[test]
fn what_is_pulled_out_is_told_and_is_back_at_its_place_when_it_is_plugged_in_again() -> Result<()> {
    let desk = Session::start()?;
    let cameras = ["--camera", "Left=device:Webcam", "--camera", "Right=device:Webcam (2)"];
    let stage =
        Stage::new("devices", &[&cameras[..], &["--mic", "Room=device:Room mic", "--scenes", "grid"]].concat())?;
    let mut app = stage.run_in(&["--record", "program"], desk.env())?;
    app.wait_for("recording", PATIENCE, |_| true)?;

    let first = CameraSpec::new("port-1", "Webcam", PALETTE[1]);
    let second = CameraSpec::new("port-2", "Webcam", PALETTE[2]);
    let left = joins(&desk, &mut app, &first, "Left")?;
    let right = joins(&desk, &mut app, &second, "Right")?;
    let room = desk.plug_microphone("room", "Room mic", 500)?;
    let there = told(&mut app, "source_back", "Room", BACK_WITHIN)?.t;
    let before = all_live(&mut app, there)?;

    for (camera, name) in [(left, "Left"), (right, "Right")] {
        desk.unplug(camera)?;
        told(&mut app, "source_lost", name, BACK_WITHIN)?;
    }
    desk.unplug_microphone(room)?;
    let lost = told(&mut app, "source_lost", "Room", BACK_WITHIN)?.t;
    app.wait_for("stats", PATIENCE, |stats| stats.t > lost + 1.5)?;

    // The second one first: it is not taken for the other one.
    let _right = joins(&desk, &mut app, &second, "Right")?;
    let _left = joins(&desk, &mut app, &first, "Left")?;
    let _room = desk.plug_microphone("room", "Room mic", 500)?;
    let back = told(&mut app, "source_back", "Room", BACK_WITHIN)?.t;
    let after = all_live(&mut app, back)?;
    app.interrupt()?;
    let finished = app.finish(PATIENCE)?;
    let files = finished.all("stopped").last().context("no last word")?.files()?;
    let file = files.first().context("no file")?;
    judge::decodes_clean(&file.path)?;
    ensure!(judge::longest_gap(&judge::packets(&file.path, "v:0")?) < 0.04, "the program lost frames with its devices");

    let at = |t: f64| t - file.start;
    let heard = |from: f64, to: f64| Sound::load(&file.path, at(from), at(to), Channel::All);
    for moment in [before, after] {
        assert_eq!(beside_each_other(&file.path, at(moment))?, [Some(1), Some(2)], "at {moment} s");
        let sound = heard(moment - 0.5, moment + 0.3)?;
        let (hertz, level) = (sound.dominant_hz()?, sound.tone_db(500.0));
        // A busy machine's sound services leave gaps.
        ensure!((hertz - 500.0).abs() < 5.0 && level > -30.0, "{hertz} Hz at {level} dB at {moment} s");
    }
    assert_eq!(beside_each_other(&file.path, at(lost + 1.0))?, [None, None], "no slates while they were away");
    ensure!(heard(lost + 0.8, lost + 1.4)?.rms_db() < -70.0, "it is heard while it is away");
    Ok(())
}

#[test]
fn a_screen_is_recorded_with_what_is_on_it() -> Result<()> {
    let mut screen = Screen::start()?;
    screen.show(PALETTE[2])?;
    let stage = Stage::new("screen", &["--camera", "Slides=screen:0", "--scenes", "each"])?;
    let mut app = stage.run_in(&["--record", "program"], screen.env())?;
    let begun = app.wait_for("recording", PATIENCE, |_| true)?;
    let live = |stats: &Event| stats.text("/sources/slides/state").is_ok_and(|state| state == "live");
    let live = app.wait_for("stats", PATIENCE, |stats| stats.t > begun.t && live(stats))?.t;
    let first = app.wait_for("stats", PATIENCE, |stats| stats.t > live + 0.9)?.t;
    screen.show(PALETTE[6])?;
    let changed = app.wait_for("stats", PATIENCE, |stats| stats.t > first + 1.0)?.t;
    app.wait_for("stats", PATIENCE, |stats| stats.t > changed + 1.5)?;
    app.interrupt()?;
    let finished = app.finish(PATIENCE)?;
    let file = finished.all("stopped").last().context("no last word")?.files()?.remove(0);
    judge::decodes_clean(&file.path)?;
    let seen = |at: f64| anyhow::Ok(camera_seen(judge::frame_at(&file.path, at)?.mean_rgb(CORNER)));
    let first = first - file.start - 0.5;
    assert_eq!((seen(first)?, seen(file.duration - 0.3)?), (Some(2), Some(6)));
    Ok(())
}
