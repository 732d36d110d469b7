//! The tokens that a formula recogniser writes: their spelling, and what each is to the grammar.
//!
//! Number 0 is the end, 1 the start; the others are numbered in the order in which the list of classes has them. The classes are those of
//! `models/training/alphabets/formula.toml`; the list is in the decoder's metadata, a class a line: its name, then its tokens.

use std::collections::HashMap;

/// Number of the token that ends a formula.
pub const END: usize = 0;
/// Number of the token that every formula begins with.
pub const START: usize = 1;

/// What a token is to the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    End,
    Start,
    Open,
    Close,
    Subscript,
    Superscript,
    /// `&`
    Cell,
    /// `\\`
    Row,
    /// `~`, between upright words.
    Space,
    BeginMatrix,
    EndMatrix,
    BeginLines,
    EndLines,
    /// A command with one argument.
    One,
    /// A command with two.
    Two,
    /// A font, for the one symbol that follows.
    Font,
    /// `\mathrm`: a letter or a braced word.
    Upright,
    /// `\not`, before a relation.
    Not,
    /// `\tag`: the equation's number, last.
    Tag,
    /// A symbol.
    Leaf(Symbol),
}

/// What a symbol may follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Symbol {
    /// A Latin letter: may stand in an upright word.
    pub letter: bool,
    /// A relation: may be negated.
    pub relation: bool,
    /// May be set in a font.
    pub plain: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    tokens: Vec<String>,
    roles: Vec<Role>,
    numbers: HashMap<String, usize>,
    /// Which symbols are relations, where lines are aligned. `|` may be negated and is none.
    aligned_at: Vec<bool>,
}

impl Vocabulary {
    /// Of a list of classes, as the decoder's metadata has it.
    ///
    /// # Errors
    /// What is wrong with the list, in a few words.
    pub fn parse(classes: &str) -> Result<Self, String> {
        let mut vocabulary = Self {
            tokens: vec!["<end>".to_owned(), "<start>".to_owned()],
            roles: vec![Role::End, Role::Start],
            numbers: HashMap::new(),
            aligned_at: vec![false; 2],
        };
        for line in classes.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let class = words.next().unwrap_or_default();
            for token in words {
                let role = role(class, token).ok_or_else(|| format!("it has the class `{class}` with `{token}`"))?;
                vocabulary.tokens.push(token.to_owned());
                vocabulary.roles.push(role);
                vocabulary.aligned_at.push(class == "relations");
            }
        }
        vocabulary.numbers = vocabulary.tokens.iter().cloned().zip(0..).collect();
        if vocabulary.numbers.len() != vocabulary.tokens.len() {
            return Err("it lists a token twice".to_owned());
        }
        // Without these nothing could be closed.
        let wanted = [Role::Open, Role::Close, Role::Superscript, Role::EndMatrix, Role::EndLines];
        if let Some(missing) = wanted.iter().find(|role| !vocabulary.roles.contains(role)) {
            return Err(format!("it has no token for {missing:?}"));
        }
        if ["x", "="].iter().any(|token| vocabulary.number(token).is_none()) {
            return Err("it has no `x` or no `=`".to_owned());
        }
        Ok(vocabulary)
    }

    /// How many tokens there are, end and start among them.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// # Panics
    /// For a number that is none of this vocabulary's.
    pub fn token(&self, number: usize) -> &str {
        &self.tokens[number]
    }

    /// # Panics
    /// For a number that is none of this vocabulary's.
    pub fn role(&self, number: usize) -> Role {
        self.roles[number]
    }

    pub fn number(&self, token: &str) -> Option<usize> {
        self.numbers.get(token).copied()
    }

    /// The first token of this role.
    pub fn first(&self, role: Role) -> Option<usize> {
        self.roles.iter().position(|known| *known == role)
    }

    /// Whether lines are aligned at this token.
    pub fn is_relation(&self, token: &str) -> bool {
        self.number(token).is_some_and(|number| self.aligned_at[number])
    }
}

fn role(class: &str, token: &str) -> Option<Role> {
    let symbol = Symbol::default();
    let plain = matches!(token, r"\nabla" | r"\partial" | r"\ell");
    Some(match (class, token) {
        ("structure", "{") => Role::Open,
        ("structure", "}") => Role::Close,
        ("structure", "_") => Role::Subscript,
        ("structure", "^") => Role::Superscript,
        ("structure", "&") => Role::Cell,
        ("structure", r"\\") => Role::Row,
        ("structure", "~") => Role::Space,
        ("structure", r"\begin{matrix}") => Role::BeginMatrix,
        ("structure", r"\end{matrix}") => Role::EndMatrix,
        ("structure", r"\begin{aligned}") => Role::BeginLines,
        ("structure", r"\end{aligned}") => Role::EndLines,
        ("one", _) => Role::One,
        ("two", _) => Role::Two,
        ("fonts", _) => Role::Font,
        ("special", r"\mathrm") => Role::Upright,
        ("special", r"\not") => Role::Not,
        ("special", r"\tag") => Role::Tag,
        ("letters", _) => Role::Leaf(Symbol { letter: true, plain: true, ..symbol }),
        ("digits" | "greek", _) => Role::Leaf(Symbol { plain: true, ..symbol }),
        ("relations", _) => Role::Leaf(Symbol { relation: true, ..symbol }),
        ("delimiters", "|" | r"\|") => Role::Leaf(Symbol { relation: true, ..symbol }),
        ("signs" | "binary" | "delimiters" | "punctuation" | "large" | "functions", _) => {
            Role::Leaf(Symbol { plain, ..symbol })
        }
        _ => return None,
    })
}
