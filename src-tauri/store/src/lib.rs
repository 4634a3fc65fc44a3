//! What is remembered between runs: sessions and their files, in one SQLite file.
//!
//! May import: sqlx, thiserror, pulse-wire (for words that cross the border too). Never: a clock, the recordings themselves.
//!
//! Invariants:
//! * every query is checked against the schema when it is compiled; `.sqlx/` holds what the compiler needs for that and
//!   is committed. After changing a query or a migration run `src-tauri/store/prepare`;
//! * migrations go forward only, and a migration that was released is never changed: a new one follows it;
//! * what belongs together is written in one transaction: killed at any moment, the file holds all of it or nothing;
//! * times come in as arguments, as unix milliseconds.

mod error;
pub mod files;
pub mod open;
pub mod sessions;

pub use error::StoreError;
pub use files::{File, FileFacts, FileState, Files, NewFile};
pub use open::{OpenError, Store};
pub use sessions::{NewSession, Session, SessionState, Sessions};
