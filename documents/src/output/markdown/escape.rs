//! Text that Markdown reads as it is: with a backslash before everything that CommonMark, GitHub's extensions or a formula between dollars
//! would make something else of, and before nothing that they would not.

/// What stands around a character, as far as it matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) before: Option<char>,
    /// `None` at the end of the text.
    pub(super) after: Option<char>,
    /// Whether something of Markdown's own follows at once: the beginning of a link or footnote reference, or any other mark.
    pub(super) opens_bracket: bool,
    pub(super) is_at_mark: bool,
    /// Within the text of a link or image.
    pub(super) is_in_link: bool,
    /// Whether code follows with a dollar in it, which would end what a dollar begins.
    pub(super) is_dollar_unsafe: bool,
    /// Right behind a footnote's reference.
    pub(super) is_after_note: bool,
}

/// Adds a character. `rest` is what follows it in the text.
pub(super) fn push(out: &mut String, c: char, rest: &str, around: Around) {
    let Around { before, after, .. } = around;
    let is_blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let is_escaped = match c {
        '`' => true,
        // Ends no emphasis and begins none between blanks, and begins no list there unless the line does.
        '*' => around.is_at_mark || before != Some(' ') || after != Some(' '),
        '_' => {
            let is_within = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            around.is_at_mark || !is_within(before) || !is_within(after)
        }
        // What can end nothing that began before.
        '~' => !is_blank(before) || around.is_at_mark,
        '$' => !is_blank(before) || around.is_at_mark || around.is_dollar_unsafe,
        '\\' => after.is_none_or(|c| c.is_ascii_punctuation() || c == '\n') || around.is_at_mark,
        '<' => after.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) || around.is_at_mark,
        '&' => is_entity(rest),
        '!' => after == Some('[') || around.opens_bracket,
        '[' => around.is_in_link || around.is_after_note || matches!(after, Some('^' | '!')),
        ']' => around.is_in_link || matches!(after, Some('(' | '[' | ':')) || around.opens_bracket,
        '(' | ':' => around.is_after_note,
        _ => false,
    };
    if is_escaped {
        out.push('\\');
    }
    out.push(match c {
        '\t' | '\u{b}' | '\u{c}' | '\r' => ' ',
        c if c.is_control() && c != '\n' => char::REPLACEMENT_CHARACTER,
        c => c,
    });
}

/// Whether what follows an ampersand makes a character reference of it.
pub(super) fn is_entity(rest: &str) -> bool {
    let name = rest.strip_prefix('#').unwrap_or(rest);
    let letters = name.bytes().take(32).take_while(u8::is_ascii_alphanumeric).count();
    letters > 0 && name.as_bytes().get(letters) == Some(&b';')
}

/// The line with a backslash where its beginning would make it something else than a line of a paragraph: a heading, a quotation, an item of a
/// list, a rule, an underline, a part of a table, a definition.
pub(super) fn line(line: &str) -> String {
    let line = line.trim_matches([' ', '\t']);
    let is_ended = |rest: &str| rest.is_empty() || rest.starts_with([' ', '\t']);
    let only = |allowed: &[char]| line.chars().all(|c| allowed.contains(&c));
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let at = match line.chars().next() {
        Some('#') => {
            let rest = line.trim_start_matches('#');
            (line.len() - rest.len() <= 6 && is_ended(rest)).then_some(0)
        }
        Some('>') => Some(0),
        Some('*') if is_ended(&line[1..]) => Some(0),
        Some('-' | '+' | ':') if is_ended(&line[1..]) || only(&['-', ' ', '|', ':', '+']) => Some(0),
        Some('|') if only(&['-', ' ', '|', ':']) => Some(0),
        Some('=') if only(&['=', ' ']) => Some(0),
        Some('0'..='9') if digits <= 9 && line[digits..].starts_with(['.', ')']) && is_ended(&line[digits + 1..]) => {
            Some(digits)
        }
        _ => None,
    };
    match at {
        Some(at) => format!("{}\\{}", &line[..at], &line[at..]),
        None => line.to_owned(),
    }
}
