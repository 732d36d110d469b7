//! Running text, which is no table however its lines stand beside others.

use super::{
    atoms::{Atom, Segment, TextRow, median, segments},
    columns::{WORD_GAP, free_spaces},
};
use crate::geometry::Rect;

/// Lines below each other that are looked at for the next line of a stretch.
const AHEAD: usize = 64;

/// Words of one line that run on.
#[derive(Clone, Debug)]
struct Stretch {
    rect: Rect,
    atoms: std::ops::Range<usize>,
    first_word: f32,
}

/// Running text of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Prose {
    /// Of each atom, whether it is of running text.
    pub(super) is_prose: Vec<bool>,
    /// From where to where it stands, downwards.
    pub(super) rects: Vec<Rect>,
    /// Of columns, from left to right, where there are several: where one ends and where the next begins.
    pub(super) between: Vec<(f32, f32)>,
}

/// Text of which lines end because the next word had no room.
pub(super) fn prose(atoms: &[Atom<'_>], em: f32) -> Prose {
    let mut stretches = stretches(atoms, em);
    stretches.sort_by(|a, b| a.rect.top.total_cmp(&b.rect.top).then(a.rect.left.total_cmp(&b.rect.left)));
    let mut next: Vec<Option<usize>> = vec![None; stretches.len()];
    let mut has_before = vec![false; stretches.len()];
    for (at, own) in stretches.iter().enumerate() {
        let height = own.rect.height();
        let below = (at + 1..stretches.len().min(at + 1 + AHEAD)).find(|&other| {
            let rect = &stretches[other].rect;
            let shared = rect.right.min(own.rect.right) - rect.left.max(own.rect.left);
            !has_before[other]
                && rect.top > own.rect.center().y
                && rect.top < own.rect.bottom + 0.8 * height
                && (rect.left - own.rect.left).abs() < 3.0 * em
                && (rect.height() - height).abs() < 0.3 * height
                && shared > 0.5 * rect.width().min(own.rect.width())
        });
        if let Some(below) = below {
            next[at] = Some(below);
            has_before[below] = true;
        }
    }
    let mut found = Prose { is_prose: vec![false; atoms.len()], ..Prose::default() };
    for head in (0..stretches.len()).filter(|&at| !has_before[at]) {
        let chain: Vec<usize> = std::iter::successors(Some(head), |&at| next[at]).collect();
        if !is_running(&stretches, &chain, atoms, em) {
            continue;
        }
        for &at in &chain {
            found.is_prose[stretches[at].atoms.clone()].fill(true);
            found.rects.push(stretches[at].rect);
        }
    }
    found.between = between(&found.rects, em);
    found
}

fn stretches(atoms: &[Atom<'_>], em: f32) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut at = 0;
    while at < atoms.len() {
        let end = at + atoms[at..].iter().take_while(|atom| atom.line == atoms[at].line).count();
        let gaps: Vec<f32> = atoms[at..end].windows(2).map(|pair| pair[1].rect.left - pair[0].rect.right).collect();
        let (usual, most) = (median(gaps.clone()), gaps.iter().copied().fold(0.0, f32::max));
        // The words of a line that is stretched to its column's width stand evenly apart.
        let widest =
            if most < 1.8 * usual && most < 5.0 * em { most + 1.0 } else { (0.7 * em).max(2.2 * usual).min(1.3 * em) };
        let mut from = at;
        for index in at + 1..=end {
            if index == end || atoms[index].rect.left - atoms[index - 1].rect.right > widest {
                let rect = atoms[from..index].iter().map(|atom| atom.rect).reduce(|a, b| a.union(&b));
                let first_word = atoms[from].rect.width();
                stretches.extend(rect.map(|rect| Stretch { rect, atoms: from..index, first_word }));
                from = index;
            }
        }
        at = end;
    }
    stretches
}

/// Whether lines below each other are running text.
fn is_running(stretches: &[Stretch], chain: &[usize], atoms: &[Atom<'_>], em: f32) -> bool {
    let all = chain.iter().map(|&at| stretches[at].rect).reduce(|a, b| a.union(&b));
    let rect = all.unwrap_or_default();
    let lines = chain.len();
    let words: usize = chain.iter().map(|&at| stretches[at].atoms.len()).sum();
    let letters = chain
        .iter()
        .flat_map(|&at| &atoms[stretches[at].atoms.clone()])
        .filter(|atom| atom.text.chars().any(char::is_alphabetic))
        .count();
    let full = chain.windows(2).filter(|pair| {
        let (own, below) = (&stretches[pair[0]], &stretches[pair[1]]);
        own.rect.right + 0.2 * em + below.first_word > rect.right - 0.2 * em
    });
    let is_wide = (lines >= 2 && rect.width() > 30.0 * em)
        || (lines >= 3 && rect.width() > 22.0 * em)
        || (lines >= 5 && rect.width() > 9.0 * em);
    // Where a gap goes down through all lines they are rows.
    let parts: Vec<Vec<Segment>> = chain
        .iter()
        .map(|&at| {
            let row = TextRow { top: 0.0, bottom: 0.0, atoms: stretches[at].atoms.clone().collect() };
            segments(atoms, &row, WORD_GAP * em)
        })
        .collect();
    let has_gutter = lines > 2
        && free_spaces(&parts.iter().collect::<Vec<_>>(), lines / 9)
            .iter()
            .any(|(left, right)| right - left > 0.3 * em);
    is_wide && !has_gutter && words >= 3 * lines && letters * 10 >= words * 6 && full.count() * 10 >= (lines - 1) * 7
}

/// Gaps between columns of text: where few of its lines are.
fn between(lines: &[Rect], em: f32) -> Vec<(f32, f32)> {
    let row = |rect: &Rect| vec![Segment { left: rect.left, right: rect.right, atoms: 0..0 }];
    let rows: Vec<Vec<Segment>> = lines.iter().map(row).collect();
    let mut spaces = free_spaces(&rows.iter().collect::<Vec<_>>(), lines.len() / 8);
    spaces.retain(|(left, right)| right - left > 0.6 * em);
    spaces
}
