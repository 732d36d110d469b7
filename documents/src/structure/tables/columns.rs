//! Where a table's columns are: what no row's words cross.

use super::atoms::{Atom, Segment, TextRow, is_numeric, median};

/// Words stand apart by a quarter of an em or a third, and by more in justified text; cells by more than this.
pub(super) const WORD_GAP: f32 = 0.5;
/// Narrowest space between the widest cells of two columns.
const GUTTER: f32 = 0.28;

/// White space between two columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gutter {
    pub(super) left: f32,
    pub(super) right: f32,
    /// Whether a line is drawn there.
    pub(super) is_drawn: bool,
}

impl Gutter {
    pub(super) fn middle(&self) -> f32 {
        (self.left + self.right) / 2.0
    }
}

/// The gutters between the columns of rows, from left to right. `drawn` are places of vertical rulings, which always part columns.
///
/// `heights` are the rows' middles: rows so near to each other that they are lines of one row are one, where it is asked which columns have
/// cells side by side.
pub(super) fn gutters(rows: &[Vec<Segment>], heights: &[f32], drawn: &[f32], em: f32) -> Vec<Gutter> {
    let several: Vec<usize> = rows.iter().map(Vec::len).filter(|&count| count > 1).collect();
    if several.is_empty() {
        return drawn.iter().map(|&at| Gutter { left: at, right: at, is_drawn: true }).collect();
    }
    // Headings over several columns, and rows with few cells, cross gutters and say nothing about them.
    let usual = median(several.iter().map(|&count| count as f32).collect());
    let votes: Vec<&Vec<Segment>> =
        rows.iter().filter(|row| row.len() > 1 && row.len() as f32 >= 0.67 * usual).collect();
    let allowed = votes.len() / 9;
    let free = |allowed: usize| {
        let wide = free_spaces(&votes, allowed).into_iter().filter(|(left, right)| right - left >= GUTTER * em);
        wide.map(|(left, right)| Gutter { left, right, is_drawn: false })
    };
    let mut found: Vec<Gutter> = free(allowed).collect();
    // Cells over several columns cross a gutter here and there where most rows have a gap.
    let has_gap = |gutter: &Gutter| {
        let parts = |row: &[Segment]| {
            row.windows(2).any(|pair| {
                // Justified words of a narrow cell stand apart, too, though less.
                pair[0].right <= gutter.middle() && gutter.middle() <= pair[1].left && pair[1].left - pair[0].right > em
            })
        };
        votes.iter().filter(|row| parts(row)).count() * 10 >= votes.len() * 7
    };
    let is_new = |found: &[Gutter], own: &Gutter| found.iter().all(|g| g.right < own.left || own.right < g.left);
    let more: Vec<Gutter> = free(votes.len() / 4).filter(|own| is_new(&found, own) && has_gap(own)).collect();
    found.extend(more);
    found.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    let mut near: Vec<Vec<Segment>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        match near.last_mut() {
            Some(last) if heights.get(at).is_some_and(|height| height - heights[at - 1] < 0.85 * em) => {
                last.extend(row.clone())
            }
            _ => near.push(row.clone()),
        }
    }
    found = without_needless(found, &near, em);
    for &at in drawn {
        match found.iter_mut().find(|gutter| gutter.left - 0.3 * em <= at && at <= gutter.right + 0.3 * em) {
            Some(gutter) => gutter.is_drawn = true,
            None => found.push(Gutter { left: at, right: at, is_drawn: true }),
        }
    }
    found.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    found
}

/// Stretches between the leftmost and the rightmost word that at most so many rows cover.
pub(super) fn free_spaces(rows: &[&Vec<Segment>], allowed: usize) -> Vec<(f32, f32)> {
    let mut edges: Vec<(f32, i32)> =
        rows.iter().flat_map(|row| row.iter()).flat_map(|segment| [(segment.left, 1), (segment.right, -1)]).collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let (mut depth, mut free_from, mut spaces) = (0_i32, None, Vec::new());
    let mut has_begun = false;
    for (at, change) in edges {
        depth += change;
        if depth as usize > allowed {
            has_begun = true;
            if let Some(from) = free_from.take() {
                spaces.push((from, at));
            }
        } else if has_begun && free_from.is_none() {
            free_from = Some(at);
        }
    }
    spaces
}

/// Leaves out gutters between columns of which no row has both: a heading set to the left over numbers set to the right.
fn without_needless(gutters: Vec<Gutter>, rows: &[Vec<Segment>], em: f32) -> Vec<Gutter> {
    let mut kept: Vec<Gutter> = gutters;
    let mut at = 0;
    while at < kept.len() {
        let left_edge = if at == 0 { f32::NEG_INFINITY } else { kept[at - 1].middle() };
        let right_edge = kept.get(at + 1).map_or(f32::INFINITY, Gutter::middle);
        let gutter = kept[at];
        let lies = |segment: &Segment, from: f32, to: f32| {
            let middle = (segment.left + segment.right) / 2.0;
            middle > from && middle < to
        };
        let has_both = rows.iter().any(|row| {
            row.iter().any(|s| lies(s, left_edge, gutter.middle()))
                && row.iter().any(|s| lies(s, gutter.middle(), right_edge))
        });
        if has_both || gutter.right - gutter.left > 12.0 * em {
            at += 1;
        } else {
            kept.remove(at);
            at = at.saturating_sub(1);
        }
    }
    kept
}

/// What of a row stands together, as indices of its atoms, and from which to which column it reaches.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) atoms: Vec<usize>,
    pub(super) first: usize,
    pub(super) last: usize,
    /// Width of its first word.
    pub(super) word: f32,
    pub(super) is_number: bool,
    pub(super) has_digits: bool,
    /// Whether it ends in a hyphen, as where a word is broken.
    pub(super) is_hyphenated: bool,
}

/// Cuts a row at the gutters. What runs across a gutter without a gap there reaches over its columns.
pub(super) fn pieces(atoms: &[Atom<'_>], row: &TextRow, gutters: &[Gutter], em: f32) -> Vec<Piece> {
    let column_of = |x: f32| gutters.iter().filter(|gutter| gutter.middle() < x).count();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut before: Option<usize> = None;
    for &index in &row.atoms {
        let rect = &atoms[index].rect;
        let is_cut = before.is_none_or(|before| {
            let (end, begin) = (atoms[before].rect.right, rect.left);
            let gap = begin - end;
            gutters.iter().any(|gutter| {
                let shared = gutter.right.min(begin) - gutter.left.max(end);
                let is_between = column_of(atoms[before].rect.center().x) < column_of(rect.center().x)
                    && end <= gutter.right
                    && begin >= gutter.left;
                let is_another_line = atoms[before].line != atoms[index].line;
                (gutter.is_drawn
                    && is_between
                    && atoms[before].rect.center().x < gutter.middle()
                    && rect.center().x > gutter.middle())
                    || (is_between && gap >= if is_another_line { 0.15 } else { WORD_GAP } * em)
                    || (is_between && gap >= GUTTER * em && shared >= 0.6 * (gutter.right - gutter.left).max(0.1))
            })
        });
        match pieces.last_mut() {
            Some(piece) if !is_cut => {
                piece.right = piece.right.max(rect.right);
                piece.atoms.push(index);
            }
            _ => pieces.push(Piece {
                left: rect.left,
                right: rect.right,
                atoms: vec![index],
                first: 0,
                last: 0,
                word: rect.width(),
                is_number: false,
                has_digits: false,
                is_hyphenated: false,
            }),
        }
        before = Some(index);
    }
    // A piece is in the columns of which it reaches into the words, or else in the nearest.
    let range = |column: usize| {
        let from = column.checked_sub(1).map_or(f32::NEG_INFINITY, |before| gutters[before].right);
        (from, gutters.get(column).map_or(f32::INFINITY, |gutter| gutter.left))
    };
    let own = |piece: &Piece| column_of((piece.left + piece.right) / 2.0);
    for piece in &mut pieces {
        let reaches = |&column: &usize| {
            let (from, to) = range(column);
            piece.right.min(to) - piece.left.max(from) > (0.3 * em).min(0.4 * (to - from))
        };
        let middle = own(piece);
        piece.first = (0..=middle).find(reaches).unwrap_or(middle);
        piece.last = (middle..=gutters.len()).rev().find(reaches).unwrap_or(middle);
    }
    // Two pieces of one column are one.
    let mut merged: Vec<Piece> = Vec::new();
    for mut piece in pieces {
        if let Some(last) = merged.last_mut().filter(|last| piece.first <= last.last) {
            if own(last) >= own(&piece) {
                last.right = last.right.max(piece.right);
                last.last = last.last.max(piece.last);
                last.atoms.extend(piece.atoms);
                continue;
            }
            last.last = own(last).max(last.first);
            piece.first = (last.last + 1).max(piece.first).min(own(&piece));
            piece.last = piece.last.max(piece.first);
        }
        merged.push(piece);
    }
    for piece in &mut merged {
        let text = piece.atoms.iter().map(|&at| atoms[at].text).collect::<Vec<_>>().join(" ");
        piece.is_number = is_numeric(&text);
        piece.has_digits = text.contains(|c: char| c.is_numeric());
        piece.is_hyphenated = text.ends_with(['-', '\u{ad}', '\u{2010}', '±'])
            && text.chars().filter(|c| c.is_alphanumeric()).count() > 1;
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(segments: &[(f32, f32)]) -> Vec<Segment> {
        segments.iter().enumerate().map(|(at, &(left, right))| Segment { left, right, atoms: at..at + 1 }).collect()
    }

    #[test]
    fn gutters_are_where_no_full_row_has_words() {
        let check = |rows: &[&[(f32, f32)]], expected: &[(f32, f32)]| {
            let rows: Vec<Vec<Segment>> = rows.iter().map(|r| row(r)).collect();
            let found: Vec<(f32, f32)> = gutters(&rows, &[], &[], 10.0).iter().map(|g| (g.left, g.right)).collect();
            assert_eq!(found, expected, "{rows:?}");
        };
        check(&[&[(0.0, 30.0), (50.0, 70.0)], &[(0.0, 40.0), (60.0, 70.0)]], &[(40.0, 50.0)]);
        // A heading over two columns does not hide the gutter between them.
        check(
            &[
                &[(0.0, 20.0), (45.0, 90.0)],
                &[(0.0, 20.0), (40.0, 60.0), (80.0, 100.0)],
                &[(0.0, 20.0), (40.0, 60.0), (80.0, 100.0)],
                &[(0.0, 20.0), (40.0, 60.0), (80.0, 100.0)],
            ],
            &[(20.0, 40.0), (60.0, 80.0)],
        );
        // A heading at the left of a column whose numbers stand at its right makes no column of its own.
        check(
            &[&[(0.0, 20.0), (40.0, 60.0)], &[(0.0, 20.0), (70.0, 90.0)], &[(0.0, 20.0), (75.0, 90.0)]],
            &[(20.0, 40.0)],
        );
    }
}
