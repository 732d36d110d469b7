//! Runs of characters, each with the style that its letters have.

use crate::output::xml::escaped;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Word's own for letters.
    Italic,
    Upright,
    /// Text as it stands outside of formulas.
    Words,
}

/// Bold letters of mathematical alphabets are plain ones in bold, so that they can be written on; of other alphabets, the letters themselves.
pub(super) fn run(out: &mut String, text: &str, style: Style) {
    let seen = |c: &char| !matches!(c, '\u{2061}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}');
    let seen: String = text.chars().filter(seen).collect();
    if seen.is_empty() {
        return;
    }
    let bold: Option<(String, bool)> = {
        let letters: Option<Vec<(char, bool)>> = seen.chars().map(of_bold).collect();
        letters.map(|letters| (letters.iter().map(|(c, _)| *c).collect(), letters.iter().any(|(_, italic)| *italic)))
    };
    let (properties, text) = match (style, bold) {
        (Style::Words, _) => ("<m:rPr><m:nor/></m:rPr>", seen),
        (_, Some((text, true))) => ("<m:rPr><m:sty m:val=\"bi\"/></m:rPr>", text),
        (_, Some((text, false))) => ("<m:rPr><m:sty m:val=\"b\"/></m:rPr>", text),
        (Style::Italic, None) => ("", seen),
        (Style::Upright, None) => ("<m:rPr><m:sty m:val=\"p\"/></m:rPr>", seen),
    };
    out.push_str(&format!("<m:r>{properties}<m:t xml:space=\"preserve\">{}</m:t></m:r>", escaped(&text)));
}

/// The plain letter, and whether it is italic as well.
fn of_bold(c: char) -> Option<(char, bool)> {
    const LATIN: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const GREEK: &str = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡϴΣΤΥΦΧΨΩ∇αβγδεζηθικλμνξοπρςστυφχψω∂ϵϑϰϕϱϖ";
    let code = u32::from(c);
    let of = |from: u32, letters: &str, is_italic: bool| {
        letters.chars().nth((code - from) as usize).map(|letter| (letter, is_italic))
    };
    match code {
        0x1d400..=0x1d433 => of(0x1d400, LATIN, false),
        0x1d468..=0x1d49b => of(0x1d468, LATIN, true),
        0x1d6a8..=0x1d6e1 => of(0x1d6a8, GREEK, false),
        0x1d71c..=0x1d755 => of(0x1d71c, GREEK, true),
        0x1d7ce..=0x1d7d7 => of(0x1d7ce, "0123456789", false),
        _ => None,
    }
}

/// The combining character that Word takes for an accent.
pub(super) fn combining(sign: char) -> Option<char> {
    Some(match sign {
        '^' | 'ˆ' | '\u{302}' => '\u{302}',
        '~' | '˜' | '∼' | '\u{303}' => '\u{303}',
        '→' | '\u{20d7}' => '\u{20d7}',
        '←' | '\u{20d6}' => '\u{20d6}',
        '˙' | '\u{307}' => '\u{307}',
        '¨' | '\u{308}' => '\u{308}',
        '\u{20db}' => '\u{20db}',
        'ˇ' | '\u{30c}' => '\u{30c}',
        '´' | '\u{301}' => '\u{301}',
        '`' | '\u{300}' => '\u{300}',
        '˘' | '\u{306}' => '\u{306}',
        _ => return None,
    })
}
