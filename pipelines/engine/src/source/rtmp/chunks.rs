//! From RTMP's chunks to whole messages: the bytes that anybody on the network can send us. Pure, and bounded in everything.
//!
//! Source: Adobe's *RTMP specification 1.0*, section 5.3. Chunks of several streams may be interleaved, as phones do.
//!
//! Invariants: unfinished messages together never hold more than the limit; no input makes it panic.

use std::collections::HashMap;

/// Set chunk size.
const SET_CHUNK_SIZE: u8 = 1;
/// Abort a message.
const ABORT: u8 = 2;
/// A sender needs about five chunk streams.
const MAX_LANES: usize = 32;
/// In a header's place for the time: the time follows in four bytes.
const EXTENDED: u32 = 0xFF_FFFF;

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// RTMP's message type.
    pub kind: u8,
    /// RTMP's message stream.
    pub stream: u32,
    /// The sender's time in milliseconds; wraps.
    pub timestamp: u32,
    /// Contents.
    pub data: Vec<u8>,
}

/// Why bytes are not RTMP chunks that we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A short header without a full one before it.
    #[error("a chunk refers to a chunk stream ({0}) that has not begun")]
    Unknown(u32),
    /// Too many chunk streams.
    #[error("it uses more than {MAX_LANES} chunk streams")]
    TooManyStreams,
    /// Too much at once.
    #[error("a message of {0} bytes is larger than what is taken now")]
    TooLarge(usize),
    /// Zero, or not a number.
    #[error("it set a chunk size that cannot be")]
    ChunkSize,
}

/// What is known of one chunk stream.
#[derive(Default)]
struct Lane {
    timestamp: u32,
    /// What a header without a time adds to the time.
    delta: u32,
    length: usize,
    kind: u8,
    stream: u32,
    extended: bool,
    data: Vec<u8>,
}

/// Puts chunks together.
pub struct Chunks {
    size: usize,
    limit: usize,
    held: usize,
    lanes: HashMap<u32, Lane>,
    /// The part of a header that has come.
    head: Vec<u8>,
    /// The chunk whose contents are coming, and how many bytes of it are left.
    open: Option<(u32, usize)>,
}

/// A chunk header as it is written.
struct Header<'a> {
    format: u8,
    lane: u32,
    fields: &'a [u8],
    extended: Option<u32>,
}

impl Chunks {
    /// Takes messages of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { size: 128, limit, held: 0, lanes: HashMap::new(), head: Vec::with_capacity(18), open: None }
    }

    /// Takes messages of up to `limit` bytes from now on.
    pub fn allow(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes bytes off the front of `input` until a message is whole; `None` when more bytes are needed.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, ChunkError> {
        loop {
            if let Some((id, left)) = self.open {
                if left > 0 && input.is_empty() {
                    return Ok(None);
                }
                if let Some(message) = self.take_contents(id, left, input) {
                    match message.kind {
                        SET_CHUNK_SIZE => self.resize(&message.data)?,
                        ABORT => self.abort(&message.data),
                        _ => return Ok(Some(message)),
                    }
                }
                continue;
            }
            let Some((first, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            self.head.push(*first);
            self.begin()?;
        }
    }

    fn take_contents(&mut self, id: u32, left: usize, input: &mut &[u8]) -> Option<Message> {
        let (taken, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        let lane = self.lanes.get_mut(&id)?;
        lane.data.extend_from_slice(taken);
        self.held += taken.len();
        self.open = (taken.len() < left).then(|| (id, left - taken.len()));
        if lane.data.len() < lane.length || self.open.is_some() {
            return None;
        }
        self.held -= lane.data.len();
        let data = std::mem::take(&mut lane.data);
        Some(Message { kind: lane.kind, stream: lane.stream, timestamp: lane.timestamp, data })
    }

    /// Opens a chunk once its header is whole.
    fn begin(&mut self) -> Result<(), ChunkError> {
        let Some(header) = read_header(&self.head, &self.lanes)? else { return Ok(()) };
        let id = header.lane;
        if !self.lanes.contains_key(&id) && self.lanes.len() >= MAX_LANES {
            return Err(ChunkError::TooManyStreams);
        }
        let lane = self.lanes.entry(id).or_default();
        let continued = header.format == 3 && !lane.data.is_empty();
        if !continued {
            self.held -= lane.data.len();
            lane.data.clear();
            lane.apply(&header);
        }
        let left = lane.length - lane.data.len();
        if self.held + left > self.limit {
            return Err(ChunkError::TooLarge(lane.length));
        }
        self.open = Some((id, left.min(self.size)));
        self.head.clear();
        Ok(())
    }

    fn resize(&mut self, data: &[u8]) -> Result<(), ChunkError> {
        let size = data.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        // The highest bit must be zero; a message is never longer than 24 bits can tell.
        let size = size.filter(|size| (1..1 << 31).contains(size)).ok_or(ChunkError::ChunkSize)?;
        self.size = usize::try_from(size).unwrap_or(usize::MAX);
        Ok(())
    }

    fn abort(&mut self, data: &[u8]) {
        let id = data.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        if let Some(lane) = id.and_then(|id| self.lanes.get_mut(&id)) {
            self.held -= lane.data.len();
            lane.data.clear();
        }
    }
}

impl Lane {
    /// A new message begins.
    fn apply(&mut self, header: &Header<'_>) {
        let fields = header.fields;
        if let Some(time) = be24(fields, 0) {
            self.delta = header.extended.unwrap_or(time);
            self.extended = header.extended.is_some();
        }
        if let (Some(length), Some(kind)) = (be24(fields, 3), fields.get(6)) {
            self.length = usize::try_from(length).unwrap_or(usize::MAX);
            self.kind = *kind;
        }
        if let Some(stream) = fields.get(7..).and_then(<[u8]>::first_chunk) {
            self.stream = u32::from_le_bytes(*stream);
        }
        // A full header tells the time itself; what it tells is also the step of short headers after it.
        self.timestamp = if header.format == 0 { self.delta } else { self.timestamp.wrapping_add(self.delta) };
    }
}

fn be24(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 3)?;
    Some(u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]))
}

/// The header that `head` holds; `None` while it is not whole.
fn read_header<'a>(head: &'a [u8], lanes: &HashMap<u32, Lane>) -> Result<Option<Header<'a>>, ChunkError> {
    let Some((&first, rest)) = head.split_first() else { return Ok(None) };
    let (lane, rest) = match (first & 0x3F, rest) {
        (0, [a, rest @ ..]) => (64 + u32::from(*a), rest),
        (1, [a, b, rest @ ..]) => (64 + u32::from(*a) + 256 * u32::from(*b), rest),
        (0 | 1, _) => return Ok(None),
        (id, rest) => (u32::from(id), rest),
    };
    let format = first >> 6;
    let known = lanes.get(&lane);
    if format > 0 && known.is_none() {
        return Err(ChunkError::Unknown(lane));
    }
    let Some((fields, rest)) = rest.split_at_checked([11, 7, 3, 0][usize::from(format)]) else { return Ok(None) };
    let is_extended = match be24(fields, 0) {
        Some(time) => time == EXTENDED,
        None => known.is_some_and(|lane| lane.extended),
    };
    let extended = rest.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    if is_extended && extended.is_none() {
        return Ok(None);
    }
    Ok(Some(Header { format, lane, fields, extended: extended.filter(|_| is_extended) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(chunks: &mut Chunks, mut bytes: &[u8]) -> Result<Vec<Message>, ChunkError> {
        let mut messages = Vec::new();
        while let Some(message) = chunks.next(&mut bytes)? {
            messages.push(message);
        }
        Ok(messages)
    }

    fn full(lane: u8, time: u32, length: u32, kind: u8) -> Vec<u8> {
        let mut bytes = vec![lane];
        bytes.extend(&time.min(EXTENDED).to_be_bytes()[1..]);
        bytes.extend(&length.to_be_bytes()[1..]);
        bytes.extend([kind, 1, 0, 0, 0]);
        if time >= EXTENDED {
            bytes.extend(time.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn interleaved_messages_come_out_whole_however_the_bytes_are_cut() {
        let mut bytes = full(6, 10, 200, 9);
        bytes.extend([1; 128]);
        bytes.extend(full(4, 12, 3, 8));
        bytes.extend([2; 3]);
        bytes.push(0xC6);
        bytes.extend([1; 72]);
        let whole = all(&mut Chunks::new(1000), &bytes).unwrap();
        assert_eq!(
            whole.iter().map(|m| (m.kind, m.timestamp, m.data.len())).collect::<Vec<_>>(),
            [(8, 12, 3), (9, 10, 200)]
        );
        assert_eq!(whole[1].data, [1; 200]);
        let mut chunks = Chunks::new(1000);
        let cut: Vec<Message> = bytes.iter().flat_map(|byte| all(&mut chunks, &[*byte]).unwrap()).collect();
        assert_eq!(cut, whole);
    }

    #[test]
    fn short_headers_add_to_the_time_once_a_message() {
        let mut bytes = full(6, 1000, 1, 9);
        bytes.push(0);
        bytes.extend([0x86, 0, 0, 40, 0]);
        bytes.extend([0xC6, 0, 0xC6, 0]);
        let times: Vec<u32> = all(&mut Chunks::new(1000), &bytes).unwrap().iter().map(|m| m.timestamp).collect();
        assert_eq!(times, [1000, 1040, 1080, 1120]);
    }

    #[test]
    fn times_beyond_24_bits_are_repeated_in_every_chunk() {
        let late = 0x0123_4567_u32;
        let mut bytes = full(6, late, 130, 9);
        bytes.extend([7; 128]);
        bytes.push(0xC6);
        bytes.extend(late.to_be_bytes());
        bytes.extend([7; 2]);
        let messages = all(&mut Chunks::new(1000), &bytes).unwrap();
        assert_eq!((messages[0].timestamp, messages[0].data.as_slice()), (late, [7; 130].as_slice()));
    }

    #[test]
    fn a_sender_sets_its_chunk_size_and_may_abort_a_message() {
        let mut bytes = full(2, 0, 4, SET_CHUNK_SIZE);
        bytes.extend(2_u32.to_be_bytes());
        bytes.extend(full(6, 0, 4, 9));
        bytes.extend([1, 1]);
        bytes.extend(full(2, 0, 4, ABORT));
        bytes.extend([0, 0, 0xC2, 0, 6]);
        bytes.extend([0xC6, 2, 2, 0xC6, 2, 2]);
        assert_eq!(all(&mut Chunks::new(1000), &bytes).unwrap()[0].data, [2; 4]);
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_read() {
        let mut bytes = full(6, 0, 600, 9);
        bytes.extend([0; 128]);
        let mut chunks = Chunks::new(1000);
        assert_eq!(all(&mut chunks, &bytes), Ok(Vec::new()));
        assert_eq!(all(&mut chunks, &full(7, 0, 900, 9)), Err(ChunkError::TooLarge(900)));
        assert_eq!(all(&mut Chunks::new(10), &full(6, 0, 11, 9)), Err(ChunkError::TooLarge(11)));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(all(&mut Chunks::new(10), &[0xC6]), Err(ChunkError::Unknown(6)));
        let mut zero = full(2, 0, 4, SET_CHUNK_SIZE);
        zero.extend([0; 4]);
        assert_eq!(all(&mut Chunks::new(10), &zero), Err(ChunkError::ChunkSize));
        let many: Vec<u8> = (2..60).flat_map(|lane| full(lane, 0, 0, 9)).collect();
        assert_eq!(all(&mut Chunks::new(10), &many), Err(ChunkError::TooManyStreams));
    }
}
