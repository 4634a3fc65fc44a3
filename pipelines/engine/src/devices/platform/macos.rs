//! macOS: AVFoundation captures screens and knows cameras by unique id.

use core_graphics::display::CGDisplay;
use nokhwa::utils::CameraIndex;

use super::{super::Screen, DeviceError, Platform};

/// macOS.
pub(crate) struct System;

impl Platform for System {
    fn screens(&self) -> Result<Vec<Screen>, DeviceError> {
        let displays = CGDisplay::active_displays().map_err(|code| DeviceError::NoScreens {
            cause: format!("Core Graphics answers {code}"),
            remedy: "allow it under System Settings, Privacy & Security, Screen Recording",
        })?;
        let screen = |(index, id): (u32, u32)| {
            let display = CGDisplay::new(id);
            let origin = display.bounds().origin;
            Screen {
                index,
                name: format!("Screen {}", index + 1),
                x: origin.x as i32,
                y: origin.y as i32,
                width: u32::try_from(display.pixels_wide()).unwrap_or(0),
                height: u32::try_from(display.pixels_high()).unwrap_or(0),
            }
        };
        Ok((0..).zip(displays).map(screen).collect())
    }

    fn screen_source(&self, screen: &Screen) -> Result<gst::Element, gst::glib::BoolError> {
        gst::ElementFactory::make("avfvideosrc")
            .property("capture-screen", true)
            .property("capture-screen-cursor", true)
            .property("device-index", i32::try_from(screen.index).unwrap_or(0))
            .build()
    }

    fn camera_serial(&self, _path: &str) -> Option<String> {
        None
    }

    fn camera_index(&self, path: &str) -> Option<CameraIndex> {
        Some(CameraIndex::String(path.to_owned()))
    }
}
