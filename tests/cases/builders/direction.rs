//! Scripts that are read from the right or downwards, and text that is turned.

use lopdf::dictionary;

use crate::{
    kinds::{ALL, FACE, Kind, NOT_ORDER, ORDER, STANDING, Setting},
    pdf::{Font, Form, Page, Picture, as_is, turned_by},
    texts::{ORCHARD, WINDMILL, wrap},
};

pub const KINDS: &[Kind] = &[
    Kind { name: "hebrew", make: hebrew, varies: ORDER },
    Kind { name: "hebrew-letter-by-letter", make: hebrew_letters, varies: STANDING },
    Kind { name: "hebrew-in-reading-order", make: hebrew_letters_as_read, varies: STANDING },
    Kind { name: "hebrew-with-latin", make: hebrew_with_latin, varies: ORDER },
    Kind { name: "hebrew-with-numbers", make: hebrew_with_numbers, varies: ORDER },
    Kind { name: "hebrew-in-english", make: hebrew_in_english, varies: ORDER },
    Kind { name: "hebrew-layer-mirrored", make: hebrew_layer_mirrored, varies: STANDING },
    Kind { name: "hebrew-layer-by-words", make: hebrew_layer_by_words, varies: STANDING },
    Kind { name: "hebrew-layer-by-lines", make: hebrew_layer_by_lines, varies: STANDING },
    Kind { name: "hebrew-columns", make: hebrew_columns, varies: STANDING },
    Kind { name: "hebrew-form-rows", make: hebrew_form, varies: ORDER },
    Kind { name: "hebrew-table", make: hebrew_table, varies: ORDER },
    Kind { name: "hebrew-with-footnote-signs", make: hebrew_signs, varies: STANDING },
    Kind { name: "arabic", make: arabic, varies: ORDER },
    Kind { name: "arabic-forms", make: arabic_forms, varies: STANDING },
    Kind { name: "arabic-layer-mirrored", make: arabic_layer, varies: STANDING },
    Kind { name: "japanese-vertical", make: japanese, varies: ORDER },
    Kind { name: "japanese-vertical-in-tiers", make: japanese_tiers, varies: ORDER },
    Kind { name: "japanese-vertical-under-heading", make: japanese_heading, varies: ORDER },
    Kind { name: "japanese-vertical-with-page-number", make: japanese_page_number, varies: STANDING },
    Kind { name: "chinese-vertical-sign-by-sign", make: chinese_signs, varies: STANDING },
    Kind { name: "japanese-horizontal", make: japanese_horizontal, varies: ORDER },
    Kind { name: "turned-clockwise", make: |s| turned(s, -90.0), varies: ALL },
    Kind { name: "turned-anticlockwise", make: |s| turned(s, 90.0), varies: ALL },
    Kind { name: "turned-upside-down", make: |s| turned(s, 180.0), varies: ALL },
    Kind { name: "turned-table", make: turned_table, varies: FACE },
    Kind { name: "turned-columns", make: turned_columns, varies: NOT_ORDER },
    Kind { name: "turned-slightly", make: |s| turned(s, 3.0), varies: NOT_ORDER },
];

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// Lines as they are seen, from left to right, ending at the right margin, and as they are read.
fn from_the_right(setting: &Setting, seen_and_read: &[(String, &str)]) -> (Page, String) {
    let mut page = setting.page();
    let all: String = seen_and_read.iter().map(|(seen, _)| seen.as_str()).collect();
    let font = page.font(&Font::boxes(&all));
    for (row, (seen, _)) in seen_and_read.iter().enumerate() {
        page.text_to(&font, 13.0, 535.0, 760.0 - 22.0 * row as f64, seen);
    }
    (page, seen_and_read.iter().map(|(_, read)| *read).collect::<Vec<_>>().join("\n"))
}

const HEBREW: [&str; 4] =
    ["האחיות נטעו מטע מעל הכפר", "ליד כל עץ נרשמה שנת היבול", "המחברת אבדה בשיטפון ונמצאה", "הילדים למדו לספור שם"];

fn hebrew(setting: &Setting) -> (Page, String) {
    from_the_right(setting, &HEBREW.map(|line| (reversed(line), line)))
}

/// Each letter at its place, from left to right.
fn hebrew_letters(setting: &Setting) -> (Page, String) {
    by_letters(setting, false)
}

/// Each letter at its place, in reading order, so that the pen goes backwards.
fn hebrew_letters_as_read(setting: &Setting) -> (Page, String) {
    by_letters(setting, true)
}

fn by_letters(setting: &Setting, as_read: bool) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::boxes(&HEBREW.concat()));
    for (row, line) in HEBREW.iter().enumerate() {
        let y = 760.0 - 22.0 * row as f64;
        let mut x = 535.0;
        let mut letters: Vec<String> = Vec::new();
        for letter in line.chars() {
            x -= page.width(&font, 13.0, &letter.to_string());
            letters.push(page.line(&font, turned_by(0.0, 13.0, x, y), "", &letter.to_string()));
        }
        if !as_read {
            letters.reverse();
        }
        page.raw(letters.concat());
    }
    (page, HEBREW.join("\n"))
}

fn hebrew_with_latin(setting: &Setting) -> (Page, String) {
    let lines = [
        (
            format!("{} Orchard Book Two {}", reversed("יצא בשנה שעברה"), reversed("הספר")),
            "הספר Orchard Book Two יצא בשנה שעברה",
        ),
        (format!("{} PDF-{} {}", reversed("לקרוא"), reversed("ה"), reversed("אפשר את")), "אפשר את ה-PDF לקרוא"),
        (format!("({}) {}", reversed("המטע"), reversed("ראו כאן")), "ראו כאן (המטע)"),
    ];
    from_the_right(setting, &lines)
}

fn hebrew_with_numbers(setting: &Setting) -> (Page, String) {
    let lines = [
        (format!("{} 1,250.75 EUR {}", reversed("לפני הנחה"), reversed("סך הכול")), "סך הכול 1,250.75 EUR לפני הנחה"),
        (format!("12/05/2023 {}", reversed("תאריך")), "תאריך 12/05/2023"),
        (format!("17% {}", reversed("מס")), "מס 17%"),
        (format!("03-5550188 {}", reversed("טלפון")), "טלפון 03-5550188"),
        (format!("{} 11 {} 42", reversed("עצים"), reversed("מתוך")), "42 מתוך 11 עצים"),
    ];
    from_the_right(setting, &lines)
}

fn hebrew_in_english(setting: &Setting) -> (Page, String) {
    let read = "She wrote מטע and then עץ זית on the cover.";
    let seen = format!("She wrote {} and then {} on the cover.", reversed("מטע"), reversed("עץ זית"));
    let mut page = setting.page();
    let font = page.font(&Font::boxes(&seen));
    page.text(&font, 12.0, 60.0, 700.0, &seen);
    (page, read.to_owned())
}

/// A page of grey, as a scan is to a text layer.
fn scan(page: &mut Page) {
    let picture = Picture {
        dict: dictionary! { "Width" => 60, "Height" => 84, "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8 },
        data: vec![0xf0; 60 * 84],
    };
    let name = page.picture(picture);
    page.raw(format!("q {} 0 0 {} 0 0 cm {name} Do Q\n", page.size.0, page.size.1));
}

/// An invisible layer over a scan, each word (or line) as `set` has it: its right end, its baseline, its text.
fn layer(setting: &Setting, lines: &[&str], set: impl Fn(&mut Page, &str, (f64, f64), &str)) -> (Page, String) {
    let mut page = setting.page();
    scan(&mut page);
    let font = page.font(&Font::boxes(&format!("{} ", lines.concat())).with_map(Form::Chars, as_is));
    for (row, line) in lines.iter().enumerate() {
        set(&mut page, &font, (530.0, 760.0 - 20.0 * row as f64), line);
    }
    (page, lines.join("\n"))
}

/// Enough of it that the layer is believed.
const SCANNED: [&str; 5] = [
    "האחיות נטעו מטע מעל הכפר לפני שנים רבות",
    "ליד כל עץ נרשמה שנת היבול הראשון שלו",
    "בשנת 1887 נקטפו 4250 אגסים",
    "המחברת אבדה בשיטפון ונמצאה שוב אצל המורה",
    "הילדים למדו לספור את כנפי הטחנה",
];

/// Mirrored, as Tesseract has it: letters in reading order, running from the right.
fn mirrored(page: &mut Page, font: &str, (mut x, y): (f64, f64), line: &str) {
    for word in line.split_inclusive(' ') {
        page.turned(font, [-12.0, 0.0, 0.0, 12.0, x, y], "3 Tr", word.trim_end());
        x -= page.width(font, 12.0, word);
    }
}

fn hebrew_layer_mirrored(setting: &Setting) -> (Page, String) {
    layer(setting, &SCANNED, mirrored)
}

/// Words are placed from the right; the letters of each run from the left in reading order.
fn hebrew_layer_by_words(setting: &Setting) -> (Page, String) {
    layer(setting, &SCANNED, |page, font, (mut x, y), line| {
        for word in line.split_inclusive(' ') {
            x -= page.width(font, 12.0, word.trim_end());
            page.turned(font, turned_by(0.0, 12.0, x, y), "3 Tr", word.trim_end());
            x -= page.width(font, 12.0, " ");
        }
    })
}

/// A line is one string in reading order.
fn hebrew_layer_by_lines(setting: &Setting) -> (Page, String) {
    layer(setting, &SCANNED, |page, font, (x, y), line| {
        let left = x - page.width(font, 12.0, line);
        page.turned(font, turned_by(0.0, 12.0, left, y), "3 Tr", line);
    })
}

fn hebrew_columns(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::boxes(&format!("{}{}", HEBREW.concat(), SCANNED.concat())));
    let mut expected = Vec::new();
    for (right, lines) in [(540.0, &HEBREW[..]), (280.0, &SCANNED[..])] {
        for (row, line) in lines.iter().enumerate() {
            // The digits of a number stand as they are.
            let seen: Vec<String> = line
                .split(' ')
                .rev()
                .map(
                    |word| {
                        if word.starts_with(|c: char| c.is_ascii_digit()) { word.to_owned() } else { reversed(word) }
                    },
                )
                .collect();
            page.text_to(&font, 11.0, right, 760.0 - 15.0 * row as f64, &seen.join(" "));
            expected.push(*line);
        }
    }
    (page, expected.join("\n"))
}

fn hebrew_form(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let rows = [("שם משפחה", "לוי"), ("שם פרטי", "רונה"), ("עיר", "מפרץ הכרם"), ("טלפון", "03-5550188")];
    let all: String = rows.iter().flat_map(|(label, value)| [*label, *value]).collect();
    let font = page.font(&Font::boxes(&format!("{all}: ")));
    for (row, (label, value)) in rows.iter().enumerate() {
        let y = 740.0 - 26.0 * row as f64;
        page.text_to(&font, 12.0, 535.0, y, &format!(":{}", reversed(label)));
        let seen = if value.is_ascii() { (*value).to_owned() } else { reversed(value) };
        page.text_to(&font, 12.0, 380.0, y, &seen);
    }
    (page, rows.map(|(label, value)| format!("{label}: {value}")).join("\n"))
}

/// Cells from the right, numbers as they are.
fn hebrew_table(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let rows =
        [["פרי", "כמות", "סכום"], ["אגסים", "4250", "18.40"], ["אגוזים", "11", "97.05"], ["תפוחים", "380", "6.15"]];
    let font = page.font(&Font::boxes(&rows.concat().concat()));
    for (row, cells) in rows.iter().enumerate() {
        for (cell, right) in cells.iter().zip([535.0, 400.0, 250.0]) {
            let seen = if cell.is_ascii() { (*cell).to_owned() } else { reversed(cell) };
            page.text_to(&font, 12.0, right, 740.0 - 20.0 * row as f64, &seen);
        }
    }
    (page, rows.map(|row| row.join(" ")).join("\n"))
}

/// Signs at the ends of a line belong to it.
fn hebrew_signs(setting: &Setting) -> (Page, String) {
    let lines = [
        (format!("!{}", reversed("המטע פרח")), "המטע פרח!"),
        (format!(".{} ,{}", reversed("הטחנה עומדת"), reversed("הרוח נחה")), "הרוח נחה, הטחנה עומדת."),
        (format!("?{}", reversed("מי שאל")), "מי שאל?"),
        (format!("\"{}\" :{}", reversed("לא עוד"), reversed("היא אמרה")), "היא אמרה: \"לא עוד\""),
    ];
    from_the_right(setting, &lines)
}

const ARABIC: [&str; 3] = ["البستان فوق القرية", "رقم الشجرة ٤٢ من ١٨٧", "سنة ١٩٠٣ كانت جيدة"];

/// As it is seen: words and letters turned, digits not.
fn seen_from_the_right(line: &str) -> String {
    let is_digit = |c: char| matches!(c, '٠'..='٩' | '0'..='9');
    let turn = |word: &str| if word.chars().all(is_digit) { word.to_owned() } else { reversed(word) };
    line.split(' ').rev().map(turn).collect::<Vec<_>>().join(" ")
}

fn arabic(setting: &Setting) -> (Page, String) {
    from_the_right(setting, &ARABIC.map(|line| (seen_from_the_right(line), line)))
}

/// The font's map gives the forms that letters have within words.
fn arabic_forms(setting: &Setting) -> (Page, String) {
    // "Book" and "house", letter by letter in their forms: kaf initial, teh medial, alef final, beh isolated.
    let words = [("\u{fedb}\u{fe98}\u{fe8e}\u{fe8f}", "كتاب"), ("\u{fe91}\u{fef4}\u{fe96}", "بيت"), ("\u{fefb}", "لا")];
    let drawn: Vec<String> = words.iter().rev().map(|(forms, _)| reversed(forms)).collect();
    let read = words.map(|(_, plain)| plain).join(" ");
    let mut page = setting.page();
    let drawn = drawn.join(" ");
    let font = page.font(&Font::boxes(&drawn));
    page.text_to(&font, 14.0, 535.0, 700.0, &drawn);
    (page, read)
}

fn arabic_layer(setting: &Setting) -> (Page, String) {
    let lines = [
        "البستان فوق القرية زرعته اختان قبل سنين",
        "رقم الشجرة في الدفتر وسنة الحصاد بجانبه",
        "ضاع الدفتر في الفيضان ثم وجده المعلم",
    ];
    layer(setting, &lines, mirrored)
}

const COLUMNS: [&str; 5] =
    ["果樹園の姉妹は毎年", "木の番号を帳面に", "書きつけていたが", "洪水でそれを失い", "教師が見つけた。"];

/// Columns of vertical text from the right; `top` is where they begin.
fn columns(page: &mut Page, font: &str, top: f64, lines: &[&str]) {
    for (column, line) in lines.iter().enumerate() {
        page.text(font, 14.0, 510.0 - 25.0 * column as f64, top, line);
    }
}

fn japanese(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::vertical(&COLUMNS.concat()));
    columns(&mut page, &font, 760.0, &COLUMNS);
    (page, COLUMNS.join("\n"))
}

const LOWER: [&str; 4] = ["風車は低い牧草地を", "乾かすために回り", "番人は嵐の夜にも", "空を見ていた。"];

fn japanese_tiers(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::vertical(&format!("{}{}", COLUMNS.concat(), LOWER.concat())));
    columns(&mut page, &font, 760.0, &COLUMNS);
    columns(&mut page, &font, 560.0, &LOWER);
    (page, format!("{}\n{}", COLUMNS.join("\n"), LOWER.join("\n")))
}

/// A horizontal heading over vertical text.
fn japanese_heading(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::vertical(&COLUMNS.concat()));
    let level = page.font(&Font::boxes("果樹園の帳面"));
    page.text(&level, 20.0, 230.0, 800.0, "果樹園の帳面");
    columns(&mut page, &font, 760.0, &COLUMNS);
    (page, format!("果樹園の帳面\n{}", COLUMNS.join("\n")))
}

fn japanese_page_number(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&Font::vertical(&COLUMNS.concat()));
    let level = page.font(&Font::helvetica());
    columns(&mut page, &font, 760.0, &COLUMNS);
    page.text(&level, 9.0, 292.0, 40.0, "17");
    (page, format!("{}\n17", COLUMNS.join("\n")))
}

/// Vertical text of a program that knows none: each sign at its place, in a horizontal font.
fn chinese_signs(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let lines = ["果園在村子上面", "兩姊妹種了樹木", "每棵樹都有號碼", "筆記本後來遺失"];
    let font = page.font(&Font::boxes(&lines.concat()));
    for (column, line) in lines.iter().enumerate() {
        for (row, sign) in line.chars().enumerate() {
            page.text(&font, 14.0, 500.0 - 26.0 * column as f64, 740.0 - 15.0 * row as f64, &sign.to_string());
        }
    }
    (page, lines.join("\n"))
}

fn japanese_horizontal(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let lines = ["果樹園の姉妹は毎年木の番号を帳面に書きつけていたが、", "洪水でそれを失い、教師が見つけた。"];
    let font = page.font(&Font::boxes(&lines.concat()));
    lines.iter().enumerate().for_each(|(row, line)| page.text(&font, 12.0, 60.0, 740.0 - 18.0 * row as f64, line));
    (page, lines.join("\n"))
}

/// Prose on an upright page, turned about its middle.
fn turned(setting: &Setting, degrees: f64) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(WINDMILL));
    let lines = wrap(&page, &font, 12.0, 480.0, WINDMILL);
    let along = turned_by(degrees, 1.0, 0.0, 0.0);
    for (row, line) in lines.iter().enumerate() {
        // From the middle of the page: half of the measure back, and downwards as the text has it.
        let (dx, dy) = (-240.0, 90.0 - 16.0 * row as f64);
        let x = 297.0 + along[0] * dx + along[2] * dy;
        let y = 421.0 + along[1] * dx + along[3] * dy;
        page.turned(&font, turned_by(degrees, 12.0, x, y), "", line);
    }
    (page, lines.join("\n"))
}

/// A table set sideways, as wide ones are.
fn turned_table(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let rows = [
        ["Year", "Pears", "Walnuts", "Remarks"],
        ["1887", "4,250", "11 sacks", "First good harvest"],
        ["1888", "3,900", "9 sacks", "Dry summer"],
        ["1889", "5,114", "13 sacks", "Railway opened"],
        ["1890", "4,777", "10 sacks", "Flood in March"],
    ];
    let text = rows.map(|row| row.join(" ")).join("\n");
    let font = page.font(&setting.font(&text));
    for (row, cells) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            let place = (120.0 + 18.0 * row as f64, 100.0 + 150.0 * column as f64);
            page.turned(&font, turned_by(90.0, 11.0, place.0, place.1), "", cell);
        }
    }
    (page, text)
}

fn turned_columns(setting: &Setting) -> (Page, String) {
    let mut page = setting.page();
    let font = page.font(&setting.font(&format!("{ORCHARD}{WINDMILL}")));
    for (bottom, text) in [(60.0, ORCHARD), (440.0, WINDMILL)] {
        for (row, line) in wrap(&page, &font, 10.0, 340.0, text).iter().enumerate() {
            page.turned(&font, turned_by(90.0, 10.0, 80.0 + 13.0 * row as f64, bottom), "", line);
        }
    }
    (page, format!("{ORCHARD} {WINDMILL}"))
}
