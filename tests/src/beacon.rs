//! Beacons: where flashes and beeps that began together have come to lie in a recording.
//!
//! The clip is [`crate::media::beacon_camera`]: at every whole second 100 ms of white in the middle of the picture and
//! of 1 kHz in the sound. Their onsets are found apart, so their difference is what the studio did to lip-sync.

use std::ffi::OsStr;

use anyhow::{Context, Result, ensure};

use crate::{
    child::run,
    judge::{Region, ffmpeg},
    media::BEEP_HZ,
    sound::{Channel, RATE, Sound},
};

/// Brightness of 255 that a flash must rise by.
const CONTRAST: f64 = 60.0;
/// The quietest beep that counts, in dBFS RMS.
const AUDIBLE_DB: f64 = -50.0;
/// A beep further than this from a flash does not belong to it, in seconds: half the way to the next.
const REACH: f64 = 0.5;
/// Samples over which the beep's level is taken: two of its periods, 2 ms.
const WINDOW: usize = 2 * (RATE / BEEP_HZ) as usize;
/// Samples between two looks at the beep's level: a quarter of a millisecond.
const HOP: usize = RATE as usize / 4_000;

/// One flash and the beep that belongs to it, in seconds from the recording's first sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beat {
    /// When the first white frame is shown.
    pub flash: f64,
    /// When the beep begins, to about a millisecond.
    pub beep: f64,
}

impl Beat {
    /// How much the sound is late, in seconds; negative when it is early.
    #[must_use]
    pub fn skew(&self) -> f64 {
        self.beep - self.flash
    }
}

/// Finds the beacons in a recording; `region` is where its flash is: [`crate::media::FLASH`] for a camera that fills the
/// picture, `cell.part(FLASH)` in a grid. A flash without a beep, as at an end of the recording, is left out.
///
/// # Errors
/// When there is no flash or no beep, or none that belong together.
pub fn offsets(path: impl AsRef<OsStr>, region: Region) -> Result<Vec<Beat>> {
    let (flashes, beeps) = (flashes(&path, region)?, beeps(&path)?);
    let beats: Vec<_> = flashes
        .iter()
        .filter_map(|flash| {
            let beep = beeps.iter().min_by(|one, other| (*one - flash).abs().total_cmp(&(*other - flash).abs()))?;
            ((beep - flash).abs() < REACH).then_some(Beat { flash: *flash, beep: *beep })
        })
        .collect();
    ensure!(!beats.is_empty(), "no flash of {flashes:?} belongs to a beep of {beeps:?}");
    Ok(beats)
}

/// When flashes begin in a part of the picture, in seconds.
///
/// # Errors
/// When there is none.
pub fn flashes(path: impl AsRef<OsStr>, region: Region) -> Result<Vec<f64>> {
    let Region { x, y, w, h } = region;
    let crop = format!("crop=iw*{w}:ih*{h}:iw*{x}:ih*{y}");
    // The time base is a microsecond, because the times that are printed in seconds have six digits only.
    let print = "metadata=mode=print:key=lavfi.signalstats.YAVG:file=-";
    let filter = format!("{crop},scale=32:18,format=gray,signalstats,settb=AVTB,{print}");
    let mut command = ffmpeg();
    command.arg("-i").arg(&path).args(["-map", "0:v:0", "-vf", &filter, "-f", "null", "-"]);
    let (text, _) = run(&mut command)?;
    let levels = brightness(&String::from_utf8_lossy(&text))?;
    let (low, high) = range(levels.iter().map(|(_, level)| *level));
    ensure!(high - low > CONTRAST, "{} does not flash: brightness {low} to {high}", path.as_ref().display());
    Ok(onsets(&levels, (low + high) / 2.0, (low + high) / 2.0))
}

/// Reads pairs of lines, `frame:3 pts:100000 pts_time:0.1` and `lavfi.signalstats.YAVG=16.0`.
fn brightness(text: &str) -> Result<Vec<(f64, f64)>> {
    let mut levels = Vec::new();
    let mut time = None;
    for line in text.lines() {
        if let Some((_, level)) = line.split_once("YAVG=") {
            levels.push((time.take().context("a brightness without a frame")?, level.trim().parse()?));
        } else if let Some(pts) = line.split_whitespace().find_map(|field| field.strip_prefix("pts:")) {
            time = Some(pts.parse::<f64>()? / 1e6);
        }
    }
    Ok(levels)
}

/// When beeps begin, in seconds.
///
/// # Errors
/// When there is none.
pub fn beeps(path: impl AsRef<OsStr>) -> Result<Vec<f64>> {
    let sound = Sound::load(&path, 0.0, 1e6, Channel::All)?;
    let levels: Vec<_> = (0..sound.samples.len().saturating_sub(WINDOW))
        .step_by(HOP)
        .map(|start| {
            let window = Sound { samples: sound.samples[start..start + WINDOW].to_vec() };
            (start as f64 / f64::from(RATE), 10_f64.powf(window.tone_db(f64::from(BEEP_HZ)) / 20.0))
        })
        .collect();
    let (_, loudest) = range(levels.iter().map(|(_, level)| *level));
    let audible = 20.0 * loudest.log10() > AUDIBLE_DB;
    ensure!(audible, "{} does not beep: the level at {BEEP_HZ} Hz is {loudest:.5} at most", path.as_ref().display());
    // Half the level is reached when the onset is in the middle of the (symmetric) window.
    let half_window = WINDOW as f64 / 2.0 / f64::from(RATE);
    Ok(onsets(&levels, loudest / 2.0, loudest / 8.0).into_iter().map(|time| time + half_window).collect())
}

fn range(levels: impl Iterator<Item = f64>) -> (f64, f64) {
    levels.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), level| (low.min(level), high.max(level)))
}

/// The times at which a level comes to `on` after it has been below `off`; a level that starts high has no onset.
fn onsets(levels: &[(f64, f64)], on: f64, off: f64) -> Vec<f64> {
    let mut armed = false;
    let mut times = Vec::new();
    for &(time, level) in levels {
        if armed && level >= on {
            times.push(time);
            armed = false;
        } else if level < off {
            armed = true;
        }
    }
    times
}
