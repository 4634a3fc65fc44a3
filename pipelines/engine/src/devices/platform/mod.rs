//! What differs between operating systems: screens, serial numbers, and how nokhwa is told which camera is meant.

use nokhwa::utils::CameraIndex;

use super::{DeviceError, Screen};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "windows")]
mod windows;

#[cfg(target_os = "linux")]
pub(super) use linux::System;
#[cfg(target_os = "macos")]
pub(super) use macos::System;
#[cfg(target_os = "windows")]
pub(super) use windows::System;

/// The one this was built for.
pub(super) static SYSTEM: System = System;

/// One operating system.
pub(super) trait Platform {
    /// See [`super::screens::screens`].
    fn screens(&self) -> Result<Vec<Screen>, DeviceError>;
    /// The element that captures `screen`; fails when its plugin is missing.
    fn screen_source(&self, screen: &Screen) -> Result<gst::Element, gst::glib::BoolError>;
    /// The serial number of the camera at this path, if the system tells it and services do not.
    fn camera_serial(&self, path: &str) -> Option<String>;
    /// What nokhwa calls the camera at this path; none if it could not open it.
    fn camera_index(&self, path: &str) -> Option<CameraIndex>;
}
