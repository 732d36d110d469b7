//! What was read on a page, whoever read it: its lines in reading order, the blocks that they make, and its text.

use std::collections::HashSet;

use crate::{
    blocks::{Block, BlockKind},
    geometry::{Point, Polygon},
    hints::Hints,
    record::{TextLine, Word},
    script::has_letters_from_the_right,
};

/// A page's content in reading order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageText {
    pub lines: Vec<TextLine>,
    /// Of consecutive lines each, in reading order; together they are all lines.
    pub blocks: Vec<Block>,
    /// A line a row, a blank row between blocks. Consecutive lines of a block that stand in one row (fragments that detection or a
    /// file broke up) are joined by a space. Lines without text leave no row.
    pub text: String,
}

/// The text that a document itself holds for a page, in reading order; coordinates in points (72 dpi), y down.
#[derive(Clone, Debug, Default)]
pub struct TextLayer {
    pub width: u32,
    pub height: u32,
    pub lines: Vec<TextLine>,
    pub blocks: Vec<Block>,
    /// Same text as the lines, blocks separated by a blank row.
    pub text: String,
    /// Why the layer should not be believed, when it should not (undecodable glyphs, a stamp over a scan).
    pub doubt: Option<String>,
    /// Whether what it says is true, as far as it goes: of a notice laid over a scan it is, and it belongs to the page beside what OCR
    /// reads there.
    pub stands: bool,
    /// Share of the page that images cover and none of this text does, 0 to 1: where text may be that only the pixels show.
    pub pictures: f32,
    /// What the file tells of the page's structure, in points; `styles` one a line of `lines`.
    pub hints: Hints,
}

impl PageText {
    /// Lines that were found in any order, arranged as [`crate::reading_order::order_page`] says: blocks of indices of `lines`, each
    /// index once.
    pub fn arrange(lines: Vec<TextLine>, order: &[Vec<usize>]) -> Self {
        let text = compose(&lines, order);
        let mut found: Vec<Option<TextLine>> = lines.into_iter().map(Some).collect();
        let (mut lines, mut blocks) = (Vec::with_capacity(found.len()), Vec::with_capacity(order.len()));
        for block in order {
            let first = lines.len();
            lines.extend(block.iter().filter_map(|&index| found.get_mut(index)?.take()));
            let bounds = lines[first..].iter().map(|line: &TextLine| line.polygon.bounds()).reduce(|a, b| a.union(&b));
            let polygon = Polygon::from_rect(bounds.unwrap_or_default());
            if first < lines.len() {
                blocks.push(Block::new(BlockKind::Text, polygon, first..lines.len()));
            }
        }
        Self { lines, blocks, text }
    }

    /// Joins what a text layer says, `scale` pixels a point: where a line of it is what was read here, it stands in its place, since it
    /// is exact; what was not read here is added in blocks of its own at the end. Whether there was any of either.
    pub fn join(&mut self, layer: &TextLayer, scale: f32) -> bool {
        let place = |point: Point| Point::new(point.x * scale, point.y * scale);
        let has_replaced = self.replace_read(layer, scale);
        let before = self.lines.len();
        let read: HashSet<String> = words_of(&self.text).collect();
        for block in &layer.blocks {
            let lines = layer.lines[block.lines.clone()].iter().map(|line| {
                let word = |word: &Word| Word { polygon: word.polygon.map(place), ..word.clone() };
                TextLine {
                    polygon: line.polygon.map(place),
                    words: line.words.iter().map(word).collect(),
                    ..line.clone()
                }
            });
            let lines: Vec<TextLine> = lines.filter(|line| !is_read(line, &self.lines[..before], &read)).collect();
            if lines.is_empty() {
                continue;
            }
            let added = Self::arrange(lines, &[(0..block.lines.len()).collect()]);
            let first = self.lines.len();
            self.blocks.extend(
                added
                    .blocks
                    .into_iter()
                    .map(|block| Block { lines: first + block.lines.start..first + block.lines.end, ..block }),
            );
            self.lines.extend(added.lines);
            if !self.text.is_empty() {
                self.text.push_str("\n\n");
            }
            self.text.push_str(&added.text);
        }
        has_replaced || self.lines.len() > before
    }

    /// Puts a layer's lines in the place of those that read nearly the same and lie where they lie.
    fn replace_read(&mut self, layer: &TextLayer, scale: f32) -> bool {
        let place = |point: Point| Point::new(point.x * scale, point.y * scale);
        let mut taken: Vec<Option<TextLine>> = vec![None; self.lines.len()];
        let mut is_replaced = vec![false; self.lines.len()];
        for exact in &layer.lines {
            let polygon = exact.polygon.map(place);
            let bounds = polygon.bounds();
            let lies_in = |line: &TextLine| {
                let own = line.polygon.bounds();
                let shared = own.intersection(&bounds);
                // Boxes of pixels have margins, those of a layer have none.
                shared.width() > 0.6 * own.width() && shared.height() > 0.4 * own.height().min(bounds.height())
            };
            let read: Vec<usize> =
                (0..self.lines.len()).filter(|&at| !is_replaced[at] && lies_in(&self.lines[at])).collect();
            let Some(&first) = read.first() else { continue };
            let text = read.iter().map(|&at| self.lines[at].text.as_str()).collect::<Vec<_>>().join(" ");
            if exact.text == text || !are_alike(&exact.text, &text) {
                continue;
            }
            read.iter().for_each(|&at| is_replaced[at] = true);
            let words = exact.words.iter().map(|word| Word { polygon: word.polygon.map(place), ..word.clone() });
            taken[first] = Some(TextLine { polygon, words: words.collect(), ..exact.clone() });
        }
        if !is_replaced.contains(&true) {
            return false;
        }
        let kept = |at: &usize| !is_replaced[*at] || taken[*at].is_some();
        let order: Vec<Vec<usize>> =
            self.blocks.iter().map(|block| block.lines.clone().filter(kept).collect()).collect();
        let lines = std::mem::take(&mut self.lines).into_iter().zip(taken).map(|(read, exact)| exact.unwrap_or(read));
        *self = Self::arrange(lines.collect(), &order);
        true
    }

    /// Moves everything that has a place, as `place` says of each point.
    pub fn move_points(&mut self, place: impl Fn(Point) -> Point) {
        for line in &mut self.lines {
            line.polygon = line.polygon.map(&place);
            line.words.iter_mut().for_each(|word| word.polygon = word.polygon.map(&place));
        }
        for block in &mut self.blocks {
            let bounds = self.lines[block.lines.clone()].iter().map(|line| line.polygon.bounds());
            block.polygon = Polygon::from_rect(bounds.reduce(|a, b| a.union(&b)).unwrap_or_default());
        }
    }
}

/// Whether the line was read from the pixels: others lie over half of it, or most of its words have been read.
fn is_read(line: &TextLine, others: &[TextLine], words: &HashSet<String>) -> bool {
    let [a, b, ..] = line.polygon.0;
    let (dx, dy) = ((b.x - a.x).abs(), (b.y - a.y).abs());
    // The rectangle around a line that runs across the page is most of the page.
    let is_level = dx.min(dy) < 0.1 * dx.max(dy);
    let all = words_of(&line.text).count();
    let found = words_of(&line.text).filter(|word| words.contains(word)).count();
    (is_level && is_covered(line, others)) || (all > 0 && found * 10 >= all * 6)
}

/// Whether half of the line lies under others.
pub(crate) fn is_covered<'a>(line: &TextLine, others: impl IntoIterator<Item = &'a TextLine>) -> bool {
    let bounds = line.polygon.bounds();
    let shared = others.into_iter().map(|other| bounds.intersection(&other.polygon.bounds()));
    let covered: f32 = shared.filter(|s| s.width() > 0.0 && s.height() > 0.0).map(|s| s.area()).sum();
    covered > 0.5 * bounds.area()
}

/// Whether two readings may be of the same line: seven of ten characters are the same, blanks left out.
fn are_alike(a: &str, b: &str) -> bool {
    let inked = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<Vec<_>>();
    let (a, b) = (inked(a), inked(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    10 * row[b.len()] <= 3 * a.len().max(b.len())
}

/// Letters and digits between blanks, in small letters.
fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    let plain =
        |word: &str| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    text.split_whitespace().map(plain).filter(|word| !word.is_empty())
}

/// See [`PageText::text`].
pub(crate) fn compose(lines: &[TextLine], blocks: &[Vec<usize>]) -> String {
    let mut text = String::new();
    for block in blocks {
        let mut previous: Option<&TextLine> = None;
        for line in block.iter().filter_map(|&index| lines.get(index)).filter(|line| !line.text.trim().is_empty()) {
            match previous {
                Some(before) if continues_row(before, line) => text.push(' '),
                Some(_) => text.push('\n'),
                None if text.is_empty() => {}
                None => text.push_str("\n\n"),
            }
            text.push_str(line.text.trim());
            previous = Some(line);
        }
    }
    text
}

/// Whether `after` starts where `before` ends, seen along `before`'s own reading direction, so that it also holds on
/// pages that were turned.
fn continues_row(before: &TextLine, after: &TextLine) -> bool {
    let [a, b, c, _] = before.polygon.0;
    let (length, height) = (before.polygon.width(), before.polygon.height().min(after.polygon.height()));
    if length <= 0.0 || height <= 0.0 {
        return false;
    }
    let (ux, uy) = ((b.x - a.x) / length, (b.y - a.y) / length);
    let end = ((b.x + c.x) / 2.0, (b.y + c.y) / 2.0);
    let [e, _, _, h] = after.polygon.0;
    let start = ((e.x + h.x) / 2.0, (e.y + h.y) / 2.0);
    let (dx, dy) = (start.0 - end.0, start.1 - end.1);
    let (along, across) = (dx * ux + dy * uy, dy * ux - dx * uy);
    // What is read from the right goes on at its left end.
    let (wide, narrow) = (after.polygon.width(), length);
    let goes_on = along > -height || (has_letters_from_the_right(&before.text) && along < -(narrow + wide) + height);
    goes_on && across.abs() < 0.5 * height
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    fn line(text: &str, left: f32, top: f32, width: f32) -> TextLine {
        let polygon = Polygon::from_rect(Rect { left, top, right: left + width, bottom: top + 20.0 });
        TextLine { text: text.to_owned(), polygon, confidence: None, words: Vec::new() }
    }

    #[test]
    fn text_joins_fragments_of_a_row_and_parts_blocks() {
        let lines = [
            line("Name:", 10.0, 10.0, 60.0),
            line("Ada", 200.0, 13.0, 40.0),
            line("Next", 10.0, 40.0, 50.0),
            line("", 0.0, 70.0, 9.0),
        ];
        assert_eq!(compose(&lines, &[vec![0, 1, 2, 3]]), "Name: Ada\nNext");
        assert_eq!(compose(&lines, &[vec![0, 1], vec![3], vec![2]]), "Name: Ada\n\nNext");
    }

    #[test]
    fn fragments_of_a_turned_row_are_joined_too() {
        // The same row, the page turned clockwise by a quarter in a page 1,000 pixels high.
        let turn = |mut line: TextLine| {
            line.polygon = line.polygon.map(|p| Point::new(1000.0 - p.y, p.x));
            line
        };
        let lines =
            [line("Name:", 10.0, 10.0, 60.0), line("Ada", 200.0, 13.0, 40.0), line("Next", 10.0, 40.0, 50.0)].map(turn);
        assert_eq!(compose(&lines, &[vec![0, 1, 2]]), "Name: Ada\nNext");
    }

    #[test]
    fn a_layer_adds_what_was_not_read() {
        let mut page = PageText::arrange(vec![line("the scan's own text", 0.0, 0.0, 400.0)], &[vec![0]]);
        let places = [("The scan's own text", 0.0, 0.0, 200.0), ("RECEIVED 12 May", 0.0, 300.0, 100.0)];
        let lines: Vec<TextLine> = places.iter().map(|&(text, x, y, w)| line(text, x, y, w)).collect();
        let PageText { lines, blocks, text } = PageText::arrange(lines, &[vec![0], vec![1]]);
        let layer = TextLayer { lines, blocks, text, ..TextLayer::default() };
        assert!(page.join(&layer, 2.0));
        assert_eq!(page.text, "The scan's own text\n\nRECEIVED 12 May");
        assert_eq!((page.blocks[1].lines.clone(), page.lines[1].polygon.bounds().top), (1..2, 600.0));
        assert!(!page.join(&layer, 2.0), "once is enough");
    }

    #[test]
    fn a_layer_is_exact_where_it_was_read_as_well() {
        let read = vec![
            line("Invo1ce", 0.0, 0.0, 80.0),
            line("No. 12", 90.0, 0.0, 60.0),
            line("the scan below", 0.0, 60.0, 200.0),
            line("Paqe 3", 0.0, 120.0, 80.0),
        ];
        let mut page = PageText::arrange(read, &[vec![0, 1, 2], vec![3]]);
        let lines = vec![
            line("Invoice No. 12", 0.0, 0.0, 75.0),
            line("Page 3", 0.0, 60.0, 40.0),
            line("COPY", 0.0, 30.0, 100.0),
        ];
        let PageText { lines, blocks, text } = PageText::arrange(lines, &[vec![0], vec![1], vec![2]]);
        let layer = TextLayer { lines, blocks, text, ..TextLayer::default() };
        assert!(page.join(&layer, 2.0));
        // A stamp is other text.
        assert_eq!(page.text, "Invoice No. 12\nthe scan below\n\nPage 3\n\nCOPY");
        assert_eq!(page.lines.len(), 4);
        assert_eq!((page.blocks[0].lines.clone(), page.blocks[1].lines.clone()), (0..2, 2..3));
        assert_eq!(page.lines[2].polygon.bounds().right, 80.0);
    }

    #[test]
    fn blocks_are_of_consecutive_lines_and_together_they_are_all() {
        let lines = vec![line("c", 0.0, 40.0, 50.0), line("a", 0.0, 0.0, 50.0), line("b", 60.0, 20.0, 50.0)];
        let page = PageText::arrange(lines, &[vec![1, 2], Vec::new(), vec![0]]);
        assert_eq!(page.lines.iter().map(|line| line.text.as_str()).collect::<String>(), "abc");
        assert_eq!(page.text, "a\nb\n\nc");
        let ranges: Vec<_> = page.blocks.iter().map(|block| block.lines.clone()).collect();
        assert_eq!(ranges, [0..2, 2..3]);
        let first = page.blocks[0].polygon.bounds();
        assert!(page.lines[..2].iter().all(|line| first.union(&line.polygon.bounds()) == first), "{first:?}");
    }
}
