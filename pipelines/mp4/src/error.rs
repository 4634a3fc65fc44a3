//! What can go wrong: one enum an operation; each message names the file, the cause and the remedy.

use std::{io, path::PathBuf};

/// Why bytes could not be added to a recording.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No room on the disk; the file ends after the last whole fragment and plays up to there.
    #[error(
        "the disk is full: {} keeps the {written} bytes recorded so far and plays; free some space to go on",
        path.display()
    )]
    DiskFull {
        /// The recording.
        path: PathBuf,
        /// Its length in bytes.
        written: u64,
    },
    /// The system refused.
    #[error("can't write {}: {source}; what was recorded so far plays", path.display())]
    Io {
        /// The recording.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another recording, or a recovery, has the file.
    #[error("{} is being recorded already: choose another name", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The muxer sent something that is not a fragmented MP4.
    #[error(
        "can't add to {}: what the muxer sent is not a fragmented MP4 ({reason}); use a muxer for fragmented MP4 with \
         offsets relative to the fragment (default-base-is-moof)",
        path.display()
    )]
    NotMp4 {
        /// The recording.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a recording could not be ended as an ordinary MP4. In every case the file is left as it was and
/// [`recover`](crate::recover) can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Nothing was recorded.
    #[error("{} holds no pictures or sound: nothing was recorded; delete it", path.display())]
    NoMedia {
        /// The recording.
        path: PathBuf,
    },
    /// No room on the disk for the index.
    #[error(
        "the disk is full: {} plays but could not be given its index; free {needed} bytes and recover it",
        path.display()
    )]
    DiskFull {
        /// The recording.
        path: PathBuf,
        /// Bytes the index takes.
        needed: u64,
    },
    /// The system refused.
    #[error("can't finish {}: {source}; it plays as it is, recover it when the cause is gone", path.display())]
    Io {
        /// The recording.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An ordinary MP4 can't be made of it in place.
    #[error(
        "{} can't be made an ordinary MP4 in place: {reason}; it plays as it is, and \
         `ffmpeg -i IN -c copy OUT.mp4` makes an ordinary copy",
        path.display()
    )]
    NotInPlace {
        /// The recording.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Why a file could not be read as a recording.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("can't read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Zero bytes.
    #[error("{} is empty: nothing was recorded; delete it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Something else.
    #[error("{} is not an MP4 file: {reason}", path.display())]
    NotMp4 {
        /// The file.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// An MP4 whose writer had not come to its index, or lost it.
    #[error(
        "{} has no index: it was cut off, or its recorder keeps the index for the end; without one its media can't be \
         read",
        path.display()
    )]
    NoIndex {
        /// The file.
        path: PathBuf,
    },
    /// The `moov` box is broken.
    #[error("the header of {} is damaged: {reason}; restore the file from a copy", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A header and no fragment.
    #[error("{} holds no pictures or sound: nothing was recorded; delete it", path.display())]
    NoMedia {
        /// The file.
        path: PathBuf,
    },
    /// An ordinary MP4 that ends too early.
    #[error("{} was cut off after it had been finished: {missing} bytes are missing; copy it again", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// How many bytes.
        missing: u64,
    },
}

/// Why an interrupted recording could not be made whole. In every case it plays as well as before.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could be read but not finished.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// It is being recorded.
    #[error("{} is still being recorded: stop the recording first", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

/// Whether an error means that there is no room: a full disk, an exceeded quota or file size limit.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge | WriteZero)
}
