//! What parts words, and what does not.

use crate::{
    kinds::{FACE, Kind, NOT_ORDER, ORDER, STANDING, Setting},
    pdf::{Font, Form, Page, as_is},
    texts::{ORCHARD, WINDMILL, paragraph, wrap},
};

pub const KINDS: &[Kind] = &[
    Kind { name: "narrow-spaces-120", make: |s| narrow(s, -0.2, 0.12), varies: FACE },
    Kind { name: "narrow-spaces-150", make: |s| narrow(s, -0.25, 0.15), varies: FACE },
    Kind { name: "narrow-spaces-150-loose", make: |s| narrow(s, 0.0, 0.15), varies: FACE },
    Kind { name: "narrow-spaces-170", make: |s| narrow(s, -0.1, 0.17), varies: FACE },
    Kind { name: "narrow-spaces-kerned", make: narrow_kerned, varies: STANDING },
    Kind { name: "wide-spaces-justified", make: justified, varies: FACE },
    Kind { name: "spaces-of-font", make: spaced_by_font, varies: NOT_ORDER },
    Kind { name: "letters-spaced-2", make: |s| letter_spaced(s, 2.0), varies: FACE },
    Kind { name: "letters-spaced-4", make: |s| letter_spaced(s, 4.0), varies: FACE },
    Kind { name: "letters-spaced-7", make: |s| letter_spaced(s, 7.0), varies: FACE },
    Kind { name: "letters-spaced-without-spaces", make: letter_spaced_without_spaces, varies: FACE },
    Kind { name: "letters-spaced-by-spaces", make: letters_with_spaces, varies: FACE },
    Kind { name: "letters-spaced-in-line", make: letter_spaced_in_line, varies: FACE },
    Kind { name: "drop-capital-two-lines", make: |s| drop_capital(s, 2), varies: NOT_ORDER },
    Kind { name: "drop-capital-three-lines", make: |s| drop_capital(s, 3), varies: NOT_ORDER },
    Kind { name: "small-capitals", make: small_capitals, varies: FACE },
    Kind { name: "type3-thousandth", make: |s| type3(s, 1_000.0, false, 12.0), varies: NOT_ORDER },
    Kind { name: "type3-hundredth", make: |s| type3(s, 100.0, false, 11.0), varies: NOT_ORDER },
    Kind { name: "type3-unit", make: |s| type3_unit(s, 0.24), varies: ORDER },
    Kind { name: "type3-unit-small", make: |s| type3_unit(s, 0.12), varies: ORDER },
    Kind { name: "type3-flipped", make: |s| type3(s, 50.0, true, 12.0), varies: NOT_ORDER },
    Kind { name: "type3-by-names", make: type3_by_names, varies: NOT_ORDER },
    Kind { name: "map-of-ranges", make: |s| mapped(s, Form::Ranges), varies: STANDING },
    Kind { name: "map-of-arrays", make: |s| mapped(s, Form::Array), varies: STANDING },
    Kind { name: "map-without-blanks", make: |s| mapped(s, Form::WithoutBlanks), varies: STANDING },
    Kind { name: "map-without-blanks-simple", make: mapped_simple, varies: STANDING },
    Kind { name: "truetype-without-encoding", make: |s| unencoded(s, true), varies: NOT_ORDER },
    Kind { name: "truetype-without-encoding-nonsymbolic", make: |s| unencoded(s, false), varies: NOT_ORDER },
    Kind { name: "hyphens-at-line-ends", make: hyphens, varies: NOT_ORDER },
    Kind { name: "numbers-and-units", make: numbers, varies: NOT_ORDER },
];

/// Words parted by so many ems and nothing else, letters `tight` points nearer than they are.
fn narrow(setting: &Setting, tight: f64, gap: f64) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(ORCHARD));
    let lines = wrap(&page, &font, 10.0, 420.0, ORCHARD);
    for (row, line) in lines.iter().enumerate() {
        // The gap is seen from the end of the last letter, which is `tight` nearer itself.
        let step = -1_000.0 * (gap - tight / 10.0);
        let words: Vec<String> = line.split(' ').map(|word| page.font_of(&font).encode(word)).collect();
        let array = words.join(&format!("{step:.1}"));
        page.raw(format!("BT {font} 10 Tf {tight} Tc 60 {} Td\n[{array}] TJ\nET\n", 770 - 13 * row));
    }
    (page, lines.join("\n"))
}

/// As above, with pairs of letters that are drawn together.
fn narrow_kerned(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::times());
    let lines = wrap(&page, &font, 10.0, 420.0, WINDMILL);
    for (row, line) in lines.iter().enumerate() {
        let mut array = String::new();
        for (at, letter) in line.chars().enumerate() {
            if letter == ' ' {
                array.push_str("-160");
            } else {
                array.push_str(&page.font_of(&font).encode(&letter.to_string()));
                let next = line.chars().nth(at + 1);
                if next.is_some_and(|next| next != ' ') {
                    array.push_str(["0", "15", "-8", "40", "-20"][(at + row) % 5]);
                }
            }
        }
        page.raw(format!("BT {font} 10 Tf 60 {} Td\n[{array}] TJ\nET\n", 770 - 13 * row));
    }
    (page, lines.join("\n"))
}

/// Word spaces as wide as the measure asks, one line very wide.
fn justified(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(WINDMILL));
    let lines = wrap(&page, &font, 12.0, 180.0, WINDMILL);
    for (row, line) in lines.iter().enumerate() {
        let spaces = line.matches(' ').count();
        let left = 200.0 - page.width(&font, 12.0, line);
        let wider = if row + 1 < lines.len() && spaces > 0 { left / spaces as f64 } else { 0.0 };
        let step = -1_000.0 * wider / 12.0;
        let words: Vec<String> = line.split_inclusive(' ').map(|word| page.font_of(&font).encode(word)).collect();
        let array = words.join(&format!("{step:.1}"));
        page.raw(format!("BT {font} 12 Tf 60 {} Td\n[{array}] TJ\nET\n", 770 - 15 * row));
    }
    (page, lines.join("\n"))
}

fn spaced_by_font(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(ORCHARD));
    paragraph(&mut page, &font, 11.0, (60.0, 770.0), 430.0, ORCHARD);
    (page, ORCHARD.to_owned())
}

const SPACED: [&str; 4] = ["TIDE TABLES", "NO ENTRY", "A GUIDE TO THE MILLS", "OF 1887"];

fn letter_spaced(setting: &Setting, by: f64) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&SPACED.concat()));
    for (row, line) in SPACED.iter().enumerate() {
        let shown = page.font_of(&font).encode(line);
        page.raw(format!("BT {font} 12 Tf {by} Tc 60 {} Td\n{shown} Tj\nET\n", 760 - 30 * row));
    }
    (page, SPACED.join("\n"))
}

/// The same without characters for spaces: what parts words is wider.
fn letter_spaced_without_spaces(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&SPACED.concat()));
    for (row, line) in SPACED.iter().enumerate() {
        let mut x = 60.0;
        for letter in line.chars() {
            if letter != ' ' {
                page.text(&font, 12.0, x, 760.0 - 30.0 * row as f64, &letter.to_string());
            }
            x += page.width(&font, 12.0, &letter.to_string()) + 3.0;
        }
    }
    (page, SPACED.join("\n"))
}

/// A space between letters and three between words.
fn letters_with_spaces(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let lines = ["TIDE TABLES", "A GUIDE TO THE MILLS"];
    let font = page.font(&setting.font(&SPACED.concat()));
    for (row, line) in lines.iter().enumerate() {
        let spaced: Vec<String> = line.chars().map(String::from).collect();
        page.text(&font, 12.0, 60.0, 760.0 - 30.0 * row as f64, &spaced.join(" "));
    }
    (page, lines.join("\n"))
}

/// One word of a line is spaced out, as German print once had emphasis.
fn letter_spaced_in_line(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font("The mill is to be kept dry at all times, says the old rule."));
    let shown = |text: &str| page.font_of(&font).encode(text);
    let content = format!(
        "BT {font} 12 Tf 60 700 Td\n{} Tj\n2.2 Tc {} Tj\n0 Tc {} Tj\nET\n",
        shown("The mill is to be "),
        shown("kept dry"),
        shown(" at all times, says the old rule.")
    );
    page.raw(content);
    (page, "The mill is to be kept dry at all times, says the old rule.".into())
}

/// A first letter as high as some lines, which begin beside it.
fn drop_capital(setting: &Setting, rows: usize) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(WINDMILL));
    let (size, pitch) = (11.0, 14.0);
    let large = pitch * (rows - 1) as f64 / 0.7 + size;
    page.text(&font, large, 60.0, 760.0 - pitch * (rows - 1) as f64, &WINDMILL[..1]);
    let indent = page.width(&font, large, &WINDMILL[..1]) + 2.5;
    let mut words = WINDMILL[1..].split(' ').peekable();
    let mut row = 0;
    while words.peek().is_some() {
        let left = if row < rows { indent } else { 0.0 };
        let mut line = words.next().unwrap().to_owned();
        while let Some(word) = words.next_if(|word| page.width(&font, size, &format!("{line} {word}")) <= 300.0 - left)
        {
            line.push(' ');
            line.push_str(word);
        }
        page.text(&font, size, 60.0 + left, 760.0 - pitch * row as f64, &line);
        row += 1;
    }
    (page, WINDMILL.to_owned())
}

/// Capitals of two sizes make one word.
fn small_capitals(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font("THE ORCHARD NOTEBOOK KEPT BY RUNA TAMSIN"));
    for (row, line) in ["The Orchard Notebook", "Kept by Runa Tamsin"].iter().enumerate() {
        let mut x = 60.0;
        for letter in line.chars() {
            let size = if letter.is_uppercase() || letter == ' ' { 14.0 } else { 11.0 };
            let letter = letter.to_ascii_uppercase().to_string();
            page.text(&font, size, x, 740.0 - 24.0 * row as f64, &letter);
            x += page.width(&font, size, &letter);
        }
    }
    (page, "THE ORCHARD NOTEBOOK\nKEPT BY RUNA TAMSIN".into())
}

const BILL: [&str; 5] = [
    "Meter 55-2047 read on 3 April",
    "Water used: 18.5 cubic metres",
    "Price per unit 2.14, standing charge 7.00",
    "To pay by 30 April: 46.59",
    "I will ill-till it, Lilli",
];

fn bill(setting: &Setting, font: &Font, size: f64) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(font);
    for (row, line) in BILL.iter().enumerate() {
        page.text(&font, size, 60.0, 760.0 - 18.0 * row as f64, line);
    }
    (page, BILL.join("\n"))
}

/// A font of so many units to the em, whose matrix says so.
fn type3(setting: &Setting, em: f64, flipped: bool, size: f64) -> (Page, String) {
    bill(setting, &Font::type3(em, flipped, &BILL.concat()), size)
}

/// Without a map, in glyphs whose names say what they are, ligatures by their parts.
fn type3_by_names(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let lines = ["O\u{fb03}ce of sta\u{fb00}, 4° below; Škoda", "mu\u{fb04}ed voices (naïve) – all “quoted”"];
    let mut font = Font::type3(1_000.0, false, &lines.concat());
    font.to_unicode = None;
    let font = page.font(&font);
    lines.iter().enumerate().for_each(|(row, line)| page.text(&font, 12.0, 60.0, 700.0 - 20.0 * row as f64, line));
    (page, "Office of staff, 4° below; Škoda\nmuffled voices (naïve) – all “quoted”".into())
}

/// A matrix of 1: letters are some fifty units wide, and the size is a fraction of a point.
fn type3_unit(setting: &Setting, size: f64) -> (Page, String) {
    // What comes out is 12 points high.
    let em = 12.0 / size;
    let (mut page, text) = bill(setting, &Font::type3(em, false, &BILL.concat()), 12.0);
    page.fonts[0] = Font::type3_of_unit_matrix(em, &BILL.concat());
    page.pieces = page.pieces.iter().map(|piece| piece.replace("12.000 Tf", &format!("{size} Tf"))).collect();
    (page, text)
}

fn mapped(setting: &Setting, form: Form) -> (Page, String) {
    bill(setting, &Font::boxes(&BILL.concat()).with_map(form, as_is), 12.0)
}

/// Names of glyphs say nothing; the map does.
fn mapped_simple(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let lines = ["Põhja ülikool, õpik", "Läti jõgi: 41 km"];
    let font = page.font(&Font::type3(1_000.0, false, &lines.concat()).with_map(Form::WithoutBlanks, as_is));
    lines.iter().enumerate().for_each(|(row, line)| page.text(&font, 12.0, 60.0, 700.0 - 20.0 * row as f64, line));
    (page, lines.join("\n"))
}

fn unencoded(setting: &Setting, symbolic: bool) -> (Page, String) {
    bill(setting, &Font::unencoded(symbolic), 12.0)
}

/// They stay as they are drawn.
fn hyphens(setting: &Setting) -> (Page, String) {
    let lines = ["The keeper of the wind-", "mill was paid for every", "well-drained acre, half-", "yearly."];
    let mut page = setting.page();
    let font = page.font(&setting.font(&lines.concat()));
    lines.iter().enumerate().for_each(|(row, line)| page.text(&font, 12.0, 60.0, 700.0 - 15.0 * row as f64, line));
    (page, lines.join("\n"))
}

fn numbers(setting: &Setting) -> (Page, String) {
    let lines = [
        "1 234 567.89 kg at 7 %",
        "+47 555 01 88 (ext. 4)",
        "3 x 12 = 36; 36 / 4 = 9",
        "a, b, c and d: 1, 2, 3, 4",
        "I am 1 of 11",
    ];
    let mut page = setting.page();
    let font = page.font(&setting.font(&lines.concat()));
    lines.iter().enumerate().for_each(|(row, line)| page.text(&font, 12.0, 60.0, 700.0 - 20.0 * row as f64, line));
    (page, lines.join("\n"))
}
