//! Whether a show holds together: every range, every name, every reference.

use std::{collections::BTreeSet, fmt, ops::RangeInclusive};

use crate::{
    Address, Canvas, Crop, EncoderChoice, Encoding, Layer, LayerId, Master, Rect, SCHEMA, Scene, Show, Source,
    SourceId, Strip, Target, TextStyle, Transition,
};

/// One thing that is wrong with a show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}; {remedy}")]
pub struct Fault {
    /// Where, as a path into the saved form: `scenes[2].layers[0].source`.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

/// x264's speed presets, fastest first.
pub const PRESETS: [&str; 10] =
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"];

/// Longest name and title, in characters.
const MAX_NAME: usize = 200;
/// Longest id, in bytes.
const MAX_ID: usize = 100;
/// Farthest a box may reach, in canvas pixels: several canvases away, and still exact in arithmetic.
const FAR: f32 = 32_768.0;
/// Highest numerator and denominator of a frame rate, well inside GStreamer's 31 bits.
const MAX_RATE_PART: u32 = 1_000_000;

/// Checks a show.
///
/// # Errors
/// Every fault there is, in the order of the document.
pub fn validate(show: &Show) -> Result<(), Vec<Fault>> {
    let mut check = Check { show, faults: Vec::new() };
    if show.schema != SCHEMA {
        check.fault("schema", format!("{} is not the schema in use", show.schema), format!("use {SCHEMA}"));
    }
    check.text("title", &show.title, true);
    check.canvas(show.canvas);
    check.sources();
    check.scenes();
    check.layers("overlays", &show.overlays);
    check.strips();
    check.master(&show.master);
    check.encoding(&show.encoding);
    check.transition("transition", &show.transition);
    check.destinations();
    if check.faults.is_empty() { Ok(()) } else { Err(check.faults) }
}

/// Checks a transition that is used once, by a take.
///
/// # Errors
/// Every fault there is, with places that begin with `transition`.
pub fn validate_transition(show: &Show, transition: &Transition) -> Result<(), Vec<Fault>> {
    let mut check = Check { show, faults: Vec::new() };
    check.transition("transition", transition);
    if check.faults.is_empty() { Ok(()) } else { Err(check.faults) }
}

struct Check<'a> {
    show: &'a Show,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(Fault { place: place.into(), problem: problem.into(), remedy: remedy.into() });
    }

    fn range<T: PartialOrd + fmt::Display>(&mut self, place: String, value: T, range: RangeInclusive<T>, unit: &str) {
        if !range.contains(&value) {
            let remedy = format!("choose {} to {}{unit}", range.start(), range.end());
            self.fault(place, format!("{value}{unit} is out of range"), remedy);
        }
    }

    fn text(&mut self, place: &str, text: &str, may_be_empty: bool) {
        if text.trim().is_empty() && !may_be_empty {
            self.fault(place, "it is empty", "write a name");
        } else if text.chars().count() > MAX_NAME {
            self.fault(place, format!("it is longer than {MAX_NAME} characters"), "shorten it");
        } else if text.contains(char::is_control) {
            self.fault(place, "it holds a control character or a line break", "take it out");
        }
    }

    fn id(&mut self, place: String, id: &str) {
        let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > MAX_ID || !id.chars().all(plain) {
            let problem = format!("{id:?} is not an id");
            self.fault(place, problem, format!("use letters, digits, - and _, at most {MAX_ID} bytes"));
        }
    }

    /// Reports the members of `values` that came before.
    fn unique<'v>(&mut self, place: impl Fn(usize) -> String, values: impl Iterator<Item = &'v str>) {
        let mut seen = BTreeSet::new();
        for (n, value) in values.enumerate() {
            if !seen.insert(value) {
                self.fault(place(n), format!("\"{value}\" is used twice"), "give one of them another");
            }
        }
    }

    fn source_exists(&mut self, place: String, id: &SourceId) {
        if self.show.source(id).is_none() {
            self.fault(place, format!("there is no source \"{id}\""), "choose one of `sources`, or add it");
        }
    }

    fn canvas(&mut self, canvas: Canvas) {
        for (place, pixels, most) in [("canvas.width", canvas.width, 3840), ("canvas.height", canvas.height, 2160)] {
            self.range(place.to_owned(), pixels, 64..=most, " pixels");
            if !pixels.is_multiple_of(2) {
                self.fault(place, format!("{pixels} is odd"), "choose an even number of pixels");
            }
        }
        let (num, den) = (canvas.rate.num.get(), canvas.rate.den.get());
        self.range("canvas.rate".to_owned(), canvas.rate.as_f64(), 1.0..=60.0, " frames a second");
        if num > MAX_RATE_PART || den > MAX_RATE_PART {
            self.fault("canvas.rate", format!("{num}/{den} has too many digits"), "shorten the fraction");
        }
    }

    fn sources(&mut self) {
        let show = self.show;
        for (n, source) in show.sources.iter().enumerate() {
            self.source(&format!("sources[{n}]"), source);
        }
        self.unique(|n| format!("sources[{n}].id"), show.sources.iter().map(|source| source.id.as_str()));
        self.unique(|n| format!("sources[{n}].name"), show.sources.iter().map(|source| source.name.as_str()));
    }

    fn source(&mut self, place: &str, source: &Source) {
        self.id(format!("{place}.id"), source.id.as_str());
        self.text(&format!("{place}.name"), &source.name, false);
        match source.address.to_string().parse::<Address>() {
            Err(error) => self.fault(format!("{place}.address"), error.to_string(), "write another"),
            Ok(read) if read != source.address => self.fault(
                format!("{place}.address"),
                format!("\"{}\" is read back as another address", source.address.redacted()),
                "write it as it would be typed",
            ),
            Ok(_) => {}
        }
        if let Some(style) = &source.text {
            self.text_style(&format!("{place}.text"), style);
        }
    }

    fn text_style(&mut self, place: &str, style: &TextStyle) {
        self.range(format!("{place}.size"), style.size, 4.0..=1000.0, " pixels");
        self.text(&format!("{place}.family"), &style.family, true);
    }

    fn scenes(&mut self) {
        let show = self.show;
        for (n, Scene { id, name, layers }) in show.scenes.iter().enumerate() {
            self.id(format!("scenes[{n}].id"), id.as_str());
            self.text(&format!("scenes[{n}].name"), name, false);
            self.layers(&format!("scenes[{n}].layers"), layers);
        }
        self.unique(|n| format!("scenes[{n}].id"), show.scenes.iter().map(|scene| scene.id.as_str()));
        self.unique(|n| format!("scenes[{n}].name"), show.scenes.iter().map(|scene| scene.name.as_str()));
    }

    fn layers(&mut self, place: &str, layers: &[Layer]) {
        for (n, layer) in layers.iter().enumerate() {
            self.layer(&format!("{place}[{n}]"), layer);
        }
        self.unique(|n| format!("{place}[{n}].id"), layers.iter().map(|layer| LayerId::as_str(&layer.id)));
    }

    fn layer(&mut self, place: &str, layer: &Layer) {
        self.id(format!("{place}.id"), layer.id.as_str());
        self.source_exists(format!("{place}.source"), &layer.source);
        self.rect(&format!("{place}.rect"), layer.rect);
        self.crop(&format!("{place}.crop"), layer.crop);
        if !layer.rotation.is_finite() {
            self.fault(format!("{place}.rotation"), "it is not a number", "write degrees");
        }
        self.range(format!("{place}.opacity"), layer.opacity, 0.0..=1.0, "");
        self.range(format!("{place}.corner_radius"), layer.corner_radius, 0.0..=FAR, " pixels");
    }

    fn rect(&mut self, place: &str, rect: Rect) {
        self.range(format!("{place}.x"), rect.x, -FAR..=FAR, " pixels");
        self.range(format!("{place}.y"), rect.y, -FAR..=FAR, " pixels");
        self.range(format!("{place}.width"), rect.width, 0.0..=FAR, " pixels");
        self.range(format!("{place}.height"), rect.height, 0.0..=FAR, " pixels");
        if (rect.width == 0.0) != (rect.height == 0.0) {
            self.fault(place, "one of width and height is 0", "set both, or both to 0 for the picture's own size");
        }
    }

    fn crop(&mut self, place: &str, crop: Crop) {
        let sides = [("left", crop.left), ("top", crop.top), ("right", crop.right), ("bottom", crop.bottom)];
        for (side, part) in sides {
            self.range(format!("{place}.{side}"), part, 0.0..=1.0, "");
        }
        for (pair, part) in [("left and right", crop.left + crop.right), ("top and bottom", crop.top + crop.bottom)] {
            if part >= 1.0 {
                self.fault(place, format!("{pair} leave nothing of the picture"), "keep their sum below 1");
            }
        }
    }

    fn strips(&mut self) {
        let show = self.show;
        for (n, strip) in show.strips.iter().enumerate() {
            self.strip(&format!("strips[{n}]"), strip);
        }
        self.unique(|n| format!("strips[{n}].source"), show.strips.iter().map(|strip| strip.source.as_str()));
    }

    fn strip(&mut self, place: &str, strip: &Strip) {
        self.source_exists(format!("{place}.source"), &strip.source);
        self.range(format!("{place}.gain_db"), strip.gain_db, -60.0..=20.0, " dB");
        self.range(format!("{place}.pan"), strip.pan, -1.0..=1.0, "");
        self.range(format!("{place}.delay_ms"), strip.delay_ms, 0..=2000, " ms");
    }

    fn master(&mut self, master: &Master) {
        self.range("master.gain_db".to_owned(), master.gain_db, -60.0..=20.0, " dB");
        if let Some(ceiling) = master.limiter_dbfs {
            self.range("master.limiter_dbfs".to_owned(), ceiling, -20.0..=0.0, " dBFS");
        }
    }

    fn encoding(&mut self, encoding: &Encoding) {
        if let EncoderChoice::Named(name) = &encoding.encoder {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || name.len() > MAX_ID || !name.chars().all(plain) {
                self.fault("encoding.encoder", format!("{name:?} is not the name of an encoder"), "use `auto`");
            }
        }
        self.range("encoding.video_bitrate".to_owned(), encoding.video_bitrate, 100_000..=100_000_000, " bit/s");
        if !PRESETS.contains(&encoding.preset.as_str()) {
            let problem = format!("{:?} is not a preset", encoding.preset);
            self.fault("encoding.preset", problem, format!("choose one of {}", PRESETS.join(", ")));
        }
        self.range("encoding.gop_ms".to_owned(), encoding.gop_ms, 250..=10_000, " ms");
        self.range("encoding.audio_bitrate".to_owned(), encoding.audio_bitrate, 32_000..=512_000, " bit/s");
    }

    fn transition(&mut self, place: &str, transition: &Transition) {
        self.range(format!("{place}.ms"), transition.ms, 0..=10_000, " ms");
        if let Some(source) = transition.stinger() {
            self.source_exists(format!("{place}.kind.stinger"), source);
        }
    }

    fn destinations(&mut self) {
        let show = self.show;
        for (n, destination) in show.destinations.iter().enumerate() {
            self.id(format!("destinations[{n}].id"), destination.id.as_str());
            self.text(&format!("destinations[{n}].name"), &destination.name, false);
            if let Err(error) = destination.url.parse::<Target>() {
                self.fault(
                    format!("destinations[{n}].url"),
                    error.to_string(),
                    "write where to without the key, as in `rtmp://HOST/APP`",
                );
            }
        }
        self.unique(|n| format!("destinations[{n}].id"), show.destinations.iter().map(|to| to.id.as_str()));
    }
}
