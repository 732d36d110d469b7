//! A formula as a whole: its inner parts first, then its lines.

use std::cell::Cell;

use super::{
    bars, delimiters,
    items::{Item, Level, Line, Read, bounds},
    lines,
    node::Node,
    row,
};
use crate::geometry::Rect;

/// `doubts` counts what could not be placed.
pub(super) fn read(items: Vec<Item>, bars: &[Rect], depth: usize, doubts: &Cell<usize>) -> Node {
    let Some(depth) = depth.checked_sub(1) else {
        doubts.set(doubts.get() + items.len());
        return row::flat(items);
    };
    let inner: &Read<'_> = &|items| read(items, &[], depth, doubts);
    let items = bars::apply(items, bars, inner);
    let items = under_braces(items, inner, doubts);
    let items = delimiters::grids(items, inner);
    let mut lines = lines::split(items);
    if lines.len() == 1 {
        return row::read(lines.remove(0), inner);
    }
    Node::Lines(lines.into_iter().map(|line| row::read(line, inner)).collect())
}

/// Braces that lie above or below what they span, and what is said of it.
fn under_braces(mut items: Vec<Item>, read: &Read<'_>, doubts: &Cell<usize>) -> Vec<Item> {
    while let Some(at) = items.iter().position(|item| item.node.sign().is_some_and(|c| "︷︸⏞⏟".contains(c))) {
        let brace = items.remove(at);
        let is_under = brace.is('︸') || brace.is('⏟');
        let slack = 0.3 * brace.size;
        let spans = |item: &Item| {
            let x = item.rect.center().x;
            x > brace.rect.left - slack && x < brace.rect.right + slack
        };
        let side = |item: &Item| (item.rect.center().y - brace.rect.center().y) * if is_under { 1.0 } else { -1.0 };
        let near = |item: &Item| side(item).abs() < 2.2 * brace.size;
        let body: Vec<Item> = items.extract_if(.., |item| spans(item) && side(item) < 0.0 && near(item)).collect();
        let Some(line) = Line::of(&body) else {
            doubts.set(doubts.get() + 1);
            continue;
        };
        let label: Vec<Item> = items
            .extract_if(.., |item| {
                spans(item) && side(item) > 0.0 && side(item) < 1.6 * brace.size && item.size < 0.9 * line.size
            })
            .collect();
        let rect = bounds(&body).union(&brace.rect);
        let body = Box::new(read(body));
        let command = if is_under { "\\underbrace" } else { "\\overbrace" };
        let base = Box::new(Node::Marked { command, body });
        let label = (!label.is_empty()).then(|| Box::new(read(label)));
        let (under, over) = if is_under { (label, None) } else { (None, label) };
        items.push(Item::made(Node::Limits { base, under, over }, rect, line.size, Level::Baseline(line.baseline)));
    }
    items
}
