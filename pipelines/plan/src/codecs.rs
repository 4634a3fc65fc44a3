//! Codec settings as identities: outputs that want the same share one encoder.

use pulse_show::{Canvas, EncoderChoice, Encoding, Profile};

use crate::Refusal;

/// A video encode: two outputs with equal specs share one encoder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VideoSpec {
    /// Codec.
    pub codec: VideoCodec,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second as a fraction.
    pub rate: (u32, u32),
    /// Bits a second.
    pub bitrate: u32,
    /// x264's preset name.
    pub preset: String,
    /// Milliseconds between keyframes.
    pub gop_ms: u32,
    /// The element to try first; `None` for the first that works.
    pub prefer: Option<String>,
    /// What of H.264 it uses.
    pub profile: Profile,
}

/// Video codecs that outputs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VideoCodec {
    /// H.264, no B-frames.
    H264,
}

/// An audio encode, 48 kHz stereo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AudioSpec {
    /// Codec.
    pub codec: AudioCodec,
    /// Bits a second.
    pub bitrate: u32,
}

/// Audio codecs that outputs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AudioCodec {
    /// AAC-LC.
    Aac,
    /// Opus.
    Opus,
}

/// What this machine can do, found out by trying.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// H.264 encoder elements that worked, best first.
    pub h264: Vec<String>,
    /// Audio codecs that worked.
    pub audio: Vec<AudioCodec>,
}

/// Speed preset of a camera's own encode: many run at once, beside the program.
const ISO_PRESET: &str = "ultrafast";

impl VideoSpec {
    /// The same for browsers: itself when it already is what they decode.
    pub fn for_webrtc(&self) -> Self {
        Self { profile: Profile::ConstrainedBaseline, ..self.clone() }
    }

    /// The same pictures at the least cost: for a camera recorded on its own that does not send H.264 or H.265.
    pub fn for_iso(&self) -> Self {
        Self { preset: ISO_PRESET.to_owned(), ..self.clone() }
    }
}

/// The program's video encode, and a notice when the encoder asked for does not work here.
///
/// # Errors
/// A [`Refusal`] of `wanted` when no encoder works.
pub fn choose_video(
    wanted: &str,
    encoding: &Encoding,
    canvas: Canvas,
    caps: &Capabilities,
) -> Result<(VideoSpec, Option<Refusal>), Refusal> {
    if caps.h264.is_empty() {
        return Err(Refusal {
            wanted: wanted.to_owned(),
            missing: "no H.264 encoder works on this machine".to_owned(),
            remedy: "install GStreamer's x264 or openh264 plugin; `pulse-studio encoders` tells why each one fails"
                .to_owned(),
            instead: None,
        });
    }
    let (prefer, notice) = match &encoding.encoder {
        EncoderChoice::Auto => (None, None),
        EncoderChoice::Named(name) => match listed(name, caps) {
            Some(element) => (Some(element.to_owned()), None),
            None => (None, Some(unlisted(name, caps))),
        },
    };
    let spec = VideoSpec {
        codec: VideoCodec::H264,
        width: canvas.width,
        height: canvas.height,
        rate: (canvas.rate.num.get(), canvas.rate.den.get()),
        bitrate: encoding.video_bitrate,
        preset: encoding.preset.clone(),
        gop_ms: encoding.gop_ms,
        prefer,
        profile: encoding.profile,
    };
    Ok((spec, notice))
}

/// The first codec of `order` that works here.
///
/// # Errors
/// A [`Refusal`] of `wanted` when none does.
pub fn choose_audio(
    wanted: &str,
    order: &[AudioCodec],
    encoding: &Encoding,
    caps: &Capabilities,
) -> Result<AudioSpec, Refusal> {
    match order.iter().find(|codec| caps.audio.contains(codec)) {
        Some(&codec) => Ok(AudioSpec { codec, bitrate: encoding.audio_bitrate }),
        None => Err(Refusal {
            wanted: wanted.to_owned(),
            missing: format!(
                "no {} encoder works on this machine",
                order.iter().map(|codec| codec.name()).collect::<Vec<_>>().join(" or ")
            ),
            remedy: "install GStreamer's libav plugin for AAC or its opus plugin for Opus".to_owned(),
            instead: None,
        }),
    }
}

impl AudioCodec {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aac => "AAC",
            Self::Opus => "Opus",
        }
    }
}

/// The element called `name`, or `name` followed by GStreamer's `enc`.
fn listed<'a>(name: &str, caps: &'a Capabilities) -> Option<&'a str> {
    caps.h264.iter().map(String::as_str).find(|element| *element == name || element.strip_suffix("enc") == Some(name))
}

fn unlisted(name: &str, caps: &Capabilities) -> Refusal {
    Refusal {
        wanted: format!("the encoder \"{name}\""),
        missing: "it is not there or does not work on this machine".to_owned(),
        remedy: format!("set the encoder to auto or to one of {}", caps.h264.join(", ")),
        instead: Some(caps.h264.first().cloned().unwrap_or_default()),
    }
}
