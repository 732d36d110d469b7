//! A formula in plain characters, as well as these can: as [`crate::mathml::to_plain_text`] has it, without the way over LaTeX, which costs more than
//! all else of a page.

use super::node::Node;
use crate::mathml::{subscript, superscript};

pub(super) fn write(node: &Node) -> String {
    let mut out = String::new();
    put(node, &mut out);
    out.truncate(out.trim_end().len());
    out
}

fn put(node: &Node, out: &mut String) {
    match node {
        Node::Symbol { text, .. } | Node::Tall(text) => match node.sign() {
            Some(c) if is_spaced(c) && !out.is_empty() && !out.ends_with([' ', '(']) => {
                out.push(' ');
                out.push(c);
                out.push(' ');
            }
            Some(',' | ';') => {
                out.push_str(text);
                out.push(' ');
            }
            _ => out.push_str(text),
        },
        Node::Words(words) => {
            apart(out);
            out.push_str(words);
            out.push(' ');
        }
        Node::Function(word) => {
            if out.ends_with(char::is_alphanumeric) {
                out.push(' ');
            }
            out.push_str(word);
            out.push(' ');
        }
        Node::Row(nodes) => nodes.iter().for_each(|node| put(node, out)),
        Node::Scripts { base, sub, sup } => {
            put(base, out);
            out.truncate(out.trim_end_matches(' ').len());
            if let Some(sub) = sub {
                script(sub, '_', subscript, out);
            }
            if let Some(sup) = sup {
                script(sup, '^', superscript, out);
            }
            if matches!(**base, Node::Function(_)) {
                out.push(' ');
            }
        }
        Node::Limits { base, under, over } => {
            put(base, out);
            out.truncate(out.trim_end_matches(' ').len());
            if let Some(under) = under {
                script(under, '_', subscript, out);
            }
            if let Some(over) = over {
                script(over, '^', superscript, out);
            }
            out.push(' ');
        }
        Node::Fraction(over, under) => {
            part(over, out);
            out.push('/');
            part(under, out);
        }
        Node::Root { index, body } => {
            match index.as_deref().and_then(Node::sign) {
                Some('3') => out.push('∛'),
                Some('4') => out.push('∜'),
                _ => out.push('√'),
            }
            part(body, out);
        }
        Node::Marked { command, body } => {
            put(body, out);
            let mark = match *command {
                "\\hat" | "\\widehat" => '\u{302}',
                "\\tilde" | "\\widetilde" => '\u{303}',
                "\\bar" => '\u{304}',
                "\\dot" => '\u{307}',
                "\\ddot" => '\u{308}',
                "\\check" => '\u{30c}',
                "\\breve" => '\u{306}',
                "\\acute" => '\u{301}',
                "\\grave" => '\u{300}',
                "\\mathring" => '\u{30a}',
                "\\vec" => '\u{20d7}',
                _ => return,
            };
            out.push(mark);
        }
        Node::Grid { open, rows, close } => {
            out.push_str(open.as_deref().unwrap_or(""));
            for (number, row) in rows.iter().enumerate() {
                if number > 0 {
                    out.push_str("; ");
                }
                for (column, cell) in row.iter().enumerate() {
                    if column > 0 {
                        out.push_str(", ");
                    }
                    put(cell, out);
                    out.truncate(out.trim_end_matches(' ').len());
                }
            }
            out.push_str(close.as_deref().unwrap_or(""));
        }
        Node::Lines(lines) => {
            for (number, line) in lines.iter().enumerate() {
                if number > 0 {
                    out.truncate(out.trim_end_matches(' ').len());
                    out.push('\n');
                }
                put(line, out);
            }
        }
        Node::Gap => apart(out),
    }
}

fn apart(out: &mut String) {
    if !out.is_empty() && !out.ends_with([' ', '(']) {
        out.push(' ');
    }
}

/// Signs that have blanks around them.
fn is_spaced(c: char) -> bool {
    "=<>≤≥≠≈≡∼≃≅→⇒⇔↦∈∉⊂⊆⊃⊇∪∩+−±×∧∨≔⟶⟹⟺←⩽⩾≪≫∝⊕⊗".contains(c)
}

/// In brackets if it is more than one thing.
fn part(node: &Node, out: &mut String) {
    let is_more = match node {
        Node::Row(nodes) => {
            nodes.len() > 1 && !nodes.iter().all(|node| node.sign().is_some_and(|c| c.is_ascii_digit()))
        }
        Node::Fraction(..) | Node::Lines(_) => true,
        _ => false,
    };
    if is_more {
        out.push('(');
    }
    let mut inner = String::new();
    put(node, &mut inner);
    out.push_str(inner.trim());
    if is_more {
        out.push(')');
    }
}

/// In raised or lowered characters, if there are such for all of it.
fn script(node: &Node, sign: char, small: fn(char) -> Option<char>, out: &mut String) {
    let mut inner = String::new();
    put(node, &mut inner);
    let inner = inner.trim();
    if inner.chars().all(|c| "′″‴".contains(c)) {
        return out.push_str(inner);
    }
    let shifted: Option<String> = inner.chars().filter(|c| *c != ' ').map(small).collect();
    match shifted {
        Some(shifted) => out.push_str(&shifted),
        None if inner.chars().count() == 1 => out.extend([sign].into_iter().chain(inner.chars())),
        None => out.extend([&*sign.to_string(), "{", inner, "}"]),
    }
}
