//! Program text by its signs, for pages of which nothing is known of type. Knows nothing of places.

const KEYWORDS: [&str; 46] = [
    "def", "class", "function", "func", "fn", "sub", "proc", "public", "private", "static", "import", "from", "using",
    "package", "var", "let", "const", "return", "print", "printf", "echo", "for", "while", "if", "else", "elif",
    "elsif", "try", "except", "catch", "switch", "case", "struct", "enum", "void", "int", "double", "char", "bool",
    "select", "insert", "pub", "impl", "use", "yield", "#include",
];
/// Signs that prose does not have.
const OPERATORS: [&str; 16] =
    ["==", "!=", "+=", "-=", "*=", "=>", "->", "::", "&&", "||", "();", "()", "<=", ">=", "//", "/*"];

/// How much a row reads like program text: 0, not at all; 1, it may be some; 2, it hardly is anything else.
pub(super) fn likeness(text: &str) -> u32 {
    let text = text.trim();
    let words = text.split_whitespace().count();
    let ends_like_prose = text.ends_with(['.', '?', '!']) && words >= 4;
    if text.is_empty() || ends_like_prose {
        return 0;
    }
    let first = text.split(|c: char| c.is_whitespace() || "([{:;=.,".contains(c)).next().unwrap_or_default();
    let is_keyword = KEYWORDS.contains(&first);
    let closes = text.ends_with([';', '{', '}']) || text.ends_with("):") || text.ends_with(");");
    let opens = is_keyword && text.ends_with(':');
    let has_operator = OPERATORS.iter().any(|operator| text.contains(operator));
    let has_call = follows_name(text, '(');
    let has_index = follows_name(text, '[');
    let signs = [closes && text != "}" || opens, has_operator, has_call, has_index, is_assignment(text)];
    let signs = signs.iter().filter(|has| **has).count() + usize::from(is_keyword);
    match signs {
        0 => 0,
        1 if is_assignment(text) || (is_keyword && words <= 3) || text == "}" => 1,
        1 => u32::from(closes && words <= 6),
        _ => 2,
    }
}

/// Whether a bracket follows a name at once and holds more than the ending of a plural: `f(x, 2)`, not `line(s)`.
fn follows_name(text: &str, bracket: char) -> bool {
    let mut before = None;
    text.char_indices().any(|(at, c)| {
        let is_name = before.replace(c).is_some_and(|before: char| before.is_ascii_alphanumeric() || before == '_');
        let inner = &text[at + c.len_utf8()..];
        let close = if bracket == '(' { ')' } else { ']' };
        c == bracket
            && is_name
            && inner.find(close).is_none_or(|end| end != 1 || inner.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// `name = `, `name[2] =`, `a.b += `.
fn is_assignment(text: &str) -> bool {
    let Some((left, right)) = text.split_once('=') else { return false };
    let left = left.trim_end_matches(['+', '-', '*', '/', '|', '&', ':']).trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.[]".contains(c);
    left.chars().filter(|c| c.is_alphabetic()).count() >= 2
        && left.split_whitespace().count() <= 2
        && left.chars().all(|c| is_name(c) || c == ' ')
        && left.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && !right.starts_with('=')
}

/// Whether rows are program text together.
pub(super) fn is_program<'a>(rows: impl Iterator<Item = &'a str> + Clone) -> bool {
    let count = rows.clone().count() as u32;
    let sum: u32 = rows.clone().map(likeness).sum();
    let has_prose = rows.clone().any(|row| {
        likeness(row) == 0 && row.split_whitespace().count() >= 9 && row.starts_with(|c: char| c.is_uppercase())
    });
    let is_sure =
        rows.clone().any(|row| likeness(row) == 2) || (count > 1 && rows.clone().all(|row| likeness(row) > 0));
    !has_prose && is_sure && sum >= count && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_from_prose_by_their_signs() {
        for (rows, expected) in [
            (&["def tide(x, n=3):", "level = harbour[12] + x", "return level"][..], true),
            (&["for (i = 0; i < n; i++) {", "total += f(i);", "}"], true),
            (&["def tide(x, n=3):"], true),
            (&["int main() {"], true),
            (&["level = harbour [12] + x", "return level"], true),
            (&["x == 0 && y != 1"], false),
            (&["let x = foo(2);"], true),
            (&["The tide rises (see Moreau, 1921)."], false),
            (&["Each estuary describes a harbour [12], and the", "population[40] of the harbour follows."], false),
            (&["if the tide rises, the harbour(s) will be", "open."], false),
            (&["Rate = distance / time"], false),
            (&["from the harbour"], false),
            (&["class struggles"], false),
            (&[""], false),
        ] {
            assert_eq!(is_program(rows.iter().copied()), expected, "{rows:?}");
        }
    }
}
