//! What stands in the body of an HTML file: elements that say what things are, and nothing of how they look.

use std::io::{self, Write};

use super::{
    inline::{LineEnds, attribute, page, push, push_text},
    table::table_html,
};
use crate::{
    mathml::{FormulaDisplay, to_mathml},
    output::{
        flow::{Caption, Inline, Item, ItemKind, Label, Lists, Numbering, Span, Step, What},
        spool::Spool,
    },
    script::is_mostly_from_the_right,
};

/// Characters of the text within a figure that stand for its picture.
const LONGEST_DESCRIPTION: usize = 400;

/// Puts things together one after the other.
#[derive(Default)]
pub(in crate::output) struct Body {
    /// What is to be written next.
    pub(in crate::output) out: String,
    page_class: &'static str,
    lists: Lists,
    /// Level of the latest heading, as it was written.
    level: u8,
    headings: u32,
    /// Footnotes, which stand at the end.
    notes: Spool,
    /// Whether there is MathML in it.
    pub(in crate::output) has_formulas: bool,
}

impl Body {
    pub(in crate::output) fn new(page_marks: bool) -> Self {
        Self { page_class: if page_marks { "page marked" } else { "page" }, ..Self::default() }
    }

    /// `source` is the address of a figure's picture, where it has one.
    pub(in crate::output) fn item(&mut self, item: &Item, source: Option<&str>) -> io::Result<()> {
        let from = self.out.len();
        self.put(item, source)?;
        self.has_formulas |= self.out.get(from..).is_some_and(has_formula);
        Ok(())
    }

    fn put(&mut self, item: &Item, source: Option<&str>) -> io::Result<()> {
        match &item.kind {
            ItemKind::ListItem { level, marker } => {
                self.list_item(*level, marker.as_deref(), &item.inline);
                return Ok(());
            }
            ItemKind::Page(number) => {
                let name = if self.lists.is_empty() { "div" } else { "span" };
                let mark = page(name, *number, self.page_class);
                self.out.push_str(&mark);
                self.out.push('\n');
                return Ok(());
            }
            ItemKind::Footnote { number: Some(number), marker } => {
                return self.note(*number, marker.as_deref(), &item.inline);
            }
            _ => self.end_lists(),
        }
        match &item.kind {
            ItemKind::Missing(_) => self.simple("p", " class=\"missing\"", &item.inline, LineEnds::Blanks),
            ItemKind::Heading { level, .. } => {
                // No level is left out on the way down: who reads with the ears finds the way by them.
                self.level = (*level).min(self.level + 1);
                self.headings += 1;
                let (name, id) = (format!("h{}", self.level), format!(" id=\"h-{}\"", self.headings));
                self.simple(&name, &id, &item.inline, LineEnds::Blanks);
            }
            ItemKind::Paragraph => self.simple("p", "", &item.inline, LineEnds::Breaks),
            ItemKind::Lines => self.simple("p", "", &item.inline, LineEnds::Blanks),
            ItemKind::Formula { number, latex } => self.formula(item, number.as_deref(), latex.as_deref()),
            ItemKind::MarginalNote => {
                self.out.push_str("<aside>\n");
                self.simple("p", "", &item.inline, LineEnds::Breaks);
                self.out.push_str("</aside>\n");
            }
            ItemKind::Footnote { marker, .. } => {
                self.out.push_str("<aside role=\"doc-footnote\">\n<p>");
                self.marked(marker.as_deref(), &item.inline);
                self.out.push_str("</p>\n</aside>\n");
            }
            ItemKind::Table(table) => {
                let table = table_html(table);
                self.captioned("table", item.caption.as_ref(), &table);
            }
            ItemKind::Code => {
                let mut code = String::from("<pre><code>");
                push_text(&mut code, &item.inline.text, LineEnds::Blanks);
                code.push_str("</code></pre>\n");
                self.captioned("listing", item.caption.as_ref(), &code);
            }
            ItemKind::Figure(image) => {
                let picture = image.as_ref().zip(source).map(|(image, source)| {
                    let (width, height) = (image.width, image.height);
                    let said = attribute(&description(item));
                    format!("<img src=\"{source}\" alt=\"{said}\" width=\"{width}\" height=\"{height}\"/>\n")
                });
                if picture.is_some() || item.caption.is_some() {
                    self.captioned("picture", item.caption.as_ref(), &picture.unwrap_or_default());
                }
            }
            ItemKind::ListItem { .. } | ItemKind::Page(_) => {}
        }
        Ok(())
    }

    /// Lists and the section of footnotes.
    pub(in crate::output) fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.end_lists();
        out.write_all(std::mem::take(&mut self.out).as_bytes())?;
        if !self.notes.is_empty() {
            out.write_all(b"<section class=\"notes\" role=\"doc-endnotes\">\n<ul>\n")?;
            self.notes.pour(out)?;
            out.write_all(b"</ul>\n</section>\n")?;
        }
        Ok(())
    }

    /// Level and identity of the latest heading.
    pub(in crate::output) fn heading(&self) -> Option<(u8, String)> {
        (self.headings > 0).then(|| (self.level, format!("h-{}", self.headings)))
    }

    fn simple(&mut self, name: &str, attributes: &str, inline: &Inline, line_ends: LineEnds) {
        let direction = direction(&inline.text);
        self.out.push_str(&format!("<{name}{attributes}{direction}>"));
        push(&mut self.out, inline, line_ends, self.page_class);
        self.out.push_str(&format!("</{name}>\n"));
    }

    /// Its number beside it. Of LaTeX that cannot be parsed there is what it says in plain characters, and of a formula that says nothing so
    /// the LaTeX itself.
    fn formula(&mut self, item: &Item, number: Option<&str>, latex: Option<&str>) {
        let Some(mathml) = latex.and_then(|latex| to_mathml(latex, FormulaDisplay::Block)) else {
            let mut inline = item.inline.clone();
            if inline.is_blank() {
                let latex = latex.unwrap_or_default();
                inline = Inline::plain(latex);
                inline.spans.push(Span { start: 0, end: latex.len(), what: What::Monospace });
            }
            if let Some(number) = number.filter(|number| latex.is_some() || !item.inline.text.contains(number)) {
                inline.append(" ", Inline::plain(number));
            }
            return self.simple("p", " class=\"formula\"", &inline, LineEnds::Breaks);
        };
        let Some(number) = number else {
            self.out.push_str(&format!("<p class=\"formula\">{mathml}</p>\n"));
            return;
        };
        self.out.push_str(&format!("<p class=\"formula numbered\">{mathml} <span class=\"number\">"));
        push_text(&mut self.out, number, LineEnds::Blanks);
        self.out.push_str("</span></p>\n");
    }

    fn captioned(&mut self, class: &str, caption: Option<&Caption>, body: &str) {
        let Some(Caption { inline, is_above }) = caption else {
            self.out.push_str(&format!("<div class=\"{class}\">\n{body}</div>\n"));
            return;
        };
        self.out.push_str(&format!("<figure class=\"{class}\">\n"));
        if !is_above {
            self.out.push_str(body);
        }
        self.simple("figcaption", "", inline, LineEnds::Blanks);
        if *is_above {
            self.out.push_str(body);
        }
        self.out.push_str("</figure>\n");
    }

    fn marked(&mut self, marker: Option<&str>, inline: &Inline) {
        if let Some(marker) = marker {
            self.out.push_str("<sup>");
            push_text(&mut self.out, marker, LineEnds::Blanks);
            self.out.push_str("</sup> ");
        }
        push(&mut self.out, inline, LineEnds::Breaks, self.page_class);
    }

    fn note(&mut self, number: u32, marker: Option<&str>, inline: &Inline) -> io::Result<()> {
        let before = std::mem::take(&mut self.out);
        let printed = number.to_string();
        self.out.push_str(&format!("<li id=\"note-{number}\">"));
        self.marked(Some(marker.unwrap_or(&printed)), inline);
        self.out
            .push_str(&format!(" <a href=\"#ref-{number}\" role=\"doc-backlink\" aria-label=\"back\">↩</a></li>\n"));
        let note = std::mem::replace(&mut self.out, before);
        self.has_formulas |= has_formula(&note);
        self.notes.add(note.as_bytes())
    }

    fn list_item(&mut self, level: u8, marker: Option<&str>, inline: &Inline) {
        for step in self.lists.item(level, marker) {
            self.step(&step);
        }
        push(&mut self.out, inline, LineEnds::Breaks, self.page_class);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::OpenList { depth, label } => {
                let first = match label.value {
                    0 | 1 => String::new(),
                    value => format!(" start=\"{value}\""),
                };
                let before = if *depth > 0 { "\n" } else { "" };
                let list = match label.numbering {
                    Numbering::Bullet => "<ul>".to_owned(),
                    Numbering::Printed => "<ul class=\"printed\">".to_owned(),
                    Numbering::Decimal => format!("<ol{first}>"),
                    Numbering::LowerAlpha => format!("<ol type=\"a\"{first}>"),
                    Numbering::UpperAlpha => format!("<ol type=\"A\"{first}>"),
                    Numbering::LowerRoman => format!("<ol type=\"i\"{first}>"),
                    Numbering::UpperRoman => format!("<ol type=\"I\"{first}>"),
                };
                self.out.push_str(&format!("{before}{list}\n"));
            }
            Step::OpenItem { label, is_next, .. } => self.open_item(label, *is_next),
            Step::CloseItem => self.out.push_str("</li>\n"),
            Step::CloseList(Numbering::Bullet | Numbering::Printed) => self.out.push_str("</ul>\n"),
            Step::CloseList(_) => self.out.push_str("</ol>\n"),
        }
    }

    fn open_item(&mut self, label: &Label, is_next: bool) {
        self.out.push_str("<li");
        if !is_next {
            self.out.push_str(&format!(" value=\"{}\"", label.value));
        }
        if label.is_numbered() && label.end != Some('.') {
            // Letters, digits, parentheses: nothing that CSS or HTML could take for something else.
            self.out.push_str(&format!(" style=\"list-style-type:'{} '\"", label.printed));
        }
        self.out.push('>');
        if label.numbering == Numbering::Printed {
            push_text(&mut self.out, &label.printed, LineEnds::Blanks);
            self.out.push(' ');
        }
    }

    fn end_lists(&mut self) {
        for step in self.lists.end() {
            self.step(&step);
        }
    }
}

/// Text has no such sign in it that is not written as `&lt;`.
fn has_formula(html: &str) -> bool {
    html.contains("<math ")
}

/// What a picture shows, for those who do not see it.
fn description(item: &Item) -> String {
    let said = match (&item.caption, item.inline.is_blank()) {
        (Some(caption), true) => &caption.inline.text,
        _ => &item.inline.text,
    };
    said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_DESCRIPTION).collect()
}

fn direction(text: &str) -> &'static str {
    if is_mostly_from_the_right([text]) { " dir=\"rtl\"" } else { "" }
}
