//! Parts of a canvas: what is left of one when others lie over it.
//!
//! May import: pulse-plan's [`Area`].

use pulse_plan::Area;

/// More pieces than this are not worth telling apart.
const MOST_PIECES: usize = 32;

/// What two parts share; may be empty.
pub fn overlap(a: Area, b: Area) -> Area {
    Area { x0: a.x0.max(b.x0), y0: a.y0.max(b.y0), x1: a.x1.min(b.x1), y1: a.y1.min(b.y1) }
}

/// The smallest part around all of `parts`; empty around none.
pub fn around(parts: &[Area]) -> Area {
    let mut parts = parts.iter().copied().filter(|part| !part.is_empty());
    let Some(first) = parts.next() else { return Area { x0: 0, y0: 0, x1: 0, y1: 0 } };
    parts.fold(first, |a, b| Area { x0: a.x0.min(b.x0), y0: a.y0.min(b.y0), x1: a.x1.max(b.x1), y1: a.y1.max(b.y1) })
}

/// The pieces of `area` that none of `covers` hides. They do not overlap. Where it would take very many, some that are hidden are
/// among them.
pub fn uncovered(area: Area, covers: &[Area]) -> Vec<Area> {
    let mut pieces = if area.is_empty() { Vec::new() } else { vec![area] };
    for &cover in covers {
        if pieces.is_empty() || pieces.len() > MOST_PIECES {
            break;
        }
        let mut left = Vec::with_capacity(pieces.len() + 3);
        for piece in pieces {
            cut(piece, cover, &mut left);
        }
        pieces = left;
    }
    pieces
}

/// The samples of a chroma plane in a part of the picture: those whose upper left pixel is in it. Parts that share no pixel
/// share no chroma sample.
pub fn chroma(area: Area) -> Area {
    Area { x0: area.x0.div_ceil(2), y0: area.y0.div_ceil(2), x1: area.x1.div_ceil(2), y1: area.y1.div_ceil(2) }
}

fn cut(piece: Area, cover: Area, left: &mut Vec<Area>) {
    let hidden = overlap(piece, cover);
    if hidden.is_empty() {
        left.push(piece);
        return;
    }
    let around = [
        Area { y1: hidden.y0, ..piece },
        Area { y0: hidden.y1, ..piece },
        Area { y0: hidden.y0, y1: hidden.y1, x1: hidden.x0, ..piece },
        Area { y0: hidden.y0, y1: hidden.y1, x0: hidden.x1, ..piece },
    ];
    left.extend(around.into_iter().filter(|part| !part.is_empty()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area() -> impl Strategy<Value = Area> {
        (0_u32..20, 0_u32..20, 0_u32..20, 0_u32..20).prop_map(|(x0, y0, x1, y1)| Area { x0, y0, x1, y1 })
    }

    fn has(area: Area, x: u32, y: u32) -> bool {
        (area.x0..area.x1).contains(&x) && (area.y0..area.y1).contains(&y)
    }

    proptest! {
        #[test]
        fn pieces_hold_each_uncovered_pixel_once(whole in area(), covers in proptest::collection::vec(area(), 0..5)) {
            let pieces = uncovered(whole, &covers);
            for (x, y) in (0..20).flat_map(|x| (0..20).map(move |y| (x, y))) {
                let wanted = has(whole, x, y) && !covers.iter().any(|cover| has(*cover, x, y));
                let times = pieces.iter().filter(|piece| has(**piece, x, y)).count();
                prop_assert_eq!(times, usize::from(wanted), "at {},{}", x, y);
                prop_assert!(!wanted || has(around(&pieces), x, y));
            }
        }

        #[test]
        fn neighbours_share_no_chroma(at in 0_u32..20) {
            let (left, right) = (Area { x0: 0, y0: 0, x1: at, y1: 20 }, Area { x0: at, y0: 0, x1: 20, y1: 20 });
            prop_assert_eq!(chroma(left).x1, chroma(right).x0);
        }
    }

    #[test]
    fn nothing_lies_around_nothing() {
        assert!(around(&[]).is_empty());
    }
}
