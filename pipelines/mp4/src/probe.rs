//! What a recording holds, finished or not.

use std::fs::File;
use std::path::Path;

use crate::boxes::FourCc;
use crate::error::ReadError;
use crate::header::{Header, TrackHeader};
use crate::index::Index;
use crate::moov;
use crate::scan::{Found, scan};

/// What a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Text, data.
    Other,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Fragmented: being recorded, or interrupted.
    Recording,
    /// An ordinary MP4.
    Whole,
}

/// A track.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// What it holds.
    pub kind: TrackKind,
    /// Type of its first sample entry: `avc1`, `mp4a`, `Opus`, …
    pub codec: FourCc,
    /// Ticks a second.
    pub timescale: u32,
    /// Frames or packets.
    pub samples: u64,
    /// Seconds from the decoding of its first sample to the end of its last.
    pub duration: f64,
    /// Pixels; 0 for sound.
    pub width: u32,
    /// Pixels; 0 for sound.
    pub height: u32,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// Whether it is finished.
    pub layout: Layout,
    /// Seconds from the start to the end of the longest track.
    pub duration: f64,
    /// Length of the file.
    pub bytes: u64,
    /// In the order of the file.
    pub tracks: Vec<Track>,
}

/// Tells what a file holds, without touching it. For a file that is being recorded: up to the last whole fragment.
///
/// # Errors
/// [`ReadError`] if it can't be read or is no MP4.
pub fn probe(path: &Path) -> Result<Info, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    Ok(match scan(path, &file)? {
        Found::Whole { header, bytes, .. } => Info::of_whole(&header, bytes),
        Found::Recording(recording) => {
            Info::of_recording(&recording.header, &recording.index, recording.places.file_len)
        }
    })
}

impl Info {
    /// Frames of all video tracks.
    pub fn video_frames(&self) -> u64 {
        self.tracks.iter().filter(|track| track.kind == TrackKind::Video).map(|track| track.samples).sum()
    }

    pub(crate) fn of_whole(header: &Header, bytes: u64) -> Self {
        let tracks = header.tracks.iter().map(|track| Track::new(track, track.samples, track.duration)).collect();
        Self { layout: Layout::Whole, duration: header.duration as f64 / f64::from(header.timescale), bytes, tracks }
    }

    pub(crate) fn of_recording(header: &Header, index: &Index, bytes: u64) -> Self {
        let tracks = header.tracks.iter().zip(&index.tracks).map(|(track, samples)| {
            Track::new(track, samples.sizes.len() as u64, samples.end - samples.first.unwrap_or_default())
        });
        let duration = moov::duration(header, index);
        Self { layout: Layout::Recording, duration, bytes, tracks: tracks.collect() }
    }
}

impl Track {
    fn new(header: &TrackHeader, samples: u64, ticks: u64) -> Self {
        let TrackHeader { kind, codec, timescale, width, height, .. } = *header;
        Self { kind, codec, timescale, samples, duration: ticks as f64 / f64::from(timescale), width, height }
    }
}
