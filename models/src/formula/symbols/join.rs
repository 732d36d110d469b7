//! From what the network says of each part to symbols: parts that are one symbol are put together, roots taken apart.

use pagestream_documents::{Rect, formula::Symbol};

use super::{
    classes::{Class, SymbolClass},
    parts::{Parts, sides},
};
use crate::{backend::TensorView, formula::picture::parts::Traced};

/// What the network says besides classes: the binary logarithm of the em over the print's size, and how far below a part's middle its line is, in
/// the print's sizes.
const NUMBERS: usize = 2;
/// Parts of one symbol agree in their em and baseline as far as this: a ratio, and ems.
const SAME_EM: f32 = 1.3;
const SAME_BASELINE: f32 = 0.2;
/// How much larger than usual a symbol may come out of its parts.
const STRETCH: f32 = 1.3;
/// Ems within this ratio of the formula's are its own; others are those of scripts and of scripts of scripts.
const LEVELS: [(f32, f32); 2] = [(0.84, 1.0), (0.6, 0.7)];
const SMALLEST: f32 = 0.5;
const MAIN: f32 = 1.19;
/// How far a dot may be from its stem, in ems: to the side, and above.
const DOT_ASIDE: f32 = 0.22;
const DOT_ABOVE: f32 = 0.4;

/// Symbols of a formula, and how sure it is that all of them are right.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub symbols: Vec<Symbol>,
    pub bars: Vec<Rect>,
    /// 0 to 1.
    pub confidence: f32,
}

/// What the network says of a part.
struct Said<'a> {
    class: &'a Class,
    probability: f32,
    em: f32,
    baseline: f32,
    rect: Rect,
}

/// `None` where a part is of several symbols, or the output is not one row of numbers a part.
pub fn join(parts: &Parts, output: TensorView<'_>, classes: &[Class]) -> Option<Seen> {
    let columns = classes.len() + NUMBERS;
    if output.data.len() != parts.parts.len() * columns {
        return None;
    }
    let said: Vec<Said<'_>> = parts
        .parts
        .iter()
        .zip(output.data.chunks_exact(columns))
        .map(|(traced, row)| said(traced, row, classes, parts.size as f32))
        .collect::<Option<_>>()?;
    let mut seen = Seen { confidence: 1.0, ..Seen::default() };
    let groups = groups(&said);
    for group in &groups {
        let first = &said[group[0]];
        seen.confidence *= group.iter().map(|&at| said[at].probability).fold(1.0, f32::min);
        let rect = group.iter().map(|&at| said[at].rect).reduce(|a, b| a.union(&b))?;
        let symbol = match first.class {
            Class::Several => return None,
            Class::Bar => {
                seen.bars.push(rect);
                continue;
            }
            Class::Symbol(symbol) => symbol,
        };
        // The largest part knows best.
        let best = group.iter().map(|&at| &said[at]).max_by(|a, b| a.rect.area().total_cmp(&b.rect.area()))?;
        let mut rect = rect;
        if symbol.text == "√"
            && let Some((root, bar)) = root(&parts.parts[group[0]])
        {
            rect = root;
            seen.bars.push(bar);
        }
        seen.symbols.push(Symbol {
            text: symbol.text.clone(),
            rect,
            baseline: best.baseline,
            size: best.em,
            letters: symbol.letters,
        });
    }
    level(&mut seen.symbols);
    put_dots_on(&mut seen.symbols);
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
        let stems = others.iter().enumerate().filter(|(at, stem)| {
            matches!(stem.text.as_str(), "i" | "j") && !is_dotted[*at] && below(stem)
        });
        match stems.min_by(|a, b| a.1.rect.top.total_cmp(&b.1.rect.top)).map(|(at, _)| at) {
            Some(at) => {
                is_dotted[at] = true;
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
    let (logits, numbers) = row.split_at(classes.len());
    let (best, most) = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
    let [left, top, right, bottom] = sides(&traced.part);
    Some(Said {
        class: &classes[best],
        probability: 1.0 / sum,
        em: size * numbers[0].clamp(-4.0, 4.0).exp2(),
        baseline: (top + bottom) / 2.0 + size * numbers[1],
        rect: Rect { left, top, right, bottom },
    })
}

/// Which parts are one symbol: those nearest to each other first.
fn groups(said: &[Said<'_>]) -> Vec<Vec<usize>> {
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for (a, one) in said.iter().enumerate() {
        let Class::Symbol(symbol) = one.class else { continue };
        if symbol.parts < 2 {
            continue;
        }
        for (b, other) in said.iter().enumerate().skip(a + 1) {
            if one.class == other.class && is_one(one, other, symbol) {
                pairs.push((distance(&one.rect, &other.rect), a, b));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut group_of: Vec<usize> = (0..said.len()).collect();
    for (_, a, b) in pairs {
        let (a, b) = (group_of[a], group_of[b]);
        let Class::Symbol(symbol) = said[a].class else { continue };
        if a == b {
            continue;
        }
        let members = group_of.iter().enumerate().filter(|(_, group)| **group == a || **group == b);
        let (count, rect) = members.fold((0, said[a].rect), |(count, rect), (at, _)| (count + 1, rect.union(&said[at].rect)));
        let em = said[a].em.max(said[b].em);
        if count <= symbol.parts && fits(&rect, symbol, em) {
            group_of.iter_mut().filter(|group| **group == b).for_each(|group| *group = a);
        }
    }
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); said.len()];
    group_of.iter().enumerate().for_each(|(at, &group)| groups[group].push(at));
    groups.retain(|group| !group.is_empty());
    groups
}

fn is_one(one: &Said<'_>, other: &Said<'_>, symbol: &SymbolClass) -> bool {
    let em = one.em.max(other.em);
    let agree = em / one.em.min(other.em) < SAME_EM && (one.baseline - other.baseline).abs() < SAME_BASELINE * em;
    agree && fits(&one.rect.union(&other.rect), symbol, em)
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

/// Makes ems that are about the same the same: formulas have few of them.
fn level(symbols: &mut [Symbol]) {
    let is_letter = |symbol: &&Symbol| symbol.text.chars().all(char::is_alphanumeric);
    let mut ems: Vec<f32> = symbols.iter().filter(is_letter).map(|symbol| symbol.size).collect();
    if ems.is_empty() {
        ems = symbols.iter().map(|symbol| symbol.size).collect();
    }
    ems.sort_by(|a, b| b.total_cmp(a));
    let least = (ems.len() / 10).max(1);
    let near = |em: f32| ems.iter().copied().filter(move |other| (0.88..1.13).contains(&(other / em)));
    let Some(em) = ems.iter().copied().find(|&em| near(em).count() >= least) else { return };
    let mut own: Vec<f32> = near(em).collect();
    own.sort_by(f32::total_cmp);
    let main = own[own.len() / 2];
    for symbol in symbols {
        let ratio = symbol.size / main;
        if ratio > MAIN {
            continue;
        }
        let level = LEVELS.iter().find(|(from, _)| ratio >= *from).map_or(SMALLEST, |(_, level)| *level);
        symbol.size = level * main;
    }
}
