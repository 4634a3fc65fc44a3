//! One part of a recording: encoded streams into one crash-safe MP4.
//!
//! The muxer makes short fragments; [`pulse_mp4::Writer`] lays them down so that the file plays at any moment and becomes an ordinary
//! MP4 in place when it ends.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_app::AppSinkCallbacks;
use pulse_mp4::{FinishError, Reserve, Tags, WriteError, Writer};

use super::{
    OutputError, free_path,
    recorder::{Control, Part},
};
use crate::{
    deadline,
    status::{FileReport, OutputState},
    tap::{Feed, Start, Take, Tap, lock},
};

/// Milliseconds in a fragment: what a crash can cost at most, together with what is inside the encoder.
const FRAGMENT_MS: u32 = 250;
/// Hours for which an index in front of the media is provided for; longer recordings have it at the end.
const RESERVE_HOURS: f32 = 6.0;
/// AAC packets a second at 48 kHz.
const SOUND_PACKETS: f64 = 48_000.0 / 1024.0;
/// Bytes that may wait for a slow disk.
const QUEUE: u64 = 64 << 20;
/// Power may fail: what is older than this is on the disk, not in the system's memory.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long the muxer may take to give out what it holds.
const DRAIN_WITHIN: Duration = Duration::from_secs(3);

/// What goes into the file.
pub(super) struct Streams {
    /// Encoded pictures.
    pub video: Arc<Tap>,
    /// Encoded sound.
    pub audio: Option<Arc<Tap>>,
    /// Frames a second, for the size of the index.
    pub fps: f64,
    /// The pictures were encoded elsewhere: they must be parsed, and may lack decode times.
    pub foreign: bool,
}

/// The file, opened when the first bytes come.
struct Sink {
    control: Arc<Control>,
    reserve: u64,
    open: Option<(Writer, PathBuf)>,
    synced: Instant,
    fault: Option<OutputError>,
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        if self.open.is_none() {
            let setting = &self.control.setting;
            std::fs::create_dir_all(&setting.folder)
                .map_err(|e| OutputError::Folder { path: setting.folder.clone(), cause: e.to_string() })?;
            let path = free_path(&setting.folder, &setting.name, "mp4");
            let writer = Writer::create(&path, self.reserve, Tags::default()).map_err(|e| explain(&path, &e))?;
            self.control.begun(&path);
            self.open = Some((writer, path));
        }
        let Some((writer, path)) = self.open.as_mut() else { return Ok(()) };
        writer.write(bytes).map_err(|e| explain(path, &e))?;
        self.control.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), OutputError> {
        if self.synced.elapsed() < SYNC_EVERY {
            return Ok(());
        }
        self.synced = Instant::now();
        let Some((writer, path)) = self.open.as_mut() else { return Ok(()) };
        writer.sync().map_err(|e| explain(path, &e))
    }
}

fn explain(path: &std::path::Path, error: &WriteError) -> OutputError {
    match error {
        WriteError::DiskFull { .. } => OutputError::DiskFull { path: path.to_owned() },
        other => OutputError::Write { path: path.to_owned(), cause: other.to_string() },
    }
}

/// The pipeline of one part.
struct Muxing {
    pipeline: gst::Pipeline,
    feeds: Vec<Arc<Feed>>,
    start: Arc<Start>,
    sink: Arc<Mutex<Sink>>,
}

/// Records until told to stop or until a fault, and makes the file whole either way.
pub(super) fn record(control: &Arc<Control>, streams: &Streams) -> Part {
    let path = control.setting.folder.join(&control.setting.name);
    let muxing = match build(control, streams) {
        Ok(muxing) => muxing,
        Err(cause) => return Part { file: None, fault: Some(OutputError::Mux { path, cause }) },
    };
    let takers: Vec<Arc<dyn Take>> = muxing.feeds.iter().map(|feed| feed.clone() as Arc<dyn Take>).collect();
    let mut taps = vec![&streams.video];
    taps.extend(streams.audio.as_ref());
    for (tap, taker) in taps.iter().zip(&takers) {
        tap.attach(taker);
    }
    let fault = run(control, &muxing);
    control.set_muxing(None);
    drop(takers);
    finish(control, muxing, fault)
}

fn build(control: &Arc<Control>, streams: &Streams) -> Result<Muxing, String> {
    let make = |name: &str| gst::ElementFactory::make(name).build().map_err(|_| format!("\"{name}\" is missing"));
    let pipeline = gst::Pipeline::builder().name(format!("record {}", control.setting.name)).build();
    control.setting.timeline.adopt(&pipeline);
    let mux = make("mp4mux")?;
    mux.set_property("fragment-duration", FRAGMENT_MS);
    mux.set_property("streamable", true);
    let out = gst_app::AppSink::builder().sync(false).buffer_list(true).enable_last_sample(false).build();
    pipeline.add_many([&mux, out.upcast_ref()]).map_err(|e| e.to_string())?;
    mux.link(&out).map_err(|e| e.to_string())?;
    let start = Start::new(true);
    let mut feeds = Vec::new();
    for video in [true, false] {
        if !video && streams.audio.is_none() {
            continue;
        }
        let appsrc = gst_app::AppSrc::builder().format(gst::Format::Time).build();
        let mut row = vec![appsrc.clone().upcast::<gst::Element>()];
        if video && streams.foreign {
            let codec = streams.video.caps().and_then(|caps| caps.structure(0).map(|s| s.name().to_string()));
            let h265 = codec.as_deref() == Some("video/x-h265");
            row.push(make(if h265 { "h265parse" } else { "h264parse" })?);
            row.push(make(if h265 { "h265timestamper" } else { "h264timestamper" })?);
        }
        pipeline.add_many(&row).map_err(|e| e.to_string())?;
        gst::Element::link_many(&row).map_err(|e| e.to_string())?;
        let into = mux
            .request_pad_simple(if video { "video_%u" } else { "audio_%u" })
            .ok_or("the muxer has no more inputs")?;
        let from = row.last().and_then(|last| last.static_pad("src")).ok_or("no output")?;
        from.link(&into).map_err(|e| e.to_string())?;
        if video {
            measure_lead(&from, &start);
        }
        feeds.push(Feed::new(appsrc, video, start.clone(), QUEUE));
    }
    let sink = Arc::new(Mutex::new(Sink {
        control: control.clone(),
        reserve: Reserve::for_recording(RESERVE_HOURS, streams.fps, streams.foreign, SOUND_PACKETS),
        open: None,
        synced: Instant::now(),
        fault: None,
    }));
    out.set_callbacks(write_to(sink.clone()));
    pipeline.set_state(gst::State::Playing).map_err(|e| e.to_string())?;
    Ok(Muxing { pipeline, feeds, start, sink })
}

/// Tells `start` how long before it the first picture is decoded.
///
/// A fragmented file has no times before zero: the muxer begins with that picture's decode time, and all pictures lie later by as much.
fn measure_lead(pictures: &gst::Pad, start: &Arc<Start>) {
    let start = start.clone();
    pictures.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(first)) = &info.data {
            let lead =
                first.pts().zip(first.dts()).map_or(0, |(shown, decoded)| shown.saturating_sub(decoded).nseconds());
            start.lead_by(lead);
        }
        gst::PadProbeReturn::Remove
    });
}

fn write_to(sink: Arc<Mutex<Sink>>) -> AppSinkCallbacks {
    AppSinkCallbacks::builder()
        .new_sample(move |out| {
            let sample = out.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let mut sink = lock(&sink);
            let single = sample.buffer().into_iter();
            let listed = sample.buffer_list();
            let listed = listed.iter().flat_map(|list| list.iter());
            for buffer in single.chain(listed) {
                let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
                if let Err(fault) = sink.write(&map) {
                    sink.fault.get_or_insert(fault);
                    return Err(gst::FlowError::Error);
                }
            }
            if let Err(fault) = sink.sync() {
                sink.fault.get_or_insert(fault);
                return Err(gst::FlowError::Error);
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build()
}

/// Waits for the end: told to stop, or a fault.
fn run(control: &Control, muxing: &Muxing) -> Option<OutputError> {
    let bus = muxing.pipeline.bus()?;
    control.set_muxing(Some((bus.clone(), muxing.feeds.clone())));
    while !control.stopping() {
        let message =
            bus.timed_pop_filtered(gst::ClockTime::NONE, &[gst::MessageType::Error, gst::MessageType::Application])?;
        if message.type_() == gst::MessageType::Error {
            return Some(posted_fault(control, muxing, &message));
        }
    }
    None
}

fn posted_fault(control: &Control, muxing: &Muxing, message: &gst::Message) -> OutputError {
    if let Some(fault) = lock(&muxing.sink).fault.take() {
        return fault;
    }
    let cause = match message.view() {
        gst::MessageView::Error(error) => error.error().message().to_owned(),
        _ => "it stopped".to_owned(),
    };
    OutputError::Mux { path: control.setting.folder.join(&control.setting.name), cause }
}

/// Lets the muxer give out what it holds, and makes the file whole.
fn finish(control: &Control, muxing: Muxing, fault: Option<OutputError>) -> Part {
    let drain = gst::ClockTime::from_nseconds(u64::try_from(DRAIN_WITHIN.as_nanos()).unwrap_or(0));
    let deadline_at = control.setting.timeline.now() + drain.nseconds();
    control.set(OutputState::Draining { deadline: deadline_at });
    if fault.is_none() {
        for feed in &muxing.feeds {
            feed.end();
        }
        if let Some(bus) = muxing.pipeline.bus()
            && bus.timed_pop_filtered(drain, &[gst::MessageType::Eos, gst::MessageType::Error]).is_none()
        {
            tracing::warn!(output = %control.setting.id, "the muxer did not give out everything in time");
        }
    }
    if let Err(error) = deadline::stop_pipeline(&control.setting.name, &muxing.pipeline, Duration::from_secs(2)) {
        tracing::error!(%error);
    }
    let Some((writer, path)) = lock(&muxing.sink).open.take() else { return Part { file: None, fault } };
    match writer.finish() {
        Ok(whole) => {
            let report = FileReport {
                output: control.setting.id.clone(),
                path,
                source: control.setting.source.clone(),
                start: muxing.start.zero().unwrap_or(0),
                duration: whole.duration,
                frames: whole.video_frames,
                bytes: whole.bytes,
            };
            Part { file: Some(report), fault }
        }
        Err(FinishError::NoMedia { path }) => {
            // Nothing but a header: no file is better than an empty one.
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "an empty file stays behind");
            }
            Part { file: None, fault }
        }
        Err(error) => {
            let cause = error.to_string();
            tracing::error!(output = %control.setting.id, %cause, "the file plays, but could not be ended");
            Part { file: None, fault: fault.or(Some(OutputError::Write { path, cause })) }
        }
    }
}
