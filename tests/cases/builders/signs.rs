//! What a document says that its glyphs stand for: hyphens, ligatures, and marked content with an `ActualText`.

use lopdf::{Object, StringFormat, dictionary};

use crate::{
    kinds::{FACE, Kind, ORDER, STANDING, Setting},
    pdf::{Encoding, Font, Page},
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
