//! Placed glyphs to words and lines. Knows nothing of PDF: a glyph has an origin, a direction, a size and an advance.
//!
//! Glyphs that continue each other in the order of drawing form runs; runs that stand side by side on one baseline form
//! lines. The order of drawing is what keeps two columns apart when the gutter is no wider than a word space: the text of
//! one column is drawn as a whole, so only glyphs drawn one after the other may leap a wide gap.

use hayro::kurbo::{Point, Vec2};

use crate::{
    geometry::{self, Polygon},
    record::{TextLine, Word},
};

/// Extent of a line above and below its baseline, in ems: what usual fonts have, their own values being unreliable.
const ASCENT: f64 = 0.78;
const DESCENT: f64 = 0.22;
/// A gap of this many ems is a space between words (spaces are .25 to .33 em, justified ones down to .2; kerning in
/// capitals reaches .1).
const WORD_GAP: f64 = 0.16;
/// Glyphs drawn one after the other belong to one line up to this gap: tabs in tables, leaders, wide justification.
const DRAWN_TOGETHER_GAP: f64 = 1.5;
/// Runs drawn apart belong to one line only when nearer than a narrow gutter (LaTeX: 1 em).
const DRAWN_APART_GAP: f64 = 0.7;
/// How far a glyph may start before the end of the last: accents set over letters, tight kerning.
const BACKWARD: f64 = -0.7;
/// Raised or lowered type that still belongs to the line.
const BASELINE_SHIFT: f64 = 0.45;

/// One glyph on the page as it is seen: points, y down.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    pub(super) text: String,
    /// The document says which characters these are.
    pub(super) decoded: bool,
    /// Text that is there to be found and not to be seen.
    pub(super) invisible: bool,
    /// On the baseline, at the glyph's beginning.
    pub(super) origin: Point,
    /// Of the baseline; unit length.
    direction: Vec2,
    /// The em across the baseline, and the glyph's width along it.
    pub(super) size: f64,
    advance: f64,
}

impl Glyph {
    /// `None` for a glyph without size or place.
    pub(super) fn new(
        text: String,
        decoded: bool,
        invisible: bool,
        origin: Point,
        along: Vec2,
        size: f64,
        advance: f64,
    ) -> Option<Self> {
        let length = along.hypot();
        let sane = length.is_finite() && length > 1e-6 && origin.is_finite() && size > 0.01 && size < 1e5;
        let advance = if advance.is_finite() { advance.clamp(0.0, 10.0 * size) } else { 0.0 };
        sane.then(|| Self { text, decoded, invisible, origin, direction: along / length, size, advance })
    }

    pub(super) fn is_space(&self) -> bool {
        self.text.chars().all(char::is_whitespace)
    }

    /// The middle of the glyph's box: half its advance along, a third of its size above the baseline.
    pub(super) fn middle(&self) -> Point {
        self.origin + self.direction * (self.advance / 2.0) - self.across() * (self.size / 3.0)
    }

    /// From the head of the letters to their foot.
    fn across(&self) -> Vec2 {
        Vec2::new(-self.direction.y, self.direction.x)
    }
}

/// A stretch of text on one baseline, in a frame of its own: `along` grows in reading direction, `down` across it.
struct Run {
    direction: Vec2,
    /// Indices of glyphs, in order of drawing.
    glyphs: Vec<usize>,
    start: f64,
    end: f64,
    baseline: f64,
    /// Size of the largest glyph, which is the one that sets the baseline.
    size: f64,
}

impl Run {
    fn along(&self, point: Point) -> f64 {
        point.to_vec2().dot(self.direction)
    }

    fn down(&self, point: Point) -> f64 {
        point.to_vec2().dot(Vec2::new(-self.direction.y, self.direction.x))
    }

    fn new(index: usize, glyph: &Glyph) -> Self {
        let mut run = Self {
            direction: glyph.direction,
            glyphs: vec![index],
            start: 0.0,
            end: 0.0,
            baseline: 0.0,
            size: glyph.size,
        };
        run.start = run.along(glyph.origin);
        run.end = run.start + glyph.advance;
        run.baseline = run.down(glyph.origin);
        run
    }

    fn continues_with(&self, glyph: &Glyph) -> bool {
        let size = self.size.max(glyph.size);
        let gap = self.along(glyph.origin) - self.end;
        self.direction.dot(glyph.direction) > 0.999
            && (self.down(glyph.origin) - self.baseline).abs() < BASELINE_SHIFT * size
            && gap > BACKWARD * size
            && gap < DRAWN_TOGETHER_GAP * size
    }

    fn push(&mut self, index: usize, glyph: &Glyph) {
        let start = self.along(glyph.origin);
        self.start = self.start.min(start);
        self.end = self.end.max(start + glyph.advance);
        if glyph.size > 1.05 * self.size {
            (self.size, self.baseline) = (glyph.size, self.down(glyph.origin));
        }
        self.glyphs.push(index);
    }

    fn follows(&self, other: &Self) -> bool {
        let size = self.size.min(other.size);
        let gap = self.start - other.end;
        (self.baseline - other.baseline).abs() < 0.25 * size && gap > BACKWARD * size && gap < DRAWN_APART_GAP * size
    }
}

/// The lines of a page, in no particular order; each line's words are in reading order.
pub(super) fn lines_of(glyphs: &[Glyph]) -> Vec<TextLine> {
    let mut runs: Vec<Run> = Vec::new();
    for (index, glyph) in glyphs.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if run.continues_with(glyph) => run.push(index, glyph),
            // Spaces begin nothing, and end nothing that a gap would not end.
            _ if glyph.is_space() => {}
            _ => runs.push(Run::new(index, glyph)),
        }
    }
    merge(runs).iter().filter_map(|run| line_of(run, glyphs)).collect()
}

/// Joins runs that stand side by side on one baseline though they were not drawn one after the other.
fn merge(mut runs: Vec<Run>) -> Vec<Run> {
    let quantised = |run: &Run| (run.direction.atan2() * 180.0 / std::f64::consts::PI).round() as i32;
    // Runs of one line become neighbours: by direction, then by rows of half a point, then along the row.
    runs.sort_by(|a, b| {
        quantised(a).cmp(&quantised(b)).then(a.baseline.total_cmp(&b.baseline)).then(a.start.total_cmp(&b.start))
    });
    let mut lines: Vec<Run> = Vec::with_capacity(runs.len());
    let mut row_start = 0;
    let mut rows: Vec<Vec<Run>> = Vec::new();
    for run in runs {
        let fits = rows.get(row_start).and_then(|row| row.first()).is_some_and(|first: &Run| {
            quantised(first) == quantised(&run)
                && (run.baseline - first.baseline).abs() < 0.25 * run.size.min(first.size)
        });
        if fits {
            rows[row_start].push(run);
        } else {
            rows.push(vec![run]);
            row_start = rows.len() - 1;
        }
    }
    for mut row in rows {
        row.sort_by(|a, b| a.start.total_cmp(&b.start));
        for run in row {
            match lines.last_mut() {
                Some(line) if quantised(line) == quantised(&run) && run.follows(line) => {
                    line.end = line.end.max(run.end);
                    line.size = line.size.max(run.size);
                    line.glyphs.extend(run.glyphs);
                }
                _ => lines.push(run),
            }
        }
    }
    lines
}

/// Part of a line while it is put together.
#[derive(Default)]
struct Piece {
    glyphs: Vec<usize>,
}

fn line_of(run: &Run, glyphs: &[Glyph]) -> Option<TextLine> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut end = f64::INFINITY;
    let gap_of_words = word_gap(run, glyphs);
    for &index in &run.glyphs {
        let glyph = &glyphs[index];
        let start = run.along(glyph.origin);
        if glyph.is_space() {
            end = f64::NEG_INFINITY;
            continue;
        }
        if pieces.is_empty() || start - end > gap_of_words * glyph.size {
            pieces.push(Piece::default());
        }
        pieces.last_mut()?.glyphs.push(index);
        end = start + glyph.advance;
    }
    let rtl = run.glyphs.iter().flat_map(|&i| glyphs[i].text.chars()).map(reading_direction).sum::<i32>() < 0;
    if rtl {
        // Collected from left to right, as everything is; read from the right, but for words of the other kind.
        pieces.reverse();
        for piece in &mut pieces {
            read_from_the_right(&mut piece.glyphs, glyphs);
        }
    }
    let words: Vec<Word> = pieces
        .iter()
        .map(|piece| {
            let text: String = piece.glyphs.iter().map(|&i| glyphs[i].text.as_str()).collect();
            Word { text: text.trim().to_owned(), polygon: polygon(run, &piece.glyphs, glyphs), confidence: None }
        })
        .filter(|word| !word.text.is_empty())
        .collect();
    let mut text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    // A soft hyphen is seen where a line ends with it, and only there.
    if text.contains('\u{ad}') {
        let hyphenated = text.ends_with('\u{ad}');
        text.retain(|c| c != '\u{ad}');
        text.extend(hyphenated.then_some('-'));
    }
    let all: Vec<usize> = pieces.iter().flat_map(|piece| piece.glyphs.iter().copied()).collect();
    (!text.is_empty()).then(|| TextLine { text, polygon: polygon(run, &all, glyphs), confidence: None, words })
}

/// Turns a word collected from left to right into the order in which it is read. Its Latin letters and numbers keep theirs.
fn read_from_the_right(members: &mut [usize], glyphs: &[Glyph]) {
    let turned = |index: &usize| glyphs[*index].text.chars().any(|c| reading_direction(c) < 0);
    if !members.iter().any(turned) {
        return;
    }
    members.reverse();
    for stretch in members.chunk_by_mut(|a, b| !turned(a) && !turned(b)) {
        // A hyphen between the two scripts belongs to the line, not to the Latin word.
        let firm = |index: &usize| glyphs[*index].text.chars().any(char::is_alphanumeric);
        if let (Some(first), Some(last)) = (stretch.iter().position(firm), stretch.iter().rposition(firm)) {
            stretch[first..=last].reverse();
        }
    }
}

/// Ems that part two words in this line: more where the letters themselves are spaced out.
fn word_gap(run: &Run, glyphs: &[Glyph]) -> f64 {
    let mut gaps: Vec<f64> = run
        .glyphs
        .windows(2)
        .map(|pair| (&glyphs[pair[0]], &glyphs[pair[1]]))
        .filter(|(a, b)| !a.is_space() && !b.is_space())
        .map(|(a, b)| (run.along(b.origin) - run.along(a.origin) - a.advance) / b.size)
        .collect();
    // A word of two letters says nothing about its spacing.
    if gaps.len() < 4 {
        return WORD_GAP;
    }
    // Where letters are spaced out, nearly all gaps are wide; in a formula, many are, but not those within words.
    gaps.sort_by(f64::total_cmp);
    WORD_GAP + gaps[gaps.len() / 5].clamp(0.0, 1.0)
}

/// -1 for letters read from right to left (Hebrew, Arabic, Syriac, Thaana and their presentation forms), 1 for others.
fn reading_direction(c: char) -> i32 {
    match c {
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' => -1,
        c if c.is_alphabetic() => 1,
        _ => 0,
    }
}

fn polygon(run: &Run, members: &[usize], glyphs: &[Glyph]) -> Polygon {
    let mut bounds = [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY];
    for glyph in members.iter().map(|&i| &glyphs[i]) {
        let (along, down) = (run.along(glyph.origin), run.down(glyph.origin));
        bounds[0] = bounds[0].min(along);
        bounds[1] = bounds[1].max(along + glyph.advance);
        bounds[2] = bounds[2].min(down - ASCENT * glyph.size);
        bounds[3] = bounds[3].max(down + DESCENT * glyph.size);
    }
    let [left, right, top, bottom] = bounds;
    let across = Vec2::new(-run.direction.y, run.direction.x);
    Polygon([(left, top), (right, top), (right, bottom), (left, bottom)].map(|(along, down)| {
        let point = run.direction * along + across * down;
        geometry::Point::new(point.x as f32, point.y as f32)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets `text` in half-em letters of 10 points from (x, y), running in `direction` (degrees, clockwise).
    fn set(text: &str, x: f64, y: f64, direction: f64) -> Vec<Glyph> {
        let along = Vec2::from_angle(direction.to_radians());
        text.chars()
            .enumerate()
            .filter_map(|(i, c)| {
                let origin = Point::new(x, y) + along * (5.0 * i as f64);
                Glyph::new(c.to_string(), true, false, origin, along, 10.0, 5.0)
            })
            .collect()
    }

    fn texts(glyphs: &[Glyph]) -> Vec<String> {
        lines_of(glyphs).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn words_are_parted_by_spaces_and_by_gaps() {
        let glyphs = [set("one two", 10.0, 20.0, 0.0), set("three", 47.5, 20.0, 0.0)].concat();
        let lines = lines_of(&glyphs);
        assert_eq!(lines[0].text, "one two three");
        let words: Vec<_> = lines[0].words.iter().map(|word| word.polygon.bounds().left).collect();
        assert_eq!(words, [10.0, 30.0, 47.5]);
        // Kerning is no gap, and spaced-out letters are one word.
        assert_eq!(texts(&[set("AV", 10.0, 20.0, 0.0), set("A", 19.0, 20.0, 0.0)].concat()), ["AVA"]);
        let spaced: Vec<_> = (0..6).flat_map(|i| set("x", 10.0 + 8.0 * f64::from(i), 20.0, 0.0)).collect();
        assert_eq!(texts(&spaced), ["xxxxxx"]);
    }

    #[test]
    fn columns_drawn_one_after_the_other_stay_apart_and_a_line_drawn_in_pieces_comes_together() {
        // A gutter of 9 points, less than an em.
        let columns =
            [set("left", 10.0, 20.0, 0.0), set("more", 10.0, 32.0, 0.0), set("right", 39.0, 20.0, 0.0)].concat();
        assert_eq!(texts(&columns), ["left", "right", "more"]);
        let pieces =
            [set("first", 10.0, 20.0, 0.0), set("below", 10.0, 32.0, 0.0), set("second", 38.0, 20.0, 0.0)].concat();
        assert_eq!(texts(&pieces), ["first second", "below"]);
    }

    #[test]
    fn turned_lines_start_at_their_own_beginning() {
        for (direction, corner) in
            [(0.0, (100.0, 92.2)), (90.0, (107.8, 100.0)), (180.0, (100.0, 107.8)), (270.0, (92.2, 100.0))]
        {
            let lines = lines_of(&set("turned text", 100.0, 100.0, direction));
            assert_eq!(lines[0].text, "turned text");
            let first = lines[0].polygon.0[0];
            assert!((first.x - corner.0 as f32).abs() < 0.01 && (first.y - corner.1 as f32).abs() < 0.01, "{first:?}");
            assert!((lines[0].polygon.width() - 55.0).abs() < 0.01);
            assert!((lines[0].polygon.height() - 10.0).abs() < 0.01);
        }
    }

    #[test]
    fn superscripts_stay_in_their_line_and_hyphens_at_their_end() {
        let mut glyphs = set("mc", 10.0, 20.0, 0.0);
        glyphs.extend(Glyph::new("2".into(), true, false, Point::new(20.0, 16.0), Vec2::new(1.0, 0.0), 7.0, 3.5));
        glyphs.extend(set("is", 28.0, 20.0, 0.0));
        assert_eq!(texts(&glyphs), ["mc2 is"]);
        assert_eq!(texts(&set("exam-", 0.0, 10.0, 0.0)), ["exam-"]);
        assert_eq!(texts(&set("ex\u{ad}am\u{ad}", 0.0, 10.0, 0.0)), ["exam-"]);
    }

    #[test]
    fn right_to_left_lines_are_read_from_the_right() {
        // Drawn from left to right: the word for "peace" after the number and before the word for "on you".
        assert_eq!(texts(&set("םכילע 12 םולש", 0.0, 10.0, 0.0)), ["שלום 12 עליכם"]);
        assert_eq!(texts(&set("םכילע Rust-ב", 0.0, 10.0, 0.0)), ["ב-Rust עליכם"]);
    }

    #[test]
    fn glyphs_without_size_or_place_are_left_out() {
        let nowhere = Point::new(f64::NAN, 0.0);
        assert!(Glyph::new("x".into(), true, false, nowhere, Vec2::new(1.0, 0.0), 10.0, 5.0).is_none());
        assert!(Glyph::new("x".into(), true, false, Point::ZERO, Vec2::ZERO, 10.0, 5.0).is_none());
    }
}
