//! What is known of a page besides its lines. Whoever knows fills it in: the PDF reader from the file, OCR from the pixels. All lengths are
//! in the units of the page's lines: points for text layers, pixels for OCR; all places are as the page was given.

use std::{ops::Range, sync::Arc};

use crate::{
    blocks::BlockKind,
    geometry::{Point, Polygon, Rect},
};

/// What is known of a page besides its lines. The default is that nothing is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hints {
    /// Width and height of the page; 0 where unknown.
    pub width: f32,
    pub height: f32,
    /// How the lines are set, one for each line of the page, in their order; or empty where nothing is known of it (OCR).
    pub styles: Vec<LineStyle>,
    /// Straight lines that are drawn: of tables, under headings, above footnotes. On a page that lies askew a line comes in pieces, each of which
    /// an upright rectangle fits.
    pub rulings: Vec<Ruling>,
    /// Filled rectangles that are neither rulings nor the whole page: shaded cells, boxes around code.
    pub fills: Vec<Rect>,
    /// Images and drawings, put together where they touch; none that covers the whole page.
    pub pictures: Vec<Rect>,
    /// Small shapes that are drawn beside letters and are none: bullets, ticks, boxes to be ticked.
    pub marks: Vec<Rect>,
    /// What the layout network takes regions for.
    pub regions: Vec<Region>,
    /// Tables whose cells a network was asked about.
    pub tables: Vec<SeenTable>,
    pub links: Vec<Link>,
    /// Entries of the document's outline that lead to this page, from top to bottom.
    pub outline: Vec<OutlineEntry>,
    /// First and last lines of the pages before and after, for running heads.
    pub neighbours: Neighbours,
    /// Formulas that have been read of their glyphs.
    pub formulas: Vec<Formula>,
    /// Displayed formulas that a network has read of their pixels.
    pub seen_formulas: Vec<SeenFormula>,
    /// The language that the file names, as in BCP 47.
    pub language: Option<String>,
    /// Size of the type that most of the document's text is set in, where more pages than this one were looked at.
    pub body_size: Option<f32>,
}

impl Hints {
    /// As it is where a unit is so much larger.
    pub fn scaled(self, unit: f32) -> Self {
        let rect =
            |r: Rect| Rect { left: r.left * unit, top: r.top * unit, right: r.right * unit, bottom: r.bottom * unit };
        let polygon = |polygon: Polygon| polygon.map(|p| Point::new(p.x * unit, p.y * unit));
        let edges =
            |lines: Vec<EdgeLine>| lines.into_iter().map(|line| EdgeLine { rect: rect(line.rect), ..line }).collect();
        Self {
            width: self.width * unit,
            height: self.height * unit,
            styles: self.styles.into_iter().map(|style| LineStyle { size: style.size * unit, ..style }).collect(),
            rulings: self.rulings.into_iter().map(|ruling| Ruling { rect: rect(ruling.rect) }).collect(),
            fills: self.fills.into_iter().map(rect).collect(),
            pictures: self.pictures.into_iter().map(rect).collect(),
            marks: self.marks.into_iter().map(rect).collect(),
            regions: self
                .regions
                .into_iter()
                .map(|region| Region {
                    rect: rect(region.rect),
                    stroke: region.stroke.map(|stroke| stroke * unit),
                    ..region
                })
                .collect(),
            tables: self.tables.into_iter().map(|table| table.map(rect)).collect(),
            links: self.links.into_iter().map(|link| Link { polygon: polygon(link.polygon), ..link }).collect(),
            outline: self
                .outline
                .into_iter()
                .map(|entry| OutlineEntry { top: entry.top.map(|y| y * unit), ..entry })
                .collect(),
            formulas: self
                .formulas
                .into_iter()
                .map(|formula| Formula { rect: rect(formula.rect), ..formula })
                .collect(),
            seen_formulas: self
                .seen_formulas
                .into_iter()
                .map(|formula| SeenFormula { rect: rect(formula.rect), ..formula })
                .collect(),
            neighbours: Neighbours {
                before: self.neighbours.before.map(edges),
                after: self.neighbours.after.map(edges),
            },
            language: self.language,
            body_size: self.body_size.map(|size| size * unit),
        }
    }
}

/// A formula, wherever it stands: in a line of text, or by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    pub rect: Rect,
    /// What it says in LaTeX, without delimiters.
    pub latex: String,
    /// What it says in plain characters, as well as these can.
    pub text: String,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// Its characters (Unicode scalar values of the lines' texts): the line on whose baseline it stands first, then those that it has above
    /// and below (limits, numerators). A line is in the list once.
    pub places: Vec<FormulaPlace>,
}

/// Characters of one line that are a formula's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaPlace {
    pub line: usize,
    pub characters: Range<u32>,
}

/// How a line is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineStyle {
    /// The em of most of its letters.
    pub size: f32,
    /// Which characters (Unicode scalar values of the line's text) are set how; in order, without gaps or overlaps, blanks included.
    pub runs: Vec<StyledRun>,
    /// What the file's own structure says of the line, where it does.
    pub tag: Option<Tag>,
    /// Of a line with several cells of a tagged table, which characters are of which; else empty.
    pub cells: Vec<CellRun>,
    /// Set invisibly, as layers of OCR are: its size and faces mean little.
    pub is_invisible: bool,
    /// Share of ink in its colour, 0 (as the paper) to 1 (black); watermarks are faint.
    pub darkness: f32,
}

/// Characters that are set alike.
#[derive(Clone, Debug, PartialEq)]
pub struct StyledRun {
    pub characters: Range<u32>,
    pub face: Face,
    /// Its em.
    pub size: f32,
    pub shift: VerticalShift,
}

/// Characters of a line that are of one cell of a tagged table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellRun {
    pub characters: Range<u32>,
    pub cell: TagCell,
}

/// A font, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Face {
    /// As the file has it, without a subset's prefix.
    pub name: Arc<str>,
    pub bold: bool,
    pub italic: bool,
    pub monospace: bool,
    pub small_capitals: bool,
    /// A font of mathematics or symbols (CMMI, CMSY, STIX Math, Symbol).
    pub mathematics: bool,
}

/// Where characters stand against the line's baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VerticalShift {
    #[default]
    None,
    Raised,
    Lowered,
}

/// What a tagged PDF says of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    pub role: TagRole,
    /// Lines of one element have the same number; numbers grow, from 1, in the order of the document's structure. A list item is one
    /// element with its label, a cell with its paragraphs. 0 for artifacts.
    pub element: u32,
    /// Of a heading its level, of a list item its depth; 0 where it does not say.
    pub level: u8,
    pub cell: Option<TagCell>,
}

/// Standard structure types (PDF 32000-1, 14.8.4), those that are told apart here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagRole {
    Title,
    Heading,
    Paragraph,
    /// A label, as of a list item.
    Label,
    ListItem,
    Cell,
    Figure,
    Caption,
    Formula,
    Code,
    Note,
    /// A table of contents' item.
    ContentsItem,
    /// Marked as no part of the document's text.
    Artifact,
    ArtifactHeader,
    ArtifactFooter,
    Watermark,
    /// Anything else.
    Other,
}

/// A cell's place, of a tagged table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagCell {
    /// Tables of the document have different numbers.
    pub table: u32,
    pub row: u32,
    pub column: u32,
    pub row_span: u32,
    pub column_span: u32,
    pub is_header: bool,
}

/// A straight line that is drawn, as the rectangle that it covers: its longer side is its direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ruling {
    pub rect: Rect,
}

impl Ruling {
    pub fn is_horizontal(&self) -> bool {
        self.rect.width() >= self.rect.height()
    }
}

/// What a network takes a part of the page for.
///
/// A page that was read by OCR has, where the network was asked at all, one region of a line for each line, in the order of
/// [`crate::TextLine`]s as they were read (lines that another text layer adds have none), and after them its areas. The network
/// sees shapes and places, not words: it says well where tables, pictures, code, running heads and notes are, and less well of which two
/// similar kinds a single line is (a heading or a bold paragraph, a list item or the next line of one).
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    pub scope: RegionScope,
    /// Of the layout's kinds: Title, Heading, Paragraph, ListItem, Table, Figure, Caption, Formula, Code, Footnote, PageHeader, PageFooter, PageNumber,
    /// MarginalNote, Stamp; `Text` where it sees nothing there. Of an area only Table, Figure, Formula and Code.
    pub kind: BlockKind,
    /// Of a line: around its middle, so that its centre is the line's; as long as the line, except on a page that lies askew, where it
    /// covers only so much of the line as an upright rectangle can without others. Of an area: its bounds.
    pub rect: Rect,
    /// Share of the votes for this kind, 0 to 1.
    pub confidence: f32,
    /// Of a line the mean thickness of its strokes, in the units of the page's lines, where that was measured: bold type has more of it.
    pub stroke: Option<f32>,
}

/// How much of a page a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegionScope {
    /// One line of text: what the network takes it for.
    Line,
    /// A table, picture, formula or listing as a whole, whatever lines it has, or none.
    Area,
}

/// A table as a network sees it, without its text.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenTable {
    pub rect: Rect,
    pub cells: Vec<SeenCell>,
    /// How sure it is of these cells, 0 to 1.
    pub confidence: f32,
}

impl SeenTable {
    /// With its places as `place` has them.
    pub fn map(self, place: impl Fn(Rect) -> Rect) -> Self {
        let cells = self.cells.into_iter().map(|cell| SeenCell { rect: place(cell.rect), ..cell }).collect();
        Self { rect: place(self.rect), cells, confidence: self.confidence }
    }
}

/// A cell of a table that a network sees; rows and columns count from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenCell {
    pub row: u32,
    pub column: u32,
    pub row_span: u32,
    pub column_span: u32,
    pub is_header: bool,
    /// Where its text is, more or less.
    pub rect: Rect,
}

/// A formula that stands by itself, as a network has read it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenFormula {
    /// Around its ink, without its number.
    pub rect: Rect,
    /// What it says in LaTeX, without delimiters and without its number; `None` where it was read too doubtfully to be said.
    pub latex: Option<String>,
    /// The number that it has within what was read, with its brackets.
    pub number: Option<String>,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
}

/// An area of the page that leads somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub polygon: Polygon,
    /// A URI, or `#page=N`.
    pub target: Arc<str>,
}

/// An entry of the outline.
#[derive(Clone, Debug, PartialEq)]
pub struct OutlineEntry {
    pub title: String,
    /// How deep it is nested, from 1.
    pub level: u8,
    /// Where on the page it leads.
    pub top: Option<f32>,
}

/// Lines at the edges of neighbouring pages; `None` where there is no such page, or it was not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    pub before: Option<Vec<EdgeLine>>,
    pub after: Option<Vec<EdgeLine>>,
}

/// One of the first or last lines of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeLine {
    pub text: String,
    pub rect: Rect,
    pub size: f32,
}
