//! A page from its lines to its blocks: the rooms beside this one in their order.

use std::borrow::Cow;

use super::{
    captions, document_words, figures, furniture, going_on, headings,
    joining::Joiner,
    kinds, lists, margins,
    notes::{self, NoteRow},
    order::{self, Order},
    paragraphs,
    rows::{self, Row},
    seen_formulas::{self, Said},
    sheet::Sheet,
    tables,
    units::{Context, Owner, Unit},
    verse,
};
use crate::hints::{Hints, Region, Ruling};
use crate::{
    blocks::{Block, BlockKind, Table},
    geometry::{Polygon, Rect},
    page_text::{PageText, compose},
    record::{TextLine, Word},
};

/// A table, a figure or a formula that was read of its pixels: what has a place in the flow of the text and is none.
struct Object {
    kind: BlockKind,
    rect: Rect,
    lines: Vec<usize>,
    confidence: Option<f32>,
    table: Option<Box<Table>>,
    formula: Option<Said>,
    /// How many lines of the text are read before it.
    before: usize,
}

/// A block to be.
struct Draft {
    lines: Vec<usize>,
    rect: Rect,
    kind: BlockKind,
    confidence: Option<f32>,
    source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Unit(usize),
    Object(usize),
    Lines,
}

pub(super) fn describe(page: PageText, hints: &Hints) -> PageText {
    let mut sheet = Sheet::new(&page, hints);
    let mut found = furniture::find(&sheet);
    // What is little more than a formula is no running head, even at the page's edge.
    for (line, found) in found.iter_mut().enumerate() {
        let is_edge = matches!(found, Some((BlockKind::PageHeader | BlockKind::PageFooter, _)));
        if is_edge && 2 * sheet.formulas.characters(line) > sheet.lines[line].characters {
            *found = None;
        }
    }
    // Numerators and limits go where their formula goes.
    sheet.formulas.parts().for_each(|(part, main)| found[part] = found[main]);
    let mut is_free: Vec<bool> = (0..sheet.lines.len())
        .map(|index| found[index].is_none() && sheet.lines[index].is_level && !sheet.lines[index].text.is_empty())
        .collect();
    sheet.formulas.parts().for_each(|(part, _)| is_free[part] = false);
    let mut objects = objects(&sheet, &mut is_free, &found);
    let beside = margins::find(&sheet, &is_free);
    beside.iter().flat_map(|note| &note.lines).for_each(|&index| is_free[index] = false);
    for stamp in beside.iter().filter(|note| note.kind == BlockKind::Stamp) {
        stamp.lines.iter().for_each(|&index| found[index] = Some((stamp.kind, Some(stamp.confidence))));
    }
    let order = order::order(&mut sheet, &is_free);
    for object in &mut objects {
        let is_text = matches!(object.kind, BlockKind::Table | BlockKind::Formula);
        object.before = order.place(&sheet, &object.lines, object.rect, is_text);
    }
    objects.sort_by_key(|object| object.before);
    let flow = flow(&order, &objects);
    let mut rows = rows::rows(&sheet, &flow);
    let mut frames = rows::frames(&sheet, &mut rows);
    let notes = notes::find(&Context { sheet: &sheet, rows: &rows, frames: &frames });
    let first_note = rows.len() - notes.len();
    if !notes.is_empty() {
        (rows, frames) = notes_last(&sheet, rows, &notes);
    }
    let beside = margins::set(&sheet, &beside, &mut rows, &mut frames);
    let context = Context { sheet: &sheet, rows: &rows, frames: &frames };
    let mut units = units(&context, &objects, first_note);
    units.extend(note_units(&notes, first_note));
    units.extend(beside);
    let drafts = drafts(&context, &units, &objects, &found, &order, first_note);
    assemble(&context, &units, &objects, drafts)
}

/// Tables, formulas and figures; their lines are free no more.
fn objects(sheet: &Sheet<'_>, is_free: &mut [bool], found: &[furniture::Found]) -> Vec<Object> {
    let mut objects = Vec::new();
    let matrices = seen_formulas::lines_of_matrices(sheet, is_free);
    matrices.iter().for_each(|&at| is_free[at] = false);
    let tables = find_tables(sheet, is_free);
    matrices.iter().for_each(|&at| is_free[at] = true);
    for table in tables {
        if table.lines.is_empty() {
            continue;
        }
        table.lines.iter().for_each(|&index| is_free[index] = false);
        let (rect, confidence) = (table.rect, Some(table.confidence));
        let of_page = Box::new(given(sheet, table.table));
        objects.push(Object {
            kind: BlockKind::Table,
            rect,
            lines: table.lines,
            confidence,
            table: Some(of_page),
            formula: None,
            before: 0,
        });
    }
    let mut known: Vec<Rect> = objects.iter().map(|object| object.rect).collect();
    for formula in seen_formulas::find(sheet, is_free, &known) {
        formula.lines.iter().for_each(|&index| is_free[index] = false);
        known.push(formula.rect);
        objects.push(Object {
            kind: BlockKind::Formula,
            rect: formula.rect,
            lines: formula.lines,
            confidence: Some(formula.confidence),
            table: None,
            formula: Some(formula.said),
            before: 0,
        });
    }
    // Labels up the side of a diagram belong to it as well.
    let may_stand_in: Vec<bool> =
        (0..is_free.len()).map(|at| is_free[at] || (found[at].is_none() && !sheet.lines[at].is_level)).collect();
    for figure in figures::find(sheet, &may_stand_in, &known) {
        figure.lines.iter().for_each(|&index| is_free[index] = false);
        let (rect, lines, confidence) = (figure.rect, figure.lines, figure.confidence);
        objects.push(Object { kind: figure.kind, rect, lines, confidence, table: None, formula: None, before: 0 });
    }
    objects
}

fn find_tables(sheet: &Sheet<'_>, is_free: &[bool]) -> Vec<tables::FoundTable> {
    if is_free.iter().filter(|free| **free).count() < 4 && sheet.rulings.len() < 3 {
        return Vec::new();
    }
    let upright = |polygon: &Polygon| Polygon::from_rect(sheet.view.rect_of(polygon));
    let lines: Cow<'_, [TextLine]> = if sheet.view.is_plain() {
        Cow::Borrowed(&sheet.page.lines)
    } else {
        let line = |line: &TextLine| TextLine {
            text: line.text.clone(),
            polygon: upright(&line.polygon),
            confidence: line.confidence,
            words: line.words.iter().map(|word| Word { polygon: upright(&word.polygon), ..word.clone() }).collect(),
        };
        Cow::Owned(sheet.page.lines.iter().map(line).collect())
    };
    let hints: Cow<'_, Hints> = if sheet.view.is_plain() {
        Cow::Borrowed(sheet.hints)
    } else {
        let rects = |rects: &[Rect]| rects.iter().map(|rect| sheet.view.rect(*rect)).collect();
        Cow::Owned(Hints {
            width: sheet.bounds.width(),
            height: sheet.bounds.height(),
            styles: sheet.hints.styles.clone(),
            rulings: sheet.rulings.iter().map(|rect| Ruling { rect: *rect }).collect(),
            fills: rects(&sheet.hints.fills),
            pictures: rects(&sheet.hints.pictures),
            regions: sheet
                .hints
                .regions
                .iter()
                .map(|region| Region { rect: sheet.view.rect(region.rect), ..region.clone() })
                .collect(),
            tables: sheet.hints.tables.iter().map(|table| table.clone().map(|rect| sheet.view.rect(rect))).collect(),
            ..Hints::default()
        })
    };
    let mut tables = tables::find(&lines, is_free, &hints);
    // Whatever was found, a line is in one block.
    let mut taken: Vec<bool> = is_free.iter().map(|free| !free).collect();
    for table in &mut tables {
        table.lines.retain(|&index| taken.get_mut(index).is_some_and(|taken| !std::mem::replace(taken, true)));
    }
    tables
}

/// A table's cells where they are on the page as it was given.
fn given(sheet: &Sheet<'_>, mut table: Table) -> Table {
    if !sheet.view.is_plain() {
        table.cells.iter_mut().for_each(|cell| cell.polygon = sheet.view.bounds(cell.polygon.bounds()));
    }
    table
}

/// Free lines in reading order; `None` is where an object stands.
fn flow(order: &Order, objects: &[Object]) -> Vec<Option<usize>> {
    let mut flow = Vec::with_capacity(order.lines.len() + objects.len());
    let mut next = 0;
    for (rank, &index) in order.lines.iter().enumerate() {
        while objects.get(next).is_some_and(|object| object.before <= rank) {
            flow.push(None);
            next += 1;
        }
        flow.push(Some(index));
    }
    flow
}

/// Rows with those of footnotes at the end, so that these part no text.
fn notes_last(sheet: &Sheet<'_>, rows: Vec<Row>, notes: &[NoteRow]) -> (Vec<Row>, Vec<rows::Frame>) {
    let mut is_note = vec![false; rows.len()];
    notes.iter().for_each(|note| is_note[note.row] = true);
    let (own, text): (Vec<_>, Vec<_>) = rows.into_iter().enumerate().partition(|(at, _)| is_note[*at]);
    let mut rows: Vec<Row> = text.into_iter().chain(own).map(|(_, row)| row).collect();
    let first = rows.len() - notes.len();
    // Columns of the text and of the notes are measured apart.
    let (text, own) = rows.split_at_mut(first);
    let mut frames = rows::frames(sheet, text);
    let of_notes = rows::frames(sheet, own);
    own.iter_mut().for_each(|row| row.frame += frames.len());
    frames.extend(of_notes);
    (rows, frames)
}

fn units(context: &Context<'_>, objects: &[Object], first_note: usize) -> Vec<Unit> {
    let text = Context { rows: &context.rows[..first_note], ..*context };
    let items = lists::find(&text);
    let mut units = paragraphs::split(&text, &items);
    lists::set(&text, &items, &mut units);
    kinds::set(&text, &mut units);
    headings::set(&text, &mut units);
    verse::join(&text, &mut units);
    let places: Vec<captions::Object> =
        objects.iter().map(|object| captions::Object { rect: object.rect, kind: object.kind }).collect();
    captions::set(&text, &places, &mut units);
    going_on::mark(&text, &mut units);
    units
}

fn note_units(notes: &[NoteRow], first: usize) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for (at, note) in notes.iter().enumerate() {
        match units.last_mut() {
            Some(unit) if !note.begins => unit.rows.end = first + at + 1,
            _ => {
                let mut unit = Unit::new(first + at..first + at + 1, BlockKind::Footnote);
                (unit.marker, unit.confidence) = (note.marker.clone(), note.confidence);
                units.push(unit);
            }
        }
    }
    units
}

/// Blocks in their order: running heads, the text with its tables and figures, footnotes, what stands askew, feet, stamps.
fn drafts(
    context: &Context<'_>,
    units: &[Unit],
    objects: &[Object],
    found: &[furniture::Found],
    order: &Order,
    first_note: usize,
) -> Vec<Draft> {
    let sheet = context.sheet;
    let mut drafts = furniture_drafts(sheet, found);
    let head = drafts.iter().position(|draft| !is_at_head(sheet, draft)).unwrap_or(drafts.len());
    let feet = drafts.split_off(head);
    let mut next = 0;
    let object = |number: usize| {
        let object = &objects[number];
        Draft {
            lines: object.lines.clone(),
            rect: object.rect,
            kind: object.kind,
            confidence: object.confidence,
            source: Source::Object(number),
        }
    };
    for (number, unit) in units.iter().enumerate() {
        let rows = &context.rows[unit.rows.clone()];
        let first = rows.first().and_then(|row| row.lines.first()).map_or(0, |&index| order.ranks[index]);
        while next < objects.len() && (unit.rows.start >= first_note || objects[next].before <= first) {
            drafts.push(object(next));
            next += 1;
        }
        let lines = rows.iter().flat_map(|row| row.lines.iter().copied()).collect();
        let rect = captions::place(context, unit);
        drafts.push(Draft { lines, rect, kind: unit.kind, confidence: unit.confidence, source: Source::Unit(number) });
    }
    drafts.extend((next..objects.len()).map(object));
    beside_their_objects(units, &mut drafts);
    beside_their_text(context, units, first_note, &mut drafts);
    for (part, main) in sheet.formulas.parts() {
        let place = drafts.iter_mut().find_map(|draft| {
            let at = draft.lines.iter().position(|&line| line == main)?;
            (!draft.lines.contains(&part)).then_some((draft, at))
        });
        if let Some((draft, at)) = place {
            let after =
                draft.lines[at + 1..].iter().take_while(|&&line| sheet.formulas.main_of(line) == Some(main)).count();
            draft.lines.insert(at + 1 + after, part);
            draft.rect = draft.rect.union(&sheet.lines[part].rect);
        }
    }
    // What no room has claimed: lines that run otherwise.
    let mut is_placed = vec![false; sheet.lines.len()];
    drafts.iter().chain(&feet).flat_map(|draft| &draft.lines).for_each(|&index| is_placed[index] = true);
    let mut rest: Vec<(usize, Vec<usize>)> = Vec::new();
    for index in (0..sheet.lines.len()).filter(|&index| !is_placed[index]) {
        match rest.last_mut() {
            Some((block, lines)) if *block == sheet.lines[index].block => lines.push(index),
            _ => rest.push((sheet.lines[index].block, vec![index])),
        }
    }
    for (_, lines) in rest {
        let rect = lines.iter().map(|&index| sheet.lines[index].rect).reduce(|a, b| a.union(&b)).unwrap_or_default();
        drafts.push(Draft { lines, rect, kind: BlockKind::Text, confidence: None, source: Source::Lines });
    }
    drafts.extend(feet);
    drafts
}

fn is_at_head(sheet: &Sheet<'_>, draft: &Draft) -> bool {
    matches!(draft.kind, BlockKind::PageHeader | BlockKind::PageNumber)
        && draft.rect.center().y < sheet.bounds.center().y
}

/// Furniture in the order in which it is read, heads first and stamps last; what stands in one row and is of a kind, is one.
fn furniture_drafts(sheet: &Sheet<'_>, found: &[furniture::Found]) -> Vec<Draft> {
    let mut lines: Vec<usize> = (0..found.len()).filter(|&index| found[index].is_some()).collect();
    let kind = |index: usize| found[index].map_or(BlockKind::Text, |(kind, _)| kind);
    let rank = |index: usize| match kind(index) {
        BlockKind::Stamp => 2,
        BlockKind::Watermark => 3,
        _ => u8::from(sheet.lines[index].rect.center().y >= sheet.bounds.center().y),
    };
    lines.sort_by_key(|&index| (rank(index), index));
    let mut drafts: Vec<Draft> = Vec::new();
    for index in lines {
        let line = &sheet.lines[index];
        let confidence = found[index].and_then(|(_, confidence)| confidence);
        match drafts.last_mut() {
            Some(draft)
                if draft.kind == kind(index)
                    && kind(index) != BlockKind::PageNumber
                    && is_near(draft.rect, line.rect, line.size) =>
            {
                draft.rect = draft.rect.union(&line.rect);
                draft.lines.push(index);
                draft.confidence = draft.confidence.zip(confidence).map(|(a, b)| a.min(b));
            }
            _ => drafts.push(Draft {
                lines: vec![index],
                rect: line.rect,
                kind: kind(index),
                confidence,
                source: Source::Lines,
            }),
        }
    }
    drafts
}

fn is_near(a: Rect, b: Rect, em: f32) -> bool {
    (a.top - b.bottom).max(b.top - a.bottom) < 1.2 * em
}

/// Moves captions to what they are of, unless they stand there already.
fn beside_their_objects(units: &[Unit], drafts: &mut Vec<Draft>) {
    for (number, unit) in units.iter().enumerate() {
        let Some(Owner::Object(object)) = unit.of else { continue };
        let find = |drafts: &[Draft], source: Source| drafts.iter().position(|draft| draft.source == source);
        let (Some(caption), Some(owner)) = (find(drafts, Source::Unit(number)), find(drafts, Source::Object(object)))
        else {
            continue;
        };
        if caption.abs_diff(owner) <= 1 {
            continue;
        }
        let caption = drafts.remove(caption);
        let owner = find(drafts, Source::Object(object)).unwrap_or(0);
        let is_above = caption.rect.center().y < drafts[owner].rect.top;
        drafts.insert(if is_above { owner } else { owner + 1 }, caption);
    }
}

/// Moves notes in the margin behind what they stand beside.
fn beside_their_text(context: &Context<'_>, units: &[Unit], first_note: usize, drafts: &mut Vec<Draft>) {
    let in_margin = |unit: &Unit| unit.kind == BlockKind::MarginalNote && unit.rows.start >= first_note;
    for number in (0..units.len()).filter(|&number| in_margin(&units[number])) {
        let Some(at) = drafts.iter().position(|draft| draft.source == Source::Unit(number)) else { continue };
        let note = drafts.remove(at);
        // By its first line: a long note goes on beside what follows.
        let line = context.rows[units[number].rows.start].middle();
        let distance = |draft: &Draft| {
            let down = (draft.rect.top - line).max(line - draft.rect.bottom).max(0.0);
            let aside = (draft.rect.left - note.rect.right).max(note.rect.left - draft.rect.right).max(0.0);
            down + 0.3 * aside
        };
        let may = |draft: &Draft| match draft.source {
            Source::Unit(of) => units[of].rows.start < first_note,
            Source::Object(_) => true,
            Source::Lines => false,
        };
        let candidates = drafts.iter().enumerate().filter(|(_, draft)| may(draft));
        let nearest = candidates.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        let mut place = nearest.map_or(at, |(nearest, _)| nearest + 1);
        // Behind the notes that stand there already, from top to bottom.
        while drafts.get(place).is_some_and(|draft| matches!(draft.source, Source::Unit(of) if in_margin(&units[of]))) {
            place += 1;
        }
        drafts.insert(place, note);
    }
}

fn assemble(context: &Context<'_>, units: &[Unit], objects: &[Object], drafts: Vec<Draft>) -> PageText {
    let sheet = context.sheet;
    let joiner = Joiner::new(sheet);
    let number_of = |source: Source| drafts.iter().position(|draft| draft.source == source);
    let mut order: Vec<Vec<usize>> = Vec::with_capacity(drafts.len());
    let mut blocks: Vec<Block> = Vec::with_capacity(drafts.len());
    let mut at = 0;
    for draft in &drafts {
        let mut block = Block::new(draft.kind, sheet.view.bounds(draft.rect), at..at + draft.lines.len());
        at = block.lines.end;
        block.confidence = draft.confidence.map(|confidence| (confidence * 100.0).round() / 100.0);
        match draft.source {
            Source::Unit(number) => {
                let unit = &units[number];
                (block.level, block.goes_on) = (unit.level, unit.goes_on);
                block.marker = unit.marker.as_ref().map(|marker| marker.text.clone());
                let skipped = unit.marker.as_ref().map_or(0, |marker| marker.skipped);
                let rows = &context.rows[unit.rows.clone()];
                joiner.fill(&mut block, rows, skipped, unit.keeps_lines);
                if block.kind == BlockKind::Formula {
                    joiner.display(&mut block, rows);
                }
                block.of = match unit.of {
                    Some(Owner::Unit(of)) => number_of(Source::Unit(of)),
                    Some(Owner::Object(of)) => number_of(Source::Object(of)),
                    None => None,
                };
            }
            Source::Object(number) => {
                block.table.clone_from(&objects[number].table);
                if let Some(Said { latex, text, number }) = &objects[number].formula {
                    (block.latex, block.marker) = (latex.clone(), number.clone());
                    block.text.clone_from(text);
                }
            }
            Source::Lines if draft.kind != BlockKind::Text => {
                let lines = draft.lines.iter().map(|&index| sheet.lines[index].text);
                block.text = lines.collect::<Vec<_>>().join(" ");
            }
            Source::Lines => {}
        }
        order.push(draft.lines.clone());
        blocks.push(block);
    }
    settle(&joiner, &mut blocks);
    refer(&mut blocks, sheet.is_styled);
    let text = compose(&sheet.page.lines, &order);
    let lines = order.iter().flatten().map(|&index| sheet.page.lines[index].clone()).collect();
    PageText { lines, blocks, text }
}

/// Decides about hyphens at the ends of blocks that go on.
fn settle(joiner: &Joiner<'_>, blocks: &mut [Block]) {
    for at in 0..blocks.len() {
        let (before, after) = blocks.split_at_mut(at + 1);
        let Some(block) = before.last_mut().filter(|block| block.goes_on.is_some()) else { continue };
        if let Some(next) = after.iter().find(|next| next.kind == block.kind) {
            document_words::settle(block, &next.text, |broken| joiner.resolve(broken));
        }
    }
}

/// Finds the references to footnotes.
fn refer(blocks: &mut [Block], is_styled: bool) {
    for at in 0..blocks.len() {
        let Some(note) = blocks[at].marker.clone().filter(|_| blocks[at].kind == BlockKind::Footnote) else { continue };
        blocks[at].of = (0..at).find(|&other| {
            let block = &mut blocks[other];
            let may =
                !matches!(block.kind, BlockKind::Footnote | BlockKind::Code | BlockKind::Figure | BlockKind::Table)
                    && !block.kind.is_furniture();
            may && notes::refer(&block.text, &mut block.marks, &note, is_styled)
        });
    }
}

#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod seen_formula_tests;
#[cfg(test)]
mod tests;
