//! How small values are written as text: the same in show files and on the command line.

use std::{fmt, num::NonZeroU32, str::FromStr};

use crate::{EncoderChoice, FrameRate, Rgba};

/// Why a text is not a frame rate or a colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotationError {
    /// Not a frame rate.
    #[error("\"{0}\" is not a frame rate: write frames a second as `30` or as a fraction, `30000/1001`")]
    FrameRate(String),
    /// Not a colour.
    #[error("\"{0}\" is not a colour: write `#rrggbb`, or `#rrggbbaa` with an alpha, in hexadecimal digits")]
    Rgba(String),
}

impl FrameRate {
    /// The exact rate for a rounded number of frames a second: 29.97 is 30000/1001, 12.5 is 12500/1000. `None` for what is no rate at all.
    pub fn nearest(fps: f64) -> Option<Self> {
        const NTSC: f64 = 1.001;
        if !fps.is_finite() || !(0.001..=1_000_000.0).contains(&fps) {
            return None;
        }
        let whole = fps.round();
        let ntsc = (fps * NTSC).round();
        let (num, den) = if (fps - whole).abs() < 0.001 {
            (whole, 1.0)
        } else if (fps - ntsc / NTSC).abs() < 0.005 {
            (ntsc * 1000.0, 1001.0)
        } else {
            ((fps * 1000.0).round(), 1000.0)
        };
        Some(Self { num: NonZeroU32::new(num as u32)?, den: NonZeroU32::new(den as u32)? })
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.den.get() {
            1 => write!(f, "{}", self.num),
            den => write!(f, "{}/{den}", self.num),
        }
    }
}

impl FromStr for FrameRate {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        let part = |part: &str| part.trim().parse::<NonZeroU32>();
        match (part(num), part(den)) {
            (Ok(num), Ok(den)) => Ok(Self { num, den }),
            _ => Err(NotationError::FrameRate(text.to_owned())),
        }
    }
}

impl TryFrom<String> for FrameRate {
    type Error = NotationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FrameRate> for String {
    fn from(rate: FrameRate) -> Self {
        rate.to_string()
    }
}

impl fmt::Display for Rgba {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b, a] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")?;
        if a == u8::MAX { Ok(()) } else { write!(f, "{a:02x}") }
    }
}

impl FromStr for Rgba {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotationError::Rgba(text.to_owned());
        let digits = text.strip_prefix('#').filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(wrong)?;
        let value = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
        match digits.len() {
            6 => Ok(Self((value << 8 | 0xff).to_be_bytes())),
            8 => Ok(Self(value.to_be_bytes())),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Rgba {
    type Error = NotationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Rgba> for String {
    fn from(color: Rgba) -> Self {
        color.to_string()
    }
}

impl From<String> for EncoderChoice {
    fn from(name: String) -> Self {
        if name == "auto" { Self::Auto } else { Self::Named(name) }
    }
}

impl From<EncoderChoice> for String {
    fn from(choice: EncoderChoice) -> Self {
        match choice {
            EncoderChoice::Auto => "auto".to_owned(),
            EncoderChoice::Named(name) => name,
        }
    }
}
