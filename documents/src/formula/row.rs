//! One line of a formula, from left to right.

use smol_str::SmolStr;

use super::{
    Letters,
    alphabet::{Class, accent_command, is_function},
    items::{Item, Level, Line, Read},
    node::Node,
    scripts,
};

/// Blanks between words are wider, in ems; upright letters nearer than this are one word.
const WORD_GAP: f32 = 0.17;
/// What is wider is a gap of its own.
const WIDE_GAP: f32 = 0.95;

pub(super) fn read(items: Vec<Item>, inner: &Read<'_>) -> Node {
    let Some(line) = Line::of(&items) else { return Node::Row(Vec::new()) };
    let (mut own, rest): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| line.has(item));
    own.sort_by(|a, b| a.rect.left.total_cmp(&b.rect.left));
    let (mut own, rest) = accents(own, rest, &line);
    join_signs(&mut own, &line);
    let own = words(own, &line);
    let placed = scripts::attach(own, rest, &line, inner);
    let mut nodes: Vec<Node> = Vec::with_capacity(placed.len());
    let mut end = f32::INFINITY;
    for item in placed {
        if item.rect.left - end > WIDE_GAP * line.size
            && !matches!(nodes.last(), Some(Node::Words(_)))
            && !matches!(item.node, Node::Words(_))
        {
            nodes.push(Node::Gap);
        }
        end = item.rect.right;
        nodes.push(item.node);
    }
    Node::row(nodes)
}

/// Things in a row, when nobody can tell how they belong together.
pub(super) fn flat(mut items: Vec<Item>) -> Node {
    items.sort_by(|a, b| a.rect.left.total_cmp(&b.rect.left));
    Node::row(items.into_iter().map(|item| item.node).collect())
}

/// Accents go over the letters that they stand over.
fn accents(own: Vec<Item>, rest: Vec<Item>, line: &Line) -> (Vec<Item>, Vec<Item>) {
    let is_accent = |item: &Item| item.node.sign().is_some_and(|c| accent_command(c).is_some());
    let (mut marks, mut own): (Vec<Item>, Vec<Item>) = own.into_iter().partition(is_accent);
    let (high, rest): (Vec<Item>, Vec<Item>) = rest.into_iter().partition(is_accent);
    marks.extend(high);
    let mut rest = rest;
    for mark in marks {
        let command = mark.node.sign().and_then(accent_command).unwrap_or("\\hat");
        let reach = |item: &Item| (item.rect.center().x - mark.rect.center().x).abs();
        let may_bear = |item: &Item| {
            let inside = mark.rect.center().x > item.rect.left - 0.1 * line.size
                && mark.rect.center().x < item.rect.right + 0.15 * line.size;
            inside
                && !matches!(
                    item.class,
                    Class::Between | Class::Open | Class::Close | Class::Bar | Class::Punctuation | Class::Large
                )
        };
        // `^` and `~` between two things are signs of their own.
        let is_over = |item: &Item| mark.rect.bottom < item.rect.center().y + 0.1 * line.size;
        let bearer = own
            .iter_mut()
            .chain(rest.iter_mut())
            .filter(|item| may_bear(item) && is_over(item))
            .min_by(|a, b| reach(a).total_cmp(&reach(b)));
        match bearer {
            Some(item) => {
                let body = Box::new(std::mem::replace(&mut item.node, Node::Gap));
                let wide = mark.rect.width() > 0.75 * line.size;
                let command = match command {
                    "\\hat" if wide => "\\widehat",
                    "\\tilde" if wide => "\\widetilde",
                    "\\vec" if wide => "\\overrightarrow",
                    command => command,
                };
                item.node = Node::Marked { command, body };
                item.rect = item.rect.union(&mark.rect);
                item.class = Class::Other;
            }
            None => own.push(mark),
        }
    }
    own.sort_by(|a, b| a.rect.left.total_cmp(&b.rect.left));
    (own, rest)
}

/// Signs that are set as several: long arrows, dots, what is struck out.
fn join_signs(items: &mut Vec<Item>, line: &Line) {
    let mut at = 0;
    while at + 1 < items.len() {
        let gap = items[at + 1].rect.left - items[at].rect.right;
        let joined = match (items[at].node.sign(), items[at + 1].node.sign()) {
            (Some(a), Some(b)) => joined(a, b, gap / line.size),
            _ => None,
        };
        if let Some(sign) = joined {
            let next = items.remove(at + 1);
            let item = &mut items[at];
            item.rect = item.rect.union(&next.rect);
            item.turn_into(sign);
            // What was before may go on into what it is now.
            at = at.saturating_sub(1);
            continue;
        }
        at += 1;
    }
    let mut at = 0;
    while at + 2 < items.len() {
        let signs: Vec<Option<char>> = items[at..at + 3].iter().map(|item| item.node.sign()).collect();
        let dots = match signs[0] {
            Some('.') if signs.iter().all(|sign| *sign == Some('.')) => Some('…'),
            Some('·' | '⋅' | '∙') if signs.iter().all(|sign| matches!(sign, Some('·' | '⋅' | '∙'))) => {
                Some('⋯')
            }
            _ => None,
        };
        let gaps = [items[at + 1].rect.left - items[at].rect.right, items[at + 2].rect.left - items[at + 1].rect.right];
        if let Some(dots) = dots.filter(|_| gaps.iter().all(|gap| *gap < 0.6 * line.size)) {
            let rect = items[at].rect.union(&items[at + 2].rect);
            items.drain(at + 1..at + 3);
            let item = &mut items[at];
            (item.rect, item.class) = (rect, Class::Other);
            item.node = Node::Symbol { text: SmolStr::from_iter([dots]), letters: Letters::Plain };
        }
        at += 1;
    }
}

fn joined(a: char, b: char, gap: f32) -> Option<char> {
    let touches = gap < 0.06;
    let overlaps = gap < -0.15;
    Some(match (a, b) {
        ('−' | '-' | '⟶', '→') if touches => '⟶',
        ('−' | '-', '−' | '-') if overlaps => '−',
        ('←', '−' | '-') if touches => '⟵',
        ('=', '⇒' | '⟹') if touches => '⟹',
        ('=', '=') if overlaps => '=',
        ('⇐', '=') if touches => '⟸',
        ('⇐', '⇒') if touches => '⟺',
        ('←', '→') if overlaps => '↔',
        ('∣' | '|' | '\u{f8e6}' | '\u{fffd}' | '7', '→') if overlaps || (touches && a != '7') => '↦',
        ('∣' | '|' | '\u{f8e6}' | '\u{fffd}', '⟶') if touches => '⟼',
        ('↦', '→') if touches => '↦',
        ('↦', '⟶') if touches => '⟼',
        ('∣' | '|', '=') if touches => '⊨',
        ('↪', '→') if touches => '↪',
        ('←', '↩') if touches => '↩',
        ('∶' | ':', '=') if gap < 0.12 => '≔',
        ('\u{338}' | '/', _) | (_, '\u{338}') if overlaps || a == '\u{338}' || b == '\u{338}' => {
            negated(if a == '\u{338}' || a == '/' { b } else { a })?
        }
        ('∫', '∫') if gap < -0.2 => '∬',
        _ => return None,
    })
}

fn negated(c: char) -> Option<char> {
    Some(match c {
        '=' => '≠',
        '∈' => '∉',
        '≡' => '≢',
        '∼' => '≁',
        '⊂' => '⊄',
        '⊃' => '⊅',
        '⊆' => '⊈',
        '⊇' => '⊉',
        '∣' | '|' => '∤',
        '<' => '≮',
        '>' => '≯',
        '≤' => '≰',
        '≥' => '≱',
        '∃' => '∄',
        '→' => '↛',
        '⇒' => '⇏',
        _ => return None,
    })
}

/// Upright letters become words, and words that are functions become these.
fn words(items: Vec<Item>, line: &Line) -> Vec<Item> {
    let letter = |item: &Item| match &item.node {
        Node::Symbol { text, letters: Letters::Upright } if text.chars().all(char::is_alphabetic) => Some(text.clone()),
        _ => None,
    };
    let mut out: Vec<Item> = Vec::with_capacity(items.len());
    // The word that goes on, and whether it is one.
    let mut is_open = false;
    for item in items {
        let Some(text) = letter(&item) else {
            is_open = false;
            out.push(item);
            continue;
        };
        match out.last_mut() {
            Some(last) if is_open && item.rect.left - last.rect.right < WORD_GAP * line.size => {
                if let Node::Words(word) = &mut last.node {
                    word.push_str(&text);
                }
                last.rect = last.rect.union(&item.rect);
            }
            _ => {
                out.push(Item { node: Node::Words(text.to_string()), ..item });
                is_open = true;
            }
        }
    }
    let mut joined: Vec<Item> = Vec::with_capacity(out.len());
    for mut item in out {
        if let Node::Words(word) = &item.node {
            if is_function(word) {
                item.node = Node::Function(word.as_str().into());
                item.class = Class::Letter;
            } else if word.chars().count() == 1 {
                item.node = Node::Symbol { text: word.as_str().into(), letters: Letters::Upright };
            } else {
                item.class = Class::Other;
            }
        }
        // Words of one phrase.
        if let (Node::Words(word), Some(Item { node: Node::Words(before), rect, .. })) = (&item.node, joined.last_mut())
            && item.rect.left - rect.right < 0.8 * line.size
        {
            before.push(' ');
            before.push_str(word);
            *rect = rect.union(&item.rect);
            continue;
        }
        joined.push(item);
    }
    for item in &mut joined {
        let is_tall =
            matches!(item.class, Class::Open | Class::Close | Class::Bar) && item.rect.height() > 1.3 * line.size;
        if let (true, Level::Axis(_), Some(sign)) = (is_tall, item.level, item.node.sign()) {
            item.node = Node::Tall(SmolStr::from_iter([sign]));
        }
    }
    joined
}
