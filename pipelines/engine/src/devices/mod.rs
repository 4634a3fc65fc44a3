//! Cameras, microphones, speakers and screens of this machine: which there are, what they are called, and how to open them.
//!
//! - [`identity`]: the rule that gives a device an id which outlives replugging. Pure.
//! - [`registry`]: which devices are there now, under which id and name. Pure.
//! - [`monitor`]: GStreamer's device monitor with hot-plug, feeding the registry; makes source elements.
//! - [`controls`]: modes and controls (exposure, focus, white balance, zoom, …) of a camera, by nokhwa.
//! - [`audio`]: a microphone's samples and the headphones' output, by cpal; [`samples`] is the arithmetic of their callbacks.
//! - [`screens`]: capturing a screen; what differs between systems is behind [`platform::Platform`].
//!
//! Invariants: no two devices that are plugged in at the same time share an id, or, within a kind, a name. A device that
//! comes back to the same port comes back under the same id and name. Nothing here blocks the caller for longer than
//! the deadline it was given, save opening a camera or a sound device, which must be done off the async runtime.

use std::{fmt, time::Duration};

use serde::Serialize;

pub mod audio;
pub mod controls;
pub mod identity;
pub mod monitor;
mod platform;
pub mod registry;
mod samples;
pub mod screens;

pub use monitor::{Monitor, list, make_source, make_source_with_caps};
pub use screens::{Screen, screen_source, screens};

/// What names a device for good: kind, model, serial number if it has one, and port. `camera:c920@pci-0000-00-14-0-usb-0-2-1-0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// The id as it is written in an address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for DeviceId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// Gives pictures.
    Camera,
    /// Gives sound.
    Microphone,
    /// Takes sound.
    Speaker,
    /// A screen whose content can be captured.
    Screen,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::Speaker => "speaker",
            Self::Screen => "screen",
        })
    }
}

/// A kind of picture that a camera or a screen can give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Mode {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second as a fraction: 30000/1001 is `(30000, 1001)`. `(0, 1)` where the rate varies.
    pub fps: (u32, u32),
    /// GStreamer's name of the pixel format (`YUY2`, `NV12`), or of the encoding (`jpeg`, `h264`).
    pub format: String,
}

/// A device that is plugged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// The same after every replug and restart.
    pub id: DeviceId,
    /// What it is for.
    pub kind: DeviceKind,
    /// What people see; unique among devices of its kind.
    pub name: String,
    /// Where it is plugged in, if the system tells.
    pub port: Option<String>,
    /// What the system opens: `/dev/video0`, a unique id or a symbolic link; none for a virtual device.
    pub path: Option<String>,
    /// Largest and fastest first; empty for sound.
    pub modes: Vec<Mode>,
    /// The one that the system would take.
    pub is_default: bool,
}

/// What happened to the devices of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceEvent {
    /// Plugged in, or there when watching began.
    Added(Device),
    /// Unplugged.
    Removed(DeviceId),
    /// Its modes, its path, or whether it is the default have changed.
    Changed(Device),
    /// Events were lost because they were not fetched in time: read [`Monitor::devices`] again.
    Missed,
}

/// Why devices could not be listed, found or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// GStreamer does not run.
    #[error("devices cannot be listed: GStreamer did not start ({cause}); reinstall GStreamer 1.22 or newer")]
    Start {
        /// What GStreamer said.
        cause: String,
    },
    /// A device provider hangs.
    #[error(
        "devices are not listed after {waited:?}: a sound or camera service does not answer; restart PipeWire (or PulseAudio) and try again"
    )]
    Slow {
        /// How long it was waited for.
        waited: Duration,
    },
    /// No such device now.
    #[error("there is no {kind} \"{wanted}\" now; {available}")]
    NotFound {
        /// What kind was asked for.
        kind: DeviceKind,
        /// Id, name or `default`.
        wanted: String,
        /// What there is instead and what to do.
        available: String,
    },
    /// It is there, but cannot be opened.
    #[error("{kind} \"{name}\" cannot be opened: {cause}; {remedy}")]
    Open {
        /// What kind it is.
        kind: DeviceKind,
        /// Its name.
        name: String,
        /// What was said.
        cause: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Screens cannot be captured here.
    #[error("screens cannot be captured: {cause}; {remedy}")]
    NoScreens {
        /// Why.
        cause: String,
        /// What to do about it.
        remedy: &'static str,
    },
}

impl DeviceError {
    /// There is no `wanted` among devices called `names`.
    fn not_found(kind: DeviceKind, wanted: &str, names: &[String]) -> Self {
        let available = match names {
            [] => format!("no {kind} is plugged in: plug one in, or give the source another address"),
            names => format!("plug it in, or choose one of: {}", names.join(", ")),
        };
        Self::NotFound { kind, wanted: wanted.to_owned(), available }
    }
}

/// Orders text so that numbers within it count as numbers: port 2 before port 10.
fn natural(text: &str) -> Vec<(u64, String)> {
    let mut parts: Vec<(u64, String)> = Vec::new();
    for c in text.chars() {
        match (c.to_digit(10), parts.last_mut()) {
            (Some(digit), Some((number, letters))) if letters.is_empty() => {
                *number = number.saturating_mul(10).saturating_add(digit.into());
            }
            (Some(digit), _) => parts.push((digit.into(), String::new())),
            (None, Some((_, letters))) if !letters.is_empty() => letters.push(c),
            (None, _) => parts.push((u64::MAX, c.to_string())),
        }
    }
    parts
}

/// Largest and fastest first, each once.
fn sort_modes(modes: &mut Vec<Mode>) {
    let rate = |m: &Mode| u64::from(m.fps.0) * 1_000_000 / u64::from(m.fps.1.max(1));
    let size = |m: &Mode| u64::from(m.width) * u64::from(m.height);
    modes.sort_by(|a, b| (size(b), rate(b)).cmp(&(size(a), rate(a))).then_with(|| a.cmp(b)));
    modes.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_ordered_by_number() {
        let mut ports = vec!["usb-10", "usb-2", "usb-2.1", "usb"];
        ports.sort_by_key(|p| natural(p));
        assert_eq!(ports, ["usb", "usb-2", "usb-2.1", "usb-10"]);
    }

    #[test]
    fn an_unknown_device_is_told_with_those_there_are() {
        let names = ["Aisle".to_owned(), "Altar".to_owned()];
        let error = DeviceError::not_found(DeviceKind::Camera, "Choir", &names).to_string();
        assert_eq!(error, "there is no camera \"Choir\" now; plug it in, or choose one of: Aisle, Altar");
        let error = DeviceError::not_found(DeviceKind::Microphone, "default", &[]).to_string();
        assert!(error.contains("no microphone is plugged in"), "{error}");
    }
}
