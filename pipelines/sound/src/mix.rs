//! The mixer: every strip's sound summed into the program.

use std::collections::BTreeMap;

use crate::{
    Block, CHANNELS, Limiter, Meter, MeterReader, Outlet, SILENCE, Strip, StripSettings,
    ramp::{self, Ramp},
    strip::sane_gain,
};

/// How the program stands after all strips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MasterSettings {
    /// Linear, 0 (mute) to [`MAX_GAIN`](crate::strip::MAX_GAIN).
    pub gain: f32,
    /// Where the limiter holds peaks, linear; `None` for no limiter.
    pub ceiling: Option<f32>,
}

impl Default for MasterSettings {
    fn default() -> Self {
        Self { gain: 1.0, ceiling: None }
    }
}

/// The meters of a strip.
#[derive(Debug, Clone)]
pub struct StripMeters {
    /// Before delay and fader: what comes from the source.
    pub pre: MeterReader,
    /// Behind the fader: what goes into the program.
    pub post: MeterReader,
}

/// A mixer whose strips are known by keys `K`.
///
/// [`Mixer::mix`], [`Mixer::set_strip`], [`Mixer::set_master`] and [`Mixer::stems`] neither allocate nor free; [`Mixer::add`] and
/// [`Mixer::remove`] do, briefly, so they may be called between two blocks.
pub struct Mixer<K> {
    channels: BTreeMap<K, Box<Channel>>,
    /// Fading out, or done with it and waiting to be freed.
    leaving: Vec<Box<Channel>>,
    gains: [Ramp; CHANNELS],
    limiter: Limiter,
    meter: Meter,
}

struct Channel {
    outlet: Outlet,
    pre: Meter,
    strip: Strip,
    /// As it came from the source.
    block: Block,
}

impl<K: Ord> Mixer<K> {
    /// A mixer without strips. Values out of range are brought into it.
    pub fn new(master: MasterSettings) -> Self {
        Self {
            channels: BTreeMap::new(),
            leaving: Vec::new(),
            gains: [Ramp::at(sane_gain(master.gain)); CHANNELS],
            limiter: Limiter::new(master.ceiling),
            meter: Meter::new(),
        }
    }

    /// Adds a strip. One that has this key already is faded out and replaced.
    pub fn add(&mut self, key: K, outlet: Outlet, settings: StripSettings) -> StripMeters {
        self.remove(&key);
        let channel = Box::new(Channel { outlet, pre: Meter::new(), strip: Strip::new(settings), block: SILENCE });
        let meters = StripMeters { pre: channel.pre.reader(), post: channel.strip.meter() };
        self.channels.insert(key, channel);
        meters
    }

    /// Changes a strip over 20 ms; gives `false` if there is none of this key.
    pub fn set_strip(&mut self, key: &K, settings: StripSettings) -> bool {
        self.channels.get_mut(key).map(|channel| channel.strip.set(settings)).is_some()
    }

    /// Fades a strip out over 20 ms and forgets it; gives `false` if there is none of this key.
    pub fn remove(&mut self, key: &K) -> bool {
        self.leaving.retain(|channel| !channel.strip.is_silent());
        let Some(mut channel) = self.channels.remove(key) else { return false };
        channel.strip.close();
        self.leaving.push(channel);
        true
    }

    /// Changes the program's gain (over 20 ms) and the limiter's ceiling.
    pub fn set_master(&mut self, master: MasterSettings) {
        self.gains.iter_mut().for_each(|ramp| ramp.head_for(sane_gain(master.gain)));
        self.limiter.set_ceiling(master.ceiling);
    }

    /// Reads the program's level, behind master gain and limiter.
    pub fn meter(&self) -> MeterReader {
        self.meter.reader()
    }

    /// Fills `out` with the program's block at `program_time_ns`: sound stamped [`PROGRAM_LATENCY_NS`](crate::PROGRAM_LATENCY_NS)
    /// earlier. Call it once a block, each [`BLOCK_NS`](crate::BLOCK_NS) after the last.
    pub fn mix(&mut self, program_time_ns: u64, out: &mut Block) {
        out.fill(0.0);
        let leaving = self.leaving.iter_mut().filter(|channel| !channel.strip.is_silent());
        for channel in self.channels.values_mut().chain(leaving) {
            channel.outlet.read(program_time_ns, &mut channel.block);
            channel.pre.take(&channel.block);
            let mut heard = channel.block;
            channel.strip.process(&mut heard);
            for (out, heard) in out.iter_mut().zip(heard) {
                *out += heard;
            }
        }
        ramp::apply(&mut self.gains, out);
        self.limiter.process(out);
        self.meter.take(out);
    }

    /// What each source gave to the last [`Mixer::mix`], before delay and fader, in the order of the keys: for recording stems. It is
    /// the sound stamped [`LATENCY_NS`](crate::LATENCY_NS) before that block's program time.
    pub fn stems(&self) -> impl Iterator<Item = (&K, &Block)> {
        self.channels.iter().map(|(key, channel)| (key, &channel.block))
    }
}
