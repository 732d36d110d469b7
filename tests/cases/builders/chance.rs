//! Tables and columns by chance: so many of each, the same in every run.

use image::ImageFormat;

use crate::{
    kinds::{Case, Setting},
    pdf::{Font, Page, Standing, write},
    pixels::{encode, render},
    scans::Scan,
    texts::{ORCHARD, WINDMILL, wrap},
};

/// A linear congruential generator.
struct Chance(u64);

impl Chance {
    fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// Once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

const NOUNS: [&str; 16] = [
    "Barley",
    "Rope",
    "Lantern",
    "Walnut oil",
    "Sailcloth",
    "Tar",
    "Oak beam",
    "Wheel grease",
    "Millstone",
    "Pear",
    "Quince jam",
    "Hemp sack",
    "Iron shaft",
    "Ledger",
    "Bell",
    "Goose feather",
];
const PHRASES: [&str; 12] = [
    "first choice, from the upper meadow",
    "Brothers Tamsin at the saw mill",
    "kept dry since the second flood",
    "Delivered by barge on Mondays",
    "for the roof of the reading room",
    "Widow Anders, Rope Walk 3",
    "as agreed with the keeper",
    "Old stock, sold as it stands",
    "Quarry of Saint Brannoc, Pier 2",
    "to be weighed again at the gate",
    "Four of them without lids",
    "paid out of the poor box",
];
const UNITS: [&str; 7] = ["kg", "l", "pieces", "m", "per dozen", "%", "sacks"];

#[derive(Clone, Copy)]
enum Column {
    Noun,
    Phrase,
    Amount,
    Count,
    Date,
    Unit,
    Code,
}

impl Column {
    fn cell(self, chance: &mut Chance) -> String {
        match self {
            Self::Noun => chance.pick(&NOUNS).to_owned(),
            Self::Phrase => chance.pick(&PHRASES).to_owned(),
            Self::Amount => {
                let (whole, cents) = (chance.below(9_000), chance.below(100));
                let sign = if chance.once_in(6) { "-" } else { "" };
                if whole < 1_000 {
                    format!("{sign}{whole}.{cents:02}")
                } else {
                    format!("{sign}{},{:03}.{cents:02}", whole / 1_000, whole % 1_000)
                }
            }
            Self::Count => chance.below(300).to_string(),
            Self::Date => format!("{:02}.{:02}.1887", 1 + chance.below(28), 1 + chance.below(12)),
            Self::Unit => chance.pick(&UNITS).to_owned(),
            Self::Code => format!("{}-{:04}", ["KX", "TM", "OR"][chance.below(3)], chance.below(10_000)),
        }
    }

    fn is_to_the_right(self) -> bool {
        matches!(self, Self::Amount | Self::Count)
    }
}

/// A table of two to six columns and three to fourteen rows.
fn table_page(seed: u64) -> (Page, String, Chance) {
    let mut chance = Chance::of(seed);
    let kinds = [
        Column::Noun,
        Column::Phrase,
        Column::Amount,
        Column::Count,
        Column::Date,
        Column::Unit,
        Column::Code,
        Column::Amount,
    ];
    let columns: Vec<Column> = (0..2 + chance.below(5)).map(|_| kinds[chance.below(kinds.len())]).collect();
    let rows = 3 + chance.below(12);
    let mut cells: Vec<Vec<String>> =
        (0..rows).map(|_| columns.iter().map(|column| column.cell(&mut chance)).collect()).collect();
    // Cells that are empty, but not the first of a row.
    for row in &mut cells {
        for cell in &mut row[1..] {
            if chance.once_in(9) {
                cell.clear();
            }
        }
    }
    if chance.once_in(2) {
        let heads = ["Article", "Remark", "Sum", "No.", "Day", "Unit", "Mark"];
        cells.insert(0, columns.iter().map(|_| chance.pick(&heads).to_owned()).collect());
    }
    let size = [7.0, 8.5, 10.0, 12.0][chance.below(4)];
    let pitch = size * [1.15, 1.3, 1.6, 2.2][chance.below(4)];
    let gap = size * [1.2, 2.0, 3.5][chance.below(3)];
    let setting = Setting::default();
    let mut page = setting.page();
    let font = page.font(&[Font::helvetica(), Font::times()][chance.below(2)]);
    let widths: Vec<f64> = (0..columns.len())
        .map(|column| cells.iter().map(|row| page.width(&font, size, &row[column])).fold(0.0, f64::max))
        .collect();
    page.size.0 = (widths.iter().map(|width| width + gap).sum::<f64>() + 100.0).max(300.0);
    for (index, row) in cells.iter().enumerate() {
        let (mut x, y) = (50.0, 780.0 - pitch * index as f64);
        for ((cell, width), column) in row.iter().zip(&widths).zip(&columns) {
            if !cell.is_empty() {
                match column.is_to_the_right() {
                    true => page.text_to(&font, size, x + width, y, cell),
                    false => page.text(&font, size, x, y, cell),
                }
            }
            x += width + gap;
        }
    }
    // Cells are drawn in any order; phrases in the order of their columns might be prose.
    let is_short = columns.iter().all(|column| !matches!(column, Column::Phrase));
    match chance.below(4) {
        0 => page.pieces.reverse(),
        1 if is_short => page.pieces = by_column(&cells, page.pieces),
        _ => {}
    }
    let row = |row: &Vec<String>| row.iter().filter(|cell| !cell.is_empty()).cloned().collect::<Vec<_>>().join(" ");
    let expected = cells.iter().map(row).collect::<Vec<_>>().join("\n");
    (page, expected, chance)
}

/// The pieces of a table that was drawn row by row, column by column; empty cells have none.
fn by_column(cells: &[Vec<String>], pieces: Vec<String>) -> Vec<String> {
    let mut pieces = pieces.into_iter();
    let mut columns = vec![Vec::new(); cells[0].len()];
    for row in cells {
        for (column, _) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            columns[column].extend(pieces.next());
        }
    }
    columns.concat()
}

/// As a file.
pub fn table(seed: u64) -> Case {
    let (page, expected, chance) = table_page(seed);
    finish(&format!("table-of-chance: {seed}"), page, expected, chance)
}

/// Prose in two or three columns, perhaps with a heading, a picture's gap, indented paragraphs.
fn columns_page(seed: u64) -> (Page, String, Chance) {
    let mut chance = Chance::of(seed + 7_777);
    let mut page = Setting::default().page();
    let font = page.font(&[Font::helvetica(), Font::times()][chance.below(2)]);
    let count = 2 + chance.below(2);
    let size = [8.0, 9.5, 11.0][chance.below(3)];
    let gutter = size * [1.0, 1.5, 2.5][chance.below(3)];
    let width = (500.0 - gutter * (count - 1) as f64) / count as f64;
    let (pitch, mut top) = (size * [1.15, 1.25, 1.4][chance.below(3)], 790.0);
    let mut expected = Vec::new();
    if chance.once_in(2) {
        page.text(&font, 2.0 * size, 90.0, top, "The valley and its water");
        expected.push("The valley and its water".to_owned());
        top -= 3.5 * size;
    }
    let sentences: Vec<&str> =
        [ORCHARD, WINDMILL].iter().flat_map(|text| text.split_inclusive(". ")).map(str::trim).collect();
    for column in 0..count {
        let x = 50.0 + (width + gutter) * column as f64;
        // Columns need not end together, nor begin: the last may hang lower.
        let mut y = if chance.once_in(6) { top - 3.0 * pitch } else { top };
        for _ in 0..3 + chance.below(3) {
            let from = chance.below(sentences.len() - 3);
            let text = sentences[from..from + 2 + chance.below(2)].join(" ");
            let indent = if chance.once_in(2) { "" } else { "   " };
            let lines = wrap(&page, &font, size, width - size, &text);
            let justified = chance.once_in(2);
            for (row, line) in lines.iter().enumerate() {
                let left = if row == 0 { x + size * indent.len() as f64 / 3.0 } else { x };
                let spaces = line.matches(' ').count();
                if justified && row + 1 < lines.len() && spaces > 0 {
                    let step = 1_000.0 * (x + width - left - page.width(&font, size, line)) / spaces as f64 / size;
                    let words: Vec<String> =
                        line.split_inclusive(' ').map(|word| page.font_of(&font).encode(word)).collect();
                    let array = words.join(&format!("{:.1}", -step));
                    page.raw(format!("BT {font} {size} Tf {left:.2} {y:.2} Td\n[{array}] TJ\nET\n"));
                } else {
                    page.text(&font, size, left, y, line);
                }
                y -= pitch;
            }
            expected.push(lines.join(" "));
            y -= if chance.once_in(3) { pitch } else { 0.0 };
            // The longest paragraph still fits.
            if y < 300.0 {
                break;
            }
        }
    }
    (page, expected.join("\n"), chance)
}

pub fn columns(seed: u64) -> Case {
    let (page, expected, chance) = columns_page(seed);
    finish(&format!("columns-of-chance: {seed}"), page, expected, chance)
}

/// Both as scans.
pub fn scans(count: u64) -> Vec<Scan> {
    let scan = |name: &str, seed: u64, (page, text, _): (Page, String, Chance)| {
        let dpi = [150.0, 200.0, 300.0][seed as usize % 3];
        Scan::new(&format!("{name}-of-chance-{seed}"), "png", encode(&render(&page, dpi), ImageFormat::Png), text)
    };
    (0..count)
        .flat_map(|seed| {
            [scan("table-scan", seed, table_page(1_000 + seed)), scan("columns-scan", seed, columns_page(1_000 + seed))]
        })
        .collect()
}

fn finish(name: &str, page: Page, expected: String, mut chance: Chance) -> Case {
    let standing = if chance.once_in(3) { Standing::ALL[chance.below(Standing::ALL.len())] } else { Standing::Plain };
    Case { name: name.to_owned(), bytes: write(&[page], standing), expected }
}
