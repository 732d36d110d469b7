//! Text layers that say what is not there: letters that are drawn rightly, and mapped to others.

use crate::{
    builders::scans::{letter, letter_scan},
    outlines::letter_of_times,
    pdf::{Font, Form, Manner, Page, Says, Standing, write},
    pixels::{Coding, lay},
    scans::Scan,
    texts::{WINDMILL, paragraph},
};

/// So many places on in the alphabet, around its end.
fn shifted(c: char, by: u8) -> String {
    let turn = |c: char, first: u8| char::from(first + (c as u8 - first + by) % 26).to_string();
    match c {
        'a'..='z' => turn(c, b'a'),
        'A'..='Z' => turn(c, b'A'),
        c => c.to_string(),
    }
}

/// As fonts subset badly have it: places in the font taken for characters.
fn by_places(c: char) -> String {
    char::from_u32(c as u32 - 29).filter(|c| !c.is_control()).unwrap_or('#').to_string()
}

/// Whatever comes next in a table of another script.
fn of_another_script(c: char) -> String {
    char::from_u32(0x4e00 + 7 * c as u32).unwrap_or('#').to_string()
}

/// Vowels are exchanged too, so that their share stays.
fn exchanged(c: char) -> String {
    const FROM: &str = "aeiouybcdfghklmnprstvw";
    const TO: &str = "oyaeuimtgrwnbdhcpkvslf";
    FROM.find(c).map_or(c, |at| TO.as_bytes()[at] as char).to_string()
}

/// In a font of its own glyphs, whose names nobody has, only the shapes tell letters apart.
fn drawn(name: &str, map: Option<Says>, text: &str, standing: Standing) -> Scan {
    let mut page = Page::new(Manner::Plain);
    page.size = (420.0, 595.0);
    let mut font = Font::boxes(text);
    font.shapes = Some(letter_of_times);
    font.to_unicode = map.map(|says| (Form::Chars, says));
    let font = page.font(&font);
    paragraph(&mut page, &font, 12.0, (45.0, 520.0), 330.0, text);
    Scan::new(name, "pdf", write(&[page], standing), text)
}

fn mapped(name: &str, says: Says, text: &str, standing: Standing) -> Scan {
    let mut page = Page::new(Manner::Plain);
    page.size = (420.0, 595.0);
    let font = page.font(&Font::times().with_map(Form::Chars, says));
    paragraph(&mut page, &font, 12.0, (45.0, 520.0), 330.0, text);
    Scan::new(name, "pdf", write(&[page], standing), text)
}

pub fn all() -> Vec<Scan> {
    let short = &WINDMILL[..WINDMILL.find(". His").unwrap() + 1];
    vec![
        mapped("map-shifted-by-one", |c| shifted(c, 1), WINDMILL, Standing::Plain),
        mapped("map-shifted-by-thirteen", |c| shifted(c, 13), WINDMILL, Standing::InForm),
        mapped("map-shifted-short", |c| shifted(c, 3), short, Standing::Plain),
        mapped("map-by-places", by_places, WINDMILL, Standing::Plain),
        mapped("map-of-another-script", of_another_script, WINDMILL, Standing::Plain),
        mapped("map-of-exchanged-letters", exchanged, WINDMILL, Standing::Plain),
        drawn("glyphs-shifted", Some(|c| shifted(c, 3)), WINDMILL, Standing::Plain),
        drawn("glyphs-shifted-back", Some(|c| shifted(c, 25)), WINDMILL, Standing::ObjectStreams),
        drawn("glyphs-by-places", Some(by_places), WINDMILL, Standing::Turned(90)),
        drawn("glyphs-exchanged", Some(exchanged), WINDMILL, Standing::Plain),
        drawn("glyphs-of-another-script", Some(of_another_script), WINDMILL, Standing::Plain),
        drawn("glyphs-all-alike", Some(|_| "x".to_owned()), WINDMILL, Standing::Plain),
        drawn("glyphs-without-map", None, WINDMILL, Standing::InForm),
        drawn(
            "glyphs-of-private-area",
            Some(|c| char::from_u32(0xe000 + c as u32).unwrap().to_string()),
            short,
            Standing::Plain,
        ),
        drawn("glyphs-as-they-are", Some(|c| c.to_string()), WINDMILL, Standing::Plain),
        nonsense_over_scan(),
    ]
}

/// An invisible layer that was made by a reader of another script.
fn nonsense_over_scan() -> Scan {
    let mut page = Page::new(Manner::Plain);
    page.size = (420.0, 595.0);
    lay(&mut page, letter_scan(), Coding::Jpeg, [0.0, 0.0, 420.0, 595.0], [1, 1]);
    let font = page.font(&Font::helvetica());
    page.raw("3 Tr\n");
    let nonsense: String = letter().chars().flat_map(|c| shifted(c, 5).chars().collect::<Vec<_>>()).collect();
    paragraph(&mut page, &font, 11.0, (45.0, 520.0), 330.0, &nonsense);
    Scan::new("layer-of-nonsense", "pdf", write(&[page], Standing::Plain), letter())
}
