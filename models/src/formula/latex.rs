//! Canonical tokens to LaTeX for people: braces, delimiters that grow, wide accents, lines aligned at their relations.
//!
//! It is `dress` of `models/training/lab/formula/latex.py`.

use super::vocabulary::{Role, Vocabulary};

/// Accents over more than one symbol.
const WIDE: [(&str, &str); 4] =
    [(r"\hat", r"\widehat"), (r"\tilde", r"\widetilde"), (r"\bar", r"\overline"), (r"\vec", r"\overrightarrow")];

const DELIMITERS: [(&str, &str); 6] = [
    ("(", ")"),
    ("[", "]"),
    (r"\{", r"\}"),
    (r"\langle", r"\rangle"),
    (r"\lfloor", r"\rfloor"),
    (r"\lceil", r"\rceil"),
];

/// What delimiters grow around.
const TALL: [&str; 13] = [
    r"\frac",
    r"\begin",
    r"\binom",
    r"\sum",
    r"\prod",
    r"\int",
    r"\bigcup",
    r"\bigcap",
    r"\bigoplus",
    r"\overset",
    r"\underset",
    r"\overbrace",
    r"\underbrace",
];

/// The commands and characters of LaTeX, blanks left out.
pub(super) fn pieces(latex: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut rest = latex.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let length = match first {
            '\\' if letters > 0 => letters,
            '\\' => after.chars().next().map_or(0, char::len_utf8),
            _ => 0,
        };
        pieces.push(rest[..first.len_utf8() + length].to_owned());
        rest = after[length..].trim_start();
    }
    pieces
}

/// LaTeX of tokens that the grammar accepts.
pub fn latex(tokens: &[usize], vocabulary: &Vocabulary) -> String {
    let mut dresser = Dresser { tokens, at: 0, vocabulary };
    let parts = dresser.parts(|_| false);
    delimited(parts)
}

struct Dresser<'a> {
    tokens: &'a [usize],
    at: usize,
    vocabulary: &'a Vocabulary,
}

impl<'a> Dresser<'a> {
    fn peek(&self) -> Option<Role> {
        self.tokens.get(self.at).map(|&token| self.vocabulary.role(token))
    }

    fn next(&mut self) -> &'a str {
        self.at += 1;
        self.tokens.get(self.at - 1).map_or("", |&token| self.vocabulary.token(token))
    }

    /// An argument without its braces, and of how many parts it is.
    fn argument(&mut self) -> (String, usize) {
        if self.peek() != Some(Role::Open) {
            return (self.next().to_owned(), 1);
        }
        self.at += 1;
        let parts = self.parts(|role| role == Role::Close);
        self.at += 1;
        let count = parts.len();
        (delimited(parts), count)
    }

    /// Each atom with its scripts, up to one of `ends`.
    fn parts(&mut self, ends: impl Fn(Role) -> bool) -> Vec<String> {
        let mut parts: Vec<String> = Vec::new();
        while let Some(role) = self.peek().filter(|&role| !ends(role)) {
            let token = self.next();
            let part = match role {
                Role::Subscript | Role::Superscript => {
                    let script = format!("{token}{{{}}}", self.argument().0);
                    match parts.last_mut() {
                        Some(last) => last.push_str(&script),
                        None => parts.push(script),
                    }
                    continue;
                }
                Role::Open => {
                    self.at += 1;
                    "{}".to_owned()
                }
                Role::Upright => {
                    format!(r"\mathrm{{{}}}", self.word())
                }
                Role::Font => {
                    let symbol = self.next();
                    let font = if symbol.starts_with('\\') { r"\boldsymbol" } else { token };
                    format!("{font}{{{symbol}}}")
                }
                Role::Not => format!(r"\not{}", self.next()),
                Role::One | Role::Tag => {
                    let (text, count) = self.argument();
                    let wide = WIDE.iter().find(|(narrow, _)| *narrow == token && count > 1);
                    format!("{}{{{text}}}", wide.map_or(token, |(_, wide)| wide))
                }
                Role::Two => {
                    let (first, second) = (self.argument().0, self.argument().0);
                    match token {
                        r"\root" => format!(r"\sqrt[{first}]{{{second}}}"),
                        _ => format!("{token}{{{first}}}{{{second}}}"),
                    }
                }
                Role::BeginMatrix | Role::BeginLines => self.rows(token, role == Role::BeginLines),
                _ => token.to_owned(),
            };
            parts.push(part);
        }
        parts
    }

    /// The letters of an upright word.
    fn word(&mut self) -> String {
        if self.peek() != Some(Role::Open) {
            return self.next().to_owned();
        }
        self.at += 1;
        let mut word = String::new();
        while self.peek().is_some_and(|role| role != Role::Close) {
            word.push_str(self.next());
        }
        self.at += 1;
        word
    }

    fn rows(&mut self, begin: &str, aligned: bool) -> String {
        let mut text = begin.to_owned();
        loop {
            let is_end = |role| matches!(role, Role::Cell | Role::Row | Role::EndMatrix | Role::EndLines);
            let mut cell = self.parts(is_end);
            if aligned && let Some(at) = cell.iter().position(|part| self.vocabulary.is_relation(part)) {
                cell.insert(at, "&".to_owned());
            }
            text.push(' ');
            text.push_str(&delimited(cell));
            let role = self.peek();
            text.push(' ');
            text.push_str(self.next());
            if !matches!(role, Some(Role::Cell | Role::Row)) {
                return text;
            }
        }
    }
}

/// The parts as one text, with delimiters that grow around what is tall.
fn delimited(mut parts: Vec<String>) -> String {
    let mut open: Vec<(usize, &str)> = Vec::new();
    for index in 0..parts.len() {
        if let Some((_, closer)) = DELIMITERS.iter().find(|(opener, _)| parts[index] == *opener) {
            open.push((index, closer));
            continue;
        }
        let closes = |closer: &str| {
            parts[index].strip_prefix(closer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '^']))
        };
        let Some(at) = open.iter().rposition(|(_, closer)| closes(closer)) else { continue };
        let opener = open[at].0;
        open.truncate(at);
        let inside = &parts[opener + 1..index];
        if inside.iter().any(|part| part.contains(r"\left") || TALL.iter().any(|tall| part.contains(tall))) {
            parts[opener].insert_str(0, r"\left");
            parts[index].insert_str(0, r"\right");
        }
    }
    for (opener, _) in open {
        if parts[opener] == r"\{" && parts.get(opener + 1).is_some_and(|next| next.starts_with(r"\begin{matrix}")) {
            parts[opener].insert_str(0, r"\left");
            parts[opener + 1].push_str(r"\right.");
        }
    }
    parts.join(" ")
}

/// The same with blanks only where they help to read it, or part a command from a letter: `f(x_{i}) = 0.5`.
pub(super) fn compact(latex: &str) -> String {
    let mut out = String::with_capacity(latex.len());
    let mut before = "";
    for token in latex.split(' ').filter(|token| !token.is_empty()) {
        let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let opens = |text: &str| text.ends_with(['(', '[', '{', '^', '_']) && !text.ends_with(r"\{");
        let closes = |text: &str| text.starts_with([')', ']', ',', ';', '}', '^', '_', '\'', '.', '!']);
        let is_letter = |text: &str| {
            let mut chars = text.chars();
            chars.next().is_some_and(char::is_alphabetic)
                && chars.as_str().chars().all(|c| "_^{}".contains(c) || c.is_alphanumeric())
        };
        let is_joined = out.is_empty()
            || opens(before)
            || closes(token)
            || token == "(" && (is_letter(before) || before.ends_with('}'))
            || is_number(before) && (is_number(token) || is_letter(token))
            || before.ends_with('.') && before.len() > 1 && is_number(before) && is_number(token);
        // A command takes the letters behind it for its own.
        let is_swallowed = before.starts_with('\\')
            && before[1..].chars().all(|c| c.is_ascii_alphabetic())
            && token.starts_with(|c: char| c.is_ascii_alphabetic());
        if !out.is_empty() && (!is_joined || is_swallowed) {
            out.push(' ');
        }
        out.push_str(token);
        before = token;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_stay_where_they_help_and_where_they_part() {
        for (spaced, compacted) in [
            ("B = 0 . 0 0 7 2", "B = 0.0072"),
            (r"f ( x , b ) = x \exp \left( - 2 a \right)", r"f(x, b) = x \exp \left(- 2a \right)"),
            (r"\alpha x \leq \frac{1}{2 \pi} y", r"\alpha x \leq \frac{1}{2 \pi} y"),
            (r"\{ a , b \}", r"\{ a, b \}"),
        ] {
            assert_eq!(compact(spaced), compacted);
        }
    }
}
