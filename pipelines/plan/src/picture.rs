//! What one frame of the program is made of, as data: groups of draws, from back to front, on black.

use pulse_show::{Crop, Fit, Rect, SourceId};

/// One frame's composition. Drawn in order on a black canvas.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    /// From back to front.
    pub groups: Vec<Group>,
}

/// Draws that fade, move and are clipped as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// From back to front.
    pub draws: Vec<Draw>,
    /// Of the whole group, 0 to 1. Below 1 the group, on black where `opaque`, is made first and then blended.
    pub opacity: f32,
    /// Only this part of the canvas is touched.
    pub clip: Area,
    /// Added to the place of every draw, in canvas pixels.
    pub offset: (f32, f32),
    /// The group covers its clip with black first (a scene does; overlays and stingers do not).
    pub opaque: bool,
}

/// One source placed on the canvas.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Whose picture.
    pub source: SourceId,
    /// Its box in canvas pixels; a size of 0 × 0 is the picture's own.
    pub rect: Rect,
    /// How it fills the box.
    pub fit: Fit,
    /// What is cut off it first.
    pub crop: Crop,
    /// Clockwise degrees around the middle of the box.
    pub rotation: f32,
    /// 0 to 1.
    pub opacity: f32,
    /// Of the box, in canvas pixels.
    pub corner_radius: f32,
}

/// A part of the canvas in whole pixels: `x0 <= x < x1`, `y0 <= y < y1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// First column.
    pub x0: u32,
    /// First row.
    pub y0: u32,
    /// One past the last column.
    pub x1: u32,
    /// One past the last row.
    pub y1: u32,
}

impl Area {
    /// The whole of a canvas.
    pub fn full(width: u32, height: u32) -> Self {
        Self { x0: 0, y0: 0, x1: width, y1: height }
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.x0 >= self.x1 || self.y0 >= self.y1
    }
}
