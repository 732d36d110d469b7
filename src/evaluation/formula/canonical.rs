//! LaTeX to canonical tokens: one spelling for what looks the same. It is `canonical` of `models/training/lab/formula/latex.py`, but that
//! it takes signs that nobody taught the recogniser.
//!
//! Spaces, sizes of delimiters, labels and colours are left out; fonts stand at each letter; subscripts come before superscripts; `\over`
//! is `\frac`, and what names an environment is one of two: a matrix, or aligned lines.

use super::{
    items::{Item, Kind},
    names,
    reader::{OF_SOURCE, Reader, without_comments},
    write::tokens,
};

/// Most bytes of a formula's LaTeX.
const MOST_LENGTH: usize = 64 << 10;

/// The tokens of a formula.
///
/// # Errors
/// Why it is none: a few words.
///
/// ```
/// use pagestream::evaluation::formula::canonical;
///
/// let of = |latex: &str| canonical(latex).unwrap_or_default().join(" ");
/// assert_eq!(of(r"$$\left( {a^2}_1 \over {\rm sin}\,x \right)$$"), r"\frac { ( a ^ 2 { } _ 1 } { \sin x ) }");
/// assert_eq!(of(r"x^2_i"), of(r"x_{i}^{2}"));
/// ```
pub fn canonical(latex: &str) -> Result<Vec<String>, &'static str> {
    if latex.len() > MOST_LENGTH {
        return Err("it is longer than 64 KiB");
    }
    // A comment sign around the whole is an accident of some lists.
    let source = without_comments(without_delimiters(latex.trim().trim_matches('%')));
    let rows = Reader::new(&source).rows(OF_SOURCE)?;
    let mut items = match &rows[..] {
        [] => return Err("there is nothing in it"),
        [row] => row.concat(),
        _ => vec![Item::new(Kind::Lines { rows, whole: true })],
    };
    let is_mark = |item: &Item| item.is_symbol(|name| matches!(name, "," | "." | ";"));
    let solid = |item: &&mut Item| !item.is_gap() && !is_mark(item) && !item.is_tag();
    let is_bare = |item: &Item| item.is_bare();
    if items.iter_mut().filter(solid).count() == 1
        && let Some(only) = items.iter_mut().find(solid)
        && is_bare(only)
        && let Kind::Lines { whole, .. } = &mut only.kind
    {
        *whole = true;
    }
    // Numbers stand at the end, wherever they were.
    let mut numbers = taken(&mut items);
    for item in &mut items {
        if let Kind::Lines { rows, .. } = &mut item.kind {
            rows.iter_mut().flatten().for_each(|cell| numbers.extend(taken(cell)));
        }
    }
    items.extend(numbers);
    let tokens = tokens(&items);
    if tokens.is_empty() { Err("there is nothing in it") } else { Ok(tokens) }
}

fn taken(items: &mut Vec<Item>) -> Vec<Item> {
    items.extract_if(.., |item| item.is_tag()).collect()
}

fn without_delimiters(source: &str) -> &str {
    let source = source.trim();
    let pairs = [("\\[", "\\]"), ("$$", "$$"), ("\\(", "\\)"), ("$", "$")];
    let inner = pairs.into_iter().find_map(|(open, close)| source.strip_prefix(open)?.strip_suffix(close));
    inner.filter(|inner| !inner.is_empty()).unwrap_or(source)
}

/// LaTeX of canonical tokens, for setting it: plainly, with no care for people.
pub fn settable(tokens: &[String]) -> String {
    let mut out = String::new();
    let mut rest = tokens;
    while let [token, after @ ..] = rest {
        rest = after;
        match token.as_str() {
            "\\root" => {
                let (index, behind) = argument(rest);
                rest = behind;
                out.push_str(&format!("\\sqrt[{{{}}}] ", settable(index)));
            }
            // Set by itself, since not every place takes a number.
            "\\tag" => {
                let (number, behind) = argument(rest);
                rest = behind;
                out.push_str(&format!("\\qquad ({}) ", settable(number)));
            }
            "\\mathbf" if rest.first().is_some_and(|sign| !names::is_letter(sign) && !names::is_digit(sign)) => {
                out.push_str("\\boldsymbol ");
            }
            token => {
                out.push_str(token);
                out.push(' ');
            }
        }
    }
    out.trim_end().to_owned()
}

/// The argument that the tokens begin with, without its braces, and what follows it.
fn argument(tokens: &[String]) -> (&[String], &[String]) {
    if tokens.first().is_none_or(|first| first != "{") {
        return tokens.split_at(tokens.len().min(1));
    }
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&tokens[1..at], &tokens[at + 1..]);
        }
    }
    (&tokens[1..], &[])
}
