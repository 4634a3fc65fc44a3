//! The video encoders worth trying, best first, and how each is told what is wanted.

use gst::prelude::*;
use pulse_plan::VideoSpec;
use pulse_show::Profile;

use super::EncoderError;

/// Where an encoder does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderKind {
    /// On a GPU or a codec chip.
    Hardware,
    /// On the processor.
    Software,
}

/// An encoder worth trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// GStreamer element.
    pub element: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Where it works.
    pub kind: EncoderKind,
    dialect: Dialect,
}

/// The words in which an encoder is told bitrate, keyframe distance and speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Va,
    Nvenc,
    Qsv,
    Amf,
    VideoToolbox,
    MediaFoundation,
    V4l2,
    X264,
    OpenH264,
}

const fn candidate(element: &'static str, name: &'static str, kind: EncoderKind, dialect: Dialect) -> Candidate {
    Candidate { element, name, kind, dialect }
}

use EncoderKind::{Hardware, Software};

/// Hardware first, then x264, then openh264. Elements of other systems are simply not installed.
const ALL: [Candidate; 13] = [
    candidate("vah264enc", "VA-API", Hardware, Dialect::Va),
    candidate("vah264lpenc", "VA-API (low power)", Hardware, Dialect::Va),
    candidate("vaapih264enc", "VA-API (older driver)", Hardware, Dialect::Va),
    candidate("nvh264enc", "NVENC", Hardware, Dialect::Nvenc),
    candidate("nvcudah264enc", "NVENC (CUDA)", Hardware, Dialect::Nvenc),
    candidate("qsvh264enc", "Quick Sync", Hardware, Dialect::Qsv),
    candidate("amfh264enc", "AMF", Hardware, Dialect::Amf),
    candidate("vtenc_h264_hw", "VideoToolbox", Hardware, Dialect::VideoToolbox),
    candidate("mfh264enc", "Media Foundation", Hardware, Dialect::MediaFoundation),
    candidate("v4l2h264enc", "V4L2", Hardware, Dialect::V4l2),
    candidate("x264enc", "x264", Software, Dialect::X264),
    candidate("openh264enc", "OpenH264", Software, Dialect::OpenH264),
    candidate("vtenc_h264", "VideoToolbox (software)", Software, Dialect::VideoToolbox),
];

/// The encoders worth trying, best first; one that the user named comes before all others.
pub fn candidates(prefer: Option<&str>) -> Vec<Candidate> {
    let mut all = ALL.to_vec();
    if let Some(wanted) = prefer {
        all.sort_by_key(|c| c.element != wanted && c.element.trim_end_matches("enc") != wanted);
    }
    all
}

/// Sets a property if the element has it: drivers and versions differ.
fn set(element: &gst::Element, property: &str, value: &str) {
    if element.has_property(property) {
        element.set_property_from_str(property, value);
    }
}

impl Candidate {
    /// Whether its element is installed.
    pub fn is_installed(&self) -> bool {
        gst::ElementFactory::find(self.element).is_some()
    }

    /// Makes the element, set to what `spec` asks for.
    pub fn make(&self, spec: &VideoSpec) -> Result<gst::Element, EncoderError> {
        let element =
            gst::ElementFactory::make(self.element).build().map_err(|_| EncoderError::Missing(self.element.into()))?;
        let kbits = (spec.bitrate / 1000).max(1).to_string();
        let bits = spec.bitrate.to_string();
        let gop = gop_frames(spec).to_string();
        let settings: Vec<(&str, &str)> = match self.dialect {
            Dialect::Va => vec![
                ("rate-control", "cbr"),
                ("bitrate", &kbits),
                ("key-int-max", &gop),
                ("keyframe-period", &gop),
                ("b-frames", "0"),
                ("max-bframes", "0"),
            ],
            Dialect::Nvenc => vec![
                ("bitrate", &kbits),
                ("gop-size", &gop),
                ("bframes", "0"),
                ("b-frames", "0"),
                ("rc-mode", "cbr"),
                ("zerolatency", "true"),
                ("preset", "low-latency-hq"),
            ],
            Dialect::Qsv => vec![
                ("bitrate", &kbits),
                ("gop-size", &gop),
                ("b-frames", "0"),
                ("rate-control", "cbr"),
                ("low-latency", "true"),
            ],
            Dialect::Amf => vec![
                ("bitrate", &kbits),
                ("gop-size", &gop),
                ("b-frames", "0"),
                ("rate-control", "cbr"),
                ("usage", "low-latency"),
            ],
            Dialect::VideoToolbox => vec![
                ("bitrate", &kbits),
                ("max-keyframe-interval", &gop),
                ("allow-frame-reordering", "false"),
                ("realtime", "true"),
            ],
            Dialect::MediaFoundation => vec![
                ("bitrate", &kbits),
                ("gop-size", &gop),
                ("bframes", "0"),
                ("rc-mode", "cbr"),
                ("low-latency", "true"),
            ],
            Dialect::V4l2 => return Ok(with_v4l2_controls(element, spec)),
            Dialect::X264 => vec![
                ("speed-preset", &spec.preset),
                ("bitrate", &kbits),
                ("key-int-max", &gop),
                ("bframes", "0"),
                ("rc-lookahead", "0"),
                ("sync-lookahead", "0"),
                ("vbv-buf-capacity", "1000"),
                ("byte-stream", "false"),
                // Frames encoded side by side are late by one for each thread: too much for those who talk to each other.
                ("sliced-threads", if spec.profile == Profile::ConstrainedBaseline { "true" } else { "false" }),
            ],
            Dialect::OpenH264 => vec![
                ("bitrate", &bits),
                ("gop-size", &gop),
                ("rate-control", "bitrate"),
                ("complexity", openh264_complexity(&spec.preset)),
                ("multi-thread", "0"),
            ],
        };
        for (property, value) in settings {
            set(&element, property, value);
        }
        Ok(element)
    }
}

/// An element that is not in the catalogue but was named by the user: started as it is.
pub(super) fn make_named(element: &str, spec: &VideoSpec) -> Result<gst::Element, EncoderError> {
    if let Some(known) = ALL.iter().find(|c| c.element == element) {
        return known.make(spec);
    }
    let made = gst::ElementFactory::make(element).build().map_err(|_| EncoderError::Missing(element.into()))?;
    set(&made, "bitrate", &(spec.bitrate / 1000).max(1).to_string());
    Ok(made)
}

/// Frames between keyframes.
fn gop_frames(spec: &VideoSpec) -> u64 {
    let frames = u64::from(spec.gop_ms) * u64::from(spec.rate.0) / (1000 * u64::from(spec.rate.1.max(1)));
    frames.max(1)
}

fn with_v4l2_controls(element: gst::Element, spec: &VideoSpec) -> gst::Element {
    let bitrate = i32::try_from(spec.bitrate).unwrap_or(i32::MAX);
    let gop = i32::try_from(gop_frames(spec)).unwrap_or(i32::MAX);
    let controls =
        gst::Structure::builder("controls").field("video_bitrate", bitrate).field("h264_i_frame_period", gop).build();
    element.set_property("extra-controls", controls);
    element
}

fn openh264_complexity(preset: &str) -> &'static str {
    match preset {
        "ultrafast" | "superfast" | "veryfast" | "faster" => "low",
        "fast" | "medium" => "medium",
        _ => "high",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_is_tried_before_x264_and_x264_before_openh264() {
        let names: Vec<_> = candidates(None).iter().map(|c| c.element).collect();
        let place = |name| names.iter().position(|n| *n == name);
        let last_hardware = candidates(None).iter().rposition(|c| c.kind == Hardware);
        assert!(last_hardware < place("x264enc"));
        assert!(place("x264enc") < place("openh264enc"));
    }

    #[test]
    fn a_named_encoder_is_tried_first_and_the_others_stay_as_a_way_out() {
        for name in ["openh264", "openh264enc"] {
            let order = candidates(Some(name));
            assert_eq!(order[0].element, "openh264enc");
            assert_eq!(order.len(), candidates(None).len());
        }
    }
}
