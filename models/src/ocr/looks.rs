//! Second looks: what the detector may have seen at too small a scale, and whether looking again was worth it.
//!
//! At 960 pixels a side the detector loses nothing on most pages. Where print is small, its lines touch in the map:
//! pages of small print are detected again as a whole, and single boxes that look like several lines in one (high, and
//! hard to read) are looked at again by themselves.

use pagestream_documents::{Point, Polygon, Raster, Rect, Rotation};

use super::detector::View;

/// How much larger a second look is.
pub const ENLARGEMENT: f32 = 1.6;

/// A page is only worth enlarging while its map has this many raster pixels per map pixel: beyond the page's own
/// pixels there is nothing to see.
pub const WORTH_ENLARGING: f32 = 1.3;

/// Largest factor that pixels are enlarged by for the detector. Pages of very few pixels gain a little from it.
pub const MAX_SCALE: f32 = 2.0;

/// Height of lines in the map, in pixels, below which neighbouring lines begin to touch, and the height that they are
/// brought to. Ten-point print on a letter page has 15.4 at 960 pixels and is read without fault.
const SMALL_PRINT: f32 = 15.0;
const READABLE_PRINT: f32 = 20.0;

/// Looks at one page: each costs up to a tenth of the page's detection.
const MAX_LOOKS: usize = 8;

/// Longer side of one look's map, in pixels.
const LOOK_SIDE: u32 = 640;

/// How much larger a page of few pixels is to be detected when its lines are as small in the map as these. `scale` is
/// the map's: raster pixels per map pixel.
pub fn enlargement_for_small_print(found: &[Polygon], scale: f32) -> Option<f32> {
    // A few captions in a figure are no page of small print. Where the map is smaller than the page, the print is
    // sharp in it and reads well down to nine pixels; what does not is found by its confidence.
    let median = median(found.iter().map(Polygon::height));
    (found.len() >= 10 && scale < 1.05 && median < SMALL_PRINT).then(|| (READABLE_PRINT / median).min(ENLARGEMENT))
}

/// Lines (with their confidence) that look like several in one: much higher than the page's lines are, and hard to
/// read. A heading is high, too, but reads well. The highest first.
pub fn suspicious(lines: &[(Polygon, f32)]) -> Vec<usize> {
    let usual = median(lines.iter().filter(|(_, confidence)| *confidence > 0.9).map(|(line, _)| line.height()));
    let mut found: Vec<usize> = (0..lines.len())
        .filter(|&index| {
            let (line, confidence) = &lines[index];
            usual > 0.0 && line.height() > 1.5 * usual && line.width() > 2.0 * usual && *confidence < 0.85
        })
        .collect();
    found.sort_by(|&a, &b| lines[b].0.height().total_cmp(&lines[a].0.height()));
    found.truncate(MAX_LOOKS);
    found
}

/// The view that looks at one line again. `scale` is that of the page's map: raster pixels per map pixel.
pub fn view(raster: &Raster, line: &Polygon, rotation: Rotation, scale: f32) -> View {
    let bounds = line.bounds();
    // Room for the whole of the lines at the edge, and for the network to see what they stand in.
    let margin = 0.3 * line.height();
    let region = Rect {
        left: (bounds.left - margin).max(0.0),
        top: (bounds.top - margin).max(0.0),
        right: (bounds.right + margin).min(raster.width as f32),
        bottom: (bounds.bottom + margin).min(raster.height as f32),
    };
    View::region(region, rotation, (2.0 / scale.max(0.01)).min(MAX_SCALE), LOOK_SIDE)
}

/// Of the boxes found in a look at `line`, those that are parts of it: inside it and clearly lower.
pub fn parts(line: &Polygon, found: &[Polygon]) -> Vec<Polygon> {
    let bounds = line.bounds();
    let inside = |p: Point| bounds.left < p.x && p.x < bounds.right && bounds.top < p.y && p.y < bounds.bottom;
    let parts = found.iter().filter(|part| inside(part.bounds().center()) && part.height() < 0.75 * line.height());
    parts.copied().collect()
}

/// Whether the parts of a line read better than the whole. Each is given by confidence and number of characters.
pub fn parts_read_better(whole: (f32, usize), parts: &[(f32, usize)]) -> bool {
    let characters: usize = parts.iter().map(|(_, count)| count).sum();
    let sum: f32 = parts.iter().map(|&(confidence, count)| confidence * count as f32).sum();
    // Fewer characters read better than many are no gain: a part may be the one clear word of a line.
    characters >= whole.1 && characters > 0 && sum / characters as f32 > whole.0 + 0.05
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(left: f32, top: f32, width: f32, height: f32) -> Polygon {
        Polygon::from_rect(Rect { left, top, right: left + width, bottom: top + height })
    }

    #[test]
    fn only_high_lines_that_read_badly_are_suspicious_and_the_highest_comes_first() {
        let mut lines: Vec<(Polygon, f32)> = (0..9).map(|n| (rect(0.0, 30.0 * n as f32, 300.0, 20.0), 0.99)).collect();
        lines.push((rect(0.0, 300.0, 300.0, 40.0), 0.99));
        lines.push((rect(0.0, 350.0, 300.0, 20.0), 0.6));
        lines.push((rect(0.0, 400.0, 300.0, 44.0), 0.6));
        lines.push((rect(0.0, 500.0, 300.0, 64.0), 0.5));
        // A stain: high, but no wider than a word.
        lines.push((rect(0.0, 600.0, 30.0, 64.0), 0.5));
        assert_eq!(suspicious(&lines), [12, 11]);
        assert!(suspicious(&[(rect(0.0, 0.0, 300.0, 40.0), 0.3)]).is_empty(), "there is nothing to compare it with");
    }

    #[test]
    fn parts_lie_inside_their_line_and_are_lower() {
        let line = rect(0.0, 0.0, 300.0, 40.0);
        let inside = rect(5.0, 1.0, 280.0, 18.0);
        assert_eq!(parts(&line, &[inside, rect(5.0, 50.0, 280.0, 18.0), rect(2.0, 1.0, 290.0, 38.0)]), [inside]);
    }

    #[test]
    fn parts_replace_the_whole_only_if_they_say_as_much_and_say_it_better() {
        let check = |whole, parts: &[(f32, usize)], expected| assert_eq!(parts_read_better(whole, parts), expected);
        check((0.6, 20), &[(0.95, 30), (0.97, 28)], true);
        check((0.6, 20), &[(0.99, 4)], false);
        check((0.8, 20), &[(0.82, 30)], false);
        check((0.0, 0), &[], false);
        check((0.0, 0), &[(0.9, 3)], true);
    }

    #[test]
    fn a_page_of_few_pixels_and_small_print_is_enlarged_and_no_other() {
        let print = |height: f32, count: usize| -> Vec<Polygon> {
            (0..count).map(|n| rect(0.0, 20.0 * n as f32, 200.0, height)).collect()
        };
        assert_eq!(enlargement_for_small_print(&print(12.5, 30), 1.0), Some(1.6));
        assert_eq!(enlargement_for_small_print(&print(20.0, 30), 1.0), None);
        assert_eq!(enlargement_for_small_print(&print(12.5, 4), 1.0), None);
        assert_eq!(enlargement_for_small_print(&print(12.5, 30), 2.0), None);
    }

    #[test]
    fn a_view_holds_its_line_and_stays_on_the_page() {
        use pagestream_documents::PixelFormat;
        let raster =
            Raster { width: 400, height: 300, format: PixelFormat::Gray8, data: vec![255; 120_000], dpi: 72.0 };
        let line = rect(10.0, 5.0, 380.0, 50.0);
        let view = view(&raster, &line, Rotation::None, 1.0);
        assert_eq!(view.region, Rect { left: 0.0, top: 0.0, right: 400.0, bottom: 70.0 });
        assert!(view.width.max(view.height) <= LOOK_SIDE);
    }
}
