//! Columns: where a gutter divides a region, and what stands on its sides.

use super::lines::{Beginning, Kind, Lines, bounds, median, overlap_y};
use crate::geometry::Rect;

/// Places looked at for a gutter in one region. A page 4,000 pixels wide is then searched every 8 pixels, which is
/// narrower than any gutter that a reader could see.
const GUTTER_CANDIDATES: usize = 512;

/// Lines that each side of a gutter needs at least: two fragments in two rows are a table or a letterhead.
const MIN_COLUMN_LINES: usize = 3;

/// Share of a column's lines that go on with a sentence of the line above, where rows of both columns align: in prose most do (they begin
/// with a small letter), in lists of references and of names in a narrow column one in four; cells of a table hardly ever do.
const RUN_ON_SHARE: f32 = 0.2;

/// Parts of a side's lines that have a partner in their row towards the other, from which rows align, and from which those
/// of a column of figures do: a heading or two of the figures stand alone.
const ALIGNED: f32 = 0.7;
const FIGURES_ALIGNED: f32 = 0.4;

/// How far a line of one column may reach over the middle of the gutter, in its heights and as a part of its width.
const OVERHANG: f32 = 1.0;
const OVERHANG_SHARE: f32 = 0.12;

/// Consecutive lines of a region, seen from one possible gutter: either lines that cross it, or lines beside it.
#[derive(Default)]
pub(super) struct Band {
    pub(super) crossing: Vec<usize>,
    pub(super) left: Vec<usize>,
    pub(super) right: Vec<usize>,
}

impl Band {
    /// Height over which the band stands in two columns that are to be read one after the other, in pixels: what a gutter is worth.
    /// `None` where it does not. Tables and letterheads also have a gap in the middle, and are read row by row.
    pub(super) fn columns(&self, lines: &Lines) -> Option<f32> {
        if self.left.len() < MIN_COLUMN_LINES || self.right.len() < MIN_COLUMN_LINES {
            return None;
        }
        let (left, right) = (Column::of(lines, &self.left), Column::of(lines, &self.right));
        // Cells of one row are no column.
        if left.rows.min(right.rows) < MIN_COLUMN_LINES {
            return None;
        }
        // Above each other they are not columns, whatever their gap.
        let shared = left.bounds.intersection(&right.bounds_beside(&left)).height();
        if shared < 0.4 * left.bounds.height().min(right.bounds.height()) {
            return None;
        }
        self.are_columns(lines, &left, &right).then_some(shared.max(0.0))
    }

    fn are_columns(&self, lines: &Lines, left: &Column, right: &Column) -> bool {
        let aligned = aligned_share(lines, &self.left, &self.right);
        let is_prose =
            || left.is_prose() && right.is_prose() && runs_on(lines, &self.left) && runs_on(lines, &self.right);
        let has_figures = || are_figures(lines, &self.left) || are_figures(lines, &self.right);
        match self.drawn(lines) {
            Drawn::RowByRow => is_prose(),
            Drawn::InTurns => aligned < ALIGNED || !has_figures(),
            // Lists, addresses; and two tables, each with rows of its own. But not labels and what is written beside them.
            Drawn::ColumnByColumn if aligned >= ALIGNED => {
                if left.has_cells(&self.left) || right.has_cells(&self.right) {
                    is_prose() || left.has_rows(lines, &self.left) && right.has_rows(lines, &self.right)
                } else {
                    is_prose() || !(has_figures() || are_labels(lines, &self.left))
                }
            }
            _ if aligned >= ALIGNED => is_prose(),
            _ => aligned < FIGURES_ALIGNED || !has_figures() || is_prose(),
        }
    }

    /// In which order the file draws what stands on both sides.
    fn drawn(&self, lines: &Lines) -> Drawn {
        if !lines.as_drawn {
            return Drawn::Unknown;
        }
        let parts = self.parts_as_drawn();
        let few = self.left.len().min(self.right.len());
        let shorter = if self.left.len() <= self.right.len() { Side::Left } else { Side::Right };
        let of_shorter = parts.iter().filter(|(side, _)| *side == shorter).map(|(_, part)| part);
        let in_rows: usize = of_shorter.filter(|part| is_one_row(lines, part)).map(Vec::len).sum();
        match parts.len() {
            _ if in_rows * 2 > few => Drawn::RowByRow,
            3.. if lead_downwards(lines, &parts) => Drawn::InTurns,
            changes if changes <= 2 + few / 8 => Drawn::ColumnByColumn,
            _ => Drawn::Unknown,
        }
    }

    /// The columns in the order in which they are read: the left one first, unless it is a margin that the file draws after what it stands
    /// beside. Where the file draws one and the other in turns, down the page, so they are read: notes beside what they belong to.
    pub(super) fn in_order(self, lines: &Lines) -> Vec<Vec<usize>> {
        if lines.as_drawn {
            let parts = self.parts_as_drawn();
            let [left, right] = [&self.left, &self.right].map(|side| bounds(lines, side));
            match parts.len() {
                2 if parts[0].0 == Side::Right && left.width() < 0.6 * right.width() => {
                    return vec![self.right, self.left];
                }
                3.. if lead_downwards(lines, &parts) => return parts.into_iter().map(|(_, part)| part).collect(),
                _ => {}
            }
        }
        vec![self.left, self.right]
    }

    /// What is drawn on one side before something is drawn on the other.
    fn parts_as_drawn(&self) -> Vec<(Side, Vec<usize>)> {
        let mut drawn = self.by_drawing();
        let mut parts: Vec<(Side, Vec<usize>)> = Vec::new();
        for (index, side) in drawn.drain(..) {
            match parts.last_mut() {
                Some((last, part)) if *last == side => part.push(index),
                _ => parts.push((side, vec![index])),
            }
        }
        parts
    }

    fn by_drawing(&self) -> Vec<(usize, Side)> {
        let sides = self.left.iter().map(|&i| (i, Side::Left)).chain(self.right.iter().map(|&i| (i, Side::Right)));
        let mut drawn: Vec<(usize, Side)> = sides.collect();
        drawn.sort_unstable_by_key(|&(index, _)| index);
        drawn
    }

    /// Whether the columns go on below what crosses them, and are not ended by it: a figure stands across them, and no heading.
    pub(super) fn runs_through(&self, lines: &Lines, below: &Self) -> bool {
        let ends = |column: &[usize]| Some((*column.first()?, *column.last()?));
        let parts = [&self.left, &below.left, &self.right, &below.right].map(|column| ends(column));
        let [Some(a), Some(b), Some(c), Some(d)] = parts else { return false };
        if lines.as_drawn {
            let extent = |column: &[usize]| column.iter().fold((usize::MAX, 0), |(a, b), &i| (a.min(i), b.max(i)));
            let [a, b, c, d] = [&self.left, &below.left, &self.right, &below.right].map(|column| extent(column));
            return a.1 < b.0 && b.1 < c.0 && c.1 < d.0;
        }
        // What goes on with a sentence does not follow one that has ended.
        let breaks = |(_, last): (usize, usize), (first, _): (usize, usize)| {
            lines.ends_sentence[last] && lines.beginnings[first] == Beginning::Small
        };
        (breaks(a, c) || breaks(c, b)) && !breaks(a, b) && !breaks(b, c) && !breaks(c, d)
    }
}

fn is_one_row(lines: &Lines, part: &[usize]) -> bool {
    part.iter().all(|&index| overlap_y(&lines[part[0]], &lines[index]) > 0.5)
}

/// Whether most lines of a column say what stands beside them.
fn are_labels(lines: &Lines, column: &[usize]) -> bool {
    let labels = column.iter().filter(|&&index| lines.kinds[index] == Kind::Label).count();
    labels * 2 >= column.len()
}

/// Whether each part begins no higher than the last did, and below all that came before on its own side; of many, a few may not (a cell
/// that stands beside several rows).
fn lead_downwards(lines: &Lines, parts: &[(Side, Vec<usize>)]) -> bool {
    let mut reached = [f32::NEG_INFINITY; 2];
    let mut top = f32::NEG_INFINITY;
    let mut leaps = 0;
    for (side, part) in parts {
        let place = bounds(lines, part);
        let reached = &mut reached[usize::from(*side == Side::Right)];
        // The middle of the first line.
        let begins = place.top + 0.5 * lines[part[0]].height();
        if place.bottom < top {
            return false;
        }
        leaps += usize::from(begins < *reached);
        *reached = place.bottom.max(*reached);
        top = place.top.max(top);
    }
    leaps * 6 <= parts.len() && (leaps == 0 || parts.len() >= 6)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawn {
    RowByRow,
    ColumnByColumn,
    /// Some rows of one side, then what stands beside them: notes in a margin, cells of several lines.
    InTurns,
    Unknown,
}

struct Column {
    bounds: Rect,
    line_height: f32,
    line_width: f32,
    /// Part of the bounds' width that lines cover in a mean row, 0 to 1 (or more, where lines overlap).
    fill: f32,
    rows: usize,
}

impl Column {
    fn of(boxes: &[Rect], lines: &[usize]) -> Self {
        let bounds = bounds(boxes, lines);
        let line_height = median(lines.iter().map(|&i| boxes[i].height()));
        // `lines` come sorted downwards; a side may itself be several columns, whose rows are counted once.
        let mut rows = 0;
        let mut last = f32::NEG_INFINITY;
        for &index in lines {
            let y = boxes[index].center().y;
            if y - last > 0.5 * line_height {
                rows += 1;
                last = y;
            }
        }
        let covered: f32 = lines.iter().map(|&i| boxes[i].width()).sum();
        Self {
            bounds,
            line_height,
            rows,
            line_width: median(lines.iter().map(|&i| boxes[i].width())),
            fill: covered / (rows.max(1) as f32 * bounds.width()).max(1.0),
        }
    }

    /// Lines of prose fill their column and hold at least a few words (a character is about half as wide as its line
    /// is high); cells of a table do neither.
    fn is_prose(&self) -> bool {
        self.line_width >= 6.0 * self.line_height && self.fill >= 0.45
    }

    /// Whether its lines are cells of rows.
    fn has_cells(&self, lines: &[usize]) -> bool {
        lines.len() * 2 >= self.rows * 3
    }

    /// Whether its lines are cells of rows, drawn one row after the other: else it is a part of a table that is drawn column by column.
    fn has_rows(&self, boxes: &[Rect], lines: &[usize]) -> bool {
        let mut drawn = lines.to_vec();
        drawn.sort_unstable();
        let beside = drawn.windows(2).filter(|pair| overlap_y(&boxes[pair[0]], &boxes[pair[1]]) > 0.5).count();
        self.has_cells(lines) && beside * 2 >= lines.len() - self.rows.min(lines.len())
    }

    /// These bounds moved sideways onto `other`, so that an intersection compares heights alone.
    fn bounds_beside(&self, other: &Self) -> Rect {
        Rect { left: other.bounds.left, right: other.bounds.right, ..self.bounds }
    }
}

/// Whether lines of a column go on with each other, as far as their beginnings say: those of a table's column do not, however many words they
/// have.
fn runs_on(lines: &Lines, column: &[usize]) -> bool {
    let known = || column.iter().skip(1).map(|&i| lines.beginnings[i]).filter(|&b| b != Beginning::Unknown);
    let small = known().filter(|&beginning| beginning == Beginning::Small).count();
    small as f32 >= RUN_ON_SHARE * known().count() as f32
}

/// Whether most lines of a column are amounts and the like.
fn are_figures(lines: &Lines, column: &[usize]) -> bool {
    let figures = column.iter().filter(|&&index| lines.kinds[index] == Kind::Figures).count();
    figures * 10 >= column.len() * 6
}

/// Part of the lines of one side that have a partner in the same row towards the other, 0 to 1, on the side where they are more: in a table
/// most do. Headings above it and rows without values have none.
fn aligned_share(lines: &Lines, left: &[usize], right: &[usize]) -> f32 {
    let share = |side: &[usize], partners: &[bool]| {
        let aligned = side.iter().filter(|&&index| partners[index]).count();
        aligned as f32 / side.len().max(1) as f32
    };
    share(left, &lines.partner_right).max(share(right, &lines.partner_left))
}

/// Divides `region`, sorted downwards, at the lines that cross `x`.
pub(super) fn bands(boxes: &[Rect], region: &[usize], x: f32) -> Vec<Band> {
    divided(boxes, region, |rect| leaning_of(rect, x))
}

fn divided(boxes: &[Rect], region: &[usize], side_of: impl Fn(&Rect) -> Side) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut last_crossed = None;
    for &index in region {
        let side = side_of(&boxes[index]);
        if last_crossed != Some(side == Side::Across) {
            bands.push(Band::default());
            last_crossed = Some(side == Side::Across);
        }
        if let Some(band) = bands.last_mut() {
            match side {
                Side::Across => band.crossing.push(index),
                Side::Left => band.left.push(index),
                Side::Right => band.right.push(index),
            }
        }
    }
    bands
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Across,
    Right,
}

/// Detection boxes reach beyond the ink by up to half a line's height, so that boxes on both sides of a narrow gutter
/// touch: a third of the height is forgiven at each end.
fn slack(rect: &Rect) -> f32 {
    (rect.height() / 3.0).min(rect.width() / 4.0)
}

fn side_of(rect: &Rect, x: f32) -> Side {
    let slack = slack(rect);
    if rect.right - slack <= x {
        Side::Left
    } else if rect.left + slack >= x {
        Side::Right
    } else {
        Side::Across
    }
}

/// As [`side_of`], of a gutter that is known to be one: a line of one side whose box a detector drew a little too long reaches into the other
/// column, and crosses nothing. What stands across columns reaches further, or as far on both sides.
fn leaning_of(rect: &Rect, x: f32) -> Side {
    let (before, behind) = (x - rect.left, rect.right - x);
    match side_of(rect, x) {
        Side::Across if before.min(behind) <= (OVERHANG * rect.height()).min(OVERHANG_SHARE * rect.width()) => {
            if before > behind { Side::Left } else { Side::Right }
        }
        side => side,
    }
}

/// The gutter that divides the greatest height of the region into columns; among equals, the one with the widest gap.
pub(super) fn find_gutter(lines: &Lines, region: &[usize]) -> Option<f32> {
    if region.len() < 2 * MIN_COLUMN_LINES {
        return None;
    }
    let all = bounds(lines, region);
    let step = (all.width() / GUTTER_CANDIDATES as f32).max(1.0);
    // Where lines end and begin: between two of these places nothing changes sides.
    let sorted = |place: fn(&Rect) -> f32| {
        let mut places: Vec<f32> = region.iter().map(|&index| place(&lines[index])).collect();
        places.sort_unstable_by(f32::total_cmp);
        places
    };
    let (ends, beginnings) = (sorted(|rect| rect.right - slack(rect)), sorted(|rect| rect.left + slack(rect)));
    let mut sides = (0, 0);
    let mut worth = 0.0_f32;
    let mut best: Option<(f32, f32, f32)> = None;
    // Runs of neighbouring candidates with the same worth are one gap; its middle is the gutter.
    let mut run: Option<(f32, f32, f32)> = None;
    let mut close = |run: &mut Option<(f32, f32, f32)>| {
        if let Some((worth, from, to)) = run.take()
            && best.is_none_or(|(w, f, t)| worth > w * 1.02 || (worth > w * 0.98 && to - from > t - f))
        {
            best = Some((worth, from, to));
        }
    };
    let mut x = all.left + step / 2.0;
    while x < all.right {
        let left = ends.partition_point(|&end| end <= x);
        let right = beginnings.len() - beginnings.partition_point(|&beginning| beginning < x);
        if left.min(right) < MIN_COLUMN_LINES {
            worth = 0.0;
        } else if sides != (left, right) {
            worth = divided(lines, region, |rect| side_of(rect, x)).iter().filter_map(|band| band.columns(lines)).sum();
        }
        sides = (left, right);
        match &mut run {
            Some((w, _, to)) if (*w - worth).abs() <= 0.01 * *w => *to = x,
            _ => {
                close(&mut run);
                if worth > 0.0 {
                    run = Some((worth, x, x));
                }
            }
        }
        x += step;
    }
    close(&mut run);
    best.map(|(_, from, to)| (from + to) / 2.0)
}
