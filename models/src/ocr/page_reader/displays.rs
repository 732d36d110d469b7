//! Where displayed formulas are, by where a page's lines stand and what was read of them: rows that are set in from the text around them, have its
//! whole column for themselves, and are signs more than words. The layout network sees the large ones; this finds the short ones too.

use pagestream_documents::{Rect, structure::closing_number};

use crate::ocr::recognizer::Decoded;

/// Lengths are in heights of a line of text, which are some 1.4 em.
/// A row is set in by as much at least.
const LEAST_INDENT: f32 = 0.7;
/// Lines of another column are longer.
const LEAST_COLUMN: f32 = 4.0;
/// Paragraphs of a column begin no further in than that.
const MOST_INDENT: f32 = 2.5;
/// Rows of one formula are no further apart.
const MOST_GAP: f32 = 0.75;
/// The text that a formula is set in from is no further away.
const NEIGHBOURHOOD: f32 = 14.0;
/// How far ink may stand out above and below the lines that were found of a formula.
const OVERHANG: f32 = 0.9;
/// Share of characters in words above which a line is text.
const WORDY: f32 = 0.4;
/// Characters of a line of text that may be a formula all the same, and how much higher than the text around it it is at most: headings are larger.
const MOST_OF_BRIEF: usize = 16;
const MOST_OF_HEIGHT: f32 = 1.4;
/// How far from the middle of its column a formula stands, in widths of the column.
const ASIDE: f32 = 0.06;
/// Lines of a page that are looked at.
const MOST_LINES: usize = 3_000;

/// A line, upright, as far as this cares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub rect: Rect,
    /// The number of an equation.
    pub is_number: bool,
    /// More words than signs.
    pub is_text: bool,
    /// Whether something of it is seldom but in formulas, or was hard to read.
    pub has_signs: bool,
    /// Whether it is a letter or two with what belongs to them (`I_n`, `Cor(n)`, `√x`): a formula only where it stands as one does.
    pub is_short: bool,
    /// Whether it is text of a word or two, as which a short formula may be read (`Puw` for `p_{uw}`), or could not be read at all.
    pub is_brief: bool,
    /// Share of the layout network's votes for a formula.
    pub seen: f64,
    /// Whether it stands in a table or a picture, or at the page's edge.
    pub is_taken: bool,
}

impl Line {
    /// What was read says; nothing yet of what the layout network sees.
    pub(super) fn new(rect: Rect, decoded: &Decoded) -> Self {
        let text = decoded.text.trim();
        let is_number = closing_number(text) == Some(text);
        let (words, all) = words(text);
        Self {
            rect,
            is_number,
            is_text: words as f32 > WORDY * all as f32 && words >= 3,
            has_signs: text.chars().any(is_sign) || decoded.certainty < 0.6 && all >= 2,
            is_short: (1..=12).contains(&all) && words <= 3 && !is_counted(text),
            is_brief: (3..=MOST_OF_BRIEF).contains(&all) && text.split_whitespace().count() <= 2 && !is_counted(text),
            seen: 0.0,
            is_taken: false,
        }
    }

    /// What was found, and nobody could read.
    pub(super) fn unread(rect: Rect) -> Self {
        Self {
            rect,
            is_number: false,
            is_text: false,
            has_signs: false,
            is_short: false,
            is_brief: true,
            seen: 0.0,
            is_taken: false,
        }
    }

    fn height(&self) -> f32 {
        self.rect.height()
    }
}

/// Letters in words of three and more, and all characters but blanks.
fn words(text: &str) -> (usize, usize) {
    let all = text.chars().filter(|c| !c.is_whitespace()).count();
    let letters = |word: &str| {
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        let others = word.chars().count() - letters;
        let is_function = matches!(
            word.trim_matches(|c: char| !c.is_alphabetic()),
            "sin"
                | "cos"
                | "tan"
                | "log"
                | "exp"
                | "max"
                | "min"
                | "lim"
                | "sup"
                | "inf"
                | "det"
                | "arg"
                | "mod"
                | "Cov"
                | "Var"
        );
        if letters >= 3 && others <= 2 && !is_function { letters } else { 0 }
    };
    (text.split_whitespace().map(letters).sum(), all)
}

/// Whether it is what pages and sections are counted with.
fn is_counted(text: &str) -> bool {
    let all = |letters: &str| text.chars().all(|c| c.is_ascii_digit() || ".-–—() ".contains(c) || letters.contains(c));
    all("IVXLC") || all("ivxlc")
}

/// Signs of relations and operations, letters of formulas, and what was not known.
pub(super) fn is_sign(c: char) -> bool {
    matches!(
        c,
        '=' | '<'
            | '>'
            | '+'
            | '±'
            | '×'
            | '÷'
            | '|'
            | '^'
            | '_'
            | '~'
            | '√'
            | '∞'
            | '{'
            | '}'
            | '\\'
            | '/'
            | '\u{fffd}'
    ) || matches!(c, '\u{370}'..='\u{3ff}' | '\u{2070}'..='\u{209f}' | '\u{2190}'..='\u{22ff}' | '²' | '³' | '¹' | '·' | '¬' | '¿')
}

/// A displayed formula.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Display {
    /// Where its ink may be: across its column, without its number.
    pub zone: Rect,
    /// Around its lines.
    pub rect: Rect,
    pub evidence: Evidence,
}

/// What tells that something is a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Where it stands: it may as well be text.
    Place,
    /// What was read in its place, which may be text in a face that nobody knows.
    Signs,
    /// The layout network.
    Seen,
}

/// A row of a column: lines beside each other.
#[derive(Clone, Debug)]
struct Row {
    lines: Vec<usize>,
    rect: Rect,
}

/// The displayed formulas among a page's lines.
pub(super) fn find(lines: &[Line]) -> Vec<Display> {
    if lines.len() > MOST_LINES {
        return Vec::new();
    }
    let mut heights: Vec<f32> = lines.iter().filter(|line| line.is_text).map(Line::height).collect();
    heights.sort_by(f32::total_cmp);
    let Some(&unit) = heights.get(heights.len() / 2).filter(|height| **height > 0.0) else { return Vec::new() };
    let rows: Vec<(Row, Rect)> = rows(lines, unit);
    let mut displays: Vec<Display> = Vec::new();
    let mut at = 0;
    while at < rows.len() {
        let (row, frame) = &rows[at];
        let (mut rect, mut own) = (row.rect, row.lines.clone());
        let mut next = at + 1;
        while let Some((below, _)) = rows.get(next)
            && below.rect.top - rect.bottom < MOST_GAP * unit
            && below.rect.left < rect.right.max(frame.right)
            && below.rect.right > rect.left.min(frame.left)
        {
            rect = rect.union(&below.rect);
            own.extend(&below.lines);
            next += 1;
        }
        at = next;
        if let Some(evidence) = evidence(lines, &own, rect, frame, unit) {
            displays.push(Display { zone: zone(lines, &own, rect, frame, unit), rect, evidence });
        }
    }
    displays
}

/// Rows that are set in and have their column for themselves, from top to bottom, each with its column.
fn rows(lines: &[Line], unit: f32) -> Vec<(Row, Rect)> {
    let mut taken = vec![false; lines.len()];
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|&a, &b| lines[a].rect.center().y.total_cmp(&lines[b].rect.center().y));
    let mut rows: Vec<(Row, Rect)> = Vec::new();
    for &first in &order {
        let line = &lines[first];
        if taken[first] || line.is_text && !line.is_brief || line.is_taken || line.is_number {
            continue;
        }
        let frame = column(lines, line.rect, unit);
        let beside = |other: &Line| {
            let shared = other.rect.bottom.min(line.rect.bottom) - other.rect.top.max(line.rect.top);
            let least = if other.is_text { 0.7 } else { 0.4 };
            shared > least * other.height().min(line.height())
                && other.rect.right > frame.left
                && other.rect.left < frame.right
        };
        let all: Vec<usize> = (0..lines.len()).filter(|&at| beside(&lines[at])).collect();
        let is_inline = all.iter().any(|&at| {
            let other = &lines[at];
            other.is_text
                && (other.rect.left < frame.left + LEAST_INDENT * unit || other.rect.width() > 0.5 * frame.width())
        });
        let left = all.iter().filter(|&&at| !lines[at].is_number).map(|&at| lines[at].rect.left);
        let left = left.fold(line.rect.left, f32::min);
        let is_set_in = left > frame.left + LEAST_INDENT * unit && line.rect.right < frame.right + 0.5 * unit;
        // A word or a speck in a row of text is of that.
        let is_doubtful = line.is_brief && !line.has_signs && !line.is_short;
        let is_of_text = is_doubtful && all.iter().any(|&at| at != first && lines[at].is_text);
        if is_inline || is_of_text || !is_set_in || all.iter().any(|&at| lines[at].is_taken) {
            continue;
        }
        // A long line of words is another line's, however tall signs make this one's box.
        let is_own =
            |at: usize| !(lines[at].is_number || lines[at].is_text && lines[at].rect.width() > 0.3 * frame.width());
        let own: Vec<usize> = all.into_iter().filter(|&at| !taken[at] && is_own(at)).collect();
        own.iter().for_each(|&at| taken[at] = true);
        let rect = own.iter().map(|&at| lines[at].rect).reduce(|a, b| a.union(&b)).unwrap_or(line.rect);
        rows.push((Row { lines: own, rect }, frame));
    }
    rows.sort_by(|a, b| a.0.rect.top.total_cmp(&b.0.rect.top));
    rows
}

/// The column of text that a place is in: by the nearest lines of text above and below it.
fn column(lines: &[Line], place: Rect, unit: f32) -> Rect {
    let is_near = |line: &&Line| {
        line.is_text
            && line.rect.right > place.left - unit
            && line.rect.left < place.right + unit
            && (line.rect.center().y - place.center().y).abs() < NEIGHBOURHOOD * unit
    };
    let nearest = |above: bool| {
        let side = lines.iter().filter(is_near).filter(|line| (line.rect.center().y < place.center().y) == above);
        let mut side: Vec<&Line> = side.collect();
        side.sort_by(|a, b| {
            let distance = |line: &Line| (line.rect.center().y - place.center().y).abs();
            distance(a).total_cmp(&distance(b))
        });
        side.truncate(6);
        side
    };
    let around = nearest(true).into_iter().chain(nearest(false));
    let bounds = around.map(|line| line.rect).reduce(|a, b| a.union(&b));
    // Nothing but formulas near: they stand in from nowhere.
    let Some(near) = bounds else { return Rect { left: place.left, right: place.right, ..place } };
    widened(lines, near, place, unit)
}

/// A column whose lines near a place are all short, as wide as its longest line on the page: unless something stands beside it there.
fn widened(lines: &[Line], near: Rect, place: Rect, unit: f32) -> Rect {
    let text = || lines.iter().filter(|line| line.is_text);
    let begins_with_it = |line: &&Line| (line.rect.left - near.left).abs() < MOST_INDENT * unit;
    let right = text().filter(begins_with_it).map(|line| line.rect.right).fold(near.right, f32::max);
    let is_beside = |line: &Line| {
        (line.rect.center().y - place.center().y).abs() < NEIGHBOURHOOD * unit
            && line.rect.left > near.right - unit
            && line.rect.left < right
            && line.rect.width() > LEAST_COLUMN * unit
    };
    if text().any(is_beside) { near } else { Rect { right, ..near } }
}

/// Whether lines are signs more than words, or the layout network takes them for a formula, or they may be one where they stand.
fn evidence(lines: &[Line], own: &[usize], rect: Rect, frame: &Rect, unit: f32) -> Option<Evidence> {
    let count = own.len().max(1) as f64;
    let seen = own.iter().map(|&at| lines[at].seen).sum::<f64>() / count;
    let text = own.iter().filter(|&&at| lines[at].is_text).count() as f64 / count;
    let has_signs = own.iter().any(|&at| lines[at].has_signs);
    let is_short = own.iter().all(|&at| lines[at].is_short);
    match text < 0.5 {
        true if seen > 0.4 => Some(Evidence::Seen),
        true if has_signs || is_short && is_centred(rect, frame, unit) => Some(Evidence::Signs),
        _ => is_brief(lines, own, rect, frame, unit).then_some(Evidence::Place),
    }
}

/// Whether it stands in the middle of its column, as displayed formulas do.
fn is_centred(rect: Rect, frame: &Rect, unit: f32) -> bool {
    (rect.center().x - frame.center().x).abs() < ASIDE * frame.width() && frame.width() > 8.0 * unit
}

/// Whether it is a line of a word or two that stands as a formula does, and is no larger than text.
fn is_brief(lines: &[Line], own: &[usize], rect: Rect, frame: &Rect, unit: f32) -> bool {
    let &[at] = own else { return false };
    lines[at].is_brief && lines[at].height() < MOST_OF_HEIGHT * unit && is_centred(rect, frame, unit)
}

/// Across the column, up and down to the lines that are not the formula's; its number stands beside it.
fn zone(lines: &[Line], own: &[usize], rect: Rect, frame: &Rect, unit: f32) -> Rect {
    let mut zone = Rect {
        left: rect.left.min(frame.left),
        right: rect.right.max(frame.right),
        top: rect.top - OVERHANG * unit,
        bottom: rect.bottom + OVERHANG * unit,
    };
    for (at, line) in lines.iter().enumerate() {
        let other = line.rect;
        if own.contains(&at) || other.right <= zone.left || other.left >= zone.right {
            continue;
        }
        let is_beside = other.center().y > rect.top && other.center().y < rect.bottom;
        if is_beside && other.center().x > rect.right {
            zone.right = zone.right.min(other.left.max(rect.right));
        } else if is_beside && other.center().x < rect.left {
            zone.left = zone.left.max(other.right.min(rect.left));
        } else if other.center().y < rect.top {
            zone.top = zone.top.max(other.bottom.min(rect.top));
        } else if other.center().y > rect.bottom {
            zone.bottom = zone.bottom.min(other.top.max(rect.bottom));
        }
    }
    zone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(left: f32, top: f32, right: f32, text: &str) -> Line {
        let decoded = Decoded {
            text: text.to_owned(),
            confidence: 0.95,
            certainty: 0.9,
            words: Vec::new(),
            characters: Vec::new(),
        };
        Line::new(Rect { left, top, right, bottom: top + 30.0 }, &decoded)
    }

    fn words(top: f32) -> Line {
        line(100.0, top, 900.0, "the measure of every bounded set is small where this holds")
    }

    #[test]
    fn a_row_that_is_set_in_and_has_signs_is_a_formula_without_its_number() {
        let lines = [
            words(100.0),
            words(140.0),
            line(400.0, 200.0, 600.0, "f(x) = 2x + 1"),
            line(860.0, 200.0, 900.0, "(3)"),
            words(260.0),
        ];
        let found = find(&lines);
        assert_eq!(found.len(), 1, "{found:?}");
        let Display { zone, rect, evidence } = &found[0];
        assert_eq!(*evidence, Evidence::Signs);
        assert_eq!((rect.left, rect.right), (400.0, 600.0));
        assert!(zone.left <= 100.0 && zone.right <= 860.0 && zone.top >= 170.0 && zone.bottom <= 260.0, "{zone:?}");
    }

    #[test]
    fn numerators_and_limits_are_of_one_formula() {
        let lines = [
            words(100.0),
            line(480.0, 170.0, 500.0, "1"),
            line(400.0, 195.0, 470.0, "g(x) ="),
            line(470.0, 215.0, 520.0, "x + 1"),
            words(300.0),
        ];
        let found = find(&lines);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].rect.top, found[0].rect.bottom), (170.0, 245.0));
    }

    #[test]
    fn parts_of_a_line_of_text_headings_and_captions_are_none() {
        let lines = [
            words(100.0),
            line(100.0, 140.0, 400.0, "which is small whenever every"),
            line(410.0, 140.0, 560.0, "x < y + 1"),
            line(570.0, 140.0, 900.0, "holds for all of these bounded sets"),
            words(180.0),
            line(350.0, 240.0, 650.0, "Results of the second experiment"),
            words(300.0),
            line(100.0, 340.0, 200.0, "a = b"),
        ];
        assert_eq!(find(&lines), Vec::new());
    }

    #[test]
    fn a_word_or_what_nobody_could_read_may_be_a_formula_where_one_would_stand() {
        let told = |lines: &[Line]| find(lines).iter().map(|display| display.evidence).collect::<Vec<_>>();
        let word = line(470.0, 200.0, 530.0, "Puw");
        assert_eq!(told(&[words(100.0), word, words(300.0)]), [Evidence::Place]);
        let unread = Line::unread(Rect { left: 480.0, top: 200.0, right: 520.0, bottom: 230.0 });
        assert_eq!(told(&[words(100.0), unread, words(300.0)]), [Evidence::Place]);
        // A heading that is larger; a word at the margin; a line of several words.
        let larger = Line { rect: Rect { bottom: 250.0, ..word.rect }, ..word };
        let aside = line(100.0, 200.0, 160.0, "Puw");
        let several = line(400.0, 200.0, 600.0, "of all of these");
        for other in [larger, aside, several] {
            assert!(told(&[words(100.0), other, words(300.0)]).is_empty(), "{other:?}");
        }
    }

    #[test]
    fn between_short_lines_the_column_is_as_wide_as_its_longest_line_on_the_page() {
        let short = |top| line(100.0, top, 460.0, "the measure of every set");
        let formula = line(470.0, 200.0, 530.0, "{iG8");
        let long = words(900.0);
        assert_eq!(find(&[short(100.0), formula, short(300.0), long]).len(), 1);
        assert_eq!(find(&[short(100.0), formula, short(300.0)]), []);
        // Beside another column it is that column's.
        let beside: Vec<Line> =
            (0..6).map(|row| line(520.0, 100.0 + 40.0 * row as f32, 900.0, "is small wherever this holds")).collect();
        let page = [vec![short(100.0), line(420.0, 200.0, 455.0, "{iG8"), short(300.0), long], beside].concat();
        assert_eq!(find(&page)[0].zone.right, 460.0);
    }

    #[test]
    fn a_speck_between_two_columns_is_no_formula() {
        let lines = |row: f32| {
            let text = "the measure of every bounded set is small";
            [line(100.0, row, 480.0, text), line(520.0, row, 900.0, text)]
        };
        let speck = Line::unread(Rect { left: 476.0, top: 202.0, right: 526.0, bottom: 228.0 });
        let page = [lines(160.0), lines(200.0), lines(240.0)].concat();
        assert_eq!(find(&[page.clone(), vec![speck]].concat()), []);
        // Of what has signs there, the lines beside it are no part.
        let signs = line(470.0, 200.0, 530.0, "x = y");
        let zones: Vec<Rect> = find(&[page, vec![signs]].concat()).iter().map(|display| display.zone).collect();
        assert!(zones.iter().all(|zone| zone.left >= 470.0 && zone.right <= 530.0), "{zones:?}");
    }
}
