//! Text with what stands out in it, as runs of WordprocessingML.

use super::{omml, parts};
use crate::output::{
    flow::{Inline, Piece, What, page_of},
    spool::Spool,
    xml::escaped,
};

/// What runs refer to and what is written at the end.
#[derive(Default)]
pub(super) struct References {
    /// Of the document's part: links and images. Of footnotes it cannot be used.
    pub(super) relationships: Spool,
    last: u32,
}

impl References {
    /// An identity that nothing else has.
    pub(super) fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn link(&mut self, target: &str) -> std::io::Result<String> {
        let id = format!("rId{}", self.next());
        self.relationships.add(parts::link(&id, target).as_bytes())?;
        Ok(id)
    }
}

/// Adds runs. In footnotes, which are a part of their own, links are text: `references` is `None`.
pub(super) fn push(out: &mut String, inline: &Inline, mut references: Option<&mut References>) -> std::io::Result<()> {
    let mut open: Vec<&What> = Vec::new();
    // Whether an element is open for the link, and how it ends.
    let mut links: Vec<&'static str> = Vec::new();
    for piece in inline.pieces() {
        match piece {
            Piece::Open(what) => {
                match (what, &mut references) {
                    (What::Link(target), Some(references)) => {
                        let place = match page_of(target) {
                            Some(page) => format!("w:anchor=\"page-{page}\""),
                            None => format!("r:id=\"{}\"", references.link(target)?),
                        };
                        out.push_str(&format!("<w:hyperlink {place} w:history=\"1\">"));
                        links.push("</w:hyperlink>");
                    }
                    (What::Link(_), None) => links.push(""),
                    (What::Note(number), Some(_)) => out.push_str(&format!(
                        "<w:r><w:rPr><w:rStyle w:val=\"FootnoteReference\"/></w:rPr><w:footnoteReference w:id=\"{number}\"/></w:r>"
                    )),
                    (What::Page(number), Some(references)) => out.push_str(&page(*number, references.next())),
                    _ => {}
                }
                open.push(what);
            }
            Piece::Close(what) => {
                open.pop();
                if matches!(what, What::Link(_)) {
                    out.push_str(links.pop().unwrap_or_default());
                }
            }
            // Word writes the number itself.
            Piece::Text { .. } if references.is_some() && open.iter().any(|what| matches!(what, What::Note(_))) => {}
            Piece::Formula { text, latex, .. } => match omml::inline(latex) {
                Some(formula) => out.push_str(&formula),
                None => run(out, text, &properties(&open)),
            },
            Piece::Text { text, .. } => run(out, text, &properties(&open)),
        }
    }
    Ok(())
}

/// Where a page begins: nothing is to be seen of it, and links lead to it.
pub(super) fn page(number: u32, id: u32) -> String {
    format!("<w:bookmarkStart w:id=\"{id}\" w:name=\"page-{number}\"/><w:bookmarkEnd w:id=\"{id}\"/>")
}

/// In the order in which the schema has them.
fn properties(open: &[&What]) -> String {
    let has = |wanted: fn(&What) -> bool| open.iter().any(|what| wanted(what));
    let mut out = String::new();
    if has(|what| matches!(what, What::Link(_))) {
        out.push_str("<w:rStyle w:val=\"Hyperlink\"/>");
    }
    if has(|what| matches!(what, What::Monospace)) {
        out.push_str("<w:rFonts w:ascii=\"Courier New\" w:hAnsi=\"Courier New\" w:cs=\"Courier New\"/>");
    }
    if has(|what| matches!(what, What::Bold)) {
        out.push_str("<w:b/>");
    }
    if has(|what| matches!(what, What::Italic)) {
        out.push_str("<w:i/>");
    }
    if has(|what| matches!(what, What::SmallCapitals)) {
        out.push_str("<w:smallCaps/>");
    }
    if has(|what| matches!(what, What::Superscript | What::Note(_))) {
        out.push_str("<w:vertAlign w:val=\"superscript\"/>");
    } else if has(|what| matches!(what, What::Subscript)) {
        out.push_str("<w:vertAlign w:val=\"subscript\"/>");
    }
    out
}

/// One run; line ends are breaks.
pub(super) fn run(out: &mut String, text: &str, properties: &str) {
    out.push_str("<w:r>");
    if !properties.is_empty() {
        out.push_str(&format!("<w:rPr>{properties}</w:rPr>"));
    }
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push_str("<w:br/>");
        }
        if !line.is_empty() {
            out.push_str(&format!("<w:t xml:space=\"preserve\">{}</w:t>", escaped(line)));
        }
    }
    out.push_str("</w:r>");
}
