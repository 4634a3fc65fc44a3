//! A recording becomes an ordinary MP4 that presents the same packets at the same times.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod common;

use std::process::Command;

use common::{Stream, all, assert_same, decode, duration, order, packets, run};
use pulse_mp4::{
    IndexPlace, Layout, Outcome, ReadError, RecoverError, Reserve, Tags, TrackKind, WriteError, Writer, probe, recover,
};

/// The muxer's own output as a file.
fn original(stream: &Stream, dir: &tempfile::TempDir) -> std::path::PathBuf {
    let path = dir.path().join("original.mp4");
    std::fs::write(&path, stream.media()).unwrap();
    path
}

#[test]
fn finishing_puts_the_index_in_front_and_changes_no_time() {
    for stream in all() {
        let dir = tempfile::tempdir().unwrap();
        let original = original(stream, &dir);
        let path = dir.path().join("recording.mp4");
        let writer = stream.record(&path, Reserve::for_recording(1.0, 30.0, true, 50.0));
        let before = stream.packets(&path);
        assert_same(&before, &stream.packets(&original), stream.name);

        let whole = writer.finish().unwrap();

        assert_eq!(whole.index, IndexPlace::Front, "{}", stream.name);
        assert_eq!(order(&path), ["ftyp", "free", "moov", "free", "mdat"], "{}", stream.name);
        assert_same(&before, &packets(&path), stream.name);
        assert_eq!(decode(&path), 120, "{}", stream.name);
        assert_eq!(whole.video_frames, 120);
        assert_eq!(whole.bytes, std::fs::metadata(&path).unwrap().len());
        assert!((whole.duration - duration(&path)).abs() < 0.002, "{}: {whole:?}", stream.name);
    }
}

#[test]
fn recovering_a_killed_recording_gives_the_bytes_that_finishing_gives() {
    for stream in all() {
        let dir = tempfile::tempdir().unwrap();
        let (finished, killed) = (dir.path().join("finished.mp4"), dir.path().join("killed.mp4"));
        stream.record(&finished, 50_000).finish().unwrap();
        stream.interrupted(&killed, 50_000);

        let recovered = recover(&killed).unwrap();

        assert_eq!((recovered.outcome, recovered.lost_bytes), (Outcome::MadeWhole, 0), "{}", stream.name);
        assert!(std::fs::read(&killed).unwrap() == std::fs::read(&finished).unwrap(), "{}", stream.name);
    }
}

#[test]
fn an_index_that_does_not_fit_goes_to_the_end() {
    for stream in all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.mp4");
        let writer = stream.record(&path, 1_000);
        let before = stream.packets(&path);

        let whole = writer.finish().unwrap();

        assert_eq!(whole.index, IndexPlace::End);
        assert_eq!(order(&path), ["ftyp", "mdat", "moov"], "{}", stream.name);
        assert_same(&before, &packets(&path), stream.name);
        assert_eq!(decode(&path), 120, "{}", stream.name);
        assert_eq!(whole.bytes, std::fs::metadata(&path).unwrap().len());
    }
}

/// Sizes of the reserve around that of the index: an exact fit needs no `free` box, and one byte more has no room
/// for one.
#[test]
fn a_reserve_that_just_fits_or_just_does_not() {
    let stream = &*common::PLAIN;
    let dir = tempfile::tempdir().unwrap();
    let index = {
        let path = dir.path().join("measure.mp4");
        stream.record(&path, 50_000).finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let moov = common::boxes(&bytes).into_iter().find(|b| b.kind == "moov").unwrap();
        moov.end - moov.start
    };
    for reserve in [index - 9, index - 8, index - 7, index - 1, index] {
        let path = dir.path().join(format!("{reserve}.mp4"));
        let writer = stream.record(&path, reserve);
        let before = packets(&path);
        let whole = writer.finish().unwrap();
        // The reserve's box has 8 bytes more than asked for, so that a `free` box of that size fits behind the index.
        let expected: &[&str] = match (reserve + 8).checked_sub(index) {
            None | Some(1..8) => &["ftyp", "mdat", "moov"],
            Some(0) => &["ftyp", "free", "moov", "mdat"],
            Some(_) => &["ftyp", "free", "moov", "free", "mdat"],
        };
        assert_eq!(order(&path), expected, "{reserve}");
        assert_eq!(whole.index == IndexPlace::End, expected.len() == 3);
        assert_same(&before, &packets(&path), &reserve.to_string());
    }
}

#[test]
fn seeking_finds_the_same_pictures() {
    for stream in [&common::PLAIN, &common::LATE] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seek.mp4");
        stream.record(&path, 50_000).finish().unwrap();
        let pictures = |path: &std::path::Path| {
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-v", "error", "-ss", "2.6", "-i"]).arg(path);
            run(ffmpeg.args(["-map", "0:v", "-frames:v", "5", "-f", "framemd5", "-"]))
        };
        let found = pictures(&path);
        assert_eq!(found.lines().filter(|line| !line.starts_with('#')).count(), 5, "{found}");
        assert_eq!(found, pictures(&original(stream, &dir)), "{}", stream.name);
    }
}

#[test]
fn a_whole_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    for reserve in [0, 50_000] {
        let path = dir.path().join("whole.mp4");
        let whole = common::LATE.record(&path, reserve).finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();

        let again = recover(&path).unwrap();

        assert_eq!((again.outcome, again.index), (Outcome::AlreadyWhole, whole.index));
        assert_eq!((again.bytes, again.lost_bytes), (whole.bytes, 0));
        assert!((again.duration - whole.duration).abs() < 1e-6);
        assert_eq!((again.tracks[0].kind, again.tracks[0].samples), (TrackKind::Video, whole.video_frames));
        assert!(std::fs::read(&path).unwrap() == bytes);
    }
}

#[test]
fn any_recorders_fragmented_file_is_made_whole() {
    for stream in all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.mp4");
        // With the `mfra` box that ffmpeg appends.
        std::fs::write(&path, &stream.bytes).unwrap();
        let before = stream.packets(&path);

        let recovered = recover(&path).unwrap();

        assert_eq!((recovered.index, recovered.lost_bytes), (IndexPlace::End, 0), "{}", stream.name);
        assert_eq!(order(&path), ["ftyp", "mdat", "moov"], "{}", stream.name);
        assert_same(&before, &packets(&path), stream.name);
        assert_eq!(decode(&path), 120, "{}", stream.name);
    }
}

/// GStreamer's `mp4mux` writes a fragment a track, without saying what its offsets are relative to.
#[test]
fn what_gstreamer_records_is_finished_too() {
    let dir = tempfile::tempdir().unwrap();
    let muxed = dir.path().join("muxed.mp4");
    let pipeline = format!(
        "mp4mux name=mux fragment-duration=250 streamable=true ! filesink location={} \
         videotestsrc num-buffers=90 ! video/x-raw,width=160,height=120,framerate=30/1 ! \
         x264enc key-int-max=15 bframes=2 speed-preset=veryfast ! h264parse ! mux. \
         audiotestsrc num-buffers=130 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! \
         aacparse ! mux.",
        muxed.display()
    );
    run(Command::new("gst-launch-1.0").arg("-q").args(pipeline.split_whitespace()));
    let before = packets(&muxed);
    let path = dir.path().join("recording.mp4");
    let mut writer = Writer::create(&path, 50_000, Tags::default()).unwrap();
    writer.write(&std::fs::read(&muxed).unwrap()).unwrap();
    let whole = writer.finish().unwrap();
    assert_eq!((whole.index, whole.video_frames), (IndexPlace::Front, 90));
    assert_same(&before, &packets(&path), "gstreamer");
    assert_eq!(decode(&path), 90);
}

#[test]
fn the_writer_takes_bytes_cut_anywhere() {
    let stream = &*common::PLAIN;
    let dir = tempfile::tempdir().unwrap();
    let at_once = dir.path().join("at once.mp4");
    stream.record(&at_once, 50_000).finish().unwrap();
    for size in [1, 7, 4_099] {
        let path = dir.path().join("pieces.mp4");
        let mut writer = Writer::create(&path, 50_000, Tags::default()).unwrap();
        for piece in stream.bytes.chunks(size) {
            writer.write(piece).unwrap();
        }
        writer.finish().unwrap();
        assert!(std::fs::read(&path).unwrap() == std::fs::read(&at_once).unwrap(), "pieces of {size}");
    }
}

#[test]
fn title_and_time_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tagged.mp4");
    let created = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_750_000_000);
    let tags = Tags { title: "Anna & Ben – Trauung".to_owned(), created: Some(created) };
    let mut writer = Writer::create(&path, 50_000, tags).unwrap();
    writer.write(&common::OPUS.bytes).unwrap();
    drop(writer);
    for state in ["killed", "recovered"] {
        let mut ffprobe = Command::new("ffprobe");
        ffprobe.args(["-v", "error", "-show_entries", "format_tags=title,creation_time", "-of", "default=nk=1:nw=1"]);
        let tags = run(ffprobe.arg(&path));
        assert!(tags.contains("Anna & Ben – Trauung"), "{state}: {tags}");
        assert!(tags.contains("2025-06-15T15:06:40"), "{state}: {tags}");
        recover(&path).unwrap();
    }
    assert_eq!(decode(&path), 120);
}

#[test]
fn probing_tells_the_same_before_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("probed.mp4");
    let stream = &*common::OPUS;
    let mut writer = stream.record(&path, 50_000);
    let live = writer.info().unwrap();
    let recording = probe(&path).unwrap();
    assert_eq!(live, recording);
    assert_eq!(recording.layout, Layout::Recording);
    writer.write(b"\0\0\0\x10moof").unwrap();
    let finished = writer.finish().unwrap();
    let whole = probe(&path).unwrap();
    assert_eq!(whole.layout, Layout::Whole);
    assert_eq!(whole.tracks, recording.tracks);
    assert!((whole.duration - recording.duration).abs() < 1e-3 && (whole.duration - 4.0).abs() < 0.1, "{whole:?}");
    assert_eq!((whole.bytes, whole.video_frames()), (finished.bytes, 120));
    let [video, audio] = &whole.tracks[..] else { panic!("{whole:?}") };
    assert_eq!(
        (video.kind, &*video.codec.to_string(), video.width, video.height),
        (TrackKind::Video, "avc1", 160, 120)
    );
    assert_eq!((audio.kind, &*audio.codec.to_string(), audio.timescale), (TrackKind::Audio, "Opus", 48_000));
    assert_eq!(audio.samples, packets(&path).iter().filter(|packet| packet.stream == 1).count() as u64);
}

#[test]
fn a_file_that_is_being_recorded_is_not_recovered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("live.mp4");
    let writer = common::PLAIN.record(&path, 50_000);
    assert!(matches!(recover(&path), Err(RecoverError::InUse { .. })));
    assert!(matches!(Writer::create(&path, 0, Tags::default()), Err(WriteError::InUse { .. })));
    writer.finish().unwrap();
    assert_eq!(recover(&path).unwrap().outcome, Outcome::AlreadyWhole);
}

#[test]
fn a_recording_without_media_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nothing.mp4");
    let writer = Writer::create(&path, 50_000, Tags::default()).unwrap();
    assert!(writer.finish().unwrap_err().to_string().contains("nothing was recorded"));
    let mut writer = Writer::create(&path, 50_000, Tags::default()).unwrap();
    writer.write(&common::PLAIN.bytes[..common::PLAIN.ends[1] - 1]).unwrap();
    drop(writer);
    assert!(matches!(recover(&path), Err(RecoverError::Read(ReadError::NoMedia { .. }))));
    assert!(matches!(probe(&path).map(|info| (info.duration, info.video_frames())), Ok((0.0, 0))));
}
