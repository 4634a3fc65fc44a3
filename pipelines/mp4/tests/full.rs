//! A disk without room: what was recorded so far plays and can be finished, and the recording goes on when there is
//! room again.
//!
//! A file size limit stands for the full disk: the system answers a write in the same way, half of it done and then an
//! error, and it takes no rights to set one up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Packet, Stream, assert_same, decode, packets};
use pulse_mp4::{FinishError, IndexPlace, Outcome, Tags, WriteError, Writer, recover};

/// Starts the test of that name in a process whose files can't be longer than `blocks` of 512 bytes. It finds what it is
/// to record in `stream.mp4` beside the recording.
fn limited(test: &str, path: &Path, blocks: u64) -> Child {
    std::fs::write(path.with_file_name("stream.mp4"), &common::LATE.bytes).unwrap();
    let script = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("PULSE_MP4_CHILD", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// In the process that a test started of itself: where to record, and what.
fn task() -> Option<(PathBuf, Stream)> {
    let path = PathBuf::from(std::env::var_os("PULSE_MP4_CHILD")?);
    let stream = Stream::read("child", &path.with_file_name("stream.mp4"));
    Some((path, stream))
}

/// Says `full` at the first fragment that does not fit, then waits for a line, and goes on.
fn fill_the_disk(path: &Path, stream: &Stream) {
    let mut writer = Writer::create(path, 10_000, Tags::default()).unwrap();
    writer.write(&stream.bytes[..stream.ends[0]]).unwrap();
    let mut told = false;
    for ends in stream.ends.windows(2) {
        match writer.write(&stream.bytes[ends[0]..ends[1]]) {
            Ok(()) => {}
            Err(WriteError::DiskFull { written, .. }) => {
                assert_eq!(written, std::fs::metadata(path).unwrap().len());
                assert_eq!(written, writer.bytes());
                assert!(!told, "full again");
                told = true;
                println!("\nfull {written}");
                std::io::stdin().lock().read_line(&mut String::new()).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    let whole = writer.finish().unwrap();
    assert_eq!(whole.index, IndexPlace::Front);
    println!("\nfinished");
}

fn wait_for(child: &mut Child, word: &str) -> BufReader<std::process::ChildStdout> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with(word) {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "the child ended before it said {word}");
    }
    out
}

/// All packets but those of the fragment that found no room.
fn without(lost: &[Packet], all: Vec<Packet>) -> Vec<Packet> {
    all.into_iter()
        .filter(|packet| !lost.iter().any(|lost| (lost.stream, lost.pts) == (packet.stream, packet.pts)))
        .collect()
}

#[test]
fn a_full_disk_loses_one_fragment_and_the_recording_goes_on() {
    if let Some((path, stream)) = task() {
        return fill_the_disk(&path, &stream);
    }
    let stream = &*common::LATE;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("full.mp4");
    // Ends within the fourth fragment.
    let blocks = (stream.ends[3] + 10_032 + 2_000) as u64 / 512;
    let mut child = limited("a_full_disk_loses_one_fragment_and_the_recording_goes_on", &path, blocks);
    let out = wait_for(&mut child, "full");
    let kept = dir.path().join("kept.mp4");
    std::fs::copy(&path, &kept).unwrap();

    let pid = child.id().to_string();
    common::run(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]));
    child.stdin.as_mut().unwrap().write_all(b"go on\n").unwrap();
    let mut lines = out.lines();
    assert!(lines.any(|line| line.unwrap() == "finished"));
    assert!(child.wait().unwrap().success());

    let original = |fragments: usize| {
        let path = dir.path().join("original.mp4");
        std::fs::write(&path, &stream.bytes[..stream.ends[fragments]]).unwrap();
        packets(&path)
    };
    let before = original(3);
    assert_same(&before, &packets(&kept), "what a full disk leaves");
    recover(&kept).unwrap();
    assert_same(&before, &packets(&kept), "recovered");
    assert_eq!(decode(&kept), 45);

    let lost = without(&before, original(4));
    let expected = without(&lost, original(stream.ends.len() - 1));
    assert_same(&expected, &packets(&path), "the whole recording");
}

/// The index goes behind the media, where there is no room for it.
fn finish_without_room(path: &Path, stream: &Stream) {
    let writer = stream.record(path, 0);
    let before = std::fs::read(path).unwrap();
    assert!(matches!(writer.finish(), Err(FinishError::DiskFull { needed, .. }) if needed > 1_000));
    assert!(std::fs::read(path).unwrap() == before, "changed");
    println!("\nkept");
}

#[test]
fn an_index_without_room_leaves_the_recording_as_it_was() {
    if let Some((path, stream)) = task() {
        return finish_without_room(&path, &stream);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("full.mp4");
    let blocks = (common::LATE.ends.last().unwrap() + 1_000) as u64 / 512;
    let mut child = limited("an_index_without_room_leaves_the_recording_as_it_was", &path, blocks);
    let _out = wait_for(&mut child, "kept");
    assert!(child.wait().unwrap().success());
    let before = packets(&path);
    let recovered = recover(&path).unwrap();
    assert_eq!((recovered.outcome, recovered.index, recovered.lost_bytes), (Outcome::MadeWhole, IndexPlace::End, 0));
    assert_same(&before, &packets(&path), "recovered");
    assert_eq!(decode(&path), 120);
}
