use super::*;
use crate::{
    blocks::{Block, BlockKind, Mark, MarkKind},
    output::testing::{Element, block, blocks, document, elements, formulas_everywhere, grid, mark, written},
};

fn html(pages: &[PageRecord]) -> String {
    let options = DocumentOptions::default();
    written(|out| Box::new(Html::new(out, options, None)), pages)
}

fn names(elements: &[Element]) -> Vec<&str> {
    elements.iter().map(|element| element.name.as_str()).collect()
}

fn report() -> Vec<PageRecord> {
    let document = document("x/report & more.pdf", 2);
    let item = |level: u8, marker: &str, text: &str| Block {
        level: Some(level),
        marker: Some(marker.to_owned()),
        ..block(BlockKind::ListItem, text)
    };
    let heading = |level: u8, text: &str| Block { level: Some(level), ..block(BlockKind::Heading, text) };
    let mut referring = block(BlockKind::Paragraph, "See <there>1 and here");
    referring.marks = vec![
        mark(11, 12, MarkKind::NoteReference),
        Mark { target: Some("https://a.b/?c=d&e".to_owned()), ..mark(17, 21, MarkKind::Link) },
    ];
    let note = Block { marker: Some("1".to_owned()), of: Some(2), ..block(BlockKind::Footnote, "A \"note\" & more") };
    let table = Block {
        table: Some(Box::new(grid(&["a|b", "1|<2>"], 1))),
        ..Block::new(BlockKind::Table, Default::default(), 0..0)
    };
    vec![
        blocks(&document, 1, vec![block(BlockKind::Title, "A <title> & more"), heading(3, "Deep"), referring, note]),
        blocks(
            &document,
            2,
            vec![
                item(1, "3.", "three"),
                item(2, "(a)", "a"),
                item(1, "4.", "four"),
                table,
                Block { of: Some(3), ..block(BlockKind::Caption, "Table 1") },
                block(BlockKind::Code, "if a < b {\n    c\n}"),
                block(BlockKind::Paragraph, "verse\nof two"),
                block(BlockKind::Paragraph, "שלום עולם"),
                block(BlockKind::PageNumber, "2"),
            ],
        ),
    ]
}

#[test]
fn a_document_is_well_formed_and_says_what_things_are() {
    let text = html(&report());
    let elements = elements(text.strip_prefix("<!DOCTYPE html>\n").unwrap());
    let found = names(&elements);
    let main = found.iter().position(|name| *name == "main").unwrap();
    let expected = [
        "main",
        "div",
        "h1",
        "h2",
        "p",
        "sup",
        "a",
        "a",
        "div",
        "ol",
        "li",
        "ol",
        "li",
        "li",
        "figure",
        "table",
        "thead",
        "tr",
        "th",
        "th",
        "tbody",
        "tr",
        "td",
        "td",
        "figcaption",
        "div",
        "pre",
        "code",
        "p",
        "br",
        "p",
        "section",
        "ul",
        "li",
        "sup",
        "a",
    ];
    assert_eq!(found[main..], expected, "{text}");
    let first = |name: &str| elements.iter().find(|element| element.name == name).unwrap();
    assert_eq!(first("title").text, "A <title> & more");
    assert_eq!(first("h2").text, "Deep", "no level is left out");
    assert_eq!(first("ol").attribute("start"), "3");
    assert_eq!(first("th").attribute("scope"), "col");
    assert_eq!(first("code").text, "if a < b {\n    c\n}");
    let links: Vec<&str> = elements.iter().filter(|e| e.name == "a").map(|e| e.attribute("href")).collect();
    assert_eq!(links, ["#note-1", "https://a.b/?c=d&e", "#ref-1"]);
    let ids: Vec<&str> = elements.iter().map(|e| e.attribute("id")).filter(|id| !id.is_empty()).collect();
    assert_eq!(ids, ["page-1", "h-1", "h-2", "ref-1", "page-2", "note-1"]);
    assert!(text.contains("<p dir=\"rtl\">שלום"), "{text}");
    assert!(text.contains("list-style-type:'(a) '"), "{text}");
}

#[test]
fn whatever_a_text_is_the_file_is_well_formed_and_shows_it() {
    let hostile = "</main><script>a()</script> & &amp; \u{0}\u{8}\u{fffe}]]> \"quoted\" 'x' <!-- ";
    let document = document("a\".pdf", 1);
    let kinds = [
        BlockKind::Title,
        BlockKind::Heading,
        BlockKind::Paragraph,
        BlockKind::ListItem,
        BlockKind::Code,
        BlockKind::Footnote,
        BlockKind::MarginalNote,
        BlockKind::Formula,
        BlockKind::Caption,
    ];
    for kind in kinds {
        let marks = vec![mark(3, 20, MarkKind::Bold), mark(10, 30, MarkKind::Italic)];
        let of_kind = Block { marks, marker: Some("<&>".to_owned()), ..block(kind, hostile) };
        let text = html(&[blocks(&document, 1, vec![of_kind])]);
        let elements = elements(text.strip_prefix("<!DOCTYPE html>\n").unwrap());
        assert!(!names(&elements).contains(&"script"), "{text}");
        assert!(text.contains("&lt;sc"), "{kind:?} {text}");
    }
}

#[test]
fn formulas_are_mathml_wherever_they_stand() {
    let text = html(&[formulas_everywhere()]);
    let found = elements(text.strip_prefix("<!DOCTYPE html>\n").unwrap());
    let math: Vec<&Element> = found.iter().filter(|element| element.name == "math").collect();
    assert_eq!(math.len(), 9, "heading, two paragraphs, item, cell, caption, footnote, and two by themselves");
    let displayed: Vec<&str> =
        math.iter().filter(|math| math.attribute("display") == "block").map(|math| math.attribute("alttext")).collect();
    assert_eq!(displayed, [r"c=\frac{1}{2}", r"\sum_i d"]);
    assert!(
        math.iter()
            .filter(|math| math.attribute("display").is_empty())
            .all(|math| math.attribute("alttext") == "a_1<b")
    );
    let numbers: Vec<&str> =
        found.iter().filter(|e| e.attribute("class") == "number").map(|e| e.text.as_str()).collect();
    assert_eq!(numbers, ["(12)"]);
    // What cannot be parsed is said in plain characters.
    assert!(text.contains("<p class=\"formula\">broken (13)</p>") && text.contains(", and broken.</p>"), "{text}");
    let nothing = Block { latex: Some(r"\begin{x".to_owned()), ..block(BlockKind::Formula, "") };
    assert!(html(&[blocks(&document("a.pdf", 1), 1, vec![nothing])]).contains("class=\"formula\""));
}

#[test]
fn a_document_without_a_title_is_called_as_its_file() {
    let text = html(&[blocks(&document("x/r & s.pdf", 1), 1, vec![block(BlockKind::Paragraph, "a")])]);
    assert!(text.contains("<title>r &amp; s.pdf</title>") && text.contains("<html>"), "{text}");
    let english = "The council has decided that the member states must change their rules before the end of the year.";
    let text = html(&[blocks(&document("r.pdf", 1), 1, vec![block(BlockKind::Paragraph, english)])]);
    assert!(text.contains("<html lang=\"en\">"), "{text}");
}
