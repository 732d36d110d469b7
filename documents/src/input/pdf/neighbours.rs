//! One page's text, with what the pages beside it tell. A document that is read in order has each of its pages read once: the page after is
//! kept until it is asked for.

use hayro::hayro_syntax::page::Page;

use super::{
    TEXT,
    edges::{self, Edges, KnownEdges},
    faces::KnownFonts,
    text_layer::{Caches, Reading},
    user_unit,
};
use crate::{
    error::{ErrorKind, Result},
    ids::PageNumber,
    input::guard::guarded,
    page_text::TextLayer,
    structure::Structure,
};

/// Bytes of a page's content: what has more is a drawing, which takes seconds to read, and has no running head worth that.
const MOST_CONTENT: usize = 2 << 20;

/// The page after the one that was asked for last.
pub(super) type Ahead = Option<(PageNumber, Option<TextLayer>)>;

pub(super) struct Outcome {
    pub(super) result: Result<Option<TextLayer>>,
    /// A panic may have left what was read with half way through something.
    pub(super) is_spoiled: bool,
    /// Bytes of content that were read.
    pub(super) content: u64,
}

/// The pages beside a page of which something is read with it.
pub(super) fn looked_at<'a, 'p>(
    page: PageNumber,
    pages: &'p [Page<'a>],
    structure: Structure,
) -> impl Iterator<Item = &'p Page<'a>> {
    let beside = edges::beside(page, pages.len()).filter(move |_| structure == Structure::Full);
    beside.filter_map(|other| pages.get(other.index() as usize))
}

/// Reads a page. What it gives depends on the document alone, whatever was read before.
pub(super) fn read(
    page: PageNumber,
    reading: &Reading<'_, '_>,
    fonts: &mut KnownFonts,
    known: &KnownEdges,
    ahead: &mut Ahead,
) -> Outcome {
    let length = |page: PageNumber| {
        reading.pages.get(page.index() as usize).and_then(|page| page.page_stream()).map_or(0, <[u8]>::len)
    };
    let mut is_spoiled = false;
    let mut content = 0;
    let mut read_one = |page: PageNumber, is_spoiled: &mut bool| {
        content += length(page) as u64;
        let fresh = Caches::default();
        let reading = Reading { caches: if *is_spoiled { &fresh } else { reading.caches }, ..*reading };
        let result = guarded(TEXT, Some(page), || user_unit::text_layer(page, &reading, fonts));
        *is_spoiled |= matches!(&result, Err(error) if error.kind == ErrorKind::Internal);
        result
    };
    let mut result = match ahead.take() {
        Some((kept, layer)) if kept == page => Ok(layer),
        _ => read_one(page, &mut is_spoiled),
    };
    if reading.structure == Structure::Full {
        known.keep(page, result.as_ref().ok().map(|layer| Edges::of(layer.as_ref())));
        // What is not believed is read from its pixels.
        if let Ok(Some(layer)) = &mut result
            && layer.doubt.is_none()
        {
            // Kept here, because others may put out what is known.
            let mut beside = Vec::new();
            for other in edges::beside(page, reading.pages.len()) {
                if let Some(edges) = known.get(other) {
                    beside.push((other, edges));
                    continue;
                }
                let is_drawing = guarded(TEXT, Some(other), || Ok(length(other) > MOST_CONTENT)).unwrap_or(true);
                let found = if is_drawing { None } else { read_one(other, &mut is_spoiled).ok() };
                let edges = found.as_ref().map(|layer| Edges::of(layer.as_ref()));
                known.keep(other, edges.clone());
                beside.push((other, edges));
                if let Some(layer) = found.filter(|_| other > page) {
                    *ahead = Some((other, layer));
                }
            }
            edges::put(page, layer, beside);
        }
    }
    Outcome { result, is_spoiled, content }
}
