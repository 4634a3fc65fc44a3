//! Writing a recording, fragment by fragment.

use std::fmt;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::boxes::{FourCc, Head, Malformed, child};
use crate::error::{FinishError, WriteError, is_full};
use crate::exclusive::{Exclusive, Refused};
use crate::finalise::{IndexPlace, Places, Plan, reserve_box};
use crate::fragment::{self, Run};
use crate::header::{Header, Tags};
use crate::index::Index;
use crate::probe::Info;
use crate::reserve::Reserve;

/// A fragment larger than this is a muxer gone wrong.
const MAX_FRAGMENT: u64 = 1 << 30;

/// Writes the bytes of a muxer for fragmented MP4 (`ftyp moov`, then `moof mdat` again and again) into a file that plays
/// whenever the writing ends, and ends as an ordinary MP4.
///
/// A fragment goes into the file when it is whole, so that the file always ends with a whole one but for the instant of
/// writing it. While a writer lives no [`recover`](crate::recover()) touches its file.
pub struct Writer {
    path: PathBuf,
    file: Exclusive,
    reserve: u64,
    tags: Tags,
    /// What came and is not a whole fragment (or header) yet.
    pending: Vec<u8>,
    recording: Option<Open>,
    /// Why nothing more can be added.
    broken: Option<String>,
    /// Where the next fragment goes: the end of the last whole one.
    end: u64,
}

/// A recording whose header is written.
struct Open {
    header: Header,
    index: Index,
    moov: Head,
    free: Head,
}

/// A finished recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    /// The file.
    pub path: PathBuf,
    /// Seconds.
    pub duration: f64,
    /// Frames of its video track; 0 without one.
    pub video_frames: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Where its index is.
    pub index: IndexPlace,
}

impl Writer {
    /// Creates the file, or empties it, with room for an index of `reserve` bytes (see [`Reserve::for_recording`]; at
    /// most [`Reserve::MAX`]).
    ///
    /// # Errors
    /// [`WriteError`] if it can't be created or is being written already.
    pub fn create(path: &Path, reserve: u64, tags: Tags) -> Result<Self, WriteError> {
        let failed = |source| WriteError::Io { path: path.to_owned(), source };
        let file = Exclusive::open(path, true).map_err(|refused| match refused {
            Refused::InUse => WriteError::InUse { path: path.to_owned() },
            Refused::Io(source) => failed(source),
        })?;
        file.set_len(0).map_err(failed)?;
        let reserve = reserve.min(Reserve::MAX);
        Ok(Self {
            path: path.to_owned(),
            file,
            reserve,
            tags,
            pending: Vec::new(),
            recording: None,
            broken: None,
            end: 0,
        })
    }

    /// Takes what the muxer gives, cut anywhere.
    ///
    /// # Errors
    /// [`WriteError`]; the fragments that were in these bytes are then lost, and the file plays and can be finished. The
    /// next call goes on with the next fragment, unless the header is missing or the structure of the bytes is lost.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        if let Some(reason) = &self.broken {
            return Err(self.not_mp4(reason.clone()));
        }
        self.pending.extend_from_slice(bytes);
        let mut result = Ok(());
        loop {
            let len = match self.whole_part() {
                Ok(None) => return result,
                Ok(Some(len)) => len,
                Err(error) => {
                    self.pending = Vec::new();
                    self.broken = Some(error.to_string());
                    return Err(self.not_mp4(error.to_string()));
                }
            };
            let rest = self.pending.split_off(len);
            let part = std::mem::replace(&mut self.pending, rest);
            let written = match &self.recording {
                Some(open) => open
                    .check(&part, self.end)
                    .map_err(|e| self.not_mp4(e.to_string()))
                    .and_then(|runs| self.fragment(&part, &runs)),
                None => {
                    self.header(part).inspect_err(|_| self.broken = Some("its header could not be written".to_owned()))
                }
            };
            result = result.and(written);
        }
    }

    /// Waits until everything written so far is on the disk: what a power failure leaves.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn sync(&self) -> Result<(), WriteError> {
        self.file.sync_data().map_err(|source| WriteError::Io { path: self.path.clone(), source })
    }

    /// Length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.end
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was recorded so far; `None` before the muxer's header.
    pub fn info(&self) -> Option<Info> {
        self.recording.as_ref().map(|open| Info::of_recording(&open.header, &open.index, self.end))
    }

    /// Ends the recording as an ordinary MP4. Bytes after the last whole fragment are dropped.
    ///
    /// # Errors
    /// [`FinishError`]; the file plays and can be [recovered](crate::recover()).
    pub fn finish(self) -> Result<Whole, FinishError> {
        let Some(open) = self.recording else { return Err(FinishError::NoMedia { path: self.path }) };
        let file_len =
            self.file.metadata().map_err(|source| FinishError::Io { path: self.path.clone(), source })?.len();
        let places = Places { moov: open.moov, free: Some(open.free), media_end: self.end, file_len };
        let plan = Plan::new(&self.path, places, &open.header, &open.index)?;
        let info = Info::of_recording(&open.header, &open.index, plan.bytes);
        plan.carry_out(&self.path, &self.file, self.end)?;
        let (duration, video_frames) = (info.duration, info.video_frames());
        Ok(Whole { path: self.path, duration, video_frames, bytes: plan.bytes, index: plan.index })
    }

    /// Bytes of the header, or of the next fragment, once it is wholly there.
    fn whole_part(&self) -> Result<Option<usize>, Malformed> {
        const LONG_SIZE: [u8; 4] = [0, 0, 0, 1];
        let last = if self.recording.is_some() { b"mdat" } else { b"moov" };
        let mut at = 0;
        while let Some(rest) = self.pending.get(at..) {
            if rest.len() < 8 || (rest.starts_with(&LONG_SIZE) && rest.len() < 16) {
                break;
            }
            let head = Head::parse(rest, at as u64, u64::MAX).filter(|head| head.end <= MAX_FRAGMENT);
            let head = head.ok_or_else(|| Malformed::new("it is not made of boxes"))?;
            if head.end > self.pending.len() as u64 {
                break;
            }
            at = head.end as usize;
            if head.is(last) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// `ftyp moov` becomes `ftyp moov free`.
    fn header(&mut self, mut bytes: Vec<u8>) -> Result<(), WriteError> {
        let header = find(&bytes, b"moov").and_then(|at| Header::parse(bytes.split_off(at)));
        let header = header.and_then(|header| header.with_tags(&self.tags));
        let header = header.map_err(|error| self.not_mp4(error.to_string()))?;
        if !header.fragmented || header.tracks.iter().any(|track| track.samples > 0) {
            return Err(self.not_mp4("its header has samples".to_owned()));
        }
        let start = bytes.len() as u64;
        bytes.extend_from_slice(&header.moov);
        let moov = Head { kind: FourCc(*b"moov"), start, header: 8, end: bytes.len() as u64 };
        let (free, size) = reserve_box(self.reserve);
        bytes.extend(free);
        let free = Head { kind: FourCc(*b"free"), start: moov.end, header: 8, end: moov.end + size };
        self.put(&bytes, free.end)?;
        let index = Index::new(&header.tracks);
        self.recording = Some(Open { header, index, moov, free });
        Ok(())
    }

    fn fragment(&mut self, bytes: &[u8], runs: &[Run]) -> Result<(), WriteError> {
        self.put(bytes, self.end + bytes.len() as u64)?;
        if let Some(open) = &mut self.recording {
            open.index.add(runs);
        }
        Ok(())
    }

    /// Adds bytes, and a hole up to `end` behind them; all of it or nothing.
    fn put(&mut self, bytes: &[u8], end: u64) -> Result<(), WriteError> {
        let mut file = &*self.file;
        let written = file.seek(SeekFrom::Start(self.end)).and_then(|_| file.write_all(bytes));
        let hole = self.end + bytes.len() as u64 != end;
        let written = written.and_then(|()| if hole { file.set_len(end) } else { Ok(()) });
        written.map_err(|source| {
            // The first error is the one to tell; what can't be cut off is overwritten by the next fragment.
            let _ = file.set_len(self.end);
            let path = self.path.clone();
            match is_full(&source) {
                true => WriteError::DiskFull { path, written: self.end },
                false => WriteError::Io { path, source },
            }
        })?;
        self.end = end;
        Ok(())
    }

    fn not_mp4(&self, reason: String) -> WriteError {
        WriteError::NotMp4 { path: self.path.clone(), reason }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).field("bytes", &self.end).finish_non_exhaustive()
    }
}

impl Open {
    /// The runs of a fragment that is to be written at `end`, which the index can take.
    fn check(&self, bytes: &[u8], end: u64) -> Result<Vec<Run>, Malformed> {
        if find(bytes, b"moov").is_ok() {
            return Err(Malformed::new("it sent a second header"));
        }
        let at = find(bytes, b"moof")?;
        let start = end + at as u64;
        let runs = fragment::runs(&bytes[at..], start, &self.header.tracks)?;
        self.index.check(&runs, start..end + bytes.len() as u64)?;
        Ok(runs)
    }
}

/// Where the first box of that type begins.
fn find(bytes: &[u8], kind: &[u8; 4]) -> Result<usize, Malformed> {
    let found = child(bytes, kind)?;
    Ok(found.whole.as_ptr().addr() - bytes.as_ptr().addr())
}
