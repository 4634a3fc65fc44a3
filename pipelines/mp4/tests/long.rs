//! Very long and very large recordings, as sparse files: nothing is copied, and memory stays small.
//!
//! One test alone, as it measures the memory of its process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mp4_atom::{Encode, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry};
use pulse_mp4::{IndexPlace, Reserve, Step, Tags, Writer, plan, probe, recover};

/// A recording with `fragments` of half a second whose media are holes of `payload` bytes: 30 frames a second with
/// B-frames, 48 packets of sound.
fn synthetic(path: &Path, hours: f32, fragments: u32, payload: u32) {
    let reserve = Reserve::for_recording(hours, 30.0, true, 48.0);
    let mut writer = Writer::create(path, reserve, Tags::default()).unwrap();
    writer.write(&common::PLAIN.bytes[..common::PLAIN.ends[0]]).unwrap();
    let mut at = writer.bytes();
    drop(writer);
    let mut file = File::options().write(true).open(path).unwrap();
    for number in 0..fragments {
        let mut bytes = moof(number, 0, payload);
        bytes = moof(number, bytes.len() as i32 + 8, payload);
        bytes.extend((payload + 8).to_be_bytes());
        bytes.extend(b"mdat");
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&bytes).unwrap();
        at += bytes.len() as u64 + u64::from(payload);
    }
    file.set_len(at).unwrap();
}

/// 15 frames and 24 packets; the frames take all of the payload but 10 bytes a packet.
fn moof(number: u32, data_offset: i32, payload: u32) -> Vec<u8> {
    let audio = 24 * 10;
    let frame = (payload - audio) / 15;
    let last = payload - audio - 14 * frame;
    let entry = |n: u32, size| TrunEntry {
        duration: None,
        size: Some(size),
        flags: Some(if n == 0 { 0x0200_0000 } else { 0x0101_0000 }),
        cts: Some([1024, 2560, 0, 512][n as usize % 4] + i64::from(n % 3)),
    };
    let video = (0..15).map(|n| entry(n, if n == 14 { last } else { frame })).collect::<Vec<_>>();
    let sound = (0..24).map(|_| TrunEntry { size: Some(10), ..TrunEntry::default() }).collect::<Vec<_>>();
    let traf = |track_id, ticks: u32, time: u64, data_offset, samples: Vec<TrunEntry>| Traf {
        tfhd: Tfhd {
            track_id,
            default_sample_duration: Some(ticks),
            default_sample_flags: Some(0x0200_0000),
            default_base_is_moof: true,
            ..Tfhd::default()
        },
        tfdt: Some(Tfdt { base_media_decode_time: time * u64::from(number) }),
        trun: vec![Trun { data_offset: Some(data_offset), samples: samples.into() }],
        ..Traf::default()
    };
    let traf = vec![
        traf(1, 512, 15 * 512, data_offset, video),
        traf(2, 1_000, 24_000, data_offset + (payload - audio) as i32, sound),
    ];
    let mut bytes = Vec::new();
    Moof { mfhd: Mfhd { sequence_number: number + 1 }, traf }.encode(&mut bytes).unwrap();
    bytes
}

/// The most memory this process has had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_hundred_gigabytes_and_twelve_hours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.mp4");
    synthetic(&path, 1.0, 2_000, 50_000_000);
    let (len, blocks) = (std::fs::metadata(&path).unwrap().len(), std::fs::metadata(&path).unwrap().blocks());
    assert!(len > 100_000_000_000);
    let written: usize = plan(&path).unwrap().unwrap().steps.iter().map(written).sum();
    assert!(written < 600_000, "{written} bytes written");
    let start = Instant::now();
    let recovered = recover(&path).unwrap();
    let took = start.elapsed();
    // A fraction of a second on an idle machine; copying would take minutes on any.
    assert!(took < Duration::from_secs(10), "took {took:?}");
    println!("100 GB in {took:?}");
    assert_eq!((recovered.index, recovered.bytes, recovered.lost_bytes), (IndexPlace::Front, len, 0));
    let grown = (std::fs::metadata(&path).unwrap().blocks() - blocks) * 512;
    assert!(grown < 1_000_000, "{grown} bytes more on the disk");
    assert!(has_box(&path, b"co64"), "offsets past 4 GB need 64 bits");
    assert_eq!(probe(&path).unwrap().video_frames(), 30_000);
    // ffprobe reads the index, and finds the last packet of sound at the very end. (The pictures are zeros, of which it
    // would complain.)
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "quiet", "-read_intervals", "999.6%", "-select_streams", "a"]);
    ffprobe.args(["-show_entries", "stream=nb_frames:packet=pos", "-of", "compact=p=1"]);
    let said = common::run(ffprobe.arg(&path));
    assert!(said.contains("stream|nb_frames=48000"), "{said}");
    assert!(said.contains(&format!("packet|pos={}\n", len - 10)), "{said}");
    assert!((common::duration(&path) - 1_000.0).abs() < 0.2);
    std::fs::remove_file(&path).unwrap();

    let path = dir.path().join("long.mp4");
    synthetic(&path, 12.0, 86_400, 1_000);
    let before = peak_memory();
    let recovered = recover(&path).unwrap();
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes of memory");
    println!("12 hours in {grown} bytes of memory");
    assert_eq!((recovered.index, recovered.lost_bytes), (IndexPlace::Front, 0));
    assert!((recovered.duration - 43_200.0).abs() < 0.2);
    assert_eq!(probe(&path).unwrap().video_frames(), 1_296_000);
}

fn written(step: &Step) -> usize {
    if let Step::Write { bytes, .. } = step { bytes.len() } else { 0 }
}

/// Whether the first megabyte has a box of that type.
fn has_box(path: &Path, kind: &[u8; 4]) -> bool {
    use std::io::Read;
    let mut bytes = Vec::new();
    File::open(path).unwrap().take(1 << 20).read_to_end(&mut bytes).unwrap();
    bytes.windows(4).any(|w| w == kind)
}
