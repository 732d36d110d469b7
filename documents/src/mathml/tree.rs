//! MathML as elements: those of a list, with attributes of a list, whatever the converter wrote.

use quick_xml::{
    Reader,
    escape::unescape,
    events::{BytesStart, Event},
};

/// Elements that are kept; of others there is what stands in them.
const NAMES: [&str; 27] = [
    "mi",
    "mn",
    "mo",
    "mtext",
    "mspace",
    "mrow",
    "mfrac",
    "msqrt",
    "mroot",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mmultiscripts",
    "mprescripts",
    "mtable",
    "mtr",
    "mtd",
    "mstyle",
    "mpadded",
    "mphantom",
    "menclose",
    "merror",
    "ms",
    "none",
];

const ATTRIBUTES: [&str; 22] = [
    "mathvariant",
    "form",
    "fence",
    "separator",
    "stretchy",
    "symmetric",
    "largeop",
    "movablelimits",
    "accent",
    "accentunder",
    "lspace",
    "rspace",
    "minsize",
    "maxsize",
    "linethickness",
    "displaystyle",
    "scriptlevel",
    "width",
    "height",
    "depth",
    "notation",
    "style",
];

/// An element of Presentation MathML.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Element {
    pub(crate) name: &'static str,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(crate) children: Vec<Element>,
    /// Of an element that holds characters (`mi`, `mn`, `mo`, `mtext`).
    pub(crate) text: String,
}

impl Element {
    /// Empty where there is none.
    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    pub(super) fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        for (name, value) in &self.attributes {
            out.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        }
        out.push('>');
        out.push_str(&escaped(&self.text));
        self.children.iter().for_each(|child| child.write(out));
        out.push_str(&format!("</{}>", self.name));
    }
}

/// The children of the element `math`. `None` where it is not well-formed.
pub(super) fn parsed(mathml: &str) -> Option<Vec<Element>> {
    let mut reader = Reader::from_str(mathml);
    let mut open = vec![Element::default()];
    // Of each element that is open, whether it is kept.
    let mut kept: Vec<bool> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let element = element(&start)?;
                kept.push(element.is_some());
                open.extend(element);
            }
            Event::Empty(start) => {
                let element = element(&start)?;
                open.last_mut()?.children.extend(element.map(tidied));
            }
            Event::End(_) => {
                let is_kept = kept.pop()?;
                let element = if is_kept { open.pop()? } else { continue };
                open.last_mut()?.children.push(tidied(element));
            }
            Event::Text(text) => open.last_mut()?.text.push_str(std::str::from_utf8(&text).ok()?),
            Event::GeneralRef(name) => {
                let name = format!("&{};", std::str::from_utf8(&name).ok()?);
                open.last_mut()?.text.push_str(&unescape(&name).ok()?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let root = open.pop().filter(|_| open.is_empty() && kept.is_empty())?;
    (!root.children.is_empty()).then_some(root.children)
}

/// `Some(None)` where it is of no kind that is kept.
fn element(start: &BytesStart<'_>) -> Option<Option<Element>> {
    let name = start.name();
    let Some(name) = NAMES.iter().find(|known| known.as_bytes() == name.0) else { return Some(None) };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let Some(name) = ATTRIBUTES.iter().find(|known| known.as_bytes() == attribute.key.0) else { continue };
        let value = unescape(std::str::from_utf8(&attribute.value).ok()?).ok()?.into_owned();
        if is_harmless(name, &value) {
            attributes.push((*name, value));
        }
    }
    Some(Some(Element { name, attributes, ..Element::default() }))
}

/// As MathML 3 has it, which EPUB is checked by, and as browsers show it.
fn tidied(mut element: Element) -> Element {
    let is_style = |name: &str| matches!(name, "displaystyle" | "scriptlevel");
    let is_styled = element.attributes.iter().any(|(name, _)| is_style(name));
    for (name, value) in &mut element.attributes {
        if let Some(number) = value.strip_suffix("rem").filter(|_| *name != "style") {
            *value = format!("{number}em");
        }
    }
    match element.name {
        // What is struck out has empty rows for a style sheet that is not here.
        "menclose" => element.children.retain(|child| child.name != "mrow" || !child.children.is_empty()),
        // The combining arrow stands beside its letter in browsers.
        "mo" if element.text == "\u{20d7}" => element.text = "→".to_owned(),
        "mrow" if is_styled => element.name = "mstyle",
        "mtable" => element.attributes.retain(|(name, _)| *name != "scriptlevel"),
        "mstyle" => {}
        _ if is_styled => {
            let attributes = element.attributes.iter().filter(|(name, _)| is_style(name)).cloned().collect();
            element.attributes.retain(|(name, _)| !is_style(name));
            return Element { name: "mstyle", attributes, children: vec![element], text: String::new() };
        }
        _ => {}
    }
    element
}

/// A style says how something looks, and fetches nothing.
fn is_harmless(name: &str, value: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ':' | ';' | '-' | '%' | '#');
    name != "style" || value.chars().all(is_plain)
}

/// Blanks are one blank, and what XML cannot hold becomes U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let holds = |c: char| match c {
        c if c.is_ascii_whitespace() => ' ',
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    quick_xml::escape::escape(text.chars().map(holds).collect::<String>()).into_owned()
}
