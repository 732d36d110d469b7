//! Whether a text layer stands for what is seen on the page.
//!
//! Text that cannot be decoded, or whose letters make no words, does not. Nor does text that is only a small part of what the page shows: a
//! number, a notice or a signature on a scan, or a page number under text that is drawn as outlines. What is doubted is read from
//! the pixels, where all of it is.

use std::collections::HashSet;

use super::{glyph::Glyph, letters};
use crate::record::TextLine;
use hayro::kurbo::{Affine, BezPath, PathEl, Rect, Shape};

/// A few letters are missing in honest documents (bullets, logos); with one in eight the words are gone.
const UNDECODED_SHARE: f64 = 0.125;
/// Images that cover as much of the page are what it shows: scans leave margins, and letterheads or photographs do not reach this.
const SCAN_SHARE: f64 = 0.6;
/// Beside hardly any text, also small scans with wide margins and pictures of text are most of what a page shows.
const PICTURE_SHARE: f64 = 0.4;
/// A page number or "Page 3 of 12, received 2004-05-06" over a scan; the shortest page of prose has more.
const STAMP_CHARACTERS: usize = 64;
/// Visible text that covers less of a page that is an image is laid over what the image shows: notices, licences and signatures cover
/// a twentieth at most, the text of a page set on a picture a fifth and more.
const OVERLAID_SHARE: f64 = 0.12;
/// A layer of OCR covers as much of the page of a short letter, and more of any other.
const LEAST_OCR_LAYER: f64 = 0.05;
/// Ideographs are as wide as they are high; where so many of them, and most, are narrower than this in ems, they are other letters by a false map.
const IDEOGRAPHS_TO_JUDGE: usize = 20;
const NARROW: f64 = 0.7;
/// Cells along each side of the page by which shares of its area are counted.
const CELLS: usize = 64;

/// Why OCR should read a page that has a text layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) reason: String,
    /// What the layer says is true; it is only not all that the page shows.
    pub(super) text_stands: bool,
}

/// What speaks for and against a text layer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// Characters other than white space, and those among them that the document does not explain.
    characters: usize,
    undecoded: usize,
    invisible: usize,
    /// Shares of the page that images cover, and visible text; this is looked at where there are images.
    image_share: f64,
    text_share: f64,
    /// Of the page: images that no text lies over, and text of either kind.
    bare_share: f64,
    covered_share: f64,
    /// Letters that make no words.
    makes_no_words: bool,
    /// Chinese characters and kana, and those that are too narrow to be some.
    ideographs: usize,
    narrow: usize,
    /// Shapes that look like letters, and how many different ones there are.
    outlines: usize,
    different_outlines: usize,
}

impl Evidence {
    pub(super) fn of(glyphs: &[Glyph], lines: &[TextLine], images: &[Rect], outlines: &Outlines, page: Rect) -> Self {
        let mut evidence =
            Self { outlines: outlines.shapes, different_outlines: outlines.kinds.len(), ..Self::default() };
        let [mut under_images, mut under_text, mut under_hidden] = [(); 3].map(|()| Cells::of(page));
        images.iter().for_each(|&image| under_images.cover(image));
        for glyph in glyphs.iter().filter(|glyph| !glyph.is_space()) {
            evidence.characters += 1;
            evidence.undecoded += usize::from(!glyph.decoded);
            evidence.invisible += usize::from(glyph.invisible);
            if !images.is_empty() {
                (if glyph.invisible { &mut under_hidden } else { &mut under_text }).cover(glyph.bounds());
            }
            if glyph.text.starts_with(is_ideograph) {
                evidence.ideographs += 1;
                evidence.narrow += usize::from(glyph.advance < NARROW * glyph.size);
            }
        }
        evidence.makes_no_words = letters::make_no_words(lines.iter().map(|line| line.text.as_str()));
        let under_any = under_hidden.joined(&under_text);
        Self {
            image_share: under_images.share(),
            text_share: under_text.share(),
            bare_share: under_images.share_without(&under_any),
            covered_share: under_any.share(),
            ..evidence
        }
    }

    /// Share of the page, 0 to 1, that images cover and no text does. What OCR programs leave over a scan stands for all of it, unless it covers
    /// hardly any of the page.
    pub(super) fn pictures(&self) -> f64 {
        let is_ocr_layer = self.invisible >= STAMP_CHARACTERS && 2 * self.invisible > self.characters;
        if is_ocr_layer && self.covered_share >= LEAST_OCR_LAYER { 0.0 } else { self.bare_share }
    }

    /// Why OCR should read the page instead. An invisible layer over a scan is what OCR programs leave, and is believed when there is
    /// enough of it.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        let Self { characters, undecoded, invisible, image_share, text_share, .. } = *self;
        let doubt = |text_stands, reason: String| Some(Doubt { reason, text_stands });
        if undecoded as f64 >= UNDECODED_SHARE * characters as f64 {
            return if undecoded > 0 {
                doubt(false, format!("{undecoded} of {characters} characters cannot be decoded"))
            } else {
                None
            };
        }
        if self.makes_no_words {
            return doubt(false, "its letters make no words".to_owned());
        }
        if self.narrow >= IDEOGRAPHS_TO_JUDGE && 2 * self.narrow > self.ideographs {
            return doubt(false, "its Chinese characters are as narrow as letters".to_owned());
        }
        let visible = characters - invisible;
        // Letters in outlines are of some twenty shapes and more; the marks of a plot are of one or two.
        if self.outlines > 100 && self.outlines > 2 * visible && self.different_outlines >= 15 && invisible == 0 {
            return doubt(true, format!("{characters} characters of text on a page whose text is drawn as outlines"));
        }
        let is_stamp = characters < STAMP_CHARACTERS;
        if image_share < if is_stamp { PICTURE_SHARE } else { SCAN_SHARE } || invisible >= STAMP_CHARACTERS {
            return None;
        }
        let image = (image_share * 100.0).round();
        if is_stamp || text_share < OVERLAID_SHARE {
            return doubt(true, format!("{characters} characters of text on a page that is {image}% image"));
        }
        None
    }
}

/// Of Chinese and Japanese, as far as they are set as wide as high.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// Shapes that are filled, as far as they may be letters.
#[derive(Debug, Default)]
pub(super) struct Outlines {
    shapes: usize,
    kinds: HashSet<(usize, u8)>,
}

impl Outlines {
    /// A path may be one letter, or all letters of a line.
    pub(super) fn add(&mut self, path: &BezPath, transform: Affine) {
        /// Beyond this many shapes a page has shown what it is.
        const ENOUGH: usize = 20_000;
        let elements = path.elements();
        let mut start = 0;
        for end in 1..=elements.len() {
            if self.shapes >= ENOUGH {
                return;
            }
            if end == elements.len() || matches!(elements[end], PathEl::MoveTo(_)) {
                self.add_contour(&elements[start..end], transform);
                start = end;
            }
        }
    }

    /// Letters are from three to forty points high, and of more than the four sides of a box or a ruling.
    fn add_contour(&mut self, contour: &[PathEl], transform: Affine) {
        if contour.len() < 6 {
            return;
        }
        let bounds = transform.transform_rect_bbox(contour.bounding_box());
        let (width, height) = (bounds.width(), bounds.height());
        if !(2.0..40.0).contains(&height) || !(0.5..40.0).contains(&width) {
            return;
        }
        self.shapes += 1;
        // By the number of elements and the proportions: the same letter is the same kind.
        self.kinds.insert((contour.len(), (8.0 * width / height).clamp(0.0, 255.0) as u8));
    }
}

/// A page in cells, of which some are covered.
struct Cells {
    page: Rect,
    covered: Vec<bool>,
}

impl Cells {
    fn of(page: Rect) -> Self {
        Self { page, covered: vec![false; CELLS * CELLS] }
    }

    /// Covers the cells whose middles lie in the rectangle, at least the one in its own middle.
    fn cover(&mut self, rect: Rect) {
        let (width, height) = (self.page.width().max(1.0), self.page.height().max(1.0));
        let range = |from: f64, to: f64, whole: f64| {
            let cell = |value: f64| (value / whole * CELLS as f64).clamp(0.0, CELLS as f64);
            let (first, last) = ((cell(from) - 0.5).ceil().max(0.0) as usize, (cell(to) + 0.5).floor() as usize);
            if first < last {
                first..last.min(CELLS)
            } else {
                cell((from + to) / 2.0) as usize..cell((from + to) / 2.0) as usize + 1
            }
        };
        for row in range(rect.y0 - self.page.y0, rect.y1 - self.page.y0, height) {
            for column in range(rect.x0 - self.page.x0, rect.x1 - self.page.x0, width) {
                if let Some(cell) = self.covered.get_mut(row * CELLS + column) {
                    *cell = true;
                }
            }
        }
    }

    fn joined(mut self, other: &Self) -> Self {
        self.covered.iter_mut().zip(&other.covered).for_each(|(here, there)| *here |= there);
        self
    }

    /// Share of the page that is covered here and not there.
    fn share_without(&self, other: &Self) -> f64 {
        let bare = self.covered.iter().zip(&other.covered).filter(|(here, there)| **here && !**there).count();
        bare as f64 / self.covered.len() as f64
    }

    fn share(&self) -> f64 {
        self.covered.iter().filter(|&&covered| covered).count() as f64 / self.covered.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::{Point, Vec2};
    use smol_str::SmolStr;

    use super::*;

    #[test]
    fn layers_are_doubted_for_a_reason() {
        let check = |characters, undecoded, invisible, text_share, image_share, doubted: bool| {
            let evidence =
                Evidence { characters, undecoded, invisible, text_share, image_share, ..Evidence::default() };
            assert_eq!(evidence.doubt().is_some(), doubted, "{evidence:?}");
        };
        check(2_000, 0, 0, 0.4, 0.0, false);
        check(2_000, 100, 0, 0.4, 0.0, false);
        check(2_000, 250, 0, 0.4, 0.0, true);
        check(5, 0, 0, 0.01, 0.0, false); // a chapter's title on a page of its own
        check(20, 0, 0, 0.01, 1.0, true); // a page number over a scan
        check(2_000, 0, 2_000, 0.0, 1.0, false); // an OCR layer
        check(2_100, 0, 2_000, 0.02, 1.0, false); // and a notice with it
        check(1_500, 0, 0, 0.3, 1.0, false); // a page set on a picture
        check(300, 0, 0, 0.04, 0.9, true); // "downloaded from" over a scan, wherever
        check(300, 0, 0, 0.04, 0.1, false);
        check(12, 0, 0, 0.01, 0.56, true); // a number beside a scan with wide margins
    }

    #[test]
    fn ideographs_as_narrow_as_letters_are_letters() {
        let doubted = |advance: f64| {
            let evidence = Evidence::of(&row_of('\u{6d77}', advance), &[], &[], &Outlines::default(), PAGE);
            evidence.doubt().is_some()
        };
        assert!(doubted(5.0) && !doubted(10.0));
    }

    #[test]
    fn pictures_are_what_images_show_beside_the_text() {
        let text = row_of('x', 10.0);
        let picture = Rect::new(0.0, 400.0, 600.0, 800.0);
        let share = |glyphs: &[Glyph]| Evidence::of(glyphs, &[], &[picture], &Outlines::default(), PAGE).pictures();
        assert!((share(&text) - 0.5).abs() < 0.02, "{}", share(&text));
        let layer: Vec<Glyph> =
            (0..40).flat_map(|row| row_at('x', 10.0, 100.0 + 16.0 * f64::from(row), true)).collect();
        assert_eq!(share(&layer), 0.0, "a layer of OCR says what the picture shows");
        let head: Vec<Glyph> = layer[..80].to_vec();
        assert!(share(&head) > 0.4, "of the head alone it does not: {}", share(&head));
    }

    const PAGE: Rect = Rect::new(0.0, 0.0, 600.0, 800.0);

    fn row_of(c: char, advance: f64) -> Vec<Glyph> {
        row_at(c, advance, 100.0, false)
    }

    fn row_at(c: char, advance: f64, y: f64, invisible: bool) -> Vec<Glyph> {
        let glyph = |at: u32| {
            let origin = Point::new(f64::from(at) * advance, y);
            Glyph::new(SmolStr::from_iter([c]), true, invisible, origin, Vec2::new(1.0, 0.0), 10.0, advance)
        };
        (0..40).filter_map(glyph).collect()
    }

    #[test]
    fn text_in_outlines_is_told_from_the_marks_of_a_plot() {
        let shape = |sides: usize, width: f64| {
            let mut path = BezPath::new();
            path.move_to((0.0, 0.0));
            (1..sides).for_each(|side| path.line_to((width * side as f64 / sides as f64, 8.0 * (side % 2) as f64)));
            path.close_path();
            path
        };
        let doubt = |outlines: &Outlines| {
            let evidence = Evidence { characters: 12, ..Evidence::of(&[], &[], &[], outlines, PAGE) };
            evidence.doubt().is_some()
        };
        let (mut letters, mut marks) = (Outlines::default(), Outlines::default());
        for index in 0..400 {
            letters.add(&shape(8 + index % 11, 3.0 + (index % 5) as f64), Affine::IDENTITY);
            marks.add(&shape(8, 5.0), Affine::translate((index as f64, 0.0)));
        }
        assert!(doubt(&letters));
        assert!(!doubt(&marks) && !doubt(&Outlines::default()));
    }
}
