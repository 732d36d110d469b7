use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::*;
use crate::{
    blocks::{Block, BlockKind, MarkKind},
    output::{
        PageWriter as _,
        testing::{Shared, block, blocks, document, elements, formula, formulas_everywhere, mark},
    },
    record::PageRecord,
};

fn written(pages: &[PageRecord]) -> ZipArchive<Cursor<Vec<u8>>> {
    let out = Shared::default();
    let mut writer = Epub::new(out.clone(), DocumentOptions::default(), None);
    pages.iter().for_each(|page| writer.write_page(page).unwrap());
    writer.end_document(pages[0].document.id, true).unwrap();
    writer.finish().unwrap();
    ZipArchive::new(Cursor::new(out.bytes())).unwrap()
}

fn part(zip: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn chapters_are_in_order_and_everything_that_is_referred_to_is_there() {
    let document = document("a <b>.pdf", 40);
    let of_page = |number: u32| {
        let mut text = block(BlockKind::Paragraph, &format!("of page {number}1 {}", "& words ".repeat(200)));
        let at = format!("of page {number}").len() as u32;
        text.marks = vec![mark(at, at + 1, MarkKind::NoteReference), mark(0, 2, MarkKind::Bold)];
        let heading =
            |level: u8| Block { level: Some(level), ..block(BlockKind::Heading, &format!("Heading {number}")) };
        let note = Block { marker: Some("1".to_owned()), ..block(BlockKind::Footnote, "so & so") };
        blocks(&document, number, vec![heading(1 + (number % 3) as u8), text, heading(1), note])
    };
    let pages: Vec<PageRecord> = (1..=40).map(of_page).collect();
    let mut zip = written(&pages);
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names[0], "mimetype");
    let package = part(&mut zip, "EPUB/package.opf");
    let found = elements(&package);
    let parts: Vec<&str> = found.iter().filter(|e| e.name == "item").map(|e| e.attribute("href")).collect();
    assert!(parts.iter().all(|name| names.contains(&format!("EPUB/{name}"))), "{parts:?} {names:?}");
    let chapters: Vec<&str> = parts.iter().copied().filter(|name| name.starts_with("chapter")).collect();
    assert!(chapters.len() > 2, "{names:?}");
    let mut ids = Vec::new();
    for name in chapters {
        let text = part(&mut zip, &format!("EPUB/{name}"));
        let found = elements(&text);
        let own: Vec<String> = found.iter().map(|e| e.attribute("id").to_owned()).filter(|id| !id.is_empty()).collect();
        let is_there =
            |e: &&crate::output::testing::Element| own.iter().any(|id| e.attribute("href") == format!("#{id}"));
        assert!(found.iter().filter(|e| e.name == "a").all(|e| is_there(&e)), "{text}");
        ids.extend(own.iter().map(|id| format!("{name}#{id}")));
    }
    let nav = part(&mut zip, "EPUB/nav.xhtml");
    let links: Vec<String> =
        elements(&nav).iter().filter(|e| e.name == "a").map(|e| e.attribute("href").to_owned()).collect();
    assert_eq!(links.len(), 80);
    assert!(links.iter().all(|link| ids.contains(link)), "{links:?}");
}

#[test]
fn chapters_with_formulas_say_so_and_others_do_not() {
    let properties = |pages: &[PageRecord]| {
        let package = part(&mut written(pages), "EPUB/package.opf");
        let items = elements(&package).into_iter().filter(|e| e.attribute("href").starts_with("chapter"));
        items.map(|item| item.attribute("properties").to_owned()).collect::<Vec<_>>()
    };
    let long = |number: u32| {
        let heading = Block { level: Some(1), ..block(BlockKind::Heading, "One") };
        blocks(&document("a.pdf", 2), number, vec![heading, block(BlockKind::Paragraph, &"word ".repeat(6_000))])
    };
    let mut pages = [long(1), formulas_everywhere()];
    pages[1].document = pages[0].document.clone();
    pages[1].page = crate::ids::PageNumber::new(2).unwrap();
    assert_eq!(properties(&pages), ["", "mathml"]);
    // In a footnote alone.
    let mut text = block(BlockKind::Paragraph, "so1");
    text.marks = vec![mark(2, 3, MarkKind::NoteReference)];
    let mut note = Block { marker: Some("1".to_owned()), ..block(BlockKind::Footnote, "x") };
    note.marks = vec![formula(0, 1, "x^2")];
    let page = blocks(&document("a.pdf", 1), 1, vec![text, note]);
    assert_eq!(properties(std::slice::from_ref(&page)), ["mathml"]);
    let chapter = part(&mut written(&[page]), "EPUB/chapter-0001.xhtml");
    let math = elements(&chapter).into_iter().find(|e| e.name == "math").unwrap();
    assert_eq!(math.attribute("alttext"), "x^2");
}

#[test]
fn a_document_without_pages_to_show_is_a_book_all_the_same() {
    let mut zip = written(&[blocks(&document("a.pdf", 1), 1, Vec::new())]);
    assert!(elements(&part(&mut zip, "EPUB/chapter-0001.xhtml")).iter().any(|e| e.name == "body"));
    assert!(part(&mut zip, "EPUB/nav.xhtml").contains("chapter-0001.xhtml\">a.pdf"));
}
