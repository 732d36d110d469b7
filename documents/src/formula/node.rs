//! What a formula is made of, when places are no longer looked at.

use smol_str::SmolStr;

use super::alphabet::Letters;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// One character; a sign that has several (`...`) is one too.
    Symbol {
        text: SmolStr,
        letters: Letters,
    },
    /// A bracket or bar that is as tall as what stands beside it.
    Tall(SmolStr),
    /// Upright letters that are words, with the blanks between them.
    Words(String),
    /// `sin`, `lim`, `max`: set upright, and known as such.
    Function(SmolStr),
    Row(Vec<Node>),
    Scripts {
        base: Box<Node>,
        sub: Option<Box<Node>>,
        sup: Option<Box<Node>>,
    },
    /// What stands above and below, in the middle.
    Limits {
        base: Box<Node>,
        under: Option<Box<Node>>,
        over: Option<Box<Node>>,
    },
    Fraction(Box<Node>, Box<Node>),
    Root {
        index: Option<Box<Node>>,
        body: Box<Node>,
    },
    /// A command of LaTeX, and what it is set over or under.
    Marked {
        command: &'static str,
        body: Box<Node>,
    },
    /// By rows, between brackets that are as tall, where there are any.
    Grid {
        open: Option<SmolStr>,
        rows: Vec<Vec<Node>>,
        close: Option<SmolStr>,
    },
    /// Lines of a formula, above each other.
    Lines(Vec<Node>),
    /// A gap of an em or more.
    Gap,
}

impl Node {
    /// One of several, or the row of them.
    pub(super) fn row(mut nodes: Vec<Self>) -> Self {
        if nodes.len() == 1 { nodes.remove(0) } else { Self::Row(nodes) }
    }

    /// The character of a symbol that is one.
    pub(super) fn sign(&self) -> Option<char> {
        match self {
            Self::Symbol { text, .. } | Self::Tall(text) => {
                let mut characters = text.chars();
                characters.next().filter(|_| characters.next().is_none())
            }
            _ => None,
        }
    }
}
