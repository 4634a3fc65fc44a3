//! Whole pictures: borrowed ones to draw, owned ones, and the canvas that is drawn on.
//!
//! May import: `plane`.
//!
//! All are I420, BT.709, limited range (black 16, white 235). Chroma planes are `(width + 1) / 2` by `(height + 1) / 2`. Alpha, where
//! there is any, is as large as the picture and straight: colours are not multiplied by it (GStreamer's A420).
//!
//! Invariant: the planes of a picture fit each other.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::plane::{Plane, PlaneError, PlaneMut};

/// Luma of black.
pub const BLACK: u8 = 16;
/// Chroma of every grey.
pub const GREY: u8 = 128;

/// A picture to be drawn; its samples are somebody else's.
#[derive(Clone, Copy)]
pub struct FrameRef<'a> {
    width: u32,
    height: u32,
    par: (u32, u32),
    y: Plane<'a>,
    u: Plane<'a>,
    v: Plane<'a>,
    alpha: Option<Plane<'a>>,
    smaller: Option<Smaller<'a>>,
}

/// The same picture at half its size, where its maker can make one while the picture is still in the processor's cache.
#[derive(Clone, Copy)]
pub struct Smaller<'a> {
    /// The half, if it was made.
    pub frame: Option<&'a Frame>,
    /// Set when a half would have done: the maker should make one of the next pictures.
    pub wanted: &'a AtomicBool,
}

/// A picture in memory of its own: an image, a text, a slate, a canvas.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
    alpha: Option<Vec<u8>>,
}

/// A picture to be drawn on.
pub struct CanvasMut<'a> {
    /// Luma.
    pub(crate) y: PlaneMut<'a>,
    /// Blue difference.
    pub(crate) u: PlaneMut<'a>,
    /// Red difference.
    pub(crate) v: PlaneMut<'a>,
}

/// Samples of a chroma plane along a side of `pixels`.
pub(crate) fn half(pixels: u32) -> u32 {
    pixels.div_ceil(2)
}

fn fits(
    plane: &'static str,
    whole: (usize, usize),
    got: (usize, usize),
    want: (usize, usize),
) -> Result<(), PlaneError> {
    if got == want {
        return Ok(());
    }
    Err(PlaneError::Mismatch {
        plane,
        width: whole.0,
        height: whole.1,
        got_width: got.0,
        got_height: got.1,
        want_width: want.0,
        want_height: want.1,
    })
}

fn fit_together(y: (usize, usize), u: (usize, usize), v: (usize, usize)) -> Result<(), PlaneError> {
    let chroma = (y.0.div_ceil(2), y.1.div_ceil(2));
    fits("U", y, u, chroma)?;
    fits("V", y, v, chroma)
}

impl<'a> FrameRef<'a> {
    /// A picture as large as `y`, with square pixels and no alpha.
    ///
    /// # Errors
    /// [`PlaneError::Mismatch`] when a chroma plane is not half of `y`, rounded up.
    pub fn new(y: Plane<'a>, u: Plane<'a>, v: Plane<'a>) -> Result<Self, PlaneError> {
        fit_together((y.width(), y.height()), (u.width(), u.height()), (v.width(), v.height()))?;
        Ok(Self {
            width: y.width() as u32,
            height: y.height() as u32,
            par: (1, 1),
            y,
            u,
            v,
            alpha: None,
            smaller: None,
        })
    }

    /// The same picture with straight alpha.
    ///
    /// # Errors
    /// [`PlaneError::Mismatch`] when `alpha` is not as large as the picture.
    pub fn with_alpha(self, alpha: Plane<'a>) -> Result<Self, PlaneError> {
        let size = (self.y.width(), self.y.height());
        fits("alpha", size, (alpha.width(), alpha.height()), size)?;
        Ok(Self { alpha: Some(alpha), ..self })
    }

    /// The same picture with pixels `par.0 / par.1` times as wide as high. A zero in it means square.
    pub fn with_par(self, par: (u32, u32)) -> Self {
        Self { par: if par.0 == 0 || par.1 == 0 { (1, 1) } else { par }, ..self }
    }

    /// The same picture, which may be had at half its size.
    pub fn with_smaller(self, smaller: Smaller<'a>) -> Self {
        Self { smaller: Some(smaller), ..self }
    }

    /// The half of this picture, or none and the wish for one.
    pub(crate) fn half(&self) -> Option<FrameRef<'a>> {
        let smaller = self.smaller?;
        smaller.wanted.store(true, Ordering::Relaxed);
        Some(smaller.frame?.as_ref().with_par(self.par))
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width of a pixel over its height, as a fraction.
    pub fn par(&self) -> (u32, u32) {
        self.par
    }

    /// Luma.
    pub fn y(&self) -> Plane<'a> {
        self.y
    }

    /// Blue difference.
    pub fn u(&self) -> Plane<'a> {
        self.u
    }

    /// Red difference.
    pub fn v(&self) -> Plane<'a> {
        self.v
    }

    /// Straight alpha; `None` hides all that is beneath.
    pub fn alpha(&self) -> Option<Plane<'a>> {
        self.alpha
    }
}

impl Frame {
    /// An opaque picture of one colour. Sides of 0 become 1.
    pub fn flat(width: u32, height: u32, y: u8, u: u8, v: u8) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let (luma, chroma) = (area(width, height), area(half(width), half(height)));
        Self { width, height, y: vec![y; luma], u: vec![u; chroma], v: vec![v; chroma], alpha: None }
    }

    /// A black picture. Sides of 0 become 1.
    pub fn black(width: u32, height: u32) -> Self {
        Self::flat(width, height, BLACK, GREY, GREY)
    }

    /// Planes without gaps; they must be as large as the sides say.
    pub(crate) fn from_planes(width: u32, height: u32, [y, u, v]: [Vec<u8>; 3], alpha: Option<Vec<u8>>) -> Self {
        debug_assert_eq!(y.len(), area(width, height), "luma is a sample a pixel");
        debug_assert_eq!((u.len(), v.len()), (area(half(width), half(height)), u.len()), "chroma is half of luma");
        debug_assert!(alpha.as_ref().is_none_or(|alpha| alpha.len() == y.len()), "alpha is a sample a pixel");
        Self { width, height, y, u, v, alpha }
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The picture, to be drawn.
    pub fn as_ref(&self) -> FrameRef<'_> {
        let (width, height) = (self.width, self.height);
        FrameRef {
            width,
            height,
            par: (1, 1),
            y: tight(&self.y, width, height),
            u: tight(&self.u, half(width), half(height)),
            v: tight(&self.v, half(width), half(height)),
            alpha: self.alpha.as_ref().map(|alpha| tight(alpha, width, height)),
            smaller: None,
        }
    }

    /// The picture, to be drawn on. Alpha stays as it is.
    pub fn as_canvas(&mut self) -> CanvasMut<'_> {
        let (width, height) = (self.width, self.height);
        CanvasMut {
            y: tight_mut(&mut self.y, width, height),
            u: tight_mut(&mut self.u, half(width), half(height)),
            v: tight_mut(&mut self.v, half(width), half(height)),
        }
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let alpha = if self.alpha.is_some() { " with alpha" } else { "" };
        write!(f, "Frame({}x{}{alpha})", self.width, self.height)
    }
}

fn area(width: u32, height: u32) -> usize {
    width as usize * height as usize
}

fn tight(data: &[u8], width: u32, height: u32) -> Plane<'_> {
    Plane::new(data, width as usize, width as usize, height as usize)
        .expect("an owned plane is as large as its picture")
}

fn tight_mut(data: &mut [u8], width: u32, height: u32) -> PlaneMut<'_> {
    PlaneMut::new(data, width as usize, width as usize, height as usize)
        .expect("an owned plane is as large as its picture")
}

impl<'a> CanvasMut<'a> {
    /// A canvas as large as `y`.
    ///
    /// # Errors
    /// [`PlaneError::Mismatch`] when a chroma plane is not half of `y`, rounded up.
    pub fn new(y: PlaneMut<'a>, u: PlaneMut<'a>, v: PlaneMut<'a>) -> Result<Self, PlaneError> {
        fit_together((y.width(), y.height()), (u.width(), u.height()), (v.width(), v.height()))?;
        Ok(Self { y, u, v })
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.y.width() as u32
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.y.height() as u32
    }

    /// What has been drawn.
    pub fn as_ref(&self) -> FrameRef<'_> {
        FrameRef {
            width: self.width(),
            height: self.height(),
            par: (1, 1),
            y: self.y.as_plane(),
            u: self.u.as_plane(),
            v: self.v.as_plane(),
            alpha: None,
            smaller: None,
        }
    }
}
