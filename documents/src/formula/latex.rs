//! A formula in LaTeX, as amsmath reads it.

use std::cell::Cell;

use super::{
    alphabet::{self, Class, Letters, class, takes_limits},
    node::Node,
};

pub(super) fn write(node: &Node, doubts: &Cell<usize>) -> String {
    let mut out = Writer { out: String::new(), doubts };
    out.node(node);
    out.out
}

struct Writer<'a> {
    out: String,
    doubts: &'a Cell<usize>,
}

impl Writer<'_> {
    /// Adds a piece; a blank keeps a command from the letter after it.
    fn push(&mut self, piece: &str) {
        let is_letter = piece.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if is_letter && ends_in_command(&self.out) {
            self.out.push(' ');
        }
        self.out.push_str(piece);
    }

    fn group(&mut self, node: &Node) {
        self.out.push('{');
        self.node(node);
        self.out.push('}');
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Symbol { text, letters } => self.letters(text, *letters),
            Node::Tall(sign) => self.tall(sign),
            Node::Words(words) => self.text(words),
            Node::Function(word) => self.push(&alphabet::function(word)),
            Node::Row(nodes) => self.row(nodes),
            Node::Scripts { base, sub, sup } => self.scripts(base, sub.as_deref(), sup.as_deref()),
            Node::Limits { base, under, over } => self.limits(base, under.as_deref(), over.as_deref()),
            Node::Fraction(over, under) => {
                self.push("\\frac");
                self.group(over);
                self.group(under);
            }
            Node::Root { index, body } => {
                self.push("\\sqrt");
                if let Some(index) = index {
                    self.out.push('[');
                    self.node(index);
                    self.out.push(']');
                }
                self.group(body);
            }
            Node::Marked { command, body } => {
                self.push(command);
                self.group(body);
            }
            Node::Grid { open, rows, close } => self.grid(open.as_deref(), rows, close.as_deref()),
            Node::Lines(lines) => self.lines(lines),
            Node::Gap => self.push("\\quad "),
        }
    }

    fn letters(&mut self, text: &str, letters: Letters) {
        let is_latin = text.chars().all(|c| c.is_ascii_alphanumeric());
        match letters.command() {
            Some("\\mathrm") if text.chars().all(|c| c.is_ascii_digit()) => self.push(text),
            Some(command) if is_latin => {
                self.push(command);
                self.out.push('{');
                self.out.push_str(text);
                self.out.push('}');
            }
            Some("\\mathbf" | "\\boldsymbol") if text.chars().any(char::is_alphabetic) => {
                self.push("\\boldsymbol{");
                text.chars().for_each(|c| self.character(c));
                self.out.push('}');
            }
            _ => text.chars().for_each(|c| self.character(c)),
        }
    }

    fn character(&mut self, c: char) {
        match alphabet::command(c) {
            Some(command) => self.push(command),
            None if c.is_ascii_graphic() => self.push(c.encode_utf8(&mut [0; 4])),
            None if c.is_alphanumeric() => self.text(c.encode_utf8(&mut [0; 4])),
            None if c.is_whitespace() => {}
            None => self.doubts.set(self.doubts.get() + 1),
        }
    }

    fn text(&mut self, words: &str) {
        self.push("\\text{");
        for c in words.chars() {
            match c {
                '\\' => self.out.push_str("\\textbackslash "),
                '{' | '}' | '$' | '%' | '#' | '&' | '_' => self.out.extend(['\\', c]),
                c if c.is_control() => {}
                c => self.out.push(c),
            }
        }
        self.out.push('}');
    }

    fn row(&mut self, nodes: &[Node]) {
        let tall = pairs(nodes);
        let mut at = 0;
        while at < nodes.len() {
            if let Some(end) = same_letters(nodes, at) {
                let text: String = nodes[at..end].iter().filter_map(Node::sign).collect();
                if let Node::Symbol { letters, .. } = nodes[at] {
                    self.letters(&text, letters);
                }
                at = end;
                continue;
            }
            match &nodes[at] {
                Node::Words(words) => {
                    let (first, last) = (at == 0, at + 1 == nodes.len());
                    let blank = |is_edge: bool| if is_edge { "" } else { " " };
                    self.text(&format!("{}{words}{}", blank(first), blank(last)));
                }
                node => match tall[at] {
                    Some(side) => {
                        self.push(side);
                        self.node(node);
                    }
                    None => self.node(node),
                },
            }
            at += 1;
        }
    }

    fn tall(&mut self, sign: &str) {
        sign.chars().for_each(|c| self.character(c));
    }

    fn scripts(&mut self, base: &Node, sub: Option<&Node>, sup: Option<&Node>) {
        match base {
            Node::Row(_) | Node::Lines(_) => self.group(base),
            base => self.node(base),
        }
        if let Some(sub) = sub {
            self.out.push('_');
            self.group(sub);
        }
        let Some(sup) = sup else { return };
        let primes = primes(sup);
        if primes > 0 {
            self.out.extend(std::iter::repeat_n('\'', primes));
            return;
        }
        self.out.push('^');
        self.out.push('{');
        match sup {
            Node::Row(nodes) if nodes.iter().any(|node| node.sign() == Some('′')) => {
                for node in nodes {
                    if node.sign() == Some('′') { self.push("\\prime") } else { self.node(node) }
                }
            }
            sup => self.node(sup),
        }
        self.out.push('}');
    }

    fn limits(&mut self, base: &Node, under: Option<&Node>, over: Option<&Node>) {
        let takes = match base {
            Node::Function(word) => takes_limits(word) && over.is_none(),
            Node::Marked { command, .. } => {
                (*command == "\\underbrace" && over.is_none()) || (*command == "\\overbrace" && under.is_none())
            }
            base => base.sign().is_some_and(|c| class(c) == Class::Large),
        };
        if takes {
            self.node(base);
            for (script, limit) in [('_', under), ('^', over)] {
                let Some(limit) = limit else { continue };
                self.out.push(script);
                match limit {
                    Node::Lines(lines) => self.stack(lines),
                    limit => self.group(limit),
                }
            }
            return;
        }
        let arrow = match base.sign() {
            Some('→' | '⟶') => Some("\\xrightarrow"),
            Some('←' | '⟵') => Some("\\xleftarrow"),
            _ => None,
        };
        if let (Some(arrow), Some(over)) = (arrow, over) {
            self.push(arrow);
            if let Some(under) = under {
                self.out.push('[');
                self.node(under);
                self.out.push(']');
            }
            self.group(over);
            return;
        }
        if let Some(over) = over {
            self.push("\\overset");
            self.group(over);
            self.out.push('{');
        }
        if let Some(under) = under {
            self.push("\\underset");
            self.group(under);
            self.out.push('{');
        }
        self.node(base);
        self.out.extend(std::iter::repeat_n('}', usize::from(over.is_some()) + usize::from(under.is_some())));
    }

    /// The lines of a limit.
    fn stack(&mut self, lines: &[Node]) {
        self.out.push_str("{\\substack{");
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                self.out.push_str(" \\\\ ");
            }
            self.node(line);
        }
        self.out.push_str("}}");
    }

    fn grid(&mut self, open: Option<&str>, rows: &[Vec<Node>], close: Option<&str>) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        if let (Some("("), Some(")"), 1, [over, under]) = (open, close, columns, rows)
            && let ([over], [under]) = (over.as_slice(), under.as_slice())
        {
            self.push("\\binom");
            self.group(over);
            self.group(under);
            return;
        }
        let (begin, end) = match (open, close) {
            (Some("{"), None) => ("\\begin{cases}", "\\end{cases}"),
            (Some("("), Some(")")) => ("\\begin{pmatrix}", "\\end{pmatrix}"),
            (Some("["), Some("]")) => ("\\begin{bmatrix}", "\\end{bmatrix}"),
            (Some("{"), Some("}")) => ("\\begin{Bmatrix}", "\\end{Bmatrix}"),
            (Some("|" | "∣"), Some("|" | "∣")) => ("\\begin{vmatrix}", "\\end{vmatrix}"),
            (Some("‖" | "∥"), Some("‖" | "∥")) => ("\\begin{Vmatrix}", "\\end{Vmatrix}"),
            _ => ("", ""),
        };
        if begin.is_empty() {
            self.push("\\left");
            self.tall(open.unwrap_or("."));
            self.push("\\begin{matrix}");
        } else {
            self.push(begin);
        }
        for (number, row) in rows.iter().enumerate() {
            self.out.push_str(if number > 0 { " \\\\ " } else { " " });
            for (column, cell) in row.iter().enumerate() {
                if column > 0 {
                    self.out.push_str(" & ");
                }
                self.node(cell);
            }
        }
        self.out.push(' ');
        if begin.is_empty() {
            self.out.push_str("\\end{matrix}\\right");
            self.tall(close.unwrap_or("."));
        } else {
            self.out.push_str(end);
        }
    }

    /// Set under each other by their first relation.
    fn lines(&mut self, lines: &[Node]) {
        self.push("\\begin{aligned} ");
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                self.out.push_str(" \\\\ ");
            }
            let nodes = match line {
                Node::Row(nodes) => nodes.as_slice(),
                node => std::slice::from_ref(node),
            };
            let at = nodes.iter().position(is_relation);
            match at {
                Some(at) if at < nodes.len() => {
                    self.row(&nodes[..at]);
                    self.out.push('&');
                    self.row(&nodes[at..]);
                }
                _ => {
                    self.out.push('&');
                    self.row(nodes);
                }
            }
        }
        self.out.push_str(" \\end{aligned}");
    }
}

fn is_relation(node: &Node) -> bool {
    node.sign().is_some_and(|c| "=<>≤≥≠≈≡∼≃≅⇒⇔→∈⊂⊆≔⩽⩾≪≫∝".contains(c))
}

/// For tall brackets that are paired, `\left` and `\right`.
fn pairs(nodes: &[Node]) -> Vec<Option<&'static str>> {
    let sign = |node: &Node| match node {
        Node::Tall(_) => node.sign(),
        Node::Scripts { base, .. } | Node::Limits { base, .. } => match &**base {
            Node::Tall(_) => base.sign(),
            _ => None,
        },
        _ => None,
    };
    let mut sides = vec![None; nodes.len()];
    let mut open: Vec<(usize, char)> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let Some(c) = sign(node) else { continue };
        let is_bar = class(c) == Class::Bar;
        let closes = class(c) == Class::Close || (is_bar && open.last().is_some_and(|&(_, of)| of == c));
        match (closes, open.last()) {
            (true, Some(&(from, _))) => {
                // What has scripts cannot be opened.
                if matches!(nodes[from], Node::Tall(_)) {
                    (sides[from], sides[at]) = (Some("\\left"), Some("\\right"));
                }
                open.pop();
            }
            (true, None) => {}
            (false, _) if matches!(node, Node::Tall(_)) => open.push((at, c)),
            (false, _) => {}
        }
    }
    sides
}

/// Where a run of letters in one alphabet that is not the plain one ends.
fn same_letters(nodes: &[Node], at: usize) -> Option<usize> {
    let of = |node: &Node| match node {
        Node::Symbol { text, letters }
            if *letters != Letters::Plain && text.chars().all(|c| c.is_ascii_alphanumeric()) =>
        {
            Some(*letters)
        }
        _ => None,
    };
    let letters = of(&nodes[at])?;
    let end = nodes[at..].iter().position(|node| of(node) != Some(letters)).map_or(nodes.len(), |more| at + more);
    (end > at + 1).then_some(end)
}

/// How many primes it is, if it is nothing else.
fn primes(node: &Node) -> usize {
    let count = |node: &Node| match node.sign() {
        Some('′' | '\'') => 1,
        Some('″') => 2,
        Some('‴') => 3,
        _ => 0,
    };
    match node {
        Node::Row(nodes) if !nodes.is_empty() && nodes.iter().all(|node| count(node) > 0) => {
            nodes.iter().map(count).sum()
        }
        node => count(node),
    }
}

fn ends_in_command(out: &str) -> bool {
    let letters = out.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
    letters > 0 && out[..out.len() - letters].ends_with('\\') && !out[..out.len() - letters].ends_with("\\\\")
}
