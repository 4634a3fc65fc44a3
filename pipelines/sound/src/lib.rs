//! Sound in memory: strips, mixing, metering, limiting and resampling against a clock.
//!
//! Everything is 48 kHz stereo, interleaved `f32`, full scale at ±1. Each source has a [`pipe`]: its own thread pushes blocks with
//! their running time into the [`Inlet`]; the audio thread calls [`Mixer::mix`] once every [`BLOCK_NS`] of program time, which draws
//! exactly one [`Block`] from every [`Outlet`].
//!
//! May import: ringbuf, rubato. Never: GStreamer, threads, a clock, I/O.
//!
//! Invariants:
//! * a sample stamped `t` leaves its outlet in the block of program time `t +` [`LATENCY_NS`], and the program in that of
//!   `t +` [`PROGRAM_LATENCY_NS`]: whoever stamps the program subtracts that constant and sound and picture agree;
//! * the calls made for every block neither allocate, free, lock nor wait;
//! * no input (not a number, time running backwards, no data at all) makes a call panic or anything but finite samples come out;
//! * nothing that starts, stops, jumps or changes makes a click: every such edge is a fade of 5 ms ([`Outlet`]) or 20 ms ([`Strip`]).

pub mod convert;
mod delay;
mod drift;
pub mod health;
pub mod limiter;
pub mod meter;
pub mod mix;
pub mod outlet;
pub mod queue;
mod ramp;
mod resample;
pub mod strip;

pub use health::{Health, HealthReport};
pub use limiter::Limiter;
pub use meter::{Levels, Meter, MeterReader};
pub use mix::{MasterSettings, Mixer, StripMeters};
pub use outlet::Outlet;
pub use queue::{Inlet, pipe};
pub use strip::{Strip, StripSettings};

/// Frames a second, everywhere in this crate.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples in a frame: left, right.
pub const CHANNELS: usize = 2;

/// Frames in a [`Block`].
pub const BLOCK_FRAMES: usize = 480;

/// Nanoseconds that a [`Block`] lasts.
pub const BLOCK_NS: u64 = 10_000_000;

/// Nanoseconds from the timestamp of a sample to the program time at which its [`Outlet`] gives it out.
///
/// A sample must be pushed within 64 ms of its timestamp (this, less a block, the fade and the resampler's look-ahead) or it is
/// too late; to start anew it takes 10 ms less. A source that is later than that by nature (a network's jitter buffer) must have its
/// own latency added to its timestamps, its pictures' as well.
pub const LATENCY_NS: u64 = 80_000_000;

/// Nanoseconds from the timestamp of a sample to the program time at which [`Mixer::mix`] gives it out: [`LATENCY_NS`] and the
/// [`Limiter`]'s look-ahead. A strip's own delay comes on top.
pub const PROGRAM_LATENCY_NS: u64 = LATENCY_NS + limiter::LOOK_AHEAD_FRAMES as u64 * 1_000_000_000 / SAMPLE_RATE as u64;

/// 10 ms of sound: [`BLOCK_FRAMES`] interleaved stereo frames. A longer slice is turned into one by `slice.try_into()`.
pub type Block = [f32; BLOCK_FRAMES * CHANNELS];

/// A block of silence.
pub const SILENCE: Block = [0.0; BLOCK_FRAMES * CHANNELS];

/// Nanoseconds between two frames.
const FRAME_NS: f64 = 1e9 / SAMPLE_RATE as f64;
