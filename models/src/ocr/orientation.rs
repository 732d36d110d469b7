//! Which way up the page is: decided once per page, never per line.
//!
//! The angle classifier, asked line by line, turns good lines over (CER 4.2% with it, 0.3% without, on upright pages).
//! So the evidence is taken in the order of its cost and worth:
//!
//! 1. If most text runs up or down, the page lies on its side; it is turned by a quarter and detected again.
//! 2. A few lines are recognised as they stand. The recogniser is about .99 sure of upright lines and .6 to .8 sure of
//!    inverted ones, and these lines have to be recognised anyway: an upright page pays nothing for its orientation.
//! 3. Only if the recogniser is not sure, the classifier votes on the same lines. If it votes for a turn, or the lines
//!    read as badly as inverted ones do, or the page lay on its side, when both ways are equally likely, the lines are
//!    recognised the other way up, too. The more confident reading wins; against the vote it has to win clearly.

use pagestream_documents::{Point, Polygon};

use super::recognizer::Decoded;
use crate::{
    backend::TensorView,
    error::{Error, Result},
};

/// Lines that are asked. Enough that a logo or a stamp among them does not decide; few enough that a page with doubts
/// pays for about a tenth of a page.
pub const SAMPLE_LINES: usize = 6;

/// Median confidence of sampled lines from which on the page is the right way up, without further questions.
const SURE: f32 = 0.92;

/// The classifier's probability of "upside down" that counts as a vote.
const VOTE: f32 = 0.9;

/// Median confidence below which lines may be inverted whatever the classifier says of them: it missed two of eleven
/// inverted pages of the corpora.
const AS_BAD_AS_INVERTED: f32 = 0.88;

/// Mean quality from which on lines are text that was read, whichever way up.
const READ: f32 = 0.8;

/// Characters of a line for each time that it is as long as high. Latin print has 1.8 and more, Chinese print one. Of a script that a
/// recogniser does not know it reads the commas, and is sure of them.
const CHARACTERS: f32 = 0.7;

/// How much more confident the turned reading has to be, with the classifier's vote and against it. Turning an inverted
/// page gains 0.2 and more.
pub const MARGIN: f32 = 0.03;
pub const MARGIN_AGAINST_VOTE: f32 = 0.1;

/// The classifier's output `[1, 2]`: probabilities of "upright" and "upside down".
///
/// # Errors
/// [`Error::Inference`] when the output has another shape.
pub fn reduce(output: TensorView<'_>) -> Result<f32> {
    match (output.shape, output.data) {
        ([1, 2], &[_, upside_down]) => Ok(upside_down),
        _ => Err(Error::Inference {
            model: "orientation".to_owned(),
            cause: format!("its output has shape {:?}, not [1, 2]", output.shape),
        }),
    }
}

/// Whether the text runs up or down: most of it, weighed by length. Pieces about as wide as they are high (single
/// characters, page numbers) say nothing.
pub fn lies_on_its_side(lines: &[Polygon]) -> bool {
    let (mut tall, mut wide) = (0.0, 0.0);
    for line in lines {
        let (width, height) = (line.width(), line.height());
        if height > 1.5 * width {
            tall += height;
        } else if width > 1.5 * height {
            wide += width;
        }
    }
    tall > wide
}

/// The same line read the other way up.
pub fn turned_over(line: &Polygon) -> Polygon {
    let [a, b, c, d] = line.0;
    Polygon([c, d, a, b])
}

/// A tall line is read from its foot upwards, as the spine of a book and the axis of a diagram are; so its corners
/// begin at the foot. Other lines stay as they are.
pub fn along_the_text(line: Polygon) -> Polygon {
    let [a, b, c, d] = line.0;
    if line.height() > 1.5 * line.width() { Polygon([d, a, b, c]) } else { line }
}

/// Which lines to ask: long enough to judge, short enough to be cheap, spread over the page.
pub fn sample(lines: &[Polygon]) -> Vec<usize> {
    let aspect = |line: &Polygon| line.width() / line.height().max(1.0);
    let pick = |least: f32, most: f32| -> Vec<usize> {
        (0..lines.len()).filter(|&i| (least..most).contains(&aspect(&lines[i]))).collect()
    };
    let good = [pick(5.0, 30.0), pick(2.0, f32::MAX), pick(0.0, f32::MAX)];
    let fallback = lines.len().min(SAMPLE_LINES);
    let candidates = good.into_iter().find(|c| c.len() >= fallback.min(3)).unwrap_or_default();
    let count = candidates.len().min(SAMPLE_LINES);
    (0..count).map(|n| candidates[(2 * n + 1) * candidates.len() / (2 * count)]).collect()
}

/// Whether these confidences can only be those of upright lines.
pub fn is_surely_upright(confidences: &[f32]) -> bool {
    median(confidences) >= SURE
}

/// Whether the classifier's probabilities speak for a turn by 180 degrees.
pub fn votes_for_turn(upside_down: &[f32]) -> bool {
    let votes = upside_down.iter().filter(|&&p| p > VOTE).count();
    2 * votes > upside_down.len()
}

/// Whether lines of these confidences may be inverted.
pub fn may_be_inverted(confidences: &[f32]) -> bool {
    median(confidences) < AS_BAD_AS_INVERTED
}

/// What part of the line was read, by how many characters there is room for.
pub fn share_read(line: &Polygon, decoded: &Decoded) -> f32 {
    let room = CHARACTERS * line.width() / line.height().max(1.0);
    (decoded.text.chars().count() as f32 / room.max(1.0)).min(1.0)
}

/// Whether lines of these qualities (see [`share_read`]) are text.
pub fn can_be_read(qualities: &[f32]) -> bool {
    mean(qualities) >= READ
}

/// Whether the lines read better turned over, by `margin`.
pub fn reads_better_turned(as_is: &[f32], turned: &[f32], margin: f32) -> bool {
    mean(turned) > mean(as_is) + margin
}

fn mean(values: &[f32]) -> f32 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f32>() / values.len() as f32 }
}

fn median(values: &[f32]) -> f32 {
    let mut values = values.to_vec();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The page as it is read: its size after the turn, and points of the page as given seen from there.
#[derive(Clone, Copy, Debug)]
pub struct Upright {
    pub rotation: pagestream_documents::Rotation,
    /// Size of the raster as given.
    pub width: f32,
    pub height: f32,
}

impl Upright {
    pub fn point(&self, p: Point) -> Point {
        use pagestream_documents::Rotation;
        match self.rotation {
            Rotation::None => p,
            Rotation::Clockwise90 => Point::new(self.height - p.y, p.x),
            Rotation::Half => Point::new(self.width - p.x, self.height - p.y),
            Rotation::Clockwise270 => Point::new(p.y, self.width - p.x),
        }
    }

    /// The other way.
    pub fn given(&self, p: Point) -> Point {
        use pagestream_documents::Rotation;
        match self.rotation {
            Rotation::None => p,
            Rotation::Clockwise90 => Point::new(p.y, self.height - p.x),
            Rotation::Half => Point::new(self.width - p.x, self.height - p.y),
            Rotation::Clockwise270 => Point::new(self.width - p.y, p.x),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pagestream_documents::{PixelFormat, Raster, Rect, Rotation};

    fn rect(left: f32, top: f32, width: f32, height: f32) -> Polygon {
        Polygon::from_rect(Rect { left, top, right: left + width, bottom: top + height })
    }

    #[test]
    fn most_text_by_length_decides_whether_a_page_lies_on_its_side() {
        let row = rect(0.0, 0.0, 300.0, 20.0);
        let spine = rect(0.0, 0.0, 20.0, 200.0);
        let digit = rect(0.0, 0.0, 18.0, 20.0);
        assert!(!lies_on_its_side(&[]));
        assert!(!lies_on_its_side(&[digit]));
        assert!(!lies_on_its_side(&[row, spine]));
        assert!(lies_on_its_side(&[row, spine, spine, digit]));
    }

    #[test]
    fn the_sample_is_spread_over_the_page_and_avoids_short_pieces() {
        let lines: Vec<Polygon> =
            (0..40).map(|n| rect(0.0, 30.0 * n as f32, if n % 2 == 0 { 30.0 } else { 300.0 }, 20.0)).collect();
        let sample = sample(&lines);
        assert_eq!(sample.len(), SAMPLE_LINES);
        assert!(sample.iter().all(|index| index % 2 == 1), "{sample:?}");
        assert!(sample[0] < 10 && sample[SAMPLE_LINES - 1] > 30, "{sample:?}");
    }

    #[test]
    fn what_there_is_is_sampled_on_a_page_of_short_pieces() {
        assert_eq!(sample(&[rect(0.0, 0.0, 20.0, 20.0)]), [0]);
        assert!(sample(&[]).is_empty());
    }

    #[test]
    fn a_turn_needs_more_than_half_of_the_votes_and_a_better_reading() {
        assert!(!votes_for_turn(&[]));
        assert!(!votes_for_turn(&[0.95, 0.1]));
        assert!(votes_for_turn(&[0.95, 0.92, 0.1]));
        assert!(!votes_for_turn(&[0.85, 0.85, 0.85]));
        assert!(reads_better_turned(&[0.7, 0.6], &[0.99, 0.97], MARGIN_AGAINST_VOTE));
        assert!(!reads_better_turned(&[0.9, 0.9], &[0.91, 0.91], MARGIN));
        assert!(!reads_better_turned(&[0.7, 0.7], &[0.77, 0.77], MARGIN_AGAINST_VOTE));
        assert!(may_be_inverted(&[0.7, 0.8, 0.99]) && !may_be_inverted(&[0.9, 0.9, 0.3]));
        assert!(can_be_read(&[0.7, 0.95, 0.9]) && !can_be_read(&[0.9, 0.5]) && !can_be_read(&[]));
        assert!(is_surely_upright(&[0.99, 0.98, 0.3]));
        assert!(!is_surely_upright(&[]));
    }

    #[test]
    fn of_a_line_only_the_comma_was_read() {
        let check = |text: &str, expected: f32| {
            let decoded = Decoded { text: text.to_owned(), ..Decoded::default() };
            let share = share_read(&rect(0.0, 0.0, 400.0, 20.0), &decoded);
            assert!((share - expected).abs() < 0.01, "{text}: {share}");
        };
        check("a line of some forty letters in a row of", 1.0);
        check("港务局长记录每一艘进入港口的船只", 1.0);
        check(",", 1.0 / 14.0);
        check("", 0.0);
    }

    #[test]
    fn upright_points_are_where_turning_the_page_puts_its_pixels() {
        // One dark pixel, at (5, 2) of 8 x 6.
        let mut page = Raster { width: 8, height: 6, format: PixelFormat::Gray8, data: vec![255; 48], dpi: 72.0 };
        page.data[2 * 8 + 5] = 0;
        for quarters in 0..4 {
            let rotation = Rotation::from_quarters(quarters);
            let turned = page.rotated(rotation);
            let at = turned.data.iter().position(|&v| v == 0).unwrap_or_default() as u32;
            let expected = Point::new((at % turned.width) as f32 + 0.5, (at / turned.width) as f32 + 0.5);
            let upright = Upright { rotation, width: 8.0, height: 6.0 };
            assert_eq!(upright.point(Point::new(5.5, 2.5)), expected, "{rotation:?}");
        }
    }
}
