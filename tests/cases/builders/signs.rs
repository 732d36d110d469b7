//! Signs that are drawn and those that are not, and what a document says that its glyphs stand for.

use lopdf::{Dictionary, Object, Stream, StringFormat, dictionary};

use crate::{
    kinds::{FACE, Kind, NOT_ORDER, ORDER, STANDING, Setting},
    pdf::{Encoding, Font, Form, Page, turned_by},
    texts::{WINDMILL, wrap},
};

pub const KINDS: &[Kind] = &[
    Kind { name: "soft-hyphen-of-winansi", make: soft_hyphen, varies: ORDER },
    Kind { name: "soft-hyphen-mapped", make: soft_hyphen_mapped, varies: ORDER },
    Kind { name: "actual-text-ligatures", make: ligatures, varies: FACE },
    Kind { name: "actual-text-signs", make: actual_signs, varies: STANDING },
    Kind { name: "actual-text-by-name", make: actual_text_by_name, varies: STANDING },
    Kind { name: "actual-text-nested", make: actual_text_nested, varies: STANDING },
    Kind { name: "actual-text-of-artefacts", make: artefacts, varies: STANDING },
    Kind { name: "actual-text-of-words", make: actual_words, varies: STANDING },
    Kind { name: "actual-text-in-pdf-doc-encoding", make: pdf_doc_encoding, varies: STANDING },
    Kind { name: "presentation-ligatures", make: presentation_ligatures, varies: STANDING },
    Kind { name: "named-ligatures", make: named_ligatures, varies: STANDING },
    Kind { name: "spaces-under-letters", make: spaces_under_letters, varies: STANDING },
    Kind { name: "bold-run-by-run", make: bold_by_runs, varies: FACE },
    Kind { name: "bold-line-by-line", make: bold_by_lines, varies: NOT_ORDER },
    Kind { name: "bold-letter-by-letter", make: bold_by_letters, varies: FACE },
    Kind { name: "bold-outlined", make: bold_outlined, varies: FACE },
    Kind { name: "shadow", make: shadow, varies: FACE },
    Kind { name: "layer-of-words-over-text", make: layer_of_words, varies: FACE },
    Kind { name: "layer-of-lines-over-text", make: layer_of_lines, varies: FACE },
    Kind { name: "layer-with-errors-over-text", make: layer_with_errors, varies: FACE },
    Kind { name: "accents-before-letters", make: accents_before, varies: STANDING },
    Kind { name: "accents-after-letters", make: accents_after, varies: STANDING },
    Kind { name: "accents-apart", make: accents_apart, varies: ORDER },
    Kind { name: "superscripts", make: superscripts, varies: NOT_ORDER },
    Kind { name: "form-fields", make: form_fields, varies: FACE },
    Kind { name: "form-fields-of-parents", make: inherited_fields, varies: STANDING },
    Kind { name: "form-choices", make: choices, varies: STANDING },
    Kind { name: "form-of-many-lines", make: many_lines, varies: STANDING },
    Kind { name: "form-with-empty-appearances", make: empty_appearances, varies: STANDING },
    Kind { name: "form-with-old-appearances", make: old_appearances, varies: STANDING },
    Kind { name: "form-with-drawn-appearances", make: drawn_appearances, varies: STANDING },
    Kind { name: "free-text", make: free_text, varies: STANDING },
    Kind { name: "form-hidden-fields", make: hidden_fields, varies: STANDING },
];

/// Lines 16 points apart, with the font of the setting.
fn lines(setting: &Setting, lines: &[&str]) -> (Page, String) {
    let mut page = setting.page();
    let text = lines.join("\n");
    let font = page.font(&setting.font(&text));
    set(&mut page, &font, 12.0, lines);
    (page, text)
}

fn set(page: &mut Page, font: &str, size: f64, lines: &[&str]) {
    for (row, line) in lines.iter().enumerate() {
        page.text(font, size, 60.0, 760.0 - 1.5 * size * row as f64, line);
    }
}

const HYPHENS: [&str; 4] = [
    "Order KX\u{ad}7730\u{ad}B of 2019\u{ad}08\u{ad}30",
    "Returned bottles \u{ad}4.80",
    "Balance carried over \u{ad}117.35",
    "Well\u{ad}known suppliers: dial 555\u{ad}0173",
];

fn soft_hyphen(setting: &Setting) -> (Page, String) {
    let (page, text) = lines(setting, &HYPHENS);
    (page, text.replace('\u{ad}', "-"))
}

/// In a font of its own codes that says itself that its hyphens are soft ones.
fn soft_hyphen_mapped(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let text = HYPHENS.join("\n");
    let font = page.font(&Font::boxes(&text));
    set(&mut page, &font, 11.0, &HYPHENS);
    (page, text.replace('\u{ad}', "-"))
}

/// UTF-16, as text strings have it.
fn utf16(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("{unit:04x}"));
    format!("<feff{}>", units.collect::<String>())
}

/// A line of pieces, of which some say what they stand for.
fn said(page: &mut Page, font: &str, y: f64, pieces: &[(&str, Option<&str>)]) {
    let mut content = format!("BT {font} 12 Tf 60 {y} Td\n");
    for (drawn, says) in pieces {
        let shown = page.font_of(font).encode(drawn);
        match says {
            Some(says) => content.push_str(&format!("/Span << /ActualText {} >> BDC\n{shown} Tj\nEMC\n", utf16(says))),
            None => content.push_str(&format!("{shown} Tj\n")),
        }
    }
    content.push_str("ET\n");
    page.raw(content);
}

fn ligatures(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    // Ligatures have codes whose characters say nothing.
    let font = page.font(&setting.font("abcdefghijklmnopqrstuvwxyzOT :#$%&"));
    let pieces = [
        ("The o", None),
        ("#", Some("ffi")),
        ("ce ", None),
        ("$", Some("fl")),
        ("oor: rede", None),
        ("%", Some("fi")),
        ("ned a", None),
        ("&", Some("ff")),
        ("airs", None),
    ];
    said(&mut page, &font, 700.0, &pieces);
    (page, "The office floor: redefined affairs".into())
}

fn actual_signs(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::helvetica());
    said(
        &mut page,
        &font,
        700.0,
        &[("Paid ", None), ("~250~00", Some("€ 250,00")), (" on ", None), ("^^", Some("№ 7"))],
    );
    said(&mut page, &font, 680.0, &[("Temperature ", None), ("|21|", Some("−21 °C")), (" outside", None)]);
    (page, "Paid € 250,00 on № 7\nTemperature −21 °C outside".into())
}

/// The property list is a resource.
fn actual_text_by_name(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::times());
    let text: Vec<u8> = [0xfe, 0xff].into_iter().chain("flour".encode_utf16().flat_map(u16::to_be_bytes)).collect();
    page.properties.push(dictionary! { "ActualText" => Object::String(text, StringFormat::Hexadecimal) });
    let font_name = font.clone();
    let shown = |text: &str| page.font_of(&font_name).encode(text);
    let content = format!(
        "BT {font} 12 Tf 60 700 Td\n{} Tj\n/Span /MC0 BDC\n{} Tj\nEMC\n{} Tj\nET\n",
        shown("Ten sacks of "),
        shown("@our"),
        shown(" from the mill")
    );
    page.raw(content);
    (page, "Ten sacks of flour from the mill".into())
}

/// What stands outside holds for all that is within.
fn actual_text_nested(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::helvetica());
    let shown = |text: &str| page.font_of(&font).encode(text);
    let content = format!(
        "/P << /MCID 0 >> BDC\nBT {font} 12 Tf 60 700 Td\n{} Tj\n/Span << /ActualText {} >> BDC\n{} Tj\n/Span << /ActualText {} >> BDC\n{} Tj\nEMC\nEMC\n{} Tj\nET\nEMC\n",
        shown("Weights: "),
        utf16("half a pound"),
        shown("_"),
        utf16("zzz"),
        shown("lb"),
        shown(" each"),
    );
    page.raw(content);
    (page, "Weights: half a pound each".into())
}

/// Leaders and bullets that stand for nothing.
fn artefacts(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::helvetica());
    said(&mut page, &font, 700.0, &[("Barley", None), (" ........ ", Some(" ")), ("12 sacks", None)]);
    said(&mut page, &font, 680.0, &[("* ", Some("")), ("Oats", None), (" ........ ", Some(" ")), ("9 sacks", None)]);
    (page, "Barley 12 sacks\nOats 9 sacks".into())
}

/// A whole line in letters that say something else.
fn actual_words(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::helvetica());
    said(&mut page, &font, 700.0, &[("#### ## ### ######", Some("Kept at the water mill"))]);
    said(&mut page, &font, 680.0, &[("by the ", None), ("###", Some("two sisters")), (" alone", None)]);
    (page, "Kept at the water mill\nby the two sisters alone".into())
}

/// Codes beyond ASCII of PDFDocEncoding, which is not Latin-1 there (PDF 32000-1, annex D.2).
fn pdf_doc_encoding(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::helvetica());
    let shown = |text: &str| page.font_of(&font).encode(text);
    // Euro is 0xa0, em dash 0x84, ligature fi 0x93, l with stroke 0x9b.
    let content = format!(
        "BT {font} 12 Tf 60 700 Td\n/Span << /ActualText (\\240 90 \\204 of\\223ce of \\225\\363d\\236) >> BDC\n{} Tj\nEMC\n{} Tj\nET\n",
        shown("################"),
        shown(" in May")
    );
    page.raw(content);
    (page, "€ 90 — office of Łódž in May".into())
}

/// The map says that a glyph is U+FB01 and the like.
fn presentation_ligatures(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let drawn = ["The e\u{fb03}cient sta\u{fb00} \u{fb01}lled \u{fb02}asks", "and mu\u{fb04}ed \u{fb06}rings"];
    let font = page.font(&Font::boxes(&drawn.concat()));
    set(&mut page, &font, 12.0, &drawn);
    (page, "The efficient staff filled flasks\nand muffled strings".into())
}

fn named_ligatures(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let drawn = ["Five \u{fb01}shermen \u{fb02}ed over the \u{fb01}eld", "and \u{fb02}oated away"];
    let font = page.font(&Font::standard("Times-Roman", Encoding::Differences, &drawn.concat()));
    set(&mut page, &font, 12.0, &drawn);
    (page, "Five fishermen fled over the field\nand floated away".into())
}

/// Spaces are drawn where letters follow, and parted words by their place.
fn spaces_under_letters(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::helvetica());
    let words = ["Apples", "from", "the", "upper", "orchard"];
    let mut x = 60.0;
    for word in words {
        for letter in word.chars() {
            page.text(&font, 12.0, x, 700.0, " ");
            page.text(&font, 12.0, x, 700.0, &letter.to_string());
            x += page.width(&font, 12.0, &letter.to_string());
        }
        x += page.width(&font, 12.0, " ");
    }
    (page, words.join(" "))
}

fn bold(setting: &Setting, pieces: impl Fn(&str) -> Vec<String>, repeat: &[(f64, f64)]) -> (Page, String) {
    let heading = ["Harvest of 1887", "Eleven sacks of walnuts, 4,250 pears"];
    let mut page = setting.page();
    let font = page.font(&setting.font(&heading.concat()));
    for (row, line) in heading.iter().enumerate() {
        let y = 740.0 - 30.0 * row as f64;
        for &(dx, dy) in [(0.0, 0.0)].iter().chain(repeat) {
            let mut x = 60.0;
            for piece in pieces(line) {
                page.text(&font, 15.0, x + dx, y + dy, piece.trim_end());
                x += page.width(&font, 15.0, &piece);
            }
        }
    }
    (page, heading.join("\n"))
}

fn bold_by_runs(setting: &Setting) -> (Page, String) {
    bold(setting, |line| line.split_inclusive(' ').map(str::to_owned).collect(), &[(0.4, 0.0), (0.2, 0.3)])
}

fn bold_by_lines(setting: &Setting) -> (Page, String) {
    bold(setting, |line| vec![line.to_owned()], &[(0.3, 0.0), (0.6, 0.0), (0.9, 0.0)])
}

/// Each letter is drawn twice before the next one is.
fn bold_by_letters(setting: &Setting) -> (Page, String) {
    let line = "All books of the mill";
    let mut page = setting.page();
    let font = page.font(&setting.font(line));
    let mut x = 60.0;
    for letter in line.chars() {
        if letter != ' ' {
            page.text(&font, 14.0, x, 700.0, &letter.to_string());
            page.text(&font, 14.0, x + 0.5, 700.0, &letter.to_string());
        }
        x += page.width(&font, 14.0, &letter.to_string());
    }
    (page, line.to_owned())
}

/// Filled, and then outlined in the same place.
fn bold_outlined(setting: &Setting) -> (Page, String) {
    let line = "Sealed tenders only";
    let mut page = setting.page();
    let font = page.font(&setting.font(line));
    for mode in [0, 1] {
        page.turned(&font, turned_by(0.0, 16.0, 60.0, 700.0), &format!("{mode} Tr 0.4 w"), line);
    }
    page.text(&font, 11.0, 60.0, 670.0, line);
    (page, format!("{line}\n{line}"))
}

/// A grey copy a point to the right and below, drawn first.
fn shadow(setting: &Setting) -> (Page, String) {
    let line = "Grand opening of the third mill";
    let mut page = setting.page();
    let font = page.font(&setting.font(line));
    page.turned(&font, turned_by(0.0, 24.0, 61.2, 698.8), "0.7 g", line);
    page.turned(&font, turned_by(0.0, 24.0, 60.0, 700.0), "0 g", line);
    (page, line.to_owned())
}

/// A page of prose, and a layer over it that is not seen.
fn layered(setting: &Setting, layer: impl Fn(&mut Page, &str, f64, &str)) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(WINDMILL));
    let hidden = page.font(&Font::helvetica());
    let lines = wrap(&page, &font, 11.0, 470.0, WINDMILL);
    for (row, line) in lines.iter().enumerate() {
        page.text(&font, 11.0, 60.0, 770.0 - 15.0 * row as f64, line);
    }
    let full = |page: &Page, line: &str| page.width(&font, 11.0, line);
    for (row, line) in lines.iter().enumerate() {
        let y = 769.0 - 15.0 * row as f64;
        let stretch = full(&page, line) / page.width(&hidden, 10.0, line);
        layer(&mut page, &hidden, y, &format!("{stretch:.4}|{line}"));
    }
    (page, lines.join("\n"))
}

fn layer_of_words(setting: &Setting) -> (Page, String) {
    layered(setting, |page, font, y, line| {
        let (stretch, line) = line.split_once('|').unwrap();
        let stretch: f64 = stretch.parse().unwrap();
        let mut x = 60.0;
        for word in line.split_inclusive(' ') {
            page.turned(font, [10.0 * stretch, 0.0, 0.0, 10.0, x, y], "3 Tr", word.trim_end());
            x += stretch * page.width(font, 10.0, word);
        }
    })
}

fn layer_of_lines(setting: &Setting) -> (Page, String) {
    layered(setting, |page, font, y, line| {
        let (stretch, line) = line.split_once('|').unwrap();
        page.turned(font, [10.0 * stretch.parse::<f64>().unwrap(), 0.0, 0.0, 10.0, 60.0, y + 1.5], "3 Tr", line);
    })
}

/// What was recognised is not quite what is there.
fn layer_with_errors(setting: &Setting) -> (Page, String) {
    layered(setting, |page, font, y, line| {
        let (stretch, line) = line.split_once('|').unwrap();
        let line = line.replace("rn", "m").replace('l', "1").replace(" a ", " o ");
        page.turned(font, [9.5 * stretch.parse::<f64>().unwrap(), 0.0, 0.0, 9.5, 61.0, y], "3 Tr", &line);
    })
}

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

fn field(rect: [i64; 4], kind: &str) -> Dictionary {
    dictionary! {
        "Type" => "Annot", "Subtype" => "Widget", "F" => 4, "FT" => kind, "T" => Object::string_literal(format!("f{}", rect[1])),
        "Rect" => rect.map(Object::from).to_vec(), "DA" => Object::string_literal("/Helv 10 Tf 0 g"),
    }
}

fn shown_form() -> Dictionary {
    let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding" };
    dictionary! {
        "NeedAppearances" => true, "DA" => Object::string_literal("/Helv 10 Tf 0 g"),
        "DR" => dictionary! { "Font" => dictionary! { "Helv" => font } },
    }
}

fn string(text: &str) -> Object {
    if text.is_ascii() {
        return Object::string_literal(text);
    }
    let bytes = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    Object::String(bytes, StringFormat::Hexadecimal)
}

/// Labels on the left, and fields beside them; `fill` makes a field of its rectangle and value.
fn form(setting: &Setting, rows: &[(&str, &str)], fill: impl Fn([i64; 4], &str) -> Dictionary) -> (Page, String) {
    let mut page = setting.page();
    let labels: String = rows.iter().map(|(label, _)| *label).collect();
    let font = page.font(&setting.font(&labels));
    for (row, (label, value)) in rows.iter().enumerate() {
        let y = 740 - 30 * row as i64;
        page.text(&font, 11.0, 60.0, y as f64, label);
        page.annotations.push(fill([180, y - 5, 420, y + 12], value));
    }
    page.form = Some(shown_form());
    let text: Vec<String> = rows.iter().map(|(label, value)| format!("{label} {value}")).collect();
    (page, text.join("\n"))
}

const FORM: [(&str, &str); 5] = [
    ("Surname", "Tamsin"),
    ("First names", "Runa Ottoline"),
    ("Birthplace", "Łódź"),
    ("Born", "1979-11-30"),
    ("Needs", "Two seats by the window"),
];

fn form_fields(setting: &Setting) -> (Page, String) {
    form(setting, &FORM, |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("V", string(value));
        field
    })
}

/// Kind and value are said by the field above the widget.
fn inherited_fields(setting: &Setting) -> (Page, String) {
    form(setting, &FORM, |rect, value| {
        let mut widget = field(rect, "Tx");
        widget.remove(b"FT");
        widget.remove(b"T");
        widget
            .set("Parent", dictionary! { "FT" => "Tx", "T" => Object::string_literal("above"), "V" => string(value) });
        widget
    })
}

/// What is chosen is shown by its name, not by the value that is sent.
fn choices(setting: &Setting) -> (Page, String) {
    let rows = [("Fruit", "Pears"), ("Sack", "Large, of hemp"), ("Way", "By barge")];
    form(setting, &rows, |rect, value| {
        let mut field = field(rect, "Ch");
        let options: Vec<Object> = ["Walnuts", "Pears", "Large, of hemp", "By barge"]
            .iter()
            .enumerate()
            .map(|(index, name)| vec![Object::string_literal(format!("opt{index}")), string(name)].into())
            .collect();
        let at = ["Walnuts", "Pears", "Large, of hemp", "By barge"].iter().position(|name| *name == value).unwrap();
        field.set("Ff", 1 << 17);
        field.set("Opt", options);
        field.set("V", Object::string_literal(format!("opt{at}")));
        field
    })
}

fn many_lines(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font("Remarks Signed"));
    page.text(&font, 11.0, 60.0, 700.0, "Remarks");
    let mut remarks = field([60, 600, 400, 690], "Tx");
    remarks.set("Ff", 1 << 12);
    remarks.set(
        "V",
        Object::string_literal("The gate was open.\rNobody answered the bell.\rParcel left with the miller."),
    );
    page.annotations.push(remarks);
    page.text(&font, 11.0, 60.0, 560.0, "Signed");
    page.form = Some(shown_form());
    (page, "Remarks\nThe gate was open.\nNobody answered the bell.\nParcel left with the miller.\nSigned".into())
}

/// Appearances are there and have nothing to draw.
fn empty_appearances(setting: &Setting) -> (Page, String) {
    form(setting, &FORM, |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("V", string(value));
        field.set("AP", dictionary! {});
        field
    })
}

/// The viewer is told to make appearances anew; those that are there are blank, or show what was once the value.
fn old_appearances(setting: &Setting) -> (Page, String) {
    form(setting, &FORM, |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("V", string(value));
        let (width, height) = (rect[2] - rect[0], rect[3] - rect[1]);
        let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" };
        let dict = dictionary! {
            "Type" => "XObject", "Subtype" => "Form", "BBox" => [0, 0, width, height].map(Object::from).to_vec(),
            "Resources" => dictionary! { "Font" => dictionary! { "Helv" => font } },
        };
        let drawn = if value.len() > 7 { "/Tx BMC EMC" } else { "/Tx BMC BT /Helv 10 Tf 2 5 Td (unknown) Tj ET EMC" };
        field.set("AP", dictionary! { "N" => Stream::new(dict, drawn.as_bytes().to_vec()) });
        field
    })
}

/// As above, but nobody is told to make them anew: what is drawn is what is seen.
fn drawn_appearances(setting: &Setting) -> (Page, String) {
    let (mut page, _) = old_appearances(setting);
    page.form = Some(dictionary! {});
    let value = |label: &str| if label == "Surname" || label == "Birthplace" { " unknown" } else { "" };
    let text = FORM.map(|(label, said)| format!("{label}{}", if said.len() > 7 { "" } else { value(label) }));
    (page, text.join("\n"))
}

fn free_text(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font("Delivery note 88 Two barrels of tar"));
    page.text(&font, 12.0, 60.0, 740.0, "Delivery note 88");
    page.text(&font, 12.0, 60.0, 700.0, "Two barrels of tar");
    page.annotations.push(dictionary! {
        "Type" => "Annot", "Subtype" => "FreeText", "F" => 4, "DA" => Object::string_literal("/Helv 11 Tf 1 0 0 rg"),
        "Rect" => [60, 640, 300, 660].map(Object::from).to_vec(), "Contents" => string("one barrel leaks – see photo"),
    });
    (page, "Delivery note 88\nTwo barrels of tar\none barrel leaks – see photo".into())
}

/// What is hidden, and what is a password, is not shown.
fn hidden_fields(setting: &Setting) -> (Page, String) {
    let (page, _) = form(setting, &[("User", "runa"), ("Password", "hush"), ("Token", "83-aa")], |rect, value| {
        let mut field = field(rect, "Tx");
        field.set("V", string(value));
        match value {
            "hush" => field.set("Ff", 1 << 13),
            "83-aa" => field.set("F", 2),
            _ => {}
        }
        field
    });
    (page, "User runa\nPassword\nToken".into())
}
