//! Windows: Direct3D 11 captures screens, Media Foundation knows cameras by symbolic link.

use gst::prelude::*;
use nokhwa::utils::CameraIndex;

use super::{super::Screen, DeviceError, Platform};

/// Windows.
pub(crate) struct System;

impl Platform for System {
    fn screens(&self) -> Result<Vec<Screen>, DeviceError> {
        let missing = || DeviceError::NoScreens {
            cause: "GStreamer's Direct3D 11 plugin is missing".to_owned(),
            remedy: "reinstall GStreamer with its complete set of plugins",
        };
        let provider = gst::DeviceProviderFactory::find("d3d11screencapturedeviceprovider")
            .and_then(|f| f.get())
            .ok_or_else(missing)?;
        let pixels = |device: &gst::Device, field: &str| {
            let structure = device.caps().and_then(|caps| caps.structure(0).map(|s| s.get::<i32>(field).unwrap_or(0)));
            u32::try_from(structure.unwrap_or(0)).unwrap_or(0)
        };
        let screen = |(index, device): (u32, gst::Device)| Screen {
            index,
            name: device.display_name().to_string(),
            x: 0,
            y: 0,
            width: pixels(&device, "width"),
            height: pixels(&device, "height"),
        };
        Ok((0..).zip(provider.devices()).map(screen).collect())
    }

    fn screen_source(&self, screen: &Screen) -> Result<gst::Element, gst::glib::BoolError> {
        gst::ElementFactory::make("d3d11screencapturesrc")
            .property("monitor-index", i32::try_from(screen.index).unwrap_or(0))
            .property("show-cursor", true)
            .build()
    }

    fn camera_serial(&self, _path: &str) -> Option<String> {
        None
    }

    fn camera_index(&self, path: &str) -> Option<CameraIndex> {
        Some(CameraIndex::String(path.to_owned()))
    }
}
