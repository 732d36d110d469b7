//! Which scripts have no spaces between their words: the one place that knows them.

use unicode_normalization::char::is_combining_mark;

/// Han, kana, bopomofo, Thai, Lao, Khmer, Burmese; but not their marks and digits, which belong to what is beside them.
pub(crate) fn has_no_spaces(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{30ff}' | '\u{3105}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9d}' | '\u{20000}'..='\u{3fffd}'
        | '\u{e01}'..='\u{e30}' | '\u{e32}'..='\u{e33}' | '\u{e40}'..='\u{e46}' | '\u{e81}'..='\u{eb0}' | '\u{ec0}'..='\u{ec4}'
        | '\u{1000}'..='\u{102a}' | '\u{1780}'..='\u{17b3}')
        && !is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_without_spaces_are_told_from_others() {
        assert!("海かカ海ๆກကក".chars().all(has_no_spaces));
        assert!(!"aé한ไทย๑\u{e31}、 1".chars().filter(|c| !"ไทย".contains(*c)).any(has_no_spaces));
    }
}
