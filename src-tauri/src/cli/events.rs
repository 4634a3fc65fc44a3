//! From what the engine observes and tells to the lines of the contract.

use std::{collections::BTreeMap, io::Write, sync::Arc, time::Duration};

use pulse_engine::{
    FileReport, Levels, Notice, Observed, OutputState, SourceState,
    encoder::{EncoderKind, candidates},
};
use pulse_show::Studio;
use pulse_wire::{
    Encoder, EncoderStats, ErrorCode, Event, Fault, FileKind, Line, Meter, OutputStats, RecordedFile, SourceStats,
    State, Stats,
};

use crate::machine::{Machine, Usage};

/// Writes lines to stdout. A reader that went away does not end the show.
pub struct Printer {
    silent: bool,
}

impl Printer {
    /// Prints, or keeps quiet.
    pub fn new(silent: bool) -> Self {
        Self { silent }
    }

    /// Prints one line.
    pub fn print(&mut self, at_ns: u64, event: Event) {
        if self.silent {
            return;
        }
        let line = Line::new(Duration::from_nanos(at_ns), event).to_json();
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            tracing::warn!("nobody reads the events any more; the show goes on");
            self.silent = true;
        }
    }
}

/// A code by its name; every name that the engine uses is in the list.
fn code(name: &str) -> ErrorCode {
    ErrorCode::ALL.iter().copied().find(|code| code.as_str() == name).unwrap_or(ErrorCode::Internal)
}

/// What kind of file an output writes, by its id.
fn kind_of(output: &str) -> FileKind {
    match output.split(':').next() {
        Some("iso") => FileKind::Iso,
        Some("stem") => FileKind::Audio,
        _ => FileKind::Program,
    }
}

/// Whose file an output writes, by its id.
fn source_of(output: &str) -> Option<String> {
    output.split_once(':').filter(|(kind, _)| matches!(*kind, "iso" | "stem")).map(|(_, source)| source.to_owned())
}

/// A file as it is told at the end.
pub fn recorded(file: &FileReport) -> RecordedFile {
    let kind = kind_of(file.output.as_str());
    RecordedFile {
        path: file.path.display().to_string(),
        kind,
        source: file.source.as_ref().map(ToString::to_string),
        start: Duration::from_nanos(file.start).as_secs_f64(),
        duration: file.duration,
        frames: if kind == FileKind::Audio { 0 } else { file.frames },
        bytes: file.bytes,
    }
}

/// The event that a notice is told as; what is told in another way gives none.
pub fn of_notice(notice: &Notice) -> Option<Event> {
    let fault = |code: ErrorCode, message: &str| Some(Event::Notice(Fault::new(code, message)));
    match notice {
        Notice::Ready | Notice::Recorded(_) => None,
        Notice::SourceLost { source, name, fault } => Some(Event::SourceLost {
            source: source.to_string(),
            name: name.clone(),
            code: code(fault.code()),
            cause: fault.to_string(),
        }),
        Notice::SourceBack { source, name, away } => Some(Event::SourceBack {
            source: source.to_string(),
            name: name.clone(),
            after: Duration::from_nanos(*away).as_secs_f64(),
        }),
        Notice::Recording { output, path } => Some(Event::Recording {
            path: path.display().to_string(),
            kind: kind_of(output.as_str()),
            source: source_of(output.as_str()),
        }),
        Notice::Publishing { output } => Some(Event::Publishing { output: output.to_string() }),
        Notice::OutputRetrying { output, attempt, at, code: name, cause } => Some(Event::OutputRetrying {
            output: output.to_string(),
            attempt: *attempt,
            at: Duration::from_nanos(*at).as_secs_f64(),
            code: code(name),
            cause: cause.clone(),
        }),
        Notice::OutputFailed { output, code: name, cause } => {
            Some(Event::OutputFailed { output: output.to_string(), code: code(name), cause: cause.clone() })
        }
        Notice::EncoderReplaced { from, to, cause } => fault(
            ErrorCode::EncoderFailed,
            &format!("the encoder {from} failed ({cause}); {to} has taken over and the recording goes on"),
        ),
        Notice::EncoderFailed { cause } => fault(ErrorCode::NoEncoder, cause),
        Notice::Refused { message } => fault(ErrorCode::NotSupported, message),
    }
}

/// Turns two observations a while apart into figures.
pub struct Statistics {
    machine: Machine,
    before: Option<Observed>,
}

impl Statistics {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self { machine: Machine::new(), before: None }
    }

    /// What this process has used so far.
    pub fn usage(&mut self) -> Usage {
        self.machine.usage()
    }

    /// The figures since the last call.
    pub fn next(&mut self, now: Observed, studio: &Arc<Studio>) -> Stats {
        let usage = self.usage();
        let before = self.before.take();
        let since = before.as_ref().map_or(0, |before| before.at);
        let seconds = Duration::from_nanos(now.at.saturating_sub(since)).as_secs_f64().max(0.001);
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let outputs = now.outputs.iter().map(|(id, output)| {
            let before = before.as_ref().and_then(|b| b.outputs.get(id)).map_or(0, |o| o.bytes);
            let bitrate = rate(output.bytes, before) * 8.0;
            let target = f64::from(studio.show.encoding.video_bitrate).max(1.0);
            let stats = OutputStats {
                state: output_state(&output.state),
                bitrate: bitrate as u64,
                queue: output.queued as f64 * 8.0 / target,
                dropped: output.dropped,
                bytes: output.bytes,
            };
            (id.to_string(), stats)
        });
        let sources = now.sources.iter().map(|(id, source)| {
            let before = before.as_ref().and_then(|b| b.sources.get(id)).map_or(0, |s| s.frames);
            let stats = SourceStats {
                name: source.name.clone(),
                state: source_state(&source.state),
                fps: rate(source.frames, before),
                dropped: source.dropped,
            };
            (id.to_string(), stats)
        });
        let stats = Stats {
            fps: rate(now.program.frames, before.as_ref().map_or(0, |b| b.program.frames)),
            frames: now.program.frames,
            dropped: now.program.dropped + now.encoders.iter().map(|e| e.dropped).sum::<u64>(),
            cpu_seconds: usage.cpu_seconds,
            rss_bytes: usage.rss_bytes,
            encoder: encoder_of(&now),
            encoders: encoders(&now),
            outputs: outputs.collect(),
            sources: sources.collect(),
            meters: meters(&now, studio),
        };
        self.before = Some(now);
        stats
    }
}

/// What encodes the program.
pub fn encoder_of(observed: &Observed) -> Option<Encoder> {
    let name = observed.encoders.first().map(|e| e.element.clone()).filter(|name| !name.is_empty())?;
    let hardware = candidates(None).iter().any(|c| c.element == name && c.kind == EncoderKind::Hardware);
    Some(Encoder { name, hardware })
}

fn encoders(observed: &Observed) -> Vec<EncoderStats> {
    let stats = |encoder: &pulse_engine::status::EncoderStatus| EncoderStats {
        name: encoder.element.clone(),
        queued: encoder.queued,
        dropped: encoder.dropped,
    };
    observed.encoders.iter().map(stats).collect()
}

fn meters(observed: &Observed, studio: &Studio) -> BTreeMap<String, Meter> {
    let louder = |pair: [f32; 2]| f64::from(pair[0].max(pair[1]));
    let meter = |levels: &Levels| Meter { peak: louder(levels.peak_db), rms: louder(levels.rms_db) };
    let strips = observed.strips.iter().filter(|(id, _)| studio.show.strip(id).is_some());
    let mut meters: BTreeMap<String, Meter> = strips.map(|(id, levels)| (id.to_string(), meter(levels))).collect();
    if !meters.is_empty() {
        meters.insert("master".to_owned(), meter(&observed.master));
    }
    meters
}

fn output_state(state: &OutputState) -> State {
    match state {
        OutputState::Offline => State::Offline,
        OutputState::Connecting { .. } => State::Connecting,
        OutputState::Live { .. } => State::Live,
        OutputState::Retrying { .. } => State::Retrying,
        OutputState::Draining { .. } => State::Draining,
        OutputState::Failed { .. } => State::Failed,
    }
}

fn source_state(state: &SourceState) -> State {
    match state {
        SourceState::Connecting { .. } => State::Connecting,
        SourceState::Live { .. } => State::Live,
        SourceState::Retrying { .. } => State::Retrying,
        SourceState::Ended => State::Offline,
    }
}
