//! Shapes of broken words that tell without any list.

use super::super::shapes::is_hyphen;

/// Words that stand within compounds (`state-of-the-art`, `rez-de-chaussée`, `Ausschneiden-und-Einfügen`); none is a syllable that words are
/// often broken at.
const WITHIN: [&str; 15] =
    ["of", "the", "to", "and", "or", "by", "for", "than", "et", "ou", "à", "du", "und", "oder", "y"];
/// Others, which first halves of words end in.
const ALSO_ENDINGS: [&str; 9] = ["des", "la", "le", "les", "der", "los", "del", "della", "van"];

/// Ends of names of hosts and files.
const ENDS_OF_NAMES: [&str; 20] = [
    "org", "com", "net", "edu", "gov", "io", "eu", "de", "fr", "uk", "es", "it", "nl", "html", "htm", "pdf", "txt",
    "php", "xml", "gz",
];

/// Whether it is part of an address, of a file's name or of an option, which are broken only where they have a hyphen.
pub(super) fn is_address(left: &str, right: &str) -> bool {
    let marks = |text: &str| text.contains("://") || text.contains("www.") || text.contains(['@', '~', '_', '\\']);
    let trimmed = left.trim_start_matches(['(', '[', '"', '“', '‘', '\'', '<']);
    let is_option = trimmed.starts_with("--") && trimmed[2..].starts_with(|c: char| c.is_ascii_lowercase());
    let is_path =
        trimmed.starts_with('/') && trimmed[1..].contains('/') && !trimmed.contains(['"', '”', '“', '»', '’']);
    if marks(left) || right.split('(').next().is_some_and(|right| right.contains('@')) || is_option || is_path {
        return true;
    }
    // `ftp-master.debian.org/pub`.
    let host = right.split(['/', '#', '?', ')', ',', ';', ':']).next().unwrap_or_default().trim_end_matches('.');
    host.rsplit_once('.').is_some_and(|(name, end)| !name.is_empty() && ENDS_OF_NAMES.contains(&end))
}

/// Whether the halves (in small letters) are parts of a compound with further hyphens, by the small word beside the break.
pub(super) fn is_chain(left: &str, right: &str) -> bool {
    let before = left.rsplit_once(is_hyphen).is_some_and(|(_, last)| WITHIN.contains(&last));
    let after =
        right.split_once(is_hyphen).is_some_and(|(first, _)| WITHIN.contains(&first) || ALSO_ENDINGS.contains(&first));
    before || after
}

/// Whether what follows is of code, as `stat.data` and `value=3`: it is no second word of a compound.
pub(super) fn is_code(right: &str) -> bool {
    let chars: Vec<char> = right.chars().collect();
    chars.windows(3).any(|three| {
        three[0].is_alphanumeric() && matches!(three[1], '.' | '=' | '_' | '(') && three[2].is_alphabetic()
    })
}

/// Pronouns, places and the like that French joins with a hyphen, where French words are not broken.
pub(super) fn is_french_pair(left: &str, right: &str) -> bool {
    let last = left.rsplit(['-', '\'', '’']).next().unwrap_or_default();
    match right {
        "même" | "mêmes" => {
            matches!(last, "lui" | "elle" | "eux" | "elles" | "soi" | "moi" | "toi" | "nous" | "vous" | "là")
        }
        "ci" | "là" => matches!(last, "celui" | "celle" | "ceux" | "celles"),
        "être" => last == "peut",
        "dessus" | "dessous" | "dedans" | "dehors" | "delà" | "après" | "contre" | "devant" => {
            matches!(last, "ci" | "là" | "au" | "par" | "en")
        }
        "dire" => last == "à",
        "il" | "ils" | "elle" | "elles" | "on" => left.ends_with("-t") || left.ends_with('t') || left.ends_with('d'),
        _ => false,
    }
}
