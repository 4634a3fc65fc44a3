//! One sender's RTMP session: handshake, the few commands of publishing, and the messages after them. No input or output: bytes
//! go in, events and bytes come out.
//!
//! Source: Adobe's *RTMP specification 1.0*, sections 5.2, 5.4 and 7.2. Handshake, AMF0 and our own messages are written by
//! `rml_rtmp`; what a stranger sends is cut by [`Chunks`], which is bounded.

use rml_rtmp::{
    chunk_io::ChunkSerializer,
    handshake::{Handshake, HandshakeProcessResult, PeerType},
    messages::{PeerBandwidthLimitType, RtmpMessage, UserControlEventType},
    rml_amf0::Amf0Value,
    time::RtmpTimestamp,
};

use super::{
    Place, amf,
    chunks::{ChunkError, Chunks, Message},
    flv,
};

/// The largest message of somebody who has not shown the key.
const MAX_STRANGE: usize = 16 << 10;
/// The largest picture.
const MAX_MESSAGE: usize = 8 << 20;
/// Commands before publishing; five are usual.
const MAX_COMMANDS: u32 = 64;
/// Bytes after which the other side acknowledges, and we do if it does not ask for another number.
const WINDOW: u32 = 2_500_000;
/// The least number of bytes after which we acknowledge.
const MIN_WINDOW: u32 = 64 << 10;
/// The message stream that we give to whoever asks for one.
const STREAM: u32 = 1;

const USER_CONTROL: u8 = 4;
const WINDOW_SIZE: u8 = 5;
const DATA_AMF3: u8 = 15;
const COMMAND_AMF3: u8 = 17;
const COMMAND: u8 = 20;

/// What happened.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// It may publish and was told so.
    Publishing,
    /// Sound, pictures or metadata.
    Media(Message),
    /// It has ended its stream.
    Ended,
}

/// Why a sender is turned away. None of these holds a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not RTMP.
    #[error("what it sent is not RTMP")]
    Handshake,
    /// Not chunks.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// Not a command.
    #[error("it sent a command that cannot be read, or too many")]
    Command,
    /// It may not publish here.
    #[error("its app or stream key is another one; copy both from the address of this source")]
    WrongKey,
    /// One is enough.
    #[error("another sender is connected to this source; stop that one first")]
    Taken,
    /// We give nothing.
    #[error("it asks for a stream; this address takes one")]
    Play,
    /// `rml_rtmp` refused to write.
    #[error("no answer could be written for it")]
    Answer,
}

/// One sender's session.
pub struct Session {
    handshake: Option<Handshake>,
    chunks: Chunks,
    writer: ChunkSerializer,
    out: Vec<u8>,
    app: String,
    publishing: bool,
    commands: u32,
    received: u32,
    acknowledged: u32,
    window: u32,
}

impl Session {
    /// For somebody who has just connected.
    pub fn new() -> Self {
        Self {
            handshake: Some(Handshake::new(PeerType::Server)),
            chunks: Chunks::new(MAX_STRANGE),
            writer: ChunkSerializer::new(),
            out: Vec::new(),
            app: String::new(),
            publishing: false,
            commands: 0,
            received: 0,
            acknowledged: 0,
            window: WINDOW,
        }
    }

    /// Bytes to be sent, which the caller takes out.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Whether it was let in.
    pub fn is_publishing(&self) -> bool {
        self.publishing
    }

    /// Bytes from the sender, who may publish at `place` unless that is `taken`. After an error, what is in [`Session::out`]
    /// should be sent and the connection closed.
    pub fn feed(&mut self, bytes: &[u8], place: &Place, taken: bool) -> Result<Vec<Event>, SessionError> {
        let rest;
        let mut input = bytes;
        if let Some(handshake) = &mut self.handshake {
            match handshake.process_bytes(bytes).map_err(|_| SessionError::Handshake)? {
                HandshakeProcessResult::InProgress { response_bytes } => {
                    self.out.extend(response_bytes);
                    return Ok(Vec::new());
                }
                HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                    self.out.extend(response_bytes);
                    self.handshake = None;
                    rest = remaining_bytes;
                    input = &rest;
                }
            }
        }
        self.acknowledge(bytes.len())?;
        let mut events = Vec::new();
        while let Some(message) = self.chunks.next(&mut input)? {
            if let Some(event) = self.on_message(message, place, taken)? {
                events.push(event);
            }
        }
        Ok(events)
    }

    fn acknowledge(&mut self, bytes: usize) -> Result<(), SessionError> {
        self.received = self.received.wrapping_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if self.received.wrapping_sub(self.acknowledged) >= self.window {
            self.acknowledged = self.received;
            self.send(RtmpMessage::Acknowledgement { sequence_number: self.received }, 0)?;
        }
        Ok(())
    }

    fn on_message(&mut self, mut message: Message, place: &Place, taken: bool) -> Result<Option<Event>, SessionError> {
        match message.kind {
            COMMAND => self.on_command(&message.data, place, taken),
            // What is marked as AMF3 is AMF0 behind a zero.
            COMMAND_AMF3 => self.on_command(message.data.strip_prefix(&[0]).unwrap_or(&message.data), place, taken),
            WINDOW_SIZE => {
                let size = message.data.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
                self.window = size.unwrap_or(WINDOW).max(MIN_WINDOW);
                Ok(None)
            }
            USER_CONTROL => self.on_ping(&message.data).map(|()| None),
            flv::SOUND | flv::PICTURES | flv::METADATA | DATA_AMF3 if self.publishing => {
                if message.kind == DATA_AMF3 {
                    message.kind = flv::METADATA;
                    message.data = message.data.strip_prefix(&[0]).map(<[u8]>::to_vec).unwrap_or(message.data);
                }
                Ok(Some(Event::Media(message)))
            }
            _ => Ok(None),
        }
    }

    fn on_ping(&mut self, data: &[u8]) -> Result<(), SessionError> {
        let Some(&[0, 6, a, b, c, d]) = data.first_chunk() else { return Ok(()) };
        let time = RtmpTimestamp::new(u32::from_be_bytes([a, b, c, d]));
        self.send(user_control(UserControlEventType::PingResponse, None, Some(time)), 0)
    }

    fn on_command(&mut self, data: &[u8], place: &Place, taken: bool) -> Result<Option<Event>, SessionError> {
        self.commands += 1;
        if data.len() > MAX_STRANGE || (self.commands > MAX_COMMANDS && !self.publishing) {
            return Err(SessionError::Command);
        }
        let mut values = amf::read(data).ok_or(SessionError::Command)?.into_iter();
        let name = values.next().and_then(Amf0Value::get_string).ok_or(SessionError::Command)?;
        let number = values.next().and_then(Amf0Value::get_number).unwrap_or_default();
        let about = values.next();
        match name.as_str() {
            "connect" => {
                let mut about = about.and_then(Amf0Value::get_object_properties).ok_or(SessionError::Command)?;
                self.app = about.remove("app").and_then(Amf0Value::get_string).ok_or(SessionError::Command)?;
                self.welcome(number).map(|()| None)
            }
            "createStream" => self.answer(number, Amf0Value::Null, Amf0Value::Number(f64::from(STREAM))).map(|()| None),
            "publish" => {
                let key = values.next().and_then(Amf0Value::get_string).ok_or(SessionError::Command)?;
                self.on_publish(&key, place, taken).map(Some)
            }
            "play" | "play2" => {
                self.status("error", "NetStream.Play.Failed", "This address takes a stream and gives none.")?;
                Err(SessionError::Play)
            }
            "deleteStream" | "closeStream" | "FCUnpublish" if self.publishing => Ok(Some(Event::Ended)),
            // Flash's own habits: nobody waits for an answer to them.
            _ => Ok(None),
        }
    }

    fn welcome(&mut self, number: f64) -> Result<(), SessionError> {
        self.send(RtmpMessage::WindowAcknowledgement { size: WINDOW }, 0)?;
        self.send(RtmpMessage::SetPeerBandwidth { size: WINDOW, limit_type: PeerBandwidthLimitType::Dynamic }, 0)?;
        let server =
            [("fmsVer", Amf0Value::Utf8String("FMS/3,0,1,123".into())), ("capabilities", Amf0Value::Number(31.0))];
        let told = status_table("status", "NetConnection.Connect.Success", "Connected.");
        self.answer(number, table(server), told)
    }

    fn on_publish(&mut self, key: &str, place: &Place, taken: bool) -> Result<Event, SessionError> {
        const BAD_NAME: &str = "NetStream.Publish.BadName";
        if !place.admits(&self.app, key) {
            self.status("error", BAD_NAME, "Wrong app or stream key.")?;
            return Err(SessionError::WrongKey);
        }
        if taken || self.publishing {
            self.status("error", BAD_NAME, "Another sender is connected.")?;
            return Err(SessionError::Taken);
        }
        self.publishing = true;
        self.chunks.allow(MAX_MESSAGE);
        self.send(user_control(UserControlEventType::StreamBegin, Some(STREAM), None), 0)?;
        self.status("status", "NetStream.Publish.Start", "Publishing.")?;
        Ok(Event::Publishing)
    }

    fn answer(&mut self, number: f64, about: Amf0Value, value: Amf0Value) -> Result<(), SessionError> {
        self.send(command("_result", number, about, value), 0)
    }

    fn status(&mut self, level: &str, code: &str, description: &str) -> Result<(), SessionError> {
        self.send(command("onStatus", 0.0, Amf0Value::Null, status_table(level, code, description)), STREAM)
    }

    fn send(&mut self, message: RtmpMessage, stream: u32) -> Result<(), SessionError> {
        let payload = message.into_message_payload(RtmpTimestamp::new(0), stream).map_err(|_| SessionError::Answer)?;
        let packet = self.writer.serialize(&payload, false, false).map_err(|_| SessionError::Answer)?;
        self.out.extend(packet.bytes);
        Ok(())
    }
}

fn user_control(
    event_type: UserControlEventType,
    stream_id: Option<u32>,
    timestamp: Option<RtmpTimestamp>,
) -> RtmpMessage {
    RtmpMessage::UserControl { event_type, stream_id, buffer_length: None, timestamp }
}

fn command(name: &str, transaction_id: f64, command_object: Amf0Value, value: Amf0Value) -> RtmpMessage {
    RtmpMessage::Amf0Command {
        command_name: name.to_owned(),
        transaction_id,
        command_object,
        additional_arguments: vec![value],
    }
}

fn table<const N: usize>(entries: [(&str, Amf0Value); N]) -> Amf0Value {
    Amf0Value::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn status_table(level: &str, code: &str, description: &str) -> Amf0Value {
    table(
        [("level", level), ("code", code), ("description", description)]
            .map(|(n, v)| (n, Amf0Value::Utf8String(v.into()))),
    )
}

#[cfg(test)]
mod tests {
    use rml_rtmp::sessions::{
        ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
    };

    use super::*;

    /// A sender made of `rml_rtmp`'s client, and our side of its connection.
    struct Both {
        ours: Session,
        client: ClientSession,
        heard: Vec<ClientSessionEvent>,
        events: Vec<Event>,
        taken: bool,
    }

    fn place() -> Place {
        Place::parse("rtmp://0.0.0.0/live/s3cret%20word")
    }

    impl Both {
        fn connected() -> Self {
            let (mut ours, mut theirs) = (Session::new(), Handshake::new(PeerType::Client));
            let hello = theirs.generate_outbound_p0_and_p1().unwrap();
            ours.feed(&hello, &place(), false).unwrap();
            let Ok(HandshakeProcessResult::Completed { response_bytes, .. }) = theirs.process_bytes(ours.out()) else {
                panic!("the handshake is not complete");
            };
            ours.out().clear();
            ours.feed(&response_bytes, &place(), false).unwrap();
            let (client, first) = ClientSession::new(ClientSessionConfig::new()).unwrap();
            let mut both = Self { ours, client, heard: Vec::new(), events: Vec::new(), taken: false };
            both.carry(first).unwrap();
            let connect = both.client.request_connection("live".into()).unwrap();
            both.carry(vec![connect]).unwrap();
            both
        }

        /// Carries what the client wants to say to us, our answers back, and so on.
        fn carry(&mut self, mut said: Vec<ClientSessionResult>) -> Result<(), SessionError> {
            let mut outcome = Ok(());
            while !said.is_empty() {
                for result in said.drain(..) {
                    match result {
                        ClientSessionResult::OutboundResponse(packet) => {
                            match self.ours.feed(&packet.bytes, &place(), self.taken) {
                                Ok(events) => self.events.extend(events),
                                Err(error) => outcome = Err(error),
                            }
                        }
                        ClientSessionResult::RaisedEvent(event) => self.heard.push(event),
                        ClientSessionResult::UnhandleableMessageReceived(_) => {}
                    }
                }
                let answer = std::mem::take(self.ours.out());
                said = self.client.handle_input(&answer).unwrap();
            }
            outcome
        }

        fn publish(&mut self, key: &str) -> Result<(), SessionError> {
            let wish = self.client.request_publishing(key.into(), PublishRequestType::Live).unwrap();
            self.carry(vec![wish])
        }

        fn was_told(&self, event: &ClientSessionEvent) -> bool {
            self.heard.contains(event)
        }
    }

    #[test]
    fn a_sender_with_the_right_key_publishes_until_it_ends() {
        let mut both = Both::connected();
        assert!(both.was_told(&ClientSessionEvent::ConnectionRequestAccepted));
        both.publish("s3cret word").unwrap();
        assert!(both.was_told(&ClientSessionEvent::PublishRequestAccepted));
        let time = RtmpTimestamp::new(0x0123_4567);
        let picture = both.client.publish_video_data(vec![0x17; 100_000].into(), time, false).unwrap();
        both.carry(vec![picture]).unwrap();
        let end = both.client.stop_publishing().unwrap();
        both.carry(end).unwrap();
        let [Event::Publishing, Event::Media(message), Event::Ended] = both.events.as_slice() else {
            panic!("{:?}", both.events);
        };
        assert_eq!((message.kind, message.timestamp, message.data.len()), (flv::PICTURES, 0x0123_4567, 100_000));
    }

    #[test]
    fn a_wrong_key_and_a_second_sender_are_told_so_and_turned_away() {
        let refused = ClientSessionEvent::UnhandleableOnStatusCode { code: "NetStream.Publish.BadName".into() };
        let mut both = Both::connected();
        assert_eq!(both.publish("other"), Err(SessionError::WrongKey));
        assert!(both.was_told(&refused) && !both.ours.is_publishing());
        let mut both = Both::connected();
        both.taken = true;
        assert_eq!(both.publish("s3cret word"), Err(SessionError::Taken));
        assert!(both.was_told(&refused) && both.events.is_empty());
    }

    #[test]
    fn whoever_has_not_shown_the_key_can_neither_fill_the_memory_nor_send_pictures() {
        let mut both = Both::connected();
        let message = RtmpMessage::VideoData { data: vec![0; 100].into() };
        let payload = message.into_message_payload(RtmpTimestamp::new(0), STREAM).unwrap();
        let small = ChunkSerializer::new().serialize(&payload, false, false).unwrap();
        assert_eq!(both.ours.feed(&small.bytes, &place(), false), Ok(Vec::new()));
        let message = RtmpMessage::VideoData { data: vec![0; MAX_STRANGE + 1].into() };
        let payload = message.into_message_payload(RtmpTimestamp::new(0), STREAM).unwrap();
        let large = ChunkSerializer::new().serialize(&payload, false, false).unwrap();
        let refused = both.ours.feed(&large.bytes, &place(), false);
        assert_eq!(refused, Err(ChunkError::TooLarge(MAX_STRANGE + 1).into()));
    }

    #[test]
    fn what_is_received_is_acknowledged() {
        let mut both = Both::connected();
        both.publish("s3cret word").unwrap();
        for n in 0..4 {
            let picture =
                both.client.publish_video_data(vec![0x27; 1 << 20].into(), RtmpTimestamp::new(n), false).unwrap();
            both.carry(vec![picture]).unwrap();
        }
        let counts: Vec<u32> = both
            .heard
            .iter()
            .filter_map(|event| match event {
                ClientSessionEvent::AcknowledgementReceived { bytes_received } => Some(*bytes_received),
                _ => None,
            })
            .collect();
        assert!(matches!(counts.as_slice(), [count] if (WINDOW..2 * WINDOW).contains(count)), "{counts:?}");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 1_u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed.to_be_bytes()[0]
        };
        let (mut refused, mut commands) = (0, 0);
        for _ in 0..2_000 {
            let mut session = Session { handshake: None, publishing: true, ..Session::new() };
            let garbage: Vec<u8> = (0..400).map(|_| random()).collect();
            refused += u32::from(session.feed(&garbage, &place(), false).is_err());
            // A good header, so that the garbage reaches the reader of commands; a few good values before it.
            let values = [b"\x02\x00\x07connect\x00".as_slice(), &[0; 8], &[random() % 12], &garbage[..60]].concat();
            let header = [[3, 0, 0, 0, 0, 0].as_slice(), &[values.len() as u8, COMMAND], &[0; 4]].concat();
            let mut session = Session { handshake: None, ..Session::new() };
            commands += u32::from(session.feed(&[header, values].concat(), &place(), false).is_err());
        }
        assert!(refused > 1_000 && commands > 1_000, "{refused} {commands}");
    }
}
