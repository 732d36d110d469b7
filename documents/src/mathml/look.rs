//! What of a formula's MathML shows: two formulas whose looks are equal are drawn alike, spaces and sizes aside.

use super::{FormulaDisplay, rows, tree::Element};

/// What a formula shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Look(String);

/// What the formula shows as Presentation MathML, without what does not: groups that only hold others, spaces of whatever width, how far
/// delimiters and signs stretch and where lines may break. `None` where it cannot be parsed, as in [`super::to_mathml`].
pub fn look(latex: &str) -> Option<Look> {
    let mut out = String::new();
    sequence(&rows(latex, FormulaDisplay::Block)?, &mut out)?;
    Some(Look(out))
}

fn sequence(elements: &[Element], out: &mut String) -> Option<()> {
    elements.iter().try_for_each(|element| shown(element, out))
}

fn shown(element: &Element, out: &mut String) -> Option<()> {
    match element.name {
        "mspace" | "mphantom" => {}
        // What the converter did not understand.
        "merror" => return None,
        "mrow" | "mstyle" | "mpadded" => sequence(&element.children, out)?,
        "mi" | "mn" | "mo" | "mtext" | "ms" => characters(element, out),
        name => {
            out.push_str(name);
            let thickness = element.attribute("linethickness");
            for value in [element.attribute("notation"), if is_none(thickness) { "none" } else { "" }] {
                out.extend((!value.is_empty()).then(|| format!("[{value}]")));
            }
            out.push('(');
            for child in &element.children {
                // Of a script or fraction each child has its place.
                shown(child, out)?;
                out.push('|');
            }
            out.push(')');
        }
    }
    Some(())
}

/// Of a fraction's line.
fn is_none(thickness: &str) -> bool {
    thickness.starts_with('0') && !thickness.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0')
}

fn characters(element: &Element, out: &mut String) {
    let text = element.text.trim();
    // A letter by itself is slanted, and several are not.
    let is_upright =
        element.attribute("mathvariant") == "normal" || element.name == "mtext" || text.chars().nth(1).is_some();
    for c in text.chars() {
        match c {
            // Which of two shapes a script letter has, operators that are not seen, and blanks.
            '\u{fe00}'..='\u{fe0f}' | '\u{2061}'..='\u{2064}' => {}
            c if c.is_whitespace() => {}
            c if is_upright && c.is_alphabetic() => out.extend(['\'', c]),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_makes_no_difference() {
        for (one, other) in [
            (r"\frac{a}{b}", r"{a\over b}"),
            (r"\frac{a}{b}", r"\dfrac ab"),
            (r"x_1^2", r"{x}^{2}_{{1}}"),
            (r"a\,b\quad c", "abc"),
            (r"\left(x\right)", "(x)"),
            (r"\mathrm{sin} x", r"\sin x"),
            (r"x \label{a}", "x"),
            ("12", "1 2"),
        ] {
            assert!(look(one).is_some(), "{one}");
            assert_eq!(look(one), look(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_shows_does() {
        for (one, other) in [
            ("x", "y"),
            (r"\frac{a}{b}", r"\frac{b}{a}"),
            (r"\frac{a}{b}", r"\binom{a}{b}"),
            ("x_{12}", "x_12"),
            ("x^2", "x_2"),
            ("x", r"\mathrm{x}"),
            ("x", r"\mathbf{x}"),
            (r"\hat x", r"\bar x"),
            (r"\sqrt{ab}", r"\sqrt{a}b"),
            (r"\sin", "sin"),
        ] {
            assert!(look(one).is_some() && look(other).is_some(), "{one} and {other}");
            assert_ne!(look(one), look(other), "{one} and {other}");
        }
        assert_eq!(look(r"\frac{a"), None);
    }
}
