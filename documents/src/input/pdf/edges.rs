//! The first and last lines of pages, by which running heads are known on the pages beside them, and the sizes that their type has.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    ids::PageNumber,
    page_text::TextLayer,
    structure::{EdgeLine, Neighbours},
};

/// Lines at the head of a page, and as many at its foot.
const LINES: usize = 4;
/// Characters of each: more tell no more.
const LONGEST: usize = 200;
/// Sizes of type that are told apart, in tenths of a point.
const TENTHS: f32 = 10.0;
/// Pages whose edges are kept for whoever asks for a page beside them: of a page each.
const MOST_KEPT: usize = 32;

/// What a page tells of those beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Edges {
    lines: Vec<EdgeLine>,
    /// Letters by the size of their type.
    sizes: BTreeMap<u32, usize>,
}

impl Edges {
    pub(super) fn of(layer: Option<&TextLayer>) -> Self {
        // What is not believed is no page's head.
        let Some(layer) = layer.filter(|layer| layer.doubt.is_none()) else { return Self::default() };
        let mut sizes = BTreeMap::new();
        for (line, style) in layer.lines.iter().zip(&layer.hints.styles) {
            *sizes.entry((style.size * TENTHS).round().max(0.0) as u32).or_default() += line.text.len();
        }
        let mut order: Vec<usize> = (0..layer.lines.len()).collect();
        let bounds = |at: usize| layer.lines[at].polygon.bounds();
        order.sort_by(|&a, &b| bounds(a).top.total_cmp(&bounds(b).top).then(bounds(a).left.total_cmp(&bounds(b).left)));
        if order.len() > 2 * LINES {
            order.drain(LINES..order.len() - LINES);
        }
        let edge = |at: usize| EdgeLine {
            text: layer.lines[at].text.chars().take(LONGEST).collect(),
            rect: bounds(at),
            size: layer.hints.styles.get(at).map_or(0.0, |style| style.size),
        };
        Self { lines: order.into_iter().map(edge).collect(), sizes }
    }
}

/// Pages beside `page`, in a document of so many.
pub(super) fn beside(page: PageNumber, pages: usize) -> impl Iterator<Item = PageNumber> {
    let index = page.index();
    let after = index.checked_add(1).filter(|&after| (after as usize) < pages);
    index.checked_sub(1).into_iter().chain(after).map(PageNumber::from_index)
}

/// Puts into the layer what is known of the pages beside it.
pub(super) fn put(page: PageNumber, layer: &mut TextLayer, beside: Vec<(PageNumber, Option<Edges>)>) {
    let mut sizes = Edges::of(Some(layer)).sizes;
    let mut neighbours = Neighbours::default();
    for (other, edges) in beside {
        let Some(found) = edges else { continue };
        for (size, letters) in found.sizes {
            *sizes.entry(size).or_default() += letters;
        }
        let side = if other < page { &mut neighbours.before } else { &mut neighbours.after };
        *side = Some(found.lines);
    }
    layer.hints.neighbours = neighbours;
    let most = sizes.into_iter().max_by_key(|&(_, letters)| letters);
    layer.hints.body_size = most.map(|(size, _)| size as f32 / TENTHS).filter(|size| *size > 0.0);
}

/// Edges that were read, for any thread; a page's are the same whoever read it.
#[derive(Clone, Default)]
pub(super) struct KnownEdges(Arc<Mutex<BTreeMap<PageNumber, Option<Edges>>>>);

impl KnownEdges {
    pub(super) fn get(&self, page: PageNumber) -> Option<Option<Edges>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&page).cloned()
    }

    /// `None` where the page cannot be read.
    pub(super) fn keep(&self, page: PageNumber, edges: Option<Edges>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(page, edges);
        if known.len() > MOST_KEPT {
            // What is farthest from where is being read.
            let distance = |other: &PageNumber| other.index().abs_diff(page.index());
            let farthest = known.keys().copied().max_by_key(distance);
            farthest.into_iter().for_each(|farthest| drop(known.remove(&farthest)));
        }
    }
}
