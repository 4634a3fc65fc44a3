//! Turning a plane: by right angles exactly, by any other angle by looking up where each pixel comes from.
//!
//! May import: `plane`, `spot`.

use crate::{
    plane::{Plane, Sheet},
    spot::{Grain, Look, Turn, Window},
};

/// Blocks of this side are turned at a time, so that both reading and writing stay in the cache.
const BLOCK: usize = 32;

/// Fractions of a sample in free turning.
const FRACTION_BITS: u32 = 16;

/// The window of an unturned plane of `width` by `height` samples that shows up in `window` after `quarters` right angles
/// clockwise. All in samples of that plane.
pub fn before_quarters(quarters: u8, window: Window, (width, height): (usize, usize)) -> Window {
    let Window { x0, y0, x1, y1 } = window;
    match quarters {
        1 => Window { x0: y0, x1: y1, y0: height - x1, y1: height - x0 },
        2 => Window { x0: width - x1, x1: width - x0, y0: height - y1, y1: height - y0 },
        3 => Window { x0: width - y1, x1: width - y0, y0: x0, y1: x1 },
        _ => window,
    }
}

/// Turns `from` by `quarters` right angles clockwise into `to`.
pub fn quarters(quarters: u8, from: &Sheet, to: &mut Sheet) {
    let (width, height) = (from.width(), from.height());
    if quarters == 2 {
        to.resize(width, height);
        for y in 0..height {
            let row = from.row(height - 1 - y).iter().rev();
            to.row_mut(y).iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        }
        return;
    }
    to.resize(height, width);
    for top in (0..width).step_by(BLOCK) {
        for left in (0..height).step_by(BLOCK) {
            let right = (left + BLOCK).min(height);
            for y in top..(top + BLOCK).min(width) {
                let row = &mut to.row_mut(y)[left..right];
                for (x, to) in (left..right).zip(row) {
                    *to = if quarters == 1 { from.row(height - 1 - x)[y] } else { from.row(x)[width - 1 - y] };
                }
            }
        }
    }
}

/// Shows the part of `plane` (the source, halved `across` and `down` times) that `look` wants, freely turned, on `to`, which is
/// `window` of it. Only where `covered` is not 0.
pub fn free(
    look: &Look,
    grain: Grain,
    window: Window,
    (plane, across, down): (Plane<'_>, u32, u32),
    covered: &Sheet,
    to: &mut Sheet,
) {
    let Turn::Free { cos, sin, width, height, middle_x, middle_y } = look.turn else { return };
    let pitch = grain.pitch();
    let [src_x, src_y, src_width, src_height] = look.src;
    let (per_x, per_y) = (src_width / width, src_height / height);
    let (unit_x, unit_y) = (pitch * f64::from(1_u32 << across), pitch * f64::from(1_u32 << down));
    let fixed = |value: f64| (value * f64::from(1_u32 << FRACTION_BITS)).round() as i64;
    let span = |start: f64, length: f64, unit: f64, samples: usize| {
        let low = ((start / unit + 1e-6).floor() as i64).clamp(0, samples as i64 - 1);
        let high = (((start + length) / unit - 1e-6).ceil() as i64 - 1).clamp(low, samples as i64 - 1);
        (low << FRACTION_BITS, high << FRACTION_BITS)
    };
    let (low_x, high_x) = span(src_x, src_width, unit_x, plane.width());
    let (low_y, high_y) = span(src_y, src_height, unit_y, plane.height());
    let (step_x, step_y) = (fixed(cos * pitch * per_x / unit_x), fixed(-sin * pitch * per_y / unit_y));
    to.resize(window.width(), window.height());
    for row in 0..window.height() {
        let covered = covered.row(row);
        let Some(first) = covered.iter().position(|&covered| covered > 0) else { continue };
        let end = covered.iter().rposition(|&covered| covered > 0).map_or(first, |last| last + 1);
        let x = ((window.x0 + first) as f64 + 0.5) * pitch - middle_x;
        let y = ((window.y0 + row) as f64 + 0.5) * pitch - middle_y;
        let mut at_x = fixed((src_x + (x * cos + y * sin + width / 2.0) * per_x) / unit_x - 0.5);
        let mut at_y = fixed((src_y + (y * cos - x * sin + height / 2.0) * per_y) / unit_y - 0.5);
        for to in &mut to.row_mut(row)[first..end] {
            *to = between(plane, at_x.clamp(low_x, high_x), at_y.clamp(low_y, high_y));
            at_x += step_x;
            at_y += step_y;
        }
    }
}

/// The mix of the four samples around a place in 65536ths; the place lies within the plane.
fn between(plane: Plane<'_>, x: i64, y: i64) -> u8 {
    let split = |at: i64| ((at >> FRACTION_BITS) as usize, (at >> (FRACTION_BITS - 8)) as u32 & 0xff);
    let ((x, right), (y, below)) = (split(x), split(y));
    let (next_x, next_y) = ((x + 1).min(plane.width() - 1), (y + 1).min(plane.height() - 1));
    let (upper, lower) = (plane.row(y), plane.row(next_y));
    let across = |row: &[u8]| u32::from(row[x]) * (256 - right) + u32::from(row[next_x]) * right;
    ((across(upper) * (256 - below) + across(lower) * below + (1 << 15)) >> 16) as u8
}
