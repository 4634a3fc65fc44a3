//! The lines of a headless run are a contract: scripts read them. A changed snapshot is a broken script.

use std::{collections::BTreeMap, time::Duration};

use pulse_wire::{
    Canvas, Edge, Encoder, EncoderStats, ErrorCode, Event, Fault, FileKind, Line, Meter, OutputStats, RecordedFile,
    SourceStats, State, Stats, Transition,
};

fn one_of_each() -> Vec<Event> {
    let text = str::to_owned;
    vec![
        Event::Ready {
            version: text("0.1.0"),
            canvas: Canvas { width: 1280, height: 720, fps: 30_000.0 / 1001.0 },
            encoder: Some(Encoder { name: text("x264enc"), hardware: false }),
            control: Some(text("http://127.0.0.1:40123")),
        },
        Event::Ready {
            version: text("0.1.0"),
            canvas: Canvas { width: 1280, height: 720, fps: 30.0 },
            encoder: None,
            control: None,
        },
        Event::Recording { path: text("out/program.mp4"), kind: FileKind::Program, source: None },
        Event::Recording { path: text("out/Aisle \"1\".mp4"), kind: FileKind::Iso, source: Some(text("aisle")) },
        Event::Publishing { output: text("youtube") },
        Event::Take { scene: text("Wide"), transition: Transition::Slide(Edge::Top), ms: 500 },
        Event::Take { scene: text("Grid"), transition: Transition::Cut, ms: 0 },
        Event::Marker { name: text("First kiss") },
        Event::Mute { source: text("room"), muted: true },
        Event::SourceLost {
            source: text("aisle"),
            name: text("Aisle"),
            code: ErrorCode::SourceLost,
            cause: text("no picture for 2 s"),
        },
        Event::SourceBack { source: text("aisle"), name: text("Aisle"), after: 4.25 },
        Event::Notice(Fault::new(ErrorCode::DiskSlow, "the disk of out/ is 3 s behind")),
        Event::OutputRetrying {
            output: text("youtube"),
            attempt: 2,
            at: 14.5,
            code: ErrorCode::OutputFailed,
            cause: text("connection reset"),
        },
        Event::OutputFailed {
            output: text("youtube"),
            code: ErrorCode::OutputFailed,
            cause: text("the key is refused"),
        },
        Event::Stats(stats()),
        Event::Stopped {
            files: vec![
                RecordedFile {
                    path: text("out/program.mp4"),
                    kind: FileKind::Program,
                    source: None,
                    start: 0.25,
                    duration: 30.0,
                    frames: 900,
                    bytes: 16_900_000,
                },
                RecordedFile {
                    path: text("out/room.m4a"),
                    kind: FileKind::Audio,
                    source: Some(text("room")),
                    start: 0.2,
                    duration: 30.021,
                    frames: 0,
                    bytes: 600_000,
                },
            ],
        },
    ]
}

fn stats() -> Stats {
    let output = OutputStats { state: State::Live, bitrate: 4_512_000, queue: 0.033, dropped: 0, bytes: 5_640_000 };
    let source = SourceStats { name: "Aisle".to_owned(), state: State::Retrying, fps: 24.5, dropped: 3 };
    Stats {
        fps: 29.97,
        frames: 300,
        dropped: 1,
        cpu_seconds: 9.5,
        rss_bytes: 180_000_000,
        encoder: Some(Encoder { name: "x264enc".to_owned(), hardware: false }),
        encoders: vec![EncoderStats { name: "x264enc".to_owned(), queued: 1, dropped: 2 }],
        outputs: BTreeMap::from([("program".to_owned(), output)]),
        sources: BTreeMap::from([("aisle".to_owned(), source)]),
        meters: BTreeMap::from([("master".to_owned(), Meter { peak: -3.5, rms: -20.0 })]),
    }
}

#[test]
fn the_lines_are_as_scripts_know_them() {
    let lines: Vec<String> =
        one_of_each().into_iter().map(|event| Line::new(Duration::from_micros(1_250_400), event).to_json()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_line_reads_as_what_was_written() {
    for event in one_of_each() {
        let mut line = Line::new(Duration::from_millis(61_007), event);
        if let Event::Ready { canvas, .. } = &mut line.event {
            canvas.fps = (canvas.fps * 1000.0).round() / 1000.0;
        }
        let json = line.to_json();
        assert!(!json.contains('\n'));
        assert_eq!(serde_json::from_str::<Line>(&json).expect(&json), line);
    }
}

#[test]
fn a_line_of_a_newer_version_reads_without_its_new_fields() {
    let json = r#"{"event": "marker", "t": 3, "name": "Cake", "colour": "red"}"#;
    let expected = Line { t: 3.0, event: Event::Marker { name: "Cake".to_owned() } };
    assert_eq!(serde_json::from_str::<Line>(json).unwrap(), expected);
}

#[test]
fn numbers_that_json_lacks_are_written_as_nothing_and_as_silence() {
    let meter = |peak, rms| Meter { peak, rms };
    let stats = Stats {
        fps: f64::NAN,
        cpu_seconds: f64::INFINITY,
        meters: BTreeMap::from([("room".to_owned(), meter(f64::NEG_INFINITY, f64::NAN))]),
        ..Stats::default()
    };
    let json = Line::new(Duration::ZERO, Event::Stats(stats)).to_json();
    let line: Line = serde_json::from_str(&json).expect(&json);
    let Event::Stats(read) = line.event else { panic!("{json}") };
    assert_eq!((read.fps, read.cpu_seconds), (0.0, 0.0));
    assert_eq!(read.meters["room"], meter(-100.0, -100.0));
}
