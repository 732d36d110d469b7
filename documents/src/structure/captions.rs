//! Captions: which blocks are some, and of what.

use super::{
    shapes::{Labelled, caption_label, ends_sentence},
    units::{Context, Owner, Unit},
};
use crate::hints::TagRole;
use crate::{blocks::BlockKind, geometry::Rect};

/// What a caption may be of, beside units.
pub(super) struct Object {
    pub(super) rect: Rect,
    pub(super) kind: BlockKind,
}

/// Makes captions of units that begin with a label, and says which figure, table or listing each is of.
pub(super) fn set(context: &Context<'_>, objects: &[Object], units: &mut [Unit]) {
    let places: Vec<Rect> = units.iter().map(|unit| place(context, unit)).collect();
    for at in 0..units.len() {
        if let Some(confidence) = confidence(context, objects, &units[at], places[at]) {
            let unit = &mut units[at];
            (unit.kind, unit.confidence, unit.marker, unit.level) = (BlockKind::Caption, confidence, None, None);
        }
    }
    // Nearest pairs first; an object has one caption.
    let em = context.sheet.body;
    let mut pairs: Vec<(f32, usize, Owner)> = Vec::new();
    for (at, unit) in units.iter().enumerate().filter(|(_, unit)| unit.kind == BlockKind::Caption) {
        let label = caption_label(&context.rows[unit.rows.start].text).map(|(label, _)| label);
        let codes = units.iter().enumerate().filter(|(_, unit)| unit.kind == BlockKind::Code);
        let owners =
            objects.iter().enumerate().map(|(number, object)| (Owner::Object(number), object.kind, object.rect));
        for (owner, kind, rect) in
            owners.chain(codes.map(|(code, _)| (Owner::Unit(code), BlockKind::Code, places[code])))
        {
            let distance = distance(places[at], rect);
            let fits = match (label, kind) {
                (Some(Labelled::Figure), BlockKind::Figure)
                | (Some(Labelled::Table), BlockKind::Table)
                | (Some(Labelled::Code), BlockKind::Code) => 0.0,
                // A table may be a picture, and a figure of boxes a table.
                (None, BlockKind::Figure | BlockKind::Table) => 0.5 * em,
                (Some(Labelled::Figure | Labelled::Code), BlockKind::Code | BlockKind::Figure) => 2.0 * em,
                (Some(_), BlockKind::Figure | BlockKind::Table) => 4.0 * em,
                _ => continue,
            };
            if distance < 8.0 * em {
                pairs.push((distance + fits, at, owner));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut owned: Vec<Owner> = Vec::new();
    for (_, at, owner) in pairs {
        if units[at].of.is_none() && !owned.contains(&owner) {
            units[at].of = Some(owner);
            owned.push(owner);
        }
    }
}

pub(super) fn place(context: &Context<'_>, unit: &Unit) -> Rect {
    context.rows[unit.rows.clone()].iter().map(|row| row.rect).reduce(|a, b| a.union(&b)).unwrap_or_default()
}

/// From edge to edge, if they stand one above the other; else half as far again.
fn distance(a: Rect, b: Rect) -> f32 {
    let down = (a.top - b.bottom).max(b.top - a.bottom).max(0.0);
    let beside = (a.left - b.right).max(b.left - a.right).max(0.0);
    down + 1.5 * beside
}

/// How sure it is that a unit is a caption, `None` inside where the file says so.
#[allow(clippy::option_option)]
fn confidence(context: &Context<'_>, objects: &[Object], unit: &Unit, place: Rect) -> Option<Option<f32>> {
    let rows = &context.rows[unit.rows.clone()];
    let first = rows.first()?;
    if matches!(context.tag(first), Some((TagRole::Caption, ..))) {
        return Some(None);
    }
    if unit.kind == BlockKind::Caption {
        return Some(unit.confidence);
    }
    if !matches!(unit.kind, BlockKind::Paragraph | BlockKind::Heading) {
        return None;
    }
    let (label, is_set_off) = caption_label(&first.text)?;
    let kinds = match label {
        Labelled::Figure => [BlockKind::Figure, BlockKind::Figure],
        Labelled::Table => [BlockKind::Table, BlockKind::Figure],
        Labelled::Code => [BlockKind::Code, BlockKind::Figure],
    };
    let em = context.sheet.body;
    let is_near = objects.iter().any(|object| kinds.contains(&object.kind) && distance(place, object.rect) < 2.5 * em);
    let other_type = first.size < 0.95 * em
        || first.look.bold
        || first.look.italic
        || context.is_centered(first)
        || first.look.capitals;
    let characters: usize = rows.iter().map(|row| row.characters).sum();
    match (is_set_off, is_near) {
        (true, true) => Some(Some(0.97)),
        (true, false) => (characters < 1200).then_some(Some(0.85)),
        // `Figure 3 shows` is a sentence, `Figure 3 Tides at noon` is none.
        (false, true) if other_type || (characters < 100 && !ends_sentence(&first.text)) => Some(Some(0.75)),
        _ => None,
    }
}
