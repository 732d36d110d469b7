//! The blocks of a document as a tree, one node after the other: sections by their headings, lists with their items, tables with their cells.
//!
//! ```json
//! {"type":"section","level":1,"text":"Title","blocks":[[1,0]],"content":[
//!  {"type":"paragraph","text":"It was1 so.","marks":[{"start":6,"end":7,"kind":"note-reference","note":1}],"blocks":[[1,1],[2,1]]},
//!  {"type":"list","numbering":"decimal","content":[
//!   {"type":"list-item","marker":"1.","text":"One","blocks":[[2,2]],"content":[]}]},
//!  {"type":"footnote","note":1,"marker":"1","text":"Or not.","blocks":[[1,2]]}]}
//! ```
//! `blocks` names what a node is made of, each by its page and its index among the page's `blocks`; several where it goes on over columns
//! and pages, and a caption's behind those of what it belongs to. Running heads and such are in no node. A formula has its `latex`, and what
//! that is as `mathml`; so has a mark of kind `formula`.

use serde::Serialize;

use super::flow::{Inline, Item, ItemKind, Lists, Numbering, Span, Step, What};
use crate::{
    blocks::Table,
    mathml::{FormulaDisplay, to_mathml},
};

/// Writes nodes; what is open is closed when something comes that is not in it.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) out: String,
    lists: Lists,
    /// Levels of the sections that are open.
    sections: Vec<u8>,
    /// Whether a node stands before the next one, in the same array.
    follows: bool,
}

#[derive(Serialize, Default)]
struct Node<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    numbering: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latex: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mathml: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<NodeMark<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'a Table>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<Said<'a>>,
    #[serde(skip_serializing_if = "<[(u32, usize)]>::is_empty")]
    blocks: &'a [(u32, usize)],
}

#[derive(Serialize)]
struct Said<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<NodeMark<'a>>,
}

#[derive(Serialize)]
struct NodeMark<'a> {
    start: usize,
    end: usize,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latex: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mathml: Option<String>,
}

impl Tree {
    pub(super) fn item(&mut self, item: &Item) {
        if let ItemKind::ListItem { level, marker } = &item.kind {
            return self.list_item(*level, marker.as_deref(), item);
        }
        let mut node = Node {
            r#type: "paragraph",
            text: &item.inline.text,
            marks: marks(&item.inline),
            caption: item
                .caption
                .as_ref()
                .map(|caption| Said { text: &caption.inline.text, marks: marks(&caption.inline) }),
            blocks: &item.at,
            ..Node::default()
        };
        match &item.kind {
            ItemKind::Page(_) => return,
            ItemKind::Missing(page) => (node.r#type, node.page) = ("missing", Some(*page)),
            ItemKind::Heading { level, .. } => return self.section(*level, node),
            ItemKind::Paragraph | ItemKind::ListItem { .. } => {}
            ItemKind::Lines => node.r#type = "text",
            ItemKind::Table(table) => (node.r#type, node.table) = ("table", Some(&**table)),
            ItemKind::Figure(_) => node.r#type = "figure",
            ItemKind::Formula { number, latex } => {
                (node.r#type, node.marker, node.latex) = ("formula", number.as_deref(), latex.as_deref());
                node.mathml = latex.as_deref().and_then(|latex| to_mathml(latex, FormulaDisplay::Block));
            }
            ItemKind::Code => node.r#type = "code",
            ItemKind::Footnote { number, marker } => {
                (node.r#type, node.note, node.marker) = ("footnote", *number, marker.as_deref());
            }
            ItemKind::MarginalNote => node.r#type = "marginal-note",
        }
        self.end_lists();
        self.leaf(&node);
    }

    /// Closes everything.
    pub(super) fn end(&mut self) {
        self.end_lists();
        while self.sections.pop().is_some() {
            self.close();
        }
        self.follows = false;
    }

    fn section(&mut self, level: u8, node: Node<'_>) {
        self.end_lists();
        while self.sections.last().is_some_and(|&open| open >= level) {
            self.sections.pop();
            self.close();
        }
        self.sections.push(level);
        self.open(&Node { r#type: "section", level: Some(level), ..node });
    }

    fn list_item(&mut self, level: u8, marker: Option<&str>, item: &Item) {
        for step in self.lists.item(level, marker) {
            match step {
                Step::OpenList { label, .. } => {
                    let numbering = Some(name(label.numbering));
                    self.open(&Node { r#type: "list", numbering, ..Node::default() });
                }
                Step::OpenItem { .. } => self.open(&Node {
                    r#type: "list-item",
                    marker,
                    text: &item.inline.text,
                    marks: marks(&item.inline),
                    blocks: &item.at,
                    ..Node::default()
                }),
                Step::CloseItem | Step::CloseList(_) => self.close(),
            }
        }
    }

    fn end_lists(&mut self) {
        self.lists.end().iter().for_each(|_| self.close());
    }

    fn leaf(&mut self, node: &Node<'_>) {
        if std::mem::replace(&mut self.follows, true) {
            self.out.push_str(",\n");
        }
        self.out.push_str(&text(node));
    }

    fn open(&mut self, node: &Node<'_>) {
        self.leaf(node);
        // Its own end, until its content is there.
        self.out.pop();
        self.out.push_str(",\"content\":[\n");
        self.follows = false;
    }

    fn close(&mut self) {
        self.out.push_str("]}");
        self.follows = true;
    }
}

/// A node is made of texts and numbers, which JSON can always say.
fn text(node: &Node<'_>) -> String {
    serde_json::to_string(node).unwrap_or_else(|_| "{}".to_owned())
}

fn name(numbering: Numbering) -> &'static str {
    match numbering {
        Numbering::Bullet => "bullet",
        Numbering::Decimal => "decimal",
        Numbering::LowerAlpha => "lower-alpha",
        Numbering::UpperAlpha => "upper-alpha",
        Numbering::LowerRoman => "lower-roman",
        Numbering::UpperRoman => "upper-roman",
        Numbering::Printed => "printed",
    }
}

/// In characters, as everywhere in JSON.
fn marks(inline: &Inline) -> Vec<NodeMark<'_>> {
    let place = |at: usize| inline.text.get(..at).map_or(0, |before| before.chars().count());
    let mark = |span: &'_ Span, kind: &'static str| NodeMark {
        start: place(span.start),
        end: place(span.end),
        kind,
        target: None,
        note: None,
        latex: None,
        mathml: None,
    };
    let spans = inline.spans.iter().filter_map(|span| {
        Some(match &span.what {
            What::Link(target) => NodeMark { target: Some(target), ..mark(span, "link") },
            What::Bold => mark(span, "bold"),
            What::Italic => mark(span, "italic"),
            What::Monospace => mark(span, "monospace"),
            What::SmallCapitals => mark(span, "small-capitals"),
            What::Superscript => mark(span, "superscript"),
            What::Subscript => mark(span, "subscript"),
            What::Note(number) => NodeMark { note: Some(*number), ..mark(span, "note-reference") },
            What::Formula(latex) => NodeMark {
                latex: Some(latex),
                mathml: to_mathml(latex, FormulaDisplay::Inline),
                ..mark(span, "formula")
            },
            What::Page(_) => return None,
        })
    });
    spans.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::output::flow::Caption;

    fn tree(items: &[Item]) -> Value {
        let mut tree = Tree::default();
        items.iter().for_each(|item| tree.item(item));
        tree.end();
        serde_json::from_str(&format!("[{}]", tree.out)).unwrap()
    }

    fn item(kind: ItemKind, text: &str) -> Item {
        Item { at: vec![(1, 0)], ..Item::new(kind, Inline::plain(text)) }
    }

    fn list_item(level: u8, marker: &str, text: &str) -> Item {
        item(ItemKind::ListItem { level, marker: Some(marker.to_owned()) }, text)
    }

    #[test]
    fn sections_lie_within_sections_and_lists_within_items() {
        let heading = |level: u8, text: &str| item(ItemKind::Heading { level, is_title: level == 1 }, text);
        let mut figure = item(ItemKind::Figure(None), "");
        figure.caption = Some(Caption { inline: Inline::plain("Figure \"1\""), is_above: false });
        let found = tree(&[
            item(ItemKind::Paragraph, "before"),
            heading(1, "one"),
            list_item(1, "1.", "a"),
            list_item(2, "•", "b"),
            list_item(1, "2.", "c"),
            heading(2, "two"),
            figure,
            heading(1, "three"),
        ]);
        let blocks = json!([[1, 0]]);
        let of = |kind: &str, text: &str| json!({"type": kind, "text": text, "blocks": blocks});
        let with = |mut node: Value, key: &str, value: Value| {
            node[key] = value;
            node
        };
        let item = |marker: &str, text: &str, content: Value| {
            with(with(of("list-item", text), "marker", marker.into()), "content", content)
        };
        let list =
            |numbering: &str, content: Value| json!({"type": "list", "numbering": numbering, "content": content});
        let section = |level: u8, text: &str, content: Value| {
            with(with(of("section", text), "level", level.into()), "content", content)
        };
        let inner = list("bullet", json!([item("•", "b", json!([]))]));
        let outer = list("decimal", json!([item("1.", "a", json!([inner])), item("2.", "c", json!([]))]));
        let figure = json!({"type": "figure", "caption": {"text": "Figure \"1\""}, "blocks": blocks});
        let expected = json!([
            of("paragraph", "before"),
            section(1, "one", json!([outer, section(2, "two", json!([figure]))])),
            section(1, "three", json!([])),
        ]);
        assert_eq!(found, expected);
    }
}
