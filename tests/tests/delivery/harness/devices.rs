//! Virtual cameras and microphones are listed, give picture and sound, and are gone when they are pulled out.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};
use pulse_tests::{
    child::run,
    cleanup::Workdir,
    judge::{Region, ffmpeg, frame_at},
    media::{self, PALETTE},
    pipewire::{CameraSpec, Session},
};

use super::sounds_at;

#[test]
fn a_camera_is_plugged_in_seen_and_pulled_out() -> Result<()> {
    let (session, folder) = (Session::start()?, Workdir::new("camera")?);
    let path = folder.join("seen.mkv");
    let mut spec = CameraSpec::new("aisle-cam", "Aisle, left", PALETTE[2]);
    spec.properties.push(("object.path".to_owned(), "v4l2:/dev/video7".to_owned()));
    let camera = session.plug_camera(&spec)?;
    let listed = ("aisle-cam".to_owned(), "Aisle, left".to_owned());
    ensure!(session.nodes()?.contains(&listed), "{:?}", session.nodes()?);

    let mut command = Command::new("gst-launch-1.0");
    command.args(["pipewiresrc", "target-object=aisle-cam", "num-buffers=20", "!", "videoconvert", "!", "jpegenc"]);
    command.args(["quality=95", "!", "matroskamux", "!", "filesink"]).arg(format!("location={}", path.display()));
    run(command.envs(session.env()))?;
    let corner = frame_at(&path, 0.0)?.mean_rgb(Region::new(0.0, 0.0, 0.05, 0.05));
    ensure!(media::camera_seen(corner) == Some(2), "the ground is {corner:?}");

    session.unplug(camera)?;
    ensure!(!session.nodes()?.contains(&listed));
    Ok(())
}

fn record(session: &Session, system: &str, device: &str, path: &Path) -> Result<()> {
    let mut command = ffmpeg();
    command.args(["-f", system, "-i", device, "-t", "1.5", "-y"]).arg(path).envs(session.env());
    run(&mut command).map(|_| ())
}

#[test]
fn a_microphone_is_plugged_in_heard_and_pulled_out() -> Result<()> {
    let (session, folder) = (Session::start()?, Workdir::new("microphone")?);
    let room = session.plug_microphone("room", "Room", 640)?;
    let lectern = session.plug_microphone("lectern", "Lectern, right", 880)?;
    let listed = ("lectern".to_owned(), "Lectern, right".to_owned());
    ensure!(session.nodes()?.contains(&listed), "{:?}", session.nodes()?);

    record(&session, "pulse", "room", &folder.join("room.wav"))?;
    sounds_at(&folder.join("room.wav"), 640)?;
    session.set_default(&lectern)?;
    record(&session, "alsa", "default", &folder.join("default.wav"))?;
    sounds_at(&folder.join("default.wav"), 880)?;

    session.unplug_microphone(lectern)?;
    ensure!(!session.nodes()?.contains(&listed));
    session.unplug_microphone(room)
}
