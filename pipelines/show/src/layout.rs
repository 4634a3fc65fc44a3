//! Ready-made arrangements of several sources on one canvas.

use serde::{Deserialize, Serialize};

use crate::{Canvas, Layer, LayerId, Rect, SourceId};

/// An arrangement of sources. Every box has even pixels; but for picture in picture the boxes tile the canvas exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One source on the whole canvas.
    #[default]
    Single,
    /// Two beside each other.
    SideBySide,
    /// Four in two rows.
    Grid2x2,
    /// Nine in three rows.
    Grid3x3,
    /// One on the whole canvas and a small one above it.
    PictureInPicture {
        /// Where the small one stands.
        corner: Corner,
    },
}

/// A corner of the canvas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Corner {
    /// Top left.
    TopLeft,
    /// Top right.
    TopRight,
    /// Bottom left.
    BottomLeft,
    /// Bottom right.
    #[default]
    BottomRight,
}

/// The small picture's width and height are this part of the canvas's.
const INSET_PART: u32 = 4;
/// The small picture's distance from both edges is this part of the canvas's width.
const MARGIN_PART: u32 = 40;

impl Layout {
    /// The smallest grid with a place for each of `n` sources; above nine the nine-fold one, which shows the first nine.
    pub fn for_count(n: usize) -> Self {
        match n {
            0 | 1 => Self::Single,
            2 => Self::SideBySide,
            3 | 4 => Self::Grid2x2,
            _ => Self::Grid3x3,
        }
    }

    /// How many sources it has a place for.
    pub fn places(self) -> usize {
        match self {
            Self::Single => 1,
            Self::SideBySide | Self::PictureInPicture { .. } => 2,
            Self::Grid2x2 => 4,
            Self::Grid3x3 => 9,
        }
    }

    /// Its boxes in canvas pixels: row by row from the top left, or from back to front where they overlap.
    pub fn rects(self, canvas: Canvas) -> Vec<Rect> {
        match self {
            Self::Single => grid(canvas, 1, 1),
            Self::SideBySide => grid(canvas, 1, 2),
            Self::Grid2x2 => grid(canvas, 2, 2),
            Self::Grid3x3 => grid(canvas, 3, 3),
            Self::PictureInPicture { corner } => vec![Rect::whole(canvas), inset(canvas, corner)],
        }
    }

    /// A layer for each source that has a place, from back to front.
    pub fn layers(self, canvas: Canvas, sources: &[SourceId]) -> Vec<Layer> {
        let mut layers: Vec<Layer> = Vec::with_capacity(sources.len().min(self.places()));
        for (source, rect) in sources.iter().zip(self.rects(canvas)) {
            let id = LayerId::fresh(source.as_str(), layers.iter().map(|layer| &layer.id));
            layers.push(Layer { id, rect, ..Layer::full(source.clone()) });
        }
        layers
    }
}

fn grid(canvas: Canvas, rows: u32, columns: u32) -> Vec<Rect> {
    let mut rects = Vec::new();
    for row in 0..rows {
        let (y, height) = share(canvas.height, row, rows);
        for column in 0..columns {
            let (x, width) = share(canvas.width, column, columns);
            rects.push(rect(x, y, width, height));
        }
    }
    rects
}

/// Start and length of the `n`th of `of` nearly equal even parts that make up `total`.
fn share(total: u32, n: u32, of: u32) -> (u32, u32) {
    let edge = |n: u32| if n == of { total } else { even(total * n / of) };
    (edge(n), edge(n + 1) - edge(n))
}

fn inset(canvas: Canvas, corner: Corner) -> Rect {
    let (width, height) = (even(canvas.width / INSET_PART), even(canvas.height / INSET_PART));
    let margin = even(canvas.width / MARGIN_PART).min(canvas.height.saturating_sub(height));
    let right = canvas.width.saturating_sub(width + margin);
    let bottom = canvas.height.saturating_sub(height + margin);
    match corner {
        Corner::TopLeft => rect(margin, margin, width, height),
        Corner::TopRight => rect(right, margin, width, height),
        Corner::BottomLeft => rect(margin, bottom, width, height),
        Corner::BottomRight => rect(right, bottom, width, height),
    }
}

fn even(pixels: u32) -> u32 {
    pixels & !1
}

fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { x: x as f32, y: y as f32, width: width as f32, height: height as f32 }
}
