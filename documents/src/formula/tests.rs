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

/// A symbol with the place of its ink.
fn at(text: &str, [left, top, right, bottom]: [f32; 4], baseline: f32, size: f32) -> Symbol {
    let rect = Rect { left, top, right, bottom };
    Symbol { text: text.into(), rect, baseline, size, letters: Letters::Plain }
}

fn latex_of(symbols: &[Symbol], bars: &[Rect]) -> String {
    read(symbols, bars).unwrap().latex
}

#[test]
fn signs_that_are_set_as_two_above_each_other_are_one() {
    let a = at("a", [0.0, 9.3, 4.5, 13.8], 13.7, 10.0);
    let equals = at("=", [8.2, 10.5, 14.8, 12.8], 14.2, 10.0);
    let b = at("b", [18.6, 6.8, 22.3, 13.8], 13.7, 10.0);
    let over = |sign: Symbol| latex_of(&[a.clone(), sign, equals.clone(), b.clone()], &[]);
    assert_eq!(over(at("∼", [8.2, 7.4, 14.8, 9.7], 11.0, 10.0)), "a\\cong b");
    assert_eq!(over(at(".", [11.0, 7.5, 12.0, 8.5], 8.5, 10.0)), "a\\doteq b");
    let twice = [at("=", [24.0, 10.5, 30.6, 12.8], 14.2, 10.0), at("∼", [24.0, 7.4, 30.6, 9.7], 11.0, 10.0)];
    let [second, sim] = twice;
    let all = [at("∼", [8.2, 7.4, 14.8, 9.7], 11.0, 10.0), sim, a.clone(), equals.clone(), b.clone(), second];
    assert_eq!(latex_of(&all, &[]), "a\\cong b\\cong", "wherever they come");
    assert_eq!(over(at("∼", [9.5, 5.5, 14.0, 7.1], 7.7, 7.0)), "a\\overset{\\sim}{=}b", "of smaller type it says how");
}

#[test]
fn three_dots_down_a_slope_or_a_column_are_one_sign() {
    let dots = |step: f32| -> Vec<Symbol> {
        let dot =
            |n: f32| at(".", [8.0 + step * n, 12.9 + 3.0 * n, 9.0 + step * n, 13.9 + 3.0 * n], 14.0 + 3.0 * n, 10.0);
        let a = at("a", [0.0, 16.6, 5.0, 21.1], 21.0, 10.0);
        vec![a, dot(0.0), dot(1.0), dot(2.0)]
    };
    assert_eq!(latex_of(&dots(3.9), &[]), "a\\ddots");
    assert_eq!(latex_of(&dots(0.0), &[]), "a\\vdots");
}

#[test]
fn an_accent_under_a_fractions_line_is_of_the_letter_below_it() {
    let symbols = [
        at("v", [1.0, 3.0, 5.0, 8.0], 8.0, 10.0),
        at("ˆ", [1.5, 12.0, 4.5, 13.5], 18.9, 10.0),
        at("σ", [0.5, 14.6, 5.5, 19.0], 18.9, 10.0),
    ];
    assert_eq!(
        latex_of(&symbols, &[Rect { left: 0.0, top: 10.0, right: 6.0, bottom: 10.4 }]),
        "\\frac{v}{\\hat{\\sigma}}"
    );
}

#[test]
fn the_foot_of_an_arrow_and_the_pieces_of_a_long_one_are_one_sign() {
    let x = at("x", [6.3, 8.0, 11.2, 12.5], 12.4, 10.0);
    let y = at("y", [33.5, 8.0, 38.1, 14.4], 12.4, 10.0);
    let foot = |text| at(text, [15.0, 8.1, 15.7, 11.8], 12.4, 10.0);
    let minus = at("−", [15.3, 9.7, 21.4, 10.1], 12.4, 10.0);
    let arrow = |left| at("→", [left, 7.3, left + 8.8, 12.5], 12.4, 10.0);
    assert_eq!(latex_of(&[x.clone(), foot("\u{fffd}"), minus, arrow(21.1), y.clone()], &[]), "x\\longmapsto y");
    assert_eq!(latex_of(&[x.clone(), foot("↦"), arrow(15.4), y.clone()], &[]), "x\\mapsto y");
    let equals = at("=", [15.8, 8.7, 22.4, 11.1], 12.4, 10.0);
    assert_eq!(latex_of(&[x, at("|", [15.3, 4.9, 15.7, 14.9], 12.4, 10.0), equals, y], &[]), "x\\vDash\\quad y");
}

#[test]
fn a_limit_of_two_lines_is_a_stack() {
    let symbols = [
        at("∑", [14.4, 16.6, 27.6, 30.5], 26.1, 10.0),
        at("s", [14.6, 34.6, 17.3, 37.8], 37.7, 7.0),
        at("=", [18.3, 35.0, 23.5, 36.9], 37.7, 7.0),
        at("1", [24.7, 33.1, 27.2, 37.7], 37.7, 7.0),
        at("s", [14.3, 40.5, 17.1, 43.6], 43.6, 7.0),
        at("≠", [18.1, 38.6, 23.2, 45.0], 43.6, 7.0),
        at("k", [24.3, 38.7, 27.7, 43.6], 43.6, 7.0),
        at("y", [30.1, 21.7, 34.7, 28.1], 26.1, 10.0),
    ];
    assert_eq!(latex_of(&symbols, &[]), "\\sum_{\\substack{s=1 \\\\ s\\neq k}}y");
}

#[test]
fn tall_bars_in_pieces_hold_a_determinant() {
    let bar = |left: f32| {
        (0..8)
            .map(move |n| 5.8 + 6.0 * n as f32)
            .map(move |top| at("∣", [left, top, left + 0.4, top + 6.4], top + 0.2, 10.0))
    };
    let digits = [
        ("1", 34.6, 14.3),
        ("2", 49.2, 14.3),
        ("3", 34.2, 26.3),
        ("4", 49.0, 26.3),
        ("5", 34.2, 38.3),
        ("6", 49.1, 38.3),
        ("7", 34.3, 50.2),
        ("8", 49.1, 50.2),
    ];
    let digits = digits
        .iter()
        .map(|&(text, left, baseline)| at(text, [left, baseline - 6.6, left + 4.0, baseline], baseline, 10.0));
    let symbols: Vec<Symbol> = bar(32.0).chain(digits).chain(bar(55.2)).collect();
    assert_eq!(latex_of(&symbols, &[]), "\\begin{vmatrix} 1 & 2 \\\\ 3 & 4 \\\\ 5 & 6 \\\\ 7 & 8 \\end{vmatrix}");
}
