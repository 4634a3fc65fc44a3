//! Nothing may stop the recording, and what stops the program costs a second at most.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    app::{App, Written},
    judge::{self, Picture, Probe, Region, colour_distance},
    media::{self, BORDER, camera_seen},
    rtsp::Camera,
    wait::wait_for,
};
use serde_json::Value;

use super::stage::{PATIENCE, Stage, the_file};

#[test]
fn a_killed_program_loses_less_than_a_second_and_is_made_whole_in_place() -> Result<()> {
    let words = ["--camera", "Aisle=test:ball", "--mic", "Room=test:sine?freq=440&volume=0.2"];
    let stage = Stage::new("kill", &words)?;
    let mut app = stage.run(&["--record", "program"])?;
    let begun = app.wait_for("recording", PATIENCE, |_| true)?;
    let last = app.wait_for("stats", PATIENCE, |stats| stats.t > begun.t + 4.0)?;
    app.kill9()?;
    let path = stage.recording("program.mp4");

    judge::decodes_clean(&path).context("as it was left")?;
    let left = Probe::of(&path)?;
    let seconds = judge::packets(&path, "v:0")?.len() as f64 / 30.0;
    // The file was opened when its first fragment was complete: what is in it is longer than what is between the events.
    ensure!(last.t - begun.t - seconds < 1.0, "{} s are lost", last.t - begun.t - seconds);
    ensure!(left.audio().is_ok(), "the sound is lost");

    let data = stage.folder.join("data").display().to_string();
    let told = App::run(["recover", &stage.folder.join("out").display().to_string(), "--data", &data, "--json"])?;
    ensure!(told.contains("\"recovered\""), "{told}");
    judge::decodes_clean(&path).context("as it was recovered")?;
    let boxes = judge::box_order(&path)?;
    let place = |name: &str| boxes.iter().position(|b| b == name);
    ensure!(place("moov") < place("mdat") && !boxes.contains(&"moof".to_owned()), "{boxes:?}");
    ensure!(
        (judge::packets(&path, "v:0")?.len() as f64 / 30.0 - seconds).abs() < 0.001,
        "frames were lost by recovering"
    );
    ensure!(App::run(["recover", &path.display().to_string(), "--data", &data, "--json"])?.contains("already_whole"));
    Ok(())
}

/// Records a camera that dies and comes back within 3 s; gives the program's file and when the loss was told, in seconds.
fn recorded_while_its_camera_was_away(name: &str, on_loss: &str) -> Result<(Stage, Written, f64)> {
    let mut camera = Camera::play(&media::small_camera(1).path()?)?;
    let words = ["--camera".to_owned(), format!("Aisle={}", camera.url()), "--mic".into(), "Room=test:sine".into()];
    let stage = Stage::new(name, &words)?;
    stage.edit(|show| show["sources"][0]["on_loss"] = on_loss.into())?;
    let mut app = stage.run(&["--record", "program"])?;
    app.wait_for("recording", PATIENCE, |_| true)?;
    app.wait_for("stats", PATIENCE, |stats| stats.text("/sources/aisle/state").is_ok_and(|state| state == "live"))?;
    camera.kill();
    let lost = app.wait_for("source_lost", Duration::from_secs(5), |_| true)?;
    assert_eq!(lost.text("/name")?, "Aisle");
    ensure!(lost.text("/cause")?.contains("Aisle"), "{lost:?}");
    app.wait_for("stats", PATIENCE, |stats| stats.t > lost.t + 2.0)?;
    camera.restart()?;
    let back = app.wait_for("source_back", Duration::from_secs(3), |_| true).context("not back within 3 s")?;
    app.wait_for("stats", PATIENCE, |stats| stats.t > back.t + 2.0)?;
    app.interrupt()?;
    let finished = app.finish(Duration::from_secs(6))?;
    assert_eq!(finished.status.code(), Some(130));
    let stopped = finished.all("stopped").last().context("no last word")?;
    let file = stopped.files()?.into_iter().next().context("no file")?;
    judge::decodes_clean(&file.path)?;
    ensure!(judge::longest_gap(&judge::packets(&file.path, "v:0")?) < 0.04, "the program lost frames with its camera");
    let end = judge::frame_at(&file.path, file.duration - 0.5)?.mean_rgb(BORDER);
    assert_eq!(camera_seen(end), Some(1), "the camera is not seen again");
    Ok((stage, file, lost.t))
}

#[test]
fn a_camera_that_dies_is_told_and_comes_back_within_three_seconds() -> Result<()> {
    let (_stage, file, lost) = recorded_while_its_camera_was_away("lost", "slate")?;
    let slate = judge::frame_at(&file.path, lost + 1.0)?.mean_rgb(BORDER);
    assert_eq!(camera_seen(slate), None, "no slate while the camera was away");
    Ok(())
}

#[test]
fn the_last_frame_of_a_camera_that_died_stays_when_the_show_asks_for_it() -> Result<()> {
    let (_stage, file, lost) = recorded_while_its_camera_was_away("last-frame", "last_frame")?;
    let stands = judge::frames_between(&file.path, lost, lost + 1.5)?;
    let seen = |picture: &Picture| camera_seen(picture.mean_rgb(BORDER));
    ensure!(stands.iter().all(|picture| seen(picture) == Some(1)), "something else is seen while the camera was away");
    // Sixteen parts of a picture that stands still keep their colours, but for what an encoder changes.
    let stands_still = |pictures: &[Picture]| {
        let same = |part| {
            let before = pictures[0].mean_rgb(part);
            pictures.iter().all(|picture| colour_distance(picture.mean_rgb(part), before) < 6)
        };
        (0..16).all(|n| same(Region::cell(n % 4, n / 4, 4, 4)))
    };
    ensure!(stands_still(&stands), "it moves while the camera was away");
    let end = judge::frames_between(&file.path, file.duration - 1.0, file.duration)?;
    ensure!(!stands_still(&end), "it still stands when the camera is back");
    Ok(())
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_file_plays() -> Result<()> {
    let stage = Stage::new("twice", &["--camera", "Aisle=test:ball"])?;
    let mut app = stage.run(&["--record", "program"])?;
    app.wait_for("recording", PATIENCE, |_| true)?;
    app.wait_for("stats", PATIENCE, |stats| stats.number("/frames").is_ok_and(|frames| frames > 60.0))?;
    app.terminate()?;
    app.terminate()?;
    let finished = app.finish(Duration::from_secs(5))?;
    assert_eq!(finished.status.code(), Some(130));
    judge::decodes_clean(stage.recording("program.mp4"))
}

#[test]
fn a_full_disk_ends_the_file_well_and_recording_goes_on_when_there_is_room() -> Result<()> {
    // A file size limit is what a user without root can set; the program sees the same refusal to write.
    let stage = Stage::new("full", &["--camera", "Snow=test:snow"])?;
    let mut app = stage.run(&["--record", "program", "--bitrate", "20M"])?;
    let begun = app.wait_for("recording", PATIENCE, |_| true)?;
    app.wait_for("stats", PATIENCE, |stats| stats.t > begun.t + 1.0)?;
    let pid = app.process().id().to_string();
    let limit = |bytes: &str| -> Result<()> {
        let done =
            std::process::Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status()?;
        ensure!(done.success(), "prlimit");
        Ok(())
    };
    let path = stage.recording("program.mp4");
    limit(&(std::fs::metadata(&path)?.len() + 1_000_000).to_string())?;
    let told = app.wait_for("output_retrying", PATIENCE, |_| true)?;
    ensure!(told.text("/cause")?.contains("full"), "{told:?}");
    limit("unlimited")?;
    let again = app.wait_for("recording", PATIENCE, |_| true)?;
    ensure!(again.text("/path")?.ends_with("program-2.mp4"), "{again:?}");
    app.wait_for("stats", PATIENCE, |stats| stats.t > again.t + 1.5)?;
    app.interrupt()?;
    let finished = app.finish(PATIENCE)?;
    let files = finished.all("stopped").last().context("no last word")?.files()?;
    assert_eq!(files.len(), 2, "{files:?}");
    files.iter().try_for_each(|file| judge::decodes_clean(&file.path))
}

#[test]
fn a_recording_that_ends_by_itself_is_in_the_list_of_sessions() -> Result<()> {
    let stage = Stage::new("sessions", &["--camera", "Aisle=test:smpte"])?;
    let finished = stage.run(&["--record", "program", "--for", "3s"])?.finish(PATIENCE)?;
    let file = the_file(&finished, "program")?;
    let data = stage.folder.join("data").display().to_string();
    let listed = wait_for("the list of sessions", PATIENCE, || {
        let told = App::run(["sessions", "--data", &data, "--json"])?;
        Ok(told.contains("finished").then_some(told))
    })?;
    ensure!(listed.contains(&file.path.file_name().context("a name")?.to_string_lossy().into_owned()), "{listed}");
    Ok(())
}

/// The only session that is listed, once it is in `state`.
fn the_session(data: &str, state: &str) -> Result<Value> {
    let listed: Value = serde_json::from_str(&App::run(["sessions", "--data", data, "--json"])?)?;
    let [session] = listed.as_array().map(Vec::as_slice).unwrap_or_default() else {
        anyhow::bail!("not one session: {listed:#}");
    };
    ensure!(session["state"] == state, "not {state}: {session:#}");
    Ok(session.clone())
}

#[test]
fn a_killed_session_is_listed_as_recovered_with_what_its_files_hold() -> Result<()> {
    let words = ["--camera", "Aisle=test:ball", "--mic", "Room=test:sine?freq=440&volume=0.2"];
    let stage = Stage::new("recovered", &words)?;
    let (out, data) = (stage.recording("").display().to_string(), stage.folder.join("data").display().to_string());
    let mut app = stage.run(&["--record", "program,iso,audio"])?;
    let begun = (0..3).try_fold(0.0, |_, _| app.wait_for("recording", PATIENCE, |_| true).map(|event| event.t))?;
    app.wait_for("stats", PATIENCE, |stats| stats.t > begun + 3.0)?;
    ensure!(App::run(["recover", &out, "--data", &data]).is_err(), "what is being recorded cannot be recovered");
    the_session(&data, "recording")?;
    app.kill9()?;
    App::run(["recover", &stage.recording("program.mp4").display().to_string(), "--data", &data])?;
    the_session(&data, "recording").context("half of it is not all of it")?;

    App::run(["recover", &out, "--data", &data])?;
    let session = the_session(&data, "recovered")?;
    let (started, ended) = (session["started_at"].as_i64(), session["ended_at"].as_i64());
    let lasted = ended.zip(started).map(|(ended, started)| ended - started).context("no end")?;
    ensure!((3_000..30_000).contains(&lasted), "{lasted} ms");
    let files = session["files"].as_array().context("no files")?;
    assert_eq!(files.len(), 3, "{session:#}");
    for file in files {
        let path = file["path"].as_str().context("no path")?;
        let (told, is) = (file["duration"].as_f64().context("no duration")?, Probe::of(path)?.duration()?);
        ensure!((told - is).abs() < 0.01 && is > 2.0, "{path}: {told} s are told, {is} s are there");
        assert_eq!(file["bytes"].as_u64(), Some(std::fs::metadata(path)?.len()), "{path}");
        let pictures = if file["kind"] == "audio" { 0 } else { judge::packets(path, "v:0")?.len() };
        assert_eq!(file["frames"].as_u64(), Some(pictures as u64), "{path}");
    }
    App::run(["recover", &out, "--data", &data])?;
    assert_eq!(the_session(&data, "recovered")?, session, "a second recovery changes nothing");
    Ok(())
}
