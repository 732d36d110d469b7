//! Runs: glyphs that continue each other on one baseline, and what belongs to them though it stands above or below it.
//!
//! The order of drawing is what keeps two columns apart when the gutter is no wider than a word space: the text of one column is
//! drawn as a whole, so only glyphs drawn one after the other may leap a wide gap. It also says what a formula is: what is drawn between two
//! parts of a line, and stands between them, is part of the line at that place, however high or low it stands.

use hayro::kurbo::{Point, Vec2};

use super::glyph::{BASELINE_SHIFT, Glyph};

/// Glyphs drawn one after the other belong to one line up to this gap: tabs in tables, leaders, wide justification.
const DRAWN_TOGETHER_GAP: f64 = 1.5;
/// Runs drawn apart belong to one line only when nearer than a narrow gutter (LaTeX: 1 em).
const DRAWN_APART_GAP: f64 = 0.7;
/// How far a glyph may start before the end of the last: accents set over letters, tight kerning.
const BACKWARD: f64 = -0.7;
/// Runs drawn between two parts of a line: exponents, the two halves of a fraction, limits, large brackets in pieces.
const MOST_BETWEEN: usize = 12;
/// How far above or below its line such a run may stand, in ems of the line.
const FARTHEST_BETWEEN: f64 = 2.2;
/// Exponents, indices and footnote marks are smaller than their line by at least so much, and are not specks.
const SCRIPT_SIZES: std::ops::Range<f64> = 0.3..0.86;
/// How far they are raised, in ems of the line; what is lowered has less.
const SCRIPT_RISE: std::ops::Range<f64> = -0.4..0.75;
/// They touch what they belong to, within ems of it.
const SCRIPT_GAP: std::ops::Range<f64> = -0.25..0.2;
/// And are short.
const MOST_OF_SCRIPT: usize = 12;
/// Glyphs of a line in which room for one is looked for.
const MOST_OF_LINE: usize = 2048;
/// A drop capital is so many times as large as its line, at least.
const DROP_CAPITAL: f64 = 1.8;
/// Glyphs for which there is room in a run from the beginning.
const USUAL_LENGTH: usize = 16;
/// Lines that end near one place on a page of text are a few hundred; garbage has more, and is not searched.
const MOST_NEIGHBOURS: usize = 512;

/// A stretch of text on one baseline, in a frame of its own: `along` grows in reading direction, `down` across it.
pub(super) struct Run {
    pub(super) direction: Vec2,
    /// See [`Glyph`].
    pub(super) across: Vec2,
    pub(super) is_mirrored: bool,
    /// Of the direction, in whole degrees.
    heading: i32,
    /// Indices of glyphs; in order of drawing as far as they were drawn together.
    pub(super) glyphs: Vec<usize>,
    start: f64,
    end: f64,
    pub(super) baseline: f64,
    /// Size of the largest glyph, which is the one that sets the baseline.
    pub(super) size: f64,
    /// One large letter or two, at the head of a paragraph as it may be.
    may_be_drop_capital: bool,
}

impl Run {
    pub(super) fn along(&self, point: Point) -> f64 {
        point.to_vec2().dot(self.direction)
    }

    pub(super) fn down(&self, point: Point) -> f64 {
        point.to_vec2().dot(self.across)
    }

    fn new(index: usize, glyph: &Glyph) -> Self {
        let heading = match glyph.direction {
            direction if direction.y == 0.0 && direction.x > 0.0 => 0,
            direction => direction.atan2().to_degrees().round() as i32,
        };
        let mut glyphs = Vec::with_capacity(USUAL_LENGTH);
        glyphs.push(index);
        let mut run = Self {
            direction: glyph.direction,
            across: glyph.down,
            is_mirrored: glyph.is_mirrored(),
            heading,
            glyphs,
            start: 0.0,
            end: 0.0,
            baseline: 0.0,
            size: glyph.size,
            may_be_drop_capital: is_capital(glyph),
        };
        run.start = run.along(glyph.origin);
        run.end = run.start + glyph.advance;
        run.baseline = run.down(glyph.origin);
        run
    }

    /// Whether the glyph that is drawn next goes on where this run ends.
    fn continues_with(&self, glyph: &Glyph) -> bool {
        let size = self.size.max(glyph.size);
        let gap = self.along(glyph.origin) - self.end;
        // What is raised is near; what is far stands on the same baseline.
        let shift = if gap < DRAWN_APART_GAP * size { BASELINE_SHIFT } else { 0.15 };
        gap > BACKWARD * size
            && gap < DRAWN_TOGETHER_GAP * size
            && (self.down(glyph.origin) - self.baseline).abs() < shift * size
            && self.direction.dot(glyph.direction) > 0.999
            && self.is_mirrored == glyph.is_mirrored()
    }

    fn push(&mut self, index: usize, glyph: &Glyph) {
        let start = self.along(glyph.origin);
        self.start = self.start.min(start);
        self.end = self.end.max(start + glyph.advance);
        if glyph.size > 1.05 * self.size {
            (self.size, self.baseline) = (glyph.size, self.down(glyph.origin));
        }
        self.may_be_drop_capital &= self.glyphs.len() < 2 && is_capital(glyph);
        self.glyphs.push(index);
    }

    fn has_direction_of(&self, other: &Self) -> bool {
        self.heading == other.heading && self.is_mirrored == other.is_mirrored
    }

    /// Whether this run takes up `before`, after what was drawn between them and stands between them.
    fn resumes(&self, before: &Self, between: &[Self]) -> bool {
        if !self.has_direction_of(before) {
            return false;
        }
        let size = self.size.max(before.size);
        let is_level = (self.baseline - before.baseline).abs() < 0.25 * self.size.min(before.size);
        if !is_level || self.start < before.end + BACKWARD * size {
            return false;
        }
        let (mut first, mut last) = (f64::INFINITY, before.end);
        for run in between {
            let is_near = run.has_direction_of(self)
                && (run.baseline - before.baseline).abs() < FARTHEST_BETWEEN * size
                && run.start > before.end - 0.6 * size
                && run.end < self.start + 0.6 * size;
            if !is_near {
                return false;
            }
            (first, last) = (first.min(run.start), last.max(run.end));
        }
        first - before.end < DRAWN_APART_GAP * size && self.start - last < DRAWN_APART_GAP * size
    }

    fn take(&mut self, other: Self) {
        self.end = self.end.max(other.end);
        self.start = self.start.min(other.start);
        self.glyphs.extend(other.glyphs);
        self.may_be_drop_capital = false;
    }

    /// How far this run stands from the baseline on which it follows `other`; `None` where it does not.
    fn follows(&self, other: &Self) -> Option<f64> {
        let (small, large) = (self.size.min(other.size), self.size.max(other.size));
        let gap = self.start - other.end;
        let off = (self.baseline - other.baseline).abs();
        if off < 0.25 * small && gap > BACKWARD * small && gap < DRAWN_APART_GAP * small {
            return Some(off);
        }
        let (script, line) = if self.size < other.size { (self, other) } else { (other, self) };
        let rise = line.baseline - script.baseline;
        let is_script = SCRIPT_SIZES.contains(&(small / large))
            && SCRIPT_RISE.contains(&(rise / large))
            && SCRIPT_GAP.contains(&(gap / large))
            && script.glyphs.len() <= MOST_OF_SCRIPT;
        is_script.then_some(off)
    }

    /// Where in `line` this run was left out: it is a script, and there is room for it after one of the line's glyphs. The index in
    /// the line's glyphs.
    fn falls_into(&self, line: &Self, glyphs: &[Glyph]) -> Option<usize> {
        let rise = line.baseline - self.baseline;
        let is_script = SCRIPT_SIZES.contains(&(self.size / line.size))
            && SCRIPT_RISE.contains(&(rise / line.size))
            && self.glyphs.len() <= MOST_OF_SCRIPT
            && line.glyphs.len() <= MOST_OF_LINE
            && self.start > line.start
            && self.end < line.end;
        if !is_script {
            return None;
        }
        let start = |at: usize| line.along(glyphs[line.glyphs[at]].origin);
        let letters = || (0..line.glyphs.len()).filter(|&at| !glyphs[line.glyphs[at]].is_space());
        let before = letters().filter(|&at| start(at) < self.start).max_by(|&a, &b| start(a).total_cmp(&start(b)))?;
        let gap = self.start - start(before) - glyphs[line.glyphs[before]].advance;
        let has_room =
            letters().filter(|&at| start(at) >= self.start).all(|at| start(at) > self.end - 0.15 * line.size);
        (SCRIPT_GAP.contains(&(gap / line.size)) && has_room).then_some(before + 1)
    }

    /// Whether this run is the first line beside a drop capital: their heads are level.
    fn is_led_by(&self, capital: &Self) -> bool {
        /// Of capital letters above the baseline, in ems.
        const HEAD: f64 = 0.7;
        let heads = (self.baseline - HEAD * self.size) - (capital.baseline - HEAD * capital.size);
        let gap = self.start - capital.end;
        self.has_direction_of(capital)
            && capital.size > DROP_CAPITAL * self.size
            && heads.abs() < 0.6 * self.size
            && gap > BACKWARD * self.size
            && gap < 1.2 * self.size
            && self.glyphs.len() > 3
    }
}

fn is_capital(glyph: &Glyph) -> bool {
    glyph.text.chars().all(|c| c.is_uppercase() || "\"'“„«¿¡".contains(c))
}

/// The runs of glyphs that are visible, or of those that are not, one a line or part of a line that stands alone.
pub(super) fn runs_of(glyphs: &[Glyph], invisible: bool) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (index, glyph) in glyphs.iter().enumerate().filter(|(_, glyph)| glyph.invisible == invisible) {
        match runs.last_mut() {
            Some(run) if run.continues_with(glyph) => run.push(index, glyph),
            // Spaces begin nothing, and end nothing that a gap would not end.
            _ if glyph.is_space() => {}
            _ => {
                resume(&mut runs);
                runs.push(Run::new(index, glyph));
            }
        }
    }
    resume(&mut runs);
    merge(lead(runs), glyphs)
}

/// Joins the last run with the one that it takes up, and all that was drawn between them.
fn resume(runs: &mut Vec<Run>) {
    let Some((last, before)) = runs.split_last() else { return };
    let farthest = before.len().min(MOST_BETWEEN + 1);
    let found = (1..=farthest).find(|&back| {
        let at = before.len() - back;
        last.resumes(&before[at], &before[at + 1..])
    });
    if let Some(back) = found {
        let mut parts = runs.split_off(runs.len() - back);
        if let Some(line) = runs.last_mut() {
            parts.drain(..).for_each(|part| line.take(part));
        }
    }
}

/// Puts drop capitals at the heads of their first lines.
fn lead(mut runs: Vec<Run>) -> Vec<Run> {
    /// A page has a few.
    const MOST: usize = 32;
    let capitals: Vec<usize> = (0..runs.len()).filter(|&at| runs[at].may_be_drop_capital).take(MOST).collect();
    let mut led = Vec::new();
    for capital in capitals {
        let of = &runs[capital];
        // Of lines that are led, the nearest to the capital's head; the others stand below it.
        if let Some(line) = (0..runs.len())
            .filter(|&at| at != capital && runs[at].is_led_by(of))
            .min_by(|&a, &b| runs[a].baseline.total_cmp(&runs[b].baseline))
        {
            let glyphs = runs[capital].glyphs.clone();
            let start = runs[capital].start;
            let line = &mut runs[line];
            line.glyphs.splice(0..0, glyphs);
            line.start = line.start.min(start);
            led.push(capital);
        }
    }
    let mut at = 0;
    runs.retain(|_| {
        at += 1;
        !led.contains(&(at - 1))
    });
    runs
}

/// Joins runs that stand side by side though they were not drawn one after the other.
fn merge(mut runs: Vec<Run>, glyphs: &[Glyph]) -> Vec<Run> {
    // Runs of one direction from their beginnings on, so that what a run follows has come before it.
    runs.sort_by(|a, b| {
        let kinds = (a.is_mirrored, a.heading).cmp(&(b.is_mirrored, b.heading));
        kinds.then(a.start.total_cmp(&b.start)).then(a.baseline.total_cmp(&b.baseline))
    });
    let mut lines: Vec<Run> = Vec::with_capacity(runs.len());
    // Lines that may go on.
    let mut open: Vec<usize> = Vec::new();
    for run in runs {
        open.retain(|&line| {
            lines[line].has_direction_of(&run) && lines[line].end + DRAWN_APART_GAP * lines[line].size > run.start
        });
        let near = open.iter().rev().take(MOST_NEIGHBOURS);
        let followed = near.filter_map(|&line| Some((line, run.follows(&lines[line])?)));
        match followed.min_by(|a, b| a.1.total_cmp(&b.1).then(lines[b.0].end.total_cmp(&lines[a.0].end))) {
            Some((line, _)) => {
                let line = &mut lines[line];
                if run.size > 1.05 * line.size {
                    (line.size, line.baseline) = (run.size, run.baseline);
                }
                line.take(run);
            }
            None => {
                if open.len() > 2 * MOST_NEIGHBOURS {
                    open.drain(..MOST_NEIGHBOURS);
                }
                let near = open.iter().rev().take(MOST_NEIGHBOURS);
                let into = near.filter_map(|&line| Some((line, run.falls_into(&lines[line], glyphs)?))).next();
                if let Some((line, at)) = into {
                    lines[line].glyphs.splice(at..at, run.glyphs);
                } else {
                    open.push(lines.len());
                    lines.push(run);
                }
            }
        }
    }
    lines
}
