//! Tables: which lines of a page stand in a grid, and what the grid is.
//!
//! What the file's tags say comes first, then what a network was asked about, then grids that are drawn, then rows between lines of one width or on shades, and last rows whose words
//! stand below each other with space between. In the manner of Nurminen (2013) columns are where no row's words cross; unlike there, rows with
//! few cells have no vote. All bounds are in heights of the page's type, so that points and pixels are the same.

mod atoms;
mod cells;
mod columns;
mod continued;
mod grid;
mod headers;
mod judge;
mod lattice;
mod prose;
mod regions;
mod rows;
mod ruled;
mod rules;
mod seen;
mod spans;
mod tagged;
#[cfg(test)]
mod tests;
mod tiles;
mod unruled;

pub use self::continued::{continues, repeats_header};
use self::{
    atoms::{Atom, atoms_of, height_of},
    grid::{Drawn, open_grid},
    lattice::Grid,
    prose::{Prose, prose},
    rules::{Rule, Rules},
    unruled::{Lane, grown, halves, is_caption, parting, runs},
};
use super::Hints;
use crate::{blocks::Table, geometry::Rect, record::TextLine};

/// More words than a page has that is no attack: 10,000 lines of ten.
const MOST_WORDS: usize = 100_000;
/// Below this a guess is worse than none.
const LEAST_CONFIDENCE: f32 = 0.5;

/// A table of a page.
#[derive(Clone, Debug)]
pub(super) struct FoundTable {
    /// Indices of the lines that stand in it, row by row and from left to right.
    pub(super) lines: Vec<usize>,
    pub(super) rect: Rect,
    pub(super) table: Table,
    /// How sure it is that this is a table of these cells, 0 to 1.
    pub(super) confidence: f32,
}

/// The tables of a page that stands upright and straight. `is_free[i]` says whether line `i` may stand in a table (running heads may not). A
/// line belongs to one table at most.
pub(super) fn find(lines: &[TextLine], is_free: &[bool], hints: &Hints) -> Vec<FoundTable> {
    let mut is_free: Vec<bool> = (0..lines.len()).map(|at| is_free.get(at).copied().unwrap_or(true)).collect();
    let mut found = Vec::new();
    for tables in [tagged::tables, seen::tables] {
        let tables = tables(lines, &is_free, hints);
        for line in tables.iter().flat_map(|table| &table.lines) {
            is_free[*line] = false;
        }
        found.extend(tables);
    }
    let atoms = atoms_of(lines, &is_free, hints);
    let em = height_of(&atoms);
    if atoms.len() < 4 || atoms.len() > MOST_WORDS || em <= 0.0 {
        return found;
    }
    let rules = Rules::of(hints, em);
    let mut finder = Finder {
        lines,
        hints,
        atoms,
        em,
        rules,
        captions: lines.iter().filter(|line| unruled::names_table(&line.text)).map(|l| l.polygon.bounds()).collect(),
        prose: Prose::default(),
        is_typewritten: false,
        is_taken: Vec::new(),
        found: Vec::new(),
    };
    finder.is_taken = vec![false; finder.atoms.len()];
    finder.is_typewritten = finder.atoms.iter().filter(|atom| atom.is_monospace).count() * 2 > finder.atoms.len();
    finder.prose = prose(&finder.atoms, em);
    finder.frames();
    finder.stacks();
    finder.regions();
    finder.alone();
    found.append(&mut finder.found);
    found.sort_by(|a, b| a.rect.top.total_cmp(&b.rect.top).then(a.rect.left.total_cmp(&b.rect.left)));
    found
}

struct Finder<'a> {
    lines: &'a [TextLine],
    hints: &'a Hints,
    atoms: Vec<Atom<'a>>,
    /// Height of the page's type.
    em: f32,
    rules: Rules,
    /// First lines of what may be tables' captions.
    captions: Vec<Rect>,
    prose: Prose,
    /// Whether most of the page is in type in which all letters are equally wide.
    is_typewritten: bool,
    /// Of each atom, whether a table has it.
    is_taken: Vec<bool>,
    found: Vec<FoundTable>,
}

impl Finder<'_> {
    /// Whether a word is of program text: type in which all letters are equally wide, on a page that is not set in it.
    fn is_code(&self, at: usize) -> bool {
        !self.is_typewritten && self.atoms[at].is_monospace
    }

    /// Atoms that no table has, with their middles in the rectangle.
    fn within(&self, rect: &Rect, margin: f32) -> Vec<usize> {
        let is_in = |atom: &Atom<'_>| {
            let middle = atom.rect.center();
            middle.x > rect.left - margin
                && middle.x < rect.right + margin
                && middle.y > rect.top - margin
                && middle.y < rect.bottom + margin
        };
        (0..self.atoms.len()).filter(|&at| !self.is_taken[at] && is_in(&self.atoms[at])).collect()
    }

    fn bounds(&self, members: &[usize]) -> Rect {
        members.iter().map(|&at| self.atoms[at].rect).reduce(|a, b| a.union(&b)).unwrap_or_default()
    }

    /// Grids of lines that meet.
    fn frames(&mut self) {
        let mut frames = ruled::frames(&self.rules, self.em);
        // A box around a table is looked at after it.
        frames.sort_by(|a, b| a.rect.area().total_cmp(&b.rect.area()));
        for frame in frames.into_iter().take(256) {
            let members = self.within(&frame.rect, 0.0);
            if members.len() < 2 {
                continue;
            }
            let em = height_of(&members.iter().map(|&at| self.atoms[at].clone()).collect::<Vec<_>>());
            if let Some(grid) = frame.grid(&self.atoms, &members, em) {
                let confidence = judge::of_drawn(&grid);
                if confidence >= LEAST_CONFIDENCE {
                    self.take(grid, &frame.rect, confidence, em);
                }
                continue;
            }
            let verticals = frame.inner_verticals(em);
            let inner = frame.horizontal.iter().any(|rule| {
                rule.at > frame.rect.top + 0.6 * em
                    && rule.at < frame.rect.bottom - 0.6 * em
                    && rule.length() > 0.6 * frame.rect.width()
            });
            if verticals.is_empty() && !inner {
                continue;
            }
            let drawn = Drawn { bars: self.bars_within(&frame.rect), verticals };
            self.try_open(members, frame.rect, &drawn, Evidence::Drawn);
        }
    }

    /// Rows between lines of one width, or on shades.
    fn stacks(&mut self) {
        let mut stacks = ruled::stacks(&self.rules, self.em);
        // The line below a heading over some columns alone waits for those of the table that it is of. Of those seen in pixels some are missing, so that
        // their number says less.
        if !self.hints.styles.is_empty() {
            stacks.sort_by_key(|(_, bars)| std::cmp::Reverse(bars.len()));
        }
        for (rect, bars) in stacks.into_iter().take(512) {
            let reach = if bars.len() > 1 { 3.0 } else { 1.2 };
            // What begins above a shade or goes on below the last line.
            let around = Rect { top: rect.top - 60.0 * self.em, bottom: rect.bottom + 60.0 * self.em, ..rect };
            let mut members = self.within(&around, 0.3 * self.em);
            members.retain(|&at| !self.is_code(at));
            if members.len() < 4 {
                continue;
            }
            let em = height_of(
                &self.within(&rect, 0.5 * self.em).iter().map(|&at| self.atoms[at].clone()).collect::<Vec<_>>(),
            );
            let em = if em > 0.0 { em } else { self.em };
            let lane: Lane = grid::rows_of(&self.atoms, members, em);
            let is_together = |a: &atoms::TextRow, b: &atoms::TextRow| {
                let between = bars.iter().filter(|bar| bar.at > a.middle() && bar.at < b.middle()).count();
                let space = b.top - a.bottom;
                (between > 0 && space < 3.5 * em)
                    || (a.middle() > rect.top && b.middle() < rect.bottom && space < reach * em)
            };
            let ends = |row: &atoms::TextRow, parts: &[atoms::Segment]| self.is_no_row(row, parts, &bars, em);
            let band_of = |row: &atoms::TextRow| bars.partition_point(|bar| bar.at < row.middle());
            let held: std::collections::HashSet<usize> = lane
                .iter()
                .filter(|(_, parts)| parts.len() > 1)
                .map(|(row, _)| band_of(row))
                .filter(|&band| band > 0 && band < bars.len())
                .collect();
            let is_held = |row: &atoms::TextRow| held.contains(&band_of(row));
            for run in runs(&lane, em, is_together, ends, is_held) {
                let run = self.trim(&lane, run, &rect, &bars, em);
                let rows = &lane[run.clone()];
                if rows.is_empty() {
                    continue;
                }
                let members: Vec<usize> = rows
                    .iter()
                    .flat_map(|(row, _)| row.atoms.iter().copied())
                    .filter(|&at| !self.is_taken[at])
                    .collect();
                if members.len() < 4 {
                    continue;
                }
                let own = self.bounds(&members);
                let place = Rect { left: rect.left.min(own.left), right: rect.right.max(own.right), ..own };
                let touching = Rect { top: place.top - 0.8 * em, bottom: place.bottom + 0.8 * em, ..place };
                let drawn = Drawn { bars: self.bars_within(&touching), verticals: self.verticals_within(&place) };
                let count =
                    drawn.bars.iter().filter(|bar| bar.within(place.left, place.right) > 0.6 * place.width()).count();
                self.try_open(members, place, &drawn, if count > 1 { Evidence::Drawn } else { Evidence::OneBar });
            }
        }
    }

    /// Rows with nothing but space around them.
    fn alone(&mut self) {
        let members: Vec<usize> = (0..self.atoms.len())
            .filter(|&at| !self.is_taken[at] && !self.prose.is_prose[at] && !self.is_code(at))
            .collect();
        if members.len() < 4 {
            return;
        }
        let em = self.em;
        let lane = grid::rows_of(&self.atoms, members, em);
        let mut lanes: Vec<Lane> = match unruled::fold(&lane, self.hints.width, self.hints.height, em) {
            Some(middle) => halves(&self.atoms, &lane, middle, em).into(),
            None => vec![lane],
        };
        // Each parting makes two lanes of one; pages have few columns.
        let mut partings = 0;
        while let Some(mut lane) = lanes.pop() {
            let ends = |row: &atoms::TextRow, _: &[atoms::Segment]| is_caption(&self.text_of(row));
            let runs = runs(&lane, em, |_, _| false, ends, |_| false);
            let parted =
                runs.iter().find_map(|run| parting(&lane[run.clone()], &self.prose, em)).filter(|_| partings < 6);
            let runs: Vec<std::ops::Range<usize>> = match parted {
                Some(_) => {
                    runs.into_iter().filter(|run| parting(&lane[run.clone()], &self.prose, em).is_none()).collect()
                }
                None => runs,
            };
            let found: Vec<Vec<usize>> = runs
                .into_iter()
                .map(|run| grown(&self.atoms, &lane, run.clone(), run, em, 0..lane.len()))
                .filter(|run| lane[run.clone()].iter().filter(|(_, parts)| parts.len() > 1).count() > 1)
                .map(|run| lane[run].iter().flat_map(|(row, _)| row.atoms.iter().copied()).collect())
                .collect();
            for mut members in found {
                members.retain(|&at| !self.is_taken[at]);
                // Phrases below each other may look like running text where only boxes are known.
                if self.hints.styles.is_empty() && members.len() > 3 {
                    self.widen(&mut members);
                }
                let place = self.bounds(&members);
                let drawn = Drawn { bars: self.bars_within(&place), verticals: self.verticals_within(&place) };
                self.try_open(members, place, &drawn, Evidence::Space);
            }
            if let Some(middle) = parted {
                partings += 1;
                lane.retain(|(row, _)| row.atoms.iter().all(|&at| !self.is_taken[at]));
                lanes.extend(halves(&self.atoms, &lane, middle, em));
            }
        }
    }

    fn text_of(&self, row: &atoms::TextRow) -> String {
        row.atoms.iter().map(|&at| self.atoms[at].text).collect::<Vec<_>>().join(" ")
    }

    /// Whether a row between bars is none of a table: a caption, or running text that fills a band of its own.
    fn is_no_row(&self, row: &atoms::TextRow, parts: &[atoms::Segment], bars: &[Rule], em: f32) -> bool {
        let is_prose = |at: &&usize| self.prose.is_prose[**at];
        let prose = row.atoms.iter().filter(is_prose).count();
        // Words of prose stand apart as well, where its lines are stretched.
        let is_apart = |at: usize| {
            let is_far = |left: usize, right: usize| {
                parts.get(left).zip(parts.get(right)).is_none_or(|(left, right)| right.left - left.right > em)
            };
            !row.atoms[parts[at].atoms.clone()].iter().any(|at| is_prose(&at))
                && is_far(at, at + 1)
                && (at == 0 || is_far(at - 1, at))
        };
        let is_between = bars
            .first()
            .zip(bars.last())
            .is_some_and(|(first, last)| first.at < row.middle() && row.middle() < last.at);
        // Phrases below each other beside what is none.
        let is_row = is_between && parts.len() > 1 && (0..parts.len()).any(is_apart);
        if prose * 2 > row.atoms.len() && !is_row {
            let above = bars.iter().rev().find(|bar| bar.at < row.middle());
            let below = bars.iter().find(|bar| bar.at > row.middle());
            let is_narrow = above.zip(below).is_some_and(|(above, below)| below.at - above.at < 9.0 * em);
            return !is_narrow || (parts.len() == 1 && parts[0].right - parts[0].left > 30.0 * em);
        }
        is_caption(&self.text_of(row))
    }

    /// Cuts a run of rows to those that bars say belong together: from the first bar to the last, and rows beyond that go on as near.
    fn trim(
        &self,
        lane: &Lane,
        run: std::ops::Range<usize>,
        rect: &Rect,
        bars: &[Rule],
        em: f32,
    ) -> std::ops::Range<usize> {
        let (mut from, mut to) = (run.start, run.end);
        let is_inside = |at: usize| lane[at].0.middle() > rect.top && lane[at].0.middle() < rect.bottom;
        let Some(first) = (from..to).find(|&at| is_inside(at)).or_else(|| {
            // A line alone, between a header and what it heads.
            (from..to).find(|&at| bars.iter().any(|bar| (lane[at].0.top - bar.at).abs() < em))
        }) else {
            return from..from;
        };
        let last = (from..to).rev().find(|&at| is_inside(at)).unwrap_or(first);
        let limit = if bars.len() > 2 { first..lane.len() } else { 0..lane.len() };
        // Between few bars stands too little to tell the columns by.
        let several = |rows: std::ops::Range<usize>| lane[rows].iter().filter(|(_, parts)| parts.len() > 1).count();
        let like = if several(first..last + 1) < 3 { run.clone() } else { first..last + 1 };
        let grown = grown(&self.atoms, lane, first..last + 1, like.clone(), em, limit);
        (from, to) = (grown.start, grown.end.max(last + 1));
        // A header stands above its line.
        if bars.len() > 2
            && from > 0
            && lane[from].0.middle() > bars[0].at
            && lane[from - 1].0.bottom < bars[0].at + 0.3 * em
        {
            let near =
                (1..=from).rev().take(3).take_while(|&at| lane[at].0.top - lane[at - 1].0.bottom < 0.7 * em).count();
            let grown = unruled::grown(&self.atoms, lane, first..last + 1, like.clone(), em, from - near.max(1)..to);
            from = grown.start;
        }
        // Rows of one cell at an end stay where bars close them in.
        let keeping = grid::Keeping::of(&self.atoms, &lane[like], em);
        let is_cell = |at: usize| lane[at].1.len() > 1 || keeping.column(&lane[at]).is_some();
        let is_near = |at: usize| lane[at].0.top - lane[at - 1].0.bottom < 2.0 * em;
        // Not what stands between two tables of one width.
        let band = |at: usize| bars.partition_point(|bar| bar.at < lane[at].0.middle());
        let is_held = |at: usize, beside: usize| {
            let own = band(at);
            let height = own.checked_sub(1).and_then(|above| Some(bars.get(own)?.at - bars[above].at));
            own == band(beside) || height.is_some_and(|height| height < 6.0 * em)
        };
        let is_more = |at: usize, beside: usize| {
            let inside = lane[at].0.middle() > rect.top && lane[at].0.middle() < rect.bottom;
            inside && is_cell(at) && is_held(at, beside) && !self.is_no_row(&lane[at].0, &lane[at].1, bars, em)
        };
        while to > from && to < lane.len() && is_more(to, to - 1) && is_near(to) {
            to += 1;
        }
        while from > 0 && from < to && is_more(from - 1, from) && is_near(from) {
            from -= 1;
        }
        from..to
    }

    fn bars_within(&self, rect: &Rect) -> Vec<Rule> {
        let near = 0.8 * self.em;
        let edges = self
            .rules
            .shades
            .iter()
            .flat_map(|shade| [shade.top, shade.bottom].map(|at| Rule { at, from: shade.left, to: shade.right }));
        self.rules
            .horizontal
            .iter()
            .copied()
            .chain(edges)
            .filter(|bar| {
                bar.at > rect.top - near
                    && bar.at < rect.bottom + near
                    && bar.from > rect.left - 3.0 * self.em
                    && bar.to < rect.right + 3.0 * self.em
            })
            .collect()
    }

    /// Vertical lines that run over most of a region; where cells reach over them they come in pieces.
    fn verticals_within(&self, rect: &Rect) -> Vec<Rule> {
        let inside = |rule: &&Rule| {
            rule.at > rect.left + 0.3 * self.em
                && rule.at < rect.right - 0.3 * self.em
                && rule.within(rect.top, rect.bottom) > 0.0
        };
        let inside: Vec<Rule> = self.rules.vertical.iter().filter(inside).copied().collect();
        let is_one = |a: &Rule, b: &Rule| b.at - a.at < 0.3 * self.em;
        let covered = |lines: &[Rule]| lines.iter().map(|line| line.within(rect.top, rect.bottom)).sum::<f32>();
        inside.chunk_by(is_one).filter(|lines| covered(lines) > 0.5 * rect.height()).flatten().copied().collect()
    }

    fn try_open(&mut self, members: Vec<usize>, rect: Rect, drawn: &Drawn, evidence: Evidence) {
        let em = height_of(&members.iter().map(|&at| self.atoms[at].clone()).collect::<Vec<_>>());
        let Some(grid) = open_grid(&self.atoms, members, &rect, drawn, em) else { return };
        let confidence = judge::of_open(&grid, &self.atoms, em, evidence, self.is_named(&rect));
        if confidence >= LEAST_CONFIDENCE {
            self.take(grid, &rect, confidence, em);
        }
    }

    /// Whether a caption stands above or below that says that this is a table. It may have several lines.
    fn is_named(&self, rect: &Rect) -> bool {
        self.captions.iter().any(|caption| {
            let shared = caption.right.min(rect.right) - caption.left.max(rect.left);
            let (above, below) = (rect.top - caption.bottom, caption.top - rect.bottom);
            let is_near = |space: f32, most: f32| space > -0.5 * self.em && space < most * self.em;
            shared > 0.0 && (is_near(above, 6.0) || is_near(below, 4.5))
        })
    }

    /// Makes a table of a grid. Where a line of text stands in it in part it is none: lines are not cut.
    fn take(&mut self, grid: Grid, rect: &Rect, confidence: f32, em: f32) {
        let members: Vec<usize> = grid.cells.iter().flat_map(|cell| cell.lines.iter().flatten().copied()).collect();
        let mut lines: Vec<usize> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        for &at in &members {
            let line = self.atoms[at].line;
            let count = seen.entry(line).or_insert(0_usize);
            if *count == 0 {
                lines.push(line);
            }
            *count += 1;
        }
        let mut all = std::collections::HashMap::new();
        for atom in self.atoms.iter().filter(|atom| seen.contains_key(&atom.line)) {
            *all.entry(atom.line).or_insert(0_usize) += 1;
        }
        let torn = seen.iter().filter(|(line, count)| all.get(*line) != Some(*count)).count();
        if torn * 4 > seen.len() {
            return;
        }
        for at in 0..self.atoms.len() {
            self.is_taken[at] |= seen.contains_key(&self.atoms[at].line);
        }
        let header_rows = headers::rows(&grid, &self.atoms, &self.rules);
        let table = cells::table(&grid, &self.atoms, self.lines, self.hints, header_rows, em);
        let rect = members.iter().map(|&at| self.atoms[at].rect).fold(*rect, |a, b| a.union(&b));
        self.found.push(FoundTable { lines, rect, table, confidence });
    }
}

/// Why something is looked at as a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    Drawn,
    OneBar,
    Network,
    Space,
}
