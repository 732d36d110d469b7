//! LaTeX that a model wrote letter by letter, made whole: what was opened is closed, and what closes nothing is left out.

/// What stands open.
#[derive(Debug, PartialEq)]
enum Open<'a> {
    Brace,
    Left,
    Environment(&'a str),
}

/// Delimiters that models write around a formula.
const AROUND: [(&str, &str); 4] = [("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)"), ("$", "$")];

/// The formula without delimiters around it and with all closed that it opens; and whether something had to be added or left out for that.
pub fn closed(latex: &str) -> (String, bool) {
    let mut latex = trimmed(latex);
    for (before, after) in AROUND {
        let inner = latex.strip_prefix(before).and_then(|inner| inner.strip_suffix(after));
        latex = inner.map_or(latex, trimmed);
    }
    let mut closer = Closer { out: String::with_capacity(latex.len() + 8), open: Vec::new(), changed: false };
    let mut rest = latex;
    while !rest.is_empty() {
        let (token, after) = split(rest);
        rest = match token {
            "\\" => closer.leave_out(after),
            "{" => closer.begin(Open::Brace, token, after),
            "}" => closer.end(&Open::Brace, token, after),
            r"\left" => match delimiter(after) {
                Some((delimiter, after)) => closer.begin(Open::Left, &separated(token, delimiter), after),
                None => closer.leave_out(after),
            },
            r"\right" => match delimiter(after) {
                Some((delimiter, after)) => closer.end(&Open::Left, &separated(token, delimiter), after),
                None => {
                    closer.changed = true;
                    closer.end(&Open::Left, &separated(token, "."), after)
                }
            },
            r"\begin" | r"\end" => match name(after) {
                Some((name, after)) if token == r"\begin" => {
                    closer.begin(Open::Environment(name), &format!(r"\begin{{{name}}}"), after)
                }
                Some((name, after)) => closer.end(&Open::Environment(name), &format!(r"\end{{{name}}}"), after),
                None => closer.leave_out(after),
            },
            _ => {
                closer.out.push_str(token);
                after
            }
        };
    }
    while let Some(open) = closer.open.pop() {
        closer.close(&open);
    }
    (trimmed(&closer.out).to_owned(), closer.changed)
}

struct Closer<'a> {
    out: String,
    open: Vec<Open<'a>>,
    changed: bool,
}

impl<'a> Closer<'a> {
    fn begin(&mut self, what: Open<'a>, text: &str, after: &'a str) -> &'a str {
        self.open.push(what);
        self.out.push_str(text);
        after
    }

    /// Closes what stands open within it as well; nothing where it was never opened.
    fn end(&mut self, what: &Open<'_>, text: &str, after: &'a str) -> &'a str {
        let Some(at) = self.open.iter().rposition(|open| open == what) else {
            return self.leave_out(after);
        };
        for open in self.open.split_off(at).into_iter().skip(1).rev() {
            self.close(&open);
        }
        self.out.push_str(text);
        after
    }

    fn leave_out(&mut self, after: &'a str) -> &'a str {
        self.changed = true;
        // A command does not run into what comes then.
        if self.out.ends_with(|c: char| c.is_ascii_alphabetic()) {
            self.out.push(' ');
        }
        after
    }

    fn close(&mut self, open: &Open<'_>) {
        self.changed = true;
        match open {
            Open::Brace => self.out.push('}'),
            Open::Left => self.out.push_str(r" \right."),
            Open::Environment(name) => self.out.push_str(&format!(r" \end{{{name}}}")),
        }
    }
}

/// Without blanks around it, also escaped ones at its end, of which only the backslash would be left.
fn trimmed(latex: &str) -> &str {
    let mut latex = latex.trim_start();
    loop {
        let end = latex.trim_end();
        let is_escaped =
            end.len() < latex.len() && end.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1;
        if !is_escaped {
            return end;
        }
        latex = &end[..end.len() - 1];
    }
}

/// A command, an escaped character, or one character; and what comes after it.
fn split(text: &str) -> (&str, &str) {
    let mut chars = text.char_indices();
    let Some((_, first)) = chars.next() else { return ("", "") };
    let end = match (first, chars.next()) {
        ('\\', Some((at, c))) if c.is_ascii_alphabetic() => {
            text[at..].find(|c: char| !c.is_ascii_alphabetic()).map_or(text.len(), |length| at + length)
        }
        ('\\', Some((at, c))) => at + c.len_utf8(),
        _ => first.len_utf8(),
    };
    text.split_at(end)
}

/// What stands behind `\left` or `\right`; `None` where that is nothing, or opens or closes something itself.
fn delimiter(text: &str) -> Option<(&str, &str)> {
    let (delimiter, after) = split(text.trim_start());
    let is_none = matches!(delimiter, "" | "\\" | "{" | "}" | r"\left" | r"\right" | r"\begin" | r"\end");
    (!is_none).then_some((delimiter, after))
}

/// A command's letters do not run into those of the next.
fn separated(command: &str, delimiter: &str) -> String {
    let blank = if delimiter.starts_with(|c: char| c.is_ascii_alphabetic()) { " " } else { "" };
    format!("{command}{blank}{delimiter}")
}

/// The name between braces of an environment.
fn name(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.trim_start().strip_prefix('{')?.split_once('}')?;
    let name = name.trim();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '*');
    plain.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_stays_as_it_is() {
        for latex in [
            "",
            r"\frac { a } { b }",
            r"\left\{ x \right.",
            r"\left( a \middle| b \right) \\ \}",
            r"\begin{array}{cc} a & \{ b \end{array}",
            r"a \$ b^{\prime}",
        ] {
            assert_eq!(closed(latex), (latex.to_owned(), false));
        }
        for (latex, inner) in [("$$ x $$", "x"), (r"\[x\]", "x"), (r"\( x \)", "x"), ("$x$", "x")] {
            assert_eq!(closed(latex), (inner.to_owned(), false));
        }
    }

    #[test]
    fn what_is_open_is_closed_and_what_closes_nothing_is_left_out() {
        for (latex, expected) in [
            (r"\frac{a}{b", r"\frac{a}{b}"),
            (r"x}^{2", r"x ^{2}"),
            (r"\alpha}b\ ", r"\alpha b"),
            (r"\left( \frac{a \right)", r"\left( \frac{a }\right)"),
            (r"\left[ a", r"\left[ a \right."),
            (r"a \right)", "a"),
            (r"\left(a\right", r"\left(a\right."),
            (r"\begin{matrix} a & {b", r"\begin{matrix} a & {b} \end{matrix}"),
            (r"a \end{matrix}", "a"),
            (r"a \begin{", r"a {}"),
            (r"\left", ""),
            ("a\\", "a"),
        ] {
            assert_eq!(closed(latex), (expected.to_owned(), true), "{latex}");
        }
    }

    #[test]
    fn whatever_is_written_what_comes_out_is_closed() {
        let parts =
            ["{", "}", r"\left", r"\right", "(", r"\begin{array}", r"\end{array}", r"\begin", "\\", "x", "é", " "];
        let mut state = 5u64;
        for _ in 0..3000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[(state >> 33) as usize % parts.len()]);
            }
            let (whole, _) = closed(&text);
            assert_eq!(closed(&whole), (whole.clone(), false), "{text:?}");
        }
    }
}
