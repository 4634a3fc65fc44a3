//! The harness of real peers, and the tests that use them.
//!
//! A test starts the studio's own binary ([`app`]) against cameras, senders and servers that are real programs on the
//! loopback ([`rtsp`], [`srt`], [`rtmp`], [`http`], [`pipewire`], [`screen`]), fed with generated media ([`media`], [`beacon`], [`clock`]),
//! has it publish to real platforms and viewers ([`livekit`], [`subscriber`], [`nginx_rtmp`], [`receiver`]), with keys from a
//! real keychain ([`keychain`]), over a network that can be made bad ([`proxy`]), and lets ffprobe and ffmpeg judge what came out ([`judge`]).
//!
//! May import: anything, but nothing of the studio: what is tested is reached by its command line, its files and its ports.
//!
//! Invariants:
//! * nothing outlives a test: a peer dies with its guard ([`child`]), and with the thread that started it if that dies
//!   first, so a guard is never handed to a thread that lives longer than the one that made it;
//! * every wait has a deadline and its error says what was waited for ([`wait`]);
//! * a missing program, plugin or binary is an error that says how to get it, never a skip.

pub mod app;
pub mod beacon;
pub mod child;
pub mod cleanup;
pub mod clock;
mod desk;
mod feed;
pub mod http;
pub mod judge;
pub mod keychain;
pub mod livekit;
pub mod media;
pub mod nginx_rtmp;
pub mod peers;
pub mod pipewire;
pub mod proxy;
pub mod publisher;
pub mod receiver;
pub mod rtmp;
pub mod rtsp;
pub mod screen;
pub mod sound;
pub mod srt;
pub mod subscriber;
pub mod tls;
pub mod wait;
