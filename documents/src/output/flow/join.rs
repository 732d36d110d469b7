//! What goes on in the next column or on the next page: texts are joined as their lines are, tables row behind row.

use super::inline::Inline;
use crate::{
    blocks::{Block, Table},
    structure::tables::repeats_header,
};

/// Cells of a table that is put together of several; what comes then is a table of its own.
const MOST_CELLS: usize = 20_000;

/// How a text ends that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// With a word.
    Plain,
    /// With a part of a word, whose hyphen is gone or belongs to it.
    Joined,
    /// With a hyphen of which nobody has said whether it belongs to the word.
    Hyphen,
}

impl Tail {
    pub(super) fn of(block: &Block, text: &str) -> Self {
        let last = text.chars().next_back();
        let is_hyphen = matches!(last, Some('-' | '\u{2010}' | '\u{ad}'));
        // A hyphen that was decided on stands where the text ends, or is what it ends with. Most texts end with none.
        if let Some(hyphen) = block.hyphens.last() {
            let (at, count) = (hyphen.at as usize, text.chars().count());
            if at == count && !hyphen.kept || at + 1 == count && hyphen.kept && is_hyphen {
                return Self::Joined;
            }
        }
        if is_hyphen { Self::Hyphen } else { Self::Plain }
    }

    pub(super) fn join(self, before: &mut Inline, after: Inline) {
        let first = after.text.chars().next();
        let last = before.text.chars().next_back();
        let between = match self {
            Self::Joined => "",
            Self::Hyphen => {
                // Most hyphens at line ends are the line's; one before a capital or a number is the word's.
                let letter = before.text.chars().rev().nth(1);
                if letter.is_some_and(char::is_alphabetic) && first.is_some_and(char::is_lowercase) {
                    remove_last(before);
                }
                ""
            }
            Self::Plain if last.is_none_or(|c| c.is_whitespace() || is_set_without_blanks(c)) => "",
            Self::Plain if first.is_some_and(is_set_without_blanks) => "",
            Self::Plain => " ",
        };
        before.append(between, after);
    }
}

fn remove_last(inline: &mut Inline) {
    inline.text.pop();
    let length = inline.text.len();
    inline.spans.iter_mut().for_each(|span| {
        span.start = span.start.min(length);
        span.end = span.end.min(length);
    });
}

/// Chinese and Japanese, whose words no blanks part.
fn is_set_without_blanks(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
}

/// Puts the second table's rows behind those of the first, without the header that it says again. Not where they are not of one width.
pub(super) fn joined_tables(first: &mut Table, second: &mut Table) -> bool {
    if first.columns != second.columns || first.cells.len() + second.cells.len() > MOST_CELLS {
        return false;
    }
    let said_again = if repeats_header(first, second) { first.header_rows.min(second.rows) } else { 0 };
    let Some(rows) = (second.rows - said_again).checked_add(first.rows) else { return false };
    let shift = first.rows;
    for mut cell in second.cells.drain(..).filter(|cell| cell.row >= said_again) {
        let Some(row) = (cell.row - said_again).checked_add(shift) else { continue };
        // Column heads in the middle of a table are cells like others there.
        cell.is_header &= cell.column < first.header_columns;
        cell.row = row;
        first.cells.push(cell);
    }
    first.rows = rows;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blocks::{BlockKind, Hyphen, HyphenEvidence},
        geometry::Polygon,
        output::testing::grid,
    };

    #[test]
    fn texts_are_joined_as_lines_are() {
        let hyphen = |at: u32, kept: bool| Some(Hyphen { at, kept, by: HyphenEvidence::Document });
        for (first, hyphen, second, expected) in [
            ("one", None, "two", "one two"),
            ("exam-", None, "ple", "example"),
            ("Anglo-", None, "Saxon", "Anglo-Saxon"),
            ("1990-", None, "1995", "1990-1995"),
            ("exam", hyphen(4, false), "ple", "example"),
            ("well-", hyphen(5, true), "known", "wellknown"),
            ("well-", hyphen(4, true), "known", "well-known"),
            ("他们", None, "说", "他们说"),
        ] {
            let mut block = Block::new(BlockKind::Paragraph, Polygon::default(), 0..0);
            block.hyphens.extend(hyphen);
            let mut joined = Inline::plain(first);
            Tail::of(&block, first).join(&mut joined, Inline::plain(second));
            assert_eq!(joined.text, expected, "{hyphen:?}");
        }
    }

    #[test]
    fn rows_follow_rows_where_tables_are_of_one_width() {
        let mut first = grid(&["a|b", "1|2"], 1);
        assert!(joined_tables(&mut first, &mut grid(&["3|4"], 0)));
        assert!(!joined_tables(&mut first, &mut grid(&["3|4|5"], 0)));
        let texts: Vec<_> = first.cells.iter().map(|cell| (cell.row, cell.text.as_str())).collect();
        assert_eq!((first.rows, texts), (3, vec![(0, "a"), (0, "b"), (1, "1"), (1, "2"), (2, "3"), (2, "4")]));
    }
}
