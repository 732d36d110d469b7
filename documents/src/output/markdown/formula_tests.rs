//! What readers that know formulas make of what is written.

use pulldown_cmark::{CowStr, Event, Options, Parser};

use super::*;
use crate::{
    blocks::{Block, BlockKind, GoesOn, Mark, MarkKind},
    output::testing::{block, blocks, document, formula, grid, mark, written},
};

fn markdown(list: Vec<Block>, formulas: FormulaDelimiters) -> String {
    let options = DocumentOptions { formulas, ..DocumentOptions::default() };
    written(|out| Box::new(Markdown::new(out, options)), &[blocks(&document("a.pdf", 1), 1, list)])
}

fn of(list: Vec<Block>) -> String {
    markdown(list, FormulaDelimiters::Dollars)
}

/// Formulas that a reader finds, and the text around them.
fn read(markdown: &str) -> (Vec<String>, String) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_MATH;
    let (mut formulas, mut text) = (Vec::new(), String::new());
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::InlineMath(CowStr::Borrowed(latex)) => formulas.push(latex.to_owned()),
            Event::InlineMath(latex) => formulas.push(latex.to_string()),
            Event::DisplayMath(latex) => formulas.push(format!("[{latex}]")),
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    (formulas, text)
}

/// `text` with the formula in place of `x`, as a block.
fn marked(kind: BlockKind, text: &str, latex: &str) -> Block {
    let at = text.chars().position(|c| c == 'x').unwrap() as u32;
    Block { marks: vec![formula(at, at + 1, latex)], ..block(kind, text) }
}

#[test]
fn formulas_are_found_wherever_they_stand() {
    let latex = "a_i*b_j*|c|";
    let note = Block { marker: Some("1".to_owned()), ..marked(BlockKind::Footnote, "See x.", latex) };
    let mut referring = marked(BlockKind::Paragraph, "(x), 1", latex);
    referring.marks.push(mark(5, 6, MarkKind::NoteReference));
    let mut linked = marked(BlockKind::Paragraph, "see x here", latex);
    linked.marks.push(Mark { target: Some("https://a.b".to_owned()), ..mark(0, 10, MarkKind::Link) });
    let mut bold = marked(BlockKind::Paragraph, "all x bold", latex);
    bold.marks.push(mark(0, 10, MarkKind::Bold));
    let table = |table: crate::blocks::Table| Block {
        table: Some(Box::new(table)),
        ..Block::new(BlockKind::Table, Default::default(), 0..0)
    };
    let caption = Block { of: Some(0), ..marked(BlockKind::Caption, "Table of x", latex) };
    let item = Block { marker: Some("•".to_owned()), ..marked(BlockKind::ListItem, "x, or", latex) };
    let mut spanned = grid(&["x|b", "c|d"], 2);
    spanned.cells[0].marks = vec![formula(0, 1, latex)];
    let barred = "a_i*b_j*\\vert c\\vert";
    for (list, expected, text) in [
        (vec![marked(BlockKind::Heading, "On x", latex)], "# On $a_i*b_j*|c|$\n", "On "),
        (vec![item], "- $a_i*b_j*|c|$, or\n", ", or"),
        (vec![referring, note], "($a_i*b_j*|c|$), [^1]\n\n[^1]: See $a_i*b_j*|c|$.\n", "(), See ."),
        (vec![linked], "[see $a_i*b_j*|c|$ here](https://a.b)\n", "see  here"),
        (vec![bold], "**all $a_i*b_j*|c|$ bold**\n", "all  bold"),
        (
            vec![table(table_of(latex)), caption],
            "| $a_i*b_j*\\vert c\\vert$ | b |\n| --- | --- |\n| c | d |\n\nTable of $a_i*b_j*|c|$\n",
            "bcdTable of ",
        ),
    ] {
        let found = of(list.clone());
        assert_eq!(found, expected, "{list:?}");
        let (formulas, said) = read(&found);
        assert!(!formulas.is_empty() && formulas.iter().all(|found| found == latex || found == barred), "{formulas:?}");
        assert_eq!(said, text);
    }
    let html = of(vec![table(spanned)]);
    assert!(html.contains("<th scope=\"col\">$a_i*b_j*|c|$</th>"), "{html}");
}

fn table_of(latex: &str) -> crate::blocks::Table {
    let mut table = grid(&["x|b", "c|d"], 1);
    table.cells[0].marks = vec![formula(0, 1, latex)];
    table
}

#[test]
fn what_stands_beside_a_formula_does_not_change_it() {
    for (text, latex, expected) in [
        ("x", "n", "$n$\n"),
        ("the xth", "n", "the $n$th\n"),
        ("x2 more", "n", "$n$<!-- -->2 more\n"),
        ("costs $5, x", "n", "costs \\$5, $n$\n"),
        ("5$x$", "n", "5\\$$n$\\$\n"),
        ("\"x\", (x).", "f(n)", "\"$f(n)$\", (x).\n"),
        ("x is broken", "\\frac{a", "x is broken\n"),
        ("x is none", " ", "x is none\n"),
    ] {
        let found = of(vec![marked(BlockKind::Paragraph, text, latex)]);
        assert_eq!(found, expected);
    }
    let two = Block { marks: vec![formula(0, 1, "a"), formula(1, 2, "b")], ..block(BlockKind::Paragraph, "ab") };
    assert_eq!(of(vec![two.clone()]), "$a$<!-- -->$b$\n");
    assert_eq!(markdown(vec![two.clone()], FormulaDelimiters::Brackets), "\\(a\\)\\(b\\)\n");
    assert_eq!(markdown(vec![two], FormulaDelimiters::Off), "ab\n");
    let code = Block {
        marks: vec![mark(0, 5, MarkKind::Monospace), formula(2, 3, "y")],
        ..block(BlockKind::Paragraph, "a x b")
    };
    assert_eq!(of(vec![code]), "`a x b`\n");
}

#[test]
fn formulas_by_themselves_have_their_numbers() {
    let display = |text: &str, latex: &str, number: &str| Block {
        latex: Some(latex.to_owned()),
        marker: (!number.is_empty()).then(|| number.to_owned()),
        ..block(BlockKind::Formula, text)
    };
    for (one, dollars, off) in [
        (display("a = b", "a=b", ""), "$$a=b$$\n", "a = b\n"),
        (display("a = b", "a=b", "(12)"), "$$a=b \\tag{12}$$\n", "a = b (12)\n"),
        (display("", "x^2", "(1)"), "$$x^2 \\tag{1}$$\n", "x² (1)\n"),
        (display("a = b", "\\frac{a", "(1)"), "a = b (1)\n", "a = b (1)\n"),
        (display("- b", "\n- b\n\n= c", ""), "$$- b = c$$\n", "\\- b\n"),
    ] {
        let found = of(vec![one.clone()]);
        assert_eq!(found, dollars);
        assert_eq!(markdown(vec![one], FormulaDelimiters::Off), off);
        if let Some(inner) = dollars.trim().strip_prefix("$$") {
            assert_eq!(read(&found).0, [format!("[{}]", inner.trim_end_matches('$'))]);
        }
    }
    let goes_on = Block { goes_on: Some(GoesOn::Column), ..display("a", "a", "") };
    assert_eq!(of(vec![goes_on, display("b", "b", "")]), "$$a$$\n\n$$b$$\n");
}

/// A fixed sequence of numbers that look like chance (xorshift).
fn chance(state: &mut u64, most: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state % most as u64) as usize
}

#[test]
fn whatever_stands_around_a_formula_a_reader_finds_it() {
    const TEXTS: [&str; 30] = [
        "*", "_", "`", "$", "$$", "[", "]", "(", ")", "](", "<", ">", "<b>", "&", ";", "#", "-", "1.", "|", "\\", "!",
        "a", "b c", " ", "5", "é", "~", "\"", "^", "==",
    ];
    const FORMULAS: [&str; 16] = [
        "n",
        "a_1",
        "x*y*z",
        "a<b",
        "[0,1)",
        "f(x)]",
        "|x|",
        "\\alpha\\",
        "\\{a\\}",
        "a\\_b",
        "`q`",
        "\\text{a $b$ c}",
        "5\\$",
        "x!",
        "<!--",
        "a&b",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        let text = |state: &mut u64| {
            let parts = chance(state, 5);
            (0..parts).map(|_| TEXTS[chance(state, TEXTS.len())]).collect::<String>()
        };
        let (before, after) = (text(&mut state).trim_start().to_owned(), text(&mut state).trim_end().to_owned());
        let latex = FORMULAS[chance(&mut state, FORMULAS.len())];
        let place = before.chars().count() as u32;
        let mut paragraph = block(BlockKind::Paragraph, &format!("{before}N{after}"));
        paragraph.marks.push(formula(place, place + 1, latex));
        if chance(&mut state, 3) == 0 {
            let length = paragraph.text.chars().count();
            let kinds = [MarkKind::Bold, MarkKind::Italic, MarkKind::Superscript];
            let (from, to) = (chance(&mut state, length + 1) as u32, chance(&mut state, length + 1) as u32);
            paragraph.marks.push(mark(from.min(to), from.max(to), kinds[chance(&mut state, 3)]));
        }
        let found = of(vec![paragraph.clone()]);
        let (formulas, said) = read(&found);
        assert_eq!(formulas.len(), 1, "{found:?} {paragraph:?}");
        let plain = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(plain(&said), plain(&format!("{before}{after}")), "{found:?}");
    }
}
