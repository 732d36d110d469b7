//! Where list items begin, and how deep they are nested.

use super::{
    markers::{Marker, MarkerKind, marker, misread},
    rows::{Row, is_below},
    shapes::{ends_sentence, leaders},
    units::{Context, Unit, UnitMarker},
};
use crate::hints::TagRole;
use crate::{blocks::BlockKind, geometry::Rect};

/// Rows that are looked at for the next item.
const REACH: usize = 60;

/// The beginning of a list item.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) marker: Option<UnitMarker>,
    /// `None` where the file says so.
    pub(super) confidence: Option<f32>,
    /// Where the marker begins, and the text after it.
    left: f32,
    text: f32,
}

/// The rows that begin list items.
pub(super) fn find(context: &Context<'_>) -> Vec<Option<Item>> {
    let rows = context.rows;
    let mut markers: Vec<Option<Marker>> = rows.iter().map(|row| marker(&row.text)).collect();
    if context.sheet.is_read {
        mend(context, &mut markers);
    }
    let drawn = drawn_bullets(context);
    let mut items: Vec<Option<Item>> = vec![None; rows.len()];
    let mut element = None;
    for (at, row) in rows.iter().enumerate() {
        let tag = context.tag(row);
        if let Some((role @ (TagRole::ListItem | TagRole::Label | TagRole::ContentsItem), number, _)) = tag {
            let begins = element != Some(number);
            element = Some(number);
            let marker = markers[at].as_ref().map(|marker| unit_marker(row, marker));
            let bullet = drawn[at].is_some().then(bullet);
            if begins && (role != TagRole::ListItem || marker.is_some() || bullet.is_some() || is_first_of(context, at))
            {
                let marker = marker.or(bullet).filter(|_| role != TagRole::ContentsItem);
                let left = drawn[at].unwrap_or(row.rect.left);
                let text =
                    markers[at].as_ref().and_then(|marker| text_left(context, row, marker)).unwrap_or(row.rect.left);
                items[at] = Some(Item { marker, confidence: None, left, text });
            }
            continue;
        }
        element = None;
        if matches!(tag, Some((TagRole::Heading | TagRole::Title | TagRole::Code | TagRole::Caption, ..))) {
            continue;
        }
        if let Some(left) = drawn[at] {
            items[at] = Some(Item { marker: Some(bullet()), confidence: Some(0.85), left, text: row.rect.left });
            continue;
        }
        if let Some(marker) = &markers[at]
            && let Some(confidence) = confidence(context, &markers, at, marker)
        {
            let text = text_left(context, row, marker).unwrap_or(row.rect.left + 1.2 * row.size);
            let marker = Some(unit_marker(row, marker));
            items[at] = Some(Item { marker, confidence: Some(confidence), left: row.rect.left, text });
        } else if leaders(&row.text).is_some() {
            items[at] = Some(Item { marker: None, confidence: Some(0.8), left: row.rect.left, text: row.rect.left });
        }
    }
    items
}

/// Gives rows the marker that they would have if OCR had read an `i` for what looks like one, where that counts on from the one before.
fn mend(context: &Context<'_>, markers: &mut [Option<Marker>]) {
    for at in 1..markers.len() {
        let Some(likely) = misread(&context.rows[at].text) else { continue };
        let tolerance = context.tolerance(&context.rows[at]);
        let before = (at.saturating_sub(REACH)..at).rev().find(|&before| {
            let lined_up = (context.rows[before].rect.left - context.rows[at].rect.left).abs() < 1.5 * tolerance;
            lined_up
                && markers[before]
                    .as_ref()
                    .is_some_and(|marker| matches!(marker.kind, MarkerKind::Roman(_) | MarkerKind::Letter(_)))
        });
        let leads = |kind: MarkerKind| {
            before.and_then(|before| markers[before].as_ref()).is_some_and(|marker| marker.kind.leads_to(kind))
        };
        if leads(likely.kind) && !markers[at].as_ref().is_some_and(|marker| leads(marker.kind)) {
            markers[at] = Some(likely);
        }
    }
}

fn bullet() -> UnitMarker {
    UnitMarker { text: "\u{2022}".to_owned(), skipped: 0 }
}

fn unit_marker(row: &Row, marker: &Marker) -> UnitMarker {
    let text = match marker.kind {
        // The private area is Symbol's and Wingdings' bullet.
        MarkerKind::Bullet if row.text.starts_with(|c| matches!(c, '\u{e000}'..='\u{f8ff}')) => "\u{2022}".to_owned(),
        MarkerKind::Dash if row.text.starts_with('.') => "\u{2022}".to_owned(),
        _ => row.text[..marker.length].to_owned(),
    };
    UnitMarker { text, skipped: row.text[..marker.with_blanks].chars().count() }
}

/// Of lines that the file calls a list item's, whether this one is its first: the one before is another element's.
fn is_first_of(context: &Context<'_>, at: usize) -> bool {
    let tag = |at: usize| context.tag(&context.rows[at]).map(|(_, element, _)| element);
    at == 0 || tag(at - 1) != tag(at)
}

/// Small marks that are drawn where a row's bullet would stand, and where they begin.
fn drawn_bullets(context: &Context<'_>) -> Vec<Option<f32>> {
    let sheet = context.sheet;
    let marks = sheet.hints.fills.iter().chain(&sheet.hints.pictures).map(|rect| sheet.view.rect(*rect));
    let is_small = |rect: &Rect| {
        let (width, height) = (rect.width(), rect.height());
        let em = sheet.body;
        (0.12 * em..0.8 * em).contains(&width)
            && (0.12 * em..0.8 * em).contains(&height)
            && (0.6..1.6).contains(&(width / height))
    };
    let mut marks: Vec<Rect> = marks.filter(is_small).collect();
    marks.sort_by(|a, b| a.center().y.total_cmp(&b.center().y));
    context
        .rows
        .iter()
        .map(|row| {
            let from = marks.partition_point(|mark| mark.center().y < row.rect.top);
            let own = marks[from..].iter().take_while(|mark| mark.center().y <= row.rect.bottom);
            let beside = |mark: &&Rect| {
                mark.right <= row.rect.left + 0.1 * row.size && row.rect.left - mark.right < 2.5 * row.size
            };
            own.filter(beside).map(|mark| mark.left).reduce(f32::max)
        })
        .collect()
}

/// Where the text of an item begins, after its marker.
fn text_left(context: &Context<'_>, row: &Row, marker: &Marker) -> Option<f32> {
    let sheet = context.sheet;
    // The marker is a fragment of its own, or a word.
    let [first, rest @ ..] = row.lines.as_slice() else { return None };
    let line = &sheet.page.lines[*first];
    if sheet.lines[*first].text.len() <= marker.length {
        return rest.first().map(|&next| sheet.lines[next].rect.left);
    }
    let second = line.words.iter().scan(0, |at, word| {
        let begins = *at;
        *at += word.text.len();
        Some((begins, word))
    });
    second.filter(|(begins, _)| *begins >= marker.length).map(|(_, word)| sheet.view.rect_of(&word.polygon).left).next()
}

fn confidence(context: &Context<'_>, markers: &[Option<Marker>], at: usize, marker: &Marker) -> Option<f32> {
    let row = &context.rows[at];
    if marker.kind.is_sure() {
        return Some(0.95);
    }
    let larger = if context.sheet.is_styled { 1.1 } else { 1.2 };
    let is_heading_type = row.look.bold || row.size > larger * context.sheet.body;
    let next = context.rows.get(at + 1).filter(|next| next.frame == row.frame && is_below(row, next));
    let tolerance = context.tolerance(row);
    let text = text_left(context, row, marker);
    let is_under_text = |other: &Row| text.is_some_and(|text| other.rect.left > text - tolerance);
    let hangs = next.is_some_and(|next| {
        text.is_some_and(|text| (next.rect.left - text).abs() < tolerance && text > row.rect.left + tolerance)
    });
    if hangs
        && (marker.kind.is_first() || !is_heading_type)
        && !matches!(marker.kind, MarkerKind::Letter(counted) if counted.is_upper && counted.before.is_none() && !marker.kind.is_first())
    {
        return Some(0.9);
    }
    if is_heading_type && !matches!(marker.kind, MarkerKind::Dash) {
        return None;
    }
    // A row that could be a heading: short, and no sentence.
    let frame = context.frame(row);
    let looks_full =
        ends_sentence(&row.text) || row.rect.right > frame.right - 2.0 * row.size || row.text.ends_with([';', ',']);
    let leads = |from: usize, to: usize, low: usize, high: usize| {
        let (Some(one), Some(other)) = (&markers[from], &markers[to]) else { return false };
        let lined_up = (context.rows[from].rect.left - context.rows[to].rect.left).abs() < 1.5 * tolerance
            || context.rows[from].frame != context.rows[to].frame;
        let is_nested = |between: usize| is_under_text(&context.rows[between]) || markers[between].is_some();
        one.kind.leads_to(other.kind) && lined_up && (looks_full || (low + 1..high).all(is_nested))
    };
    let to = context.rows.len().min(at + REACH);
    let has_next = (at + 1..to).any(|other| leads(at, other, at, other));
    let has_before = (at.saturating_sub(REACH)..at).any(|other| leads(other, at, other, at));
    match marker.kind {
        MarkerKind::Dash => (has_next || has_before).then_some(0.75),
        _ if has_next || has_before => Some(0.85),
        // The only one of its kind: set in, it is an item.
        _ => (row.rect.left > frame.left + tolerance
            && marker.kind.is_first()
            && marker.kind != MarkerKind::Dash
            && row.characters > marker.with_blanks)
            .then_some(0.55),
    }
}

/// An open list: where its markers and its texts begin.
#[derive(Clone, Copy)]
struct Open {
    left: f32,
    text: f32,
}

/// Makes list items of the units that begin with one, and says how deep they are nested: by where their markers stand.
pub(super) fn set(context: &Context<'_>, items: &[Option<Item>], units: &mut [Unit]) {
    let mut open: Vec<Open> = Vec::new();
    let mut frame = usize::MAX;
    for at in 0..units.len() {
        let row = &context.rows[units[at].rows.start];
        let tolerance = 0.7 * row.size;
        if row.frame != frame {
            // In the next column everything has moved by as much.
            let moved = context.frames.get(frame).map_or(0.0, |before| context.frame(row).left - before.left);
            open.iter_mut().for_each(|open| (open.left, open.text) = (open.left + moved, open.text + moved));
            frame = row.frame;
        }
        let unmarked;
        let item = match &items[units[at].rows.start] {
            Some(item) => item,
            None => {
                let Some(left) = left_of_unmarked(context, items, units, at, &open) else {
                    // What is set in goes on with an item; anything else ends the list.
                    if open.first().is_some_and(|open| row.rect.left < open.left + tolerance) {
                        open.clear();
                    }
                    continue;
                };
                unmarked = Item { marker: None, confidence: Some(0.55), left, text: row.rect.left };
                &unmarked
            }
        };
        while open.last().is_some_and(|open| item.left < open.left - tolerance) {
            open.pop();
        }
        if open.last().is_none_or(|open| item.left > open.left + tolerance) {
            open.push(Open { left: item.left, text: item.text });
        }
        let unit = &mut units[at];
        unit.kind = BlockKind::ListItem;
        unit.confidence = item.confidence;
        unit.marker = item.marker.clone();
        let tagged = context.tag(row).map(|(_, _, level)| level).filter(|level| *level > 0);
        unit.level = Some(tagged.unwrap_or(open.len().min(6) as u8));
    }
}

/// Where the marker of a unit would stand that is an item though it has none: bullets may be drawn, and OCR leaves some out.
fn left_of_unmarked(
    context: &Context<'_>,
    items: &[Option<Item>],
    units: &[Unit],
    at: usize,
    open: &[Open],
) -> Option<f32> {
    let rows = |unit: &Unit| &context.rows[unit.rows.clone()];
    let own = rows(&units[at]);
    let row = own.first()?;
    let frame = context.frame(row);
    let tolerance = 0.7 * row.size;
    let is_plain = |unit: &Unit| {
        let rows = rows(unit);
        let first = &rows[0];
        // All rows begin at one place, and no code nor caption.
        rows.iter().all(|row| (row.rect.left - first.rect.left).abs() < tolerance && !row.look.monospace)
            && context.tag(first).is_none()
            && !context.is_centered(first)
            && first.text.starts_with(|c: char| c.is_uppercase() || c.is_numeric())
            && super::shapes::caption_label(&first.text).is_none()
    };
    if !is_plain(&units[at]) || (row.size / context.sheet.body - 1.0).abs() > 0.25 {
        return None;
    }
    let is_near = |a: f32, b: f32| (a - b).abs() < tolerance;
    if context.sheet.is_read {
        if context.main_line(row).seen(BlockKind::ListItem) > 0.6 {
            return Some(row.rect.left - 1.2 * row.size);
        }
        // Beside items with bullets whose texts begin at the same place.
        let has_bullet = |item: &Item| item.marker.as_ref().is_some_and(|marker| marker.text == "\u{2022}");
        let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten().filter_map(|other| units.get(other));
        let mut beside = beside.filter_map(|unit| {
            items[unit.rows.start].as_ref().filter(|_| context.rows[unit.rows.start].frame == row.frame)
        });
        return beside.find(|item| has_bullet(item) && is_near(item.text, row.rect.left)).map(|item| item.left);
    }
    // Further in than the text of the item before it.
    let is_apart = at > 0 && !super::rows::is_below(&context.rows[units[at].rows.start - 1], row);
    if let Some(last) = open.last().filter(|_| !is_apart) {
        if row.rect.left > last.text + tolerance && row.rect.left < last.text + 5.0 * row.size {
            return Some(row.rect.left - 1.2 * row.size);
        }
        // Or beside others without.
        if is_near(row.rect.left, last.text)
            && at > 0
            && units[at - 1].kind == BlockKind::ListItem
            && items[units[at - 1].rows.start].is_none()
        {
            return Some(last.left);
        }
    }
    // Two and more, set in from the text.
    let in_by = row.rect.left - frame.left;
    let is_in = in_by > 1.1 * row.size && in_by < 4.5 * row.size;
    let has_next = units.get(at + 1).is_some_and(|next| {
        let first = &context.rows[next.rows.start];
        first.frame == row.frame
            && is_near(first.rect.left, row.rect.left)
            && is_plain(next)
            && !first.has_object_before
    });
    (is_in && has_next && open.is_empty()).then_some(row.rect.left - 1.2 * row.size)
}
