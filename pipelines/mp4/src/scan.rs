//! Reading a file's structure: headers and fragments' headers only, never media (but where something is damaged, to
//! find the next fragment).
//!
//! A fragment counts once its samples are wholly there. What is damaged or cut off is skipped and counted; the media
//! after it is kept, in its right place in time.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::boxes::{FourCc, Head};
use crate::error::ReadError;
use crate::finalise::{IndexPlace, Places};
use crate::fragment::{self, MAX_MOOF, Run};
use crate::header::Header;
use crate::index::Index;

/// An index larger than this is damaged: it would be a week of video.
const MAX_MOOV: u64 = 512 << 20;

/// What a file turned out to be.
pub(crate) enum Found {
    /// An ordinary MP4.
    Whole { header: Header, index: IndexPlace, bytes: u64 },
    /// A fragmented one.
    Recording(Recording),
}

/// A fragmented file.
pub(crate) struct Recording {
    pub header: Header,
    pub index: Index,
    pub places: Places,
    /// Bytes that no sample could be made of: cut off or damaged.
    pub lost: u64,
}

/// Reads the structure of `file`.
pub(crate) fn scan(path: &Path, file: &File) -> Result<Found, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    let len = file.metadata().map_err(failed)?.len();
    let mut reader = Reader { file, len, window: Vec::new(), at: 0 };
    let (moov, place) = find_moov(path, &mut reader)?;
    let damaged = |reason: String| ReadError::Damaged { path: path.to_owned(), reason };
    if moov.end > len {
        return Err(damaged("it is cut off".to_owned()));
    }
    if moov.len() > MAX_MOOV {
        return Err(damaged("it is too large".to_owned()));
    }
    let bytes = reader.read(moov.start, moov.len() as usize).map_err(failed)?;
    let header = Header::parse(bytes).map_err(|error| damaged(error.to_string()))?;
    if !header.fragmented {
        check_whole(path, &mut reader, moov, &header)?;
        return Ok(Found::Whole { header, index: place, bytes: len });
    }
    let mut walk = Walk::new(reader, moov, header).map_err(failed)?;
    walk.run().map_err(failed)?;
    Ok(Found::Recording(walk.done()))
}

/// The first `moov` box, and whether media came before it.
fn find_moov(path: &Path, reader: &mut Reader<'_>) -> Result<(Head, IndexPlace), ReadError> {
    const FIRST: [&[u8; 4]; 8] = [b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid"];
    let path = path.to_owned();
    if reader.len == 0 {
        return Err(ReadError::Empty { path });
    }
    let (mut at, mut place) = (0, IndexPlace::Front);
    while at < reader.len {
        let head = match reader.head(at) {
            Ok(head) => head,
            Err(source) => return Err(ReadError::Io { path, source }),
        };
        match head {
            Some(head) if at == 0 && !FIRST.contains(&&head.kind.0) => {
                return Err(ReadError::NotMp4 { path, reason: format!("it begins with \"{}\"", head.kind) });
            }
            Some(head) if head.is(b"moov") => return Ok((head, place)),
            Some(head) if head.is(b"moof") => {
                return Err(ReadError::NotMp4 { path, reason: "it has fragments but no header".to_owned() });
            }
            Some(head) => {
                if head.is(b"mdat") {
                    place = IndexPlace::End;
                }
                at = head.end;
            }
            None if at == 0 => return Err(ReadError::NotMp4 { path, reason: "it begins with no box".to_owned() }),
            None => {
                let reason = format!("there is no box at byte {at}");
                return Err(ReadError::Damaged { path, reason });
            }
        }
    }
    Err(ReadError::NoIndex { path })
}

/// Whether an ordinary file is all there.
fn check_whole(path: &Path, reader: &mut Reader<'_>, moov: Head, header: &Header) -> Result<(), ReadError> {
    if header.tracks.iter().all(|track| track.samples == 0) {
        return Err(ReadError::NoMedia { path: path.to_owned() });
    }
    let mut at = moov.end;
    while at < reader.len {
        let head = reader.head(at).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
        // What follows the last box is not ours to judge.
        let Some(head) = head else { break };
        at = head.end;
    }
    match at.saturating_sub(reader.len) {
        0 => Ok(()),
        missing => Err(ReadError::Cut { path: path.to_owned(), missing }),
    }
}

/// Reads boxes' headers with few system calls.
struct Reader<'a> {
    file: &'a File,
    len: u64,
    window: Vec<u8>,
    /// Place of the window in the file.
    at: u64,
}

impl Reader<'_> {
    /// A fragment's header, and that of its data, are mostly read at once.
    const WINDOW: u64 = 4096;

    /// Up to `len` bytes; fewer at the end of the file.
    fn bytes(&mut self, at: u64, len: u64) -> io::Result<&[u8]> {
        let end = at.saturating_add(len).min(self.len);
        if at < self.at || end > self.at + self.window.len() as u64 {
            let wanted = len.max(Self::WINDOW).min(self.len.saturating_sub(at));
            self.window = self.read(at, wanted as usize)?;
            self.at = at;
        }
        let from = usize::try_from(at - self.at).unwrap_or(usize::MAX).min(self.window.len());
        let to = from + usize::try_from(end.saturating_sub(at)).unwrap_or_default().min(self.window.len() - from);
        Ok(&self.window[from..to])
    }

    /// Up to `len` bytes that exist in the file, so that no more is allocated than is there.
    fn read(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::with_capacity(len);
        file.take(len as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn head(&mut self, at: u64) -> io::Result<Option<Head>> {
        let len = self.len;
        Ok(Head::parse(self.bytes(at, Head::MAX as u64)?, at, len))
    }

    /// Where the next fragment's header begins: a `moof` box whose first child is an `mfhd` box.
    fn find_moof(&self, range: Range<u64>) -> io::Result<Option<u64>> {
        const PATTERN: usize = 16;
        const STEP: usize = 1 << 20;
        let mut at = range.start;
        while at + PATTERN as u64 <= range.end {
            let len = (range.end - at).min((STEP + PATTERN) as u64);
            let bytes = self.read(at, len as usize)?;
            let found = bytes.windows(PATTERN).position(|w| w[4..8] == *b"moof" && w[12..16] == *b"mfhd");
            if let Some(found) = found {
                return Ok(Some(at + found as u64));
            }
            at += STEP as u64;
        }
        Ok(None)
    }
}

/// Goes through the fragments.
struct Walk<'a> {
    reader: Reader<'a>,
    header: Header,
    index: Index,
    places: Places,
    lost: u64,
    /// The header of a fragment whose data is to come.
    pending: Option<(Head, Vec<Run>)>,
}

impl<'a> Walk<'a> {
    fn new(mut reader: Reader<'a>, moov: Head, header: Header) -> io::Result<Self> {
        let len = reader.len;
        let free = reader.head(moov.end)?.filter(|head| head.is(b"free") && head.end <= len);
        let media_end = free.map_or(moov.end, |free| free.end);
        let places = Places { moov, free, media_end, file_len: len };
        let index = Index::new(&header.tracks);
        Ok(Self { reader, header, index, places, lost: 0, pending: None })
    }

    fn run(&mut self) -> io::Result<()> {
        let len = self.reader.len;
        let mut at = self.places.media_end;
        while at < len {
            let head = self.reader.head(at)?;
            at = match head.filter(|head| head.end <= len) {
                Some(head) if head.is(b"moof") => self.moof(head)?,
                Some(head) if head.is(b"mdat") => self.mdat(head)?,
                Some(head) => {
                    self.lost += if is_media(head.kind) { head.len() } else { 0 };
                    head.end
                }
                None => match self.reader.find_moof(at + 1..len)? {
                    Some(next) => {
                        self.lose(next - at);
                        next
                    }
                    None => {
                        if head.is_none_or(|head| is_media(head.kind)) {
                            self.lose(len - at);
                        }
                        len
                    }
                },
            };
        }
        self.lose(0);
        Ok(())
    }

    /// Counts bytes, and a fragment that lacks its data, as lost.
    fn lose(&mut self, bytes: u64) {
        self.lost += bytes + self.pending.take().map_or(0, |(head, _)| head.len());
    }

    fn moof(&mut self, head: Head) -> io::Result<u64> {
        self.lose(0);
        let runs = match head.len() {
            0..=MAX_MOOF => {
                fragment::runs(self.reader.bytes(head.start, head.len())?, head.start, &self.header.tracks).ok()
            }
            _ => None,
        };
        match runs {
            Some(runs) => self.pending = Some((head, runs)),
            None => self.lose(head.len()),
        }
        Ok(head.end)
    }

    fn mdat(&mut self, head: Head) -> io::Result<u64> {
        let Some((moof, runs)) = self.pending.take() else {
            self.lose(head.len());
            return Ok(head.end);
        };
        // A box with a damaged size may have swallowed the fragments behind it.
        let used = runs.iter().map(|run| run.at.saturating_add(run.bytes)).max().unwrap_or(head.end);
        let end = match used < head.end && used >= head.body() {
            true => self.reader.find_moof(used..head.end)?.unwrap_or(head.end),
            false => head.end,
        };
        match self.index.check(&runs, moof.end..end) {
            Ok(()) => {
                self.index.add(&runs);
                self.places.media_end = end;
            }
            Err(_) => self.lose(moof.len() + (end - head.start)),
        }
        Ok(end)
    }

    fn done(self) -> Recording {
        Recording { header: self.header, index: self.index, places: self.places, lost: self.lost }
    }
}

/// Whether media is lost with such a box: all but what recorders put between and behind fragments. What nobody knows was
/// a fragment before it was damaged.
fn is_media(kind: FourCc) -> bool {
    const OTHER: [&[u8; 4]; 9] = [b"styp", b"sidx", b"ssix", b"prft", b"emsg", b"free", b"skip", b"uuid", b"mfra"];
    !OTHER.contains(&&kind.0)
}
