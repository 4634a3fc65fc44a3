//! Broken files: a clear error, never a panic, never an allocation that only the file's claims justify.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use mp4_atom::{Encode, Mfhd, Moof, Tfhd, Traf, Trun, TrunSamples};
use proptest::prelude::*;
use pulse_mp4::{IndexPlace, ReadError, RecoverError, Tags, WriteError, Writer, plan, probe, recover};

/// Keeps the size of the largest allocation that was asked for.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

/// The files here have a few hundred kilobytes; the search for the next fragment reads a megabyte at a time.
const ALLOWED: usize = 8 << 20;

fn recovered(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).unwrap();
    let told = probe(path).map(|info| info.tracks.len()).map_err(|error| error.to_string());
    let made = recover(path).map(|recovered| recovered.tracks.len()).map_err(|error| error.to_string());
    assert!(LARGEST.load(Ordering::Relaxed) < ALLOWED, "{}", LARGEST.load(Ordering::Relaxed));
    made.and(told).map(|_| ())
}

#[test]
fn each_kind_of_broken_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broken.mp4");
    let stream = &*common::PLAIN;
    let ftyp = &stream.bytes[..common::boxes(stream.media())[0].end as usize];
    let cases: [(&[u8], &str); 10] = [
        (b"", "is empty"),
        (b"x", "not an MP4"),
        (b"# Notes\nThis is no film.\n", "not an MP4"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not an MP4"),
        (ftyp, "has no index"),
        (&[ftyp, b"\0\0\0\x10mdat12345678"].concat(), "has no index"),
        (&[ftyp, b"\0\0\0\x08moov"].concat(), "is damaged"),
        (&[ftyp, b"\0\0\0\0moov"].concat(), "is damaged"),
        (&[ftyp, b"\xff\xff\xff\xffmoov1234"].concat(), "cut off"),
        (&stream.bytes[..stream.ends[0]], "nothing was recorded"),
    ];
    for (bytes, says) in cases {
        let error = recovered(&path, bytes).unwrap_err();
        assert!(error.contains(says) && error.contains("broken.mp4"), "{error}");
        assert!(std::fs::read(&path).unwrap() == bytes, "touched: {error}");
    }
    let fragments_alone = &stream.bytes[stream.ends[0]..];
    let error = recovered(&path, fragments_alone).unwrap_err();
    assert!(error.contains("not an MP4"), "{error}");
    assert!(matches!(recover(&dir.path().join("nowhere.mp4")), Err(RecoverError::Read(ReadError::Io { .. }))));
    assert!(probe(dir.path()).is_err());
}

#[test]
fn an_ordinary_file_that_has_lost_its_end_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ordinary.mp4");
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30:duration=1", "-c:v", "libx264"]);
    common::run(ffmpeg.arg(&path));
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(common::order(&path), ["ftyp", "free", "mdat", "moov"]);
    let whole = recover(&path).unwrap();
    assert_eq!((whole.index, whole.tracks[0].samples), (IndexPlace::End, 30));
    let mdat = common::boxes(&bytes)[2].clone();
    for cut in [mdat.end as usize, mdat.start as usize + 500] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let error = recover(&path).unwrap_err().to_string();
        assert!(error.contains("has no index"), "{error}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), cut as u64);
    }
}

/// ffmpeg's fragmented files without `empty_moov` have the index of their first part in the header.
#[test]
fn a_half_fragmented_file_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("half.mp4");
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30:duration=2", "-c:v", "libx264"]);
    common::run(ffmpeg.args(["-g", "15", "-movflags", "frag_keyframe"]).arg(&path));
    let bytes = std::fs::read(&path).unwrap();
    let error = recover(&path).unwrap_err().to_string();
    assert!(error.contains("in place") && error.contains("ffmpeg -i IN -c copy OUT.mp4"), "{error}");
    assert!(std::fs::read(&path).unwrap() == bytes);
}

#[test]
fn a_muxer_that_sends_something_else_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let stream = &*common::PLAIN;
    let (header, media) = stream.bytes.split_at(stream.ends[0]);
    let first = &media[..stream.ends[1] - stream.ends[0]];
    let moof = &first[first.windows(4).position(|w| w == b"moof").unwrap() - 4..];
    let mdat = &moof[moof.windows(4).position(|w| w == b"mdat").unwrap() - 4..];
    let mut foreign = first.to_vec();
    let tfhd = foreign.windows(4).position(|w| w == b"tfhd").unwrap();
    foreign[tfhd + 11] = 9;
    for (what, bytes) in [("noise", &[7; 64][..]), ("media without its header", mdat), ("an unknown track", &foreign)] {
        let path = dir.path().join(format!("{what}.mp4"));
        let mut writer = Writer::create(&path, 50_000, Tags::default()).unwrap();
        writer.write(header).unwrap();
        writer.write(first).unwrap();
        let before = writer.bytes();
        let error = writer.write(bytes).unwrap_err();
        assert!(matches!(error, WriteError::NotMp4 { .. }), "{what}: {error}");
        assert_eq!(writer.bytes(), before);
        let whole = writer.finish().unwrap();
        assert_eq!((whole.video_frames, common::decode(&path)), (15, 15), "{what}");
    }
    for (what, bytes) in [("no header", first), ("text", b"hello, world, here I am"), ("an ordinary file", &ordinary())]
    {
        let mut writer = Writer::create(&dir.path().join("none.mp4"), 50_000, Tags::default()).unwrap();
        let told = writer.write(bytes).is_err() || writer.finish().is_err();
        assert!(told, "{what}");
    }
    let mut writer = Writer::create(&dir.path().join("twice.mp4"), 50_000, Tags::default()).unwrap();
    writer.write(&stream.bytes[..stream.ends[1]]).unwrap();
    assert!(writer.write(&stream.bytes[..stream.ends[1]]).unwrap_err().to_string().contains("second header"));
}

/// A fragment of a hundred bytes may claim millions of samples.
#[test]
fn a_claim_without_bytes_costs_nothing() {
    let stream = &*common::PLAIN;
    for (count, size, payload) in [(40_000_000, 0, 1_000), (u32::MAX, 1, 5_000_000_000_u64)] {
        let claim = TrunSamples::Inherited { count, first_flags: None };
        let (tfhd, trun) = (
            Tfhd { track_id: 1, default_base_is_moof: true, default_sample_size: Some(size), ..Tfhd::default() },
            Trun { data_offset: Some(124), samples: claim },
        );
        let traf = vec![Traf { tfhd, trun: vec![trun], ..Traf::default() }];
        let mut bytes = stream.bytes[..stream.ends[0]].to_vec();
        Moof { mfhd: Mfhd { sequence_number: 1 }, traf }.encode(&mut bytes).unwrap();
        bytes.extend(b"\0\0\0\x01mdat");
        bytes.extend((payload + 16).to_be_bytes());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("claim.mp4");
        std::fs::write(&path, &bytes).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(bytes.len() as u64 + payload).unwrap();
        assert!(matches!(recover(&path), Err(RecoverError::Read(ReadError::NoMedia { .. }))));
        assert!(LARGEST.load(Ordering::Relaxed) < ALLOWED);
    }
}

/// A finished recording: its header has samples.
fn ordinary() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ordinary.mp4");
    common::PLAIN.record(&path, 50_000).finish().unwrap();
    std::fs::read(&path).unwrap()
}

/// Places where a change matters: box headers and their contents, not media.
fn structure(bytes: &[u8]) -> Vec<usize> {
    common::boxes(bytes)
        .iter()
        .flat_map(|b| match &*b.kind {
            "mdat" | "free" => b.start..b.start + 16,
            _ => b.start..b.end,
        })
        .map(|place| place as usize)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_bring_it_down(
        which in 0_usize..6,
        whole: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("changed.mp4");
        common::all()[which].interrupted(&path, 30_000);
        if whole {
            recover(&path).unwrap();
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let places = structure(&bytes);
        for (place, value) in changes {
            bytes[*place.get(&places)] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if recovered(&path, &bytes).is_ok() {
            prop_assert!(probe(&path).is_ok());
            prop_assert_eq!(plan(&path).unwrap(), None);
        }
    }

    #[test]
    fn noise_never_brings_it_down(noise in prop::collection::vec(any::<u8>(), 0..400), boxed: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("noise.mp4");
        let prefix: &[u8] = if boxed { b"\0\0\0\x10ftypiso5\0\0\0\0\0\0\x01\0moov" } else { b"" };
        let bytes = [prefix, &noise].concat();
        prop_assert!(recovered(&path, &bytes).is_err());
        prop_assert!(std::fs::read(&path).unwrap() == bytes);
    }
}
