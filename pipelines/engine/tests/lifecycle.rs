//! Starting, stopping and failing, over and over: nothing leaks, nothing is lost, no file is spoilt.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use gst::{glib, prelude::*, subclass::prelude::*};
use pulse_engine::{Engine, FileReport, Monitor, MonitorPicture, Notice, Options};
use pulse_show::{
    Canvas, Command as Do, EncoderChoice, Fit, FrameRate, Layer, Live, Record, Rect, Scene, Show, Source, Strip,
    Studio, apply,
};
use tokio::sync::mpsc::Receiver;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(15);

fn studio() -> Studio {
    let rate = FrameRate::whole(30);
    let mut show = Show::empty(Canvas { width: 320, height: 180, rate });
    show.encoding.preset = "ultrafast".into();
    let ball = Source::new("Ball", "test:ball".parse().unwrap());
    let tone = Source::new("Tone", "test:sine?freq=440".parse().unwrap());
    let (ball_id, strip) = (ball.id.clone(), Strip::new(tone.id.clone()));
    let scene = Scene { layers: vec![Layer::full(ball_id)], ..Scene::new("One") };
    let mut live = Live::default();
    for command in [
        Do::AddSource { source: ball, strip: None },
        Do::AddSource { source: tone, strip: Some(strip) },
        Do::AddScene { scene, index: None },
    ] {
        (show, live) = apply(&show, &live, &command).unwrap();
    }
    let live = Live { ..Live::initial(&show) };
    Studio { revision: 0, show, live }
}

struct Run {
    engine: Engine,
    notices: Receiver<Notice>,
    studio: Studio,
}

impl Run {
    fn start(studio: Studio, folder: &Path) -> Self {
        let options = Options { canvas: studio.show.canvas, folder: folder.to_owned(), secrets: BTreeMap::new() };
        let (engine, notices) = Engine::start(options).unwrap();
        engine.apply(Arc::new(studio.clone()));
        Self { engine, notices, studio }
    }

    fn record(&mut self, on: bool) {
        self.studio.live.record = Record { program: on, ..Record::default() };
        self.studio.revision += 1;
        self.engine.apply(Arc::new(self.studio.clone()));
    }

    /// Waits for a notice that `wanted` makes something of.
    fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Notice) -> Option<T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let begun = Instant::now();
        runtime.block_on(async {
            loop {
                let left = PATIENCE.checked_sub(begun.elapsed()).unwrap_or_else(|| panic!("waited in vain for {what}"));
                let next = tokio::time::timeout(left, self.notices.recv()).await;
                let notice = next.unwrap_or_else(|_| panic!("waited in vain for {what}")).unwrap();
                if let Some(found) = wanted(&notice) {
                    return found;
                }
                assert!(!matches!(notice, Notice::OutputRetrying { .. }), "{notice:?}");
            }
        })
    }
}

fn recorded(notice: &Notice) -> Option<FileReport> {
    if let Notice::Recorded(file) = notice { Some(file.clone()) } else { None }
}

fn begun(notice: &Notice) -> Option<()> {
    matches!(notice, Notice::Recording { .. }).then_some(())
}

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn a_hundred_recordings_in_one_run_all_begin_at_zero_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::start(studio(), folder.path());
    run.wait("program frames", |notice| matches!(notice, Notice::Ready).then_some(()));
    #[cfg(target_os = "linux")]
    let mut settled = 0;
    for round in 0..100 {
        run.record(true);
        run.wait("a recording", begun);
        run.record(false);
        let file = run.wait("the end of a recording", recorded);
        let info = pulse_mp4::probe(&file.path).unwrap();
        assert!(file.frames > 0 && info.tracks.len() == 2, "round {round}: {file:?} {info:?}");
        assert!(file.frames as f64 / 30.0 - file.duration < 0.05, "round {round}: {file:?}");
        #[cfg(target_os = "linux")]
        if round == 10 {
            settled = threads();
        }
    }
    let observed = run.engine.observe();
    assert_eq!(observed.outputs.len(), 0, "{:?}", observed.outputs);
    #[cfg(target_os = "linux")]
    assert!(threads() <= settled + 4, "{} threads after 100 rounds, {settled} after 10", threads());
    run.engine.stop();
}

#[test]
fn fifty_engines_start_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..50 {
        let mut wish = studio();
        wish.live.record.program = true;
        let mut run = Run::start(wish, &folder.path().join(round.to_string()));
        run.wait("a recording", begun);
        run.engine.stop();
        let file = run.notices.blocking_recv();
        let mut last = file;
        while let Some(notice) = last {
            if let Notice::Recorded(file) = notice {
                assert!(file.frames > 0, "round {round}");
            }
            last = run.notices.blocking_recv();
        }
        let path = folder.path().join(round.to_string()).join("program.mp4");
        assert_eq!(pulse_mp4::probe(&path).unwrap().layout, pulse_mp4::Layout::Whole, "round {round}");
    }
}

/// An encoder that works for two seconds and then fails: x264 behind something that posts an error.
mod failing {
    use super::*;

    #[derive(Default)]
    pub struct Inside;

    #[glib::object_subclass]
    impl ObjectSubclass for Inside {
        const NAME: &'static str = "PulseFailingEncoder";
        type Type = FailingEncoder;
        type ParentType = gst::Bin;
    }

    impl ObjectImpl for Inside {
        fn constructed(&self) {
            self.parent_constructed();
            let bin = self.obj();
            let encoder =
                gst::ElementFactory::make("x264enc").property_from_str("tune", "zerolatency").build().unwrap();
            let failing = gst::ElementFactory::make("identity").property("error-after", 60_i32).build().unwrap();
            bin.add_many([&encoder, &failing]).unwrap();
            encoder.link(&failing).unwrap();
            for (name, element) in [("sink", &encoder), ("src", &failing)] {
                let pad = gst::GhostPad::with_target(&element.static_pad(name).unwrap()).unwrap();
                bin.add_pad(&pad).unwrap();
            }
        }
    }

    impl GstObjectImpl for Inside {}
    impl ElementImpl for Inside {}
    impl BinImpl for Inside {}
}

glib::wrapper! {
    pub struct FailingEncoder(ObjectSubclass<failing::Inside>) @extends gst::Bin, gst::Element, gst::Object;
}

#[test]
fn when_an_encoder_fails_the_next_one_goes_on_in_the_same_file() {
    pulse_engine::init().unwrap();
    gst::Element::register(None, "failingh264enc", gst::Rank::NONE, FailingEncoder::static_type()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut wish = studio();
    wish.show.encoding.encoder = EncoderChoice::Named("failingh264enc".into());
    wish.live.record.program = true;
    let mut run = Run::start(wish, folder.path());
    let (from, to) = run.wait("the next encoder", |notice| match notice {
        Notice::EncoderReplaced { from, to, .. } => Some((from.clone(), to.clone())),
        _ => None,
    });
    assert_eq!((from.as_str(), to.as_str()), ("failingh264enc", "x264enc"));
    let before = run.engine.observe().program.frames;
    while run.engine.observe().program.frames < before + 60 {
        std::thread::yield_now();
    }
    run.engine.stop();
    let path = folder.path().join("program.mp4");
    let info = pulse_mp4::probe(&path).unwrap();
    let video = info.tracks.iter().find(|track| track.kind == pulse_mp4::TrackKind::Video).unwrap();
    assert!(video.samples > 90, "both encoders' pictures are in one file: {}", video.samples);
    assert!(info.duration > 3.0, "{info:?}");
    let mut judge = Command::new("ffmpeg");
    judge.args(["-nostdin", "-v", "error", "-xerror", "-i"]).arg(&path).args(["-f", "null", "-"]);
    let output = judge.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Mean luma of the left and of the right half.
fn halves(picture: &MonitorPicture) -> (u64, u64) {
    let planes = picture.planes().unwrap();
    let (width, height) = (planes.width() as usize, planes.height() as usize);
    let mean = |columns: std::ops::Range<usize>| {
        let count = (columns.len() * height) as u64;
        (0..height).flat_map(|y| &planes.y().row(y)[columns.clone()]).map(|&luma| u64::from(luma)).sum::<u64>() / count
    };
    (mean(0..width / 2), mean(width / 2..width))
}

/// A picture of the preview for which `wanted` holds.
fn watch_until(monitor: &Monitor, what: &str, wanted: impl Fn((u64, u64)) -> bool) -> MonitorPicture {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        if let Some(picture) = monitor.next(PATIENCE).filter(|picture| wanted(halves(picture))) {
            return picture;
        }
    }
}

#[test]
fn the_preview_shows_the_next_scene_and_overlays_to_those_who_look() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = studio();
    let white = Source::new("White", "test:white".parse().unwrap());
    let half = Layer {
        rect: Rect { width: 160.0, ..Rect::whole(studio.show.canvas) },
        fit: Fit::Cover,
        ..Layer::full(white.id.clone())
    };
    let next = Scene { layers: vec![half], ..Scene::new("Next") };
    for command in [
        Do::AddSource { source: white.clone(), strip: None },
        Do::AddScene { scene: next.clone(), index: None },
        Do::Preview { scene: next.id.clone() },
    ] {
        (studio.show, studio.live) = apply(&studio.show, &studio.live, &command).unwrap();
    }
    let mut run = Run::start(studio, folder.path());
    let monitor = run.engine.watch_preview();
    let picture = watch_until(&monitor, "the next scene", |(left, right)| left > 200 && right < 40);
    assert!(run.engine.now() - picture.at() < 1_000_000_000);

    let right = Rect { x: 160.0, width: 160.0, ..Rect::whole(run.studio.show.canvas) };
    let overlay = Layer { rect: right, fit: Fit::Cover, ..Layer::full(white.id) };
    let change = Do::AddLayer { scene: None, layer: overlay };
    (run.studio.show, run.studio.live) = apply(&run.studio.show, &run.studio.live, &change).unwrap();
    run.engine.apply(Arc::new(run.studio.clone()));
    watch_until(&monitor, "the overlay", |(left, right)| left > 200 && right > 200);

    // Nobody looks: the same picture is asked for by the next one who does, after a time in which none was made.
    drop(monitor);
    run.record(true);
    run.wait("a recording", begun);
    let monitor = run.engine.watch_preview();
    watch_until(&monitor, "a second look", |(left, right)| left > 200 && right > 200);
    drop(monitor);
    run.engine.stop();
}
