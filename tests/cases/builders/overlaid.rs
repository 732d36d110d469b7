//! Text over text, and text over pictures: bold type that is set twice, spaces under letters, layers that are not seen.

use lopdf::dictionary;

use crate::{
    kinds::{FACE, Kind, NOT_ORDER, STANDING, Setting},
    pdf::{Font, Page, Picture, turned_by},
    texts::{WINDMILL, wrap},
};

pub const KINDS: &[Kind] = &[
    Kind { name: "spaces-under-letters", make: spaces_under_letters, varies: STANDING },
    Kind { name: "bold-run-by-run", make: bold_by_runs, varies: FACE },
    Kind { name: "bold-line-by-line", make: bold_by_lines, varies: NOT_ORDER },
    Kind { name: "bold-letter-by-letter", make: bold_by_letters, varies: FACE },
    Kind { name: "bold-outlined", make: bold_outlined, varies: FACE },
    Kind { name: "shadow", make: shadow, varies: FACE },
    Kind { name: "layer-of-words-over-text", make: layer_of_words, varies: FACE },
    Kind { name: "layer-of-lines-over-text", make: layer_of_lines, varies: FACE },
    Kind { name: "layer-with-errors-over-text", make: layer_with_errors, varies: FACE },
    Kind { name: "layer-and-number-over-scan", make: layer_and_number, varies: STANDING },
    Kind { name: "text-on-picture", make: text_on_picture, varies: FACE },
];

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

fn grey_sheet(page: &mut Page, value: u8) {
    let dict = dictionary! { "Width" => 40, "Height" => 56, "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8 };
    let name = page.picture(Picture { dict, data: vec![value; 40 * 56] });
    page.raw(format!("q {} 0 0 {} 0 0 cm {name} Do Q\n", page.size.0, page.size.1));
}

/// A scan with a layer of its whole text, and a number that was printed over it later.
fn layer_and_number(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    grey_sheet(&mut page, 240);
    let font = page.font(&setting.font(WINDMILL));
    let lines = wrap(&page, &font, 11.0, 470.0, WINDMILL);
    for (row, line) in lines.iter().enumerate() {
        page.turned(&font, turned_by(0.0, 11.0, 60.0, 770.0 - 15.0 * row as f64), "3 Tr", line);
    }
    page.turned(&font, turned_by(0.0, 9.0, 480.0, 20.0), "0 Tr", "TMS 0004718");
    (page, format!("{WINDMILL}\nTMS 0004718"))
}

/// A page that is set on a picture is no scan.
fn text_on_picture(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    grey_sheet(&mut page, 210);
    let text = &WINDMILL[..WINDMILL.find(" Twice").unwrap()];
    let font = page.font(&setting.font(text));
    let lines = wrap(&page, &font, 12.0, 470.0, text);
    lines.iter().enumerate().for_each(|(row, line)| page.text(&font, 12.0, 60.0, 770.0 - 16.0 * row as f64, line));
    (page, text.to_owned())
}
