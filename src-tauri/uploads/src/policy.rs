//! The decisions of uploading, without network, disk, clock or chance: those come in as arguments.
//!
//! May import: thiserror.

pub mod order;
pub mod parts;
pub mod retry;
