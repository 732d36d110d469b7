//! A formula as a tree: what the reader makes of LaTeX, and the writer makes canonical tokens of.

use super::names;

/// A nucleus with its scripts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub kind: Kind,
    pub sub: Option<Vec<Item>>,
    pub sup: Option<Vec<Item>>,
}

/// Rows of cells.
pub(super) type Rows = Vec<Vec<Vec<Item>>>;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A symbol.
    Symbol(String),
    /// An upright letter.
    Upright(String),
    /// A space between words.
    Gap,
    /// Nothing, which scripts stand at.
    Empty,
    Command(String, Vec<Vec<Item>>),
    Matrix(Rows),
    /// Aligned lines.
    Lines {
        rows: Rows,
        /// Whether they are the whole formula.
        whole: bool,
    },
}

impl Item {
    pub fn new(kind: Kind) -> Self {
        Self { kind, sub: None, sup: None }
    }

    pub fn symbol(name: impl Into<String>) -> Self {
        Self::new(Kind::Symbol(name.into()))
    }

    pub fn command(name: &str, arguments: Vec<Vec<Self>>) -> Self {
        Self::new(Kind::Command(name.to_owned(), arguments))
    }

    pub fn is_bare(&self) -> bool {
        self.sub.is_none() && self.sup.is_none()
    }

    pub fn is_gap(&self) -> bool {
        self.kind == Kind::Gap
    }

    pub fn is_symbol(&self, test: impl Fn(&str) -> bool) -> bool {
        matches!(&self.kind, Kind::Symbol(name) if test(name))
    }

    pub fn is_tag(&self) -> bool {
        matches!(&self.kind, Kind::Command(name, _) if name == "\\tag")
    }
}

/// The items with an alphabet put on their letters; an empty one changes nothing.
pub(super) fn styled(mut items: Vec<Item>, font: &str) -> Vec<Item> {
    if !font.is_empty() {
        items.iter_mut().for_each(|item| style(item, font));
    }
    items
}

fn style(item: &mut Item, font: &str) {
    for part in [&mut item.sub, &mut item.sup].into_iter().flatten() {
        part.iter_mut().for_each(|item| style(item, font));
    }
    match &mut item.kind {
        Kind::Command(name, arguments) if !names::is_font(name) => {
            arguments.iter_mut().flatten().for_each(|item| style(item, font));
        }
        Kind::Matrix(rows) | Kind::Lines { rows, .. } => {
            rows.iter_mut().flatten().flatten().for_each(|item| style(item, font));
        }
        Kind::Symbol(name) => {
            let is_capital = |name: &str| name.chars().nth(1).is_some_and(char::is_uppercase);
            let put_on = match font {
                "\\mathrm" => {
                    if names::is_letter(name) {
                        item.kind = Kind::Upright(std::mem::take(name));
                    }
                    return;
                }
                "\\boldsymbol" => names::is_plain(name).then_some("\\mathbf"),
                _ => {
                    let has_digits = !matches!(font, "\\mathcal" | "\\mathsf");
                    let has = names::is_letter(name)
                        || has_digits && names::is_digit(name)
                        || font == "\\mathbf" && names::is_greek(name) && is_capital(name);
                    has.then_some(font)
                }
            };
            if let Some(font) = put_on {
                item.kind = Kind::Command(font.to_owned(), vec![vec![Item::symbol(std::mem::take(name))]]);
            }
        }
        _ => {}
    }
}
