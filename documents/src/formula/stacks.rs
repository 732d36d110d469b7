//! Signs that are set as several above each other, or along a slope: `≅`, `≐`, `⋱`, `⋮`.

use smol_str::SmolStr;

use super::{
    Letters,
    alphabet::class,
    items::{Item, Level},
};

/// How far the middles of two signs are apart at most, and how much narrower one is than the other, where they are one sign; in ems.
const ASIDE: f32 = 0.12;
const NARROWER: f32 = 0.8;
/// The gap between them.
const MOST_GAP: f32 = 0.35;
/// How far dots of a slope or a column are apart, and how much one step may differ from the next.
const STEP: std::ops::Range<f32> = 0.2..0.75;
const UNEVEN: f32 = 0.08;

/// Puts signs together that stand above each other.
pub(super) fn in_one(items: Vec<Item>) -> Vec<Item> {
    dots(on_equals(items))
}

/// What stands on an equals sign, in the same size, and makes another sign of it.
fn on_equals(mut items: Vec<Item>) -> Vec<Item> {
    for at in (0..items.len()).rev().filter(|&at| items.get(at).is_some_and(|item| item.is('='))).collect::<Vec<_>>() {
        let equals = &items[at];
        let (size, rect) = (equals.size, equals.rect);
        let is_on = |item: &Item| {
            let gap = rect.top - item.rect.bottom;
            (item.size / size - 1.0).abs() < 0.06
                && (item.rect.center().x - rect.center().x).abs() < ASIDE * size
                && gap > -0.15 * size
                && gap < MOST_GAP * size
        };
        let sign = |item: &Item| match item.node.sign()? {
            '∼' if item.rect.width() > NARROWER * rect.width() => Some('≅'),
            '.' | '·' | '˙' => Some('≐'),
            _ => None,
        };
        let found = items.iter().enumerate().find_map(|(on, item)| Some((on, sign(item).filter(|_| is_on(item))?)));
        if let Some((on, sign)) = found {
            let above = items[on].rect;
            let equals = &mut items[at];
            equals.rect = equals.rect.union(&above);
            turn_into(equals, sign);
            items.remove(on);
        }
    }
    items
}

/// Three dots down a slope or a column.
fn dots(mut items: Vec<Item>) -> Vec<Item> {
    let mut dots: Vec<usize> = (0..items.len()).filter(|&at| items[at].is('.')).collect();
    if dots.len() < 3 {
        return items;
    }
    dots.sort_by(|&a, &b| items[a].rect.top.total_cmp(&items[b].rect.top));
    let mut gone: Vec<usize> = Vec::new();
    for (place, &first) in dots.iter().enumerate() {
        if gone.contains(&first) {
            continue;
        }
        let step = |a: usize, b: usize| {
            let (a, b) = (&items[a], &items[b]);
            let (from, to) = (a.rect.center(), b.rect.center());
            ((to.x - from.x) / a.size, (to.y - from.y) / a.size)
        };
        let below = || dots[place + 1..].iter().copied().filter(|at| !gone.contains(at));
        let found = below().find_map(|second| {
            let (x, y) = step(first, second);
            let sign = if x.abs() < UNEVEN { '⋮' } else { '⋱' };
            let is_step = STEP.contains(&y) && (x.abs() < UNEVEN || STEP.contains(&x));
            let goes_on = |third: &usize| {
                let (dx, dy) = step(second, *third);
                (dx - x).abs() < UNEVEN && (dy - y).abs() < UNEVEN
            };
            is_step.then(|| below().find(goes_on))?.map(|third| (sign, second, third))
        });
        let Some((sign, second, third)) = found else { continue };
        gone.extend([second, third]);
        let rect = items[first].rect.union(&items[third].rect);
        // The last one of a column stands on the line, that of a slope a little above it.
        let below = if sign == '⋱' { 0.1 * items[first].size } else { 0.0 };
        let dots = &mut items[first];
        dots.rect = rect;
        dots.level = Level::Baseline(rect.bottom + below);
        turn_into(dots, sign);
    }
    let mut at = 0;
    items.retain(|_| {
        at += 1;
        !gone.contains(&(at - 1))
    });
    items
}

fn turn_into(item: &mut Item, sign: char) {
    item.node = super::node::Node::Symbol { text: SmolStr::from_iter([sign]), letters: Letters::Plain };
    item.class = class(sign);
}
