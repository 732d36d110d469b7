//! Values that every viewer shows and that no content draws: form fields and notes on the page whose appearance is left to the viewer
//! (`NeedAppearances`; PDF 32000-1, 12.5.6.6 and 12.7.3.3).

use hayro::{
    hayro_interpret::TransformExt,
    hayro_syntax::{
        object::{Array, Dict, Name, Rect as PdfRect, String as PdfString, dict::keys::ANNOTS},
        page::Page,
    },
    kurbo::{Affine, Point, Rect, Vec2},
};

use smol_str::SmolStr;

use super::{characters::text_string, glyph::Glyph};
use crate::{geometry, record::TextLine};

/// Fields of one page; a form of forty columns and a hundred rows has as many.
const MOST_FIELDS: usize = 4_000;
/// Generations of fields above one: a value may be given to all of a kind.
const MOST_PARENTS: usize = 16;
/// Flags of an annotation that is not shown (bits 2 and 6), and of a field that holds a password (bit 14).
const HIDDEN: u32 = 1 << 1 | 1 << 5;
const PASSWORD: u32 = 1 << 13;
/// Ems of a letter, for want of its font.
const LETTER: f64 = 0.5;

/// The values, set where they are shown.
pub(super) fn glyphs_of(page: &Page<'_>) -> Vec<Glyph> {
    let Some(annotations) = page.raw().get::<Array<'_>>(ANNOTS) else { return Vec::new() };
    let transform = page.initial_transform(true).to_kurbo();
    let values = annotations.iter::<Dict<'_>>().take(MOST_FIELDS);
    values
        .filter_map(|annotation| Some((value(&annotation)?, annotation.get::<PdfRect>(b"Rect")?)))
        .flat_map(|(text, place)| {
            let (left, right) = (place.x0.min(place.x1), place.x0.max(place.x1));
            let (bottom, top) = (place.y0.min(place.y1), place.y0.max(place.y1));
            set(&text, [left, bottom, right, top], transform)
        })
        .collect()
}

/// Where the page has fields, whatever draws their values. They are drawn after all else, which says nothing of where they are read.
pub(super) fn places(page: &Page<'_>) -> Vec<geometry::Rect> {
    let Some(annotations) = page.raw().get::<Array<'_>>(ANNOTS) else { return Vec::new() };
    let transform = page.initial_transform(true).to_kurbo();
    let widgets = annotations.iter::<Dict<'_>>().take(MOST_FIELDS);
    widgets
        .filter(|annotation| annotation.get::<Name<'_>>(b"Subtype").as_deref() == Some(b"Widget"))
        .filter_map(|widget| widget.get::<PdfRect>(b"Rect"))
        .map(|place| {
            let corners = Rect::new(place.x0, place.y0, place.x1, place.y1);
            let seen = transform.transform_rect_bbox(corners);
            let [left, top, right, bottom] = [seen.x0, seen.y0, seen.x1, seen.y1].map(|value| value as f32);
            geometry::Rect { left, top, right, bottom }
        })
        .collect()
}

/// Lines that come as they are drawn, but for those in fields: they come after what stands on their left, in the same row.
pub(super) fn beside_labels(lines: Vec<TextLine>, places: &[geometry::Rect]) -> Vec<TextLine> {
    let is_within = |line: &TextLine| {
        let geometry::Point { x, y } = line.polygon.bounds().center();
        places.iter().any(|p| (p.left..p.right).contains(&x) && (p.top..p.bottom).contains(&y))
    };
    let (mut values, mut others): (Vec<TextLine>, Vec<TextLine>) = lines.into_iter().partition(is_within);
    values.sort_by(|a, b| a.polygon.bounds().left.total_cmp(&b.polygon.bounds().left));
    for value in values {
        let place = value.polygon.bounds();
        let middle = place.center().y;
        let is_left = |other: &geometry::Rect| (other.top..other.bottom).contains(&middle) && other.right < place.right;
        let bounds = others.iter().map(|line| line.polygon.bounds()).enumerate();
        let label = bounds.filter(|(_, other)| is_left(other)).max_by(|a, b| a.1.right.total_cmp(&b.1.right));
        match label {
            Some((label, _)) => others.insert(label + 1, value),
            None => others.push(value),
        }
    }
    others
}

/// What an annotation says, where it has no appearance of its own.
fn value(annotation: &Dict<'_>) -> Option<String> {
    if annotation.contains_key(b"AP") || annotation.get::<u32>(b"F").unwrap_or(0) & HIDDEN != 0 {
        return None;
    }
    let text = match &*annotation.get::<Name<'_>>(b"Subtype")? {
        b"FreeText" => annotation.get::<PdfString<'_>>(b"Contents").map(|text| text_string(text.as_ref())),
        b"Widget" => field_value(annotation),
        _ => None,
    }?;
    let text: String = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    (!text.trim().is_empty()).then_some(text)
}

/// Of a field for text or a choice; a button has a state, and no text.
fn field_value(widget: &Dict<'_>) -> Option<String> {
    let kind = inherited(widget, |field| field.get::<Name<'_>>(b"FT").map(|name| name.to_vec()))?;
    if !matches!(kind.as_slice(), b"Tx" | b"Ch") {
        return None;
    }
    if inherited(widget, |field| field.get::<u32>(b"Ff")).unwrap_or(0) & PASSWORD != 0 && kind == b"Tx" {
        return None;
    }
    inherited(widget, |field| field.get::<PdfString<'_>>(b"V").map(|text| text_string(text.as_ref())))
}

/// Of the field itself, or the nearest above it that says it.
fn inherited<T>(field: &Dict<'_>, get: impl Fn(&Dict<'_>) -> Option<T>) -> Option<T> {
    let mut field = field.clone();
    for _ in 0..MOST_PARENTS {
        if let Some(found) = get(&field) {
            return Some(found);
        }
        field = field.get::<Dict<'_>>(b"Parent")?;
    }
    None
}

/// Sets lines of text into a rectangle of the page's own space, from its top, as viewers do.
fn set(text: &str, [left, bottom, right, top]: [f64; 4], transform: Affine) -> Vec<Glyph> {
    let lines: Vec<&str> = text.lines().collect();
    let pitch = (top - bottom) / lines.len().max(1) as f64;
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(1) as f64;
    // As large as fits, within what is usual.
    let size = (0.75 * pitch).min((right - left) / (LETTER * longest)).clamp(2.0, 12.0);
    let [a, b, c, d, ..] = transform.as_coeffs();
    let scale = Vec2::new(c, d).hypot();
    let mut glyphs = Vec::new();
    for (row, line) in lines.iter().enumerate() {
        let baseline = top - pitch * (row as f64 + 0.5) - 0.3 * size;
        for (column, character) in line.chars().enumerate() {
            let origin = transform * Point::new(left + LETTER * size * column as f64, baseline);
            let along = Vec2::new(a, b);
            let advance = LETTER * size * along.hypot();
            glyphs.extend(Glyph::new(
                SmolStr::from_iter([character]),
                true,
                false,
                origin,
                along,
                size * scale,
                advance,
            ));
        }
    }
    glyphs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Polygon;

    #[test]
    fn what_is_written_in_a_field_comes_after_its_label() {
        let place = |left: f32, top: f32| geometry::Rect { left, top, right: left + 80.0, bottom: top + 12.0 };
        let line = |text: &str, left: f32, top: f32| TextLine {
            text: text.to_owned(),
            polygon: Polygon::from_rect(place(left, top)),
            confidence: None,
            words: Vec::new(),
        };
        let drawn = vec![
            line("Name", 0.0, 0.0),
            line("Town", 0.0, 20.0),
            line("Signature", 0.0, 40.0),
            line("Oldtown", 100.0, 21.0),
            line("Ada", 100.0, 1.0),
        ];
        let read = beside_labels(drawn, &[place(100.0, 0.0), place(100.0, 20.0)]);
        let texts: Vec<&str> = read.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["Name", "Ada", "Town", "Oldtown", "Signature"]);
    }
}
