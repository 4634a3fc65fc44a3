//! All samples of a recording, as compact as the tables of a `moov`: 4 bytes a sample and little more.
//!
//! Invariant: what passed [`Index::check`] fits; adding can't fail and can't allocate more than the file justifies.

use std::ops::Range;

use mp4_atom::StscEntry;

use crate::boxes::Malformed;
use crate::fragment::Run;
use crate::header::TrackHeader;

/// More samples than a day of pictures and sound has; a file that claims more is damaged, and would cost its reader
/// its memory.
const MAX_SAMPLES: u64 = 50_000_000;

/// Seconds. A fragment that begins later than this after the one before is damaged.
const MAX_GAP: u64 = 86_400;

/// The samples of every track.
#[derive(Debug)]
pub(crate) struct Index {
    /// In the order of the header's tracks.
    pub tracks: Vec<TrackIndex>,
    samples: u64,
}

/// The samples of one track.
#[derive(Debug)]
pub(crate) struct TrackIndex {
    /// Ticks a second.
    timescale: u32,
    pub sizes: Vec<u32>,
    /// Runs of equal durations: count, ticks.
    pub durations: Vec<(u32, u32)>,
    /// Runs of equal composition offsets: count, ticks.
    pub offsets: Vec<(u32, i32)>,
    /// Numbers, from 1, of the samples that need no other; only kept once there is one that does.
    pub syncs: Option<Vec<u32>>,
    /// Place of every chunk in the file.
    pub chunks: Vec<u64>,
    /// Where the number of samples a chunk, or their codec, changes.
    pub chunk_runs: Vec<StscEntry>,
    /// When the first sample is decoded, in ticks of the fragmented file.
    pub first: Option<u64>,
    /// When the last sample's decoding ends, counted as `first` is.
    pub end: u64,
    /// The first and the last moment at which a sample is presented, counted as `first` is.
    pub shown: (i64, i64),
}

impl Index {
    pub fn new(tracks: &[TrackHeader]) -> Self {
        Self { tracks: tracks.iter().map(|track| TrackIndex::new(track.timescale)).collect(), samples: 0 }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// Whether the runs of a fragment can be added: their samples must lie within `data` of the file.
    pub fn check(&self, runs: &[Run], data: Range<u64>) -> Result<(), Malformed> {
        let mut samples = self.samples;
        for run in runs {
            if run.at < data.start || run.at.checked_add(run.bytes).is_none_or(|end| end > data.end) {
                return Err(Malformed::new("a fragment's samples lie outside of it"));
            }
            samples += run.len() as u64;
            if samples > MAX_SAMPLES {
                return Err(Malformed::new(format!("there are more than {MAX_SAMPLES} samples")));
            }
            self.tracks[run.track].check_time(run)?;
        }
        Ok(())
    }

    /// Adds the runs of a fragment that passed [`Index::check`].
    pub fn add(&mut self, runs: &[Run]) {
        for run in runs {
            self.samples += run.len() as u64;
            self.tracks[run.track].add(run);
        }
    }
}

impl TrackIndex {
    fn new(timescale: u32) -> Self {
        Self {
            timescale,
            sizes: Vec::new(),
            durations: Vec::new(),
            offsets: Vec::new(),
            syncs: None,
            chunks: Vec::new(),
            chunk_runs: Vec::new(),
            first: None,
            end: 0,
            shown: (i64::MAX, i64::MIN),
        }
    }

    /// Presented time from the first sample's decoding, in ticks: when it begins and ends.
    pub fn shown_from_first(&self) -> (i64, i64) {
        let first = self.first.unwrap_or_default() as i64;
        (self.shown.0.saturating_sub(first), self.shown.1.saturating_sub(first))
    }

    fn check_time(&self, run: &Run) -> Result<(), Malformed> {
        let latest = match self.first {
            None => u64::MAX >> 2,
            Some(_) => self.end + MAX_GAP * u64::from(self.timescale),
        };
        match run.decode_time {
            Some(time) if time > latest => Err(Malformed::new("a fragment begins days after the one before")),
            _ => Ok(()),
        }
    }

    fn add(&mut self, run: &Run) {
        if let Some(time) = run.decode_time {
            self.continue_at(time);
        }
        let first = *self.first.get_or_insert(self.end);
        debug_assert!(first <= self.end);
        self.chunks.push(run.at);
        let (count, entry) = (run.len() as u32, run.defaults.entry);
        if self
            .chunk_runs
            .last()
            .is_none_or(|last| last.samples_per_chunk != count || last.sample_description_index != entry)
        {
            let first_chunk = self.chunks.len() as u32;
            self.chunk_runs.push(StscEntry { first_chunk, samples_per_chunk: count, sample_description_index: entry });
        }
        for sample in run.samples() {
            self.sizes.push(sample.size);
            let number = self.sizes.len() as u32;
            match &mut self.syncs {
                Some(syncs) if sample.sync => syncs.push(number),
                None if !sample.sync => self.syncs = Some((1..number).collect()),
                _ => {}
            }
            extend(&mut self.durations, sample.duration, 1);
            extend(&mut self.offsets, sample.offset, 1);
            let shown = self.end as i64 + i64::from(sample.offset);
            self.end += u64::from(sample.duration);
            self.shown.0 = self.shown.0.min(shown);
            self.shown.1 = self.shown.1.max(shown + i64::from(sample.duration));
        }
    }

    /// Makes the track go on at `time`: the sample before is shown for longer where something is missing, and for
    /// shorter where fragments overlap.
    ///
    /// Less than a tenth of a millisecond is left as it is: recorders round each fragment's start to a tick. As the
    /// distance is always taken from where the track should be, this never adds up.
    fn continue_at(&mut self, time: u64) {
        if self.first.is_none() {
            self.first = Some(time);
            self.end = time;
            return;
        }
        let (distance, tolerance) = (time.abs_diff(self.end), u64::from(self.timescale / 10_000));
        if distance <= tolerance {
            return;
        }
        let Some(last) = self.durations.last_mut() else { return };
        let old = last.1;
        let new = if time > self.end {
            u32::try_from(u64::from(old) + distance).unwrap_or(u32::MAX)
        } else {
            u32::try_from(u64::from(old).saturating_sub(distance)).unwrap_or_default().max(old.min(1))
        };
        last.0 -= 1;
        if last.0 == 0 {
            self.durations.pop();
        }
        extend(&mut self.durations, new, 1);
        self.end = self.end - u64::from(old) + u64::from(new);
        self.shown.1 = self.shown.1.max(self.end as i64);
    }
}

/// Adds `count` times `value` to runs of equal values.
fn extend<T: PartialEq>(runs: &mut Vec<(u32, T)>, value: T, count: u32) {
    match runs.last_mut() {
        Some(last) if last.1 == value => last.0 += count,
        _ => runs.push((count, value)),
    }
}
