//! Making an interrupted recording whole, in place.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{FinishError, ReadError, RecoverError};
use crate::exclusive::{Exclusive, Refused};
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
    let file = Exclusive::open(path, false).map_err(|refused| match refused {
        Refused::InUse => RecoverError::InUse { path: path.to_owned() },
        Refused::Io(source) => ReadError::Io { path: path.to_owned(), source }.into(),
    })?;
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
