//! A draw as it will lie on the canvas: scaled, turned and cut to shape, ready to be laid over what is there.
//!
//! May import: everything but `compose` and `cache`.
//!
//! Where a layer has a mask its samples are already multiplied by it: what is transparent is 0, so that neither scaling nor
//! blending can pull colour out of what is not seen.

use pulse_plan::Area;

use crate::{
    axis::Axis,
    coverage::{self, Coverage},
    frame::{CanvasMut, FrameRef},
    kernel,
    plane::{Plane, PlaneMut, Sheet},
    region,
    scale::Scaler,
    spot::{Grain, Look, Turn, Window, grained},
    turn,
};

/// What the making of layers needs and keeps.
#[derive(Default)]
pub struct Tools {
    pub scaler: Scaler,
    unturned: Sheet,
    multiplied: Multiplied,
}

/// A source with alpha, its samples multiplied by it.
#[derive(Default)]
struct Multiplied {
    y: Sheet,
    u: Sheet,
    v: Sheet,
    chroma_alpha: Sheet,
}

/// A draw, made ready.
#[derive(Default)]
pub struct Layer {
    y: Sheet,
    u: Sheet,
    v: Sheet,
    mask: Option<Mask>,
    coverage: Option<Coverage>,
}

/// What of a layer is seen.
#[derive(Default)]
struct Mask {
    luma: Sheet,
    chroma: Sheet,
    /// For each row of chroma the columns of luma, the first one even, outside of which nothing is seen.
    spans: Vec<(usize, usize)>,
}

impl Multiplied {
    fn set(&mut self, frame: &FrameRef<'_>, alpha: Plane<'_>) {
        self.chroma_alpha.resize(frame.u().width(), frame.u().height());
        for row in 0..self.chroma_alpha.height() {
            let (upper, lower) = (alpha.row(row * 2), alpha.row((row * 2 + 1).min(alpha.height() - 1)));
            crate::scale::halve(upper, lower, true, true, self.chroma_alpha.row_mut(row));
        }
        product(frame.y(), alpha, &mut self.y);
        product(frame.u(), self.chroma_alpha.as_plane(), &mut self.u);
        product(frame.v(), self.chroma_alpha.as_plane(), &mut self.v);
    }
}

fn product(plane: Plane<'_>, factor: Plane<'_>, out: &mut Sheet) {
    out.resize(plane.width(), plane.height());
    for row in 0..plane.height() {
        kernel::product(plane.row(row), factor.row(row), out.row_mut(row));
    }
}

impl Layer {
    /// Makes `window` of `look` out of `frame`. What was made for another look or window must have been [`Layer::forget`]ten.
    pub fn make(&mut self, tools: &mut Tools, frame: &FrameRef<'_>, look: &Look, window: Window) {
        let Tools { scaler, unturned, multiplied } = tools;
        let Self { y, u, v, mask, coverage } = self;
        if !look.is_whole() && coverage.is_none() {
            *coverage = Some(Coverage::new(look, window));
        }
        let mut show = Show { look, window, coverage: coverage.as_ref(), scaler, scratch: unturned };
        let Some(alpha) = frame.alpha() else {
            show.plane(frame.y(), Grain::Luma, y);
            show.plane(frame.u(), Grain::Chroma, u);
            show.plane(frame.v(), Grain::Chroma, v);
            *mask = coverage.as_ref().map(|coverage| {
                let mut mask = mask.take().unwrap_or_default();
                mask.luma.copy_of(&coverage.luma);
                mask.chroma.copy_of(&coverage.chroma);
                mask
            });
            return self.finish();
        };
        multiplied.set(frame, alpha);
        show.plane(multiplied.y.as_plane(), Grain::Luma, y);
        show.plane(multiplied.u.as_plane(), Grain::Chroma, u);
        show.plane(multiplied.v.as_plane(), Grain::Chroma, v);
        let mask = mask.get_or_insert_default();
        show.plane(alpha, Grain::Luma, &mut mask.luma);
        show.plane(multiplied.chroma_alpha.as_plane(), Grain::Chroma, &mut mask.chroma);
        if let Some(coverage) = coverage {
            coverage::multiply(&mut mask.luma, &coverage.luma);
            coverage::multiply(&mut mask.chroma, &coverage.chroma);
        }
        self.finish();
    }

    fn finish(&mut self) {
        if let Some(coverage) = &self.coverage {
            coverage::multiply(&mut self.y, &coverage.luma);
            coverage::multiply(&mut self.u, &coverage.chroma);
            coverage::multiply(&mut self.v, &coverage.chroma);
        }
        if let Some(mask) = &mut self.mask {
            mask.find_spans();
        }
    }

    /// Lets go of what depends on look and window; memory is kept for the next.
    pub fn forget(&mut self) {
        self.coverage = None;
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let mask = self.mask.as_ref().map_or(0, |mask| mask.luma.bytes() + mask.chroma.bytes());
        let coverage = self.coverage.as_ref().map_or(0, Coverage::bytes);
        self.y.bytes() + self.u.bytes() + self.v.bytes() + mask + coverage
    }

    /// Lays it over `out` with its upper left sample at `origin` (even), on `area` alone and as strongly as `opacity` says.
    pub fn lay(&self, out: &mut CanvasMut<'_>, origin: (u32, u32), area: Area, opacity: u8) {
        let mask = self.mask.as_ref();
        let luma = mask.map(|mask| (&mask.luma, mask.spans.as_slice()));
        let chroma = mask.map(|mask| (&mask.chroma, mask.spans.as_slice()));
        lay(&self.y, luma, &mut out.y, Grain::Luma, (origin, area, opacity));
        lay(&self.u, chroma, &mut out.u, Grain::Chroma, (origin, area, opacity));
        lay(&self.v, chroma, &mut out.v, Grain::Chroma, (origin, area, opacity));
    }
}

type Masked<'a> = Option<(&'a Sheet, &'a [(usize, usize)])>;

fn lay(
    sheet: &Sheet,
    mask: Masked<'_>,
    out: &mut PlaneMut<'_>,
    grain: Grain,
    (origin, area, opacity): ((u32, u32), Area, u8),
) {
    let pitch = if grain == Grain::Luma { 1 } else { 2 };
    let (left, top) = (origin.0 as usize / pitch, origin.1 as usize / pitch);
    let area = grained(area, grain);
    for y in area.y0 as usize..area.y1 as usize {
        let (mut x0, mut x1) = (area.x0 as usize, area.x1 as usize);
        if let Some((_, spans)) = mask {
            let (start, end) = spans[(y - top) * pitch / 2];
            (x0, x1) = (x0.max(left + start / pitch), x1.min(left + end.div_ceil(pitch)));
        }
        if x0 >= x1 {
            continue;
        }
        let (out, part) = (&mut out.row_mut(y)[x0..x1], x0 - left..x1 - left);
        let row = &sheet.row(y - top)[part.clone()];
        match (mask, opacity) {
            (None, u8::MAX) => out.copy_from_slice(row),
            (None, _) => kernel::fade(out, row, opacity),
            (Some((mask, _)), u8::MAX) => kernel::lay_over(out, row, &mask.row(y - top)[part]),
            (Some((mask, _)), _) => kernel::lay_over_faded(out, row, &mask.row(y - top)[part], opacity),
        }
    }
}

impl Mask {
    fn find_spans(&mut self) {
        self.spans.clear();
        for row in 0..self.chroma.height() {
            let upper = self.luma.row(row * 2);
            let lower = self.luma.row((row * 2 + 1).min(self.luma.height() - 1));
            let (a, b) = (seen(upper), seen(lower));
            let span = if a.is_empty() {
                b
            } else if b.is_empty() {
                a
            } else {
                a.start.min(b.start)..a.end.max(b.end)
            };
            self.spans.push((span.start & !1, span.end));
        }
    }
}

/// From the first to the last sample that is not 0, in steps that are quick to look through.
fn seen(row: &[u8]) -> std::ops::Range<usize> {
    const STEP: usize = 64;
    let is_seen = |step: &[u8]| step.iter().fold(0, |all, sample| all | sample) != 0;
    let Some(first) = row.chunks(STEP).position(is_seen) else { return 0..0 };
    let last = row.chunks(STEP).rposition(is_seen).unwrap_or(first);
    first * STEP..((last + 1) * STEP).min(row.len())
}

/// How planes of one source are brought to one look.
struct Show<'a> {
    look: &'a Look,
    window: Window,
    coverage: Option<&'a Coverage>,
    scaler: &'a mut Scaler,
    scratch: &'a mut Sheet,
}

impl Show<'_> {
    fn plane(&mut self, plane: Plane<'_>, grain: Grain, to: &mut Sheet) {
        let window = self.window.of(grain);
        match self.look.turn {
            Turn::Quarters(0) => self.scale(plane, grain, window, to),
            Turn::Quarters(quarters) => {
                let (width, height) = self.look.unturned();
                let pitch = if grain == Grain::Luma { 1 } else { 2 };
                let size = ((width as usize).div_ceil(pitch), (height as usize).div_ceil(pitch));
                let before = turn::before_quarters(quarters, window, size);
                let mut unturned = std::mem::take(self.scratch);
                self.scale(plane, grain, before, &mut unturned);
                turn::quarters(quarters, &unturned, to);
                *self.scratch = unturned;
            }
            Turn::Free { width, height, .. } => {
                let Some(coverage) = self.coverage else { return };
                let covered = if grain == Grain::Luma { &coverage.luma } else { &coverage.chroma };
                let halvings = |length: f64, size: f64, samples: usize| {
                    Axis { start: 0.0, length, size, from: 0, to: 0, samples }.halvings()
                };
                let across = halvings(self.look.src[2], width, plane.width());
                let down = halvings(self.look.src[3], height, plane.height());
                if across == 0 && down == 0 {
                    return turn::free(self.look, grain, window, (plane, 0, 0), covered, to);
                }
                self.scaler.halve(plane, across, down, self.scratch);
                turn::free(self.look, grain, window, (self.scratch.as_plane(), across, down), covered, to);
            }
        }
    }

    fn scale(&mut self, plane: Plane<'_>, grain: Grain, window: Window, to: &mut Sheet) {
        to.resize(window.width(), window.height());
        let (x, y) = self.look.axes(grain, (plane.width(), plane.height()), window);
        self.scaler.scale(plane, &x, &y, &mut to.as_plane_mut());
    }
}

/// Scales `frame` straight into `area` of `out`, where `look` shows it whole, unturned and with its upper left corner at `origin`.
pub fn draw(
    scaler: &mut Scaler,
    frame: &FrameRef<'_>,
    look: &Look,
    origin: (i64, i64),
    area: Area,
    out: &mut CanvasMut<'_>,
) {
    let planes = [
        (frame.y(), Grain::Luma, &mut out.y),
        (frame.u(), Grain::Chroma, &mut out.u),
        (frame.v(), Grain::Chroma, &mut out.v),
    ];
    for (plane, grain, out) in planes {
        let area = grained(area, grain);
        if area.is_empty() {
            continue;
        }
        let pitch = if grain == Grain::Luma { 1 } else { 2 };
        let edge = |at: u32, from: i64| (i64::from(at) - from / pitch) as usize;
        let window = Window {
            x0: edge(area.x0, origin.0),
            y0: edge(area.y0, origin.1),
            x1: edge(area.x1, origin.0),
            y1: edge(area.y1, origin.1),
        };
        let (x, y) = look.axes(grain, (plane.width(), plane.height()), window);
        let mut part = out.part(area.x0 as usize, area.y0 as usize, window.width(), window.height());
        scaler.scale(plane, &x, &y, &mut part);
    }
}

/// Makes `area` of `out` black.
pub fn blacken(out: &mut CanvasMut<'_>, area: Area) {
    let planes = [
        (&mut out.y, area, crate::frame::BLACK),
        (&mut out.u, region::chroma(area), crate::frame::GREY),
        (&mut out.v, region::chroma(area), crate::frame::GREY),
    ];
    for (plane, area, value) in planes {
        for y in area.y0..area.y1 {
            plane.row_mut(y as usize)[area.x0 as usize..area.x1 as usize].fill(value);
        }
    }
}

/// Fades `area` of `out` towards `other`, which is as large: 255 copies it.
pub fn fade(out: &mut CanvasMut<'_>, other: &FrameRef<'_>, area: Area, opacity: u8) {
    let planes = [
        (&mut out.y, other.y(), area),
        (&mut out.u, other.u(), region::chroma(area)),
        (&mut out.v, other.v(), region::chroma(area)),
    ];
    for (plane, other, area) in planes {
        let columns = area.x0 as usize..area.x1 as usize;
        for y in area.y0 as usize..area.y1 as usize {
            let (out, row) = (&mut plane.row_mut(y)[columns.clone()], &other.row(y)[columns.clone()]);
            if opacity == u8::MAX { out.copy_from_slice(row) } else { kernel::fade(out, row, opacity) }
        }
    }
}
