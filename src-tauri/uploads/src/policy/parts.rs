//! How a file is cut into parts.
//!
//! The limits are those of S3 multipart uploads as R2 narrows them: every part but the last has the same size,
//! 5 MiB to 5 GiB (R2: 5 MiB less), the last one may be smaller; at most 10,000 parts; an object of at most 5 TiB less 5 GiB.
//! Sources: "Amazon S3 multipart upload limits"; Cloudflare R2 "Limits" and "Multipart upload".

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The smallest part that is not the last, in bytes.
pub const MIN_PART: u64 = 5 * MIB;
/// The largest part, in bytes.
pub const MAX_PART: u64 = 5 * GIB - 5 * MIB;
/// The most parts of one object.
pub const MAX_PARTS: u64 = 10_000;
/// The largest object, in bytes.
pub const MAX_OBJECT: u64 = 5 * 1024 * GIB - 5 * GIB;

/// What a part has where nothing asks for another size: several at once fit into 64 MB of memory.
pub const USUAL_PART: u64 = 8 * MIB;

/// A file cut into parts that a bucket takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    size: u64,
    part_size: u64,
}

/// One stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Counted from 1, as S3 does.
    pub number: u32,
    /// The first byte's place in the file.
    pub offset: u64,
    /// Bytes; 0 only for the one part of an empty file.
    pub length: u64,
}

/// A file that no bucket takes in one piece.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a file of {size} bytes is more than a bucket keeps as one object ({MAX_OBJECT} bytes): split it before uploading"
)]
pub struct TooLarge {
    /// Bytes.
    pub size: u64,
}

impl Parts {
    /// Cuts a file of `size` bytes into parts of about `wanted` bytes: what is too small for a bucket, or would make too
    /// many parts, is raised (to a whole MiB), what is too large is lowered.
    ///
    /// # Errors
    /// The file is larger than [`MAX_OBJECT`].
    pub fn plan(size: u64, wanted: u64) -> Result<Self, TooLarge> {
        if size > MAX_OBJECT {
            return Err(TooLarge { size });
        }
        let fewest = size.div_ceil(MAX_PARTS).next_multiple_of(MIB);
        Ok(Self { size, part_size: wanted.max(fewest).clamp(MIN_PART, MAX_PART) })
    }

    /// Cuts a file as an unfinished upload was cut: `part_size` is what was kept of it. `None` if no bucket takes
    /// that, so that the upload has to begin again.
    pub fn resume(size: u64, part_size: u64) -> Option<Self> {
        let parts = Self::plan(size, part_size).ok()?;
        (parts.part_size == part_size).then_some(parts)
    }

    /// The whole file's size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The size of every part but the last, in bytes.
    pub fn part_size(&self) -> u64 {
        self.part_size
    }

    /// How many parts there are, 1 to [`MAX_PARTS`]. One part needs no multipart upload.
    pub fn count(&self) -> u32 {
        let count = self.size.div_ceil(self.part_size).max(1);
        u32::try_from(count).expect("a plan has at most 10,000 parts")
    }

    /// The part of this number, counted from 1; `None` beyond the last.
    pub fn part(&self, number: u32) -> Option<Part> {
        if number == 0 || number > self.count() {
            return None;
        }
        let offset = u64::from(number - 1) * self.part_size;
        Some(Part { number, offset, length: self.part_size.min(self.size - offset) })
    }

    /// All parts in order.
    pub fn iter(&self) -> impl Iterator<Item = Part> + '_ {
        (1..=self.count()).filter_map(|number| self.part(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(size: u64) -> Parts {
        Parts::plan(size, USUAL_PART).unwrap()
    }

    fn part(number: u32, offset: u64, length: u64) -> Part {
        Part { number, offset, length }
    }

    #[test]
    fn a_small_file_is_one_part() {
        assert_eq!(plan(1).iter().collect::<Vec<_>>(), [part(1, 0, 1)]);
        assert_eq!(plan(USUAL_PART).iter().collect::<Vec<_>>(), [part(1, 0, USUAL_PART)]);
    }

    #[test]
    fn an_empty_file_is_one_empty_part() {
        assert_eq!(plan(0).iter().collect::<Vec<_>>(), [part(1, 0, 0)]);
    }

    #[test]
    fn the_last_part_holds_what_remains() {
        let parts: Vec<_> = plan(USUAL_PART + 3).iter().collect();
        assert_eq!(parts, [part(1, 0, USUAL_PART), part(2, USUAL_PART, 3)]);
    }

    #[test]
    fn the_largest_object_fits_and_one_byte_more_does_not() {
        assert!(plan(MAX_OBJECT).count() <= 10_000);
        assert_eq!(Parts::plan(MAX_OBJECT + 1, USUAL_PART), Err(TooLarge { size: MAX_OBJECT + 1 }));
    }

    #[test]
    fn an_unfinished_upload_goes_on_only_with_the_cut_it_began_with() {
        let begun = Parts::plan(100 * GIB, 0).unwrap();
        assert_eq!(Parts::resume(100 * GIB, begun.part_size()), Some(begun));
        assert_eq!(Parts::resume(100 * GIB, MIN_PART - 1), None);
        assert_eq!(Parts::resume(100 * GIB, MIN_PART), None, "that would be more than 10,000 parts");
        assert_eq!(Parts::resume(100 * GIB, MAX_PART + 1), None);
    }

    proptest! {
        #[test]
        fn the_parts_are_the_file_and_a_bucket_takes_them(size in 1..=MAX_OBJECT, wanted in 0..=2 * MAX_PART) {
            let parts = Parts::plan(size, wanted).unwrap();
            let all: Vec<_> = parts.iter().collect();
            let mut end = 0;
            for (i, part) in all.iter().enumerate() {
                prop_assert_eq!(usize::try_from(part.number).unwrap(), i + 1);
                prop_assert_eq!(part.offset, end);
                prop_assert!(part.length > 0);
                end += part.length;
            }
            prop_assert_eq!(end, size);
            prop_assert!(all.len() <= 10_000);
            let (last, others) = all.split_last().unwrap();
            prop_assert!(others.iter().all(|part| part.length == parts.part_size()));
            prop_assert!(last.length <= parts.part_size());
            prop_assert!((5 * MIB..=5 * GIB).contains(&parts.part_size()));
            prop_assert_eq!(parts.part(parts.count() + 1), None);
        }

        #[test]
        fn the_wanted_size_is_taken_where_a_bucket_takes_it(wanted in MIN_PART..=MAX_PART, parts in 1..=10_000_u64) {
            let size = wanted.saturating_mul(parts).min(MAX_OBJECT).min((wanted / MIB * MIB) * MAX_PARTS);
            prop_assert_eq!(Parts::plan(size, wanted).unwrap().part_size(), wanted);
        }
    }
}
