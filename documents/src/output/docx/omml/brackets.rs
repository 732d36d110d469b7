//! What stands between brackets. LaTeX has brackets as signs like others, and gives a script behind one to that sign; Word has what is between
//! two of them as one thing, which has the script. LibreOffice takes one without another for a mistake.

use super::{fenced, scripts_of};
use crate::mathml::Element;

const OPEN: &str = "([{⟨⌈⌊⟦";
const CLOSE: &str = ")]}⟩⌉⌋⟧";
const BARS: &str = "|‖";

/// Whether it is a bracket or a bar, which as text is shown as it is wherever it stands.
pub(super) fn is_bracket(sign: &str) -> bool {
    [OPEN, CLOSE, BARS].iter().any(|signs| is_of(sign, signs))
}

fn is_of(sign: &str, signs: &str) -> bool {
    sign.chars().count() == 1 && signs.contains(sign)
}

/// The sign that it is, or that has its scripts; empty where it is no sign.
fn sign(element: &Element) -> &str {
    let sign = match element.name {
        "msub" | "msup" | "msubsup" => element.children.first(),
        _ => Some(element),
    };
    sign.filter(|sign| sign.name == "mo").map_or("", |sign| &sign.text)
}

/// How many elements of these stand between the bracket before them and the one that closes it. A half-open interval has one of each kind.
fn closing(elements: &[Element]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, element) in elements.iter().enumerate() {
        match sign(element) {
            open if is_of(open, OPEN) => depth += 1,
            close if is_of(close, CLOSE) => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return Some(at),
            },
            _ => {}
        }
    }
    None
}

/// How many elements there are until a sign that `ends`, or a bracket that closes what was opened before.
pub(super) fn until(elements: &[Element], ends: impl Fn(&str) -> bool) -> usize {
    let mut depth = 0_usize;
    let is_end = |element: &Element| {
        match sign(element) {
            open if is_of(open, OPEN) => depth += 1,
            close if is_of(close, CLOSE) => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return true,
            },
            _ => {}
        }
        depth == 0 && element.name == "mo" && ends(&element.text)
    };
    elements.iter().position(is_end).unwrap_or(elements.len())
}

/// How many elements stand between the bracket or bar that `rest` begins with and the one that belongs to it. `None` where none does: bars
/// come in pairs between two brackets, or they are no brackets themselves.
pub(super) fn between(before: &[Element], rest: &[Element]) -> Option<usize> {
    let (first, behind) = rest.split_first()?;
    if first.name != "mo" {
        return None;
    }
    if is_of(&first.text, OPEN) {
        return closing(behind);
    }
    if !is_of(&first.text, BARS) {
        return None;
    }
    let later = bars(behind.iter(), &first.text, CLOSE, OPEN);
    let earlier = bars(before.iter().rev(), &first.text, OPEN, CLOSE);
    let length = *later.first()?;
    (length > 0 && earlier.len().is_multiple_of(2) && !later.len().is_multiple_of(2)).then_some(length)
}

/// Places of such bars, up to a bracket that ends what they stand in; `deeper` are those that begin something within.
fn bars<'a>(elements: impl Iterator<Item = &'a Element>, bar: &str, ends: &str, deeper: &str) -> Vec<usize> {
    let (mut places, mut depth) = (Vec::new(), 0_usize);
    for (at, element) in elements.enumerate() {
        match sign(element) {
            sign if is_of(sign, deeper) => depth += 1,
            sign if is_of(sign, ends) => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => break,
            },
            sign if depth == 0 && sign == bar => places.push(at),
            _ => {}
        }
    }
    places
}

/// What is between two brackets, with the scripts that the last of them has.
pub(super) fn write(out: &mut String, open: &str, inner: &[Element], last: &Element) {
    let between = |out: &mut String| fenced(out, open, inner, sign(last));
    let (name, places) = match last.name {
        "msub" => ("sSub", &["sub"][..]),
        "msup" => ("sSup", &["sup"][..]),
        "msubsup" => ("sSubSup", &["sub", "sup"][..]),
        _ => return between(out),
    };
    let parts: Vec<(&str, &[Element])> =
        places.iter().zip(&last.children[1..]).map(|(place, script)| (*place, std::slice::from_ref(script))).collect();
    scripts_of(out, name, &between, &parts);
}
