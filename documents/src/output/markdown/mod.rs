//! Markdown: CommonMark with GitHub's tables and footnotes.

mod escape;
mod formula;
#[cfg(test)]
mod formula_tests;
mod inline;
mod table;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    sync::Arc,
};

use self::inline::Manner;
pub use self::table::table_markdown;
use super::{
    Notice, PageWriter,
    document_options::{DocumentOptions, FormulaDelimiters},
    flow::{Caption, Flow, Inline, Item, ItemKind, Label, Lists, Numbering, Step},
    images::{ImageFolder, Images},
};
use crate::{ids::DocumentId, mathml::to_plain_text, record::PageRecord};

/// Characters of the text within a figure that describe its picture.
const LONGEST_DESCRIPTION: usize = 200;

/// Writes one document, or several with nothing between them.
pub struct Markdown<W> {
    out: W,
    options: DocumentOptions,
    images: Option<Arc<Images>>,
    folder: Option<Box<dyn ImageFolder>>,
    open: Option<(DocumentId, Flow)>,
    text: Composer,
}

/// What is being put together: pages become text here, which is written and let go of.
#[derive(Default)]
struct Composer {
    out: String,
    /// Whether something stands before, so that a blank line parts it from what comes.
    has_begun: bool,
    page_marks: bool,
    formulas: FormulaDelimiters,
    lists: Lists,
    /// Blanks before the text of the items of each open list.
    indents: Vec<usize>,
}

/// A formula by itself, as it stands in Markdown: its LaTeX between delimiters, or plain characters.
pub fn formula_in_markdown(latex: &str, delimiters: FormulaDelimiters) -> String {
    let plainly = || escape::line(&plain(&to_plain_text(latex)));
    formula::display(latex, None, delimiters).unwrap_or_else(plainly)
}

impl<W: Write> Markdown<W> {
    /// Without pictures: they have no place in a stream.
    pub fn new(out: W, options: DocumentOptions) -> Self {
        let text = Composer { page_marks: options.page_marks, formulas: options.formulas, ..Composer::default() };
        Self { out, options, images: None, folder: None, open: None, text }
    }

    /// With pictures, in files beside it.
    pub(super) fn with_images(self, images: Arc<Images>, folder: Box<dyn ImageFolder>) -> Self {
        Self { images: Some(images), folder: Some(folder), ..self }
    }

    fn write(&mut self, items: Vec<Item>) -> io::Result<()> {
        for item in items {
            let link = match (&item.kind, &mut self.folder) {
                (ItemKind::Figure(Some(image)), Some(folder)) => Some(folder.put(image)?),
                _ => None,
            };
            self.text.item(&item, link.as_deref());
        }
        self.out.write_all(self.text.out.as_bytes())?;
        self.text.out.clear();
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some((_, mut flow)) = self.open.take() {
            let items = flow.finish();
            self.write(items)?;
            self.text.end_lists();
            self.write(Vec::new())?;
        }
        Ok(())
    }
}

impl<W: Write + Send> PageWriter for Markdown<W> {
    fn write_page(&mut self, page: &PageRecord) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|(open, _)| *open != page.document.id) {
            self.end()?;
        }
        let images = self.images.clone().filter(|_| self.options.images);
        let (_, flow) = self.open.get_or_insert_with(|| (page.document.id, Flow::new(images)));
        let items = flow.push(page);
        self.write(items)
    }

    fn end_document(&mut self, _: DocumentId, _: bool) -> io::Result<()> {
        self.end()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.end()
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.images.as_ref().map(|images| images.notices()).unwrap_or_default()
    }
}

impl Composer {
    fn item(&mut self, item: &Item, link: Option<&str>) {
        match &item.kind {
            ItemKind::ListItem { level, marker } => return self.list_item(*level, marker.as_deref(), &item.inline),
            ItemKind::Footnote { number, marker } => {
                let note = self.footnote(*number, marker.as_deref(), &item.inline);
                self.end_lists();
                return self.block(&note);
            }
            ItemKind::Page(number) if self.page_marks => return self.page(*number),
            ItemKind::Page(_) => return,
            _ => {}
        }
        let body = match &item.kind {
            ItemKind::Missing(_) => format!("_{}_", plain(&item.inline.text).replace('\n', " ")),
            ItemKind::Heading { level, .. } => self.heading(*level, &item.inline),
            ItemKind::Paragraph => self.lines(&item.inline, "\\\n"),
            ItemKind::Lines => self.lines(&item.inline, "\n"),
            ItemKind::Table(table) => {
                table::markdown(table, self.formulas).unwrap_or_else(|| table::html(table, self.formulas))
            }
            ItemKind::Figure(_) => link.map(|link| picture(link, item)).unwrap_or_default(),
            ItemKind::Formula { number, latex } => self.formula(&item.inline, number.as_deref(), latex.as_deref()),
            ItemKind::Code => fenced(&item.inline.text),
            ItemKind::MarginalNote => format!("> {}", self.lines(&item.inline, "\\\n").replace('\n', "\n> ")),
            ItemKind::ListItem { .. } | ItemKind::Footnote { .. } | ItemKind::Page(_) => return,
        };
        self.end_lists();
        let caption = item.caption.as_ref().map(|Caption { inline, is_above }| (self.lines(inline, " "), *is_above));
        match caption {
            Some((caption, true)) => {
                self.block(&caption);
                self.block(&body);
            }
            Some((caption, false)) => {
                self.block(&body);
                self.block(&caption);
            }
            None => self.block(&body),
        }
    }

    /// A block with a blank line before it; nothing where there is none.
    fn block(&mut self, body: &str) {
        let body = body.trim_end_matches('\n');
        if body.is_empty() {
            return;
        }
        if std::mem::replace(&mut self.has_begun, true) {
            self.out.push('\n');
        }
        self.out.push_str(body);
        self.out.push('\n');
    }

    /// Lines of a block, each safe at its beginning, with this between them.
    fn lines(&self, inline: &Inline, between: &str) -> String {
        let text = inline::inline(inline, self.manner());
        let lines: Vec<String> = text.lines().map(escape::line).filter(|line| !line.is_empty()).collect();
        lines.join(between)
    }

    fn formula(&self, inline: &Inline, number: Option<&str>, latex: Option<&str>) -> String {
        if let Some(formula) = latex.and_then(|latex| formula::display(latex, number, self.formulas)) {
            return formula;
        }
        let text = self.lines(inline, "\\\n");
        match number.filter(|number| latex.is_some() || !inline.text.contains(number)) {
            Some(number) => format!("{text} {}", plain(number)),
            None => text,
        }
    }

    fn manner(&self) -> Manner {
        Manner { page_marks: self.page_marks, formulas: self.formulas, ..Manner::PLAIN }
    }

    fn heading(&self, level: u8, inline: &Inline) -> String {
        let text = inline::inline(inline, self.manner());
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // Signs at its end would be taken for its end.
        let rest = text.trim_end_matches('#');
        let text = match rest.len() < text.len() && (rest.is_empty() || rest.ends_with(' ')) {
            true => format!("{rest}\\{}", &text[rest.len()..]),
            false => text,
        };
        format!("{} {text}", "#".repeat(usize::from(level)))
    }

    fn page(&mut self, number: u32) {
        let mark = inline::page_mark(number);
        match self.lists.is_empty() {
            true => self.block(&mark),
            // In the latest item, since it would end the list elsewhere.
            false => {
                let indent = self.indents.last().copied().unwrap_or(0);
                self.out.push_str(&format!("{}{mark}\n", " ".repeat(indent)));
            }
        }
    }

    fn footnote(&self, number: Option<u32>, marker: Option<&str>, text: &Inline) -> String {
        match (number, marker) {
            (Some(number), _) => format!("[^{number}]: {}", self.lines(text, "\\\n    ")),
            (None, Some(marker)) => {
                let marker = plain(marker);
                format!("<sup>{marker}</sup> {}", self.lines(text, "\\\n"))
            }
            (None, None) => self.lines(text, "\\\n"),
        }
    }

    fn list_item(&mut self, level: u8, marker: Option<&str>, text: &Inline) {
        for step in self.lists.item(level, marker) {
            match step {
                Step::OpenList { depth, label } => self.begin_list(depth, &label, text),
                Step::CloseList(_) => drop(self.indents.pop()),
                Step::OpenItem { depth, label, is_next } => {
                    let outer = depth.checked_sub(1).map_or(0, |outer| self.indents[outer]);
                    if !is_next {
                        // Numbers count on by themselves, unless something ends the list.
                        self.out.push_str(&format!("\n{}<!-- -->\n\n", " ".repeat(outer)));
                    }
                    self.write_item(outer, &label, text);
                }
                Step::CloseItem => {}
            }
        }
    }

    fn begin_list(&mut self, depth: usize, label: &Label, text: &Inline) {
        self.indents.push(0);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        // What does not begin with 1, or has nothing in it, goes on with the paragraph before unless a blank line parts them.
        let interrupts = (!is_decimal(label) || label.value == 1) && !text.is_blank();
        if !is_first && (depth == 0 || !interrupts) {
            self.out.push('\n');
        }
    }

    fn write_item(&mut self, outer: usize, label: &Label, text: &Inline) {
        let (sign, printed) = match label.numbering {
            Numbering::Decimal if is_decimal(label) => {
                (format!("{}{} ", label.value, label.end.unwrap_or('.')), String::new())
            }
            Numbering::Bullet => ("- ".to_owned(), String::new()),
            _ => {
                let printed = plain(&label.printed);
                ("- ".to_owned(), format!("{} ", escape::line(&printed)))
            }
        };
        let indent = outer + sign.len();
        if let Some(last) = self.indents.last_mut() {
            *last = indent;
        }
        let mut body = self.lines(text, &format!("\\\n{}", " ".repeat(indent)));
        if printed.is_empty() && ["[ ]", "[x]", "[X]"].iter().any(|task| body.starts_with(task)) {
            body.insert(0, '\\');
        }
        self.out.push_str(&format!("{}{}\n", " ".repeat(outer), format!("{sign}{printed}{body}").trim_end()));
    }

    fn end_lists(&mut self) {
        if self.lists.is_empty() {
            return;
        }
        self.lists.end();
        self.indents.clear();
    }
}

/// A text that nothing stands out in.
fn plain(text: &str) -> String {
    inline::inline(&Inline::plain(text), Manner::PLAIN)
}

/// Whether Markdown numbers so by itself.
fn is_decimal(label: &Label) -> bool {
    label.numbering == Numbering::Decimal && !label.is_bracketed
}

fn picture(link: &str, item: &Item) -> String {
    let said = match (item.inline.is_blank(), &item.caption) {
        (true, Some(caption)) => &caption.inline.text,
        _ => &item.inline.text,
    };
    let said: String =
        said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_DESCRIPTION).collect();
    format!("![{}]({link})", inline::inline(&Inline::plain(said), Manner { is_in_link: true, ..Manner::PLAIN }))
}

fn fenced(text: &str) -> String {
    let fence = "`".repeat(inline::longest_run(text).max(2) + 1);
    let text = text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "\u{fffd}");
    format!("{fence}\n{}\n{fence}", text.trim_end_matches('\n'))
}
