//! What a part of a formula may be of.

use pagestream_documents::formula::Letters;
use smol_str::SmolStr;

/// A class of the network.
#[derive(Clone, Debug, PartialEq)]
pub enum Class {
    /// Of several that touch, or of what the network does not know.
    Several,
    /// A level line: of a fraction, of a root, over what it marks.
    Bar,
    Symbol(SymbolClass),
}

/// See [`Class`].
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolClass {
    pub text: SmolStr,
    pub letters: Letters,
    /// How many parts it has at most, if it is whole.
    pub parts: usize,
    /// Around its ink, in ems: what is usual.
    pub width: f32,
    pub height: f32,
}

/// Of the network's metadata: a class a line; a symbol's text, what it is set in, its parts, width and height.
///
/// # Errors
/// The line that is none.
pub fn parse(text: &str) -> Result<Vec<Class>, String> {
    text.lines().map(|line| class(line).ok_or_else(|| format!("its class \"{line}\" is none"))).collect()
}

fn class(line: &str) -> Option<Class> {
    match line {
        "several" => return Some(Class::Several),
        "bar" => return Some(Class::Bar),
        _ => {}
    }
    let mut fields = line.split(' ');
    let (text, letters) = (fields.next().filter(|text| !text.is_empty())?, Letters::from_name(fields.next()?)?);
    // Some fonts have it among the letters of script.
    let is_ell = text == "l" && matches!(letters, Letters::Calligraphic | Letters::Script);
    let (text, letters) = if is_ell { ("ℓ", Letters::Plain) } else { (text, letters) };
    // Accents are letters to Unicode, and small letters have no alphabet of capitals.
    let is_letter = text.chars().all(|c| c.is_alphanumeric() && !('\u{2b0}'..='\u{36f}').contains(&c));
    let is_small = text.chars().all(char::is_lowercase)
        && matches!(letters, Letters::Calligraphic | Letters::Script | Letters::Blackboard);
    let letters = if is_letter && !is_small { letters } else { Letters::Plain };
    let (parts, width, height) =
        (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    fields.next().is_none().then(|| Class::Symbol(SymbolClass { text: text.into(), letters, parts, width, height }))
}
