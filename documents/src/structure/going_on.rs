//! Which paragraphs go on in the next column or on the next page.
//!
//! Where a sentence is cut there is no doubt. Where a column ends with a full sentence and a full line, only what the page does with its other
//! paragraphs tells: if they are all set in, one that begins flush is none of them.

use super::{
    rows::is_below,
    shapes::{begins_small, ends_sentence, ends_with_hyphen},
    units::{Context, Unit},
};
use crate::{
    blocks::{Block, BlockKind, GoesOn},
    record::PageRecord,
};

/// Paragraphs set in that make a habit.
const HABIT: u32 = 3;

/// How many paragraphs that follow another begin set in, and how many flush.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Indents {
    set_in: u32,
    flush: u32,
}

/// Where a paragraph's first line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    SetIn,
    Flush,
}

/// By the left edges of its first two lines and the height of the first.
fn beginning(first: f32, second: f32, height: f32) -> Option<Beginning> {
    match (first - second) / height.max(0.1) {
        by if (0.6..4.5).contains(&by) => Some(Beginning::SetIn),
        by if by.abs() < 0.35 => Some(Beginning::Flush),
        _ => None,
    }
}

impl Indents {
    fn add(&mut self, beginning: Option<Beginning>) {
        match beginning {
            Some(Beginning::SetIn) => self.set_in += 1,
            Some(Beginning::Flush) => self.flush += 1,
            None => {}
        }
    }

    /// Of two pages.
    pub(super) fn of_pages(before: &PageRecord, after: &PageRecord) -> Self {
        let mut indents = Self::default();
        for page in [before, after] {
            for pair in page.blocks.windows(2) {
                let [above, below] = pair else { continue };
                if above.kind == BlockKind::Paragraph && below.kind == BlockKind::Paragraph && above.goes_on.is_none() {
                    indents.add(beginning_of(page, below));
                }
            }
        }
        indents
    }

    /// Whether paragraphs begin set in here, nearly always.
    pub(super) fn is_habit(self) -> bool {
        self.set_in >= HABIT && self.flush * 10 <= self.set_in
    }
}

fn beginning_of(page: &PageRecord, block: &Block) -> Option<Beginning> {
    let [first, second, ..] = page.lines.get(block.lines.clone())? else { return None };
    let (first, second) = (first.polygon.bounds(), second.polygon.bounds());
    let is_below = second.center().y > first.bottom.min(first.center().y + 0.5 * first.height());
    is_below.then(|| beginning(first.left, second.left, first.height()))?
}

/// Whether a paragraph of a page begins flush, as its second line does.
pub(super) fn begins_flush(page: &PageRecord, block: &Block) -> bool {
    beginning_of(page, block) == Some(Beginning::Flush)
}

/// Marks paragraphs and list items that go on in the next column or behind what stands between.
pub(super) fn mark(context: &Context<'_>, units: &mut [Unit]) {
    let is_text = |unit: &Unit| matches!(unit.kind, BlockKind::Paragraph | BlockKind::ListItem);
    let of_unit = |unit: &Unit| match &context.rows[unit.rows.clone()] {
        [first, second, ..] => beginning(first.rect.left, second.rect.left, first.size),
        _ => None,
    };
    let mut indents = Indents::default();
    for pair in units.windows(2) {
        let [above, below] = pair else { continue };
        let (a, b) = (&context.rows[above.rows.end - 1], &context.rows[below.rows.start]);
        if above.kind == BlockKind::Paragraph
            && below.kind == BlockKind::Paragraph
            && a.frame == b.frame
            && is_below(a, b)
        {
            indents.add(of_unit(below));
        }
    }
    let mut last: Option<usize> = None;
    for at in 0..units.len() {
        if matches!(units[at].kind, BlockKind::Caption | BlockKind::MarginalNote | BlockKind::Code) {
            continue;
        }
        let before = last.replace(at);
        let Some(before) = before.filter(|&before| is_text(&units[before]) && units[at].kind == BlockKind::Paragraph)
        else {
            continue;
        };
        let (a, b) = (&context.rows[units[before].rows.end - 1], &context.rows[units[at].rows.start]);
        let is_parted = before + 1 < at || b.has_object_before || !is_below(a, b) || a.frame != b.frame;
        if !is_parted || !context.is_same_size(a.size, b.size) {
            continue;
        }
        let is_same_element = matches!((context.tag(a), context.tag(b)), (Some(one), Some(other)) if one.1 == other.1);
        let are_elements = context.tag(a).is_some() && context.tag(b).is_some();
        let is_hyphenated = ends_with_hyphen(&a.text);
        let is_full = a.rect.right > context.frame(a).right - 3.0 * a.size;
        let is_flush = b.rect.left < context.frame(b).left + context.tolerance(b);
        let runs_on = !ends_sentence(&a.text) && (begins_small(&b.text) || is_full && is_flush);
        // The last line of a paragraph is seldom full, and never is the first line of one flush where all others are set in.
        let is_next_column = !is_below(a, b) && a.frame != b.frame;
        let by_habit = is_next_column
            && indents.is_habit()
            && units[before].kind == BlockKind::Paragraph
            && a.rect.right > context.frame(a).right - 0.5 * a.size
            && of_unit(&units[at]) == Some(Beginning::Flush)
            && is_flush;
        if is_same_element || (!are_elements && (is_hyphenated || runs_on || by_habit)) {
            units[before].goes_on = Some(GoesOn::Column);
            if units[before].kind == BlockKind::ListItem {
                (units[at].kind, units[at].level) = (BlockKind::ListItem, units[before].level);
                units[at].confidence = units[before].confidence;
            }
        }
    }
}
