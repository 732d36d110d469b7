//! Which rows of text are one row of a table: lines of one cell, and cells whose text stands between the lines of another.

use std::ops::Range;

use super::columns::Piece;

/// Ems of a cell that holds a broken line of two words or more.
const ROOMY: f32 = 6.0;

/// A row of text, as far as its place matters.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) top: f32,
    pub(super) bottom: f32,
    pub(super) pieces: Vec<Piece>,
}

/// From where to where the words of columns reach, of those that a piece stands in.
fn room(piece: &Piece, extents: &[(f32, f32)]) -> f32 {
    match (extents.get(piece.first), extents.get(piece.last)) {
        (Some(first), Some(last)) => last.1 - first.0,
        _ => f32::INFINITY,
    }
}

impl Piece {
    /// Whether its line ends because what begins the next one had no room; `extents` are the columns', as far as their words reach.
    pub(super) fn runs_on(&self, next: &Piece, extents: &[(f32, f32)], em: f32) -> bool {
        // A word that would have fitted begins no new line.
        let is_full = self.right - self.left + 0.2 * em + next.word >= room(self, extents) - 0.3 * em;
        // Days stand before years.
        let is_text = !self.is_number && (!next.is_number || self.has_digits);
        self.is_hyphenated || (is_text && is_full)
    }

    fn is_single(&self) -> bool {
        self.first == self.last
    }
}

impl Row {
    fn middle(&self) -> f32 {
        (self.top + self.bottom) / 2.0
    }

    fn fills(&self, column: usize) -> bool {
        self.piece(column).is_some()
    }

    fn piece(&self, column: usize) -> Option<&Piece> {
        self.pieces.iter().find(|piece| piece.first <= column && column <= piece.last)
    }
}

/// Rows of text put together to rows of the table. `bars` are places, downwards, where something is drawn across all of the table; `extents`
/// are the columns', as far as their words reach.
pub(super) fn group(rows: &[Row], bars: &[f32], extents: &[(f32, f32)], em: f32) -> Vec<Range<usize>> {
    let bands = bands(rows, bars);
    let grouping = Grouping { rows, extents, em, pairs: pairs(rows, extents, em) };
    if bands.len() >= 3 && grouping.are_rows(&bands) {
        let mut groups = grouping.levels(bands[0].clone());
        let single = bands.windows(2).filter(|pair| pair.iter().all(|band| band.len() == 1));
        let usual = super::atoms::median(single.map(|pair| grouping.pitch(pair[1].start)).collect());
        for band in &bands[1..] {
            // Where some rows alone are shaded: those between stand as far apart as the others do.
            let is_apart = |at: usize| usual > 1.2 * em && grouping.pitch(at) > 0.9 * usual;
            match band.len() > 1 && band.clone().skip(1).all(is_apart) {
                true => groups.extend(band.clone().map(|at| at..at + 1)),
                false => groups.push(band.clone()),
            }
        }
        return groups;
    }
    // Spaces between lines of text within bands, which tell lines of cells from rows.
    let mut groups = Vec::new();
    let tight = grouping.tight(&bands);
    for (at, band) in bands.iter().enumerate() {
        groups.extend(grouping.split(band.clone(), tight, at == 0 && bands.len() > 1));
    }
    groups
}

/// Rows of text between drawn bars.
fn bands(rows: &[Row], bars: &[f32]) -> Vec<Range<usize>> {
    let mut bands: Vec<Range<usize>> = Vec::new();
    let band_of = |row: &Row| bars.partition_point(|&bar| bar < row.middle());
    for at in 0..rows.len() {
        match bands.last_mut() {
            Some(band) if band_of(&rows[at]) == band_of(&rows[at - 1]) => band.end = at + 1,
            _ => bands.push(at..at + 1),
        }
    }
    bands
}

/// Text below text in one column, with nothing of that column between: lines of a cell, or cells of two rows.
#[derive(Clone, Copy, Debug)]
struct Pair {
    /// Indices of the rows of text.
    above: usize,
    below: usize,
    pitch: f32,
    runs_on: bool,
    /// Numbers below each other are of rows below each other.
    are_numbers: bool,
}

fn pairs(rows: &[Row], extents: &[(f32, f32)], em: f32) -> Vec<Pair> {
    let mut last: Vec<Option<(usize, &Piece)>> = vec![None; extents.len()];
    let mut pairs = Vec::new();
    for (below, row) in rows.iter().enumerate() {
        for piece in &row.pieces {
            if let Some((above, before)) = last.get(piece.first).copied().flatten()
                && piece.is_single()
                && before.is_single()
            {
                pairs.push(Pair {
                    above,
                    below,
                    pitch: row.middle() - rows[above].middle(),
                    runs_on: before.runs_on(piece, extents, em),
                    are_numbers: before.is_number && piece.is_number && !before.is_hyphenated,
                });
            }
            for column in piece.first..=piece.last {
                if let Some(last) = last.get_mut(column) {
                    *last = Some((below, piece));
                }
            }
        }
    }
    pairs
}

struct Grouping<'a> {
    rows: &'a [Row],
    extents: &'a [(f32, f32)],
    em: f32,
    pairs: Vec<Pair>,
}

impl Grouping<'_> {
    fn pitch(&self, at: usize) -> f32 {
        self.rows[at].middle() - self.rows[at - 1].middle()
    }

    fn pairs_of(&self, range: &Range<usize>) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(move |pair| range.contains(&pair.above) && range.contains(&pair.below))
    }

    /// The least pitch of lines below each other in a column.
    fn least(&self) -> f32 {
        let pitches = self.pairs.iter().map(|pair| pair.pitch);
        pitches.filter(|&pitch| pitch > 0.8 * self.em).fold(f32::INFINITY, f32::min)
    }

    /// Whether each band is a row: most have one row of text, or lines that look like those of cells.
    fn are_rows(&self, bands: &[Range<usize>]) -> bool {
        let body = &bands[1..];
        let (most, all) = (bands.iter().map(Range::len).max().unwrap_or(0), self.rows.len());
        let least = self.least();
        let several = |range: &Range<usize>| self.is_several(range, least);
        // Lines around a header, and none between the rows below it.
        if most > 3 && 2 * most > all && body.iter().any(several) {
            return false;
        }
        body.iter().filter(|band| several(band)).count() * 10 <= 3 * body.len()
            && body.iter().all(|band| band.len() < 6 || !several(band))
    }

    /// Whether lines between two bars look like rows of a table.
    fn is_several(&self, band: &Range<usize>, least: f32) -> bool {
        if band.len() < 2 {
            return false;
        }
        let (mut all, mut on) = (0, 0);
        for pair in self.pairs_of(band) {
            if pair.are_numbers || pair.pitch > 1.35 * least {
                return true;
            }
            all += 1;
            on += usize::from(pair.runs_on);
        }
        // Lines of one cell, each of its own, beside cells of one line.
        let lines = |column: usize| self.rows[band.clone()].iter().filter(|row| row.fills(column)).count();
        let counts: Vec<usize> = (0..self.extents.len()).map(lines).filter(|&count| count > 0).collect();
        let is_one = counts.len() > 2 && counts.iter().filter(|&&count| count > 1).count() == 1;
        on * 2 < all && !is_one
    }

    /// Whether a row of text goes on with what the one above has not the room for, in each cell that both have.
    fn is_wrapped(&self, at: usize) -> bool {
        let (above, row) = (&self.rows[at - 1], &self.rows[at]);
        let runs_on =
            |piece: &Piece| above.piece(piece.first).is_some_and(|before| before.runs_on(piece, self.extents, self.em));
        !row.pieces.is_empty() && row.pieces.iter().all(runs_on)
    }

    /// Whether the cells that a row of text would go on are so wide that text is broken in them: units and codes stand in narrower ones.
    fn is_roomy(&self, at: usize) -> bool {
        self.rows[at].pieces.iter().all(|piece| {
            let above = self.rows[at - 1].piece(piece.first);
            above.is_some_and(|above| above.is_hyphenated || room(above, self.extents) > ROOMY * self.em)
        })
    }

    /// The pitch up to which texts below each other are lines of one cell, where two kinds of pitch can be told apart.
    fn tight(&self, bands: &[Range<usize>]) -> Option<f32> {
        let within = || bands.iter().flat_map(|band| self.pairs_of(band)).filter(|pair| pair.pitch > 0.8 * self.em);
        let mut pitches: Vec<f32> = within().map(|pair| pair.pitch).collect();
        pitches.sort_by(f32::total_cmp);
        let &least = pitches.first()?;
        if least > 1.7 * self.em {
            return None;
        }
        let jump = pitches.windows(2).find(|pair| pair[1] > 1.1 * pair[0] && pair[1] > pair[0] + 0.12 * self.em)?;
        let limit = (jump[0] + jump[1]) / 2.0;
        // Most that stand so near go on with what is above.
        let near = within().filter(|pair| pair.pitch <= limit);
        let (all, on) = near.fold((0, 0), |(all, on), pair| (all + 1, on + usize::from(pair.runs_on)));
        (jump[0] < 1.25 * least && on * 10 >= all * 6).then_some(limit)
    }

    /// The rows of a band.
    fn split(&self, band: Range<usize>, tight: Option<f32>, is_header: bool) -> Vec<Range<usize>> {
        if band.len() < 2 {
            return vec![band];
        }
        let Some(limit) = tight else { return self.by_content(band, is_header) };
        let mut groups = Vec::new();
        for group in self.by_pitch(band, limit) {
            match is_header || self.is_torn(&group, limit) {
                true => groups.extend(self.by_content(group, is_header)),
                false => groups.push(group),
            }
        }
        groups
    }

    /// Whether some texts below each other in a group are no lines of one cell.
    fn is_torn(&self, group: &Range<usize>, limit: f32) -> bool {
        self.pairs_of(group).any(|pair| pair.are_numbers || pair.pitch > limit)
    }

    /// Rows of text that lines of a cell hold together, and those between the lines of another cell.
    fn by_pitch(&self, band: Range<usize>, limit: f32) -> Vec<Range<usize>> {
        let mut is_held = vec![false; band.len()];
        for pair in self.pairs_of(&band).filter(|pair| pair.pitch <= limit && !pair.are_numbers) {
            is_held[pair.above + 1 - band.start..=pair.below - band.start].fill(true);
        }
        let mut groups: Vec<Range<usize>> = Vec::new();
        for at in band.clone() {
            match groups.last_mut() {
                Some(group) if is_held[at - band.start] || self.pitch(at) < 0.8 * self.em => group.end = at + 1,
                _ => groups.push(at..at + 1),
            }
        }
        groups
    }

    /// The rows of what stands above the first bar below it: headings over headings are rows of their own, lines of headings are not.
    fn levels(&self, band: Range<usize>) -> Vec<Range<usize>> {
        if band.len() < 2 {
            return vec![band];
        }
        let mut levels: Vec<Range<usize>> = Vec::new();
        for at in band {
            match levels.last_mut() {
                Some(level) if !self.begins_level(level, at) => level.end = at + 1,
                _ => levels.push(at..at + 1),
            }
        }
        levels
    }

    /// Whether a row of text below headings is of headings that those stand over: it has more of them, and they do not go on with what is
    /// above them.
    fn begins_level(&self, level: &Range<usize>, at: usize) -> bool {
        let (above, row) = (&self.rows[at - 1], &self.rows[at]);
        if self.pitch(at) < 0.8 * self.em {
            return false;
        }
        if self.rows[level.clone()].iter().any(|row| row.pieces.iter().any(|piece| !piece.is_single())) {
            return true;
        }
        let is_line = |piece: &Piece| {
            let Some(below) = row.piece(piece.first) else { return false };
            let middle = |piece: &Piece| (piece.left + piece.right) / 2.0;
            let off = [below.left - piece.left, below.right - piece.right, middle(below) - middle(piece)];
            piece.runs_on(below, self.extents, self.em) && off.iter().any(|off| off.abs() < 0.3 * self.em)
        };
        if row.pieces.len() <= above.pieces.len() {
            return false;
        }
        // Lines of a heading stand closer than rows.
        let body = (level.end.max(at + 1) + 1..self.rows.len()).map(|at| self.pitch(at));
        let usual = super::atoms::median(body.collect());
        if usual > 0.0 && self.pitch(at) < 0.85 * usual && self.pitch(at) < 1.4 * self.em {
            return false;
        }
        // The words of one that is broken early have room beside each other.
        let lines = above.pieces.iter().filter(|piece| is_line(piece)).count();
        lines * 3 < above.pieces.len() * 2
    }

    /// By what rows of text say: one that has few cells, each below a full line, goes on with the row above.
    fn by_content(&self, band: Range<usize>, is_header: bool) -> Vec<Range<usize>> {
        let mut groups: Vec<Range<usize>> = Vec::new();
        let columns = self.extents.len();
        let filled = |at: usize| (0..columns).filter(|&column| self.rows[at].fills(column)).count();
        let pitches = band.clone().skip(1).map(|at| self.pitch(at)).filter(|&pitch| pitch > 0.8 * self.em);
        let usual = pitches.fold(f32::INFINITY, f32::min);
        for at in band {
            let Some(group) = groups.last_mut() else {
                groups.push(at..at + 1);
                continue;
            };
            let pitch = self.pitch(at);
            // Between the lines of another cell.
            let is_between = pitch < 0.8 * self.em;
            let is_near = pitch < (1.15 * usual).max(0.8 * self.em) && pitch < 1.7 * self.em;
            let is_poorer = filled(at) * 2 <= filled(group.start).max(2);
            // In a table of several columns, text below text alone in its row.
            let is_alone = columns > 2
                && filled(at) == 1
                && !self.rows[at].fills(0)
                && self.rows[at].pieces.iter().all(|piece| {
                    let above = self.rows[at - 1].piece(piece.first);
                    !piece.is_number && above.is_some_and(|above| !above.is_number)
                });
            let goes_on = is_near
                && (self.is_wrapped(at) || is_alone)
                && (is_poorer || is_header)
                && (is_header || self.is_roomy(at))
                && !(is_header && self.begins_level(group, at));
            if is_between || goes_on {
                group.end = at + 1;
            } else {
                groups.push(at..at + 1);
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of cells ten apart of which each is as wide as its column (`#`) or not (`-`), at the middles given.
    fn check(rows: &[(f32, &str)], bars: &[f32], expected: &[Range<usize>]) {
        let rows: Vec<Row> = rows
            .iter()
            .map(|&(middle, cells)| {
                let pieces = cells.char_indices().filter(|&(_, c)| c != ' ').map(|(at, c)| {
                    let left = 100.0 * at as f32;
                    let right = left + if c == '#' { 80.0 } else { 30.0 };
                    Piece {
                        left,
                        right,
                        atoms: Vec::new(),
                        first: at,
                        last: at,
                        word: 20.0,
                        is_number: false,
                        has_digits: false,
                        is_hyphenated: false,
                    }
                });
                Row { top: middle - 5.0, bottom: middle + 5.0, pieces: pieces.collect() }
            })
            .collect();
        let extents: Vec<(f32, f32)> = (0..4).map(|at| (100.0 * at as f32, 100.0 * at as f32 + 80.0)).collect();
        assert_eq!(group(&rows, bars, &extents, 10.0), expected);
    }

    #[test]
    fn rows_are_told_from_lines_of_cells() {
        // Even rows.
        check(&[(0.0, "---"), (12.0, "---"), (24.0, "---")], &[], &[0..1, 1..2, 2..3]);
        // Lines of a cell stand closer than rows.
        check(&[(0.0, "-#-"), (12.0, " - "), (30.0, "-#-"), (42.0, " - ")], &[], &[0..2, 2..4]);
        // Drawn lines between all rows say it.
        check(&[(0.0, "-#"), (12.0, " -"), (24.0, "--"), (36.0, "--")], &[18.0, 30.0], &[0..2, 2..3, 3..4]);
        // Lines above and below the header say nothing of the rows below.
        check(
            &[(0.0, "---"), (12.0, "---"), (24.0, "---"), (36.0, "---")],
            &[-6.0, 6.0, 42.0],
            &[0..1, 1..2, 2..3, 3..4],
        );
        // Lines between some rows alone.
        check(
            &[(0.0, "---"), (16.0, "---"), (32.0, "---"), (48.0, "---"), (64.0, "---"), (80.0, "---")],
            &[8.0, 24.0, 40.0, 72.0],
            &[0..1, 1..2, 2..3, 3..4, 4..5, 5..6],
        );
        // Rows as near as lines: what stands below a full cell alone goes on with it.
        check(&[(0.0, "-#-"), (12.0, " - "), (24.0, "---")], &[], &[0..2, 2..3]);
        // Text set at middle height, beside two lines.
        check(&[(0.0, " #"), (6.0, "- "), (12.0, " -"), (30.0, "--")], &[], &[0..3, 3..4]);
    }
}
