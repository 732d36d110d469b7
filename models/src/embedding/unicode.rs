//! What BERT's tokenizer asks of a character. The definitions are those of `BertNormalizer` and `BertPreTokenizer` in Hugging Face's
//! `tokenizers`, which `tokenizer.json` names.

use unicode_properties::{GeneralCategory as Category, GeneralCategoryGroup as Group, UnicodeGeneralCategory};

/// Whether a character is taken out before anything else: controls, formats (soft hyphens, marks of direction), private use. Line ends
/// and tabs are spaces and stay, other controls do not even part words.
pub fn is_dropped(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\0' | char::REPLACEMENT_CHARACTER => true,
        ' '..='~' => false,
        _ => matches!(
            c.general_category(),
            Category::Control | Category::Format | Category::PrivateUse | Category::Surrogate
        ),
    }
}

/// Whether a character is a word of its own.
pub fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    c.general_category_group() == Group::Punctuation
}

pub fn is_nonspacing_mark(c: char) -> bool {
    !c.is_ascii() && c.general_category() == Category::NonspacingMark
}

/// Ideographs, which are written without spaces: a word each. The ranges are BERT's own.
pub fn is_ideograph(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}
