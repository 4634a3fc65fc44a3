//! Each microphone's own file: what is in it, what a lost microphone leaves in it, and what a crash leaves of it.

use std::{fs::File, io::Read, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    app::App,
    judge::{self, Probe},
    media,
    rtsp::Camera,
    sound::{Channel, RATE, Sound},
    wait::wait_for,
};

use super::stage::{PATIENCE, Stage};

/// Wants a WAV of 48 kHz and two channels that decodes without a complaint, and gives its length in seconds.
fn length(path: &Path) -> Result<f64> {
    judge::decodes_clean(path)?;
    let probe = Probe::of(path)?;
    let audio = probe.audio()?;
    assert_eq!((probe.format.format_name.as_str(), audio.codec_name.as_str()), ("wav", "pcm_s24le"));
    assert_eq!((audio.sample_rate, audio.channels), (Some(48_000), Some(2)));
    probe.duration()
}

/// Wants a tone at -15 dBFS RMS from one time to another.
fn sounds(path: &Path, from: f64, to: f64, hertz: f64) -> Result<()> {
    let sound = Sound::load(path, from, to, Channel::All)?;
    let (heard, level) = (sound.dominant_hz()?, sound.rms_db());
    let named = path.display();
    ensure!((heard - hertz).abs() < 2.0, "{named}: {heard} Hz instead of {hertz} Hz from {from} s to {to} s");
    ensure!((level + 15.0).abs() < 0.5, "{named}: {level} dB from {from} s to {to} s");
    Ok(())
}

/// The longest silence in a file of that length: when it begins and how long it is, in seconds.
fn silence(path: &Path, length: f64) -> Result<(f64, f64)> {
    const BLOCK: usize = 480;
    let sound = Sound::load(path, 0.0, length, Channel::All)?;
    let (mut longest, mut since) = (0..0, 0);
    for (n, block) in sound.samples.chunks_exact(BLOCK).enumerate() {
        if block.iter().any(|sample| sample.abs() > 0.001) {
            since = n + 1;
        } else if n + 1 - since > longest.len() {
            longest = since..n + 1;
        }
    }
    let seconds = |blocks: usize| (blocks * BLOCK) as f64 / f64::from(RATE);
    Ok((seconds(longest.start), seconds(longest.len())))
}

fn state(app: &mut App, source: &str) -> Result<f64> {
    let live =
        |stats: &pulse_tests::app::Event| stats.text(&format!("/sources/{source}/state")).is_ok_and(|s| s == "live");
    Ok(app.wait_for("stats", PATIENCE, live)?.t)
}

#[test]
fn each_microphone_has_a_stem_and_one_that_was_lost_is_silent_for_as_long() -> Result<()> {
    let room = Camera::play(&media::small_camera(0).path()?)?;
    let mut lectern = Camera::play(&media::small_camera(1).path()?)?;
    let words = ["--camera", "Test=test:ball", "--mic", &format!("Room={}", room.url())];
    let stage = Stage::new("stems", &[words.as_slice(), &["--mic", &format!("Lectern={}", lectern.url())]].concat())?;
    let mut app = stage.run(&["--record", "audio"])?;
    let begun = state(&mut app, "room")?.max(state(&mut app, "lectern")?);
    app.wait_for("stats", PATIENCE, |stats| stats.t > begun + 1.5)?;
    lectern.kill();
    let lost = app.wait_for("source_lost", Duration::from_secs(5), |_| true)?;
    app.wait_for("stats", PATIENCE, |stats| stats.t > lost.t + 1.0)?;
    lectern.restart()?;
    let back = app.wait_for("source_back", Duration::from_secs(3), |_| true).context("not back within 3 s")?;
    app.wait_for("stats", PATIENCE, |stats| stats.t > back.t + 2.0)?;
    app.interrupt()?;
    let finished = app.finish(PATIENCE)?;
    let files = finished.all("stopped").last().context("no last word")?.files()?;
    let stem = |source: &str| {
        let mut stems = files.iter().filter(|file| file.kind == "audio" && file.source.as_deref() == Some(source));
        let stem = stems.next().with_context(|| format!("no stem of {source} in {files:?}"))?;
        ensure!(stems.next().is_none(), "{source} has more than one stem");
        let length = length(&stem.path)?;
        ensure!((length - stem.duration).abs() < 0.001, "{length} s in the file, {} s told", stem.duration);
        anyhow::Ok((stem.path.clone(), length))
    };
    assert_eq!(files.len(), 2, "{files:?}");

    let (path, whole) = stem("room")?;
    sounds(&path, 0.5, whole - 0.2, 400.0)?;
    let (path, length) = stem("lectern")?;
    // Both begin when the microphone is there, which is a moment apart, and end together.
    ensure!((whole - length).abs() < 1.0, "{length} s beside {whole} s");
    let (from, silent) = silence(&path, length)?;
    let away = back.number("/after")?;
    ensure!((silent - away).abs() < 1.5, "silent for {silent} s, away for {away} s");
    sounds(&path, 0.5, from - 0.1, 500.0).context("before it was lost")?;
    sounds(&path, from + silent + 0.5, length - 0.2, 500.0).context("when it was back")
}

/// Seconds of sound that the header of a stem tells of: its last chunk is "data", whose size comes before the first sample.
fn told_length(path: &Path) -> Result<f64> {
    let mut head = Vec::new();
    File::open(path)?.take(256).read_to_end(&mut head)?;
    let at = head.windows(4).position(|word| word == b"data").context("no chunk of samples")?;
    let size = head.get(at + 4..at + 8).context("half a header")?;
    Ok(f64::from(u32::from_le_bytes(size.try_into()?)) / 6.0 / f64::from(RATE))
}

#[test]
fn a_stem_plays_after_a_crash_and_less_than_a_second_is_lost() -> Result<()> {
    let stage =
        Stage::new("stem-crash", &["--camera", "Test=test:ball", "--mic", "Room=test:sine?freq=330&volume=0.2515"])?;
    let mut app = stage.run(&["--record", "audio"])?;
    let begun = app.wait_for("recording", PATIENCE, |event| event.text("/kind").is_ok_and(|kind| kind == "audio"))?;
    let path = stage.recording("audio-room.wav");
    let mut told = vec![told_length(&path)?];
    while told.len() < 5 {
        let longer = |now: f64| told.last().is_some_and(|before| now > *before).then_some(now);
        let next = wait_for("the stem's header to tell more", PATIENCE, || Ok(longer(told_length(&path)?)))?;
        told.push(next);
    }
    // Whatever the moment of a crash, what the header does not tell yet is all that is lost.
    ensure!(told.windows(2).all(|pair| pair[1] - pair[0] < 0.75), "the header told of {told:?} s");
    let last = app.wait_for("stats", PATIENCE, |stats| stats.t > begun.t + 2.0)?;
    app.kill9()?;
    let length = length(&path)?;
    ensure!(last.t - begun.t - length < 1.0, "{} s are lost", last.t - begun.t - length);
    sounds(&path, 0.1, length, 330.0)
}
