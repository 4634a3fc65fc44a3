//! The innermost loops, one row each, written so that the compiler vectorises them.
//!
//! May import: nothing of this crate. Each is compiled for AVX2 and for the target's baseline (NEON on aarch64) and chosen
//! when it is first called, so that one binary is fast everywhere. All stop at the shortest of their slices.
//!
//! Invariant: arithmetic stays within 16 bits, so that a register holds as many pixels as it can. That it does is plain from
//! the ranges below; the types wrap all the same, since a debug build's checks would keep the loops from being vectorised.

use std::num::Wrapping;

use multiversion::multiversion;

type Wide = Wrapping<u16>;

#[inline(always)]
fn wide(sample: u8) -> Wide {
    Wrapping(u16::from(sample))
}

#[inline(always)]
fn narrow(value: Wide) -> u8 {
    value.0 as u8
}

/// `x / 255`, rounded, for `x` up to 255 × 255.
#[inline(always)]
fn div255(x: Wide) -> Wide {
    let x = x + Wrapping(128);
    (x + (x >> 8)) >> 8
}

#[inline(always)]
fn pair_sum(pair: [u8; 2]) -> Wide {
    let pair = Wrapping(u16::from_le_bytes(pair));
    (pair & Wrapping(0xff)) + (pair >> 8)
}

/// Each output is the mean of two pixels of `upper` and the two below them in `lower`.
#[multiversion(targets("x86_64+avx2"))]
pub fn halve_both(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
    for ((out, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = narrow((pair_sum(*upper) + pair_sum(*lower) + Wrapping(2)) >> 2);
    }
}

/// Each output is the mean of two pixels of `row`.
#[multiversion(targets("x86_64+avx2"))]
pub fn halve_across(row: &[u8], out: &mut [u8]) {
    for (out, pair) in out.iter_mut().zip(row.as_chunks::<2>().0) {
        *out = narrow((pair_sum(*pair) + Wrapping(1)) >> 1);
    }
}

/// Each output is the mean of a pixel of `upper` and the one below it in `lower`.
#[multiversion(targets("x86_64+avx2"))]
pub fn halve_down(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    for ((out, &upper), &lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = narrow((wide(upper) + wide(lower) + Wrapping(1)) >> 1);
    }
}

/// Between two rows: `weight` 0 is all `upper`, 256 would be all `lower`.
#[multiversion(targets("x86_64+avx2"))]
pub fn mix_rows(upper: &[u8], lower: &[u8], weight: u8, out: &mut [u8]) {
    let (below, above) = (wide(weight), Wrapping(256) - wide(weight));
    for ((out, &upper), &lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = narrow((wide(upper) * above + wide(lower) * below + Wrapping(128)) >> 8);
    }
}

/// `row × factor / 255`, pixel by pixel.
#[multiversion(targets("x86_64+avx2"))]
pub fn multiply(row: &mut [u8], factor: &[u8]) {
    for (pixel, &factor) in row.iter_mut().zip(factor) {
        *pixel = narrow(div255(wide(*pixel) * wide(factor)));
    }
}

/// `out = row × factor / 255`, pixel by pixel.
#[multiversion(targets("x86_64+avx2"))]
pub fn product(row: &[u8], factor: &[u8], out: &mut [u8]) {
    for ((out, &pixel), &factor) in out.iter_mut().zip(row).zip(factor) {
        *out = narrow(div255(wide(pixel) * wide(factor)));
    }
}

/// Lays `row`, already multiplied by its `alpha`, over `out`.
#[multiversion(targets("x86_64+avx2"))]
pub fn lay_over(out: &mut [u8], row: &[u8], alpha: &[u8]) {
    for ((out, &pixel), &alpha) in out.iter_mut().zip(row).zip(alpha) {
        let under = div255(wide(*out) * (Wrapping(255) - wide(alpha)));
        *out = narrow((under + wide(pixel)).min(Wrapping(255)));
    }
}

/// As [`lay_over`], with the whole of `row` seen through `opacity`.
#[multiversion(targets("x86_64+avx2"))]
pub fn lay_over_faded(out: &mut [u8], row: &[u8], alpha: &[u8], opacity: u8) {
    let opacity = wide(opacity);
    for ((out, &pixel), &alpha) in out.iter_mut().zip(row).zip(alpha) {
        let under = div255(wide(*out) * (Wrapping(255) - div255(wide(alpha) * opacity)));
        *out = narrow((under + div255(wide(pixel) * opacity)).min(Wrapping(255)));
    }
}

/// Fades `out` towards `row`: `opacity` 0 leaves it, 255 replaces it.
#[multiversion(targets("x86_64+avx2"))]
pub fn fade(out: &mut [u8], row: &[u8], opacity: u8) {
    let (over, under) = (wide(opacity), Wrapping(255) - wide(opacity));
    for (out, &pixel) in out.iter_mut().zip(row) {
        *out = narrow(div255(wide(*out) * under + wide(pixel) * over));
    }
}
