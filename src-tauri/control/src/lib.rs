//! The control plane: what can be asked of a running studio over HTTP.
//!
//! May import: axum, tower-http, tokio, pulse-wire, and the store when there is something to keep. Never: GStreamer, Tauri.
//!
//! Invariants:
//! * plain HTTP is served on loopback only: a [`Listener`] cannot be made for anything else;
//! * everything below `/v1` needs the key, whether it exists or not; only a hash of the key is held;
//! * every error is a problem document (RFC 9457) with a stable code and never holds a secret;
//! * it looks at the studio through a `watch`: it can be slow or die without holding anything up.

mod auth;
pub mod key;
pub mod listen;
pub mod problem;
mod router;
mod serve;

pub use key::{Key, KeyError, KeyHash, KeyTextError};
pub use listen::{ListenError, Listener};
pub use problem::Problem;
pub use router::{Control, MAX_BODY, router};
pub use serve::{GRACE, serve};
