//! Linux: X11 screens, serial numbers from sysfs, V4L2 device nodes.

use std::{env, ffi::OsString, fs, path::Path};

use nokhwa::utils::CameraIndex;
use x11rb::{
    connection::Connection, protocol::randr, protocol::xproto::ConnectionExt, rust_connection::RustConnection,
};

use super::{super::Screen, DeviceError, Platform};

/// Linux.
pub(crate) struct System;

impl Platform for System {
    fn screens(&self) -> Result<Vec<Screen>, DeviceError> {
        can_capture(env::var_os("DISPLAY"), env::var_os("WAYLAND_DISPLAY"))?;
        x11_screens().map_err(|error| DeviceError::NoScreens {
            cause: format!("the X server at DISPLAY does not answer ({error})"),
            remedy: "check DISPLAY and XAUTHORITY",
        })
    }

    fn screen_source(&self, screen: &Screen) -> Result<gst::Element, gst::glib::BoolError> {
        let edge = |from: i32, size: u32| u32::try_from(from).unwrap_or(0) + size.saturating_sub(1);
        gst::ElementFactory::make("ximagesrc")
            .property("use-damage", false)
            .property("show-pointer", true)
            .property("startx", u32::try_from(screen.x).unwrap_or(0))
            .property("starty", u32::try_from(screen.y).unwrap_or(0))
            .property("endx", edge(screen.x, screen.width))
            .property("endy", edge(screen.y, screen.height))
            .build()
    }

    fn camera_serial(&self, path: &str) -> Option<String> {
        serial_under(Path::new("/sys/class/video4linux"), path)
    }

    fn camera_index(&self, path: &str) -> Option<CameraIndex> {
        Some(CameraIndex::Index(path.strip_prefix("/dev/video")?.parse().ok()?))
    }
}

/// Under Wayland, X11 programs see only each other: a capture through X11 would be black.
fn can_capture(display: Option<OsString>, wayland: Option<OsString>) -> Result<(), DeviceError> {
    let set = |value: Option<OsString>| value.is_some_and(|v| !v.is_empty());
    if set(wayland) {
        return Err(DeviceError::NoScreens {
            cause: "this desktop runs on Wayland, where only its portal may hand out a screen".to_owned(),
            remedy: "log in to an X11 session, or share the screen as a PipeWire camera",
        });
    }
    if !set(display) {
        return Err(DeviceError::NoScreens {
            cause: "there is no desktop here (DISPLAY is not set)".to_owned(),
            remedy: "start it from within a desktop session",
        });
    }
    Ok(())
}

/// The monitors that RandR tells of, or else the whole root window.
fn x11_screens() -> Result<Vec<Screen>, Box<dyn std::error::Error>> {
    let (connection, number) = RustConnection::connect(None)?;
    let root = connection.setup().roots.get(number).ok_or("it has no such screen")?;
    let monitors = randr::get_monitors(&connection, root.root, true).ok().and_then(|cookie| cookie.reply().ok());
    let mut screens = Vec::new();
    for (index, monitor) in (0_u32..).zip(monitors.map(|m| m.monitors).unwrap_or_default()) {
        let name = connection.get_atom_name(monitor.name)?.reply()?.name;
        screens.push(Screen {
            index,
            name: String::from_utf8_lossy(&name).into_owned(),
            x: monitor.x.into(),
            y: monitor.y.into(),
            width: monitor.width.into(),
            height: monitor.height.into(),
        });
    }
    if screens.is_empty() {
        let (width, height) = (root.width_in_pixels.into(), root.height_in_pixels.into());
        screens.push(Screen { index: 0, name: "Screen 1".to_owned(), x: 0, y: 0, width, height });
    }
    Ok(screens)
}

/// `videoN/device` is the USB interface; its parent, the USB device, holds the serial number.
fn serial_under(class: &Path, device_path: &str) -> Option<String> {
    let node = device_path.strip_prefix("/dev/").filter(|n| !n.contains('/'))?;
    let interface = fs::canonicalize(class.join(node).join("device")).ok()?;
    let serial = fs::read_to_string(interface.parent()?.join("serial")).ok()?;
    Some(serial.trim().to_owned()).filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usb_cameras_serial_number_is_read_from_its_device() {
        let dir = tempfile::tempdir().unwrap();
        let interface = dir.path().join("devices/usb1/1-2/1-2:1.0");
        fs::create_dir_all(&interface).unwrap();
        fs::write(dir.path().join("devices/usb1/1-2/serial"), "A1B2C3\n").unwrap();
        let node = dir.path().join("class/video0");
        fs::create_dir_all(&node).unwrap();
        std::os::unix::fs::symlink(&interface, node.join("device")).unwrap();
        let class = dir.path().join("class");
        assert_eq!(serial_under(&class, "/dev/video0").as_deref(), Some("A1B2C3"));
        assert_eq!(serial_under(&class, "/dev/video1"), None);
        assert_eq!(serial_under(&class, "/dev/../class/video0"), None);
        fs::write(dir.path().join("devices/usb1/1-2/serial"), "\n").unwrap();
        assert_eq!(serial_under(&class, "/dev/video0"), None);
    }

    #[test]
    fn wayland_and_no_desktop_are_told() {
        let set = |value: &str| Some(OsString::from(value));
        assert!(can_capture(set(":0"), None).is_ok());
        assert!(can_capture(set(":0"), set("")).is_ok());
        let told = |display, wayland| can_capture(display, wayland).unwrap_err().to_string();
        assert!(told(set(":0"), set("wayland-0")).contains("X11 session"));
        assert!(told(None, None).contains("DISPLAY is not set"));
    }

    #[test]
    fn only_v4l2_device_nodes_are_opened() {
        assert_eq!(System.camera_index("/dev/video12"), Some(CameraIndex::Index(12)));
        assert_eq!(System.camera_index("/dev/media0"), None);
        assert_eq!(System.camera_index("/dev/video"), None);
    }
}
