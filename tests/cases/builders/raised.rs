//! Accents over letters, and raised and lowered type.

use crate::{
    kinds::{Kind, NOT_ORDER, ORDER, STANDING, Setting},
    pdf::{Font, Form, Page, turned_by},
};

pub const KINDS: &[Kind] = &[
    Kind { name: "accents-before-letters", make: accents_before, varies: STANDING },
    Kind { name: "accents-after-letters", make: accents_after, varies: STANDING },
    Kind { name: "accents-apart", make: accents_apart, varies: ORDER },
    Kind { name: "superscripts", make: superscripts, varies: NOT_ORDER },
    Kind { name: "exponents-of-formulas", make: exponents, varies: NOT_ORDER },
    Kind { name: "fractions-in-line", make: fractions, varies: NOT_ORDER },
];

const ACCENTED: [&str; 4] =
    ["Élève à Besançon", "Über die Brücke nach Køge", "Piñón señor, Škoda", "naïveté, rôle, forêt"];

/// Letters and the accents over them, as a font without accented letters has them.
fn parts(c: char) -> (char, Option<char>) {
    use unicode_normalization::UnicodeNormalization as _;
    let parts: Vec<char> = std::iter::once(c).nfd().collect();
    let accent = parts.get(1).map(|mark| match mark {
        '\u{300}' => '`',
        '\u{301}' => '´',
        '\u{302}' => 'ˆ',
        '\u{303}' => '˜',
        '\u{308}' => '¨',
        '\u{30c}' => 'ˇ',
        _ => '¸',
    });
    (if accent.is_some() && parts[0] == 'i' { 'ı' } else { parts[0] }, accent)
}

fn accented(setting: &Setting, first: bool) -> (Page, String) {
    let mut page = setting.page();
    let text: String = ACCENTED.concat().chars().flat_map(|c| [parts(c).0, parts(c).1.unwrap_or(' ')]).collect();
    let names = |c: char| match c {
        '`' => "\u{2cb}".to_owned(),
        c => c.to_string(),
    };
    // In the way of TeX, the font says by glyph names what its codes are; here by a map, which is what is read first.
    let font = page.font(&Font::boxes(&text).with_map(Form::Chars, names));
    for (row, line) in ACCENTED.iter().enumerate() {
        let y = 760.0 - 20.0 * row as f64;
        let mut content = format!("BT {font} 12 Tf 60 {y} Td\n[");
        for c in line.chars() {
            let (letter, accent) = parts(c);
            let set = |c: char| page.font_of(&font).encode(&c.to_string());
            let Some(accent) = accent else {
                content.push_str(&set(letter));
                continue;
            };
            let (wide, narrow) = (page.font_of(&font).width(letter), page.font_of(&font).width(accent));
            let centred = 500.0 * (wide - narrow);
            let (one, back, other) = if first {
                (accent, 1_000.0 * narrow + centred, letter)
            } else {
                (letter, 1_000.0 * wide - centred, accent)
            };
            let lead = if first { centred } else { 0.0 };
            let end = if first { 0.0 } else { centred };
            content.push_str(&format!(" {:.1}{}{back:.1}{}{:.1} ", -lead, set(one), set(other), -end));
        }
        content.push_str("] TJ\nET\n");
        page.raw(content);
    }
    (page, ACCENTED.join("\n"))
}

fn accents_before(setting: &Setting) -> (Page, String) {
    accented(setting, true)
}

fn accents_after(setting: &Setting) -> (Page, String) {
    accented(setting, false)
}

/// Accents are strings of their own, raised over capitals, in a font of the standard fourteen whose codes are named.
fn accents_apart(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::times());
    for (row, line) in ACCENTED.iter().enumerate() {
        let y = 760.0 - 22.0 * row as f64;
        let mut x = 60.0;
        let mut content = String::new();
        for c in line.chars() {
            let (letter, accent) = parts(c);
            // Windows' code page has no caron of its own, and no dotless i.
            let accent = accent.filter(|accent| *accent != 'ˇ' && letter != 'ı');
            let letter = if accent.is_none() { c } else { letter };
            content.push_str(&page.line(&font, turned_by(0.0, 12.0, x, y), "", &letter.to_string()));
            let wide = page.width(&font, 12.0, &letter.to_string());
            if let Some(accent) = accent {
                let up = if letter.is_uppercase() { 2.6 } else { 0.0 };
                let narrow = 12.0 * 0.333;
                let place = turned_by(0.0, 12.0, x + (wide - narrow) / 2.0, y + up);
                content.push_str(&page.line(&font, place, "", &accent.to_string()));
            }
            x += wide;
        }
        page.raw(content);
    }
    (page, ACCENTED.join("\n"))
}

/// Raised and lowered type stays in its line.
fn superscripts(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font("Area of 40 m2 and 12 CO, note1 on the 3rd floor, xi+1 = 2xi - 4"));
    let rows: [&[(&str, f64, f64)]; 4] = [
        &[("Area of 40 m", 12.0, 0.0), ("2", 8.0, 4.0), (" and 12 CO", 12.0, 0.0), ("2", 8.0, -2.5)],
        &[("A note", 12.0, 0.0), ("1", 7.0, 5.0), (" on the 3", 12.0, 0.0), ("rd", 7.5, 4.5), (" floor", 12.0, 0.0)],
        &[("x", 12.0, 0.0), ("i+1", 8.0, -3.0), (" = 2x", 12.0, 0.0), ("i", 8.0, -3.0), (" - 4", 12.0, 0.0)],
        &[("Area and floor", 12.0, 0.0)],
    ];
    for (row, pieces) in rows.iter().enumerate() {
        let mut x = 60.0;
        for &(text, size, up) in *pieces {
            page.text(&font, size, x, 760.0 - 24.0 * row as f64 + up, text);
            x += page.width(&font, size, text);
        }
    }
    (page, "Area of 40 m2 and 12 CO2\nA note1 on the 3rd floor\nxi+1 = 2xi - 4\nArea and floor".into())
}

/// A formula of its own, with raised and lowered letters: one line, whatever parts its words.
fn exponents(setting: &Setting) -> (Page, String) {
    let rows: [&[(&str, f64, f64)]; 2] = [
        &[("e", 14.0, 0.0), ("it", 9.5, 5.4), (" + 1 = 0", 14.0, 0.0)],
        &[
            ("a", 14.0, 0.0),
            ("2", 9.5, 5.4),
            (" + b", 14.0, 0.0),
            ("2", 9.5, 5.4),
            (" = c", 14.0, 0.0),
            ("2", 9.5, 5.4),
        ],
    ];
    let mut page = setting.page();
    let font = page.font(&setting.font(""));
    for (row, pieces) in rows.iter().enumerate() {
        let mut x = 220.0;
        for &(text, size, up) in *pieces {
            page.text(&font, size, x, 700.0 - 40.0 * row as f64 + up, text);
            x += page.width(&font, size, text);
        }
    }
    (page, "eit + 1 = 0\na2 + b2 = c2".into())
}

/// Of a raised and a lowered number and a stroke between them.
fn fractions(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(""));
    let pieces =
        [("Take ", 12.0, 0.0), ("3", 7.5, 4.0), ("/", 12.0, 0.0), ("4", 7.5, -1.5), (" of a pound and ", 12.0, 0.0)];
    let pieces =
        [&pieces[..], &[("1", 7.5, 4.0), ("/", 12.0, 0.0), ("2", 7.5, -1.5), (" of an ounce.", 12.0, 0.0)]].concat();
    let mut x = 60.0;
    for (text, size, up) in pieces {
        page.text(&font, size, x, 700.0 + up, text);
        x += page.width(&font, size, text);
    }
    page.text(&font, 12.0, 60.0, 684.0, "Mix it well.");
    (page, "Take 3/4 of a pound and 1/2 of an ounce.\nMix it well.".into())
}
