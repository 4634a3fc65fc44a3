//! Whoever may send by RTMP is let in whenever it comes, and nobody else gets in its way.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    app::App,
    beacon::{self, Beat},
    judge,
    media::{self, CameraClip, Codec, FLASH},
    rtmp::Encoder,
    wait::{free_tcp_port, wait_for_port},
};

use super::stage::{PATIENCE, Stage};

/// What a sender must name; nothing that is logged may hold it.
const KEY: &str = "s3cret-word";

/// A show of one camera, "Phone", that waits for a sender.
struct Door {
    stage: Stage,
    port: u16,
    url: String,
}

impl Door {
    fn new(name: &str) -> Result<Self> {
        let port = free_tcp_port()?;
        let url = format!("rtmp://127.0.0.1:{port}/live/{KEY}");
        let stage = Stage::new(name, &["--camera", &format!("Phone={url}"), "--scenes", "each"])?;
        Ok(Self { stage, port, url })
    }

    /// Runs it and is back when somebody may come.
    fn open(&self, words: &[&str]) -> Result<App> {
        let mut app = self.stage.run(words)?;
        app.wait_ready(PATIENCE)?;
        wait_for_port("the studio", self.port, PATIENCE)?;
        Ok(app)
    }

    fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

fn wait_live(app: &mut App) -> Result<f64> {
    let live = |stats: &pulse_tests::app::Event| stats.text("/sources/phone/state").is_ok_and(|state| state == "live");
    Ok(app.wait_for("stats", PATIENCE, live)?.t)
}

/// Shakes hands and then says nothing but "received" for ever; gives how long that is put up with.
fn babble(mut stream: TcpStream) -> Duration {
    let began = Instant::now();
    let mut words = [[3].as_slice(), &[0; 2 * 1_536]].concat();
    while began.elapsed() < PATIENCE && stream.write_all(&words).is_ok() {
        // An acknowledgement: RTMP 1.0, section 5.4.3.
        words = [2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0].repeat(64);
    }
    began.elapsed()
}

#[test]
fn a_sender_that_comes_late_with_b_frames_is_in_time_and_in_step() -> Result<()> {
    let clip = CameraClip { codec: Codec::H264Reordered, ..media::beacon_camera(0) }.path()?;
    ensure!(judge::packets(&clip, "v:0")?.windows(2).any(|pair| pair[1].pts < pair[0].pts), "no B-frames in the clip");
    let door = Door::new("rtmp-late")?;
    let mut app = door.open(&["--record", "program,iso"])?;
    let stranger = door.connect()?;
    let stranger = thread::spawn(move || babble(stranger));
    // Longer than a camera may take that is called.
    app.wait_for("stats", PATIENCE, |stats| stats.t > 9.0)?;
    ensure!(stranger.is_finished(), "a stranger may talk for ever");
    let borne = stranger.join().expect("it does not panic");
    ensure!(borne > Duration::from_secs(3), "the stranger was thrown out for something else, after {borne:?}");
    let _encoder = Encoder::publish_once(&clip, &door.url)?;
    let live = wait_live(&mut app)?;
    app.wait_for("stats", PATIENCE, |stats| stats.t > live + 6.0)?;
    app.terminate()?;
    let finished = app.finish(PATIENCE)?;
    assert_eq!(finished.all("source_lost").count(), 0, "{}", finished.log);
    let files = finished.all("stopped").last().context("no last word")?.files()?;
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        judge::decodes_clean(&file.path)?;
        let mut beats = beacon::offsets(&file.path, FLASH)?;
        if file.kind == "program" {
            // The delay only becomes known with the first pictures, and moves picture and sound one after the other.
            beats.retain(|beat| beat.flash > live + 1.0);
        }
        ensure!(beats.len() >= 4, "{}: {} beats", file.kind, beats.len());
        for Beat { flash, beep } in &beats {
            let late = beep - flash;
            ensure!(late.abs() <= 1.0 / 30.0, "{}: at {flash:.2} s sound is {:.1} ms late", file.kind, late * 1e3);
        }
    }
    Ok(())
}

#[test]
fn whoever_is_wrong_is_told_why_and_the_right_sender_is_untouched() -> Result<()> {
    let (clip, door) = (media::small_camera(5).path()?, Door::new("rtmp-wrong")?);
    let mut app = door.open(&["--record", "program"])?;
    for wrong in ["live/other", "other/s3cret-word"] {
        let refused = Encoder::publish_once(&clip, &format!("rtmp://127.0.0.1:{}/{wrong}", door.port)).err();
        let told = format!("{:#}", refused.with_context(|| format!("{wrong} was let in"))?);
        ensure!(told.contains("Wrong app or stream key"), "{wrong}: {told}");
    }
    let mut encoder = Encoder::publish_once(&clip, &door.url)?;
    let live = wait_live(&mut app)?;
    let second = Encoder::publish_once(&clip, &door.url).err().context("a second sender was let in")?;
    ensure!(format!("{second:#}").contains("Another sender is connected"), "{second:#}");
    app.wait_for("stats", PATIENCE, |stats| stats.t > live + 2.0)?;
    ensure!(encoder.process().is_running(), "the first sender was thrown out");
    app.terminate()?;
    let finished = app.finish(PATIENCE)?;
    assert_eq!(finished.all("source_lost").count(), 0, "{}", finished.log);
    ensure!(finished.log.contains("its app or stream key is another one"), "{}", finished.log);
    ensure!(finished.log.contains("another sender is connected"), "{}", finished.log);
    ensure!(!finished.log.contains(KEY), "the key is in the log");
    let file = &finished.all("stopped").last().context("no last word")?.files()?[0];
    judge::decodes_clean(&file.path)?;
    ensure!(judge::longest_gap(&judge::packets(&file.path, "v:0")?) < 0.04, "the program lost frames");
    Ok(())
}

#[test]
fn a_killed_sender_is_lost_another_is_back_within_three_seconds_and_the_port_is_free_after_the_show() -> Result<()> {
    let (clip, door) = (media::small_camera(2).path()?, Door::new("rtmp-killed")?);
    let mut app = door.open(&[])?;
    let mut encoder = Encoder::publish_once(&clip, &door.url)?;
    wait_live(&mut app)?;
    encoder.kill();
    let lost = app.wait_for("source_lost", Duration::from_secs(2), |_| true)?;
    assert_eq!(lost.text("/code")?, "source_lost", "{lost:?}");
    ensure!(!lost.text("/cause")?.contains(KEY), "{lost:?}");
    let mut encoder = Encoder::publish(&clip, &door.url)?;
    app.wait_for("source_back", Duration::from_secs(3), |_| true).context("not back within 3 s")?;
    app.terminate()?;
    app.finish(PATIENCE)?;
    encoder.kill();
    // The connection was closed from our side: its port must not be kept for the minutes that TCP remembers it.
    let mut app = door.open(&[])?;
    let _encoder = Encoder::publish_once(&clip, &door.url)?;
    wait_live(&mut app)?;
    app.terminate()?;
    let finished = app.finish(PATIENCE)?;
    assert_eq!(finished.all("source_lost").count(), 0, "{}", finished.log);
    Ok(())
}

/// Bytes of chance, the same each time.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..20_000).map(|_| next()).collect()
}

#[test]
fn garbage_and_half_handshakes_do_no_harm_and_keep_no_sender_out() -> Result<()> {
    let door = Door::new("rtmp-garbage")?;
    let mut app = door.open(&[])?;
    for seed in 0..40 {
        let mut bytes = noise(seed);
        if seed % 2 == 0 {
            // RTMP's version: what follows is a good first half of a handshake, then garbage.
            bytes[0] = 3;
        }
        let mut stream = door.connect()?;
        // It may be thrown out before it has said everything.
        let _ = stream.write_all(&bytes);
        if seed % 4 != 0 {
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
    // More than may be connected at once, and every one of them stays.
    let mut lurkers = (0..50).map(|_| door.connect()).collect::<Result<Vec<_>>>()?;
    for (number, lurker) in lurkers.iter_mut().enumerate() {
        let _ = lurker.write_all(&[[3].as_slice(), &[0; 1_536]].concat()[..number * 30]);
    }
    let mut encoder = Encoder::publish_once(&media::small_camera(6).path()?, &door.url)?;
    wait_live(&mut app)?;
    let more = (0..50).map(|_| door.connect()).collect::<Result<Vec<_>>>()?;
    let before = app.wait_for("stats", PATIENCE, |_| true)?;
    app.wait_for("stats", PATIENCE, |stats| stats.t > before.t + 1.5)?;
    ensure!(encoder.process().is_running(), "strangers threw the sender out");
    drop((lurkers, more));
    app.terminate()?;
    let finished = app.finish(PATIENCE)?;
    assert_eq!(finished.status.code(), Some(130), "{}", finished.log);
    assert_eq!(finished.all("source_lost").count(), 0, "{}", finished.log);
    Ok(())
}
