//! What lies over a page or beside its text, and where the text goes on.

use lopdf::dictionary;

use crate::{
    kinds::{FACE, Kind, NOT_ORDER, Setting},
    pdf::{Page, Picture, turned_by},
    texts::{ORCHARD, WINDMILL, paragraph, wrap},
};

pub const KINDS: &[Kind] = &[
    Kind { name: "watermark-over-columns", make: watermark, varies: NOT_ORDER },
    Kind { name: "watermark-first", make: watermark_first, varies: FACE },
    Kind { name: "stamp-over-columns", make: stamp, varies: FACE },
    Kind { name: "picture-across-columns", make: picture_across, varies: NOT_ORDER },
    Kind { name: "picture-in-left-column", make: picture_in_left, varies: NOT_ORDER },
    Kind { name: "heading-over-columns", make: heading, varies: NOT_ORDER },
    Kind { name: "headings-within-columns", make: headings_within, varies: NOT_ORDER },
    Kind { name: "columns-of-unlike-length", make: unlike_columns, varies: NOT_ORDER },
    Kind { name: "narrow-gutter", make: narrow_gutter, varies: FACE },
    Kind { name: "three-columns-under-heading", make: three_under_heading, varies: NOT_ORDER },
    Kind { name: "letterhead-beside-address", make: letterhead, varies: NOT_ORDER },
    Kind { name: "sideways-in-margin", make: sideways, varies: NOT_ORDER },
    Kind { name: "sideways-in-both-margins", make: sideways_twice, varies: FACE },
    Kind { name: "head-and-foot-beside-large-print", make: head_and_foot, varies: NOT_ORDER },
    Kind { name: "footnotes-under-columns", make: footnotes, varies: NOT_ORDER },
    Kind { name: "notes-in-margin", make: margin_notes, varies: NOT_ORDER },
    Kind { name: "box-between-columns", make: pull_quote, varies: FACE },
    Kind { name: "poem", make: poem, varies: NOT_ORDER },
    Kind { name: "list-of-points", make: points, varies: NOT_ORDER },
    Kind { name: "letter", make: letter, varies: NOT_ORDER },
];

const LEFT: f64 = 50.0;
const RIGHT: f64 = 308.0;
const MEASURE: f64 = 237.0;

/// Two columns of prose from `top` on, with the page's font, which has all letters of `more` too.
fn columns(setting: &Setting, top: f64, more: &str) -> (Page, String, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}{more}")));
    paragraph(&mut page, &font, 10.0, (LEFT, top), MEASURE, ORCHARD);
    paragraph(&mut page, &font, 10.0, (RIGHT, top), MEASURE, WINDMILL);
    (page, font, format!("{ORCHARD} {WINDMILL}"))
}

fn watermark(setting: &Setting) -> (Page, String) {
    let (mut page, font, text) = columns(setting, 780.0, "CONFIDENTIAL DRAFT");
    page.turned(&font, turned_by(52.0, 60.0, 150.0, 180.0), "0.85 g", "CONFIDENTIAL DRAFT");
    (page, format!("{text}\nCONFIDENTIAL DRAFT"))
}

/// Drawn under the text.
fn watermark_first(setting: &Setting) -> (Page, String) {
    let (mut page, text) = watermark(setting);
    page.pieces.rotate_right(1);
    (page, text)
}

/// Large and level, over both columns and where they have ended.
fn stamp(setting: &Setting) -> (Page, String) {
    let (mut page, font, text) = columns(setting, 780.0, "FILE COPY");
    page.turned(&font, turned_by(0.0, 48.0, 180.0, 250.0), "0.8 g", "FILE COPY");
    (page, format!("{text}\nFILE COPY"))
}

fn grey_picture(page: &mut Page, [x, y, width, height]: [f64; 4]) {
    let dict = dictionary! { "Width" => 16, "Height" => 16, "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8 };
    let data = (0..=255).collect();
    let name = page.picture(Picture { dict, data });
    page.raw(format!("q {width} 0 0 {height} {x} {y} cm {name} Do Q\n"));
}

/// Parts of a text, by sentences.
fn halves(text: &str) -> (&str, &str) {
    let middle = text.len() / 2;
    let at = middle + text[middle..].find(". ").unwrap() + 1;
    (&text[..at], text[at..].trim_start())
}

/// A picture with a caption lies across both columns, which go on beneath it.
fn picture_across(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}")));
    let ((a, b), (c, d)) = (halves(ORCHARD), halves(WINDMILL));
    paragraph(&mut page, &font, 10.0, (LEFT, 780.0), MEASURE, a);
    paragraph(&mut page, &font, 10.0, (LEFT, 420.0), MEASURE, b);
    paragraph(&mut page, &font, 10.0, (RIGHT, 780.0), MEASURE, c);
    paragraph(&mut page, &font, 10.0, (RIGHT, 420.0), MEASURE, d);
    grey_picture(&mut page, [LEFT, 440.0, 495.0, 130.0]);
    (page, format!("{ORCHARD} {WINDMILL}"))
}

fn picture_in_left(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}")));
    let (a, b) = halves(ORCHARD);
    let y = paragraph(&mut page, &font, 10.0, (LEFT, 780.0), MEASURE, a);
    grey_picture(&mut page, [LEFT, y - 130.0, MEASURE, 130.0]);
    paragraph(&mut page, &font, 10.0, (LEFT, y - 150.0), MEASURE, b);
    paragraph(&mut page, &font, 10.0, (RIGHT, 780.0), MEASURE, WINDMILL);
    (page, format!("{ORCHARD} {WINDMILL}"))
}

fn heading(setting: &Setting) -> (Page, String) {
    let (mut page, font, text) = columns(setting, 740.0, "Two Houses above the River");
    page.text(&font, 22.0, 120.0, 780.0, "Two Houses above the River");
    page.pieces.rotate_right(1);
    (page, format!("Two Houses above the River\n{text}"))
}

fn headings_within(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}")));
    let ((a, b), (c, d)) = (halves(ORCHARD), halves(WINDMILL));
    let mut expected = Vec::new();
    for (x, parts) in [(LEFT, [("Trees", a), ("Notebook", b)]), (RIGHT, [("Sails", c), ("Fire", d)])] {
        let mut y = 780.0;
        for (title, text) in parts {
            page.text(&font, 13.0, x, y, title);
            y = paragraph(&mut page, &font, 10.0, (x, y - 18.0), MEASURE, text) - 14.0;
            expected.push(format!("{title}\n{text}"));
        }
    }
    (page, expected.join("\n"))
}

/// The right one has four lines.
fn unlike_columns(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}")));
    let short = &WINDMILL[..WINDMILL.find(". His").unwrap() + 1];
    paragraph(&mut page, &font, 10.0, (LEFT, 780.0), MEASURE, ORCHARD);
    paragraph(&mut page, &font, 10.0, (RIGHT, 780.0), MEASURE, short);
    (page, format!("{ORCHARD} {short}"))
}

/// Ten points between lines that fill their measure.
fn narrow_gutter(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}")));
    for (x, text) in [(60.0, ORCHARD), (300.0, WINDMILL)] {
        let lines = wrap(&page, &font, 9.5, 230.0, text);
        for (row, line) in lines.iter().enumerate() {
            let spaces = line.matches(' ').count().max(1) as f64;
            let step = 1_000.0 * (230.0 - page.width(&font, 9.5, line)) / spaces / 9.5;
            let step = if row + 1 < lines.len() { step } else { 0.0 };
            let words: Vec<String> = line.split_inclusive(' ').map(|word| page.font_of(&font).encode(word)).collect();
            let array = words.join(&format!("{:.1}", -step));
            page.raw(format!("BT {font} 9.5 Tf {x} {:.2} Td\n[{array}] TJ\nET\n", 780.0 - 12.0 * row as f64));
        }
    }
    (page, format!("{ORCHARD} {WINDMILL}"))
}

fn three_under_heading(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}The Valley Gazette")));
    page.text(&font, 26.0, 170.0, 790.0, "The Valley Gazette");
    let third = &ORCHARD[ORCHARD.find("When").unwrap()..];
    for (x, text) in [(40.0, ORCHARD), (218.0, WINDMILL), (396.0, third)] {
        paragraph(&mut page, &font, 9.0, (x, 750.0), 160.0, text);
    }
    (page, format!("The Valley Gazette\n{ORCHARD} {WINDMILL} {third}"))
}

/// The sender's lines on the right, and lower on the left those of whom it is for.
fn letterhead(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{WINDMILL}RunaTsmiOld Gat5CrwyBKpe:0188Fx9Dearld,Yous")));
    let sender = ["Orrin and Company", "Pier 2", "Carrow Bay", "555 0188"];
    let address = ["Runa Tamsin", "Old Gate 5", "Lower Village"];
    for (row, line) in sender.iter().enumerate() {
        page.text(&font, 9.0, 400.0, 800.0 - 11.0 * row as f64, line);
    }
    for (row, line) in address.iter().enumerate() {
        page.text(&font, 11.0, 60.0, 720.0 - 14.0 * row as f64, line);
    }
    paragraph(&mut page, &font, 11.0, (60.0, 620.0), 470.0, WINDMILL);
    (page, format!("{}\n{}\n{WINDMILL}", sender.join("\n"), address.join("\n")))
}

fn sideways(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let notice = "Printed for Ottoline Marsh on 12 May 2023, not to be passed on";
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}{notice}")));
    let y = paragraph(&mut page, &font, 11.0, (80.0, 780.0), 440.0, ORCHARD);
    paragraph(&mut page, &font, 11.0, (80.0, y - 14.0), 440.0, WINDMILL);
    page.turned(&font, turned_by(90.0, 7.0, 40.0, 250.0), "0.4 g", notice);
    (page, format!("{ORCHARD}\n{WINDMILL}\n{notice}"))
}

/// Upwards on the left and downwards on the right, beside two columns.
fn sideways_twice(setting: &Setting) -> (Page, String) {
    let (mut page, font, text) = columns(setting, 780.0, "Left margin Right margin notice 7 of the valley");
    page.turned(&font, turned_by(90.0, 7.0, 30.0, 300.0), "", "Left margin notice of the valley");
    page.turned(&font, turned_by(-90.0, 7.0, 565.0, 600.0), "", "Right margin notice 7");
    (page, format!("{text}\nLeft margin notice of the valley\nRight margin notice 7"))
}

fn head_and_foot(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}chapter 4 page 112Vlyhistory")));
    page.text(&font, 7.0, 60.0, 815.0, "Valley history");
    page.text_to(&font, 7.0, 535.0, 815.0, "chapter 4");
    paragraph(&mut page, &font, 20.0, (60.0, 770.0), 475.0, ORCHARD);
    page.text(&font, 7.0, 290.0, 25.0, "112");
    (page, format!("Valley history chapter 4\n{ORCHARD}\n112"))
}

fn footnotes(setting: &Setting) -> (Page, String) {
    let notes = [
        "1 The bucket held eleven litres.",
        "2 See the teacher's own account of the flood, which differs in the year and gives no names.",
    ];
    let (mut page, font, text) = columns(setting, 780.0, &notes.concat());
    for (row, note) in notes.iter().enumerate() {
        page.text(&font, 7.5, LEFT, 80.0 - 10.0 * row as f64, note);
    }
    (page, format!("{text}\n{}", notes.join("\n")))
}

/// Beside the text in a narrow column of their own, small; the text is one piece.
fn margin_notes(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let notes = ["Planted by", "two sisters;", "see map 3"];
    let font = page.font(&setting.font(&format!("{ORCHARD}{}", notes.concat())));
    paragraph(&mut page, &font, 11.0, (60.0, 780.0), 360.0, ORCHARD);
    for (row, note) in notes.iter().enumerate() {
        page.text(&font, 7.5, 450.0, 770.0 - 9.5 * row as f64, note);
    }
    (page, format!("{ORCHARD}\n{}", notes.join("\n")))
}

/// A quotation stands between the columns' lower parts, in a gap of the right one.
fn pull_quote(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}")));
    let (c, d) = halves(WINDMILL);
    paragraph(&mut page, &font, 10.0, (LEFT, 780.0), MEASURE, ORCHARD);
    let y = paragraph(&mut page, &font, 10.0, (RIGHT, 780.0), MEASURE, c);
    page.text(&font, 15.0, RIGHT + 20.0, y - 20.0, "Twice it burned");
    paragraph(&mut page, &font, 10.0, (RIGHT, y - 50.0), MEASURE, d);
    (page, format!("{ORCHARD} {c}\nTwice it burned\n{d}"))
}

fn poem(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let verses = [
        ("The mill stands still,", 0.0),
        ("and down the hill", 20.0),
        ("the carts go by", 40.0),
        ("without reply.", 20.0),
        ("A bell, far off,", 0.0),
        ("a miller's cough,", 20.0),
        ("then rain.", 40.0),
    ];
    let text = verses.map(|(verse, _)| verse).join("\n");
    let font = page.font(&setting.font(&text));
    for (row, (verse, indent)) in verses.iter().enumerate() {
        page.text(&font, 12.0, 180.0 + indent, 700.0 - 18.0 * row as f64, verse);
    }
    (page, text)
}

/// Bullets and numbers stand before their points, wherever they are drawn.
fn points(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let list = [
        ("1.", "Open the lower sluice before the upper one."),
        ("2.", "Wait until the wheel has turned ten times."),
        ("-", "Listen for stones in the race;"),
        ("-", "stop at once when there are any."),
        ("10.", "Write the hour into the book."),
    ];
    let text = list.map(|(mark, point)| format!("{mark} {point}")).join("\n");
    let font = page.font(&setting.font(&text));
    for (row, (mark, _)) in list.iter().enumerate() {
        page.text(&font, 11.0, 60.0, 720.0 - 17.0 * row as f64, mark);
    }
    for (row, (_, point)) in list.iter().enumerate() {
        page.text(&font, 11.0, 90.0, 720.0 - 17.0 * row as f64, point);
    }
    (page, text)
}

fn letter(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let text = format!("Carrow Bay, 3 April\nDear Runa,\n{WINDMILL}\nYours ever,\nOttoline");
    let font = page.font(&setting.font(&text));
    page.text_to(&font, 11.0, 530.0, 780.0, "Carrow Bay, 3 April");
    page.text(&font, 11.0, 60.0, 740.0, "Dear Runa,");
    let y = paragraph(&mut page, &font, 11.0, (60.0, 715.0), 470.0, WINDMILL);
    page.text(&font, 11.0, 330.0, y - 20.0, "Yours ever,");
    page.text(&font, 11.0, 330.0, y - 55.0, "Ottoline");
    (page, text)
}
