//! The grammar of canonical formulas as a pushdown automaton, so that what is decoded under it always parses.
//!
//! It is the class `Grammar` of `models/training/lab/formula/latex.py`, which says what canonical means. Which tokens may come next depends on
//! the kind and the state on top of the stack alone, so that it is a table.

use super::vocabulary::{END, Role, Symbol, Vocabulary};

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The formula.
    Formula,
    /// Lines of a formula.
    Lines,
    /// A braced argument.
    Group,
    /// A matrix's cell.
    Matrix,
    /// Arguments to come: `state` says how many, `then` the state that the sequence below gets.
    Arguments,
    /// The symbol after a font.
    Font,
    /// What follows `\mathrm`.
    Upright,
    /// An upright word in braces: 0 the first letter must come, 1 it may end, 2 after one letter, 3 after a space.
    Word,
    /// The relation after `\not`.
    Not,
    /// Inside `{}`.
    Empty,
}

const KINDS: [Kind; 10] = [
    Kind::Formula,
    Kind::Lines,
    Kind::Group,
    Kind::Matrix,
    Kind::Arguments,
    Kind::Font,
    Kind::Upright,
    Kind::Word,
    Kind::Not,
    Kind::Empty,
];

/// States of sequences: formula, lines, group and cell.
mod state {
    /// Nothing yet.
    pub const NOTHING: u8 = 0;
    /// After an atom: scripts may follow.
    pub const ATOM: u8 = 1;
    /// After a subscript: a superscript may follow.
    pub const SUBSCRIPT: u8 = 2;
    pub const SUPERSCRIPT: u8 = 3;
    /// After `{}`: a script must follow.
    pub const EMPTY: u8 = 4;
    /// After the equation's number: only the end may follow.
    pub const TAG: u8 = 5;
    /// After the end of a cell or line: as nothing, but the sequence may close.
    pub const PART: u8 = 6;
    /// In a group, after one leaf and nothing else: as an atom, but braces around one leaf are not canonical.
    pub const LEAF: u8 = 7;
    pub const COUNT: usize = 8;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    kind: Kind,
    state: u8,
    then: u8,
}

/// Where in a formula one is. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    stack: Vec<Frame>,
    done: bool,
}

impl Default for Position {
    fn default() -> Self {
        Self { stack: vec![Frame { kind: Kind::Formula, state: state::NOTHING, then: 0 }], done: false }
    }
}

/// Most tokens that end a frame, its arguments' included: two groups of two leaves and their braces are never needed, since an argument to come
/// is one leaf.
const CLOSING_A_FRAME: usize = 3;

impl Position {
    /// Whether the formula has ended.
    pub fn is_done(&self) -> bool {
        self.done
    }

    fn top(&self) -> Frame {
        *self.stack.last().expect("the formula itself is never closed")
    }

    fn set(&mut self, state: u8) {
        self.stack.last_mut().expect("the formula itself is never closed").state = state;
    }

    fn push(&mut self, kind: Kind, state: u8, then: u8) {
        self.stack.push(Frame { kind, state, then });
    }

    /// One argument has come.
    fn argument(&mut self) {
        let frame = self.top();
        if frame.state > 1 {
            return self.set(frame.state - 1);
        }
        self.stack.pop();
        self.set(frame.then);
    }

    /// Goes on by a token that is allowed.
    pub fn step(&mut self, role: Role) {
        let Frame { kind, state: now, .. } = self.top();
        match (kind, role) {
            (_, Role::End) => self.done = true,
            (Kind::Arguments, Role::Open) => self.push(Kind::Group, 0, 0),
            (Kind::Upright, Role::Open) => self.push(Kind::Word, 0, 0),
            (Kind::Arguments, _) => self.argument(),
            (Kind::Font | Kind::Upright | Kind::Not, _) => {
                self.stack.pop();
                self.set(state::ATOM);
            }
            (Kind::Word, Role::Close) => {
                self.stack.truncate(self.stack.len() - 2);
                self.set(state::ATOM);
            }
            (Kind::Word, Role::Space) => self.set(3),
            (Kind::Word, _) => self.set(if now == 0 { 2 } else { 1 }),
            (Kind::Empty, _) => {
                self.stack.pop();
                self.set(state::EMPTY);
            }
            (_, Role::Open) => self.push(Kind::Empty, 0, 0),
            (_, Role::Close) => {
                self.stack.pop();
                self.argument();
            }
            (_, Role::Subscript) => self.push(Kind::Arguments, 1, state::SUBSCRIPT),
            (_, Role::Superscript) => self.push(Kind::Arguments, 1, state::SUPERSCRIPT),
            (_, Role::Cell | Role::Row) => self.set(state::PART),
            (_, Role::EndMatrix) => {
                self.stack.pop();
                self.set(state::ATOM);
            }
            (_, Role::EndLines) => {
                self.stack.pop();
                self.set(state::SUPERSCRIPT);
            }
            (_, Role::BeginMatrix) => self.push(Kind::Matrix, 0, 0),
            (_, Role::BeginLines) => self.push(Kind::Lines, 0, 0),
            (_, Role::One) => self.push(Kind::Arguments, 1, state::ATOM),
            (_, Role::Tag) => self.push(Kind::Arguments, 1, state::TAG),
            (_, Role::Two) => self.push(Kind::Arguments, 2, state::ATOM),
            (_, Role::Font) => self.push(Kind::Font, 0, 0),
            (_, Role::Upright) => self.push(Kind::Upright, 0, 0),
            (_, Role::Not) => self.push(Kind::Not, 0, 0),
            (_, Role::Leaf(_) | Role::Space | Role::Start) => {
                self.set(if kind == Kind::Group && now == state::NOTHING { state::LEAF } else { state::ATOM });
            }
        }
    }

    /// At least as many tokens as [`Grammar::closing`] gives.
    pub fn closing_bound(&self) -> usize {
        CLOSING_A_FRAME * self.stack.len()
    }
}

fn allows(frame: Frame, role: Role) -> bool {
    let symbol = |wanted: fn(Symbol) -> bool| matches!(role, Role::Leaf(symbol) if wanted(symbol));
    let now = frame.state;
    match frame.kind {
        Kind::Arguments => role == Role::Open || symbol(|_| true),
        Kind::Font => symbol(|symbol| symbol.plain),
        Kind::Not => symbol(|symbol| symbol.relation),
        Kind::Upright => role == Role::Open || symbol(|symbol| symbol.letter),
        Kind::Word => match role {
            Role::Space => matches!(now, 1 | 2),
            Role::Close => now == 1,
            _ => symbol(|symbol| symbol.letter),
        },
        Kind::Empty => role == Role::Close,
        _ if now == state::TAG => role == Role::End,
        _ if now == state::EMPTY => matches!(role, Role::Subscript | Role::Superscript),
        kind => match role {
            Role::End | Role::Tag => kind == Kind::Formula && now != state::NOTHING,
            Role::Close => kind == Kind::Group && !matches!(now, state::NOTHING | state::LEAF),
            Role::Subscript => matches!(now, state::ATOM | state::LEAF),
            Role::Superscript => matches!(now, state::ATOM | state::SUBSCRIPT | state::LEAF),
            Role::Cell => kind == Kind::Matrix,
            Role::Row => matches!(kind, Kind::Matrix | Kind::Lines),
            Role::EndMatrix => kind == Kind::Matrix && now != state::NOTHING,
            Role::EndLines => kind == Kind::Lines && now != state::NOTHING,
            Role::BeginLines => kind == Kind::Formula && now == state::NOTHING,
            Role::Start | Role::Space => false,
            _ => true,
        },
    }
}

/// Which tokens may come where, for one vocabulary.
#[derive(Clone, Debug)]
pub struct Grammar {
    roles: Vec<Role>,
    /// By kind and state: whether each token may come.
    allowed: Vec<Vec<bool>>,
    x: usize,
    equals: usize,
    close: usize,
    superscript: usize,
    end_matrix: usize,
    end_lines: usize,
}

impl Grammar {
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let roles: Vec<Role> = (0..vocabulary.len()).map(|number| vocabulary.role(number)).collect();
        let frames =
            KINDS.iter().flat_map(|&kind| (0..state::COUNT as u8).map(move |state| Frame { kind, state, then: 0 }));
        let allowed = frames.map(|frame| roles.iter().map(|&role| allows(frame, role)).collect()).collect();
        // Whoever parsed the vocabulary has seen to it that they are there.
        let number = |token: &str| vocabulary.number(token).unwrap_or(END);
        let first = |role: Role| vocabulary.first(role).unwrap_or(END);
        Self {
            x: number("x"),
            equals: number("="),
            close: first(Role::Close),
            superscript: first(Role::Superscript),
            end_matrix: first(Role::EndMatrix),
            end_lines: first(Role::EndLines),
            roles,
            allowed,
        }
    }

    /// By token, whether it may come next.
    pub fn allowed(&self, position: &Position) -> &[bool] {
        let frame = position.top();
        let kind = KINDS.iter().position(|&kind| kind == frame.kind).unwrap_or_default();
        &self.allowed[kind * state::COUNT + usize::from(frame.state)]
    }

    pub fn allows(&self, position: &Position, token: usize) -> bool {
        !position.done && self.allowed(position).get(token) == Some(&true)
    }

    /// Goes on by a token that is allowed.
    ///
    /// # Panics
    /// For a number that is none of the vocabulary's.
    pub fn step(&self, position: &mut Position, token: usize) {
        position.step(self.roles[token]);
    }

    /// A short way to the end, without the token that ends it: what is appended to a formula that has become too long.
    pub fn closing(&self, position: &Position) -> Vec<usize> {
        let (mut position, mut tokens) = (position.clone(), Vec::new());
        loop {
            let Frame { kind, state: now, .. } = position.top();
            let token = match kind {
                Kind::Arguments | Kind::Font | Kind::Upright => self.x,
                Kind::Not => self.equals,
                Kind::Empty => self.close,
                Kind::Word => {
                    if now == 1 {
                        self.close
                    } else {
                        self.x
                    }
                }
                _ if now == state::EMPTY => self.superscript,
                _ if matches!(now, state::NOTHING | state::LEAF) => self.x,
                Kind::Formula => return tokens,
                Kind::Group => self.close,
                Kind::Matrix => self.end_matrix,
                Kind::Lines => self.end_lines,
            };
            tokens.push(token);
            self.step(&mut position, token);
        }
    }

    /// Whether these tokens, without the one that ends them, are a formula.
    pub fn parses(&self, tokens: &[usize]) -> bool {
        let mut position = Position::default();
        for &token in tokens {
            if token == END || !self.allows(&position, token) {
                return false;
            }
            self.step(&mut position, token);
        }
        self.allows(&position, END)
    }
}
