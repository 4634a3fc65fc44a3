//! The program in a LiveKit room and at a WHIP endpoint, as a viewer gets it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use pulse_tests::{
    app::{App, Finished},
    clock::{self, Latency},
    judge,
    livekit::{Grant, SECRET, Server, token},
    rtsp::{Camera, Feed},
    subscriber::{Event, Subscriber, Track, What},
};

use super::stage::{PATIENCE, Stage};

/// How long the program may take into a room: a busy machine may need a second try.
const LIVE: Duration = Duration::from_secs(30);
const ROOM: &str = "wedding";
const TONE_HZ: f64 = 440.0;
/// What the tracks are called in a room.
const VIDEO: &str = "program";
const AUDIO: &str = "program-audio";

/// A show of one camera with a clock in its picture and a tone.
struct Scene {
    stage: Stage,
    _camera: Camera,
}

impl Scene {
    fn new(name: &str) -> Result<Self> {
        let camera = Camera::start(Feed::Drawn(vec!["--clock".to_owned()]), None)?;
        let words = [
            "--camera".to_owned(),
            format!("Clock={}", camera.url()),
            "--mic".to_owned(),
            format!("Tone=test:sine?freq={TONE_HZ}&volume=0.3"),
            "--scenes".to_owned(),
            "each".to_owned(),
        ];
        Ok(Self { stage: Stage::new(name, &words)?, _camera: camera })
    }

    /// Runs it, recording and publishing to `address`.
    fn run(&self, address: &str, variables: Vec<(String, String)>) -> Result<App> {
        self.stage.run_in(&["--record", "program", "--publish", address], variables)
    }
}

fn livekit(server: &Server, more: &str) -> String {
    format!("livekit:{}?room={ROOM}&identity=studio{more}", server.url())
}

fn whip(server: &Server) -> String {
    format!("whip:{}", server.whip_url())
}

/// Ends the show; no frame is missing in its recording of at least so many seconds, whatever happened to the room.
fn end(mut app: App, least: f64) -> Result<Finished> {
    app.terminate()?;
    let finished = app.finish(PATIENCE)?;
    let file = finished.all("stopped").last().context("no last word")?.files()?.remove(0);
    judge::decodes_clean(&file.path)?;
    ensure!(file.duration > least, "{} s were recorded; {}", file.duration, finished.log);
    let gap = judge::longest_gap(&judge::packets(&file.path, "v:0")?);
    ensure!(gap < 0.04, "the recording has a gap of {gap:.3} s");
    Ok(finished)
}

/// The program's tracks, picture and sound, that a viewer is given.
fn tracks(viewer: &mut Subscriber) -> Result<[Track; 2]> {
    let mut found = [None, None];
    viewer.wait_for("the program's tracks", LIVE, |event| {
        if let What::Track(track) = &event.what {
            found[usize::from(track.kind == "audio")] = Some(track.clone());
        }
        found.iter().all(Option::is_some).then_some(())
    })?;
    let [Some(video), Some(audio)] = found else { bail!("{found:?}") };
    ensure!(video.identity == "studio" && video.mime.eq_ignore_ascii_case("video/h264"), "{video:?}");
    Ok([video, audio])
}

/// What is seen and heard of the program for two seconds is right; gives how old the pictures are.
fn judge_program(viewer: &mut Subscriber, [video, audio]: &[Track; 2]) -> Result<Latency> {
    viewer.next_frame(&video.sid, PATIENCE)?;
    viewer.next_sound(&audio.sid, PATIENCE)?;
    viewer.watch(Duration::from_secs(1))?;
    let seen = viewer.watch(Duration::from_secs(2))?;
    let frames: Vec<_> = seen.iter().filter_map(|event| event.frame(&video.sid)).collect();
    // On a busy machine WebRTC sends less of them.
    ensure!((10..=80).contains(&frames.len()), "{} frames in 2 s", frames.len());
    ensure!(frames.iter().all(|frame| (frame.width, frame.height) == (640, 360)), "{:?}", frames[0]);
    let read = frames.iter().filter(|frame| frame.clock.is_some()).count();
    ensure!(read * 5 >= frames.len() * 4, "the clock was read in {read} of {} frames", frames.len());
    let sounds: Vec<_> = seen.iter().filter_map(|event| event.sound(&audio.sid)).collect();
    ensure!((15..=25).contains(&sounds.len()), "{} tenths of sound in 2 s", sounds.len());
    let right = sounds.iter().filter(|heard| (heard.hz - TONE_HZ).abs() < 3.0 && heard.levels_db[0] > -40.0).count();
    ensure!(right * 10 >= sounds.len() * 9, "the tone was heard in {right} of {} tenths: {sounds:?}", sounds.len());
    let ages: Vec<f64> = seen.iter().filter_map(Event::latency).collect();
    // A camera's own delay is in it. On a busy machine some pictures are older, but never all of them.
    let youngest = ages.iter().copied().fold(f64::INFINITY, f64::min);
    ensure!((0.0..500.0).contains(&youngest), "no picture is younger than {youngest:.0} ms");
    Latency::of(ages).context("no clock")
}

/// How often x264 was begun, by what it says itself.
fn encoders_begun(log: &str) -> usize {
    log.matches("using cpu capabilities").count()
}

#[test]
fn a_viewer_sees_and_hears_the_program_while_it_is_encoded_once_for_room_and_recording() -> Result<()> {
    let (server, scene) = (Server::start()?, Scene::new("livekit")?);
    let mut viewer = Subscriber::join(&server, ROOM)?;
    let told = ("GST_DEBUG".to_owned(), "x264enc:4".to_owned());
    let mut app = scene.run(&livekit(&server, ""), [Server::env(), vec![told.clone()]].concat())?;
    let began = app.wait_ready(PATIENCE).map(|ready| clock::wall_ms() as f64 - ready.t * 1e3)?;
    let tracks = tracks(&mut viewer)?;
    assert_eq!(tracks.each_ref().map(|track| track.name.as_str()), [VIDEO, AUDIO]);
    let first = viewer.wait_for("a frame", PATIENCE, |event| event.frame(&tracks[0].sid).map(|_| event.wall))?;
    app.wait_for("publishing", LIVE, |_| true)?;
    let latency = judge_program(&mut viewer, &tracks)?;
    println!("first frame {:.0} ms after the program began; then {latency:?}", first - began);
    let finished = end(app, 3.0)?;
    let alone = scene.stage.run_in(&["--record", "program", "--for", "1s"], [told])?.finish(PATIENCE)?;
    let (begun, needed) = (encoders_begun(&finished.log), encoders_begun(&alone.log));
    ensure!(needed > 0 && begun == needed, "{begun} encoders for room and recording, {needed} for the recording alone");
    ensure!(!finished.log.contains(SECRET) && !format!("{:?}", finished.events).contains(SECRET), "the secret is told");
    Ok(())
}

#[test]
fn a_killed_server_has_the_program_again_when_it_is_back_and_the_recording_lost_nothing() -> Result<()> {
    let (mut server, scene) = (Server::start()?, Scene::new("livekit-killed")?);
    let mut app = scene.run(&livekit(&server, ""), Server::env())?;
    app.wait_for("publishing", LIVE, |_| true)?;
    server.kill();
    let retrying = app.wait_for("output_retrying", PATIENCE, |_| true)?;
    ensure!(retrying.text("/output")?.starts_with("publish:"), "{retrying:?}");
    server.restart()?;
    let mut viewer = Subscriber::join(&server, ROOM)?;
    app.wait_for("publishing", LIVE, |_| true)?;
    let tracks = tracks(&mut viewer)?;
    judge_program(&mut viewer, &tracks)?;
    end(app, 3.0).map(|_| ())
}

#[test]
fn a_server_that_takes_nothing_any_more_is_noticed_and_the_recording_lost_nothing() -> Result<()> {
    let (mut server, scene) = (Server::start()?, Scene::new("livekit-frozen")?);
    let mut app = scene.run(&livekit(&server, ""), Server::env())?;
    app.wait_for("publishing", LIVE, |_| true)?;
    server.process().freeze()?;
    let retrying = app.wait_for("output_retrying", PATIENCE, |_| true)?;
    ensure!(retrying.text("/cause")?.contains("takes nothing"), "{retrying:?}");
    server.process().thaw()?;
    app.wait_for("publishing", LIVE, |_| true)?;
    end(app, 5.0).map(|_| ())
}

#[test]
fn a_wrong_token_is_named_and_the_show_goes_on() -> Result<()> {
    let (server, scene) = (Server::start()?, Scene::new("livekit-token")?);
    let wrong = token(ROOM, "studio", Grant::Publish)?.replace('.', ".x");
    for (address, variables) in [
        (livekit(&server, &format!("&token={wrong}")), vec![]),
        (whip(&server), vec![("WHIP_TOKEN".to_owned(), wrong.clone())]),
        (livekit(&server, ""), vec![]),
    ] {
        let all = [variables, vec![("PULSE_LOG".to_owned(), "trace".to_owned())]].concat();
        let mut app = scene.run(&address, all)?;
        let failed = app.wait_for("output_failed", PATIENCE, |_| true)?;
        ensure!(failed.text("/cause")?.contains("token"), "{failed:?}");
        app.wait_for("stats", PATIENCE, |stats| stats.t > failed.t + 1.0)?;
        let finished = end(app, 1.0)?;
        ensure!(finished.log.contains("DEBUG"), "there is no log to look into");
        ensure!(!finished.log.contains(&wrong), "the token is in the log");
        ensure!(!format!("{:?}", finished.events).contains(&wrong), "the token is in an event");
    }
    Ok(())
}

#[test]
fn a_whip_endpoint_gives_the_program_to_its_viewers() -> Result<()> {
    let (server, scene) = (Server::start()?, Scene::new("whip")?);
    let mut viewer = Subscriber::join(&server, ROOM)?;
    let bearer = ("WHIP_TOKEN".to_owned(), token(ROOM, "studio", Grant::Publish)?);
    let mut app = scene.run(&whip(&server), vec![bearer])?;
    app.wait_for("publishing", LIVE, |_| true)?;
    let tracks = tracks(&mut viewer)?;
    let latency = judge_program(&mut viewer, &tracks)?;
    println!("{latency:?}");
    end(app, 3.0).map(|_| ())
}
