//! The box structure of ISO/IEC 14496-12 §4.2: headers, and walking the children of a box that is in memory.
//!
//! Every size is checked against what surrounds it before it is believed.

use std::fmt;

/// A box type or codec: four characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// What is wrong with bytes that should have been boxes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub String);

impl Malformed {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl From<mp4_atom::Error> for Malformed {
    fn from(error: mp4_atom::Error) -> Self {
        Self(error.to_string())
    }
}

/// The header of a box that starts at `start` of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub kind: FourCc,
    pub start: u64,
    /// 8, or 16 with a 64-bit size.
    pub header: u64,
    /// One past the last byte; may lie past the end of the file.
    pub end: u64,
}

impl Head {
    /// The longest header.
    pub const MAX: usize = 16;

    /// Reads the header at `start` from its first bytes (fewer than [`Head::MAX`] only where `limit` cuts them off).
    /// A size of 0 means up to `limit`. `None` if these bytes are no header.
    pub fn parse(bytes: &[u8], start: u64, limit: u64) -> Option<Self> {
        let size = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let kind = FourCc(bytes.get(4..8)?.try_into().ok()?);
        if kind.0.iter().any(|c| !(0x20..0x7f).contains(c) && *c != 0xa9) {
            return None;
        }
        let (header, size) = match size {
            0 => (8, limit.checked_sub(start)?),
            1 => (16, u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?)),
            size => (8, u64::from(size)),
        };
        let end = start.checked_add(size)?;
        (size >= header).then_some(Self { kind, start, header, end })
    }

    pub fn is(&self, kind: &[u8; 4]) -> bool {
        self.kind.0 == *kind
    }

    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    pub fn body(&self) -> u64 {
        self.start + self.header
    }
}

/// A box in memory.
#[derive(Clone, Copy)]
pub(crate) struct Child<'a> {
    pub kind: FourCc,
    /// With its header.
    pub whole: &'a [u8],
    pub body: &'a [u8],
}

impl Child<'_> {
    pub fn is(&self, kind: &[u8; 4]) -> bool {
        self.kind.0 == *kind
    }
}

/// The boxes that `bytes` consist of. Fewer than 8 bytes after the last one are padding, as some muxers leave it.
pub(crate) fn children(bytes: &[u8]) -> impl Iterator<Item = Result<Child<'_>, Malformed>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.len() < 8 {
            return None;
        }
        let Some(head) = Head::parse(rest, 0, rest.len() as u64).filter(|head| head.end <= rest.len() as u64) else {
            rest = &[];
            return Some(Err(Malformed::new("a box is larger than the one around it")));
        };
        let (whole, after) = rest.split_at(head.len() as usize);
        rest = after;
        Some(Ok(Child { kind: head.kind, whole, body: &whole[head.header as usize..] }))
    })
}

/// The first child of that type.
pub(crate) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Result<Child<'a>, Malformed> {
    for child in children(bytes) {
        let child = child?;
        if child.is(kind) {
            return Ok(child);
        }
    }
    Err(Malformed::new(format!("there is no {} box", FourCc(*kind))))
}

/// The big-endian number at `at`.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Result<u32, Malformed> {
    let bytes = at.checked_add(4).and_then(|end| bytes.get(at..end)).and_then(|b| b.try_into().ok());
    bytes.map(u32::from_be_bytes).ok_or_else(|| Malformed::new("a box ends before its fields do"))
}
