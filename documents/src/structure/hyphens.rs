//! Whether a hyphen at a line's end belongs to its word.
//!
//! Evidence in falling order: the character itself (a soft hyphen), addresses, the same word elsewhere in the text, the shape of both halves, what the
//! text does with other words of this beginning, a list of English words; and where nothing tells, the hyphen is the line's, as most are.

mod english;
mod shapes;
mod vocabulary;

use super::{shapes::is_hyphen, words::is_word};
use crate::blocks::HyphenEvidence;
use english::{ENDINGS, PREFIXES, SECONDS, is_inflected};
pub(super) use vocabulary::{Vocabulary, bare};

/// What becomes of a hyphen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) kept: bool,
    /// A blank follows, as in `pre- and post-war`.
    pub(super) with_blank: bool,
    pub(super) by: HyphenEvidence,
}

const fn resolved(kept: bool, by: HyphenEvidence) -> Resolved {
    Resolved { kept, with_blank: false, by }
}

/// A word that a line's end breaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken<'a> {
    /// What stands before the hyphen since the last white space.
    pub(super) left: &'a str,
    pub(super) hyphen: char,
    /// What stands on the next line before white space.
    pub(super) right: &'a str,
    /// Whether it is the first of a sentence or a block, and may be capital for that.
    pub(super) is_first: bool,
}

/// Whether a word behind this text is the first of its sentence.
pub(super) fn is_first(before: &str) -> bool {
    !before.trim_end().ends_with(|c: char| c.is_alphanumeric() || matches!(c, ',' | ';' | ')' | '(' | '/' | '\'' | '’'))
}

fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
}

/// Decides about a hyphen. `words` are those of the text around; `is_english` says whether the list may be asked.
pub(super) fn resolve(broken: Broken<'_>, words: &Vocabulary, is_english: bool) -> Resolved {
    use HyphenEvidence::{Default, Document, File, Shape, WordList};
    let Broken { left, hyphen, right, is_first } = broken;
    if hyphen == '\u{ad}' {
        return resolved(false, File);
    }
    if shapes::is_address(left, right) {
        // Unless it was set as other text is, and breaks a word that stands whole elsewhere.
        let last = left.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let first = right.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let is_broken = !last.is_empty() && !first.is_empty() && words.count(&[last, first]) > 0;
        return if is_broken { resolved(false, Document) } else { resolved(true, Shape) };
    }
    let left = left.trim_start_matches(|c: char| !c.is_alphanumeric());
    let right = right.trim_end_matches(|c: char| !c.is_alphanumeric());
    let (lower_left, lower_right) = (left.to_lowercase(), right.to_lowercase());
    let count = |pieces: &[&str]| words.count(pieces);
    let (together, apart) = (count(&[&lower_left, &lower_right]), count(&[&lower_left, "-", &lower_right]));
    if together != apart {
        return resolved(apart > together, Document);
    }
    let whole = [lower_left.as_str(), lower_right.as_str()].concat();
    let is_conjunction = matches!(
        lower_right.as_str(),
        "und" | "oder" | "bzw" | "sowie" | "and" | "or" | "et" | "ou" | "y" | "en" | "och" | "og" | "to"
    );
    // A conjunction of the text's language, and no syllable of a word.
    if is_conjunction && count(&[&lower_right]) > 0 && !(is_english && is_word(&whole)) {
        return Resolved { kept: true, with_blank: true, by: Shape };
    }
    let (Some(end), Some(begin)) = (left.chars().next_back(), right.chars().next()) else {
        return resolved(true, Shape);
    };
    if end.is_numeric() || begin.is_numeric() || !begin.is_alphabetic() || shapes::is_chain(&lower_left, &lower_right) {
        return resolved(true, Shape);
    }
    let letters = left.chars().count();
    if let Some(kept) = of_capitals(left, right, is_english, words) {
        return kept;
    }
    // `e-mail`, `T-shirt`, `GPU-bound`: no line is broken after one letter, nor is an abbreviation.
    if letters == 1 || (is_upper(left) && !is_upper(right)) {
        return resolved(true, Shape);
    }
    // Only what reaches from a mark to the hyphen, as in `and/or-`.
    let last = lower_left.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let first = lower_right.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let joined = [last, first].concat();
    let is_listed = is_english && is_inflected(&joined);
    if let Some(kept) =
        words.habit(&lower_left, is_listed).filter(|_| count(&[first]) > 0 || is_english && is_inflected(first))
    {
        return resolved(kept, Document);
    }
    if !is_english {
        return of_other_languages(&lower_left, &lower_right, count);
    }
    if is_listed {
        return resolved(false, WordList);
    }
    let is_known = |word: &str| is_inflected(word) || count(&[word]) >= 2;
    let both = last.len() >= 2 && first.len() >= 2 && is_known(last) && is_known(first);
    // `Pear-son` in the middle of a sentence is no pear.
    let is_name = !is_first && left.starts_with(char::is_uppercase) && is_inflected(last) && count(&[last]) == 0;
    if ENDINGS.contains(&first) || (is_name || shapes::is_code(right)) && !SECONDS.contains(&first) {
        return resolved(false, Shape);
    }
    // `state-of-the-art`, `self-supervised`.
    let is_compound = (lower_left.contains(is_hyphen) || right.chars().any(is_hyphen)) && both;
    let is_joined_with_one =
        matches!(last, "self" | "non" | "well" | "cross" | "ex" | "quasi" | "pseudo" | "all" | "half" | "so")
            && is_known(first);
    let are_two =
        both && !PREFIXES.contains(&last) && (last.len() >= 3 && first.len() >= 3 || SECONDS.contains(&first));
    // No English word ends in the last of these, nor begins with what they leave.
    if is_compound || is_joined_with_one || are_two || SECONDS.contains(&first) && is_known(last) {
        return resolved(true, WordList);
    }
    resolved(false, Default)
}

/// What capitals tell: `Anglo-Saxon` has its hyphen; but words in capitals are broken as others are.
fn of_capitals(left: &str, right: &str, is_english: bool, words: &Vocabulary) -> Option<Resolved> {
    use HyphenEvidence::{Default, Document, Shape};
    if !right.starts_with(char::is_uppercase) {
        return None;
    }
    if is_upper(left) && is_upper(right) && left.chars().count() > 1 {
        // `NACP-REP1`; `OLS-CUSUM`, if there are an OLS and a CUSUM besides.
        if right.contains(|c: char| c.is_numeric()) {
            return Some(resolved(true, Shape));
        }
        let are_words = [left, right].iter().all(|half| words.count(&[half]) > 0);
        return are_words.then_some(resolved(true, Document));
    }
    // `TermDocument-Matrix` is one name of code, unless there is a `TermDocument` besides.
    let chars: Vec<char> = left.chars().collect();
    let is_camel = chars.windows(2).any(|two| two[0].is_lowercase() && two[1].is_uppercase());
    if is_english && is_camel {
        return Some(if words.count(&[left]) > 0 { resolved(true, Document) } else { resolved(false, Default) });
    }
    Some(resolved(true, Shape))
}

/// Languages that no list is there for.
fn of_other_languages(left: &str, right: &str, count: impl Fn(&[&str]) -> u32) -> Resolved {
    if shapes::is_french_pair(left, right) {
        return resolved(true, HyphenEvidence::Shape);
    }
    // What these begin is a word of its own, which the text has too.
    let beginnings = ["non", "nicht", "sous", "demi", "ex", "vice", "quasi", "niet"];
    if beginnings.contains(&left) && count(&[right]) > 0 {
        return resolved(true, HyphenEvidence::Document);
    }
    resolved(false, HyphenEvidence::Default)
}

/// Whether the page's words are English, as far as the list knows: most of the longer ones.
pub(super) fn is_english<'a>(language: Option<&str>, texts: impl Iterator<Item = &'a str>) -> bool {
    if let Some(language) = language
        && !language.is_empty()
        && !language.to_lowercase().starts_with("en")
    {
        return false;
    }
    let (mut known, mut all) = (0, 0);
    // Words of the lines' middles, a few hundred: enough to tell.
    let words = texts
        .flat_map(|text| text.split_whitespace().skip(1).step_by(3))
        .map(bare)
        .filter(|word| word.len() >= 4 && word.bytes().all(|b| b.is_ascii_lowercase()));
    for word in words.take(200) {
        all += 1;
        known += usize::from(is_word(word));
    }
    all == 0 || known * 10 >= all * 7
}

#[cfg(test)]
mod tests;
