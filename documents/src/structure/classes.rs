//! Levels of headings over a document: headings that are as large have one level.

use super::shapes::numbering;
use crate::{
    blocks::{Block, BlockKind},
    record::{PageRecord, TextLine},
};

/// Kinds of headings that are told apart; a document has six levels, each set in a few ways.
const MOST_CLASSES: usize = 32;

/// Heights that differ by no more are of one class: of type that the file tells of, and of boxes that OCR gave.
const SAME: f32 = 0.06;
const SAME_READ: f32 = 0.08;

/// Headings that are set alike, as far as a record shows: by the size of their lines, in parts of the page's dpi, and their letters.
#[derive(Clone, Copy, Debug)]
struct Class {
    height: f32,
    is_capital: bool,
    /// What pages take it for by themselves, and what it is.
    own: u8,
    level: u8,
}

#[derive(Debug, Default)]
pub(super) struct Levels {
    classes: Vec<Class>,
    has_title: bool,
    /// What is taken off each level: where the title has the first, headings begin at the second.
    shift: Option<u8>,
}

impl Levels {
    pub(super) fn set(&mut self, page: &mut PageRecord) {
        let PageRecord { blocks, lines, dpi, .. } = page;
        let dpi = if *dpi > 0.0 { *dpi } else { 72.0 };
        for block in blocks.iter_mut() {
            if block.kind == BlockKind::Title {
                if !std::mem::replace(&mut self.has_title, true) || block.confidence.is_none() {
                    continue;
                }
                // A document has one title; others open its parts, or are as large as its other headings.
                (block.kind, block.level) = (BlockKind::Heading, Some(1));
            }
            if block.kind != BlockKind::Heading {
                continue;
            }
            let own = block.level.unwrap_or(1);
            if block.confidence.is_none() {
                // The file says so; where its first level is the title, the second is the first.
                let shift = *self.shift.get_or_insert(if self.has_title { own - 1 } else { 0 });
                block.level = Some(own.saturating_sub(shift).max(1));
                continue;
            }
            let own_lines = lines.get(block.lines.clone()).unwrap_or_default();
            let is_read = own_lines.iter().any(|line| line.confidence.is_some());
            let height = height(own_lines, is_read) / dpi;
            let letters = || block.text.chars().filter(|c| c.is_alphabetic());
            let is_capital = letters().all(char::is_uppercase);
            let level = match depth(block) {
                Some(depth) => depth,
                None => self.level(height, is_capital, own, if is_read { SAME_READ } else { SAME }),
            };
            self.remember(Class { height, is_capital, own, level });
            block.level = Some(level);
        }
    }

    /// The level of a heading without a number.
    fn level(&self, height: f32, is_capital: bool, own: u8, same: f32) -> u8 {
        let apart = |class: &Class| (class.height / height.max(1e-6) - 1.0).abs();
        let is_near = |class: &&Class| apart(class) < same && class.is_capital == is_capital;
        // Of headings as large there may be two kinds, which a page that has both tells apart.
        let distance = |class: &Class| 8.0 * apart(class) + 0.5 * f32::from(class.own.abs_diff(own));
        let known = self.classes.iter().filter(is_near).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        if let Some(class) = known {
            return class.level;
        }
        // Between those that are larger and those that are smaller.
        let larger = self.classes.iter().filter(|class| class.height > height).map(|class| class.level).max();
        larger.map_or(own, |larger| own.max((larger + 1).min(6)))
    }

    fn remember(&mut self, class: Class) {
        let is_same = |other: &Class| {
            (other.height / class.height.max(1e-6) - 1.0).abs() < 0.06
                && (other.is_capital, other.own) == (class.is_capital, class.own)
        };
        if self.classes.len() < MOST_CLASSES && !self.classes.iter().any(is_same) {
            self.classes.push(class);
        }
    }
}

/// The largest of a heading's lines; of boxes of OCR, which are rough, the mean.
fn height(lines: &[TextLine], is_read: bool) -> f32 {
    let heights = lines.iter().map(|line| line.polygon.height());
    if is_read { heights.sum::<f32>() / lines.len().max(1) as f32 } else { heights.fold(0.0, f32::max) }
}

/// How deep a numbered heading is.
fn depth(block: &Block) -> Option<u8> {
    let numbering = numbering(&block.text)?;
    let is_digits = block.text.starts_with(|c: char| c.is_ascii_digit());
    (is_digits && (numbering.is_certain || numbering.depth == 1)).then_some(numbering.depth.min(6))
}
