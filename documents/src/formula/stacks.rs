//! Signs that are set as several above each other, or along a slope: `≅`, `≐`, `⋱`, `⋮`.

use super::items::{Item, Level};

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
    let mut gone: Vec<usize> = Vec::new();
    for at in 0..items.len() {
        let (size, rect) = (items[at].size, items[at].rect);
        if !items[at].is('=') {
            continue;
        }
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
        let may_be = |on: &usize| !gone.contains(on) && is_on(&items[*on]);
        let found = (0..items.len()).filter(may_be).find_map(|on| Some((on, sign(&items[on])?)));
        if let Some((on, sign)) = found {
            items[at].rect = rect.union(&items[on].rect);
            items[at].turn_into(sign);
            gone.push(on);
        }
    }
    without(items, &gone)
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
        dots.turn_into(sign);
    }
    without(items, &gone)
}

fn without(items: Vec<Item>, gone: &[usize]) -> Vec<Item> {
    items.into_iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, item)| item).collect()
}
