//! Formulas among a page's lines: which of a line's characters are one, and which lines are no more than parts of one.

use std::ops::Range;

use crate::hints::{Formula, Hints};
use crate::page_text::PageText;

/// Of each line, what formulas it has.
pub(super) struct Formulas<'a> {
    all: &'a [Formula],
    /// By line: characters, and which formula they are of; from left to right. Only of the line that the formula stands on.
    of_lines: Vec<Vec<(Range<usize>, usize)>>,
    /// By line: the line whose formula it is a part of, if it is nothing else.
    part_of: Vec<Option<usize>>,
}

impl<'a> Formulas<'a> {
    pub(super) fn of(page: &PageText, hints: &'a Hints) -> Self {
        let count = page.lines.len();
        let mut of_lines: Vec<Vec<(Range<usize>, usize)>> = vec![Vec::new(); count];
        let mut part_of = vec![None; count];
        for (number, formula) in hints.formulas.iter().enumerate() {
            let Some((main, parts)) = formula.places.split_first() else { continue };
            if main.line >= count || parts.iter().any(|part| part.line >= count || part.line == main.line) {
                continue;
            }
            let range = main.characters.start as usize..main.characters.end as usize;
            let length = page.lines[main.line].text.chars().count();
            let own = &mut of_lines[main.line];
            let is_free = own.iter().all(|(other, _)| other.end <= range.start || range.end <= other.start);
            if range.is_empty()
                || range.end > length
                || !is_free
                || parts.iter().any(|part| part_of[part.line].is_some())
            {
                continue;
            }
            own.push((range, number));
            parts.iter().for_each(|part| part_of[part.line] = Some(main.line));
        }
        of_lines.iter_mut().for_each(|own| own.sort_by_key(|(range, _)| range.start));
        Self { all: &hints.formulas, of_lines, part_of }
    }

    pub(super) fn in_line(&self, line: usize) -> &[(Range<usize>, usize)] {
        self.of_lines.get(line).map_or(&[], Vec::as_slice)
    }

    /// How many of a line's characters are formulas'.
    pub(super) fn characters(&self, line: usize) -> usize {
        self.in_line(line).iter().map(|(range, _)| range.len()).sum()
    }

    pub(super) fn get(&self, number: usize) -> &'a Formula {
        &self.all[number]
    }

    /// The line on which the formula stands that this line is a part of.
    pub(super) fn main_of(&self, line: usize) -> Option<usize> {
        self.part_of.get(line).copied().flatten()
    }

    /// Lines that are no more than parts of formulas, each with the line on which its formula stands.
    pub(super) fn parts(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.part_of.iter().enumerate().filter_map(|(line, main)| Some((line, (*main)?)))
    }

    /// Share of lines' letters and signs that are formulas'.
    pub(super) fn share(&self, lines: &[usize], text: impl Fn(usize) -> &'a str) -> f32 {
        let (mut own, mut all) = (0, 0);
        for &line in lines {
            let formulas = self.in_line(line);
            for (at, c) in text(line).chars().enumerate().filter(|(_, c)| !c.is_whitespace()) {
                all += 1;
                own += usize::from(formulas.iter().any(|(range, _)| range.contains(&at)) || ".,;:".contains(c));
            }
        }
        own as f32 / all.max(1) as f32
    }
}
