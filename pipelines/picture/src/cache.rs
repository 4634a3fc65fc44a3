//! Layers kept from frame to frame, so that what stands still is scaled once.
//!
//! May import: `layer`, `spot`, pulse-show.
//!
//! Bounded twice: layers that are not drawn for [`IDLE`] pictures are dropped, and the least recently drawn go when all together
//! hold more than [`MOST_BYTES`].

use pulse_show::SourceId;

use crate::{
    frame::FrameRef,
    layer::{Layer, Tools},
    spot::{Look, Window},
};

/// Pictures after which a layer that is not drawn is dropped: about a second.
const IDLE: u64 = 30;

/// What all layers may hold together; the one that is being drawn may go beyond it alone.
const MOST_BYTES: usize = 64 << 20;

/// What a layer shows: as long as this and the frame's stamp stay, so does the layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Whose picture.
    pub source: SourceId,
    /// How it looks.
    pub look: Look,
    /// The part that lies on the canvas.
    pub window: Window,
    /// The frame's size and whether it has alpha.
    pub shape: (u32, u32, bool),
}

struct Slot {
    key: Key,
    stamp: u64,
    /// Whether the layer shows the frame of that stamp.
    made: bool,
    /// The picture it was last drawn in.
    drawn: u64,
    layer: Layer,
}

/// Layers, by what they show.
#[derive(Default)]
pub struct Cache {
    slots: Vec<Slot>,
    now: u64,
}

impl Cache {
    /// Begins the next picture.
    pub fn next_picture(&mut self) {
        self.now += 1;
        let now = self.now;
        self.slots.retain(|slot| slot.drawn + IDLE >= now);
    }

    /// Notes that a frame is drawn; whether the very same was drawn before, so that its layer is worth making.
    pub fn seen_before(&mut self, key: &Key, stamp: u64) -> bool {
        let at = self.slot(key, stamp);
        let slot = &mut self.slots[at];
        let before = slot.stamp == stamp && slot.drawn != 0;
        slot.stamp = stamp;
        slot.made &= before;
        slot.drawn = self.now;
        before
    }

    /// The layer of a frame, made if need be.
    pub fn layer(&mut self, key: &Key, stamp: u64, frame: &FrameRef<'_>, tools: &mut Tools) -> &Layer {
        let at = self.slot(key, stamp);
        let slot = &mut self.slots[at];
        slot.drawn = self.now;
        if !slot.made || slot.stamp != stamp {
            slot.layer.make(tools, frame, &key.look, key.window);
            (slot.made, slot.stamp) = (true, stamp);
        }
        let at = self.make_room(at);
        &self.slots[at].layer
    }

    /// The slot of `key`; memory of one of the same source that was left behind serves again.
    fn slot(&mut self, key: &Key, stamp: u64) -> usize {
        if let Some(at) = self.slots.iter().position(|slot| slot.key == *key) {
            return at;
        }
        // What was drawn in the last picture may be drawn in this one yet.
        let left = |slot: &Slot| slot.key.source == key.source && slot.drawn + 1 < self.now;
        if let Some(at) = self.slots.iter().position(left) {
            let slot = &mut self.slots[at];
            slot.layer.forget();
            (slot.key, slot.stamp, slot.made, slot.drawn) = (key.clone(), stamp, false, 0);
            return at;
        }
        self.slots.push(Slot { key: key.clone(), stamp, made: false, drawn: 0, layer: Layer::default() });
        self.slots.len() - 1
    }

    /// Bytes that all layers hold.
    fn held(&self) -> usize {
        self.slots.iter().map(|slot| slot.layer.bytes()).sum()
    }

    /// Drops the least recently drawn but the one at `keep`, until the rest may stay; where that one is then.
    fn make_room(&mut self, mut keep: usize) -> usize {
        let mut held = self.held();
        while held > MOST_BYTES && self.slots.len() > 1 {
            let others = self.slots.iter().enumerate().filter(|(at, _)| *at != keep);
            let Some((oldest, _)) = others.min_by_key(|(_, slot)| slot.drawn) else { break };
            held -= self.slots.swap_remove(oldest).layer.bytes();
            if keep == self.slots.len() {
                keep = oldest;
            }
        }
        keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frame::Frame, spot::Turn};

    /// A picture with round corners, `side` pixels wide and high.
    fn key(source: &str, side: u16) -> Key {
        let (side, pixels) = (usize::from(side), f64::from(side));
        let look = Look {
            src: [0.0, 0.0, pixels, pixels],
            width: side as i64,
            height: side as i64,
            turn: Turn::Quarters(0),
            radius: 4.0,
        };
        let window = Window { x0: 0, y0: 0, x1: side, y1: side };
        Key { source: SourceId::from(source), look, window, shape: (side as u32, side as u32, false) }
    }

    #[test]
    fn many_large_layers_stay_within_bounds() {
        let (mut cache, mut tools) = (Cache::default(), Tools::default());
        let frame = Frame::black(2048, 2048);
        cache.next_picture();
        // Each holds its three planes, its mask and its coverage: 15 MB.
        for number in 0..12 {
            cache.layer(&key(&number.to_string(), 2048), 1, &frame.as_ref(), &mut tools);
            assert!(cache.held() <= MOST_BYTES, "{} bytes after {number}", cache.held());
        }
        assert_eq!(cache.slots.len(), 4);
        assert!(cache.slots.iter().all(|slot| slot.made));
    }

    #[test]
    fn what_is_drawn_no_more_is_dropped() {
        let (mut cache, mut tools) = (Cache::default(), Tools::default());
        let frame = Frame::black(64, 64);
        cache.next_picture();
        cache.layer(&key("gone", 64), 1, &frame.as_ref(), &mut tools);
        for _ in 0..IDLE + 1 {
            cache.next_picture();
            cache.layer(&key("stays", 64), 1, &frame.as_ref(), &mut tools);
        }
        assert_eq!(cache.slots.iter().map(|slot| slot.key.source.as_str()).collect::<Vec<_>>(), ["stays"]);
    }

    #[test]
    fn a_moving_look_does_not_pile_up() {
        let (mut cache, mut tools) = (Cache::default(), Tools::default());
        let frame = Frame::black(64, 64);
        for side in 20..40 {
            cache.next_picture();
            cache.layer(&key("slides", side), 1, &frame.as_ref(), &mut tools);
        }
        assert!(cache.slots.len() <= 2, "{} slots for one source", cache.slots.len());
    }
}
