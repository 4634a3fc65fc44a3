//! The LiveKit server, its viewer and the clock in the picture, tried with LiveKit's own publisher.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    child::{Child, run},
    cleanup::Workdir,
    clock::{self, Latency},
    judge::{Region, colour_distance, ffmpeg, frame_at},
    livekit::Server,
    media::PALETTE,
    proxy::Weather,
    publisher::{AUDIO, Publisher, VIDEO},
    subscriber::{Quality, Subscriber, What},
    wait::wait_until,
};

const SOON: Duration = Duration::from_secs(15);
/// WebRTC gives the larger layers up while a machine is busy, and tries them again later.
const LONG: Duration = Duration::from_secs(40);

#[test]
fn a_viewer_sees_hears_and_reads_the_clock() -> Result<()> {
    let server = Server::start()?;
    let mut viewer = Subscriber::join(&server, "wedding")?;
    let _publisher = Publisher::join(&server, "wedding", (640, 360), 700, false)?;
    let video = viewer.track("video", VIDEO, SOON)?;
    let audio = viewer.track("audio", AUDIO, SOON)?;
    ensure!((video.identity.as_str(), video.mime.to_lowercase().as_str()) == ("publisher", "video/h264"), "{video:?}");
    ensure!((video.width, video.height, video.simulcast) == (640, 360, false), "{video:?}");
    viewer.next_frame(&video.sid, SOON)?;
    viewer.next_sound(&audio.sid, SOON)?;
    viewer.watch(Duration::from_secs(1))?;
    let seen = viewer.watch(Duration::from_secs(3))?;

    let frames: Vec<_> = seen.iter().filter_map(|event| event.frame(&video.sid)).collect();
    // On a busy machine WebRTC sends less of them.
    ensure!((30..=100).contains(&frames.len()), "{} frames in 3 s", frames.len());
    let read = frames.iter().filter(|frame| frame.clock.is_some()).count();
    ensure!(read * 100 >= frames.len() * 98, "the clock was read in {read} of {} frames", frames.len());
    let first = frames[0];
    ensure!((first.width, first.height) == (640, 360), "{first:?}");
    // The top right of the picture has nothing but the colour.
    ensure!(colour_distance(first.cells[3], PALETTE[0]) <= 12, "{:?}", first.cells);
    ensure!(frames.windows(2).all(|pair| pair[0].clock <= pair[1].clock), "the clock goes back");

    let latency = Latency::of(seen.iter().filter_map(|event| event.latency())).context("no clock")?;
    ensure!(latency.median > 0.0 && latency.p95 < 400.0, "{latency:?}");

    let sounds: Vec<_> = seen.iter().filter_map(|event| event.sound(&audio.sid)).collect();
    ensure!((25..=35).contains(&sounds.len()), "{} tenths of sound in 3 s", sounds.len());
    for sound in sounds {
        ensure!((sound.hz - 700.0).abs() < 3.0 && sound.samples == 4_800, "{sound:?}");
        ensure!(sound.levels_db.iter().all(|level| (level + 15.0).abs() < 1.0), "{sound:?}");
    }
    ensure!(server.participants("wedding")?.len() == 2 && server.participants("funeral")?.is_empty());
    Ok(())
}

#[test]
fn a_killed_server_comes_back_and_lets_everybody_in() -> Result<()> {
    let mut server = Server::start()?;
    let mut viewer = Subscriber::join(&server, "wedding")?;
    server.kill();
    viewer.wait_for("a lost connection", SOON, |event| (event.what == What::Reconnecting).then_some(()))?;
    ensure!(Subscriber::join(&server, "wedding").is_err(), "it is still there");
    server.restart()?;
    viewer.wait_for("the connection", SOON, |event| (event.what == What::Reconnected).then_some(()))?;
    Subscriber::join_at(&server.url(), "wedding", "another", Region::WHOLE).map(|_| ())
}

#[test]
fn a_viewer_chooses_a_layer() -> Result<()> {
    let server = Server::start()?;
    let mut viewer = Subscriber::join(&server, "wedding")?;
    let _publisher = Publisher::join(&server, "wedding", (960, 540), 500, true)?;
    let sid = viewer.track("video", VIDEO, SOON)?.sid;
    for (quality, width) in [(Quality::Low, 320), (Quality::Medium, 640), (Quality::High, 960), (Quality::Low, 320)] {
        viewer.ask_quality(&sid, quality)?;
        viewer.wait_for(&format!("a picture {width} wide"), LONG, |event| {
            event.frame(&sid).filter(|frame| frame.width == width).map(|_| ())
        })?;
    }
    viewer.subscribe(&sid, false)?;
    viewer.wait_for("the track to be left", SOON, |event| {
        (event.what == What::TrackGone { sid: sid.clone() }).then_some(())
    })
}

#[test]
fn a_recorded_clock_is_read_and_noise_is_none() -> Result<()> {
    let folder = Workdir::new("clock")?;
    let (path, small) = (folder.join("clock.mkv"), folder.join("small.mkv"));
    let before = clock::wall_ms();
    let (_camera, frames) = Child::start_piped("a camera with a clock", &mut clock::raw((1280, 720), 30)?)?;
    let mut encode = ffmpeg();
    encode.args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "1280x720", "-r", "30", "-i", "-", "-frames:v", "60"]);
    encode.args(["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "600k"]).arg(&path).stdin(frames);
    Child::start("an encoder", &mut encode)?.wait_success(SOON)?;
    let after = clock::wall_ms();
    // A quarter of a grid, at the size of a thumbnail.
    let grid = "scale=320:180,pad=640:360:320:0";
    run(ffmpeg().arg("-i").arg(&path).args(["-vf", grid, "-preset", "ultrafast", "-b:v", "400k"]).arg(&small))?;
    for (path, region) in [(&path, Region::WHOLE), (&small, Region::cell(1, 0, 2, 2))] {
        let (first, later) = (frame_at(path, 0.0)?, frame_at(path, 1.0)?);
        let read = |picture| clock::read(picture, region).with_context(|| format!("no clock in {}", path.display()));
        let (first, later) = (read(&first)?, read(&later)?);
        // On a busy machine the camera leaves frames out.
        ensure!(before <= first && first + 900 <= later && later <= after, "{before} {first} {later} {after}");
        ensure!(clock::read(&frame_at(path, 1.0)?, Region::cell(0, 0, 2, 2)).is_none(), "a clock where there is none");
    }
    Ok(())
}

#[test]
fn a_room_behind_a_bad_network_goes_quiet_and_comes_back() -> Result<()> {
    let (server, network) = Server::start_behind_network()?;
    let mut viewer = Subscriber::join_at(&network.url(), "wedding", "viewer", Region::WHOLE)?;
    let _publisher = Publisher::join_at(&network.url(), "wedding", (640, 360), 500, false)?;
    let sid = viewer.track("video", VIDEO, SOON)?.sid;
    viewer.next_frame(&sid, SOON)?;
    wait_until("media on their way through the proxy", SOON, || {
        let passed = network.media.passed();
        passed.up > 200_000 && passed.down > 200_000
    })?;

    network.media.set(Weather::Mute);
    viewer.watch(Duration::from_millis(500))?;
    let quiet = viewer.watch(Duration::from_secs(2))?;
    ensure!(!quiet.iter().any(|event| event.frame(&sid).is_some()), "pictures come through a mute network");
    network.media.set(Weather::Fair);
    viewer.next_frame(&sid, SOON)?;

    network.set(Weather::Cut);
    viewer.wait_for("a lost connection", SOON, |event| (event.what == What::Reconnecting).then_some(()))?;
    network.set(Weather::Fair);
    viewer.wait_for("the connection", SOON, |event| (event.what == What::Reconnected).then_some(()))?;
    wait_until("both to be back", SOON, || server.participants("wedding").is_ok_and(|who| who.len() == 2))
}
