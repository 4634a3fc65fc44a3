//! The final index: an ordinary `moov` made of a recording's header and its samples.
//!
//! The header's boxes are copied but for those that speak of time and samples; `stsd` with all codec settings,
//! handlers, language and title pass through. Presentation times are those of the fragmented file: where decoding does
//! not begin at zero, or the header has edits, an edit list says so.

use mp4_atom::{BufMut, Co64, Decode, Elst, ElstEntry, Encode, Mdhd, Mvhd, Stco, Stsc, Stss, Tkhd};

use crate::boxes::{Malformed, child, children};
use crate::header::{Header, TrackHeader};
use crate::index::{Index, TrackIndex};

/// Tables of the header that the index replaces; sample groups go, as they would have to be collected like samples.
const REPLACED: [&[u8; 4]; 12] =
    [b"stts", b"ctts", b"cslg", b"stss", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"sbgp", b"sdtp", b"stdp"];

/// Builds the whole `moov` box. Tracks without a sample are left out.
pub(crate) fn build(header: &Header, index: &Index) -> Result<Vec<u8>, Malformed> {
    let timescale = movie_timescale(header);
    let times: Vec<Times> = header
        .tracks
        .iter()
        .zip(&index.tracks)
        .map(|(track, samples)| Times::of(header, timescale, track, samples))
        .collect();
    let mut out = Vec::with_capacity(header.moov.len() + index.tracks.iter().map(size).sum::<usize>());
    out.encode_atom(b"moov", |out| {
        let mut traks = 0..;
        for part in children(header.body()).filter_map(Result::ok) {
            if part.is(b"mvhd") {
                let mut mvhd = Mvhd::decode(&mut { part.whole })?;
                mvhd.timescale = timescale;
                mvhd.duration = times.iter().map(|times| times.delay + times.shown).max().unwrap_or_default();
                mvhd.encode(out)?;
            } else if part.is(b"trak") {
                let number: usize = traks.next().unwrap_or_default();
                if !index.tracks[number].sizes.is_empty() {
                    out.encode_atom(b"trak", |out| trak(out, part.body, &times[number], &index.tracks[number]))?;
                }
            } else if !part.is(b"mvex") {
                out.extend_from_slice(part.whole);
            }
        }
        Ok(())
    })?;
    Ok(out)
}

/// Seconds from the movie's start to the end of the last sample.
pub(crate) fn duration(header: &Header, index: &Index) -> f64 {
    let timescale = movie_timescale(header);
    let tracks = header.tracks.iter().zip(&index.tracks).filter(|(_, samples)| !samples.sizes.is_empty());
    let ends = tracks.map(|(track, samples)| {
        let times = Times::of(header, timescale, track, samples);
        times.delay + times.shown
    });
    ends.max().unwrap_or_default() as f64 / f64::from(timescale)
}

/// The finest of all, so that edits, which are counted in it, keep sound and picture together.
fn movie_timescale(header: &Header) -> u32 {
    header.tracks.iter().map(|track| track.timescale).chain([header.timescale]).max().unwrap_or(1)
}

/// When a track is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    /// Nothing for so long, in ticks of the movie.
    delay: u64,
    /// Then the media from this tick of the track on …
    from: u64,
    /// … for so many ticks of the movie.
    shown: u64,
    /// Sum of the samples' durations in ticks of the track.
    decoded: u64,
}

impl Times {
    /// In the fragmented file a sample is presented at `decode time + offset - edit.from + edit.delay`; in the index
    /// decode times begin at 0, so that the first decode time has to go into the edit.
    fn of(header: &Header, timescale: u32, track: &TrackHeader, samples: &TrackIndex) -> Self {
        let first = samples.first.unwrap_or_default();
        let (begins, ends) = samples.shown_from_first();
        let (begins, ends) = (u64::try_from(begins).unwrap_or_default(), u64::try_from(ends).unwrap_or_default());
        let mut from = track.edit.from.saturating_sub(first);
        let mut late = first.saturating_sub(track.edit.from);
        let delay = scale(track.edit.delay, header.timescale, timescale);
        if (delay > 0 || late > 0 || from > 0) && begins > from && begins <= ends {
            // An edit that starts with a picture, not with the void before the first B-frames.
            late += begins - from;
            from = begins;
        }
        if from >= ends {
            from = 0;
        }
        Self {
            delay: delay.saturating_add(scale(late, track.timescale, timescale)),
            from,
            shown: scale_up(ends - from, track.timescale, timescale),
            decoded: samples.end - first,
        }
    }

    fn edits(self) -> Vec<ElstEntry> {
        if self.delay == 0 && self.from == 0 {
            return Vec::new();
        }
        let empty = ElstEntry { segment_duration: self.delay, media_time: None, media_rate: 1.into() };
        let media = ElstEntry { segment_duration: self.shown, media_time: Some(self.from), media_rate: 1.into() };
        if self.delay > 0 { vec![empty, media] } else { vec![media] }
    }
}

/// Ticks of another clock, to the nearest.
fn scale(ticks: u64, from: u32, to: u32) -> u64 {
    let (ticks, from, to) = (u128::from(ticks), u128::from(from), u128::from(to));
    u64::try_from((ticks * to + from / 2) / from).unwrap_or(u64::MAX >> 2)
}

/// Ticks of another clock, rounded up: an edit must not cut the last sample.
fn scale_up(ticks: u64, from: u32, to: u32) -> u64 {
    u64::try_from((u128::from(ticks) * u128::from(to)).div_ceil(u128::from(from))).unwrap_or(u64::MAX >> 2)
}

fn trak(out: &mut Vec<u8>, header: &[u8], times: &Times, samples: &TrackIndex) -> mp4_atom::Result<()> {
    for part in children(header).filter_map(Result::ok) {
        if part.is(b"tkhd") {
            let mut tkhd = Tkhd::decode(&mut { part.whole })?;
            tkhd.duration = times.delay + times.shown;
            tkhd.encode(out)?;
            let entries = times.edits();
            if !entries.is_empty() {
                out.encode_atom(b"edts", |out| Elst { entries }.encode(out))?;
            }
        } else if part.is(b"mdia") {
            out.encode_atom(b"mdia", |out| mdia(out, part.body, times, samples))?;
        } else if !part.is(b"edts") {
            out.extend_from_slice(part.whole);
        }
    }
    Ok(())
}

fn mdia(out: &mut Vec<u8>, header: &[u8], times: &Times, samples: &TrackIndex) -> mp4_atom::Result<()> {
    for part in children(header).filter_map(Result::ok) {
        if part.is(b"mdhd") {
            let mut mdhd = Mdhd::decode(&mut { part.whole })?;
            mdhd.duration = times.decoded;
            mdhd.encode(out)?;
        } else if part.is(b"minf") {
            out.encode_atom(b"minf", |out| {
                for part in children(part.body).filter_map(Result::ok) {
                    if part.is(b"stbl") {
                        out.encode_atom(b"stbl", |out| stbl(out, part.body, samples))?;
                    } else {
                        out.extend_from_slice(part.whole);
                    }
                }
                Ok(())
            })?;
        } else {
            out.extend_from_slice(part.whole);
        }
    }
    Ok(())
}

fn stbl(out: &mut Vec<u8>, header: &[u8], samples: &TrackIndex) -> mp4_atom::Result<()> {
    // `stsd` first, as everybody writes it.
    if let Ok(stsd) = child(header, b"stsd") {
        out.extend_from_slice(stsd.whole);
    }
    runs(out, b"stts", 0, &samples.durations, |ticks| ticks.to_be_bytes())?;
    if samples.offsets.iter().any(|(_, offset)| *offset != 0) {
        let version = u8::from(samples.offsets.iter().any(|(_, offset)| *offset < 0));
        runs(out, b"ctts", version, &samples.offsets, |ticks| ticks.to_be_bytes())?;
    }
    if let Some(syncs) = &samples.syncs {
        Stss { entries: syncs.clone() }.encode(out)?;
    }
    Stsc { entries: samples.chunk_runs.clone() }.encode(out)?;
    stsz(out, &samples.sizes)?;
    // Chunks lie in the order of the file, so the last one needs the widest number.
    if samples.chunks.iter().all(|at| u32::try_from(*at).is_ok()) {
        Stco { entries: samples.chunks.iter().map(|at| *at as u32).collect() }.encode(out)?;
    } else {
        Co64 { entries: samples.chunks.clone() }.encode(out)?;
    }
    for part in children(header).filter_map(Result::ok) {
        if !part.is(b"stsd") && !REPLACED.contains(&&part.kind.0) {
            out.extend_from_slice(part.whole);
        }
    }
    Ok(())
}

/// A table of runs (`stts`, `ctts`), straight from the compact form: with B-frames it has millions of entries.
fn runs<T: Copy>(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    version: u8,
    runs: &[(u32, T)],
    bytes: impl Fn(T) -> [u8; 4],
) -> mp4_atom::Result<()> {
    out.encode_atom(kind, |out| {
        out.extend_from_slice(&[version, 0, 0, 0]);
        (runs.len() as u32).encode(out)?;
        for (count, value) in runs {
            out.extend_from_slice(&count.to_be_bytes());
            out.extend_from_slice(&bytes(*value));
        }
        Ok(())
    })
}

fn stsz(out: &mut Vec<u8>, sizes: &[u32]) -> mp4_atom::Result<()> {
    out.encode_atom(b"stsz", |out| {
        let same = sizes.first().copied().filter(|first| *first != 0 && sizes.iter().all(|size| size == first));
        out.extend_from_slice(&[0; 4]);
        same.unwrap_or_default().encode(out)?;
        (sizes.len() as u32).encode(out)?;
        if same.is_none() {
            out.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        }
        Ok(())
    })
}

/// About how many bytes a track's tables take; never less.
fn size(track: &TrackIndex) -> usize {
    const BOXES: usize = 512;
    let syncs = track.syncs.as_ref().map_or(0, Vec::len);
    4 * track.sizes.len()
        + 8 * (track.durations.len() + track.offsets.len() + track.chunks.len())
        + 12 * track.chunk_runs.len()
        + 4 * syncs
        + BOXES
}
