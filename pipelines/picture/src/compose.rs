//! The mixer's eye: draws one [`Picture`] onto a canvas.
//!
//! May import: everything in this crate but `image`, `text` and `slate`.
//!
//! First the picture is turned into a list of [`Op`]s on whole output pixels; then, from front to back, each is told which part of
//! it will be seen; then they are carried out from back to front. What is hidden is neither scaled nor cleared, opaque pictures
//! are scaled straight into the canvas, and only what stands still or has to be blended goes through a layer of its own.

use pulse_plan::{Area, Draw, Group, Picture};
use pulse_show::SourceId;

use crate::{
    cache::{Cache, Key},
    frame::{CanvasMut, Frame, FrameRef},
    layer::{self, Tools},
    place::{Placement, place},
    region,
    spot::Spot,
};

/// Draws pictures onto canvases; one for each stream of pictures, since it keeps what stands still.
pub struct Compositor {
    width: u32,
    height: u32,
    tools: Tools,
    cache: Cache,
    scratch: Option<Frame>,
}

/// One thing to be done on the canvas.
struct Op<'f> {
    what: What<'f>,
    /// All that it touches.
    area: Area,
    /// What of that will be seen.
    seen: Vec<Area>,
}

#[allow(
    clippy::large_enum_variant,
    reason = "a handful a frame, on the stack: boxing them would allocate on the frame's path"
)]
enum What<'f> {
    Black,
    Draw(Item<'f>),
    /// Done aside and then faded in.
    Group(Vec<Op<'f>>, u8),
}

/// A frame at its place.
struct Item<'f> {
    frame: FrameRef<'f>,
    stamp: u64,
    key: Key,
    spot: Spot,
    /// Where its window begins on the canvas.
    origin: (u32, u32),
    opacity: u8,
}

/// Looks frames up and turns canvas coordinates into output pixels.
struct Planner<'a, 'f> {
    frames: &'a dyn Fn(&SourceId) -> Option<(FrameRef<'f>, u64)>,
    scale: (f64, f64),
    width: u32,
    height: u32,
}

impl Compositor {
    /// For pictures whose coordinates are on a canvas of `width` by `height` pixels.
    pub fn new(width: u32, height: u32) -> Self {
        let (tools, cache) = (Tools::default(), Cache::default());
        Self { width: width.max(1), height: height.max(1), tools, cache, scratch: None }
    }

    /// Draws `picture` over the whole of `out`, which may be smaller or larger than the canvas: everything is then scaled with it.
    ///
    /// `frames` gives the frame that a source shows now, and a stamp: two frames of one source with equal stamps are the same
    /// picture, and what was made of the first serves for the second. A source without a frame draws nothing.
    pub fn compose<'f>(
        &mut self,
        picture: &Picture,
        frames: &dyn Fn(&SourceId) -> Option<(FrameRef<'f>, u64)>,
        out: &mut CanvasMut<'_>,
    ) {
        let (width, height) = (out.width(), out.height());
        let scale = (f64::from(width) / f64::from(self.width), f64::from(height) / f64::from(self.height));
        let planner = Planner { frames, scale, width, height };
        let mut ops = vec![Op::new(What::Black, Area::full(width, height))];
        for group in &picture.groups {
            planner.group(group, &mut ops);
        }
        find_seen(&mut ops);
        self.cache.next_picture();
        self.run(&ops, out);
    }

    fn run(&mut self, ops: &[Op<'_>], out: &mut CanvasMut<'_>) {
        for op in ops {
            match &op.what {
                What::Black => op.seen.iter().for_each(|&area| layer::blacken(out, area)),
                What::Draw(item) => {
                    let area = region::around(&op.seen);
                    if !area.is_empty() {
                        self.draw(item, area, out);
                    }
                }
                What::Group(ops, opacity) => {
                    let area = region::around(&op.seen);
                    if !area.is_empty() {
                        self.group(ops, *opacity, area, out);
                    }
                }
            }
        }
    }

    fn draw(&mut self, item: &Item<'_>, area: Area, out: &mut CanvasMut<'_>) {
        let look = &item.spot.look;
        let straight = item.hides_all() && look.turn == crate::spot::Turn::Quarters(0);
        if straight && (look.is_copy() || !self.cache.seen_before(&item.key, item.stamp)) {
            let origin = (item.spot.x, item.spot.y);
            return layer::draw(&mut self.tools.scaler, &item.frame, look, origin, area, out);
        }
        let layer = self.cache.layer(&item.key, item.stamp, &item.frame, &mut self.tools);
        layer.lay(out, item.origin, area, item.opacity);
    }

    /// Does `ops` on a copy of the canvas and fades the canvas towards it: the same as if they were one picture seen through
    /// `opacity`.
    fn group(&mut self, ops: &[Op<'_>], opacity: u8, area: Area, out: &mut CanvasMut<'_>) {
        let (width, height) = (out.width(), out.height());
        let mut scratch = match self.scratch.take() {
            Some(scratch) if (scratch.width(), scratch.height()) == (width, height) => scratch,
            _ => Frame::black(width, height),
        };
        let mut aside = scratch.as_canvas();
        if !matches!(ops.first(), Some(Op { what: What::Black, .. })) {
            layer::fade(&mut aside, &out.as_ref(), area, u8::MAX);
        }
        self.run(ops, &mut aside);
        layer::fade(out, &aside.as_ref(), area, opacity);
        self.scratch = Some(scratch);
    }
}

impl<'f> Planner<'_, 'f> {
    fn group(&self, group: &Group, ops: &mut Vec<Op<'f>>) {
        let clip = self.clip(group.clip);
        let opacity = level(group.opacity);
        if clip.is_empty() || opacity == 0 {
            return;
        }
        let black = group.opaque.then(|| Op::new(What::Black, clip));
        let draws = group.draws.iter().filter_map(|draw| self.draw(draw, group.offset, clip));
        let mut own: Vec<_> = black.into_iter().chain(draws).collect();
        match own.as_mut_slice() {
            _ if opacity == u8::MAX => ops.append(&mut own),
            [] => {}
            // One draw seen through both opacities is the same as the two one after the other, without the detour.
            [Op { what: What::Draw(item), .. }] => {
                item.opacity = level(f32::from(item.opacity) / 255.0 * group.opacity);
                ops.append(&mut own);
            }
            _ => {
                find_seen(&mut own);
                let areas: Vec<_> = own.iter().map(|op| op.area).collect();
                ops.push(Op::new(What::Group(own, opacity), region::around(&areas)));
            }
        }
    }

    fn draw(&self, draw: &Draw, offset: (f32, f32), clip: Area) -> Option<Op<'f>> {
        let opacity = level(draw.opacity);
        if opacity == 0 {
            return None;
        }
        let (frame, stamp) = (self.frames)(&draw.source)?;
        let placement = place(draw, frame.width(), frame.height(), frame.par())?;
        let (frame, placement) = self.smallest(draw, frame, placement);
        let spot = Spot::new(draw, &placement, offset, self.scale)?;
        let on_canvas = spot.area(self.width, self.height);
        let area = region::overlap(on_canvas, clip);
        if area.is_empty() {
            return None;
        }
        let shape = (frame.width(), frame.height(), frame.alpha().is_some());
        let key = Key { source: draw.source.clone(), look: spot.look.clone(), window: spot.window(on_canvas), shape };
        let origin = (on_canvas.x0, on_canvas.y0);
        Some(Op::new(What::Draw(Item { frame, stamp, key, spot, origin, opacity }), area))
    }

    /// The half of `frame` and its placement where that is enough.
    fn smallest(&self, draw: &Draw, frame: FrameRef<'f>, placement: Placement) -> (FrameRef<'f>, Placement) {
        let (src, dst) = (placement.src, placement.dst);
        let enough = |shown: f32, scale: f64, pixels: f32| f64::from(shown) * scale * 2.0 <= f64::from(pixels);
        if !enough(dst.width, self.scale.0, src.width) || !enough(dst.height, self.scale.1, src.height) {
            return (frame, placement);
        }
        let half = || {
            let half = frame.half()?;
            Some((half, place(draw, half.width(), half.height(), half.par())?))
        };
        half().unwrap_or((frame, placement))
    }

    fn clip(&self, clip: Area) -> Area {
        let edge = |at: u32, scale: f64| (f64::from(at) * scale).round() as u32;
        let (x, y) = self.scale;
        let scaled = Area { x0: edge(clip.x0, x), y0: edge(clip.y0, y), x1: edge(clip.x1, x), y1: edge(clip.y1, y) };
        region::overlap(scaled, Area::full(self.width, self.height))
    }
}

impl Item<'_> {
    /// Whether nothing beneath it can be seen.
    fn hides_all(&self) -> bool {
        self.opacity == u8::MAX && self.frame.alpha().is_none() && self.spot.look.is_whole()
    }
}

impl<'f> Op<'f> {
    fn new(what: What<'f>, area: Area) -> Self {
        Self { what, area, seen: Vec::new() }
    }

    fn hides_all(&self) -> bool {
        match &self.what {
            What::Black => true,
            What::Draw(item) => item.hides_all(),
            What::Group(..) => false,
        }
    }
}

/// Tells each op which part of it none of the later ones hides.
fn find_seen(ops: &mut [Op<'_>]) {
    let mut covers = Vec::new();
    for op in ops.iter_mut().rev() {
        op.seen = region::uncovered(op.area, &covers);
        if op.hides_all() {
            covers.push(op.area);
        }
    }
}

/// An opacity as 0 to 255; what is not a number is 0.
fn level(opacity: f32) -> u8 {
    (opacity.clamp(0.0, 1.0) * 255.0).round() as u8
}
