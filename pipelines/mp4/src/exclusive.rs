//! A file that this process alone may change: a recording must not be made whole while it is being written.
//!
//! The lock goes with the process, however that ends. A file system without locks has to do without.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::path::Path;

/// A file opened for reading and writing, and the lock on it.
pub(crate) struct Exclusive(File);

/// Why a file could not be opened.
pub(crate) enum Refused {
    /// Another has it.
    InUse,
    /// The system refused.
    Io(io::Error),
}

impl Exclusive {
    /// Opens a file; `create` makes it if it is not there.
    pub fn open(path: &Path, create: bool) -> Result<Self, Refused> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(create).truncate(false);
        let file = alone(&mut options).open(path).map_err(refused)?;
        // On Windows a lock would keep players from reading the file.
        if !cfg!(windows) && matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)) {
            return Err(Refused::InUse);
        }
        Ok(Self(file))
    }
}

impl Drop for Exclusive {
    /// Closing is not enough: the lock would live on in a child process that is just being started.
    fn drop(&mut self) {
        if !cfg!(windows) {
            // A lock that was not to be had can't be given back either.
            let _ = self.0.unlock();
        }
    }
}

impl Deref for Exclusive {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

/// Nobody else may open the file for writing.
#[cfg(windows)]
fn alone(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    options.share_mode(FILE_SHARE_READ)
}

#[cfg(windows)]
fn refused(error: io::Error) -> Refused {
    const ERROR_SHARING_VIOLATION: i32 = 32;
    if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) { Refused::InUse } else { Refused::Io(error) }
}

#[cfg(not(windows))]
fn alone(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(not(windows))]
fn refused(error: io::Error) -> Refused {
    Refused::Io(error)
}
