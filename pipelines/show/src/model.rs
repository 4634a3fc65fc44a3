//! The document: plain data, no behaviour beyond small derived values.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::{Address, DestinationId, LayerId, SceneId, SourceId};

/// Everything that should be on air, as the user made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// The version of this format; see [`crate::SCHEMA`].
    pub schema: u32,
    /// What the show is called.
    #[serde(default)]
    pub title: String,
    /// Size and rate of the program.
    #[serde(default)]
    pub canvas: Canvas,
    /// Cameras, microphones, files, pictures and texts, in the order of the tiles.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Scenes, in the order of their buttons.
    #[serde(default)]
    pub scenes: Vec<Scene>,
    /// Layers above every scene (a logo, a lower third), from back to front.
    #[serde(default)]
    pub overlays: Vec<Layer>,
    /// One strip a source that has sound, in the order of the mixer.
    #[serde(default)]
    pub strips: Vec<Strip>,
    /// The program's sound.
    #[serde(default)]
    pub master: Master,
    /// How the program is encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// What a take does when nothing else is said.
    #[serde(default)]
    pub transition: Transition,
    /// Where the program can be published. Keys are kept elsewhere, never here.
    #[serde(default)]
    pub destinations: Vec<Destination>,
}

/// Size and rate of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// Pixels, even, 64 to 3840.
    pub width: u32,
    /// Pixels, even, 64 to 2160.
    pub height: u32,
    /// Frames a second, 1 to 60.
    pub rate: FrameRate,
}

/// Frames a second as a fraction, so that 30000/1001 is exact. Written `30` or `30000/1001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrameRate {
    /// Frames …
    pub num: NonZeroU32,
    /// … in this many seconds.
    pub den: NonZeroU32,
}

/// Something that gives pictures, sound or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its id, referred to by layers and strips.
    pub id: SourceId,
    /// What the user calls it; shown on tiles, slates and in errors.
    pub name: String,
    /// Where it comes from.
    pub address: Address,
    /// A microphone: its pictures, if it has any, are neither decoded, shown nor recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sound_only: bool,
    /// What is shown while it gives nothing.
    #[serde(default)]
    pub on_loss: OnLoss,
    /// How a `text:` source looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextStyle>,
}

/// What a source shows while it gives nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLoss {
    /// A card with its name and "no signal".
    #[default]
    Slate,
    /// The last picture it gave (a slate if it never gave one).
    LastFrame,
}

/// How a text is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextStyle {
    /// Height of the letters in canvas pixels, 4 to 1000.
    pub size: f32,
    /// Colour of the letters.
    pub color: Rgba,
    /// Colour behind them; transparent for none.
    pub background: Rgba,
    /// Name of an installed font family; empty for the built-in one.
    pub family: String,
    /// Heavy letters.
    pub bold: bool,
    /// Where lines stand in the box.
    pub align: TextAlign,
}

/// Where lines of text stand in their box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextAlign {
    /// At the left edge.
    #[default]
    Left,
    /// In the middle.
    Center,
    /// At the right edge.
    Right,
}

/// A colour with alpha, not premultiplied, in sRGB. Written `#rrggbb` or `#rrggbbaa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rgba(pub [u8; 4]);

/// A composition of layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Its id.
    pub id: SceneId,
    /// What the user calls it; cues take scenes by this name.
    pub name: String,
    /// From back to front.
    #[serde(default)]
    pub layers: Vec<Layer>,
}

/// One source placed in a scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Its id, unique within its scene.
    pub id: LayerId,
    /// What it shows.
    pub source: SourceId,
    /// Its box on the canvas. All zero (left out): a picture or text at its own size at the origin, anything else the whole canvas.
    #[serde(default)]
    pub rect: Rect,
    /// How the picture fills its box.
    #[serde(default)]
    pub fit: Fit,
    /// What is cut off the picture before it is placed.
    #[serde(default, skip_serializing_if = "Crop::is_none")]
    pub crop: Crop,
    /// Clockwise, in degrees, around the middle of the box.
    #[serde(default)]
    pub rotation: f32,
    /// 0 (unseen) to 1 (opaque).
    #[serde(default = "one")]
    pub opacity: f32,
    /// Of the box, in canvas pixels.
    #[serde(default)]
    pub corner_radius: f32,
    /// Whether it is drawn at all.
    #[serde(default = "yes")]
    pub visible: bool,
}

/// A box on the canvas in canvas pixels; it may reach beyond the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width; 0 means "as wide as the picture is" (only with a height of 0).
    #[serde(default)]
    pub width: f32,
    /// Height; 0 means "as high as the picture is" (only with a width of 0).
    #[serde(default)]
    pub height: f32,
}

/// How a picture fills its box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// All of the picture, its shape kept, the rest of the box left open.
    #[default]
    Contain,
    /// All of the box, the picture's shape kept, what reaches beyond cut off.
    Cover,
    /// All of both, the picture's shape not kept.
    Stretch,
}

/// What is cut off a picture, as fractions of its width and height (0 to 1; opposite sides together below 1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Crop {
    /// Off the left.
    pub left: f32,
    /// Off the top.
    pub top: f32,
    /// Off the right.
    pub right: f32,
    /// Off the bottom.
    pub bottom: f32,
}

/// The sound of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strip {
    /// Whose sound it is.
    pub source: SourceId,
    /// Decibels, -60 (silent) to +20.
    #[serde(default)]
    pub gain_db: f32,
    /// Silenced by hand.
    #[serde(default)]
    pub mute: bool,
    /// While any strip is soloed only soloed strips are heard.
    #[serde(default)]
    pub solo: bool,
    /// -1 (left) to +1 (right).
    #[serde(default)]
    pub pan: f32,
    /// Milliseconds, 0 to 2000.
    #[serde(default)]
    pub delay_ms: u32,
    /// Audio follows video: heard only while its source is in the program.
    #[serde(default)]
    pub follow: bool,
}

/// The program's sound after all strips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Master {
    /// Decibels, -60 (silent) to +20.
    pub gain_db: f32,
    /// Silences the program.
    pub mute: bool,
    /// Where the limiter holds peaks, in dBFS, -20 to 0; `None` for no limiter.
    pub limiter_dbfs: Option<f32>,
}

/// How the program is encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Encoding {
    /// Which encoder.
    pub encoder: EncoderChoice,
    /// Video, in bits a second, 100_000 to 100_000_000.
    pub video_bitrate: u32,
    /// Speed preset in x264's names, mapped to the nearest of other encoders.
    pub preset: String,
    /// Milliseconds between keyframes, 250 to 10_000.
    pub gop_ms: u32,
    /// Audio, in bits a second, 32_000 to 512_000.
    pub audio_bitrate: u32,
    /// What of H.264 is used.
    #[serde(skip_serializing_if = "Profile::is_high")]
    pub profile: Profile,
}

/// What of H.264 an encode uses (ITU-T H.264, annex A).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The most picture for the bits; not for LiveKit and WHIP, which then cost an encode of their own.
    #[default]
    High,
    /// What every browser decodes: one encode serves recordings and all destinations.
    ConstrainedBaseline,
}

/// Which video encoder is used. Written `auto`, `x264`, `openh264` or the name of a GStreamer element.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum EncoderChoice {
    /// Hardware first, then software: the first that works.
    #[default]
    Auto,
    /// This one first; the next that works if it fails.
    Named(String),
}

/// What happens between two scenes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// Its look.
    pub kind: TransitionKind,
    /// Milliseconds, 0 to 10_000; a cut has none.
    #[serde(default)]
    pub ms: u32,
}

/// The look of a transition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionKind {
    /// At once.
    #[default]
    Cut,
    /// One dissolves into the other.
    Fade,
    /// The new one is uncovered from this edge.
    Wipe(WipeEdge),
    /// The new one pushes the old one out, coming from this edge.
    Slide(WipeEdge),
    /// A video with alpha plays above; the cut happens beneath it, half-way.
    Stinger(SourceId),
}

/// The edge where a wipe or slide begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WipeEdge {
    /// From the left edge.
    Left,
    /// From the right edge.
    Right,
    /// From the top.
    Top,
    /// From the bottom.
    Bottom,
}

/// Where the program can be published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Its id.
    pub id: DestinationId,
    /// What the user calls it.
    pub name: String,
    /// Where to, without any key.
    pub url: String,
}

impl Canvas {
    /// Nanoseconds from the start at which frame `n` is due; exact, without drift.
    pub fn frame_time(&self, n: u64) -> u64 {
        let ns = u128::from(n) * 1_000_000_000 * u128::from(self.rate.den.get()) / u128::from(self.rate.num.get());
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

impl Default for Canvas {
    fn default() -> Self {
        Self { width: 1920, height: 1080, rate: FrameRate::whole(30) }
    }
}

impl FrameRate {
    /// A whole number of frames a second; 0 becomes 1.
    pub fn whole(fps: u32) -> Self {
        Self { num: NonZeroU32::new(fps).unwrap_or(NonZeroU32::MIN), den: NonZeroU32::MIN }
    }

    /// Frames a second.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num.get()) / f64::from(self.den.get())
    }
}

impl Default for TextStyle {
    fn default() -> Self {
        Self {
            size: 48.0,
            color: Rgba([255, 255, 255, 255]),
            background: Rgba([0, 0, 0, 0]),
            family: String::new(),
            bold: false,
            align: TextAlign::Left,
        }
    }
}

impl Default for Rect {
    fn default() -> Self {
        Self { x: 0.0, y: 0.0, width: 0.0, height: 0.0 }
    }
}

impl Crop {
    /// Whether nothing is cut off.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Master {
    fn default() -> Self {
        Self { gain_db: 0.0, mute: false, limiter_dbfs: Some(-1.0) }
    }
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            encoder: EncoderChoice::Auto,
            video_bitrate: 6_000_000,
            preset: "veryfast".to_owned(),
            gop_ms: 2_000,
            audio_bitrate: 160_000,
            profile: Profile::High,
        }
    }
}

impl Profile {
    /// Whether it is the usual one, which is not written.
    fn is_high(&self) -> bool {
        *self == Self::High
    }
}

impl Default for Transition {
    fn default() -> Self {
        Self { kind: TransitionKind::Cut, ms: 0 }
    }
}

fn one() -> f32 {
    1.0
}

fn yes() -> bool {
    true
}
