//! Moving pictures and sound to test with: made once by ffmpeg, kept in the user's cache folder, told apart by colour and tone.
//!
//! Every file's name holds a hash of its recipe, so a changed recipe makes a new file and nobody has to empty the cache.

mod camera;

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

pub use camera::{CameraClip, Codec, Heard, beacon_camera, camera, small_camera};

use crate::{
    child::run,
    judge::{Region, Rgb, colour_distance, ffmpeg},
    peers,
};

/// Border colours of the cameras, in order: far enough apart to be told by [`camera_seen`] after two encodes.
pub const PALETTE: [Rgb; 9] = [
    [200, 40, 40],
    [40, 170, 60],
    [50, 70, 210],
    [220, 200, 40],
    [190, 60, 190],
    [40, 190, 200],
    [240, 130, 30],
    [240, 240, 240],
    [110, 70, 30],
];

/// A part of a camera's picture that has nothing but its border colour: most of the strip at the top, which is an
/// eighth of the height.
pub const BORDER: Region = Region::new(0.2, 0.02, 0.6, 0.08);

/// A part of a beacon's picture that is black, and white while it flashes.
pub const FLASH: Region = Region::new(0.4, 0.4, 0.2, 0.2);

/// Frequency of a beacon's beep, in hertz.
pub const BEEP_HZ: u32 = 1_000;

/// Which camera's border has about this colour.
#[must_use]
pub fn camera_seen(border: Rgb) -> Option<usize> {
    PALETTE.iter().position(|colour| colour_distance(*colour, border) <= 25)
}

/// To what every picture is converted: said in the stream too, so that nobody has to guess the colours.
const BT709: &str = ",scale=out_color_matrix=bt709:out_range=tv,format=yuv420p";

/// Reads `WIDTHxHEIGHT`, as `1280x720`.
///
/// # Errors
/// For anything else.
pub fn size(text: &str) -> Result<(u32, u32)> {
    let (width, height) = text.split_once('x').context("wanted WIDTHxHEIGHT, as 1280x720")?;
    Ok((width.parse()?, height.parse()?))
}

fn moving(width: u32, height: u32, fps: u32, seconds: u32, border: Rgb) -> String {
    let colour = hex(border);
    format!("testsrc2=s={width}x{height}:r={fps}:d={seconds},format=gbrp,drawbox=w=iw:h=ih:t=ih/8:color={colour}")
}

fn tone(hertz: u32, channels: usize, seconds: u32) -> String {
    // An amplitude of 0.2515 is -15 dBFS RMS.
    let waves = vec![format!("0.2515*sin({hertz}*2*PI*t)"); channels].join("|");
    format!("aevalsrc='{waves}':s=48000:d={seconds}")
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("0x{red:02X}{green:02X}{blue:02X}")
}

fn input(graph: &str) -> Vec<String> {
    ["-f", "lavfi", "-i", graph].map(str::to_owned).to_vec()
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

const H264: &str = "-c:v libx264 -preset superfast -crf 24 -colorspace bt709 -color_primaries bt709 -color_trc bt709";

/// An MP4 of 6 s whose frame rate changes: 30 frames a second in even seconds, 7.5 in odd ones. Border of camera 0.
///
/// # Errors
/// When ffmpeg cannot.
pub fn variable_rate() -> Result<PathBuf> {
    let graph = moving(640, 360, 30, 6, PALETTE[0]) + ",select='lt(mod(n,60),30)+not(mod(n,4))'" + BT709;
    cached("variable-rate", "mp4", [input(&graph), words("-fps_mode vfr"), words(H264)].concat())
}

/// A WebM (VP8) of 4 s with odd numbers of pixels, 641×361. Border of camera 1.
///
/// # Errors
/// When ffmpeg cannot.
pub fn odd_size() -> Result<PathBuf> {
    let graph = moving(641, 361, 30, 4, PALETTE[1]) + BT709;
    cached("odd-size", "webm", [input(&graph), words("-c:v libvpx -deadline realtime -cpu-used 8 -b:v 2M")].concat())
}

/// An MP4 of 4 s as a telephone held upright makes it: 1280×720 stored, to be shown turned by 90°, so 720×1280. The
/// stored picture is camera 0's colour at the left and camera 2's at the right.
///
/// # Errors
/// When ffmpeg cannot.
pub fn rotated() -> Result<PathBuf> {
    let (left, right) = (hex(PALETTE[0]), hex(PALETTE[2]));
    let half = format!("color={right}:s=1280x720:r=30:d=4,format=gbrp,drawbox=w=iw/2:h=ih:t=fill:color={left}") + BT709;
    let flat = cached("unrotated", "mp4", [input(&half), words(H264)].concat())?;
    let copy = |before: &str, after: &str| {
        let source = words("-i").into_iter().chain([flat.display().to_string()]).collect();
        cached("rotated", "mp4", [words(before), source, words("-c copy"), words(after)].concat())
    };
    // ffmpeg 6 and newer turn by the first way, older ones by the second.
    copy("-display_rotation 90", "").or_else(|_| copy("", "-metadata:s:v rotate=90"))
}

/// An MP4 of 4 s with pixels that are not square: 720×576 stored, shown as 16:9. Border of camera 3.
///
/// # Errors
/// When ffmpeg cannot.
pub fn anamorphic() -> Result<PathBuf> {
    let graph = moving(720, 576, 25, 4, PALETTE[3]) + BT709 + ",setsar=64/45";
    cached("anamorphic", "mp4", [input(&graph), words(H264)].concat())
}

/// A WAV of 8 s: a tone of 550 Hz at -15 dBFS RMS, one channel, 44.1 kHz, 16 bits.
///
/// # Errors
/// When ffmpeg cannot.
pub fn mono_44100() -> Result<PathBuf> {
    cached("mono-44100", "wav", [input(&tone(550, 1, 8)), words("-ar 44100 -c:a pcm_s16le")].concat())
}

/// A QuickTime file of 8 s with [`mono_44100`]'s kind of sound beside a picture with camera 4's border.
///
/// # Errors
/// When ffmpeg cannot.
pub fn picture_with_mono_44100() -> Result<PathBuf> {
    let graph = moving(640, 360, 30, 8, PALETTE[4]) + BT709;
    let sound = words("-ar 44100 -c:a pcm_s16le");
    cached("picture-mono-44100", "mov", [input(&graph), input(&tone(550, 1, 8)), words(H264), sound].concat())
}

/// The tone of each channel in [`surround`], in hertz: front left, front right, centre, low frequencies, back left, back right.
pub const SURROUND_HZ: [u32; 6] = [400, 500, 600, 70, 800, 900];

/// An MP4 of 8 s with 5.1 sound (AAC), one tone a channel ([`SURROUND_HZ`]), beside a picture with camera 5's border.
///
/// # Errors
/// When ffmpeg cannot.
pub fn surround() -> Result<PathBuf> {
    let waves = SURROUND_HZ.map(|hertz| format!("0.2515*sin({hertz}*2*PI*t)")).join("|");
    let sound = format!("aevalsrc='{waves}':c=5.1:s=48000:d=8");
    let graph = moving(640, 360, 30, 8, PALETTE[5]) + BT709;
    cached("surround", "mp4", [input(&graph), input(&sound), words(H264), words("-c:a aac -b:a 320k")].concat())
}

/// Which kind of file a stinger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stinger {
    /// VP9 with alpha in a WebM.
    Webm,
    /// ProRes 4444 in a QuickTime file.
    ProRes,
    /// QuickTime Animation, which loses nothing, in a QuickTime file.
    Animation,
}

/// A stinger of 1 s, 640×360 at 30 frames a second: nothing at all (transparent) in the first and last 0.3 s, camera
/// 4's colour all over in between.
///
/// # Errors
/// When ffmpeg cannot.
pub fn stinger(kind: Stinger) -> Result<PathBuf> {
    let colour = hex(PALETTE[4]);
    let cover = format!("color={colour}@1:s=640x360:r=30:d=1,format=rgba,");
    let graph = cover + "colorchannelmixer=aa=0:enable='lt(n,9)+gte(n,21)'";
    let (extension, encode) = match kind {
        Stinger::Webm => {
            ("webm", "-c:v libvpx-vp9 -pix_fmt yuva420p -deadline realtime -cpu-used 8 -b:v 1M -auto-alt-ref 0")
        }
        Stinger::ProRes => ("mov", "-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le"),
        Stinger::Animation => ("mov", "-c:v qtrle -pix_fmt argb"),
    };
    cached("stinger", extension, [input(&graph), words(encode)].concat())
}

/// A PNG of 320×180: its left half lets everything through, its right half is camera 6's colour.
///
/// # Errors
/// When ffmpeg cannot.
pub fn alpha_png() -> Result<PathBuf> {
    let graph = format!("color={}@1:s=160x180:d=1,format=rgba,pad=320:180:160:0:color=black@0", hex(PALETTE[6]));
    cached("alpha", "png", [input(&graph), words("-frames:v 1")].concat())
}

/// An MP4 that was cut off before its index was written, as by a full disk: no program can play it.
///
/// # Errors
/// When it cannot be made.
pub fn truncated() -> Result<PathBuf> {
    let graph = moving(640, 360, 30, 4, PALETTE[0]) + BT709;
    let whole = cached("index-at-end", "mp4", [input(&graph), words(H264)].concat())?;
    altered(&whole, "truncated", |bytes| bytes.truncate(bytes.len() * 6 / 10))
}

/// An MP4 of 8 s with a good index, of which a tenth in the middle of the media is noise: it opens, then decodes badly.
///
/// # Errors
/// When it cannot be made.
pub fn corrupted() -> Result<PathBuf> {
    altered(&small_camera(0).path()?, "corrupted", |bytes| {
        let (middle, length) = (bytes.len() / 2, bytes.len() / 10);
        noise(&mut bytes[middle..middle + length]);
    })
}

/// Noise, called an MP4.
///
/// # Errors
/// When it cannot be made.
pub fn garbage() -> Result<PathBuf> {
    altered(&small_camera(0).path()?, "garbage", |bytes| noise(bytes))
}

/// A folder with an HLS recording of `clip`: `index.m3u8` and segments of a second.
///
/// # Errors
/// When ffmpeg cannot.
pub fn hls(clip: &CameraClip) -> Result<PathBuf> {
    let source = clip.path()?;
    made("hls", "hls", &source, |folder| {
        fs::create_dir(folder)?;
        let mut command = ffmpeg();
        command.arg("-i").arg(&source).args(words("-c copy -f hls -hls_time 1 -hls_playlist_type vod"));
        run(command.arg(folder.join("index.m3u8"))).map(|_| ())
    })
}

/// Bytes of a linear congruential generator (Knuth's MMIX constants): noise, but the same each time.
fn noise(bytes: &mut [u8]) {
    let mut state = 1_u64;
    for byte in bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
}

fn altered(source: &Path, name: &str, alter: impl Fn(&mut Vec<u8>)) -> Result<PathBuf> {
    made(name, "mp4", source, |path| {
        let mut bytes = fs::read(source)?;
        alter(&mut bytes);
        Ok(fs::write(path, bytes)?)
    })
}

/// Makes a file with ffmpeg, once.
fn cached(name: &str, extension: &str, recipe: Vec<String>) -> Result<PathBuf> {
    made(name, extension, &recipe, |path| run(ffmpeg().args(&recipe).arg("-y").arg(path)).map(|_| ()))
}

/// Makes a file or folder, once: under another name first, so that one that was half made is never used; under a lock,
/// so that tests that run at the same time make it once.
fn made(name: &str, extension: &str, key: impl Hash, make: impl Fn(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = folder()?;
    let mut hasher = DefaultHasher::new();
    (name, extension, key).hash(&mut hasher);
    let path = folder.join(format!("{name}-{:016x}.{extension}", hasher.finish()));
    if path.exists() {
        return Ok(path);
    }
    let lock = File::create(folder.join("making.lock"))?;
    lock.lock().context("cannot lock the cache of test media")?;
    if !path.exists() {
        let making = tempfile::Builder::new().prefix(".making-").tempdir_in(&folder)?;
        let draft = making.path().join(format!("draft.{extension}"));
        make(&draft).with_context(|| format!("cannot make the test medium {}", path.display()))?;
        fs::rename(draft, &path)?;
    }
    Ok(path)
}

/// Where the media are: `media/v1` in the cache folder.
fn folder() -> Result<PathBuf> {
    let folder = peers::cache()?.join("media/v1");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
