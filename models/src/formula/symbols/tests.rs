use pagestream_documents::{
    Rect,
    formula::{Letters, Symbol, read},
};

use super::{
    classes::{self, Class},
    join::{NUMBERS, join},
    levels, number,
    parts::{Cut, Parts, scaled},
};
use crate::formula::picture::{Ink, parts::traced};

const CLASSES: &str = "several\nbar\n− Plain 1 0.70 0.05\n= Plain 2 0.70 0.25\ni Plain 1 0.32 0.48\n˙ Plain 1 0.12 0.12\n√ Plain 1 1.00 1.20\nx Plain 1 0.55 0.45";

fn known() -> Vec<Class> {
    classes::parse(CLASSES).unwrap()
}

fn class(name: &str) -> usize {
    CLASSES.lines().position(|line| line == name || line.split(' ').next() == Some(name)).unwrap()
}

/// What the network says of a part that it is sure of: its class, the binary logarithm of its em and how far below its middle its line is, in sizes.
fn row(name: &str, em: f32, baseline: f32) -> Vec<f32> {
    let mut row = vec![0.0; CLASSES.lines().count() + NUMBERS];
    row[class(name)] = 20.0;
    let count = row.len();
    (row[count - 2], row[count - 1]) = (em.log2(), baseline);
    row
}

/// A picture of `width` x `height` in which these boxes are ink: left, top, right, bottom.
fn painted(width: usize, height: usize, boxes: &[[usize; 4]]) -> Vec<f32> {
    let mut data = vec![0.0; width * height];
    for [left, top, right, bottom] in boxes {
        (*top..*bottom).for_each(|y| data[y * width + left..y * width + right].fill(1.0));
    }
    data
}

fn parts(data: &[f32], width: usize) -> Parts {
    Parts::of(Ink { data, width, height: data.len() / width }).unwrap()
}

fn symbol(text: &str, left: f32, baseline: f32, size: f32) -> Symbol {
    let (width, above, below) = match text {
        "(" | ")" => (0.3, 0.75, 0.25),
        "−" => (0.7, 0.27, -0.23),
        "." => (0.1, 0.1, 0.0),
        "," => (0.1, 0.1, 0.2),
        "′" => (0.2, 0.55, 0.0),
        "∨" => (1.0, 1.1, 0.3),
        "W" | "O" => (0.7, 0.68, 0.0),
        text if text.chars().all(|c| c.is_ascii_digit()) => (0.45, 0.65, 0.0),
        _ => (0.5, 0.44, 0.0),
    };
    Symbol {
        text: text.into(),
        rect: Rect { left, top: baseline - above * size, right: left + width * size, bottom: baseline + below * size },
        baseline,
        size,
        letters: Letters::Plain,
    }
}

fn latex(mut symbols: Vec<Symbol>) -> String {
    levels::settle(&mut symbols);
    read(&symbols, &[]).unwrap().latex
}

#[test]
fn classes_are_what_the_metadata_says_or_an_error() {
    let known = known();
    assert!(matches!(&known[0], Class::Several) && matches!(&known[1], Class::Bar));
    let Class::Symbol(equals) = &known[3] else { panic!("{:?}", known[3]) };
    assert_eq!((equals.text.as_str(), equals.parts, equals.letters), ("=", 2, Letters::Plain));
    let Class::Symbol(ell) = &classes::parse("l Script 1 0.3 0.7").unwrap()[0] else { panic!() };
    assert_eq!((ell.text.as_str(), ell.letters), ("ℓ", Letters::Plain));
    for wrong in ["", "x", "x Slanted 1 1 1", "x Plain 1 1", "x Plain 1 1 1 1", "x Plain one 1 1"] {
        assert!(classes::parse(&format!("bar\n{wrong}\nseveral")).is_err(), "{wrong}");
    }
}

#[test]
fn parts_of_one_symbol_are_put_together_and_a_root_is_parted_from_its_line() {
    // `=`, `i`, and a root over `x`, in print of 20 pixels an em.
    let boxes = [
        [2, 20, 16, 22],
        [2, 24, 16, 26],
        [24, 14, 27, 17],
        [24, 20, 28, 32],
        [36, 20, 38, 34],
        [38, 8, 40, 34],
        [40, 8, 60, 10],
        [44, 22, 54, 32],
    ];
    let data = painted(64, 40, &boxes);
    let parts = parts(&data, 64);
    assert_eq!(parts.parts.len(), 6);
    let em = 20.0 / parts.size as f32;
    let at_line = |middle: f32| (32.0 - middle) / parts.size as f32;
    let rows = |second_bar: &str| {
        vec![
            row("=", em, at_line(21.0)),
            row(second_bar, em, at_line(25.0)),
            row("˙", em, at_line(15.5)),
            row("i", em, at_line(26.0)),
            row("√", em, at_line(21.0)),
            row("x", em, at_line(27.0)),
        ]
    };
    // The network may see less of a symbol than there is.
    for second_bar in ["=", "−"] {
        let seen = join(&parts, &rows(second_bar), &known()).unwrap();
        let texts: Vec<&str> = seen.symbols.iter().map(|symbol| symbol.text.as_str()).collect();
        assert_eq!(texts, ["=", "i", "√", "x"], "{second_bar}");
        assert_eq!((seen.symbols[0].rect.top, seen.symbols[0].rect.bottom), (20.0, 26.0));
        assert_eq!(seen.symbols[1].rect.top, 14.0, "with its dot");
        let [line] = seen.bars[..] else { panic!("{:?}", seen.bars) };
        assert_eq!((line.left, line.right, line.top), (38.0, 60.0, 8.0));
        assert!(seen.symbols[2].rect.right < 42.0 && seen.score > -0.01);
        assert_eq!(read(&seen.symbols[2..], &seen.bars).unwrap().latex, "\\sqrt{x}");
    }
    // What is of several is taken for the likeliest one, and is worth little.
    let mut several = rows("=");
    several[5] = row("several", em, at_line(27.0));
    several[5][class("x")] = 14.0;
    let seen = join(&parts, &several, &known()).unwrap();
    assert!(seen.symbols[3].text == "x" && seen.score < -1.0, "{}", seen.score);
}

#[test]
fn a_dot_over_another_letter_is_its_accent() {
    let data = painted(24, 40, &[[8, 14, 11, 17], [4, 22, 14, 32]]);
    let parts = parts(&data, 24);
    let em = 20.0 / parts.size as f32;
    let rows = [row("x", em, 5.0 / parts.size as f32), row("˙", em, 16.5 / parts.size as f32)];
    let seen = join(&parts, &rows, &known()).unwrap();
    assert_eq!(read(&seen.symbols, &seen.bars).unwrap().latex, "\\dot{x}");
}

#[test]
fn letters_of_one_line_are_of_one_size_whatever_is_said_of_each() {
    // Ems a fifth too small and too large, baselines a pixel off.
    let formula = |noise: f32| {
        vec![
            symbol("a", 0.0, 40.0, 20.0),
            symbol("b", 11.0, 40.0 + noise, 20.0 * (1.0 - 0.18 * noise)),
            symbol("2", 22.0, 32.0, 14.0 * (1.0 + 0.15 * noise)),
            symbol("−", 31.0, 40.0 - 2.0 * noise, 20.0 * (1.0 - 0.3 * noise)),
            symbol("c", 48.0, 40.0 - noise, 20.0 * (1.0 + 0.1 * noise)),
            symbol("i", 59.0, 44.0, 14.0 * (1.0 + 0.2 * noise)),
        ]
    };
    for noise in [0.0, 0.5, 1.0] {
        assert_eq!(latex(formula(noise)), "ab^{2}-c_{i}", "{noise}");
    }
}

#[test]
fn brackets_dots_commas_and_primes_go_to_the_line_that_they_stand_on() {
    let mut brackets = vec![
        symbol("f", 0.0, 40.0, 20.0),
        symbol("(", 11.0, 46.0, 15.0),
        symbol("t", 18.0, 40.0, 20.0),
        symbol(")", 29.0, 35.0, 16.0),
        symbol(".", 40.0, 36.0, 14.0),
    ];
    // Where they are drawn is as in print: only what the network says of them is wrong.
    for (at, right) in
        [(1, symbol("(", 11.0, 40.0, 20.0)), (3, symbol(")", 29.0, 40.0, 20.0)), (4, symbol("·", 40.0, 40.0, 20.0))]
    {
        brackets[at].rect = right.rect;
    }
    brackets[4].rect = Rect { left: 40.0, top: 38.0, right: 42.0, bottom: 40.0 };
    assert_eq!(latex(brackets.clone()), "f(t).");
    brackets[4].rect = Rect { left: 40.0, top: 34.0, right: 42.0, bottom: 36.0 };
    assert_eq!(latex(brackets), "f(t)\\cdot");
    let mut list = vec![
        symbol("x", 0.0, 40.0, 20.0),
        symbol("i", 11.0, 43.0, 14.0),
        symbol(",", 18.5, 40.0, 10.0),
        symbol("j", 21.0, 43.0, 14.0),
        symbol("′", 40.0, 30.0, 9.0),
    ];
    list[2].rect = symbol(",", 18.5, 43.0, 14.0).rect;
    list[4].rect = Rect { left: 11.5, top: 22.0, right: 13.5, bottom: 30.0 };
    assert_eq!(latex(list), "x_{i,j}'");
}

#[test]
fn shapes_that_two_symbols_share_are_told_by_their_height() {
    let large = vec![symbol("∨", 0.0, 40.0, 20.0), symbol("a", 24.0, 40.0, 20.0), symbol("b", 36.0, 40.0, 20.0)];
    assert_eq!(latex(large), "\\bigvee ab");
    let mut word = vec![symbol("d", 0.0, 40.0, 20.0), symbol("o", 11.0, 40.0, 20.0), symbol("W", 22.0, 40.0, 20.0)];
    word[2].rect.top = 40.0 - 0.44 * 20.0;
    assert_eq!(latex(word), "dow");
    let mut word = vec![symbol("T", 0.0, 40.0, 20.0), symbol("o", 11.0, 40.0, 20.0)];
    word[1].rect.top = 40.0 - 0.7 * 20.0;
    assert_eq!(latex(word), "TO");
}

#[test]
fn the_number_of_an_equation_is_what_stands_far_off_in_brackets() {
    let numbered = |gap: f32, last: &str| {
        let mut symbols = vec![symbol("x", 0.0, 40.0, 20.0)];
        let texts = ["(", "1", ".", "4", last, ")"];
        let mut left = 10.0 + gap;
        for text in texts {
            let next = symbol(text, left, 40.0, 20.0);
            left = next.rect.right + 1.0;
            symbols.push(next);
        }
        let found = number::take(&mut symbols);
        (found, symbols.len())
    };
    assert_eq!(numbered(40.0, "a"), (Some("1.4a".to_owned()), 1));
    assert_eq!(numbered(2.0, "a"), (None, 7), "an argument");
    assert_eq!(numbered(40.0, "+"), (None, 7), "a factor");
    let mut alone: Vec<Symbol> =
        ["(", "1", ")"].iter().zip([0.0, 7.0, 17.0]).map(|(t, x)| symbol(t, x, 40.0, 20.0)).collect();
    assert_eq!((number::take(&mut alone), alone.len()), (None, 3));
}

#[test]
fn a_part_is_cut_where_it_is_thin() {
    // Two blocks, joined by a line of two pixels.
    let data = painted(50, 30, &[[2, 4, 20, 26], [20, 14, 28, 16], [28, 4, 46, 26]]);
    let parts = parts(&data, 50);
    let [whole] = &parts.parts[..] else { panic!("{}", parts.parts.len()) };
    let cuts = parts.cuts(whole);
    let first = cuts.iter().find(|cut| cut.is_column).unwrap();
    assert!((20..=28).contains(&first.at), "{cuts:?}");
    let [left, right] = first.of(whole).unwrap();
    assert_eq!(left.part.pixels + right.part.pixels, whole.part.pixels);
    assert!(left.part.right <= first.at && right.part.left >= first.at);
    assert_eq!((left.part.top, right.part.bottom), (4, 26));
    assert!(Cut { is_column: true, at: 2 }.of(whole).is_none() && Cut { is_column: false, at: 26 }.of(whole).is_none());
    let rows = Cut { is_column: false, at: 15 }.of(whole).unwrap();
    assert_eq!((rows[0].part.bottom, rows[1].part.top), (15, 15));
}

#[test]
fn hairlines_hold_a_part_together_and_specks_are_none() {
    // Two stems that a line of four tenths joins, and a speck.
    let mut data = painted(40, 30, &[[4, 4, 8, 26], [20, 4, 24, 26], [34, 4, 35, 5]]);
    (8..20).for_each(|x| data[14 * 40 + x] = 0.4);
    assert_eq!(parts(&data, 40).parts.len(), 1);
    assert_eq!(traced(&data, 40, 30, 0.5).len(), 3);
    (8..20).for_each(|x| data[14 * 40 + x] = 0.2);
    assert_eq!(parts(&data, 40).parts.len(), 2);
}

#[test]
fn the_print_of_a_matrix_is_as_large_as_its_cells_and_large_print_is_made_smaller() {
    let matrix = |scale: usize| {
        let cells = [[20, 10, 28, 24], [40, 10, 48, 24], [20, 34, 28, 48], [40, 34, 48, 48]];
        let brackets = [[4, 0, 10, 60], [58, 0, 64, 60]];
        let dots = [[30, 44, 32, 46], [34, 44, 36, 46], [52, 20, 54, 22]];
        let boxes: Vec<[usize; 4]> =
            cells.iter().chain(&brackets).chain(&dots).map(|sides| sides.map(|side| side * scale)).collect();
        (painted(70 * scale, 62 * scale, &boxes), 70 * scale)
    };
    let (data, width) = matrix(1);
    let own = parts(&data, width);
    assert_eq!((own.size, own.parts.len()), (14.0, 9));
    let (data, width) = matrix(5);
    let large = parts(&data, width);
    assert!((large.size - 24.0).abs() < 0.5 && large.parts.len() == 9, "{}", large.size);
    let again = scaled(Ink { data: &data, width, height: data.len() / width }).unwrap();
    assert_eq!(again.width, 120, "what waits to be read is no larger than is looked at");
}

#[test]
fn limits_are_small_even_where_they_look_as_large_as_what_is_summed() {
    let sum =
        Symbol { rect: Rect { left: 0.0, top: 20.0, right: 26.0, bottom: 48.0 }, ..symbol("∑", 0.0, 39.0, 20.0) };
    let sizes = |of_limits: f32| {
        let limit = |text: &str, left: f32, baseline: f32| symbol(text, left, baseline, of_limits);
        let symbols = vec![
            sum.clone(),
            limit("n", 8.0, 16.0),
            limit("i", 1.0, 62.0),
            limit("1", 17.0, 62.0),
            symbol("x", 30.0, 39.0, 20.0),
            limit("i", 40.0, 42.0),
        ];
        latex(symbols)
    };
    assert_eq!(sizes(14.0), "\\sum_{i1}^{n}x_{i}");
    assert_eq!(sizes(17.4), "\\sum_{i1}^{n}x_{i}");
}
