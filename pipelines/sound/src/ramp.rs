//! A value that moves to its target in a straight line, frame by frame.

use crate::SAMPLE_RATE;

/// Frames that every change takes: 20 ms.
pub(crate) const RAMP_FRAMES: u32 = SAMPLE_RATE / 50;

/// A gain, standing or on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    value: f32,
    target: f32,
    step: f32,
    left: u32,
}

impl Ramp {
    /// Stands at `value`.
    pub(crate) fn at(value: f32) -> Self {
        Self { value, target: value, step: 0.0, left: 0 }
    }

    /// Heads for `target`, to be reached in [`RAMP_FRAMES`] from wherever it is.
    pub(crate) fn head_for(&mut self, target: f32) {
        if target != self.target {
            self.target = target;
            self.left = RAMP_FRAMES;
            self.step = (target - self.value) / RAMP_FRAMES as f32;
        }
    }

    /// The value if it stands still.
    pub(crate) fn steady(&self) -> Option<f32> {
        (self.left == 0).then_some(self.value)
    }

    /// Moves on by a frame; the value there.
    pub(crate) fn advance(&mut self) -> f32 {
        if self.left > 0 {
            self.left -= 1;
            self.value = self.target - self.step * self.left as f32;
        }
        self.value
    }
}

/// Multiplies the channels of a block by a gain each.
pub(crate) fn apply(gains: &mut [Ramp; crate::CHANNELS], block: &mut crate::Block) {
    let [left, right] = gains;
    match (left.steady(), right.steady()) {
        (Some(1.0), Some(1.0)) => {}
        (Some(left), Some(right)) => {
            for frame in block.as_chunks_mut::<2>().0 {
                frame[0] *= left;
                frame[1] *= right;
            }
        }
        _ => {
            for frame in block.as_chunks_mut::<2>().0 {
                frame[0] *= left.advance();
                frame[1] *= right.advance();
            }
        }
    }
}
