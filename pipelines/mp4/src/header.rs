//! What a `moov` box says before any sample: tracks, codecs, timescales, fragment defaults, edits.
//!
//! Its bytes are kept as they came: what is not understood here (codec settings above all) passes into the final index
//! untouched.

use std::time::{Duration, SystemTime};

use mp4_atom::{BufMut, Decode, Elst, Encode, Mdhd, Mvhd, Tkhd, Trex};

use crate::boxes::{Child, FourCc, Malformed, be32, child, children};
use crate::probe::TrackKind;

/// What a recording is called and when it was made; written with its header, so that a recording that is cut off keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// Its title, shown by players; nothing if empty.
    pub title: String,
    /// When it began; what the muxer says if `None`.
    pub created: Option<SystemTime>,
}

/// A parsed `moov`.
#[derive(Debug)]
pub(crate) struct Header {
    /// The whole box.
    pub moov: Vec<u8>,
    /// Ticks a second of `mvhd`, not 0.
    pub timescale: u32,
    /// Ticks of `mvhd`.
    pub duration: u64,
    /// Whether there is an `mvex` box: samples may follow in fragments.
    pub fragmented: bool,
    pub tracks: Vec<TrackHeader>,
}

/// A parsed `trak`.
#[derive(Debug, Clone)]
pub(crate) struct TrackHeader {
    pub id: u32,
    pub kind: TrackKind,
    pub codec: FourCc,
    /// Pixels of the first sample entry; 0 for sound.
    pub width: u32,
    pub height: u32,
    /// Ticks a second of `mdhd`, not 0.
    pub timescale: u32,
    /// How many sample entries `stsd` has.
    pub entries: u32,
    /// Samples that the header itself has in its tables.
    pub samples: u64,
    /// Ticks of `mdhd`.
    pub duration: u64,
    pub defaults: Defaults,
    pub edit: Edit,
}

/// Sample fields where a fragment says nothing (`trex`, then `tfhd`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub entry: u32,
    pub duration: u32,
    pub size: u32,
    pub flags: u32,
}

/// An edit list of at most one empty edit and one that plays the media from some time on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Nothing is presented for so many ticks of the movie.
    pub delay: u64,
    /// Then the media is, from this tick of the track on.
    pub from: u64,
}

impl Header {
    pub fn parse(moov: Vec<u8>) -> Result<Self, Malformed> {
        let body = children(&moov).next().ok_or_else(|| Malformed::new("the moov box is empty"))??.body;
        let mvhd = Mvhd::decode(&mut child(body, b"mvhd")?.whole)?;
        let mut trex = Vec::new();
        let mut fragmented = false;
        for child in children(body).filter_map(Result::ok).filter(|child| child.is(b"mvex")) {
            fragmented = true;
            for part in children(child.body) {
                let part = part?;
                if part.is(b"trex") {
                    trex.push(Trex::decode(&mut { part.whole })?);
                }
            }
        }
        let mut tracks: Vec<TrackHeader> = Vec::new();
        for child in children(body) {
            let child = child?;
            if child.is(b"trak") {
                let track = TrackHeader::parse(child, &trex)?;
                if tracks.iter().any(|other| other.id == track.id) {
                    return Err(Malformed::new(format!("two tracks have the id {}", track.id)));
                }
                tracks.push(track);
            }
        }
        if mvhd.timescale == 0 || tracks.is_empty() {
            return Err(Malformed::new("the moov box has no tracks or no timescale"));
        }
        Ok(Self { timescale: mvhd.timescale, duration: mvhd.duration, fragmented, tracks, moov })
    }

    /// What is in the box.
    pub fn body(&self) -> &[u8] {
        let header = if self.moov.starts_with(&[0, 0, 0, 1]) { 16 } else { 8 };
        &self.moov[header..]
    }

    /// The same with a title and a time of creation.
    pub fn with_tags(self, tags: &Tags) -> Result<Self, Malformed> {
        let created = tags.created.map(since_1904);
        if tags.title.is_empty() && created.is_none() {
            return Ok(self);
        }
        let mut moov = Vec::with_capacity(self.moov.len() + 256 + tags.title.len());
        moov.encode_atom(b"moov", |out| {
            for child in children(self.body()).filter_map(Result::ok) {
                if child.is(b"mvhd") {
                    let mut mvhd = Mvhd::decode(&mut { child.whole })?;
                    mvhd.creation_time = created.unwrap_or(mvhd.creation_time);
                    mvhd.modification_time = created.unwrap_or(mvhd.modification_time);
                    mvhd.encode(out)?;
                } else if !child.is(b"udta") || tags.title.is_empty() {
                    out.extend_from_slice(child.whole);
                }
            }
            if tags.title.is_empty() { Ok(()) } else { title(out, &tags.title) }
        })?;
        Self::parse(moov)
    }
}

impl TrackHeader {
    fn parse(trak: Child<'_>, trex: &[Trex]) -> Result<Self, Malformed> {
        let tkhd = Tkhd::decode(&mut child(trak.body, b"tkhd")?.whole)?;
        let mdia = child(trak.body, b"mdia")?;
        let mdhd = Mdhd::decode(&mut child(mdia.body, b"mdhd")?.whole)?;
        let handler = be32(child(mdia.body, b"hdlr")?.body, 8)?;
        let kind = match &handler.to_be_bytes() {
            b"vide" => TrackKind::Video,
            b"soun" => TrackKind::Audio,
            _ => TrackKind::Other,
        };
        let stbl = child(child(mdia.body, b"minf")?.body, b"stbl")?;
        let stsd = child(stbl.body, b"stsd")?;
        let entry = children(stsd.body.get(8..).unwrap_or_default()).next();
        let entry = entry.ok_or_else(|| Malformed::new(format!("track {} has no codec", tkhd.track_id)))??;
        // VisualSampleEntry (ISO/IEC 14496-12 §12.1.3): width and height are two 16-bit fields at byte 24.
        let size = if kind == TrackKind::Video { be32(entry.body, 24)? } else { 0 };
        if mdhd.timescale == 0 {
            return Err(Malformed::new(format!("track {} has no timescale", tkhd.track_id)));
        }
        let samples = match child(stbl.body, b"stsz") {
            Ok(stsz) => u64::from(be32(stsz.body, 8)?),
            Err(_) => 0,
        };
        let defaults = trex.iter().find(|trex| trex.track_id == tkhd.track_id).map(Defaults::from).unwrap_or_default();
        Ok(Self {
            id: tkhd.track_id,
            kind,
            codec: entry.kind,
            width: size >> 16,
            height: size & 0xffff,
            timescale: mdhd.timescale,
            entries: be32(stsd.body, 4)?,
            samples,
            duration: mdhd.duration,
            defaults,
            edit: Edit::parse(trak.body)?,
        })
    }
}

impl From<&Trex> for Defaults {
    fn from(trex: &Trex) -> Self {
        Self {
            entry: trex.default_sample_description_index,
            duration: trex.default_sample_duration,
            size: trex.default_sample_size,
            flags: trex.default_sample_flags,
        }
    }
}

impl Edit {
    /// Empty edits up to the first one with media; a recorder's header has no others.
    fn parse(trak: &[u8]) -> Result<Self, Malformed> {
        let mut edit = Self::default();
        let Ok(edts) = child(trak, b"edts") else { return Ok(edit) };
        let Ok(elst) = child(edts.body, b"elst") else { return Ok(edit) };
        for entry in Elst::decode(&mut { elst.whole })?.entries {
            if let Some(from) = entry.media_time {
                edit.from = from;
                break;
            }
            edit.delay = edit.delay.saturating_add(entry.segment_duration);
        }
        Ok(edit)
    }
}

/// Seconds since 1904-01-01, the epoch of ISO/IEC 14496-12.
fn since_1904(time: SystemTime) -> u64 {
    const FROM_1904_TO_1970: u64 = 2_082_844_800;
    FROM_1904_TO_1970 + time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// `udta` with a title where every player looks for it: the `©nam` item of iTunes metadata.
fn title(out: &mut Vec<u8>, title: &str) -> mp4_atom::Result<()> {
    out.encode_atom(b"udta", |out| {
        out.encode_atom(b"meta", |out| {
            0_u32.encode(out)?;
            out.encode_atom(b"hdlr", |out| {
                out.extend_from_slice(&[0; 8]);
                out.extend_from_slice(b"mdirappl");
                out.extend_from_slice(&[0; 9]);
                Ok(())
            })?;
            out.encode_atom(b"ilst", |out| {
                out.encode_atom(b"\xa9nam", |out| {
                    out.encode_atom(b"data", |out| {
                        // Type 1 is UTF-8; then the locale.
                        out.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0]);
                        out.extend_from_slice(title.as_bytes());
                        Ok(())
                    })
                })
            })
        })
    })
}
