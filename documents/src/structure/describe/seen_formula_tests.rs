use super::{
    tests::{Set, hints, page, told},
    *,
};
use crate::hints::SeenFormula;

const LINES: [Set<'_>; 5] = [
    (
        "The text above it goes on for as long as rows of text do, and ends where the formula begins to be",
        50.0,
        60.0,
        10.0,
    ),
    ("f(x) = 2", 250.0, 90.0, 10.0),
    ("x", 272.0, 102.0, 8.0),
    ("(3)", 525.0, 95.0, 10.0),
    (
        "where the text below it goes on with what it means for all the rest that is to be said of the matter",
        50.0,
        130.0,
        10.0,
    ),
];

fn seen(latex: Option<&str>) -> Hints {
    let rect = Rect { left: 245.0, top: 88.0, right: 300.0, bottom: 112.0 };
    let formula =
        SeenFormula { rect, latex: latex.map(str::to_owned), number: Some("(9)".to_owned()), confidence: 0.9 };
    Hints { seen_formulas: vec![formula], ..hints() }
}

#[test]
fn a_formula_that_was_read_says_its_latex_and_keeps_its_lines_and_its_number() {
    let page = describe(page(&LINES), &seen(Some(r"f(x) = \frac{2}{x}")));
    let block = page.blocks.iter().find(|block| block.kind == BlockKind::Formula).unwrap();
    assert_eq!(block.latex.as_deref(), Some(r"f(x) = \frac{2}{x}"));
    assert_eq!(block.marker.as_deref(), Some("(3)"), "the number that stands beside it, and not the one that was read");
    assert!(block.text.contains("2/x"), "{:?}", told(&page));
    let own: Vec<&str> = page.lines[block.lines.clone()].iter().map(|line| line.text.as_str()).collect();
    assert_eq!(own, ["f(x) = 2", "x", "(3)"]);
    let kinds: Vec<BlockKind> = page.blocks.iter().map(|block| block.kind).collect();
    assert_eq!(kinds, [BlockKind::Paragraph, BlockKind::Formula, BlockKind::Paragraph]);
}

#[test]
fn a_formula_that_was_read_too_doubtfully_says_its_lines() {
    let page = describe(page(&LINES), &seen(None));
    let block = page.blocks.iter().find(|block| block.kind == BlockKind::Formula).unwrap();
    assert_eq!((block.latex.as_deref(), block.text.as_str()), (None, "f(x) = 2 x"));
}

#[test]
fn a_formula_that_no_line_was_found_of_stands_in_its_place() {
    let lines = [LINES[0], LINES[4]];
    let page = describe(page(&lines), &seen(Some("a^{2}")));
    let told = told(&page);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[1], (BlockKind::Formula, None, Some("(9)"), "a²"));
}

#[test]
fn a_formula_below_another_one_stands_behind_the_short_line_between_them() {
    let lines = [
        LINES[0],
        ("f(x) = 2", 250.0, 90.0, 10.0),
        ("It ends before it.", 50.0, 125.0, 10.0),
        ("g(x) = 2", 250.0, 155.0, 10.0),
        ("And then the text goes on.", 50.0, 190.0, 10.0),
    ];
    let formula = |top: f32, latex: &str| SeenFormula {
        rect: Rect { left: 245.0, top, right: 300.0, bottom: top + 16.0 },
        latex: Some(latex.to_owned()),
        number: None,
        confidence: 0.9,
    };
    let seen_formulas = vec![formula(87.0, "f(x)=2"), formula(152.0, "g(x)=2")];
    let page = describe(page(&lines), &Hints { seen_formulas, ..hints() });
    let texts: Vec<&str> = told(&page).into_iter().map(|(.., text)| text).collect();
    assert_eq!(texts[1..], ["f(x) = 2", "It ends before it.", "g(x) = 2", "And then the text goes on."]);
}

#[test]
fn rows_of_a_matrix_that_was_surely_read_are_no_table() {
    let mut lines = vec![LINES[0], ("M =", 150.0, 136.0, 10.0)];
    for row in 0..6 {
        for column in 0..4 {
            lines.push(("10", 200.0 + 40.0 * column as f32, 100.0 + 14.0 * row as f32, 10.0));
        }
    }
    lines.push(("And then the text goes on.", 50.0, 210.0, 10.0));
    let kinds = |confidence: f32| -> Vec<BlockKind> {
        let formula = SeenFormula {
            rect: Rect { left: 145.0, top: 95.0, right: 345.0, bottom: 185.0 },
            latex: Some("M=\\begin{bmatrix} 10 & 10 \\\\ 10 & 10 \\end{bmatrix}".to_owned()),
            number: None,
            confidence,
        };
        let page = describe(page(&lines), &Hints { seen_formulas: vec![formula], ..hints() });
        page.blocks.iter().map(|block| block.kind).collect()
    };
    assert_eq!(kinds(0.9), [BlockKind::Paragraph, BlockKind::Formula, BlockKind::Paragraph]);
    assert!(kinds(0.6).contains(&BlockKind::Table), "{:?}", kinds(0.6));
}

#[test]
fn what_the_network_sees_of_a_formula_beside_its_lines_is_no_formula_of_its_own() {
    let kinds = |right: f32| -> Vec<BlockKind> {
        let rect = Rect { left: 180.0, top: 85.0, right, bottom: 115.0 };
        let (scope, kind) = (crate::hints::RegionScope::Area, BlockKind::Formula);
        let region = Region { scope, kind, rect, confidence: 0.8, stroke: None };
        let page = describe(page(&LINES), &Hints { regions: vec![region], ..seen(Some("f(x)=2")) });
        page.blocks.iter().map(|block| block.kind).collect()
    };
    assert_eq!(kinds(252.0), [BlockKind::Paragraph, BlockKind::Formula, BlockKind::Paragraph]);
    assert_eq!(kinds(240.0).len(), 4, "beside it stands another one");
}
