//! The clock in the picture: a camera that draws the time at which it draws, so that whoever decodes the picture knows
//! how old it is, through any number of encodes and scalings.
//!
//! At the bottom left of the camera's picture lie 16 × 4 blocks, each 1/40 of its width and 1/30 of its height, white for
//! a one and black for a nought, row by row from the top: 48 bits of milliseconds since 1970 and their CRC-16/CCITT-FALSE,
//! the highest bit first. What is no clock passes the check once in 65,536 times.
//! `tests/peers/subscriber/clock.py` reads the same.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use gstreamer::{self as gst, prelude::*};
use gstreamer_app::AppSrc;

use crate::{
    child::{Child, built},
    judge::{Picture, Region, Rgb},
    wait::{free_udp_port, wait_until},
};

const COLUMNS: u32 = 16;
const ROWS: u32 = 4;
/// How many blocks fit into the width and the height of the picture.
const ACROSS: u32 = 40;
const DOWN: u32 = 30;
/// Less between the brightest and the darkest block, of 255, is no clock.
const CONTRAST: u8 = 60;
/// How long a camera may take to run.
const START: Duration = Duration::from_secs(15);

/// Where in a camera's picture the clock is.
pub const CLOCK: Region =
    Region::new(0.0, 1.0 - ROWS as f64 / DOWN as f64, COLUMNS as f64 / ACROSS as f64, ROWS as f64 / DOWN as f64);

/// Now, in milliseconds since 1970.
#[must_use]
pub fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// CRC-16/CCITT-FALSE: polynomial 0x1021, begun with ones.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum: u16, _| sum << 1 ^ if sum >> 15 == 1 { 0x1021 } else { 0 })
    })
}

/// The 64 bits that stand for a time.
fn encoded(ms: u64) -> u64 {
    let time = ms & 0xFFFF_FFFF_FFFF;
    time << 16 | u64::from(checksum(&time.to_be_bytes()[2..]))
}

/// The time that a camera has drawn into its part of a picture ([`Region::WHOLE`] where it fills it), in milliseconds
/// since 1970; `None` where there is none to be read.
#[must_use]
pub fn read(picture: &Picture, camera: Region) -> Option<u64> {
    let levels: Vec<u8> = (0..ROWS)
        .flat_map(|row| (0..COLUMNS).map(move |column| (column, row)))
        .map(|(column, row)| {
            let block = CLOCK.part(Region::cell(column, row, COLUMNS, ROWS));
            // The middle quarter: the edges are blurred.
            let [_, green, _] = picture.mean_rgb(camera.part(block.part(Region::new(0.25, 0.25, 0.5, 0.5))));
            green
        })
        .collect();
    let (low, high) = (*levels.iter().min()?, *levels.iter().max()?);
    let middle = low.midpoint(high);
    let bits = levels.iter().fold(0_u64, |bits, level| bits << 1 | u64::from(*level > middle));
    (high - low >= CONTRAST && encoded(bits >> 16) == bits).then_some(bits >> 16)
}

/// What latencies come to, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Half of all are shorter.
    pub median: f64,
    /// 95 of 100 are shorter.
    pub p95: f64,
    /// How many there were.
    pub count: usize,
}

impl Latency {
    /// Sums up what was measured; `None` for nothing.
    #[must_use]
    pub fn of(measured: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut all: Vec<f64> = measured.into_iter().collect();
        all.sort_by(f64::total_cmp);
        let at = |part: f64| all.get(((all.len() as f64 * part).ceil() as usize).saturating_sub(1)).copied();
        Some(Self { median: at(0.5)?, p95: at(0.95)?, count: all.len() })
    }
}

/// Draws the frames of a camera with a clock: a colour all over, a square that moves, and the clock.
#[derive(Debug, Clone)]
pub struct Painter {
    /// Pixels; the width a multiple of 8, the height of 2.
    size: (usize, usize),
    fps: u32,
    /// A frame without square and clock, as I420 without padding.
    ground: Vec<u8>,
}

impl Painter {
    /// For frames of a size and colour, at so many a second.
    ///
    /// # Errors
    /// For a size that I420 does not hold without padding.
    pub fn new(size: (u32, u32), fps: u32, [red, green, blue]: Rgb) -> Result<Self> {
        let (width, height) = (size.0 as usize, size.1 as usize);
        ensure!(
            fps > 0 && width > 0 && height > 0 && width.is_multiple_of(8) && height.is_multiple_of(2),
            "a clock of {width}x{height} at {fps} a second: the width must be a multiple of 8, the height of 2"
        );
        // BT.709 with a video's range.
        let [r, g, b] = [red, green, blue].map(|value| f64::from(value) / 255.0);
        let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let level = |value: f64| value.round() as u8;
        let mut ground = vec![level(16.0 + 219.0 * luma); width * height];
        ground.resize(width * height * 5 / 4, level(128.0 + 224.0 * (b - luma) / 1.8556));
        ground.resize(width * height * 3 / 2, level(128.0 + 224.0 * (r - luma) / 1.5748));
        Ok(Self { size: (width, height), fps, ground })
    }

    /// Bytes of a frame.
    #[must_use]
    pub fn frame_size(&self) -> usize {
        self.ground.len()
    }

    /// Draws a frame that shows a time; `index` is its number, by which the square moves.
    ///
    /// # Panics
    /// When `frame` has another length than [`Painter::frame_size`].
    pub fn paint(&self, frame: &mut [u8], index: u64, ms: u64) {
        frame.copy_from_slice(&self.ground);
        let (width, height) = self.size;
        let side = height / 8;
        let left = (index as usize * 4) % (width - side);
        self.fill(frame, (left, height / 4), (left + side, height / 4 + side), 235);
        let bits = encoded(ms);
        let column = |index: usize| index * width / ACROSS as usize;
        let row = |index: usize| height - (ROWS as usize - index) * height / DOWN as usize;
        for (index, x, y) in (0..64).map(|index| (index, index % COLUMNS as usize, index / COLUMNS as usize)) {
            let white = bits >> (63 - index) & 1 == 1;
            self.fill(frame, (column(x), row(y)), (column(x + 1), row(y + 1)), if white { 235 } else { 16 });
        }
        // No colour below the clock, or a dark block would not be black.
        let chroma = &mut frame[width * height..];
        for line in 0..height / 2 {
            for plane in [0, width * height / 4] {
                let begin = plane + line * width / 2;
                if line >= row(0) / 2 {
                    chroma[begin..begin + column(COLUMNS as usize).div_ceil(2)].fill(128);
                }
            }
        }
    }

    fn fill(&self, frame: &mut [u8], (left, top): (usize, usize), (right, bottom): (usize, usize), level: u8) {
        for line in top..bottom {
            frame[line * self.size.0 + left..line * self.size.0 + right].fill(level);
        }
    }

    /// The launch line of the source that [`Painter::play_into`] feeds.
    #[must_use]
    pub fn launch(&self) -> String {
        let ((width, height), fps) = (self.size, self.fps);
        format!(
            "appsrc name=clock is-live=true do-timestamp=true format=time max-buffers=2 leaky-type=downstream \
             caps=video/x-raw,format=I420,width={width},height={height},framerate={fps}/1,\
             colorimetry=bt709,pixel-aspect-ratio=1/1,interlace-mode=progressive"
        )
    }

    /// Draws in real time into the source of [`Painter::launch`] in a bin, until that is stopped.
    ///
    /// # Errors
    /// When the bin has no such source.
    pub fn play_into(self, bin: &gst::Bin) -> Result<()> {
        let source = bin.by_name("clock").and_downcast::<AppSrc>().context("the bin has no clock")?;
        thread::Builder::new().name("clock".to_owned()).spawn(move || {
            if let Err(cause) = self.play(&source) {
                eprintln!("the clock stopped: {cause:#}");
            }
        })?;
        Ok(())
    }

    fn play(&self, source: &AppSrc) -> Result<()> {
        wait_until("the clock's pipeline to run", START, || source.current_state() == gst::State::Playing)?;
        self.tick(|index| {
            let mut buffer = gst::Buffer::with_size(self.frame_size())?;
            let writable = buffer.get_mut().context("a new buffer is writable")?;
            self.paint(&mut writable.map_writable()?, index, wall_ms());
            Ok(source.push_buffer(buffer).is_ok())
        })
    }

    /// Calls `draw` with the number of each frame when it is due, until it says that nobody wants more. Frames that came
    /// late are left out.
    ///
    /// # Errors
    /// What `draw` fails with.
    pub fn tick(&self, mut draw: impl FnMut(u64) -> Result<bool>) -> Result<()> {
        let (start, period) = (Instant::now(), Duration::from_secs(1) / self.fps);
        let mut index = 0;
        while draw(index)? {
            index = index.max((start.elapsed().as_secs_f64() / period.as_secs_f64()) as u64) + 1;
            thread::sleep((period * index as u32).saturating_sub(start.elapsed()));
        }
        Ok(())
    }
}

/// A camera with a clock, in a process of its own. Gone when dropped. An RTSP one is [`crate::rtsp::Feed::Drawn`] with
/// `--clock`.
#[derive(Debug)]
pub struct Camera {
    url: String,
    child: Child,
}

impl Camera {
    /// A camera that waits for SRT callers; the clock fills its picture. Encoded without delay, a keyframe a second.
    ///
    /// # Errors
    /// When it does not come up within 15 s.
    pub fn srt(size: (u32, u32), fps: u32) -> Result<Self> {
        let port = free_udp_port()?;
        let tail = format!(
            "x264enc tune=zerolatency speed-preset=ultrafast bitrate=3000 key-int-max={fps} ! h264parse config-interval=-1 ! \
             mpegtsmux alignment=7 ! srtsink uri=srt://127.0.0.1:{port}?mode=listener wait-for-connection=false sync=false"
        );
        Self::start(size, fps, &tail, [], format!("srt://127.0.0.1:{port}?mode=caller"))
    }

    /// A camera of a PipeWire session ([`crate::pipewire::Session::env`]), under a node's name without spaces: raw frames,
    /// so nothing but the studio makes them late.
    ///
    /// # Errors
    /// When it does not come up within 15 s.
    pub fn device(
        size: (u32, u32),
        fps: u32,
        node: &str,
        session: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let properties = format!("props,media.class=Video/Source,node.name={node},node.description={node}");
        let tail = format!("pipewiresink mode=provide sync=false stream-properties=\"{properties}\"");
        Self::start(size, fps, &tail, session, format!("device:{node}"))
    }

    fn start(
        size: (u32, u32),
        fps: u32,
        tail: &str,
        variables: impl IntoIterator<Item = (String, String)>,
        url: String,
    ) -> Result<Self> {
        let mut command = program(size, fps)?;
        command.args(["--to", tail]).envs(variables);
        let child = Child::start(format!("the camera with a clock at {url}"), &mut command)?;
        child.wait_line("running", START, |line| (line == "ready").then_some(()))?;
        Ok(Self { url, child })
    }

    /// Where the studio finds it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process, to freeze, thaw or kill it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}

/// The command of a camera that writes raw frames (I420, without padding) to its standard output.
///
/// # Errors
/// When its program is not built.
pub fn raw(size: (u32, u32), fps: u32) -> Result<Command> {
    program(size, fps)
}

fn program((width, height): (u32, u32), fps: u32) -> Result<Command> {
    let mut command = Command::new(built("clock-camera", "pulse-tests")?);
    command.args(["--size", &format!("{width}x{height}"), "--fps", &fps.to_string()]).stdin(Stdio::null());
    Ok(command)
}
