//! Reading order: which line comes after which, and which lines make a block.
//!
//! A recursive cut in the manner of the XY-cut (Nagy and Seth 1984), with one difference that matters on real pages.
//! The classic cut needs white space across the whole region, so that a heading over two columns, or a single-column
//! abstract above them, hides the gutter. Here a gutter may be crossed: the lines that cross it divide the region into
//! bands, and only the bands that really stand in two columns are read column by column.
//!
//! Rectangles are expected upright: a caller that knows the page's skew turns them back first. What skew is left (a
//! degree or so) is harmless, since gutters are looked for band by band and rows are chained neighbour by neighbour.

use crate::{geometry::Rect, record::TextLine};

/// Places looked at for a gutter in one region. A page 4,000 pixels wide is then searched every 8 pixels, which is
/// narrower than any gutter that a reader could see.
const GUTTER_CANDIDATES: usize = 512;

/// How deep regions may nest. Real pages need three or four; the bound keeps hostile input from recursing for ever.
const MAX_DEPTH: usize = 24;

/// Lines that each side of a gutter needs at least: two fragments in two rows are a table or a letterhead.
const MIN_COLUMN_LINES: usize = 3;

/// Share of a column's lines that go on with a sentence of the line above, where rows of both columns align: in prose most do (they begin
/// with a small letter), in lists of references and of names in a narrow column one in four; cells of a table hardly ever do.
const RUN_ON_SHARE: f32 = 0.2;

/// Orders the lines of a page: blocks in reading order, each the indices of its lines in reading order. Every index of `lines` appears
/// exactly once.
///
/// Most lines of a page run one way, which is the page's own: pages of Hebrew and Arabic have their columns and the parts of a row from the
/// right, vertical Japanese its lines from the right and its tiers downwards, and a page set sideways is ordered as it is
/// read. Lines that run another way (a notice up the margin, a watermark) come after it, and cut none of its columns.
pub fn order_page(lines: &[TextLine]) -> Vec<Vec<usize>> {
    let characters = |line: &TextLine| line.text.chars().count();
    let mut directions: [Vec<usize>; 5] = Default::default();
    lines.iter().enumerate().for_each(|(index, line)| directions[Heading::of(line) as usize].push(index));
    let mut directions: Vec<(usize, Vec<usize>)> = directions.into_iter().enumerate().collect();
    directions
        .sort_by_key(|(_, members)| std::cmp::Reverse(members.iter().map(|&i| characters(&lines[i])).sum::<usize>()));
    let mut blocks = Vec::new();
    for (heading, members) in directions.into_iter().filter(|(_, members)| !members.is_empty()) {
        let texts: Vec<&str> = members.iter().map(|&index| lines[index].text.as_str()).collect();
        let from_the_right = heading == 0 && reads_from_the_right(&texts);
        let as_read = |&index: &usize| {
            let Rect { left, top, right, bottom } = lines[index].polygon.bounds();
            match heading {
                0 if from_the_right => Rect { left: -right, right: -left, top, bottom },
                1 => Rect { left: top, top: -right, right: bottom, bottom: -left },
                2 => Rect { left: -right, top: -bottom, right: -left, bottom: -top },
                3 => Rect { left: -bottom, top: left, right: -top, bottom: right },
                _ => Rect { left, top, right, bottom },
            }
        };
        let boxes: Vec<Rect> = members.iter().map(as_read).collect();
        let order = order_texts(&boxes, &texts);
        blocks.extend(order.into_iter().map(|block| block.into_iter().map(|at| members[at]).collect()));
    }
    blocks
}

/// Where a line runs.
#[derive(Clone, Copy)]
enum Heading {
    Right = 0,
    Down = 1,
    Left = 2,
    Up = 3,
    /// Across the page.
    Askew = 4,
}

impl Heading {
    fn of(line: &TextLine) -> Self {
        let [a, b, ..] = line.polygon.0;
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        // A line of one glyph or none runs as all others do.
        if dx.abs() + dy.abs() <= 0.0 {
            return Self::Right;
        }
        // Up to fifteen degrees are skew.
        match (dx.abs(), dy.abs()) {
            (x, y) if y <= 0.27 * x => {
                if dx >= 0.0 {
                    Self::Right
                } else {
                    Self::Left
                }
            }
            (x, y) if x <= 0.27 * y => {
                if dy >= 0.0 {
                    Self::Down
                } else {
                    Self::Up
                }
            }
            _ => Self::Askew,
        }
    }
}

/// Whether most of the letters are read from the right: Hebrew, Arabic, Syriac, Thaana.
fn reads_from_the_right(texts: &[&str]) -> bool {
    let is_rtl = |c: char| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
    let letters = || texts.iter().flat_map(|text| text.chars()).filter(|c| c.is_alphabetic());
    2 * letters().filter(|&c| is_rtl(c)).count() > letters().count()
}

/// How a line begins, as far as that says whether it goes on with the line above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// With a small letter.
    Small,
    /// With a capital, a digit, a sign.
    Else,
    /// Of a script without capitals, or not known.
    Unknown,
}

impl Beginning {
    fn of(text: &str) -> Self {
        let first = text.chars().find(|c| !c.is_whitespace() && !"\"'([{\u{201c}\u{2018}\u{ab}".contains(*c));
        match first {
            Some(c) if c.is_lowercase() => Self::Small,
            Some(c) if c.is_alphabetic() && !c.is_uppercase() => Self::Unknown,
            Some(_) => Self::Else,
            None => Self::Unknown,
        }
    }
}

/// What is known of a page's lines.
struct Lines {
    boxes: Vec<Rect>,
    beginnings: Vec<Beginning>,
    partner_left: Vec<bool>,
    partner_right: Vec<bool>,
}

impl std::ops::Deref for Lines {
    type Target = [Rect];

    fn deref(&self) -> &[Rect] {
        &self.boxes
    }
}

/// As [`order_page`], of upright lines: their boxes, and their texts, which tell rows of a table from lines of two columns. Every index of
/// `boxes` appears exactly once, whatever the boxes look like; NaN coordinates count as 0. Without texts it goes by boxes alone.
pub fn order_texts(boxes: &[Rect], texts: &[&str]) -> Vec<Vec<usize>> {
    if boxes.is_empty() {
        return Vec::new();
    }
    let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
    let boxes: Vec<Rect> = boxes
        .iter()
        .map(|b| {
            let (left, top) = (finite(b.left), finite(b.top));
            Rect { left, top, right: finite(b.right).max(left), bottom: finite(b.bottom).max(top) }
        })
        .collect();
    let beginning = |index: usize| texts.get(index).map_or(Beginning::Unknown, |text| Beginning::of(text));
    let (partner_left, partner_right) = partners(&boxes);
    let beginnings = (0..boxes.len()).map(beginning).collect();
    let lines = Lines { boxes, beginnings, partner_left, partner_right };
    let mut blocks = Vec::new();
    order_region(&lines, (0..lines.boxes.len()).collect(), 0, &mut blocks);
    blocks
}

fn order_region(boxes: &Lines, mut region: Vec<usize>, depth: usize, blocks: &mut Vec<Vec<usize>>) {
    region.sort_by(|&a, &b| {
        let (a, b) = (boxes[a].center(), boxes[b].center());
        a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x))
    });
    let gutter = if depth < MAX_DEPTH { find_gutter(boxes, &region) } else { None };
    let Some(gutter) = gutter else { return stack_rows(boxes, &region, blocks) };
    // Lines between two columnar bands form regions of their own, which may have other gutters.
    let mut between = Vec::new();
    for band in bands(boxes, &region, gutter) {
        if band.is_columnar(boxes) {
            if !between.is_empty() {
                order_region(boxes, std::mem::take(&mut between), depth + 1, blocks);
            }
            order_region(boxes, band.left, depth + 1, blocks);
            order_region(boxes, band.right, depth + 1, blocks);
        } else {
            between.extend(band.crossing.into_iter().chain(band.left).chain(band.right));
        }
    }
    if !between.is_empty() {
        order_region(boxes, between, depth + 1, blocks);
    }
}

/// Consecutive lines of a region, seen from one possible gutter: either lines that cross it, or lines beside it.
#[derive(Default)]
struct Band {
    crossing: Vec<usize>,
    left: Vec<usize>,
    right: Vec<usize>,
}

impl Band {
    /// Whether the band stands in two columns that are to be read one after the other. Beside them stand tables and
    /// letterheads, which also have a gap in the middle and are read row by row.
    fn is_columnar(&self, boxes: &Lines) -> bool {
        if self.left.len() < MIN_COLUMN_LINES || self.right.len() < MIN_COLUMN_LINES {
            return false;
        }
        let (left, right) = (Column::of(boxes, &self.left), Column::of(boxes, &self.right));
        // Cells of one row are no column.
        if left.rows.min(right.rows) < MIN_COLUMN_LINES {
            return false;
        }
        // Above each other they are not columns, whatever their gap.
        let shared = left.bounds.intersection(&right.bounds_beside(&left)).height();
        if shared < 0.4 * left.bounds.height().min(right.bounds.height()) {
            return false;
        }
        if !rows_align(boxes, &self.left, &self.right) {
            return true;
        }
        left.is_prose() && right.is_prose() && runs_on(boxes, &self.left) && runs_on(boxes, &self.right)
    }

    /// Height over which both columns stand, in pixels: what a gutter is worth.
    fn shared_height(&self, boxes: &[Rect]) -> f32 {
        let (left, right) = (Column::of(boxes, &self.left), Column::of(boxes, &self.right));
        left.bounds.intersection(&right.bounds_beside(&left)).height().max(0.0)
    }
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

/// Whether most lines of the shorter side, or most rows of it, have a partner in the same row towards the other: a table does. Headings
/// above it and rows without values have none.
fn rows_align(lines: &Lines, left: &[usize], right: &[usize]) -> bool {
    let share = |side: &[usize], partners: &[bool]| {
        let aligned = side.iter().filter(|&&index| partners[index]).count();
        aligned as f32 / side.len() as f32
    };
    let (left, right) = (share(left, &lines.partner_right), share(right, &lines.partner_left));
    left.max(right) >= 0.7
}

/// Which lines have another in the same row on their left, and which on their right. Of the whole page, and not of the band that is
/// looked at: a cell that crosses a gutter ends a band in the middle of a row.
fn partners(boxes: &[Rect]) -> (Vec<bool>, Vec<bool>) {
    let (mut left, mut right) = (vec![false; boxes.len()], vec![false; boxes.len()]);
    let mut downwards: Vec<usize> = (0..boxes.len()).collect();
    downwards.sort_by(|&a, &b| boxes[a].top.total_cmp(&boxes[b].top));
    for (at, &a) in downwards.iter().enumerate() {
        for &b in downwards[at + 1..].iter().take_while(|&&b| boxes[b].top < boxes[a].bottom) {
            let (a, b) = if boxes[a].left <= boxes[b].left { (a, b) } else { (b, a) };
            let shared = boxes[a].right - boxes[b].left;
            if overlap_y(&boxes[a], &boxes[b]) > 0.6 && shared < 0.3 * boxes[a].width().min(boxes[b].width()).max(1.0) {
                (right[a], left[b]) = (true, true);
            }
        }
    }
    (left, right)
}

/// Divides `region`, sorted downwards, at the lines that cross `x`.
fn bands(boxes: &[Rect], region: &[usize], x: f32) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut last_crossed = None;
    for &index in region {
        let side = side_of(&boxes[index], x);
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Across,
    Right,
}

/// Detection boxes reach beyond the ink by up to half a line's height, so that boxes on both sides of a narrow gutter
/// touch: a third of the height is forgiven at each end.
fn side_of(rect: &Rect, x: f32) -> Side {
    let slack = (rect.height() / 3.0).min(rect.width() / 4.0);
    if rect.right - slack <= x {
        Side::Left
    } else if rect.left + slack >= x {
        Side::Right
    } else {
        Side::Across
    }
}

/// The gutter that divides the greatest height of the region into columns; among equals, the one with the widest gap.
fn find_gutter(boxes: &Lines, region: &[usize]) -> Option<f32> {
    if region.len() < 2 * MIN_COLUMN_LINES {
        return None;
    }
    let all = bounds(boxes, region);
    let step = (all.width() / GUTTER_CANDIDATES as f32).max(1.0);
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
        let worth: f32 = bands(boxes, region, x)
            .iter()
            .filter(|band| band.is_columnar(boxes))
            .map(|band| band.shared_height(boxes))
            .sum();
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

/// One column: rows downwards, fragments of a row from left to right, a new block where the space between rows is
/// clearly wider than usual.
fn stack_rows(boxes: &[Rect], region: &[usize], blocks: &mut Vec<Vec<usize>>) {
    let rows = rows(boxes, region);
    let bounds: Vec<Rect> = rows.iter().map(|row| self::bounds(boxes, row)).collect();
    let height = median(region.iter().map(|&i| boxes[i].height()));
    let pitches: Vec<f32> = bounds.windows(2).map(|pair| pair[1].center().y - pair[0].center().y).collect();
    let pitch = median(pitches.iter().copied());
    let mut block: Vec<usize> = Vec::new();
    for (index, row) in rows.into_iter().enumerate() {
        if index > 0 && pitches[index - 1] > 1.45 * pitch.max(0.8 * height) && !block.is_empty() {
            blocks.push(std::mem::take(&mut block));
        }
        block.extend(row);
    }
    if !block.is_empty() {
        blocks.push(block);
    }
}

/// Chains each line to its nearest neighbour on the right in the same row, and sorts the chains downwards.
fn rows(boxes: &[Rect], region: &[usize]) -> Vec<Vec<usize>> {
    let mut by_left = region.to_vec();
    by_left.sort_by(|&a, &b| boxes[a].left.total_cmp(&boxes[b].left).then(a.cmp(&b)));
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for &index in &by_left {
        let this = &boxes[index];
        // The row whose end is nearest on the left; a line lies in one row only, and a row grows at its end only.
        let row = rows
            .iter_mut()
            .filter(|row| {
                let end = &boxes[row[row.len() - 1]];
                let shared = end.right.min(this.right) - this.left;
                overlap_y(end, this) > 0.5 && shared < 0.3 * end.width().min(this.width()).max(1.0)
            })
            .max_by(|a, b| boxes[a[a.len() - 1]].right.total_cmp(&boxes[b[b.len() - 1]].right));
        match row {
            Some(row) => row.push(index),
            None => rows.push(vec![index]),
        }
    }
    let middle = |row: &[usize]| row.iter().map(|&i| boxes[i].center().y).sum::<f32>() / row.len() as f32;
    rows.sort_by(|a, b| middle(a).total_cmp(&middle(b)).then(boxes[a[0]].left.total_cmp(&boxes[b[0]].left)));
    rows
}

/// Shared height as a part of the lower one's height, 0 to 1.
fn overlap_y(a: &Rect, b: &Rect) -> f32 {
    let shared = a.bottom.min(b.bottom) - a.top.max(b.top);
    let least = a.height().min(b.height());
    if least <= 0.0 { 0.0 } else { (shared / least).max(0.0) }
}

fn bounds(boxes: &[Rect], lines: &[usize]) -> Rect {
    lines.iter().map(|&i| boxes[i]).reduce(|a, b| a.union(&b)).unwrap_or_default()
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(left: f32, top: f32, width: f32, height: f32) -> Rect {
        Rect { left, top, right: left + width, bottom: top + height }
    }

    /// `count` lines, 30 pixels apart, from `top`.
    fn column(left: f32, top: f32, width: f32, count: usize) -> Vec<Rect> {
        (0..count).map(|row| rect(left, top + 30.0 * row as f32, width, 20.0)).collect()
    }

    fn flat(blocks: &[Vec<usize>]) -> Vec<usize> {
        blocks.concat()
    }

    fn check_in_given_order(boxes: &[Rect]) {
        let expected: Vec<usize> = (0..boxes.len()).collect();
        assert_eq!(flat(&order_texts(boxes, &[])), expected);
        // The order that they come in must not matter.
        let reversed: Vec<Rect> = boxes.iter().rev().copied().collect();
        let order: Vec<usize> = flat(&order_texts(&reversed, &[])).into_iter().map(|i| boxes.len() - 1 - i).collect();
        assert_eq!(order, expected);
    }

    #[test]
    fn a_single_column_reads_downwards() {
        check_in_given_order(&column(50.0, 10.0, 500.0, 12));
    }

    #[test]
    fn two_columns_under_a_heading_read_one_after_the_other() {
        let mut page = vec![rect(50.0, 10.0, 700.0, 40.0)];
        page.extend(column(50.0, 80.0, 340.0, 10));
        page.extend(column(410.0, 80.0, 340.0, 10));
        check_in_given_order(&page);
    }

    #[test]
    fn a_heading_in_the_middle_of_two_columns_divides_them() {
        let mut page = column(50.0, 80.0, 340.0, 5);
        page.extend(column(410.0, 80.0, 340.0, 5));
        page.push(rect(50.0, 250.0, 700.0, 30.0));
        page.extend(column(50.0, 300.0, 340.0, 5));
        page.extend(column(410.0, 300.0, 340.0, 5));
        check_in_given_order(&page);
    }

    #[test]
    fn boxes_that_touch_in_a_narrow_gutter_still_make_columns() {
        let mut page = column(50.0, 80.0, 352.0, 10);
        page.extend(column(398.0, 95.0, 352.0, 10));
        check_in_given_order(&page);
    }

    #[test]
    fn three_columns_and_a_single_column_foot() {
        let mut page = Vec::new();
        for left in [50.0, 310.0, 570.0] {
            page.extend(column(left, 80.0, 240.0, 8));
        }
        page.extend(column(50.0, 400.0, 760.0, 6));
        check_in_given_order(&page);
    }

    #[test]
    fn columns_on_a_page_that_is_slightly_skew() {
        let mut page = column(50.0, 80.0, 340.0, 30);
        page.extend(column(410.0, 80.0, 340.0, 30));
        let (sin, cos) = 0.6_f32.to_radians().sin_cos();
        let skew = |r: &Rect| {
            let c = r.center();
            let (x, y) = (c.x * cos - c.y * sin, c.x * sin + c.y * cos);
            // What an upright box around a skew line measures.
            let (w, h) = (r.width() * cos + r.height() * sin, r.height() * cos + r.width() * sin);
            rect(x - w / 2.0, y - h / 2.0, w, h)
        };
        check_in_given_order(&page.iter().map(skew).collect::<Vec<_>>());
    }

    #[test]
    fn a_table_reads_row_by_row() {
        let mut page = Vec::new();
        for row in 0..6 {
            for left in [50.0, 250.0, 450.0] {
                page.push(rect(left, 40.0 + 30.0 * row as f32, 70.0, 20.0));
            }
        }
        check_in_given_order(&page);
    }

    #[test]
    fn rows_of_a_balance_stay_whole_though_some_have_no_values() {
        let mut page = vec![rect(50.0, 0.0, 400.0, 24.0), rect(600.0, 40.0, 60.0, 20.0), rect(750.0, 40.0, 60.0, 20.0)];
        for row in 0..9 {
            let top = 70.0 + 30.0 * row as f32;
            page.push(rect(50.0, top, 200.0, 20.0));
            if row % 3 != 1 {
                page.extend([rect(600.0, top, 80.0, 20.0), rect(750.0, top, 80.0, 20.0)]);
            }
        }
        check_in_given_order(&page);
    }

    #[test]
    fn a_wide_space_starts_a_block() {
        let mut page = column(50.0, 10.0, 500.0, 4);
        page.extend(column(50.0, 160.0, 500.0, 4));
        assert_eq!(order_texts(&page, &[]), [vec![0, 1, 2, 3], vec![4, 5, 6, 7]]);
    }

    #[test]
    fn every_line_appears_exactly_once_whatever_the_boxes() {
        // A linear congruential generator: the same pages in every run, without a dependency.
        let mut state = 7_u64;
        let mut next = |bound: u32| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) as u32 % bound) as f32
        };
        for count in [0, 1, 2, 3, 7, 30, 120, 300] {
            for _ in 0..4 {
                let mut page: Vec<Rect> =
                    (0..count).map(|_| rect(next(900), next(1200), next(400), next(40))).collect();
                if let Some(first) = page.first_mut() {
                    first.left = f32::NAN;
                    first.bottom = f32::INFINITY;
                }
                let blocks = order_texts(&page, &[]);
                assert!(blocks.iter().all(|block| !block.is_empty()));
                let mut order = flat(&blocks);
                order.sort_unstable();
                assert_eq!(order, (0..count).collect::<Vec<usize>>());
            }
        }
    }
}
