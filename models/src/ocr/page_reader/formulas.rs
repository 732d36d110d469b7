//! Displayed formulas of a page of pixels: what is cut out of the page for the recogniser, and what it read.

use std::sync::Arc;

use pagestream_documents::{BlockKind, Polygon, Rect, structure::SeenFormula};

use crate::{
    formula::{FormulaReading, FormulaRecognizer, Written},
    ocr::{compact::resize::Plane, orientation::Upright, recognizer::Decoded},
};

use super::{
    cut::{Cut, cut},
    displays::{self, Line},
};

/// Formulas of a page that are read: more are no formulas.
const MOST_FORMULAS: usize = 128;
/// How sure the layout network must be of a formula that the lines do not tell of.
const LEAST_SEEN: f64 = 0.5;
/// How sure it must be of tables and pictures for what stands in them to be theirs, and of running heads.
pub(super) const LEAST_TAKEN: f64 = 0.5;
/// How sure the recogniser must be, as a share of right tokens, for its reading to be worth more than the lines.
const LEAST_READ: f32 = 0.5;
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
    /// Where each stands that was asked about, and then what it says.
    asked: Vec<(Rect, Option<FormulaReading>)>,
}

impl Formulas {
    pub(super) fn new(
        recognizer: Option<Arc<dyn FormulaRecognizer>>,
        lines: &[(Polygon, Decoded)],
        upright: &Upright,
    ) -> Self {
        let line = |(polygon, decoded): &(Polygon, Decoded)| {
            let rect = polygon.map(|point| upright.point(point)).bounds();
            (*polygon, Line::new(rect, decoded))
        };
        let lines = if recognizer.is_some() { lines.iter().map(line).collect() } else { Vec::new() };
        Self { recognizer, lines, asked: Vec::new() }
    }

    /// What is to be asked about the formulas of a page.
    pub(super) fn cuts(&mut self, page: Plane<'_>, upright: &Upright, seen: &Seen<'_>) -> Vec<Cut> {
        if self.recognizer.is_none() {
            return Vec::new();
        }
        let zones = self.zones(upright, seen);
        let cuts: Vec<Cut> = zones.into_iter().filter_map(|zone| self.cut(page, zone)).take(MOST_FORMULAS).collect();
        self.asked.extend(cuts.iter().map(|cut| (cut.rect, None)));
        cuts
    }

    /// Where there are formulas: by the lines, and those that only the network sees.
    fn zones(&self, upright: &Upright, seen: &Seen<'_>) -> Vec<Rect> {
        let is_taken = |polygon: &Polygon, (kind, confidence): (BlockKind, f64)| {
            let centre = polygon.bounds().center();
            let holds_it = |(rect, kind, confidence): &(Rect, BlockKind, f64)| {
                matches!(kind, BlockKind::Table | BlockKind::Figure)
                    && *confidence >= LEAST_TAKEN
                    && rect.contains(centre)
            };
            let is_furniture = matches!(kind, BlockKind::PageHeader | BlockKind::PageFooter | BlockKind::PageNumber)
                && confidence >= LEAST_TAKEN;
            is_furniture || seen.areas.iter().any(holds_it)
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
        let mut zones: Vec<Rect> = Vec::new();
        let found = displays::find(&lines);
        let known: Vec<Rect> = found.iter().map(|display| given(display.zone)).collect();
        zones.extend(&known);
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
        zones.extend(areas.map(|(rect, ..)| *rect));
        zones
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
        self.asked.iter().map(|(rect, _)| *rect)
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
        for ((_, reading), written) in self.asked.iter_mut().zip(written) {
            *reading = Some(recognizer.reading(written));
        }
    }

    /// The formulas, with what was read of them where that is sure enough.
    pub(super) fn seen(&self, place: impl Fn(Rect) -> Rect) -> Vec<SeenFormula> {
        let read = self.asked.iter().filter_map(|(rect, reading)| Some((rect, reading.as_ref()?)));
        let seen = read.filter(|(_, reading)| !reading.latex.is_empty()).map(|(rect, reading)| {
            let (latex, number) = without_number(&reading.latex);
            let is_sure = reading.confidence >= LEAST_READ && !latex.is_empty();
            let latex = is_sure.then(|| latex.to_owned());
            SeenFormula {
                rect: place(*rect),
                latex,
                number: number.filter(|_| is_sure),
                confidence: reading.confidence,
            }
        });
        seen.collect()
    }

    /// Whether somebody should look at one of them.
    pub(super) fn needs_review(&self) -> bool {
        self.asked.iter().any(|(_, reading)| reading.as_ref().is_some_and(|reading| reading.needs_review))
    }

    pub(super) fn held_bytes(&self) -> usize {
        let read = self.asked.iter().filter_map(|(_, reading)| reading.as_ref());
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
