//! Spellings that are one formula, formulas that are not, and scores worked out by hand.

use super::*;

fn tokens(latex: &str) -> String {
    canonical(latex).map_or_else(|why| format!("({why})"), |tokens| tokens.join(" "))
}

#[test]
fn spellings_of_one_formula_are_one() {
    for (one, other, expected) in [
        (r"\left( x \right)", "(x)", "( x )"),
        (r"\bigl[ x \Bigr]", "[x]", "[ x ]"),
        (r"{{x}}_{{i}}", "x_i", "x _ i"),
        ("x^2_i", "x_{i}^{2}", "x _ i ^ 2"),
        (r"\dfrac{a}{b}", r"a \over b", r"\frac a b"),
        (r"{a+b \over c}", r"\tfrac{a+b}c", r"\frac { a + b } c"),
        (r"{\rm sin}\, x", r"\sin x", r"\sin x"),
        (r"\mathrm{d} x", r"{\rm d}x", r"\mathrm d x"),
        (r"\mbox{if }", r"\text{if}", r"\mathrm { i f }"),
        (r"\mbox{for all}", r"\textrm{for~all}", r"\mathrm { f o r ~ a l l }"),
        ("f'", r"f^\prime", r"f ^ \prime"),
        ("f''_a", r"f_{a}^{\prime\prime}", r"f _ a ^ { \prime \prime }"),
        ("f'^2", r"f^{\prime 2}", r"f ^ { \prime 2 }"),
        (r"a \le b \to c", r"a\leq b\rightarrow c", r"a \leq b \rightarrow c"),
        (r"a \not= b", r"a \ne b", r"a \neq b"),
        (r"a \nless b", r"a \not< b", r"a \not < b"),
        (r"\sqrt[3]{x}", r"\root 3 \of x", r"\root 3 x"),
        (r"\widehat{ab}", r"\hat{ab}", r"\hat { a b }"),
        (r"{\bf ab}", r"\mathbf{a}\mathbf{b}", r"\mathbf a \mathbf b"),
        (r"\boldsymbol{\alpha}", r"\bm\alpha", r"\mathbf \alpha"),
        (r"{\cal L}_1", r"\mathscr{L}_{1}", r"\mathcal L _ 1"),
        (r"\operatorname{tr} A", r"\mathrm{tr}A", r"\mathrm { t r } A"),
        (
            r"\begin{pmatrix}a&b\\c&d\end{pmatrix}",
            r"\left(\begin{array}{cc}a&b\\c&d\\\end{array}\right)",
            r"( \begin{matrix} a & b \\ c & d \end{matrix} )",
        ),
        (r"\begin{cases}a\\b\end{cases}", r"\left\{\matrix{a\cr b}\right.", r"\{ \begin{matrix} a \\ b \end{matrix}"),
        (r"\begin{align}a&=b\\&=c\end{align}", r"a=b \\ =c", r"\begin{aligned} a = b \\ = c \end{aligned}"),
        (r"\begin{eqnarray*}a&=&b\end{eqnarray*}", r"\begin{equation} a=b \nonumber \end{equation}", "a = b"),
        (r"x \label{eq:1} \eqno(3)", r"\tag{3} x", r"x \tag 3"),
        (r"{}_1F_2", r"{}_{1} F_{2}", "{ } _ 1 F _ 2"),
        (r"\left. x \right|_{0}", "x|_0", "x | _ 0"),
        (r"x \hskip 2pt y \kern-.1em z", r"x\hspace{1cm}y\,\! z", "x y z"),
        (r"\sum\limits_{i}^{n}", r"\sum_i^n", r"\sum _ i ^ n"),
        (r"a % nothing", r"$$ a $$", "a"),
        (r"n \choose k", r"\dbinom{n}{k}", r"\binom n k"),
        (r"x \equiv 1 \pmod{n}", r"x\equiv 1(\mathrm{mod} n)", r"x \equiv 1 ( \mathrm { m o d } n )"),
        (r"\stackrel{a}{=}", r"\overset{a}{=}", r"\overset a ="),
        (r"\xrightarrow{f}", r"\overset{f}{\longrightarrow}", r"\overset f \longrightarrow"),
    ] {
        assert_eq!(tokens(one), expected, "{one}");
        assert_eq!(tokens(other), expected, "{other}");
    }
}

#[test]
fn formulas_that_differ_stay_apart() {
    for (one, other) in [
        ("x_{12}", "x_12"),
        ("x^2_a", "x_2^a"),
        ("ab", r"\mathrm{ab}"),
        ("a", r"\mathbf{a}"),
        (r"\frac ab", r"\frac ba"),
        (r"\sqrt{ab}", r"\sqrt a b"),
        (r"\phi", r"\varphi"),
        (r"x \tag{1}", "x"),
        (r"\sqrt[3]{x}", r"\sqrt{x}"),
        (r"a\\b", "ab"),
        (r"\nobodyknows x", "x"),
    ] {
        assert_ne!(tokens(one), tokens(other), "{one} and {other}");
    }
}

#[test]
fn what_is_no_latex_is_none() {
    let deep = "{".repeat(100) + "x" + &"}".repeat(100);
    for latex in [
        "",
        "  ",
        r"\frac{a",
        "a}",
        r"\begin{matrix}a",
        r"\frac{a}",
        r"\label{a}",
        "x_",
        r"\begin{tikzpicture}a\end{tikzpicture}",
        &deep,
    ] {
        assert!(canonical(latex).is_err(), "{latex}: {}", tokens(latex));
    }
    // Bytes in whatever order never end in anything but an answer.
    for rubbish in [
        "\\",
        "\\begin",
        "\\begin{",
        "%",
        "$",
        "$$",
        "\\left",
        "\\right.",
        "^^",
        "''",
        "\\not",
        "\\text{é\\",
        "&&",
        "[\\\\[",
        "\u{0}\\é",
    ] {
        let _ = canonical(rubbish);
    }
}

#[test]
fn canonical_tokens_set_again_are_the_same() {
    for latex in [
        r"\root 3 \of {x+1} = \sqrt{y}",
        r"\left(\begin{array}{cc} a & b \\ c & d \end{array}\right)^T \tag{12}",
        r"{\bf x} \cdot \boldsymbol\alpha \not\subset \mbox{for all } n",
        r"{}_a^b X \overset{!}{=} \widehat{pq}",
    ] {
        let once = canonical(latex).unwrap();
        let again = settable(&once);
        // An equation's number is set as text beside it.
        if !latex.contains("tag") {
            assert_eq!(canonical(&again).unwrap(), once, "{again}");
        }
        assert!(to_mathml(&again, FormulaDisplay::Block).is_some(), "{again}");
    }
}

#[test]
fn edits_and_bleu_are_those_of_the_books() {
    let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (list("a b c d e"), list("a x c d"));
    assert_eq!((edits(&one, &other), edits(&one, &[]), edits(&one, &one)), (2, 5, 0));
    let of = |pairs: &[(&str, &str)]| {
        let lists: Vec<_> = pairs.iter().map(|(read, there)| (list(read), list(there))).collect();
        bleu(lists.iter().map(|(read, there)| (&**read, &**there)))
    };
    assert_eq!(of(&[("a b c d", "a b c d")]), 1.0);
    assert_eq!(of(&[("a b c", "a b c")]), 0.0, "no run of four");
    // Runs of one to four: 5 of 6, 4 of 5, 3 of 4, 2 of 3; as long as what is there.
    let expected = (5.0 / 6.0 * 4.0 / 5.0 * 3.0 / 4.0 * 2.0 / 3.0_f64).powf(0.25);
    assert!((of(&[("a b c d e x", "a b c d e f")]) - expected).abs() < 1e-12);
    // Shorter than what is there, by five tokens to four.
    assert!((of(&[("a b c d", "a b c d e")]) - (-0.25_f64).exp()).abs() < 1e-12);
    // A token counts no more often than it is there.
    assert!(of(&[("a a a a a b c d", "a a b c d")]) < 0.7);
}

#[test]
fn formulas_are_counted_by_source_and_length() {
    let long = "x_1 + x_2 + x_3 + x_4";
    let failed = Reading { read: Err("no picture".to_owned()), ..Reading::of("b", "4", "y", "") };
    let timed =
        Reading { cpu_ms: Some(8.0), set_same: Some(true), ..Reading::of("a", "2", long, "x_1 + x_2 + x_3 + x_5") };
    let readings = [
        Reading::of("b", "1", r"{a \over b}", r"\dfrac{a}{b}"),
        timed,
        Reading::of("b", "3", r"\left(a\right)", r"(a"),
        failed,
        Reading::of("b", "5", r"\frac{a", "a"),
    ];
    let evaluation = evaluate(readings);
    let (overall, b) = (&evaluation.overall, &evaluation.sources[1]);
    assert_eq!((overall.formulas, overall.exact, overall.same_look, overall.cpu_ms), (5, 0.2, 0.2, Some(8.0)));
    assert_eq!(overall.parses, 0.8);
    // 0, 1 of 15, 1 of 3, and twice what cannot be compared.
    assert!((overall.edit - (1.0 / 15.0 + 1.0 / 3.0 + 2.0) / 5.0).abs() < 1e-12, "{}", overall.edit);
    let of_lengths = |lengths: &[OfLength]| lengths.iter().map(|l| (l.from, l.summary.formulas)).collect::<Vec<_>>();
    assert_eq!(of_lengths(&evaluation.lengths), [(1, 3), (11, 1)], "a truth that cannot be read has no length");
    assert_eq!((b.source.as_str(), b.summary.formulas, of_lengths(&b.lengths)), ("b", 4, vec![(1, 3)]));
    assert_eq!((b.summary.set_same, evaluation.sources[0].summary.set_same), (None, Some(1.0)));
    let report = serde_json::to_value(&evaluation).unwrap();
    assert_eq!(
        (&report["schema"], &report["sources"][1]["scores"][2]["failure"]),
        (&SCHEMA.into(), &"no picture".into())
    );
    assert_eq!(evaluate([]).overall.formulas, 0);
}

#[test]
fn another_spelling_that_the_tokens_do_not_know_looks_the_same() {
    // Dots one by one are not the sign of three, and a set of upright letters is a function.
    let score = |truth: &str, read: &str| evaluate([Reading::of("s", "n", truth, read)]).sources[0].scores[0].clone();
    let same = score(r"x \operatorname{Pr} y", r"x \Pr y");
    assert!(same.exact && same.same_look);
    let look = score(r"\mathrm{a}\mathrm{b}", r"\mathrm{ab}");
    assert!(look.same_look, "{look:?}");
    let other = score("x", "y");
    assert!(!other.exact && !other.same_look && other.parses && other.edit == 1.0);
}
