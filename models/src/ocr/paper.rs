//! Paper that is not evenly lit, print that is faint, and print that is light on dark: brought to black on white before anything is looked at.
//!
//! A photograph of a page has a bright side and a dark one, and the shadow of whoever took it. Recognisers stretch each line for itself;
//! the detector sees the page as it is, and loses what is in the shade or hardly darker than its paper. What paper is, is asked place by
//! place (the light end of the gray levels in cells of the page), and all levels are set in proportion to it, as light falls.

use pagestream_documents::{PixelFormat, Raster, buffers};

/// Cells along the page's sides. Print is in every cell of a page, and paper beside it.
const COLUMNS: usize = 16;
const ROWS: usize = 20;
/// Print that is light on dark is turned: no cell of such a page (but so many) is mostly lighter than this.
const DARK: f32 = 110.0;
const MOST_LIGHT: f32 = 0.02;
/// Pixels of the page that are asked, about: some three hundred a cell.
const SAMPLES: usize = 100_000;
/// Part of a cell's pixels that is darker than its paper. In a bar of white letters on black the letters count as paper, and it stays as it is.
const PAPER: f32 = 0.95;
/// Where cells are as much darker than the bright part of the page they lie in the shade, and with this part of them the page is uneven.
const SHADE: f32 = 0.8;
const SHADED_SHARE: f32 = 0.06;
/// Light changes slowly: neighbouring cells that differ by more are the edge of a picture, and of these there may be so many.
const EDGE: f32 = 1.45;
const MOST_EDGES: f32 = 0.06;
/// Part of a page's pixels that are print, at the least. A table of a dozen short lines has not much more, and is no faint page for that.
const PRINT: f32 = 0.002;
/// Gray levels between paper and print: with fewer the print is faint, and with fewer still there is none.
const FAINT: f32 = 64.0;
const NOTHING: f32 = 7.0;
/// The shade may be so much darker than the bright part; beyond that there is no print to be seen in it.
const DEEPEST: f32 = 8.0;
/// Print is made so much stronger at most: the grain of the paper is, too.
const STRONGEST: f32 = 10.0;

/// The page with even paper and strong print, in gray; `None` where it is so already, as nearly all pages are.
pub fn evened(page: &Raster) -> Option<Raster> {
    if (page.width as usize) < 8 * COLUMNS || (page.height as usize) < 8 * ROWS {
        return None;
    }
    let light = Light::of(page);
    if light.is_inverse() {
        tracing::debug!("page is light on dark");
        let inverted = inverted(page);
        return Some(evened(&inverted).unwrap_or(inverted));
    }
    let bright = quantile(&light.paper, 0.9);
    let gain = 1.0 / (1.0 - light.print).max(1.0 / STRONGEST);
    let contrast = bright * (1.0 - light.print);
    let is_faint = (NOTHING..FAINT).contains(&contrast);
    let shaded = light.paper.iter().filter(|&&paper| paper < SHADE * bright).count();
    let is_uneven = shaded as f32 > SHADED_SHARE * light.paper.len() as f32 && light.edges() < MOST_EDGES;
    if !(is_faint || is_uneven) || contrast < NOTHING {
        return None;
    }
    tracing::debug!(is_faint, is_uneven, contrast, "page is made even");
    let paper: Vec<f32> = light.paper.iter().map(|paper| paper.max(bright / DEEPEST)).collect();
    Some(in_proportion(page, &paper, gain))
}

/// What is known of a page's light.
struct Light {
    /// Level of the paper of each cell, row by row.
    paper: Vec<f32>,
    /// Level that half of the cell's pixels are lighter than.
    middle: Vec<f32>,
    /// Level of the print as a part of its paper's.
    print: f32,
}

impl Light {
    fn of(page: &Raster) -> Self {
        let (width, height) = (page.width as usize, page.height as usize);
        let step = ((width * height / SAMPLES) as f32).sqrt().max(1.0) as usize;
        let level = |counts: &[u32; 256], part: f32| {
            let total: u32 = counts.iter().sum();
            let mut passed = 0;
            let reached = |&count: &u32| {
                passed += count;
                passed as f32 >= part * total as f32
            };
            counts.iter().position(reached).unwrap_or(255) as f32
        };
        let columns: Vec<(usize, usize)> = (step / 2..width).step_by(step).map(|x| (x, x * COLUMNS / width)).collect();
        let (mut paper, mut middle) = (Vec::with_capacity(COLUMNS * ROWS), Vec::with_capacity(COLUMNS * ROWS));
        // Each pixel as a part of its own paper.
        let mut parts = [0_u32; 256];
        let mut cells = vec![[0_u32; 256]; COLUMNS];
        for row in 0..ROWS {
            cells.fill([0; 256]);
            for y in (row * height / ROWS..(row + 1) * height / ROWS).step_by(step) {
                for &(x, column) in &columns {
                    cells[column][usize::from(gray(page, y * width + x))] += 1;
                }
            }
            for counts in &cells {
                let here = level(counts, PAPER).max(1.0);
                paper.push(here);
                middle.push(level(counts, 0.5));
                let scale = 255.0 / here;
                for (level, &count) in counts.iter().enumerate() {
                    parts[(scale * level as f32).min(255.0) as usize] += count;
                }
            }
        }
        let print = level(&parts, PRINT) / 255.0;
        Self { paper, middle, print }
    }

    /// Whether print is light on dark. A page that lies on a dark table has cells that are light.
    fn is_inverse(&self) -> bool {
        let light = self.middle.iter().filter(|&&middle| middle > DARK).count();
        let print = quantile(&self.paper, 0.8) - quantile(&self.middle, 0.5);
        light as f32 <= MOST_LIGHT * self.middle.len() as f32 && print > FAINT
    }

    /// The part of neighbouring cells between which the paper changes at once.
    fn edges(&self) -> f32 {
        let differ = |a: usize, b: usize| self.paper[a].max(self.paper[b]) > EDGE * self.paper[a].min(self.paper[b]);
        let (mut edges, mut pairs) = (0, 0);
        for at in 0..self.paper.len() {
            let right = (at % COLUMNS + 1 < COLUMNS).then_some(at + 1);
            let below = (at + COLUMNS < self.paper.len()).then_some(at + COLUMNS);
            for neighbour in [right, below].into_iter().flatten() {
                pairs += 1;
                edges += usize::from(differ(at, neighbour));
            }
        }
        edges as f32 / pairs as f32
    }
}

/// Every pixel as a part of its paper, and print `gain` times as far from it. Between the middles of cells the paper changes evenly.
fn in_proportion(page: &Raster, paper: &[f32], gain: f32) -> Raster {
    let (width, height) = (page.width as usize, page.height as usize);
    // A cell and the next, and how far between their middles: for each column and row.
    let between = |size: usize, cells: usize| {
        move |at: usize| {
            let place = ((at as f32 + 0.5) * cells as f32 / size as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
            let first = (place as usize).min(cells - 2);
            (first, place - first as f32)
        }
    };
    let columns: Vec<(usize, f32)> = (0..width).map(between(width, COLUMNS)).collect();
    let mut data = buffers::take(width * height);
    for (y, out) in data.chunks_exact_mut(width).enumerate() {
        let (row, part) = between(height, ROWS)(y);
        let along: Vec<f32> = (0..COLUMNS)
            .map(|column| {
                let above = paper[row * COLUMNS + column];
                above + part * (paper[(row + 1) * COLUMNS + column] - above)
            })
            .collect();
        for (x, (out, &(column, part))) in out.iter_mut().zip(&columns).enumerate() {
            let here = along[column] + part * (along[column + 1] - along[column]);
            let level = f32::from(gray(page, y * width + x)) / here;
            *out = (255.0 * (1.0 - (1.0 - level) * gain)).clamp(0.0, 255.0) as u8;
        }
    }
    Raster { width: page.width, height: page.height, format: PixelFormat::Gray8, data, dpi: page.dpi }
}

/// Dark for light, in gray.
fn inverted(page: &Raster) -> Raster {
    let pixels = page.width as usize * page.height as usize;
    let mut data = buffers::take(pixels);
    data.iter_mut().enumerate().for_each(|(at, out)| *out = 255 - gray(page, at));
    Raster { width: page.width, height: page.height, format: PixelFormat::Gray8, data, dpi: page.dpi }
}

#[inline(always)]
fn gray(page: &Raster, at: usize) -> u8 {
    match page.format {
        PixelFormat::Gray8 => page.data[at],
        PixelFormat::Rgb8 => {
            let [r, g, b] = [0, 1, 2].map(|channel| u32::from(page.data[3 * at + channel]));
            ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8
        }
    }
}

fn quantile(values: &[f32], part: f32) -> f32 {
    let mut values = values.to_vec();
    values.sort_by(f32::total_cmp);
    values[((values.len() - 1) as f32 * part) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of letters, of `print` on `paper`, both at the light that `light` says is at a place (parts of the sides).
    fn page(paper: f32, print: f32, light: impl Fn(f32, f32) -> f32) -> Raster {
        let (width, height) = (640_u32, 800_u32);
        let level = |at: u32| {
            let (x, y) = (at % width, at / width);
            let is_print = y % 20 < 8 && x % 8 < 4 && (40..600).contains(&x) && (40..760).contains(&y);
            let light = light(x as f32 / width as f32, y as f32 / height as f32);
            ((if is_print { print } else { paper }) * light) as u8
        };
        Raster { width, height, format: PixelFormat::Gray8, data: (0..width * height).map(level).collect(), dpi: 100.0 }
    }

    /// Levels of a letter and of the paper beside it, at the middle of the page's left, right, top and bottom.
    fn levels(page: &Raster) -> Vec<(u8, u8)> {
        let at = |x: usize, y: usize| page.data[y * page.width as usize + x];
        [(49, 404), (577, 404), (321, 44), (321, 744)].map(|(x, y)| (at(x, y), at(x + 5, y))).to_vec()
    }

    #[test]
    fn shade_is_taken_from_the_paper_and_print_stays_dark() {
        for light in [(|x: f32, _: f32| 1.0 - 0.8 * x) as fn(f32, f32) -> f32, |x: f32, y: f32| {
            1.0 - 0.7 * (-((x - 0.7).powi(2) + (y - 0.6).powi(2)) * 8.0).exp()
        }] {
            let evened = evened(&page(240.0, 40.0, light)).expect("it is uneven");
            for (print, paper) in levels(&evened) {
                assert!(print < 70 && paper > 215, "{print} on {paper}");
            }
        }
    }

    #[test]
    fn faint_print_becomes_strong() {
        let evened = evened(&page(230.0, 205.0, |_, _| 1.0)).expect("it is faint");
        for (print, paper) in levels(&evened) {
            assert!(print < 40 && paper > 240, "{print} on {paper}");
        }
    }

    #[test]
    fn light_print_on_dark_becomes_dark_on_light_and_a_page_on_a_dark_table_does_not() {
        let inverse = evened(&page(20.0, 250.0, |_, _| 1.0)).expect("it is light on dark");
        for (print, paper) in levels(&inverse) {
            assert!(print < 40 && paper > 220, "{print} on {paper}");
        }
        let mut table = page(250.0, 20.0, |_, _| 1.0);
        for at in 0..table.data.len() {
            let (x, y) = (at % 640, at / 640);
            if !(100..400).contains(&x) || !(100..400).contains(&y) {
                table.data[at] = 30;
            }
        }
        assert!(evened(&table).is_none_or(|evened| evened.data[150 * 640 + 150 + 5] > 200));
    }

    #[test]
    fn a_page_of_few_lines_is_not_faint() {
        let mut sparse = page(240.0, 40.0, |_, _| 1.0);
        // Two lines of it, and the grain of the paper.
        for at in 0..sparse.data.len() {
            if at / 640 >= 80 {
                sparse.data[at] = if at % 50 == 0 { 222 } else { 240 };
            }
        }
        assert!(evened(&sparse).is_none());
    }

    #[test]
    fn what_is_even_strong_or_a_picture_is_left() {
        let even = |_: f32, _: f32| 1.0;
        assert!(evened(&page(250.0, 20.0, even)).is_none());
        assert!(evened(&page(250.0, 250.0, even)).is_none(), "blank");
        assert!(evened(&page(250.0, 247.0, even)).is_none(), "there is nothing to be seen");
        // Photographs on a page: dark at once.
        let pictures = |x: f32, y: f32| {
            if ((x * 6.0) as u32).is_multiple_of(2) && ((y * 8.0) as u32).is_multiple_of(2) { 0.4 } else { 1.0 }
        };
        assert!(evened(&page(250.0, 20.0, pictures)).is_none());
        let tiny = Raster { width: 20, height: 20, data: vec![0; 400], ..page(250.0, 20.0, even) };
        assert!(evened(&tiny).is_none());
    }
}
