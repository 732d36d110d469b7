//! Shapes of text: page numbers, section numbers, the labels of captions, ends of sentences. Knows nothing of places.

/// Value of a roman number in one case, as page numbers and lists have them; `None` of anything else, and beyond 400.
pub(super) fn roman(text: &str) -> Option<u32> {
    let is_one_case = text.chars().all(|c| c.is_ascii_lowercase()) || text.chars().all(|c| c.is_ascii_uppercase());
    if text.is_empty() || text.len() > 9 || !is_one_case {
        return None;
    }
    let value = |c: char| match c.to_ascii_lowercase() {
        'i' => Some(1),
        'v' => Some(5),
        'x' => Some(10),
        'l' => Some(50),
        'c' => Some(100),
        _ => None,
    };
    let values: Vec<u32> = text.chars().map(value).collect::<Option<_>>()?;
    let mut sum = 0;
    for (at, &value) in values.iter().enumerate() {
        if values.get(at + 1).is_some_and(|&next| next > value) { sum -= value as i32 } else { sum += value as i32 }
    }
    let sum = u32::try_from(sum).ok().filter(|sum| (1..=400).contains(sum))?;
    (to_roman(sum) == text.to_ascii_lowercase()).then_some(sum)
}

fn to_roman(mut number: u32) -> String {
    let mut text = String::new();
    for (value, letters) in
        [(100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")]
    {
        while number >= value {
            text.push_str(letters);
            number -= value;
        }
    }
    text
}

/// A page number and what is set around it: `12`, `- 12 -`, `xii`, `Page 3 of 9`, `[4]`, `3/9`.
pub(super) fn page_number(text: &str) -> Option<u32> {
    let bare = text.trim_matches(|c: char| {
        c.is_whitespace()
            || "-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2212}|[](){}*~.,·•_:\u{2022}".contains(c)
    });
    if bare.is_empty() || bare.chars().count() > 24 {
        return None;
    }
    let lower = bare.to_lowercase();
    let word = [
        "page",
        "pages",
        "seite",
        "página",
        "pagina",
        "pág.",
        "pag.",
        "pg.",
        "pg",
        "p.",
        "s.",
        "страница",
        "стр.",
        "strona",
        "sida",
        "side",
    ]
    .iter()
    .find_map(|word| lower.strip_prefix(word));
    let numbered = word.unwrap_or(&lower).trim_start_matches(|c: char| c.is_whitespace() || ".:#-".contains(c));
    let number = |text: &str| {
        let text = text.trim();
        let digits = text.chars().all(|c| c.is_ascii_digit()) && (1..=4).contains(&text.len());
        if digits { text.parse().ok() } else { None }
    };
    for between in [" of ", "/", " von ", " de ", " sur ", " di ", " van ", " av ", " из ", " | "] {
        if let Some((page, all)) = numbered.split_once(between) {
            let (page, all) = (number(page), number(all));
            return page.filter(|page| all.is_some_and(|all| *page <= all && *page > 0));
        }
    }
    if let Some(page) = number(numbered) {
        return Some(page);
    }
    // `I` alone is a word, and so is `mix`; of capitals only what is no word in any case.
    let is_case = bare.chars().all(|c| c.is_ascii_lowercase()) || bare.chars().count() > 1;
    if word.is_none() && !is_case {
        None
    } else {
        roman(numbered).filter(|_| bare == lower || word.is_some() || bare.chars().all(|c| c.is_ascii_uppercase()))
    }
}

/// With digits masked and blanks once: as running heads are compared.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !masked.is_empty() {
            masked.push(' ');
        }
        for c in word.chars().flat_map(char::to_lowercase) {
            let c = if c.is_numeric() { '#' } else { c };
            if !(c == '#' && masked.ends_with('#')) {
                masked.push(c);
            }
        }
    }
    masked
}

/// The number of a section at the beginning of a heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbering {
    /// How many numbers it has: `2.1` has two.
    pub(super) depth: u8,
    /// Whether it is unlike the beginning of a list item: `2.1`, `§ 3`, `Chapter 4`, `Appendix B`.
    pub(super) is_certain: bool,
}

pub(super) fn numbering(text: &str) -> Option<Numbering> {
    let text = text.trim();
    let (first, rest) = text.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    if !rest.chars().any(char::is_alphabetic) {
        // `Chapter 4` is all there is.
        return is_chapter(first)
            .then(|| rest.trim_end_matches(['.', ':']))
            .filter(|number| is_number(number))
            .map(|_| CHAPTER);
    }
    if is_chapter(first) {
        let number =
            rest.split(|c: char| c.is_whitespace() || ".:\u{2014}\u{2013}-".contains(c)).next().unwrap_or_default();
        return is_number(number).then_some(CHAPTER);
    }
    if first == "§" || first.starts_with('§') {
        return Some(Numbering { depth: 1, is_certain: true });
    }
    let bare = first.trim_end_matches(['.', ')', ':']);
    let parts: Vec<&str> = bare.split('.').collect();
    let is_part = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_first = parts.first().is_some_and(|part| {
        is_part(part) || (part.len() == 1 && part.bytes().all(|b| b.is_ascii_uppercase())) || roman(part).is_some()
    });
    if !is_first || !parts[1..].iter().all(is_part) || parts.len() > 5 {
        return None;
    }
    // Letters and roman numbers need a point: `A word`, `I see`.
    let is_digits = is_part(&parts[0]);
    if parts.len() == 1 && !is_digits && (bare.len() == first.len() || first.ends_with(')')) {
        return None;
    }
    // Years and amounts: `1998 was`, `3.5 metres`.
    let is_capital = rest.chars().find(|c| c.is_alphanumeric()).is_some_and(|c| !c.is_lowercase());
    (is_capital || parts.len() > 2)
        .then_some(Numbering { depth: parts.len() as u8, is_certain: parts.len() > 1 && is_digits })
}

const CHAPTER: Numbering = Numbering { depth: 1, is_certain: true };

fn is_chapter(word: &str) -> bool {
    let word = word.to_lowercase();
    [
        "chapter",
        "part",
        "appendix",
        "section",
        "article",
        "annex",
        "kapitel",
        "abschnitt",
        "anhang",
        "teil",
        "artikel",
        "chapitre",
        "annexe",
        "partie",
        "capítulo",
        "apéndice",
        "capitolo",
        "book",
        "lecture",
    ]
    .contains(&word.as_str())
}

fn is_number(text: &str) -> bool {
    let is_digits = !text.is_empty() && text.len() <= 4 && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_letter = text.len() == 1 && text.chars().all(|c| c.is_ascii_uppercase());
    is_digits || is_letter || roman(text).is_some() || NUMBER_WORDS.contains(&text.to_lowercase().as_str())
}

const NUMBER_WORDS: [&str; 12] =
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// Whether it names a part of a document by itself.
pub(super) fn is_known_heading(text: &str) -> bool {
    let bare = text.trim().trim_end_matches([':', '.']).to_lowercase();
    [
        "abstract",
        "introduction",
        "conclusion",
        "conclusions",
        "references",
        "bibliography",
        "acknowledgements",
        "acknowledgments",
        "acknowledgement",
        "acknowledgment",
        "contents",
        "table of contents",
        "appendix",
        "preface",
        "foreword",
        "index",
        "glossary",
        "discussion",
        "results",
        "methods",
        "background",
        "related work",
        "summary",
        "notes",
        "literature",
        "zusammenfassung",
        "einleitung",
        "literatur",
        "inhalt",
        "inhaltsverzeichnis",
        "vorwort",
        "anhang",
        "résumé",
        "introducción",
        "résultats",
        "bibliographie",
        "resumen",
        "keywords",
        "executive summary",
        "list of figures",
        "list of tables",
        "works cited",
        "materials and methods",
        "future work",
    ]
    .contains(&bare.as_str())
}

/// What a caption is of, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Labelled {
    Figure,
    Table,
    Code,
}

/// The label of a caption, and whether it is set off from what follows (`Figure 3:`), so that it is hardly a sentence about it.
pub(super) fn caption_label(text: &str) -> Option<(Labelled, bool)> {
    let text = text.trim_start();
    let at = text.find(|c: char| c.is_whitespace() || c == '.' || c.is_ascii_digit() || c == '\u{a0}')?;
    let (word, mut rest) = text.split_at(at);
    let labelled = match word.to_lowercase().as_str() {
        "figure" | "fig" | "figs" | "scheme" | "chart" | "plate" | "photo" | "abbildung" | "abb" | "bild"
        | "figura" | "illustration" | "diagram" | "exhibit" | "graph" | "map" | "图" | "図" => Labelled::Figure,
        "table" | "tab" | "tabelle" | "tableau" | "tabla" | "tabella" | "表" => Labelled::Table,
        "listing" | "algorithm" | "code" | "program" | "algorithmus" | "algorithme" => Labelled::Code,
        _ => return None,
    };
    if word.chars().next().is_none_or(char::is_lowercase) {
        return None;
    }
    rest = rest.trim_start_matches(|c: char| c == '.' || c.is_whitespace());
    let end = rest.find(|c: char| !(c.is_alphanumeric() || (c == '.' || c == '-'))).unwrap_or(rest.len());
    let number = rest[..end].trim_end_matches(['.', '-']);
    let is_number = number.bytes().any(|b| b.is_ascii_digit()) && number.len() <= 8
        || (number.len() == 1 && number.bytes().all(|b| b.is_ascii_uppercase()))
        || roman(number).is_some();
    if !is_number {
        return None;
    }
    let after = &rest[number.len()..];
    let mark = after.trim_start().chars().next();
    let is_set_off = match mark {
        None => true,
        Some(c) => {
            ":.|\u{2013}\u{2014}-\u{ff1a}\u{3002}".contains(c) && (c != '-' || after.starts_with(char::is_whitespace))
        }
    };
    Some((labelled, is_set_off))
}

/// Dots that lead to a page number, and where they begin and end, in bytes.
pub(super) fn leaders(text: &str) -> Option<std::ops::Range<usize>> {
    let (mut start, mut dots, mut end) = (0, 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '.' | '\u{2026}' | '\u{b7}' | '_' => {
                if dots == 0 {
                    start = at;
                }
                dots += if c == '\u{2026}' { 3 } else { 1 };
                end = at + c.len_utf8();
            }
            c if c.is_whitespace() && dots > 0 => {}
            _ if dots >= 4 => break,
            _ => dots = 0,
        }
    }
    (dots >= 4 && start > 0).then_some(start..end)
}

const CLOSING: &str = "\"')]}\u{201d}\u{2019}\u{bb}\u{203a}";

/// Whether a sentence ends with the text.
pub(super) fn ends_sentence(text: &str) -> bool {
    let last = text.trim_end_matches(|c: char| c.is_whitespace() || CLOSING.contains(c)).chars().last();
    last.is_some_and(|c| ".!?:\u{2026}\u{3002}\u{ff01}\u{ff1f}\u{61f}\u{6d4}".contains(c))
}

/// Whether the text begins in the middle of a sentence, as far as its letters tell.
pub(super) fn begins_small(text: &str) -> bool {
    text.chars()
        .find(|c| !c.is_whitespace() && !"\"'([{\u{201c}\u{2018}\u{ab}".contains(*c))
        .is_some_and(|c| c.is_lowercase() || ",;".contains(c))
}

/// Whether the line breaks a word, or ends with a hyphen of one.
pub(super) fn ends_with_hyphen(text: &str) -> bool {
    let mut last = text.trim_end().chars().rev();
    last.next().is_some_and(is_hyphen) && last.next().is_some_and(char::is_alphanumeric)
}

pub(super) fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{ad}' | '\u{2010}' | '\u{2011}' | '\u{ac}')
}

/// The number of an equation at the end of a text, in brackets: `(12)`, `(3.1a)`, `[4]`.
pub fn closing_number(text: &str) -> Option<&str> {
    let (open, close) = if text.ends_with(']') { ('[', ']') } else { ('(', ')') };
    let number = &text[text.rfind(open)?..];
    let inner = number.strip_prefix(open)?.strip_suffix(close)?;
    let is_number = !inner.is_empty()
        && inner.len() <= 8
        && inner.bytes().any(|b| b.is_ascii_digit())
        && inner.chars().all(|c| c.is_ascii_alphanumeric() || ".-'".contains(c));
    is_number.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_numbers_are_told_from_words() {
        for (text, number) in [
            ("12", Some(12)),
            ("- 12 -", Some(12)),
            ("\u{2014} 7 \u{2014}", Some(7)),
            ("xii", Some(12)),
            ("XIV", Some(14)),
            ("Page 3 of 9", Some(3)),
            ("page 3", Some(3)),
            ("3/9", Some(3)),
            ("9/3", None),
            ("[4]", Some(4)),
            ("Seite 5 von 10", Some(5)),
            ("p. 4", Some(4)),
            ("i", Some(1)),
            ("I", None),
            ("mix", None),
            ("Mix", None),
            ("1990s", None),
            ("12345", None),
            ("Chapter 3", None),
            ("", None),
            ("iiii", None),
        ] {
            assert_eq!(page_number(text), number, "{text}");
        }
    }

    #[test]
    fn sections_have_numbers() {
        let of = |depth, is_certain| Some(Numbering { depth, is_certain });
        for (text, expected) in [
            ("1 Introduction", of(1, false)),
            ("1. Introduction", of(1, false)),
            ("2.1 Methods", of(2, true)),
            ("2.1. Methods", of(2, true)),
            ("3.2.1 x-rays", of(3, true)),
            ("A. Proofs", of(1, false)),
            ("A.2 Proofs", of(2, false)),
            ("IV. RESULTS", of(1, false)),
            ("Chapter 4", of(1, true)),
            ("CHAPTER IV", of(1, true)),
            ("Appendix B: Tables", of(1, true)),
            ("§ 3 Fees", of(1, true)),
            ("A word", None),
            ("I see", None),
            ("3.5 metres", None),
            ("1998 was", None),
            ("Part of it", None),
            ("2.1", None),
        ] {
            assert_eq!(numbering(text), expected, "{text}");
        }
    }

    #[test]
    fn captions_have_labels() {
        for (text, expected) in [
            ("Figure 3: Tides", Some((Labelled::Figure, true))),
            ("Fig. 2. Tides", Some((Labelled::Figure, true))),
            ("Fig. 2 shows", Some((Labelled::Figure, false))),
            ("Figure 3", Some((Labelled::Figure, true))),
            ("TABLE IV", Some((Labelled::Table, true))),
            ("Table 2.1 | Rates", Some((Labelled::Table, true))),
            ("Table A1. Rates", Some((Labelled::Table, true))),
            ("Algorithm 1 Search", Some((Labelled::Code, false))),
            ("Abb. 7: Hafen", Some((Labelled::Figure, true))),
            ("figure 3: small", None),
            ("Figures show", None),
            ("Table of contents", None),
            ("Table", None),
        ] {
            assert_eq!(caption_label(text), expected, "{text}");
        }
    }

    #[test]
    fn leaders_lead_to_numbers() {
        assert_eq!(leaders("Of tides . . . . . . 12"), Some(9..20));
        assert_eq!(leaders("Of tides ........ 12"), Some(9..17));
        assert_eq!(leaders("So it ends..."), None);
        assert_eq!(leaders("1. 2. 3. 4. 5."), None);
    }

    #[test]
    fn running_heads_are_compared_without_their_numbers() {
        assert_eq!(masked("12  Tides and\tHarbours 2019"), "# tides and harbours #");
    }
}
