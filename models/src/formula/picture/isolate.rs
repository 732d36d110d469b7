//! A formula among what stands around it: what is not its own becomes paper.

use super::{
    GrayCrop,
    parts::{self, Part},
    stretch,
};

/// A crop without what is not kept, and where in it the rest stands; right and bottom excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolated {
    pub data: Vec<u8>,
    pub bounds: Part,
}

/// Paints over the connected parts of the print that `keeps` does not keep; `None` where nothing is kept. A pixel in the boxes of both kinds
/// stays.
pub fn isolate(crop: GrayCrop<'_>, keeps: impl Fn(&Part) -> bool) -> Option<Isolated> {
    if crop.width == 0 || crop.height == 0 {
        return None;
    }
    let ink = stretch(crop);
    let (kept, others): (Vec<Part>, Vec<Part>) =
        parts::connected(&ink, crop.width, crop.height).into_iter().partition(keeps);
    let bounds = kept.iter().copied().reduce(|a, b| a.union(&b))?;
    let mut data: Vec<u8> = crop.rows().flatten().copied().collect();
    let mut levels: Vec<u8> = data.clone();
    let middle = levels.len() / 2;
    let paper = *levels.select_nth_unstable(middle).1;
    let mut is_own = vec![false; data.len()];
    for part in &kept {
        let rows = is_own.chunks_exact_mut(crop.width).take(part.bottom).skip(part.top);
        rows.for_each(|row| row[part.left..part.right].fill(true));
    }
    for part in &others {
        // The edges of print are lighter than half of its ink.
        let columns = part.left.saturating_sub(1)..(part.right + 1).min(crop.width);
        for y in part.top.saturating_sub(1)..(part.bottom + 1).min(crop.height) {
            let places = y * crop.width + columns.start..y * crop.width + columns.end;
            let pixels = data[places.clone()].iter_mut().zip(&is_own[places]);
            pixels.filter(|(_, is_own)| !**is_own).for_each(|(pixel, _)| *pixel = paper);
        }
    }
    Some(Isolated { data, bounds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_becomes_paper_and_the_rest_stays_where_it_is() {
        // Two bars, and a speck of the second's shade beside the first.
        let (width, height) = (12, 9);
        let mut page = vec![240_u8; width * height];
        let mut paint = |xs: std::ops::Range<usize>, ys: std::ops::Range<usize>| {
            ys.for_each(|y| xs.clone().for_each(|x| page[y * width + x] = 10));
        };
        paint(1..5, 1..3);
        paint(7..11, 5..8);
        let crop = GrayCrop::new(&page, width, height).unwrap();
        let isolated = isolate(crop, |part| part.left < 6).unwrap();
        let Part { left, top, right, bottom, .. } = isolated.bounds;
        assert_eq!((left, top, right, bottom), (1, 1, 5, 3));
        assert!(isolated.data[4 * width..].iter().all(|&level| level == 240));
        assert_eq!(isolated.data[..4 * width], page[..4 * width]);
        assert_eq!(isolate(crop, |_| false), None);
    }
}
