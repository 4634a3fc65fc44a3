//! Where things are kept on this machine.

use std::path::PathBuf;

/// What is remembered between runs: the list of sessions, and that of keys.
pub fn data() -> PathBuf {
    dirs::data_dir().unwrap_or_else(std::env::temp_dir).join("pulse-studio")
}

/// Where recordings go when nothing else is said.
pub fn recordings() -> PathBuf {
    let videos = dirs::video_dir().or_else(|| dirs::home_dir().map(|home| home.join("Videos")));
    videos.unwrap_or_else(std::env::temp_dir).join("Pulse Studio")
}
