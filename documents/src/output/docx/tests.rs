use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::*;
use crate::{
    blocks::{Block, BlockKind, Mark, MarkKind},
    output::{
        PageWriter as _,
        testing::{Element, Shared, block, blocks, document, elements, formulas_everywhere, grid, mark},
    },
    record::PageRecord,
};

fn written(pages: &[PageRecord]) -> ZipArchive<Cursor<Vec<u8>>> {
    let out = Shared::default();
    let mut writer = Docx::new(out.clone(), DocumentOptions::default(), None);
    pages.iter().for_each(|page| writer.write_page(page).unwrap());
    writer.end_document(pages[0].document.id, true).unwrap();
    writer.finish().unwrap();
    ZipArchive::new(Cursor::new(out.bytes())).unwrap()
}

fn part(zip: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Vec<Element> {
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    elements(&text)
}

fn values<'a>(elements: &'a [Element], name: &str, attribute: &str) -> Vec<&'a str> {
    elements.iter().filter(|element| element.name == name).map(|element| element.attribute(attribute)).collect()
}

fn text(elements: &[Element]) -> String {
    elements.iter().filter(|element| element.name == "w:t").map(|element| element.text.as_str()).collect()
}

#[test]
fn headings_lists_notes_and_links_are_what_word_takes_for_them() {
    let item = |level: u8, marker: &str, text: &str| Block {
        level: Some(level),
        marker: Some(marker.to_owned()),
        ..block(BlockKind::ListItem, text)
    };
    let mut referring = block(BlockKind::Paragraph, "See <there>1 and here\n& there");
    referring.marks = vec![
        mark(11, 12, MarkKind::NoteReference),
        Mark { target: Some("https://a.b/?c=d&e".to_owned()), ..mark(17, 21, MarkKind::Link) },
        Mark { target: Some("#page=1".to_owned()), ..mark(24, 29, MarkKind::Link) },
    ];
    let note = Block { marker: Some("1".to_owned()), of: Some(2), ..block(BlockKind::Footnote, "A note") };
    let pages = [blocks(
        &document("a & b.pdf", 1),
        1,
        vec![
            block(BlockKind::Title, "The title"),
            Block { level: Some(1), ..block(BlockKind::Heading, "Deep") },
            referring,
            item(1, "3.", "three"),
            item(2, "•", "bullet"),
            item(1, "7.", "seven"),
            item(1, "1.2", "printed"),
            note,
        ],
    )];
    let mut zip = written(&pages);
    let body = part(&mut zip, "word/document.xml");
    let styles = values(&body, "w:pStyle", "w:val");
    let list = ["ListParagraph"; 4];
    assert_eq!(styles, [&["Title", "Heading2"][..], &list].concat());
    assert_eq!(values(&body, "w:ilvl", "w:val"), ["0", "1", "0"]);
    let lists = values(&body, "w:numId", "w:val");
    let numbering = part(&mut zip, "word/numbering.xml");
    let known = values(&numbering, "w:num", "w:numId");
    assert!(lists.iter().all(|list| known.contains(list)) && lists[0] != lists[2], "{lists:?} {known:?}");
    assert_eq!(values(&numbering, "w:startOverride", "w:val"), ["3", "1", "7", "1"][..known.len()]);
    assert_eq!(values(&body, "w:footnoteReference", "w:id"), ["1"]);
    assert_eq!(text(&part(&mut zip, "word/footnotes.xml")), " A note");
    let links: Vec<&str> = values(&body, "w:hyperlink", "r:id");
    let relationships = part(&mut zip, "word/_rels/document.xml.rels");
    let target = relationships.iter().find(|e| e.attribute("Id") == links[0]).unwrap();
    assert_eq!(target.attribute("Target"), "https://a.b/?c=d&e");
    assert_eq!(values(&body, "w:hyperlink", "w:anchor"), ["", "page-1"]);
    assert_eq!(values(&body, "w:bookmarkStart", "w:name"), ["page-1"]);
    let of_all = "The titleDeepSee <there> and here& therethreebulletseven1.2 printed";
    assert_eq!(text(&body), of_all);
    // Every part that one refers to is there, and every style.
    for relationship in
        relationships.iter().filter(|e| e.attribute("TargetMode").is_empty() && !e.attribute("Id").is_empty())
    {
        let name = format!("word/{}", relationship.attribute("Target"));
        assert!(zip.by_name(&name).is_ok(), "{name}");
    }
    let all = part(&mut zip, "word/styles.xml");
    let known = values(&all, "w:style", "w:styleId");
    let used = [values(&body, "w:pStyle", "w:val"), values(&body, "w:rStyle", "w:val")].concat();
    assert!(used.iter().all(|style| known.contains(style)), "{used:?}");
}

#[test]
fn formulas_are_equations_wherever_they_stand() {
    let mut zip = written(&[formulas_everywhere()]);
    let mut body = String::new();
    zip.by_name("word/document.xml").unwrap().read_to_string(&mut body).unwrap();
    let found = elements(&body);
    let count = |name: &str| found.iter().filter(|element| element.name == name).count();
    assert_eq!(count("m:oMath"), 8, "heading, two paragraphs, item, cell, caption, and two by themselves");
    assert_eq!(count("m:oMathPara"), 2);
    assert!(found.iter().filter(|e| e.name == "m:t").any(|e| e.text == "<"));
    let paragraph = |words: &str| body.split("<w:p>").find(|paragraph| paragraph.contains(words)).unwrap().to_owned();
    // Without the LaTeX that cannot be parsed.
    assert!(paragraph("It is (").contains("broken") && !paragraph("It is (").contains("frac"));
    assert!(paragraph(">see <").contains("<w:hyperlink") && paragraph(">see <").contains("<m:sSub>"));
    assert!(text(&found).contains("broken (13)") && text(&found).contains("(12)"));
    // The number stands beside its formula, in the same row.
    let row = body.split("<w:tr>").find(|row| row.contains("(12)")).unwrap();
    assert!(row.contains("<m:oMathPara>") && row.contains("<m:f>"), "{row}");
    let notes = part(&mut zip, "word/footnotes.xml");
    assert_eq!(notes.iter().filter(|element| element.name == "m:oMath").count(), 1);
}

#[test]
fn a_tables_spans_cover_what_they_cover() {
    let mut table = grid(&["a|b|c", "d|e|f", "g|h|i"], 1);
    table.cells[0].column_span = 2;
    table.cells[4].row_span = 2;
    // What spans cover, and one that a record has twice.
    table.cells.retain(|cell| !["b", "h"].contains(&cell.text.as_str()));
    table.cells.push(table.cells[0].clone());
    let block = Block { table: Some(Box::new(table)), ..Block::new(BlockKind::Table, Default::default(), 0..0) };
    let body = part(&mut written(&[blocks(&document("a.pdf", 1), 1, vec![block])]), "word/document.xml");
    assert_eq!(values(&body, "w:gridSpan", "w:val"), ["2"]);
    assert_eq!(values(&body, "w:vMerge", "w:val"), ["restart", ""]);
    assert_eq!((values(&body, "w:tc", "").len(), text(&body).as_str()), (8, "acdefgi"));
    assert_eq!(values(&body, "w:tblHeader", "").len(), 1);
}

#[test]
fn what_is_not_complete_is_not_there() {
    let out = Shared::default();
    let mut writer = Docx::new(out.clone(), DocumentOptions::default(), None);
    let page = blocks(&document("a.pdf", 2), 1, vec![block(BlockKind::Paragraph, "x")]);
    writer.write_page(&page).unwrap();
    writer.end_document(page.document.id, false).unwrap();
    writer.finish().unwrap();
    assert!(out.bytes().is_empty());
}
