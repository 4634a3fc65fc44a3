//! A `moof` box as a list of runs with everything resolved but the samples themselves (ISO/IEC 14496-12 §8.8).
//!
//! Invariant: the samples of a [`Run`] lie where [`Run::at`] and [`Run::bytes`] say, whatever the box claimed.

use mp4_atom::{Decode, Tfdt, Tfhd, Trun};

use crate::boxes::{Child, Malformed, child, children};
use crate::header::{Defaults, TrackHeader};

/// A fragment's header larger than this is damaged: it would be millions of samples.
pub(crate) const MAX_MOOF: u64 = 64 << 20;

/// The samples of one `trun`, which lie one after another in the file.
#[derive(Debug)]
pub(crate) struct Run {
    /// Index into the header's tracks.
    pub track: usize,
    /// When the first sample is decoded, in ticks; `None` if right after the run before.
    pub decode_time: Option<u64>,
    /// Place of the first byte in the file.
    pub at: u64,
    /// Sum of the sizes.
    pub bytes: u64,
    pub defaults: Defaults,
    samples: Trun,
}

/// A sample with all its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub duration: u32,
    pub size: u32,
    /// Presentation time less decode time, in ticks.
    pub offset: i32,
    /// Decodable without any other.
    pub sync: bool,
}

impl Run {
    /// How many samples, at least 1.
    pub fn len(&self) -> usize {
        self.samples.samples.len()
    }

    pub fn samples(&self) -> impl Iterator<Item = Sample> {
        const NON_SYNC: u32 = 0x0001_0000;
        let defaults = self.defaults;
        self.samples.samples.iter().map(move |sample| Sample {
            duration: sample.duration.unwrap_or(defaults.duration),
            size: sample.size.unwrap_or(defaults.size),
            // Checked when the run was made.
            offset: sample.cts.and_then(|cts| i32::try_from(cts).ok()).unwrap_or_default(),
            sync: sample.flags.unwrap_or(defaults.flags) & NON_SYNC == 0,
        })
    }
}

/// The runs of the `moof` box whose first byte is the file's byte `at`.
pub(crate) fn runs(moof: &[u8], at: u64, tracks: &[TrackHeader]) -> Result<Vec<Run>, Malformed> {
    let mut runs = Vec::new();
    let moof = children(moof).next().ok_or_else(|| Malformed::new("a fragment has no header"))??;
    // Without flags to the contrary a track's data begins where the data of the track before it ends (§8.8.7.1).
    let mut data_end = at;
    for traf in children(moof.body) {
        let traf = traf?;
        if traf.is(b"traf") {
            data_end = track_runs(traf, at, data_end, tracks, &mut runs)?;
        }
    }
    Ok(runs)
}

fn track_runs(
    traf: Child<'_>,
    moof_at: u64,
    data_end: u64,
    tracks: &[TrackHeader],
    runs: &mut Vec<Run>,
) -> Result<u64, Malformed> {
    let tfhd = Tfhd::decode(&mut child(traf.body, b"tfhd")?.whole)?;
    let track = tracks.iter().position(|track| track.id == tfhd.track_id);
    let track = track.ok_or_else(|| Malformed::new(format!("a fragment names a track {}", tfhd.track_id)))?;
    let trex = tracks[track].defaults;
    let defaults = Defaults {
        entry: tfhd.sample_description_index.unwrap_or(trex.entry),
        duration: tfhd.default_sample_duration.unwrap_or(trex.duration),
        size: tfhd.default_sample_size.unwrap_or(trex.size),
        flags: tfhd.default_sample_flags.unwrap_or(trex.flags),
    };
    if !(1..=tracks[track].entries).contains(&defaults.entry) {
        return Err(Malformed::new(format!("a fragment names a codec {} that is not there", defaults.entry)));
    }
    let base = match tfhd.base_data_offset {
        Some(base) => base,
        None if tfhd.default_base_is_moof => moof_at,
        None => data_end,
    };
    let mut decode_time = None;
    let mut next = base;
    for part in children(traf.body) {
        let part = part?;
        if part.is(b"tfdt") {
            decode_time = Some(Tfdt::decode(&mut { part.whole })?.base_media_decode_time);
        } else if part.is(b"trun") {
            let samples = Trun::decode(&mut { part.whole })?;
            let at = match samples.data_offset {
                Some(offset) => base.checked_add_signed(i64::from(offset)),
                None => Some(next),
            };
            let at = at.ok_or_else(|| Malformed::new("a fragment's data lies before the file"))?;
            let bytes = measure(&samples, defaults)?;
            next = at.checked_add(bytes).ok_or_else(|| Malformed::new("a fragment's data is too large"))?;
            if !samples.samples.is_empty() {
                runs.push(Run { track, decode_time: decode_time.take(), at, bytes, defaults, samples });
            }
        }
    }
    Ok(next)
}

/// Bytes of a run. A run that is only a count must have bytes for each sample, so that what follows from it is bounded
/// by the file.
fn measure(run: &Trun, defaults: Defaults) -> Result<u64, Malformed> {
    use mp4_atom::TrunSamples::{Explicit, Inherited};
    match &run.samples {
        Inherited { count, .. } if *count > 1 && defaults.size == 0 => {
            Err(Malformed::new("a fragment has samples without a size"))
        }
        Inherited { count, .. } => Ok(u64::from(*count) * u64::from(defaults.size)),
        Explicit(samples) => {
            if samples.iter().any(|sample| sample.cts.is_some_and(|cts| i32::try_from(cts).is_err())) {
                return Err(Malformed::new("a fragment has a sample that is shown days after it is decoded"));
            }
            Ok(samples.iter().map(|sample| u64::from(sample.size.unwrap_or(defaults.size))).sum())
        }
    }
}
