//! The thread that listens: takes connections, lets one sender in, turns the others away. It sleeps until something comes.
//!
//! Invariants: it holds no reference to the pipeline, and ends when that is gone or the sender has left; whoever is silent for
//! [`SILENCE`] is dropped; no sender can keep another one or the end waiting; strangers, however many, keep no sender out.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker, net::TcpListener, net::TcpStream};

use super::{
    Place,
    feed::{Feed, FeedError},
    session::{Event, Session, SessionError},
};

/// How long a sender may be silent, and how long a stranger may take to show the key.
const SILENCE: Duration = Duration::from_secs(5);
/// Connections at the same time: room for those who come while one shows its key.
const MAX_VISITORS: usize = 32;
/// Bytes that may wait to be sent to one of them.
const MAX_UNSENT: usize = 64 << 10;

const DOOR: Token = Token(0);
const STOP: Token = Token(1);

/// Ends the listener from another thread.
#[derive(Clone)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stop {
    /// Returns at once; the port is free a moment later.
    pub fn stop(&self) {
        self.asked.store(true, Ordering::Release);
        // Fails only when nobody sleeps any more.
        let _ = self.waker.wake();
    }
}

/// Why a connection is closed.
#[derive(Debug, thiserror::Error)]
enum Farewell {
    #[error("it hung up")]
    HungUp,
    #[error("it ended its stream")]
    Ended,
    #[error("nothing came for {} s", SILENCE.as_secs())]
    Silent,
    #[error("it did not show the key within {} s", SILENCE.as_secs())]
    Stranger,
    #[error("it has not shown the key, and others want in")]
    Crowded,
    #[error("it does not read what it is told")]
    Deaf,
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Somebody who is connected.
struct Visitor {
    stream: TcpStream,
    from: SocketAddr,
    session: Session,
    /// There may be something to read.
    readable: bool,
    deadline: Instant,
}

/// Listens at one place.
pub struct Listener {
    place: Place,
    name: String,
    poll: Poll,
    door: TcpListener,
    visitors: BTreeMap<usize, Visitor>,
    next: usize,
    live: Option<usize>,
    feed: Feed,
    stop: Stop,
    buffer: Vec<u8>,
}

impl Listener {
    /// For `door`, which is bound and does not block. `name` is what the source is called in the log.
    pub fn new(door: std::net::TcpListener, place: Place, name: String, feed: Feed) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut door = TcpListener::from_std(door);
        poll.registry().register(&mut door, DOOR, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), STOP)?);
        let stop = Stop { asked: Arc::default(), waker };
        let (visitors, buffer) = (BTreeMap::new(), vec![0; 64 << 10]);
        Ok(Self { place, name, poll, door, visitors, next: 2, live: None, feed, stop, buffer })
    }

    /// Its end.
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Listens until the one sender that was let in has left or somebody says stop.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(32);
        while !self.stop.asked.load(Ordering::Acquire) {
            if let Err(error) = self.poll.poll(&mut events, self.patience())
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(source = self.name, %error, "the RTMP listener cannot wait for senders");
                return self.feed.end();
            }
            for event in &events {
                match event.token() {
                    DOOR => self.let_in(),
                    STOP => {}
                    Token(id) => {
                        if let Some(visitor) = self.visitors.get_mut(&id) {
                            visitor.readable = true;
                        }
                    }
                }
            }
            if self.attend() {
                return;
            }
        }
    }

    /// How long nothing has to be done if nobody comes.
    fn patience(&self) -> Option<Duration> {
        if self.visitors.values().any(|visitor| visitor.readable) {
            return Some(Duration::ZERO);
        }
        let first = self.visitors.values().map(|visitor| visitor.deadline).min();
        first.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn let_in(&mut self) {
        loop {
            match self.door.accept() {
                Ok((stream, from)) => {
                    if self.visitors.len() >= MAX_VISITORS {
                        self.make_room();
                    }
                    if let Err(error) = self.greet(stream, from) {
                        tracing::warn!(source = self.name, %from, %error, "a sender could not be taken");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // A connection that was gone before it was taken, or no file handle left: the next event tries again.
                    tracing::warn!(source = self.name, %error, "a connection could not be taken");
                    return;
                }
            }
        }
    }

    /// Closes the connection of the stranger who has stood here the longest: whoever has the key shows it at once.
    fn make_room(&mut self) {
        if let Some(id) = self.visitors.keys().copied().find(|id| self.live != Some(*id)) {
            self.dismiss(id, &Farewell::Crowded);
        }
    }

    fn greet(&mut self, mut stream: TcpStream, from: SocketAddr) -> io::Result<()> {
        let id = self.next;
        self.next += 1;
        self.poll.registry().register(&mut stream, Token(id), Interest::READABLE | Interest::WRITABLE)?;
        let deadline = Instant::now() + SILENCE;
        self.visitors.insert(id, Visitor { stream, from, session: Session::new(), readable: true, deadline });
        Ok(())
    }

    /// Does what can be done for everybody without waiting. True when the sender that was let in has left.
    fn attend(&mut self) -> bool {
        let ids: Vec<usize> = self.visitors.keys().copied().collect();
        for id in ids {
            if let Err(why) = self.serve(id)
                && self.dismiss(id, &why)
            {
                return true;
            }
        }
        false
    }

    fn serve(&mut self, id: usize) -> Result<(), Farewell> {
        let Some(visitor) = self.visitors.get_mut(&id) else { return Ok(()) };
        let late = Instant::now() >= visitor.deadline;
        if late && !visitor.session.is_publishing() {
            return Err(Farewell::Stranger);
        }
        if !visitor.readable {
            visitor.flush()?;
            return if late { Err(Farewell::Silent) } else { Ok(()) };
        }
        let read = match visitor.stream.read(&mut self.buffer) {
            Ok(0) => return Err(Farewell::HungUp),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                visitor.readable = false;
                return visitor.flush();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let taken = self.live.is_some_and(|live| live != id);
        let fed = visitor.session.feed(&self.buffer[..read], &self.place, taken);
        visitor.flush()?;
        if visitor.session.is_publishing() {
            visitor.deadline = Instant::now() + SILENCE;
        }
        let from = visitor.from;
        for event in fed? {
            match event {
                Event::Publishing => {
                    tracing::info!(source = self.name, %from, "a sender is connected");
                    self.live = Some(id);
                }
                Event::Media(message) => self.feed.give(&message)?,
                Event::Ended => return Err(Farewell::Ended),
            }
        }
        Ok(())
    }

    /// Closes a connection. True when it was the sender's, and something had come from it.
    fn dismiss(&mut self, id: usize, why: &Farewell) -> bool {
        let Some(visitor) = self.visitors.remove(&id) else { return false };
        let was_live = self.live == Some(id);
        match why {
            Farewell::HungUp | Farewell::Ended => {
                tracing::info!(source = self.name, from = %visitor.from, %why, "a sender left")
            }
            _ => tracing::warn!(source = self.name, from = %visitor.from, %why, "a sender was turned away"),
        }
        drop(visitor);
        if !was_live {
            return false;
        }
        self.live = None;
        if let Farewell::Feed(error) = why {
            self.feed.fail(error);
            return true;
        }
        let begun = self.feed.has_begun();
        if begun {
            self.feed.end();
        }
        begun
    }
}

impl Visitor {
    /// Sends what can be sent.
    fn flush(&mut self) -> Result<(), Farewell> {
        while !self.session.out().is_empty() {
            match self.stream.write(self.session.out()) {
                Ok(0) => return Err(Farewell::HungUp),
                Ok(sent) => drop(self.session.out().drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.session.out().len() > MAX_UNSENT => {
                    return Err(Farewell::Deaf);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
