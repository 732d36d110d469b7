//! The number of an equation, which stands to the right of it, far off and in brackets.

use pagestream_documents::formula::Symbol;

/// How far off it stands at least, and how near its own characters are to each other, in ems.
const LEAST_GAP: f32 = 0.9;
const MOST_GAP: f32 = 0.4;
const LONGEST: usize = 8;

/// Takes it out of a formula's symbols; without its brackets.
pub fn take(symbols: &mut Vec<Symbol>) -> Option<String> {
    let mut order: Vec<usize> = (0..symbols.len()).collect();
    order.sort_by(|&a, &b| symbols[b].rect.right.total_cmp(&symbols[a].rect.right));
    let last = &symbols[*order.first()?];
    if last.text != ")" {
        return None;
    }
    let mut own: Vec<usize> = Vec::new();
    let mut left = last.rect.right;
    for at in order {
        let symbol = &symbols[at];
        if left - symbol.rect.right > MOST_GAP * last.size {
            // What is left of it must be far off.
            return (left - symbol.rect.right > LEAST_GAP * last.size).then(|| taken(symbols, &own))?;
        }
        let is_of_number = matches!(symbol.text.as_str(), "(" | ")" | "." | "′" | "-" | "−")
            || symbol.text.chars().all(|c| c.is_ascii_alphanumeric());
        let is_level = (symbol.baseline - last.baseline).abs() < 0.15 * last.size;
        if !is_of_number || !is_level || own.len() == LONGEST + 2 {
            return None;
        }
        own.push(at);
        left = left.min(symbol.rect.left);
    }
    // All of it is in brackets: that is a formula.
    None
}

fn taken(symbols: &mut Vec<Symbol>, own: &[usize]) -> Option<String> {
    let text: String = own.iter().rev().map(|&at| symbols[at].text.as_str()).collect();
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    if inner.is_empty() || inner.contains(['(', ')']) || !inner.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let inner = inner.replace('′', "'").replace('−', "-");
    let mut own = own.to_vec();
    own.sort_unstable();
    own.iter().rev().for_each(|&at| {
        symbols.remove(at);
    });
    Some(inner)
}
