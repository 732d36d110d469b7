//! What a page ends as. This is the wire format `pagestream.page/1`: a change that a reader of it would notice needs a
//! new version number here and a line in the CHANGELOG.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    blocks::Block,
    geometry::{Point, Polygon},
    ids::{Digest, DocumentId, PageNumber},
    raster::Rotation,
};

/// The schema that [`PageRecord`] is written in.
pub const SCHEMA: &str = "pagestream.page/1";

/// The one record of one page. Every submitted page ends as exactly one of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PageRecord {
    /// Always [`SCHEMA`].
    pub schema: String,
    pub document: DocumentRef,
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub page: PageNumber,
    pub status: PageStatus,
    /// Why the page is not `ok`, or, with `needs_review`, what of it is lost: one sentence. Else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the text came from; absent when there is none because the page failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Width of the page as given, in pixels at `dpi`. For a text layer these are points (dpi 72).
    pub width: u32,
    pub height: u32,
    pub dpi: f32,
    /// How far the page was turned clockwise to be read. Polygons are in the page as given, before the turn.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = u16))]
    pub rotation: Rotation,
    /// The lines in reading order, one a row; a blank row between blocks.
    pub text: String,
    pub lines: Vec<TextLine>,
    /// What the lines make together, in reading order. Absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// Expected share of right characters of a page read by OCR, 0 to 1; absent where nothing was guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Whether somebody should look at the page: what was at hand to read it was in doubt, or a part of the page is lost,
    /// and `reason` says which. Absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_review: bool,
    /// The earlier page that this one repeats, when `status` is `duplicate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<DuplicateOf>,
    /// Milliseconds of work by stage.
    pub timings_ms: BTreeMap<String, f64>,
    /// The models that made the text; empty for a text layer.
    pub models: Vec<ModelRef>,
}

impl PageRecord {
    /// A record of which nothing is known but how the page ended.
    pub fn without_text(document: DocumentRef, page: PageNumber, status: PageStatus, reason: Option<String>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            document,
            page,
            status,
            reason,
            origin: None,
            width: 0,
            height: 0,
            dpi: 0.0,
            rotation: Rotation::None,
            text: String::new(),
            lines: Vec::new(),
            blocks: Vec::new(),
            confidence: None,
            needs_review: false,
            duplicate_of: None,
            timings_ms: BTreeMap::new(),
            models: Vec::new(),
        }
    }
}

impl PageRecord {
    /// Its coordinates become what is serialised ([`Point::rounded`]), so that nobody can tell it from one that was read back.
    pub fn round(&mut self) {
        let of_lines = self.lines.iter_mut().flat_map(|TextLine { polygon, words, .. }| {
            std::iter::once(polygon).chain(words.iter_mut().map(|word| &mut word.polygon))
        });
        let of_blocks = self.blocks.iter_mut().flat_map(|Block { polygon, table, .. }| {
            let cells = table.iter_mut().flat_map(|table| table.cells.iter_mut());
            std::iter::once(polygon).chain(cells.map(|cell| &mut cell.polygon))
        });
        of_lines.chain(of_blocks).for_each(|polygon| *polygon = polygon.map(Point::rounded));
    }

    /// Says that a part of the page is lost ([`crate::PageSource::damage`]): what was read needs a second look, and where
    /// nothing was read the page failed, for a page of which the writing is lost is no blank page.
    pub fn with_damage(mut self, damage: Option<String>) -> Self {
        if damage.is_some() {
            self.reason = damage;
            self.needs_review = true;
            self.confidence = None;
            if self.text.trim().is_empty() {
                self.status = PageStatus::Failed;
                self.needs_review = false;
            }
        }
        self
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentRef {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: DocumentId,
    /// The path or name that it was submitted under.
    pub source: String,
    /// SHA-256 of the document's bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub sha256: Digest,
    /// Pages in the whole document, whichever were asked for; 0 when it could not be opened.
    pub pages: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PageStatus {
    Ok,
    /// `reason` says why.
    Failed,
    /// Not read, because the submission was cancelled or asked for no text from such a page; `reason` says which.
    Skipped,
    /// Repeats the page in `duplicate_of`. The text is here all the same, unless duplicates were to be skipped: then the record
    /// has no text and no lines.
    Duplicate,
}

impl PageStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Duplicate => "duplicate",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Recognised from pixels.
    Ocr,
    /// Read from the document's own text.
    TextLayer,
    /// Recognised from pixels, and joined by what the document's own text says besides: those lines have no confidence.
    Mixed,
}

/// One line of text, in reading order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TextLine {
    pub text: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<f32>>))]
    pub polygon: Polygon,
    /// Mean probability of the line's characters, 0 to 1; absent for a text layer, which is not guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    pub words: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Word {
    pub text: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<f32>>))]
    pub polygon: Polygon,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

/// The page that a page repeats, and how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DuplicateOf {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub document: DocumentId,
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub page: PageNumber,
    /// How the repetition was found; absent in records of versions that did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<DuplicateTier>,
    /// Cosine similarity of the two texts; 1 when the pixels or the texts are the same.
    pub similarity: f32,
    /// What differs, of a near-duplicate; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<Differences>,
}

/// How far two pages are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DuplicateTier {
    /// The same bytes, the same pixels, or the same text but for case, white space and hyphens at line ends.
    Exact,
    /// Two readings of one page: what differs is what recognition errors leave, and no number or name among it.
    Near,
}

impl DuplicateTier {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Near => "near",
        }
    }
}

/// What differs between two pages that repeat each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Differences {
    /// Words that are not the same letter by letter, or are there on one page only.
    pub words: u32,
    /// Words of the longer page.
    pub of: u32,
    /// The first of them, numbers before words: as the earlier page has it, and as this one has it; empty where it has nothing
    /// there. At most eight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<String>>))]
    pub pairs: Vec<[String; 2]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelRef {
    pub id: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub sha256: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::{BlockKind, Cell, Table};

    #[test]
    fn a_rounded_record_is_what_is_read_back() {
        let place = |n: f32| Polygon([0.0, 0.049, 0.05, 77.449_97].map(|x| Point::new(x + n, n * 1.234_567 - x)));
        let word = Word { text: "a".into(), polygon: place(3.3), confidence: Some(0.123_456) };
        let line = TextLine { text: "a".to_owned(), polygon: place(2000.01), confidence: None, words: vec![word] };
        let mut block = Block::new(BlockKind::Table, place(100.56), 0..1);
        let cell = Cell {
            row: 0,
            column: 0,
            row_span: 1,
            column_span: 1,
            is_header: false,
            text: String::new(),
            marks: Vec::new(),
            polygon: place(5.67),
        };
        block.table = Some(Box::new(Table { rows: 1, columns: 1, cells: vec![cell], ..Table::default() }));
        let of = DocumentRef { id: DocumentId::new(), source: "a.pdf".to_owned(), sha256: Digest::of(b"a"), pages: 1 };
        let mut record = PageRecord {
            lines: vec![line],
            blocks: vec![block],
            ..PageRecord::without_text(of, PageNumber::FIRST, PageStatus::Ok, None)
        };
        let read_back: PageRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_ne!(read_back, record);
        record.round();
        assert_eq!(read_back, record);
    }
}
