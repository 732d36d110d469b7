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

/// The LaTeX of the formulas of a page that has this beside a line of text.
fn formulas(content: &str) -> Vec<String> {
    first(content).hints.formulas.into_iter().map(|formula| formula.latex).collect()
}

/// A line of text above and one below what stands between.
fn between(content: &str) -> String {
    format!(
        "BT /R 10 Tf 20 170 Td (We write for every one of the values that it may take what stands below,) Tj ET {content} \
         BT /R 10 Tf 20 40 Td (and so it goes on for every one of the values that it may take at all.) Tj ET"
    )
}

#[test]
fn powers_of_ten_and_less_are_formulas_and_marks_of_notes_are_none() {
    let raised = |number: &str, small: &str| {
        formulas(&format!(
            "BT /R 10 Tf 20 100 Td (about {number}) Tj {small} 0 Ts /R 10 Tf ( of them) Tj ET BT /R 10 Tf 20 60 Td (or ) Tj /I 10 Tf (x) Tj ET"
        ))
    };
    assert_eq!(raised("10", "/I 7 Tf (x) Tj"), Vec::<String>::new(), "nothing raised");
    assert_eq!(raised("10", "4 Ts /R 7 Tf (15) Tj"), ["10^{15}"]);
    assert_eq!(raised("2", "4 Ts /S 7 Tf (-) Tj /R 7 Tf (5) Tj"), ["2^{-5}"]);
    assert_eq!(raised("2019", "4 Ts /R 7 Tf (3) Tj"), Vec::<String>::new(), "a mark of a note");
}

#[test]
fn an_italic_word_with_an_index_is_a_name_and_others_are_words() {
    let line = |after: &str| {
        formulas(&format!(
            "BT /R 10 Tf 20 100 Td (for all where ) Tj /I 10 Tf (mat) Tj {after} /R 10 Tf ( = 2 ) Tj (holds) Tj ET"
        ))
    };
    assert_eq!(line("-1.5 Ts /I 7 Tf (ij) Tj 0 Ts"), ["mat_{ij}=2"]);
    assert_eq!(line(""), Vec::<String>::new());
}

#[test]
fn a_list_with_dots_that_stand_apart_is_one_formula() {
    let found = formulas(
        "BT /R 10 Tf 20 100 Td (for all ) Tj /S 10 Tf (a) Tj -1.5 Ts /R 7 Tf (1) Tj 0 Ts /R 10 Tf (, . . . , ) Tj \
         /S 10 Tf (a) Tj -1.5 Ts /I 7 Tf (n) Tj 0 Ts /R 10 Tf ( of them) Tj ET",
    );
    assert_eq!(found, ["\\alpha_{1},\\ldots,\\alpha_{n}"]);
}

#[test]
fn modulo_keeps_both_its_sides() {
    let found = formulas(
        "BT /R 10 Tf 20 100 Td (where ) Tj /I 10 Tf (p) Tj /S 10 Tf ( \\272 ) Tj /R 10 Tf (1) Tj 4 0 Td ( ) Tj ET \
         BT /R 10 Tf 69 100 Td (mod) Tj ET BT /R 10 Tf 92 100 Td (8 for all of them) Tj ET",
    );
    assert_eq!(found, ["p\\equiv1\\operatorname{mod}8"]);
}

#[test]
fn a_line_whose_scripts_are_most_of_it_stands_on_its_letter() {
    let found = formulas(&between("BT /I 10 Tf 180 105 Td (e) Tj 4 Ts /R 7 Tf (0.27) Tj /I 7 Tf (i) Tj ET"));
    assert_eq!(found, ["e^{0.27i}"]);
}

#[test]
fn what_is_set_apart_may_be_little() {
    assert_eq!(
        formulas(&between("BT /I 10 Tf 180 105 Td (v) Tj /R 10 Tf (\\() Tj /I 10 Tf (x) Tj /R 10 Tf (\\)) Tj ET")),
        ["v(x)"]
    );
    assert_eq!(formulas(&between("BT /R 10 Tf 180 105 Td (\\(a\\)) Tj ET")), Vec::<String>::new());
    let name = between("BT /I 10 Tf 170 105 Td (CCZ) Tj /R 10 Tf ( = ) Tj /S 10 Tf (a) Tj ET");
    assert_eq!(formulas(&name), ["CCZ=\\alpha"]);
}

#[test]
fn the_words_of_a_case_are_of_the_formula() {
    let found = formulas(&between(
        "BT /I 10 Tf 140 100 Td (f) Tj /S 10 Tf ( = ) Tj ET \
         BT /S 10 Tf 152 108 Td (\\354) Tj ET BT /S 10 Tf 152 100 Td (\\355) Tj ET BT /S 10 Tf 152 92 Td (\\356) Tj ET \
         BT /S 10 Tf 172 108 Td (a) Tj ET BT /R 10 Tf 200 108 Td (if ) Tj /S 10 Tf (a > b,) Tj ET \
         BT /S 10 Tf 172 92 Td (b) Tj ET BT /R 10 Tf 200 92 Td (otherwise) Tj ET",
    ));
    assert_eq!(
        found,
        ["f=\\begin{cases} \\alpha & \\text{if }\\alpha>\\beta, \\\\ \\beta & \\text{otherwise} \\end{cases}"]
    );
}

#[test]
fn a_letter_with_arguments_and_a_name_beside_a_relation_are_formulas() {
    let line = |content: &str| {
        formulas(&format!("BT /R 10 Tf 20 100 Td (for all where ) Tj {content} /R 10 Tf ( holds) Tj ET"))
    };
    let of = |name: &str| format!("{name} /R 10 Tf (\\() Tj /I 10 Tf (t) Tj /R 10 Tf (\\)) Tj");
    assert_eq!(line(&of("/I 10 Tf (U) Tj")), ["U(t)"]);
    assert_eq!(line(&of("(word) Tj")), Vec::<String>::new());
    assert_eq!(
        line("/I 10 Tf (Z) Tj /S 10 Tf ( ~ ) Tj /R 10 Tf (Logistic\\(0, 1\\)) Tj"),
        ["Z\\sim\\text{ Logistic }(0,1)"]
    );
}

#[test]
fn angles_that_close_bars_leave_other_brackets_their_own() {
    let found = formulas(
        "BT /R 10 Tf 20 100 Td (where |) Tj /I 10 Tf (b) Tj /S 10 Tf (\\361 = ) Tj /R 10 Tf (\\(1, ) Tj /I 10 Tf (b) Tj \
         /R 10 Tf (\\) holds) Tj ET",
    );
    assert_eq!(found, ["|b\\rangle=(1,b)"]);
}

#[test]
fn signs_that_no_prose_has_make_formulas_of_numbers() {
    assert_eq!(
        formulas("BT /R 10 Tf 20 100 Td (where 1) Tj /S 10 Tf ( \\305 ) Tj /R 10 Tf (1 = 0 holds) Tj ET"),
        ["1\\oplus1=0"]
    );
    assert_eq!(formulas("BT /R 10 Tf 20 100 Td (where 1 = 0 holds) Tj ET"), Vec::<String>::new());
}
