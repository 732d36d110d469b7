//! Structure: what the lines of a page make together: headings, paragraphs, lists, tables, captions, footnotes, running heads.
//!
//! [`describe`] takes a page's lines in reading order and what else is known of the page ([`Hints`]): from the file, or from the pixels.
//! It knows neither PDF nor models, and is a pure function of one page, so that a page's record does not depend on what else runs.

mod assembler;
mod captions;
mod classes;
mod describe;
mod document_words;
mod figures;
mod formulas;
mod furniture;
mod going_on;
mod headings;
mod hyphens;
mod joining;
mod kinds;
mod lists;
mod margins;
mod markers;
mod notes;
mod order;
mod paragraphs;
mod program_text;
mod recurrence;
mod rows;
mod seen_formulas;
mod shapes;
mod sheet;
pub mod tables;
mod units;
mod verse;
mod view;
mod words;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use self::assembler::Assembler;
pub use self::shapes::closing_number;
pub use crate::hints::{
    CellRun, EdgeLine, Face, Formula, FormulaPlace, Hints, LineStyle, Link, Neighbours, OutlineEntry, Region,
    RegionScope, Ruling, SeenCell, SeenFormula, SeenTable, StyledRun, Tag, TagCell, TagRole, VerticalShift,
};
use crate::page_text::PageText;

/// How much of a page's structure is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// Lines alone, in reading order.
    Off,
    /// Lines, and which of them belong together.
    Lines,
    /// What they are: headings, paragraphs, tables and the rest.
    #[default]
    Full,
}

impl Structure {
    pub const ALL: [Self; 3] = [Self::Off, Self::Lines, Self::Full];

    /// The word for it in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Lines => "lines",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Structure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|structure| structure.as_str() == text)
            .ok_or_else(|| format!("`{text}` says nothing about structure; it is one of off, lines, full"))
    }
}

/// Says what the blocks of a page are. `page` has its lines in reading order; lines may be moved (footnotes to the end, cells of a table
/// together), and none is lost or changed.
pub fn describe(mut page: PageText, hints: &Hints, structure: Structure) -> PageText {
    match structure {
        Structure::Off => {
            page.blocks.clear();
            page
        }
        Structure::Lines => page,
        Structure::Full => describe::describe(page, hints),
    }
}
