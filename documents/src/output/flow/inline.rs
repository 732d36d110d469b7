//! Text in which parts stand out, as every document format wants it: pieces within each other that never cross.

use std::borrow::Cow;

use crate::blocks::{Mark, MarkKind};

/// Text and what stands out in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::output) struct Inline {
    pub(in crate::output) text: String,
    /// Whatever order they are in.
    pub(in crate::output) spans: Vec<Span>,
}

/// Bytes of a text, from `start` to before `end`, both between characters.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::output) struct Span {
    pub(in crate::output) start: usize,
    pub(in crate::output) end: usize,
    pub(in crate::output) what: What,
}

/// What is the matter with a part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::output) enum What {
    /// Leads to a URI that is safe to follow ([`safe_target`]), or to `#page=N`.
    Link(String),
    Bold,
    Italic,
    Monospace,
    SmallCapitals,
    Superscript,
    Subscript,
    /// Stands for the footnote of this number.
    Note(u32),
    /// A formula, in LaTeX, which the text of the span says in plain characters. Nothing lies within it.
    Formula(String),
    /// A page begins here; the span is empty.
    Page(u32),
}

/// A step through an [`Inline`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::output) enum Piece<'a> {
    Open(&'a What),
    /// Of what was opened last and is not closed yet.
    Close(&'a What),
    /// Never empty; its place in the whole text is given for what stands around it.
    Text {
        start: usize,
        text: &'a str,
    },
    /// A formula in LaTeX, and what the text has in its place.
    Formula {
        start: usize,
        text: &'a str,
        latex: &'a str,
    },
}

impl Inline {
    pub(in crate::output) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), spans: Vec::new() }
    }

    /// A block's text with its marks, which count in characters; a record that was written by others may say anything.
    pub(in crate::output) fn marked(text: &str, marks: &[Mark]) -> Self {
        let mut inline = Self::plain(text);
        if marks.is_empty() {
            return inline;
        }
        let place = places(text);
        for mark in marks {
            let (start, end) = (place(mark.start), place(mark.end));
            let what = match mark.kind {
                MarkKind::Link => match mark.target.as_deref().and_then(safe_target) {
                    Some(target) => What::Link(target.into_owned()),
                    None => continue,
                },
                MarkKind::Bold => What::Bold,
                MarkKind::Italic => What::Italic,
                MarkKind::Monospace => What::Monospace,
                MarkKind::SmallCapitals => What::SmallCapitals,
                // Which footnote it stands for is found by whoever sees the page.
                MarkKind::Superscript | MarkKind::NoteReference => What::Superscript,
                MarkKind::Subscript => What::Subscript,
                MarkKind::Formula => match mark.latex.as_deref().map(str::trim) {
                    Some(latex) if !latex.is_empty() => What::Formula(latex.to_owned()),
                    _ => continue,
                },
            };
            // Blanks at its edges stand out from nothing, and some formats cannot mark them.
            let Some(part) = text.get(start..end) else { continue };
            let (start, end) = (end - part.trim_start().len(), start + part.trim_end().len());
            if start < end {
                inline.spans.push(Span { start, end, what });
            }
        }
        inline
    }

    /// All of it in bold.
    pub(in crate::output) fn embolden(&mut self) {
        self.spans.push(Span { start: 0, end: self.text.len(), what: What::Bold });
    }

    pub(in crate::output) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Puts another behind it, with `between` in between.
    pub(in crate::output) fn append(&mut self, between: &str, other: Self) {
        self.text.push_str(between);
        let by = self.text.len();
        self.text.push_str(&other.text);
        self.spans.extend(other.spans.into_iter().map(|span| Span {
            start: span.start + by,
            end: span.end + by,
            ..span
        }));
    }

    /// From its beginning to its end. Spans that cross are cut where the outer one ends, and where a formula begins or ends; neighbours of
    /// one kind are one.
    pub(in crate::output) fn pieces(&self) -> Vec<Piece<'_>> {
        let spans = self.spans_around_formulas();
        let mut pieces = Vec::with_capacity(4 * spans.len() + 1);
        // What is open, and where it ends.
        let mut open: Vec<(&What, usize)> = Vec::new();
        let mut at = 0;
        for (start, end, what) in spans {
            self.close_until(start, &mut at, &mut open, &mut pieces);
            self.text_until(start, &mut at, &mut pieces);
            if let What::Formula(latex) = what {
                if let Some(text) = self.text.get(start..end) {
                    pieces.push(Piece::Formula { start, text, latex });
                    at = end;
                }
                continue;
            }
            let is_empty = start == end;
            let end = open.last().map_or(end, |&(_, outer)| end.min(outer));
            // A link in a link leads nowhere of its own.
            let is_within =
                |(open, _): &(&What, usize)| *open == what || matches!((open, what), (What::Link(_), What::Link(_)));
            if open.iter().any(is_within) || (end <= at && !is_empty) {
                continue;
            }
            match pieces.last() {
                Some(&Piece::Close(before)) if before == what && !is_empty => drop(pieces.pop()),
                _ => pieces.push(Piece::Open(what)),
            }
            open.push((what, end));
        }
        self.close_until(usize::MAX, &mut at, &mut open, &mut pieces);
        self.text_until(self.text.len(), &mut at, &mut pieces);
        pieces
    }

    /// Outer spans before inner ones. What begins or ends within a formula does so behind or before it, and of formulas that overlap there is
    /// the first.
    fn spans_around_formulas(&self) -> Vec<(usize, usize, &What)> {
        let mut spans: Vec<(usize, usize, &What)> =
            self.spans.iter().map(|span| (span.start, span.end, &span.what)).collect();
        let is_formula = |what: &What| matches!(what, What::Formula(_));
        let order = |&(start, end, what): &(usize, usize, &What)| (start, is_formula(what), std::cmp::Reverse(end));
        spans.sort_by_key(order);
        let mut formulas: Vec<(usize, usize)> = Vec::new();
        spans.retain(|&(start, end, what)| {
            let is_first = is_formula(what) && formulas.last().is_none_or(|&(_, last)| start >= last);
            if is_first {
                formulas.push((start, end));
            }
            is_first || !is_formula(what)
        });
        if formulas.is_empty() {
            return spans;
        }
        // The one that has this place within it.
        let around = |place: usize| {
            let at = formulas.partition_point(|&(_, end)| end <= place);
            formulas.get(at).filter(|&&(start, _)| start < place)
        };
        spans.retain_mut(|(start, end, what)| {
            if is_formula(what) {
                return true;
            }
            let is_empty = start == end;
            match (around(*start), around(*end)) {
                (Some(&(before, _)), _) if is_empty => (*start, *end) = (before, before),
                (first, last) => {
                    *start = first.map_or(*start, |&(_, behind)| behind);
                    *end = last.map_or(*end, |&(before, _)| before);
                }
            }
            *start < *end || is_empty
        });
        spans.sort_by_key(order);
        spans
    }

    fn close_until<'a>(
        &'a self,
        until: usize,
        at: &mut usize,
        open: &mut Vec<(&'a What, usize)>,
        pieces: &mut Vec<Piece<'a>>,
    ) {
        while let Some(&(what, end)) = open.last().filter(|&&(_, end)| end <= until) {
            self.text_until(end, at, pieces);
            pieces.push(Piece::Close(what));
            open.pop();
        }
    }

    fn text_until<'a>(&'a self, end: usize, at: &mut usize, pieces: &mut Vec<Piece<'a>>) {
        if let Some(text) = self.text.get(*at..end).filter(|text| !text.is_empty()) {
            pieces.push(Piece::Text { start: *at, text });
            *at = end;
        }
    }
}

/// From a place in characters to one in bytes.
fn places(text: &str) -> impl Fn(u32) -> usize {
    let starts: Vec<usize> = match text.is_ascii() {
        true => Vec::new(),
        false => text.char_indices().map(|(at, _)| at).collect(),
    };
    let length = text.len();
    move |character| match starts.get(character as usize) {
        Some(&at) => at,
        None if starts.is_empty() => (character as usize).min(length),
        None => length,
    }
}

/// Where a link may lead from a file that somebody else reads: to the web, to a mailbox, to a page of the document, to a place beside it.
/// Scripts and data are not followed, nor is what has blanks or control characters in it.
pub(in crate::output) fn safe_target(target: &str) -> Option<Cow<'_, str>> {
    const SCHEMES: [&str; 8] = ["http", "https", "mailto", "ftp", "ftps", "tel", "doi", "urn"];
    let target = target.trim();
    if target.is_empty() || target.chars().any(|c| c.is_control()) {
        return None;
    }
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    // A colon behind a slash begins no address.
    let is_known = scheme
        .filter(|scheme| !scheme.contains(['/', '?', '#']))
        .is_none_or(|scheme| SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    if !is_known {
        return None;
    }
    match target.chars().any(|c| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}'))
    {
        false => Some(Cow::Borrowed(target)),
        true => Some(Cow::Owned(percent_encoded(target))),
    }
}

fn percent_encoded(target: &str) -> String {
    let mut out = String::with_capacity(target.len() + 8);
    for c in target.chars() {
        match c {
            c if c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}') => {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes).bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}")));
            }
            c => out.push(c),
        }
    }
    out
}

/// The page that a link leads to within its document.
pub(in crate::output) fn page_of(target: &str) -> Option<u32> {
    target.strip_prefix("#page=")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(start: u32, end: u32, kind: MarkKind) -> Mark {
        let target = (kind == MarkKind::Link).then(|| "https://a.b".to_owned());
        Mark { target, ..Mark::new(kind, start..end) }
    }

    fn told(inline: &Inline) -> String {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Open(what) => format!("<{}>", format!("{what:?}").chars().next().unwrap()),
            Piece::Close(_) => "/".to_owned(),
            Piece::Text { text, .. } => (*text).to_owned(),
            Piece::Formula { text, latex, .. } => format!("{{{latex}:{text}}}"),
        };
        inline.pieces().iter().map(piece).collect()
    }

    #[test]
    fn pieces_lie_within_each_other_whatever_the_marks_say() {
        use MarkKind::{Bold, Italic, Link};
        for (marks, expected) in [
            (vec![], "näive text"),
            (vec![mark(0, 5, Bold)], "<B>näive/ text"),
            (vec![mark(2, 4, Italic), mark(0, 5, Bold)], "<B>nä<I>iv/e/ text"),
            (vec![mark(0, 5, Bold), mark(3, 8, Italic)], "<B>näi<I>ve// text"),
            (vec![mark(0, 3, Bold), mark(3, 5, Bold)], "<B>näive/ text"),
            (vec![mark(0, 3, Bold), mark(1, 2, Bold)], "<B>näi/ve text"),
            (vec![mark(6, 900, Link), mark(9, 9, Bold), mark(8, 3, Bold), mark(99, 120, Bold)], "näive <L>text/"),
        ] {
            assert_eq!(told(&Inline::marked("näive text", &marks)), expected, "{marks:?}");
        }
    }

    #[test]
    fn formulas_have_nothing_within_them_whatever_the_marks_say() {
        use MarkKind::{Bold, Italic, Superscript};
        let formula = |start: u32, end: u32, latex: &str| Mark {
            latex: Some(latex.to_owned()),
            ..mark(start, end, MarkKind::Formula)
        };
        for (marks, expected) in [
            (vec![formula(1, 3, "b")], "a{b:bc}defg"),
            (vec![formula(1, 3, "b"), mark(0, 7, Bold)], "<B>a{b:bc}defg/"),
            (vec![formula(1, 3, "b"), mark(1, 3, Bold)], "a<B>{b:bc}/defg"),
            (vec![formula(1, 3, "b"), mark(2, 3, Superscript), mark(1, 2, Italic)], "a{b:bc}defg"),
            (vec![formula(1, 3, "b"), mark(0, 2, Bold), mark(2, 5, Italic)], "<B>a/{b:bc}<I>de/fg"),
            (vec![formula(1, 3, "b"), formula(3, 5, "b"), formula(4, 6, "c")], "a{b:bc}{b:de}fg"),
            (vec![formula(1, 3, " "), mark(1, 3, MarkKind::Formula), formula(3, 99, "x")], "abc{x:defg}"),
        ] {
            assert_eq!(told(&Inline::marked("abcdefg", &marks)), expected, "{marks:?}");
        }
        let mut inline = Inline::marked("abc", &[formula(0, 3, "x")]);
        inline.spans.push(Span { start: 1, end: 1, what: What::Page(2) });
        assert_eq!(told(&inline), "<P>/{x:abc}");
    }

    #[test]
    fn a_page_may_begin_within() {
        let mut inline = Inline::marked("one", &[mark(0, 3, MarkKind::Bold)]);
        let mut more = Inline::marked("two", &[mark(0, 3, MarkKind::Italic)]);
        more.spans.push(Span { start: 0, end: 0, what: What::Page(4) });
        inline.append(" ", more);
        assert_eq!(told(&inline), "<B>one/ <I><P>/two/");
    }

    #[test]
    fn links_lead_nowhere_unsafe() {
        for (target, expected) in [
            ("https://a.b/c?d=e:f#g", Some("https://a.b/c?d=e:f#g")),
            ("MAILTO:a@b.c", Some("MAILTO:a@b.c")),
            ("#page=3", Some("#page=3")),
            ("other.pdf", Some("other.pdf")),
            ("a/b:c", Some("a/b:c")),
            ("https://a.b/c d<e>", Some("https://a.b/c%20d%3Ce%3E")),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("java\nscript:x", None),
            (" ", None),
        ] {
            assert_eq!(safe_target(target).as_deref(), expected, "{target:?}");
        }
    }
}
