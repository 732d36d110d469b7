//! One column: its rows, from top to bottom, and the blocks that they make.

use super::lines::{Lines, bounds, median, overlap_y};
use crate::geometry::Rect;

/// Part of the lower one's height that two rows share at least where one of them is no row of its own: the halves of a fraction beside
/// their line, a cell of several lines beside one of one. Of prose set tightly rows share up to a fifth.
const TANGLED: f32 = 0.3;

/// Rows downwards, fragments of a row from left to right, a new block where the space between rows is clearly wider than usual.
pub(super) fn stack_rows(lines: &Lines, region: &[usize], blocks: &mut Vec<Vec<usize>>) {
    let mut rows = rows(lines, region);
    if lines.as_drawn {
        rows = untangle(lines, rows);
    }
    let bounds: Vec<Rect> = rows.iter().map(|row| bounds(lines, row)).collect();
    let height = median(region.iter().map(|&i| lines[i].height()));
    let pitches: Vec<f32> = bounds.windows(2).map(|pair| pair[1].center().y - pair[0].center().y).collect();
    let pitch = median(pitches.iter().copied());
    let mut block: Vec<usize> = Vec::new();
    for (index, row) in rows.into_iter().enumerate() {
        if index > 0 && pitches[index - 1] > 1.45 * pitch.max(0.8 * height) && !block.is_empty() {
            blocks.push(std::mem::take(&mut block));
        }
        block.extend(row);
    }
    if !block.is_empty() {
        blocks.push(block);
    }
}

/// Rows that reach into each other are read as they are drawn: where a formula stands on several levels, or one cell of a table has more
/// lines than the next, no order by place is right.
fn untangle(lines: &Lines, rows: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    let mut tangles: Vec<(Rect, Vec<Vec<usize>>)> = Vec::new();
    for row in rows {
        let this = bounds(lines, &row);
        match tangles.last_mut() {
            Some((all, tangle)) if overlap_y(all, &this) > TANGLED => {
                *all = all.union(&this);
                tangle.push(row);
            }
            _ => tangles.push((this, vec![row])),
        }
    }
    let mut untangled = Vec::new();
    for (_, tangle) in tangles {
        let mut drawn = tangle.concat();
        drawn.sort_unstable();
        if tangle.len() > 1 && is_drawn_downwards(lines, &drawn) {
            untangled.push(drawn);
        } else {
            untangled.extend(tangle);
        }
    }
    untangled
}

/// Whether lines in the order of drawing lead down the page, but for a few leaps back to the head of the next column or cell.
fn is_drawn_downwards(lines: &Lines, drawn: &[usize]) -> bool {
    let leaps = drawn.windows(2).filter(|pair| {
        let (a, b) = (&lines[pair[0]], &lines[pair[1]]);
        let is_above = b.center().y < a.top;
        is_above || (overlap_y(a, b) > 0.5 && b.right < a.left)
    });
    let rightwards = |pair: &&[usize]| lines[pair[1]].left >= lines[pair[0]].right;
    let (on, back): (Vec<_>, Vec<_>) = leaps.partition(rightwards);
    back.is_empty() && on.len() <= 1 + drawn.len() / 4
}

/// Chains each line to its nearest neighbour on the right in the same row, and sorts the chains downwards.
fn rows(boxes: &[Rect], region: &[usize]) -> Vec<Vec<usize>> {
    let mut by_left = region.to_vec();
    by_left.sort_by(|&a, &b| boxes[a].left.total_cmp(&boxes[b].left).then(a.cmp(&b)));
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for &index in &by_left {
        let this = &boxes[index];
        // The row whose end is nearest on the left; a line lies in one row only, and a row grows at its end only.
        let row = rows
            .iter_mut()
            .filter(|row| {
                let end = &boxes[row[row.len() - 1]];
                let shared = end.right.min(this.right) - this.left;
                overlap_y(end, this) > 0.5 && shared < 0.3 * end.width().min(this.width()).max(1.0)
            })
            .max_by(|a, b| boxes[a[a.len() - 1]].right.total_cmp(&boxes[b[b.len() - 1]].right));
        match row {
            Some(row) => row.push(index),
            None => rows.push(vec![index]),
        }
    }
    let middle = |row: &[usize]| row.iter().map(|&i| boxes[i].center().y).sum::<f32>() / row.len() as f32;
    rows.sort_by(|a, b| middle(a).total_cmp(&middle(b)).then(boxes[a[0]].left.total_cmp(&boxes[b[0]].left)));
    rows
}
