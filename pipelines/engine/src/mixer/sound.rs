//! The sound mixer: one block of the program's sound every 10 ms.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use pulse_plan::SoundPlan;
use pulse_show::SourceId;
use pulse_sound::{
    BLOCK_NS, Block, Levels, MasterSettings, MeterReader, Mixer, Outlet, PROGRAM_LATENCY_NS, SILENCE, StripMeters,
    StripSettings,
};

use super::ProgramTaps;
use crate::{source::program_sound_caps, tap::lock, timeline::Timeline};

/// Blocks that go on together: 20 ms.
const TOGETHER: usize = 2;
/// Being later than this means that the machine slept or stood still.
const ASLEEP_NS: u64 = 1_000_000_000;

/// The running sound mixer.
pub struct SoundMixer {
    shared: Arc<Shared>,
    meters: Mutex<BTreeMap<SourceId, StripMeters>>,
    master: MeterReader,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    mixer: Mutex<Mixer<SourceId>>,
    stop: AtomicBool,
    dropped: AtomicU64,
}

impl SoundMixer {
    /// Starts giving sound: silence until there are sources.
    pub fn start(timeline: Timeline, taps: Arc<ProgramTaps>) -> std::io::Result<Self> {
        let mixer = Mixer::new(MasterSettings::default());
        let master = mixer.meter();
        let shared =
            Arc::new(Shared { mixer: Mutex::new(mixer), stop: AtomicBool::new(false), dropped: AtomicU64::new(0) });
        let worker = Worker { shared: shared.clone(), timeline, taps, caps: program_sound_caps() };
        let thread = std::thread::Builder::new().name("mix-sound".into()).spawn(move || worker.run())?;
        Ok(Self { shared, meters: Mutex::default(), master, thread: Some(thread) })
    }

    /// Adds a source's sound, silent until a strip opens it.
    pub fn add(&self, id: &SourceId, outlet: Outlet) {
        let closed = StripSettings { gain: 0.0, ..StripSettings::default() };
        let meters = lock(&self.shared.mixer).add(id.clone(), outlet, closed);
        lock(&self.meters).insert(id.clone(), meters);
    }

    /// Fades a source's sound out and forgets it.
    pub fn remove(&self, id: &SourceId) {
        lock(&self.shared.mixer).remove(id);
        lock(&self.meters).remove(id);
    }

    /// Moves the faders.
    pub fn set(&self, plan: &SoundPlan) {
        let mut mixer = lock(&self.shared.mixer);
        mixer.set_master(MasterSettings { gain: plan.master_gain, ceiling: plan.ceiling });
        for id in lock(&self.meters).keys() {
            let strip = plan.strips.get(id);
            let settings = strip.map_or(StripSettings { gain: 0.0, ..StripSettings::default() }, |strip| {
                StripSettings { gain: strip.gain, pan: strip.pan, delay_ms: strip.delay_ms }
            });
            mixer.set_strip(id, settings);
        }
    }

    /// Each strip's meter before its fader, and the program's.
    pub fn levels(&self) -> (BTreeMap<SourceId, Levels>, Levels) {
        let strips = lock(&self.meters).iter().map(|(id, meters)| (id.clone(), meters.pre.levels())).collect();
        (strips, self.master.levels())
    }

    /// Blocks that could not be made in time.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for SoundMixer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sound mixer's thread panicked");
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    timeline: Timeline,
    taps: Arc<ProgramTaps>,
    caps: gst::Caps,
}

impl Worker {
    fn run(self) {
        let step = BLOCK_NS * TOGETHER as u64;
        let mut at = self.timeline.now();
        let mut blocks: [Block; TOGETHER] = [SILENCE; TOGETHER];
        while !self.shared.stop.load(Ordering::Acquire) {
            self.timeline.sleep_until(at + step);
            let behind = self.timeline.now().saturating_sub(at);
            if behind > ASLEEP_NS {
                self.shared.dropped.fetch_add(behind / BLOCK_NS, Ordering::Relaxed);
                at += behind;
            }
            {
                let mut mixer = lock(&self.shared.mixer);
                for (i, block) in blocks.iter_mut().enumerate() {
                    mixer.mix(at + i as u64 * BLOCK_NS, block);
                }
            }
            if self.taps.sound.is_used() {
                self.give(at, &blocks);
            }
            at += step;
        }
    }

    fn give(&self, at: u64, blocks: &[Block; TOGETHER]) {
        let Some(at) = at.checked_sub(PROGRAM_LATENCY_NS) else { return };
        let bytes: Vec<u8> = blocks.iter().flatten().flat_map(|sample| sample.to_ne_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(gst::ClockTime::from_nseconds(at));
            buffer.set_duration(gst::ClockTime::from_nseconds(BLOCK_NS * TOGETHER as u64));
        }
        self.taps.sound.give(&buffer, &self.caps);
    }
}
