//! Formulas of text layers: where they are, what they say, and that nothing of them is lost.

use super::hints::first;
use crate::{
    blocks::{BlockKind, MarkKind},
    page_text::{PageText, TextLayer},
    structure::{Structure, describe},
};

fn described(layer: TextLayer) -> PageText {
    let page = PageText { lines: layer.lines, blocks: layer.blocks, text: layer.text };
    describe(page, &layer.hints, Structure::Full)
}

#[test]
fn a_formula_in_a_sentence_is_marked_and_read() {
    let page = described(first(
        "BT /R 10 Tf 20 100 Td (where ) Tj /I 10 Tf (x) Tj /R 7 Tf 4 Ts (2) Tj 0 Ts /R 10 Tf ( + ) Tj /S 10 Tf (a) Tj /R 10 Tf \
         ( = 10 holds for all \\(of them\\).) Tj ET",
    ));
    let block = &page.blocks[0];
    assert_eq!(block.text, "where x\u{b2} + \u{3b1} = 10 holds for all (of them).");
    let mark = block.marks.iter().find(|mark| mark.kind == MarkKind::Formula).unwrap();
    assert_eq!(mark.latex.as_deref(), Some("x^{2}+\\alpha=10"));
    let marked: String = block.text.chars().skip(mark.start as usize).take((mark.end - mark.start) as usize).collect();
    assert_eq!(marked, "x\u{b2} + \u{3b1} = 10");
    assert!(block.marks.iter().all(|other| other == mark || other.end <= mark.start || other.start >= mark.end));
}

#[test]
fn a_fraction_that_stands_by_itself_is_one_block_with_all_its_lines() {
    let layer = first(
        "BT /R 10 Tf 20 150 Td (We write for every one of the values that it may take the sum as) Tj ET \
         BT /I 10 Tf 120 120 Td (y) Tj /R 10 Tf ( = ) Tj ET BT /I 10 Tf 139 127 Td (a) Tj /R 10 Tf ( + 1) Tj ET \
         BT /S 10 Tf 147 113 Td (b) Tj ET 138 122.3 24 0.4 re f \
         BT /R 10 Tf 20 85 Td (and so it goes on for every one of the values that it may take at all.) Tj ET",
    );
    let lines = layer.lines.len();
    let page = described(layer);
    assert_eq!(page.lines.len(), lines);
    assert_eq!(page.blocks.iter().map(|block| block.lines.len()).sum::<usize>(), lines);
    let block = page.blocks.iter().find(|block| block.kind == BlockKind::Formula).unwrap();
    assert_eq!(block.latex.as_deref(), Some("y=\\frac{a+1}{\\beta}"));
    assert_eq!(block.text, "y = (a + 1)/\u{3b2}");
    assert_eq!(block.lines.len(), lines - 2);
}

#[test]
fn prose_with_numbers_bullets_and_single_letters_has_no_formulas() {
    for text in [
        "Theorem 2 of section 3.1 holds",
        "See \\(a\\) and \\(b\\), pp. 10-12",
        "x is a letter and so is y",
        "2019/20: 5 of 10 - or more",
    ] {
        let layer = first(&format!(
            "BT /R 10 Tf 20 100 Td ({text}) Tj ET BT /S 10 Tf 20 60 Td (\\267) Tj /R 10 Tf ( item of a list) Tj ET"
        ));
        assert_eq!(layer.hints.formulas, [], "{text}");
    }
}
