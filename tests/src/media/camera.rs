//! What a camera sends, as a clip.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{BEEP_HZ, BT709, PALETTE, input, made, moving, tone, words};
use crate::{
    child::run,
    judge::{Rgb, ffmpeg},
};

/// Samples in a frame of AAC.
const AAC_FRAME: u32 = 1024;
/// Samples a second of every camera's sound.
const RATE: u32 = 48_000;
/// Seconds after which a whole number of AAC frames (375) ends again.
const AAC_PERIOD: u32 = 8;

/// How a camera's picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// No B-frames, one keyframe a second, as cameras do.
    H264,
    /// As H.264, but with pictures that are shown in another order than they are sent in (B-frames), as broadcasters do.
    H264Reordered,
    /// As H.264.
    H265,
}

impl Codec {
    /// How MP4 calls it when the parameter sets are beside the stream.
    fn tag(self) -> &'static str {
        match self {
            Self::H264 | Self::H264Reordered => "avc1",
            Self::H265 => "hvc1",
        }
    }
}

/// What a camera's microphone hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Heard {
    /// It has none.
    Nothing,
    /// A tone in hertz, stereo, -15 dBFS RMS, AAC at 48 kHz.
    Tone(u32),
    /// A beacon: 100 ms of [`BEEP_HZ`] from every whole second on, while the picture flashes white in its middle.
    Beeps,
}

/// A clip as a camera would send it: moving, with a border of its own colour, made to be looped without a seam.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CameraClip {
    /// Colour of the border, see [`PALETTE`].
    pub border: Rgb,
    /// Pixels.
    pub size: (u32, u32),
    /// Frames a second.
    pub fps: u32,
    /// Length: with sound, a multiple of 8 s holds a whole number of AAC frames.
    pub seconds: u32,
    /// How the picture is encoded.
    pub codec: Codec,
    /// What is heard.
    pub heard: Heard,
}

/// The clip of one of up to nine cameras: 1280×720 at 30 frames a second, 8 s, H.264, with a tone of (400 + 100 × index) Hz.
#[must_use]
pub fn camera(index: usize) -> CameraClip {
    let heard = Heard::Tone(400 + 100 * index as u32);
    CameraClip { border: PALETTE[index], size: (1280, 720), fps: 30, seconds: 8, codec: Codec::H264, heard }
}

/// As [`camera`], but 640×360: for tests in which the number of pixels does not matter.
#[must_use]
pub fn small_camera(index: usize) -> CameraClip {
    CameraClip { size: (640, 360), ..camera(index) }
}

/// As [`small_camera`], but flashing and beeping each second: judged by [`crate::beacon`].
#[must_use]
pub fn beacon_camera(index: usize) -> CameraClip {
    CameraClip { heard: Heard::Beeps, ..small_camera(index) }
}

impl CameraClip {
    /// Makes the clip where it is not in the cache, as MP4.
    ///
    /// # Errors
    /// When ffmpeg cannot.
    pub fn path(&self) -> Result<PathBuf> {
        let (picture, sound) = (self.picture_recipe(), self.sound_recipe());
        let name = format!("camera-{}x{}", self.size.0, self.size.1);
        made(&name, "mp4", (&picture, &sound), |path| {
            let mut join = ffmpeg();
            let part = path.with_file_name("picture.mp4");
            run(ffmpeg().args(&picture).arg(&part))?;
            join.arg("-i").arg(&part);
            if let Some(sound) = &sound {
                let part = path.with_file_name("sound.aac");
                run(ffmpeg().args(sound).arg(&part))?;
                self.cut_to_a_loop(&part)?;
                join.arg("-i").arg(&part);
            }
            join.args(["-c", "copy", "-tag:v", self.codec.tag(), "-movflags", "+faststart"]).arg(path);
            run(&mut join).map(|_| ())
        })
    }

    fn picture_recipe(&self) -> Vec<String> {
        let gop = self.fps.to_string();
        let mut recipe = input(&self.picture());
        recipe.extend(match self.codec {
            Codec::H264 => words("-c:v libx264 -preset superfast -tune fastdecode -crf 26 -bf 0 -sc_threshold 0"),
            Codec::H264Reordered => words("-c:v libx264 -preset superfast -crf 26 -bf 3 -b_strategy 0 -sc_threshold 0"),
            Codec::H265 => {
                words("-c:v libx265 -preset ultrafast -crf 30 -x265-params log-level=none:bframes=0:scenecut=0")
            }
        });
        recipe.extend(["-g", &gop, "-keyint_min", &gop].map(str::to_owned));
        recipe.extend(words("-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv"));
        recipe
    }

    /// Frames of AAC reach into each other, so a loop is cut out of the middle of a longer sound: its last frame then
    /// reaches into what its first one begins with.
    fn sound_recipe(&self) -> Option<Vec<String>> {
        let longer = AAC_PERIOD + self.seconds + 1;
        let sound = match self.heard {
            Heard::Nothing => return None,
            Heard::Tone(hertz) => tone(hertz, 2, longer),
            Heard::Beeps => {
                let wave = format!("if(lt(mod(n,{RATE}),{RATE}/10),0.5*sin({BEEP_HZ}*2*PI*t),0)");
                format!("aevalsrc='{wave}|{wave}':s={RATE}:d={longer}")
            }
        };
        Some([input(&sound), words("-c:a aac -b:a 128k")].concat())
    }

    /// Keeps the frames of an ADTS file that begin in the clip's length after [`AAC_PERIOD`].
    fn cut_to_a_loop(&self, path: &Path) -> Result<()> {
        let stream = fs::read(path)?;
        let (mut rest, mut kept) = (stream.as_slice(), Vec::new());
        // The first frame lies before the beginning: the encoder's delay.
        let first = 1 + AAC_PERIOD * RATE / AAC_FRAME;
        for index in 0..first + (self.seconds * RATE).div_ceil(AAC_FRAME) {
            // ISO/IEC 13818-7, 6.2: 13 bits of length, the header's seven bytes included.
            let header = rest.get(3..6).context("the sound is too short")?;
            let length = usize::from(header[0] & 3) << 11 | usize::from(header[1]) << 3 | usize::from(header[2] >> 5);
            let (frame, after) = rest.split_at_checked(length).context("half a frame of sound")?;
            if index >= first {
                kept.extend_from_slice(frame);
            }
            rest = after;
        }
        Ok(fs::write(path, kept)?)
    }

    fn picture(&self) -> String {
        let ((width, height), fps, seconds) = (self.size, self.fps, self.seconds);
        let mut filters = moving(width, height, fps, seconds, self.border);
        if self.heard == Heard::Beeps {
            let middle = "drawbox=x=iw*3/8:y=ih*3/8:w=iw/4:h=ih/4:t=fill";
            filters += &format!(",{middle}:color=black,{middle}:color=white:enable='lt(mod(n,{fps}),{fps}/10)'");
        }
        filters + BT709
    }
}
