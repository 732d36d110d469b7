//! The blocks of a page: what its lines make together. Part of the wire format, see [`crate::record`].

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{geometry::Polygon, script::is_without_blanks};

/// A range of indices: from `start` to before `end`.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "it tells the schema what a Range is written as")]
struct Indices {
    start: usize,
    end: usize,
}

/// A region of the page: consecutive lines that belong together, and what they are. Blocks are in reading order, so that a block's
/// index is its place in it. A region without text (a figure) has an empty range of lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Block {
    pub kind: BlockKind,
    /// Upright rectangle around the block, in the coordinates of the page.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<f32>>))]
    pub polygon: Polygon,
    /// Indices into the page's `lines`, from `start` to before `end`.
    #[cfg_attr(feature = "openapi", schema(value_type = Indices))]
    pub lines: Range<usize>,
    /// How sure it is that the block is of this kind, and a table of these cells: 0 to 1. Absent where nothing was guessed: the file
    /// says so, or the kind is [`BlockKind::Text`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// What the block says, as it is read: lines joined, hyphens at line ends resolved, the marker of a list item left out; lines of code
    /// and of verse keep their ends. Empty where the lines say it (kinds [`BlockKind::Text`], [`BlockKind::Table`], [`BlockKind::Figure`]).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What stands out within `text`, by beginnings; marks may lie within each other and never cross.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Hyphens that stood at line ends within `text`, and what became of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hyphens: Vec<Hyphen>,
    /// Of a heading, 1 (chapter or section) to 6, the title being above all of them; of a list item, how deep it is nested, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// As it is printed: of a list item its bullet or number (`•`, `3.`, `(b)`), of a footnote its mark (`1`, `*`), of a formula its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// Index of the block that this one belongs to: of a caption its figure, table or code, of a footnote the block that has its mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// Where the block goes on, if it does not end here: the next block of its kind is the same paragraph, list item or table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on: Option<GoesOn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Table>))]
    pub table: Option<Box<Table>>,
    /// Of a formula, what it says in LaTeX, without delimiters and without its number; `text` has it in plain characters. Absent where it
    /// could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latex: Option<String>,
}

impl Block {
    /// A block of which no more is known.
    pub fn new(kind: BlockKind, polygon: Polygon, lines: Range<usize>) -> Self {
        Self {
            kind,
            polygon,
            lines,
            confidence: None,
            text: String::new(),
            marks: Vec::new(),
            hyphens: Vec::new(),
            level: None,
            marker: None,
            of: None,
            goes_on: None,
            table: None,
            latex: None,
        }
    }

    /// Whether the text of `next`, in which this block goes on, follows without a blank: a word is broken between them (the hyphen is gone
    /// from this block's text, or belongs to the word), or the script has no blanks.
    pub fn joins_without_blank(&self, next: &Self) -> bool {
        let length = self.text.chars().count();
        let is_at_end = |hyphen: &Hyphen| hyphen.at as usize + usize::from(hyphen.kept) == length;
        self.hyphens.last().is_some_and(is_at_end)
            || (self.text.chars().next_back().is_some_and(is_without_blanks)
                && next.text.chars().next().is_some_and(is_without_blanks))
    }
}

/// What a region is. A reader takes those that it does not know for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BlockKind {
    /// Lines of text, of whatever role: what the analysis of structure was not asked about.
    Text,
    Title,
    Heading,
    Paragraph,
    ListItem,
    Table,
    /// A picture, drawing or diagram. Its lines are those that stand in it.
    Figure,
    /// Text that says what a figure, table or listing shows.
    Caption,
    /// A formula that stands by itself.
    Formula,
    /// Program text, or what is to be read as it is set.
    Code,
    Footnote,
    /// A running head.
    PageHeader,
    PageFooter,
    PageNumber,
    MarginalNote,
    /// Put on the page after it was made: received, copy, a signature's notice, a download notice.
    Stamp,
    /// Large faint text under or across the page.
    Watermark,
}

impl BlockKind {
    /// Whether it is about the page and not the document's own text: running heads and feet, page numbers, stamps, watermarks.
    pub fn is_furniture(self) -> bool {
        matches!(self, Self::PageHeader | Self::PageFooter | Self::PageNumber | Self::Stamp | Self::Watermark)
    }
}

/// A part of a block's text that stands out, in characters (Unicode scalar values) of it, from `start` to before `end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mark {
    pub start: u32,
    pub end: u32,
    pub kind: MarkKind,
    /// Where a link leads: a URI, or `#page=N` within the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Of a formula, what it says in LaTeX, without delimiters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latex: Option<String>,
}

impl Mark {
    /// A mark that leads nowhere.
    pub fn new(kind: MarkKind, range: Range<u32>) -> Self {
        Self { start: range.start, end: range.end, kind, target: None, latex: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MarkKind {
    Link,
    Bold,
    Italic,
    /// Type in which all letters are equally wide.
    Monospace,
    SmallCapitals,
    Superscript,
    Subscript,
    /// A superscript that leads to a footnote of the page.
    NoteReference,
    /// A formula within the text. No other marks lie within it.
    Formula,
}

/// A hyphen that stood at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hyphen {
    /// Where in the block's text, in characters: the hyphen itself where it was kept, else what follows it.
    pub at: u32,
    pub kept: bool,
    pub by: HyphenEvidence,
}

/// What decided whether a hyphen belongs to its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HyphenEvidence {
    /// It is a soft hyphen, or a mark of the file says so.
    File,
    /// The same word stands elsewhere in the document, with or without it.
    Document,
    WordList,
    /// Numbers, capitals, and other shapes that are not broken.
    Shape,
    /// Nothing told: most such hyphens are the line's.
    Default,
}

/// Where a block goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GoesOn {
    /// In the next column, or behind a figure or table of the page.
    Column,
    /// On the next page.
    Page,
}

/// A table's grid. Every place of the grid is covered by one cell at most, whose text may be empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Table {
    pub rows: u32,
    pub columns: u32,
    /// Rows at the top that name the columns, 0 where there are none.
    pub header_rows: u32,
    /// Columns at the left that name the rows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub header_columns: u32,
    /// One a column: how its cells are set.
    pub alignments: Vec<Alignment>,
    /// By rows, then by columns.
    pub cells: Vec<Cell>,
    /// Whether it goes on from the table at the end of the page before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_continued: bool,
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Alignment {
    #[default]
    Left,
    Center,
    Right,
}

/// A cell of a table; rows and columns count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cell {
    pub row: u32,
    pub column: u32,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub row_span: u32,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub column_span: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_header: bool,
    /// Lines joined as in a paragraph.
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<f32>>))]
    pub polygon: Polygon,
}

fn one() -> u32 {
    1
}

fn is_one(value: &u32) -> bool {
    *value == 1
}
