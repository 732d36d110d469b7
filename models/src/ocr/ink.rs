//! Ink that looks like text and lies in no line that was read.
//!
//! What a detector does not find has no confidence: a page of which half the lines are missed reads as well as the other half. So what is left
//! of the page's ink when the lines are taken away is looked at: marks of a letter's size that stand in a row are text. A picture's marks
//! are of all sizes, a ruling is one long one, and noise is too small.

use pagestream_documents::{PixelFormat, Polygon, Raster, buffers};

use super::pixels::histogram;

/// Longer side of the picture of the page that is looked at: print of ten points is four pixels high in it without its ascenders.
const SIDE: usize = 900;
/// Cells in which paper is told from ink.
const CELL: usize = 40;
/// Gray levels between paper and ink, and the part of the cell's range: print is darker than half of the way to the darkest.
const LEAST_CONTRAST: f32 = 24.0;
const DARKER: f32 = 0.5;
/// Of a cell with print so much is paper, within this part of its range. A picture's cells have all levels.
const PAPER_SHARE: f32 = 0.6;
const PAPER_RANGE: f32 = 0.25;
/// Marks of letters and short words: height in pixels, and width in heights. Lower ones are dots and noise.
const HEIGHT: std::ops::RangeInclusive<usize> = 5..=60;
const MOST_WIDE: f32 = 8.0;
/// Ink of a letter fills so much of its box. A frame fills less, a bar more.
const FILL: std::ops::RangeInclusive<f32> = 0.12..=0.85;
/// Marks of one row stand no further apart, in heights, and are of about the same height.
const GAP: f32 = 1.6;
/// Marks in a row, and its length in heights, from which on it is text.
const MARKS: usize = 4;
const LENGTH: f32 = 6.0;
/// Heights of a line's letters differ by no more than this part of their mean.
const SPREAD: f32 = 0.45;
/// A letter's width in heights.
const LETTER: f32 = 0.65;
/// Pixels of a cell that lie in no line, and ink beyond the lines, with less of which there is no row of letters.
const LEAST_FREE: usize = 64;
const LEAST_INK: usize = 60;
/// A line's ink reaches this far beyond its box, in its heights.
const AROUND: f32 = 0.3;

/// About how many letters of the page lie in no line.
pub fn unread_letters(page: &Raster, lines: &[Polygon]) -> usize {
    let Some(mut left) = Left::of(page, lines) else { return 0 };
    let found = left.find_ink(page);
    let letters = if found { rows(left.marks()).iter().map(|row| letters(row)).sum() } else { 0 };
    buffers::give_back(left.pixels);
    letters
}

/// What a pixel of the smaller picture is.
const FREE: u8 = 0;
const IN_A_LINE: u8 = 1;
const INK: u8 = 2;

/// What is left of the page beyond its lines, at a lower resolution.
struct Left {
    width: usize,
    height: usize,
    /// Of the page per pixel of this.
    step: f32,
    pixels: Vec<u8>,
}

/// Bounds of connected ink, and how much of it there is.
#[derive(Clone, Copy, Debug)]
struct Mark {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    ink: usize,
}

impl Mark {
    fn height(&self) -> f32 {
        (self.bottom - self.top) as f32
    }

    fn width(&self) -> f32 {
        (self.right - self.left) as f32
    }

    fn is_letter(&self) -> bool {
        HEIGHT.contains(&(self.bottom - self.top))
            && self.width() < MOST_WIDE * self.height()
            && self.width() > 0.15 * self.height()
            && FILL.contains(&(self.ink as f32 / (self.width() * self.height())))
    }
}

impl Left {
    fn of(page: &Raster, lines: &[Polygon]) -> Option<Self> {
        let longer = page.width.max(page.height) as usize;
        let step = (longer as f32 / SIDE as f32).max(1.0);
        let (width, height) = ((page.width as f32 / step) as usize, (page.height as f32 / step) as usize);
        if width < CELL || height < CELL {
            return None;
        }
        let mut pixels = buffers::take(width * height);
        pixels.fill(FREE);
        let mut left = Self { width, height, step, pixels };
        lines.iter().for_each(|line| left.take_away(line));
        Some(left)
    }

    /// Takes a line away, with what reaches beyond its box.
    fn take_away(&mut self, line: &Polygon) {
        let [a, b, c, d] = line.0.map(|p| (p.x / self.step, p.y / self.step));
        let around = AROUND * line.height() / self.step;
        // Distances from the four sides, outwards.
        let sides = [(a, b), (b, c), (c, d), (d, a)].map(|((x0, y0), (x1, y1))| {
            let length = (x1 - x0).hypot(y1 - y0).max(1e-3);
            let (nx, ny) = ((y1 - y0) / length, -(x1 - x0) / length);
            (nx, ny, nx * x0 + ny * y0 + around)
        });
        let bounds = line.bounds();
        let first = (bounds.top / self.step - around).max(0.0) as usize;
        let last = ((bounds.bottom / self.step + around).max(0.0).ceil() as usize).min(self.height);
        for y in first..last {
            // Where the row runs within all four.
            let (mut from, mut to) = (0.0_f32, self.width as f32);
            for (nx, ny, at) in sides {
                let room = at - ny * (y as f32 + 0.5);
                if nx > 1e-4 {
                    to = to.min(room / nx);
                } else if nx < -1e-4 {
                    from = from.max(room / nx);
                } else if room < 0.0 {
                    to = -1.0;
                }
            }
            if from < to {
                let row = y * self.width;
                self.pixels[row + from as usize..row + (to.ceil() as usize).min(self.width)].fill(IN_A_LINE);
            }
        }
    }

    /// Finds the ink beyond the lines, cell by cell. Whether there is any worth looking at.
    fn find_ink(&mut self, page: &Raster) -> bool {
        let (channels, stride) = (page.format.channels(), page.width as usize * page.format.channels());
        let middle = if page.format == PixelFormat::Rgb8 { 1 } else { 0 };
        let place = |at: usize| ((at as f32 + 0.5) * self.step) as usize;
        let columns: Vec<usize> = (0..self.width).map(|x| place(x) * channels + middle).collect();
        let rows: Vec<usize> = (0..self.height).map(|y| place(y) * stride).collect();
        let mut all = 0;
        // Of the cell's pixels that lie in no line; and one more, which is written before it is known whether it counts.
        let mut levels = [0_u8; CELL * CELL + 1];
        for top in (0..self.height).step_by(CELL) {
            for left in (0..self.width).step_by(CELL) {
                let (bottom, right) = ((top + CELL).min(self.height), (left + CELL).min(self.width));
                let mut free = 0;
                for (y, &row) in rows.iter().enumerate().take(bottom).skip(top) {
                    let pixels = &self.pixels[y * self.width..][left..right];
                    // Most rows of a page of print lie in its lines.
                    if !pixels.contains(&FREE) {
                        continue;
                    }
                    for (&pixel, &column) in pixels.iter().zip(&columns[left..right]) {
                        levels[free] = page.data[row + column];
                        free += usize::from(pixel == FREE);
                    }
                }
                if free < LEAST_FREE {
                    continue;
                }
                let Some((paper, dark)) = paper_and_ink(&histogram(&levels[..free])) else { continue };
                let limit = paper + (dark - paper) * DARKER;
                for (y, &row) in rows.iter().enumerate().take(bottom).skip(top) {
                    let pixels = &mut self.pixels[y * self.width..][left..right];
                    for (pixel, &column) in pixels.iter_mut().zip(&columns[left..right]) {
                        let level = f32::from(page.data[row + column]);
                        if *pixel == FREE && (level - limit) * (dark - paper) > 0.0 {
                            *pixel = INK;
                            all += 1;
                        }
                    }
                }
            }
        }
        all > LEAST_INK
    }

    /// Connected ink, diagonals included, that may be letters.
    fn marks(&mut self) -> Vec<Mark> {
        let mut marks = Vec::new();
        let mut waiting = Vec::new();
        for start in 0..self.pixels.len() {
            if self.pixels[start] != INK {
                continue;
            }
            self.pixels[start] = FREE;
            waiting.push(start);
            let mut mark = Mark { left: usize::MAX, top: usize::MAX, right: 0, bottom: 0, ink: 0 };
            while let Some(at) = waiting.pop() {
                let (x, y) = (at % self.width, at / self.width);
                mark.ink += 1;
                (mark.left, mark.right) = (mark.left.min(x), mark.right.max(x + 1));
                (mark.top, mark.bottom) = (mark.top.min(y), mark.bottom.max(y + 1));
                for y in y.saturating_sub(1)..(y + 2).min(self.height) {
                    for x in x.saturating_sub(1)..(x + 2).min(self.width) {
                        let neighbour = y * self.width + x;
                        if self.pixels[neighbour] == INK {
                            self.pixels[neighbour] = FREE;
                            waiting.push(neighbour);
                        }
                    }
                }
            }
            if mark.is_letter() {
                marks.push(mark);
            }
        }
        marks
    }
}

/// Levels of paper (which is most of a cell) and ink, whichever is the lighter one; `None` where there is paper alone, or a picture.
fn paper_and_ink(counts: &[u32; 256]) -> Option<(f32, f32)> {
    let total: u32 = counts.iter().sum();
    let level = |part: f32| {
        let mut passed = 0;
        let reached = |&count: &u32| {
            passed += count;
            passed as f32 >= part * total as f32
        };
        counts.iter().position(reached).unwrap_or(255) as f32
    };
    let (dark, paper, light) = (level(0.02), level(0.6), level(0.98));
    let ink = if paper - dark >= light - paper { dark } else { light };
    let near = (paper - ink).abs() * PAPER_RANGE;
    let around = (paper - near).max(0.0) as usize..=((paper + near) as usize).min(255);
    let is_print = counts[around].iter().sum::<u32>() as f32 >= PAPER_SHARE * total as f32;
    (is_print && (paper - ink).abs() >= LEAST_CONTRAST).then_some((paper, ink))
}

/// Marks that stand beside each other.
fn rows(mut marks: Vec<Mark>) -> Vec<Vec<Mark>> {
    marks.sort_by_key(|mark| (mark.left, mark.top));
    let mut rows: Vec<Vec<Mark>> = Vec::new();
    for mark in marks {
        let goes_on = |row: &&mut Vec<Mark>| {
            row.last().is_some_and(|last| {
                let overlap = last.bottom.min(mark.bottom) as f32 - last.top.max(mark.top) as f32;
                let (lower, higher) = (last.height().min(mark.height()), last.height().max(mark.height()));
                let gap = mark.left as f32 - last.right as f32;
                overlap > 0.5 * lower && higher < 2.2 * lower && (-0.5 * lower..GAP * higher).contains(&gap)
            })
        };
        match rows.iter_mut().rev().find(goes_on) {
            Some(row) => row.push(mark),
            None => rows.push(vec![mark]),
        }
    }
    rows.retain(|row| is_text(row));
    rows
}

fn is_text(row: &[Mark]) -> bool {
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return false };
    let count = row.len() as f32;
    let height = row.iter().map(Mark::height).sum::<f32>() / count;
    let spread = (row.iter().map(|mark| (mark.height() - height).powi(2)).sum::<f32>() / count).sqrt();
    row.len() >= MARKS && (last.right - first.left) as f32 >= LENGTH * height && spread < SPREAD * height
}

fn letters(row: &[Mark]) -> usize {
    let height = row.iter().map(Mark::height).sum::<f32>() / row.len() as f32;
    row.iter().map(|mark| (mark.width() / (LETTER * height)).round().max(1.0) as usize).sum()
}

#[cfg(test)]
mod tests {
    use pagestream_documents::Rect;

    use super::*;

    /// A page with lines of forty letters, whose tops are given, on paper of which `ink` is the print.
    fn page(tops: &[usize], paper: u8, ink: u8) -> Raster {
        let (width, height) = (800, 1000);
        let mut data = vec![paper; width * height];
        for &top in tops {
            for letter in 0..40 {
                if letter % 7 == 6 {
                    continue;
                }
                let left = 80 + 14 * letter;
                // Letters are rings, some with an ascender.
                for y in top - 4 * (letter % 2)..top + 12 {
                    for x in left..left + 9 {
                        let inside = (left + 2..left + 7).contains(&x) && (top + 2..top + 10).contains(&y);
                        if !inside {
                            data[y * width + x] = ink;
                        }
                    }
                }
            }
        }
        Raster { width: width as u32, height: height as u32, format: PixelFormat::Gray8, data, dpi: 100.0 }
    }

    fn line(top: usize) -> Polygon {
        Polygon::from_rect(Rect { left: 76.0, top: top as f32 - 6.0, right: 640.0, bottom: top as f32 + 14.0 })
    }

    #[test]
    fn lines_that_were_not_found_are_counted_by_their_letters() {
        let tops: Vec<usize> = (0..20).map(|n| 80 + 40 * n).collect();
        for (paper, ink) in [(250, 20), (15, 240), (200, 150)] {
            let page = page(&tops, paper, ink);
            let lines: Vec<Polygon> = tops.iter().map(|&top| line(top)).collect();
            assert_eq!(unread_letters(&page, &lines), 0);
            let found = unread_letters(&page, &lines[..18]);
            assert!((60..110).contains(&found), "two lines of 35: {found}");
            let half = Polygon::from_rect(Rect { right: 360.0, ..lines[0].bounds() });
            let found = unread_letters(&page, &[&[half], &lines[1..]].concat());
            assert!((12..28).contains(&found), "the end of a line: {found}");
            assert!(unread_letters(&page, &[]) > 600);
        }
    }

    #[test]
    fn frames_rulings_pictures_and_noise_are_no_text() {
        let mut page = page(&[], 250, 20);
        let mut state = 1_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for _ in 0..4_000 {
            let at = random(800 * 1000) as usize;
            page.data[at] = 20;
        }
        for x in 50..750 {
            for y in [100, 101, 300, 500] {
                page.data[y * 800 + x] = 20;
            }
        }
        for y in 600..900 {
            for x in 100..700 {
                let wave =
                    ((x as f32 / 37.0).sin() + (y as f32 / 23.0).cos() + (x as f32 * y as f32 / 9_000.0).sin()) * 40.0;
                page.data[y * 800 + x] = (128.0 + wave) as u8;
            }
        }
        assert!(unread_letters(&page, &[]) < 20, "{}", unread_letters(&page, &[]));
    }
}
