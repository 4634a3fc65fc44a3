//! What came out, as it sounds: level, pitch, and how much of one tone is in a mix.

use std::{f64::consts::TAU, ffi::OsStr};

use anyhow::{Context, Result, ensure};
use rustfft::{FftPlanner, num_complex::Complex};

use crate::{child::run, judge::opened_near};

/// Samples a second of every [`Sound`], whatever the file has.
pub const RATE: u32 = 48_000;

/// What silence is called in decibels.
const SILENCE_DB: f64 = -120.0;

/// Which of a file's channels are heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// All of them, mixed down as ffmpeg does: a tone that is alike in left and right keeps its level.
    All,
    /// One of them, from 0: left, right, …
    One(u32),
}

/// Sound in memory: one channel at [`RATE`], full scale is 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// In time order, the first at the time that was asked for.
    pub samples: Vec<f32>,
}

impl Sound {
    /// Decodes the first stream of sound of a file between two times in seconds. Where the file has gaps, this has silence.
    ///
    /// # Errors
    /// When there is no sound at that time.
    pub fn load(path: impl AsRef<OsStr>, from: f64, to: f64, channel: Channel) -> Result<Self> {
        let first = (from * f64::from(RATE)).round();
        // Without a limit, two channels mixed down to one in floating point become 3 dB louder.
        let placed = format!("aresample={RATE}:async=1:min_hard_comp=0.005:first_pts={first}:rematrix_maxval=1");
        let filter = match channel {
            Channel::All => format!("{placed}:ochl=mono"),
            Channel::One(index) => format!("{placed},pan=mono|c0=c{index}"),
        };
        let mut command = opened_near(path.as_ref(), from);
        command.args(["-map", "0:a:0", "-af", &format!("{filter},atrim=end={to}"), "-f", "f32le", "-"]);
        let (bytes, _) = run(&mut command)?;
        ensure!(!bytes.is_empty(), "{} has no sound from {from} s to {to} s", path.as_ref().display());
        let samples =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        Ok(Self { samples })
    }

    /// Root mean square in dBFS: a sine of full scale has -3.01, silence -120.
    #[must_use]
    pub fn rms_db(&self) -> f64 {
        let power: f64 = self.samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        decibels((power / self.samples.len().max(1) as f64).sqrt())
    }

    /// The loudest sample in dBFS.
    #[must_use]
    pub fn peak_db(&self) -> f64 {
        decibels(f64::from(self.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()))))
    }

    /// The level in dBFS (RMS, as [`Sound::rms_db`]) of the tone of one frequency in it. Tells tones apart that lie
    /// 4 / length in seconds or more from each other, in hertz.
    #[must_use]
    pub fn tone_db(&self, hertz: f64) -> f64 {
        let step = TAU * hertz / f64::from(RATE);
        let sum = self.hann().enumerate().fold(Complex::new(0.0, 0.0), |sum, (index, sample)| {
            sum + Complex::from_polar(sample, step * index as f64)
        });
        // A sine of amplitude a sums up to a/2 times the window's mean (1/2) times the count; its RMS is a/√2.
        decibels(sum.norm() * 4.0 / self.samples.len().max(1) as f64 / 2.0_f64.sqrt())
    }

    /// The frequency of the loudest tone in it, in hertz, to about a tenth of 1 / length in seconds.
    ///
    /// # Errors
    /// When it is silent or shorter than 20 ms.
    pub fn dominant_hz(&self) -> Result<f64> {
        ensure!(self.samples.len() >= RATE as usize / 50 && self.peak_db() > -80.0, "nothing to hear");
        let mut bins: Vec<_> = self.hann().map(|sample| Complex::new(sample, 0.0)).collect();
        FftPlanner::new().plan_fft_forward(bins.len()).process(&mut bins);
        let level = |bin: usize| decibels(bins[bin].norm());
        let half = 1..bins.len() / 2 - 1;
        let top = half.max_by(|one, other| level(*one).total_cmp(&level(*other))).context("nothing to hear")?;
        // A parabola through the three highest bins, in decibels, has its top where the tone is.
        let (before, at, after) = (level(top - 1), level(top), level(top + 1));
        let offset = (before - after) / (2.0 * (before - 2.0 * at + after));
        Ok((top as f64 + offset) * f64::from(RATE) / bins.len() as f64)
    }

    /// The samples, faded in and out by a Hann window.
    fn hann(&self) -> impl Iterator<Item = f64> {
        let turn = TAU / self.samples.len() as f64;
        let fade = move |index: usize| (1.0 - (turn * index as f64).cos()) / 2.0;
        self.samples.iter().enumerate().map(move |(index, sample)| f64::from(*sample) * fade(index))
    }
}

fn decibels(amplitude: f64) -> f64 {
    (20.0 * amplitude.log10()).max(SILENCE_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hertz: f64, amplitude: f64) -> Sound {
        let step = TAU * hertz / f64::from(RATE);
        Sound { samples: (0..RATE).map(|index| (amplitude * (step * f64::from(index)).sin()) as f32).collect() }
    }

    #[test]
    fn a_sine_has_its_level_and_pitch() {
        let sound = sine(432.1, 0.5);
        assert!((sound.rms_db() + 9.03).abs() < 0.05, "{}", sound.rms_db());
        assert!((sound.peak_db() + 6.02).abs() < 0.05, "{}", sound.peak_db());
        assert!((sound.tone_db(432.1) + 9.03).abs() < 0.05, "{}", sound.tone_db(432.1));
        assert!(sound.tone_db(500.0) < -60.0, "{}", sound.tone_db(500.0));
        let hertz = sound.dominant_hz().unwrap();
        assert!((hertz - 432.1).abs() < 0.2, "{hertz}");
    }

    #[test]
    fn silence_has_no_pitch() {
        assert_eq!(sine(440.0, 0.0).rms_db(), SILENCE_DB);
        assert!(sine(440.0, 0.0).dominant_hz().is_err());
    }
}
