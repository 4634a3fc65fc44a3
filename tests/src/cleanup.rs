//! Folders that go away with the test, and are kept when somebody will want to look into them.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, Result};

/// Set to anything, every [`Workdir`] stays.
pub const KEEP: &str = "PULSE_TESTS_KEEP";

/// A folder of a test's own. Removed when dropped, unless the thread panics or [`KEEP`] is set: then its path is told.
#[derive(Debug)]
pub struct Workdir {
    path: PathBuf,
}

impl Workdir {
    /// A new empty folder in the system's place for temporary ones; `name` begins its name.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(name: &str) -> Result<Self> {
        let path = tempfile::Builder::new()
            .prefix(&format!("pulse-{name}-"))
            .tempdir()
            .with_context(|| format!("no temporary folder for {name}"))?
            .keep();
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        if thread::panicking() || std::env::var_os(KEEP).is_some() {
            eprintln!("kept {}", self.path.display());
        } else if let Err(cause) = fs::remove_dir_all(&self.path) {
            eprintln!("{} stays behind: {cause}", self.path.display());
        }
    }
}
