//! The RTMP server takes, refuses, records and comes back.

use std::time::Duration;

use anyhow::{Result, ensure};
use pulse_tests::{cleanup::Workdir, judge::capture, media, nginx_rtmp, rtmp, wait::wait_until};

use super::{is_camera, shows_camera};

const SOON: Duration = Duration::from_secs(15);

#[test]
fn a_platform_tells_records_and_plays_what_it_is_sent() -> Result<()> {
    let folder = Workdir::new("platform")?;
    let mut server = nginx_rtmp::Server::start()?;
    ensure!(server.streams()?.is_empty());
    let clip = media::small_camera(3).path()?;
    let mut encoder = rtmp::Encoder::publish(&clip, &server.url("live", "wedding"))?;
    let stream = server.wait_published("live", "wedding", SOON)?;
    ensure!(
        stream.video == Some(("H264".to_owned(), 640, 360)) && stream.audio.as_deref() == Some("AAC"),
        "{stream:?}"
    );
    let path = folder.join("played.mkv");
    capture(server.url("live", "wedding"), &[], 3.0, &path)?;
    shows_camera(&path, 3)?;
    ensure!(rtmp::Encoder::publish_once(&clip, &server.url("live", "wedding")).is_err(), "a second one is let in");

    server.kill();
    ensure!(!encoder.process().wait_exit(SOON)?.success(), "the encoder did not notice");
    let recordings = server.recordings("wedding")?;
    ensure!(recordings.len() == 1, "{recordings:?}");
    is_camera(&recordings[0], 3)?;
    server.restart()?;
    ensure!(server.streams()?.is_empty(), "it is still the old one");
    let _again = rtmp::Encoder::publish(&clip, &server.url("live", "wedding"))?;
    server.wait_published("live", "wedding", SOON)?;
    wait_until("a second recording", SOON, || server.recordings("wedding").is_ok_and(|all| all.len() == 2))
}

#[test]
fn a_platform_lets_in_only_who_knows_the_key() -> Result<()> {
    let server = nginx_rtmp::Server::start()?;
    let clip = media::small_camera(4).path()?;
    ensure!(rtmp::Encoder::publish_once(&clip, &server.url("keyed", "open-sesame")).is_err(), "a stranger is let in");
    let _encoder = rtmp::Encoder::publish(&clip, &server.url("keyed", nginx_rtmp::KEY))?;
    server.wait_published("keyed", nginx_rtmp::KEY, SOON)?;
    ensure!(server.asked() == ["open-sesame", nginx_rtmp::KEY], "{:?}", server.asked());
    Ok(())
}

#[test]
fn a_platform_speaks_tls_to_who_trusts_it() -> Result<()> {
    let folder = Workdir::new("platform")?;
    let server = nginx_rtmp::Server::start()?;
    let _encoder = rtmp::Encoder::publish(&media::small_camera(5).path()?, &server.tls_url("live", "secret"))?;
    server.wait_published("live", "secret", SOON)?;
    let authority = server.authority().display().to_string();
    let path = folder.join("played.mkv");
    let trusting = ["-tls_verify", "1", "-ca_file", &authority];
    capture(server.tls_url("live", "secret"), &trusting, 3.0, &path)?;
    shows_camera(&path, 5)?;
    let stranger = nginx_rtmp::Server::start()?.authority().display().to_string();
    let error = capture(server.tls_url("live", "secret"), &["-tls_verify", "1", "-ca_file", &stranger], 1.0, &path);
    ensure!(error.is_err(), "any authority will do");
    Ok(())
}
