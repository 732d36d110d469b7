//! From the tree to canonical tokens: subscripts before superscripts, braces only where there is more than one symbol.

use super::{
    items::{Item, Kind, Rows},
    names,
};

/// The tokens of a sequence.
pub(super) fn tokens(items: &[Item]) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = items;
    while let [item, after @ ..] = rest {
        if matches!(item.kind, Kind::Upright(_)) {
            rest = word(rest, &mut out);
            continue;
        }
        rest = after;
        let scripts = scripts(item);
        match &item.kind {
            Kind::Gap | Kind::Upright(_) => continue,
            Kind::Empty if scripts.is_empty() => {}
            Kind::Empty => out.extend(["{", "}"].map(str::to_owned)),
            Kind::Symbol(name) => out.push(name.clone()),
            Kind::Command(name, arguments) => {
                out.push(name.clone());
                arguments.iter().for_each(|argument| out.extend(braced(tokens(argument))));
            }
            Kind::Matrix(rows) if rows.len() > 1 => self::rows(rows.iter().map(|row| joined(row)), "matrix", &mut out),
            Kind::Matrix(rows) => self::rows(rows.iter().cloned(), "matrix", &mut out),
            Kind::Lines { rows, whole: true } => {
                let one = |row: &Vec<Vec<Item>>| vec![row.iter().flatten().cloned().collect()];
                self::rows(rows.iter().map(one), "aligned", &mut out);
            }
            Kind::Lines { rows, whole: false } => self::rows(rows.iter().map(|row| joined(row)), "matrix", &mut out),
        }
        out.extend(scripts);
    }
    out
}

/// Letters that are upright are one word, up to one with scripts. What follows it.
fn word<'a>(items: &'a [Item], out: &mut Vec<String>) -> &'a [Item] {
    let (mut letters, mut at): (Vec<&str>, usize) = (Vec::new(), 0);
    let mut last = None;
    for item in items {
        match &item.kind {
            Kind::Upright(letter) => {
                letters.push(letter);
                last = Some(item);
            }
            Kind::Gap if letters.last() == Some(&"~") => {}
            Kind::Gap => letters.push("~"),
            _ => break,
        }
        at += 1;
        if !item.is_bare() {
            break;
        }
    }
    while letters.last() == Some(&"~") {
        letters.pop();
    }
    let name = format!("\\{}", letters.concat());
    if names::is_function(&name) {
        out.push(name);
    } else {
        out.push("\\mathrm".to_owned());
        out.extend(match letters[..] {
            [letter] => vec![letter.to_owned()],
            _ => ["{"].into_iter().chain(letters).chain(["}"]).map(str::to_owned).collect(),
        });
    }
    out.extend(last.map(scripts).unwrap_or_default());
    &items[at..]
}

fn braced(tokens: Vec<String>) -> Vec<String> {
    match &tokens[..] {
        [leaf] if names::is_leaf(leaf) => tokens,
        _ => ["{".to_owned()].into_iter().chain(tokens).chain(["}".to_owned()]).collect(),
    }
}

fn scripts(item: &Item) -> Vec<String> {
    let mut out = Vec::new();
    for (sign, script) in [("_", &item.sub), ("^", &item.sup)] {
        let content = script.as_deref().map(tokens).unwrap_or_default();
        if !content.is_empty() {
            out.push(sign.to_owned());
            out.extend(braced(content));
        }
    }
    out
}

fn rows(rows: impl Iterator<Item = Vec<Vec<Item>>>, environment: &str, out: &mut Vec<String>) {
    let cells = |row: Vec<Vec<Item>>| row.iter().map(|cell| tokens(cell)).collect();
    let mut written: Vec<Vec<Vec<String>>> = rows.map(cells).collect();
    // A last column without anything in it.
    let has_empty_end = |row: &Vec<Vec<String>>| row.len() > 1 && row.last().is_some_and(Vec::is_empty);
    while !written.is_empty() && written.iter().all(has_empty_end) {
        written.iter_mut().for_each(|row| drop(row.pop()));
    }
    if let [row] = &mut written[..]
        && let [cell] = &mut row[..]
    {
        out.append(cell);
        return;
    }
    out.push(format!("\\begin{{{environment}}}"));
    for (at, row) in written.into_iter().enumerate() {
        out.extend((at > 0).then(|| "\\\\".to_owned()));
        for (at, cell) in row.into_iter().enumerate() {
            out.extend((at > 0).then(|| "&".to_owned()));
            out.extend(cell);
        }
    }
    out.push(format!("\\end{{{environment}}}"));
}

/// Cells that are parted beside a relation (`x & = & y`) are one.
fn joined(row: &[Vec<Item>]) -> Vec<Vec<Item>> {
    let is_relation = |item: Option<&Item>| item.is_some_and(|item| item.is_symbol(names::is_relation));
    let mut cells: Vec<Vec<Item>> = Vec::new();
    for cell in row {
        match cells.last_mut() {
            Some(last)
                if is_relation(last.iter().rfind(|item| !item.is_gap()))
                    || is_relation(cell.iter().find(|item| !item.is_gap())) =>
            {
                last.extend(cell.iter().cloned());
            }
            _ => cells.push(cell.clone()),
        }
    }
    cells
}

/// Whether there is anything in it.
pub(super) fn non_empty(rows: Rows) -> Rows {
    rows.into_iter().filter(|row| row.iter().any(|cell| !cell.is_empty())).collect()
}
