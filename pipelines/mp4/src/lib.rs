//! Recordings that survive a crash: written as fragmented MP4, ended in place as an ordinary one with its index in front.
//!
//! For: the engine's recorders ([`Writer`]), making an interrupted recording whole ([`recover`]) and telling what a file
//! holds ([`probe`]). May import: mp4-atom, std's files, thiserror. Never: GStreamer, tokio, a network.
//!
//! While it is recorded a file looks like this, where `free` is a hole as large as the final index is expected to be:
//! ```text
//! ftyp | moov (header, no samples) | free ………… | moof mdat | moof mdat | …
//! ```
//! Ending it writes the index into the hole, where no player sees it, and then changes eight bytes: the header's box
//! becomes a `free` that ends where the new `moov` begins, and the last bytes of the hole are the header of one `mdat`
//! around all fragments.
//! ```text
//! ftyp | free | moov (index) | free | mdat (moof mdat moof mdat …)
//! ```
//!
//! Invariants:
//! * media bytes are never moved, copied or rewritten: ending a file of any length writes its index and 8 or 16 bytes more;
//! * after every single write the file plays, before the last one as a fragmented MP4, after it as an ordinary one;
//! * a broken file gives an error that says what is wrong: no panic, and no allocation that its bytes alone ask for;
//! * [`Writer::finish`] and [`recover`] share everything but where the fragments' headers come from (memory or the file).

mod boxes;
mod error;
mod exclusive;
mod finalise;
mod fragment;
mod header;
mod index;
mod moov;
mod probe;
mod recover;
mod reserve;
mod scan;
mod writer;

pub use boxes::FourCc;
pub use error::{FinishError, ReadError, RecoverError, WriteError};
pub use finalise::{IndexPlace, Plan, Step};
pub use header::Tags;
pub use probe::{Info, Layout, Track, TrackKind, probe};
pub use recover::{Outcome, Recovered, plan, recover};
pub use reserve::Reserve;
pub use writer::{Whole, Writer};
