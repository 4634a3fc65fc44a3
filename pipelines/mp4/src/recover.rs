//! Making an interrupted recording whole, in place.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{FinishError, ReadError, RecoverError};
use crate::finalise::{IndexPlace, Plan};
use crate::probe::{Info, Layout, Track};
use crate::scan::{Found, Recording, scan};

/// What [`recover`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The file was a fragmented one and is an ordinary one now.
    MadeWhole,
    /// The file was an ordinary one and was not touched.
    AlreadyWhole,
}

/// A file that is whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    /// The file.
    pub path: PathBuf,
    /// What was done to it.
    pub outcome: Outcome,
    /// Where its index is.
    pub index: IndexPlace,
    /// Seconds.
    pub duration: f64,
    /// Frames and packets by track.
    pub tracks: Vec<Track>,
    /// Length of the file.
    pub bytes: u64,
    /// Bytes of fragments that were cut off or damaged; a recording that was killed has at most one fragment of them.
    pub lost_bytes: u64,
}

/// Makes an interrupted recording whole, in place: an ordinary MP4 with its index in front, or at the end where there
/// was no room for it. A file that is whole already is left alone. Works on fragmented MP4 of any recorder.
///
/// # Errors
/// [`RecoverError`] if the file is no recording, damaged beyond its media, in use, or can't be written. It then plays as
/// well as before.
pub fn recover(path: &Path) -> Result<Recovered, RecoverError> {
    let file = open_exclusively(path)?;
    let recording = match scan(path, &file)? {
        Found::Whole { header, index, bytes } => {
            let info = Info::of_whole(&header, bytes);
            return Ok(recovered(path, info, Outcome::AlreadyWhole, index, 0));
        }
        Found::Recording(recording) => recording,
    };
    let plan = plan_for(path, &recording)?;
    let mut info = Info::of_recording(&recording.header, &recording.index, plan.bytes);
    info.layout = Layout::Whole;
    let (lost, media_end) = (recording.lost, recording.places.media_end);
    drop(recording);
    plan.carry_out(path, &file, media_end)?;
    Ok(recovered(path, info, Outcome::MadeWhole, plan.index, lost))
}

/// What [`recover`] would do, step by step; `None` for a file that is whole.
///
/// # Errors
/// As [`recover`], but for those of writing.
pub fn plan(path: &Path) -> Result<Option<Plan>, RecoverError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    match scan(path, &file)? {
        Found::Whole { .. } => Ok(None),
        Found::Recording(recording) => Ok(Some(plan_for(path, &recording)?)),
    }
}

fn plan_for(path: &Path, recording: &Recording) -> Result<Plan, RecoverError> {
    if recording.header.tracks.iter().any(|track| track.samples > 0) {
        let reason = "the index of its first part is in its header, that of the rest is in fragments".to_owned();
        return Err(FinishError::NotInPlace { path: path.to_owned(), reason }.into());
    }
    if recording.index.is_empty() {
        return Err(ReadError::NoMedia { path: path.to_owned() }.into());
    }
    Ok(Plan::new(path, recording.places, &recording.header, &recording.index)?)
}

fn recovered(path: &Path, info: Info, outcome: Outcome, index: IndexPlace, lost_bytes: u64) -> Recovered {
    let Info { duration, tracks, bytes, .. } = info;
    Recovered { path: path.to_owned(), outcome, index, duration, tracks, bytes, lost_bytes }
}

/// Opens for reading and writing, unless a [`Writer`](crate::Writer) has the file open.
fn open_exclusively(path: &Path) -> Result<File, RecoverError> {
    let file = exclusive(OpenOptions::new().read(true).write(true)).open(path);
    let file = file.map_err(|source| match in_use(&source) {
        true => RecoverError::InUse { path: path.to_owned() },
        false => ReadError::Io { path: path.to_owned(), source }.into(),
    })?;
    lock(&file).then_some(file).ok_or_else(|| RecoverError::InUse { path: path.to_owned() })
}

/// On Windows nobody else may open the file for writing; a lock there would keep players from reading it.
#[cfg(windows)]
pub(crate) fn exclusive(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    options.share_mode(FILE_SHARE_READ)
}

#[cfg(not(windows))]
pub(crate) fn exclusive(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(windows)]
fn in_use(error: &io::Error) -> bool {
    const ERROR_SHARING_VIOLATION: i32 = 32;
    error.raw_os_error() == Some(ERROR_SHARING_VIOLATION)
}

#[cfg(not(windows))]
fn in_use(_: &io::Error) -> bool {
    false
}

/// Takes the lock that a writer and a recovery hold; false if another has it. It goes with the process, however that
/// ends. A file system without locks has to do without.
pub(crate) fn lock(file: &File) -> bool {
    cfg!(windows) || !matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock))
}
