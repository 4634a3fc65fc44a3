//! Uploads: recordings go to an S3 bucket, in parts, and go on after whatever came between.
//!
//! [`policy`] decides: how a file is cut, which one is next, what a failure means. It is pure; whoever does the
//! reading, sending and waiting asks it and obeys.
//!
//! Invariants:
//! * a local file is never changed or deleted;
//! * what a person has to mend is never retried in silence, what mends itself is never given up.

pub mod policy;
