//! A clip in memory, still encoded, and its endless playing into a pipeline.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use gstreamer::{self as gst, prelude::*};
use gstreamer_app::{AppLeakyType, AppSink, AppSinkCallbacks, AppSrc};

/// How far behind its time the player may fall, as when the process was stopped, before it takes a new start.
const LATE: gst::ClockTime = gst::ClockTime::from_mseconds(500);
/// How long a pipeline may take to run after it was made.
const START: Duration = Duration::from_secs(10);
/// How long the player sleeps while there is no time yet.
const PAUSE: Duration = Duration::from_millis(5);

/// Encoded frames, in the order in which they are sent.
#[derive(Debug)]
pub struct Clip {
    tracks: Vec<Track>,
    /// When each frame is due, of which track it is, and the frame.
    frames: Vec<(gst::ClockTime, usize, gst::Buffer)>,
    length: gst::ClockTime,
}

#[derive(Debug)]
struct Track {
    caps: gst::Caps,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    H264,
    H265,
    Aac,
}

impl Kind {
    fn of(caps: &gst::CapsRef) -> Result<Self> {
        match caps.structure(0).map(|structure| structure.name().as_str()) {
            Some("video/x-h264") => Ok(Self::H264),
            Some("video/x-h265") => Ok(Self::H265),
            Some("audio/mpeg") => Ok(Self::Aac),
            other => bail!("a clip holds H.264, H.265 and AAC, not {other:?}; encode it anew"),
        }
    }

    /// Brings frames into the form that the payloader takes as it is.
    fn parser(self) -> &'static str {
        match self {
            Self::H264 => "h264parse ! video/x-h264,stream-format=byte-stream,alignment=au",
            Self::H265 => "h265parse ! video/x-h265,stream-format=byte-stream,alignment=au",
            Self::Aac => "aacparse ! audio/mpeg,stream-format=raw",
        }
    }

    fn payloader(self) -> &'static str {
        match self {
            Self::H264 => "rtph264pay config-interval=-1 aggregate-mode=zero-latency",
            Self::H265 => "rtph265pay config-interval=-1 aggregate-mode=zero-latency",
            Self::Aac => "rtpmp4gpay",
        }
    }
}

/// What a branch of the reading pipeline has found.
#[derive(Debug)]
struct Found {
    kind: Kind,
    caps: Option<gst::Caps>,
    /// When each is due, and it.
    frames: Vec<(gst::ClockTime, gst::Buffer)>,
}

type Branches = Arc<Mutex<Vec<Found>>>;

impl Clip {
    /// Reads a file into memory.
    ///
    /// # Errors
    /// When it cannot be read, or holds something else than H.264, H.265 and AAC.
    pub fn load(path: &Path) -> Result<Self> {
        let pipeline = gst::Pipeline::new();
        let source = gst::ElementFactory::make("filesrc").property("location", path).build()?;
        let parse = gst::ElementFactory::make("parsebin").build()?;
        pipeline.add_many([&source, &parse])?;
        source.link(&parse)?;
        let found = Branches::default();
        let (weak, branches) = (pipeline.downgrade(), Arc::clone(&found));
        parse.connect_pad_added(move |parse, pad| {
            let Some(pipeline) = weak.upgrade() else { return };
            if let Err(cause) = branch(&pipeline, pad, &branches) {
                gst::element_error!(parse, gst::StreamError::WrongType, ("{cause:#}"));
            }
        });
        let result = read(&pipeline).with_context(|| format!("cannot read {}", path.display()));
        pipeline.set_state(gst::State::Null)?;
        result?;
        let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
        Self::assemble(found).with_context(|| format!("{} is no clip", path.display()))
    }

    fn assemble(found: Vec<Found>) -> Result<Self> {
        let picture = found.iter().find(|track| track.kind != Kind::Aac).context("it has no picture")?;
        let length = match picture.frames.as_slice() {
            [.., (before, _), (last, _)] => *last + (*last - *before),
            _ => bail!("it has less than two frames"),
        };
        let mut clip = Self { tracks: Vec::new(), frames: Vec::new(), length };
        for (index, Found { kind, caps, frames }) in found.into_iter().enumerate() {
            clip.tracks.push(Track { kind, caps: caps.context("a track is empty")? });
            let in_time = frames.into_iter().filter(|(due, _)| *due < length);
            clip.frames.extend(in_time.map(|(due, frame)| (due, index, frame)));
        }
        clip.frames.sort_by_key(|(due, ..)| *due);
        Ok(clip)
    }

    /// The launch line of a bin that sends it, once [`Clip::play_into`] feeds it.
    pub fn launch(&self) -> String {
        let branch = |(index, track): (usize, &Track)| {
            let (pay, pt) = (track.kind.payloader(), 96 + index);
            format!("appsrc name=track{index} is-live=true format=time ! {pay} name=pay{index} pt={pt}")
        };
        let branches: Vec<_> = self.tracks.iter().enumerate().map(branch).collect();
        format!("( {} )", branches.join(" "))
    }

    /// Plays it again and again into a bin of [`Clip::launch`], by the bin's own clock, until that is stopped.
    ///
    /// # Errors
    /// When the bin is another one.
    pub fn play_into(self: Arc<Self>, bin: &gst::Element) -> Result<()> {
        let bin = bin.downcast_ref::<gst::Bin>().context("not a bin")?;
        let mut sources = Vec::new();
        for (index, track) in self.tracks.iter().enumerate() {
            let source = bin.by_name(&format!("track{index}")).and_downcast::<AppSrc>();
            let source = source.with_context(|| format!("the bin has no track {index}"))?;
            source.set_caps(Some(&track.caps));
            source.set_leaky_type(AppLeakyType::Downstream);
            source.set_max_time(gst::ClockTime::from_seconds(2));
            sources.push(source);
        }
        thread::Builder::new().name("player".to_owned()).spawn(move || {
            if let Err(cause) = self.play(&sources) {
                eprintln!("the player stopped: {cause:#}");
            }
        })?;
        Ok(())
    }

    fn play(&self, sources: &[AppSrc]) -> Result<()> {
        let now = || sources[0].current_running_time();
        let mut waited = Duration::ZERO;
        let mut start = loop {
            // Before it plays, an element may have a clock and no base time yet.
            if let (gst::State::Playing, Some(now)) = (sources[0].current_state(), now()) {
                break now;
            }
            ensure!(waited < START, "the pipeline did not run within {} s", START.as_secs());
            thread::sleep(PAUSE);
            waited += PAUSE;
        };
        loop {
            for (due, track, frame) in &self.frames {
                let Some(time) = now() else { return Ok(()) };
                let wanted = start + *due;
                if time > wanted + LATE {
                    start += time - wanted;
                }
                thread::sleep(Duration::from(wanted.saturating_sub(time)));
                let mut frame = frame.copy();
                let header = frame.get_mut().context("a copy is writable")?;
                header.set_pts(start + *due);
                header.set_dts(start + *due);
                if sources[*track].push_buffer(frame).is_err() {
                    return Ok(());
                }
            }
            start += self.length;
        }
    }
}

/// Adds to a reading pipeline what collects the frames of one pad.
fn branch(pipeline: &gst::Pipeline, pad: &gst::Pad, found: &Branches) -> Result<()> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let kind = Kind::of(&caps)?;
    let line = format!("queue ! {} ! appsink name=sink sync=false", kind.parser());
    let bin = gst::parse::bin_from_description(&line, true)?;
    let sink = bin.by_name("sink").and_downcast::<AppSink>().context("the line has a sink")?;
    let index = {
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.push(Found { kind, caps: None, frames: Vec::new() });
        found.len() - 1
    };
    let found = Arc::clone(found);
    let new_sample = move |sink: &AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        let Found { caps, frames, .. } = &mut found[index];
        caps.get_or_insert(sample.caps_owned().ok_or(gst::FlowError::NotNegotiated)?);
        let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        let time = |buffer: &gst::BufferRef| segment?.to_running_time(buffer.pts()?);
        if let Some((due, buffer)) = sample.buffer_owned().and_then(|buffer| Some((time(&buffer)?, buffer))) {
            frames.push((due, buffer));
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(AppSinkCallbacks::builder().new_sample(new_sample).build());
    pipeline.add(&bin)?;
    bin.sync_state_with_parent()?;
    pad.link(&bin.static_pad("sink").context("the line has a free end")?)?;
    Ok(())
}

/// Runs a pipeline from end to end.
fn read(pipeline: &gst::Pipeline) -> Result<()> {
    let bus = pipeline.bus().context("a pipeline has a bus")?;
    pipeline.set_state(gst::State::Playing)?;
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(30), &end).context("it took more than 30 s")?;
    match message.view() {
        gst::MessageView::Error(error) => bail!("{} ({:?})", error.error(), error.debug()),
        _ => Ok(()),
    }
}
