//! Where a page's links lead, and which entries of the outline lead to it.

use std::sync::Arc;

use hayro::{
    hayro_interpret::TransformExt,
    hayro_syntax::{
        object::{Array, Dict, Name, Object, Rect as PdfRect, String as PdfString, dict::keys::ANNOTS},
        page::Page,
    },
    kurbo::{Affine, Point, Rect},
};

use super::{
    characters::text_string,
    outline::{Destination, Facts},
};
use crate::{
    geometry::{self, Polygon},
    ids::PageNumber,
    structure::{Hints, Link, OutlineEntry},
};

/// Links of one page: those of an index are a few hundred.
const MOST_LINKS: usize = 5_000;
const MOST_ANNOTATIONS: usize = 20_000;
/// Bytes of a URI; longer ones hold data.
const LONGEST_URI: usize = 4_096;
/// Flags of an annotation that is not shown (bits 2 and 6).
const HIDDEN: u32 = 1 << 1 | 1 << 5;

/// Fills in links, the outline's entries and the language.
pub(super) fn fill_in(hints: &mut Hints, pages: &[Page<'_>], number: PageNumber, facts: &Facts) {
    let Some(page) = pages.get(number.index() as usize) else { return };
    let transform = page.initial_transform(true).to_kurbo();
    hints.links = links(page, pages, transform, facts);
    let mut entries: Vec<OutlineEntry> = facts
        .outline(pages)
        .of_page(number)
        .map(|(entry, destination)| OutlineEntry {
            title: entry.title.clone(),
            level: entry.level,
            top: top(destination, transform),
        })
        .collect();
    entries.sort_by(|a, b| a.top.unwrap_or(0.0).total_cmp(&b.top.unwrap_or(0.0)));
    hints.outline = entries;
    let catalog = page.xref().get::<Dict<'_>>(page.xref().root_id());
    let language = catalog.and_then(|catalog| catalog.get::<PdfString<'_>>(b"Lang"));
    let language = language.map(|text| text_string(text.as_ref()).trim().to_owned());
    hints.language = hints.language.take().or(language).filter(|language| is_language(language));
}

/// Letters, digits and hyphens, as in BCP 47.
fn is_language(text: &str) -> bool {
    (2..=35).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn top(destination: &Destination, transform: Affine) -> Option<f32> {
    let (left, top) = (destination.left.unwrap_or(0.0), destination.top?);
    let point = transform * Point::new(f64::from(left), f64::from(top));
    point.y.is_finite().then_some(point.y as f32)
}

fn links(page: &Page<'_>, pages: &[Page<'_>], transform: Affine, facts: &Facts) -> Vec<Link> {
    let mut links = Vec::new();
    let Some(annotations) = page.raw().get::<Array<'_>>(ANNOTS) else { return links };
    for annotation in annotations.iter::<Dict<'_>>().take(MOST_ANNOTATIONS) {
        let is_link = annotation.get::<Name<'_>>(b"Subtype").as_deref() == Some(b"Link");
        if !is_link || links.len() >= MOST_LINKS || annotation.get::<u32>(b"F").unwrap_or(0) & HIDDEN != 0 {
            continue;
        }
        let Some(target) = target(&annotation, pages, facts) else { continue };
        for place in places(&annotation) {
            let place = transform.transform_rect_bbox(place);
            if place.is_finite() {
                let [left, top, right, bottom] = [place.x0, place.y0, place.x1, place.y1].map(|value| value as f32);
                let polygon = Polygon::from_rect(geometry::Rect { left, top, right, bottom });
                links.push(Link { polygon, target: target.clone() });
            }
        }
    }
    links
}

/// A link over several lines has a quadrangle for each.
fn places(annotation: &Dict<'_>) -> Vec<Rect> {
    const MOST_NUMBERS: usize = 8 * 64;
    let numbers = annotation.get::<Array<'_>>(b"QuadPoints").map(|numbers| {
        numbers.iter::<Object<'_>>().take(MOST_NUMBERS).filter_map(Object::into_f32).map(f64::from).collect::<Vec<_>>()
    });
    let quads: Vec<Rect> = numbers.iter().flat_map(|numbers| numbers.as_chunks::<8>().0).map(around).collect();
    if quads.is_empty() {
        let place = annotation.get::<PdfRect>(b"Rect");
        return place.map(|place| Rect::from_points((place.x0, place.y0), (place.x1, place.y1))).into_iter().collect();
    }
    quads
}

fn around(quad: &[f64; 8]) -> Rect {
    let corner = |at: usize| Point::new(quad[2 * at], quad[2 * at + 1]);
    Rect::from_points(corner(0), corner(1)).union_pt(corner(2)).union_pt(corner(3))
}

fn target(annotation: &Dict<'_>, pages: &[Page<'_>], facts: &Facts) -> Option<Arc<str>> {
    let to_page = |destination: Object<'_>| {
        let page = facts.destination(&destination, pages)?.page;
        Some(Arc::from(format!("#page={}", page + 1)))
    };
    if let Some(destination) = annotation.get::<Object<'_>>(b"Dest") {
        return to_page(destination);
    }
    let action = annotation.get::<Dict<'_>>(b"A")?;
    match &*action.get::<Name<'_>>(b"S")? {
        b"URI" => uri(&action),
        b"GoTo" => to_page(action.get::<Object<'_>>(b"D")?),
        _ => None,
    }
}

fn uri(action: &Dict<'_>) -> Option<Arc<str>> {
    let bytes = action.get::<PdfString<'_>>(b"URI")?;
    let bytes = bytes.as_bytes();
    let text = match bytes {
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => text_string(bytes),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    };
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    (!text.is_empty() && text.len() <= LONGEST_URI).then(|| Arc::from(text))
}
