//! Text with what stands out in it, as HTML that is XHTML as well.

use std::fmt::Write as _;

use crate::{
    mathml::{FormulaDisplay, to_mathml},
    output::flow::{Inline, Piece, What, page_of},
};

/// What ends a line within a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::output) enum LineEnds {
    /// They are blanks like others.
    Blanks,
    /// They are to be seen.
    Breaks,
}

/// Adds what an element holds, formulas as MathML. `page_class` is the class of what says that a page begins.
pub(in crate::output) fn push(out: &mut String, inline: &Inline, line_ends: LineEnds, page_class: &str) {
    push_with(out, inline, line_ends, page_class, &|latex| to_mathml(latex, FormulaDisplay::Inline));
}

/// The same, with formulas as `formula` makes them of their LaTeX: HTML, or `None` for the text that stands in its place.
pub(super) fn push_with(
    out: &mut String,
    inline: &Inline,
    line_ends: LineEnds,
    page_class: &str,
    formula: &dyn Fn(&str) -> Option<String>,
) {
    let mut endings: Vec<String> = Vec::new();
    let mut links = 0;
    for piece in inline.pieces() {
        match piece {
            Piece::Open(what) => {
                let (begin, end) = match what {
                    What::Bold => element("strong"),
                    What::Italic => element("em"),
                    What::Superscript => element("sup"),
                    What::Subscript => element("sub"),
                    What::Monospace => element("code"),
                    What::SmallCapitals => ("<span class=\"small-capitals\">".to_owned(), "</span>".to_owned()),
                    What::Link(target) => {
                        let target = page_of(target).map_or_else(|| attribute(target), |page| format!("#page-{page}"));
                        (format!("<a href=\"{target}\">"), "</a>".to_owned())
                    }
                    What::Note(_) if links > 0 => element("sup"),
                    What::Note(number) => (
                        format!("<sup><a id=\"ref-{number}\" href=\"#note-{number}\" role=\"doc-noteref\">"),
                        "</a></sup>".to_owned(),
                    ),
                    What::Page(number) => (page("span", *number, page_class), String::new()),
                    What::Formula(_) => Default::default(),
                };
                links += usize::from(matches!(what, What::Link(_)));
                out.push_str(&begin);
                endings.push(end);
            }
            Piece::Close(what) => {
                links -= usize::from(matches!(what, What::Link(_)));
                out.push_str(&endings.pop().unwrap_or_default());
            }
            Piece::Text { text, .. } => push_text(out, text, line_ends),
            Piece::Formula { text, latex, .. } => match formula(latex) {
                Some(formula) => out.push_str(&formula),
                None => push_text(out, text, line_ends),
            },
        }
    }
}

fn element(name: &str) -> (String, String) {
    (format!("<{name}>"), format!("</{name}>"))
}

/// Where a page begins, for links and for whoever is asked for a page of the original.
pub(super) fn page(name: &str, number: u32, class: &str) -> String {
    format!("<{name} id=\"page-{number}\" class=\"{class}\" role=\"doc-pagebreak\" aria-label=\"{number}\"></{name}>")
}

/// Text with nothing in it that HTML or XML would make something else of; what neither can hold becomes U+FFFD.
pub(in crate::output) fn push_text(out: &mut String, text: &str, line_ends: LineEnds) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' if line_ends == LineEnds::Breaks => out.push_str("<br/>\n"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
}

/// The same between the double quotes of an attribute.
pub(in crate::output) fn attribute(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(['\n', '\t']) {
        let (part, end) = match part.strip_suffix(['\n', '\t']) {
            Some(part) => (part, " "),
            None => (part, ""),
        };
        push_text(&mut out, part, LineEnds::Blanks);
        // Writing into a string does not fail.
        let _ = out.write_str(end);
    }
    out
}
