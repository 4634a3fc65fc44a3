//! One component of a picture: borrowed 8-bit samples in rows.
//!
//! May import: nothing of this crate.
//!
//! Invariant: a plane that exists has at least one row and one column, and every row lies within its data. All else here
//! indexes on the strength of that.

/// Why samples are not a plane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaneError {
    /// No rows or no columns.
    #[error("a plane of {width}x{height} samples holds no picture; give it at least one row and one column")]
    Empty {
        /// Samples a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The rows overlap.
    #[error(
        "a plane's rows of {width} samples do not fit a stride of {stride} bytes; the stride must be at least the width"
    )]
    Stride {
        /// Samples a row.
        width: usize,
        /// Bytes from row to row.
        stride: usize,
    },
    /// The last row ends beyond the data.
    #[error(
        "a plane of {width}x{height} samples at a stride of {stride} bytes needs {needed} bytes and has {len}; the buffer is cut short"
    )]
    Short {
        /// Samples a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes from row to row.
        stride: usize,
        /// Bytes there should be.
        needed: usize,
        /// Bytes there are.
        len: usize,
    },
    /// The planes of one picture do not belong together.
    #[error(
        "the {plane} plane of a {width}x{height} picture is {got_width}x{got_height} samples and should be {want_width}x{want_height}"
    )]
    Mismatch {
        /// Which.
        plane: &'static str,
        /// Pixels.
        width: usize,
        /// Pixels.
        height: usize,
        /// Samples a row, as given.
        got_width: usize,
        /// Rows, as given.
        got_height: usize,
        /// Samples a row, as needed.
        want_width: usize,
        /// Rows, as needed.
        want_height: usize,
    },
}

/// Samples to be read.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    data: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

/// Samples to be written.
pub struct PlaneMut<'a> {
    data: &'a mut [u8],
    stride: usize,
    width: usize,
    height: usize,
}

fn check(len: usize, stride: usize, width: usize, height: usize) -> Result<(), PlaneError> {
    if width == 0 || height == 0 {
        return Err(PlaneError::Empty { width, height });
    }
    if stride < width {
        return Err(PlaneError::Stride { width, stride });
    }
    let needed = stride.saturating_mul(height - 1).saturating_add(width);
    if len < needed {
        return Err(PlaneError::Short { width, height, stride, needed, len });
    }
    Ok(())
}

impl<'a> Plane<'a> {
    /// `height` rows of `width` samples, each `stride` bytes after the one before.
    ///
    /// # Errors
    /// [`PlaneError`] when the rows are none, overlap or are not all there.
    pub fn new(data: &'a [u8], stride: usize, width: usize, height: usize) -> Result<Self, PlaneError> {
        check(data.len(), stride, width, height)?;
        Ok(Self { data, stride, width, height })
    }

    /// Samples a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Row `y`, counted from the top. Panics beyond the last row, as a slice does.
    pub fn row(&self, y: usize) -> &'a [u8] {
        let start = y * self.stride;
        &self.data[start..start + self.width]
    }
}

impl<'a> PlaneMut<'a> {
    /// `height` rows of `width` samples, each `stride` bytes after the one before.
    ///
    /// # Errors
    /// [`PlaneError`] when the rows are none, overlap or are not all there.
    pub fn new(data: &'a mut [u8], stride: usize, width: usize, height: usize) -> Result<Self, PlaneError> {
        check(data.len(), stride, width, height)?;
        Ok(Self { data, stride, width, height })
    }

    /// Samples a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Row `y`, counted from the top. Panics beyond the last row, as a slice does.
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        let start = y * self.stride;
        &mut self.data[start..start + self.width]
    }

    /// The same samples, to be read.
    pub fn as_plane(&self) -> Plane<'_> {
        Plane { data: self.data, stride: self.stride, width: self.width, height: self.height }
    }
}

impl PlaneMut<'_> {
    /// The part of `width` by `height` samples from column `x` and row `y`, none of them 0; all within the plane.
    pub(crate) fn part(&mut self, x: usize, y: usize, width: usize, height: usize) -> PlaneMut<'_> {
        debug_assert!(x + width <= self.width && y + height <= self.height, "a part lies within its plane");
        let (stride, start) = (self.stride, y * self.stride + x);
        let end = start + (height - 1) * stride + width;
        PlaneMut { data: &mut self.data[start..end], stride, width, height }
    }
}

/// Samples of our own, without gaps, for work in between. May be empty.
#[derive(Default)]
pub(crate) struct Sheet {
    data: Vec<u8>,
    width: usize,
    height: usize,
}

impl Sheet {
    /// Makes it `width` by `height` samples; what they hold is left open.
    pub fn resize(&mut self, width: usize, height: usize) {
        self.data.resize(width * height, 0);
        (self.width, self.height) = (width, height);
    }

    /// As large as `other`, and the same.
    pub fn copy_of(&mut self, other: &Sheet) {
        self.resize(other.width, other.height);
        self.data.copy_from_slice(&other.data);
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// Bytes held, used or not.
    pub fn bytes(&self) -> usize {
        self.data.capacity()
    }

    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..][..self.width]
    }

    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.data[y * self.width..][..self.width]
    }

    /// The samples, to be read; only of a sheet that is not empty.
    pub fn as_plane(&self) -> Plane<'_> {
        Plane { data: &self.data, stride: self.width, width: self.width, height: self.height }
    }

    /// The samples, to be written; only of a sheet that is not empty.
    pub fn as_plane_mut(&mut self) -> PlaneMut<'_> {
        PlaneMut { data: &mut self.data, stride: self.width, width: self.width, height: self.height }
    }
}
