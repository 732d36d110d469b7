//! Formulas between delimiters, in one line and with nothing in it that Markdown would take for its own before it sees a formula.
//!
//! Readers differ in what they look at first. So a formula begins and ends with no blank (pandoc's `tex_math_dollars`, GitHub, pulldown-cmark),
//! has no line end in it, which might be followed by what begins a list or a heading, no dollar, no backtick, and no `<` before a letter.

use crate::{
    mathml::{is_balanced, standalone, tokens},
    output::document_options::FormulaDelimiters,
};

/// Where a formula stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Text,
    /// In a cell of Markdown's own tables, whose rows are parted at their bars before anything else.
    Cell,
}

/// A formula within a text. `None` where it is to be in plain characters, or has no end.
pub(super) fn inline(latex: &str, delimiters: FormulaDelimiters, place: Place) -> Option<String> {
    let body = body(&standalone(latex), delimiters, place)?;
    match delimiters {
        FormulaDelimiters::Dollars => Some(format!("${body}$")),
        FormulaDelimiters::Brackets => Some(format!("\\({body}\\)")),
        FormulaDelimiters::Off => None,
    }
}

/// A formula by itself, with its number.
pub(super) fn display(latex: &str, number: Option<&str>, delimiters: FormulaDelimiters) -> Option<String> {
    let body = body(&standalone(latex), delimiters, Place::Text)?;
    let tag = number.map(tag).unwrap_or_default();
    match delimiters {
        FormulaDelimiters::Dollars => Some(format!("$${body}{tag}$$")),
        FormulaDelimiters::Brackets => Some(format!("\\[{body}{tag}\\]")),
        FormulaDelimiters::Off => None,
    }
}

/// A number in parentheses is what LaTeX makes of one; with anything else around it, it is told what to print.
fn tag(number: &str) -> String {
    let number = number.trim();
    let (star, number) = match number.strip_prefix('(').and_then(|number| number.strip_suffix(')')) {
        Some(inner) if !inner.contains(['(', ')']) => ("", inner.trim()),
        _ => ("*", number),
    };
    let mut said = String::new();
    for c in number.chars() {
        match c {
            '#' | '%' | '&' | '_' | '{' | '}' => said.extend(['\\', c]),
            // Of others that TeX takes for its own a number has none.
            '\\' | '^' | '~' | '$' | '`' | '<' | '|' => {}
            c if c.is_control() => said.push(' '),
            c => said.push(c),
        }
    }
    if said.trim().is_empty() { String::new() } else { format!(" \\tag{star}{{{said}}}") }
}

fn body(latex: &str, delimiters: FormulaDelimiters, place: Place) -> Option<String> {
    if delimiters == FormulaDelimiters::Off || !is_balanced(latex) {
        return None;
    }
    let tokens = tokens(latex);
    let mut out = String::with_capacity(latex.len() + 8);
    // Within a text of the formula there may be formulas.
    let mut is_inner = false;
    // Where the columns of a table are named: bars there are lines, which a cell goes without.
    let mut columns = None;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).copied().unwrap_or_default();
        match *token {
            "\\begin" if place == Place::Cell => columns = columns_of(&tokens, at),
            "$" if delimiters == FormulaDelimiters::Dollars => {
                is_inner = !is_inner;
                out.push_str(if is_inner { "\\(" } else { "\\)" });
                continue;
            }
            "`" => {
                out.push('‘');
                continue;
            }
            "|" if place == Place::Cell => {
                if !columns.as_ref().is_some_and(|columns: &std::ops::Range<usize>| columns.contains(&at)) {
                    out.push_str("\\vert ");
                }
                continue;
            }
            "\\|" if place == Place::Cell => {
                out.push_str("\\Vert ");
                continue;
            }
            _ => {}
        }
        out.extend(token.chars().filter(|c| !c.is_control()));
        if *token == "<" && next.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            out.push(' ');
        }
    }
    let out = out.trim();
    (!out.is_empty() && !is_inner).then(|| out.to_owned())
}

/// Places of the tokens that name the columns of the environment that begins here.
fn columns_of(tokens: &[&str], begin: usize) -> Option<std::ops::Range<usize>> {
    let name_ends = begin + tokens[begin..].iter().position(|token| *token == "}")?;
    let name = tokens.get(begin + 2..name_ends)?.concat();
    if !matches!(name.as_str(), "array" | "tabular" | "darray") {
        return None;
    }
    let from = name_ends + 1 + tokens[name_ends + 1..].iter().position(|token| *token == "{")?;
    let to = from + tokens[from..].iter().position(|token| *token == "}")?;
    Some(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_stand_between_delimiters_with_nothing_that_ends_them() {
        use FormulaDelimiters::{Brackets, Dollars, Off};
        for (latex, delimiters, expected) in [
            (" x^2\n", Dollars, Some("$x^2$")),
            ("x^2", Brackets, Some("\\(x^2\\)")),
            ("x^2", Off, None),
            ("a_*b*_c", Dollars, Some("$a_*b*_c$")),
            ("a<b", Dollars, Some("$a< b$")),
            ("\\text{if $x$}", Dollars, Some("$\\text{if \\(x\\)}$")),
            ("\\text{``a''}", Dollars, Some("$\\text{‘‘a''}$")),
            ("5\\$", Dollars, Some("$5\\$$")),
            ("x\\ ", Dollars, Some("$x$")),
            ("\\frac{a", Dollars, None),
            ("a}{", Dollars, None),
            ("\\text{$x}", Dollars, None),
            ("a &= b \\\\\n\n &= c % so", Dollars, Some("$\\begin{aligned}a &= b \\\\ &= c\\end{aligned}$")),
            ("\\label{a}x", Dollars, Some("$x$")),
        ] {
            assert_eq!(inline(latex, delimiters, Place::Text).as_deref(), expected, "{latex}");
        }
        let cell = |latex: &str| inline(latex, Dollars, Place::Cell).unwrap();
        assert_eq!(cell("|a| \\| b"), "$\\vert a\\vert  \\Vert  b$");
        assert_eq!(cell("\\begin{array}{c|c}a&|b|\\end{array}"), "$\\begin{array}{cc}a&\\vert b\\vert \\end{array}$");
    }

    #[test]
    fn numbers_are_printed_as_they_were() {
        let of = |number: &str| display("x", Some(number), FormulaDelimiters::Dollars).unwrap();
        for (number, expected) in [
            ("(12)", "$$x \\tag{12}$$"),
            ("(3.4a)", "$$x \\tag{3.4a}$$"),
            ("12", "$$x \\tag*{12}$$"),
            ("[A_1]", "$$x \\tag*{[A\\_1]}$$"),
            ("(1)(2)", "$$x \\tag*{(1)(2)}$$"),
            ("$\\", "$$x$$"),
        ] {
            assert_eq!(of(number), expected);
        }
        let align = "\\begin{align}a&=b\\\\&=c\\label{x}\\end{align}";
        assert_eq!(
            display(align, Some("(1)"), FormulaDelimiters::Brackets).unwrap(),
            "\\[\\begin{aligned}a&=b\\\\&=c\\end{aligned} \\tag{1}\\]"
        );
    }
}
