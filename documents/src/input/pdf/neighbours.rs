//! One page's text, with what the pages beside it tell. A document that is read in order has each of its pages read once: the page after is
//! kept until it is asked for. Of two readers one does not wait for a page that the other reads, while there is one further on to be read.

use hayro::hayro_syntax::page::Page;

use super::{
    TEXT,
    damage::{self, Damages},
    edges::{self, Edges, KnownEdges},
    faces::KnownFonts,
    layers::{Claim, Layers, Reading as Claimed},
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
/// How far ahead of the page that is asked for others are read while another reader is waited for: that has as many at most before it.
const MOST_AHEAD: usize = 4;

pub(super) struct Outcome {
    pub(super) result: Result<Option<TextLayer>>,
    /// A panic may have left what was read with half way through something.
    pub(super) is_spoiled: bool,
    /// Pages that were read, and the bytes of their content.
    pub(super) pages: u32,
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

/// What reading takes beside the document as it was opened.
pub(super) struct Beside<'k> {
    pub(super) fonts: &'k mut KnownFonts,
    pub(super) edges: &'k KnownEdges,
    pub(super) layers: &'k Layers,
    /// Where it is kept what of a page is lost; `None` where this is not the document as it lies in the file.
    pub(super) damages: Option<&'k Damages>,
    /// Whether a page says in this opening of the document what its letters are.
    pub(super) is_sound: &'k mut dyn FnMut(&Page<'_>) -> bool,
}

/// Reads a page. What it gives depends on the document alone, whatever was read before and whoever reads beside.
pub(super) fn read(page: PageNumber, reading: &Reading<'_, '_>, beside: Beside<'_>) -> Outcome {
    let mut reader = Reader { reading, beside, is_spoiled: false, pages: 0, content: 0 };
    let is_described = reading.structure == Structure::Full;
    let (mut result, claimed) = reader.layer(page);
    if is_described {
        // A drawing tells the pages beside it nothing, also where it was read before them.
        let is_drawing = claimed.is_some() && reader.is_drawing(page);
        let told = result.as_ref().ok().filter(|_| !is_drawing);
        reader.beside.edges.keep(page, told.map(|layer| Edges::of(layer.as_ref())));
    }
    drop(claimed);
    // What is not believed is read from its pixels.
    if is_described
        && let Ok(Some(layer)) = &mut result
        && layer.doubt.is_none()
    {
        let others = edges::beside(page, reading.pages.len());
        let told = others.map(|other| (other, reader.edges(other, page))).collect();
        edges::put(page, layer, told);
    }
    let Reader { is_spoiled, pages, content, .. } = reader;
    Outcome { result, is_spoiled, pages, content }
}

struct Reader<'r, 'a, 'k> {
    reading: &'r Reading<'a, 'r>,
    beside: Beside<'k>,
    is_spoiled: bool,
    pages: u32,
    content: u64,
}

impl Reader<'_, '_, '_> {
    /// The page's layer, and that it was read here.
    fn layer(&mut self, page: PageNumber) -> (Result<Option<TextLayer>>, Option<Claimed>) {
        loop {
            match self.beside.layers.claim(page) {
                Claim::Kept(layer) => return (Ok(layer), None),
                Claim::Ours(claimed) => return (self.read(page), Some(claimed)),
                Claim::Anothers if self.reads_ahead(page) || self.beside.layers.wait_for(page) => {}
                Claim::Anothers => return (self.read(page), None),
            }
        }
    }

    /// What a page tells of `page` beside it.
    fn edges(&mut self, other: PageNumber, page: PageNumber) -> Option<Edges> {
        loop {
            if let Some(edges) = self.beside.edges.get(other) {
                return edges;
            }
            let claimed = match self.beside.layers.claim(other) {
                Claim::Kept(layer) => {
                    let edges = Some(Edges::of(layer.as_ref()));
                    self.beside.edges.keep(other, edges.clone());
                    self.beside.layers.claim_new(other).into_iter().for_each(|claimed| claimed.keep(layer.clone()));
                    return edges;
                }
                Claim::Ours(claimed) => Some(claimed),
                Claim::Anothers if self.reads_ahead(page) || self.beside.layers.wait_for(other) => continue,
                Claim::Anothers => None,
            };
            let is_drawing = guarded(TEXT, Some(other), || Ok(self.is_drawing(other))).unwrap_or(true);
            let found = if is_drawing { None } else { self.read(other).ok() };
            let edges = found.as_ref().map(|layer| Edges::of(layer.as_ref()));
            self.beside.edges.keep(other, edges.clone());
            if let (Some(layer), Some(claimed)) = (found, claimed.filter(|_| other > page)) {
                claimed.keep(layer);
            }
            return edges;
        }
    }

    /// Reads one of the pages that come next, if there is one that nobody has read, instead of waiting for another reader.
    fn reads_ahead(&mut self, page: PageNumber) -> bool {
        let last = (page.index() as usize + MOST_AHEAD).min(self.reading.pages.len().saturating_sub(1));
        for next in (page.index() + 1..=last as u32).map(PageNumber::from_index) {
            if self.is_spoiled || self.beside.edges.get(next).is_some() {
                continue;
            }
            let Some(claimed) = self.beside.layers.claim_new(next) else { continue };
            let is_sound = guarded(TEXT, Some(next), || {
                let content = self.reading.pages.get(next.index() as usize);
                Ok(content.is_some_and(|content| (self.beside.is_sound)(content)) && !self.is_drawing(next))
            });
            if let (true, Ok(layer)) = (is_sound.unwrap_or(false), self.read(next)) {
                self.beside.edges.keep(next, Some(Edges::of(layer.as_ref())));
                claimed.keep(layer);
                return true;
            }
        }
        false
    }

    fn is_drawing(&self, page: PageNumber) -> bool {
        self.length(page) > MOST_CONTENT
    }

    fn length(&self, page: PageNumber) -> usize {
        let page = self.reading.pages.get(page.index() as usize);
        page.and_then(|page| page.page_stream()).map_or(0, <[u8]>::len)
    }

    fn read(&mut self, page: PageNumber) -> Result<Option<TextLayer>> {
        self.pages += 1;
        self.content += self.length(page) as u64;
        let fresh = Caches::default();
        let reading = Reading { caches: if self.is_spoiled { &fresh } else { self.reading.caches }, ..*self.reading };
        let result = guarded(TEXT, Some(page), || user_unit::text_layer(page, &reading, self.beside.fonts));
        self.is_spoiled |= matches!(&result, Err(error) if error.kind == ErrorKind::Internal);
        if let (Some(damages), Ok(_)) = (self.beside.damages, &result) {
            let content = self.reading.pages.get(page.index() as usize);
            let damage = guarded(TEXT, Some(page), || Ok(content.and_then(|page| damage::of_page(page, false))));
            // What cannot be looked at here is looked at when it is asked for.
            damage.into_iter().for_each(|damage| damages.keep(page, damage));
        }
        result
    }
}
