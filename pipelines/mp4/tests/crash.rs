//! Whenever the writing stops, the file plays, and can be made whole.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod common;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Packet, Stream, assert_same, decode, order, packets};
use proptest::prelude::*;
use pulse_mp4::{IndexPlace, Outcome, Plan, ReadError, RecoverError, Step, Tags, Writer, plan, recover};

/// The packets of the first `fragments` fragments of a stream, as ffprobe reads them from the muxer's own output.
fn expected(stream: &Stream, fragments: usize) -> Vec<Packet> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("expected.mp4");
    std::fs::write(&path, &stream.bytes[..stream.ends[fragments]]).unwrap();
    stream.packets(&path)
}

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

/// Every state that the file goes through while `plan` is carried out: after each step, and with each write before the
/// last one torn in the middle.
fn states(plan: &Plan) -> Vec<Vec<Step>> {
    let last_write = plan.steps.iter().rposition(|step| matches!(step, Step::Write { .. })).unwrap();
    let mut states = vec![Vec::new()];
    for (number, step) in plan.steps.iter().enumerate() {
        let done = &plan.steps[..number];
        if let (Step::Write { at, bytes }, true) = (step, number < last_write) {
            for len in [1, bytes.len() / 2, bytes.len() - 1] {
                let torn = Step::Write { at: *at, bytes: bytes[..len].to_vec() };
                states.push([done, &[torn]].concat());
            }
        }
        states.push([done, std::slice::from_ref(step)].concat());
    }
    states
}

#[test]
fn the_file_plays_after_every_write_of_its_ending() {
    for (stream, reserve, place) in [
        (&common::LATE, 50_000, IndexPlace::Front),
        (&common::LATE, 0, IndexPlace::End),
        (&common::PLAIN, 50_000, IndexPlace::Front),
        (&common::EDITS, 50_000, IndexPlace::Front),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("killed.mp4");
        stream.interrupted(&path, reserve);
        // The first bytes of one more fragment, so that there is something to cut off.
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\0\0\x05\0mo").unwrap();
        let killed = std::fs::read(&path).unwrap();
        let before = stream.packets(&path);
        let plan = plan(&path).unwrap().unwrap();
        assert_eq!(plan.index, place);
        // The index is on the disk before it is shown, and shown before the end is told.
        let [.., Step::Sync, Step::Write { bytes, .. }, Step::Sync] = &plan.steps[..] else {
            panic!("{:?}", plan.steps)
        };
        assert!(bytes.len() <= 16);
        let states = states(&plan);
        assert!(states.len() > 8, "{states:?}");

        for state in states {
            std::fs::write(&path, &killed).unwrap();
            let file = open(&path);
            state.iter().for_each(|step| step.apply(&file).unwrap());
            drop(file);
            let what = format!("{} after {} steps of {place:?}", stream.name, state.len());
            assert_same(&before, &packets(&path), &what);

            let recovered = recover(&path).unwrap();

            assert_eq!(recovered.index, place, "{what}");
            assert_same(&before, &packets(&path), &what);
            assert_eq!(decode(&path), 120, "{what}");
            assert_eq!(recover(&path).unwrap().outcome, Outcome::AlreadyWhole, "{what}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_recording_cut_anywhere_keeps_every_whole_fragment(
        which in 0_usize..6, cut in 0.0_f64..1.0, reserve in prop_oneof![Just(50_000_u64), Just(0)],
    ) {
        let stream = common::all()[which];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cut.mp4");
        stream.interrupted(&path, reserve);
        let len = std::fs::metadata(&path).unwrap().len();
        // How far the file is longer than what the muxer sent (which ends after the last fragment).
        let grown = len - *stream.ends.last().unwrap() as u64;
        let cut = (cut * len as f64) as u64;
        open(&path).set_len(cut).unwrap();
        let whole = stream.ends[1..].iter().filter(|end| **end as u64 + grown <= cut).count();

        match recover(&path) {
            Ok(recovered) => {
                prop_assert!(whole > 0);
                let kept = stream.ends[whole] as u64 + grown;
                prop_assert_eq!(recovered.lost_bytes, cut - kept);
                let expected = expected(stream, whole);
                assert_same(&expected, &packets(&path), stream.name);
                let frames = expected.iter().filter(|packet| packet.stream == 0).count() as u64;
                prop_assert_eq!(decode(&path), frames);
                let front = order(&path) == ["ftyp", "free", "moov", "free", "mdat"];
                prop_assert_eq!(front, reserve > 0);
            }
            Err(RecoverError::Read(error)) => {
                prop_assert_eq!(whole, 0, "{}", error);
                prop_assert_eq!(std::fs::metadata(&path).unwrap().len(), cut, "touched");
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

/// A writer in a process of its own: takes its standard input, says after every piece how long the file is.
fn record_until_killed(path: &Path) {
    let mut writer = Writer::create(path, 50_000, Tags::default()).unwrap();
    let mut stdin = std::io::stdin().lock();
    let mut piece = [0; 1_000];
    loop {
        let n = stdin.read(&mut piece).unwrap();
        writer.write(&piece[..n]).unwrap();
        println!("\nfile {}", writer.bytes());
    }
}

#[test]
fn a_recorder_killed_in_the_middle_of_a_fragment_loses_that_fragment_alone() {
    if let Some(path) = std::env::var_os("PULSE_MP4_CHILD") {
        return record_until_killed(Path::new(&path));
    }
    let stream = &*common::B_FRAMES;
    for fragments in [1, 4, 7] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("killed.mp4");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_recorder_killed_in_the_middle_of_a_fragment_loses_that_fragment_alone", "--nocapture"])
            .env("PULSE_MP4_CHILD", &path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // All of these fragments and half of the next.
        let sent = (stream.ends[fragments] + stream.ends[fragments + 1]) / 2;
        child.stdin.as_mut().unwrap().write_all(&stream.bytes[..sent]).unwrap();
        let grown = 50_000 + 32;
        let wanted = format!("file {}", stream.ends[fragments] + grown);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == wanted), "{wanted}");
        child.kill().unwrap();
        child.wait().unwrap();

        let expected = expected(stream, fragments);
        assert_same(&expected, &packets(&path), "killed");
        let recovered = recover(&path).unwrap();
        assert_eq!((recovered.outcome, recovered.lost_bytes), (Outcome::MadeWhole, 0));
        assert_same(&expected, &packets(&path), "recovered");
        assert_eq!(decode(&path), 15 * fragments as u64);
    }
}

#[test]
fn a_hole_in_the_middle_does_not_move_what_follows() {
    let stream = &*common::LATE;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.mp4");
    stream.interrupted(&path, 50_000);
    let mut bytes = std::fs::read(&path).unwrap();
    let grown = bytes.len() - stream.ends.last().unwrap();
    let all = packets(&path);
    let [from, to] = [stream.ends[3] + grown, stream.ends[4] + grown];
    let moof = bytes[from..].windows(4).position(|w| w == b"moof").unwrap() + from;
    let traf = bytes[from..].windows(4).position(|w| w == b"trun").unwrap() + from;
    let mdat = bytes[from..].windows(4).position(|w| w == b"mdat").unwrap() + from;
    // What a flipped bit may do to one fragment: its type, its size, its tables, the size of its data.
    for (place, value) in [
        (moof, b'n'),
        (moof - 3, 0x40),
        (moof - 2, 0x77),
        (traf - 1, 0xff),
        (mdat, b'x'),
        (mdat - 3, 0x7f),
        (mdat - 2, 0x01),
    ] {
        let was = std::mem::replace(&mut bytes[place], value);
        std::fs::write(&path, &bytes).unwrap();
        bytes[place] = was;

        let recovered = recover(&path).unwrap();

        // The next fragment is lost too where the damage hides where it begins.
        let lost = recovered.lost_bytes as usize;
        assert!(lost > (to - from) * 9 / 10 && lost < 3 * (to - from), "byte {place}: {lost} of {}", to - from);
        let kept = packets(&path);
        assert!(kept.len() > all.len() * 2 / 3 && kept.len() < all.len(), "byte {place}: {}", kept.len());
        for packet in &kept {
            let found = all.iter().any(|other| {
                (other.stream, other.size) == (packet.stream, packet.size) && (other.pts - packet.pts).abs() < 1e-4
            });
            assert!(found, "byte {place}: {packet:?} was not there");
        }
    }
}

#[test]
fn a_fragment_with_too_large_a_size_does_not_swallow_the_next_ones() {
    let stream = &*common::LATE;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.mp4");
    stream.interrupted(&path, 50_000);
    let mut bytes = std::fs::read(&path).unwrap();
    let all = packets(&path);
    let from = stream.ends[2] + (bytes.len() - stream.ends.last().unwrap());
    let mdat = bytes[from..].windows(4).position(|w| w == b"mdat").unwrap() + from;
    // 64 kB more than it is, which is several fragments.
    bytes[mdat - 3] += 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(recover(&path).unwrap().lost_bytes, 0);
    assert_same(&all, &packets(&path), "damaged");
}

#[test]
fn a_fragment_that_points_out_of_itself_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.mp4");
    for away in [-2_000, 50_000] {
        let stream = common::PLAIN.changed(|number, moof| {
            if number == 3 {
                let offset = moof.traf[0].trun[0].data_offset.as_mut().unwrap();
                *offset += away;
            }
        });
        std::fs::write(&path, &stream.bytes).unwrap();
        let recovered = recover(&path).unwrap();
        assert_eq!(recovered.lost_bytes as usize, stream.ends[4] - stream.ends[3], "{away}");
        assert_eq!(decode(&path), 105, "{away}");
    }
}

#[test]
fn a_file_cut_off_after_its_end_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copied.mp4");
    let whole = common::PLAIN.record(&path, 50_000).finish().unwrap();
    open(&path).set_len(whole.bytes - 77).unwrap();
    match recover(&path) {
        Err(RecoverError::Read(ReadError::Cut { missing, .. })) => assert_eq!(missing, 77),
        other => panic!("{other:?}"),
    }
}
