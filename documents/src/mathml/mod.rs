//! Formulas in LaTeX as programs take them that know no LaTeX: Presentation MathML, and plain characters.
//!
//! LaTeX comes from networks, from glyphs, and from records that others wrote: it may be anything. It is bounded in length and depth before
//! anything recursive sees it, brought into the spelling that the converter (`math-core`) knows (`prepare`), and what comes back is taken
//! apart into elements and attributes of a list of its own (`tree`), so that no link, script or foreign element gets from a formula into a page.

mod characters;
mod look;
mod plain;
mod prepare;
mod spellings;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};

pub use self::look::{Look, look};
pub(crate) use self::{
    characters::{ends_operand, is_between, is_large, is_operator},
    characters::{subscript, superscript},
    plain::is_accent,
    prepare::{is_balanced, standalone},
    tokens::tokens,
    tree::Element,
};

/// How a formula stands on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormulaDisplay {
    /// Within a line of text.
    Inline,
    /// By itself, with limits above and below, and fractions at full size.
    Block,
}

/// The formula as a `math` element of Presentation MathML, with its namespace, the LaTeX as `alttext` and as an annotation; well-formed XML
/// and HTML at once. `None` where it cannot be parsed, or is longer than 8 KiB or nested deeper than 48.
pub fn to_mathml(latex: &str, display: FormulaDisplay) -> Option<String> {
    let rows = rows(latex, display)?;
    let block = if display == FormulaDisplay::Block { " display=\"block\"" } else { "" };
    let said = tree::escaped(latex.trim());
    let mut out = format!("<math xmlns=\"http://www.w3.org/1998/Math/MathML\"{block} alttext=\"{said}\"><semantics>");
    match &rows[..] {
        [only] => only.write(&mut out),
        rows => {
            out.push_str("<mrow>");
            rows.iter().for_each(|element| element.write(&mut out));
            out.push_str("</mrow>");
        }
    }
    out.push_str(&format!("<annotation encoding=\"application/x-tex\">{said}</annotation></semantics></math>"));
    Some(out)
}

/// The formula in plain characters, in one line, as one would write it in a mail: `x² + y_{ij} ≤ √(a + b)`. Letters of mathematical alphabets
/// are plain ones, but for double-struck ones. Of what cannot be parsed, the characters and the names of commands.
pub fn to_plain_text(latex: &str) -> String {
    match rows(latex, FormulaDisplay::Block) {
        Some(rows) => plain::text(&rows),
        None => plain::rough(latex, &|command| rows(command, FormulaDisplay::Inline).map(|rows| plain::text(&rows))),
    }
}

/// What stands in the `math` element.
pub(crate) fn rows(latex: &str, display: FormulaDisplay) -> Option<Vec<Element>> {
    static CONVERTER: LazyLock<LatexToMathML> = LazyLock::new(|| {
        let config = MathCoreConfig { allow_unreliable_rendering: true, ..MathCoreConfig::default() };
        // Only macros can be wrong with it, and there are none.
        LatexToMathML::new(config).unwrap_or_default()
    });
    let prepared = prepare::prepare(latex)?;
    let display = match display {
        FormulaDisplay::Inline => MathDisplay::Inline,
        FormulaDisplay::Block => MathDisplay::Block,
    };
    let convert = || CONVERTER.convert_with_local_state(&prepared, display);
    let mathml = catch_unwind(AssertUnwindSafe(convert)).ok()?.ok()?.mathml;
    tree::parsed(&mathml)
}
