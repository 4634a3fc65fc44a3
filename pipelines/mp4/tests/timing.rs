//! Times as recorders really write them: rounded, with holes, overlapping, with a codec that changes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod common;

use std::path::Path;

use common::{Stream, assert_same, decode, packets};
use mp4_atom::{Decode, Encode, Moof, Moov, Stts};
use pulse_mp4::recover;

/// Ticks a second of ffmpeg's video track, and of a frame.
const VIDEO: (u64, u64) = (15_360, 512);

/// Moves the decode time of one track.
fn shift(moof: &mut Moof, track: u32, ticks: i64) {
    let traf = moof.traf.iter_mut().find(|traf| traf.tfhd.track_id == track).unwrap();
    let tfdt = traf.tfdt.as_mut().unwrap();
    tfdt.base_media_decode_time = tfdt.base_media_decode_time.checked_add_signed(ticks).unwrap();
}

/// Makes a recording of the stream whole, and asserts that it presents what the fragments did.
fn made_whole(stream: &Stream, path: &Path) {
    stream.interrupted(path, 50_000);
    let before = packets(path);
    recover(path).unwrap();
    assert_same(&before, &packets(path), stream.name);
    assert_eq!(decode(path), 120);
}

/// The index of a finished file.
fn moov(path: &Path) -> Moov {
    let bytes = std::fs::read(path).unwrap();
    let moov = common::boxes(&bytes).into_iter().find(|b| b.kind == "moov").unwrap();
    Moov::decode(&mut &bytes[moov.start as usize..]).unwrap()
}

fn durations(moov: &Moov, track: usize) -> &Stts {
    &moov.trak[track].mdia.minf.stbl.stts
}

#[test]
fn rounded_starts_do_not_make_a_constant_frame_rate_variable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rounded.mp4");
    let stream = common::PLAIN.changed(|number, moof| shift(moof, 1, -i64::from(number % 3 == 1)));
    made_whole(&stream, &path);
    // ffmpeg holds the first picture for as long as the sound's encoder takes to begin.
    let moov = moov(&path);
    let [first, rest] = &durations(&moov, 0).entries[..] else { panic!("{:?}", durations(&moov, 0)) };
    assert_eq!((first.sample_count, rest.sample_count, u64::from(rest.sample_delta)), (1, 119, VIDEO.1));
}

#[test]
fn a_hole_in_one_track_keeps_the_other_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hole.mp4");
    let late = |track, from, ticks| {
        move |number: usize, moof: &mut Moof| {
            if number >= from {
                shift(moof, track, ticks)
            }
        }
    };
    // Pictures a second later from the fourth fragment on; then the same with sound.
    made_whole(&common::PLAIN.changed(late(1, 3, VIDEO.0 as i64)), &path);
    let longest = durations(&moov(&path), 0).entries.iter().map(|entry| u64::from(entry.sample_delta)).max();
    assert_eq!(longest, Some(VIDEO.0 + VIDEO.1));
    made_whole(&common::B_FRAMES.changed(late(2, 5, 44_100)), &path);
}

#[test]
fn fragments_that_overlap_shorten_the_sample_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("overlap.mp4");
    let stream = common::PLAIN.changed(|number, moof| {
        if number >= 2 {
            shift(moof, 1, -200)
        }
    });
    made_whole(&stream, &path);
    let shortest = durations(&moov(&path), 0).entries.iter().map(|entry| entry.sample_delta).min();
    assert_eq!(shortest, Some(VIDEO.1 as u32 - 200));
}

#[test]
fn a_recording_that_begins_late_on_its_clock_keeps_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clock.mp4");
    // Both tracks begin an hour into the recorder's clock, sound a quarter of a second after the pictures.
    let stream = common::LATE.changed(|_, moof| {
        for traf in 0..moof.traf.len() {
            let track = moof.traf[traf].tfhd.track_id;
            shift(moof, track, if track == 1 { 3_600 * VIDEO.0 as i64 } else { 3_600 * 48_000 + 12_017 });
        }
    });
    made_whole(&stream, &path);
    // The edit begins with the first picture, not with the void before it that B-frames need.
    let moov = moov(&path);
    let edits = &moov.trak[0].edts.as_ref().and_then(|edts| edts.elst.as_ref()).unwrap().entries;
    let first = moov.trak[0].mdia.minf.stbl.ctts.as_ref().unwrap().entries[0].sample_offset;
    assert!(first > 0);
    assert_eq!(edits.iter().map(|edit| edit.media_time).collect::<Vec<_>>(), [None, Some(first as u64)]);
}

#[test]
fn every_keyframe_is_listed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyframes.mp4");
    common::B_FRAMES.record(&path, 50_000).finish().unwrap();
    let moov = moov(&path);
    let listed = |track: usize| moov.trak[track].mdia.minf.stbl.stss.as_ref().map(|stss| stss.entries.clone());
    assert_eq!(listed(0), Some((0..8).map(|group| group * 15 + 1).collect()));
    assert_eq!(listed(1), None, "every packet of sound stands alone");
}

#[test]
fn offsets_below_zero_stay_below_zero() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("negative.mp4");
    common::NEGATIVE_CTS.record(&path, 50_000).finish().unwrap();
    let moov = moov(&path);
    let offsets = moov.trak[0].mdia.minf.stbl.ctts.as_ref().unwrap().entries.iter().map(|entry| entry.sample_offset);
    assert_eq!((offsets.clone().min(), offsets.max()), (Some(-1_024), Some(1_536)));
}

/// An encoder that fails in mid-run is followed by another one: a second entry in `stsd`, named by the fragments.
#[test]
fn a_codec_that_changes_in_mid_run_is_kept() {
    let mut stream = common::PLAIN.changed(|number, moof| {
        let video = moof.traf.iter_mut().find(|traf| traf.tfhd.track_id == 1).unwrap();
        video.tfhd.sample_description_index = Some(if number < 4 { 1 } else { 2 });
    });
    let at = common::boxes(&stream.bytes[..stream.ends[0]]).into_iter().find(|b| b.kind == "moov").unwrap();
    let mut header = Moov::decode(&mut &stream.bytes[at.start as usize..]).unwrap();
    let codecs = &mut header.trak[0].mdia.minf.stbl.stsd.codecs;
    codecs.push(codecs[0].clone());
    let mut bytes = stream.bytes[..at.start as usize].to_vec();
    header.encode(&mut bytes).unwrap();
    let grown = bytes.len() - stream.ends[0];
    bytes.extend(&stream.bytes[stream.ends[0]..]);
    stream.bytes = bytes;
    stream.ends.iter_mut().for_each(|end| *end += grown);

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("codecs.mp4");
    made_whole(&stream, &path);

    let moov = moov(&path);
    let stbl = &moov.trak[0].mdia.minf.stbl;
    assert_eq!(stbl.stsd.codecs.len(), 2);
    let codecs: Vec<_> = stbl.stsc.entries.iter().map(|run| (run.first_chunk, run.sample_description_index)).collect();
    assert_eq!(codecs, [(1, 1), (5, 2)]);
}
