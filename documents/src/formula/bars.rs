//! Level lines: of fractions, of roots, over and under what they mark.

use super::{
    alphabet::accent_command,
    items::{Item, Level, Line, Read, SCRIPT, bounds},
    node::Node,
};
use crate::geometry::Rect;

/// Puts fractions, roots and what is marked by a line in the place of their parts, the inner ones first.
pub(super) fn apply(mut items: Vec<Item>, bars: &[Rect], read: &Read<'_>) -> Vec<Item> {
    let mut bars: Vec<Rect> = bars.to_vec();
    bars.sort_by(|a, b| a.width().total_cmp(&b.width()));
    for at in 0..bars.len() {
        if !root(&mut items, &bars[at], read) {
            divide(&mut items, at, &bars, read);
        }
    }
    items
}

/// A root's sign ends where its line begins.
fn root(items: &mut Vec<Item>, bar: &Rect, read: &Read<'_>) -> bool {
    let y = bar.center().y;
    let is_sign = |item: &Item| {
        let reach = 0.3 * item.size;
        item.is('√') && (item.rect.right - bar.left).abs() < reach && (item.rect.top - y).abs() < 1.2 * reach
    };
    let Some(at) = items.iter().position(is_sign) else { return false };
    let sign = items.remove(at);
    let slack = 0.15 * sign.size;
    let is_in = |item: &Item| {
        let middle = item.rect.center();
        middle.x > bar.left - slack
            && middle.x < bar.right
            && middle.y > y
            && item.rect.top > y - 2.0 * slack
            && middle.y < sign.rect.bottom + 2.0 * slack
    };
    let body: Vec<Item> = items.extract_if(.., |item| is_in(item)).collect();
    // What is written on in small print up to the sign is the exponent of what stands before it.
    let goes_on = |item: &Item| {
        items.iter().any(|before| {
            before.size == item.size
                && before.level == item.level
                && (-0.1..0.12).contains(&((item.rect.left - before.rect.right) / item.size))
                && before.rect.left < sign.rect.left - slack
        })
    };
    let continued: Vec<Rect> = items.iter().filter(|item| goes_on(item)).map(|item| item.rect).collect();
    let is_index = |item: &Item| {
        let middle = item.rect.center();
        item.size < 0.8 * sign.size
            && !continued.contains(&item.rect)
            && middle.x > sign.rect.left - 0.7 * sign.size
            && item.rect.right < sign.rect.right - slack
            && item.rect.bottom < sign.rect.center().y + 2.0 * slack
            && item.rect.top > sign.rect.top - 4.0 * slack
    };
    let index: Vec<Item> = items.extract_if(.., |item| is_index(item)).collect();
    let rect = bounds(&body).union(&sign.rect).union(bar);
    let line = Line::of(&body).unwrap_or(Line { size: sign.size, baseline: sign.rect.bottom });
    let index = (!index.is_empty()).then(|| Box::new(read(index)));
    let body = Box::new(read(body));
    items.push(Item::made(Node::Root { index, body }, rect, line.size, Level::Baseline(line.baseline)));
    true
}

fn divide(items: &mut Vec<Item>, number: usize, bars: &[Rect], read: &Read<'_>) {
    let bar = &bars[number];
    let y = bar.center().y;
    let spans = |bar: &Rect, item: &Item| {
        let slack = 0.15 * item.size;
        let x = item.rect.center().x;
        x > bar.left - slack && x < bar.right + slack
    };
    // What stands right at another line is that one's.
    let is_of_another = |item: &Item| {
        let gap = |y: f32| (item.rect.top - y).max(y - item.rect.bottom);
        let own = gap(y);
        let is_accent = item.node.sign().is_some_and(|c| accent_command(c).is_some());
        !is_accent
            && own > 0.1 * item.size
            && bars[number + 1..]
                .iter()
                .any(|other| spans(other, item) && (0.0..0.5 * own).contains(&gap(other.center().y)))
    };
    let is_along = |item: &Item| spans(bar, item) && !is_of_another(item);
    let above = nearest(items, y, -1.0, is_along);
    let below = nearest(items, y, 1.0, is_along);
    let take = |items: &mut Vec<Item>, wanted: &[usize]| -> Vec<Item> {
        let mut at = 0;
        items
            .extract_if(.., |_| {
                at += 1;
                wanted.contains(&(at - 1))
            })
            .collect()
    };
    match (above.is_empty(), below.is_empty()) {
        (false, false) => {
            let all: Vec<usize> = above.iter().chain(&below).copied().collect();
            let parts = take(items, &all);
            let (above, below): (Vec<Item>, Vec<Item>) = parts.into_iter().partition(|item| item.rect.center().y < y);
            let rect = bounds(&above).union(&bounds(&below)).union(bar);
            let size = above.iter().chain(&below).map(|item| item.size).fold(0.0, f32::max);
            let over = Box::new(read(above));
            let under = Box::new(read(below));
            items.push(Item::made(Node::Fraction(over, under), rect, size, Level::Axis(y)));
        }
        (true, false) => mark(items, take, &below, "\\overline", bar, read),
        (false, true) => mark(items, take, &above, "\\underline", bar, read),
        (true, true) => {}
    }
}

fn mark(
    items: &mut Vec<Item>,
    take: impl Fn(&mut Vec<Item>, &[usize]) -> Vec<Item>,
    under: &[usize],
    command: &'static str,
    bar: &Rect,
    read: &Read<'_>,
) {
    let body = take(items, under);
    let rect = bounds(&body).union(bar);
    let Some(line) = Line::of(&body) else { return };
    let is_letter = body.len() == 1 && command == "\\overline";
    let body = Box::new(read(body));
    let command = if is_letter { "\\bar" } else { command };
    items.push(Item::made(Node::Marked { command, body }, rect, line.size, Level::Baseline(line.baseline)));
}

/// What stands above (`-1`) or below (`1`) a line, as far as one thing follows another.
fn nearest(items: &[Item], y: f32, side: f32, is_along: impl Fn(&Item) -> bool) -> Vec<usize> {
    let near = |item: &Item| if side > 0.0 { item.rect.top - y } else { y - item.rect.bottom };
    let far = |item: &Item| if side > 0.0 { item.rect.bottom - y } else { y - item.rect.top };
    let is_beyond = |item: &Item| (item.rect.center().y - y) * side > 0.0 && near(item) > -0.3 * item.size;
    let mut order: Vec<usize> = (0..items.len()).filter(|&at| is_along(&items[at]) && is_beyond(&items[at])).collect();
    order.sort_by(|&a, &b| near(&items[a]).total_cmp(&near(&items[b])));
    let (mut end, mut largest, mut is_accents) = (0.0_f32, 0.0_f32, true);
    let mut found = Vec::new();
    for at in order {
        let item = &items[at];
        // Neither side of a line has rows; what does not reach into what is nearer is a limit or an accent of it, or something else.
        let is_accent = item.node.sign().is_some_and(|c| accent_command(c).is_some());
        let is_small = item.size < SCRIPT * largest || is_accent;
        // Under a line accents come before what bears them.
        if !is_accents && near(item) > end - 0.08 * item.size && !is_small {
            break;
        }
        largest = largest.max(item.size);
        is_accents &= is_accent;
        // From the line it is a little farther than between what belongs together.
        let most = if found.is_empty() { 0.55 } else { 0.28 };
        if near(item) - end > most * item.size {
            break;
        }
        end = end.max(far(item));
        found.push(at);
    }
    found
}
