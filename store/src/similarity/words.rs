//! The words of a text as they are compared.

use rapidfuzz::distance::levenshtein;

use crate::script::has_no_spaces;

/// Words of a text that are compared: some forty full pages. What is beyond them is not looked at.
pub const MAX_WORDS: usize = 20_000;

/// Letters of words that a misread letter or two leave nothing of.
pub const SHORT_WORD: u32 = 3;

/// Characters of a number with its unit.
const MAX_WITH_UNIT: u32 = 4;

/// A run of letters and digits.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    core: &'a str,
    characters: u32,
    number: bool,
}

/// How two words that are not equal compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// One number or word with so many letters misread.
    Misread(u32),
    Other,
}

impl<'a> Word<'a> {
    fn new(core: &'a str) -> Self {
        let characters = core.chars().count() as u32;
        let digits = core.chars().filter(char::is_ascii_digit).count() as u32;
        let leads = core.starts_with(|c: char| c.is_ascii_digit()) && characters <= MAX_WITH_UNIT;
        Self { core, characters, number: digits * 2 > characters || leads }
    }

    pub fn core(&self) -> &'a str {
        self.core
    }

    /// Characters.
    pub fn len(&self) -> u32 {
        self.characters
    }

    /// Whether more than half of it is digits, or it is a number with its unit: 5mm, 14th.
    pub fn is_number(&self) -> bool {
        self.number
    }

    /// Whether it has [`SHORT_WORD`] letters or fewer.
    pub fn is_short(&self) -> bool {
        self.characters <= SHORT_WORD
    }

    /// Compares two words that are not equal.
    pub fn likeness(&self, other: &Self) -> Likeness {
        if self.number || other.number {
            return self.as_numbers(other);
        }
        let limit = allowed_errors(self.characters.max(other.characters));
        if self.characters.abs_diff(other.characters) > limit {
            return Likeness::Other;
        }
        let args = levenshtein::Args::default().score_cutoff(limit as usize);
        match levenshtein::distance_with_args(self.core.chars(), other.core.chars(), &args) {
            Some(distance) => Likeness::Misread(distance as u32),
            None => Likeness::Other,
        }
    }

    /// Whether two words that are not the same have next to nothing in common: values of a form, and not a word misread.
    pub fn is_foreign_to(&self, other: &Self) -> bool {
        let longer = self.characters.max(other.characters);
        let short = if self.number && other.number { 1 } else { SHORT_WORD };
        longer > short && levenshtein::distance(self.core.chars(), other.core.chars()) > foreign_errors(longer) as usize
    }

    /// A number is the same where each digit is the other's, or a letter: then it was misread. Digits that are others, or fewer, are
    /// another number, unless so many misread letters explain them.
    fn as_numbers(&self, other: &Self) -> Likeness {
        if self.characters != other.characters {
            return Likeness::Other;
        }
        let (mut digits, mut errors) = (0, 0);
        for (a, b) in self.core.chars().zip(other.core.chars()) {
            match (looks_like(a), looks_like(b)) {
                (None, None) if a == b => {}
                (Some(a), Some(b)) if a != b => return Likeness::Other,
                (Some(_), Some(_)) => digits += 1,
                _ => errors += 1,
            }
        }
        if errors <= digits { Likeness::Misread(errors.max(1)) } else { Likeness::Other }
    }
}

/// Letters of a word that may be misread, and it is the same word.
pub fn allowed_errors(characters: u32) -> u32 {
    match characters {
        // One character is no word of which a part could be the same; in scripts without spaces it is a whole one.
        0..=3 => 1,
        4..=6 => 2,
        _ => characters * 2 / 5,
    }
}

/// Letters of a word that may be misread before nothing is left of it.
pub fn foreign_errors(characters: u32) -> u32 {
    characters * 3 / 5
}

/// The digit that a character is, or that it is read for.
fn looks_like(c: char) -> Option<char> {
    Some(match c {
        '0'..='9' => c,
        'o' | 'q' | 'd' => '0',
        'l' | 'i' | '|' | '!' | 'ı' => '1',
        'z' => '2',
        's' | '$' => '5',
        'b' => '8',
        'g' => '9',
        _ => return None,
    })
}

/// The words of a normalised text, at most [`MAX_WORDS`]: runs of letters and digits, so that neither punctuation nor the
/// separators within an amount matter. Of scripts that set no spaces between words every character is one.
pub fn words(text: &str) -> Vec<Word<'_>> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|run| !run.is_empty())
        .flat_map(pieces)
        .map(Word::new)
        .take(MAX_WORDS)
        .collect()
}

/// Splits before and after every character of a script without spaces.
fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match has_no_spaces(first) {
            true => first.len_utf8(),
            false => rest.find(has_no_spaces).unwrap_or(rest.len()),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}
