//! Outputs: one pipeline (or file) and one thread each, fed through bounded queues of their own.
//!
//! What happens to one, a full disk or a muxer's fault, is seen by that one alone: it ends its file well and begins another part.

mod iso;
mod mux;
pub mod publish;
mod recorder;
mod stem;

use std::path::{Path, PathBuf};

pub use recorder::{Job, Recorder, Setting};

/// Why a part of a recording ended before it was told to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// The folder cannot be used.
    #[error("cannot write to {path}: {cause}. Choose another folder or make it writable.")]
    Folder {
        /// Where.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The disk is full.
    #[error("the disk with {path} is full. Free some space: recording goes on by itself in a new file.")]
    DiskFull {
        /// Where.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("{path} cannot be written: {cause}. Recording goes on in a new file.")]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The muxer failed.
    #[error("{path} cannot be muxed: {cause}. Recording goes on in a new file.")]
    Mux {
        /// Where.
        path: PathBuf,
        /// What GStreamer said.
        cause: String,
    },
}

impl OutputError {
    /// A stable word for it, as documented for error codes.
    fn code(&self) -> &'static str {
        match self {
            Self::DiskFull { .. } => "disk_full",
            Self::Folder { .. } | Self::Write { .. } | Self::Mux { .. } => "recording_failed",
        }
    }
}

/// The first path `folder/name.extension`, `folder/name-2.extension`, … that no file has yet: nothing is ever overwritten.
fn free_path(folder: &Path, name: &str, extension: &str) -> PathBuf {
    let first = folder.join(format!("{name}.{extension}"));
    if !first.exists() {
        return first;
    }
    (2_u32..).map(|n| folder.join(format!("{name}-{n}.{extension}"))).find(|path| !path.exists()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_recording_is_ever_overwritten() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let first = free_path(folder.path(), "program", "mp4");
        assert_eq!(first, folder.path().join("program.mp4"));
        std::fs::write(&first, b"a wedding")?;
        assert_eq!(free_path(folder.path(), "program", "mp4"), folder.path().join("program-2.mp4"));
        Ok(())
    }
}
