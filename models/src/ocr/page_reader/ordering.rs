//! From the lines that were read, in no order, to a page's text.

use pagestream_documents::{Polygon, TextLine, page_text::PageText, reading_order::order_texts};

use crate::ocr::{deskew, orientation::Upright, recognizer::Decoded};

/// Puts a page's lines in reading order, by where they lie on the upright and straight page; and by how many radians they lie askew.
pub(super) fn in_reading_order(lines: Vec<(Polygon, Decoded)>, upright: &Upright) -> PageText {
    let polygons: Vec<Polygon> = lines.iter().map(|(polygon, _)| polygon.map(|p| upright.point(p))).collect();
    let skew = deskew::skew(&polygons);
    let boxes: Vec<_> = polygons.iter().map(|polygon| deskew::straightened(polygon, skew)).collect();
    let texts: Vec<&str> = lines.iter().map(|(_, decoded)| decoded.text.as_str()).collect();
    let blocks = order_texts(&boxes, &texts);
    let lines: Vec<TextLine> = lines
        .into_iter()
        .map(|(polygon, Decoded { text, confidence, words, .. })| TextLine {
            text,
            polygon,
            confidence: Some(confidence),
            words,
        })
        .collect();
    PageText::arrange(lines, &blocks)
}
