//! A screen without hardware: an X server that draws into memory, and a window that covers it.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{child::Child, judge::Rgb, pipewire::moving_ball};

/// How long a program may take to be there.
const PATIENCE: Duration = Duration::from_secs(15);
/// Of the screen, in pixels.
const SIZE: (u32, u32) = (640, 360);

/// A screen of 640×360. Gone when dropped.
#[derive(Debug)]
pub struct Screen {
    window: Option<Child>,
    display: String,
    _server: Child,
}

impl Screen {
    /// Starts an X server, which chooses a free number for itself.
    ///
    /// # Errors
    /// When Xvfb is not installed or does not come up.
    pub fn start() -> Result<Self> {
        let mut command = Command::new("Xvfb");
        let size = format!("{}x{}x24", SIZE.0, SIZE.1);
        command.args(["-displayfd", "1", "-screen", "0", &size, "-noreset", "-nolisten", "tcp"]).stdin(Stdio::null());
        let server = Child::start("Xvfb", &mut command)?;
        let number = server.wait_line("its display", PATIENCE, |line| line.parse::<u32>().ok())?;
        Ok(Self { window: None, display: format!(":{number}"), _server: server })
    }

    /// The environment variables with which a program finds this screen instead of the user's.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        vec![("DISPLAY".to_owned(), self.display.clone()), ("WAYLAND_DISPLAY".to_owned(), String::new())]
    }

    /// Covers it with a black ball that moves over one colour, in place of what covered it before, and is back when it is seen.
    ///
    /// # Errors
    /// When it is not within 15 s.
    pub fn show(&mut self, colour: Rgb) -> Result<()> {
        let mut command = Command::new("gst-launch-1.0");
        command.args(moving_ball(colour)).args(["!", &format!("video/x-raw,width={},height={}", SIZE.0, SIZE.1)]);
        command.args(["!", "videoconvert", "!", "ximagesink"]).envs(self.env()).stdin(Stdio::null());
        let window = Child::start("a window", &mut command)?;
        window.wait_line("its first picture", PATIENCE, |line| line.contains("PREROLLED").then_some(()))?;
        self.window = Some(window);
        Ok(())
    }
}
