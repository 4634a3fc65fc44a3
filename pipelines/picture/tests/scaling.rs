//! Scaling against a slow and plain one in floating point.

mod common;

use common::*;
use std::sync::atomic::AtomicBool;

use pulse_picture::{Compositor, Frame, FrameRef, Smaller, halved};
use pulse_plan::Draw;
use pulse_show::{Fit, SourceId};

/// Luma in floating point.
struct Plain {
    width: usize,
    height: usize,
    data: Vec<f64>,
}

impl Plain {
    fn of(frame: &FrameRef<'_>) -> Self {
        let (width, height) = (frame.y().width(), frame.y().height());
        let data = (0..height).flat_map(|y| frame.y().row(y).iter().map(|&luma| f64::from(luma))).collect();
        Self { width, height, data }
    }

    fn at(&self, x: usize, y: usize) -> f64 {
        self.data[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }

    /// Means of two, across or down; the last stands for itself where there is no other.
    fn halved(&self, across: bool) -> Self {
        let (width, height) =
            if across { (self.width.div_ceil(2), self.height) } else { (self.width, self.height.div_ceil(2)) };
        let mean = |x: usize, y: usize| {
            let (a, b) = if across { ((x * 2, y), (x * 2 + 1, y)) } else { ((x, y * 2), (x, y * 2 + 1)) };
            (self.at(a.0, a.1) + self.at(b.0, b.1)) / 2.0
        };
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| mean(x, y)).collect();
        Self { width, height, data }
    }

    /// Halved while at least twice too large, then mixed from the four nearest.
    fn scaled(mut self, width: usize, height: usize) -> Self {
        let (mut across, mut down) = (self.width as f64 / width as f64, self.height as f64 / height as f64);
        while across >= 2.0 && self.width > 1 {
            self = self.halved(true);
            across /= 2.0;
        }
        while down >= 2.0 && self.height > 1 {
            self = self.halved(false);
            down /= 2.0;
        }
        let split = |at: f64, last: usize| {
            let at = at.clamp(0.0, last as f64);
            (at.floor() as usize, at - at.floor())
        };
        let mix = |x: usize, y: usize| {
            let (left, right) = split((x as f64 + 0.5) * across - 0.5, self.width - 1);
            let (top, below) = split((y as f64 + 0.5) * down - 0.5, self.height - 1);
            let row = |y| self.at(left, y) * (1.0 - right) + self.at(left + 1, y) * right;
            row(top) * (1.0 - below) + row(top + 1) * below
        };
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| mix(x, y)).collect();
        Self { width, height, data }
    }
}

fn smooth(width: u32, height: u32) -> Frame {
    painted(width, height, |x, y| {
        let grey = (x * 170 / width + y * 85 / height) as u8;
        [grey, grey, grey, 255]
    })
}

/// Noise, between two greys that leave room for no rounding at the ends.
fn noise(width: u32, height: u32) -> Frame {
    painted(width, height, |x, y| {
        let mut state = (x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b)) | 1;
        for _ in 0..3 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
        }
        let grey = state as u8;
        [grey, grey, grey, 255]
    })
}

#[test]
fn scaling_is_that_of_plain_arithmetic() {
    let sizes = [
        ((1280, 720), (640, 360)),
        ((1280, 720), (426, 240)),
        ((640, 360), (960, 540)),
        ((320, 180), (212, 120)),
        ((641, 361), (320, 180)),
        ((641, 361), (96, 54)),
        ((96, 54), (480, 270)),
        ((500, 40), (50, 400)),
        ((3, 3), (64, 64)),
        ((2000, 1000), (30, 20)),
        ((127, 65), (126, 64)),
    ];
    for ((width, height), (to_width, to_height)) in sizes {
        // A level for the mixing and its weights, and for each halving half a one.
        let halvings =
            f64::from(width / to_width).max(1.0).log2().floor() + f64::from(height / to_height).max(1.0).log2().floor();
        let allowed = (1.0 + halvings / 2.0).max(2.0);
        for (name, source) in [("smooth", smooth(width, height)), ("noise", noise(width, height))] {
            let stage = Stage::default().with("a", source.clone());
            let box_ = rect(0.0, 0.0, to_width as f32, to_height as f32);
            let out = stage.compose(&scene(vec![Draw { fit: Fit::Stretch, ..draw("a", box_) }]), to_width, to_height);
            let plain = Plain::of(&source.as_ref()).scaled(to_width as usize, to_height as usize);
            for y in 0..to_height as usize {
                for (x, &got) in out.as_ref().y().row(y).iter().enumerate() {
                    let off = (f64::from(got) - plain.at(x, y)).abs();
                    assert!(
                        off <= allowed,
                        "{name} {width}x{height} to {to_width}x{to_height}: off by {off:.2} at {x},{y}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_part_of_a_scaled_picture_is_that_part() {
    // Whether all of it is on the canvas, some or, behind a clip, a stripe: each pixel is the same.
    let stage = Stage::default().with("a", noise(300, 200));
    let place = |x: f32, y: f32| scene(vec![Draw { fit: Fit::Stretch, ..draw("a", rect(x, y, 211.0, 133.0)) }]);
    let whole = stage.compose(&place(0.0, 0.0), 240, 160);
    let beyond = stage.compose(&place(-50.0, -36.0), 240, 160);
    for y in 0..96 {
        assert_eq!(whole.as_ref().y().row(y + 36)[50..210], beyond.as_ref().y().row(y)[0..160], "row {y}");
    }
    let mut striped = place(0.0, 0.0);
    striped.groups[0].clip = pulse_plan::Area { x0: 33, y0: 21, x1: 101, y1: 77 };
    let stripe = stage.compose(&striped, 240, 160);
    for y in 21..77 {
        assert_eq!(whole.as_ref().y().row(y)[33..101], stripe.as_ref().y().row(y)[33..101], "row {y}");
    }
    for y in 11..39 {
        assert_eq!(whole.as_ref().u().row(y)[17..51], stripe.as_ref().u().row(y)[17..51], "chroma row {y}");
    }
}

#[test]
fn a_half_made_before_is_taken_where_it_is_enough_and_wished_for_where_it_is_missing() {
    let whole = painted(256, 144, |x, y| [(x * 7 % 256) as u8, (y * 5 % 256) as u8, ((x + y) * 3 % 256) as u8, 255]);
    let half = halved(&whole.as_ref()).unwrap();
    assert!(halved(&painted(258, 144, |_, _| [0; 4]).as_ref()).is_none(), "half of an odd chroma plane is not exact");
    let red = flat(128, 72, RED);
    let show = |frame: Option<&Frame>, rect| {
        let wanted = AtomicBool::new(false);
        let mut out = Frame::black(256, 144);
        let smaller = Smaller { frame, wanted: &wanted };
        let find = |_: &SourceId| Some((whole.as_ref().with_smaller(smaller), 1));
        Compositor::new(256, 144).compose(&scene(vec![draw("a", rect)]), &find, &mut out.as_canvas());
        (out, wanted.into_inner())
    };
    let (quarter, larger) = (rect(64.0, 36.0, 128.0, 72.0), rect(0.0, 0.0, 130.0, 74.0));
    let (without, wished) = show(None, quarter);
    assert!(wished);
    assert_eq!(show(Some(&half), quarter), (without, true), "the same picture either way");
    assert_region(&show(Some(&red), quarter).0, [64, 36, 192, 108], RED);
    let (plain, wished) = show(None, larger);
    assert!(!wished, "a half is too small for this");
    assert_eq!(show(Some(&red), larger), (plain, false));
}
