//! The kinds of checks, as olmOCR-bench defines them (`olmocr/bench/tests.py`).

use serde_json::Value;

use crate::tables::{Table, tables};

/// One check of one page.
#[derive(Debug)]
pub enum Check {
    Present {
        text: Text,
        is_wanted: bool,
    },
    Order {
        before: Text,
        after: Text,
    },
    Table {
        cell: Text,
        neighbours: Vec<(Side, Text)>,
    },
    /// What holds of every page: there is text, it does not end in one thing over and over, and no letters of scripts that the page has not.
    Baseline,
}

/// Times that the last words of a page may follow each other.
const MOST_REPEATS: usize = 30;

/// What is looked for, and how many letters of it may differ.
#[derive(Debug)]
pub struct Text {
    normal: String,
    most_differences: usize,
    is_case_sensitive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    Up,
    Down,
    Left,
    Right,
    TopHeading,
    LeftHeading,
}

const SIDES: [(&str, Side); 6] = [
    ("up", Side::Up),
    ("down", Side::Down),
    ("left", Side::Left),
    ("right", Side::Right),
    ("top_heading", Side::TopHeading),
    ("left_heading", Side::LeftHeading),
];

/// As texts are compared: no marks of emphasis, plain quotes and dashes, white space once.
pub fn normal(text: &str) -> String {
    let plain = text.chars().filter_map(|c| match c {
        '*' | '_' | '#' | '`' => None,
        '‘' | '’' | '‚' => Some('\''),
        '“' | '”' | '„' => Some('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    });
    plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Text {
    fn of(entry: &Value, key: &str) -> Option<Self> {
        let normal = normal(entry[key].as_str()?);
        let most_differences = entry["max_diffs"].as_u64().unwrap_or(0) as usize;
        Some(Self { normal, most_differences, is_case_sensitive: entry["case_sensitive"].as_bool().unwrap_or(true) })
    }

    fn cased(&self, text: &str) -> String {
        if self.is_case_sensitive { text.to_owned() } else { text.to_lowercase() }
    }

    /// Characters before the end of its first place in a text that is normal.
    fn end_in(&self, text: &str) -> Option<usize> {
        let wanted: Vec<char> = self.cased(&self.normal).chars().collect();
        // Sellers 1980: the edit distance of what is looked for and of any part of the text.
        let mut column: Vec<usize> = (0..=wanted.len()).collect();
        for (at, c) in self.cased(text).chars().enumerate() {
            let mut diagonal = 0;
            for (row, w) in wanted.iter().enumerate() {
                let replaced = diagonal + usize::from(*w != c);
                diagonal = column[row + 1];
                column[row + 1] = replaced.min(column[row] + 1).min(diagonal + 1);
            }
            if column[wanted.len()] <= self.most_differences {
                return Some(at + 1);
            }
        }
        None
    }

    fn is(&self, cell: &str) -> bool {
        let cell = normal(cell);
        cell.chars().count() <= self.normal.chars().count() + self.most_differences && self.end_in(&cell).is_some()
    }
}

impl Check {
    /// `None` for kinds that are not checked.
    pub fn of(entry: &Value) -> Option<Self> {
        match entry["type"].as_str()? {
            "present" => Some(Self::Present { text: Text::of(entry, "text")?, is_wanted: true }),
            "absent" => Some(Self::Present { text: Text::of(entry, "text")?, is_wanted: false }),
            "order" => Some(Self::Order { before: Text::of(entry, "before")?, after: Text::of(entry, "after")? }),
            "table" => {
                let neighbours = SIDES.into_iter().filter_map(|(key, side)| Some((side, Text::of(entry, key)?)));
                Some(Self::Table { cell: Text::of(entry, "cell")?, neighbours: neighbours.collect() })
            }
            _ => None,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Present { is_wanted: true, .. } => "present",
            Self::Present { is_wanted: false, .. } => "absent",
            Self::Order { .. } => "order",
            Self::Table { .. } => "table",
            Self::Baseline => "baseline",
        }
    }

    pub fn passes(&self, markdown: &str) -> bool {
        match self {
            Self::Present { text, is_wanted } => text.end_in(&normal(markdown)).is_some() == *is_wanted,
            Self::Order { before, after } => {
                let text = normal(markdown);
                before.end_in(&text).zip(after.end_in(&text)).is_some_and(|(before, after)| before < after)
            }
            Self::Baseline => {
                let words: Vec<String> = normal(markdown).split(' ').map(str::to_owned).collect();
                let has_text = markdown.chars().any(char::is_alphanumeric);
                has_text && !markdown.chars().any(is_foreign) && (1..=5).all(|n| repeats(&words, n) <= MOST_REPEATS)
            }
            Self::Table { cell, neighbours } => tables(markdown).iter().any(|table| has(table, cell, neighbours)),
        }
    }
}

/// How often the last `n` words follow each other at the end.
fn repeats(words: &[String], n: usize) -> usize {
    let Some(last) = words.len().checked_sub(n).map(|start| &words[start..]) else { return 0 };
    words.rchunks_exact(n).take_while(|chunk| *chunk == last).count()
}

/// Chinese, Japanese, Korean and pictures: none of the pages has any.
fn is_foreign(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{1f300}'..='\u{1faff}')
}

/// Whether some place of the table says what is looked for and has all these neighbours.
fn has(table: &Table, cell: &Text, neighbours: &[(Side, Text)]) -> bool {
    let says = |row: usize, column: usize, text: &Text| {
        table.get(row).and_then(|cells| cells.get(column)).is_some_and(|cell| text.is(cell))
    };
    let fits = |row: usize, column: usize| {
        neighbours.iter().all(|(side, text)| match side {
            Side::Up => row > 0 && says(row - 1, column, text),
            Side::Down => says(row + 1, column, text),
            Side::Left => column > 0 && says(row, column - 1, text),
            Side::Right => says(row, column + 1, text),
            Side::TopHeading => (0..row).any(|row| says(row, column, text)),
            Side::LeftHeading => (0..column).any(|column| says(row, column, text)),
        })
    };
    (0..table.len()).any(|row| (0..table[row].len()).any(|column| says(row, column, cell) && fits(row, column)))
}
