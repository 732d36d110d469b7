//! Displayed formulas of a page of pixels: what is cut out of the page for the recogniser, and what it read.

use std::sync::Arc;

use pagestream_documents::{BlockKind, Polygon, Rect, structure::SeenFormula};

use crate::{
    formula::{FormulaReading, FormulaRecognizer, Written},
    ocr::{compact::resize::Plane, orientation::Upright, recognizer::Decoded},
};

use super::{
    cut::{Cut, cut},
    displays::{self, Evidence, Line},
};

/// Formulas of a page that are read: more are no formulas.
const MOST_FORMULAS: usize = 128;
/// Lines of a page that nobody could read, among which formulas are looked for: more are dirt.
const MOST_UNREAD: usize = 60;
/// How sure the layout network must be of a formula that the lines do not tell of.
const LEAST_SEEN: f64 = 0.5;
/// How sure it must be of tables and pictures for what stands in them to be theirs, and of running heads.
pub(super) const LEAST_TAKEN: f64 = 0.5;
/// How sure it must be of a formula's line beside what it takes for a table, and how far from that the line ends at most, in its heights.
const LEAST_BESIDE: f64 = 0.4;
const MOST_BESIDE: f32 = 1.5;
/// How high a matrix is that it takes for a picture, in those heights.
const MOST_OF_MATRIX: f32 = 8.0;
/// How sure the recogniser must be, as a share of right tokens, for its reading to be worth more than the lines.
const LEAST_READ: f32 = 0.5;
/// And where it may as well be text.
const LEAST_SURE: f32 = 0.8;
/// Commands whose arguments are words.
const WORDS: [&str; 6] = ["text{", "mathrm{", "mathbf{", "mathit{", "mathsf{", "mathtt{"];
/// What stands out of a zone is kept as far as this, in shares of its shorter side.
const REACH: f32 = 0.3;

/// What the layout network says of a page, as far as formulas care.
pub(super) struct Seen<'a> {
    pub kind_of_line: &'a dyn Fn(&Polygon) -> (BlockKind, f64),
    /// In pixels of the page.
    pub areas: &'a [(Rect, BlockKind, f64)],
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Formulas {
    recognizer: Option<Arc<dyn FormulaRecognizer>>,
    /// Of the page as it was read; nothing where nobody reads formulas.
    lines: Vec<(Polygon, Line)>,
    asked: Vec<Asked>,
}

/// What was asked about.
#[derive(Debug)]
struct Asked {
    rect: Rect,
    /// That it is a formula.
    evidence: Evidence,
    /// What it says, once that is known.
    reading: Option<FormulaReading>,
}

impl Asked {
    /// What it says, if it is a formula.
    fn formula(&self) -> Option<&FormulaReading> {
        let is_one = |reading: &&FormulaReading| match self.evidence {
            Evidence::Seen => true,
            Evidence::Signs => reading.confidence >= LEAST_READ && is_mathematical(&reading.latex),
            Evidence::Place => reading.confidence >= LEAST_SURE && is_mathematical(&reading.latex),
        };
        self.reading.as_ref().filter(is_one)
    }
}

/// Whether it is no mere word, number or speck: a letter by itself, or something that only formulas have beside words and numbers.
fn is_mathematical(latex: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic();
    if latex.strip_prefix('\\').is_some_and(|name| name.chars().all(is_letter)) {
        return false;
    }
    let (mut rest, mut before) = (latex, ' ');
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        let is_alone = is_letter(next) && !is_letter(before) && !rest.starts_with(is_letter);
        if is_alone || matches!(next, '_' | '^' | '=' | '<' | '>' | '+') {
            return true;
        }
        before = next;
        if next == '\\' && rest.starts_with(is_letter) {
            // An argument of words has no braces within.
            let words =
                WORDS.iter().find_map(|command| rest.strip_prefix(command)).and_then(|words| words.split_once('}'));
            let Some((_, behind)) = words else { return true };
            rest = behind;
        }
    }
    false
}

impl Formulas {
    /// `dropped`: what was found and not read.
    pub(super) fn new(
        recognizer: Option<Arc<dyn FormulaRecognizer>>,
        lines: &[(Polygon, Decoded)],
        dropped: &[Polygon],
        upright: &Upright,
    ) -> Self {
        if recognizer.is_none() {
            return Self::default();
        }
        let rect = |polygon: &Polygon| polygon.map(|point| upright.point(point)).bounds();
        let read: Vec<(Polygon, Line)> =
            lines.iter().map(|(polygon, decoded)| (*polygon, Line::new(rect(polygon), decoded))).collect();
        // What somebody else has read since is not lost.
        let is_lost = |polygon: &&Polygon| {
            let centre = polygon.bounds().center();
            !read.iter().any(|(line, _)| line.bounds().contains(centre))
        };
        let unread = dropped.iter().filter(is_lost).take(MOST_UNREAD);
        let unread: Vec<(Polygon, Line)> = unread.map(|polygon| (*polygon, Line::unread(rect(polygon)))).collect();
        Self { recognizer, lines: [read, unread].concat(), asked: Vec::new() }
    }

    /// What is to be asked about the formulas of a page.
    pub(super) fn cuts(&mut self, page: Plane<'_>, upright: &Upright, seen: &Seen<'_>) -> Vec<Cut> {
        if self.recognizer.is_none() {
            return Vec::new();
        }
        let zones = self.zones(upright, seen);
        let cut = |(zone, evidence)| Some((self.cut(page, zone)?, evidence));
        let cuts: Vec<(Cut, Evidence)> = zones.into_iter().filter_map(cut).take(MOST_FORMULAS).collect();
        let asked = |(cut, evidence): &(Cut, Evidence)| Asked { rect: cut.rect, evidence: *evidence, reading: None };
        self.asked.extend(cuts.iter().map(asked));
        cuts.into_iter().map(|(cut, _)| cut).collect()
    }

    /// Where there are formulas: by the lines, and those that only the network sees. Each with what tells that it is one.
    fn zones(&self, upright: &Upright, seen: &Seen<'_>) -> Vec<(Rect, Evidence)> {
        let taken = self.taken_areas(seen);
        let is_taken = |polygon: &Polygon, (kind, confidence): (BlockKind, f64)| {
            let centre = polygon.bounds().center();
            let is_furniture = matches!(kind, BlockKind::PageHeader | BlockKind::PageFooter | BlockKind::PageNumber)
                && confidence >= LEAST_TAKEN;
            is_furniture || taken.iter().any(|rect| rect.contains(centre))
        };
        let line = |(polygon, line): &(Polygon, Line)| {
            let (kind, confidence) = (seen.kind_of_line)(polygon);
            Line {
                seen: if kind == BlockKind::Formula { confidence } else { 0.0 },
                is_taken: is_taken(polygon, (kind, confidence)),
                ..*line
            }
        };
        let lines: Vec<Line> = self.lines.iter().map(line).collect();
        let given = |rect: Rect| Polygon::from_rect(rect).map(|point| upright.given(point)).bounds();
        let found = displays::find(&lines);
        let mut zones: Vec<(Rect, Evidence)> =
            found.iter().map(|display| (given(display.zone), display.evidence)).collect();
        let known: Vec<Rect> = zones.iter().map(|(zone, _)| *zone).collect();
        let unseen = |rect: &Rect| {
            let is_known = known.iter().any(|zone| zone.intersection(rect).area() > 0.2 * rect.area());
            let has_text = lines.iter().zip(&self.lines).any(|(line, (polygon, _))| {
                line.is_text && !line.has_signs && rect.contains(polygon.bounds().center())
            });
            !is_known && !has_text
        };
        let areas = seen.areas.iter().filter(|(rect, kind, confidence)| {
            *kind == BlockKind::Formula && *confidence >= LEAST_SEEN && unseen(rect)
        });
        zones.extend(areas.map(|(rect, ..)| (*rect, Evidence::Seen)));
        zones
    }

    /// The page's tables and pictures. What the network takes for a table, or for a low picture, beside the beginning of a formula is a matrix.
    fn taken_areas(&self, seen: &Seen<'_>) -> Vec<Rect> {
        let is_matrix = |area: &Rect, kind: BlockKind| {
            let most = if kind == BlockKind::Figure { MOST_OF_MATRIX } else { f32::INFINITY };
            self.lines.iter().any(|(polygon, _)| {
                let line = polygon.bounds();
                let gap = (area.left - line.right).max(line.left - area.right);
                let is_beside = (area.top..area.bottom).contains(&line.center().y)
                    && gap < MOST_BESIDE * line.height()
                    && area.height() < most * line.height();
                let begins_one = || {
                    let (kind, confidence) = (seen.kind_of_line)(polygon);
                    kind == BlockKind::Formula && confidence > LEAST_BESIDE
                };
                is_beside && begins_one()
            })
        };
        let is_taken = |(rect, kind, confidence): &&(Rect, BlockKind, f64)| {
            let may_be = matches!(kind, BlockKind::Figure | BlockKind::Table) && *confidence >= LEAST_TAKEN;
            may_be && !is_matrix(rect, *kind)
        };
        seen.areas.iter().filter(is_taken).map(|(rect, ..)| *rect).collect()
    }

    /// The pixels of the formula in a zone, without those around it.
    fn cut(&self, page: Plane<'_>, zone: Rect) -> Option<Cut> {
        let is_own = |polygon: &Polygon, line: &Line| !line.is_number && zone.contains(polygon.bounds().center());
        let others: Vec<Rect> = self
            .lines
            .iter()
            .filter(|(polygon, line)| !is_own(polygon, line))
            .map(|(polygon, _)| polygon.bounds())
            .filter(|rect| rect.intersection(&zone).area() > 0.0)
            .collect();
        let reach = REACH * zone.width().min(zone.height());
        let window = Rect {
            left: zone.left - reach,
            top: zone.top - reach,
            right: zone.right + reach,
            bottom: zone.bottom + reach,
        };
        cut(page, window, |centre| zone.contains(centre) && !others.iter().any(|line| line.contains(centre)))
    }

    /// Where those are that were asked about, in pixels of the page.
    pub(super) fn places(&self) -> impl Iterator<Item = Rect> + '_ {
        self.asked.iter().map(|asked| asked.rect)
    }

    /// What reads them, and those within lines.
    pub(super) fn recognizer(&self) -> Option<Arc<dyn FormulaRecognizer>> {
        self.recognizer.clone()
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.len()
    }

    /// Takes what was written, in the order in which it was asked for.
    pub(super) fn take(&mut self, written: &[Written]) {
        let Some(recognizer) = &self.recognizer else { return };
        for (asked, written) in self.asked.iter_mut().zip(written) {
            asked.reading = Some(recognizer.reading(written));
        }
    }

    /// The formulas, with what was read of them where that is sure enough.
    pub(super) fn seen(&self, place: impl Fn(Rect) -> Rect) -> Vec<SeenFormula> {
        let read = self.asked.iter().filter_map(|asked| Some((asked.rect, asked.formula()?)));
        let seen = read.filter(|(_, reading)| !reading.latex.is_empty()).map(|(rect, reading)| {
            let (latex, number) = without_number(&reading.latex);
            let is_sure = reading.confidence >= LEAST_READ && !latex.is_empty();
            let latex = is_sure.then(|| latex.to_owned());
            SeenFormula { rect: place(rect), latex, number: number.filter(|_| is_sure), confidence: reading.confidence }
        });
        seen.collect()
    }

    /// Whether somebody should look at one of them.
    pub(super) fn needs_review(&self) -> bool {
        self.asked.iter().filter_map(Asked::formula).any(|reading| reading.needs_review)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let read = self.asked.iter().filter_map(|asked| asked.reading.as_ref());
        size_of_val(&self.lines[..]) + read.map(|reading| reading.latex.len() * 4).sum::<usize>()
    }
}

/// LaTeX without the number at its end, and that.
fn without_number(latex: &str) -> (&str, Option<String>) {
    let number = latex.rfind(r"\tag{").and_then(|at| {
        let inner = latex[at..].strip_prefix(r"\tag{")?.trim_end().strip_suffix('}')?;
        let plain = !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || " .'()[]-*".contains(c));
        plain.then(|| (at, inner.replace(' ', "")))
    });
    match number {
        Some((at, inner)) if inner.starts_with(['(', '[']) => (latex[..at].trim_end(), Some(inner)),
        Some((at, inner)) => (latex[..at].trim_end(), Some(format!("({inner})"))),
        None => (latex, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Ending;

    #[test]
    fn what_may_be_text_is_a_formula_where_it_is_surely_read_as_one() {
        let said = |latex: &str, confidence| {
            let reading = FormulaReading {
                latex: latex.to_owned(),
                tokens: Vec::new(),
                confidence,
                needs_review: false,
                ending: Ending::Complete,
            };
            let asked = |evidence| Asked { rect: Rect::default(), evidence, reading: Some(reading.clone()) };
            [Evidence::Place, Evidence::Signs, Evidence::Seen].map(|evidence| asked(evidence).formula().is_some())
        };
        for latex in
            ["p_{uw}", "X", "F_{\\mathrm{pro}}", "\\mathbf{X}^{2}", "\\arcsin6", "\\text{minimize }f+g", "v(x)"]
        {
            assert_eq!(said(latex, 0.95), [true; 3], "{latex}");
            assert_eq!(said(latex, 0.6), [false, true, true], "{latex}");
            assert_eq!(said(latex, 0.4), [false, false, true], "{latex}");
        }
        for latex in
            ["\\text{Results}", "\\mathrm{X}", "\\text{12 May },\\mathbf{E}", "Abstract", "\\cdot", "1", "19, 12"]
        {
            assert_eq!(said(latex, 0.95), [false, false, true], "{latex}");
        }
    }
}
