//! Formulas as Word has them: Office Math Markup Language (ECMA-376, part 1, 22.1), made of MathML.
//!
//! Word sets what it knows: sums and integrals (`nary`) hold what they are of, brackets that grow (`d`) what is between them. So a row is
//! not written element by element: what stands behind a sum goes into it, up to the next sign of relation or addition.

mod brackets;
mod letters;
mod table;

use self::letters::{Style, run};
use crate::{
    mathml::{Element, FormulaDisplay, ends_operand, is_accent, is_between, is_large, is_operator, rows},
    output::xml::escaped,
};

/// A formula within a line. `None` where the LaTeX cannot be parsed.
pub(super) fn inline(latex: &str) -> Option<String> {
    formula(latex, FormulaDisplay::Inline)
}

/// A formula by itself, as what stands in a paragraph.
pub(super) fn display(latex: &str) -> Option<String> {
    let formula = formula(latex, FormulaDisplay::Block)?;
    Some(format!("<m:oMathPara><m:oMathParaPr><m:jc m:val=\"center\"/></m:oMathParaPr>{formula}</m:oMathPara>"))
}

fn formula(latex: &str, display: FormulaDisplay) -> Option<String> {
    let mut rows = rows(latex, display)?;
    if display == FormulaDisplay::Inline {
        rows.iter_mut().for_each(set_beside);
    }
    let mut out = String::from("<m:oMath>");
    row(&mut out, &rows);
    out.push_str("</m:oMath>");
    Some(out)
}

/// Within a line of text limits stand beside their sign. MathML leaves that to who shows it; Word is told.
fn set_beside(element: &mut Element) {
    let has_limits = element.children.first().is_some_and(|sign| {
        let moves = sign.attribute("movablelimits");
        sign.name == "mo" && (moves == "true" || is_large(&sign.text) && moves != "false")
    });
    if has_limits {
        element.name = match element.name {
            "munder" => "msub",
            "mover" => "msup",
            "munderover" => "msubsup",
            name => name,
        };
    }
    element.children.iter_mut().for_each(set_beside);
}

/// Elements beside each other.
fn row(out: &mut String, elements: &[Element]) {
    let is_sign = |element: Option<&Element>| {
        elements.len() > 1 && element.is_some_and(|sign| sign.name == "mo" && is_between(&sign.text))
    };
    if let [only] = elements
        && only.name == "mo"
        && is_operator(&only.text)
    {
        // A sign that is a script and no operation.
        return run(out, &only.text, Style::Words);
    }
    // LibreOffice takes a sign with nothing on one side of it for a mistake.
    if is_sign(elements.first()) {
        nothing(out);
    }
    let mut at = 0;
    while let Some(element) = elements.get(at) {
        at += 1;
        if let Some(sum) = Sum::of(element) {
            let of = &elements[at..];
            let length = brackets::until(of, ends_operand);
            sum.write(out, &of[..length]);
            at += length;
        } else if let Some(length) = brackets::between(&elements[..at - 1], &elements[at - 1..]) {
            let (inner, last) = (&elements[at..at + length], &elements[at + length]);
            brackets::write(out, &element.text, inner, last);
            at += length + 1;
        } else {
            write(out, element);
        }
    }
    if is_sign(elements.last()) {
        nothing(out);
    }
}

/// What is not seen and stands where something has to.
fn nothing(out: &mut String) {
    run(out, "\u{200b}", Style::Upright);
}

/// An argument; Word shows a box where nothing stands in one.
fn argument(out: &mut String, name: &str, elements: &[Element]) {
    out.push_str(&format!("<m:{name}>"));
    let from = out.len();
    row(out, elements);
    if out.len() == from {
        nothing(out);
    }
    out.push_str(&format!("</m:{name}>"));
}

fn one(elements: &[Element], at: usize) -> &[Element] {
    elements.get(at..=at).unwrap_or_default()
}

fn write(out: &mut String, element: &Element) {
    let children = &element.children[..];
    match element.name {
        "mi" => {
            let is_upright = element.attribute("mathvariant") == "normal" || element.text.chars().count() > 1;
            run(out, &element.text, if is_upright { Style::Upright } else { Style::Italic });
        }
        // Word shows one as it is either way; LibreOffice looks for its other half, and takes a bar for the sign of "or".
        "mo" if brackets::is_bracket(&element.text) => run(out, &element.text, Style::Words),
        "mn" | "mo" => run(out, &element.text, Style::Upright),
        "mtext" | "ms" => run(out, &element.text, Style::Words),
        "mspace" => {
            if let Some(blank) = blank(element.attribute("width")) {
                run(out, blank, Style::Words);
            }
        }
        "mfrac" => {
            out.push_str("<m:f>");
            if element.attribute("linethickness").starts_with('0') {
                out.push_str("<m:fPr><m:type m:val=\"noBar\"/></m:fPr>");
            }
            argument(out, "num", one(children, 0));
            argument(out, "den", one(children, 1));
            out.push_str("</m:f>");
        }
        "msqrt" => {
            out.push_str("<m:rad><m:radPr><m:degHide m:val=\"1\"/></m:radPr><m:deg/>");
            argument(out, "e", children);
            out.push_str("</m:rad>");
        }
        "mroot" => {
            out.push_str("<m:rad>");
            argument(out, "deg", one(children, 1));
            argument(out, "e", one(children, 0));
            out.push_str("</m:rad>");
        }
        "msub" => scripts(out, "sSub", one(children, 0), &[("sub", one(children, 1))]),
        "msup" => scripts(out, "sSup", one(children, 0), &[("sup", one(children, 1))]),
        "msubsup" => {
            let both = [("sub", one(children, 1)), ("sup", one(children, 2))];
            scripts(out, "sSubSup", one(children, 0), &both);
        }
        // Room for an arrow to grow.
        "munder" | "mover" if children.get(1).is_some_and(|over| over.name == "mspace") => row(out, one(children, 0)),
        "munder" | "mover" if is_accent(element) => accent(out, element),
        "munder" => limit(out, "limLow", one(children, 0), one(children, 1)),
        "mover" => limit(out, "limUpp", one(children, 0), one(children, 1)),
        "munderover" => {
            out.push_str("<m:limUpp><m:e>");
            limit(out, "limLow", one(children, 0), one(children, 1));
            out.push_str("</m:e>");
            argument(out, "lim", one(children, 2));
            out.push_str("</m:limUpp>");
        }
        "mmultiscripts" => multiscripts(out, children),
        "mtable" => table::write(out, element),
        "mphantom" => {
            out.push_str("<m:phant><m:phantPr><m:show m:val=\"0\"/></m:phantPr>");
            argument(out, "e", children);
            out.push_str("</m:phant>");
        }
        "menclose" => enclosed(out, element),
        "mprescripts" | "none" => {}
        "mrow" => match fence(children) {
            Some((open, inner, close)) => fenced(out, open, inner, close),
            None => row(out, children),
        },
        _ => row(out, children),
    }
}

/// A blank about as wide.
fn blank(width: &str) -> Option<&'static str> {
    let em: f32 = width.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim().parse().ok()?;
    Some(match em {
        em if em >= 1.5 => "\u{2003}\u{2003}",
        em if em >= 0.75 => "\u{2003}",
        em if em >= 0.4 => "\u{2002}",
        em if em >= 0.25 => "\u{2004}",
        em if em >= 0.1 => "\u{2009}",
        _ => return None,
    })
}

fn scripts(out: &mut String, name: &str, base: &[Element], parts: &[(&str, &[Element])]) {
    scripts_of(out, name, &|out| row(out, base), parts);
}

/// What has scripts, and these.
fn scripts_of(out: &mut String, name: &str, base: &dyn Fn(&mut String), scripts: &[(&str, &[Element])]) {
    out.push_str(&format!("<m:{name}><m:e>"));
    let from = out.len();
    base(out);
    if out.len() == from {
        nothing(out);
    }
    out.push_str("</m:e>");
    for (name, script) in scripts {
        argument(out, name, script);
    }
    out.push_str(&format!("</m:{name}>"));
}

fn limit(out: &mut String, name: &str, base: &[Element], limit: &[Element]) {
    scripts(out, name, base, &[("lim", limit)]);
}

fn accent(out: &mut String, element: &Element) {
    let (base, mark) = (one(&element.children, 0), one(&element.children, 1));
    let sign = mark.first().map_or("", |mark| mark.text.as_str());
    let (is_above, place) = if element.name == "mover" { (true, "top") } else { (false, "bot") };
    let (begin, end) = match sign.chars().next() {
        Some('¯' | '‾' | '_' | '―' | '\u{304}' | '\u{305}' | '\u{332}') => {
            (format!("<m:bar><m:barPr><m:pos m:val=\"{place}\"/></m:barPr>"), "</m:bar>")
        }
        Some(sign) if is_above && letters::combining(sign).is_some() => {
            let sign = letters::combining(sign).unwrap_or(sign);
            (format!("<m:acc><m:accPr><m:chr m:val=\"{sign}\"/></m:accPr>"), "</m:acc>")
        }
        _ => {
            let base_at = if is_above { "bot" } else { "top" };
            let sign = escaped(sign);
            (
                format!(
                    "<m:groupChr><m:groupChrPr><m:chr m:val=\"{sign}\"/><m:pos m:val=\"{place}\"/>\
                     <m:vertJc m:val=\"{base_at}\"/></m:groupChrPr>"
                ),
                "</m:groupChr>",
            )
        }
    };
    out.push_str(&begin);
    argument(out, "e", base);
    out.push_str(end);
}

fn multiscripts(out: &mut String, children: &[Element]) {
    let Some((base, scripts)) = children.split_first() else { return };
    let mut parts = scripts.split(|child| child.name == "mprescripts");
    let (behind, before) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if !before.is_empty() {
        out.push_str("<m:sPre>");
        argument(out, "sub", one(before, 0));
        argument(out, "sup", one(before, 1));
        out.push_str("<m:e>");
    }
    match behind {
        [] => write(out, base),
        behind => {
            let both = [("sub", one(behind, 0)), ("sup", one(behind, 1))];
            self::scripts(out, "sSubSup", std::slice::from_ref(base), &both);
        }
    }
    if !before.is_empty() {
        out.push_str("</m:e></m:sPre>");
    }
}

/// What is struck out.
fn enclosed(out: &mut String, element: &Element) {
    out.push_str(
        "<m:borderBox><m:borderBoxPr><m:hideTop m:val=\"1\"/><m:hideBot m:val=\"1\"/><m:hideLeft m:val=\"1\"/>\
         <m:hideRight m:val=\"1\"/>",
    );
    for (name, strike) in [
        ("horizontalstrike", "H"),
        ("verticalstrike", "V"),
        ("updiagonalstrike", "BLTR"),
        ("downdiagonalstrike", "TLBR"),
    ] {
        if element.attribute("notation").split(' ').any(|notation| notation == name) {
            out.push_str(&format!("<m:strike{strike} m:val=\"1\"/>"));
        }
    }
    out.push_str("</m:borderBoxPr>");
    argument(out, "e", &element.children);
    out.push_str("</m:borderBox>");
}

/// Brackets that grow with what is between them; one that is not there is an invisible sign.
fn fence(children: &[Element]) -> Option<(&str, &[Element], &str)> {
    let [open, inner @ .., close] = children else { return None };
    let sign = |element: &Element| {
        let grows = element.name == "mo" && element.attribute("stretchy") != "false";
        let sign = element.text.trim_matches('\u{2063}');
        let is_bracket = sign.is_empty() || sign.chars().all(|c| "()[]{}|‖∥∣⟨⟩⌈⌉⌊⌋⟦⟧⟮⟯⎰⎱↑↓↕⇑⇓⇕/\\".contains(c));
        grows && is_bracket && element.children.is_empty() && sign.chars().count() <= 1
    };
    let is_fence = sign(open) && sign(close) && !(open.text.is_empty() || close.text.is_empty());
    is_fence.then_some((open.text.trim_matches('\u{2063}'), inner, close.text.trim_matches('\u{2063}')))
}

fn fenced(out: &mut String, open: &str, inner: &[Element], close: &str) {
    out.push_str(&format!(
        "<m:d><m:dPr><m:begChr m:val=\"{}\"/><m:endChr m:val=\"{}\"/></m:dPr>",
        escaped(open),
        escaped(close)
    ));
    argument(out, "e", inner);
    out.push_str("</m:d>");
}

/// A sum, a product, an integral: its sign, and what stands above and below it, or beside it.
struct Sum<'a> {
    sign: &'a str,
    has_limits: bool,
    below: &'a [Element],
    above: &'a [Element],
}

impl<'a> Sum<'a> {
    fn of(element: &'a Element) -> Option<Self> {
        let children = &element.children[..];
        let (below, above) = match element.name {
            "mo" => (None, None),
            "msub" | "munder" => (Some(1), None),
            "msup" | "mover" => (None, Some(1)),
            "msubsup" | "munderover" => (Some(1), Some(2)),
            _ => return None,
        };
        let sign = if element.name == "mo" { element } else { children.first()? };
        let is_sum = sign.name == "mo" && is_large(&sign.text);
        is_sum.then(|| Self {
            sign: &sign.text,
            has_limits: element.name.starts_with("mu") || element.name == "mover",
            below: below.map_or(&[], |at| one(children, at)),
            above: above.map_or(&[], |at| one(children, at)),
        })
    }

    fn write(&self, out: &mut String, of: &[Element]) {
        let limits = if self.has_limits { "undOvr" } else { "subSup" };
        let sign = escaped(&self.sign.chars().filter(|c| *c != '\u{fe0e}').collect::<String>());
        out.push_str(&format!("<m:nary><m:naryPr><m:chr m:val=\"{sign}\"/><m:limLoc m:val=\"{limits}\"/>"));
        for (name, script) in [("subHide", self.below), ("supHide", self.above)] {
            if script.is_empty() {
                out.push_str(&format!("<m:{name} m:val=\"1\"/>"));
            }
        }
        out.push_str("</m:naryPr>");
        for (name, script) in [("sub", self.below), ("sup", self.above)] {
            match script {
                [] => out.push_str(&format!("<m:{name}/>")),
                script => argument(out, name, script),
            }
        }
        argument(out, "e", of);
        out.push_str("</m:nary>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::elements;

    fn names(latex: &str) -> Vec<String> {
        let text = format!("<m xmlns:m=\"m\">{}</m>", inline(latex).unwrap());
        let found = elements(&text).into_iter().map(|element| element.name);
        let structure = found.filter_map(|name| name.strip_prefix("m:").map(str::to_owned));
        structure.filter(|name| !["oMath", "r", "t", "rPr", "sty", "e"].contains(&name.as_str())).collect()
    }

    #[test]
    fn each_kind_of_element_is_what_word_has_for_it() {
        for (latex, expected) in [
            (r"x^2", "sSup sup"),
            (r"x_i^2", "sSubSup sub sup"),
            (r"\frac{a}{b}", "f num den"),
            (r"\binom{a}{b}", "d dPr begChr endChr f fPr type num den"),
            (r"\sqrt{x}", "rad radPr degHide deg"),
            (r"\sqrt[3]{x}", "rad deg"),
            (r"\hat{x}", "acc accPr chr"),
            (r"\overline{AB}", "bar barPr pos"),
            (r"\underbrace{a}_{b}", "limLow groupChr groupChrPr chr pos vertJc lim"),
            (r"\lim_x y", "sSub sub"),
            (r"\left(\frac{a}{b}\right]", "d dPr begChr endChr f num den"),
            (r"\begin{matrix}a&b\end{matrix}", "m mPr plcHide mcs mc mcPr count mcJc mc mcPr count mcJc mr"),
            (r"\text{a}", "nor"),
            (r"\cancel{x}", "borderBox borderBoxPr hideTop hideBot hideLeft hideRight strikeBLTR"),
            (r"\phantom{x}", "phant phantPr show"),
        ] {
            assert_eq!(names(latex).join(" "), expected, "{latex}");
        }
        assert!(inline(r"\frac{a").is_none());
        assert!(display("x").unwrap().contains("<m:jc m:val=\"center\"/>"));
    }

    #[test]
    fn a_sum_holds_what_it_is_of() {
        let sum = inline(r"S=\sum_{i=1}^n x_i y+b").unwrap();
        let (_, of) = sum.split_once("</m:naryPr>").unwrap();
        let (inside, behind) = of.split_once("</m:nary>").unwrap();
        assert!(inside.contains(">x<") && inside.contains(">y<"), "{inside}");
        assert!(behind.contains(">b<"), "{behind}");
        assert!(sum.contains("<m:limLoc m:val=\"subSup\"/>"), "within a line {sum}");
        assert!(display(r"\sum_i x").unwrap().contains("<m:limLoc m:val=\"undOvr\"/><m:supHide m:val=\"1\"/>"));
    }

    #[test]
    fn what_is_between_brackets_is_one_thing() {
        for (latex, expected) in [
            ("(x)", "d dPr begChr endChr"),
            ("(a+b)^2", "sSup d dPr begChr endChr sup"),
            ("[0,1)", "d dPr begChr endChr"),
            ("f((x)_1)", "d dPr begChr endChr sSub d dPr begChr endChr sub"),
            ("a) + (b", "nor nor"),
            ("|x|", "d dPr begChr endChr"),
            ("2|x|^2", "sSup d dPr begChr endChr sup"),
            (r"\|f(x)\|_1", "sSub d dPr begChr endChr d dPr begChr endChr sub"),
            ("p(x|y)=q(y|x)", "d dPr begChr endChr nor d dPr begChr endChr nor"),
            ("f(|x|)", "d dPr begChr endChr d dPr begChr endChr"),
            ("||x||", "nor nor nor nor"),
        ] {
            assert_eq!(names(latex).join(" "), expected, "{latex}");
        }
        let sum = inline(r"\sum_i f(x+1;y)+b").unwrap();
        let (of, behind) = sum.split_once("</m:nary>").unwrap();
        assert!(of.contains(">y<") && behind.contains(">b<"), "{sum}");
    }

    #[test]
    fn a_sign_has_something_on_both_sides() {
        let empty = "<m:t xml:space=\"preserve\">\u{200b}</m:t>";
        for (latex, expected) in [("a&=b", 1), ("a=b", 0), ("-x", 0), ("x=", 1), ("x^+", 0)] {
            assert_eq!(inline(latex).unwrap().matches(empty).count(), expected, "{latex}");
        }
    }

    #[test]
    fn a_sign_that_is_a_script_is_text() {
        assert!(
            inline("x^+").unwrap().contains("<m:sup><m:r><m:rPr><m:nor/></m:rPr><m:t xml:space=\"preserve\">+</m:t>")
        );
    }

    #[test]
    fn letters_have_the_style_that_they_have_in_print() {
        for (latex, expected) in [
            (r"x", "<m:r><m:t xml:space=\"preserve\">x</m:t></m:r>"),
            (r"\mathrm{d}", "<m:r><m:rPr><m:sty m:val=\"p\"/></m:rPr><m:t xml:space=\"preserve\">d</m:t></m:r>"),
            (r"\mathbf{x}", "<m:r><m:rPr><m:sty m:val=\"b\"/></m:rPr><m:t xml:space=\"preserve\">x</m:t></m:r>"),
            (r"\text{<}", "<m:r><m:rPr><m:nor/></m:rPr><m:t xml:space=\"preserve\">&lt;</m:t></m:r>"),
        ] {
            assert_eq!(inline(latex).unwrap(), format!("<m:oMath>{expected}</m:oMath>"));
        }
    }
}
