//! What signs of mathematics are in plain characters, and how they stand to what is beside them.

/// How a sign stands to what is beside it (TeX's classes, The TeXbook, chapter 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Ordinary,
    /// A name of several letters: a function, a word.
    Word,
    /// A sum, an integral, or anything with limits.
    Large,
    /// A fraction, which what stands beside it must not become part of.
    Fraction,
    Binary,
    Relation,
    Open,
    Close,
    Punctuation,
    Blank,
}

pub(super) fn class(sign: char) -> Class {
    match sign {
        '+'
        | '-'
        | '−'
        | '±'
        | '∓'
        | '×'
        | '÷'
        | '∪'
        | '∩'
        | '∖'
        | '∧'
        | '∨'
        | '⋅'
        | '*'
        | '⊎'
        | '⊓'
        | '⊔'
        | '⊕'..='⊡'
        | '⋆'
        | '∸'
        | '∔' => Class::Binary,
        '='
        | '<'
        | '>'
        | '≔'
        | '≕'
        | ':'
        | '∝'
        | '∣'
        | '∤'
        | '∥'
        | '∦'
        | '∼'
        | '⟂'
        | '≀'..='⊍'
        | '⊏'..='⊒'
        | '⊢'
        | '⊣'
        | '⊥'..='⋁'
        | '⋈'..='⋍'
        | '⋐'..='⋭'
        | '∈'..='∍'
        | '←'..='⇿'
        | '⟵'..='⟿'
        | '⩴'
        | '⩽'..='⪼'
        | '∷' => Class::Relation,
        '(' | '[' | '{' | '⟨' | '⌈' | '⌊' | '⟦' | '⟮' => Class::Open,
        ')' | ']' | '}' | '⟩' | '⌉' | '⌋' | '⟧' | '⟯' | '!' => Class::Close,
        ',' | ';' => Class::Punctuation,
        '∑' | '∏' | '∐' | '∫'..='∳' | '⋀'..='⋃' | '⨀'..='⨙' => Class::Large,
        _ => Class::Ordinary,
    }
}

/// Whether it is the sign of a sum, a product or an integral.
pub(crate) fn is_large(sign: &str) -> bool {
    sign.chars().next().is_some_and(|c| class(c) == Class::Large)
}

/// Whether what stands behind it belongs to no sum that stands before it: a sign of relation, a sign of addition, a comma.
pub(crate) fn ends_operand(sign: &str) -> bool {
    let ends = |c: char| {
        matches!(class(c), Class::Relation | Class::Punctuation) && !matches!(c, '∣' | '∥')
            || matches!(c, '+' | '-' | '−' | '±' | '∓')
    };
    sign.chars().next().is_some_and(ends)
}

/// Whether something is to stand on both sides of it, or at least behind it: a sign of relation or of an operation.
pub(crate) fn is_operator(sign: &str) -> bool {
    sign.chars().next().is_some_and(|c| matches!(class(c), Class::Relation | Class::Binary))
}

/// Whether something has to stand on both sides of it: a sign of relation.
pub(crate) fn is_between(sign: &str) -> bool {
    sign.chars().next().is_some_and(|c| class(c) == Class::Relation && !matches!(c, '∣' | '∥' | ':'))
}

/// The letter that a letter of a mathematical alphabet is; double-struck ones are names and stay.
pub(super) fn plain_letter(c: char) -> char {
    const GREEK: &str = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡϴΣΤΥΦΧΨΩ∇αβγδεζηθικλμνξοπρςστυφχψω∂ϵϑϰϕϱϖ";
    let code = u32::from(c);
    let of = |from: u32, letters: &str| {
        let count = letters.chars().count() as u32;
        letters.chars().nth(((code - from) % count) as usize).unwrap_or(c)
    };
    match code {
        // Double-struck.
        0x1d538..=0x1d56b | 0x1d7d8..=0x1d7e1 => c,
        0x1d400..=0x1d6a3 => of(0x1d400, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
        0x1d6a4 => 'ı',
        0x1d6a5 => 'ȷ',
        0x1d6a8..=0x1d7c9 => of(0x1d6a8, GREEK),
        0x1d7ca => 'Ϝ',
        0x1d7cb => 'ϝ',
        0x1d7ce..=0x1d7ff => of(0x1d7ce, "0123456789"),
        _ => match c {
            '∗' => '*',
            'ℎ' => 'h',
            'ℬ' => 'B',
            'ℰ' | 'ℯ' => {
                if c == 'ℯ' {
                    'e'
                } else {
                    'E'
                }
            }
            'ℱ' => 'F',
            'ℋ' | 'ℌ' => 'H',
            'ℐ' => 'I',
            'ℒ' => 'L',
            'ℳ' => 'M',
            'ℛ' => 'R',
            'ℭ' => 'C',
            'ℨ' => 'Z',
            'ℊ' => 'g',
            'ℴ' => 'o',
            c => c,
        },
    }
}

/// The character as one that stands above the line, where every font has it.
pub(crate) fn superscript(c: char) -> Option<char> {
    Some(match c {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4'..='9' => char::from_u32(u32::from(c) - u32::from('4') + u32::from('⁴'))?,
        '+' => '⁺',
        '−' | '-' => '⁻',
        '(' => '⁽',
        ')' => '⁾',
        'n' => 'ⁿ',
        _ => return None,
    })
}

/// The same below the line.
pub(crate) fn subscript(c: char) -> Option<char> {
    Some(match c {
        '0'..='9' => char::from_u32(u32::from(c) - u32::from('0') + u32::from('₀'))?,
        '+' => '₊',
        '−' | '-' => '₋',
        _ => return None,
    })
}

/// The combining character for what stands over a letter.
pub(super) fn accent_above(accent: &str) -> Option<char> {
    Some(match accent.chars().next()? {
        '^' | 'ˆ' | '\u{302}' => '\u{302}',
        '~' | '˜' | '∼' | '\u{303}' => '\u{303}',
        '¯' | 'ˉ' | '\u{304}' => '\u{304}',
        '‾' | '_' | '―' | '\u{305}' | '\u{332}' => '\u{305}',
        '→' | '⃗' => '\u{20d7}',
        '←' => '\u{20d6}',
        '˙' | '.' | '\u{307}' => '\u{307}',
        '¨' | '\u{308}' => '\u{308}',
        '⃛' => '\u{20db}',
        'ˇ' | '\u{30c}' => '\u{30c}',
        '´' | '\u{301}' => '\u{301}',
        '`' | '\u{300}' => '\u{300}',
        '˘' | '\u{306}' => '\u{306}',
        '˚' | '\u{30a}' => '\u{30a}',
        _ => return None,
    })
}

/// Braces and brackets that lie over or under what they group.
pub(super) fn is_grouping(accent: &str) -> bool {
    matches!(accent.chars().next(), Some('⏞' | '⏟' | '⏜' | '⏝' | '⎴' | '⎵' | '⏠' | '⏡'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_mathematical_alphabets_are_letters() {
        let plain = |text: &str| text.chars().map(plain_letter).collect::<String>();
        assert_eq!(plain("𝐱𝑦𝒩ℒ𝔤𝛼𝚪𝝏𝟎𝟗ı"), "xyNLgαΓ∂09ı");
        assert_eq!(plain("ℝ𝔼ℓℜ∂"), "ℝ𝔼ℓℜ∂");
    }

    #[test]
    fn digits_have_places_above_and_below() {
        let all = |map: fn(char) -> Option<char>, text: &str| text.chars().map(map).collect::<Option<String>>();
        assert_eq!(all(superscript, "-0123456789n").as_deref(), Some("⁻⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ"));
        assert_eq!(all(subscript, "0123456789").as_deref(), Some("₀₁₂₃₄₅₆₇₈₉"));
        assert_eq!((superscript('k'), subscript('i')), (None, None));
    }
}
