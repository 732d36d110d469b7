//! Placed glyphs to words and lines. Knows nothing of PDF: a glyph has an origin, a direction, a size and an advance.
//!
//! Glyphs that continue each other in the order of drawing form runs; runs that stand side by side on one baseline form
//! lines. The order of drawing is what keeps two columns apart when the gutter is no wider than a word space: the text of
//! one column is drawn as a whole, so only glyphs drawn one after the other may leap a wide gap.

use hayro::kurbo::{Point, Rect, Vec2};

use super::direction;
use crate::{
    geometry::{self, Polygon},
    page_text::is_covered,
    record::{TextLine, Word},
};

/// Extent of a line above and below its baseline, in ems: what usual fonts have, their own values being unreliable.
const ASCENT: f64 = 0.78;
const DESCENT: f64 = 0.22;
/// A gap of this many ems is a space between words (spaces are .25 to .33 em, justified ones down to .2; kerning in
/// capitals reaches .1). What is less is one only where the line's own gaps fall into two kinds.
const WORD_GAP: f64 = 0.16;
/// Tightly set newspapers part their words by so little, and no letters of a word by so much.
const LEAST_WORD_GAP: f64 = 0.07;
/// Letters that are spaced out stand nearer than this, in ems; initials and columns of single letters do not.
const SPACED_OUT: f64 = 1.0;
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
    /// From the head of the letters to their foot; unit length. Of mirrored text (OCR layers of scripts that are read from the right are
    /// set so: each letter after the one that is read before it) it points the other way from `direction`.
    down: Vec2,
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
        let direction = along / length;
        let down = Vec2::new(-direction.y, direction.x);
        sane.then_some(Self { text, decoded, invisible, origin, direction, down, size, advance })
    }

    /// As a glyph of which the letters stand on their heads where they run from left to right.
    pub(super) fn mirrored(self) -> Self {
        Self { down: -self.down, ..self }
    }

    fn is_mirrored(&self) -> bool {
        self.direction.cross(self.down) < 0.0
    }

    /// Around the glyph as fonts usually are, upright.
    pub(super) fn bounds(&self) -> Rect {
        let (head, foot) =
            (self.origin - self.down * (ASCENT * self.size), self.origin + self.down * (DESCENT * self.size));
        let end = self.direction * self.advance;
        Rect::from_points(head, foot).union(Rect::from_points(head + end, foot + end))
    }

    /// Whether both stand on one baseline.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let apart = (self.origin - other.origin).dot(other.down).abs();
        self.direction.dot(other.direction) > 0.999 && apart < BASELINE_SHIFT * self.size.max(other.size)
    }

    /// From the beginning of this glyph to the end of another on its baseline.
    pub(super) fn distance_to_end_of(&self, other: &Self) -> f64 {
        ((other.origin - self.origin).dot(self.direction) + other.advance).max(self.advance)
    }

    /// A glyph in the place of a part of this one's line.
    pub(super) fn piece(&self, c: char, from: f64, advance: f64) -> Self {
        let origin = self.origin + self.direction * from;
        Self { text: c.to_string(), decoded: true, origin, advance, ..self.clone() }
    }

    /// Whether the middle of an accent stands within this letter's width. Accents are set on the letter's baseline or somewhat above it.
    pub(super) fn stands_under(&self, accent: &Self) -> bool {
        let between = accent.origin - self.origin;
        let middle = between.dot(self.direction) + accent.advance / 2.0;
        let above = -between.dot(self.down);
        self.direction.dot(accent.direction) > 0.999
            && (0.0..=self.advance).contains(&middle)
            && (middle - self.advance / 2.0).abs() < 0.3 * self.size
            && above.abs() < 0.5 * self.size
            && accent.size < 1.5 * self.size
            && self.size < 1.5 * accent.size
    }

    pub(super) fn is_space(&self) -> bool {
        self.text.chars().all(char::is_whitespace)
    }

    /// The middle of the glyph's box: half its advance along, a third of its size above the baseline.
    pub(super) fn middle(&self) -> Point {
        self.origin + self.direction * (self.advance / 2.0) - self.down * (self.size / 3.0)
    }
}

/// A stretch of text on one baseline, in a frame of its own: `along` grows in reading direction, `down` across it.
struct Run {
    direction: Vec2,
    /// See [`Glyph`].
    across: Vec2,
    is_mirrored: bool,
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
        point.to_vec2().dot(self.across)
    }

    fn new(index: usize, glyph: &Glyph) -> Self {
        let mut run = Self {
            direction: glyph.direction,
            across: glyph.down,
            is_mirrored: glyph.is_mirrored(),
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
            && self.is_mirrored == glyph.is_mirrored()
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
    let seen = lines_of_kind(glyphs, false);
    let mut lines = lines_of_kind(glyphs, true);
    // A layer of OCR over text that is there to be seen says the same again.
    lines.retain(|line| !is_covered(line, &seen));
    lines.extend(seen);
    lines
}

/// Lines of the glyphs that are visible, or of those that are not.
fn lines_of_kind(glyphs: &[Glyph], invisible: bool) -> Vec<TextLine> {
    let mut runs: Vec<Run> = Vec::new();
    for (index, glyph) in glyphs.iter().enumerate().filter(|(_, glyph)| glyph.invisible == invisible) {
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
    let degrees = |run: &Run| (run.direction.atan2() * 180.0 / std::f64::consts::PI).round() as i32;
    let quantised = |run: &Run| (run.is_mirrored, degrees(run));
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

/// Words of one line while it is put together: glyphs in reading order, and whether their brackets are mirrored.
type Piece = Vec<(usize, bool)>;

fn line_of(run: &Run, glyphs: &[Glyph]) -> Option<TextLine> {
    let pieces = join_spaced_out(words_as_seen(run, glyphs), run, glyphs);
    let in_reading_order = as_read(&pieces, run, glyphs);
    let words: Vec<Word> = in_reading_order
        .iter()
        .map(|piece| {
            let text: String = piece.iter().flat_map(|&(index, turned)| characters(&glyphs[index], turned)).collect();
            let members: Vec<usize> = piece.iter().map(|&(index, _)| index).collect();
            Word { text: text.trim().to_owned(), polygon: polygon(run, &members, glyphs), confidence: None }
        })
        .filter(|word| !word.text.is_empty())
        .collect();
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let all: Vec<usize> = pieces.concat();
    (!text.is_empty()).then(|| TextLine { text, polygon: polygon(run, &all, glyphs), confidence: None, words })
}

/// A glyph's characters. A soft hyphen that is drawn is a hyphen, wherever it stands: who sets a page breaks lines, and leaves out those
/// that are not seen.
fn characters(glyph: &Glyph, turned: bool) -> impl Iterator<Item = char> + '_ {
    glyph.text.chars().map(move |c| match c {
        '\u{ad}' => '-',
        c if turned => direction::mirrored(c),
        c => c,
    })
}

/// The glyphs of a line, word by word, from left to right.
fn words_as_seen(run: &Run, glyphs: &[Glyph]) -> Vec<Vec<usize>> {
    let mut pieces: Vec<Vec<usize>> = Vec::new();
    let mut end = f64::INFINITY;
    // Where a space began that was drawn after the last letter, and its width.
    let mut space: Option<(f64, f64)> = None;
    let gap_of_words = word_gap(run, glyphs);
    for &index in &run.glyphs {
        let glyph = &glyphs[index];
        let start = run.along(glyph.origin);
        if glyph.is_space() {
            space = space.or(Some((start, glyph.advance)));
            continue;
        }
        // A space under the next letter parts nothing: some programs lay them there.
        let spaced = space.take().is_some_and(|(from, width)| start - from > 0.4 * width.min(0.3 * glyph.size));
        match pieces.last_mut() {
            Some(piece) if !spaced && start - end <= gap_of_words * glyph.size => piece.push(index),
            _ => pieces.push(vec![index]),
        }
        end = start + glyph.advance;
    }
    pieces
}

/// Letters that are spaced out (`N O  V A T`), with spaces or without, are words all the same: where nearly all pieces are single
/// letters, the wider of their gaps part words.
fn join_spaced_out(pieces: Vec<Vec<usize>>, run: &Run, glyphs: &[Glyph]) -> Vec<Vec<usize>> {
    let is_letter =
        |piece: &Vec<usize>| piece.len() == 1 && glyphs[piece[0]].text.chars().all(|c| c.is_alphabetic() || c == '&');
    let letters = pieces.iter().filter(|piece| is_letter(piece)).count();
    if pieces.len() < 4 || letters * 10 < pieces.len() * 8 {
        return pieces;
    }
    let start = |piece: &[usize]| run.along(glyphs[piece[0]].origin);
    let end = |piece: &[usize]| {
        let last = &glyphs[piece[piece.len() - 1]];
        run.along(last.origin) + last.advance
    };
    let gaps: Vec<f64> = pieces.windows(2).map(|pair| (start(&pair[1]) - end(&pair[0])) / run.size).collect();
    let (least, most) = gaps.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &gap| (a.min(gap), b.max(gap)));
    if least > SPACED_OUT || least <= 0.0 {
        return pieces;
    }
    // All alike: one word.
    let limit = if most > 1.5 * least { (least + most) / 2.0 } else { f64::INFINITY };
    let mut joined: Vec<Vec<usize>> = Vec::new();
    for (at, piece) in pieces.into_iter().enumerate() {
        match joined.last_mut() {
            Some(word) if gaps[at - 1] <= limit => word.extend(piece),
            _ => joined.push(piece),
        }
    }
    joined
}

/// The words of a line, and the glyphs of each, in the order in which they are read.
fn as_read(pieces: &[Vec<usize>], run: &Run, glyphs: &[Glyph]) -> Vec<Piece> {
    let as_it_is = || pieces.iter().map(|piece| piece.iter().map(|&index| (index, false)).collect()).collect();
    let has_rtl = pieces.iter().flatten().any(|&i| direction::has_letters_from_the_right(&glyphs[i].text));
    // Mirrored text runs along its own direction, from the right.
    if !has_rtl || run.is_mirrored {
        return as_it_is();
    }
    // What is not seen was laid there by a program that knows the text, in the order of the text.
    if pieces.iter().flatten().all(|&index| glyphs[index].invisible) {
        let mut pieces = pieces.to_vec();
        pieces.iter_mut().for_each(|piece| piece.sort_unstable());
        pieces.sort_by_key(|piece| piece[0]);
        return pieces.iter().map(|piece| piece.iter().map(|&index| (index, false)).collect()).collect();
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut members: Vec<Option<usize>> = Vec::new();
    for piece in pieces {
        if !members.is_empty() {
            seen.push(" ");
            members.push(None);
        }
        for &index in piece {
            seen.push(&glyphs[index].text);
            members.push(Some(index));
        }
    }
    let mut words: Vec<Piece> = vec![Vec::new()];
    for (at, turned) in direction::reading_order(&seen) {
        match members[at] {
            Some(index) => words.last_mut().into_iter().for_each(|word| word.push((index, turned))),
            None => words.push(Vec::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Ems that part two words in this line: more where the letters themselves are spaced out, less where they are tight.
fn word_gap(run: &Run, glyphs: &[Glyph]) -> f64 {
    let pairs = || run.glyphs.windows(2).map(|pair| (&glyphs[pair[0]], &glyphs[pair[1]]));
    let mut gaps: Vec<f64> = pairs()
        .filter(|(a, b)| !a.is_space() && !b.is_space())
        .map(|(a, b)| (run.along(b.origin) - run.along(a.origin) - a.advance) / b.size)
        .collect();
    // A word of two letters says nothing about its spacing.
    if gaps.len() < 4 {
        return WORD_GAP;
    }
    // Where letters are spaced out, nearly all gaps are wide; in a formula, many are, but not those within words.
    gaps.sort_by(f64::total_cmp);
    let within = gaps[gaps.len() / 5];
    let usual = WORD_GAP + within.clamp(0.0, 1.0);
    let has_spaces = run.glyphs.iter().any(|&index| glyphs[index].is_space());
    if has_spaces || gaps.len() < 16 {
        return usual;
    }
    narrow_gap(&gaps).map_or(usual, |narrow| narrow.min(usual))
}

/// Where a line without spaces is set so tightly that its word gaps are below the usual: the middle of the widest step between its
/// sorted gaps, if what lies above are as many gaps as a line has words, and none lies near the step.
fn narrow_gap(sorted: &[f64]) -> Option<f64> {
    let within = sorted[sorted.len() / 2];
    let steps = sorted.windows(2).enumerate().filter(|(_, pair)| pair[1] - within > LEAST_WORD_GAP && pair[1] < 0.25);
    let (at, pair) = steps.max_by(|(_, a), (_, b)| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    let above = sorted.len() - at - 1;
    // Words have two to twelve letters in the mean.
    let is_plausible = (sorted.len() / 12..=sorted.len() / 2).contains(&above);
    (is_plausible && pair[1] - pair[0] > 0.04).then_some((pair[0] + pair[1]) / 2.0)
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
    // Corners are told from the left end, where mirrored text has its last letter.
    let (left, right) = if run.is_mirrored { (right, left) } else { (left, right) };
    Polygon([(left, top), (right, top), (right, bottom), (left, bottom)].map(|(along, down)| {
        let point = run.direction * along + run.across * down;
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
        assert_eq!(texts(&set("A\u{ad}47\u{ad}", 0.0, 10.0, 0.0)), ["A-47-"], "they are drawn");
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
