//! What is known of a page's lines, and what is measured on them.

use crate::geometry::Rect;

/// How a line begins, as far as that says whether it goes on with the line above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// With a small letter.
    Small,
    /// With a capital, a digit, a sign.
    Else,
    /// Of a script without capitals, or not known.
    Unknown,
}

impl Beginning {
    pub(super) fn of(text: &str) -> Self {
        let first = text.chars().find(|c| !c.is_whitespace() && !"\"'([{\u{201c}\u{2018}\u{ab}".contains(*c));
        match first {
            Some(c) if c.is_lowercase() => Self::Small,
            Some(c) if c.is_alphabetic() && !c.is_uppercase() => Self::Unknown,
            Some(_) => Self::Else,
            None => Self::Unknown,
        }
    }
}

fn ends_sentence(text: &str) -> bool {
    let last =
        text.trim_end_matches(|c: char| c.is_whitespace() || "\"')]}\u{201d}\u{2019}\u{bb}".contains(c)).chars().last();
    last.is_some_and(|c| ".!?:\u{3002}\u{ff01}\u{ff1f}".contains(c))
}

/// Lines as they are read, that is upright.
pub(super) struct Lines {
    boxes: Vec<Rect>,
    pub(super) beginnings: Vec<Beginning>,
    pub(super) ends_sentence: Vec<bool>,
    pub(super) kinds: Vec<Kind>,
    pub(super) partner_left: Vec<bool>,
    pub(super) partner_right: Vec<bool>,
    /// Whether they come in the order in which the file draws them.
    pub(super) as_drawn: bool,
}

impl Lines {
    /// NaN coordinates count as 0, and texts may be missing.
    pub(super) fn new(boxes: &[Rect], texts: &[&str], as_drawn: bool) -> Self {
        let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
        let boxes: Vec<Rect> = boxes
            .iter()
            .map(|b| {
                let (left, top) = (finite(b.left), finite(b.top));
                Rect { left, top, right: finite(b.right).max(left), bottom: finite(b.bottom).max(top) }
            })
            .collect();
        let text = |index: usize| texts.get(index).copied().unwrap_or("");
        let beginnings = (0..boxes.len()).map(|index| Beginning::of(text(index))).collect();
        let ends_sentence = (0..boxes.len()).map(|index| ends_sentence(text(index))).collect();
        let kinds = (0..boxes.len()).map(|index| Kind::of(text(index))).collect();
        let (partner_left, partner_right) = partners(&boxes);
        Self { boxes, beginnings, ends_sentence, kinds, partner_left, partner_right, as_drawn }
    }
}

impl std::ops::Deref for Lines {
    type Target = [Rect];

    fn deref(&self) -> &[Rect] {
        &self.boxes
    }
}

/// What a line holds, as far as it tells a column of figures from prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Figures,
    /// Words with a colon at their end.
    Label,
    Words,
}

impl Kind {
    /// Amounts, dates, numbers of notes, dashes that stand for nothing; letters are few in them.
    fn of(text: &str) -> Self {
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let others = text.chars().filter(|c| !c.is_alphabetic() && !c.is_whitespace()).count();
        match text.trim_end().chars().next_back() {
            _ if others > 2 * letters => Self::Figures,
            Some(':' | '\u{ff1a}') => Self::Label,
            _ => Self::Words,
        }
    }
}

/// Which lines have another in the same row on their left, and which on their right. Of the whole page, and not of the band that is
/// looked at: a cell that crosses a gutter ends a band in the middle of a row.
fn partners(boxes: &[Rect]) -> (Vec<bool>, Vec<bool>) {
    let (mut left, mut right) = (vec![false; boxes.len()], vec![false; boxes.len()]);
    let mut downwards: Vec<usize> = (0..boxes.len()).collect();
    downwards.sort_by(|&a, &b| boxes[a].top.total_cmp(&boxes[b].top));
    for (at, &a) in downwards.iter().enumerate() {
        for &b in downwards[at + 1..].iter().take_while(|&&b| boxes[b].top < boxes[a].bottom) {
            let (a, b) = if boxes[a].left <= boxes[b].left { (a, b) } else { (b, a) };
            let shared = boxes[a].right - boxes[b].left;
            if overlap_y(&boxes[a], &boxes[b]) > 0.6 && shared < 0.3 * boxes[a].width().min(boxes[b].width()).max(1.0) {
                (right[a], left[b]) = (true, true);
            }
        }
    }
    (left, right)
}

/// Shared height as a part of the lower one's height, 0 to 1.
pub(super) fn overlap_y(a: &Rect, b: &Rect) -> f32 {
    let shared = a.bottom.min(b.bottom) - a.top.max(b.top);
    let least = a.height().min(b.height());
    if least <= 0.0 { 0.0 } else { (shared / least).max(0.0) }
}

pub(super) fn bounds(boxes: &[Rect], lines: &[usize]) -> Rect {
    lines.iter().map(|&i| boxes[i]).reduce(|a, b| a.union(&b)).unwrap_or_default()
}

pub(super) fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
