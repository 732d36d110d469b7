//! Text with what stands out in it, as Markdown has it: stars and underscores where they cannot be misread, HTML's elements elsewhere.

use super::{
    escape::{self, Around, is_entity},
    formula::{self, Place},
};
use crate::output::{
    document_options::FormulaDelimiters,
    flow::{Inline, Piece, What, page_of},
};

/// How an element that is open ends.
enum Ending {
    Text(String),
    /// Everything up to here is code, from this place of the output.
    Code {
        text: String,
    },
    /// What stands in it is left out.
    Note,
    Nothing,
}

/// How a text is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) page_marks: bool,
    /// Within the text of a link or image, which no other link may be in.
    pub(super) is_in_link: bool,
    pub(super) formulas: FormulaDelimiters,
    pub(super) place: Place,
}

impl Manner {
    /// Of a text that nothing stands out in.
    pub(super) const PLAIN: Self =
        Self { page_marks: false, is_in_link: false, formulas: FormulaDelimiters::Off, place: Place::Text };
}

/// In one line or several, without what is to be done to their beginnings.
pub(super) fn inline(inline: &Inline, manner: Manner) -> String {
    let Manner { page_marks, is_in_link, formulas, place } = manner;
    let pieces = inline.pieces();
    let mut out = String::with_capacity(inline.text.len() + inline.text.len() / 16);
    let mut open: Vec<Ending> = Vec::new();
    let ends_formula = |what: &What| match what {
        What::Formula(_) => formulas == FormulaDelimiters::Dollars,
        what => *what == What::Monospace,
    };
    let is_dollar_unsafe = inline.text.contains('$') && inline.spans.iter().any(|span| ends_formula(&span.what));
    let (mut links, mut at, mut is_after_note) = (usize::from(is_in_link), 0, false);
    // Where the output ends with a formula between dollars.
    let mut after_formula = None;
    for (index, piece) in pieces.iter().enumerate() {
        match *piece {
            Piece::Open(_) if open.iter().any(|ending| matches!(ending, Ending::Code { .. } | Ending::Note)) => {
                open.push(Ending::Nothing);
            }
            Piece::Open(what) => {
                let end = end_of(&pieces, index, at);
                let is_plain = stands_free(&inline.text, at, end);
                let ending = match what {
                    What::Bold if is_plain => begin(&mut out, "**", "**"),
                    What::Bold => begin(&mut out, "<strong>", "</strong>"),
                    What::Italic if is_plain => begin(&mut out, "_", "_"),
                    What::Italic => begin(&mut out, "<em>", "</em>"),
                    What::Superscript => begin(&mut out, "<sup>", "</sup>"),
                    What::Subscript => begin(&mut out, "<sub>", "</sub>"),
                    What::Monospace => Ending::Code { text: String::new() },
                    What::Note(_) if links > 0 => begin(&mut out, "<sup>", "</sup>"),
                    What::Note(number) => {
                        out.push_str(&format!("[^{number}]"));
                        Ending::Note
                    }
                    // Markdown has no names for pages.
                    What::Link(target) if links == 0 && page_of(target).is_none() => {
                        links += 1;
                        out.push('[');
                        Ending::Text(format!("]({})", destination(target)))
                    }
                    What::Page(number) if page_marks => begin(&mut out, &page_mark(*number), ""),
                    What::Page(_) | What::Link(_) | What::SmallCapitals | What::Formula(_) => Ending::Nothing,
                };
                open.push(ending);
            }
            Piece::Close(what) => {
                match open.pop() {
                    Some(Ending::Text(end)) => out.push_str(&end),
                    Some(Ending::Code { text }) => {
                        let code = code(&text);
                        // Backticks without anything between them would be one mark.
                        if out.ends_with('`') && !code.is_empty() {
                            out.push_str("<!-- -->");
                        }
                        out.push_str(&code);
                    }
                    Some(Ending::Note) => is_after_note = true,
                    Some(Ending::Nothing) | None => {}
                }
                if matches!(what, What::Link(target) if page_of(target).is_none()) {
                    links = links.saturating_sub(1).max(usize::from(is_in_link));
                }
            }
            Piece::Text { start, text } | Piece::Formula { start, text, .. } => {
                at = start + text.len();
                if open.iter().any(|ending| matches!(ending, Ending::Note)) {
                    continue;
                }
                let code = open.iter_mut().rev().find_map(|ending| match ending {
                    Ending::Code { text } => Some(text),
                    _ => None,
                });
                if let Some(code) = code {
                    code.push_str(text);
                    continue;
                }
                let formula = match *piece {
                    Piece::Formula { latex, .. } => formula::inline(latex, formulas, place),
                    _ => None,
                };
                // Behind the second dollar no digit may stand, and no third one.
                let is_dollar = formula.as_ref().is_some_and(|formula| formula.starts_with('$'));
                let is_digit = formula.is_none() && text.starts_with(|c: char| c.is_ascii_digit());
                if (is_dollar || is_digit) && after_formula == Some(out.len()) {
                    out.push_str("<!-- -->");
                }
                if let Some(formula) = formula {
                    out.push_str(&formula);
                    after_formula = is_dollar.then_some(out.len());
                    is_after_note = false;
                    continue;
                }
                let next = pieces.get(index + 1);
                let opens_bracket = matches!(next, Some(Piece::Open(What::Link(_) | What::Note(_))));
                let mut before = inline.text[..start].chars().next_back();
                for (offset, c) in text.char_indices() {
                    let rest = &inline.text[start + offset + c.len_utf8()..];
                    let is_last = offset + c.len_utf8() == text.len();
                    let around = Around {
                        before,
                        after: rest.chars().next(),
                        opens_bracket: is_last && opens_bracket,
                        is_at_mark: (is_last && next.is_some()) || (offset == 0 && index > 0),
                        is_in_link: links > 0,
                        is_dollar_unsafe,
                        is_after_note: is_after_note && offset == 0,
                    };
                    escape::push(&mut out, c, rest, around);
                    before = Some(c);
                }
                is_after_note = false;
            }
        }
    }
    out
}

pub(super) fn page_mark(number: u32) -> String {
    format!("<!-- page {number} -->")
}

fn begin(out: &mut String, begin: &str, end: &str) -> Ending {
    out.push_str(begin);
    Ending::Text(end.to_owned())
}

/// Where the text of what is opened by the piece of this index ends.
fn end_of(pieces: &[Piece<'_>], index: usize, at: usize) -> usize {
    let (mut depth, mut end) = (0_usize, at);
    for piece in &pieces[index..] {
        match piece {
            Piece::Open(_) => depth += 1,
            Piece::Close(_) => depth -= 1,
            Piece::Text { start, text } | Piece::Formula { start, text, .. } => end = start + text.len(),
        }
        if depth == 0 {
            break;
        }
    }
    end
}

/// Whether stars or underscores around this part of the text are emphasis for every reader (CommonMark 0.31, 6.2): nothing but blanks and
/// marks that are punctuation in every version of Unicode stands around it.
fn stands_free(text: &str, start: usize, end: usize) -> bool {
    let is_free = |c: Option<char>| {
        c.is_none_or(|c| {
            c.is_whitespace()
                || (c.is_ascii_punctuation()
                    && !matches!(c, '*' | '_' | '~' | '`' | '\\' | '$' | '<' | '&' | '!' | '['))
                || matches!(c, '“' | '”' | '‘' | '’' | '–' | '—' | '…' | '«' | '»')
        })
    };
    let is_word = text.get(start..end).is_some_and(|part| {
        !part.is_empty() && !part.starts_with(char::is_whitespace) && !part.ends_with(char::is_whitespace)
    });
    is_word && is_free(text[..start].chars().next_back()) && is_free(text[end..].chars().next())
}

/// Where a link leads, between the parentheses.
fn destination(target: &str) -> String {
    let mut out = String::with_capacity(target.len() + 2);
    for (at, c) in target.char_indices() {
        out.push(c);
        if c == '&' && is_entity(&target[at + 1..]) {
            out.push_str("amp;");
        }
    }
    if out.contains(['(', ')']) { format!("<{out}>") } else { out }
}

/// A code span. It ends with as many backticks as it begins with, more than stand in it at any place.
fn code(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    let mark = "`".repeat(longest_run(&text) + 1);
    match text.trim() {
        "" => String::new(),
        text if text.starts_with('`') || text.ends_with('`') => format!("{mark} {text} {mark}"),
        text => format!("{mark}{text}{mark}"),
    }
}

/// The most backticks that follow each other.
pub(super) fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
