//! The cells of a table by SLANet: Li et al., PP-StructureV2 (2022). It writes the table as HTML without its text, a token a step, and says
//! with each cell where that is.

use pagestream_documents::{Raster, Rect, Rotation};

use super::{prepare, unsupported};
use crate::{
    backend::{ModelSource, Tensor, TensorView},
    error::{Error, Result},
    ocr::compact::detector::View,
};

/// Longer side of the input where the file leaves it open, as such networks were trained.
const SIDE: usize = 488;
/// Rows and columns of a table, as the ends of what is worth a try.
const MOST_ROWS: u32 = 500;
const MOST_COLUMNS: u32 = 100;

/// One such network, as its file says.
#[derive(Clone, Debug, PartialEq)]
pub struct SlaNet {
    side: usize,
    /// By class. The first begins and the last ends a table.
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    HeadBegins,
    HeadEnds,
    Row,
    /// A cell of one place.
    Cell,
    /// One with attributes, which follow.
    CellWith,
    ColumnSpan(u32),
    RowSpan(u32),
    Other,
}

/// One token of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableStep {
    class: usize,
    probability: f32,
    /// Left, top, right and bottom as parts of the image, of a token that is a cell.
    bounds: [f32; 4],
}

/// A table's cells; rows and columns count from 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells {
    pub cells: Vec<Cell>,
    /// Mean probability of its tokens.
    pub confidence: f32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub row: u32,
    pub column: u32,
    pub row_span: u32,
    pub column_span: u32,
    pub is_header: bool,
    /// Left, top, right and bottom as parts of the image.
    pub bounds: [f32; 4],
}

impl SlaNet {
    /// # Errors
    /// [`Error::Unsupported`] for a file of another family; [`Error::Io`].
    pub fn of_model(source: &ModelSource) -> Result<Self> {
        let refuse = |cause: String| unsupported(source, "table", cause);
        let interface = source.interface()?;
        let side = match interface.inputs.first().map(|input| &input.shape[..]) {
            Some([_, Some(3), Some(height), Some(width)]) if height == width && *height <= 4 * SIDE => *height,
            Some([_, Some(3), None, None]) => SIDE,
            _ => return Err(refuse("its input is not one square image [1, 3, side, side]".to_owned())),
        };
        let last = |at: usize| interface.outputs.get(at).and_then(|output| output.shape.last().copied().flatten());
        let tokens = match (interface.inputs.len(), interface.outputs.len(), last(0), last(1)) {
            (1, 2, Some(4), Some(tokens)) | (1, 2, Some(tokens), Some(4)) => tokens,
            (1, 2, Some(8), Some(_)) | (1, 2, Some(_), Some(8)) => {
                return Err(refuse(
                    "its cells have four corners (SLANet-plus), and supported are those with boxes".into(),
                ));
            }
            (inputs, outputs, ..) => {
                return Err(refuse(format!(
                    "it takes {inputs} inputs and has {outputs} outputs, and a SLANet has one and two, of cells [1, steps, 4] and tokens"
                )));
            }
        };
        let named = source
            .metadata("character")?
            .ok_or_else(|| refuse("its metadata `character` does not name its tokens".to_owned()))?;
        // A cell of one place is one token, whatever the list says, and stands last.
        let own = named.lines().filter(|name| !matches!(name.trim(), "<td>" | "<td></td>")).map(token);
        let all: Vec<Token> = std::iter::once(Token::Other).chain(own).chain([Token::Cell, Token::Other]).collect();
        if all.len() != tokens {
            return Err(refuse(format!(
                "it has {tokens} tokens, and its metadata `character` names {} of them",
                all.len() - 2
            )));
        }
        Ok(Self { side, tokens: all })
    }

    /// How a part of the page is shown to it: upright, its longer side as long as the input's.
    pub fn view(&self, width: u32, height: u32, rotation: Rotation) -> View {
        View::at(width, height, rotation, self.side as f64 / f64::from(width.max(height).max(1)))
    }

    /// The network's input `[1, 3, side, side]` for a part of the page.
    pub fn prepare(&self, page: &Raster, part: &Rect, view: &View) -> Tensor {
        prepare(page, part, view, self.side, self.side)
    }

    /// The cells that tokens say; `None` where they say no table.
    pub fn cells(&self, steps: &[TableStep]) -> Option<Cells> {
        let mut cells: Vec<Cell> = Vec::new();
        // Until which row the columns are taken by cells that reach down.
        let mut taken = Vec::<u32>::new();
        let (mut row, mut is_head, mut column) = (None::<u32>, false, 0);
        let mut open: Option<Cell> = None;
        let mut close = |open: &mut Option<Cell>, column: &mut u32| {
            let Some(mut cell) = open.take() else { return };
            while taken.get(*column as usize).is_some_and(|&until| until > cell.row) {
                *column += 1;
            }
            cell.column = *column;
            *column += cell.column_span;
            if *column > MOST_COLUMNS || cell.row + cell.row_span > MOST_ROWS {
                return;
            }
            taken.resize(taken.len().max(*column as usize), 0);
            taken[cell.column as usize..*column as usize].fill(cell.row + cell.row_span);
            cells.push(cell);
        };
        for step in steps {
            let token = self.tokens.get(step.class).copied().unwrap_or(Token::Other);
            if !matches!(token, Token::ColumnSpan(_) | Token::RowSpan(_)) {
                close(&mut open, &mut column);
            }
            match token {
                Token::HeadBegins => is_head = true,
                Token::HeadEnds => is_head = false,
                Token::Row => (row, column) = (Some(row.map_or(0, |row| row + 1)), 0),
                Token::Cell | Token::CellWith => {
                    let row = *row.get_or_insert(0);
                    let bounds = step.bounds;
                    open = Some(Cell { row, column, row_span: 1, column_span: 1, is_header: is_head, bounds });
                }
                Token::ColumnSpan(span) => open.iter_mut().for_each(|cell| cell.column_span = span),
                Token::RowSpan(span) => open.iter_mut().for_each(|cell| cell.row_span = span),
                Token::Other => {}
            }
        }
        close(&mut open, &mut column);
        let sum: f32 = steps.iter().map(|step| step.probability).sum();
        let confidence = sum / steps.len().max(1) as f32;
        (!cells.is_empty()).then_some(Cells { cells, confidence })
    }
}

fn token(name: &str) -> Token {
    let number = |name: &str| name.trim_end_matches('"').parse().ok().filter(|span| (1..=MOST_COLUMNS).contains(span));
    match name.trim() {
        "<thead>" => Token::HeadBegins,
        "</thead>" => Token::HeadEnds,
        "<tr>" => Token::Row,
        "<td" => Token::CellWith,
        name => {
            let column = name.strip_prefix("colspan=\"").and_then(number).map(Token::ColumnSpan);
            let row = || name.strip_prefix("rowspan=\"").and_then(number).map(Token::RowSpan);
            column.or_else(row).unwrap_or(Token::Other)
        }
    }
}

/// The likeliest tokens, up to the one that ends the table: outputs `[1, steps, 4]` of cells and `[1, steps, tokens]` of probabilities, in
/// either order.
///
/// # Errors
/// [`Error::Inference`] when the outputs have other shapes.
pub fn reduce(outputs: &[TensorView<'_>]) -> Result<Vec<TableStep>> {
    let is_cells = |output: &&TensorView<'_>| output.shape.last() == Some(&4);
    let (cells, tokens) = match outputs {
        [a, b] if is_cells(&a) => (a, b),
        [a, b] => (b, a),
        _ => return Err(other_shape(outputs)),
    };
    let (&[1, steps, 4], &[1, same, classes]) = (cells.shape, tokens.shape) else { return Err(other_shape(outputs)) };
    if steps != same || classes == 0 || cells.data.len() != 4 * steps || tokens.data.len() != classes * steps {
        return Err(other_shape(outputs));
    }
    let mut found = Vec::new();
    for (bounds, probabilities) in cells.data.as_chunks::<4>().0.iter().zip(tokens.data.chunks_exact(classes)) {
        let likeliest = (0..classes).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
        let class = likeliest.unwrap_or(0);
        if class == classes - 1 && !found.is_empty() {
            break;
        }
        if class != 0 && class != classes - 1 {
            found.push(TableStep { class, probability: probabilities[class], bounds: *bounds });
        }
    }
    Ok(found)
}

fn other_shape(outputs: &[TensorView<'_>]) -> Error {
    let shapes: Vec<&[usize]> = outputs.iter().map(|output| output.shape).collect();
    Error::Inference { model: "table".to_owned(), cause: format!("its outputs have shapes {shapes:?}, as no SLANet's") }
}
