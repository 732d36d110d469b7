//! Where the cells of a tagged table are: rows in their order, columns as spans leave them free.

use std::collections::HashMap;

use hayro::hayro_syntax::object::{Array, Dict, ObjRef, Object};

use super::{Kind, Node, PageTags};
use crate::structure::TagCell;

/// Rows and cells of one table, and columns that a row may have.
const MOST_CELLS: usize = 20_000;
const MOST_COLUMNS: u32 = 1_000;
const MOST_ROWS: u32 = 20_000;
/// Groups of rows within groups.
const DEEPEST_GROUP: usize = 4;

/// Cells of the tables that were looked at, by their object numbers.
#[derive(Default)]
pub(super) struct Tables(HashMap<(u32, i32), HashMap<(u32, i32), TagCell>>);

impl<'a> PageTags<'a> {
    /// The place of the cell that is the first of the chain.
    pub(super) fn cell(&mut self, chain: &[(ObjRef, Node<'a>)]) -> Option<TagCell> {
        let (cell, _) = chain.first()?;
        let (table, node) = chain.iter().find(|(_, node)| node.kind == Kind::Table)?;
        let id = (table.obj_number, table.gen_number);
        if !self.tables.0.contains_key(&id) {
            let cells = self.cells(table, &node.dict);
            self.tables.0.insert(id, cells);
        }
        self.tables.0.get(&id)?.get(&(cell.obj_number, cell.gen_number)).copied()
    }

    fn cells(&mut self, table: &ObjRef, dict: &Dict<'a>) -> HashMap<(u32, i32), TagCell> {
        let mut rows = Vec::new();
        self.rows(dict, &mut rows, 0);
        let mut cells = HashMap::new();
        // Of each column, the row from which on it is free.
        let mut free: Vec<u32> = Vec::new();
        for (row, dict) in rows.iter().enumerate() {
            let row = row as u32;
            let mut column = 0_u32;
            for reference in children(dict) {
                let Some(node) = self.node(reference) else { continue };
                let Kind::Cell { is_header } = node.kind else { continue };
                while free.get(column as usize).is_some_and(|&free| free > row) {
                    column += 1;
                }
                if column >= MOST_COLUMNS || cells.len() >= MOST_CELLS {
                    return cells;
                }
                let span = |key: &[u8]| attribute(&node.dict, key).unwrap_or(1).max(1);
                let row_span = span(b"RowSpan").min(MOST_ROWS);
                let column_span = span(b"ColSpan").min(MOST_COLUMNS - column);
                let end = (column + column_span) as usize;
                if free.len() < end {
                    free.resize(end, 0);
                }
                free[column as usize..end].fill(row.saturating_add(row_span));
                let id = (reference.obj_number, reference.gen_number);
                cells.insert(id, TagCell { table: table.obj_number, row, column, row_span, column_span, is_header });
                column += column_span;
            }
        }
        cells
    }

    fn rows(&mut self, dict: &Dict<'a>, rows: &mut Vec<Dict<'a>>, depth: usize) {
        for reference in children(dict) {
            if rows.len() >= MOST_ROWS as usize {
                return;
            }
            let Some(node) = self.node(reference) else { continue };
            match node.kind {
                Kind::Row => rows.push(node.dict),
                Kind::Other if depth < DEEPEST_GROUP => self.rows(&node.dict, rows, depth + 1),
                _ => {}
            }
        }
    }
}

/// Elements within an element.
fn children(dict: &Dict<'_>) -> Vec<ObjRef> {
    match dict.get::<Array<'_>>(b"K") {
        Some(all) => all.raw_iter().take(MOST_CELLS).filter_map(|item| item.as_obj_ref()).collect(),
        None => dict.get_ref(b"K").into_iter().collect(),
    }
}

/// A number among the attributes, which are a dictionary or several.
fn attribute(dict: &Dict<'_>, key: &[u8]) -> Option<u32> {
    const MOST: usize = 16;
    match dict.get::<Object<'_>>(b"A")? {
        Object::Dict(one) => one.get::<u32>(key),
        Object::Array(several) => several.iter::<Object<'_>>().take(MOST).find_map(|item| match item {
            Object::Dict(one) => one.get::<u32>(key),
            _ => None,
        }),
        _ => None,
    }
}
