//! LaTeX as TeX's scanner cuts it.

/// Commands with their backslash, braces, single characters, and one blank for as many as stand there; comments are left out.
pub(crate) fn tokens(latex: &str) -> Vec<&str> {
    let mut tokens = Vec::with_capacity(latex.len());
    let mut rest = latex;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\\' => command(rest),
            '%' => rest.find('\n').map_or(rest.len(), |end| end + 1),
            c if c.is_whitespace() => rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match c {
            '%' => {}
            c if c.is_whitespace() => tokens.push(" "),
            _ => tokens.push(token),
        }
        rest = after;
    }
    tokens
}

/// Bytes of the command at the beginning: letters, or one other character.
fn command(text: &str) -> usize {
    let letters = text[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
    match letters {
        0 => 1 + text[1..].chars().next().map_or(0, char::len_utf8),
        letters => 1 + letters,
    }
}

/// Whether the token is a command of letters, which must not be followed by one.
pub(super) fn is_word(token: &str) -> bool {
    token.len() > 1 && token.starts_with('\\') && token.ends_with(|c: char| c.is_ascii_alphabetic())
}

/// The argument that begins at `at`, behind blanks: its tokens without their braces, and where what follows it begins. Empty where nothing
/// follows, and up to the end where it is not closed.
pub(super) fn argument<'a, 'b>(tokens: &'a [&'b str], at: usize) -> (&'a [&'b str], usize) {
    let at = at + tokens.iter().skip(at).take_while(|token| **token == " ").count();
    match tokens.get(at) {
        Some(&"{") => {
            let end = closing(tokens, at);
            (tokens.get(at + 1..end).unwrap_or_default(), (end + 1).min(tokens.len()))
        }
        Some(&"}") | None => (&[], at.min(tokens.len())),
        Some(_) => (&tokens[at..=at], at + 1),
    }
}

/// Where the group is closed that is opened at `at`; the end where it is not.
pub(super) fn closing(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match *token {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_cut_as_tex_cuts_it() {
        assert_eq!(
            tokens("\\alpha_{1}  \\\\[2pt] % no\nx\\"),
            ["\\alpha", "_", "{", "1", "}", " ", "\\\\", "[", "2", "p", "t", "]", " ", "x", "\\"]
        );
        assert_eq!(tokens("\\é\\_"), ["\\é", "\\_"]);
    }

    #[test]
    fn an_argument_is_a_group_or_a_token() {
        let all = tokens("\\a {b{c}} d}");
        assert_eq!(argument(&all, 1), (&["b", "{", "c", "}"][..], 8));
        assert_eq!(argument(&all, 8), (&["d"][..], 10));
        assert_eq!(argument(&all, 10), (&[][..], 10));
        assert_eq!(argument(&tokens("{x"), 0).0, ["x"]);
    }
}
