//! Devices against the real services of a desktop: PipeWire, WirePlumber, PipeWire's PulseAudio, ALSA's pulse plugin and an X server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::{
    fs,
    os::unix::net::UnixListener,
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use desktop::{PATIENCE, Process, Services, on_a_desktop, start, wait_until};
use gst::prelude::*;
use pulse_engine::devices::{
    self, Device, DeviceError, DeviceEvent, DeviceKind, Monitor,
    audio::{Headphones, Microphone, SoundEvent},
    controls,
};

mod desktop;

fn virtual_camera(node: &str, description: &str) -> Process {
    let props =
        format!("stream-properties=props,media.class=Video/Source,node.name={node},node.description={description}");
    let caps = "video/x-raw,format=I420,width=320,height=240,framerate=30/1";
    start(
        "gst-launch-1.0",
        &["-q", "--no-fault", "videotestsrc", "is-live=true", "!", caps, "!", "pipewiresink", "mode=provide", &props],
    )
}

/// A sink that plays to nobody, and a tone of 440 Hz that is played into it.
fn room_with_a_tone() -> Process {
    room();
    let caps = "audio/x-raw,rate=48000,channels=2";
    start(
        "gst-launch-1.0",
        &["-q", "audiotestsrc", "is-live=true", "freq=440", "!", caps, "!", "pulsesink", "device=room"],
    )
}

fn room() {
    let description = "sink_properties=device.description=Room";
    let loaded = Command::new("pactl")
        .args(["load-module", "module-null-sink", "sink_name=room", description])
        .output()
        .unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    for (what, name) in [("set-default-sink", "room"), ("set-default-source", "room.monitor")] {
        // The session manager takes a moment to get to know the sink.
        wait_until(what, || Command::new("pactl").args([what, name]).stderr(Stdio::null()).status().unwrap().success());
    }
}

/// With patience, as services take their time on a busy machine.
fn watch() -> (Monitor, Receiver<DeviceEvent>) {
    devices::list(PATIENCE).unwrap();
    Monitor::start().unwrap()
}

fn next<T>(events: &Receiver<DeviceEvent>, what: &str, mut pick: impl FnMut(DeviceEvent) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(event) => {
                if let Some(found) = pick(event) {
                    return found;
                }
            }
            Err(RecvTimeoutError::Timeout) => panic!("waited {PATIENCE:?} in vain for {what}"),
            Err(RecvTimeoutError::Disconnected) => panic!("no more events while waiting for {what}"),
        }
    }
}

fn added(events: &Receiver<DeviceEvent>, kind: DeviceKind) -> Device {
    next(events, "a device that is added", |event| match event {
        DeviceEvent::Added(device) if device.kind == kind => Some(device),
        _ => None,
    })
}

fn removed(events: &Receiver<DeviceEvent>) -> devices::DeviceId {
    next(events, "a device that is removed", |event| match event {
        DeviceEvent::Removed(id) => Some(id),
        _ => None,
    })
}

/// Plays `source` through `then` and hands each buffer on until the receiver is dropped.
struct Playing {
    pipeline: gst::Pipeline,
    buffers: Receiver<(Vec<u8>, String)>,
}

impl Playing {
    fn start(source: gst::Element, then: &str) -> Self {
        let pipeline = gst::Pipeline::new();
        let rest = gst::parse::bin_from_description(
            &format!("{then} ! fakesink name=end signal-handoffs=true sync=false"),
            true,
        )
        .unwrap();
        let (sender, buffers) = mpsc::channel();
        rest.by_name("end").unwrap().connect("handoff", false, move |args| {
            let (buffer, pad) = (args[1].get::<gst::Buffer>().unwrap(), args[2].get::<gst::Pad>().unwrap());
            let caps = pad.current_caps().map(|c| c.to_string()).unwrap_or_default();
            // Nobody may be listening any more.
            let _ = sender.send((buffer.map_readable().unwrap().to_vec(), caps));
            None
        });
        pipeline.add_many([&source, rest.upcast_ref()]).unwrap();
        source.link(&rest).unwrap();
        // Whether it could start is told by the buffers that come.
        let _ = pipeline.set_state(gst::State::Playing);
        Self { pipeline, buffers }
    }

    fn complaint(&self) -> String {
        format!("{:?}", self.pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]))
    }

    fn next(&self) -> (Vec<u8>, String) {
        self.buffers.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no buffer came: {}", self.complaint()))
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// Waits for half a second of mono sound at `rate`, beginning where it is loud, and tells its pitch in hertz. Gaps do not matter: a busy
/// machine's sound services leave some.
fn pitch(rate: u32, mut more: impl FnMut() -> Vec<f32>) -> f32 {
    let mut heard: Vec<f32> = Vec::new();
    wait_until("something is heard", || {
        heard = more();
        heard.iter().any(|s| s.abs() > 0.1)
    });
    wait_until("half a second is heard", || {
        heard.extend(more());
        heard.len() >= rate as usize / 2
    });
    let rises: Vec<usize> = (1..heard.len()).filter(|n| heard[n - 1] < 0.0 && heard[*n] >= 0.0).collect();
    let mut periods: Vec<usize> = rises.windows(2).map(|w| w[1] - w[0]).collect();
    periods.sort_unstable();
    rate as f32 / periods[periods.len() / 2] as f32
}

#[track_caller]
fn assert_pitch(got: f32) {
    assert!((435.0..=445.0).contains(&got), "{got} Hz instead of 440");
}

#[test]
fn a_camera_that_is_plugged_in_again_keeps_its_id_and_name() {
    on_a_desktop("a_camera_that_is_plugged_in_again_keeps_its_id_and_name", Services::PipeWire, |_| {
        let (monitor, events) = watch();
        let plugged = virtual_camera("aisle-cam", "Aisle");
        let camera = added(&events, DeviceKind::Camera);
        assert_eq!((camera.id.as_str(), camera.name.as_str()), ("camera:aisle@aisle-cam", "Aisle"));
        let modes: Vec<_> = camera.modes.iter().map(|m| (m.width, m.height, m.fps, m.format.as_str())).collect();
        assert_eq!(modes, [(320, 240, (30, 1), "I420")]);
        assert!(monitor.devices().contains(&camera));

        let error = controls::controls(&camera, None).unwrap_err().to_string();
        assert!(error.starts_with("controls are not offered by camera \"Aisle\""), "{error}");

        plugged.kill();
        assert_eq!(removed(&events), camera.id);
        assert!(!monitor.devices().contains(&camera));
        let error = devices::make_source(DeviceKind::Camera, "Aisle").unwrap_err();
        assert!(matches!(&error, DeviceError::NotFound { wanted, .. } if wanted == "Aisle"), "{error}");

        let (mut played, mut plugs) = (0, 0);
        while played < 3 {
            plugs += 1;
            assert!(plugs < 12, "it was played from {played} times only");
            let mut plugged = virtual_camera("aisle-cam", "Aisle");
            assert_eq!(added(&events, DeviceKind::Camera), camera);
            let playing =
                Playing::start(devices::make_source(DeviceKind::Camera, camera.id.as_str()).unwrap(), "videoconvert");
            let mut frame = None;
            // PipeWire's virtual camera may crash when somebody begins to watch it: one unplugging more.
            wait_until("a frame comes", || {
                frame = playing.buffers.try_recv().ok();
                frame.is_some() || plugged.is_over()
            });
            drop(playing);
            plugged.kill();
            assert_eq!(removed(&events), camera.id);
            if let Some((frame, _)) = frame {
                assert_eq!(frame.len(), 320 * 240 * 3 / 2);
                played += 1;
            }
        }
    });
}

#[test]
fn identical_cameras_are_told_apart() {
    on_a_desktop("identical_cameras_are_told_apart", Services::PipeWire, |_| {
        let (_monitor, events) = watch();
        let _first = virtual_camera("port-1", "Webcam");
        let first = added(&events, DeviceKind::Camera);
        let plugged = virtual_camera("port-2", "Webcam");
        let second = added(&events, DeviceKind::Camera);
        assert_ne!(first.id, second.id);
        assert_eq!((first.name.as_str(), second.name.as_str()), ("Webcam", "Webcam (2)"));
        plugged.kill();
        assert_eq!(removed(&events), second.id);
        let _third = virtual_camera("port-3", "Webcam");
        assert_eq!(added(&events, DeviceKind::Camera).name, "Webcam (3)", "the second one's name is kept for it");
        let _second = virtual_camera("port-2", "Webcam");
        assert_eq!(added(&events, DeviceKind::Camera), second);
        let error = devices::make_source(DeviceKind::Camera, "Altar").unwrap_err().to_string();
        assert!(error.ends_with("choose one of: Webcam, Webcam (2), Webcam (3)"), "{error}");
    });
}

#[test]
fn what_a_room_plays_is_a_microphone() {
    on_a_desktop("what_a_room_plays_is_a_microphone", Services::PipeWire, |_| {
        let _tone = room_with_a_tone();
        let listed = devices::list(PATIENCE).unwrap();
        let of = |kind| {
            listed.iter().filter(|d| d.kind == kind).map(|d| (d.name.as_str(), d.is_default)).collect::<Vec<_>>()
        };
        assert_eq!(of(DeviceKind::Microphone), [("Monitor of Room", true)]);
        assert_eq!(of(DeviceKind::Speaker), [("Room", true)], "told by two services, listed once");
        for wanted in ["default", "Monitor of Room", "microphone:monitor-of-room@room-monitor"] {
            let source = devices::make_source(DeviceKind::Microphone, wanted).unwrap();
            let playing =
                Playing::start(source, "audioconvert ! audioresample ! audio/x-raw,format=F32LE,rate=48000,channels=1");
            let samples =
                || playing.next().0.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            assert_pitch(pitch(48_000, samples));
        }
    });
}

#[test]
fn a_microphone_is_heard_by_callback_and_its_loss_is_told() {
    on_a_desktop("a_microphone_is_heard_by_callback_and_its_loss_is_told", Services::PipeWire, |dir| {
        let _tone = room_with_a_tone();
        assert!(devices::audio::microphones().unwrap().iter().any(|m| m.is_default && m.id == "alsa:default"));
        let (blocks, heard) = mpsc::sync_channel(4096);
        let (told, events) = mpsc::channel();
        let on_block = move |block: &devices::audio::Block<'_>| {
            let left = block.samples.chunks(block.channels.into()).map(|frame| frame[0]).collect();
            let _ = blocks.try_send((left, block.rate, block.at));
        };
        let microphone = Microphone::open("default", on_block, move |event| told.send(event).unwrap()).unwrap();
        let mut last = Duration::ZERO;
        let samples = || -> Vec<f32> {
            let (samples, rate, at) = heard.recv_timeout(PATIENCE).unwrap();
            assert_eq!(rate, 48_000);
            assert!(at >= last, "time runs backwards");
            last = at;
            samples
        };
        assert_pitch(pitch(48_000, samples));

        let pulse = fs::read_to_string(dir.join("pulse.pid")).unwrap();
        assert!(Command::new("kill").args(["-9", &pulse]).status().unwrap().success());
        let is_lost = |event| matches!(event, SoundEvent::Lost { .. });
        wait_until("the loss is told", || events.recv_timeout(PATIENCE).is_ok_and(is_lost));
        drop(microphone);
        let error = Microphone::open("Lectern", |_| {}, |_| {}).err().unwrap().to_string();
        assert!(error.starts_with("there is no microphone \"Lectern\" now"), "{error}");
    });
}

#[test]
fn headphones_play_what_is_pushed() {
    on_a_desktop("headphones_play_what_is_pushed", Services::PipeWire, |_| {
        room();
        devices::list(PATIENCE).unwrap();
        let source = devices::make_source(DeviceKind::Microphone, "default").unwrap();
        let playing = Playing::start(source, "audioconvert ! audio/x-raw,format=F32LE,rate=48000,channels=1");
        let mut headphones = Headphones::open("default", |_| {}).unwrap();
        let mut time = 0_u32;
        let mut tone = move |frames: u32| -> Vec<f32> {
            let at = |n: u32| (n as f32 / 48_000.0 * 440.0 * std::f32::consts::TAU).sin() * 0.5;
            let stereo = (time..time + frames).flat_map(|n| [at(n % 48_000); 2]).collect();
            time += frames;
            stereo
        };
        headphones.push(&tone(4800));
        let samples = || -> Vec<f32> {
            let bytes = playing.next().0;
            // As much goes in as comes out: the room's clock is the headphones' clock.
            headphones.push(&tone(u32::try_from(bytes.len() / 4).unwrap()));
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
        };
        assert_pitch(pitch(48_000, samples));
        let before = headphones.dropped();
        headphones.push(&vec![0.0; 2 * 48_000]);
        assert!(headphones.dropped() - before >= 48_000 - 9_600 - 1, "a second does not fit into 200 ms");
    });
}

#[test]
fn where_nothing_tells_of_devices_there_are_none() {
    on_a_desktop("where_nothing_tells_of_devices_there_are_none", Services::None, |_| {
        let before = Instant::now();
        assert_eq!(devices::list(PATIENCE).unwrap(), []);
        assert!(before.elapsed() < PATIENCE);
        let error = devices::make_source(DeviceKind::Microphone, "default").unwrap_err().to_string();
        assert!(error.contains("no microphone is plugged in"), "{error}");
        let error = devices::screen_source(0).unwrap_err().to_string();
        assert!(error.contains("DISPLAY is not set"), "{error}");
    });
}

#[test]
fn a_service_that_does_not_answer_is_not_waited_for() {
    on_a_desktop("a_service_that_does_not_answer_is_not_waited_for", Services::None, |dir| {
        let _mute = UnixListener::bind(dir.join("pipewire-0")).unwrap();
        let deadline = Duration::from_millis(1500);
        let before = Instant::now();
        let listed = devices::list(deadline);
        assert!(before.elapsed() < deadline * 4, "{:?}", before.elapsed());
        assert_eq!(listed, Err(DeviceError::Slow { waited: deadline }));
    });
}

#[test]
fn a_screen_is_listed_and_captured() {
    on_a_desktop("a_screen_is_listed_and_captured", Services::Screen, |_| {
        let screens = devices::screens().unwrap();
        let told: Vec<_> = screens.iter().map(|s| (s.index, s.x, s.y, s.width, s.height)).collect();
        assert_eq!(told, [(0, 0, 0, 640, 480)]);
        assert!(
            devices::list(PATIENCE)
                .unwrap()
                .iter()
                .any(|d| d.kind == DeviceKind::Screen && d.id.as_str() == "screen:0")
        );
        let playing = Playing::start(devices::make_source(DeviceKind::Screen, "default").unwrap(), "identity");
        let (_, caps) = playing.next();
        assert!(caps.contains("width=(int)640, height=(int)480"), "{caps}");
        let error = devices::screen_source(3).unwrap_err().to_string();
        assert!(error.contains("there is no screen \"screen:3\" now") && error.contains("screen:0"), "{error}");
    });
}
