//! Receivers over SRT and RTMP say when a picture came, how old it was and keep what they were sent.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    clock::{self, Latency},
    judge::Region,
    media, nginx_rtmp, pipewire,
    receiver::{Receiver, Seen},
    rtmp,
    rtsp::{self, Feed},
    srt,
    wait::{free_udp_port, wait_until},
};

use super::is_camera;

const SOON: Duration = Duration::from_secs(15);

/// Wants pictures with clocks that are not older than so many milliseconds.
fn are_young(seen: &[Seen], oldest: f64) -> Result<()> {
    let read: Vec<_> = seen.iter().filter_map(Seen::latency).collect();
    ensure!(read.len() * 100 >= seen.len() * 95, "the clock was read in {} of {}", read.len(), seen.len());
    let latency = Latency::of(read).context("no picture")?;
    ensure!(latency.median > 0.0 && latency.p95 < oldest, "{latency:?}");
    Ok(())
}

/// Waits for so many pictures.
fn some(receiver: &Receiver, count: usize) -> Result<Vec<Seen>> {
    wait_until("enough pictures", SOON, || receiver.seen().len() >= count)?;
    Ok(receiver.seen())
}

#[test]
fn an_srt_receiver_is_called_killed_and_called_again() -> Result<()> {
    let mut receiver = srt::Receiver::listen("passphrase=correct-horse")?;
    let clip = media::small_camera(2).path()?;
    let stranger = receiver.url().replace("correct", "wrong");
    ensure!(srt::Camera::send_once(&stranger, &clip).is_err(), "a stranger is let in");
    for _ in 0..2 {
        let mut camera = srt::Camera::send(&receiver.url(), &clip)?;
        receiver.pictures().wait_first(SOON)?;
        some(receiver.pictures(), 75)?;
        camera.kill();
        receiver.kill();
        is_camera(&receiver.file(), 2)?;
        receiver.restart()?;
    }
    Ok(())
}

#[test]
fn an_srt_receiver_calls_and_reads_the_clock() -> Result<()> {
    let camera = clock::Camera::srt((640, 360), 30)?;
    let port = camera.url().split([':', '?']).nth(2).context("no port")?.parse()?;
    let mut receiver = srt::Receiver::call(port, "latency=50000")?;
    receiver.pictures().wait_first(SOON)?;
    // The first pictures come from before the receiver had its pace.
    let seen = some(receiver.pictures(), 90)?;
    are_young(&seen[30..], 1_000.0)
}

#[test]
fn an_srt_receiver_waits_for_whom_it_calls() -> Result<()> {
    let port = free_udp_port()?;
    let mut receiver = srt::Receiver::call(port, "")?;
    let _camera = srt::Camera::listen_on(port, &media::small_camera(1).path()?, "")?;
    receiver.pictures().wait_first(SOON).map(|_| ())
}

#[test]
fn an_rtmp_platform_is_watched() -> Result<()> {
    let server = nginx_rtmp::Server::start()?;
    let url = server.url("live", "wedding");
    let _encoder = rtmp::Encoder::publish(&media::small_camera(6).path()?, &url)?;
    server.wait_published("live", "wedding", SOON)?;
    let mut receiver = Receiver::open(&url, &[], None, Region::WHOLE)?;
    let first = receiver.wait_first(SOON)?;
    ensure!(first.clock.is_none(), "a clock where there is none: {first:?}");
    ensure!(receiver.wait_next(SOON)?.wall > first.wall);
    server_is_gone(server, receiver)
}

fn server_is_gone(mut server: nginx_rtmp::Server, mut receiver: Receiver) -> Result<()> {
    server.kill();
    receiver.process().wait_exit(SOON)?;
    let error = receiver.wait_next(SOON).err().context("pictures from nowhere")?;
    ensure!(format!("{error:#}").contains("ended"), "{error:#}");
    Ok(())
}

#[test]
fn an_rtsp_camera_and_a_device_draw_the_clock() -> Result<()> {
    let camera = rtsp::Camera::start(Feed::Drawn(vec!["--clock".to_owned()]), None)?;
    let receiver = Receiver::open(&camera.url(), &["-rtsp_transport", "tcp"], None, Region::WHOLE)?;
    are_young(&some(&receiver, 90)?[30..], 1_000.0)?;

    let session = pipewire::Session::start()?;
    let _camera = clock::Camera::device((640, 360), 30, "clock-cam", session.env())?;
    session.wait_camera("clock-cam")
}
