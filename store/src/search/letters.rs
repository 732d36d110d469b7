//! One character of a page as search sees it.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::script::has_no_spaces;

/// What a character is to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Part of a word.
    Letter,
    /// As [`Kind::Letter`], raised or lowered: an index, a footnote's mark, a unit's power.
    Script,
    /// A word by itself, of a script that puts no spaces between words.
    Alone,
    /// Not there: a soft hyphen, or a character without width.
    Nothing,
    /// Between words.
    Between,
}

pub fn kind(c: char) -> Kind {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Kind::Letter } else { Kind::Between };
    }
    match c {
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' => Kind::Nothing,
        '²' | '³' | '¹' | '\u{2070}'..='\u{209c}' | '\u{2b0}'..='\u{2b8}' | '\u{1d2c}'..='\u{1d6a}' => Kind::Script,
        // Their compatibility forms are letters that nobody means.
        '©' | '®' | '™' | '℠' | '\u{2bc}' | '\u{fffd}' => Kind::Between,
        // Of Korean the spaces part phrases, with particles at the words.
        '\u{ac00}'..='\u{d7a3}' => Kind::Alone,
        _ if has_no_spaces(c) => Kind::Alone,
        _ if c.is_alphanumeric() || is_combining_mark(c) => Kind::Letter,
        // Ligatures, fractions and the like are letters once they are taken apart.
        _ if std::iter::once(c).nfkd().any(char::is_alphanumeric) => Kind::Letter,
        _ => Kind::Between,
    }
}

/// Appends the character without case, diacritics and compatibility forms.
pub fn fold_into(c: char, word: &mut String) {
    if c.is_ascii() {
        word.push(c.to_ascii_lowercase());
        return;
    }
    // A mark that came as a character of its own has its base before it.
    let mut base = word.chars().next_back().unwrap_or(' ');
    let parts = std::iter::once(c).nfkd().filter(move |&part| {
        if !is_combining_mark(part) {
            base = part;
            return true;
        }
        !is_dropped(part, base)
    });
    for part in parts.nfc().flat_map(char::to_lowercase) {
        match plain(part) {
            Some(plain) => word.push_str(plain),
            None if part == 'ς' => word.push('σ'),
            // What `to_lowercase` makes of the Turkish capital.
            None if part == '\u{307}' => {}
            None if part.is_alphanumeric() || is_combining_mark(part) => word.push(part),
            // The bar of a fraction.
            None => {}
        }
    }
    if is_mark(c) {
        *word = word.nfc().collect();
    }
}

/// Whether a character belongs to the one before it, whatever that is.
pub fn is_mark(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{ff9e}' | '\u{ff9f}')
}

/// Whether a mark is decoration. Those of Indic scripts are vowels, those of kana make another sound, and the breve makes another
/// letter of the Cyrillic i; those of Hebrew and Arabic are left away by most who write.
fn is_dropped(mark: char, base: char) -> bool {
    match base {
        '\u{400}'..='\u{52f}' => {
            matches!(mark, '\u{300}' | '\u{301}') || (mark == '\u{308}' && matches!(base, 'е' | 'Е'))
        }
        _ => matches!(mark,
            '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
            | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'),
    }
}

/// The Latin letters that Unicode does not take apart, by their names: WITH STROKE, HOOK, BAR, TAIL, CURL and so on.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2bc}' => "",
        'ß' => "ss",
        'æ' | 'ǽ' | 'ǣ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ĳ' => "ij",
        'ⱥ' | 'ᶏ' => "a",
        'ƀ' | 'ɓ' | 'ƃ' | 'ᵬ' | 'ᶀ' => "b",
        'ƈ' | 'ȼ' | 'ɕ' => "c",
        'đ' | 'ð' | 'ɖ' | 'ɗ' | 'ƌ' | 'ȡ' | 'ᵭ' | 'ᶁ' => "d",
        'ɇ' | 'ᶒ' => "e",
        'ƒ' | 'ᵮ' | 'ᶂ' => "f",
        'ǥ' | 'ɠ' | 'ᶃ' => "g",
        'ħ' | 'ɦ' | 'ⱨ' => "h",
        'ı' | 'ɨ' | 'ᶖ' => "i",
        'ȷ' | 'ɉ' | 'ɟ' | 'ʝ' => "j",
        'ƙ' | 'ⱪ' | 'ĸ' | 'ᶄ' => "k",
        'ł' | 'ƚ' | 'ɫ' | 'ɬ' | 'ɭ' | 'ⱡ' | 'ȴ' => "l",
        'ɱ' | 'ᵯ' => "m",
        'ŋ' | 'ɲ' | 'ƞ' | 'ɳ' | 'ȵ' | 'ᵰ' => "n",
        'ø' | 'ɵ' | 'ǿ' => "o",
        'ƥ' | 'ᵽ' | 'ᵱ' => "p",
        'ɋ' | 'ʠ' => "q",
        'ɍ' | 'ɼ' | 'ɽ' | 'ɾ' | 'ᵲ' => "r",
        'ȿ' | 'ʂ' | 'ᵴ' => "s",
        'ŧ' | 'ƫ' | 'ƭ' | 'ʈ' | 'ⱦ' | 'ȶ' | 'ᵵ' => "t",
        'ʉ' | 'ᵾ' => "u",
        'ʋ' | 'ⱱ' | 'ⱴ' => "v",
        'ⱳ' => "w",
        'ƴ' | 'ɏ' => "y",
        'ƶ' | 'ȥ' | 'ɀ' | 'ʐ' | 'ʑ' | 'ⱬ' | 'ᵶ' => "z",
        _ => return None,
    })
}
