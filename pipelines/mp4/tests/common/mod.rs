//! Real recordings made by ffmpeg, and ffmpeg and ffprobe as judges of what becomes of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use mp4_atom::{Decode, Encode, Moof};
use pulse_mp4::{Tags, Writer};

/// A fragmented stream as a muxer sends it.
pub struct Stream {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Where the header ends, and after it each fragment.
    pub ends: Vec<usize>,
    /// Seconds by which players show this stream's pictures too late while it is fragmented: they add the lowest
    /// composition offset to the times of fragments, and take it off again only in ordinary files.
    pub late: f64,
}

const FRAGMENTED: &str = "+frag_keyframe+empty_moov+default_base_moof";
/// With `delay_moov` ffmpeg writes edit lists into the header and lets decode times begin below zero.
const WITH_EDITS: &str = "+frag_keyframe+empty_moov+default_base_moof+delay_moov";
/// Composition offsets below zero: `trun` version 1.
const NEGATIVE: &str = "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets";

pub static PLAIN: LazyLock<Stream> = LazyLock::new(|| stream("plain", &["-bf", "0"], "aac", "0", FRAGMENTED));
pub static B_FRAMES: LazyLock<Stream> = LazyLock::new(|| stream("b-frames", &["-bf", "3"], "aac", "0", FRAGMENTED));
pub static OPUS: LazyLock<Stream> = LazyLock::new(|| stream("opus", &["-bf", "0"], "libopus", "0", FRAGMENTED));
pub static LATE: LazyLock<Stream> = LazyLock::new(|| stream("late", &["-bf", "2"], "aac", "0.7", FRAGMENTED));
pub static EDITS: LazyLock<Stream> = LazyLock::new(|| stream("edits", &["-bf", "2"], "aac", "0.3", WITH_EDITS));
pub static NEGATIVE_CTS: LazyLock<Stream> =
    LazyLock::new(|| stream("negative", &["-bf", "3"], "libopus", "0", NEGATIVE));

/// One of each kind.
pub fn all() -> [&'static Stream; 6] {
    [&PLAIN, &B_FRAMES, &OPUS, &LATE, &EDITS, &NEGATIVE_CTS]
}

/// Four seconds of 160 × 120 at 30 frames a second, a fragment every half second, and a tone.
fn stream(name: &'static str, video: &[&str], audio: &str, late: &str, flags: &str) -> Stream {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stream.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30:duration=4"]);
    ffmpeg.args(["-itsoffset", late, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=3.5"]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "15", "-sc_threshold", "0"]);
    ffmpeg.args(video).args(["-c:a", audio, "-movflags", flags, "-strict", "-2"]).arg(&path);
    run(&mut ffmpeg);
    Stream { late: if flags == NEGATIVE { 2.0 / 30.0 } else { 0.0 }, ..Stream::read(name, &path) }
}

/// Runs a command that has to succeed in silence; gives what it prints.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{command:?}: {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

impl Stream {
    /// A muxer's output in a file.
    pub fn read(name: &'static str, path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let ends = boxes(&bytes).into_iter().filter(|b| ["moov", "mdat"].contains(&&*b.kind)).map(|b| b.end as usize);
        Self { name, ends: ends.collect(), bytes, late: 0.0 }
    }

    /// The same with every fragment's header changed; fragments are counted from 0.
    pub fn changed(&self, change: impl Fn(usize, &mut Moof)) -> Self {
        let mut bytes = self.bytes[..self.ends[0]].to_vec();
        let mut ends = vec![self.ends[0]];
        for (number, part) in self.ends.windows(2).enumerate() {
            let part = &self.bytes[part[0]..part[1]];
            let header = boxes(part).into_iter().find(|b| b.kind == "moof").unwrap();
            let (mut moof, data) =
                (Moof::decode(&mut &part[header.start as usize..]).unwrap(), &part[header.end as usize..]);
            change(number, &mut moof);
            let mut encoded = Vec::new();
            moof.encode(&mut encoded).unwrap();
            // Offsets count from the header's first byte.
            let grown = encoded.len() as i32 - (header.end - header.start) as i32;
            for trun in moof.traf.iter_mut().flat_map(|traf| &mut traf.trun) {
                trun.data_offset = trun.data_offset.map(|offset| offset + grown);
            }
            moof.encode(&mut bytes).unwrap();
            bytes.extend(data);
            ends.push(bytes.len());
        }
        Self { bytes, ends, ..*self }
    }

    /// Every packet of a fragmented file of this stream, at the times that it says.
    pub fn packets(&self, path: &Path) -> Vec<Packet> {
        let mut packets = packets(path);
        for packet in packets.iter_mut().filter(|packet| packet.stream == 0) {
            packet.pts -= self.late;
        }
        packets
    }

    /// Without what the muxer adds at its end (`mfra`).
    pub fn media(&self) -> &[u8] {
        &self.bytes[..*self.ends.last().unwrap()]
    }

    /// A recording of this stream, not finished.
    pub fn record(&self, path: &Path, reserve: u64) -> Writer {
        let mut writer = Writer::create(path, reserve, Tags::default()).unwrap();
        writer.write(&self.bytes).unwrap();
        writer
    }

    /// A recording of this stream that was killed.
    pub fn interrupted(&self, path: &Path, reserve: u64) {
        drop(self.record(path, reserve));
    }
}

/// A box at the top of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopBox {
    pub kind: String,
    pub start: u64,
    pub end: u64,
}

/// The boxes at the top of a file in memory.
pub fn boxes(bytes: &[u8]) -> Vec<TopBox> {
    let mut boxes = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let kind = String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned();
        let size = match size {
            1 => u64::from_be_bytes(bytes[at + 8..at + 16].try_into().unwrap()),
            size => u64::from(size),
        };
        assert!(size >= 8, "{kind} at byte {at} has {size} bytes");
        let start = at as u64;
        boxes.push(TopBox { kind, start, end: start + size });
        at += size as usize;
    }
    boxes
}

/// The types of the boxes at the top of a file.
pub fn order(path: &Path) -> Vec<String> {
    boxes(&std::fs::read(path).unwrap()).into_iter().map(|b| b.kind).collect()
}

/// What ffprobe says of a packet.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    pub stream: u32,
    pub pts: f64,
    pub size: u64,
    pub key: bool,
}

/// Every packet of a file, by stream and in the order of decoding.
pub fn packets(path: &Path) -> Vec<Packet> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-show_entries", "packet=stream_index,pts_time,size,flags", "-of", "csv=p=0"]);
    parse_packets(&run(ffprobe.arg(path)))
}

/// ffprobe's lines as packets, by stream and in the order of decoding.
pub fn parse_packets(csv: &str) -> Vec<Packet> {
    // What comes along with a packet (new codec settings) is on a line of its own.
    let mut packets: Vec<Packet> = csv.lines().filter(|line| line.split(',').count() >= 4).map(packet).collect();
    packets.sort_by_key(|packet| packet.stream);
    packets
}

fn packet(line: &str) -> Packet {
    let fields: Vec<&str> = line.split(',').collect();
    let [stream, pts, size, flags] = fields[..4] else { panic!("{line}") };
    Packet {
        stream: stream.parse().unwrap(),
        pts: pts.parse().unwrap(),
        size: size.parse().unwrap(),
        key: flags.starts_with('K'),
    }
}

/// Asserts that the same packets are presented at the same times, to a tenth of a millisecond.
pub fn assert_same(left: &[Packet], right: &[Packet], what: &str) {
    assert_eq!(left.len(), right.len(), "{what}: packets");
    for (number, (left, right)) in left.iter().zip(right).enumerate() {
        let same = (left.stream, left.size, left.key) == (right.stream, right.size, right.key);
        assert!(same && (left.pts - right.pts).abs() < 1e-4, "{what}: packet {number}: {left:?}, {right:?}");
    }
}

/// Decodes everything with every error being fatal; gives the number of pictures.
pub fn decode(path: &Path) -> u64 {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-xerror", "-err_detect", "explode", "-i"]).arg(path);
    run(ffmpeg.args(["-vsync", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"]));
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-count_frames", "-select_streams", "v:0"]);
    let frames = run(ffprobe.args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]).arg(path));
    frames.trim().parse().unwrap_or_else(|_| panic!("{frames}"))
}

/// How long a file is by ffprobe, in seconds.
pub fn duration(path: &Path) -> f64 {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "fatal", "-show_entries", "format=duration", "-of", "csv=p=0"]);
    run(ffprobe.arg(path)).trim().parse().unwrap()
}
