//! Turning fragments into an ordinary MP4 in place: which bytes are written, in which order.
//!
//! A [`Plan`] is data, so that a test can stop after each of its steps. Up to the last write the file is the fragmented
//! one it was: everything else lands where players do not look, in a `free` box or behind the last fragment as one. The
//! last write changes the header's box, 8 or 16 bytes in one sector, and with it the whole file is the ordinary one:
//!
//! * index in front: `moov`'s header becomes that of a `free` box which also covers the header of the `free` box
//!   behind it. So what was that box's content becomes visible: the index, another `free`, and the header of an `mdat`
//!   that goes on to the end of the file.
//! * index at the end: `moov`'s header becomes that of an `mdat` which covers everything up to and with the header of
//!   the `free` box that was appended, so that its content, the index, becomes visible.
//!
//! The index must be on the disk before the header changes, hence the [`Step::Sync`] between them.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::boxes::Head;
use crate::error::{FinishError, is_full};
use crate::header::Header;
use crate::index::Index;
use crate::moov;

/// Where a finished file has its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexPlace {
    /// Before the media.
    Front,
    /// After the media: it did not fit into the reserve.
    End,
}

/// One step of ending a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Cuts off what follows the last whole fragment.
    Truncate {
        /// The new length.
        len: u64,
    },
    /// Writes bytes.
    Write {
        /// Place in the file.
        at: u64,
        /// What is written.
        bytes: Vec<u8>,
    },
    /// Waits until everything so far is on the disk.
    Sync,
}

/// How a recording is ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// Where the index will be.
    pub index: IndexPlace,
    /// How long the file will be.
    pub bytes: u64,
}

/// Where things are in a fragmented file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub moov: Head,
    /// The `free` box right behind it, if there is one.
    pub free: Option<Head>,
    /// Where the last whole fragment ends.
    pub media_end: u64,
    pub file_len: u64,
}

/// Header of a box with a 32-bit size.
const SHORT: u64 = 8;
/// Header of a box with a 64-bit size.
const LONG: u64 = 16;
/// What disks write at once, or not at all.
const SECTOR: u64 = 512;

impl Step {
    /// Does it.
    ///
    /// # Errors
    /// What the system says.
    pub fn apply(&self, mut file: &File) -> io::Result<()> {
        match self {
            Self::Truncate { len } => file.set_len(*len),
            Self::Write { at, bytes } => {
                file.seek(SeekFrom::Start(*at))?;
                file.write_all(bytes)
            }
            Self::Sync => file.sync_data(),
        }
    }
}

impl Plan {
    pub(crate) fn new(path: &Path, places: Places, header: &Header, index: &Index) -> Result<Self, FinishError> {
        let refused = |reason: String| FinishError::NotInPlace { path: path.to_owned(), reason };
        if index.is_empty() {
            return Err(FinishError::NoMedia { path: path.to_owned() });
        }
        if places.moov.start % SECTOR > SECTOR - LONG {
            return Err(refused("its header lies across two sectors of the disk".to_owned()));
        }
        let moov = moov::build(header, index).map_err(|error| refused(error.to_string()))?;
        let free = places.free.filter(|free| fits(places, *free, moov.len() as u64));
        let place = if free.is_some() { IndexPlace::Front } else { IndexPlace::End };
        let appended = if free.is_some() { 0 } else { SHORT + moov.len() as u64 };
        let writes = match free {
            Some(free) => Some(front(places, free, moov)),
            None => end(places, moov),
        };
        let (hidden, flip) = writes.ok_or_else(|| refused("its index is larger than 4 GB".to_owned()))?;
        let mut steps = Vec::with_capacity(6);
        if places.file_len != places.media_end {
            steps.push(Step::Truncate { len: places.media_end });
        }
        steps.extend(hidden);
        steps.extend([Step::Sync, flip, Step::Sync]);
        Ok(Self { steps, index: place, bytes: places.media_end + appended })
    }

    /// Does it all. If that fails before the last write, what had been appended is taken off again.
    pub(crate) fn carry_out(&self, path: &Path, file: &File, media_end: u64) -> Result<(), FinishError> {
        let hidden = self.steps.len().saturating_sub(2);
        for (number, step) in self.steps.iter().enumerate() {
            let Err(source) = step.apply(file) else { continue };
            if number < hidden {
                // The first error is the one to tell; what can't be taken off is overwritten the next time.
                let _ = file.set_len(media_end);
            }
            let path = path.to_owned();
            return Err(match is_full(&source) {
                true => FinishError::DiskFull { path, needed: self.needed() },
                false => FinishError::Io { path, source },
            });
        }
        Ok(())
    }

    /// Bytes that are written.
    fn needed(&self) -> u64 {
        let written = self.steps.iter().map(|step| if let Step::Write { bytes, .. } = step { bytes.len() } else { 0 });
        written.sum::<usize>() as u64
    }
}

/// The hidden writes and the one that shows them.
type Writes = (Vec<Step>, Step);

/// Whether an index of `len` bytes has room in the reserve, together with a `free` box around what is left (which can't
/// be smaller than its header).
fn fits(places: Places, free: Head, len: u64) -> bool {
    let room = free.len().checked_sub(free.header + LONG);
    let rest = room.and_then(|room| room.checked_sub(len));
    rest.is_some_and(|rest| rest == 0 || (SHORT..=u64::from(u32::MAX)).contains(&rest))
        && u32::try_from(places.moov.len() + free.header).is_ok()
}

/// An index that [`fits`] into the reserve.
fn front(places: Places, free: Head, moov: Vec<u8>) -> Writes {
    let mdat = free.end - LONG;
    let rest = mdat - free.body() - moov.len() as u64;
    let mut index = moov;
    if rest > 0 {
        index.extend(short(rest as u32, b"free"));
    }
    let hidden = vec![
        Step::Write { at: free.body(), bytes: index },
        Step::Write { at: mdat, bytes: long(places.media_end - mdat, b"mdat") },
    ];
    (hidden, Step::Write { at: places.moov.start, bytes: short((places.moov.len() + free.header) as u32, b"free") })
}

/// An index behind the media, or `None` if it is too large for a box.
fn end(places: Places, moov: Vec<u8>) -> Option<Writes> {
    let mut bytes = short(u32::try_from(SHORT + moov.len() as u64).ok()?, b"free");
    bytes.extend(moov);
    let covered = places.media_end + SHORT - places.moov.start;
    let flip = Step::Write { at: places.moov.start, bytes: long(covered, b"mdat") };
    Some((vec![Step::Write { at: places.media_end, bytes }], flip))
}

fn short(size: u32, kind: &[u8; 4]) -> Vec<u8> {
    [&size.to_be_bytes()[..], kind].concat()
}

fn long(size: u64, kind: &[u8; 4]) -> Vec<u8> {
    [&1_u32.to_be_bytes()[..], kind, &size.to_be_bytes()].concat()
}

/// The header of a `free` box with room for an index of `reserve` bytes, and the size of that box.
pub(crate) fn reserve_box(reserve: u64) -> (Vec<u8>, u64) {
    let size = u32::try_from(reserve.saturating_add(SHORT + SHORT + LONG)).unwrap_or(u32::MAX);
    (short(size, b"free"), u64::from(size))
}
