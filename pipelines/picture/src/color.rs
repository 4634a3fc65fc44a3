//! Between RGB and the BT.709 limited-range YUV that everything here is drawn in.
//!
//! May import: `frame`, `plane`.
//!
//! Source of the numbers: Rec. ITU-R BT.709-6, items 3.2 to 3.5 and 5.3 (8 bits: luma 16 to 235, chroma 16 to 240).

use pulse_plan::Area;

use crate::{
    frame::{Frame, FrameRef, half},
    plane::Plane,
};

const RED: f64 = 0.2126;
const BLUE: f64 = 0.0722;
const GREEN: f64 = 1.0 - RED - BLUE;

/// Fixed point: this many bits behind the point.
const BITS: u32 = 16;
const ONE: f64 = (1_u32 << BITS) as f64;
const HALF: i32 = 1 << (BITS - 1);

const LUMA: [i32; 3] = fixed([RED, GREEN, BLUE], 219.0 / 255.0);
const BLUE_DIFFERENCE: [i32; 3] = fixed([-RED, -GREEN, 1.0 - BLUE], 224.0 / 255.0 / (2.0 * (1.0 - BLUE)));
const RED_DIFFERENCE: [i32; 3] = fixed([1.0 - RED, -GREEN, -BLUE], 224.0 / 255.0 / (2.0 * (1.0 - RED)));

const fn fixed(parts: [f64; 3], scale: f64) -> [i32; 3] {
    let mut out = [0; 3];
    let mut i = 0;
    while i < 3 {
        let value = parts[i] * scale * ONE;
        out[i] = (if value < 0.0 { value - 0.5 } else { value + 0.5 }) as i32;
        i += 1;
    }
    out
}

fn weigh(parts: [i32; 3], rgb: [i32; 3], base: i32) -> u8 {
    let sum: i32 = parts.iter().zip(rgb).map(|(part, value)| part * value).sum();
    (((sum + HALF) >> BITS) + base).clamp(0, 255) as u8
}

/// Y, U and V of a colour.
pub fn yuv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let rgb = [r, g, b].map(i32::from);
    [weigh(LUMA, rgb, 16), weigh(BLUE_DIFFERENCE, rgb, 128), weigh(RED_DIFFERENCE, rgb, 128)]
}

/// The colour of Y, U and V; what lies outside of RGB is clipped.
pub fn rgb(yuv: [f64; 3]) -> [u8; 3] {
    let luma = (yuv[0] - 16.0) / 219.0;
    let [blue, red] = [yuv[1], yuv[2]].map(|chroma| (chroma - 128.0) / 224.0);
    let r = luma + 2.0 * (1.0 - RED) * red;
    let b = luma + 2.0 * (1.0 - BLUE) * blue;
    let g = (luma - RED * r - BLUE * b) / GREEN;
    [r, g, b].map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8)
}

/// A frame of `width` by `height` pixels of `N` bytes without gaps: red, green, blue and, where `N` is 4, straight alpha. It has
/// alpha only where some pixel is not opaque. `None` when there are not just as many bytes as that takes.
///
/// The chroma of two by two pixels is that of their mean colour, each counting as much as it is seen.
pub fn to_frame<const N: usize>(width: u32, height: u32, pixels: &[u8]) -> Option<Frame> {
    const { assert!(N == 3 || N == 4, "pixels are RGB or RGBA") };
    let (pixels, rest) = pixels.as_chunks::<N>();
    let columns = width as usize;
    if width == 0 || height == 0 || !rest.is_empty() || pixels.len() != columns * height as usize {
        return None;
    }
    let alpha_of = |pixel: &[u8; N]| if N == 4 { pixel[N - 1] } else { u8::MAX };
    let y = pixels.iter().map(|pixel| yuv([pixel[0], pixel[1], pixel[2]])[0]).collect();
    let chroma = half(width) as usize * half(height) as usize;
    let (mut u, mut v) = (Vec::with_capacity(chroma), Vec::with_capacity(chroma));
    for rows in pixels.chunks(columns * 2) {
        let (upper, lower) = rows.split_at(columns);
        for x in (0..columns).step_by(2) {
            let right = (x + 2).min(columns);
            let block = upper[x..right].iter().chain(lower.get(x..right).unwrap_or_default());
            let [_, blue, red] = yuv(mean(block, alpha_of));
            u.push(blue);
            v.push(red);
        }
    }
    let opaque = pixels.iter().all(|pixel| alpha_of(pixel) == u8::MAX);
    let alpha = (!opaque).then(|| pixels.iter().map(alpha_of).collect());
    Some(Frame::from_planes(width, height, [y, u, v], alpha))
}

/// A frame of RGBA pixels; see [`to_frame`].
pub fn rgba_to_frame(width: u32, height: u32, rgba: &[u8]) -> Option<Frame> {
    to_frame::<4>(width, height, rgba)
}

fn mean<'a, const N: usize>(
    block: impl Iterator<Item = &'a [u8; N]> + Clone,
    alpha_of: impl Fn(&[u8; N]) -> u8,
) -> [u8; 3] {
    let seen: u32 = block.clone().map(|pixel| u32::from(alpha_of(pixel))).sum();
    let (mut sums, mut weights) = ([0_u32; 3], 0);
    for pixel in block {
        let weight = if seen == 0 { 1 } else { u32::from(alpha_of(pixel)) };
        weights += weight;
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += u32::from(value) * weight;
        }
    }
    sums.map(|sum| ((sum + weights / 2) / weights) as u8)
}

/// The picture as RGB, three bytes a pixel without gaps; alpha is left out.
pub fn to_rgb(frame: &FrameRef<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(frame.width() as usize * frame.height() as usize * 3);
    for row in 0..frame.height() as usize {
        let (u, v) = (frame.u().row(row / 2), frame.v().row(row / 2));
        for (x, &y) in frame.y().row(row).iter().enumerate() {
            out.extend(rgb([y, u[x / 2], v[x / 2]].map(f64::from)));
        }
    }
    out
}

/// The mean colour of a part of a picture; `None` where that is empty or reaches beyond it.
pub fn mean_rgb(frame: &FrameRef<'_>, area: Area) -> Option<[u8; 3]> {
    if area.is_empty() || area.x1 > frame.width() || area.y1 > frame.height() {
        return None;
    }
    let mean = |plane: Plane<'_>, pitch: u32| {
        let (x0, x1) = ((area.x0 / pitch) as usize, area.x1.div_ceil(pitch) as usize);
        let rows = (area.y0 / pitch) as usize..area.y1.div_ceil(pitch) as usize;
        let count = (x1 - x0) * rows.len();
        let sum: u64 = rows.flat_map(|y| &plane.row(y)[x0..x1]).map(|&sample| u64::from(sample)).sum();
        sum as f64 / count as f64
    };
    Some(rgb([mean(frame.y(), 1), mean(frame.u(), 2), mean(frame.v(), 2)]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_are_those_of_the_colour_bars() {
        // 75 % and 100 % bars of BT.709, as test generators print them.
        for (colour, expected) in [
            ([255, 255, 255], [235, 128, 128]),
            ([0, 0, 0], [16, 128, 128]),
            ([191, 191, 191], [180, 128, 128]),
            ([191, 191, 0], [168, 44, 136]),
            ([0, 191, 0], [133, 63, 52]),
            ([191, 0, 0], [51, 109, 212]),
            ([0, 0, 191], [28, 212, 120]),
            ([255, 0, 0], [63, 102, 240]),
            ([0, 0, 255], [32, 240, 118]),
        ] {
            let got = yuv(colour);
            let off = got.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(1), "{colour:?} is {got:?}, expected {expected:?}");
        }
    }

    proptest! {
        #[test]
        fn colours_come_back(colour: [u8; 3]) {
            let back = rgb(yuv(colour).map(f64::from));
            for (there, back) in colour.iter().zip(back) {
                prop_assert!(there.abs_diff(back) <= 3, "{colour:?} came back as {back:?}");
            }
        }
    }

    #[test]
    fn what_is_not_seen_does_not_colour_its_neighbours() {
        let red_beside_nothing = [255, 0, 0, 255, 0, 255, 0, 0];
        let frame = rgba_to_frame(2, 1, &red_beside_nothing).unwrap();
        let [_, u, v] = yuv([255, 0, 0]);
        assert_eq!((frame.as_ref().u().row(0), frame.as_ref().v().row(0)), ([u].as_slice(), [v].as_slice()));
        assert_eq!(frame.as_ref().alpha().unwrap().row(0), [255, 0]);
    }

    #[test]
    fn odd_sides_and_opaque_pictures() {
        let frame = to_frame::<3>(3, 3, &[200; 27]).unwrap();
        assert!(frame.as_ref().alpha().is_none());
        assert_eq!((frame.as_ref().u().width(), frame.as_ref().u().height()), (2, 2));
        assert_eq!(mean_rgb(&frame.as_ref(), Area::full(3, 3)), Some([200, 200, 200]));
        assert_eq!(to_rgb(&frame.as_ref()), [200; 27]);
        assert!(mean_rgb(&frame.as_ref(), Area::full(4, 3)).is_none());
        assert!(rgba_to_frame(3, 3, &[0; 35]).is_none());
        assert!(rgba_to_frame(0, 3, &[]).is_none());
    }
}
