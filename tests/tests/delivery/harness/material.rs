//! The test media are what they are said to be.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    child::run,
    cleanup::Workdir,
    judge::{Picture, Probe, Region, decodes_clean, ffmpeg, frame_at, packets},
    media::{self, CameraClip, Codec, Heard, PALETTE, Stinger},
    sound::{Channel, Sound},
};

use super::{is_camera, shows_camera, sounds_at};

#[test]
fn cameras_are_told_apart_by_border_and_tone() -> Result<()> {
    for index in 0..PALETTE.len() {
        is_camera(&media::small_camera(index).path()?, index)?;
    }
    decodes_clean(media::small_camera(0).path()?)
}

#[test]
fn a_camera_sends_a_keyframe_each_second_and_no_b_frames() -> Result<()> {
    let hevc = CameraClip { codec: Codec::H265, heard: Heard::Nothing, ..media::small_camera(7) };
    for (clip, codec, width) in [(media::camera(0), "h264", 1280), (hevc, "hevc", 640)] {
        let path = clip.path()?;
        let probe = Probe::of(&path)?;
        let video = probe.video()?;
        ensure!((video.codec_name.as_str(), video.width, video.packets()) == (codec, Some(width), 240), "{video:?}");
        let packets = packets(&path, "v:0")?;
        ensure!(packets.windows(2).all(|pair| pair[0].pts < pair[1].pts), "B-frames");
        let keys = packets.iter().enumerate().filter(|(_, packet)| packet.key).map(|(index, _)| index);
        ensure!(keys.eq((0..240).step_by(30)), "keyframes elsewhere");
    }
    Ok(())
}

#[test]
fn awkward_pictures_are_awkward() -> Result<()> {
    let times: Vec<_> = packets(media::variable_rate()?, "v:0")?.iter().map(|packet| packet.pts).collect();
    let mut steps: Vec<_> = times.windows(2).map(|pair| ((pair[1] - pair[0]) * 30.0).round() as u32).collect();
    steps.dedup();
    ensure!(steps.contains(&1) && steps.contains(&4), "steps of {steps:?} frames");

    let odd = Probe::of(media::odd_size()?)?;
    ensure!((odd.video()?.width, odd.video()?.height) == (Some(641), Some(361)), "{odd:?}");
    shows_camera(&media::odd_size()?, 1)?;

    let wide = Probe::of(media::anamorphic()?)?;
    let aspect = wide.video()?.sample_aspect_ratio.as_deref();
    ensure!((wide.video()?.width, aspect) == (Some(720), Some("64:45")), "{wide:?}");
    shows_camera(&media::anamorphic()?, 3)
}

#[test]
fn a_turned_picture_is_stored_lying() -> Result<()> {
    let path = media::rotated()?;
    let probe = Probe::of(&path)?;
    let video = probe.video()?;
    let turn = video.side_data_list.iter().find_map(|data| data.rotation).context("no rotation")?;
    ensure!((video.width, video.height, turn.abs()) == (Some(1280), Some(720), 90), "{video:?}");
    let picture = frame_at(&path, 1.0)?;
    ensure!((picture.width, picture.height) == (720, 1280), "shown as {}×{}", picture.width, picture.height);
    let half = |y| media::camera_seen(picture.mean_rgb(Region::new(0.1, y, 0.8, 0.4)));
    // What is stored left is shown at the top after a turn to the right, at the bottom after one to the left.
    let (top, bottom) = if turn < 0 { (Some(0), Some(2)) } else { (Some(2), Some(0)) };
    ensure!(
        (half(0.05), half(0.55)) == (top, bottom),
        "halves {:?} and {:?}, turned by {turn}°",
        half(0.05),
        half(0.55)
    );
    Ok(())
}

#[test]
fn awkward_sounds_are_awkward() -> Result<()> {
    for path in [media::mono_44100()?, media::picture_with_mono_44100()?] {
        let probe = Probe::of(&path)?;
        ensure!((probe.audio()?.sample_rate, probe.audio()?.channels) == (Some(44_100), Some(1)), "{probe:?}");
        sounds_at(&path, 550)?;
    }
    shows_camera(&media::picture_with_mono_44100()?, 4)?;

    let surround = media::surround()?;
    ensure!(Probe::of(&surround)?.audio()?.channels == Some(6));
    for (channel, wanted) in (0..).zip(media::SURROUND_HZ) {
        let hertz = Sound::load(&surround, 1.0, 2.0, Channel::One(channel))?.dominant_hz()?;
        ensure!((hertz - f64::from(wanted)).abs() < 1.0, "channel {channel} sounds at {hertz} Hz, not {wanted}");
    }
    Ok(())
}

/// A picture of a file at a time, as it is and how much of it is covered (white where all); `decoder` where ffmpeg's
/// first choice cannot see through.
fn colour_and_cover(path: &Path, seconds: f64, decoder: &[&str]) -> Result<(Picture, Picture)> {
    let folder = Workdir::new("alpha")?;
    let draw = |filter: &str, name: &str| {
        let mut command = ffmpeg();
        command.args(decoder).args(["-ss", &seconds.to_string(), "-i"]).arg(path);
        run(command.args(["-vf", filter, "-frames:v", "1"]).arg(folder.join(name)))?;
        frame_at(folder.join(name), 0.0)
    };
    Ok((draw("format=rgb24", "colour.png")?, draw("alphaextract,format=gray", "cover.png")?))
}

#[test]
fn what_can_be_seen_through_can_be_seen_through() -> Result<()> {
    let vp9 = ["-c:v", "libvpx-vp9"];
    for (kind, decoder) in [(Stinger::Webm, vp9.as_slice()), (Stinger::ProRes, &[]), (Stinger::Animation, &[])] {
        let path = media::stinger(kind)?;
        let (_, before) = colour_and_cover(&path, 0.1, decoder)?;
        let (colour, amid) = colour_and_cover(&path, 0.5, decoder)?;
        let (before, amid) = (before.mean_rgb(Region::WHOLE)[0], amid.mean_rgb(Region::WHOLE)[0]);
        ensure!(before < 8 && amid > 247, "{kind:?} covers with {before}, then {amid}");
        let colour = colour.mean_rgb(Region::WHOLE);
        ensure!(media::camera_seen(colour) == Some(4), "{kind:?} covers with {colour:?}");
    }
    let (colour, cover) = colour_and_cover(&media::alpha_png()?, 0.0, &[])?;
    let half = |x| Region::new(x, 0.0, 0.5, 1.0);
    ensure!((cover.mean_rgb(half(0.0))[0], cover.mean_rgb(half(0.5))[0]) == (0, 255), "the PNG covers elsewhere");
    ensure!(media::camera_seen(colour.mean_rgb(half(0.5))) == Some(6), "{:?}", colour.mean_rgb(half(0.5)));
    Ok(())
}

#[test]
fn broken_files_are_broken() -> Result<()> {
    ensure!(Probe::of(media::truncated()?).is_err(), "the truncated file can be read");
    ensure!(Probe::of(media::garbage()?).is_err(), "the garbage can be read");
    let corrupted = media::corrupted()?;
    ensure!(Probe::of(&corrupted)?.video()?.packets() > 0, "the corrupted file cannot be opened");
    ensure!(decodes_clean(&corrupted).is_err(), "the corrupted file decodes without complaint");
    Ok(())
}
