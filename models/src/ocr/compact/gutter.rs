//! Boxes that run across the gutter between two columns, and where to cut them.
//!
//! At the detector's scale a narrow gutter is two or three pixels, and now and then a line's kernel crosses it. On a
//! dense page one such box is enough to bring the columns out of order. No second inference is needed to see it: in
//! the page's own pixels the gutter is blank, and above and below it other lines end, start, or are blank, too. A word
//! space is blank as well, but word spaces of many consecutive lines do not stand above each other.

use pagestream_documents::{PixelFormat, Polygon, Raster, Rect, buffers};

use super::{
    crop,
    resize::{self, Plane},
};
use crate::ocr::{
    crop as large_crop, deskew,
    orientation::Upright,
    pixels::{Sampled, histogram},
};

/// Lines this much longer than high may hold two columns.
const MIN_ASPECT: f32 = 8.0;

/// Neighbours are looked at up to this many line heights away: a column of print is coherent over a dozen lines, and
/// headings end it anyway.
const REACH: f32 = 24.0;

/// Blank runs narrower than this part of the line's height are spaces between letters.
const MIN_BLANK: f32 = 0.2;

/// How much wider than the line's usual word space a gutter is, where only one side of the line confirms it, and where every line runs across it: the
/// space behind a colon is half as wide again.
const WIDER: f32 = 1.5;
const MUCH_WIDER: f32 = 1.75;

/// A line this much higher than those around it is set larger: a title over columns has word spaces as wide as their gutter.
const LARGER: f32 = 1.25;

/// Rows with edges from which the gutter of a line's neighbours is known well enough to be looked for in a line above or below all of them, and how much of
/// the line's height its ink stays away from their boxes there: boxes reach beyond their ink.
const ROWS_ON_ONE_SIDE: f32 = 8.0;
const CLEAR: f32 = 0.15;

/// Where one column is shorter, so many times as many lines of the other end or start at the gutter as its own do beside them.
const ONE_SIDED: usize = 4;

/// How far apart the middles of lines that stand beside each other are at most, in heights.
const BESIDE: f32 = 0.8;

/// Rows that have to agree where other lines end and start at the gutter, and where every line runs across it.
const ROWS_WITH_EDGES: f32 = 4.0;
const ROWS_WITHOUT: f32 = 7.0;

/// The lines with those cut in two (or more) that run across a gutter; the others as they were, in the same order.
pub fn cut_at_gutters(raster: &Raster, lines: &[Polygon], upright: &Upright) -> Vec<Polygon> {
    let level: Vec<Polygon> = lines.iter().map(|line| line.map(|p| upright.point(p))).collect();
    let skew = deskew::skew(&level);
    let rects: Vec<Rect> = level.iter().map(|line| deskew::straightened(line, skew)).collect();
    let page: Vec<Seen> = lines
        .iter()
        .zip(&rects)
        .map(|(line, &rect)| {
            let wide = rect.width() > MIN_ASPECT * rect.height();
            let (blanks, margins) = if wide { blanks(raster, line, &rect) } else { Default::default() };
            Seen { rect, blanks, margins }
        })
        .collect();
    let mut by_row: Vec<usize> = (0..page.len()).collect();
    by_row.sort_by(|&a, &b| page[a].rect.center().y.total_cmp(&page[b].rect.center().y));
    let mut place = vec![0; page.len()];
    for (row, &index) in by_row.iter().enumerate() {
        place[index] = row;
    }
    let mut gutters = Vec::new();
    for (line, seen) in page.iter().enumerate() {
        let told = seen.blanks.iter().map(|&blank| (blank, told(&page, &by_row, place[line], blank)));
        gutters.extend(told.filter(|&(_, told)| told != Told::No).map(|(blank, told)| Gutter { line, blank, told }));
    }
    settle(&page, &mut gutters);
    let of_line = |line| gutters.iter().filter(move |gutter| gutter.line == line && gutter.told == Told::Yes);
    let pieces = lines.iter().enumerate().flat_map(|(n, line)| {
        let gutters: Vec<_> = of_line(n).map(|gutter| gutter.blank).collect();
        cut_line(line, &page[n].rect, &gutters)
    });
    pieces.collect()
}

/// Whether a blank run of a line is a gutter, by the lines around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    No,
    /// If one of the lines around it surely has it, too.
    Perhaps,
    Yes,
}

/// A blank run of a line that may be one.
struct Gutter {
    line: usize,
    blank: (f32, f32),
    told: Told,
}

/// What surely is a gutter in one line is one in those around it, and so in those around these.
fn settle(page: &[Seen], gutters: &mut [Gutter]) {
    let mut sure: Vec<usize> = (0..gutters.len()).filter(|&n| gutters[n].told == Told::Yes).collect();
    while let Some(known) = sure.pop() {
        let (around, (left, right)) = (page[gutters[known].line].rect, gutters[known].blank);
        for (n, gutter) in gutters.iter_mut().enumerate().filter(|(_, gutter)| gutter.told == Told::Perhaps) {
            let (rect, shared) = (page[gutter.line].rect, (gutter.blank.0.max(left), gutter.blank.1.min(right)));
            let is_near = (rect.center().y - around.center().y).abs() <= REACH * rect.height();
            if is_near && shared.1 - shared.0 >= 0.75 * MIN_BLANK * rect.height() {
                gutter.told = Told::Yes;
                sure.push(n);
            }
        }
    }
}

/// Intervals of x on the level page.
type Blanks = Vec<(f32, f32)>;

/// A line on the level page, and where it is blank.
struct Seen {
    rect: Rect,
    blanks: Blanks,
    /// The same within a height of the ends, where a box may reach over a gutter to the other column's first letter, and nothing is cut.
    margins: Blanks,
}

/// What the lines around one blank run say.
#[derive(Default)]
struct Evidence {
    /// At which heights of the page lines end and start.
    ending: Vec<f32>,
    starting: Vec<f32>,
    crossing: usize,
    /// Sum of the heights of all of them.
    heights: f32,
    /// Where those that end or start at the gutter do so.
    ends: Vec<f32>,
    starts: Vec<f32>,
}

impl Evidence {
    fn count(&self) -> usize {
        self.ending.len() + self.starting.len() + self.crossing
    }

    /// Whether many lines end and start at one gutter, which is blank from one to the other.
    fn is_spanned_by(&self, blank: (f32, f32), height: f32) -> bool {
        let clear = CLEAR * height;
        let [end, start] = [&self.ends, &self.starts].map(|edges| {
            let mut edges = edges.clone();
            edges.sort_by(f32::total_cmp);
            edges.get(edges.len() / 2).copied()
        });
        let is_blank = |(end, start): (f32, f32)| blank.0 <= end - clear && start + clear <= blank.1;
        self.rows() >= ROWS_ON_ONE_SIDE && end.zip(start).is_some_and(is_blank)
    }

    /// Whether several of those that end there stand beside some that start there. Short lines, and formulas set in the middle below them, do not.
    fn stand_beside(&self, height: f32) -> bool {
        let beside = |ys: &[f32], others: &[f32]| {
            ys.iter().filter(|y| others.iter().any(|other| (other - *y).abs() < BESIDE * height)).count()
        };
        beside(&self.ending, &self.starting).min(beside(&self.starting, &self.ending)) >= 2
    }

    /// Whether lines cross the gutter, and others, of one column alone, end or start there: the page's other column is shorter. Where short lines and what
    /// is set in the middle take turns, as many start as end.
    fn is_of_a_shorter_column(&self) -> bool {
        let (less, more) = match (self.ending.len(), self.starting.len()) {
            (ending, starting) if ending < starting => (ending, starting),
            (ending, starting) => (starting, ending),
        };
        self.crossing.min(more) as f32 >= ROWS_WITHOUT && less * ONE_SIDED <= more
    }

    fn rows(&self) -> f32 {
        self.crossing as f32 + (self.ending.len() + self.starting.len()) as f32 / 2.0
    }
}

fn told(page: &[Seen], by_row: &[usize], row: usize, blank: (f32, f32)) -> Told {
    let mut evidence = Evidence::default();
    let mut common = blank;
    let upwards = by_row[..row].iter().rev();
    let downwards = by_row[row + 1..].iter();
    let Seen { rect: origin, blanks, .. } = &page[by_row[row]];
    walk(page, upwards, origin, &mut common, &mut evidence);
    let above = evidence.count();
    walk(page, downwards, origin, &mut common, &mut evidence);
    let is_inside = above > 0 && evidence.count() > above;
    let is_larger = origin.height() * evidence.count() as f32 > LARGER * evidence.heights;
    let mut widths: Vec<f32> = blanks.iter().map(|b| b.1 - b.0).collect();
    widths.sort_by(f32::total_cmp);
    let is_wider = |blank: (f32, f32), times: f32| blank.1 - blank.0 >= times * widths[widths.len() / 2];
    // A line of prose just above a table or below two columns, or a title over them: one of its word spaces may stand above their gutter.
    let is_told = || is_wider(blank, WIDER) || !is_larger && evidence.is_spanned_by(blank, origin.height());
    if (!is_inside || is_larger) && !is_told() {
        return Told::No;
    }
    let rows = evidence.rows();
    if evidence.stand_beside(origin.height()) {
        if rows >= ROWS_WITH_EDGES { Told::Yes } else { Told::No }
    } else if rows < ROWS_WITHOUT || common.1 - common.0 < 1.5 * MIN_BLANK * origin.height() {
        Told::No
    } else if evidence.is_of_a_shorter_column() || is_wider(common, MUCH_WIDER) {
        Told::Yes
    } else {
        // Paragraphs that begin with the same words ("Step 1: …") have word spaces above each other.
        Told::Perhaps
    }
}

/// Follows the blank run from line to line until one has ink there. `common` is what all lines leave blank.
fn walk<'a>(
    page: &[Seen],
    rows: impl Iterator<Item = &'a usize>,
    origin: &Rect,
    common: &mut (f32, f32),
    evidence: &mut Evidence,
) {
    let height = origin.height();
    for &index in rows {
        let Seen { rect, blanks, margins } = &page[index];
        if (rect.center().y - origin.center().y).abs() > REACH * height {
            return;
        }
        let middle = (common.0 + common.1) / 2.0;
        // Boxes reach beyond their ink by up to half a height.
        let near = 0.6 * height;
        let before = evidence.count();
        let widest = |blanks: &[(f32, f32)]| {
            let shared = blanks.iter().map(|b| (b.0.max(common.0), b.1.min(common.1)));
            let widest = shared.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
            widest.filter(|shared| shared.1 - shared.0 >= 0.75 * MIN_BLANK * height)
        };
        if rect.right <= middle + near {
            if middle - rect.right < 1.5 * height {
                evidence.ending.push(rect.center().y);
                evidence.ends.push(rect.right);
            }
        } else if rect.left >= middle - near {
            if rect.left - middle < 1.5 * height {
                evidence.starting.push(rect.center().y);
                evidence.starts.push(rect.left);
            }
        } else if let Some(shared) = widest(blanks) {
            *common = shared;
            evidence.crossing += 1;
        } else if rect.right < middle + 1.5 * height && widest(margins).is_some() {
            evidence.ending.push(rect.center().y);
        } else if rect.left > middle - 1.5 * height && widest(margins).is_some() {
            evidence.starting.push(rect.center().y);
        } else {
            return;
        }
        if evidence.count() > before {
            evidence.heights += rect.height();
        }
    }
}

/// The line at `width` x `height` pixels. Gray pages are sheared instead of turned, which is a tenth of the work.
fn sample(raster: &Raster, line: &Polygon, width: u32, height: u32) -> Sampled {
    if raster.format != PixelFormat::Gray8 {
        return large_crop::sample(raster, line, width, height);
    }
    let page = Plane::new(&raster.data, raster.width as usize, raster.height as usize);
    let (columns, rows) = (width as usize, height as usize);
    let mut data = buffers::take(columns * rows);
    let mut scale = |plane| {
        resize::resize(plane, columns, rows, |y, row| data[y * columns..(y + 1) * columns].copy_from_slice(row));
    };
    match crop::upright(page, line) {
        crop::Pixels::Lent(plane) => scale(plane),
        crop::Pixels::Made(made) => scale(made.plane()),
    }
    Sampled { width, height, format: PixelFormat::Gray8, data }
}

/// Runs along the line without ink, as intervals of x on the level page: those between its letters, and those near its ends.
fn blanks(raster: &Raster, line: &Polygon, rect: &Rect) -> (Blanks, Blanks) {
    const HEIGHT: u32 = 32;
    let width = (HEIGHT as f32 * rect.width() / rect.height().max(1.0)).round().clamp(1.0, 8192.0) as u32;
    let sampled = sample(raster, line, width, HEIGHT);
    let gray: Vec<u8> = match sampled.format {
        PixelFormat::Gray8 => sampled.data,
        // The darkest channel: coloured ink is ink.
        PixelFormat::Rgb8 => {
            let gray = sampled.data.as_chunks().0.iter().map(|&[r, g, b]| r.min(g).min(b)).collect();
            buffers::give_back(sampled.data);
            gray
        }
    };
    let histogram = histogram(&gray);
    let level = |part: f32| {
        let wanted = (part * (width * HEIGHT) as f32) as u32;
        let mut passed = 0;
        histogram
            .iter()
            .position(|&count| {
                passed += count;
                passed > wanted
            })
            .unwrap_or(255)
    };
    // Ink is a few percent of a line's box, paper most of it.
    let threshold = ((level(0.03) + 2 * level(0.8)) / 3) as u8;
    // The outer eighths belong to the lines above and below.
    let rows = (HEIGHT / 8) as usize..(HEIGHT - HEIGHT / 8) as usize;
    let mut ink = vec![0_u8; width as usize];
    for row in gray.chunks_exact(width as usize).take(rows.end).skip(rows.start) {
        for (count, &pixel) in ink.iter_mut().zip(row) {
            *count += u8::from(pixel < threshold);
        }
    }
    buffers::give_back(gray);
    let (mut found, mut margins) = (Vec::new(), Vec::new());
    let mut start = None;
    for (x, &count) in ink.iter().chain([&u8::MAX]).enumerate() {
        match (start, count <= 1) {
            (None, true) => start = Some(x),
            (Some(from), false) => {
                start = None;
                let scale = rect.width() / width as f32;
                let blank = (rect.left + from as f32 * scale, rect.left + x as f32 * scale);
                if blank.1 - blank.0 >= MIN_BLANK * rect.height() {
                    // What touches an end of the box is its margin.
                    let is_inside = from > HEIGHT as usize && x + (HEIGHT as usize) < ink.len();
                    if is_inside { found.push(blank) } else { margins.push(blank) }
                }
            }
            _ => {}
        }
    }
    (found, margins)
}

/// The pieces of a line between gutters, each with the margin that a detected box has.
fn cut_line(line: &Polygon, rect: &Rect, gutters: &[(f32, f32)]) -> Vec<Polygon> {
    let part = |x: f32| ((x - rect.left) / rect.width().max(1.0)).clamp(0.0, 1.0);
    let mut pieces = Vec::with_capacity(gutters.len() + 1);
    let mut from = 0.0;
    for &(start, end) in gutters {
        let margin = ((end - start) / 2.0).min(0.4 * rect.height());
        let to = part(start + margin);
        pieces.push(line.piece(from, to));
        from = part(end - margin);
    }
    pieces.push(line.piece(from, 1.0));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use pagestream_documents::Rotation;

    const PITCH: u32 = 40;

    /// A page of rows of words: black bars with spaces of 14 pixels at places that differ from row to row.
    fn draw(rows: u32, columns: &[(u32, u32)]) -> Raster {
        let (width, height) = (1000, rows * PITCH + 40);
        let mut page = Raster {
            width,
            height,
            format: PixelFormat::Gray8,
            data: vec![255; (width * height) as usize],
            dpi: 150.0,
        };
        let mut state = 11_u64;
        let mut random = |bound: u32| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u32 % bound
        };
        for row in 0..rows {
            for &(left, right) in columns {
                let mut x = left;
                while x < right {
                    let end = (x + 30 + random(90)).min(right);
                    for y in row * PITCH + 24..row * PITCH + 44 {
                        page.data[(y * width + x) as usize..(y * width + end) as usize].fill(0);
                    }
                    x = end + 14;
                }
            }
        }
        page
    }

    /// The box that detection gives such a row.
    fn row(row: u32, left: u32, right: u32) -> Polygon {
        let top = (row * PITCH + 18) as f32;
        Polygon::from_rect(Rect { left: left as f32 - 8.0, top, right: right as f32 + 8.0, bottom: top + 32.0 })
    }

    fn cut(page: &Raster, lines: &[Polygon]) -> Vec<Polygon> {
        let upright = Upright { rotation: Rotation::None, width: page.width as f32, height: page.height as f32 };
        cut_at_gutters(page, lines, &upright)
    }

    #[test]
    fn a_box_across_the_gutter_is_cut_in_it_and_its_neighbours_stay_whole() {
        let page = draw(12, &[(50, 480), (506, 950)]);
        let mut lines = Vec::new();
        for n in 0..12 {
            if n == 5 || n == 6 {
                lines.push(row(n, 50, 950));
            } else {
                lines.extend([row(n, 50, 480), row(n, 506, 950)]);
            }
        }
        let found = cut(&page, &lines);
        assert_eq!(found.len(), 24);
        for pair in [&found[10..12], &found[12..14]] {
            let (left, right) = (pair[0].bounds(), pair[1].bounds());
            assert!((480.0..500.0).contains(&left.right), "{left:?}");
            assert!((486.0..506.0).contains(&right.left), "{right:?}");
        }
        assert_eq!(found[..10], lines[..10]);
    }

    #[test]
    fn a_page_whose_every_box_runs_across_is_cut_too() {
        let page = draw(14, &[(50, 480), (506, 950)]);
        let lines: Vec<Polygon> = (0..14).map(|n| row(n, 50, 950)).collect();
        assert_eq!(cut(&page, &lines).len(), 28);
    }

    #[test]
    fn a_title_over_columns_is_not_cut_where_a_word_space_stands_above_their_gutter() {
        let mut page = draw(14, &[(50, 480), (506, 950)]);
        page.data[..100 * 1000].fill(255);
        for (left, right) in [(50, 240), (266, 480), (506, 700), (726, 950)] {
            (16..50).for_each(|y| page.data[y * 1000 + left..y * 1000 + right].fill(0));
        }
        let title = Polygon::from_rect(Rect { left: 42.0, top: 8.0, right: 958.0, bottom: 58.0 });
        let mut lines = vec![title];
        (2..14).for_each(|n| lines.extend([row(n, 50, 480), row(n, 506, 950)]));
        assert_eq!(cut(&page, &lines), lines);
    }

    #[test]
    fn a_box_across_the_gutter_above_all_others_is_cut_where_their_gutter_is_and_not_at_a_word_space() {
        let page = draw(14, &[(50, 480), (506, 950)]);
        let mut lines = vec![row(0, 50, 950)];
        (1..14).for_each(|n| lines.extend([row(n, 50, 480), row(n, 506, 950)]));
        let found = cut(&page, &lines);
        assert_eq!(found.len(), 28);
        assert!((480.0..500.0).contains(&found[0].bounds().right), "{:?}", found[0]);
        // A line of prose over the columns, one of whose word spaces stands over their gutter and is narrower.
        let mut page = draw(14, &[(50, 480), (506, 950)]);
        (20..50).for_each(|y| page.data[y * 1000 + 460..y * 1000 + 487].fill(0));
        assert_eq!(cut(&page, &lines), lines);
    }

    #[test]
    fn a_box_that_reaches_over_the_gutter_to_the_next_letter_ends_there_for_those_around_it() {
        let page = draw(12, &[(50, 480), (506, 950)]);
        let mut lines = Vec::new();
        for n in 0..12 {
            match n {
                // Reaches to the first letter of the other column, whose own box begins there.
                3 | 7 => lines.extend([row(n, 50, 512), row(n, 506, 950)]),
                5 => lines.push(row(n, 50, 950)),
                _ => lines.extend([row(n, 50, 480), row(n, 506, 950)]),
            }
        }
        assert_eq!(cut(&page, &lines).len(), 24);
    }

    #[test]
    fn prose_is_not_cut_at_its_word_spaces() {
        let page = draw(30, &[(50, 950)]);
        let lines: Vec<Polygon> = (0..30).map(|n| row(n, 50, 950)).collect();
        assert_eq!(cut(&page, &lines), lines);
    }

    #[test]
    fn paragraphs_that_begin_with_the_same_words_are_not_cut_behind_them() {
        let mut page = draw(14, &[(50, 950)]);
        let mut lines = Vec::new();
        for n in 0..14 {
            // The same words in each row, and a space behind them that is a little wider than the others.
            (n * PITCH + 24..n * PITCH + 44).for_each(|y| {
                let at = (y * 1000) as usize;
                page.data[at + 50..at + 300].fill(0);
                page.data[at + 300..at + 318].fill(255);
                page.data[at + 318..at + 350].fill(0);
            });
            lines.push(row(n, 50, 950));
        }
        assert_eq!(cut(&page, &lines), lines);
    }

    #[test]
    fn short_lines_with_formulas_in_the_middle_below_them_have_no_gutter() {
        // Word spaces of the long lines at 480 to 500; short ones end there, and what stands between them begins there.
        let mut page = draw(14, &[(50, 480), (500, 950)]);
        let mut lines = Vec::new();
        for n in 0..14 {
            let (left, right) = [(50, 950), (50, 480), (500, 620)][n as usize % 3];
            (n * PITCH..(n + 1) * PITCH).for_each(|y| {
                let at = (y * 1000) as usize;
                page.data[at..at + left as usize].fill(255);
                page.data[at + right as usize..at + 1000].fill(255);
            });
            lines.push(row(n, left, right));
        }
        assert_eq!(cut(&page, &lines), lines);
    }

    #[test]
    fn boxes_across_a_narrow_gutter_are_cut_above_the_end_of_the_shorter_column() {
        // A gutter little wider than word spaces, and boxes that all run across it as far as the right column reaches. The topmost see no line of
        // the left one alone.
        let mut page = draw(30, &[(50, 490), (508, 950)]);
        let (mut lines, mut wanted) = (Vec::new(), Vec::new());
        for n in 0..30 {
            if n < 20 {
                let two = [row(n, 50, 490), row(n, 508, 950)];
                // Of a line above all others nobody knows whether it is one of both columns.
                if n == 0 {
                    lines.extend(two)
                } else {
                    lines.push(row(n, 50, 950))
                }
                wanted.extend(two);
            } else {
                (n * PITCH..(n + 1) * PITCH).for_each(|y| page.data[(y * 1000 + 500) as usize..][..500].fill(255));
                lines.push(row(n, 50, 490));
                wanted.push(row(n, 50, 490));
            }
        }
        let found = cut(&page, &lines);
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(&wanted) {
            let (found, wanted) = (found.bounds(), wanted.bounds());
            assert!((found.left - wanted.left).abs() < 12.0 && (found.right - wanted.right).abs() < 12.0, "{found:?}");
        }
    }

    #[test]
    fn blank_and_empty_pages_have_no_gutters() {
        let mut page = draw(10, &[]);
        let lines: Vec<Polygon> = (0..10).map(|n| row(n, 50, 950)).collect();
        assert_eq!(cut(&page, &lines), lines);
        page.data.fill(0);
        assert_eq!(cut(&page, &lines), lines);
        assert_eq!(cut(&page, &[]), []);
    }
}
