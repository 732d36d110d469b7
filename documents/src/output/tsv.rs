//! A row for each page, block, paragraph, line and word, in the columns and with the level numbers of Tesseract's TSV, so that what
//! reads that reads this.
//!
//! Words of a text layer, which nobody guessed, have a confidence of 100: programs that read TSV drop words of none.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{
    PageWriter,
    parts::{PixelBox, regions, words},
};
use crate::record::PageRecord;

const COLUMNS: &str = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n";

/// The first column.
const PAGE: u32 = 1;
const BLOCK: u32 = 2;
const PARAGRAPH: u32 = 3;
const LINE: u32 = 4;
const WORD: u32 = 5;

pub struct Tsv<W> {
    out: W,
    begun: bool,
}

impl<W: Write> Tsv<W> {
    pub fn new(out: W) -> Self {
        Self { out, begun: false }
    }
}

/// What stands before the text of a row. `place` is the numbers of page, block, paragraph, line and word, 0 for what it is not in.
fn row(out: &mut String, level: u32, place: [u32; 5], at: PixelBox, confidence: Option<f32>, text: &str) {
    out.push_str(&level.to_string());
    for number in place.into_iter().chain([at.left, at.top, at.width(), at.height()]) {
        // Writing into a string does not fail.
        let _ = write!(out, "\t{number}");
    }
    match confidence {
        Some(share) => drop(write!(out, "\t{:.2}\t", 100.0 * share)),
        None => out.push_str("\t-1\t"),
    }
    // Nothing is quoted in this format.
    out.extend(text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }));
    out.push('\n');
}

fn rows(page: &PageRecord) -> String {
    let mut out = String::new();
    let number = page.page.get();
    let whole = PixelBox { left: 0, top: 0, right: page.width, bottom: page.height };
    row(&mut out, PAGE, [number, 0, 0, 0, 0], whole, None, "");
    for (region, block) in regions(page).iter().filter(|region| !region.lines.is_empty()).zip(1..) {
        let at = PixelBox::of(&region.polygon, page);
        row(&mut out, BLOCK, [number, block, 0, 0, 0], at, None, "");
        row(&mut out, PARAGRAPH, [number, block, 1, 0, 0], at, None, "");
        for (line, row_number) in region.lines.iter().zip(1..) {
            row(&mut out, LINE, [number, block, 1, row_number, 0], PixelBox::of(&line.polygon, page), None, "");
            for (word, word_number) in words(line).iter().zip(1..) {
                let place = [number, block, 1, row_number, word_number];
                let confidence = word.confidence.or(line.confidence).unwrap_or(1.0);
                row(&mut out, WORD, place, PixelBox::of(&word.polygon, page), Some(confidence), &word.text);
            }
        }
    }
    out
}

impl<W: Write + Send> PageWriter for Tsv<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            self.out.write_all(COLUMNS.as_bytes())?;
        }
        self.out.write_all(rows(page).as_bytes())?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{letter, written};

    #[test]
    fn words_and_boxes_are_found_again_in_tesseracts_columns() {
        let page = letter();
        let text = written(|out| Box::new(Tsv::new(out)), std::slice::from_ref(&page));
        let mut lines = text.lines();
        assert_eq!(format!("{}\n", lines.next().unwrap()), COLUMNS);
        let rows: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
        assert!(rows.iter().all(|row| row.len() == 12), "{text}");
        assert_eq!(rows[0][..11].join(" "), "1 1 0 0 0 0 0 0 1000 1400 -1");
        let found: Vec<(String, [f32; 4])> = rows
            .iter()
            .filter(|row| row[0] == "5")
            .map(|row| {
                let side = |at: usize| row[at].parse::<f32>().unwrap();
                (row[11].to_owned(), [side(6), side(7), side(6) + side(8), side(7) + side(9)])
            })
            .collect();
        crate::output::testing::assert_words(&page, &found);
        let levels: String = rows.iter().map(|row| row[0]).collect();
        assert_eq!(levels, "12345545552345");
        let numbers: Vec<String> = rows.iter().filter(|row| row[0] == "5").map(|row| row[1..6].join(".")).collect();
        assert_eq!(numbers, ["1.1.1.1.1", "1.1.1.1.2", "1.1.1.2.1", "1.1.1.2.2", "1.1.1.2.3", "1.2.1.1.1"]);
        let confidences: Vec<&str> = rows.iter().filter(|row| row[0] == "5").map(|row| row[10]).collect();
        assert_eq!(confidences, ["97.00", "97.00", "50.00", "50.00", "50.00", "100.00"]);
    }

    #[test]
    fn what_would_break_a_row_is_a_blank() {
        let mut page = letter();
        page.lines[0].words[0].text = "a\tb\nc".to_owned();
        let text = written(|out| Box::new(Tsv::new(out)), &[page]);
        assert!(text.contains("\ta b c\n"), "{text}");
    }
}
