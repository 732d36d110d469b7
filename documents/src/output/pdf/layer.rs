//! The invisible text of a page, as a content stream: line by line in reading order, each word where it was read.
//!
//! A line has the direction and the height of its polygon, and each word is stretched to its width; of lines that run a little askew
//! each word is level and at its place. So what is selected in a viewer lies over what is seen, also where the page is turned.

use std::io::Write as _;

use super::{
    font::{ADVANCE, DESCENT, Font},
    place::{Place, Spot},
};
use crate::{
    output::parts::words,
    record::{Origin, PageRecord, TextLine, Word},
    script::has_letters_from_the_right,
};

/// The least size of letters, in units of the page; a line of no height has none.
const LEAST: f64 = 0.1;

/// The lines that the page's own text does not have already.
pub(super) fn lines(page: &PageRecord) -> impl Iterator<Item = &TextLine> {
    let wanted = move |line: &&TextLine| match page.origin {
        Some(Origin::Ocr) => true,
        // What was not guessed is the document's own.
        Some(Origin::Mixed) => line.confidence.is_some(),
        Some(Origin::TextLayer) | None => false,
    };
    page.lines.iter().filter(wanted)
}

/// Draws the page's text with the font of this name. Empty where there is none to draw.
pub(super) fn content(page: &PageRecord, place: &Place, font: &mut Font, name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut size = String::new();
    for line in lines(page) {
        let Some(strip) = Strip::of(line, place) else { continue };
        if out.is_empty() {
            out.extend(b"q BT 3 Tr\n");
        }
        let wanted = format!("/{name} {} Tf\n", number(strip.height, 1));
        if wanted != size {
            out.extend(wanted.as_bytes());
            size = wanted;
        }
        strip.draw(line, place, font, &mut out);
    }
    if !out.is_empty() {
        out.extend(b"ET Q\n");
    }
    out
}

/// Slopes: what is less is level, and what is more is not meant to be.
const LEVEL: f64 = 0.003;
const A_LITTLE: f64 = 0.2;

/// What runs straight up or down leans by so much: PDFium leaves out text that takes no width on the page, and letters without an outline
/// take none but in the direction in which they run (`findings/pdfium-leaves-out-upright-text-without-outlines.sh`). Half a
/// point over a word of 100.
const TILT: f64 = 0.005;

/// Where a line runs.
struct Strip {
    /// Where its letters stand at its beginning.
    origin: Spot,
    /// Of length 1, in reading direction.
    along: Spot,
    height: f64,
}

impl Strip {
    fn of(line: &TextLine, place: &Place) -> Option<Self> {
        let [a, b, c, d] = line.polygon.0.map(|corner| place.of(corner));
        let (start, end) = (a.middle(d), b.middle(c));
        let run = end.minus(start);
        let length = run.dot(run).sqrt();
        if !(length.is_finite() && length > 0.0) {
            return None;
        }
        let along = Spot { x: run.x / length, y: run.y / length };
        let up = up_of(along);
        let height = (a.minus(d).dot(up) + b.minus(c).dot(up)) / 2.0;
        // The box around an askew word is higher than the word: by as much as it rises, which is told by how long words are here.
        let rises = axis_of_askew(along)
            .map_or(0.0, |axis| axis.dot(up_of(along)).abs() * length / words(line).len().max(1) as f64);
        let height = ((height.abs() + rises).max(LEAST) * 10.0).round() / 10.0;
        // Half of the height lies below the middle, and a fifth of it below the letters' feet.
        let origin = start.plus(up, -height * (0.5 + DESCENT as f64 / 1_000.0));
        Some(Self { origin, along, height })
    }

    fn draw(&self, line: &TextLine, place: &Place, font: &mut Font, out: &mut Vec<u8>) {
        let is_two_ways = has_letters_from_the_right(&line.text);
        let axis = axis_of_askew(self.along);
        if !is_two_ways && axis.is_none() {
            begin_at(self.origin, self.along, false, out);
        }
        let mut at = 0.0;
        for (from, to, text) in self.words(line, place) {
            let codes: Vec<u16> = text.chars().filter(|c| !c.is_control()).map(|letter| font.code(letter)).collect();
            let inked = codes.iter().filter(|&&code| code != 0x20).count();
            if inked == 0 {
                continue;
            }
            let from = (from * 10.0).round() / 10.0;
            let stretch = 100.0 * (to - from).max(LEAST) / (inked as f64 * ADVANCE / 1_000.0 * self.height);
            if is_two_ways || axis.is_some() {
                let from_the_right = has_letters_from_the_right(&text);
                let (start, way) = self.word(from, to, axis);
                let start = if from_the_right { start.plus(way, to - from) } else { start };
                begin_at(start, way, from_the_right, out);
            } else if from != at {
                // Writing into a buffer does not fail.
                let _ = write!(out, "{} 0 Td ", number(from - at, 1));
                at = from;
            }
            let _ = write!(out, "{} Tz(", number(stretch, if stretch < 20.0 { 1 } else { 0 }));
            for byte in codes.into_iter().flat_map(u16::to_be_bytes) {
                match byte {
                    b'(' | b')' | b'\\' => out.extend([b'\\', byte]),
                    b'\r' => out.extend(b"\\r"),
                    byte => out.push(byte),
                }
            }
            out.extend(b")Tj\n");
        }
    }

    /// Where a word's letters begin to stand, and in which direction they do.
    fn word(&self, from: f64, to: f64, axis: Option<Spot>) -> (Spot, Spot) {
        let Some(axis) = axis else { return (self.origin.plus(self.along, from), self.along) };
        let rise = self.height * (0.5 + DESCENT as f64 / 1_000.0);
        let middle = self.origin.plus(self.along, (from + to) / 2.0).plus(up_of(self.along), rise);
        (middle.plus(axis, (from - to) / 2.0).plus(up_of(axis), -rise), axis)
    }

    /// Words with their beginnings and ends along the line, in the order in which they are drawn, with the blanks that part them.
    fn words(&self, line: &TextLine, place: &Place) -> Vec<(f64, f64, String)> {
        let words = words(line);
        let mut rest = line.text.as_str();
        let span = |word: &Word| {
            let [a, b, c, d] = word.polygon.0.map(|corner| place.of(corner));
            let ends = [a.middle(d), b.middle(c)].map(|spot| spot.minus(self.origin).dot(self.along));
            (ends[0].min(ends[1]), ends[0].max(ends[1]))
        };
        let mut drawn: Vec<(f64, f64, String)> = words
            .iter()
            .map(|word| {
                let (from, to) = span(word);
                let after = rest.find(&word.text).map(|at| &rest[at + word.text.len()..]);
                rest = after.unwrap_or(rest);
                // In scripts without blanks words follow each other without one.
                let is_parted = after.is_none_or(|after| after.starts_with(char::is_whitespace));
                (from, to, format!("{}{}", word.text, if is_parted { " " } else { "" }))
            })
            .collect();
        if let Some((_, _, last)) = drawn.last_mut() {
            last.truncate(last.trim_end().len());
        }
        drawn
    }
}

/// The side of the page that a line runs along which runs a little askew. Each of its words is set level, where it is: readers take
/// the boxes around askew words for their places, and mix up lines of which they overlap.
fn axis_of_askew(along: Spot) -> Option<Spot> {
    let Spot { x, y } = along;
    let (more, less) = if x.abs() > y.abs() { (x.abs(), y.abs()) } else { (y.abs(), x.abs()) };
    (LEVEL..=A_LITTLE * more).contains(&less).then(|| match x.abs() > y.abs() {
        true => Spot { x: x.signum(), y: 0.0 },
        false => Spot { x: 0.0, y: y.signum() },
    })
}

fn up_of(along: Spot) -> Spot {
    Spot { x: -along.y, y: along.x }
}

/// Goes to a place on the page. What is read from the right runs back from there with its letters in reading order, as other OCR
/// programs set it and as readers know it: Tesseract's text matrix is mirrored, too.
fn begin_at(place: Spot, along: Spot, mirrored: bool, out: &mut Vec<u8>) {
    let along = if along.x.abs() < TILT { Spot { x: TILT.copysign(along.x), y: along.y } } else { along };
    let way = if mirrored { -1.0 } else { 1.0 };
    let numbers = [way * along.x, way * along.y, -along.y, along.x].map(|value| number(value, 4));
    // Writing into a buffer does not fail.
    let _ = writeln!(out, "{} {} {} Tm", numbers.join(" "), number(place.x, 2), number(place.y, 2));
}

/// As PDF writes numbers, with no more digits than say something.
pub(super) fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_straight_up_or_down_leans_and_what_is_level_does_not() {
        let begun = |x: f64, y: f64| {
            let mut out = Vec::new();
            begin_at(Spot { x: 10.0, y: 20.0 }, Spot { x, y }, false, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(begun(0.0, 1.0), "0.005 1 -1 0.005 10 20 Tm\n");
        assert_eq!(begun(-0.001, -1.0), "-0.005 -1 1 -0.005 10 20 Tm\n");
        assert_eq!(begun(1.0, 0.0), "1 0 0 1 10 20 Tm\n");
    }

    #[test]
    fn numbers_have_no_digits_that_say_nothing() {
        for (value, digits, expected) in [
            (1.0, 2, "1"),
            (0.25, 1, "0.2"),
            (-0.001, 2, "0"),
            (100.0, 0, "100"),
            (12.345, 2, "12.35"),
            (-3.5, 1, "-3.5"),
        ] {
            assert_eq!(number(value, digits), expected);
        }
    }
}
