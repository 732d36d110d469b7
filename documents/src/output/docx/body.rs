//! The body of a text document: paragraphs with styles, lists with real numbers, tables, pictures.

use std::io;

use super::{
    omml, parts,
    runs::{self, References},
    table,
};
use crate::{
    output::{
        flow::{Caption, Inline, Item, ItemKind, Label, Lists, Numbering, Step},
        images::Image,
        spool::Spool,
        xml::escaped,
    },
    script::is_mostly_from_the_right,
};

/// Width of the text on paper, in inches: pictures are no wider, and no higher than this and a third.
const TEXT_WIDTH: f32 = 6.25;

/// English metric units to an inch.
const EMU: f32 = 914_400.0;

/// Puts the document's part together, and collects what the others are made of.
#[derive(Default)]
pub(super) struct Body {
    pub(super) out: String,
    page_marks: bool,
    lists: Lists,
    /// By the depth of the open lists: the identity of their numbers; `None` where items are written as they are printed.
    numbers: Vec<Option<u32>>,
    last_list: u32,
    pub(super) references: References,
    /// Lists and footnotes, as XML; images, each with its name.
    pub(super) list_numbers: Spool,
    pub(super) footnotes: Spool,
    pub(super) media: Spool,
}

impl Body {
    pub(super) fn new(page_marks: bool) -> Self {
        Self { page_marks, ..Self::default() }
    }

    pub(super) fn item(&mut self, item: &Item) -> io::Result<()> {
        match &item.kind {
            ItemKind::ListItem { level, marker } => return self.list_item(*level, marker.as_deref(), &item.inline),
            ItemKind::Footnote { number: Some(number), .. } => return self.footnote(*number, &item.inline),
            ItemKind::Page(number) => return self.page(*number),
            _ => self.end_lists(),
        }
        let above = item.caption.as_ref().filter(|caption| caption.is_above);
        let below = item.caption.as_ref().filter(|caption| !caption.is_above);
        self.caption(above)?;
        match &item.kind {
            ItemKind::Missing(_) => self.paragraph("<w:pStyle w:val=\"Quote\"/>", &item.inline)?,
            ItemKind::Heading { is_title: true, .. } => self.paragraph("<w:pStyle w:val=\"Title\"/>", &item.inline)?,
            ItemKind::Heading { level, .. } => {
                self.paragraph(&format!("<w:pStyle w:val=\"Heading{level}\"/>"), &item.inline)?;
            }
            ItemKind::Paragraph => self.paragraph("", &item.inline)?,
            ItemKind::Lines => {
                let blanks = |c: char| if c == '\n' { ' ' } else { c };
                let text: String = item.inline.text.chars().map(blanks).collect();
                self.paragraph("", &Inline { text, ..item.inline.clone() })?;
            }
            ItemKind::Formula { number, latex } => self.formula(&item.inline, number.as_deref(), latex.as_deref())?,
            ItemKind::Code => self.paragraph("<w:pStyle w:val=\"SourceCode\"/>", &item.inline)?,
            ItemKind::MarginalNote => self.paragraph("<w:pStyle w:val=\"Quote\"/>", &item.inline)?,
            ItemKind::Footnote { marker, .. } => {
                let mut inline = Inline::plain(marker.as_deref().unwrap_or_default());
                inline.append(if marker.is_some() { " " } else { "" }, item.inline.clone());
                self.paragraph("<w:pStyle w:val=\"FootnoteText\"/>", &inline)?;
            }
            ItemKind::Table(table) => table::push(&mut self.out, table, &mut self.references)?,
            ItemKind::Figure(Some(image)) => self.picture(image, item)?,
            ItemKind::Figure(None) | ItemKind::ListItem { .. } | ItemKind::Page(_) => {}
        }
        self.caption(below)
    }

    fn paragraph(&mut self, properties: &str, inline: &Inline) -> io::Result<()> {
        let direction = if is_mostly_from_the_right([inline.text.as_str()]) { "<w:bidi/>" } else { "" };
        self.out.push_str(&format!("<w:p><w:pPr>{properties}{direction}</w:pPr>"));
        runs::push(&mut self.out, inline, Some(&mut self.references))?;
        self.out.push_str("</w:p>\n");
        Ok(())
    }

    /// With its number beside it; in plain characters where its LaTeX cannot be parsed.
    fn formula(&mut self, inline: &Inline, number: Option<&str>, latex: Option<&str>) -> io::Result<()> {
        let style = "<w:pStyle w:val=\"Formula\"/>";
        match (latex.and_then(omml::display), number) {
            (Some(formula), None) => self.out.push_str(&format!("<w:p><w:pPr>{style}</w:pPr>{formula}</w:p>\n")),
            // Beside a number in the same paragraph Word would set it as in a line of text.
            (Some(formula), Some(number)) => self.out.push_str(&parts::numbered(&formula, number, style)),
            (None, number) => {
                let mut inline = inline.clone();
                if inline.is_blank() {
                    inline = Inline::plain(latex.unwrap_or_default());
                }
                if let Some(number) = number.filter(|number| latex.is_some() || !inline.text.contains(number)) {
                    inline.append(" ", Inline::plain(number));
                }
                self.paragraph(style, &inline)?;
            }
        }
        Ok(())
    }

    fn caption(&mut self, caption: Option<&Caption>) -> io::Result<()> {
        caption.map_or(Ok(()), |caption| self.paragraph("<w:pStyle w:val=\"Caption\"/>", &caption.inline))
    }

    fn page(&mut self, number: u32) -> io::Result<()> {
        let id = self.references.next();
        let mark = runs::page(number, id);
        match self.page_marks {
            // Between paragraphs nothing is seen of it.
            false => self.out.push_str(&mark),
            true => {
                self.end_lists();
                self.out.push_str(&format!("<w:p><w:pPr><w:jc w:val=\"right\"/></w:pPr>{mark}"));
                runs::run(&mut self.out, &format!("[{number}]"), "<w:color w:val=\"808080\"/><w:sz w:val=\"16\"/>");
                self.out.push_str("</w:p>\n");
            }
        }
        Ok(())
    }

    fn footnote(&mut self, number: u32, inline: &Inline) -> io::Result<()> {
        let mut out = format!(
            "<w:footnote w:id=\"{number}\"><w:p><w:pPr><w:pStyle w:val=\"FootnoteText\"/></w:pPr><w:r><w:rPr>\
             <w:rStyle w:val=\"FootnoteReference\"/></w:rPr><w:footnoteRef/></w:r>"
        );
        runs::run(&mut out, " ", "");
        runs::push(&mut out, inline, None)?;
        out.push_str("</w:p></w:footnote>");
        self.footnotes.add(out.as_bytes())
    }

    fn list_item(&mut self, level: u8, marker: Option<&str>, inline: &Inline) -> io::Result<()> {
        for step in self.lists.item(level, marker) {
            match step {
                Step::OpenList { depth, label } => {
                    let number = self.begin_list(depth, &label)?;
                    self.numbers.push(number);
                }
                Step::CloseList(_) => drop(self.numbers.pop()),
                Step::CloseItem => {}
                Step::OpenItem { depth, label, is_next } => {
                    if !is_next {
                        // Numbers count on by themselves, unless another list begins.
                        let number = self.begin_list(depth, &label)?;
                        self.numbers.last_mut().into_iter().for_each(|last| *last = number);
                    }
                    self.write_item(depth, &label, inline)?;
                }
            }
        }
        Ok(())
    }

    fn begin_list(&mut self, depth: usize, label: &Label) -> io::Result<Option<u32>> {
        if label.numbering == Numbering::Printed {
            return Ok(None);
        }
        self.last_list += 1;
        let of = parts::abstract_list(label.numbering, label.end, label.is_bracketed);
        let first = if label.is_numbered() { label.value } else { 1 };
        self.list_numbers.add(parts::list(self.last_list, of, depth, first).as_bytes())?;
        Ok(Some(self.last_list))
    }

    fn write_item(&mut self, depth: usize, label: &Label, inline: &Inline) -> io::Result<()> {
        let style = "<w:pStyle w:val=\"ListParagraph\"/>";
        match self.numbers.last().copied().flatten() {
            Some(number) => {
                let numbers = format!("<w:numPr><w:ilvl w:val=\"{depth}\"/><w:numId w:val=\"{number}\"/></w:numPr>");
                self.paragraph(&format!("{style}{numbers}"), inline)
            }
            None => {
                let mut printed = Inline::plain(label.printed.as_str());
                printed.append(" ", inline.clone());
                let indent = format!("<w:ind w:left=\"{}\" w:hanging=\"360\"/>", 720 + 360 * depth);
                self.paragraph(&format!("{style}{indent}"), &printed)
            }
        }
    }

    fn picture(&mut self, image: &Image, item: &Item) -> io::Result<()> {
        let (id, name) = (self.references.next(), format!("{}.png", image.name));
        self.references.relationships.add(parts::image(&format!("rId{id}"), &name).as_bytes())?;
        self.media.add_piece(&name, &image.png)?;
        let (width, height) = (image.width as f32 / image.dpi, image.height as f32 / image.dpi);
        let scale = (TEXT_WIDTH / width).min(TEXT_WIDTH * 4.0 / 3.0 / height).min(1.0);
        let size = |inches: f32| (inches * scale * EMU) as u64;
        let (width, height) = (size(width), size(height));
        let said = item.caption.as_ref().map_or(&item.inline.text, |caption| &caption.inline.text);
        let said = escaped(&said.split_whitespace().collect::<Vec<_>>().join(" "));
        self.out.push_str(&format!(
            "<w:p><w:r><w:drawing><wp:inline><wp:extent cx=\"{width}\" cy=\"{height}\"/>\
             <wp:docPr id=\"{id}\" name=\"{name}\" descr=\"{said}\"/><a:graphic>\
             <a:graphicData uri=\"http://schemas.openxmlformats.org/drawingml/2006/picture\"><pic:pic><pic:nvPicPr>\
             <pic:cNvPr id=\"{id}\" name=\"{name}\"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed=\"rId{id}\"/>\
             <a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x=\"0\" y=\"0\"/>\
             <a:ext cx=\"{width}\" cy=\"{height}\"/></a:xfrm><a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom></pic:spPr></pic:pic>\
             </a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>\n"
        ));
        Ok(())
    }

    pub(super) fn end_lists(&mut self) {
        self.lists.end();
        self.numbers.clear();
    }
}
