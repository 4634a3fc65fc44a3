//! A small RGBA canvas for letters.
//!
//! May import: `color`, `frame`.

use crate::{color, frame::Frame};

/// Pixels with straight alpha.
pub struct Pixels {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

impl Pixels {
    /// `width` by `height` pixels, neither of them 0, of one colour.
    pub fn new(width: u32, height: u32, color: [u8; 4]) -> Self {
        Self { width, height, rgba: color.repeat(width as usize * height as usize) }
    }

    /// Lays a colour with alpha over one pixel; outside nothing happens.
    pub fn over(&mut self, x: i32, y: i32, [r, g, b, alpha]: [u8; 4]) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= self.width || y >= self.height || alpha == 0 {
            return;
        }
        let at = (y as usize * self.width as usize + x as usize) * 4;
        let (color, under) = self.rgba[at..at + 4].split_at_mut(3);
        let (over, beneath) = (u32::from(alpha) * 255, u32::from(under[0]) * (255 - u32::from(alpha)));
        let both = over + beneath;
        for (old, new) in color.iter_mut().zip([r, g, b]) {
            *old = ((u32::from(new) * over + u32::from(*old) * beneath + both / 2) / both) as u8;
        }
        under[0] = ((both + 127) / 255) as u8;
    }

    /// As a picture to be drawn.
    pub fn to_frame(&self) -> Frame {
        color::rgba_to_frame(self.width, self.height, &self.rgba).expect("four bytes a pixel")
    }
}
