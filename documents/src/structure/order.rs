//! The order in which a page's text is read once its running heads, tables and figures are known.
//!
//! The reading order of all lines stands, but where tables or figures have led it astray, so that it leaps from column to column.

use super::{rows::overlap, sheet::Sheet};
use crate::{geometry::Rect, reading_order::order_texts};

/// Leaps that a new order must save at least, and the part of them.
const LEAST_SAVED: usize = 3;
const MOST_LEFT: f32 = 0.6;
/// Lines of large type that are looked at.
const MOST_LARGE: usize = 64;

/// Free lines in reading order.
pub(super) struct Order {
    pub(super) lines: Vec<usize>,
    /// Of each line of the page how many free lines are read before it.
    pub(super) ranks: Vec<usize>,
    is_new: bool,
}

/// Orders the free lines of a page; of each the block is set that it stands in, where that is new.
pub(super) fn order(sheet: &mut Sheet<'_>, is_free: &[bool]) -> Order {
    let mut lines: Vec<usize> = (0..sheet.lines.len()).filter(|&index| is_free[index]).collect();
    let boxes: Vec<Rect> = lines.iter().map(|&index| sheet.lines[index].rect).collect();
    let old = leaps(&boxes, sheet.body);
    if old > LEAST_SAVED {
        let texts: Vec<&str> = lines.iter().map(|&index| sheet.lines[index].text).collect();
        let blocks = order_texts(&boxes, &texts);
        let ordered: Vec<Rect> = blocks.iter().flatten().map(|&at| boxes[at]).collect();
        let new = leaps(&ordered, sheet.body);
        if new + LEAST_SAVED <= old && new as f32 <= MOST_LEFT * old as f32 {
            for (number, block) in blocks.iter().enumerate() {
                block.iter().for_each(|&at| sheet.lines[lines[at]].block = number);
            }
            lines = blocks.concat().into_iter().map(|at| lines[at]).collect();
            keep_headings_whole(sheet, &mut lines);
            return Order::of(sheet, lines, true);
        }
    }
    let is_new = keep_headings_whole(sheet, &mut lines);
    Order::of(sheet, lines, is_new)
}

/// Brings lines of a heading over several columns together: the last of them may be so short that it seems to stand in one of these.
/// Whether there were any.
fn keep_headings_whole(sheet: &mut Sheet<'_>, lines: &mut Vec<usize>) -> bool {
    let larger = if sheet.is_styled { 1.15 } else { 1.4 };
    let large: Vec<usize> =
        lines.iter().copied().filter(|&index| sheet.lines[index].size > larger * sheet.body).take(MOST_LARGE).collect();
    let mut has_moved = false;
    for &below in &large {
        let follows = |above: usize| {
            let (a, b) = (&sheet.lines[above], &sheet.lines[below]);
            let is_alike = (a.size / b.size - 1.0).abs() < 0.03 && a.look == b.look;
            let pitch = b.rect.center().y - a.rect.center().y;
            let is_under =
                (a.rect.center().x - b.rect.center().x).abs() < b.size || (a.rect.left - b.rect.left).abs() < b.size;
            is_alike && is_under && pitch > 0.7 * b.size && pitch < 1.7 * b.size
        };
        let Some(above) = large.iter().copied().find(|&above| above != below && follows(above)) else { continue };
        let place = |of: usize| lines.iter().position(|&index| index == of);
        let (Some(to), Some(from)) = (place(above), place(below)) else { continue };
        if from != to + 1 {
            lines.remove(from);
            let to = lines.iter().position(|&index| index == above).unwrap_or(to);
            lines.insert(to + 1, below);
            sheet.lines[below].block = sheet.lines[above].block;
            has_moved = true;
        }
    }
    has_moved
}

impl Order {
    fn of(sheet: &Sheet<'_>, lines: Vec<usize>, is_new: bool) -> Self {
        let mut ranks = vec![lines.len(); sheet.lines.len()];
        if is_new {
            lines.iter().enumerate().for_each(|(rank, &index)| ranks[index] = rank);
        } else {
            let mut rank = 0;
            for (index, of) in ranks.iter_mut().enumerate() {
                *of = rank;
                rank += usize::from(lines.get(rank) == Some(&index));
            }
        }
        Self { lines, ranks, is_new }
    }

    /// How many lines are read before something that has these lines, or none, and this place.
    /// What is text, a table or a formula, stands where its lines were read.
    pub(super) fn place(&self, sheet: &Sheet<'_>, lines: &[usize], rect: Rect, is_text: bool) -> usize {
        let read = lines.iter().map(|&index| self.ranks[index]).min();
        if is_text
            && !self.is_new
            && let Some(rank) = read
        {
            return rank;
        }
        let stands_over = |rank: &usize| {
            let own = sheet.lines[self.lines[*rank]].rect;
            overlap(own.left, own.right, rect.left, rect.right) > 0.3
        };
        let rect_of = |rank: usize| sheet.lines[self.lines[rank]].rect;
        let middle = rect.center().y;
        let (above, below): (Vec<usize>, Vec<usize>) =
            (0..self.lines.len()).filter(stands_over).partition(|&rank| rect_of(rank).center().y < middle);
        let nearest = above.iter().map(|&rank| rect_of(rank).bottom).fold(f32::NEG_INFINITY, f32::max);
        // What crosses the gutter is read after the column that reaches down to it last.
        let last = above.iter().copied().filter(|&rank| rect_of(rank).bottom > nearest - 1.5 * sheet.body).max();
        let first = || below.into_iter().min_by(|&a, &b| rect_of(a).top.total_cmp(&rect_of(b).top));
        // The last line of a paragraph may be too short to stand over it.
        let ends = |last: usize| {
            let goes_on = |at: usize| {
                let (a, b) = (rect_of(at - 1), rect_of(at));
                b.bottom <= rect.top + 0.3 * sheet.body
                    && b.center().y > a.center().y
                    && b.top - a.bottom < 0.8 * sheet.body
                    && overlap(a.left, a.right, b.left, b.right) > 0.0
            };
            (last + 1..self.lines.len()).find(|&at| !goes_on(at)).unwrap_or(self.lines.len())
        };
        last.map(ends).or_else(first).unwrap_or(self.lines.len())
    }
}

/// How often an order goes on neither below, nor beside in the same row, close by.
fn leaps(boxes: &[Rect], em: f32) -> usize {
    boxes
        .windows(2)
        .filter(|pair| {
            let [a, b] = pair else { return false };
            let is_below = b.center().y > a.center().y - 0.3 * em && overlap(a.left, a.right, b.left, b.right) > 0.0;
            let is_beside =
                overlap(a.top, a.bottom, b.top, b.bottom) > 0.5 && (-0.5 * em..0.8 * em).contains(&(b.left - a.right));
            !is_below && !is_beside
        })
        .count()
}
