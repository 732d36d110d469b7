//! The tables of a Markdown text: GFM's, and HTML within it.

/// Rows of cells; a cell that spans several places is in each of them.
pub type Table = Vec<Vec<String>>;

pub fn tables(markdown: &str) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut rest = markdown;
    while let Some((start, end)) =
        rest.find("<table").and_then(|start| Some((start, start + rest[start..].find("</table>")?)))
    {
        tables.push(of_html(&rest[start..end]));
        rest = &rest[end + 1..];
    }
    let mut rows: Table = Vec::new();
    for line in markdown.lines().map(str::trim).chain([""]) {
        match line.strip_prefix('|') {
            Some(line) if !line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ')) || !line.contains('-') => {
                rows.push(of_row(line))
            }
            Some(_) => {}
            None if rows.is_empty() => {}
            None => tables.push(std::mem::take(&mut rows)),
        }
    }
    tables
}

fn of_row(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => cells.last_mut().expect("one at least").extend(characters.next()),
            '|' => cells.push(String::new()),
            c => cells.last_mut().expect("one at least").push(c),
        }
    }
    // What follows the last bar.
    cells.pop();
    cells
}

fn of_html(html: &str) -> Table {
    let mut table: Table = Vec::new();
    // Rows that a cell above reaches into: column, cell, rows left.
    let mut open: Vec<(usize, String, usize)> = Vec::new();
    for row in html.split("<tr").skip(1) {
        let mut cells: Vec<String> = Vec::new();
        let mut reached = std::mem::take(&mut open);
        let mut own =
            row.split("<t").skip(1).filter(|cell| cell.starts_with(['d', 'h']) && !cell.starts_with("head")).peekable();
        loop {
            if let Some(at) = reached.iter().position(|(column, ..)| *column == cells.len()) {
                let (column, cell, left) = reached.remove(at);
                cells.push(cell.clone());
                if left > 1 {
                    open.push((column, cell, left - 1));
                }
                continue;
            }
            let Some(cell) = own.next() else { break };
            let Some((attributes, content)) = cell.split_once('>') else { continue };
            let span = |name: &str| -> usize {
                let after = attributes.split_once(&format!("{name}=\"")).map(|(_, after)| after);
                after.and_then(|after| after.split('"').next()?.parse().ok()).unwrap_or(1).clamp(1, 1_000)
            };
            let (text, rows) = (plain(content), span("rowspan"));
            for _ in 0..span("colspan") {
                if rows > 1 {
                    open.push((cells.len(), text.clone(), rows - 1));
                }
                cells.push(text.clone());
            }
        }
        table.push(cells);
    }
    table
}

/// Without tags, and with the characters that entities stand for.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in html.split("</td").next().unwrap_or_default().split("</th").next().unwrap_or_default().chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                text.push(' ');
            }
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .into_iter()
        .fold(text, |text, (entity, character)| text.replace(entity, character))
}
