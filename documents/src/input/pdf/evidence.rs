//! Whether a text layer stands for what is seen on the page.
//!
//! Text that cannot be decoded, or whose letters make no words, does not. Nor does text that is only a small part of what the page shows: a
//! number, a notice or a signature on a scan, or a page number under text that is drawn as outlines. What is doubted is read from
//! the pixels, where all of it is.

use std::collections::HashSet;

use hayro::kurbo::{Affine, BezPath, PathEl, Rect, Shape};
use unicode_normalization::UnicodeNormalization;

use super::glyph::Glyph;

/// A few letters are missing in honest documents (bullets, logos); with one in eight the words are gone.
const UNDECODED_SHARE: f64 = 0.125;
/// Images that cover as much of the page are what it shows: scans leave margins, and letterheads or photographs do not reach this.
const SCAN_SHARE: f64 = 0.6;
/// A page number or "Page 3 of 12, received 2004-05-06" over a scan; the shortest page of prose has more.
const STAMP_CHARACTERS: usize = 64;
/// Visible text that covers less of a page that is an image is laid over what the image shows: notices, licences and signatures cover
/// a twentieth at most, the text of a page set on a picture a fifth and more.
const OVERLAID_SHARE: f64 = 0.12;
/// Letters that are needed to judge by their frequency whether they make words.
const LETTERS_TO_JUDGE: usize = 200;
/// Vowels among the letters of any language in Latin script make up more than a third. Of letters shifted or mixed up they are as
/// many as of any five letters.
const LEAST_VOWELS: f64 = 0.24;
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
    /// Of the letters in Latin script.
    latin: usize,
    vowels: usize,
    /// Shapes that look like letters, and how many different ones there are.
    outlines: usize,
    different_outlines: usize,
}

impl Evidence {
    pub(super) fn of(glyphs: &[Glyph], images: &[Rect], outlines: &Outlines, page: Rect) -> Self {
        let mut evidence =
            Self { outlines: outlines.shapes, different_outlines: outlines.kinds.len(), ..Self::default() };
        let (mut under_images, mut under_text) = (Cells::of(page), Cells::of(page));
        images.iter().for_each(|&image| under_images.cover(image));
        for glyph in glyphs.iter().filter(|glyph| !glyph.is_space()) {
            evidence.characters += 1;
            evidence.undecoded += usize::from(!glyph.decoded);
            evidence.invisible += usize::from(glyph.invisible);
            if !images.is_empty() && !glyph.invisible {
                under_text.cover(glyph.bounds());
            }
            for c in glyph.text.chars() {
                // Without its accents.
                let c = if c.is_ascii() { c } else { std::iter::once(c).nfd().next().unwrap_or(c) };
                evidence.latin += usize::from(c.is_ascii_alphabetic());
                evidence.vowels += usize::from(matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y'));
            }
        }
        Self { image_share: under_images.share(), text_share: under_text.share(), ..evidence }
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
        if self.latin >= LETTERS_TO_JUDGE && (self.vowels as f64) < LEAST_VOWELS * self.latin as f64 {
            return doubt(false, "its letters make no words".to_owned());
        }
        let visible = characters - invisible;
        // Letters in outlines are of some twenty shapes and more; the marks of a plot are of one or two.
        if self.outlines > 100 && self.outlines > 2 * visible && self.different_outlines >= 15 && invisible == 0 {
            return doubt(true, format!("{characters} characters of text on a page whose text is drawn as outlines"));
        }
        if image_share < SCAN_SHARE || invisible >= STAMP_CHARACTERS {
            return None;
        }
        let image = (image_share * 100.0).round();
        if characters < STAMP_CHARACTERS || text_share < OVERLAID_SHARE {
            return doubt(true, format!("{characters} characters of text on a page that is {image}% image"));
        }
        None
    }
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

    fn share(&self) -> f64 {
        self.covered.iter().filter(|&&covered| covered).count() as f64 / self.covered.len() as f64
    }
}

#[cfg(test)]
mod tests {
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
    }

    #[test]
    fn letters_that_make_no_words_are_doubted_in_no_language() {
        let check = |text: &str, doubted: bool| {
            let text = text.repeat(200 / text.len() + 8);
            let letters: Vec<char> = text.nfd().filter(char::is_ascii_alphabetic).collect();
            let is_vowel = |c: &&char| "aeiouy".contains(c.to_ascii_lowercase());
            let evidence = Evidence {
                characters: letters.len(),
                latin: letters.len(),
                vowels: letters.iter().filter(is_vowel).count(),
                ..Evidence::default()
            };
            assert_eq!(evidence.doubt().is_some(), doubted, "{text:.60}");
        };
        check("The harbour office keeps a ledger of every vessel that enters the basin", false);
        check("Der Schiffsverkehr wird durch den Hafenmeister streng beobachtet und gelenkt", false);
        check("Przystan rzeczna prowadzi spis wszystkich statkow wchodzacych do portu", false);
        check("přístavní úřad vede knihu každé lodi, která vpluje do přístavu", false);
        check("Wkh kduerxu riilfh nhhsv d ohgjhu ri hyhub yhvvho wkdw hqwhuv wkh edvlq", true);
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
            let page = Rect::new(0.0, 0.0, 600.0, 800.0);
            let evidence = Evidence { characters: 12, ..Evidence::of(&[], &[], outlines, page) };
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
