//! What a PDF tells beside its text: how lines are set, what is drawn, tags, links, neighbours.

use std::sync::Arc;

use lopdf::{Document, Object, ObjectId, Stream, dictionary};

use super::{Page, bytes, content_of, document};
use crate::{
    ids::PageNumber,
    input::{
        DocumentData, OpenOptions, PageSource, open,
        pdf::{PdfSource, turns::Turns},
    },
    page_text::TextLayer,
    structure::{Structure, TagRole, VerticalShift},
};

/// A document of pages of 400 x 200 points with these contents; fonts are F1 (Courier), B (Helvetica-Bold), I (Times-Italic), R
/// (Times-Roman), S (Symbol).
fn set(contents: &[&str]) -> Document {
    let mut document = document(contents.iter().map(|_| Page::default()).collect());
    let font = |document: &mut Document, name: &str| {
        document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => name })
    };
    let fonts = [
        ("F1", "Courier"),
        ("B", "ABCDEF+Helvetica-Bold"),
        ("I", "Times-Italic"),
        ("R", "Times-Roman"),
        ("S", "Symbol"),
    ];
    let fonts: Vec<(&str, ObjectId)> = fonts.map(|(key, name)| (key, font(&mut document, name))).into();
    for (page, content) in (1..).zip(contents) {
        let id = content_of(&document, page);
        document.objects.insert(id, Stream::new(dictionary! {}, content.as_bytes().to_vec()).into());
        let page = document.get_pages()[&page];
        let resources =
            document.get_dictionary_mut(page).unwrap().get_mut(b"Resources").unwrap().as_dict_mut().unwrap();
        let mut all = lopdf::Dictionary::new();
        fonts.iter().for_each(|(key, id)| all.set(*key, *id));
        resources.set("Font", all);
    }
    document
}

fn read(document: Document, page: u32) -> TextLayer {
    let source = open(Arc::new(bytes(document)), &OpenOptions::default()).unwrap();
    source.text_layer(PageNumber::new(page).unwrap()).unwrap().unwrap()
}

pub(super) fn first(content: &str) -> TextLayer {
    read(set(&[content]), 1)
}

#[test]
fn how_characters_are_set_is_told_by_the_line() {
    let layer = first(
        "BT /R 10 Tf 20 100 Td (plain ) Tj /B 10 Tf (bold) Tj /I 10 Tf ( slanted) Tj /R 6 Tf 4 Ts (12) Tj 0 Ts \
         /F1 10 Tf ( code) Tj ET BT 0.8 g /R 10 Tf 20 60 Td (faint) Tj ET BT 3 Tr 20 20 Td (hidden) Tj ET",
    );
    let line = |text: &str| layer.lines.iter().position(|line| line.text.starts_with(text)).unwrap();
    let style = &layer.hints.styles[line("plain")];
    assert_eq!(layer.lines[line("plain")].text, "plain bold slanted12 code");
    let runs: Vec<_> = style
        .runs
        .iter()
        .map(|run| {
            let part = &layer.lines[line("plain")].text[run.characters.start as usize..run.characters.end as usize];
            let flags = [run.face.bold, run.face.italic, run.face.monospace, run.shift == VerticalShift::Raised];
            (part.trim(), &*run.face.name, flags.map(|flag| if flag { 'x' } else { '-' }).iter().collect::<String>())
        })
        .collect();
    let expected = [
        ("plain", "Times-Roman", "----"),
        ("bold", "Helvetica-Bold", "x---"),
        ("slanted", "Times-Italic", "-x--"),
        ("12", "Times-Roman", "---x"),
        ("code", "Courier", "--x-"),
    ];
    assert_eq!(runs, expected.map(|(part, name, flags)| (part, name, flags.to_owned())));
    assert!((style.size - 10.0).abs() < 0.01 && style.darkness > 0.9 && !style.is_invisible);
    assert!((layer.hints.styles[line("faint")].darkness - 0.2).abs() < 0.05);
    assert!(layer.hints.styles[line("hidden")].is_invisible);
}

#[test]
fn styles_follow_their_lines_into_reading_order() {
    let layer = first("BT /R 10 Tf 20 40 Td (the last line) Tj ET BT /B 20 Tf 20 150 Td (The first) Tj ET");
    let sizes: Vec<f32> = layer.hints.styles.iter().map(|style| style.size.round()).collect();
    let texts: Vec<&str> = layer.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!((texts, sizes), (vec!["The first", "the last line"], vec![20.0, 10.0]));
}

#[test]
fn white_letters_on_a_dark_ground_are_dark_and_a_watermark_is_faint() {
    let layer = first(
        "0.1 g 10 90 200 30 re f BT 1 g /R 12 Tf 20 100 Td (heading of a table) Tj ET \
         BT 0.85 g /R 12 Tf 20 20 Td (draft) Tj ET",
    );
    let darkness = |text: &str| {
        let at = layer.lines.iter().position(|line| line.text == text).unwrap();
        layer.hints.styles[at].darkness
    };
    assert!(darkness("heading of a table") > 0.8 && darkness("draft") < 0.3);
}

#[test]
fn lines_are_found_however_they_are_drawn() {
    let rulings = |drawn: &str| {
        let layer = first(&format!("{drawn} BT /R 10 Tf 20 100 Td (text) Tj ET"));
        let mut found: Vec<[i32; 4]> = layer
            .hints
            .rulings
            .iter()
            .map(|ruling| {
                [ruling.rect.left, ruling.rect.top, ruling.rect.right, ruling.rect.bottom].map(|v| v.round() as i32)
            })
            .collect();
        found.sort_unstable();
        found
    };
    let level = vec![[50, 59, 250, 61]];
    assert_eq!(rulings("2 w 50 140 m 250 140 l S"), level, "stroked");
    assert_eq!(rulings("50 139 200 2 re f"), level, "filled");
    assert_eq!(rulings("2 w 50 140 m 120 140 l S 120.5 140 m 250 140 l S"), level, "in pieces");
    assert_eq!(rulings("q 50 100 200 60 re W n 2 w 0 140 m 390 140 l S Q"), level, "clipped");
    assert_eq!(rulings("q 2 w 1 G 50 140 m 250 140 l S Q"), Vec::<[i32; 4]>::new(), "white on white");
    let sides = vec![[50, 40, 52, 100], [50, 40, 150, 42], [50, 98, 150, 100], [148, 40, 150, 100]];
    assert_eq!(rulings("2 w 51 101 98 58 re S"), sides, "an outline");
    assert_eq!(rulings("50 100 100 60 re 52 102 96 56 re f*"), sides, "the room between two boxes");
    assert_eq!(rulings("10 10 100 50 re W n 2 w 300 150 m 350 150 l S"), Vec::<[i32; 4]>::new(), "out of sight");
}

#[test]
fn shaded_boxes_and_pictures_are_told_apart() {
    let layer = first(
        "1 g 0 0 400 200 re f 0.9 g 20 90 200 30 re f 0 g BT /F1 10 Tf 30 100 Td (code in a box) Tj ET \
         q 1 0 0 1 250 20 cm 0 0 m 20 80 40 20 60 70 c 80 10 100 60 120 5 c S 0 0 m 120 0 l S 0 0 m 0 80 l S Q",
    );
    assert_eq!(layer.hints.fills.len(), 1, "{:?}", layer.hints.fills);
    let fill = layer.hints.fills[0];
    assert_eq!([fill.left, fill.top, fill.right, fill.bottom].map(f32::round), [20.0, 80.0, 220.0, 110.0]);
    assert_eq!(layer.hints.pictures.len(), 1, "{:?}", layer.hints.pictures);
    assert!(layer.hints.pictures[0].left > 240.0 && layer.hints.rulings.is_empty(), "axes are part of the chart");
    let bullet = first("0 g 30 100 m 30 102 33 102 33 100 c 33 98 30 98 30 100 c f BT /R 10 Tf 40 97 Td (item) Tj ET");
    assert_eq!((bullet.hints.marks.len(), bullet.hints.pictures.len()), (1, 0));
}

/// Adds a structure of these elements: kind, parent (an index, or the root), marked contents on the first page.
fn tag(
    document: &mut Document,
    elements: &[(&str, Option<usize>, &[i64])],
    more: &dyn Fn(usize, &mut lopdf::Dictionary),
) {
    let root = document.new_object_id();
    let ids: Vec<ObjectId> = elements.iter().map(|_| document.new_object_id()).collect();
    let mut parents: Vec<Object> = Vec::new();
    for (at, (kind, parent, contents)) in elements.iter().enumerate() {
        let children = elements.iter().enumerate().filter(|(_, (_, parent, _))| *parent == Some(at));
        let mut kids: Vec<Object> = children.map(|(child, _)| ids[child].into()).collect();
        kids.extend(contents.iter().map(|&number| Object::from(number)));
        let parent = parent.map_or(root, |parent| ids[parent]);
        let mut element = dictionary! { "S" => *kind, "P" => parent, "K" => kids };
        more(at, &mut element);
        document.objects.insert(ids[at], element.into());
        for &number in *contents {
            parents.resize(parents.len().max(number as usize + 1), Object::Null);
            parents[number as usize] = ids[at].into();
        }
    }
    let parents = document.add_object(Object::Array(parents));
    let tree = document.add_object(dictionary! { "Nums" => vec![0.into(), parents.into()] });
    let roles = dictionary! { "Absatz" => "P" };
    let structure = dictionary! { "Type" => "StructTreeRoot", "K" => ids[0], "ParentTree" => tree, "RoleMap" => roles };
    document.objects.insert(root, structure.into());
    let page = document.get_pages()[&1];
    document.get_dictionary_mut(page).unwrap().set("StructParents", 0);
    let catalog = document.trailer.get(b"Root").unwrap().as_reference().unwrap();
    document.get_dictionary_mut(catalog).unwrap().set("StructTreeRoot", root);
}

/// Lines from the top, each in marked content of its number.
fn marked(lines: &[&str]) -> String {
    let line = |(at, text): (usize, &&str)| {
        let y = 180 - 20 * at;
        format!("/Span <</MCID {at}>> BDC BT /R 10 Tf 20 {y} Td ({text}) Tj ET EMC ")
    };
    lines.iter().enumerate().map(line).collect()
}

#[test]
fn tags_say_what_lines_are() {
    let content = marked(&["Heading", "A paragraph", "of two lines", "An item", "Head", "Wide", "Cell", "Under"]);
    let mut document = set(&[&format!(
        "{content} /Artifact <</Type/Pagination/Subtype/Footer>> BDC BT /R 8 Tf 20 5 Td (7) Tj ET EMC"
    )]);
    let elements: [(&str, Option<usize>, &[i64]); 13] = [
        ("Document", None, &[]),
        ("H2", Some(0), &[0]),
        ("Absatz", Some(0), &[1, 2]),
        ("L", Some(0), &[]),
        ("LI", Some(3), &[]),
        ("LBody", Some(4), &[3]),
        ("Table", Some(0), &[]),
        ("TR", Some(6), &[]),
        ("TH", Some(7), &[4]),
        ("TH", Some(7), &[5]),
        ("TR", Some(6), &[]),
        ("TD", Some(10), &[6]),
        ("TD", Some(10), &[7]),
    ];
    tag(&mut document, &elements, &|at, element| match at {
        8 => element.set("A", dictionary! { "O" => "Table", "RowSpan" => 2 }),
        9 => element.set("A", vec![dictionary! { "O" => "Layout" }.into(), dictionary! { "ColSpan" => 2 }.into()]),
        _ => {}
    });
    let layer = read(document, 1);
    let said: Vec<_> = layer
        .hints
        .styles
        .iter()
        .map(|style| style.tag.as_ref().map(|tag| (tag.role, tag.element, tag.level)).unwrap())
        .collect();
    assert_eq!(
        said,
        [
            (TagRole::Heading, 1, 2),
            (TagRole::Paragraph, 2, 0),
            (TagRole::Paragraph, 2, 0),
            (TagRole::ListItem, 3, 1),
            (TagRole::Cell, 4, 0),
            (TagRole::Cell, 5, 0),
            (TagRole::Cell, 6, 0),
            (TagRole::Cell, 7, 0),
            (TagRole::ArtifactFooter, 0, 0),
        ]
    );
    let cells = layer.hints.styles.iter().filter_map(|style| style.tag.as_ref()?.cell);
    let cells: Vec<_> = cells.map(|cell| (cell.row, cell.column, cell.column_span, cell.is_header)).collect();
    assert_eq!(cells, [(0, 0, 1, true), (0, 1, 2, true), (1, 1, 1, false), (1, 2, 1, false)]);
}

#[test]
fn tags_of_half_a_page_are_not_believed() {
    let content = marked(&["Heading", "A line that no element has", "and another one"]);
    let mut document = set(&[&content]);
    tag(&mut document, &[("Document", None, &[]), ("H1", Some(0), &[0])], &|_, _| {});
    assert!(read(document, 1).hints.styles.iter().all(|style| style.tag.is_none()));
}

#[test]
fn an_element_says_what_its_letters_stand_for() {
    let mut document = set(&[&marked(&["Euro 5", "plain"])]);
    tag(&mut document, &[("Document", None, &[]), ("P", Some(0), &[0]), ("P", Some(0), &[1])], &|at, element| {
        if at == 1 {
            element.set("ActualText", Object::string_literal("EUR 5"));
        }
    });
    assert_eq!(read(document, 1).text.lines().next(), Some("EUR 5"));
}

#[test]
fn letters_that_are_drawn_again_to_look_bold_are_bold() {
    let layer = first("BT /R 10 Tf 20 150 Td 2 Tr 0.3 w (outlined) Tj ET BT 0 Tr /R 10 Tf 20 100 Td (plain) Tj ET");
    let bold: Vec<bool> = layer.hints.styles.iter().map(|style| style.runs[0].face.bold).collect();
    assert_eq!(bold, [true, false]);
}

#[test]
fn notes_stamps_and_buttons_that_nothing_draws_are_in_the_text() {
    let mut document = set(&["BT /R 10 Tf 20 150 Td (A form) Tj ET"]);
    let place = |y: i64| Object::from(vec![20.into(), y.into(), 200.into(), (y + 14).into()]);
    let button = |y: i64, flags: i64, state: &str| {
        dictionary! { "Subtype" => "Widget", "FT" => "Btn", "Ff" => flags, "AS" => state, "Rect" => place(y) }
    };
    let annotations: Vec<Object> = vec![
        dictionary! { "Subtype" => "FreeText", "Contents" => Object::string_literal("a note"), "Rect" => place(120) }
            .into(),
        dictionary! { "Subtype" => "Stamp", "Name" => "NotApproved", "Rect" => place(100) }.into(),
        button(80, 0, "Yes").into(),
        button(60, 1 << 15, "First").into(),
        button(40, 0, "Off").into(),
    ];
    let page = document.get_pages()[&1];
    document.get_dictionary_mut(page).unwrap().set("Annots", annotations);
    let layer = read(document, 1);
    let texts: Vec<&str> = layer.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["A form", "a note", "Not Approved", "\u{2612}", "\u{25c9}"]);
    assert_eq!(layer.hints.styles.len(), layer.lines.len());
}

#[test]
fn links_outline_and_language_are_those_of_the_page() {
    let mut document = set(&["BT /R 10 Tf 20 150 Td (one) Tj ET", "BT /R 10 Tf 20 150 Td (two) Tj ET"]);
    let pages = document.get_pages();
    let rect = |left: i64| Object::from(vec![left.into(), 140.into(), (left + 30).into(), 160.into()]);
    let uri = dictionary! { "S" => "URI", "URI" => Object::string_literal("https://example.org/a") };
    let links: Vec<Object> = vec![
        dictionary! { "Subtype" => "Link", "Rect" => rect(20), "A" => uri.clone() }.into(),
        dictionary! { "Subtype" => "Link", "Rect" => rect(60), "Dest" => Object::string_literal("second") }.into(),
        dictionary! { "Subtype" => "Link", "Rect" => rect(90), "A" => uri, "F" => 2 }.into(),
    ];
    document.get_dictionary_mut(pages[&1]).unwrap().set("Annots", links);
    let to =
        |page: u32, top: i64| Object::from(vec![pages[&page].into(), "XYZ".into(), 0.into(), top.into(), 0.into()]);
    let names = dictionary! { "Names" => vec![Object::string_literal("second"), to(2, 200)] };
    let inner = document.add_object(dictionary! { "Title" => Object::string_literal("Inner"), "Dest" => to(2, 80) });
    let outer = dictionary! { "Title" => Object::string_literal("Outer"), "Dest" => to(2, 150), "First" => inner };
    let outer = document.add_object(outer);
    let catalog = document.trailer.get(b"Root").unwrap().as_reference().unwrap();
    let catalog = document.get_dictionary_mut(catalog).unwrap();
    catalog.set("Names", dictionary! { "Dests" => names });
    catalog.set("Outlines", dictionary! { "First" => outer });
    catalog.set("Lang", Object::string_literal("de-CH"));
    let first = read(document.clone(), 1).hints;
    let links: Vec<_> = first.links.iter().map(|link| (link.polygon.bounds().left, &*link.target)).collect();
    assert_eq!(links, [(20.0, "https://example.org/a"), (60.0, "#page=2")]);
    assert_eq!((first.language.as_deref(), first.outline.len()), (Some("de-CH"), 0));
    let entries = read(document, 2).hints.outline;
    let entries: Vec<_> = entries.iter().map(|entry| (entry.title.as_str(), entry.level, entry.top)).collect();
    assert_eq!(entries, [("Outer", 1, Some(50.0)), ("Inner", 2, Some(120.0))]);
}

#[test]
fn an_outline_that_leads_to_itself_ends() {
    let mut document = set(&["BT /R 10 Tf 20 150 Td (one) Tj ET"]);
    let entry = document.new_object_id();
    let looped = dictionary! { "Title" => Object::string_literal("again"), "Next" => entry, "First" => entry };
    document.objects.insert(entry, looped.into());
    let catalog = document.trailer.get(b"Root").unwrap().as_reference().unwrap();
    document.get_dictionary_mut(catalog).unwrap().set("Outlines", dictionary! { "First" => entry });
    assert!(read(document, 1).hints.outline.is_empty());
}

fn book() -> Arc<Vec<u8>> {
    let page = |number: usize| {
        format!(
            "BT /I 9 Tf 20 185 Td (Head {number}) Tj ET BT /R {} Tf 20 100 Td (The text of page {number}) Tj ET",
            if number == 3 { 12 } else { 10 }
        )
    };
    let pages: Vec<String> = (1..=6).map(page).collect();
    Arc::new(bytes(set(&pages.iter().map(String::as_str).collect::<Vec<_>>())))
}

#[test]
fn neighbours_are_the_same_whatever_was_read_before_and_whoever_reads() {
    let book = book();
    let opened = || open(book.clone(), &OpenOptions::default()).unwrap();
    let number = |page: u32| PageNumber::new(page).unwrap();
    let hints = |source: &dyn PageSource, page: u32| source.text_layer(number(page)).unwrap().unwrap().hints;
    let alone: Vec<_> = (1..=6).map(|page| hints(&*opened(), page)).collect();
    let source = opened();
    let in_order: Vec<_> = (1..=6).map(|page| hints(&*source, page)).collect();
    assert_eq!(alone, in_order);
    let backwards: Vec<_> = (1..=6).rev().map(|page| hints(&*source, page)).collect();
    assert!(alone.iter().eq(backwards.iter().rev()));
    // While the reader is busy for long, others read for themselves.
    let data: DocumentData = book.clone();
    let busy = PdfSource::open(data, &OpenOptions::default()).unwrap();
    let turn = busy.turns.take(number(1)).unwrap();
    let without: Vec<_> = (1..=6).map(|page| hints(&busy, page)).collect();
    drop(turn);
    assert_eq!(alone, without);
    // Two readers at once, each of them called on for every other page, read each page once and tell the same.
    let shared = PdfSource { turns: Turns::with(2), ..PdfSource::open(book.clone(), &OpenOptions::default()).unwrap() };
    for _ in 0..8 {
        let read = |first: u32| (first..=6).step_by(2).map(|page| (page, hints(&shared, page))).collect::<Vec<_>>();
        let (odd, even) = std::thread::scope(|scope| {
            let other = scope.spawn(|| read(2));
            (read(1), other.join().unwrap())
        });
        for (page, hints) in odd.into_iter().chain(even) {
            assert_eq!(alone[page as usize - 1], hints, "page {page}");
        }
    }
    let before = alone[2].neighbours.before.as_ref().unwrap();
    let texts: Vec<_> = before.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["Head 2", "The text of page 2"]);
    assert!(alone[0].neighbours.before.is_none() && alone[5].neighbours.after.is_none());
    assert_eq!(alone[2].body_size, Some(10.0), "most of the type is not that of the page");
}

#[test]
fn without_structure_nothing_is_read_of_it() {
    for structure in [Structure::Off, Structure::Lines] {
        let source = open(book(), &OpenOptions { structure, ..OpenOptions::default() }).unwrap();
        let hints = source.text_layer(PageNumber::new(2).unwrap()).unwrap().unwrap().hints;
        assert!(hints.neighbours.before.is_none() && hints.body_size.is_none() && hints.rulings.is_empty());
    }
}
