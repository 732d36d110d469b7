//! How large symbols are set and where their lines are: what the network says of each alone, made to agree with what stands beside it.
//!
//! Letters and digits tell most: those side by side on one baseline are one line of one em. Signs and brackets stand around the axis of such a
//! line, whichever fits best, and accents go with what they stand over.

use pagestream_documents::{
    Rect,
    formula::{AXIS, Letters, Symbol},
};

/// Ems from this share of the formula's on are its own; smaller ones are those of scripts and of scripts of scripts.
const OWN: f32 = 0.84;
const SCRIPT: f32 = 0.6;
const LEVELS: [f32; 3] = [1.0, 0.7, 0.5];
/// The same of what stands so far above or below a larger neighbour's baseline as only scripts do, in the neighbour's ems.
const OWN_BESIDE: f32 = 0.93;
const SCRIPT_OFFSET: std::ops::Range<f32> = 0.1..0.65;
/// Larger than this is no letter of the formula's size.
const MAIN: f32 = 1.19;
/// How far apart symbols may stand that are on one line, and how far they may reach over each other, in the formula's ems.
const GAP: f32 = 0.9;
const OVERLAP: f32 = 0.3;
/// Ems of one size of print are within this binary logarithm of their middle; other sizes are farther off.
const CLUSTER: f32 = 0.13;
const BESIDE: f32 = 0.3;
/// Letters of formulas in which one letter may be the only one of its size.
const ALONE: usize = 5;
/// A script is at least so far off its letter's baseline, in the letter's ems, and smaller by this binary logarithm; what is half way to that in one, or a
/// part of it in both, is on the letter's line.
const LEAST_OFFSET: f32 = 0.16;
const SMALLER: f32 = 0.51;
/// How far off a line a sign may be that is of it, and one that is of it however far away, in the line's ems.
const SIGN_OF_LINE: f32 = 0.17;
const SIGN_OF_WHOLE: f32 = 0.06;
/// Brackets that are higher have grown, in ems.
const USUAL_BRACKET: f32 = 1.3;
/// How far behind a line its signs may stand, where its scripts are between, in the formula's ems.
const BEYOND_SCRIPTS: f32 = 4.0;
/// How far commas reach above the baseline, in ems.
const COMMA: f32 = 0.11;
/// How far primes are raised, in ems.
const RAISED: f32 = 0.36;
/// Operators that are higher take limits, in ems.
const LARGE_OPERATOR: f32 = 0.9;
/// Operators with limits above and below them; how far off these are at most, in the operator's heights, and how far their middle is beside it, in its widths.
const TAKE_LIMITS: &str = "∑∏∐⋃⋂⨁⨂⨀⋁⋀";
const LIMIT_GAP: f32 = 0.3;
const ASIDE: f32 = 0.3;
/// Lower letters are small, higher ones capitals, in ems.
const CAPITAL: std::ops::Range<f32> = 0.53..0.6;

/// Letters and digits side by side on one baseline.
struct Line {
    members: Vec<usize>,
    baseline: f32,
    em: f32,
    left: f32,
    right: f32,
}

pub fn settle(symbols: &mut [Symbol]) {
    let Some(main) = main_em(symbols) else { return };
    name_by_height(symbols, main);
    let mut lines = letter_lines(symbols, main);
    let limits: Vec<bool> = lines.iter().map(|line| is_line_of_limit(symbols, line)).collect();
    level_lines(&mut lines, &limits, main);
    for line in &lines {
        for &at in &line.members {
            (symbols[at].size, symbols[at].baseline) = (line.em, line.baseline);
        }
    }
    name_cases(symbols, &lines, main);
    settle_signs(symbols, &lines, main);
    settle_primes(symbols, &lines, main);
    settle_accents(symbols);
    for symbol in symbols.iter_mut().filter(|symbol| !is_rigid(symbol, main) && !is_accent(symbol)) {
        let ratio = symbol.size / main;
        symbol.size = if ratio > MAIN { main } else { level(ratio, OWN) * main };
    }
}

fn level(ratio: f32, own: f32) -> f32 {
    let at = if ratio >= own { 0 } else { 1 + usize::from(ratio < SCRIPT) };
    LEVELS[at]
}

/// The largest em that more than a few letters have.
fn main_em(symbols: &[Symbol]) -> Option<f32> {
    let of_letters = |may_be: &dyn Fn(&Symbol) -> bool| -> Vec<f32> {
        symbols.iter().filter(|symbol| is_letter(symbol) && may_be(symbol)).map(|symbol| symbol.size).collect()
    };
    // What sums are over is small, and may be more than all else.
    let mut ems = of_letters(&|symbol| !is_limit(symbols, &symbol.rect));
    if ems.is_empty() {
        ems = of_letters(&|_| true);
    }
    if ems.is_empty() {
        ems = symbols.iter().map(|symbol| symbol.size).collect();
    }
    ems.sort_by(|a, b| b.total_cmp(a));
    // One letter may be misjudged.
    let least = if ems.len() < ALONE { 1 } else { ems.len().div_ceil(7).max(2) };
    let near = |em: f32, reach: f32| ems.iter().copied().filter(move |other| (other / em).log2().abs() < reach);
    let support = |em: f32| near(em, CLUSTER).count();
    // Where most of those around it are: those on its upper side are misjudged.
    let is_peak = |em: f32| near(em, BESIDE).all(|other| support(other) <= support(em));
    let em = ems.iter().copied().find(|&em| support(em) >= least && is_peak(em))?;
    Some(median(near(em, CLUSTER)))
}

fn letter_lines(symbols: &[Symbol], main: f32) -> Vec<Line> {
    let mut order: Vec<usize> = (0..symbols.len()).filter(|&at| is_letter(&symbols[at])).collect();
    order.sort_by(|&a, &b| symbols[a].rect.left.total_cmp(&symbols[b].rect.left));
    let mut lines: Vec<Line> = Vec::new();
    for at in order {
        let symbol = &symbols[at];
        let off = |line: &Line| {
            let baseline = (line.baseline - symbol.baseline).abs() / symbol.size.max(line.em);
            let smaller = (symbol.size / line.em).log2().abs();
            baseline / LEAST_OFFSET + smaller / SMALLER
        };
        let fits = |line: &&mut Line| {
            let gap = symbol.rect.left - line.right;
            (-OVERLAP * main..GAP * main).contains(&gap) && off(line) < 1.0
        };
        match lines.iter_mut().filter(fits).min_by(|a, b| off(a).total_cmp(&off(b))) {
            Some(line) => {
                line.members.push(at);
                line.right = line.right.max(symbol.rect.right);
                line.baseline = median(line.members.iter().map(|&at| symbols[at].baseline));
                line.em = median(line.members.iter().map(|&at| symbols[at].size));
            }
            None => lines.push(Line {
                members: vec![at],
                baseline: symbol.baseline,
                em: symbol.size,
                left: symbol.rect.left,
                right: symbol.rect.right,
            }),
        }
    }
    lines
}

/// Whether something stands right above or below a sum or the like, in the middle of it.
fn is_limit(symbols: &[Symbol], rect: &Rect) -> bool {
    let is_over = |sign: &Symbol| {
        let (own, reach) = (sign.rect, ASIDE * sign.rect.width());
        let gap = (own.top - rect.bottom).max(rect.top - own.bottom);
        let x = rect.center().x;
        x > own.left - reach && x < own.right + reach && (-0.1..LIMIT_GAP).contains(&(gap / own.height()))
    };
    symbols.iter().filter(|symbol| TAKE_LIMITS.contains(first(symbol))).any(is_over)
}

fn is_line_of_limit(symbols: &[Symbol], line: &Line) -> bool {
    let rects = line.members.iter().map(|&at| symbols[at].rect);
    rects.reduce(|a, b| a.union(&b)).is_some_and(|rect| is_limit(symbols, &rect))
}

/// Few ems are in a formula.
fn level_lines(lines: &mut [Line], limits: &[bool], main: f32) {
    let found: Vec<(f32, f32, f32, f32)> =
        lines.iter().map(|line| (line.left, line.right, line.baseline, line.em)).collect();
    for (line, is_limit) in lines.iter_mut().zip(limits) {
        if line.em > MAIN * main {
            continue;
        }
        let ratio = line.em / main;
        // A letter and its script are never as large as each other.
        let is_beside_larger = found.iter().any(|&(left, right, baseline, em)| {
            let gap = (line.left - right).max(left - line.right);
            let offset = (baseline - line.baseline).abs() / em;
            gap < 0.5 * main && em > 1.04 * line.em && em > OWN * main && SCRIPT_OFFSET.contains(&offset)
        });
        let level = level(ratio, if is_beside_larger { OWN_BESIDE } else { OWN });
        line.em = if *is_limit { level.min(LEVELS[1]) } else { level } * main;
    }
}

/// Signs, brackets that have not grown and punctuation belong to the line that they fit best.
fn settle_signs(symbols: &mut [Symbol], lines: &[Line], main: f32) {
    for symbol in symbols.iter_mut().filter(|symbol| is_rigid(symbol, main) && !is_letter(symbol)) {
        let is_dot = matches!(symbol.text.as_str(), "." | "·");
        let is_on_axis = is_on_axis(symbol);
        let of_axis = |line: &Line| (symbol.rect.center().y - (line.baseline - AXIS * line.em)).abs() / line.em;
        let of_baseline = |line: &Line| {
            let own = match symbol.text.as_str() {
                "." | "·" | "!" | "?" => symbol.rect.bottom,
                "," => symbol.rect.top + COMMA * line.em,
                _ => symbol.baseline,
            };
            (own - line.baseline).abs() / line.em
        };
        let off = |line: &Line| match (is_dot, is_on_axis) {
            (true, _) => of_axis(line).min(of_baseline(line)),
            (_, true) => of_axis(line),
            (_, false) => of_baseline(line),
        };
        let near = lines.iter().filter(|line| {
            let gap = (symbol.rect.left - line.right).max(line.left - symbol.rect.right);
            // Between a line and its sign may be scripts.
            let most = if line.em >= OWN * main { BEYOND_SCRIPTS } else { GAP };
            // Or a matrix.
            let is_of_whole = line.em >= OWN * main && off(line) < SIGN_OF_WHOLE;
            (gap < most * main && off(line) < SIGN_OF_LINE) || is_of_whole
        });
        match near.min_by(|a, b| off(a).total_cmp(&off(b))) {
            Some(line) => {
                if is_dot {
                    symbol.text = if of_axis(line) < of_baseline(line) { "·" } else { "." }.into();
                }
                (symbol.size, symbol.baseline) = (line.em, line.baseline);
            }
            None => {
                let is_bracket = "()[]{}".contains(symbol.text.as_str());
                let em = if is_bracket { symbol.rect.height() } else { symbol.size };
                symbol.size = if em > MAIN * main { em } else { level(em / main, OWN) * main };
                if is_on_axis {
                    symbol.baseline = symbol.rect.center().y + AXIS * symbol.size;
                }
            }
        }
    }
}

/// Primes are scripts of what stands before them.
fn settle_primes(symbols: &mut [Symbol], lines: &[Line], main: f32) {
    for prime in symbols.iter_mut().filter(|symbol| symbol.text == "′") {
        let bears = |line: &&Line| {
            let gap = prime.rect.left - line.right;
            let raised = (line.baseline - prime.rect.center().y) / line.em;
            gap > -line.em - (line.right - line.left) && gap < BEYOND_SCRIPTS * main && (0.3..1.0).contains(&raised)
        };
        if let Some(line) = lines.iter().filter(bears).max_by(|a, b| a.em.total_cmp(&b.em)) {
            (prime.size, prime.baseline) = (LEVELS[1] * line.em, line.baseline - RAISED * line.em);
        }
    }
}

/// Large operators and the small ones of the same shape.
fn name_by_height(symbols: &mut [Symbol], main: f32) {
    const LARGE: [(&str, &str); 8] =
        [("∧", "⋀"), ("∨", "⋁"), ("∩", "⋂"), ("∪", "⋃"), ("⊗", "⨂"), ("⊕", "⨁"), ("⊙", "⨀"), ("⊔", "⨆")];
    for symbol in symbols {
        if let Some((small, large)) = LARGE.iter().find(|(small, large)| symbol.text == *small || symbol.text == *large)
        {
            symbol.text = if symbol.rect.height() > LARGE_OPERATOR * main { *large } else { *small }.into();
        }
    }
}

/// Letters whose capitals look the same, by their height: on the formula's own lines, whose em is known.
fn name_cases(symbols: &mut [Symbol], lines: &[Line], main: f32) {
    for line in lines.iter().filter(|line| line.em >= OWN * main && line.members.len() > 1) {
        for &at in &line.members {
            let symbol = &mut symbols[at];
            let height = symbol.rect.height() / line.em;
            let c = first(symbol);
            if "cosvwxz".contains(c) && height > CAPITAL.end {
                symbol.text = c.to_ascii_uppercase().to_string().into();
            } else if "COSVWXZ".contains(c) && height < CAPITAL.start && symbol.letters != Letters::Calligraphic {
                symbol.text = c.to_ascii_lowercase().to_string().into();
            }
        }
    }
}

/// An accent stands where the letter stands that bears it.
fn settle_accents(symbols: &mut [Symbol]) {
    for at in 0..symbols.len() {
        if !is_accent(&symbols[at]) {
            continue;
        }
        let mark = symbols[at].rect;
        let bears = |symbol: &&Symbol| {
            let x = mark.center().x;
            let gap = symbol.rect.top - mark.bottom;
            !is_accent(symbol)
                && x > symbol.rect.left - 0.1 * symbol.size
                && x < symbol.rect.right + 0.2 * symbol.size
                && (-0.5 * symbol.size..0.4 * symbol.size).contains(&gap)
        };
        let bearer = symbols.iter().filter(bears).min_by(|a, b| a.rect.top.total_cmp(&b.rect.top));
        if let Some((size, baseline)) = bearer.map(|bearer| (bearer.size, bearer.baseline)) {
            (symbols[at].size, symbols[at].baseline) = (size, baseline);
        }
    }
}

fn first(symbol: &Symbol) -> char {
    symbol.text.chars().next().unwrap_or(' ')
}

fn is_letter(symbol: &Symbol) -> bool {
    // Unicode has some accents among its letters.
    symbol.text.chars().all(char::is_alphanumeric) && !is_accent(symbol)
}

fn is_accent(symbol: &Symbol) -> bool {
    "ˆ˜¯˙¨ˇ˘´`⃗˚".contains(first(symbol))
}

/// Whether it stands around the axis in all fonts.
fn is_on_axis(symbol: &Symbol) -> bool {
    "()[]{}⟨⟩|‖/\\+−=<>≤≥⩽⩾≪≫±∓×÷·∗∘∙⊕⊗⊖⊙→←↔⇒⇐⇔⟶⟹⟺↦≡≈≃≅∼≠∈∉∋⊂⊃⊆⊇∪∩∧∨⋆≺≻".contains(first(symbol))
}

/// Whether it is as large as it is set, and stands on a baseline.
fn is_rigid(symbol: &Symbol, main: f32) -> bool {
    let hangs = "∑∏∐∫∬∭∮⋃⋂⨁⨂⨀⋁⋀⨆⨄√︷︸⏞⏟".contains(first(symbol));
    let has_grown = symbol.rect.height() > USUAL_BRACKET * main && "()[]{}⟨⟩⌊⌋⌈⌉|‖/\\".contains(first(symbol));
    !hangs && !has_grown && !is_accent(symbol)
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
