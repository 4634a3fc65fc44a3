//! The peers and the judges themselves: every one is held against ffmpeg before the studio is held against it.

mod devices;
mod judges;
mod material;
mod network;
mod platforms;
mod processes;
mod receivers;
mod rooms;
mod weather;

use std::path::Path;

use anyhow::{Result, ensure};
use pulse_tests::{
    judge::{frame_at, longest_gap, packets},
    media,
    sound::{Channel, Sound},
};

/// Wants a file of 2 s or more to show the border of a camera of [`media::PALETTE`], a moving picture and no gap. What
/// was captured in mid-stream can be decoded after a second at the latest.
fn shows_camera(path: &Path, index: usize) -> Result<()> {
    let (early, late) = (frame_at(path, 1.1)?, frame_at(path, 1.6)?);
    let border = early.mean_rgb(media::BORDER);
    ensure!(media::camera_seen(border) == Some(index), "the border is {border:?}, not camera {index}'s");
    ensure!(early != late, "the picture stands still");
    let gap = longest_gap(&packets(path, "v:0")?);
    ensure!(gap < 0.05, "a gap of {gap} s in the picture");
    Ok(())
}

/// Wants a file to sound with a tone of -15 dBFS RMS.
fn sounds_at(path: &Path, hertz: u32) -> Result<()> {
    let sound = Sound::load(path, 0.5, 1.5, Channel::All)?;
    let (heard, level) = (sound.dominant_hz()?, sound.tone_db(f64::from(hertz)));
    ensure!((heard - f64::from(hertz)).abs() < 2.0, "the tone is {heard} Hz, not {hertz} Hz");
    ensure!((level + 15.0).abs() < 1.0, "the level is {level} dB");
    Ok(())
}

/// Wants a file to look and sound as [`media::camera`] does.
fn is_camera(path: &Path, index: usize) -> Result<()> {
    shows_camera(path, index)?;
    sounds_at(path, 400 + 100 * index as u32)
}
