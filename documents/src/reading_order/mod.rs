//! Reading order: which line comes after which, and which lines make a block.
//!
//! A recursive cut in the manner of the XY-cut (Nagy and Seth 1984), with one difference that matters on real pages.
//! The classic cut needs white space across the whole region, so that a heading over two columns, or a single-column
//! abstract above them, hides the gutter. Here a gutter may be crossed: the lines that cross it divide the region into
//! bands, and only the bands that really stand in two columns are read column by column.
//!
//! Rectangles are expected upright: a caller that knows the page's skew turns them back first. What skew is left (a
//! degree or so) is harmless, since gutters are looked for band by band and rows are chained neighbour by neighbour.

mod columns;
mod lines;
mod rows;

use self::{
    columns::{Band, bands, find_gutter},
    lines::Lines,
    rows::stack_rows,
};
use crate::{geometry::Rect, record::TextLine, script};

/// How deep regions may nest. Real pages need three or four; the bound keeps hostile input from recursing for ever.
const MAX_DEPTH: usize = 24;

/// Lines of a cell of a table, in the mean; a note in a margin and what it stands beside have more.
const MOST_OF_CELL: usize = 4;

/// Orders the lines of a page: blocks in reading order, each the indices of its lines in reading order. Every index of `lines` appears
/// exactly once.
///
/// Most lines of a page run one way, which is the page's own: pages of Hebrew and Arabic have their columns and the parts of a row from the
/// right, vertical Japanese its lines from the right and its tiers downwards, and a page set sideways is ordered as it is
/// read. Lines that run another way (a notice up the margin, a watermark) come after it, and cut none of its columns; but what stands upright
/// above all of a page that does not is its heading.
pub fn order_page(lines: &[TextLine]) -> Vec<Vec<usize>> {
    order(lines, false)
}

/// As [`order_page`], of lines that come in the order in which a file draws them. That order says what places leave open: whether what stands
/// side by side are rows of a table or lines of two columns, and how a formula on several levels is read.
pub fn order_as_drawn(lines: &[TextLine]) -> Vec<Vec<usize>> {
    order(lines, true)
}

fn order(lines: &[TextLine], as_drawn: bool) -> Vec<Vec<usize>> {
    let characters = |line: &TextLine| line.text.chars().count();
    let mut directions: [Vec<usize>; 5] = Default::default();
    lines.iter().enumerate().for_each(|(index, line)| directions[Heading::of(line) as usize].push(index));
    let mut directions: Vec<(usize, Vec<usize>)> = directions.into_iter().enumerate().collect();
    directions
        .sort_by_key(|(_, members)| std::cmp::Reverse(members.iter().map(|&i| characters(&lines[i])).sum::<usize>()));
    let upright = Heading::Right as usize;
    if let Some((heading, own)) = directions.first()
        && *heading != upright
    {
        let top = own.iter().map(|&index| lines[index].polygon.bounds().top).fold(f32::INFINITY, f32::min);
        let is_above = |index: &usize| lines[*index].polygon.bounds().bottom <= top;
        let others = directions.iter_mut().find(|(heading, _)| *heading == upright);
        let above: Vec<usize> =
            others.map_or_else(Vec::new, |(_, members)| members.extract_if(.., |i| is_above(i)).collect());
        directions.insert(0, (upright, above));
    }
    let mut blocks = Vec::new();
    for (heading, members) in directions.into_iter().filter(|(_, members)| !members.is_empty()) {
        let texts: Vec<&str> = members.iter().map(|&index| lines[index].text.as_str()).collect();
        let from_the_right = heading == 0 && script::is_mostly_from_the_right(texts.iter().copied());
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
        let order = order_lines(&Lines::new(&boxes, &texts, as_drawn));
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

/// As [`order_page`], of upright lines: their boxes, and their texts, which tell rows of a table from lines of two columns. Every index of
/// `boxes` appears exactly once, whatever the boxes look like; NaN coordinates count as 0. Without texts it goes by boxes alone.
pub fn order_texts(boxes: &[Rect], texts: &[&str]) -> Vec<Vec<usize>> {
    order_lines(&Lines::new(boxes, texts, false))
}

fn order_lines(lines: &Lines) -> Vec<Vec<usize>> {
    let mut blocks = Vec::new();
    if !lines.is_empty() {
        order_region(lines, (0..lines.len()).collect(), 0, &mut blocks);
    }
    blocks
}

fn order_region(lines: &Lines, mut region: Vec<usize>, depth: usize, blocks: &mut Vec<Vec<usize>>) {
    region.sort_by(|&a, &b| {
        let (a, b) = (lines[a].center(), lines[b].center());
        a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x))
    });
    let gutter = if depth < MAX_DEPTH { find_gutter(lines, &region) } else { None };
    let Some(gutter) = gutter else { return stack_rows(lines, &region, blocks) };
    // Lines between two columnar bands form regions of their own, which may have other gutters.
    let mut between = Vec::new();
    // The last columnar band, which may go on below what crosses it.
    let mut columns: Option<Band> = None;
    let close = |columns: Option<Band>, between: &mut Vec<usize>, blocks: &mut Vec<Vec<usize>>| {
        let first = blocks.len();
        let parts = columns.map_or(Vec::new(), |band| band.in_order(lines));
        // Cells of a few lines each are a table, which is one block.
        let are_cells = parts.len() > 2 && parts.concat().len() < MOST_OF_CELL * parts.len();
        for part in parts {
            order_region(lines, part, depth + 1, blocks);
        }
        if are_cells {
            let table = blocks.split_off(first).concat();
            blocks.push(table);
        }
        if !between.is_empty() {
            order_region(lines, std::mem::take(between), depth + 1, blocks);
        }
    };
    for band in bands(lines, &region, gutter) {
        if band.columns(lines).is_none() {
            between.extend(band.crossing.into_iter().chain(band.left).chain(band.right));
            continue;
        }
        match &mut columns {
            Some(above) if above.runs_through(lines, &band) => {
                above.left.extend(band.left);
                above.right.extend(band.right);
            }
            _ => {
                close(columns.take(), &mut between, blocks);
                columns = Some(band);
            }
        }
    }
    close(columns, &mut between, blocks);
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
    fn a_box_that_is_a_little_too_long_does_not_part_the_columns() {
        let mut page = column(50.0, 80.0, 352.0, 10);
        page.extend(column(410.0, 80.0, 340.0, 10));
        page[4].right += 14.0;
        page[15].left -= 14.0;
        check_in_given_order(&page);
        // What stands across does.
        let mut page = column(50.0, 80.0, 340.0, 4);
        page.extend(column(410.0, 80.0, 340.0, 4));
        page.push(rect(300.0, 200.0, 200.0, 20.0));
        page.extend(column(50.0, 230.0, 340.0, 4));
        page.extend(column(410.0, 230.0, 340.0, 4));
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

    /// Words in the order in which they are read, of lines in the order in which they are drawn: text, left, top, width.
    fn read_as_drawn(lines: &[(&str, f32, f32, f32)]) -> String {
        let line = |&(text, left, top, width): &(&str, f32, f32, f32)| TextLine {
            text: text.to_owned(),
            polygon: crate::geometry::Polygon::from_rect(rect(left, top, width, 10.0)),
            confidence: None,
            words: Vec::new(),
        };
        let lines: Vec<TextLine> = lines.iter().map(line).collect();
        let order = flat(&order_as_drawn(&lines));
        order.iter().map(|&index| lines[index].text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_stands_side_by_side_is_read_as_it_is_drawn() {
        // The same places: cells of a table, drawn row by row, and two addresses, drawn one after the other.
        let place = |side: usize, row: usize| (if side == 0 { 50.0 } else { 300.0 }, 20.0 + 14.0 * row as f32, 90.0);
        let texts = [["Ada", "Mill Lane", "Oldtown", "Isle"], ["Bob", "Quay Road", "Seaport", "Coast"]];
        let cell =
            |side: usize, row: usize| (texts[side][row], place(side, row).0, place(side, row).1, place(side, row).2);
        let rows: Vec<_> = (0..4).flat_map(|row| [cell(0, row), cell(1, row)]).collect();
        assert_eq!(read_as_drawn(&rows), "Ada Bob Mill Lane Quay Road Oldtown Seaport Isle Coast");
        let blocks: Vec<_> = (0..2).flat_map(|side| (0..4).map(move |row| cell(side, row))).collect();
        assert_eq!(read_as_drawn(&blocks), "Ada Mill Lane Oldtown Isle Bob Quay Road Seaport Coast");
        // Labels and what is written beside them are rows, whatever is drawn first.
        let labels = ["Name:", "Street:", "Town:", "County:"];
        let form: Vec<_> = (0..4).map(|row| (labels[row], 50.0, 20.0 + 14.0 * row as f32, 90.0)).collect();
        let form =
            [form, (0..4).map(|row| cell(0, row)).map(|(text, _, top, width)| (text, 300.0, top, width)).collect()]
                .concat();
        assert_eq!(read_as_drawn(&form), "Name: Ada Street: Mill Lane Town: Oldtown County: Isle");
    }

    #[test]
    fn cells_of_several_lines_and_notes_are_read_one_after_the_other() {
        let table = [
            ("Rope", 50.0, 20.0, 60.0),
            ("holds boats", 200.0, 20.0, 90.0),
            ("at the quay", 200.0, 32.0, 90.0),
            ("Crane and", 50.0, 50.0, 60.0),
            ("hoist", 50.0, 62.0, 60.0),
            ("lifts", 200.0, 50.0, 90.0),
            ("timber", 200.0, 62.0, 90.0),
            ("Bell and", 50.0, 80.0, 60.0),
            ("whistle", 50.0, 92.0, 60.0),
            ("ring at", 200.0, 80.0, 90.0),
            ("noon", 200.0, 92.0, 90.0),
        ];
        let read = "Rope holds boats at the quay Crane and hoist lifts timber Bell and whistle ring at noon";
        assert_eq!(read_as_drawn(&table), read);
    }

    #[test]
    fn a_figure_across_two_columns_does_not_end_them() {
        let mut page: Vec<(&str, f32, f32, f32)> = Vec::new();
        for (side, texts) in [["a", "b", "c", "d", "e", "f"], ["g", "h", "i", "j", "k", "l"]].iter().enumerate() {
            let left = 50.0 + 260.0 * side as f32;
            page.extend(
                texts.iter().enumerate().map(|(row, &text)| {
                    (text, left, 20.0 + 12.0 * row as f32 + if row < 3 { 0.0 } else { 100.0 }, 240.0)
                }),
            );
        }
        page.push(("FIGURE", 50.0, 100.0, 500.0));
        assert_eq!(read_as_drawn(&page), "a b c d e f g h i j k l FIGURE");
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
