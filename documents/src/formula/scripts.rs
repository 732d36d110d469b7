//! Scripts and limits: what stands above and below a line, and what of the line it belongs to.

use super::{
    alphabet::{Class, takes_limits},
    items::{Item, Level, Line, Read, bounds},
    node::Node,
};
use crate::geometry::Rect;

/// Things that stand together above or below a line.
struct Group {
    items: Vec<Item>,
    is_above: bool,
}

/// What belongs to one thing of the line.
#[derive(Default)]
struct Parts {
    sub: Vec<Item>,
    sup: Vec<Item>,
    under: Vec<Item>,
    over: Vec<Item>,
}

/// Puts what stands above and below a line to what it belongs to. `own` is in order, from left to right.
pub(super) fn attach(own: Vec<Item>, rest: Vec<Item>, line: &Line, read: &Read<'_>) -> Vec<Item> {
    let groups = groups(&own, rest, line);
    let mut parts: Vec<Parts> = own.iter().map(|_| Parts::default()).collect();
    // Scripts that stand before everything, and after what bears none.
    let mut alone: Vec<(usize, Parts)> = Vec::new();
    for Group { items, is_above } in groups {
        if let Some(at) = limited(&own, &items, is_above, line) {
            let parts = &mut parts[at];
            if is_above { &mut parts.over } else { &mut parts.under }.extend(items);
            continue;
        }
        let left = bounds(&items).left;
        let base = own.iter().rposition(|item| item.rect.center().x < left + 0.1 * line.size);
        let bears = |item: &Item| !matches!(item.class, Class::Open | Class::Between | Class::Punctuation);
        let of = match base {
            Some(at) if bears(&own[at]) => &mut parts[at],
            _ => {
                let before = base.map_or(0, |at| at + 1);
                let found = alone.iter().position(|(at, _)| *at == before);
                let found = found.unwrap_or_else(|| {
                    alone.push((before, Parts::default()));
                    alone.len() - 1
                });
                &mut alone[found].1
            }
        };
        if is_above { &mut of.sup } else { &mut of.sub }.extend(items);
    }
    let mut out = Vec::with_capacity(own.len());
    let read = |items: Vec<Item>| (!items.is_empty()).then(|| Box::new(read(items)));
    let set = |item: Item, parts: Parts| -> Item {
        let mut item = item;
        for part in [&parts.sub, &parts.sup, &parts.under, &parts.over] {
            if !part.is_empty() {
                item.rect = item.rect.union(&bounds(part));
            }
        }
        if !parts.under.is_empty() || !parts.over.is_empty() {
            let (under, over) = (read(parts.under), read(parts.over));
            let base = Box::new(std::mem::replace(&mut item.node, Node::Gap));
            item.node = Node::Limits { base, under, over };
        }
        if !parts.sub.is_empty() || !parts.sup.is_empty() {
            let (sub, sup) = (read(parts.sub), read(parts.sup));
            let base = Box::new(std::mem::replace(&mut item.node, Node::Gap));
            item.node = Node::Scripts { base, sub, sup };
        }
        item
    };
    let count = own.len();
    for (at, (item, parts)) in own.into_iter().zip(parts).enumerate() {
        if let Some(found) = alone.iter().position(|(before, _)| *before == at) {
            let (_, parts) = alone.swap_remove(found);
            out.push(set(nothing(&parts, line), parts));
        }
        out.push(set(item, parts));
    }
    if let Some(found) = alone.iter().position(|(before, _)| *before == count) {
        let (_, parts) = alone.swap_remove(found);
        out.push(set(nothing(&parts, line), parts));
    }
    out
}

/// What scripts stand at that stand at nothing.
fn nothing(parts: &Parts, line: &Line) -> Item {
    let rect = bounds(if parts.sup.is_empty() { &parts.sub } else { &parts.sup });
    Item::made(Node::Row(Vec::new()), rect, line.size, Level::Baseline(line.baseline))
}

fn groups(own: &[Item], rest: Vec<Item>, line: &Line) -> Vec<Group> {
    let mut rest = rest;
    rest.sort_by(|a, b| a.rect.left.total_cmp(&b.rect.left));
    let mut groups: Vec<Group> = Vec::new();
    for item in rest {
        let is_above = match item.level {
            Level::Baseline(baseline) => {
                // Tall scripts reach over the line's middle: where they stand tells more than where they reach.
                let middle = item.rect.center().y;
                baseline < line.baseline - 0.02 * line.size && middle < line.axis() + 0.12 * line.size
            }
            Level::Axis(axis) => axis < line.axis(),
        };
        let parts = |group: &Group| {
            let right = bounds(&group.items).right;
            own.iter().any(|main| {
                let x = main.rect.center().x;
                let overlaps = main.rect.top < item.rect.bottom - 0.08 * line.size
                    && main.rect.bottom > item.rect.top + 0.08 * line.size;
                overlaps && x > right - 0.15 * line.size && x < item.rect.left + 0.15 * line.size
            })
        };
        // Smaller still, right behind and half a letter off: a script of the script.
        let borne = groups.iter_mut().rev().find(|group| {
            group.items.last().is_some_and(|last| match (last.level, item.level) {
                (Level::Baseline(a), Level::Baseline(b)) => {
                    item.size < 0.9 * last.size
                        && last.size < 0.9 * line.size
                        && (-0.15..0.2).contains(&((item.rect.left - last.rect.right) / last.size))
                        && (0.1..0.55).contains(&((b - a).abs() / last.size))
                }
                _ => false,
            })
        });
        if let Some(group) = borne {
            group.items.push(item);
            continue;
        }
        // The limits of sums that stand side by side.
        let sum = |rect: &Rect| {
            let sums = own.iter().enumerate().filter(|(_, main)| {
                main.class == Class::Large
                    && if is_above {
                        rect.bottom < main.rect.top + 0.3 * line.size
                    } else {
                        rect.top > main.rect.bottom - 0.3 * line.size
                    }
            });
            let distance = |main: &Item| (main.rect.center().x - rect.center().x).abs();
            sums.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1))).map(|(at, _)| at)
        };
        let is_of_another_sum = |group: &Group| {
            let Some(last) = group.items.last() else { return false };
            item.rect.left - last.rect.right > 0.2 * item.size && sum(&last.rect) != sum(&item.rect)
        };
        let near = groups.iter_mut().rev().find(|group| {
            let right = bounds(&group.items).right;
            let is_level = group.items.last().is_none_or(|last| match (last.level, item.level) {
                (Level::Baseline(a), Level::Baseline(b)) => last.size != item.size || (a - b).abs() < 0.3 * item.size,
                _ => true,
            });
            is_level && group.is_above == is_above && item.rect.left - right < 0.6 * item.size.max(0.5 * line.size)
        });
        match near {
            Some(group) if !parts(group) && !is_of_another_sum(group) => group.items.push(item),
            _ => groups.push(Group { items: vec![item], is_above }),
        }
    }
    groups
}

/// What of the line has these above or below it, in the middle.
fn limited(own: &[Item], items: &[Item], is_above: bool, line: &Line) -> Option<usize> {
    let rect = bounds(items);
    let is_limit = |item: &Item| {
        let takes = match &item.node {
            Node::Function(word) => takes_limits(word),
            Node::Limits { .. } => true,
            _ => matches!(item.class, Class::Large | Class::Between),
        };
        let reach = 0.35 * item.rect.width().max(rect.width());
        let is_beyond = if is_above {
            rect.bottom < item.rect.top + 0.3 * line.size
        } else {
            rect.top > item.rect.bottom - 0.3 * line.size
        };
        takes && is_beyond && (rect.center().x - item.rect.center().x).abs() < reach
    };
    let distance = |at: &usize| (own[*at].rect.center().x - rect.center().x).abs();
    (0..own.len()).filter(|&at| is_limit(&own[at])).min_by(|a, b| distance(a).total_cmp(&distance(b)))
}
