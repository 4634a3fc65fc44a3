//! Where a sender's messages go: as FLV into the pipeline, due the moment they come.
//!
//! Invariants: it holds no strong reference to the pipeline and never waits for it; what the pipeline has not taken yet is bounded,
//! and what is dropped is counted and told.

use gst::prelude::*;

use super::{
    chunks::Message,
    flv::{self, Gate, Kinds, Opening, Part, Pass},
    pace::Pace,
};

/// Bytes that may wait for the pipeline: a few seconds of a good camera.
pub const MAX_WAITING: u64 = 8 << 20;
/// Bytes of set-up that may wait on top of that: a decoder that missed it shows nothing for good.
const SETUP_ROOM: u64 = 1 << 20;
/// No metadata is longer; it tells nothing that is needed.
const MAX_METADATA: usize = 64 << 10;

/// Why a sender cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// A codec that came after FLV.
    #[error("it sends a format newer than H.264 and AAC; set the sender to H.264 and AAC")]
    Format,
    /// The pipeline is being taken down.
    #[error("the source is being stopped")]
    Gone,
}

/// One pipeline, as long as it lives.
pub struct Feed {
    source: gst::glib::WeakRef<gst_app::AppSrc>,
    name: String,
    /// Running time of the first message in milliseconds; the stream's own count starts there.
    zero: Option<u64>,
    pace: Pace,
    /// Until the stream has begun.
    opening: Option<Opening>,
    gate: Gate,
}

impl Feed {
    /// Into `source`, which belongs to the source called `name`.
    pub fn new(source: &gst_app::AppSrc, name: String) -> Self {
        let (pace, gate, opening) = (Pace::default(), Gate::default(), Some(Opening::default()));
        Self { source: source.downgrade(), name, zero: None, pace, opening, gate }
    }

    /// Whether the pipeline was given anything.
    pub fn has_begun(&self) -> bool {
        self.opening.is_none()
    }

    /// Passes one message on. Never waits.
    pub fn give(&mut self, message: &Message) -> Result<(), FeedError> {
        let source = self.source.upgrade().ok_or(FeedError::Gone)?;
        if message.kind == flv::METADATA {
            return self.give_metadata(&source, &message.data);
        }
        let part = flv::part(message.kind, &message.data);
        let time = match part {
            Part::Unknown => return Err(FeedError::Format),
            Part::Empty => return Ok(()),
            // Senders give it any time, mostly zero.
            Part::Setup => self.pace.latest(),
            _ => self.time(&source, message.timestamp),
        };
        let tag = flv::tag(message.kind, time, &message.data);
        self.put(&source, part, message.kind, time, tag)
    }

    fn give_metadata(&mut self, source: &gst_app::AppSrc, data: &[u8]) -> Result<(), FeedError> {
        let data = flv::metadata(data);
        if data.len() > MAX_METADATA {
            return Ok(());
        }
        if let Some(opening) = &mut self.opening {
            opening.announce(Kinds::announced(data));
        }
        let time = self.pace.latest();
        self.put(source, Part::Sound, flv::METADATA, time, flv::tag(flv::METADATA, time, data))
    }

    /// When what came now is due on the stream's own count.
    fn time(&mut self, source: &gst_app::AppSrc, sent: u32) -> u32 {
        let now = source.current_running_time().map_or(0, gst::ClockTime::mseconds);
        let zero = *self.zero.get_or_insert_with(|| {
            // An FLV reader calls the first tag's time zero, so the whole stream is moved to where it begins.
            if let Some(pad) = source.static_pad("src") {
                pad.set_offset(i64::try_from(now * 1_000_000).unwrap_or(i64::MAX));
            }
            now
        });
        self.pace.place(sent, now - zero)
    }

    fn put(
        &mut self,
        source: &gst_app::AppSrc,
        part: Part,
        kind: u8,
        time: u32,
        tag: Vec<u8>,
    ) -> Result<(), FeedError> {
        let held = self.opening.as_ref().map_or(0, |opening| opening.held() as u64);
        let most = if part == Part::Setup { MAX_WAITING + SETUP_ROOM } else { MAX_WAITING };
        let room = source.current_level_bytes() + held + tag.len() as u64 <= most;
        match self.gate.pass(part, room) {
            Pass::No => return Ok(()),
            Pass::Closing => {
                tracing::warn!(
                    source = self.name,
                    "more comes than can be shown in time; dropping until the next keyframe"
                );
                return Ok(());
            }
            Pass::Again(dropped) => tracing::warn!(source = self.name, dropped, "going on at a keyframe"),
            Pass::Yes => {}
        }
        let bytes = match &mut self.opening {
            None => tag,
            Some(opening) => match opening.add(kind, time, &tag) {
                None => return Ok(()),
                Some(bytes) => bytes,
            },
        };
        self.opening = None;
        source.push_buffer(gst::Buffer::from_mut_slice(bytes)).map(drop).map_err(|_| FeedError::Gone)
    }

    /// The sender has left.
    pub fn end(&self) {
        if let Some(source) = self.source.upgrade()
            && let Err(error) = source.end_of_stream()
        {
            tracing::debug!(source = self.name, %error, "the pipeline was gone first");
        }
    }

    /// The sender cannot be played.
    pub fn fail(&self, why: &FeedError) {
        if let Some(source) = self.source.upgrade()
            && *why == FeedError::Format
        {
            gst::element_error!(source, gst::StreamError::WrongType, ("{why}"));
        }
    }
}
