//! What a glyph is for a formula: surely a part of one, perhaps, or not.

use smol_str::SmolStr;

use super::rect_of;
use crate::{
    formula::{Letters, Symbol, is_sign},
    geometry::Rect,
    hints::{Face, StyledRun, VerticalShift},
    input::pdf::{glyph::Glyph, settings::Settings, styles::SetLine},
};

/// A gap that parts words, in ems.
pub(super) const WORD_GAP: f32 = 0.16;
/// Around relations it is wider than between words, and in a line that is stretched as wide as this, in ems.
pub(super) const SIGN_GAP: f32 = 1.0;

/// What a sign of a line may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A letter of mathematics, or a sign that says something by itself.
    Mathematics,
    /// A relation or operator, whatever it is set in.
    Between,
    Digit,
    Open,
    Close,
    Bar,
    Punctuation,
    /// Smaller, and raised or lowered.
    Script,
    /// A letter that leans among such that do not.
    Leaning,
    /// A letter of the text; what they are together is not known yet.
    Letter,
    /// Nothing of a formula.
    Text,
}

/// A glyph of a line, and what it may be.
pub(super) struct Sign {
    pub(super) glyph: usize,
    pub(super) at: u32,
    pub(super) end: u32,
    pub(super) kind: Kind,
    pub(super) left: f32,
    pub(super) right: f32,
}

/// Pieces of which tall brackets are put together.
pub(super) fn is_bracket_piece(c: char) -> bool {
    matches!(c, '\u{239b}'..='\u{23ad}' | '\u{f8eb}'..='\u{f8fe}')
}

pub(super) fn is_operator(sign: &Sign, glyphs: &[Glyph]) -> bool {
    glyphs[sign.glyph].text.chars().next().is_some_and(|c| {
        matches!(c, '\u{2190}'..='\u{21ff}' | '\u{27f5}'..='\u{27ff}' | '\u{2a7d}'..='\u{2aff}')
            || "∈∉∋⊂⊃⊆⊇∪∩∧∨⊕⊗⊙≡≃≅∝≪≫≺≻⊢⊨∘⋆•∖≔≜≲≳∣⟂⊥\u{338}".contains(c)
    })
}

/// Whether a look at the line is worth it.
pub(super) fn may_have_any(line: &SetLine) -> bool {
    let is_power = |run: &StyledRun| {
        let characters = || line.line.text.chars();
        let start = run.characters.start as usize;
        run.shift != VerticalShift::None
            && (characters().nth(start) == Some('−')
                || characters().take(start).skip(start.saturating_sub(2)).eq("10".chars()))
    };
    let is_of_formula = |run: &StyledRun| {
        let is_short = run.characters.end - run.characters.start <= 2;
        run.face.mathematics || (run.face.italic && (is_short || run.shift != VerticalShift::None)) || is_power(run)
    };
    line.style.runs.iter().any(is_of_formula) || line.line.text.chars().any(|c| is_sign(c) || c == '=')
}

pub(super) fn kind(
    glyph: &Glyph,
    face: &Face,
    (is_leaning_line, is_bold_line): (bool, bool),
    size: f32,
    baseline: f32,
) -> Kind {
    let Some(c) = glyph.text.chars().next() else { return Kind::Text };
    let shift = (glyph.origin.y as f32 - baseline).abs();
    let is_script = (glyph.size as f32) < 0.88 * size && shift > 0.06 * size;
    match c {
        // Bullets and marks of other things, whatever their font.
        '•' | '■' | '□' | '▪' | '▫' | '●' | '○' | '►' | '▶' | '◆' | '✓' | '✔' | '✗' | '☐' | '☑' | '†' | '‡' | '§'
        | '¶' | '©' | '®' | '™' | '“' | '”' | '„' | '«' | '»' | '‘' | '’' | '…'
            if !(c == '…' && face.mathematics) =>
        {
            if is_script && matches!(c, '†' | '‡') {
                Kind::Script
            } else {
                Kind::Text
            }
        }
        'ˆ' | '˜' | '¯' | '˙' | '\u{20d7}' if !is_script && !face.mathematics => Kind::Leaning,
        _ if is_script => Kind::Script,
        c if c.is_ascii_digit() => Kind::Digit,
        '(' | '[' | '{' | '⌊' | '⌈' => Kind::Open,
        ')' | ']' | '}' | '⌋' | '⌉' => Kind::Close,
        c if ANGLES.contains(&c) => {
            if matches!(c, '⟨' | '\u{2329}' | '\u{3008}') {
                Kind::Open
            } else {
                Kind::Close
            }
        }
        '|' | '∣' | '‖' | '∥' => Kind::Bar,
        ',' | '.' | ';' | ':' | '!' | '?' | '\'' => Kind::Punctuation,
        '+' | '=' | '<' | '>' | '±' | '∓' | '×' | '÷' | '−' | '≤' | '≥' | '≠' | '≈' | '∼' | '∗' | '·' | '⋅' => {
            Kind::Between
        }
        '/' | '*' | '-' | '∘' | '~' | '\\' => {
            if face.mathematics {
                Kind::Between
            } else {
                Kind::Text
            }
        }
        '︷' | '︸' | '⏞' | '⏟' => Kind::Mathematics,
        '\u{fffd}' if !face.mathematics => Kind::Text,
        _ if face.mathematics || is_sign(c) => Kind::Mathematics,
        c if is_lone_greek(c) => Kind::Mathematics,
        c if c.is_alphabetic() && face.italic && !is_leaning_line => Kind::Leaning,
        c if c.is_alphabetic() && face.bold && !is_bold_line => Kind::Leaning,
        c if c.is_alphabetic() => Kind::Letter,
        _ => Kind::Text,
    }
}

/// Angle brackets, and those of technical drawing and of Chinese, which fonts of mathematics have for them.
pub(super) const ANGLES: [char; 6] = ['⟨', '⟩', '\u{2329}', '\u{232a}', '\u{3008}', '\u{3009}'];

/// What lists of glyphs have for `Omega`.
const OHM_SIGN: char = '\u{2126}';

/// Greek letters that are no letters of other alphabets; where words are made of them, they stand together.
fn is_lone_greek(c: char) -> bool {
    matches!(
        c,
        'α'..='ω' | 'Γ' | 'Δ' | 'Θ' | 'Λ' | 'Ξ' | 'Π' | 'Σ' | 'Φ' | 'Ψ' | 'Ω' | 'ϑ' | 'ϕ' | 'ϵ' | 'ϱ' | 'ϖ' | OHM_SIGN
    )
}

pub(super) fn is_greek(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{3ff}' | OHM_SIGN)
}

/// A glyph as a symbol of a formula.
pub(in crate::input::pdf) fn symbol(glyph: &Glyph, settings: &Settings) -> Symbol {
    let face = settings.face(settings.get(glyph.setting));
    Symbol {
        text: told(&glyph.text, face),
        rect: ink(glyph),
        baseline: glyph.origin.y as f32,
        size: glyph.size as f32,
        letters: glyph.text.chars().next().map_or(Letters::Plain, |c| letters(c, glyph.is_emboldened, face)),
    }
}

/// In some fonts the glyph that is called phi is the straight letter, which Unicode has as a symbol.
fn told(text: &SmolStr, face: &Face) -> SmolStr {
    let is_straight =
        || face.mathematics && (face.name.starts_with("StandardSym") || face.name.starts_with("Fourier-Math"));
    match text.as_str() {
        "φ" if is_straight() => "ϕ".into(),
        "ϕ" if is_straight() => "φ".into(),
        "\u{2329}" | "\u{3008}" => "⟨".into(),
        "\u{232a}" | "\u{3009}" => "⟩".into(),
        _ => text.clone(),
    }
}

/// Around a glyph's ink, as far as that is known.
pub(super) fn ink(glyph: &Glyph) -> Rect {
    glyph.ink.map_or_else(|| usual(glyph), rect_of)
}

/// Around the ink that such a character usually has.
fn usual(glyph: &Glyph) -> Rect {
    let (x, y, size) = (glyph.origin.x as f32, glyph.origin.y as f32, glyph.size as f32);
    let (above, below) = match glyph.text.chars().next().unwrap_or('x') {
        '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' | '∣' => (0.75, 0.25),
        '+' | '=' | '<' | '>' | '−' | '-' | '±' | '×' => (0.5, 0.0),
        'g' | 'j' | 'p' | 'q' | 'y' => (0.45, 0.2),
        'ˆ' | '˜' | '¯' | '˙' | '¨' | '´' | '`' | 'ˇ' | '˘' | '˚' | '\u{20d7}' => (0.72, -0.48),
        ',' | ';' => (0.1, 0.15),
        '.' => (0.1, 0.0),
        'a' | 'c' | 'e' | 'm'..='o' | 'r' | 's' | 'u'..='x' | 'z' => (0.45, 0.0),
        _ => (0.69, 0.0),
    };
    Rect { left: x, top: y - above * size, right: x + glyph.advance as f32, bottom: y + below * size }
}

/// What a character is set in.
fn letters(c: char, is_emboldened: bool, face: &Face) -> Letters {
    if !c.is_alphanumeric() {
        return Letters::Plain;
    }
    let name: String = face.name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let is_capital = c.is_ascii_uppercase();
    if has(&["msbm", "bbm", "bbold", "dsrom", "doublestroke", "blackboard"])
        && (is_capital || !name.starts_with("msbm"))
    {
        return Letters::Blackboard;
    }
    if has(&["eufm", "eufb", "fraktur"]) {
        return Letters::Fraktur;
    }
    if has(&["rsfs", "script"]) && is_capital {
        return Letters::Script;
    }
    if has(&["cmsy", "lmsy", "cmbsy", "eusm", "txsy", "pxsy", "mtsy", "lmmathsymbols"]) && is_capital {
        return Letters::Calligraphic;
    }
    if has(&["cmmib", "lmmib", "cmbmi"]) || (face.mathematics && face.bold) {
        return if c.is_ascii_digit() { Letters::Bold } else { Letters::BoldItalic };
    }
    // Where italic letters have places of their own, as Unicode has them, the others are upright.
    let has_italics_elsewhere = has(&["math"]) && !has(&["italic", "symbol", "black", "extension"]);
    if face.mathematics {
        let is_upright = has_italics_elsewhere && c.is_ascii_alphabetic() && !face.italic;
        return if is_upright { Letters::Upright } else { Letters::Plain };
    }
    match (face.bold || is_emboldened, face.italic) {
        (true, true) => Letters::BoldItalic,
        (true, false) => Letters::Bold,
        _ if face.monospace => Letters::Monospace,
        _ if name.starts_with("cmss") || name.starts_with("sfss") || name.starts_with("lmsans") => Letters::SansSerif,
        (false, true) => Letters::Plain,
        (false, false) if c.is_ascii_digit() || is_greek(c) => Letters::Plain,
        (false, false) => Letters::Upright,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::pdf::names::by_name;

    #[test]
    fn letters_are_upright_in_faces_of_mathematics_that_have_italics_in_places_of_their_own() {
        let set = |c: char, name: &str| letters(c, false, &by_name(name));
        for name in ["STIXMath-Regular", "LibertinusT1Math", "CambriaMath", "CMR10"] {
            assert_eq!(set('c', name), Letters::Upright, "{name}");
        }
        for name in ["CMMI10", "LMMathItalic10-Regular", "STIXMath-Italic", "EURM10"] {
            assert_eq!(set('c', name), Letters::Plain, "{name}");
        }
        assert_eq!(set('α', "STIXMath-Regular"), Letters::Plain);
        assert_eq!(set('R', "PazoMathBlackboardBold"), Letters::Blackboard);
    }
}
