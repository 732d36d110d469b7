//! What a document is made of when its pages are no longer looked at one by one.

use std::sync::Arc;

use super::inline::{Inline, What};
use crate::{blocks::Table, output::images::Image};

/// One thing after another, as a document has them.
#[derive(Clone, Debug)]
pub(in crate::output) struct Item {
    pub(in crate::output) kind: ItemKind,
    /// Its text; empty where the kind has none.
    pub(in crate::output) inline: Inline,
    pub(in crate::output) caption: Option<Caption>,
    /// The blocks that it is made of: the page, and the block's place among those of the page.
    pub(in crate::output) at: Vec<(u32, usize)>,
}

impl Item {
    pub(in crate::output) fn new(kind: ItemKind, inline: Inline) -> Self {
        Self { kind, inline, caption: None, at: Vec::new() }
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn weight(&self) -> usize {
        let kind = match &self.kind {
            ItemKind::Table(table) => table.cells.iter().map(|cell| 120 + cell.text.len()).sum(),
            ItemKind::Figure(Some(image)) => image.png.len(),
            ItemKind::Formula { latex: Some(latex), .. } => latex.len(),
            _ => 0,
        };
        let spans = self.inline.spans.iter().map(|span| match &span.what {
            What::Formula(latex) => 48 + latex.len(),
            _ => 48,
        });
        200 + kind + self.inline.text.len() + spans.sum::<usize>()
    }
}

#[derive(Clone, Debug)]
pub(in crate::output) enum ItemKind {
    /// The page of this number begins.
    Page(u32),
    /// There is nothing of this page, and the text says why.
    Missing(u32),
    /// `level` is 1 to 6; of a title it is 1.
    Heading {
        level: u8,
        is_title: bool,
    },
    /// Line ends in it are the author's, as in verse.
    Paragraph,
    /// Lines of which nothing more is known than that they belong together; they end where they end on the page.
    Lines,
    ListItem {
        /// How deep it is nested, from 1.
        level: u8,
        /// As it is printed.
        marker: Option<String>,
    },
    Table(Box<Table>),
    /// Its text is what stands in the figure. There is an image where images are asked for and it can be had.
    Figure(Option<Arc<Image>>),
    /// Its text says it in plain characters.
    Formula {
        /// As it is printed.
        number: Option<String>,
        latex: Option<String>,
    },
    Code,
    /// `number` is what [`super::inline::What::Note`] says, where something refers to it.
    Footnote {
        number: Option<u32>,
        marker: Option<String>,
    },
    MarginalNote,
}

#[derive(Clone, Debug)]
pub(in crate::output) struct Caption {
    pub(in crate::output) inline: Inline,
    /// Whether it stands above what it says something of.
    pub(in crate::output) is_above: bool,
}
