//! Where a draw lands on the output: from canvas coordinates to whole output pixels.
//!
//! May import: `place`, `axis`, `region`, pulse-show, pulse-plan.
//!
//! Invariant: a spot begins at an even column and row, so that its chroma samples are the canvas's. Scaled pictures end at even
//! ones too, so that neighbours in a grid meet without a gap; a picture shown pixel by pixel keeps its size.

use pulse_plan::{Area, Draw};

use crate::{axis::Axis, place::Placement, region};

/// No picture is shown larger than this, in output pixels; beyond it nothing of it could be told apart.
const LARGEST: f64 = 1e8;

/// A draw on the output.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Left edge in output pixels, even; may lie outside.
    pub x: i64,
    /// Top edge in output pixels, even; may lie outside.
    pub y: i64,
    /// What is there.
    pub look: Look,
}

/// How a picture looks, wherever it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The part of the source: left, top, width, height in luma samples.
    pub src: [f64; 4],
    /// Columns of the upright box around it.
    pub width: i64,
    /// Rows of the upright box around it.
    pub height: i64,
    /// How it is turned.
    pub turn: Turn,
    /// Of its corners, in output pixels.
    pub radius: f64,
}

/// How a picture is turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turn {
    /// This many right angles clockwise, 0 to 3.
    Quarters(u8),
    /// By any other angle.
    Free {
        /// Of the angle.
        cos: f64,
        /// Of the angle.
        sin: f64,
        /// Before it was turned, in output pixels.
        width: f64,
        /// Before it was turned, in output pixels.
        height: f64,
        /// The middle, from the left edge of the upright box.
        middle_x: f64,
        /// The middle, from the top edge of the upright box.
        middle_y: f64,
    },
}

/// A part of a [`Look`]: columns and rows of its upright box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub x0: usize,
    /// First row.
    pub y0: usize,
    /// One past the last column.
    pub x1: usize,
    /// One past the last row.
    pub y1: usize,
}

/// Whether a plane has a sample a pixel or one for two by two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// A sample a pixel.
    Luma,
    /// A sample for two by two.
    Chroma,
}

impl Window {
    pub fn width(&self) -> usize {
        self.x1 - self.x0
    }

    pub fn height(&self) -> usize {
        self.y1 - self.y0
    }

    /// The same part in samples of a plane.
    pub fn of(self, grain: Grain) -> Self {
        match grain {
            Grain::Luma => self,
            Grain::Chroma => {
                let [x0, y0, x1, y1] = [self.x0, self.y0, self.x1, self.y1].map(|edge| edge.div_ceil(2));
                Self { x0, y0, x1, y1 }
            }
        }
    }
}

impl Grain {
    /// Luma samples along one of its own.
    pub fn pitch(self) -> f64 {
        match self {
            Self::Luma => 1.0,
            Self::Chroma => 2.0,
        }
    }
}

fn even(x: f64) -> i64 {
    (x / 2.0).round() as i64 * 2
}

impl Spot {
    /// Where `placement` lands when canvas coordinates are moved by `offset` and then multiplied by `scale`.
    ///
    /// `None` when it is nowhere: not numbers, or larger than can be drawn.
    pub fn new(draw: &Draw, placement: &Placement, offset: (f32, f32), scale: (f64, f64)) -> Option<Self> {
        let Placement { src, dst } = placement;
        let src = [src.x, src.y, src.width, src.height].map(f64::from);
        if !(offset.0.is_finite() && offset.1.is_finite()) {
            return None;
        }
        let middle_x = (f64::from(dst.x) + f64::from(dst.width) / 2.0 + f64::from(offset.0)) * scale.0;
        let middle_y = (f64::from(dst.y) + f64::from(dst.height) / 2.0 + f64::from(offset.1)) * scale.1;
        let (width, height) = (f64::from(dst.width), f64::from(dst.height));
        let reach = middle_x.abs().max(middle_y.abs()) + (width + height) * scale.0.max(scale.1);
        let angle = f64::from(draw.rotation).rem_euclid(360.0);
        // Written so that what is not a number fails.
        if !(reach < LARGEST && angle.is_finite() && draw.corner_radius.is_finite()) {
            return None;
        }
        let radius = f64::from(draw.corner_radius) * scale.0.min(scale.1);
        let quarters = (angle / 90.0).round();
        if (angle - quarters * 90.0).abs() < 0.01 {
            let quarters = quarters as u8 % 4;
            let (width, height) = if quarters % 2 == 1 { (height, width) } else { (width, height) };
            let size = (width * scale.0, height * scale.1);
            Some(Self::upright(src, (middle_x, middle_y), size, quarters, radius))
        } else {
            let size = (width * scale.0, height * scale.1);
            Some(Self::slanted(src, (middle_x, middle_y), size, angle.to_radians(), radius))
        }
    }

    fn upright(src: [f64; 4], middle: (f64, f64), size: (f64, f64), quarters: u8, radius: f64) -> Self {
        let own = if quarters % 2 == 1 { (src[3], src[2]) } else { (src[2], src[3]) };
        let (left, top) = (middle.0 - size.0 / 2.0, middle.1 - size.1 / 2.0);
        let (x, y) = (even(left), even(top));
        let pixel_by_pixel = (size.0 - own.0).abs() < 0.05 && (size.1 - own.1).abs() < 0.05;
        let (width, height) = if pixel_by_pixel {
            ((own.0.round() as i64).max(1), (own.1.round() as i64).max(1))
        } else {
            ((even(left + size.0) - x).max(2), (even(top + size.1) - y).max(2))
        };
        let radius = rounded(radius, width as f64, height as f64);
        Self { x, y, look: Look { src, width, height, turn: Turn::Quarters(quarters), radius } }
    }

    fn slanted(src: [f64; 4], middle: (f64, f64), (width, height): (f64, f64), angle: f64, radius: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        // One more pixel all around holds the soft edge.
        let across = (width * cos.abs() + height * sin.abs()) / 2.0 + 1.0;
        let down = (width * sin.abs() + height * cos.abs()) / 2.0 + 1.0;
        let floor = |x: f64| (x / 2.0).floor() as i64 * 2;
        let ceil = |x: f64| (x / 2.0).ceil() as i64 * 2;
        let (x, y) = (floor(middle.0 - across), floor(middle.1 - down));
        let turn = Turn::Free { cos, sin, width, height, middle_x: middle.0 - x as f64, middle_y: middle.1 - y as f64 };
        let radius = rounded(radius, width, height);
        let (width, height) = (ceil(middle.0 + across) - x, ceil(middle.1 + down) - y);
        Self { x, y, look: Look { src, width, height, turn, radius } }
    }

    /// The part of an output of `width` by `height` pixels that it touches; may be empty.
    pub fn area(&self, width: u32, height: u32) -> Area {
        let edge = |at: i64, side: u32| at.clamp(0, i64::from(side)) as u32;
        Area {
            x0: edge(self.x, width),
            y0: edge(self.y, height),
            x1: edge(self.x + self.look.width, width),
            y1: edge(self.y + self.look.height, height),
        }
    }

    /// The part of it that lies on `area`, which it touches.
    pub fn window(&self, area: Area) -> Window {
        let edge = |at: u32, from: i64| (i64::from(at) - from).max(0) as usize;
        Window {
            x0: edge(area.x0, self.x),
            y0: edge(area.y0, self.y),
            x1: edge(area.x1, self.x),
            y1: edge(area.y1, self.y),
        }
    }
}

/// A radius too small to be seen is none; one too large for its box is as large as can be.
fn rounded(radius: f64, width: f64, height: f64) -> f64 {
    if radius < 0.5 { 0.0 } else { radius.min(width / 2.0).min(height / 2.0) }
}

impl Look {
    /// How a plane of `samples` (columns, rows) is scaled to show `window`, which is in samples of that plane and before turning.
    pub fn axes(&self, grain: Grain, samples: (usize, usize), window: Window) -> (Axis, Axis) {
        let (width, height) = self.unturned();
        let pitch = grain.pitch();
        let axis = |start: f64, length: f64, size: i64, from: usize, to: usize, samples: usize| Axis {
            start: start / pitch,
            length: length / pitch,
            size: size as f64 / pitch,
            from,
            to,
            samples,
        };
        let [x, y, across, down] = self.src;
        (
            axis(x, across, width, window.x0, window.x1, samples.0),
            axis(y, down, height, window.y0, window.y1, samples.1),
        )
    }

    /// Columns and rows before it is turned by its right angles.
    pub fn unturned(&self) -> (i64, i64) {
        match self.turn {
            Turn::Quarters(1 | 3) => (self.height, self.width),
            _ => (self.width, self.height),
        }
    }

    /// Whether all of its box is filled: neither soft edges nor round corners.
    pub fn is_whole(&self) -> bool {
        matches!(self.turn, Turn::Quarters(_)) && self.radius == 0.0
    }

    /// Whether its samples are the source's, without any scaling.
    pub fn is_copy(&self) -> bool {
        self.turn == Turn::Quarters(0)
            && self.src[2] == self.width as f64
            && self.src[3] == self.height as f64
            && self.src[0].rem_euclid(2.0) == 0.0
            && self.src[1].rem_euclid(2.0) == 0.0
    }
}

/// The part of a plane that `area` is, in its samples.
pub fn grained(area: Area, grain: Grain) -> Area {
    match grain {
        Grain::Luma => area,
        Grain::Chroma => region::chroma(area),
    }
}
