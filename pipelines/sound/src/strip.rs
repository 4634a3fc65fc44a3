//! A strip of the mixer: delay, gain and pan of one source, and the meter behind the fader.

use crate::{
    Block, CHANNELS, Meter, MeterReader,
    delay::Delay,
    ramp::{self, Ramp},
};

pub use crate::delay::MAX_DELAY_MS;

/// The most that a fader or the master amplifies: 40 dB.
pub const MAX_GAIN: f32 = 100.0;

/// How a strip stands, mute, solo and audio-follows-video already resolved into the gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StripSettings {
    /// Linear, 0 to [`MAX_GAIN`]; 1 changes nothing.
    pub gain: f32,
    /// -1 (left) to 1 (right). A balance: the middle changes nothing, towards a side the other channel is turned down.
    pub pan: f32,
    /// Milliseconds, 0 to [`MAX_DELAY_MS`].
    pub delay_ms: u32,
}

impl Default for StripSettings {
    fn default() -> Self {
        Self { gain: 1.0, pan: 0.0, delay_ms: 0 }
    }
}

/// A strip. Whatever is changed changes over 20 ms.
pub struct Strip {
    delay: Delay,
    gains: [Ramp; CHANNELS],
    meter: Meter,
}

impl Strip {
    /// A strip that stands as `settings` say from the first frame. Values out of range are brought into it.
    pub fn new(settings: StripSettings) -> Self {
        Self { delay: Delay::new(settings.delay_ms), gains: gains(settings).map(Ramp::at), meter: Meter::new() }
    }

    /// Changes it. Values out of range are brought into it.
    pub fn set(&mut self, settings: StripSettings) {
        self.delay.set(settings.delay_ms);
        for (ramp, gain) in self.gains.iter_mut().zip(gains(settings)) {
            ramp.head_for(gain);
        }
    }

    /// Turns it down for good.
    pub(crate) fn close(&mut self) {
        self.gains.iter_mut().for_each(|ramp| ramp.head_for(0.0));
    }

    /// Whether it gives nothing but silence, whatever comes in.
    pub(crate) fn is_silent(&self) -> bool {
        self.gains.iter().all(|ramp| ramp.steady() == Some(0.0))
    }

    /// Works on the next block.
    pub fn process(&mut self, block: &mut Block) {
        self.delay.process(block);
        ramp::apply(&mut self.gains, block);
        self.meter.take(block);
    }

    /// Reads the level behind the fader.
    pub fn meter(&self) -> MeterReader {
        self.meter.reader()
    }
}

/// Gains of left and right.
fn gains(settings: StripSettings) -> [f32; CHANNELS] {
    let gain = sane_gain(settings.gain);
    let pan = if settings.pan.is_nan() { 0.0 } else { settings.pan.clamp(-1.0, 1.0) };
    [gain * (1.0 - pan).min(1.0), gain * (1.0 + pan).min(1.0)]
}

/// A gain within 0 to [`MAX_GAIN`]; 0 for what is not a number.
pub(crate) fn sane_gain(gain: f32) -> f32 {
    if gain.is_nan() { 0.0 } else { gain.clamp(0.0, MAX_GAIN) }
}
