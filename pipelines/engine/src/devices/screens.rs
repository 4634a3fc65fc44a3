//! Screens: which there are, and the element that captures one.

use serde::Serialize;

use super::{
    Device, DeviceError, DeviceKind, Mode,
    platform::{Platform, SYSTEM},
};

/// A screen, or one monitor of several that make up a desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Screen {
    /// From 0, as in the address `screen:0`.
    pub index: u32,
    /// The connector's name, or `Screen 1`.
    pub name: String,
    /// Pixels right of the desktop's left edge.
    pub x: i32,
    /// Pixels below the desktop's upper edge.
    pub y: i32,
    /// Pixels; 0 where the system does not tell.
    pub width: u32,
    /// Pixels; 0 where the system does not tell.
    pub height: u32,
}

impl From<Screen> for Device {
    fn from(screen: Screen) -> Self {
        Self {
            id: format!("screen:{}", screen.index).into(),
            kind: DeviceKind::Screen,
            name: screen.name,
            port: None,
            path: None,
            modes: vec![Mode { width: screen.width, height: screen.height, fps: (0, 1), format: "screen".to_owned() }],
            is_default: screen.index == 0,
        }
    }
}

/// The screens of this machine, in the system's order.
///
/// # Errors
/// [`DeviceError::NoScreens`] where there is no desktop, or one whose screens cannot be captured.
pub fn screens() -> Result<Vec<Screen>, DeviceError> {
    SYSTEM.screens()
}

/// An element that gives the pictures of the screen at `index`, pointer included.
///
/// # Errors
/// [`DeviceError::NoScreens`], [`DeviceError::NotFound`], and [`DeviceError::Open`] when GStreamer's plugin for it is missing.
pub fn screen_source(index: u32) -> Result<gst::Element, DeviceError> {
    let screens = screens()?;
    let Some(screen) = screens.iter().find(|s| s.index == index) else {
        let names: Vec<String> = screens.iter().map(|s| format!("screen:{} ({})", s.index, s.name)).collect();
        return Err(DeviceError::not_found(DeviceKind::Screen, &format!("screen:{index}"), &names));
    };
    SYSTEM.screen_source(screen).map_err(|error| DeviceError::Open {
        kind: DeviceKind::Screen,
        name: screen.name.clone(),
        cause: error.to_string(),
        remedy: "install GStreamer's plugin for capturing screens (on Debian and Ubuntu: gstreamer1.0-plugins-good)",
    })
}
