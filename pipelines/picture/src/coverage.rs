//! How much of each pixel a picture with round corners or slanted edges covers.
//!
//! May import: `plane`, `spot`, `scale`, `kernel`.
//!
//! From the distance of a pixel's middle to the edge of a rounded rectangle: half a pixel inside is covered wholly, half a
//! pixel outside not at all.

use crate::{
    kernel,
    plane::Sheet,
    scale,
    spot::{Look, Turn, Window},
};

/// 0 (nothing) to 255 (all), a sample a pixel and one for two by two.
#[derive(Default)]
pub struct Coverage {
    /// A sample a pixel.
    pub luma: Sheet,
    /// A sample for two by two.
    pub chroma: Sheet,
}

/// A rounded rectangle around its middle.
struct Shape {
    cos: f64,
    sin: f64,
    middle_x: f64,
    middle_y: f64,
    half_width: f64,
    half_height: f64,
    radius: f64,
}

impl Shape {
    fn of(look: &Look) -> Self {
        let (width, height) = (look.width as f64, look.height as f64);
        let radius = look.radius;
        match look.turn {
            Turn::Quarters(_) => Self {
                cos: 1.0,
                sin: 0.0,
                middle_x: width / 2.0,
                middle_y: height / 2.0,
                half_width: width / 2.0,
                half_height: height / 2.0,
                radius,
            },
            Turn::Free { cos, sin, width, height, middle_x, middle_y } => {
                Self { cos, sin, middle_x, middle_y, half_width: width / 2.0, half_height: height / 2.0, radius }
            }
        }
    }

    fn at(&self, x: f64, y: f64) -> u8 {
        let (x, y) = (x - self.middle_x, y - self.middle_y);
        let (along, down) = (x * self.cos + y * self.sin, y * self.cos - x * self.sin);
        let out_x = along.abs() - (self.half_width - self.radius);
        let out_y = down.abs() - (self.half_height - self.radius);
        let beyond = if out_x > 0.0 && out_y > 0.0 { out_x.hypot(out_y) } else { out_x.max(out_y) };
        let distance = beyond - self.radius;
        ((0.5 - distance).clamp(0.0, 1.0) * 255.0).round() as u8
    }
}

/// The columns of row `y` that an upright shape surely covers.
fn solid(look: &Look, y: usize) -> std::ops::Range<usize> {
    let Turn::Quarters(_) = look.turn else { return 0..0 };
    let (width, height, radius) = (look.width as usize, look.height as usize, look.radius.ceil() as usize);
    if (radius..height.saturating_sub(radius)).contains(&y) { 0..width } else { radius..width.saturating_sub(radius) }
}

impl Coverage {
    /// Of `window` of `look`.
    pub fn new(look: &Look, window: Window) -> Self {
        let shape = Shape::of(look);
        let mut coverage = Self::default();
        coverage.luma.resize(window.width(), window.height());
        for row in 0..window.height() {
            let y = window.y0 + row;
            let solid = solid(look, y);
            for (x, covered) in (window.x0..window.x1).zip(coverage.luma.row_mut(row)) {
                *covered = if solid.contains(&x) { u8::MAX } else { shape.at(x as f64 + 0.5, y as f64 + 0.5) };
            }
        }
        halve(&coverage.luma, &mut coverage.chroma);
        coverage
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.luma.bytes() + self.chroma.bytes()
    }
}

/// One sample for two by two, their mean.
pub fn halve(luma: &Sheet, chroma: &mut Sheet) {
    chroma.resize(luma.width().div_ceil(2), luma.height().div_ceil(2));
    for row in 0..chroma.height() {
        let lower = (row * 2 + 1).min(luma.height() - 1);
        scale::halve(luma.row(row * 2), luma.row(lower), true, true, chroma.row_mut(row));
    }
}

/// Multiplies samples by how much of each is covered.
pub fn multiply(sheet: &mut Sheet, covered: &Sheet) {
    for row in 0..sheet.height() {
        kernel::multiply(sheet.row_mut(row), covered.row(row));
    }
}
