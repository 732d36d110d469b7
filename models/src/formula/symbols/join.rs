//! From what the network says of each part to symbols: parts that are one symbol are put together, roots taken apart.

use pagestream_documents::{Rect, formula::Symbol};

use super::{
    classes::{Class, SymbolClass},
    levels,
    parts::{Parts, sides},
};
use crate::formula::picture::parts::Traced;

/// What the network says besides classes: the binary logarithm of the em over the print's size, and how far below a part's middle its line is, in
/// the print's sizes.
pub const NUMBERS: usize = 2;
/// How much larger than usual a symbol may come out of its parts.
const STRETCH: f32 = 1.3;
/// What is narrower than this share of a double line is no double line.
const HALF: f32 = 0.45;
/// How far a dot may be from its stem, in ems: to the side, and above.
const DOT_ASIDE: f32 = 0.22;
const DOT_ABOVE: f32 = 0.4;

/// Symbols of a formula, and how sure it is of them.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub symbols: Vec<Symbol>,
    pub bars: Vec<Rect>,
    /// The mean logarithm of the symbols' probabilities.
    pub score: f32,
}

/// What the network says of a part.
struct Said<'a> {
    class: &'a Class,
    probability: f32,
    em: f32,
    baseline: f32,
    rect: Rect,
}

/// `rows`: of each part a number for each class, and those of [`NUMBERS`]. A part of several symbols counts as the likeliest one.
pub fn join(parts: &Parts, rows: &[Vec<f32>], classes: &[Class]) -> Option<Seen> {
    let told = parts.parts.iter().zip(rows);
    let said: Vec<Said<'_>> =
        told.map(|(traced, row)| said(traced, row, classes, parts.size as f32)).collect::<Option<_>>()?;
    let mut seen = Seen::default();
    let groups = groups(&said);
    for group in &groups {
        let first = &said[group[0]];
        seen.score += group.iter().map(|&at| said[at].probability).fold(1.0, f32::min).ln() / groups.len() as f32;
        let mut rect = group.iter().map(|&at| said[at].rect).reduce(|a, b| a.union(&b))?;
        let Class::Symbol(symbol) = first.class else {
            seen.bars.push(rect);
            continue;
        };
        // The largest part knows best.
        let best = group.iter().map(|&at| &said[at]).max_by(|a, b| a.rect.area().total_cmp(&b.rect.area()))?;
        if symbol.text == "√"
            && let Some((root, bar)) = root(&parts.parts[group[0]])
        {
            rect = root;
            seen.bars.push(bar);
        }
        // Half of a double line is a single one.
        let is_half = symbol.text == "‖" && rect.width() < HALF * symbol.width * best.em;
        seen.symbols.push(Symbol {
            text: if is_half { "|".into() } else { symbol.text.clone() },
            rect,
            baseline: best.baseline,
            size: best.em,
            letters: symbol.letters,
        });
    }
    put_dots_on(&mut seen.symbols);
    levels::settle(&mut seen.symbols);
    Some(seen)
}

/// The dots of `i` and `j` are parts of their own; those over other letters are accents.
fn put_dots_on(symbols: &mut Vec<Symbol>) {
    let (dots, mut others): (Vec<Symbol>, Vec<Symbol>) =
        std::mem::take(symbols).into_iter().partition(|symbol| symbol.text == "˙");
    let mut is_dotted = vec![false; others.len()];
    for dot in dots {
        let below = |stem: &Symbol| {
            let (x, gap) = (dot.rect.center().x, stem.rect.top - dot.rect.bottom);
            let is_over = x > stem.rect.left - DOT_ASIDE * stem.size && x < stem.rect.right + DOT_ASIDE * stem.size;
            is_over && gap > -0.1 * stem.size && gap < DOT_ABOVE * stem.size
        };
        let stems = others
            .iter()
            .enumerate()
            .filter(|(at, stem)| matches!(stem.text.as_str(), "i" | "j" | "ı" | "ȷ") && !is_dotted[*at] && below(stem));
        match stems.min_by(|a, b| a.1.rect.top.total_cmp(&b.1.rect.top)).map(|(at, _)| at) {
            Some(at) => {
                is_dotted[at] = true;
                match others[at].text.as_str() {
                    "ı" => others[at].text = "i".into(),
                    "ȷ" => others[at].text = "j".into(),
                    _ => {}
                }
                others[at].rect = others[at].rect.union(&dot.rect);
            }
            None => {
                is_dotted.push(false);
                others.push(dot);
            }
        }
    }
    *symbols = others;
}

fn said<'a>(traced: &Traced, row: &[f32], classes: &'a [Class], size: f32) -> Option<Said<'a>> {
    let (logits, numbers) = row.split_at_checked(classes.len())?;
    // What is of several is worth as little as it is likely; a formula of which all else is right is still the better for it.
    let (best, probability) = likeliest(logits, |at| classes[at] != Class::Several)?;
    let [left, top, right, bottom] = sides(&traced.part);
    Some(Said {
        class: &classes[best],
        probability,
        em: size * numbers[0].clamp(-4.0, 4.0).exp2(),
        baseline: (top + bottom) / 2.0 + size * numbers[1],
        rect: Rect { left, top, right, bottom },
    })
}

/// The likeliest class of those that may be, and how likely it is among all.
pub fn likeliest(logits: &[f32], may_be: impl Fn(usize) -> bool) -> Option<(usize, f32)> {
    let best = (0..logits.len()).filter(|&at| may_be(at)).max_by(|&a, &b| logits[a].total_cmp(&logits[b]))?;
    let sum: f32 = logits.iter().map(|logit| (logit - logits[best]).exp()).sum();
    Some((best, 1.0 / sum))
}

/// Which parts are one symbol: those nearest to each other first.
fn groups(said: &[Said<'_>]) -> Vec<Vec<usize>> {
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for (a, one) in said.iter().enumerate() {
        let Class::Symbol(symbol) = one.class else { continue };
        if symbol.parts < 2 {
            continue;
        }
        for (b, other) in said.iter().enumerate().filter(|(b, _)| *b != a) {
            if is_same(one.class, other.class) && is_one(one, other, symbol) {
                pairs.push((distance(&one.rect, &other.rect), a, b));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut group_of: Vec<usize> = (0..said.len()).collect();
    for (_, a, b) in pairs {
        let (a, b) = (group_of[a], group_of[b]);
        if a == b {
            continue;
        }
        // What has more parts tells what it may become.
        let of = |at: usize| match said[at].class {
            Class::Symbol(symbol) => symbol.parts,
            Class::Several | Class::Bar => 0,
        };
        let (a, b) = if of(a) >= of(b) { (a, b) } else { (b, a) };
        let Class::Symbol(symbol) = said[a].class else { continue };
        let members = group_of.iter().enumerate().filter(|(_, group)| **group == a || **group == b);
        let (count, rect) =
            members.fold((0, said[a].rect), |(count, rect), (at, _)| (count + 1, rect.union(&said[at].rect)));
        let em = said[a].em.max(said[b].em);
        if count <= symbol.parts && fits(&rect, symbol, em) {
            group_of.iter_mut().filter(|group| **group == b).for_each(|group| *group = a);
        }
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); said.len()];
    group_of.iter().enumerate().for_each(|(at, &group)| groups[group].push(at));
    // Its first member names each.
    for (head, group) in groups.iter_mut().enumerate() {
        group.sort_by_key(|&at| at != head);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// Whether two parts may be of one symbol: the network takes both for it, or one for what would be left of it without the other.
fn is_same(whole: &Class, part: &Class) -> bool {
    let (Class::Symbol(whole), Class::Symbol(part)) = (whole, part) else { return false };
    whole == part || REMAINS.iter().any(|(of, remains)| whole.text == *of && remains.contains(&part.text.as_str()))
}

/// What is left of symbols without some of their parts.
const REMAINS: [(&str, &[&str]); 14] = [
    ("=", &["−"]),
    ("≡", &["=", "−"]),
    ("≤", &["<", "−"]),
    ("≥", &[">", "−"]),
    ("⩽", &["<"]),
    ("⩾", &[">"]),
    ("≃", &["∼", "−"]),
    ("≅", &["∼", "=", "≃"]),
    ("≈", &["∼"]),
    ("⊆", &["⊂", "−"]),
    ("⊇", &["⊃", "−"]),
    (":", &[".", "·"]),
    (";", &[",", "."]),
    ("!", &["."]),
];

/// Small parts tell little of their em and baseline, so only their size together counts.
fn is_one(one: &Said<'_>, other: &Said<'_>, symbol: &SymbolClass) -> bool {
    let larger = if one.rect.area() >= other.rect.area() { one } else { other };
    fits(&one.rect.union(&other.rect), symbol, larger.em)
}

fn fits(rect: &Rect, symbol: &SymbolClass, em: f32) -> bool {
    let slack = 0.06 * em;
    rect.width() < STRETCH * symbol.width * em + slack && rect.height() < STRETCH * symbol.height * em + slack
}

fn distance(a: &Rect, b: &Rect) -> f32 {
    let (a, b) = (a.center(), b.center());
    (a.x - b.x).hypot(a.y - b.y)
}

/// The sign of a root and the line that goes on from it; `None` where it has none.
fn root(traced: &Traced) -> Option<(Rect, Rect)> {
    let part = &traced.part;
    let length = |run: &(usize, usize, usize)| run.2 - run.1;
    // The line is at the top, as far to the right as the part goes.
    let near_top = |run: &&(usize, usize, usize)| run.0 < part.top + (part.height() / 4).max(2);
    let line = traced.runs.iter().filter(near_top).max_by_key(|run| length(run))?;
    if length(line) * 3 < part.height() {
        return None;
    }
    let same = traced.runs.iter().filter(near_top).filter(|run| length(run) * 3 > length(line) * 2);
    let (top, bottom) = same.fold((line.0, line.0 + 1), |(top, bottom), run| (top.min(run.0), bottom.max(run.0 + 1)));
    let thickness = (bottom - top) as f32;
    let [left, above, right, below] = sides(part);
    let start = line.1 as f32;
    let sign = Rect { left, top: above, right: start + thickness, bottom: below };
    Some((sign, Rect { left: start, top: top as f32, right, bottom: bottom as f32 }))
}
