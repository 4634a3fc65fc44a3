//! The innermost loops, one row each, written so that the compiler vectorises them.
//!
//! May import: nothing of this crate. Each is compiled for AVX2 and for the target's baseline (NEON on aarch64) and chosen
//! when it is first called, so that one binary is fast everywhere. All stop at the shortest of their slices.
//!
//! Invariant: arithmetic stays within 16 bits, so that a register holds as many pixels as it can.

use multiversion::multiversion;

/// `x / 255`, rounded, for `x` up to 255 × 255.
#[inline(always)]
fn div255(x: u16) -> u16 {
    let x = x + 128;
    (x + (x >> 8)) >> 8
}

#[inline(always)]
fn pair_sum(pair: [u8; 2]) -> u16 {
    let pair = u16::from_le_bytes(pair);
    (pair & 0xff) + (pair >> 8)
}

/// Each output is the mean of two pixels of `upper` and the two below them in `lower`.
#[multiversion(targets("x86_64+avx2"))]
pub fn halve_both(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
    for ((out, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = ((pair_sum(*upper) + pair_sum(*lower) + 2) >> 2) as u8;
    }
}

/// Each output is the mean of two pixels of `row`.
#[multiversion(targets("x86_64+avx2"))]
pub fn halve_across(row: &[u8], out: &mut [u8]) {
    for (out, pair) in out.iter_mut().zip(row.as_chunks::<2>().0) {
        *out = ((pair_sum(*pair) + 1) >> 1) as u8;
    }
}

/// Each output is the mean of a pixel of `upper` and the one below it in `lower`.
#[multiversion(targets("x86_64+avx2"))]
pub fn halve_down(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    for ((out, &upper), &lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = ((u16::from(upper) + u16::from(lower) + 1) >> 1) as u8;
    }
}

/// Between two rows: `weight` 0 is all `upper`, 256 would be all `lower`.
#[multiversion(targets("x86_64+avx2"))]
pub fn mix_rows(upper: &[u8], lower: &[u8], weight: u8, out: &mut [u8]) {
    let (below, above) = (u16::from(weight), 256 - u16::from(weight));
    for ((out, &upper), &lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = ((u16::from(upper) * above + u16::from(lower) * below + 128) >> 8) as u8;
    }
}

/// `row × factor / 255`, pixel by pixel.
#[multiversion(targets("x86_64+avx2"))]
pub fn multiply(row: &mut [u8], factor: &[u8]) {
    for (pixel, &factor) in row.iter_mut().zip(factor) {
        *pixel = div255(u16::from(*pixel) * u16::from(factor)) as u8;
    }
}

/// `out = row × factor / 255`, pixel by pixel.
#[multiversion(targets("x86_64+avx2"))]
pub fn product(row: &[u8], factor: &[u8], out: &mut [u8]) {
    for ((out, &pixel), &factor) in out.iter_mut().zip(row).zip(factor) {
        *out = div255(u16::from(pixel) * u16::from(factor)) as u8;
    }
}

/// Lays `row`, already multiplied by its `alpha`, over `out`.
#[multiversion(targets("x86_64+avx2"))]
pub fn lay_over(out: &mut [u8], row: &[u8], alpha: &[u8]) {
    for ((out, &pixel), &alpha) in out.iter_mut().zip(row).zip(alpha) {
        let under = div255(u16::from(*out) * (255 - u16::from(alpha)));
        *out = (under + u16::from(pixel)).min(255) as u8;
    }
}

/// As [`lay_over`], with the whole of `row` seen through `opacity`.
#[multiversion(targets("x86_64+avx2"))]
pub fn lay_over_faded(out: &mut [u8], row: &[u8], alpha: &[u8], opacity: u8) {
    let opacity = u16::from(opacity);
    for ((out, &pixel), &alpha) in out.iter_mut().zip(row).zip(alpha) {
        let under = div255(u16::from(*out) * (255 - div255(u16::from(alpha) * opacity)));
        *out = (under + div255(u16::from(pixel) * opacity)).min(255) as u8;
    }
}

/// Fades `out` towards `row`: `opacity` 0 leaves it, 255 replaces it.
#[multiversion(targets("x86_64+avx2"))]
pub fn fade(out: &mut [u8], row: &[u8], opacity: u8) {
    let (over, under) = (u16::from(opacity), 255 - u16::from(opacity));
    for (out, &pixel) in out.iter_mut().zip(row) {
        *out = div255(u16::from(*out) * under + u16::from(pixel) * over) as u8;
    }
}
