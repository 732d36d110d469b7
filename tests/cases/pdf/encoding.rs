//! Which code a simple font gives a character, what a glyph is called, and how wide letters are.

use unicode_normalization::UnicodeNormalization as _;

/// How a simple font says which letters its codes are (PDF 32000-1, 9.6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    WinAnsi,
    MacRoman,
    /// Codes in an order of the font's own, each with its glyph's name.
    Differences,
}

/// Characters of Windows code page 1252 beyond Latin-1, from 0x80.
const WINDOWS: &str = "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ";

/// Characters of Mac OS Roman from 0x80; what PDF leaves out is not used here.
const MAC: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›\u{fb01}\u{fb02}";

impl Encoding {
    /// The code of a character; `Differences` have none of their own.
    pub fn code(self, c: char) -> Option<u8> {
        let high = |table: &str| Some(0x80 + table.chars().position(|other| other == c)? as u8);
        match (self, c) {
            (_, ' '..='~') => Some(c as u8),
            (Self::WinAnsi, '\u{a0}'..='\u{ff}') => Some(c as u8),
            (Self::WinAnsi, _) => high(WINDOWS),
            (Self::MacRoman, _) => high(MAC),
            (Self::Differences, _) => None,
        }
    }
}

/// Names of the printable ASCII characters (Adobe Glyph List), from the space on; letters are called by themselves.
const SIGNS: [(&str, &str); 4] = [
    (
        " !\"#$%&'()*+,-./",
        "space exclam quotedbl numbersign dollar percent ampersand quotesingle parenleft parenright asterisk plus comma hyphen period slash",
    ),
    ("0123456789", "zero one two three four five six seven eight nine"),
    (":;<=>?@", "colon semicolon less equal greater question at"),
    (
        "[\\]^_`{|}~",
        "bracketleft backslash bracketright asciicircum underscore grave braceleft bar braceright asciitilde",
    ),
];

const MARKS: [(char, &str); 8] = [
    ('\u{300}', "grave"),
    ('\u{301}', "acute"),
    ('\u{302}', "circumflex"),
    ('\u{303}', "tilde"),
    ('\u{308}', "dieresis"),
    ('\u{30a}', "ring"),
    ('\u{30c}', "caron"),
    ('\u{327}', "cedilla"),
];

const OTHERS: [(char, &str); 26] = [
    ('ß', "germandbls"),
    ('ø', "oslash"),
    ('Ø', "Oslash"),
    ('æ', "ae"),
    ('Æ', "AE"),
    ('°', "degree"),
    ('€', "Euro"),
    ('£', "sterling"),
    ('§', "section"),
    ('–', "endash"),
    ('—', "emdash"),
    ('‘', "quoteleft"),
    ('’', "quoteright"),
    ('“', "quotedblleft"),
    ('”', "quotedblright"),
    ('„', "quotedblbase"),
    ('•', "bullet"),
    ('¿', "questiondown"),
    ('¡', "exclamdown"),
    ('\u{fb01}', "fi"),
    ('\u{fb02}', "fl"),
    ('ı', "dotlessi"),
    ('\u{fb00}', "f_f"),
    ('\u{fb03}', "f_f_i"),
    ('\u{fb04}', "ffl"),
    ('Š', "Scaron"),
];

/// The name of a glyph in the Adobe Glyph List.
pub fn glyph_name(c: char) -> String {
    if c.is_ascii_alphabetic() {
        return c.to_string();
    }
    let sign = SIGNS.iter().find_map(|(signs, names)| names.split(' ').nth(signs.find(c)?));
    let other = || OTHERS.iter().find(|(other, _)| *other == c).map(|(_, name)| *name);
    if let Some(name) = sign.or_else(other) {
        return name.to_owned();
    }
    let parts: Vec<char> = std::iter::once(c).nfd().collect();
    let mark = parts.get(1).and_then(|mark| MARKS.iter().find(|(other, _)| other == mark));
    match mark {
        Some((_, name)) => format!("{}{name}", parts[0]),
        None => format!("uni{:04X}", c as u32),
    }
}

/// Widths of the printable ASCII characters in thousandths of an em, as Adobe's font metrics have them.
#[rustfmt::skip]
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
    556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
#[rustfmt::skip]
const TIMES: [u16; 95] = [
    250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500, 500, 500, 500, 500, 500,
    500, 500, 278, 278, 564, 564, 564, 444, 921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722,
    556, 722, 667, 556, 611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500, 333, 444, 500, 444, 500, 444, 333, 500,
    500, 278, 278, 500, 278, 778, 500, 500, 500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541,
];

/// The width of a letter in a font of the standard fourteen, in ems; near enough for signs beyond ASCII, which are not set in a line
/// with others that their place would depend on.
pub fn width(base: &str, c: char) -> f64 {
    let table = match base {
        base if base.starts_with("Courier") => return 0.6,
        base if base.starts_with("Times") => &TIMES,
        _ => &HELVETICA,
    };
    let plain = std::iter::once(c).nfd().next().unwrap_or(c);
    let index = (plain as usize).wrapping_sub(32);
    f64::from(table.get(index).copied().unwrap_or(500)) / 1_000.0
}
