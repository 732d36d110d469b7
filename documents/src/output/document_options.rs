//! What formats that are documents of their own are asked for besides.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How formats are written that are documents ([`super::OutputFormat::is_document`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DocumentOptions {
    /// Figures are shown: cut out of the original's pages, at 200 dots per inch or as many as the page has.
    pub images: bool,
    /// Where pages begin is to be seen.
    pub page_marks: bool,
    /// How formulas stand in Markdown.
    pub formulas: FormulaDelimiters,
}

/// What stands around a formula's LaTeX in Markdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormulaDelimiters {
    /// `$…$` within a text, `$$…$$` around a formula by itself, as GitHub, pandoc and most others read it.
    #[default]
    Dollars,
    /// `\(…\)` and `\[…\]`, as LaTeX has them.
    Brackets,
    /// No LaTeX: formulas in plain characters.
    Off,
}

impl FormulaDelimiters {
    pub const ALL: [Self; 3] = [Self::Dollars, Self::Brackets, Self::Off];

    /// As it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dollars => "dollars",
            Self::Brackets => "brackets",
            Self::Off => "off",
        }
    }
}

impl FromStr for FormulaDelimiters {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|delimiters| delimiters.name() == text);
        named.ok_or_else(|| format!("`{text}` are no delimiters of formulas; there are dollars, brackets and off"))
    }
}
