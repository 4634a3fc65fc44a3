//! A small stage: flat colours as sources, pictures drawn, regions looked at.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;

use pulse_picture::{Compositor, Frame, FrameRef, mean_rgb, rgba_to_frame};
use pulse_plan::{Area, Draw, Group, Picture};
use pulse_show::{Crop, Fit, Rect, SourceId};

pub const RED: [u8; 3] = [220, 30, 30];
pub const GREEN: [u8; 3] = [30, 200, 40];
pub const BLUE: [u8; 3] = [40, 60, 230];
pub const YELLOW: [u8; 3] = [230, 210, 20];
pub const WHITE: [u8; 3] = [255, 255, 255];
pub const BLACK: [u8; 3] = [0, 0, 0];

/// Frames by source, each with its stamp and the shape of its pixels.
#[derive(Default)]
pub struct Stage {
    frames: BTreeMap<SourceId, (Frame, u64, (u32, u32))>,
}

impl Stage {
    /// Shows `frame` as `source` from now on, as a picture of its own.
    pub fn with(mut self, source: &str, frame: Frame) -> Self {
        self.set(source, frame, 1);
        self
    }

    pub fn with_par(mut self, source: &str, frame: Frame, par: (u32, u32)) -> Self {
        self.frames.insert(SourceId::from(source), (frame, 1, par));
        self
    }

    pub fn set(&mut self, source: &str, frame: Frame, stamp: u64) {
        self.frames.insert(SourceId::from(source), (frame, stamp, (1, 1)));
    }

    pub fn get(&self, source: &SourceId) -> Option<(FrameRef<'_>, u64)> {
        self.frames.get(source).map(|(frame, stamp, par)| (frame.as_ref().with_par(*par), *stamp))
    }

    /// `picture` on a canvas of `width` by `height`.
    pub fn compose(&self, picture: &Picture, width: u32, height: u32) -> Frame {
        self.compose_with(&mut Compositor::new(width, height), picture, width, height)
    }

    pub fn compose_with(&self, compositor: &mut Compositor, picture: &Picture, width: u32, height: u32) -> Frame {
        // What was on the canvas before must not shine through.
        let mut out = Frame::flat(width, height, 200, 10, 240);
        compositor.compose(picture, &|source| self.get(source), &mut out.as_canvas());
        out
    }
}

pub fn flat(width: u32, height: u32, [r, g, b]: [u8; 3]) -> Frame {
    flat_alpha(width, height, [r, g, b, 255])
}

pub fn flat_alpha(width: u32, height: u32, color: [u8; 4]) -> Frame {
    rgba_to_frame(width, height, &color.repeat((width * height) as usize)).unwrap()
}

/// A picture of four quarters: upper left, upper right, lower left, lower right.
pub fn quarters(width: u32, height: u32, colors: [[u8; 3]; 4]) -> Frame {
    painted(width, height, |x, y| {
        let [r, g, b] = colors[usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2)];
        [r, g, b, 255]
    })
}

pub fn painted(width: u32, height: u32, color: impl Fn(u32, u32) -> [u8; 4]) -> Frame {
    let pixels: Vec<u8> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| color(x, y)).collect();
    rgba_to_frame(width, height, &pixels).unwrap()
}

pub fn rect(x: f32, y: f32, width: f32, height: f32) -> Rect {
    Rect { x, y, width, height }
}

pub fn draw(source: &str, rect: Rect) -> Draw {
    Draw {
        source: SourceId::from(source),
        rect,
        fit: Fit::Contain,
        crop: Crop::default(),
        rotation: 0.0,
        opacity: 1.0,
        corner_radius: 0.0,
    }
}

/// One opaque group on the whole canvas.
pub fn scene(draws: Vec<Draw>) -> Picture {
    Picture { groups: vec![group(draws)] }
}

pub fn group(draws: Vec<Draw>) -> Group {
    // Larger than any canvas here: clips are cut to it.
    Group { draws, opacity: 1.0, clip: Area::full(10_000, 10_000), offset: (0.0, 0.0), opaque: true }
}

/// Asserts that the middle of a region, without a rim that scaling may soften, has a colour.
#[track_caller]
pub fn assert_region(frame: &Frame, [x0, y0, x1, y1]: [u32; 4], expected: [u8; 3]) {
    let rim = if x1 - x0 > 8 && y1 - y0 > 8 { 2 } else { 0 };
    let area = Area { x0: x0 + rim, y0: y0 + rim, x1: x1 - rim, y1: y1 - rim };
    let got = mean_rgb(&frame.as_ref(), area).expect("the region is on the canvas");
    let off = got.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
    assert!(off <= Some(6), "region {x0},{y0} to {x1},{y1} is {got:?} and should be {expected:?}");
}

/// Asserts the colour around one pixel.
#[track_caller]
pub fn assert_at(frame: &Frame, x: u32, y: u32, expected: [u8; 3]) {
    assert_region(frame, [x & !1, y & !1, (x & !1) + 2, (y & !1) + 2], expected);
}
