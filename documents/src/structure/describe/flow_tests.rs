//! Lines that stay lines, and text that goes on behind what stands between.

use super::tests::{Set, hints, page, told};
use super::*;
use crate::blocks::GoesOn;

const PROSE: &str = "The tide comes in slowly and stays for hours at the quay, where boats of all sizes are kept as";

#[test]
fn a_stanza_is_one_paragraph_whose_lines_stay() {
    let stanza = [
        ("Slow the tide comes to the quay,", 120.0, 126.0, 10.0),
        ("Boats of all sizes are kept", 130.0, 139.0, 10.0),
        ("Where the harbour was asleep.", 120.0, 152.0, 10.0),
        ("Nobody came there to stay", 130.0, 165.0, 10.0),
    ];
    let mut lines = vec![(PROSE, 60.0, 90.0, 10.0), ("they were left by those who sailed:", 60.0, 103.0, 10.0)];
    lines.extend(stanza);
    lines.push((PROSE, 60.0, 188.0, 10.0));
    lines.push(("they were.", 60.0, 201.0, 10.0));
    let told_of = describe(page(&lines), &hints());
    let texts: Vec<_> = told(&told_of).into_iter().map(|(kind, .., text)| (kind, text.to_owned())).collect();
    let verse = stanza.map(|(text, ..)| text).join("\n");
    assert!(texts.contains(&(BlockKind::Paragraph, verse)), "{texts:?}");
    // Sentences of one line each are paragraphs.
    let sentences: [Set<'_>; 4] = [
        (PROSE, 60.0, 90.0, 10.0),
        ("The boat was old and slow.", 120.0, 126.0, 10.0),
        ("The quay was far away.", 120.0, 139.0, 10.0),
        ("Nobody came there to stay.", 120.0, 152.0, 10.0),
    ];
    let told_of = describe(page(&sentences), &hints());
    assert!(told(&told_of).iter().all(|(.., text)| !text.contains('\n')));
}

/// Two columns of paragraphs; the first ends with a full line and a full sentence.
fn columns(indent: f32) -> PageText {
    let full = "Boats of all sizes are kept here for the winter months.";
    let mut lines: Vec<Set<'_>> = Vec::new();
    for number in 0..5 {
        let top = 100.0 + 39.0 * number as f32;
        lines.push(("Boats of all sizes are kept here in the winter months", 30.0 + indent, top, 10.0));
        lines.push((full, 30.0, top + 13.0, 10.0));
        lines.push((if number == 4 { full } else { "They wait." }, 30.0, top + 26.0, 10.0));
    }
    lines.push(("Ropes hold them where they are, whatever the wind does.", 325.0, 100.0, 10.0));
    lines.push(("Nobody has seen one leave.", 325.0, 113.0, 10.0));
    describe(page(&lines), &hints())
}

#[test]
fn what_begins_flush_where_paragraphs_are_set_in_goes_on_from_the_column_before() {
    let goes_on = |page: &PageText| page.blocks.iter().rev().nth(1).and_then(|block| block.goes_on);
    assert_eq!(goes_on(&columns(10.0)), Some(GoesOn::Column));
    assert_eq!(goes_on(&columns(0.0)), None, "nothing tells where all begin flush");
}

#[test]
fn a_notice_without_a_mark_that_parts_a_sentence_is_a_footnote() {
    let column = "Boats of all sizes are kept here for the winter months so";
    let mut lines: Vec<Set<'_>> = (0..40).map(|row| (column, 30.0, 100.0 + 13.0 * row as f32, 10.0)).collect();
    lines.push(("Permission to make digital or hard copies of all or part of this work", 30.0, 650.0, 7.0));
    lines.push(("is granted without fee.", 30.0, 659.0, 7.0));
    lines.push(("that nobody has seen one leave, whatever the wind does.", 325.0, 100.0, 10.0));
    lines.push(("They wait.", 325.0, 113.0, 10.0));
    let page = describe(page(&lines), &hints());
    let told = told(&page);
    let (kind, .., text) = told[told.len() - 1];
    assert_eq!(kind, BlockKind::Footnote, "{told:?}");
    assert!(text.starts_with("Permission") && page.blocks[0].goes_on == Some(GoesOn::Column), "{told:?}");
}

#[test]
fn the_last_paragraph_of_a_full_page_is_no_footnote_because_it_looks_like_one() {
    let line = "Boats of all sizes are kept here for the winter months so that they";
    let kind = |text: &str, size: f32| {
        let mut lines: Vec<Set<'_>> = (0..50).map(|row| (line, 30.0, 60.0 + 13.0 * row as f32, 10.0)).collect();
        lines.push((text, 40.0, 730.0, size));
        let lines = page(&lines);
        let rect = lines.lines[50].polygon.bounds();
        let (scope, kind) = (crate::hints::RegionScope::Line, BlockKind::Footnote);
        let region = Region { scope, kind, rect, confidence: 0.9, stroke: None };
        let page = describe(lines, &Hints { regions: vec![region], ..hints() });
        page.blocks[page.blocks.len() - 1].kind
    };
    assert_eq!(
        kind("They wait there for the whole winter, as everybody who lives here knows.", 10.0),
        BlockKind::Paragraph
    );
    assert_eq!(
        kind("They wait there for the whole winter, as everybody who lives here knows.", 8.0),
        BlockKind::Footnote
    );
    assert_eq!(kind("* They wait.", 10.0), BlockKind::Footnote);
}
