//! Scaling one plane: halve by means of two, then mix neighbours.
//!
//! May import: `axis`, `across`, `frame`, `kernel`, `plane`.
//!
//! Works row by row, so that what is halved is still in the nearest cache when it is mixed; only the rows and columns that
//! are wanted are looked at. Rounding happens once a halving and once a mix: within 2 of the exact value unless a
//! picture is made more than four times smaller.

use crate::{
    across::Across,
    axis::Axis,
    frame::{Frame, FrameRef},
    kernel,
    plane::{Plane, PlaneMut, Sheet},
};

/// How many worked-out [`Across`] are kept: more than any layout has columns.
const KEPT: usize = 64;

/// `picture` at half its size, each pixel the mean of four, when its sides are multiples of four and it hides all.
pub fn halved(picture: &FrameRef<'_>) -> Option<Frame> {
    if !(picture.width() | picture.height()).is_multiple_of(4) || picture.alpha().is_some() {
        return None;
    }
    let plane = |plane: Plane<'_>| {
        let mut out = vec![0; plane.width() / 2 * (plane.height() / 2)];
        for (row, out) in out.chunks_exact_mut(plane.width() / 2).enumerate() {
            halve(plane.row(row * 2), plane.row(row * 2 + 1), true, true, out);
        }
        out
    };
    let planes = [picture.y(), picture.u(), picture.v()].map(plane);
    Some(Frame::from_planes(picture.width() / 2, picture.height() / 2, planes, None))
}

/// Scales planes; keeps its tables and row buffers between calls.
#[derive(Default)]
pub struct Scaler {
    across: Vec<(Axis, Across)>,
    ring: [Vec<u8>; 2],
    steps: Vec<[Vec<u8>; 2]>,
    line: Vec<u8>,
}

impl Scaler {
    /// Shows `src` on `out`, which has `x.to - x.from` columns and `y.to - y.from` rows.
    pub fn scale(&mut self, src: Plane<'_>, x: &Axis, y: &Axis, out: &mut PlaneMut<'_>) {
        debug_assert_eq!((out.width(), out.height()), (x.to - x.from, y.to - y.from), "the output is the wanted part");
        let at = self.across_for(x);
        let across = &self.across[at].1;
        let halvings = y.halvings();
        let columns = across.end - across.first;
        let halver = Halver { src, across: x.halvings(), down: halvings, first: across.first, end: across.end };
        let taps = y.taps(halvings, 8);
        let mut rows = Rows::new(halver, columns, &mut self.ring, &mut self.steps);
        self.line.resize(columns, 0);
        for (to, at) in (y.from..y.to).enumerate() {
            let tap = taps.tap(at);
            let out = out.row_mut(to);
            match (tap.weight, across.is_copy) {
                (0, true) => rows.write(tap.index, out),
                (0, false) => {
                    rows.fetch(tap.index);
                    across.apply(rows.get(tap.index), out);
                }
                (weight, is_copy) => {
                    rows.fetch(tap.index);
                    rows.fetch(tap.next);
                    let (upper, lower, weight) = (rows.get(tap.index), rows.get(tap.next), weight);
                    if is_copy {
                        kernel::mix_rows(upper, lower, weight, out);
                    } else {
                        kernel::mix_rows(upper, lower, weight, &mut self.line);
                        across.apply(&self.line, out);
                    }
                }
            }
        }
    }

    /// Halves the whole of `src` so many times `across` and `down` into `out`.
    pub fn halve(&mut self, src: Plane<'_>, across: u32, down: u32, out: &mut Sheet) {
        let axis = |samples: usize, halvings: u32| {
            let left = samples.div_ceil(1 << halvings);
            let length = (left << halvings) as f64;
            Axis { start: 0.0, length, size: left as f64, from: 0, to: left, samples }
        };
        let (x, y) = (axis(src.width(), across), axis(src.height(), down));
        out.resize(x.to, y.to);
        self.scale(src, &x, &y, &mut out.as_plane_mut());
    }

    fn across_for(&mut self, axis: &Axis) -> usize {
        if let Some(at) = self.across.iter().position(|(of, _)| of == axis) {
            return at;
        }
        if self.across.len() == KEPT {
            self.across.clear();
        }
        self.across.push((*axis, Across::new(axis)));
        self.across.len() - 1
    }
}

/// Makes rows of the halved source, the columns `first..end` of them.
struct Halver<'a> {
    src: Plane<'a>,
    across: u32,
    down: u32,
    first: usize,
    end: usize,
}

impl Halver<'_> {
    fn steps(&self) -> u32 {
        self.across.max(self.down)
    }

    /// The columns that are needed after `step` steps, to have `first..end` after all.
    fn columns(&self, step: u32) -> (usize, usize) {
        let done = step.min(self.across);
        let to_do = self.across - done;
        (self.first << to_do, (self.end << to_do).min(self.src.width().div_ceil(1 << done)))
    }

    /// Writes row `row` of the source after `step` steps; `scratch` holds two rows for each step before.
    fn write(&self, step: u32, row: usize, scratch: &mut [[Vec<u8>; 2]], out: &mut [u8]) {
        if step == 0 {
            out.copy_from_slice(self.source(row));
            return;
        }
        let (across, down) = (step <= self.across, step <= self.down);
        let upper = if down { row * 2 } else { row };
        let rows_before = self.src.height().div_ceil(1 << (step - 1).min(self.down));
        let lower = if down { (upper + 1).min(rows_before - 1) } else { upper };
        if step == 1 {
            return halve(self.source(upper), self.source(lower), across, down, out);
        }
        let (deeper, [a, b]) = scratch.split_last_mut().map(|(last, rest)| (rest, last)).expect("two rows a step");
        let (start, end) = self.columns(step - 1);
        a.resize(end - start, 0);
        self.write(step - 1, upper, deeper, a);
        if down {
            b.resize(end - start, 0);
            self.write(step - 1, lower, deeper, b);
        }
        halve(a, if down { b } else { a }, across, down, out);
    }

    fn source(&self, row: usize) -> &[u8] {
        let (start, end) = self.columns(0);
        &self.src.row(row)[start..end]
    }
}

/// One halving; where the source has an odd number of columns the last stands for itself.
pub fn halve(upper: &[u8], lower: &[u8], across: bool, down: bool, out: &mut [u8]) {
    match (across, down) {
        (true, true) => kernel::halve_both(upper, lower, out),
        (true, false) => kernel::halve_across(upper, out),
        (false, _) => return kernel::halve_down(upper, lower, out),
    }
    if upper.len() % 2 == 1 {
        let last = out.len() - 1;
        kernel::halve_down(&upper[upper.len() - 1..], &lower[lower.len() - 1..], &mut out[last..]);
    }
}

/// The halved source as rows; the last two are kept.
struct Rows<'a> {
    halver: Halver<'a>,
    ring: &'a mut [Vec<u8>; 2],
    held: [Option<usize>; 2],
    steps: &'a mut [[Vec<u8>; 2]],
}

impl<'a> Rows<'a> {
    fn new(halver: Halver<'a>, columns: usize, ring: &'a mut [Vec<u8>; 2], steps: &'a mut Vec<[Vec<u8>; 2]>) -> Self {
        let inner = halver.steps().saturating_sub(1) as usize;
        steps.resize_with(inner, Default::default);
        for row in ring.iter_mut() {
            row.resize(columns, 0);
        }
        Self { halver, ring, held: [None; 2], steps }
    }

    fn write(&mut self, row: usize, out: &mut [u8]) {
        self.halver.write(self.halver.steps(), row, self.steps, out);
    }

    fn fetch(&mut self, row: usize) {
        let slot = row % 2;
        if self.halver.steps() > 0 && self.held[slot] != Some(row) {
            self.halver.write(self.halver.steps(), row, self.steps, &mut self.ring[slot]);
            self.held[slot] = Some(row);
        }
    }

    fn get(&self, row: usize) -> &[u8] {
        if self.halver.steps() == 0 { self.halver.source(row) } else { &self.ring[row % 2] }
    }
}
