//! A page's regions, lines and words as the formats of other programs have them: boxes in whole pixels, and words where the record
//! has lines alone.

use std::borrow::Cow;

use crate::{
    blocks::{Block, BlockKind},
    geometry::{Point, Polygon, Rect},
    record::{PageRecord, TextLine, Word},
};

/// A region and its lines, in reading order; only a formula may have none.
pub(super) struct Region<'a> {
    pub(super) polygon: Polygon,
    pub(super) lines: &'a [TextLine],
    /// The block, where it is a formula by itself.
    pub(super) formula: Option<&'a Block>,
}

impl Region<'_> {
    /// What a formula says in LaTeX, where that is known.
    pub(super) fn latex(&self) -> Option<&str> {
        self.formula?.latex.as_deref().map(str::trim).filter(|latex| !latex.is_empty())
    }
}

/// The page's regions. Records without blocks have one of all lines, and lines that no block has make one each time.
pub(super) fn regions<'a>(page: &'a PageRecord) -> Vec<Region<'a>> {
    let mut regions = Vec::with_capacity(page.blocks.len().max(1));
    let mut at = 0;
    let around = |lines: &[TextLine]| {
        let bounds = lines.iter().map(|line| line.polygon.bounds()).reduce(|a, b| a.union(&b));
        Polygon::from_rect(bounds.unwrap_or_default())
    };
    let mut add = |block: Option<&'a Block>, from: usize, to: usize| {
        let formula = block.filter(|block| block.kind == BlockKind::Formula);
        if let Some(lines) = page.lines.get(from..to).filter(|lines| !lines.is_empty() || formula.is_some()) {
            regions.push(Region {
                polygon: block.map_or_else(|| around(lines), |block| block.polygon),
                lines,
                formula,
            });
        }
    };
    for block in &page.blocks {
        // A record that was written by others may say anything.
        let (start, end) = (block.lines.start.clamp(at, page.lines.len()), block.lines.end.min(page.lines.len()));
        add(None, at, start);
        add(Some(block), start, end.max(start));
        at = end.max(start);
    }
    add(None, at, page.lines.len());
    regions
}

/// The line's words. Of a line that has none of its own, what stands between blanks, each with its share of the line by letters.
pub(super) fn words(line: &TextLine) -> Cow<'_, [Word]> {
    if !line.words.is_empty() {
        return Cow::Borrowed(&line.words);
    }
    let total = line.text.chars().count().max(1) as f32;
    let (mut words, mut at) = (Vec::new(), 0);
    for piece in line.text.split_inclusive(char::is_whitespace) {
        let letters = piece.trim_end().chars().count();
        if letters > 0 {
            let polygon = line.polygon.piece(at as f32 / total, (at + letters) as f32 / total);
            words.push(Word { text: piece.trim_end().to_owned(), polygon, confidence: line.confidence });
        }
        at += piece.chars().count();
    }
    Cow::Owned(words)
}

/// An upright box in whole pixels within the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelBox {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
}

impl PixelBox {
    pub(super) fn of(polygon: &Polygon, page: &PageRecord) -> Self {
        let Rect { left, top, right, bottom } = polygon.bounds();
        let within = |value: f32, most: u32| value.round().clamp(0.0, most as f32) as u32;
        let (left, top) = (within(left, page.width), within(top, page.height));
        Self { left, top, right: within(right, page.width).max(left), bottom: within(bottom, page.height).max(top) }
    }

    pub(super) fn width(self) -> u32 {
        self.right - self.left
    }

    pub(super) fn height(self) -> u32 {
        self.bottom - self.top
    }
}

/// Whether the polygon says more than the box around it.
pub(super) fn is_askew(polygon: &Polygon) -> bool {
    let [a, b, c, d] = polygon.0;
    let level = |p: Point, q: Point| (p.y - q.y).abs() < 1.0 || (p.x - q.x).abs() < 1.0;
    !(level(a, b) && level(b, c) && level(c, d) && level(d, a))
}

/// Corners in whole pixels within the page: "x,y x,y x,y x,y".
pub(super) fn points(polygon: &Polygon, page: &PageRecord) -> String {
    let place = |point: Point| {
        let [x, y] = whole(point, page);
        format!("{x},{y}")
    };
    polygon.0.map(place).join(" ")
}

fn whole(point: Point, page: &PageRecord) -> [u32; 2] {
    [(point.x, page.width), (point.y, page.height)].map(|(v, most)| v.round().clamp(0.0, most as f32) as u32)
}

/// How much of a line's height is below the line that its letters stand on: what is usual of Latin print, since nobody measures it.
pub(super) const DESCENT: f32 = 0.2;

/// What the letters stand on, from its beginning to its end in reading direction.
pub(super) fn baseline(polygon: &Polygon) -> [Point; 2] {
    let [a, b, c, d] = polygon.0;
    let up =
        |low: Point, high: Point| Point::new(low.x + DESCENT * (high.x - low.x), low.y + DESCENT * (high.y - low.y));
    [up(d, a), up(c, b)]
}

/// The same in whole pixels: "x,y x,y".
pub(super) fn baseline_points(polygon: &Polygon, page: &PageRecord) -> String {
    baseline(polygon).map(|point| whole(point, page).map(|v| v.to_string()).join(",")).join(" ")
}

/// How far the line is turned clockwise from one that runs to the right, in whole quarters.
pub(super) fn quarters(polygon: &Polygon) -> u32 {
    let [a, b, ..] = polygon.0;
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    match (dx.abs() >= dy.abs(), dx >= 0.0, dy >= 0.0) {
        (true, true, _) => 0,
        (false, _, true) => 1,
        (true, false, _) => 2,
        (false, _, false) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{document, page};

    fn line(text: &str, top: f32) -> TextLine {
        let polygon = Polygon::from_rect(Rect { left: 10.0, top, right: 90.0, bottom: top + 10.0 });
        TextLine { text: text.to_owned(), polygon, confidence: Some(0.9), words: Vec::new() }
    }

    #[test]
    fn every_line_is_in_one_region_whatever_the_record_says() {
        let mut page = page(&document("a", 1), 1, "");
        page.lines = ["a", "b", "c", "d"].iter().zip([0.0, 20.0, 40.0, 60.0]).map(|(t, y)| line(t, y)).collect();
        let block = |lines| Block::new(BlockKind::Text, Polygon::default(), lines);
        for (blocks, expected) in [
            (vec![], "abcd"),
            (vec![block(0..2), block(2..4)], "ab cd"),
            (vec![block(1..2)], "a b cd"),
            (vec![block(0..9)], "abcd"),
            (vec![block(2..3), block(0..3)], "ab c d"),
        ] {
            page.blocks = blocks;
            let regions = regions(&page);
            let text = |region: &Region<'_>| region.lines.iter().map(|line| line.text.as_str()).collect::<String>();
            assert_eq!(regions.iter().map(text).collect::<Vec<_>>().join(" "), expected);
        }
    }

    #[test]
    fn a_formula_is_a_region_also_without_lines() {
        let mut page = page(&document("a", 1), 1, "");
        page.lines = vec![line("x = 1", 0.0)];
        let formula = |lines| Block::new(BlockKind::Formula, Polygon::default(), lines);
        page.blocks = vec![formula(0..1), Block::new(BlockKind::Figure, Polygon::default(), 1..1), formula(1..1)];
        page.blocks[2].latex = Some(" y ".to_owned());
        let regions = regions(&page);
        let told: Vec<_> = regions.iter().map(|region| (region.lines.len(), region.latex())).collect();
        assert_eq!(told, [(1, None), (0, Some("y"))]);
        assert!(regions.iter().all(|region| region.formula.is_some()));
    }

    #[test]
    fn a_line_without_words_is_cut_at_its_blanks() {
        let words = words(&line("ab  cde", 0.0)).into_owned();
        let found: Vec<_> = words.iter().map(|w| (w.text.as_str(), w.polygon.bounds().left.round())).collect();
        assert_eq!(found, [("ab", 10.0), ("cde", 56.0)]);
        assert_eq!(words[1].polygon.bounds().right, 90.0);
    }

    #[test]
    fn boxes_stay_within_the_page() {
        let page = page(&document("a", 1), 1, "");
        let polygon = Polygon::from_rect(Rect { left: -3.0, top: 5.4, right: 400.0, bottom: 9.6 });
        assert_eq!(PixelBox::of(&polygon, &page), PixelBox { left: 0, top: 5, right: 100, bottom: 10 });
        assert_eq!(points(&polygon, &page), "0,5 100,5 100,10 0,10");
    }
}
