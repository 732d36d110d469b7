//! Rows that make one block, and what is found out about it. The rooms beside this one fill it in.

use std::ops::Range;

use super::{
    rows::{Frame, Row},
    sheet::{Line, Sheet},
};
use crate::blocks::{BlockKind, GoesOn};
use crate::hints::TagRole;

/// Rows that belong together.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) rows: Range<usize>,
    pub(super) kind: BlockKind,
    pub(super) confidence: Option<f32>,
    pub(super) level: Option<u8>,
    pub(super) marker: Option<UnitMarker>,
    pub(super) goes_on: Option<GoesOn>,
    /// Its rows stay lines, as those of verse do.
    pub(super) keeps_lines: bool,
    /// Of a caption or footnote: the unit or object that it belongs to is looked for later, by place.
    pub(super) of: Option<Owner>,
}

/// What is printed before the text of a list item, footnote or formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnitMarker {
    pub(super) text: String,
    /// Characters at the beginning of the first row that are no part of the text.
    pub(super) skipped: usize,
}

/// A unit or an object, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Unit(usize),
    Object(usize),
}

impl Unit {
    pub(super) fn new(rows: Range<usize>, kind: BlockKind) -> Self {
        Self { rows, kind, confidence: None, level: None, marker: None, goes_on: None, keeps_lines: false, of: None }
    }
}

/// What all rooms look at.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) sheet: &'a Sheet<'a>,
    pub(super) rows: &'a [Row],
    pub(super) frames: &'a [Frame],
}

impl<'a> Context<'a> {
    /// How far edges that are the same may be apart at a row.
    pub(super) fn tolerance(&self, row: &Row) -> f32 {
        row.size * if self.sheet.is_styled { 0.6 } else { 0.8 }
    }

    pub(super) fn frame(&self, row: &Row) -> &'a Frame {
        &self.frames[row.frame]
    }

    /// The line of a row that says most.
    pub(super) fn main_line(&self, row: &Row) -> &'a Line<'a> {
        let main = row.lines.iter().copied().max_by_key(|&index| self.sheet.lines[index].characters).unwrap_or(0);
        &self.sheet.lines[main]
    }

    /// What the file calls a row, and the number of the element.
    pub(super) fn tag(&self, row: &Row) -> Option<(TagRole, u32, u8)> {
        let tag = self.main_line(row).tag?;
        (!matches!(tag.role, TagRole::Other)).then_some((tag.role, tag.element, tag.level))
    }

    /// Whether the first word of `below` would not have fitted at the end of `above`.
    pub(super) fn is_full(&self, above: &Row, below: &Row) -> bool {
        let blank = 0.25 * above.size;
        let slack = above.size * if self.sheet.is_styled { 0.3 } else { 0.9 };
        above.rect.right + blank + below.first_word > self.frame(above).right - slack
    }

    /// Whether two sizes are of the same type, as far as can be measured.
    pub(super) fn is_same_size(&self, a: f32, b: f32) -> bool {
        let ratio = a / b;
        let most = if self.sheet.is_styled { 1.07 } else { 1.28 };
        ratio < most && ratio > 1.0 / most
    }

    /// Whether a row stands in the middle of its column, with space at both sides.
    pub(super) fn is_centered(&self, row: &Row) -> bool {
        let frame = self.frame(row);
        let (left, right) = (row.rect.left - frame.left, frame.right - row.rect.right);
        left > row.size && right > row.size && (left - right).abs() < 1.2 * row.size
    }
}
