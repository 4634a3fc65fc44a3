//! The mixer's end of a pipe: sound at the program's pace, however the source's clock runs and whatever it sends.
//!
//! Each block is either carried on from where the last one ended (copied, or resampled by up to 0.5 % while the sound is off its
//! timestamps), begun elsewhere because the timestamps jumped, or silent for want of data. A block is only carried on while the queue
//! holds [`FADE_FRAMES`] more than it needs, so there is always enough left to fade out with.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use crate::{
    BLOCK_FRAMES, BLOCK_NS, Block, CHANNELS, FRAME_NS, Health, LATENCY_NS, SAMPLE_RATE, SILENCE,
    drift::{Timeline, speed},
    queue::{CAPACITY_FRAMES, Reel},
    resample::{HISTORY, MOST_NEEDED, Varispeed},
};

/// Every edge is a fade of this many frames: 5 ms.
const FADE_FRAMES: usize = SAMPLE_RATE as usize / 200;

/// Frames past the position that must be there for a block to be carried on.
const ENOUGH: f64 = (MOST_NEEDED + FADE_FRAMES) as f64;

/// Frames past the position that must be there to begin: a block more, so that a source at the brink does not stutter.
const ENOUGH_TO_START: f64 = ENOUGH + BLOCK_FRAMES as f64;

/// A copied sound may be this many frames off (0.5 ms) before it is resampled back …
const LOOSE: f64 = 24.0;

/// … to within this many (50 µs), …
const TIGHT: f64 = 2.4;

/// … and is then copied again if its clock drifts by less than this (10 ppm).
const SAME_CLOCK: f64 = 1e-5;

/// Frames kept before the position, for the resampler to start with.
const KEPT: u64 = HISTORY as u64 + 8;

/// Frames kept of a source that has not stamped any yet: 1 s.
const KEPT_UNSTAMPED: u64 = SAMPLE_RATE as u64;

/// Sound further than this from its timestamps is begun anew at once: at 0.5 % it would be out of step with its pictures for
/// seconds. A source's first timestamps are often that wrong, until its network's delay has become known.
const ASTRAY_NS: f64 = 20e6;

/// A program time this far from the block before's end is a jump of the program, not rounding.
const PROGRAM_JUMP_NS: u64 = 1_000_000;

/// Where a pipe's sound comes out.
pub struct Outlet {
    reel: Reel,
    timeline: Timeline,
    varispeed: Varispeed,
    voice: Option<Voice>,
    due: Option<u64>,
    spare: Box<Block>,
    health: Arc<Health>,
}

/// Sound that is going on.
#[derive(Debug, Clone, Copy)]
struct Voice {
    /// Start of the line it follows.
    line: u64,
    head: Head,
}

#[derive(Debug, Clone, Copy)]
enum Head {
    /// The next frame is this one, as it is.
    Copying(u64),
    /// The resampler knows.
    Resampling,
}

/// What the next block is made of.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The voice goes on, this many frames ahead of its line.
    Carry { voice: Voice, ahead: f64, drift: f64 },
    /// A voice begins here.
    Begin { line: u64, frame: u64 },
    /// There is nothing to be heard.
    Rest,
}

impl Outlet {
    pub(crate) fn new(reel: Reel, health: Arc<Health>) -> Self {
        Self {
            reel,
            timeline: Timeline::new(),
            varispeed: Varispeed::new(),
            voice: None,
            due: None,
            spare: Box::new(SILENCE),
            health,
        }
    }

    /// How the pipe is doing; can be kept and read anywhere.
    pub fn health(&self) -> Arc<Health> {
        self.health.clone()
    }

    /// Fills `out` with the block of program time `time_ns`: the sound stamped [`LATENCY_NS`] earlier. Call it once a block, each
    /// [`BLOCK_NS`] after the last; another step of time is taken as a jump of the program, and faded over.
    pub fn read(&mut self, time_ns: u64, out: &mut Block) {
        let steady = self.due.is_none_or(|due| due.abs_diff(time_ns) <= PROGRAM_JUMP_NS);
        self.due = Some(time_ns.saturating_add(BLOCK_NS));
        let want_ns = time_ns as f64 - LATENCY_NS as f64;
        self.reel.refresh();
        while let Some(mark) = self.reel.take_mark() {
            self.timeline.take(mark, self.reel.front());
        }
        let next = self.next(want_ns, if steady { ASTRAY_NS } else { PROGRAM_JUMP_NS as f64 } / FRAME_NS);
        match next {
            Next::Carry { voice, ahead, drift } => self.carry(voice, ahead, drift, out),
            Next::Begin { line, frame } => self.begin(line, frame, out),
            Next::Rest => self.rest(out),
        }
        self.health.sounding.store(self.voice.is_some(), Relaxed);
        self.discard(want_ns);
    }

    /// The newest line that has the sound for this time wins; the one being followed is left when it is more than `limit` frames off.
    fn next(&self, want_ns: f64, limit: f64) -> Next {
        for (line, end) in self.timeline.newest_first(self.reel.end()) {
            let (end, ideal) = (end as f64, line.frame_at(want_ns));
            if let Some(voice) = self.voice.filter(|voice| voice.line == line.start) {
                let position = self.position(voice);
                let ahead = position - ideal;
                if ahead.abs() <= limit && position + ENOUGH <= end {
                    return Next::Carry { voice, ahead, drift: line.drift() };
                }
            }
            if ideal >= line.start.max(self.reel.front()) as f64 && ideal + ENOUGH_TO_START <= end {
                return Next::Begin { line: line.start, frame: ideal.round() as u64 };
            }
        }
        Next::Rest
    }

    /// The next frame of a voice.
    fn position(&self, voice: Voice) -> f64 {
        match voice.head {
            Head::Copying(next) => next as f64,
            Head::Resampling => self.varispeed.position() + 1.0,
        }
    }

    fn carry(&mut self, voice: Voice, ahead: f64, drift: f64, out: &mut Block) {
        self.health.error_ns.store((ahead * FRAME_NS) as i64, Relaxed);
        self.health.drift_ppb.store((drift * 1e9) as i64, Relaxed);
        let head = match voice.head {
            Head::Copying(next) if ahead.abs() <= LOOSE => {
                self.reel.copy(next, out);
                Head::Copying(next + BLOCK_FRAMES as u64)
            }
            Head::Copying(next) => {
                self.varispeed.start_after(&self.reel, next.saturating_sub(1));
                self.varispeed.read(&self.reel, speed(drift, ahead), out);
                Head::Resampling
            }
            Head::Resampling if ahead.abs() <= TIGHT && drift.abs() <= SAME_CLOCK => {
                let next = self.position(voice).round() as u64;
                self.varispeed.read(&self.reel, 1.0, &mut self.spare);
                self.reel.copy(next, out);
                fade(&self.spare, out, BLOCK_FRAMES);
                Head::Copying(next + BLOCK_FRAMES as u64)
            }
            Head::Resampling => {
                self.varispeed.read(&self.reel, speed(drift, ahead), out);
                Head::Resampling
            }
        };
        self.voice = Some(Voice { head, ..voice });
    }

    fn begin(&mut self, line: u64, frame: u64, out: &mut Block) {
        self.spare.fill(0.0);
        if let Some(voice) = self.voice {
            self.health.resyncs.fetch_add(1, Relaxed);
            self.fill_spare(voice);
        }
        self.reel.copy(frame, out);
        fade(&self.spare, out, FADE_FRAMES);
        self.voice = Some(Voice { line, head: Head::Copying(frame + BLOCK_FRAMES as u64) });
    }

    fn rest(&mut self, out: &mut Block) {
        out.fill(0.0);
        if let Some(voice) = self.voice.take() {
            self.health.gaps.fetch_add(1, Relaxed);
            self.fill_spare(voice);
            fade(&self.spare, out, FADE_FRAMES);
        }
    }

    /// What the voice would have gone on with, for at least the length of a fade.
    fn fill_spare(&mut self, voice: Voice) {
        match voice.head {
            Head::Copying(next) => self.reel.copy(next, &mut *self.spare),
            Head::Resampling => self.varispeed.read(&self.reel, 1.0, &mut self.spare),
        }
    }

    /// Frees what will not be wanted any more.
    fn discard(&mut self, want_ns: f64) {
        let (front, end) = (self.reel.front(), self.reel.end());
        let keep = match (self.voice, self.timeline.oldest(end)) {
            (Some(voice), _) => (self.position(voice) as u64).saturating_sub(KEPT),
            (None, None) => end.saturating_sub(KEPT_UNSTAMPED),
            (None, Some((line, line_end))) => {
                let due = line.frame_at(want_ns + BLOCK_NS as f64);
                let ahead_of_time = line.start.max(front) as f64 - due > CAPACITY_FRAMES as f64;
                let keep = if ahead_of_time { line_end } else { (due as u64).saturating_sub(KEPT).min(line_end) };
                self.health.late_frames.fetch_add(keep.saturating_sub(front), Relaxed);
                keep
            }
        };
        self.reel.discard_to(keep);
        self.timeline.forget_before(self.reel.front());
    }
}

/// Turns `out` from the sound of `old` to its own over this many frames.
fn fade(old: &Block, out: &mut Block, frames: usize) {
    let pairs = out.chunks_exact_mut(CHANNELS).zip(old.chunks_exact(CHANNELS));
    for (index, (out, old)) in pairs.take(frames).enumerate() {
        let weight = (index + 1) as f32 / (frames + 1) as f32;
        for (out, old) in out.iter_mut().zip(old) {
            *out = old + (*out - old) * weight;
        }
    }
}
