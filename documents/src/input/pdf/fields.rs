//! Values that every viewer shows and that no content draws: form fields and notes on the page whose appearance is left to the viewer
//! (`NeedAppearances`; PDF 32000-1, 12.5.6.6 and 12.7.3.3).

use hayro::{
    hayro_interpret::TransformExt,
    hayro_syntax::{
        object::{Array, Dict, Name, Object, Rect as PdfRect, String as PdfString, dict::keys::ANNOTS},
        page::Page,
    },
    kurbo::{Affine, Point, Rect},
};
use smol_str::SmolStr;

use super::{characters::text_string, glyph::Glyph, styles::SetLine};
use crate::geometry;

/// Fields of one page; a form of forty columns and a hundred rows has as many.
const MOST_FIELDS: usize = 4_000;
/// Generations of fields above one: a value may be given to all of a kind.
const MOST_PARENTS: usize = 16;
/// Choices of one field that are looked at.
const MOST_CHOICES: usize = 1_000;
/// Flags of an annotation that is not shown (bits 2 and 6), and of a field that holds a password (bit 14).
const HIDDEN: u32 = 1 << 1 | 1 << 5;
const PASSWORD: u32 = 1 << 13;
/// Of buttons that are one of several, and of those that are pushed (bits 16 and 17).
const RADIO: u32 = 1 << 15;
const PUSHED: u32 = 1 << 16;
/// Ems of a letter, for want of its font.
const LETTER: f64 = 0.5;

/// What a viewer shows in a place of the page.
pub(super) struct Field {
    text: String,
    /// In the page's own space.
    place: Rect,
    /// Quarter turns counterclockwise by which it is set.
    turns: u8,
    /// It also has an appearance, which may be of another value or of none: the document wants new ones made.
    pub(super) is_drawn: bool,
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
pub(super) fn beside_labels(lines: Vec<SetLine>, places: &[geometry::Rect]) -> Vec<SetLine> {
    let is_within = |set: &SetLine| {
        let geometry::Point { x, y } = set.line.polygon.bounds().center();
        places.iter().any(|p| (p.left..p.right).contains(&x) && (p.top..p.bottom).contains(&y))
    };
    let (mut values, mut others): (Vec<SetLine>, Vec<SetLine>) = lines.into_iter().partition(is_within);
    values.sort_by(|a, b| a.line.polygon.bounds().left.total_cmp(&b.line.polygon.bounds().left));
    for value in values {
        let place = value.line.polygon.bounds();
        let middle = place.center().y;
        let is_left = |other: &geometry::Rect| (other.top..other.bottom).contains(&middle) && other.right < place.right;
        let bounds = others.iter().map(|other| other.line.polygon.bounds()).enumerate();
        let label = bounds.filter(|(_, other)| is_left(other)).max_by(|a, b| a.1.right.total_cmp(&b.1.right));
        match label {
            Some((label, _)) => others.insert(label + 1, value),
            None => others.push(value),
        }
    }
    others
}

/// The page's fields and notes whose values are not drawn, or perhaps not as they are.
pub(super) fn of_page(page: &Page<'_>) -> Vec<Field> {
    let Some(annotations) = page.raw().get::<Array<'_>>(ANNOTS) else { return Vec::new() };
    let catalog = page.xref().get::<Dict<'_>>(page.xref().root_id());
    let form = catalog.and_then(|catalog| catalog.get::<Dict<'_>>(b"AcroForm"));
    let wants_new = form.and_then(|form| form.get::<bool>(b"NeedAppearances")).unwrap_or(false);
    annotations.iter::<Dict<'_>>().take(MOST_FIELDS).filter_map(|annotation| field(&annotation, wants_new)).collect()
}

fn field(annotation: &Dict<'_>, wants_new: bool) -> Option<Field> {
    if annotation.get::<u32>(b"F").unwrap_or(0) & HIDDEN != 0 {
        return None;
    }
    let is_drawn = annotation.get::<Dict<'_>>(b"AP").is_some_and(|appearances| appearances.contains_key(b"N"));
    let text = match &*annotation.get::<Name<'_>>(b"Subtype")? {
        b"FreeText" if !is_drawn => string(annotation, b"Contents"),
        // Of those that are not drawn, viewers show what they are called.
        b"Stamp" if !is_drawn => string(annotation, b"Contents")
            .filter(|text| !text.trim().is_empty())
            .or_else(|| annotation.get::<Name<'_>>(b"Name").map(|name| parted(name.as_str()))),
        b"Widget" if !is_drawn || wants_new => field_value(annotation),
        _ => None,
    }?;
    let text: String = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    if text.trim().is_empty() && !is_drawn {
        return None;
    }
    let PdfRect { x0, y0, x1, y1 } = annotation.get::<PdfRect>(b"Rect")?;
    let degrees = annotation.get::<Dict<'_>>(b"MK").and_then(|look| look.get::<i32>(b"R")).unwrap_or(0);
    let turns = (degrees.rem_euclid(360) / 90) as u8;
    Some(Field { text, place: Rect::from_points((x0, y0), (x1, y1)), turns, is_drawn })
}

/// A name in words: `NotApproved`, as it would be stamped.
fn parted(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c);
    }
    words
}

/// Of a field for text or a choice, empty where it has none. A button that is ticked has a sign for that where nothing draws it, one to be
/// pushed its caption, and any other no text.
fn field_value(widget: &Dict<'_>) -> Option<String> {
    let kind = inherited(widget, |field| field.get::<Name<'_>>(b"FT").map(|name| name.to_vec()))?;
    let flags = || inherited(widget, |field| field.get::<u32>(b"Ff")).unwrap_or(0);
    match kind.as_slice() {
        b"Tx" if flags() & PASSWORD == 0 => Some(inherited(widget, |field| string(field, b"V")).unwrap_or_default()),
        b"Ch" => Some(choices(widget)),
        b"Btn" if !widget.get::<Dict<'_>>(b"AP").is_some_and(|appearances| appearances.contains_key(b"N")) => {
            if flags() & PUSHED != 0 {
                return string(&widget.get::<Dict<'_>>(b"MK")?, b"CA");
            }
            let state = widget.get::<Name<'_>>(b"AS").map(|name| name.to_vec());
            let state =
                state.or_else(|| inherited(widget, |field| field.get::<Name<'_>>(b"V").map(|name| name.to_vec())))?;
            let sign = if flags() & RADIO != 0 { "\u{25c9}" } else { "\u{2612}" };
            (state != b"Off").then(|| sign.to_owned())
        }
        _ => None,
    }
}

/// What is chosen, by the names that are shown: `Opt` has them beside those that are exported.
fn choices(widget: &Dict<'_>) -> String {
    let one = |field: &Dict<'_>| string(field, b"V").map(|value| vec![value]);
    let several = |field: &Dict<'_>| field.get::<Array<'_>>(b"V").map(|values| strings(&values));
    let chosen = inherited(widget, |field| one(field).or_else(|| several(field))).unwrap_or_default();
    let names = inherited(widget, |field| {
        let options = field.get::<Array<'_>>(b"Opt")?;
        let pair = |option: Object<'_>| match option {
            Object::Array(pair) => strings(&pair).try_into().ok(),
            _ => None,
        };
        Some(options.iter::<Object<'_>>().take(MOST_CHOICES).filter_map(pair).collect::<Vec<[String; 2]>>())
    });
    let shown = |value: &String| {
        let named = names.iter().flatten().find(|[exported, _]| exported == value);
        named.map_or_else(|| value.clone(), |[_, name]| name.clone())
    };
    chosen.iter().map(shown).collect::<Vec<_>>().join("\n")
}

fn string(dict: &Dict<'_>, key: &[u8]) -> Option<String> {
    dict.get::<PdfString<'_>>(key).map(|text| text_string(text.as_ref()))
}

fn strings(array: &Array<'_>) -> Vec<String> {
    array.iter::<PdfString<'_>>().take(MOST_CHOICES).map(|text| text_string(text.as_ref())).collect()
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

/// Sets the values where they are shown, instead of appearances that do not say them; those are among the glyphs from `drawn` on.
pub(super) fn set(fields: &[Field], page: &Page<'_>, glyphs: &mut Vec<Glyph>, drawn: usize) {
    let transform = page.initial_transform(true).to_kurbo();
    let mut appearances = glyphs.split_off(drawn.min(glyphs.len()));
    let mut values = Vec::new();
    for field in fields {
        if field.is_drawn {
            let place = transform.transform_rect_bbox(field.place);
            let is_inside = |glyph: &&Glyph| place.contains(glyph.middle());
            let text: String = appearances.iter().filter(is_inside).map(|glyph| glyph.text.as_str()).collect();
            // Numbers may be drawn in another format than they are kept in.
            if !field.text.trim().is_empty() && letters(&text).contains(&letters(&field.text)) {
                continue;
            }
            appearances.retain(|glyph| !is_inside(&glyph));
        }
        field.set(transform, &mut values);
    }
    glyphs.append(&mut appearances);
    glyphs.append(&mut values);
}

/// Letters and digits alone.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

impl Field {
    /// Sets lines of text into the place, from its top, as viewers do.
    fn set(&self, transform: Affine, glyphs: &mut Vec<Glyph>) {
        let Rect { x0, y0, x1, y1 } = self.place;
        // From the place as it is read to the page.
        let (turn, width, height) = match self.turns {
            0 => (Affine::translate((x0, y0)), x1 - x0, y1 - y0),
            1 => (Affine::new([0.0, 1.0, -1.0, 0.0, x1, y0]), y1 - y0, x1 - x0),
            2 => (Affine::new([-1.0, 0.0, 0.0, -1.0, x1, y1]), x1 - x0, y1 - y0),
            _ => (Affine::new([0.0, -1.0, 1.0, 0.0, x0, y1]), y1 - y0, x1 - x0),
        };
        let transform = transform * turn;
        let [a, b, c, d, ..] = transform.as_coeffs();
        let (along, up) = (Point::new(a, b).to_vec2(), Point::new(c, d).to_vec2());
        let lines: Vec<&str> = self.text.lines().collect();
        let pitch = height / lines.len().max(1) as f64;
        let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(1) as f64;
        // As large as fits, within what is usual.
        let size = (0.75 * pitch).min(width / (LETTER * longest)).clamp(2.0, 12.0);
        for (row, line) in lines.iter().enumerate() {
            let baseline = height - pitch * (row as f64 + 0.5) - 0.3 * size;
            for (column, character) in line.chars().enumerate() {
                let origin = transform * Point::new(LETTER * size * column as f64, baseline);
                let advance = LETTER * size * along.hypot();
                let text = SmolStr::from_iter([character]);
                glyphs.extend(Glyph::new(text, true, false, origin, along, size * up.hypot(), advance));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geometry::Polygon, record::TextLine, structure::LineStyle};

    #[test]
    fn what_is_written_in_a_field_comes_after_its_label() {
        let place = |left: f32, top: f32| geometry::Rect { left, top, right: left + 80.0, bottom: top + 12.0 };
        let line = |text: &str, left: f32, top: f32| {
            let polygon = Polygon::from_rect(place(left, top));
            let line = TextLine { text: text.to_owned(), polygon, confidence: None, words: Vec::new() };
            SetLine { line, style: LineStyle::default(), mark: 0, marks: Vec::new(), places: Vec::new() }
        };
        let drawn = vec![
            line("Name", 0.0, 0.0),
            line("Town", 0.0, 20.0),
            line("Signature", 0.0, 40.0),
            line("Oldtown", 100.0, 21.0),
            line("Ada", 100.0, 1.0),
        ];
        let read = beside_labels(drawn, &[place(100.0, 0.0), place(100.0, 20.0)]);
        let texts: Vec<&str> = read.iter().map(|set| set.line.text.as_str()).collect();
        assert_eq!(texts, ["Name", "Ada", "Town", "Oldtown", "Signature"]);
    }
}
