//! The judges find what was put there.

use std::fs;

use anyhow::{Result, ensure};
use pulse_tests::{
    beacon,
    child::run,
    cleanup::Workdir,
    judge::{Region, box_order, ffmpeg},
    media::{self, FLASH},
};

#[test]
fn a_beacon_flashes_and_beeps_at_once() -> Result<()> {
    let beats = beacon::offsets(media::beacon_camera(0).path()?, FLASH)?;
    // The first second's flash has no onset: the clip begins with it.
    ensure!(beats.len() == 7, "{beats:?}");
    for (second, beat) in (1..).map(f64::from).zip(&beats) {
        ensure!((beat.flash - second).abs() < 0.001 && beat.skew().abs() < 0.003, "{beat:?}");
    }
    Ok(())
}

#[test]
fn a_late_sound_is_found_out_in_a_corner_of_a_grid() -> Result<()> {
    let folder = Workdir::new("beacon")?;
    let (path, clip) = (folder.join("late.mkv"), media::beacon_camera(0).path()?);
    let mut command = ffmpeg();
    command.arg("-i").arg(clip).args(["-vf", "scale=320:180,pad=640:360:320:180:red", "-af", "adelay=120:all=1"]);
    run(command.args(["-c:v", "mjpeg", "-c:a", "aac", "-t", "4"]).arg(&path))?;
    let beats = beacon::offsets(&path, Region::cell(1, 1, 2, 2).part(FLASH))?;
    ensure!(beats.len() == 3 && beats.iter().all(|beat| (beat.skew() - 0.12).abs() < 0.004), "{beats:?}");
    ensure!(beacon::offsets(&path, Region::cell(0, 0, 2, 2)).is_err(), "a flash where there is none");
    Ok(())
}

#[test]
fn boxes_are_told_in_order() -> Result<()> {
    let order = box_order(&media::small_camera(0).path()?)?;
    let place = |kind| order.iter().position(|found| found == kind);
    ensure!(place("ftyp") == Some(0) && place("moov") < place("mdat") && place("moov").is_some(), "{order:?}");
    ensure!(box_order(&media::garbage()?).is_err(), "garbage has boxes");

    let folder = Workdir::new("boxes")?;
    let path = folder.join("big.mp4");
    let wide = [&[0, 0, 0, 1], b"mdat".as_slice(), &20_u64.to_be_bytes(), b"four", &[0; 4], b"free"].concat();
    fs::write(&path, &wide)?;
    ensure!(box_order(&path)? == ["mdat", "free"], "{:?}", box_order(&path)?);
    fs::write(&path, &wide[..19])?;
    ensure!(box_order(&path).is_err(), "a box that reaches beyond the end");
    Ok(())
}
