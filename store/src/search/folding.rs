//! Text as words. A page and a query pass through here, so that both mean the same by a word.
//!
//! Compatibility forms, diacritics and case go ([`super::letters`]); characters of scripts without spaces are words by
//! themselves, so that a run of them is a phrase. A word broken at a line's end is one word, and its parts can be found too;
//! what is joined by a hyphen, an apostrophe or a raised letter is several words, and can be found as one too; so `1,000`, `1 000`
//! and `1000` are found by each other.

use std::ops::Range;

use super::letters::{Kind, fold_into, is_mark, kind};

/// Longer words are cut: they are garbage or bytes in letters, and must not fill the index.
const LONGEST_WORD: usize = 64;

/// Words in a compound that is also one word. A chain of more is a path or a table's row.
const LONGEST_COMPOUND: usize = 6;

/// Rows between the halves of a word that is broken at a line's end: the next line, or the next block's.
const ROWS_AT_A_BREAK: usize = 2;

/// How a token stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the order of the text, where phrases are found.
    Text,
    /// Several words of the text without what joins them.
    Joined,
    /// A part of a word that a line's end broke.
    Part,
}

/// A folded word and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub word: String,
    /// Bytes of the text.
    pub range: Range<usize>,
    pub form: Form,
}

/// A run of letters with nothing between them.
struct Piece {
    word: String,
    range: Range<usize>,
    alone: bool,
}

impl Piece {
    fn is_number(&self) -> bool {
        self.word.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// How many digits it has, if it is a number.
    fn digits(&self) -> usize {
        if self.is_number() { self.word.len() } else { 0 }
    }
}

/// What stands between two pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// They are one word that is broken.
    LineEnd,
    /// They are two words that are also one.
    Join,
    /// They are the digits of one number.
    Thousands,
    /// They may be: the separator is a space.
    PerhapsThousands,
    Apart,
}

/// The words of a text, those of one place together, in its order.
pub fn tokens(text: &str) -> Vec<Token> {
    let pieces = pieces(text);
    let gaps = gaps(text, &pieces);
    let mut tokens = Vec::with_capacity(pieces.len());
    let mut at = 0;
    while at < pieces.len() {
        let end = at + 1 + gaps[at..].iter().take_while(|&&gap| gap != Gap::Apart).count();
        chain(&pieces[at..end], &gaps[at..end - 1], &mut tokens);
        at = end;
    }
    tokens
}

/// Pieces that hang together, and the gaps between them.
fn chain(pieces: &[Piece], gaps: &[Gap], tokens: &mut Vec<Token>) {
    let token = |pieces: &[Piece], form| Token {
        word: pieces.iter().flat_map(|piece| piece.word.chars()).take(LONGEST_WORD).collect(),
        range: pieces[0].range.start..pieces[pieces.len() - 1].range.end,
        form,
    };
    let (mut at, mut words) = (0, 0);
    while at < pieces.len() {
        let is_one = |gap: &&Gap| matches!(gap, Gap::LineEnd | Gap::Thousands);
        let end = at + 1 + gaps[at..].iter().take_while(is_one).count();
        tokens.push(token(&pieces[at..end], Form::Text));
        if end - at > 1 {
            let parts = pieces[at..end].iter().map(std::slice::from_ref);
            tokens.extend(parts.map(|part| token(part, Form::Part)));
        }
        words += 1;
        at = end;
    }
    if (2..=LONGEST_COMPOUND).contains(&words) {
        tokens.push(token(pieces, Form::Joined));
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    // The kind of the piece that still grows.
    let mut open: Option<Kind> = None;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let found = kind(c);
        match (found, open) {
            (Kind::Nothing, _) => {}
            (Kind::Between, _) => open = None,
            (Kind::Letter | Kind::Script, Some(kind)) if kind == found || is_mark(c) => {
                let piece = pieces.last_mut().expect("a piece that grows is there");
                fold_into(c, &mut piece.word);
                piece.range.end = end;
            }
            _ => {
                let mut word = String::new();
                fold_into(c, &mut word);
                let alone = found == Kind::Alone;
                pieces.push(Piece { word, range: at..end, alone });
                open = Some(found);
            }
        }
    }
    // A character that folds to nothing is a mark without a base.
    pieces.retain(|piece| !piece.word.is_empty());
    pieces
}

fn gaps(text: &str, pieces: &[Piece]) -> Vec<Gap> {
    let pairs = pieces.windows(2);
    let mut gaps: Vec<Gap> =
        pairs.map(|pair| gap(&text[pair[0].range.end..pair[1].range.start], &pair[0], &pair[1])).collect();
    settle_thousands(text, pieces, &mut gaps);
    gaps
}

fn gap(between: &str, before: &Piece, after: &Piece) -> Gap {
    if before.alone || after.alone {
        return Gap::Apart;
    }
    if is_line_end(between, before) {
        return Gap::LineEnd;
    }
    let mut visible = between.chars().filter(|&c| kind(c) != Kind::Nothing);
    let digits = before.is_number() && after.is_number();
    match (visible.next(), visible.next()) {
        // Raised or lowered.
        (None, _) => Gap::Join,
        (Some('-' | '\u{2010}' | '\u{2011}' | '\'' | '’' | '\u{2bc}' | '^' | '_' | '&' | '·'), None) => Gap::Join,
        (Some('.'), None) if !digits => Gap::Join,
        _ => Gap::Apart,
    }
}

/// A letter, a hyphen (also as OCR or Fraktur has it), and the end of the line.
fn is_line_end(between: &str, before: &Piece) -> bool {
    let Some(rest) = between.strip_prefix(['-', '\u{2010}', '\u{2011}', '\u{ad}', '¬', '⸗']) else { return false };
    let rows = rest.chars().filter(|&c| c == '\n').count();
    !before.is_number() && (1..=ROWS_AT_A_BREAK).contains(&rows) && rest.chars().all(char::is_whitespace)
}

/// Finds the numbers whose thousands are separated: one to three digits, then three and three, by the same character.
fn settle_thousands(text: &str, pieces: &[Piece], gaps: &mut [Gap]) {
    let separator = |at: usize| {
        let mut between = text[pieces[at].range.end..pieces[at + 1].range.start].chars();
        match (between.next(), between.next()) {
            (Some(c @ (',' | '.' | '\'' | '’' | ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2007}')), None) => {
                Some(c)
            }
            _ => None,
        }
    };
    let mut at = 0;
    while at < gaps.len() {
        let start = at;
        at += 1;
        let Some(first) = separator(start) else { continue };
        if !(1..=3).contains(&pieces[start].digits()) {
            continue;
        }
        let mut end = start;
        while end < gaps.len() && separator(end) == Some(first) && pieces[end + 1].digits() == 3 {
            end += 1;
        }
        // A further group of another length: a list of numbers, an address, a version.
        let goes_on = end < gaps.len() && separator(end) == Some(first) && pieces[end + 1].digits() > 0;
        let comes_from = start > 0 && separator(start - 1) == Some(first) && pieces[start - 1].digits() > 0;
        if end > start && (first == ' ' || !(goes_on || comes_from)) {
            let settled = if first == ' ' { Gap::PerhapsThousands } else { Gap::Thousands };
            gaps[start..end].fill(settled);
            at = end;
        }
    }
}

/// The two columns of the index.
pub(crate) fn columns(tokens: &[Token]) -> (String, String) {
    let mut columns = (String::new(), String::new());
    for token in tokens {
        let column = if token.form == Form::Text { &mut columns.0 } else { &mut columns.1 };
        if !column.is_empty() {
            column.push(' ');
        }
        column.push_str(&token.word);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text's words; then, behind a bar, their other forms.
    fn check(text: &str, expected: &str) {
        let (words, other) = columns(&tokens(text));
        assert_eq!(format!("{words} | {other}").trim_end_matches([' ', '|']), expected, "{text:?}");
    }

    #[test]
    fn ligatures_diacritics_and_case_do_not_matter() {
        check("ﬁnal eﬀect ﬃ ĳs", "final effect ffi ijs");
        check(
            "Łódź Ørsted Đorđe Straße ẞ Æther Œuvre ılık İstanbul ſo",
            "lodz orsted dorde strasse ss aether oeuvre ilik istanbul so",
        );
        check("Ærø cafe\u{301} Ångström ŉ", "aero cafe angstrom n");
        check("ΛΌΓΟΣ λόγος МОСКВА Ёлка йод", "λογοσ λογοσ москва елка йод");
        check("Ｆｕｌｌ ﾃﾞ", "full デ");
    }

    #[test]
    fn a_word_broken_at_a_line_end_is_one_word_and_its_parts() {
        check("the docu-\nment is", "the document is | docu ment");
        check("docu\u{ad}\nment docu¬ \n ment", "document document | docu ment docu ment");
        check("in\u{ad}visible zero\u{200b}width", "invisible zerowidth");
        check("well-kno-\nwn", "well known | kno wn wellknown");
        check("a - \nb", "a b");
        check("1990-\n1995", "1990 1995");
    }

    #[test]
    fn a_word_with_a_hyphen_is_its_words_and_one() {
        check("well-known x‐ray l’amour AT&T", "well known x ray l amour at t | wellknown xray lamour att");
        check("1990–1995 and/or", "1990 1995 and or");
    }

    #[test]
    fn numbers_are_found_however_their_thousands_are_separated() {
        check("1,000 1.000.000 12'345 1\u{202f}000", "1000 1000000 12345 1000 | 1 000 1 000 000 12 345 1 000");
        check("1 000", "1 000 | 1000");
        check("1,234.56 3.14 3,14", "1234 56 3 14 3 14 | 1 234");
        check("1,000,12 or 2019,100 or 192.168.100.1", "1 000 12 or 2019 100 or 192 168 100 1");
    }

    #[test]
    fn raised_and_lowered_signs_are_words_of_their_own_and_part_of_one() {
        check("H₂O result¹ mc² x^2", "h 2 o result 1 mc 2 x 2 | h2o result1 mc2 x2");
        check("Foo™ ½", "foo 12");
    }

    #[test]
    fn scripts_without_spaces_are_a_word_a_character() {
        check("東京都tower", "東 京 都 tower");
        check("がか\u{3099} 한국", "が が 한 국");
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "Ein ﬁ-\nx Łódź";
        let found: Vec<_> = tokens(text).into_iter().map(|token| (text[token.range].to_owned(), token.word)).collect();
        let expected = [("Ein", "ein"), ("ﬁ-\nx", "fix"), ("ﬁ", "fi"), ("x", "x"), ("Łódź", "lodz")];
        assert_eq!(found, expected.map(|(text, word)| (text.to_owned(), word.to_owned())));
    }

    #[test]
    fn any_text_has_words_of_bounded_length() {
        let noise: String = (0..0x3000).filter_map(char::from_u32).collect();
        for token in tokens(&noise).iter().chain(&tokens(&"a".repeat(10_000))) {
            assert!((1..=LONGEST_WORD).contains(&token.word.chars().count()), "{token:?}");
            assert!(!token.word.contains(' '));
        }
    }
}
