//! From RTMP's messages to an FLV byte stream. Pure.
//!
//! Source: Adobe's *Video File Format Specification 10.1*, annex E. An RTMP message holds just what an FLV tag holds.

use rml_rtmp::rml_amf0::Amf0Value;

use super::amf;

/// Sound.
pub const SOUND: u8 = 8;
/// Pictures.
pub const PICTURES: u8 = 9;
/// Metadata.
pub const METADATA: u8 = 18;
/// How long the second stream may keep the first one waiting, in milliseconds.
const PATIENCE_MS: u32 = 1000;

/// What a stream has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Sound.
    pub sound: bool,
    /// Pictures.
    pub pictures: bool,
}

impl Kinds {
    fn covers(self, other: Self) -> bool {
        (self.sound || !other.sound) && (self.pictures || !other.pictures)
    }

    /// What metadata announces; `None` when it does not tell.
    pub fn announced(metadata: &[u8]) -> Option<Self> {
        let values = amf::read(metadata)?;
        let table = values.into_iter().find_map(Amf0Value::get_object_properties)?;
        let kinds = Self { sound: table.contains_key("audiocodecid"), pictures: table.contains_key("videocodecid") };
        (kinds != Self::default()).then_some(kinds)
    }
}

/// What one message is to the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What a decoder must know before the first picture or sound.
    Setup,
    /// A picture that needs no other one.
    Keyframe,
    /// Any other picture.
    Picture,
    /// Sound.
    Sound,
    /// A format that this container's reader does not know.
    Unknown,
    /// Nothing.
    Empty,
}

/// What the contents of a message of pictures or sound are.
pub fn part(kind: u8, data: &[u8]) -> Part {
    match (kind, data) {
        // Enhanced RTMP sets the highest bit and names its codec in four letters; 12 and 13 were taken for HEVC and AV1 before that.
        (PICTURES, [first, ..]) if first & 0x80 != 0 || first & 0x0F > 7 => Part::Unknown,
        (PICTURES, [first, 0, ..]) if first & 0x0F == 7 => Part::Setup,
        (PICTURES, [first, ..]) if first >> 4 == 1 => Part::Keyframe,
        (PICTURES, [_, ..]) => Part::Picture,
        (SOUND, [first, ..]) if matches!(first >> 4, 9 | 12 | 13) => Part::Unknown,
        (SOUND, [first, 0, ..]) if first >> 4 == 10 => Part::Setup,
        (SOUND, [_, ..]) => Part::Sound,
        _ => Part::Empty,
    }
}

/// Metadata as it stands in a file: without the command that carries it.
pub fn metadata(data: &[u8]) -> &[u8] {
    data.strip_prefix(b"\x02\x00\x0d@setDataFrame").unwrap_or(data)
}

/// The beginning of the stream.
pub fn header(kinds: Kinds) -> Vec<u8> {
    let flags = u8::from(kinds.pictures) | u8::from(kinds.sound) << 2;
    vec![b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]
}

/// One tag. `time` is in milliseconds; `data` is shorter than 2^24 bytes.
pub fn tag(kind: u8, time: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut tag = Vec::with_capacity(data.len() + 15);
    tag.push(kind);
    tag.extend(&length.to_be_bytes()[1..]);
    let [high, low @ ..] = time.to_be_bytes();
    tag.extend(low);
    tag.extend([high, 0, 0, 0]);
    tag.extend(data);
    tag.extend((length + 11).to_be_bytes());
    tag
}

/// Holds the first tags back until it is known which streams there are: the header must tell, and a reader waits for what it tells.
#[derive(Debug, Default)]
pub struct Opening {
    announced: Option<Kinds>,
    seen: Kinds,
    since: Option<u32>,
    held: Vec<u8>,
}

impl Opening {
    /// Metadata came.
    pub fn announce(&mut self, kinds: Option<Kinds>) {
        self.announced = kinds.or(self.announced);
    }

    /// One more tag of `kind`, due at `time`, written as `tag`. Gives the beginning of the stream once it is complete.
    pub fn add(&mut self, kind: u8, time: u32, tag: &[u8]) -> Option<Vec<u8>> {
        self.seen.sound |= kind == SOUND;
        self.seen.pictures |= kind == PICTURES;
        self.held.extend(tag);
        let since = *self.since.get_or_insert(time);
        let wanted = self.announced.unwrap_or(Kinds { sound: true, pictures: true });
        let complete = self.seen.covers(wanted) || time.wrapping_sub(since) >= PATIENCE_MS;
        let begun = self.seen != Kinds::default();
        (complete && begun).then(|| {
            let mut stream = header(self.seen);
            stream.append(&mut self.held);
            stream
        })
    }

    /// Bytes held back.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

/// Lets tags pass while there is room; pictures begin again at a keyframe, because those between build on what was dropped.
#[derive(Debug, Default)]
pub struct Gate {
    pictures: bool,
    closed: bool,
    dropped: u64,
}

/// What the gate says about a tag.
#[derive(Debug, PartialEq, Eq)]
pub enum Pass {
    /// It passes.
    Yes,
    /// It passes, and all is well again after so many dropped tags.
    Again(u64),
    /// It is dropped.
    No,
    /// It is dropped as the first one.
    Closing,
}

impl Gate {
    /// Whether a tag passes when there is `room` for it or not.
    pub fn pass(&mut self, part: Part, room: bool) -> Pass {
        self.pictures |= matches!(part, Part::Keyframe | Part::Picture);
        if room && !(self.closed && part == Part::Picture) {
            if self.closed && (part == Part::Keyframe || !self.pictures) {
                self.closed = false;
                return Pass::Again(std::mem::take(&mut self.dropped));
            }
            return Pass::Yes;
        }
        self.dropped += 1;
        if std::mem::replace(&mut self.closed, true) { Pass::No } else { Pass::Closing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_written_as_the_specification_says() {
        let time = 0x0102_0304;
        let written = tag(PICTURES, time, &[0xAA, 0xBB]);
        assert_eq!(written, [9, 0, 0, 2, 2, 3, 4, 1, 0, 0, 0, 0xAA, 0xBB, 0, 0, 0, 13]);
        assert_eq!(header(Kinds { sound: true, pictures: true })[4], 5);
    }

    #[test]
    fn the_header_tells_what_was_announced_once_it_is_seen() {
        let mut opening = Opening::default();
        opening.announce(Some(Kinds { sound: false, pictures: true }));
        assert_eq!(opening.add(METADATA, 0, b"m"), None);
        let stream = opening.add(PICTURES, 0, b"p").unwrap();
        assert_eq!((stream[4], &stream[13..]), (1, b"mp".as_slice()));
    }

    #[test]
    fn a_stream_that_never_comes_is_waited_for_a_second() {
        let mut opening = Opening::default();
        assert_eq!(opening.add(SOUND, u32::MAX - 5, b"a"), None);
        assert_eq!(opening.add(SOUND, 900, b"b"), None);
        let stream = opening.add(SOUND, 1000, b"c").unwrap();
        assert_eq!((stream[4], &stream[13..]), (4, b"abc".as_slice()));
    }

    #[test]
    fn metadata_announces_the_streams() {
        let text = |text: &[u8]| [&[0, text.len() as u8], text].concat();
        let number = [0_u8; 9];
        let table = [&[8, 0, 0, 0, 1], text(b"videocodecid").as_slice(), &number, &[0, 0, 9]].concat();
        let told = [&[2], text(b"@setDataFrame").as_slice(), &[2], &text(b"onMetaData"), &table].concat();
        assert_eq!(Kinds::announced(&told), Some(Kinds { sound: false, pictures: true }));
        assert!(metadata(&told).starts_with(b"\x02\x00\x0aonMetaData"));
        assert_eq!(Kinds::announced(&[8]), None);
    }

    #[test]
    fn formats_without_a_reader_are_told_from_the_others() {
        assert_eq!(part(PICTURES, &[0x17, 0, 0]), Part::Setup);
        assert_eq!(part(PICTURES, &[0x17, 1, 0]), Part::Keyframe);
        assert_eq!(part(PICTURES, &[0x27, 1, 0]), Part::Picture);
        assert_eq!(part(PICTURES, b"\x90hvc1"), Part::Unknown);
        assert_eq!(part(PICTURES, &[0x1C, 1]), Part::Unknown);
        assert_eq!(part(SOUND, &[0xAF, 0]), Part::Setup);
        assert_eq!(part(SOUND, &[0xAF, 1]), Part::Sound);
        assert_eq!(part(SOUND, b"\x90Opus"), Part::Unknown);
        assert_eq!(part(SOUND, &[]), Part::Empty);
    }

    #[test]
    fn after_a_full_queue_pictures_begin_again_at_a_keyframe_and_the_loss_is_counted() {
        let mut gate = Gate::default();
        assert_eq!(gate.pass(Part::Picture, true), Pass::Yes);
        assert_eq!(gate.pass(Part::Picture, false), Pass::Closing);
        assert_eq!(gate.pass(Part::Sound, false), Pass::No);
        assert_eq!(gate.pass(Part::Picture, true), Pass::No);
        assert_eq!(gate.pass(Part::Sound, true), Pass::Yes);
        assert_eq!(gate.pass(Part::Keyframe, true), Pass::Again(3));
        assert_eq!(gate.pass(Part::Picture, true), Pass::Yes);
        let mut sound_alone = Gate::default();
        assert_eq!(sound_alone.pass(Part::Sound, false), Pass::Closing);
        assert_eq!(sound_alone.pass(Part::Sound, true), Pass::Again(1));
    }
}
