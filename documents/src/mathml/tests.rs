use quick_xml::{Reader, events::Event};

use super::*;

#[test]
fn formulas_are_written_as_one_writes_them_in_a_mail() {
    for (latex, expected) in [
        (r"x^2", "x²"),
        (r"x^{2n} + x_{10} - x_{ij} y^k z", "x²ⁿ + x₁₀ − x_{ij} y^k z"),
        (r"\sqrt{a+b}\sqrt2\sqrt[3]{x}\sqrt[n]{\frac12}", "√(a+b)√2∛xⁿ√(1/2)"),
        (r"\alpha\le\beta", "α ≤ β"),
        (r"\sum_{i=1}^n x_i", "∑_{i=1}^n x_i"),
        (r"\frac{a}{b}+\frac{a+b}{2c}+\frac{\partial f}{\partial x}", "a/b + (a+b)/(2c) + ∂f/∂x"),
        (r"\frac{f(s,t)}{(a+b)}", "f(s,t)/(a+b)"),
        (r"-x+(-y)\cdot z", "−x + (−y) ⋅ z"),
        (r"\hat{x}+\overline{AB}+\vec v+\ddot{q}", "x̂ + A̅B̅ + v⃗ + q̈"),
        (r"f'(x)+f''^{2}", "f′(x) + f″²"),
        (r"\sin x\cos(2y)\log n", "sin x cos(2y) log n"),
        (r"\lim_{n\to\infty} a_n = 0", "lim_{n→∞} a_n = 0"),
        (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", "(a, b; c, d)"),
        (r"|x|=\begin{cases}x&x\ge0\\-x&\text{otherwise}\end{cases}", "|x| = {x, x ≥ 0; −x, otherwise"),
        (r"\begin{align}a&=b\\&=c\end{align}", "a = b; = c"),
        (r"\mathbb{E}[X]\sim\mathcal{N}(0,\mathbf{I})", "𝔼[X] ∼ N(0, I)"),
        (r"\binom{n}{k}", "(n choose k)"),
        (r"90^\circ, A^\dagger, x^*", "90°, A†, x^*"),
        (r"\text{if } x<0\text{, }y:=1", "if x < 0, y := 1"),
        (r"\left\|x\right\|_2", "‖x‖₂"),
        (r"{}^{14}_{6}\mathrm{C}", "₆¹⁴C"),
        (r"\underbrace{a+b}_{c}", "(a+b)_c"),
        (r"\left.\frac{a}{b}\right|_{x=0}", "a/b|_{x=0}"),
        (r"\overrightarrow{AB}", "(AB)⃗"),
        (r"a\quad b", "a b"),
        (r"", ""),
    ] {
        assert_eq!(to_plain_text(latex), expected, "{latex}");
    }
}

#[test]
fn what_cannot_be_parsed_is_characters_and_names() {
    for (latex, expected) in [
        (r"\unknown{x}_{ij} \leq \frac{a}{b", "unknown x_{ij} ≤ ab"),
        (r"\left( \alpha", "( α"),
        (r"}}\begin{nowhere}x & y\\z", "x y; z"),
    ] {
        assert_eq!(to_plain_text(latex), expected, "{latex}");
    }
}

#[test]
fn formulas_become_the_elements_that_say_what_they_are() {
    for (latex, expected) in [
        (r"x^2", "<msup><mi>x</mi><mn>2</mn></msup>"),
        (r"\frac{a}{b}", "<mfrac><mi>a</mi><mi>b</mi></mfrac>"),
        (r"\mbox{if}", "<mtext>if</mtext>"),
        (r"\vec{x}", "<mover accent=\"true\"><mi>x</mi><mo stretchy=\"false\">→</mo></mover>"),
        (r"\dfrac12", "<mstyle displaystyle=\"true\"><mfrac><mn>1</mn><mn>2</mn></mfrac></mstyle>"),
        (r"\cancel{x}", "<menclose notation=\"updiagonalstrike\"><mi>x</mi></menclose>"),
        (r"\text{if $x$}", "<mrow><mtext>if\u{a0}</mtext><mi>x</mi></mrow>"),
    ] {
        let mathml = to_mathml(latex, FormulaDisplay::Inline).unwrap();
        let inner = mathml.split_once("<semantics>").unwrap().1.split_once("<annotation").unwrap().0;
        assert_eq!(inner, expected);
    }
    let mathml = to_mathml(" a<\"b\" ", FormulaDisplay::Block).unwrap();
    let begin = "<math xmlns=\"http://www.w3.org/1998/Math/MathML\" display=\"block\" alttext=\"a&lt;&quot;b&quot;\"><semantics>";
    let end = "<annotation encoding=\"application/x-tex\">a&lt;&quot;b&quot;</annotation></semantics></math>";
    assert!(mathml.starts_with(begin) && mathml.ends_with(end), "{mathml}");
}

/// Spellings that people use and the converter does not know.
#[test]
fn many_spellings_of_one_thing_are_that_thing() {
    let said = |latex: &str| rows(latex, FormulaDisplay::Block).unwrap_or_else(|| panic!("{latex}"));
    for (latex, same) in [
        (r"$x$", "x"),
        (r"\[ x \]", "x"),
        (r"x \label{eq:1} \tag{3} \nonumber", "x"),
        (r"x^{2}'", r"x^{2\prime}"),
        (r"x\sp{2}\sb i", "x^2_i"),
        (r"x_a_b", "x_a{}_b"),
        (r"\begin{equation}x\end{equation}", "x"),
        (r"\begin{align*}a&=b\end{align*}", r"\begin{aligned}a&=b\end{aligned}"),
        (r"a&=b\\&=c", r"\begin{aligned}a&=b\\&=c\end{aligned}"),
        (r"a\\b", r"\begin{gathered}a\\b\end{gathered}"),
        (r"a\\", r"a\\"),
        (r"\begin{eqnarray}a&=&b\end{eqnarray}", r"\begin{array}{rcl}a&=&b\end{array}"),
        (r"\left<x\right>", r"\left\langle x\right\rangle"),
        (r"\Big{(}x\Big{)}", r"\Big(x\Big)"),
        (r"\alpha*x", r"\alpha *x"),
        (r"\operatorname{tr_0}", r"\mathrm{tr_0}"),
        (r"\href{javascript:a()}{x}", "{x}"),
        (r"x % no more", "x"),
        (r"x^\frac{1}{2}", r"x^{\frac{1}{2}}"),
    ] {
        assert_eq!(said(latex), said(same), "{latex}");
    }
}

#[test]
fn no_element_or_attribute_of_others_gets_through() {
    for latex in [
        r"\href{javascript:alert(1)}{x}",
        r"\url{javascript:alert(1)}",
        r"\text{<script>alert(1)</script>}",
        "\\text{\u{0}\u{8}]]>}",
        r"\textbf{<b onclick=x>}",
        r"\eqref{a}",
        r"x_{<}",
        r"\color{red}{x}",
    ] {
        let Some(mathml) = to_mathml(latex, FormulaDisplay::Inline) else { continue };
        let mut reader = Reader::from_str(&mathml);
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) | Event::Empty(start) => {
                    let name = String::from_utf8(start.name().0.to_vec()).unwrap();
                    assert!(name.starts_with('m') || ["semantics", "annotation"].contains(&name.as_str()), "{mathml}");
                    assert!(start.attributes().all(|attribute| attribute.unwrap().key.0 != b"href"), "{mathml}");
                }
                Event::Eof => break,
                _ => {}
            }
        }
        assert!(!mathml.contains(|c: char| c.is_control()), "{mathml:?}");
    }
}

/// The converter is recursive, and threads have 2 MiB; a quarter of that is given here.
#[test]
fn formulas_of_any_depth_and_length_end_in_an_answer() {
    let pairs = [
        ("{", "}"),
        ("\\frac{", "}{b}"),
        ("\\sqrt{", "}"),
        ("\\sqrt[", "]{x}"),
        ("\\left(", "\\right)"),
        ("x^{", "}"),
        ("\\begin{cases}", "\\end{cases}"),
        ("\\hat{\\hat\\hat\\hat\\hat\\hat\\hat\\hat\\hat\\hat\\hat", "}"),
        ("\\hat", ""),
        ("\\not", ""),
        ("\\overset", ""),
        ("\\bf", ""),
        ("^", ""),
        ("'", ""),
        ("\\color{red}", ""),
        ("\\over", ""),
        ("[", ""),
        ("}", "{"),
    ];
    for (open, close) in pairs {
        for count in [1, 40, 47, 49, 286, 1_000, 5_000] {
            let latex = format!("{}x{}", open.repeat(count), close.repeat(count));
            let said = move || (to_mathml(&latex, FormulaDisplay::Block).is_some(), to_plain_text(&latex).len());
            let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(said).unwrap();
            let (is_parsed, _) = thread.join().unwrap();
            assert!(!is_parsed || count < 300 || matches!(open, "["), "{open} {count}");
        }
    }
}

#[test]
fn whatever_latex_is_there_is_an_answer_and_it_is_well_formed() {
    const PIECES: [&str; 56] = [
        "\\frac",
        "\\sqrt",
        "\\left",
        "\\right",
        "(",
        ")",
        "\\begin",
        "\\end",
        "{",
        "}",
        "^",
        "_",
        "&",
        "\\\\",
        "x",
        "1",
        "\\alpha",
        "\\hat",
        "\\text",
        "$",
        "'",
        "\\over",
        "\\not",
        "[",
        "]",
        "{align}",
        "{cases}",
        "{array}",
        "{cc}",
        "\\limits",
        "\\sum",
        "\\tag",
        "*",
        "\\",
        "\\middle",
        "|",
        ".",
        "<",
        "\\big",
        "\\operatorname",
        "\\hspace",
        "{1em}",
        "é",
        "\u{0}",
        "%",
        "\n",
        "\\mathbb",
        "\\substack",
        "\\genfrac",
        "\\binom",
        "\\sideset",
        "\\cancel",
        "\\rm",
        "~",
        "#1",
        "\\unknown",
    ];
    // A fixed sequence that looks like chance (xorshift).
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % most as u64) as usize
    };
    let mut parsed = 0;
    for _ in 0..20_000 {
        let latex: String = (0..1 + below(16)).map(|_| PIECES[below(PIECES.len())]).collect();
        let plain = to_plain_text(&latex);
        assert!(!plain.contains(['\n', '\u{0}']), "{latex:?} {plain:?}");
        let Some(mathml) = to_mathml(&latex, FormulaDisplay::Block) else { continue };
        parsed += 1;
        let (mut reader, mut depth) = (Reader::from_str(&mathml), 0);
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("{latex:?} {mathml}: {error}")) {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(depth, 0, "{latex:?}");
    }
    assert!(parsed > 500, "{parsed}");
}
