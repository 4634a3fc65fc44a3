//! The sideways half of a scaling: one row of source samples to one row of output samples.
//!
//! May import: `axis`.
//!
//! Mixing neighbours at uneven distances is the one loop that compilers do not vectorise, so AVX2 has it spelled out: the
//! pairs of 16 outputs are gathered by one byte shuffle and mixed by one multiply-add. Elsewhere a plain loop does the same
//! arithmetic, so that every machine gives the same picture.

use crate::axis::Axis;

/// How the samples of an output row are made; for one [`Axis`].
pub struct Across {
    /// The first source sample (after halving) that is needed; the row given to [`Across::apply`] begins there.
    pub first: usize,
    /// One past the last source sample that is needed.
    pub end: usize,
    /// Whether the output is the source as it is.
    pub is_copy: bool,
    taps: Vec<Pair>,
    blocks: Vec<Block>,
}

/// A tap, relative to the first sample of the row; `before + after` is 128.
struct Pair {
    index: u32,
    next: u32,
    before: u8,
    after: u8,
}

/// 16 outputs, 8 from each of two windows of 16 source samples.
struct Block {
    windows: [u32; 2],
    shuffle: [u8; 32],
    weights: [i8; 32],
}

/// Products of a sample and a weight, two of them added, must fit 15 bits.
const WEIGHT_BITS: u32 = 7;
const BLOCK: usize = 16;
const WINDOW: usize = 16;

impl Across {
    /// Works the taps of `axis` out.
    pub fn new(axis: &Axis) -> Self {
        let taps = axis.taps(axis.halvings(), WEIGHT_BITS);
        let taps: Vec<_> = (axis.from..axis.to).map(|at| taps.tap(at)).collect();
        let first = taps.first().map_or(0, |tap| tap.index);
        let end = taps.last().map_or(first, |tap| tap.next + 1);
        let is_copy = taps.iter().enumerate().all(|(i, tap)| tap.weight == 0 && tap.index == first + i);
        if is_copy {
            // The neighbour of the last tap is not looked at.
            return Self { first, end: first + taps.len(), is_copy, taps: Vec::new(), blocks: Vec::new() };
        }
        let taps: Vec<_> = taps
            .iter()
            .map(|tap| Pair {
                index: (tap.index - first) as u32,
                next: (tap.next - first) as u32,
                before: 128 - tap.weight,
                after: tap.weight,
            })
            .collect();
        let blocks = if has_blocks() { blocks(&taps, end - first) } else { Vec::new() };
        Self { first, end, is_copy, taps, blocks }
    }

    /// Makes an output row of `row`, the source samples `first..end`.
    pub fn apply(&self, row: &[u8], out: &mut [u8]) {
        if self.is_copy {
            out.copy_from_slice(row);
            return;
        }
        let done = self.blocks.len() * BLOCK;
        #[cfg(target_arch = "x86_64")]
        if done > 0 {
            assert!(row.len() >= self.end - self.first, "the row has every sample that is needed");
            // SAFETY: there are blocks only where AVX2 was detected, and only with windows within `first..end`.
            unsafe { apply_blocks(&self.blocks, row, &mut out[..done]) };
        }
        for (out, pair) in out[done..].iter_mut().zip(&self.taps[done..]) {
            let (a, b) = (u16::from(row[pair.index as usize]), u16::from(row[pair.next as usize]));
            *out = ((a * u16::from(pair.before) + b * u16::from(pair.after) + 64) >> 7) as u8;
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_blocks() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_blocks() -> bool {
    false
}

/// As many blocks as fit whole windows into a row of `len` samples, from the left.
fn blocks(taps: &[Pair], len: usize) -> Vec<Block> {
    let mut blocks = Vec::with_capacity(taps.len() / BLOCK);
    for pairs in taps.as_chunks::<BLOCK>().0 {
        let mut block = Block { windows: [0; 2], shuffle: [0; 32], weights: [0; 32] };
        for (half, pairs) in pairs.as_chunks::<8>().0.iter().enumerate() {
            let window = pairs[0].index;
            block.windows[half] = window;
            if window as usize + WINDOW > len || pairs.iter().any(|pair| (pair.next - window) as usize >= WINDOW) {
                return blocks;
            }
            for (i, pair) in pairs.iter().enumerate() {
                let at = half * 16 + i * 2;
                // A weight of 128 does not fit a signed byte: the same sample twice at 64 is the same.
                let (next, before, after) =
                    if pair.after == 0 { (pair.index, 64, 64) } else { (pair.next, pair.before, pair.after) };
                block.shuffle[at] = (pair.index - window) as u8;
                block.shuffle[at + 1] = (next - window) as u8;
                block.weights[at] = before as i8;
                block.weights[at + 1] = after as i8;
            }
        }
        blocks.push(block);
    }
    blocks
}

/// Makes `16 × blocks.len()` outputs.
///
/// # Safety
/// `row` holds the window of every block.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn apply_blocks(blocks: &[Block], row: &[u8], out: &mut [u8]) {
    use std::arch::x86_64::*;

    // Multiplying by 256 and keeping the rounded upper half is dividing by 128.
    let by_128 = _mm256_set1_epi16(256);
    for (block, out) in blocks.iter().zip(out.as_chunks_mut::<BLOCK>().0) {
        // SAFETY: unaligned reads; of a window, which is in the row, and of arrays as long as what is read.
        let (samples, shuffle, weights) = unsafe {
            (
                _mm256_loadu2_m128i(
                    row.as_ptr().add(block.windows[1] as usize).cast(),
                    row.as_ptr().add(block.windows[0] as usize).cast(),
                ),
                _mm256_loadu_si256(block.shuffle.as_ptr().cast()),
                _mm256_loadu_si256(block.weights.as_ptr().cast()),
            )
        };
        let pairs = _mm256_shuffle_epi8(samples, shuffle);
        let mixed = _mm256_mulhrs_epi16(_mm256_maddubs_epi16(pairs, weights), by_128);
        let packed = _mm_packus_epi16(_mm256_castsi256_si128(mixed), _mm256_extracti128_si256::<1>(mixed));
        // SAFETY: an unaligned write of 16 bytes to an array of 16.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), packed) };
    }
}
