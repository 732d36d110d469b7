//! Placed parts of a formula.

use smol_str::SmolStr;

use super::{
    Symbol,
    alphabet::{Class, Letters, accented, class, plain_in},
    node::Node,
};
use crate::geometry::Rect;

/// What a fraction's line and a minus stand above the baseline, in ems.
pub const AXIS: f32 = 0.25;

/// Something with a place: a symbol, or what was made of several.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) rect: Rect,
    pub(super) size: f32,
    pub(super) level: Level,
    pub(super) class: Class,
    pub(super) node: Node,
}

/// What tells on which level of a formula something stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Level {
    /// Letters stand on it.
    Baseline(f32),
    /// Tall brackets, large operators and fractions lie around it, whatever their size.
    Axis(f32),
}

impl Item {
    pub(super) fn of(symbol: &Symbol) -> Self {
        let mut characters = symbol.text.chars();
        let (first, is_one) = (characters.next().unwrap_or(' '), characters.next().is_none());
        let (rect, size) = (symbol.rect, symbol.size);
        let class = if is_one { class(first) } else { Class::Letter };
        let hangs = matches!(class, Class::Large | Class::Open | Class::Close | Class::Bar) || first == '√';
        let is_usual =
            (rect.center().y - (symbol.baseline - AXIS * size)).abs() < 0.3 * size && rect.height() < 1.3 * size;
        let level = if hangs && (!is_usual || class == Class::Large) {
            Level::Axis(rect.center().y)
        } else {
            Level::Baseline(symbol.baseline)
        };
        let node = if is_one { node_of(first, symbol.letters) } else { symbol_of(symbol.text.clone(), symbol.letters) };
        Self { rect, size, level, class, node }
    }

    /// What several have become.
    pub(super) fn made(node: Node, rect: Rect, size: f32, level: Level) -> Self {
        Self { rect, size, level, class: Class::Other, node }
    }

    /// What is put together of it and others is one sign.
    pub(super) fn turn_into(&mut self, sign: char) {
        self.node = symbol_of(SmolStr::from_iter([sign]), Letters::Plain);
        self.class = class(sign);
    }

    pub(super) fn is(&self, sign: char) -> bool {
        self.node.sign() == Some(sign)
    }

    /// How far its middle is from the line's, in the line's ems; letters by their baseline.
    pub(super) fn distance(&self, line: &Line) -> f32 {
        let distance = match self.level {
            Level::Baseline(baseline) => (baseline - line.baseline).abs(),
            Level::Axis(axis) => (axis - line.axis()).abs(),
        };
        distance / line.size
    }
}

fn node_of(c: char, letters: Letters) -> Node {
    if let Some((letter, command)) = accented(c).filter(|_| letters != Letters::Upright) {
        let body = Box::new(Node::Symbol { text: SmolStr::from_iter([letter]), letters });
        return Node::Marked { command, body };
    }
    let (plain, letters) = plain_in(c, letters);
    symbol_of(SmolStr::from_iter([plain]), letters)
}

fn symbol_of(text: SmolStr, letters: Letters) -> Node {
    Node::Symbol { text, letters }
}

/// Reads a part of a formula.
pub(super) type Read<'a> = dyn Fn(Vec<Item>) -> Node + 'a;

/// The level that most of a formula, or of a part of it, stands on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) size: f32,
    pub(super) baseline: f32,
}

/// What is smaller than this share of a line's type is a script.
pub(super) const SCRIPT: f32 = 0.88;
/// Baselines within so many ems are one.
pub(super) const SAME: f32 = 0.12;

impl Line {
    /// `None` where there is nothing.
    pub(super) fn of(items: &[Item]) -> Option<Self> {
        let size = |rigid: bool| {
            let of = items.iter().filter(|item| !rigid || is_rigid(item)).map(|item| item.size);
            of.fold(0.0_f32, f32::max)
        };
        let rigid = size(true);
        // Beside a sum alone all else is its limits.
        let large = items.iter().filter(|item| item.class == Class::Large).map(|item| item.size).fold(0.0, f32::max);
        let is_off = |item: &Item| {
            let signs = items.iter().filter(|sign| sign.class == Class::Large);
            signs.map(|sign| (sign.rect.center().y - item.rect.center().y).abs()).fold(f32::INFINITY, f32::min)
                > 0.3 * large
        };
        let is_limits = SCRIPT * large > rigid && items.iter().all(|item| item.class == Class::Large || is_off(item));
        if rigid <= 0.0 || is_limits {
            let largest = items.iter().max_by(|a, b| a.rect.height().total_cmp(&b.rect.height()))?;
            let size = size(false).max(0.1);
            let baseline = match largest.level {
                Level::Axis(axis) => axis + AXIS * size,
                Level::Baseline(baseline) => baseline,
            };
            return Some(Self { size, baseline });
        }
        // The baseline that most have; the first where several have as many.
        let mut levels: Vec<(f32, f32, f32)> = Vec::new();
        for item in items.iter().filter(|item| is_rigid(item) && item.size >= SCRIPT * rigid) {
            let Level::Baseline(baseline) = item.level else { continue };
            let width = item.rect.width().clamp(0.2 * rigid, 2.0 * rigid);
            match levels.iter_mut().find(|(level, ..)| (*level - baseline).abs() < SAME * rigid) {
                Some(level) => (level.1, level.2) = (level.1 + width, level.2.min(item.rect.left)),
                None => levels.push((baseline, width, item.rect.left)),
            }
        }
        let (baseline, ..) = levels.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.2.total_cmp(&a.2)))?;
        Some(Self { size: rigid, baseline })
    }

    pub(super) fn axis(&self) -> f32 {
        self.baseline - AXIS * self.size
    }

    /// Whether something stands on the line, and is no script.
    pub(super) fn has(&self, item: &Item) -> bool {
        match item.level {
            Level::Baseline(_) => item.size >= SCRIPT * self.size && item.distance(self) < SAME,
            Level::Axis(_) => {
                item.distance(self) < 0.25 || (item.rect.height() > 1.6 * self.size && item.distance(self) < 0.5)
            }
        }
    }
}

fn is_rigid(item: &Item) -> bool {
    matches!(item.level, Level::Baseline(_))
}

pub(super) fn bounds(items: &[Item]) -> Rect {
    items.iter().map(|item| item.rect).reduce(|a, b| a.union(&b)).unwrap_or_default()
}
