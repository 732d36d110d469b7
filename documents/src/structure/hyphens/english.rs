//! What is known of English words that have a hyphen or none.

use super::super::words::is_word;

/// Beginnings that are written together with what follows more often than not.
pub(super) const PREFIXES: [&str; 29] = [
    "hyper", "super", "inter", "intra", "multi", "micro", "macro", "over", "under", "re", "un", "pre", "co", "sub",
    "trans", "anti", "semi", "counter", "infra", "ultra", "mono", "poly", "back", "fore", "mis", "dis", "in", "im",
    "en",
];

/// Second halves of compounds that are written with a hyphen, whatever the first.
pub(super) const SECONDS: [&str; 34] = [
    "based",
    "like",
    "level",
    "term",
    "scale",
    "order",
    "free",
    "aware",
    "specific",
    "driven",
    "related",
    "wise",
    "dependent",
    "dimensional",
    "known",
    "called",
    "quality",
    "case",
    "time",
    "rate",
    "trained",
    "tuned",
    "defined",
    "oriented",
    "art",
    "shot",
    "step",
    "stage",
    "class",
    "made",
    "world",
    "source",
    "line",
    "invariant",
];

/// Whether it is a word, or one with a usual ending.
pub(super) fn is_inflected(word: &str) -> bool {
    if is_word(word)
        || matches!(
            word,
            "of" | "to"
                | "in"
                | "on"
                | "up"
                | "by"
                | "it"
                | "as"
                | "at"
                | "or"
                | "an"
                | "no"
                | "so"
                | "do"
                | "go"
                | "re"
                | "co"
        )
    {
        return true;
    }
    let stems = [
        ("ization", "ize"),
        ("isation", "ise"),
        ("izations", "ize"),
        ("ability", "able"),
        ("ized", "ize"),
        ("ised", "ise"),
        ("s", ""),
        ("ly", ""),
        ("ness", ""),
        ("ing", ""),
        ("ed", ""),
        ("er", ""),
        ("ers", ""),
        ("al", ""),
    ];
    stems.iter().any(|(ending, stem)| {
        word.strip_suffix(ending).is_some_and(|base| {
            base.len() >= 5
                && (is_word(&[base, stem].concat())
                    || matches!(*ending, "ing" | "ed" | "er") && is_word(&[base, "e"].concat()))
        })
    })
}

/// Endings that are no words of a compound where they follow one.
pub(super) const ENDINGS: [&str; 13] =
    ["less", "ness", "ful", "fully", "ship", "hood", "ward", "wards", "ment", "ments", "able", "ible", "ably"];
