//! Cameras, senders and servers on the network send what they are given, go away and come back.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use pulse_tests::{
    beacon,
    child::Child,
    cleanup::Workdir,
    http,
    judge::{Probe, capture, ffmpeg},
    media::{self, FLASH},
    rtmp,
    rtsp::{self, Feed},
    srt,
    wait::{free_tcp_port, free_udp_port},
};

use super::{is_camera, shows_camera};

const TCP: [&str; 2] = ["-rtsp_transport", "tcp"];
const SOON: Duration = Duration::from_secs(15);

#[test]
fn an_rtsp_camera_loops_without_a_seam() -> Result<()> {
    let folder = Workdir::new("rtsp")?;
    let path = folder.join("loop.mkv");
    let camera = rtsp::Camera::play(&media::beacon_camera(2).path()?)?;
    capture(camera.url(), &TCP, 10.0, &path)?;
    shows_camera(&path, 2)?;
    let beats = beacon::offsets(&path, FLASH)?;
    ensure!(beats.len() >= 9, "{beats:?}");
    ensure!(beats.windows(2).all(|pair| (pair[1].flash - pair[0].flash - 1.0).abs() < 0.02), "{beats:?}");
    ensure!(beats.iter().all(|beat| beat.skew().abs() < 0.01), "{beats:?}");
    Ok(())
}

#[test]
fn an_rtsp_camera_is_killed_and_comes_back_at_its_address() -> Result<()> {
    let folder = Workdir::new("rtsp")?;
    let mut camera = rtsp::Camera::play(&media::small_camera(1).path()?)?;
    capture(camera.url(), &TCP, 2.0, &folder.join("before.mkv"))?;
    is_camera(&folder.join("before.mkv"), 1)?;
    camera.kill();
    ensure!(capture(camera.url(), &TCP, 1.5, &folder.join("gone.mkv")).is_err(), "it is still there");
    camera.restart()?;
    capture(camera.url(), &["-rtsp_transport", "udp"], 2.0, &folder.join("after.mkv"))?;
    is_camera(&folder.join("after.mkv"), 1)
}

/// Reads lines of ffmpeg's progress until more frames have come than before.
fn more_frames(client: &Child, before: u64, within: Duration) -> Result<u64> {
    client.wait_line("more frames", within, |line| {
        line.strip_prefix("frame=")?.trim().parse().ok().filter(|frames| *frames > before)
    })
}

#[test]
fn a_frozen_rtsp_camera_sends_nothing_and_goes_on_when_thawed() -> Result<()> {
    let mut camera = rtsp::Camera::play(&media::small_camera(3).path()?)?;
    let mut command = ffmpeg();
    command.args(TCP).args(["-i", &camera.url(), "-c", "copy", "-progress", "pipe:1", "-f", "null", "-"]);
    let client = Child::start("client", &mut command)?;
    let mut frames = more_frames(&client, 0, SOON)?;
    camera.process().freeze()?;
    // What is under way arrives; then there is silence.
    while let Ok(more) = more_frames(&client, frames, Duration::from_millis(1_200)) {
        ensure!(more < frames + 120, "frames come for ever");
        frames = more;
    }
    camera.process().thaw()?;
    more_frames(&client, frames, SOON).map(|_| ())
}

#[test]
fn an_rtsp_camera_with_a_password_lets_in_only_who_knows_it() -> Result<()> {
    let folder = Workdir::new("rtsp")?;
    let drawn = ["--codec", "mjpeg", "--audio", "mono441", "--size", "320x240"].map(str::to_owned).to_vec();
    let camera = rtsp::Camera::start(Feed::Drawn(drawn), Some(("anna", "correct-horse")))?;
    let stranger = camera.url().replace("anna:correct-horse@", "");
    let path = folder.join("drawn.mkv");
    ensure!(!stranger.contains('@') && capture(stranger, &TCP, 1.0, &path).is_err(), "a stranger is let in");
    capture(camera.url(), &TCP, 1.0, &path)?;
    let probe = Probe::of(&path)?;
    ensure!((probe.video()?.codec_name.as_str(), probe.video()?.width) == ("mjpeg", Some(320)), "{probe:?}");
    ensure!((probe.audio()?.sample_rate, probe.audio()?.channels) == (Some(44_100), Some(1)), "{probe:?}");
    Ok(())
}

#[test]
fn an_srt_camera_is_called_again_and_again() -> Result<()> {
    let folder = Workdir::new("srt")?;
    let camera = srt::Camera::listen(&media::small_camera(4).path()?, "passphrase=correct-horse")?;
    ensure!(capture(camera.url().replace("correct", "wrong"), &[], 1.5, &folder.join("no.ts")).is_err(), "a stranger");
    for name in ["first.ts", "second.ts"] {
        capture(camera.url(), &[], 4.0, &folder.join(name))?;
        is_camera(&folder.join(name), 4)?;
    }
    Ok(())
}

/// An ffmpeg that listens, records a little of who comes, and ends.
fn listener(options: &[&str], url: &str, path: &PathBuf) -> Result<Child> {
    let mut command = ffmpeg();
    command.args(options).args(["-i", url, "-map", "0", "-c", "copy", "-t", "4.0"]).arg(path);
    Child::start(format!("listener at {url}"), &mut command)
}

#[test]
fn an_srt_camera_calls() -> Result<()> {
    let folder = Workdir::new("srt")?;
    let (port, path) = (free_udp_port()?, folder.join("called.ts"));
    let mut listener = listener(&[], &format!("srt://127.0.0.1:{port}?mode=listener"), &path)?;
    let _camera = srt::Camera::call(port, &media::small_camera(5).path()?, "")?;
    listener.wait_success(SOON)?;
    is_camera(&path, 5)
}

#[test]
fn an_rtmp_encoder_publishes() -> Result<()> {
    let folder = Workdir::new("rtmp")?;
    let (port, path) = (free_tcp_port()?, folder.join("published.mkv"));
    let url = format!("rtmp://127.0.0.1:{port}/live/key");
    let mut listener = listener(&["-listen", "1"], &url, &path)?;
    let _encoder = rtmp::Encoder::publish(&media::small_camera(6).path()?, &url)?;
    listener.wait_success(SOON)?;
    is_camera(&path, 6)
}

#[test]
fn a_web_server_serves_hls_and_comes_back_at_its_port() -> Result<()> {
    let folder = Workdir::new("http")?;
    let site = media::hls(&media::small_camera(7))?;
    let server = http::Server::files(&site)?;
    let (port, url) = (server.port(), server.url("index.m3u8"));
    capture(&url, &[], 8.0, &folder.join("whole.mkv"))?;
    is_camera(&folder.join("whole.mkv"), 7)?;
    ensure!(Probe::of(folder.join("whole.mkv"))?.video()?.packets() == 240, "not all of it");
    drop(server);
    ensure!(Probe::of(&url).is_err(), "it is still there");
    let _again = http::Server::files_on(port, &site)?;
    ensure!(Probe::of(&url)?.video()?.packets() == 240, "it is another one");
    Ok(())
}

#[test]
fn live_hls_goes_on() -> Result<()> {
    let folder = Workdir::new("hls")?;
    let live = http::LiveHls::start(&media::small_camera(8).path()?)?;
    let path = folder.join("live.mkv");
    capture(live.url(), &[], 3.0, &path)?;
    is_camera(&path, 8)
}

#[test]
fn moving_jpeg_moves_for_each_client() -> Result<()> {
    let folder = Workdir::new("mjpeg")?;
    let server = http::Server::moving_jpeg(&media::small_camera(0).path()?)?;
    for name in ["first.mkv", "second.mkv"] {
        let path = folder.join(name);
        capture(server.url("cam.mjpg"), &["-f", "mpjpeg"], 2.0, &path)?;
        ensure!(Probe::of(&path)?.video()?.codec_name == "mjpeg");
        shows_camera(&path, 0)?;
    }
    Ok(())
}
