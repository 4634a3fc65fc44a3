//! What came out, as ffprobe and ffmpeg see it: streams, packets, boxes, pictures.

use std::{
    ffi::OsStr,
    fmt::Display,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
    process::Command,
    str::FromStr,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer, de};

use crate::child::run;

/// An `ffmpeg` that asks nothing and says only what is wrong.
#[must_use]
pub fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-v", "error"]);
    command
}

/// How far before a wanted time reading begins, in seconds: a transport stream has no index, so that a jump into it can
/// land after its goal by as much as the next keyframe is away.
const RUN_UP: f64 = 4.0;

/// An `ffmpeg` that has opened a file near a time, and counts all times from the file's beginning: filters are to drop
/// what comes before the time.
pub(crate) fn opened_near(path: &OsStr, seconds: f64) -> Command {
    let mut command = ffmpeg();
    command.args(["-copyts", "-start_at_zero"]);
    if seconds > RUN_UP {
        command.args(["-ss", &(seconds - RUN_UP).to_string()]);
    }
    command.arg("-i").arg(path);
    command
}

/// What ffprobe says about a file.
#[derive(Debug, Clone, Deserialize)]
pub struct Probe {
    /// In the file's order.
    pub streams: Vec<Stream>,
    /// Of the file as a whole.
    pub format: Format,
}

/// What ffprobe says about one stream. Fields that a kind of stream does not have are `None`.
#[derive(Debug, Clone, Deserialize)]
pub struct Stream {
    /// Its place in the file, from 0.
    pub index: usize,
    /// `video`, `audio`, `subtitle`, `data`.
    pub codec_type: String,
    /// `h264`, `aac`, …
    #[serde(default)]
    pub codec_name: String,
    /// `High`, `Constrained Baseline`, `LC`, …
    pub profile: Option<String>,
    /// Stored pixels, before aspect ratio and rotation.
    pub width: Option<u32>,
    /// Stored pixels, before aspect ratio and rotation.
    pub height: Option<u32>,
    /// `yuv420p`, …
    pub pix_fmt: Option<String>,
    /// A pixel's width to its height, as `64:45`.
    pub sample_aspect_ratio: Option<String>,
    /// Frames a second over the whole stream, as `30/1`.
    #[serde(default)]
    pub avg_frame_rate: String,
    /// Hertz.
    #[serde(default, deserialize_with = "number")]
    pub sample_rate: Option<u32>,
    /// How many.
    pub channels: Option<u32>,
    /// Seconds.
    #[serde(default, deserialize_with = "number")]
    pub start_time: Option<f64>,
    /// Seconds, where the container tells.
    #[serde(default, deserialize_with = "number")]
    pub duration: Option<f64>,
    /// Counted, not believed.
    #[serde(default, deserialize_with = "number")]
    pub nb_read_packets: Option<u64>,
    /// Rotation and other things beside the stream.
    #[serde(default)]
    pub side_data_list: Vec<SideData>,
}

/// What comes beside a stream.
#[derive(Debug, Clone, Deserialize)]
pub struct SideData {
    /// Degrees counterclockwise, -180 to 180, of a display matrix.
    pub rotation: Option<i32>,
}

/// What ffprobe says about a file as a whole.
#[derive(Debug, Clone, Deserialize)]
pub struct Format {
    /// `mov,mp4,m4a,3gp,3g2,mj2`, `matroska,webm`, …
    pub format_name: String,
    /// Seconds.
    #[serde(default, deserialize_with = "number")]
    pub duration: Option<f64>,
}

/// ffprobe writes many numbers as strings, and "N/A" for none.
fn number<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<Option<T>, D::Error> {
    match Option::<String>::deserialize(from)?.as_deref() {
        None | Some("N/A") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(de::Error::custom),
    }
}

impl Probe {
    /// Reads a file or URL through and says what is in it.
    ///
    /// # Errors
    /// When ffprobe cannot make sense of it.
    pub fn of(path: impl AsRef<OsStr>) -> Result<Self> {
        let (json, _) = run(ffprobe().args(["-count_packets", "-show_streams", "-show_format"]).arg(path))?;
        serde_json::from_slice(&json).context("ffprobe's answer is not as expected")
    }

    /// The first stream of video.
    ///
    /// # Errors
    /// When there is none.
    pub fn video(&self) -> Result<&Stream> {
        self.first("video")
    }

    /// The first stream of sound.
    ///
    /// # Errors
    /// When there is none.
    pub fn audio(&self) -> Result<&Stream> {
        self.first("audio")
    }

    fn first(&self, kind: &str) -> Result<&Stream> {
        self.streams.iter().find(|stream| stream.codec_type == kind).with_context(|| format!("no {kind} in {self:?}"))
    }

    /// Length of the whole in seconds.
    ///
    /// # Errors
    /// When the file does not tell, as an unfinished one may not.
    pub fn duration(&self) -> Result<f64> {
        self.format.duration.with_context(|| format!("no duration in {self:?}"))
    }
}

impl Stream {
    /// Packets counted by reading the file through: frames, for video.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.nb_read_packets.unwrap_or(0)
    }
}

fn ffprobe() -> Command {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json"]);
    command
}

/// One packet of a stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packet {
    /// When it is shown, in seconds.
    pub pts: f64,
    /// When it is decoded, in seconds.
    pub dts: Option<f64>,
    /// Bytes.
    pub size: u64,
    /// Whether decoding can begin here.
    pub key: bool,
}

#[derive(Deserialize)]
struct RawPackets {
    packets: Vec<RawPacket>,
}

#[derive(Deserialize)]
struct RawPacket {
    #[serde(default, deserialize_with = "number")]
    pts_time: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    dts_time: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    size: Option<u64>,
    flags: String,
}

/// All packets of one stream (`"v:0"`, `"a:1"`), in the file's order.
///
/// # Errors
/// When the file cannot be read, or a packet has no time.
pub fn packets(path: impl AsRef<OsStr>, stream: &str) -> Result<Vec<Packet>> {
    let (json, _) = run(ffprobe().args(["-show_packets", "-select_streams", stream]).arg(path))?;
    let raw: RawPackets = serde_json::from_slice(&json).context("ffprobe's answer is not as expected")?;
    raw.packets
        .iter()
        .map(|packet| {
            Ok(Packet {
                pts: packet.pts_time.context("a packet without a time")?,
                dts: packet.dts_time,
                size: packet.size.context("a packet without a size")?,
                key: packet.flags.contains('K'),
            })
        })
        .collect()
}

/// The longest time between two packets that are shown one after the other, in seconds; 0 for fewer than two.
#[must_use]
pub fn longest_gap(packets: &[Packet]) -> f64 {
    let mut times: Vec<f64> = packets.iter().map(|packet| packet.pts).collect();
    times.sort_by(f64::total_cmp);
    times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
}

/// Decodes every stream from end to end and wants no complaint at all.
///
/// # Errors
/// With ffmpeg's complaints.
pub fn decodes_clean(path: impl AsRef<OsStr>) -> Result<()> {
    // In the file's own time base: rounded to whole frames, pictures that come in their own time would fall on each other.
    let judged = ["-map", "0", "-enc_time_base", "-1", "-f", "null", "-"];
    let (_, complaints) = run(ffmpeg().arg("-xerror").arg("-i").arg(&path).args(judged))?;
    ensure!(complaints.trim().is_empty(), "{} decodes with complaints:\n{complaints}", path.as_ref().display());
    Ok(())
}

/// The kinds of an MP4 file's top boxes, in order (ISO/IEC 14496-12, 4.2).
///
/// # Errors
/// When the file cannot be read or a box reaches beyond its end.
pub fn box_order(path: &Path) -> Result<Vec<String>> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let length = file.metadata()?.len();
    let (mut at, mut kinds) = (0, Vec::new());
    while at < length {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; 16];
        file.read_exact(&mut header[..8]).with_context(|| format!("half a box at byte {at} of {}", path.display()))?;
        let short = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let kind = String::from_utf8_lossy(&header[4..8]).into_owned();
        let size = match short {
            0 => length - at,
            1 => {
                file.read_exact(&mut header[8..])?;
                header[8..].iter().fold(0, |size, byte| size << 8 | u64::from(*byte))
            }
            short => u64::from(short),
        };
        let end = at.checked_add(size).filter(|end| size >= 8 && *end <= length);
        at = end.with_context(|| format!("box \"{kind}\" at byte {at} of {} has the size {size}", path.display()))?;
        kinds.push(kind);
    }
    Ok(kinds)
}

/// Saves what a URL or file gives for some seconds without touching it, by ffmpeg. `input` are options of the input, as
/// `["-rtsp_transport", "tcp"]`.
///
/// # Errors
/// When nothing can be read or it ends in a fault.
pub fn capture(url: impl AsRef<OsStr>, input: &[&str], seconds: f64, into: &Path) -> Result<()> {
    let mut command = ffmpeg();
    command
        .args(input)
        .arg("-i")
        .arg(url)
        .args(["-map", "0", "-c", "copy", "-t", &seconds.to_string(), "-y"])
        .arg(into);
    run(&mut command).map(|_| ())
}

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// How far two colours are apart: the largest difference of a channel.
#[must_use]
pub fn colour_distance(one: Rgb, other: Rgb) -> u8 {
    one.iter().zip(other).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
}

/// A part of a picture, in fractions of its width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Left edge, 0 to 1.
    pub x: f64,
    /// Top edge, 0 to 1.
    pub y: f64,
    /// Width, 0 to 1.
    pub w: f64,
    /// Height, 0 to 1.
    pub h: f64,
}

impl Region {
    /// All of it.
    pub const WHOLE: Self = Self::new(0.0, 0.0, 1.0, 1.0);

    /// Left edge, top edge, width, height.
    #[must_use]
    pub const fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }

    /// One cell of a grid, columns and rows counted from 0.
    #[must_use]
    pub fn cell(column: u32, row: u32, columns: u32, rows: u32) -> Self {
        let (w, h) = (1.0 / f64::from(columns), 1.0 / f64::from(rows));
        Self::new(f64::from(column) * w, f64::from(row) * h, w, h)
    }

    /// A part of this part: `Region::cell(1, 0, 2, 2).part(media::BORDER)`.
    #[must_use]
    pub fn part(self, inner: Self) -> Self {
        Self::new(self.x + inner.x * self.w, self.y + inner.y * self.h, inner.w * self.w, inner.h * self.h)
    }
}

/// A picture in memory: three bytes a pixel, rows without padding.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    data: Vec<u8>,
}

impl Picture {
    /// One pixel. Outside of the picture it is the nearest one inside.
    #[must_use]
    pub fn pixel(&self, x: usize, y: usize) -> Rgb {
        let at = 3 * (y.min(self.height - 1) * self.width + x.min(self.width - 1));
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }

    /// The mean colour of a part, of at least one pixel.
    #[must_use]
    pub fn mean_rgb(&self, region: Region) -> Rgb {
        let span = |from: f64, length: f64, pixels: usize| {
            let first = ((from * pixels as f64).round() as usize).min(pixels - 1);
            first..(((from + length) * pixels as f64).round() as usize).clamp(first + 1, pixels)
        };
        let (columns, rows) = (span(region.x, region.w, self.width), span(region.y, region.h, self.height));
        let count = (columns.len() * rows.len()) as u64;
        let mut sums = [0_u64; 3];
        for (x, y) in rows.flat_map(|y| columns.clone().map(move |x| (x, y))) {
            for (sum, value) in sums.iter_mut().zip(self.pixel(x, y)) {
                *sum += u64::from(value);
            }
        }
        sums.map(|sum| ((sum + count / 2) / count) as u8)
    }

    /// Of three bytes a pixel, without padding.
    pub(crate) fn from_rgb(width: usize, height: usize, data: Vec<u8>) -> Self {
        assert!(
            width > 0 && height > 0 && data.len() == width * height * 3,
            "{width}x{height} in {} bytes",
            data.len()
        );
        Self { width, height, data }
    }

    /// Reads a binary PPM ("P6", 8 bits a channel), as ffmpeg writes it: no comments, one white space between fields.
    /// Gives what follows it too.
    fn from_ppm(ppm: &[u8]) -> Result<(Self, &[u8])> {
        let mut fields = ppm.splitn(4, u8::is_ascii_whitespace);
        let mut field = || fields.next().and_then(|field| str::from_utf8(field).ok()).context("not a PPM picture");
        ensure!(field()? == "P6", "not a PPM picture");
        let (width, height): (usize, usize) = (field()?.parse()?, field()?.parse()?);
        let rest = ppm.splitn(4, u8::is_ascii_whitespace).nth(3).and_then(|rest| rest.strip_prefix(b"255\n"));
        let rest = rest.context("not a PPM picture of 8 bits a channel")?;
        ensure!(width > 0 && height > 0 && rest.len() >= width * height * 3, "a PPM picture of {} bytes", rest.len());
        let (data, rest) = rest.split_at(width * height * 3);
        Ok((Self { width, height, data: data.to_vec() }, rest))
    }
}

/// The first picture of a file that is shown at `seconds` or later, with its rotation but not its aspect ratio applied.
///
/// # Errors
/// When there is none.
pub fn frame_at(path: impl AsRef<OsStr>, seconds: f64) -> Result<Picture> {
    let found = pictures(path.as_ref(), seconds, &format!("gte(t,{seconds})"), &["-frames:v", "1"])?;
    found.into_iter().next().with_context(|| format!("{} has no picture at {seconds} s", path.as_ref().display()))
}

/// All pictures of a file that are shown from one time in seconds until before another, as [`frame_at`] gives them.
///
/// # Errors
/// When there is none.
pub fn frames_between(path: impl AsRef<OsStr>, from: f64, to: f64) -> Result<Vec<Picture>> {
    let wanted = format!("gte(t,{from})*lt(t,{to})");
    // With copied times the end is one of the file's times, too: nothing behind it is decoded.
    let all = pictures(path.as_ref(), from, &wanted, &["-fps_mode", "passthrough", "-to", &to.to_string()])?;
    ensure!(!all.is_empty(), "{} has no picture from {from} s to {to} s", path.as_ref().display());
    Ok(all)
}

/// The pictures for which ffmpeg's expression is true; reading begins before `near`.
fn pictures(path: &OsStr, near: f64, wanted: &str, options: &[&str]) -> Result<Vec<Picture>> {
    let mut command = opened_near(path, near);
    command.args(["-map", "0:v:0", "-vf", &format!("select='{wanted}'")]).args(options);
    let (ppm, _) = run(command.args(["-f", "image2pipe", "-c:v", "ppm", "-"]))?;
    let (mut rest, mut pictures) = (ppm.as_slice(), Vec::new());
    while !rest.is_empty() {
        let (picture, after) = Picture::from_ppm(rest)?;
        pictures.push(picture);
        rest = after;
    }
    Ok(pictures)
}
