//! Where a picture comes to lie: from a draw's box, fit and crop to what is shown of the source and where.
//!
//! May import: pulse-show, pulse-plan. Pure.

use pulse_plan::Draw;
use pulse_show::{Crop, Fit, Rect};

/// What is shown of a source and where, before rotation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// In source pixels; never beyond the source.
    pub src: Rect,
    /// In canvas pixels; its middle is the middle of the draw's box.
    pub dst: Rect,
}

/// Places a source of `width` by `height` pixels, each `par.0 / par.1` times as wide as high.
///
/// `None` when nothing is to be seen: a box or a crop that leaves nothing, or coordinates that are not numbers.
pub fn place(draw: &Draw, width: u32, height: u32, par: (u32, u32)) -> Option<Placement> {
    let src = cropped(draw.crop, width, height)?;
    let par = if par.0 == 0 || par.1 == 0 { 1.0 } else { par.0 as f32 / par.1 as f32 };
    // What the source's part measures on a screen with square pixels.
    let (shape_width, shape_height) = (src.width * par, src.height);
    let frame = draw.rect;
    if ![frame.x, frame.y, frame.width, frame.height].iter().all(|value| value.is_finite()) {
        return None;
    }
    if frame.width == 0.0 && frame.height == 0.0 {
        return Some(Placement { src, dst: Rect { width: shape_width, height: shape_height, ..frame } });
    }
    if frame.width <= 0.0 || frame.height <= 0.0 {
        return None;
    }
    let (across, down) = (frame.width / shape_width, frame.height / shape_height);
    let placement = match draw.fit {
        Fit::Stretch => Placement { src, dst: frame },
        Fit::Contain => {
            let scale = across.min(down);
            Placement { src, dst: centred(frame, shape_width * scale, shape_height * scale) }
        }
        Fit::Cover => {
            let scale = across.max(down);
            let (shown_width, shown_height) = (frame.width / (scale * par), frame.height / scale);
            Placement { src: centred(src, shown_width.min(src.width), shown_height.min(src.height)), dst: frame }
        }
    };
    (placement.src.width > 0.0 && placement.src.height > 0.0).then_some(placement)
}

fn cropped(crop: Crop, width: u32, height: u32) -> Option<Rect> {
    let side = |before: f32, after: f32, pixels: u32| {
        let (before, after) = (before.clamp(0.0, 1.0), after.clamp(0.0, 1.0));
        let left = 1.0 - before - after;
        // NaN fails this too.
        (left > 0.0).then_some((before * pixels as f32, left * pixels as f32))
    };
    let (x, width) = side(crop.left, crop.right, width)?;
    let (y, height) = side(crop.top, crop.bottom, height)?;
    (width > 0.0 && height > 0.0).then_some(Rect { x, y, width, height })
}

fn centred(outer: Rect, width: f32, height: f32) -> Rect {
    Rect { x: outer.x + (outer.width - width) / 2.0, y: outer.y + (outer.height - height) / 2.0, width, height }
}
