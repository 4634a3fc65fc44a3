//! The small commands, and what is answered to nonsense.

use std::process::Command;

use anyhow::{Result, ensure};
use pulse_tests::{
    app::App,
    child::built,
    judge::{self, Probe},
    pipewire,
};

use super::stage::{PATIENCE, Stage};

/// Exit code and standard error of a command that is expected to fail.
fn refused(words: &[&str]) -> Result<(Option<i32>, String)> {
    let output = Command::new(built("pulse-studio", "pulse-studio")?).args(words).output()?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn the_demo_needs_nothing_and_says_where_its_recording_is() -> Result<()> {
    let stage = Stage::new("demo", &["--camera", "A=test:ball"])?;
    let told = App::run(["demo", "--for", "4s", "--session", &stage.folder.join("demo").display().to_string()])?;
    let path = told.lines().last().unwrap_or_default();
    let probe = Probe::of(path)?;
    ensure!(probe.duration()? > 3.0 && probe.audio().is_ok(), "{probe:?}");
    judge::decodes_clean(path)
}

#[test]
fn encoders_are_tried_and_software_works_here() -> Result<()> {
    let told: serde_json::Value = serde_json::from_str(&App::run(["encoders", "--json"])?)?;
    let works = |element: &str| {
        told.as_array().is_some_and(|all| all.iter().any(|e| e["element"] == element && e["works"] == true))
    };
    ensure!(works("x264enc") && works("openh264enc"), "{told:#}");
    let explained = |e: &serde_json::Value| e["works"] == true || e["why_not"].is_string();
    ensure!(told.as_array().is_some_and(|all| all.iter().all(explained)), "{told:#}");
    Ok(())
}

#[test]
fn openh264_records_when_it_is_asked_for() -> Result<()> {
    let stage = Stage::new("openh264", &["--camera", "A=test:ball"])?;
    let finished = stage.run(&["--record", "program", "--for", "3s", "--encoder", "openh264"])?.finish(PATIENCE)?;
    let stats = finished.all("stats").last().expect("statistics");
    assert_eq!(stats.text("/encoder/name")?, "openh264enc");
    judge::decodes_clean(&finished.stopped()?.files()?[0].path)
}

#[test]
fn devices_lists_cameras_and_microphones() -> Result<()> {
    let desk = pipewire::Session::start()?;
    let _camera = desk.plug_camera(&pipewire::CameraSpec::new("aisle-cam", "Aisle", [40, 170, 60]))?;
    let _microphone = desk.plug_microphone("room", "Room", 500)?;
    let program = built("pulse-studio", "pulse-studio")?;
    let output = Command::new(program).args(["devices", "--json"]).envs(desk.env()).output()?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let listed = |kind: &str, name: &str| {
        told.as_array().is_some_and(|all| {
            all.iter().any(|d| d["kind"] == kind && d["name"].as_str().is_some_and(|n| n.contains(name)))
        })
    };
    ensure!(listed("camera", "Aisle") && listed("microphone", "Room"), "{told:#}");
    Ok(())
}

#[test]
fn nonsense_is_refused_with_a_reason_and_exit_code_two() -> Result<()> {
    let stage = Stage::new("nonsense", &["--camera", "A=test:ball"])?;
    let of = |name: &str| stage.folder.join(name).display().to_string();
    std::fs::write(of("broken.json"), "{\"schema\": 2, \"canvas\": ")?;
    std::fs::write(of("newer.json"), "{\"schema\": 999}")?;
    std::fs::write(of("cues.json"), r#"[{"at": 1, "take": "Nowhere"}]"#)?;
    let show = of("show.json");
    let cases: [(&[&str], &str); 6] = [
        (&["headless", "--show", &of("nothing.json")], "nothing.json"),
        (&["headless", "--show", &of("broken.json")], "line 1"),
        (&["headless", "--show", &of("newer.json")], "999"),
        (&["headless", "--show", &show, "--cues", &of("cues.json")], "Nowhere"),
        (&["show", "new", "-o", &of("x.json"), "--camera", "A=ftp://x"], "ftp"),
        (&["show", "new", "-o", &show, "--camera", "A=test:ball"], "already"),
    ];
    for (words, reason) in cases {
        let (code, told) = refused(words)?;
        assert_eq!(code, Some(2), "{words:?}: {told}");
        ensure!(told.contains(reason), "{words:?}: {told}");
    }
    Ok(())
}
