//! Every kind of source, whatever its shape, ends up on the canvas; whatever is wrong with one is told and stays its own trouble.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use pulse_tests::{
    app::App,
    http,
    judge::{self, Region, Rgb, colour_distance},
    media::{self, BORDER, PALETTE, camera_seen},
    rtmp,
    sound::{Channel, Sound},
    srt,
    wait::free_tcp_port,
};

use super::stage::{PATIENCE, Stage, the_file};

/// Records a show of one camera until `seconds` after its first picture, and gives the file.
fn recorded(
    name: &str,
    address: &str,
    seconds: f64,
    before: impl FnOnce(&mut App) -> Result<()>,
) -> Result<(Stage, std::path::PathBuf)> {
    let stage = Stage::new(name, &["--camera", &format!("Cam={address}"), "--scenes", "each"])?;
    let mut app = stage.run(&["--record", "program"])?;
    app.wait_ready(PATIENCE)?;
    before(&mut app)?;
    let live =
        app.wait_for("stats", PATIENCE, |stats| stats.text("/sources/cam/state").is_ok_and(|state| state == "live"))?;
    app.wait_for("stats", PATIENCE, |stats| stats.t > live.t + seconds)?;
    app.terminate()?;
    let finished = app.finish(PATIENCE)?;
    let file = finished.all("stopped").last().map(|stopped| stopped.files()).transpose()?.unwrap_or_default();
    ensure!(file.len() == 1, "{}: {}", name, finished.log);
    let path = file[0].path.clone();
    Ok((stage, path))
}

/// The camera whose border is seen near the end of a recording.
fn at_the_end(path: &Path, part: Region) -> Result<Rgb> {
    let end = judge::Probe::of(path)?.duration()?;
    Ok(judge::frame_at(path, end - 0.6)?.mean_rgb(part))
}

fn shows(name: &str, address: &str, camera: usize) -> Result<()> {
    let (_stage, path) = recorded(name, address, 1.5, |_| Ok(()))?;
    let colour = at_the_end(&path, BORDER)?;
    ensure!(camera_seen(colour) == Some(camera), "{name}: {colour:?}");
    Ok(())
}

#[test]
fn a_file_is_looped_without_end() -> Result<()> {
    let clip = media::variable_rate()?;
    let (_stage, path) = recorded("loop", &format!("file:{}?loop", clip.display()), 8.0, |_| Ok(()))?;
    assert_eq!(camera_seen(at_the_end(&path, BORDER)?), Some(0));
    Ok(())
}

#[test]
fn http_live_streaming_and_moving_jpeg_are_played() -> Result<()> {
    let live = http::LiveHls::start(&media::small_camera(3).path()?)?;
    shows("hls", &live.url(), 3)?;
    let jpeg = http::Server::moving_jpeg(&media::small_camera(4).path()?)?;
    shows("mjpeg", &jpeg.url("cam.mjpg"), 4)
}

#[test]
fn srt_is_called_and_listened_for() -> Result<()> {
    let camera = srt::Camera::listen(&media::small_camera(1).path()?, "")?;
    shows("srt-caller", camera.url(), 1)?;
    let port = pulse_tests::wait::free_udp_port()?;
    let mut caller = None;
    let address = format!("srt://:{port}?mode=listener");
    let (_stage, path) = recorded("srt-listener", &address, 1.5, |_| {
        caller = Some(srt::Camera::call(port, &media::small_camera(2).path()?, "")?);
        Ok(())
    })?;
    assert_eq!(camera_seen(at_the_end(&path, BORDER)?), Some(2));
    Ok(())
}

#[test]
fn an_rtmp_encoder_is_listened_for() -> Result<()> {
    let address = format!("rtmp://127.0.0.1:{}/live/key", free_tcp_port()?);
    let mut encoder = None;
    let (_stage, path) = recorded("rtmp", &address, 2.5, |_| {
        encoder = Some(rtmp::Encoder::publish(&media::small_camera(5).path()?, &address)?);
        Ok(())
    })?;
    assert_eq!(camera_seen(at_the_end(&path, BORDER)?), Some(5));
    Ok(())
}

#[test]
fn odd_sizes_keep_their_shape() -> Result<()> {
    shows("odd", &format!("file:{}?loop", media::odd_size()?.display()), 1)
}

#[test]
fn pixels_that_are_not_square_are_shown_in_their_shape() -> Result<()> {
    shows("anamorphic", &format!("file:{}?loop", media::anamorphic()?.display()), 3)
}

#[test]
fn a_telephone_held_upright_is_shown_upright() -> Result<()> {
    let (_stage, path) = recorded("rotated", &format!("file:{}?loop", media::rotated()?.display()), 1.5, |_| Ok(()))?;
    // 720×1280 in 640×360 is a pillar of 202 pixels: one half above the other, black beside it.
    let top = at_the_end(&path, Region::new(0.45, 0.1, 0.1, 0.2))?;
    let bottom = at_the_end(&path, Region::new(0.45, 0.7, 0.1, 0.2))?;
    let beside = at_the_end(&path, Region::new(0.1, 0.4, 0.1, 0.2))?;
    let mut halves = [camera_seen(top), camera_seen(bottom)];
    halves.sort_unstable();
    assert_eq!(halves, [Some(0), Some(2)], "{top:?} above {bottom:?}");
    ensure!(colour_distance(beside, [0, 0, 0]) < 12, "{beside:?} beside it");
    Ok(())
}

#[test]
fn mono_at_44100_and_surround_sound_become_48000_stereo() -> Result<()> {
    for (name, clip, hertz) in [("mono", media::mono_44100()?, 550.0), ("surround", media::surround()?, 0.0)] {
        let words = ["--camera", "Cam=test:smpte", "--mic", &format!("Room=file:{}?loop", clip.display())];
        let stage = Stage::new(name, &words)?;
        let finished = stage.run(&["--record", "program", "--for", "5s"])?.finish(PATIENCE)?;
        let file = the_file(&finished, "program")?;
        let probe = judge::Probe::of(&file.path)?;
        assert_eq!((probe.audio()?.sample_rate, probe.audio()?.channels), (Some(48_000), Some(2)), "{name}");
        for channel in [0, 1] {
            let sound = Sound::load(&file.path, 2.0, 4.0, Channel::One(channel))?;
            ensure!(sound.rms_db() > -40.0, "{name}: channel {channel} has {} dB", sound.rms_db());
            if hertz > 0.0 {
                ensure!((sound.dominant_hz()? - hertz).abs() < 2.0, "{name}: {} Hz", sound.dominant_hz()?);
                ensure!((sound.rms_db() + 15.0).abs() < 1.5, "{name}: {} dB", sound.rms_db());
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_wrong_with_a_source_is_told_by_its_name_and_the_show_goes_on() -> Result<()> {
    let nobody = free_tcp_port()?;
    let broken = media::garbage()?;
    let words = [
        "--camera".to_owned(),
        format!("Gone=rtsp://anna:secret@127.0.0.1:{nobody}/cam"),
        "--camera".into(),
        "Missing=file:/nowhere/at/all.mp4".into(),
        "--camera".into(),
        format!("Broken=file:{}", broken.display()),
        "--camera".into(),
        "Good=test:ball".into(),
    ];
    let stage = Stage::new("wrong", &words)?;
    let finished = stage.run(&["--record", "program", "--for", "6s"])?.finish(PATIENCE)?;
    for (source, code) in
        [("gone", "source_unreachable"), ("missing", "source_missing_file"), ("broken", "source_broken")]
    {
        let told: Vec<_> =
            finished.all("source_lost").filter(|e| e.text("/source").is_ok_and(|s| s == source)).collect();
        ensure!(told.len() == 1, "{source}: told {} times", told.len());
        assert_eq!(told[0].text("/code")?, code, "{:?}", told[0]);
        ensure!(!told[0].text("/cause")?.contains("secret"), "a password in {:?}", told[0]);
    }
    ensure!(!finished.log.contains("secret"), "a password in the log");
    let file = the_file(&finished, "program")?;
    ensure!(file.duration > 4.5, "{file:?}");
    judge::decodes_clean(&file.path)
}

#[test]
fn a_camera_that_stands_still_is_noticed() -> Result<()> {
    let mut camera = pulse_tests::rtsp::Camera::play(&media::small_camera(1).path()?)?;
    let stage = Stage::new("frozen", &["--camera", &format!("Aisle={}", camera.url())])?;
    let mut app = stage.run(&[])?;
    app.wait_for("stats", PATIENCE, |stats| stats.text("/sources/aisle/state").is_ok_and(|state| state == "live"))?;
    camera.process().freeze()?;
    let lost = app.wait_for("source_lost", Duration::from_secs(4), |_| true)?;
    assert_eq!(lost.text("/code")?, "source_frozen");
    camera.process().thaw()?;
    app.wait_for("source_back", Duration::from_secs(3), |_| true)?;
    Ok(())
}

#[test]
fn a_name_on_a_picture_is_white_on_the_palette() {
    // The judge must be able to tell a slate from every camera, or the tests above prove nothing.
    assert_eq!(camera_seen([23, 20, 18]), None);
    assert_eq!(camera_seen(PALETTE[6]), Some(6));
}
