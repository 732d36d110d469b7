//! Cells that are shaded each for itself, side by side and above each other: what lies between them is as good as a line that is drawn.

use crate::geometry::Rect;

/// Space between two cells, in heights of type.
const SPACE: f32 = 0.8;
/// Shades of a page that are looked at: each is compared with those at its own height.
const MOST: usize = 2_000;

/// How much of the grid its cells cover.
const LEAST_SHARE: f32 = 0.9;
const MOST_SHARE: f32 = 1.05;
/// Rows of shaded cells below each other that are more than a table's header.
const LEAST_ROWS: usize = 3;

/// Shaded cells, each with its part of the space between it and its neighbours. Shades that have no neighbour beside them, or few
/// above and below, are none: stripes, and headers.
pub(super) fn cells(fills: &[Rect], em: f32) -> Vec<Rect> {
    let mut tiles = fills.to_vec();
    if tiles.len() < 4 || tiles.len() > MOST {
        return Vec::new();
    }
    tiles.sort_by(|a, b| a.top.total_cmp(&b.top).then(a.left.total_cmp(&b.left)));
    tiles.dedup();
    let count = tiles.len();
    let mut cells = tiles.clone();
    let mut has_beside = vec![false; count];
    let mut set_of: Vec<usize> = (0..count).collect();
    let mut join = |one: usize, other: usize| {
        let (kept, left) = (set_of[one].min(set_of[other]), set_of[one].max(set_of[other]));
        set_of.iter_mut().filter(|set| **set == left).for_each(|set| *set = kept);
    };
    for one in 0..count {
        for other in one + 1..count {
            let (a, b) = (tiles[one], tiles[other]);
            if b.top > a.bottom + SPACE * em {
                break;
            }
            let shared = |from: f32, to: f32, least: f32| to - from > 0.8 * least;
            let is_level = shared(a.top.max(b.top), a.bottom.min(b.bottom), a.height().min(b.height()));
            let is_below = shared(a.left.max(b.left), a.right.min(b.right), a.width().min(b.width()));
            let (left, right) = if a.left <= b.left { (one, other) } else { (other, one) };
            let across = tiles[right].left - tiles[left].right;
            let down = b.top - a.bottom;
            if is_level && !is_below && is_space(across, em) {
                let middle = tiles[left].right + across / 2.0;
                (cells[left].right, cells[right].left) = (middle, middle);
                (has_beside[one], has_beside[other]) = (true, true);
                join(one, other);
            } else if is_below && !is_level && is_space(down, em) {
                let middle = a.bottom + down / 2.0;
                (cells[one].bottom, cells[other].top) = (middle, middle);
                join(one, other);
            }
        }
    }
    let is_grid = |set: usize| {
        let own = || (0..count).filter(|&other| set_of[other] == set);
        let mut tops: Vec<f32> = own().map(|other| cells[other].top).collect();
        tops.dedup_by(|next, kept| *next - *kept < 0.5 * em);
        let around = own().map(|other| cells[other]).reduce(|a, b| a.union(&b)).unwrap_or_default();
        let share = own().map(|other| cells[other].area()).sum::<f32>() / around.area();
        // Stripes have cells beside cells nowhere; a cell over all columns has none, either. What lies on others, or leaves room, is the ground of words.
        tops.len() >= LEAST_ROWS
            && own().filter(|&other| has_beside[other]).count() >= 4
            && (LEAST_SHARE..=MOST_SHARE).contains(&share)
    };
    // A set has the number of its first cell.
    let grids: Vec<bool> = (0..count).map(|at| set_of[at] == at && is_grid(at)).collect();
    (0..count).filter(|&at| grids[set_of[at]]).map(|at| cells[at]).collect()
}

/// Whether two edges have little between them, and do not lie over each other.
fn is_space(distance: f32, em: f32) -> bool {
    (-0.1 * em..SPACE * em).contains(&distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(column: usize, row: usize, columns: usize) -> Rect {
        let (left, top) = (50.0 * column as f32, 15.0 * row as f32);
        Rect { left, right: left + 50.0 * columns as f32 - 3.0, top, bottom: top + 12.0 }
    }

    #[test]
    fn shaded_cells_meet_halfway() {
        let fills: Vec<Rect> = (0..3).flat_map(|row| (0..2).map(move |column| cell(column, row, 1))).collect();
        let found = cells(&fills, 10.0);
        assert_eq!(found.len(), 6);
        assert_eq!(found[3], Rect { left: 48.5, top: 13.5, right: 97.0, bottom: 28.5 });
    }

    #[test]
    fn stripes_and_headers_are_no_cells() {
        let stripes: Vec<Rect> = (0..6).map(|row| cell(0, row, 3)).collect();
        assert_eq!(cells(&stripes, 10.0), []);
        let header: Vec<Rect> = (0..6).map(|column| cell(column, 0, 1)).collect();
        assert_eq!(cells(&header, 10.0), []);
        let headers: Vec<Rect> = (0..6).map(|at| cell(at % 3, at / 3, 1)).collect();
        assert_eq!(cells(&headers, 10.0), [], "a header of two rows");
    }
}
