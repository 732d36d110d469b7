//! Where on a page what was asked for is: in its text, in a piece of it that can be shown, and in its lines.

use std::ops::Range;

use super::{
    folding::{Form, Token, tokens},
    query::{Term, Variant},
};

/// Bytes of a snippet, and of what it shows before the first mark.
const SNIPPET: usize = 200;
const BEFORE: usize = 50;

/// A place in the text, and which of the terms is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub range: Range<usize>,
    pub term: usize,
}

/// All places of all terms, in the order of the text, without overlaps.
pub fn marks(text: &str, terms: &[Term]) -> Vec<Mark> {
    let tokens = tokens(text);
    let ordered: Vec<&Token> = tokens.iter().filter(|token| token.form == Form::Text).collect();
    let mut marks = Vec::new();
    for (term, Term { variants }) in terms.iter().enumerate() {
        for variant in variants {
            let places = match variant.words.len() {
                1 => tokens.iter().filter(|token| is(variant, 0, token)).map(|token| token.range.clone()).collect(),
                _ => phrases(&ordered, variant),
            };
            marks.extend(places.into_iter().map(|range| Mark { range, term }));
        }
    }
    // The longer of two that begin together, and the earlier of two that overlap.
    marks.sort_by_key(|mark| (mark.range.start, usize::MAX - mark.range.end, mark.term));
    let mut end = 0;
    marks.retain(|mark| {
        let free = mark.range.start >= end;
        end = if free { mark.range.end } else { end };
        free
    });
    marks
}

fn phrases(tokens: &[&Token], variant: &Variant) -> Vec<Range<usize>> {
    let length = variant.words.len();
    let places = tokens.windows(length).filter(|tokens| (0..length).all(|at| is(variant, at, tokens[at])));
    places.map(|tokens| tokens[0].range.start..tokens[length - 1].range.end).collect()
}

fn is(variant: &Variant, at: usize, token: &Token) -> bool {
    match variant.begins && at + 1 == variant.words.len() {
        true => token.word.starts_with(&variant.words[at]),
        false => token.word == variant.words[at],
    }
}

/// The piece of the text with the most of what was asked for, its white space as single spaces, and the marks in it.
pub fn snippet(text: &str, marks: &[Mark]) -> (String, Vec<Range<usize>>) {
    passage(text, best_window(text, marks), marks)
}

/// The same of a part of the text: its beginning where it is too long and nothing in it was asked for.
pub fn snippet_within(text: &str, part: Range<usize>, marks: &[Mark]) -> (String, Vec<Range<usize>>) {
    let inside = |mark: &&Mark| part.start <= mark.range.start && mark.range.end <= part.end;
    let moved =
        |mark: &Mark| Mark { range: mark.range.start - part.start..mark.range.end - part.start, term: mark.term };
    let moved: Vec<Mark> = marks.iter().filter(inside).map(moved).collect();
    let window = match part.len() <= SNIPPET {
        true => 0..part.len(),
        false => best_window(&text[part.clone()], &moved),
    };
    passage(text, part.start + window.start..part.start + window.end, marks)
}

/// A given piece of the text, as [`snippet`] gives the best.
fn passage(text: &str, window: Range<usize>, marks: &[Mark]) -> (String, Vec<Range<usize>>) {
    let mut snippet = String::new();
    if !text[..window.start].trim().is_empty() {
        snippet.push('…');
    }
    let mut shown: Vec<Range<usize>> = Vec::new();
    let mut inside =
        marks.iter().filter(|mark| window.start <= mark.range.start && mark.range.end <= window.end).peekable();
    let mut open = None;
    for (at, c) in text[window.clone()].char_indices().map(|(at, c)| (at + window.start, c)) {
        if open.is_some_and(|(_, end)| at >= end) {
            let (start, _) = open.take().expect("looked at above");
            shown.push(start..snippet.len());
        }
        if let Some(mark) = inside.next_if(|mark| mark.range.start == at) {
            open = Some((snippet.len(), mark.range.end));
        }
        match c.is_whitespace() {
            true if snippet.ends_with(' ') || snippet.is_empty() => {}
            true => snippet.push(' '),
            false => snippet.push(c),
        }
    }
    if let Some((start, _)) = open {
        shown.push(start..snippet.len());
    }
    let end = snippet.trim_end().len();
    snippet.truncate(end);
    if !text[window.end..].trim().is_empty() {
        snippet.push('…');
    }
    (snippet, shown)
}

/// Begins a little before the mark from which the most terms can be shown at once.
fn best_window(text: &str, marks: &[Mark]) -> Range<usize> {
    let terms_from = |at: usize| {
        let within = marks[at..].iter().take_while(|mark| mark.range.end <= marks[at].range.start + SNIPPET - BEFORE);
        let terms = within.map(|mark| mark.term).collect::<std::collections::BTreeSet<_>>();
        // The first of equals.
        (terms.len(), usize::MAX - at)
    };
    let Some(best) = (0..marks.len()).max_by_key(|&at| terms_from(at)) else {
        return 0..end_of_word(text, SNIPPET.min(text.len()));
    };
    let first = &marks[best].range;
    let start = start_of_word(text, first.start.saturating_sub(BEFORE), first.start);
    start..end_of_word(text, (start + SNIPPET).max(first.end).min(text.len()))
}

/// The first beginning of a word at this place or later, up to the mark.
fn start_of_word(text: &str, at: usize, mark: usize) -> usize {
    let at = (at..=mark).find(|&at| text.is_char_boundary(at)).unwrap_or(mark);
    if at == 0 {
        return 0;
    }
    let space = text[at..mark].find(char::is_whitespace).map_or(mark, |space| at + space);
    // A script without spaces is cut anywhere.
    let word = mark - text[space..mark].trim_start().len();
    if word == mark { at } else { word }
}

/// The last end of a word before this place.
fn end_of_word(text: &str, at: usize) -> usize {
    let at = (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    if at == text.len() {
        return at;
    }
    match text[..at].rfind(char::is_whitespace) {
        Some(space) if at - space < BEFORE => space,
        _ => at,
    }
}

/// Which of the lines the marks touch. The text is the lines below each other, with blank rows between blocks.
pub fn lines_hit<'a>(text: &str, marks: &[Mark], lines: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut from = 0;
    let mut hit = Vec::new();
    for (index, line) in lines.enumerate() {
        let Some(found) = text[from..].find(line) else { continue };
        let range = from + found..from + found + line.len();
        from = range.end;
        if marks.iter().any(|mark| mark.range.start < range.end && range.start < mark.range.end) {
            hit.push(index);
        }
    }
    hit
}

#[cfg(test)]
mod tests {
    use super::{super::query::Terms, *};

    /// The snippet with its marks in brackets.
    fn check(text: &str, query: &str, expected: &str) {
        let marks = marks(text, &Terms::parse(query).unwrap().wanted);
        let (mut snippet, shown) = snippet(text, &marks);
        for mark in shown.iter().rev() {
            snippet.insert(mark.end, ']');
            snippet.insert(mark.start, '[');
        }
        assert_eq!(snippet, expected, "{text} {query}");
    }

    #[test]
    fn snippets_are_the_pages_own_words_with_what_was_asked_for() {
        check("The ﬁnal docu-\nment\n\nin Łódź", "document lodz final", "The [ﬁnal] [docu- ment] in [Łódź]");
        check("a well-known fact", "wellknown", "a [well-known] fact");
        check("a well-known fact", "known", "a well-[known] fact");
        check("in 東京都庁 now", "京都", "in 東[京都]庁 now");
        check("documents and docks", "doc*", "[documents] and [docks]");
        check("no such", "zebra", "no such");
        let filler = "lorem ipsum dolor sit amet ".repeat(40);
        check(
            &format!("one {filler} here one meets two {filler}"),
            "one two",
            &format!(
                "…dolor sit amet lorem ipsum dolor sit amet here [one] meets [two] {}…",
                ["lorem ipsum dolor sit amet"; 5].join(" ")
            ),
        );
    }

    #[test]
    fn a_long_passage_is_shown_where_it_has_what_was_asked_for_or_from_its_beginning() {
        let filler = "lorem ipsum dolor sit amet ".repeat(40);
        let text = format!("before. {filler}the fox {filler}after");
        let part = 8..text.len() - 6;
        let shown = |query: &str| {
            let marks = marks(&text, &Terms::parse(query).unwrap().wanted);
            snippet_within(&text, part.clone(), &marks)
        };
        let (snippet, marks) = shown("fox");
        assert!(snippet.len() < 220 && &snippet[marks[0].clone()] == "fox", "{snippet}");
        let (snippet, marks) = shown("before");
        assert!(snippet.len() < 220 && snippet.starts_with("…lorem") && marks.is_empty(), "{snippet}");
    }

    #[test]
    fn the_lines_hit_are_those_of_the_marks() {
        let lines = ["alpha beta", "the docu-", "ment end", "beta"];
        let text = "alpha beta\n\nthe docu-\nment end\nbeta";
        let hit = |query: &str| {
            let marks = marks(text, &Terms::parse(query).unwrap().wanted);
            lines_hit(text, &marks, lines.into_iter())
        };
        assert_eq!(hit("document"), [1, 2]);
        assert_eq!(hit("beta"), [0, 3]);
        assert_eq!(hit("\"end beta\""), [2, 3]);
    }
}
