//! What a block says: its lines joined, and what stands out in them.

use std::{cell::OnceCell, ops::Range};

use super::{
    hyphens::{self, Broken, Vocabulary},
    rows::Row,
    shapes::{is_hyphen, leaders},
    sheet::Sheet,
};
use crate::{
    blocks::{Block, BlockKind, Hyphen, Mark, MarkKind},
    geometry::Rect,
    hints::VerticalShift,
    script::is_without_blanks,
};

/// Everything that joining asks of a page.
pub(super) struct Joiner<'a> {
    sheet: &'a Sheet<'a>,
    /// Made for the first hyphen.
    vocabulary: OnceCell<Vocabulary>,
    is_english: OnceCell<bool>,
    links: Vec<(Rect, &'a str)>,
}

/// How characters are set, a bit for each kind of mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Set(u8);

const KINDS: [MarkKind; 7] = [
    MarkKind::Bold,
    MarkKind::Italic,
    MarkKind::Monospace,
    MarkKind::SmallCapitals,
    MarkKind::Superscript,
    MarkKind::Subscript,
    MarkKind::Link,
];

impl Set {
    fn add(&mut self, kind: MarkKind) {
        if let Some(bit) = KINDS.iter().position(|of| *of == kind) {
            self.0 |= 1 << bit;
        }
    }

    fn has(self, bit: usize) -> bool {
        self.0 & (1 << bit) != 0
    }
}

/// Text with what is known of each character.
#[derive(Default)]
struct Typeset {
    chars: Vec<char>,
    sets: Vec<Set>,
    /// Which link, counted from 1, a character leads to; 0 none.
    links: Vec<u16>,
    /// Which formula, counted from 1, a character is of; 0 none.
    formulas: Vec<u32>,
    hyphens: Vec<Hyphen>,
}

impl Typeset {
    /// With room for a text of so many bytes.
    fn for_bytes(length: usize) -> Self {
        let (chars, sets) = (Vec::with_capacity(length), Vec::with_capacity(length));
        let (links, formulas) = (Vec::with_capacity(length), Vec::with_capacity(length));
        Self { chars, sets, links, formulas, hyphens: Vec::new() }
    }

    fn push(&mut self, c: char, set: Set, link: u16) {
        self.chars.push(c);
        self.sets.push(set);
        self.links.push(link);
        self.formulas.push(0);
    }

    /// A formula, in plain characters.
    fn formula(&mut self, text: &str, number: usize) {
        for c in text.chars() {
            self.push(if c == '\n' { ' ' } else { c }, Set::default(), 0);
        }
        let length = text.chars().count();
        let count = self.formulas.len();
        self.formulas[count - length..].fill(number as u32 + 1);
    }

    /// A blank between two parts: it is set as both are.
    fn blank(&mut self, next: Option<(Set, u16)>) {
        let (set, link) = match (self.sets.last(), self.links.last(), next) {
            (Some(before), Some(&link), Some((next, next_link))) => {
                (Set(before.0 & next.0), if link == next_link { link } else { 0 })
            }
            _ => (Set::default(), 0),
        };
        self.push(' ', set, link);
    }

    fn pop(&mut self) {
        self.chars.pop();
        self.sets.pop();
        self.links.pop();
        self.formulas.pop();
    }
}

impl<'a> Joiner<'a> {
    pub(super) fn new(sheet: &'a Sheet<'a>) -> Self {
        let links = sheet.hints.links.iter().map(|link| (sheet.view.rect_of(&link.polygon), &*link.target)).collect();
        Self { sheet, vocabulary: Default::default(), is_english: Default::default(), links }
    }

    /// What becomes of a hyphen between two words of the page.
    pub(super) fn resolve(&self, broken: Broken<'_>) -> hyphens::Resolved {
        let is_english = *self.is_english.get_or_init(|| {
            hyphens::is_english(self.sheet.hints.language.as_deref(), self.sheet.lines.iter().map(|line| line.text))
        });
        let vocabulary = || Vocabulary::of(self.sheet.lines.iter().map(|line| line.text));
        hyphens::resolve(broken, self.vocabulary.get_or_init(vocabulary), is_english)
    }

    /// Fills in a block's text, marks and hyphens; `skipped` characters of the first row are its marker. Where it `keeps_lines`, its rows do not
    /// run on.
    pub(super) fn fill(&self, block: &mut Block, rows: &[Row], skipped: usize, keeps_lines: bool) {
        if block.kind == BlockKind::Code {
            block.text = self.code(rows);
            return;
        }
        let mut text = Typeset::for_bytes(rows.iter().map(|row| row.text.len() + 1).sum());
        for (number, row) in rows.iter().enumerate() {
            let parts = self.typeset(row);
            let skipped = if number == 0 { skipped.min(parts.chars.len()) } else { 0 };
            if keeps_lines && number > 0 {
                text.push('\n', Set::default(), 0);
                (0..parts.chars.len()).for_each(|at| text.push(parts.chars[at], parts.sets[at], parts.links[at]));
            } else {
                self.join(&mut text, &parts, skipped);
            }
        }
        if rows.iter().any(|row| leaders(&row.text).is_some()) {
            shorten_leaders(&mut text);
        }
        block.marks = self.marks(&text, block.kind);
        block.hyphens = text.hyphens;
        block.text = text.chars.into_iter().collect();
    }

    /// Joins the texts of a cell's lines.
    fn join(&self, text: &mut Typeset, row: &Typeset, skipped: usize) {
        let own = skipped..row.chars.len();
        if own.is_empty() {
            return;
        }
        let next = row.chars[own.start];
        if let Some(&last) = text.chars.last() {
            let before = text.chars.len().checked_sub(2).map(|at| text.chars[at]);
            if is_hyphen(last) && before.is_some_and(char::is_alphanumeric) && next.is_alphanumeric() {
                let from = text.chars.iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1);
                let left: String = text.chars[from..text.chars.len() - 1].iter().collect();
                let right: String = row.chars[own.clone()].iter().take_while(|c| !c.is_whitespace()).collect();
                let before: String = text.chars[from.saturating_sub(4)..from].iter().collect();
                let is_first = hyphens::is_first(&before);
                let resolved = self.resolve(Broken { left: &left, hyphen: last, right: &right, is_first });
                if !resolved.kept {
                    text.pop();
                }
                let at = (text.chars.len() - usize::from(resolved.kept)) as u32;
                text.hyphens.push(Hyphen { at, kept: resolved.kept, by: resolved.by });
                if resolved.with_blank {
                    text.blank(None);
                }
            } else if last == '\u{ad}' {
                text.pop();
            } else if !(is_without_blanks(last) && is_without_blanks(next) || is_dash_between(before, last)) {
                text.blank(Some((row.sets[own.start], row.links[own.start])));
            }
        }
        for at in own {
            text.push(row.chars[at], row.sets[at], row.links[at]);
            if let Some(formula) = text.formulas.last_mut() {
                *formula = row.formulas[at];
            }
        }
    }

    /// A row's characters.
    fn typeset(&self, row: &Row) -> Typeset {
        let mut text = Typeset::for_bytes(row.text.len());
        for &index in &row.lines {
            let line = &self.sheet.page.lines[index];
            let links = self.links_of(index);
            let runs = self.sheet.lines[index].style.map_or(&[][..], |style| &style.runs);
            let mut run = runs.iter().peekable();
            let leading = line.text.chars().take_while(|c| c.is_whitespace()).count();
            let count = line.text.trim().chars().count();
            let formulas = self.sheet.formulas.in_line(index);
            let mut pieces = Vec::with_capacity(count);
            for (at, c) in line.text.chars().enumerate().skip(leading).take(count) {
                while run.peek().is_some_and(|run| run.characters.end <= at as u32) {
                    run.next();
                }
                let mut set = Set::default();
                if let Some(run) = run.peek().filter(|run| run.characters.start <= at as u32) {
                    let face = &run.face;
                    for (has, kind) in [
                        (face.bold, MarkKind::Bold),
                        (face.italic && !face.mathematics, MarkKind::Italic),
                        (face.monospace && !self.sheet.is_typewritten, MarkKind::Monospace),
                        (face.small_capitals, MarkKind::SmallCapitals),
                        (run.shift == VerticalShift::Raised, MarkKind::Superscript),
                        (run.shift == VerticalShift::Lowered, MarkKind::Subscript),
                    ] {
                        if has {
                            set.add(kind);
                        }
                    }
                }
                let link = links.iter().find(|(range, _)| range.contains(&at)).map_or(0, |(_, link)| *link);
                pieces.push((at, c, set, link));
            }
            if let Some(&(_, _, set, link)) = pieces.first()
                && !text.chars.is_empty()
            {
                text.blank(Some((set, link)));
            }
            for (at, c, set, link) in pieces {
                match formulas.iter().find(|(range, _)| range.contains(&at)) {
                    Some((range, number)) if at == range.start => {
                        text.formula(&self.sheet.formulas.get(*number).text, *number);
                    }
                    Some(_) => {}
                    None => text.push(c, set, link),
                }
            }
        }
        text
    }

    /// Characters of a line under links: whole words, by where their middles stand.
    fn links_of(&self, index: usize) -> Vec<(Range<usize>, u16)> {
        let rect = self.sheet.lines[index].rect;
        let mut found = Vec::new();
        for (number, (area, _)) in self.links.iter().enumerate().take(usize::from(u16::MAX) - 1) {
            let shared = area.intersection(&rect);
            if shared.width() <= 0.0 || shared.height() < 0.4 * rect.height().min(area.height()) {
                continue;
            }
            let line = &self.sheet.page.lines[index];
            let (mut bytes, mut from) = (0, None);
            for word in &line.words {
                let Some(at) = line.text[bytes..].find(word.text.as_str()) else { continue };
                let (start, end) = (bytes + at, bytes + at + word.text.len());
                bytes = end;
                let own = self.sheet.view.rect_of(&word.polygon);
                if own.intersection(area).width() > 0.5 * own.width() {
                    let characters = |to: usize| line.text[..to].chars().count();
                    let first = *from.get_or_insert_with(|| characters(start));
                    found.retain(|(range, link): &(Range<usize>, u16)| {
                        range.start != first || *link != number as u16 + 1
                    });
                    found.push((first..characters(end), number as u16 + 1));
                } else {
                    from = None;
                }
            }
        }
        found
    }

    fn marks(&self, text: &Typeset, kind: BlockKind) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (bit, &mark) in KINDS.iter().enumerate() {
            if mark == MarkKind::Link {
                continue;
            }
            let covers = |at: usize| text.sets[at].has(bit);
            let inked = |range: &Range<usize>| text.chars[range.clone()].iter().any(|c| !c.is_whitespace());
            // A heading that is bold throughout is set as headings are.
            let is_heading = matches!(kind, BlockKind::Heading | BlockKind::Title);
            let is_covered = |at: usize| covers(at) || text.formulas[at] > 0 || !text.chars[at].is_alphanumeric();
            if is_heading && bit < 4 && (0..text.chars.len()).all(is_covered) {
                continue;
            }
            for range in ranges(text.chars.len(), covers) {
                let range = trimmed(&text.chars, range);
                if inked(&range) {
                    marks.push(Mark::new(mark, range.start as u32..range.end as u32));
                }
            }
        }
        let mut at = 0;
        while at < text.chars.len() {
            let link = text.links[at];
            let end = (at..text.chars.len()).find(|&end| text.links[end] != link).unwrap_or(text.chars.len());
            if let Some((_, target)) = usize::from(link).checked_sub(1).and_then(|link| self.links.get(link)) {
                let range = trimmed(&text.chars, at..end);
                if !range.is_empty() {
                    let link = Mark::new(MarkKind::Link, range.start as u32..range.end as u32);
                    marks.push(Mark { target: Some((*target).to_owned()), ..link });
                }
            }
            at = end;
        }
        let mut at = 0;
        while at < text.chars.len() {
            let number = text.formulas[at];
            let end = (at..text.chars.len()).find(|&end| text.formulas[end] != number).unwrap_or(text.chars.len());
            if let Some(number) = (number as usize).checked_sub(1) {
                let latex = Some(self.sheet.formulas.get(number).latex.clone());
                marks.push(Mark { latex, ..Mark::new(MarkKind::Formula, at as u32..end as u32) });
            }
            at = end;
        }
        nested(marks)
    }

    /// Fills in what a formula that stands by itself says in LaTeX, if all of it was read; its number is left out, and so are the marks.
    pub(super) fn display(&self, block: &mut Block, rows: &[Row]) {
        let number = block.marker.as_deref().unwrap_or("");
        let mut lines: Vec<String> = Vec::with_capacity(rows.len());
        for row in rows {
            let mut latex = String::new();
            for &index in &row.lines {
                let formulas = self.sheet.formulas.in_line(index);
                let line = &self.sheet.page.lines[index].text;
                let mut other = String::new();
                for (at, c) in line.chars().enumerate() {
                    match formulas.iter().find(|(range, _)| range.contains(&at)) {
                        Some((range, number)) if range.start == at => {
                            put_words(&mut latex, &mut other);
                            if !latex.is_empty() && !latex.ends_with('}') {
                                latex.push_str("\\quad ");
                            }
                            latex.push_str(&self.sheet.formulas.get(*number).latex);
                        }
                        Some(_) => {}
                        None => other.push(c),
                    }
                }
                if other.trim() != number && other.trim_end().ends_with(number) {
                    other.truncate(other.trim_end().len() - number.len());
                }
                if other.trim() != number {
                    put_words(&mut latex, &mut other);
                }
            }
            if !latex.is_empty() {
                lines.push(latex);
            }
        }
        let is_read = rows.iter().flat_map(|row| &row.lines).any(|&line| !self.sheet.formulas.in_line(line).is_empty());
        if !is_read || lines.is_empty() {
            return;
        }
        block.latex = Some(match lines.len() {
            1 => lines.remove(0),
            _ => format!("\\begin{{gathered}} {} \\end{{gathered}}", lines.join(" \\\\ ")),
        });
        block.marks.clear();
        if !number.is_empty() && block.text.ends_with(number) {
            block.text.truncate(block.text.len() - number.len());
            block.text.truncate(block.text.trim_end().len());
        }
    }

    /// Lines of code with their ends, set in as they stand.
    fn code(&self, rows: &[Row]) -> String {
        let widths = rows
            .iter()
            .filter(|row| row.lines.len() == 1 && row.characters > 3)
            .map(|row| row.rect.width() / row.characters as f32);
        let mut widths: Vec<f32> = widths.filter(|width| *width > 0.0).collect();
        widths.sort_by(f32::total_cmp);
        let letter =
            widths.get(widths.len() / 2).copied().unwrap_or(0.6 * rows.first().map_or(10.0, |row| row.size)).max(0.1);
        let left = rows.iter().map(|row| row.rect.left).fold(f32::INFINITY, f32::min);
        let mut pitches: Vec<f32> = rows.windows(2).map(|pair| pair[1].middle() - pair[0].middle()).collect();
        pitches.sort_by(f32::total_cmp);
        let pitch = pitches.get(pitches.len() / 3).copied().unwrap_or(0.0);
        let mut text = String::new();
        for (number, row) in rows.iter().enumerate() {
            if number > 0 {
                text.push('\n');
                if pitch > 0.0 && row.middle() - rows[number - 1].middle() > 1.7 * pitch {
                    text.push('\n');
                }
            }
            let mut column = 0;
            for &index in &row.lines {
                let line = &self.sheet.lines[index];
                let place = (((line.rect.left - left) / letter).round().clamp(0.0, 400.0)) as usize;
                let blanks = place.saturating_sub(column).max(usize::from(column > 0));
                text.extend(std::iter::repeat_n(' ', blanks));
                text.push_str(line.text);
                column = column + blanks + line.characters;
            }
        }
        text
    }
}

/// Words among formulas, as LaTeX has them; points and commas as they are.
fn put_words(latex: &mut String, words: &mut String) {
    let own = std::mem::take(words);
    let own = own.trim();
    if own.is_empty() {
        return;
    }
    if own.chars().all(|c| ".,;:".contains(c)) {
        latex.push_str(own);
        return;
    }
    let escaped: String =
        own.chars().flat_map(|c| ("\\{}$%#&_".contains(c)).then_some('\\').into_iter().chain([c])).collect();
    latex.push_str(if latex.is_empty() { "\\text{" } else { "\\quad \\text{" });
    latex.push_str(&escaped);
    latex.push_str(" }");
}

/// A dash between words, set without blanks, at the end of a line.
fn is_dash_between(before: Option<char>, last: char) -> bool {
    matches!(last, '\u{2014}' | '/') && before.is_some_and(|c| !c.is_whitespace())
}

fn shorten_leaders(text: &mut Typeset) {
    let all: String = text.chars.iter().collect();
    let Some(range) = leaders(&all) else { return };
    let (start, end) = (all[..range.start].chars().count(), all[..range.end].chars().count());
    let start = (0..start).rev().find(|&at| !text.chars[at].is_whitespace()).map_or(start, |at| at + 1);
    let instead = [' ', '\u{2026}'];
    let removed = (end - start).saturating_sub(instead.len());
    text.chars.splice(start..end, instead);
    text.sets.splice(start..end, [Set::default(); 2]);
    text.links.splice(start..end, [0; 2]);
    text.formulas.splice(start..end, [0; 2]);
    text.hyphens.iter_mut().filter(|hyphen| hyphen.at as usize >= end).for_each(|hyphen| hyphen.at -= removed as u32);
}

fn ranges(count: usize, covers: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < count {
        if covers(at) {
            let end = (at..count).find(|&end| !covers(end)).unwrap_or(count);
            ranges.push(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
    ranges
}

fn trimmed(chars: &[char], range: Range<usize>) -> Range<usize> {
    let start = range.clone().find(|&at| !chars[at].is_whitespace()).unwrap_or(range.end);
    let end = range.clone().rev().find(|&at| !chars[at].is_whitespace()).map_or(start, |at| at + 1);
    start..end.max(start)
}

/// In the order of their beginnings, the longer first; marks that would cross are cut in two.
fn nested(mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.sort_by_key(|mark| (mark.start, std::cmp::Reverse(mark.end)));
    let mut result: Vec<Mark> = Vec::with_capacity(marks.len());
    let mut open: Vec<u32> = Vec::new();
    let mut rest: std::collections::VecDeque<Mark> = marks.into();
    while let Some(mut mark) = rest.pop_front() {
        while open.last().is_some_and(|end| *end <= mark.start) {
            open.pop();
        }
        if let Some(&end) = open.last()
            && mark.end > end
        {
            let tail = Mark { start: end, ..mark.clone() };
            let at = rest.partition_point(|other| {
                (other.start, std::cmp::Reverse(other.end)) < (tail.start, std::cmp::Reverse(tail.end))
            });
            rest.insert(at, tail);
            mark.end = end;
        }
        open.push(mark.end);
        result.push(mark);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(start: u32, end: u32, kind: MarkKind) -> Mark {
        Mark::new(kind, start..end)
    }

    #[test]
    fn marks_lie_within_each_other() {
        use MarkKind::{Bold, Italic};
        assert_eq!(nested(vec![mark(2, 4, Italic), mark(0, 9, Bold)]), [mark(0, 9, Bold), mark(2, 4, Italic)]);
        let cut = nested(vec![mark(0, 5, Bold), mark(3, 8, Italic)]);
        assert_eq!(cut, [mark(0, 5, Bold), mark(3, 5, Italic), mark(5, 8, Italic)]);
    }
}
