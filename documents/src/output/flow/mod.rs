//! The pages of a document as one flow of text, which is what Markdown, HTML, EPUB, DOCX and the tree of JSON are made of: what goes on over
//! columns and pages is joined, running heads and such are left out, captions and footnotes are with what they belong to.
//!
//! It is one page behind ([`Assembler`]), and what goes on is held until its end has come, with what stands between: [`MOST_HELD`] bounds it.

mod grid;
mod inline;
mod item;
mod join;
mod language;
mod lists;
mod notes;

use std::{collections::VecDeque, ops::Range, sync::Arc};

pub(super) use self::{
    grid::grid,
    inline::{Inline, Piece, Span, What, page_of},
    item::{Caption, Item, ItemKind},
    lists::{Label, Lists, Numbering, Step},
};
use self::{
    join::{Tail, joined_tables},
    notes::Notes,
};
use super::images::Images;
use crate::{
    blocks::{Block, BlockKind, GoesOn},
    mathml::to_plain_text,
    page_text::compose,
    record::{PageRecord, PageStatus},
    structure::Assembler,
};

/// Bytes of what waits for the end of something that goes on: that is let go then, and what comes is something new.
const MOST_HELD: usize = 32 << 20;

/// Pages that something that goes on waits for its next part: a page of figures may stand between.
const MOST_PAGES: u32 = 3;

/// Footnotes that wait for the end of a list, which they would cut in two; with more of them it is cut.
const MOST_NOTES: usize = 1_000;

/// One document.
#[derive(Default)]
pub(super) struct Flow {
    assembler: Assembler,
    images: Option<Arc<Images>>,
    held: VecDeque<Held>,
    weight: usize,
    /// Whether the latest of what was given is an item of a list, whatever pages began since, and the footnotes that wait for its end.
    is_in_list: bool,
    after_list: Vec<Item>,
    /// Footnotes that have been given a number.
    notes: u32,
    /// Whether the document has a title above its headings; not known before one of either has come.
    has_title: Option<bool>,
    language: Option<&'static str>,
}

struct Held {
    item: Item,
    /// What it waits for: another block of this kind, and until the end of which page.
    open: Option<Open>,
}

struct Open {
    kind: BlockKind,
    until: u32,
    tail: Tail,
}

impl Flow {
    /// With `images`, figures come with their pictures.
    pub(super) fn new(images: Option<Arc<Images>>) -> Self {
        Self { images, ..Self::default() }
    }

    /// Takes the next page, and gives what is known to be whole by now.
    pub(super) fn push(&mut self, page: &PageRecord) -> Vec<Item> {
        if let Some(page) = self.assembler.push(page.clone()) {
            self.page(&page);
        }
        self.ready()
    }

    /// The rest.
    pub(super) fn finish(&mut self) -> Vec<Item> {
        if let Some(page) = self.assembler.finish() {
            self.page(&page);
        }
        self.held.iter_mut().for_each(|held| held.open = None);
        let mut items = self.ready();
        items.append(&mut self.after_list);
        items
    }

    /// As BCP 47 has it, as soon as a page has told.
    pub(super) fn language(&self) -> Option<&'static str> {
        self.language
    }

    fn ready(&mut self) -> Vec<Item> {
        if self.weight > MOST_HELD {
            self.held.iter_mut().for_each(|held| held.open = None);
        }
        let mut items = Vec::new();
        while self.held.front().is_some_and(|held| held.open.is_none()) {
            let Some(held) = self.held.pop_front() else { break };
            self.weight = self.weight.saturating_sub(held.item.weight());
            self.give(held.item, &mut items);
        }
        items
    }

    fn give(&mut self, item: Item, items: &mut Vec<Item>) {
        match item.kind {
            ItemKind::Page(_) => {}
            ItemKind::Footnote { .. } if self.is_in_list && self.after_list.len() < MOST_NOTES => {
                return self.after_list.push(item);
            }
            ItemKind::ListItem { .. } => self.is_in_list = true,
            _ => {
                self.is_in_list = false;
                items.append(&mut self.after_list);
            }
        }
        items.push(item);
    }

    fn add(&mut self, item: Item, open: Option<Open>) {
        self.weight += item.weight();
        self.held.push_back(Held { item, open });
    }

    fn page(&mut self, page: &PageRecord) {
        let number = page.page.get();
        if self.language.is_none() {
            self.language = language::of(&page.text);
        }
        let mut begins = Some(number);
        if page.text.trim().is_empty() && page.blocks.is_empty() {
            self.begin(&mut begins);
            if page.status != PageStatus::Ok {
                self.add(Item::new(ItemKind::Missing(number), Inline::plain(missing(page))), None);
            }
        } else if page.blocks.is_empty() {
            self.begin(&mut begins);
            for paragraph in page.text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
                self.add(Item::new(ItemKind::Lines, Inline::plain(paragraph)), None);
            }
        } else {
            self.blocks(page, &mut begins);
        }
        self.begin(&mut begins);
        // What was to go on here and did not will not.
        let is_over = |open: &Open| open.until <= number;
        self.held.iter_mut().filter(|held| held.open.as_ref().is_some_and(is_over)).for_each(|held| held.open = None);
    }

    /// Says that a page begins, if that has not been said.
    fn begin(&mut self, begins: &mut Option<u32>) {
        if let Some(number) = begins.take() {
            self.add(Item::new(ItemKind::Page(number), Inline::default()), None);
        }
    }

    fn blocks(&mut self, page: &PageRecord, begins: &mut Option<u32>) {
        let has = |kind: BlockKind| page.blocks.iter().any(|block| block.kind == kind);
        if self.has_title.is_none() && (has(BlockKind::Title) || has(BlockKind::Heading)) {
            self.has_title = Some(has(BlockKind::Title));
        }
        let captions = Captions::of(page);
        let notes = Notes::of(page, &mut self.notes);
        let mut figures = 0;
        for (index, block) in page.blocks.iter().enumerate().filter(|(_, block)| !block.kind.is_furniture()) {
            if captions.is_taken[index] {
                continue;
            }
            let inline = notes.inline(index, block, text_of(page, block));
            let Some(mut item) = self.item(page, block, inline, notes.number(index), &mut figures) else { continue };
            item.at.push((page.page.get(), index));
            if let Some(caption) = captions.by_owner[index] {
                let block = &page.blocks[caption];
                let inline = notes.inline(caption, block, text_of(page, block));
                item.caption = Some(Caption { inline, is_above: caption < index });
                item.at.push((page.page.get(), caption));
            }
            self.place(page, block, item, begins);
        }
    }

    /// What a block is in a document; `None` where it has nothing to say.
    fn item(
        &self,
        page: &PageRecord,
        block: &Block,
        inline: Inline,
        number: Option<u32>,
        figures: &mut u32,
    ) -> Option<Item> {
        let top = u8::from(self.has_title == Some(true));
        let is_blank = inline.is_blank();
        let kind = match block.kind {
            BlockKind::Title => ItemKind::Heading { level: 1, is_title: true },
            BlockKind::Heading => {
                let level = block.level.unwrap_or(1).clamp(1, 6);
                ItemKind::Heading { level: (level + top).min(6), is_title: false }
            }
            BlockKind::ListItem => {
                let marker = block.marker.clone().filter(|marker| !marker.trim().is_empty());
                ItemKind::ListItem { level: block.level.unwrap_or(1).clamp(1, 9), marker }
            }
            BlockKind::Table => match &block.table {
                Some(table) => grid(table).map_or(ItemKind::Lines, |table| ItemKind::Table(Box::new(table))),
                None => ItemKind::Lines,
            },
            BlockKind::Figure => {
                *figures += 1;
                let image = self.images.as_ref().and_then(|images| images.of(page, &block.polygon, *figures));
                return Some(Item::new(ItemKind::Figure(image), inline));
            }
            BlockKind::Formula => {
                let number = block.marker.clone().filter(|number| !number.trim().is_empty());
                let latex = latex_of(block).map(str::to_owned);
                return (!is_blank || latex.is_some()).then(|| Item::new(ItemKind::Formula { number, latex }, inline));
            }
            BlockKind::Code => ItemKind::Code,
            BlockKind::Footnote => ItemKind::Footnote { number, marker: block.marker.clone() },
            BlockKind::MarginalNote => ItemKind::MarginalNote,
            // What is not told to be something else, and whose lines say it.
            _ if block.text.is_empty() => ItemKind::Lines,
            _ => ItemKind::Paragraph,
        };
        let is_table = matches!(kind, ItemKind::Table(_));
        (is_table || !is_blank).then(|| Item::new(kind, if is_table { Inline::default() } else { inline }))
    }

    /// Puts it behind what it goes on with, or behind everything.
    fn place(&mut self, page: &PageRecord, block: &Block, mut item: Item, begins: &mut Option<u32>) {
        let number = page.page.get();
        let open = block.goes_on.map(|goes_on| Open {
            kind: block.kind,
            until: if goes_on == GoesOn::Page { number + MOST_PAGES } else { number },
            tail: Tail::of(block, &item.inline.text),
        });
        let before = self.held.iter_mut().find(|held| held.open.as_ref().is_some_and(|open| open.kind == block.kind));
        let Some(before) = before else {
            self.begin(begins);
            return self.add(item, open);
        };
        let weight = before.item.weight();
        let Some(Open { tail, .. }) = before.open.take() else { return };
        let is_joined = match (&mut before.item.kind, &mut item.kind) {
            (ItemKind::Table(first), ItemKind::Table(second)) => joined_tables(first, second),
            (ItemKind::Table(_), _) | (_, ItemKind::Table(_)) => false,
            // Two pieces of LaTeX make none.
            (ItemKind::Formula { latex: Some(_), .. }, _) | (_, ItemKind::Formula { latex: Some(_), .. }) => false,
            _ => {
                if let Some(number) = begins.take() {
                    item.inline.spans.push(Span { start: 0, end: 0, what: What::Page(number) });
                }
                let text = std::mem::take(&mut item.inline);
                tail.join(&mut before.item.inline, text);
                true
            }
        };
        if !is_joined {
            self.begin(begins);
            return self.add(item, open);
        }
        before.open = open;
        before.item.at.append(&mut item.at);
        before.item.caption = before.item.caption.take().or(item.caption);
        self.weight = self.weight - weight + before.item.weight();
        // Within a table nothing can be said of where a page begins.
        self.begin(begins);
    }
}

/// What a block says, whether it says it itself or its lines do.
fn text_of(page: &PageRecord, block: &Block) -> Option<String> {
    if !block.text.is_empty() {
        return None;
    }
    if let Some(latex) = latex_of(block) {
        return Some(to_plain_text(latex));
    }
    let Range { start, end } = block.lines.clone();
    let (start, end) = (start.min(page.lines.len()), end.min(page.lines.len()));
    Some(compose(&page.lines, &[(start..end.max(start)).collect()]))
}

/// What a formula says, where that is known.
fn latex_of(block: &Block) -> Option<&str> {
    let is_formula = block.kind == BlockKind::Formula;
    block.latex.as_deref().map(str::trim).filter(|latex| is_formula && !latex.is_empty())
}

/// Which caption belongs to what, each to one.
struct Captions {
    /// By the index of what has it.
    by_owner: Vec<Option<usize>>,
    is_taken: Vec<bool>,
}

impl Captions {
    fn of(page: &PageRecord) -> Self {
        let count = page.blocks.len();
        let (mut by_owner, mut is_taken) = (vec![None; count], vec![false; count]);
        for (index, block) in page.blocks.iter().enumerate().filter(|(_, block)| block.kind == BlockKind::Caption) {
            let Some(owner) = block.of.filter(|&owner| owner < count && by_owner[owner].is_none()) else { continue };
            let kind = page.blocks[owner].kind;
            if matches!(kind, BlockKind::Figure | BlockKind::Table | BlockKind::Code) {
                by_owner[owner] = Some(index);
                is_taken[index] = true;
            }
        }
        Self { by_owner, is_taken }
    }
}

/// One sentence, for whoever reads the document.
fn missing(page: &PageRecord) -> String {
    let number = page.page;
    let reason = page.reason.as_deref().unwrap_or("no reason given");
    match (page.status, &page.duplicate_of) {
        (PageStatus::Duplicate, Some(of)) if of.document == page.document.id => {
            format!("Page {number} repeats page {}", of.page)
        }
        (PageStatus::Duplicate, _) => format!("Page {number} repeats a page of another document"),
        (PageStatus::Failed, _) => format!("Page {number} could not be read: {reason}"),
        _ => format!("Page {number} was not read: {reason}"),
    }
}
