//! Which rows make a paragraph: by what the file says, by type, by spaces, by lines that end early, and by where they begin.

use super::{
    lists::Item,
    rows::{Row, is_below},
    shapes::{begins_small, ends_sentence, ends_with_hyphen},
    units::{Context, Unit},
};
use crate::blocks::BlockKind;
use crate::hints::TagRole;

/// Parts rows into blocks; where `items` has one, a list item begins.
pub(super) fn split(context: &Context<'_>, items: &[Option<Item>]) -> Vec<Unit> {
    let splitter = Splitter { context, items, trusts_tags: trusts_tags(context) };
    let mut units = Vec::new();
    let mut start = 0;
    for at in 1..=context.rows.len() {
        if at == context.rows.len() || splitter.begins(start, at) {
            units.push(Unit::new(start..at, BlockKind::Paragraph));
            start = at;
        }
    }
    units
}

/// Whether the elements of a tagged file are blocks. There are files in which each line is an element.
fn trusts_tags(context: &Context<'_>) -> bool {
    let (mut parted, mut wrong) = (0, 0);
    for pair in context.rows.windows(2) {
        let [a, b] = pair else { continue };
        let (Some((role, one, _)), Some((other_role, other, _))) = (context.tag(a), context.tag(b)) else { continue };
        if one == other || role != other_role || !is_below(a, b) || a.frame != b.frame {
            continue;
        }
        parted += 1;
        let runs_on = context.is_full(a, b) && !ends_sentence(&a.text) && begins_small(&b.text);
        wrong += usize::from(runs_on && role == TagRole::Paragraph);
    }
    wrong * 4 <= parted || wrong < 3
}

struct Splitter<'a> {
    context: &'a Context<'a>,
    items: &'a [Option<Item>],
    trusts_tags: bool,
}

impl Splitter<'_> {
    /// Whether a block begins with row `at`, where the one before it has begun at `start`.
    fn begins(&self, start: usize, at: usize) -> bool {
        let context = self.context;
        let (first, a, b) = (&context.rows[start], &context.rows[at - 1], &context.rows[at]);
        if b.has_object_before || a.frame != b.frame || !is_below(a, b) || self.items[at].is_some() {
            return true;
        }
        if self.trusts_tags {
            match (context.tag(a), context.tag(b)) {
                (Some(one), Some(other)) => return one.1 != other.1 || one.0 != other.0,
                (Some((TagRole::Heading | TagRole::Title, ..)), None)
                | (None, Some((TagRole::Heading | TagRole::Title, ..))) => return true,
                _ => {}
            }
        }
        let pitch = b.middle() - a.middle();
        if a.look.monospace && b.look.monospace {
            return pitch > 2.6 * self.pitch(start, at);
        }
        if !context.is_same_size(a.size, b.size) || a.look.monospace != b.look.monospace {
            return !self.is_odd(a, b, pitch);
        }
        let is_full = context.is_full(a, b);
        let ends = ends_sentence(&a.text);
        let runs_on = is_full && !ends && (begins_small(&b.text) || ends_with_hyphen(&a.text));
        let ratio = pitch / self.pitch(start, at).max(0.1);
        let most = match (runs_on, context.sheet.is_styled) {
            (true, _) => 1.75,
            (false, true) => 1.22,
            (false, false) => 1.32,
        };
        if ratio > most {
            return true;
        }
        if runs_on && ends_with_hyphen(&a.text) {
            return false;
        }
        let goes_on = runs_on || (is_full && !ends && !is_heading_type(context, first));
        if a.look.bold != b.look.bold && has_letters(a) && has_letters(b) && !goes_on {
            return true;
        }
        if is_heading_type(context, a) && is_heading_type(context, b) && a.look == b.look {
            // Headings are broken where it looks good.
            return ratio > 1.18 && ends
                || super::shapes::numbering(&b.text).is_some_and(|numbering| numbering.is_certain);
        }
        if context.is_centered(a) && context.is_centered(b) {
            return ends && !is_full && a.look != b.look;
        }
        if !is_full && (ends || !begins_small(&b.text)) {
            return true;
        }
        self.begins_by_place(start, at, runs_on)
    }

    /// Whether what differs in size goes on all the same: initials, formulas, words in type of code.
    fn is_odd(&self, a: &Row, b: &Row, pitch: f32) -> bool {
        let least = a.characters.min(b.characters);
        let runs_on = !ends_sentence(&a.text) && begins_small(&b.text) && self.context.is_full(a, b);
        let ratio = a.size / b.size;
        runs_on
            && (least < 12 || a.look.monospace != b.look.monospace)
            && (0.6..1.6).contains(&ratio)
            && pitch < 1.8 * a.size.max(b.size)
    }

    /// Distance of rows that is usual here.
    fn pitch(&self, start: usize, at: usize) -> f32 {
        let context = self.context;
        let (a, b) = (&context.rows[at - 1], &context.rows[at]);
        let frame = context.frame(a);
        let body = frame.pitch * b.size / context.sheet.body;
        let usual = if frame.pitch > 0.0 { body } else { 1.3 * b.size };
        if at - start >= 2 {
            let before = a.middle() - context.rows[at - 2].middle();
            return if context.is_same_size(b.size, context.sheet.body) {
                before.max(usual.min(1.1 * before))
            } else {
                before
            };
        }
        match context.rows.get(at + 1) {
            // Of other type than the text only the next pair tells.
            Some(c)
                if c.frame == b.frame
                    && is_below(b, c)
                    && context.is_same_size(b.size, c.size)
                    && !context.is_same_size(b.size, context.sheet.body) =>
            {
                (c.middle() - b.middle()).min(1.6 * b.size).max(0.8 * b.size)
            }
            _ => usual,
        }
    }

    fn begins_by_place(&self, start: usize, at: usize, runs_on: bool) -> bool {
        let context = self.context;
        let (first, a, b) = (&context.rows[start], &context.rows[at - 1], &context.rows[at]);
        let next = context.rows.get(at + 1).filter(|next| next.frame == b.frame && is_below(b, next));
        let tolerance = context.tolerance(b);
        let is_item = self.items[start].is_some();
        let deeper = b.rect.left - a.rect.left;
        if at - start == 1 {
            if deeper > tolerance {
                if is_item || runs_on {
                    return false;
                }
                // The next row tells a hanging indent from a new paragraph's first row.
                let returns = next.is_none_or(|next| {
                    (next.rect.left - a.rect.left).abs() < tolerance || self.items[at + 1].is_some()
                });
                let hangs =
                    next.is_some_and(|next| (next.rect.left - b.rect.left).abs() < tolerance) && deeper < 4.5 * b.size;
                return returns || !hangs || ends_sentence(&a.text) && !context.is_full(a, b);
            }
            // A first row that was set in.
            return -deeper > tolerance && -deeper > 7.0 * b.size;
        }
        if deeper > tolerance {
            return !runs_on;
        }
        if -deeper > tolerance {
            let hung = first.rect.left < a.rect.left - tolerance;
            return hung || !runs_on;
        }
        false
    }
}

fn has_letters(row: &Row) -> bool {
    row.text.chars().any(char::is_alphabetic)
}

/// Whether a row is set as headings are.
fn is_heading_type(context: &Context<'_>, row: &Row) -> bool {
    let larger = if context.sheet.is_styled { 1.1 } else { 1.35 };
    row.size > larger * context.sheet.body || (row.look.bold && row.characters < 120)
}
