//! The main job: cameras and a microphone into one recorded program, switched by cues.

use anyhow::{Result, ensure};
use pulse_tests::{
    beacon,
    judge::{self, Probe, Region},
    media::{self, BORDER, FLASH, camera_seen},
    rtsp::Camera,
    sound::{Channel, Sound},
};

use super::stage::{PATIENCE, Stage, the_file};

/// Which camera is seen in a part of the program at a time.
fn seen(path: &std::path::Path, at: f64, part: Region) -> Result<Option<usize>> {
    Ok(camera_seen(judge::frame_at(path, at)?.mean_rgb(part.part(BORDER))))
}

#[test]
fn four_network_cameras_and_a_microphone_become_one_program_switched_by_cues() -> Result<()> {
    let cameras: Vec<Camera> = (0..4).map(|n| Camera::play(&media::small_camera(n).path()?)).collect::<Result<_>>()?;
    let mut words = Vec::new();
    for (name, camera) in ["Aisle", "Wide", "Close", "Balcony"].iter().zip(&cameras) {
        words.extend(["--camera".to_owned(), format!("{name}={}", camera.url())]);
    }
    words.extend(["--mic".to_owned(), "Room=test:sine?freq=330&volume=0.3".to_owned()]);
    let stage = Stage::new("program", &words)?;
    let cues = stage.cues(
        r#"[{"at": 4.0, "take": "Wide"}, {"at": 6.0, "take": "Balcony", "transition": "fade", "ms": 400},
            {"at": 8.0, "take": "Grid"}, {"at": 9.0, "marker": "First kiss"}, {"at": 10.0, "mute": "Room"}]"#,
    )?;
    let mut app = stage.run(&["--record", "program", "--for", "12s", "--cues", &cues])?;
    app.wait_ready(PATIENCE)?;
    app.wait_for("recording", PATIENCE, |_| true)?;
    let finished = app.finish(PATIENCE * 2)?;

    let takes: Vec<&str> = finished.all("take").filter_map(|take| take.text("/scene").ok()).collect();
    assert_eq!(takes, ["Wide", "Balcony", "Grid"]);
    assert_eq!(finished.all("marker").count(), 1);
    let file = the_file(&finished, "program")?;
    judge::decodes_clean(&file.path)?;
    let probe = Probe::of(&file.path)?;
    ensure!(
        (probe.duration()? - file.duration).abs() < 0.1,
        "{} s in the file, {} s told",
        probe.duration()?,
        file.duration
    );
    ensure!(file.duration > 11.0, "{} s of 12 s were recorded", file.duration);
    assert_eq!((probe.video()?.width, probe.video()?.height), (Some(640), Some(360)));
    ensure!(judge::longest_gap(&judge::packets(&file.path, "v:0")?) < 0.04, "frames are missing");
    let boxes = judge::box_order(&file.path)?;
    let place = |name: &str| boxes.iter().position(|b| b == name);
    ensure!(place("moov") < place("mdat") && !boxes.contains(&"moof".to_owned()), "{boxes:?}");

    let at = |t: f64| t - file.start;
    assert_eq!(seen(&file.path, at(5.2), Region::WHOLE)?, Some(1));
    assert_eq!(seen(&file.path, at(7.4), Region::WHOLE)?, Some(3));
    for (n, (column, row)) in [(0, 0), (1, 0), (0, 1), (1, 1)].into_iter().enumerate() {
        assert_eq!(seen(&file.path, at(9.4), Region::cell(column, row, 2, 2))?, Some(n), "cell {n}");
    }
    let heard = Sound::load(&file.path, 4.0, 8.0, Channel::All)?;
    ensure!((heard.dominant_hz()? - 330.0).abs() < 2.0, "{} Hz", heard.dominant_hz()?);
    let muted = Sound::load(&file.path, at(10.6), at(11.3), Channel::All)?;
    ensure!(muted.tone_db(330.0) < -55.0, "muted, and still at {} dB", muted.tone_db(330.0));
    Ok(())
}

#[test]
fn picture_and_sound_of_a_network_camera_stay_within_one_frame() -> Result<()> {
    let camera = Camera::play(&media::beacon_camera(0).path()?)?;
    let words = ["--camera".to_owned(), format!("Aisle={}", camera.url()), "--scenes".into(), "each".into()];
    let stage = Stage::new("beacon", &words)?;
    let finished = stage.run(&["--record", "program,iso", "--for", "14s"])?.finish(PATIENCE * 3)?;
    for kind in ["program", "iso"] {
        let beats = beacon::offsets(&the_file(&finished, kind)?.path, FLASH)?;
        ensure!(beats.len() >= 8, "{kind}: {} beats", beats.len());
        // Until a network camera's first RTCP report nobody knows how its picture and sound belong together.
        for beat in beats.iter().filter(|beat| beat.flash > 1.5) {
            ensure!(
                beat.skew().abs() <= 1.0 / 30.0,
                "{kind}: at {:.2} s sound is {:.1} ms late",
                beat.flash,
                beat.skew() * 1e3
            );
        }
    }
    Ok(())
}

#[test]
fn a_cameras_own_file_has_its_own_bytes() -> Result<()> {
    let clip = media::small_camera(2).path()?;
    let camera = Camera::play(&clip)?;
    let words = ["--camera".to_owned(), format!("Aisle={}", camera.url()), "--camera".into(), "Test=test:ball".into()];
    let stage = Stage::new("iso", &words)?;
    let finished = stage.run(&["--record", "iso", "--for", "8s"])?.finish(PATIENCE * 2)?;
    let files = finished.stopped()?.files()?;
    assert_eq!(files.len(), 2, "{files:?}");
    for file in &files {
        judge::decodes_clean(&file.path)?;
        ensure!(file.duration > 4.0, "{file:?}");
    }
    let sizes = |path: &std::path::Path| -> Result<Vec<u64>> {
        Ok(judge::packets(path, "v:0")?.iter().map(|packet| packet.size).collect())
    };
    let aisle = files.iter().find(|file| file.source.as_deref() == Some("aisle")).expect("the camera's file");
    let (sent, kept) = (sizes(&clip)?, sizes(&aisle.path)?);
    // Every picture between two keyframes is as long as it was sent; a delimiter of six bytes may stand before each of them.
    let run = &kept[1..20.min(kept.len())];
    let looped: Vec<u64> = sent.iter().chain(&sent).copied().collect();
    let untouched = looped.windows(run.len()).any(|window| {
        [0, 6].iter().any(|delimiter| window.iter().zip(run).all(|(sent, kept)| sent + delimiter == *kept))
    });
    ensure!(untouched, "re-encoded: {run:?}");
    Ok(())
}
