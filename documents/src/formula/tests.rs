use super::*;

/// Symbols one after the other: text, left, baseline, size; half an em wide.
fn set(parts: &[(&str, f32, f32, f32)]) -> Vec<Symbol> {
    let symbol = |&(text, left, baseline, size): &(&str, f32, f32, f32)| Symbol {
        text: text.into(),
        rect: Rect { left, top: baseline - 0.65 * size, right: left + 0.5 * size, bottom: baseline + 0.05 * size },
        baseline,
        size,
        letters: Letters::Plain,
    };
    parts.iter().map(symbol).collect()
}

fn latex(parts: &[(&str, f32, f32, f32)], bars: &[(f32, f32, f32)]) -> String {
    let bars: Vec<Rect> =
        bars.iter().map(|&(left, right, y)| Rect { left, top: y - 0.2, right, bottom: y + 0.2 }).collect();
    read(&set(parts), &bars).unwrap().latex
}

#[test]
fn scripts_are_told_by_size_and_level() {
    assert_eq!(
        latex(&[("x", 0.0, 20.0, 10.0), ("2", 5.0, 16.0, 7.0), ("+", 10.0, 20.0, 10.0), ("y", 16.0, 20.0, 10.0)], &[]),
        "x^{2}+y"
    );
    assert_eq!(latex(&[("a", 0.0, 20.0, 10.0), ("i", 5.0, 21.5, 7.0), ("2", 5.0, 16.0, 7.0)], &[]), "a_{i}^{2}");
    // A script of a script.
    assert_eq!(latex(&[("e", 0.0, 20.0, 10.0), ("x", 5.0, 16.0, 7.0), ("2", 8.5, 13.0, 5.0)], &[]), "e^{x^{2}}");
    assert_eq!(
        latex(
            &[
                ("f", 0.0, 20.0, 10.0),
                ("′", 5.0, 16.0, 7.0),
                ("(", 9.0, 20.0, 10.0),
                ("α", 14.0, 20.0, 10.0),
                (")", 19.0, 20.0, 10.0)
            ],
            &[]
        ),
        "f'(\\alpha)"
    );
}

#[test]
fn a_script_of_a_lowered_script_is_not_raised_over_the_line() {
    let parts = [
        ("d", 0.0, 20.0, 10.0),
        ("S", 5.0, 21.5, 7.0),
        ("1", 8.6, 19.2, 5.0),
        ("(", 12.0, 20.0, 10.0),
        ("x", 17.0, 20.0, 10.0),
        (")", 22.0, 20.0, 10.0),
    ];
    assert_eq!(latex(&parts, &[]), "d_{S^{1}}(x)");
}

#[test]
fn what_an_exponent_ends_with_is_no_index_of_the_root_behind_it() {
    let root = Symbol {
        text: "√".into(),
        rect: Rect { left: 16.0, top: 11.0, right: 24.0, bottom: 21.0 },
        baseline: 12.0,
        size: 10.0,
        letters: Letters::Plain,
    };
    let read = |small: &[(&str, f32, f32, f32)]| {
        let mut symbols = set(small);
        symbols.extend(set(&[("e", 0.0, 20.0, 10.0), ("X", 24.5, 20.0, 10.0)]));
        symbols.push(root.clone());
        super::read(&symbols, &[Rect { left: 24.0, top: 10.8, right: 30.0, bottom: 11.2 }]).unwrap().latex
    };
    assert_eq!(read(&[("π", 5.0, 16.0, 7.0), ("/", 8.5, 16.0, 7.0), ("4", 12.0, 16.0, 7.0)]), "e^{\\pi/4}\\sqrt{X}");
    assert_eq!(read(&[("π", 5.0, 16.0, 7.0), ("4", 16.0, 15.0, 5.0)]), "e^{\\pi}\\sqrt[4]{X}");
}

#[test]
fn an_arrow_and_its_hook_are_one_sign() {
    let parts = [("A", 0.0, 20.0, 10.0), ("↪", 8.0, 20.0, 10.0), ("→", 13.0, 20.0, 10.0), ("B", 21.0, 20.0, 10.0)];
    assert_eq!(latex(&parts, &[]), "A\\hookrightarrow B");
}

#[test]
fn a_bar_between_two_things_makes_a_fraction_and_over_one_a_mark() {
    let parts = [("a", 12.0, 13.0, 10.0), ("b", 12.0, 28.0, 10.0), ("=", 22.0, 20.0, 10.0), ("c", 30.0, 20.0, 10.0)];
    assert_eq!(latex(&parts, &[(11.0, 19.0, 17.5)]), "\\frac{a}{b}=c");
    assert_eq!(latex(&[("x", 0.0, 20.0, 10.0), ("y", 5.0, 20.0, 10.0)], &[(0.0, 10.0, 11.5)]), "\\overline{xy}");
    // One within another.
    let parts = [
        ("1", 10.0, 13.0, 10.0),
        ("a", 3.0, 26.0, 10.0),
        ("+", 8.0, 30.0, 10.0),
        ("b", 3.0, 40.0, 10.0),
        ("c", 14.0, 30.0, 10.0),
    ];
    assert_eq!(latex(&parts, &[(2.0, 20.0, 16.5), (2.5, 8.5, 29.5)]), "\\frac{1}{\\frac{a}{b}+c}");
}

#[test]
fn limits_stand_under_and_over_what_takes_them() {
    let mut symbols = set(&[
        ("n", 3.0, 6.0, 7.0),
        ("i", 0.5, 37.0, 7.0),
        ("=", 4.0, 37.0, 7.0),
        ("1", 7.5, 37.0, 7.0),
        ("x", 16.0, 20.0, 10.0),
    ]);
    let rect = Rect { left: 0.0, top: 10.0, right: 12.0, bottom: 26.0 };
    symbols.push(Symbol { text: "∑".into(), rect, baseline: 10.0, size: 10.0, letters: Letters::Plain });
    let read = read(&symbols, &[]).unwrap();
    assert_eq!(read.latex, "\\sum_{i=1}^{n}x");
    assert_eq!(read.text, "∑_{i = 1}ⁿ x");
    assert!(read.confidence > 0.9);
}

#[test]
fn sums_side_by_side_have_limits_of_their_own() {
    let mut symbols = set(&[
        ("i", 0.0, 32.0, 7.0),
        ("=", 3.5, 32.0, 7.0),
        ("1", 7.0, 32.0, 7.0),
        ("j", 13.0, 32.0, 7.0),
        ("=", 16.5, 32.0, 7.0),
        ("i", 20.0, 32.0, 7.0),
        ("x", 26.0, 20.0, 10.0),
    ]);
    let sum = |left: f32| Symbol {
        text: "∑".into(),
        rect: Rect { left, top: 10.0, right: left + 8.0, bottom: 25.0 },
        baseline: 10.0,
        size: 10.0,
        letters: Letters::Plain,
    };
    symbols.extend([sum(1.0), sum(14.0)]);
    assert_eq!(super::read(&symbols, &[]).unwrap().latex, "\\sum_{i=1}\\sum_{j=i}x");
}

#[test]
fn what_ends_the_sentence_behind_cases_is_of_no_case() {
    let mut symbols = set(&[
        ("f", 0.0, 20.0, 10.0),
        ("=", 6.0, 20.0, 10.0),
        ("a", 20.0, 12.0, 10.0),
        ("b", 20.0, 28.0, 10.0),
        ("c", 32.0, 12.0, 10.0),
        ("d", 32.0, 28.0, 10.0),
        (".", 38.0, 20.0, 10.0),
    ]);
    symbols.push(Symbol {
        text: "{".into(),
        rect: Rect { left: 13.0, top: 3.0, right: 18.0, bottom: 32.0 },
        baseline: 3.0,
        size: 10.0,
        letters: Letters::Plain,
    });
    assert_eq!(super::read(&symbols, &[]).unwrap().latex, "f=\\begin{cases} a & c \\\\ b & d \\end{cases}.");
}

#[test]
fn rows_between_tall_brackets_are_a_matrix() {
    let tall = |sign: &str, left: f32| Symbol {
        text: sign.into(),
        rect: Rect { left, top: 4.0, right: left + 5.0, bottom: 34.0 },
        baseline: 5.0,
        size: 10.0,
        letters: Letters::Plain,
    };
    let mut symbols =
        set(&[("a", 6.0, 14.0, 10.0), ("b", 20.0, 14.0, 10.0), ("c", 6.0, 30.0, 10.0), ("d", 20.0, 30.0, 10.0)]);
    symbols.extend([tall("(", 0.0), tall(")", 26.0)]);
    assert_eq!(read(&symbols, &[]).unwrap().latex, "\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}");
    // A brace alone begins cases.
    let mut symbols = symbols[..4].to_vec();
    symbols.push(tall("{", 0.0));
    assert_eq!(read(&symbols, &[]).unwrap().latex, "\\begin{cases} a & b \\\\ c & d \\end{cases}");
}

#[test]
fn hostile_places_do_no_harm() {
    let mut symbols = set(&[("x", f32::NAN, 20.0, 10.0), ("y", 1e30, -1e30, 1e-30), ("√", 0.0, 0.0, f32::INFINITY)]);
    symbols.extend(set(&[("{", 0.0, f32::NAN, f32::NAN); 40]));
    let bars = [Rect { left: f32::NAN, top: 0.0, right: 1.0, bottom: f32::INFINITY }; 50];
    let _ = read(&symbols, &bars);
    assert!(read(&vec![symbols[0].clone(); MOST_SYMBOLS + 1], &[]).is_none());
}
