//! Brackets that are taller than a line: put together of their pieces, and what stands between them in rows.

use smol_str::SmolStr;

use super::{
    alphabet::{Class, class},
    items::{AXIS, Item, Level, Line, Read, bounds},
    lines,
    node::Node,
};

/// A bracket's piece: the bracket, and whether it is its head or its foot.
fn piece(c: char) -> Option<(char, bool, bool)> {
    Some(match c {
        '⎛' | '\u{f8eb}' => ('(', true, false),
        '⎜' | '\u{f8ec}' => ('(', false, false),
        '⎝' | '\u{f8ed}' => ('(', false, true),
        '⎞' | '\u{f8f6}' => (')', true, false),
        '⎟' | '\u{f8f7}' => (')', false, false),
        '⎠' | '\u{f8f8}' => (')', false, true),
        '⎡' | '\u{f8ee}' => ('[', true, false),
        '⎢' | '\u{f8ef}' => ('[', false, false),
        '⎣' | '\u{f8f0}' => ('[', false, true),
        '⎤' | '\u{f8f9}' => (']', true, false),
        '⎥' | '\u{f8fa}' => (']', false, false),
        '⎦' | '\u{f8fb}' => (']', false, true),
        '⎧' | '\u{f8f1}' => ('{', true, false),
        '⎨' | '\u{f8f2}' => ('{', false, false),
        '⎩' | '\u{f8f3}' => ('{', false, true),
        '⎪' | '\u{f8f4}' => ('\u{0}', false, false),
        '⎫' | '\u{f8fc}' => ('}', true, false),
        '⎬' | '\u{f8fd}' => ('}', false, false),
        '⎭' | '\u{f8fe}' => ('}', false, true),
        '|' | '∣' | '⏐' | '\u{f8e6}' => ('|', false, false),
        '‖' | '∥' => ('‖', false, false),
        '⎮' | '\u{f8f5}' | '⌠' | '⌡' => ('∫', false, false),
        _ => return None,
    })
}

/// Puts brackets together that are drawn in pieces above each other, and braces that are drawn in pieces side by side.
pub(super) fn in_one_piece(items: Vec<Item>) -> Vec<Item> {
    let (pieces, mut rest): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| item.node.sign().is_some_and(|c| piece(c).is_some()));
    let mut columns: Vec<(Vec<Item>, char, bool, bool)> = Vec::new();
    let mut pieces = pieces;
    pieces.sort_by(|a, b| a.rect.top.total_cmp(&b.rect.top));
    for item in pieces {
        let (bracket, head, foot) = item.node.sign().and_then(piece).unwrap_or(('|', false, false));
        let belongs = |(column, of, ..): &&mut (Vec<Item>, char, bool, bool)| {
            let all = bounds(column);
            let shared = all.right.min(item.rect.right) - all.left.max(item.rect.left);
            (*of == bracket || *of == '\u{0}' || bracket == '\u{0}')
                && shared > -0.05 * item.size
                && (all.center().x - item.rect.center().x).abs() < 0.35 * item.size
                && item.rect.top < all.bottom + 0.12 * item.size
                && item.rect.bottom > all.bottom - 0.1 * item.size
        };
        match columns.iter_mut().rev().find(belongs) {
            Some(column) => {
                column.0.push(item);
                if column.1 == '\u{0}' {
                    column.1 = bracket;
                }
                (column.2, column.3) = (column.2 || head, column.3 || foot);
            }
            None => columns.push((vec![item], bracket, head, foot)),
        }
    }
    for (mut column, bracket, head, foot) in columns {
        if column.len() == 1 {
            rest.append(&mut column);
            continue;
        }
        let bracket = match bracket {
            '[' if head && !foot => '⌈',
            '[' if foot && !head => '⌊',
            ']' if head && !foot => '⌉',
            ']' if foot && !head => '⌋',
            '\u{0}' => '|',
            bracket => bracket,
        };
        let (rect, size) = (bounds(&column), column[0].size);
        let node = Node::Symbol { text: SmolStr::from_iter([bracket]), letters: super::Letters::Plain };
        let level = Level::Axis(rect.center().y);
        rest.push(Item { rect, size, level, class: class(bracket), node });
    }
    braces(rest)
}

/// Whether a line is a part of a brace that lies.
pub(super) fn is_of_brace(bar: &crate::geometry::Rect, items: &[Item]) -> bool {
    items.iter().filter(|item| item.node.sign().is_some_and(|c| "︷︸⏞⏟".contains(c))).any(|brace| {
        let y = bar.center().y;
        let slack = 0.15 * brace.size;
        bar.left > brace.rect.left - slack
            && bar.right < brace.rect.right + slack
            && y > brace.rect.top - slack
            && y < brace.rect.bottom + slack
    })
}

/// The pieces of a brace that lies above or below what it spans.
fn braces(items: Vec<Item>) -> Vec<Item> {
    let is_piece = |item: &Item| item.node.sign().is_some_and(|c| matches!(c, '︷' | '︸' | '⏞' | '⏟'));
    let (mut pieces, mut rest): (Vec<Item>, Vec<Item>) = items.into_iter().partition(is_piece);
    pieces.sort_by(|a, b| a.rect.left.total_cmp(&b.rect.left));
    let mut whole: Vec<Item> = Vec::new();
    for item in pieces {
        // A brace has four pieces; the last ends it.
        let near = whole.iter_mut().rev().find(|brace| {
            (brace.rect.center().y - item.rect.center().y).abs() < 0.5 * item.size && brace.class == Class::Open
        });
        match near {
            Some(brace) => {
                let first = brace.node.sign();
                let has_turned = item.node.sign() == first && brace.rect.width() > 0.9 * item.size;
                brace.rect = brace.rect.union(&item.rect);
                if has_turned {
                    brace.class = Class::Other;
                }
            }
            None => {
                let is_whole = item.is('⏞') || item.is('⏟');
                whole.push(Item { class: if is_whole { Class::Other } else { Class::Open }, ..item });
            }
        }
    }
    rest.extend(whole.into_iter().map(|brace| Item {
        class: Class::Other,
        level: Level::Axis(brace.rect.center().y),
        ..brace
    }));
    rest
}

/// Puts what stands in rows between tall brackets in their place, the inner ones first.
pub(super) fn grids(mut items: Vec<Item>, read: &Read<'_>) -> Vec<Item> {
    let Some(line) = Line::of(&items) else { return items };
    let is_tall = |item: &Item| {
        item.rect.height() > 1.75 * line.size && matches!(item.class, Class::Open | Class::Close | Class::Bar)
    };
    for _ in 0..items.len().min(64) {
        let tall: Vec<usize> = (0..items.len()).filter(|&at| is_tall(&items[at])).collect();
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for &open in tall.iter().filter(|&&at| items[at].class != Class::Close) {
            let from = &items[open];
            let closes = tall.iter().copied().filter(|&close| {
                let to = &items[close];
                close != open
                    && to.class != Class::Open
                    && to.rect.left > from.rect.right - 0.1 * line.size
                    && (to.rect.center().y - from.rect.center().y).abs() < 0.35 * line.size
                    && (to.rect.height() - from.rect.height()).abs() < 0.3 * from.rect.height()
            });
            if let Some(close) = closes.min_by(|&a, &b| items[a].rect.left.total_cmp(&items[b].rect.left)) {
                pairs.push((open, close));
            }
        }
        pairs.sort_by(|a, b| {
            let width = |pair: &(usize, usize)| items[pair.1].rect.left - items[pair.0].rect.right;
            width(a).total_cmp(&width(b))
        });
        let found = pairs.into_iter().find_map(|(open, close)| {
            let (from, to) = (&items[open], &items[close]);
            let inner = within(&items, from, to.rect.left, open, close);
            let bases = lines::baselines(&inner.iter().map(|&at| items[at].clone()).collect::<Vec<_>>());
            (bases.len() > 1).then_some((open, Some(close), inner))
        });
        // A brace that nothing closes: cases.
        let found = found.or_else(|| {
            tall.iter().copied().find_map(|open| {
                let from = &items[open];
                if !from.is('{') {
                    return None;
                }
                let mut inner = within(&items, from, f32::INFINITY, open, open);
                if let Some(last) = behind_cases(&items, from, &inner) {
                    inner.retain(|&at| at != last);
                }
                let bases = lines::baselines(&inner.iter().map(|&at| items[at].clone()).collect::<Vec<_>>());
                (bases.len() > 1).then_some((open, None, inner))
            })
        });
        let Some((open, close, inner)) = found else { break };
        let sign = |at: usize| items[at].node.sign().map(|c| SmolStr::from_iter([c]));
        let (opened, closed) = (sign(open), close.and_then(sign));
        let mut taken: Vec<usize> = inner.iter().copied().chain([open]).chain(close).collect();
        taken.sort_unstable();
        let rect = taken.iter().map(|&at| items[at].rect).reduce(|a, b| a.union(&b)).unwrap_or_default();
        let axis = items[open].rect.center().y;
        let cells: Vec<Item> = inner.iter().map(|&at| items[at].clone()).collect();
        let mut at = 0;
        items.retain(|_| {
            at += 1;
            taken.binary_search(&(at - 1)).is_err()
        });
        let rows = cells_of(cells, line.size, close.is_none(), read);
        items.push(Item::made(Node::Grid { open: opened, rows, close: closed }, rect, line.size, Level::Axis(axis)));
    }
    items
}

/// What stands beside a bracket and within its height.
fn within(items: &[Item], from: &Item, right: f32, open: usize, close: usize) -> Vec<usize> {
    let is_in = |at: usize| {
        let middle = items[at].rect.center();
        at != open
            && at != close
            && middle.x > from.rect.right - 0.1 * from.size
            && middle.x < right
            && middle.y > from.rect.top - 0.2 * from.size
            && middle.y < from.rect.bottom + 0.2 * from.size
    };
    (0..items.len()).filter(|&at| is_in(at)).collect()
}

/// The sentence's sign behind all cases: it stands on the formula's line, not on that of a case.
fn behind_cases(items: &[Item], brace: &Item, inner: &[usize]) -> Option<usize> {
    let last = inner.iter().copied().max_by(|&a, &b| items[a].rect.left.total_cmp(&items[b].rect.left))?;
    let item = &items[last];
    let Level::Baseline(baseline) = item.level else { return None };
    let is_on_line = (baseline - brace.rect.center().y - AXIS * item.size).abs() < 0.08 * item.size;
    let follows_a_case = inner.iter().filter(|&&at| at != last).any(|&at| {
        let before = &items[at];
        before.level == item.level
            && before.rect.left < item.rect.left
            && item.rect.left - before.rect.right < item.size
    });
    (item.class == Class::Punctuation && is_on_line && !follows_a_case).then_some(last)
}

/// Rows of cells: columns are parted by what no row crosses.
fn cells_of(items: Vec<Item>, size: f32, are_cases: bool, read: &Read<'_>) -> Vec<Vec<Node>> {
    let mut spans: Vec<(f32, f32)> = items.iter().map(|item| (item.rect.left, item.rect.right)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut edges: Vec<f32> = Vec::new();
    let mut end = spans.first().map_or(0.0, |span| span.1);
    for (left, right) in spans {
        if left - end > 0.55 * size && !(are_cases && edges.len() == 1) {
            edges.push((left + end) / 2.0);
        }
        end = end.max(right);
    }
    let lines = lines::split(items);
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        let mut cells: Vec<Vec<Item>> = vec![Vec::new(); edges.len() + 1];
        for item in line {
            let column = edges.iter().filter(|&&edge| edge < item.rect.center().x).count();
            cells[column].push(item);
        }
        rows.push(cells.into_iter().map(read).collect());
    }
    rows
}
