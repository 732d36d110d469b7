//! What a page's looks tell of its structure: the layout network's regions, and the lines and shades that are drawn on it.

use std::{collections::VecDeque, sync::Arc};

use pagestream_documents::{
    BlockKind, Hints, Point, Polygon, Raster, Rect, Rotation, TextLine,
    structure::{Region, RegionScope, Ruling, SeenCell, SeenTable},
};

use crate::{
    error::Result,
    formula::Written,
    ocr::{
        Corners, Inference, Inferred, LayoutMap, LayoutNetwork, OcrModels, Task,
        compact::{
            GrayPage,
            detector::View,
            layout::{self, Area},
        },
        orientation::Upright,
        published::{
            picodet::{self, Found},
            results::{candidates, tables},
            slanet::{Cells, SlaNet},
        },
        recognizer::Decoded,
        results::{in_formulas, layouts, out_of_step, written},
        rulings, shades, strokes,
    },
};

use super::{
    Read,
    cut::Cut,
    formulas::{Formulas, LEAST_TAKEN, Seen},
    groups::group,
    inline::Inline,
};

/// An upright rectangle around what lies askew is this much higher than it at most, in its own heights; what is longer is told in part,
/// or in pieces.
const MOST_HEIGHT: f32 = 1.5;
/// Pieces of one line.
const MOST_PIECES: f32 = 400.0;
/// The height of a page's text, where nothing was read, as a part of its longer side: ten points on A4.
const USUAL_TEXT: f32 = 1.0 / 70.0;

/// Tables of a page that are asked about, and how sure the layout network must be of each, as where geometry looks at them.
const MOST_TABLES: usize = 64;
const LEAST_SURE: f64 = 0.3;

/// What the layout network said of one part of the page.
#[derive(Debug)]
enum Layout {
    Map(LayoutMap),
    Boxes(Vec<Found>),
}

impl Layout {
    fn kind_of_line(&self, corners: &Corners) -> (BlockKind, f64) {
        match self {
            Self::Map(map) => map.kind_of_line(corners),
            Self::Boxes(found) => picodet::kind_of_line(found, corners),
        }
    }

    fn areas(&self) -> Vec<Area> {
        match self {
            Self::Map(map) => map.areas(),
            Self::Boxes(found) => picodet::areas(found),
        }
    }

    fn memory_size(&self) -> usize {
        match self {
            Self::Map(map) => map.memory_size(),
            Self::Boxes(found) => size_of_val(&found[..]),
        }
    }
}

/// A page that the layout network is asked about, all at once or in the parts that it was read in.
#[derive(Debug)]
pub(super) struct Looks {
    page: GrayPage,
    raster: Arc<Raster>,
    rotation: Rotation,
    network: Option<LayoutNetwork>,
    table: Option<Arc<SlaNet>>,
    parts: Vec<(Rect, View)>,
    /// Of each part, once the network has seen them.
    layouts: Vec<Layout>,
    /// Where tables are, and once they were asked about, their cells.
    tables: Vec<(Rect, View, Option<Cells>)>,
    formulas: Formulas,
    inline: Inline,
    /// Formulas, displayed and in lines, that are still to be read; those that are asked about now; and what was written of those before.
    cuts: VecDeque<Cut>,
    reading: Vec<usize>,
    written: Vec<Written>,
    /// Bytes of tensors of lines or formulas that are asked for together.
    group_bytes: usize,
    stage: Stage,
}

/// What was asked for last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The page's parts, and the first lines.
    Seeing,
    /// More lines.
    Lines,
    /// Tables, and the first formulas.
    Reading,
    /// More formulas.
    Formulas,
}

impl Looks {
    /// At a page and what was read of it, in tensors of so many bytes together.
    pub(super) fn new(page: &Arc<Raster>, parts: &[Rect], models: &OcrModels, read: &Read, group_bytes: usize) -> Self {
        let Read { lines, dropped, rotation, .. } = read;
        let rotation = *rotation;
        let whole = [Rect { left: 0.0, top: 0.0, right: page.width as f32, bottom: page.height as f32 }];
        let rects = if parts.is_empty() { &whole[..] } else { parts };
        let view = |rect: &Rect| {
            let (width, height) = (rect.width() as u32, rect.height() as u32);
            let view = match &models.layout {
                Some(LayoutNetwork::PicoDet(network)) => network.view(width, height, rotation),
                Some(LayoutNetwork::Own) | None => layout::view(width, height, rotation),
            };
            (*rect, view)
        };
        Self {
            page: GrayPage::new(page.clone()),
            raster: page.clone(),
            rotation,
            network: models.layout.clone(),
            table: models.table.clone(),
            parts: rects.iter().map(view).collect(),
            layouts: Vec::new(),
            tables: Vec::new(),
            cuts: VecDeque::new(),
            reading: Vec::new(),
            written: Vec::new(),
            formulas: Formulas::new(models.formula.clone(), lines, dropped, &upright_of(page, rotation)),
            inline: Inline::new(models.formula.clone().filter(|_| models.inline_formulas), lines),
            group_bytes,
            stage: Stage::Seeing,
        }
    }

    /// What is to be asked first; nothing where there is no network to look at the page.
    pub(super) fn inferences(&mut self) -> Vec<Inference> {
        let mut wanted = self.layout_inferences();
        wanted.extend(self.inline.next_lines(self.page.plane(), self.group_bytes));
        wanted
    }

    fn layout_inferences(&self) -> Vec<Inference> {
        let Some(network) = &self.network else { return Vec::new() };
        let part = |(rect, view): &(Rect, View)| {
            let [left, top, width, height] =
                [rect.left, rect.top, rect.width(), rect.height()].map(|length| length as usize);
            let input = match network {
                LayoutNetwork::Own => layout::prepare(self.page.plane().part(left, top, width, height), view),
                LayoutNetwork::PicoDet(network) => network.prepare(&self.raster, rect, view),
            };
            Inference { task: Task::Layout, input }
        };
        self.parts.iter().map(part).collect()
    }

    /// Takes what was asked for last; what is to be asked next, or nothing when all is seen.
    pub(super) fn advance(&mut self, results: Vec<Inferred>) -> Result<Vec<Inference>> {
        match self.stage {
            Stage::Seeing => {
                let mut seen = results;
                let parts = if self.network.is_some() { self.parts.len() } else { 0 };
                let lines = seen.split_off(parts.min(seen.len()));
                self.layouts = self.layouts_of(seen)?;
                if self.layouts.len() != parts {
                    return Err(out_of_step("other parts were asked for"));
                }
                self.inline.take_lines(in_formulas(lines)?)?;
                Ok(self.look_on())
            }
            Stage::Lines => {
                self.inline.take_lines(in_formulas(results)?)?;
                Ok(self.look_on())
            }
            Stage::Reading => {
                let mut cells = results;
                let formulas = cells.split_off(self.tables.len().min(cells.len()));
                self.take_cells(cells)?;
                self.stage = Stage::Formulas;
                self.take_formulas(formulas)
            }
            Stage::Formulas => self.take_formulas(results),
        }
    }

    fn layouts_of(&self, seen: Vec<Inferred>) -> Result<Vec<Layout>> {
        match &self.network {
            Some(LayoutNetwork::PicoDet(network)) => {
                Ok(candidates(seen)?.into_iter().map(|candidates| Layout::Boxes(network.boxes(candidates))).collect())
            }
            Some(LayoutNetwork::Own) | None => Ok(layouts(seen)?.into_iter().map(Layout::Map).collect()),
        }
    }

    /// What is to be asked of the lines that are left, or of the tables and formulas.
    fn look_on(&mut self) -> Vec<Inference> {
        let lines = self.inline.next_lines(self.page.plane(), self.group_bytes);
        if !lines.is_empty() {
            self.stage = Stage::Lines;
            return lines;
        }
        self.stage = Stage::Reading;
        let mut wanted = self.table_inferences();
        self.cuts = self.formula_cuts();
        wanted.extend(self.next_formulas());
        wanted
    }

    /// What is to be asked about the next formulas: tensors of so many bytes together.
    fn next_formulas(&mut self) -> Vec<Inference> {
        self.reading.clear();
        let mut wanted = Vec::new();
        let Some(recognizer) = self.formulas.recognizer() else { return wanted };
        while wanted.is_empty() && !self.cuts.is_empty() {
            for cut in group(&mut self.cuts, self.group_bytes, Cut::tensor_bytes) {
                if let Some(input) = cut.input(&*recognizer, self.rotation) {
                    self.reading.push(self.written.len());
                    wanted.push(Inference { task: Task::Formula, input });
                }
                self.written.push(Written::nothing());
            }
        }
        wanted
    }

    fn take_cells(&mut self, results: Vec<Inferred>) -> Result<()> {
        if results.len() != self.tables.len() {
            return Err(out_of_step("other tables were asked for"));
        }
        for ((_, _, cells), steps) in self.tables.iter_mut().zip(tables(results)?) {
            *cells = self.table.as_ref().and_then(|network| network.cells(&steps));
        }
        Ok(())
    }

    /// Takes what was written of the formulas that were asked about last; what is to be asked about the next.
    fn take_formulas(&mut self, results: Vec<Inferred>) -> Result<Vec<Inference>> {
        if results.len() != self.reading.len() {
            return Err(out_of_step("other formulas were asked for"));
        }
        for (&at, written) in self.reading.iter().zip(written(results)?) {
            self.written[at] = written;
        }
        let wanted = self.next_formulas();
        if wanted.is_empty() {
            let (displayed, inline) = self.written.split_at(self.formulas.asked().min(self.written.len()));
            self.formulas.take(displayed);
            self.inline.take(inline);
        }
        Ok(wanted)
    }

    /// What is to be asked of the network of tables about those that the layout network sees.
    fn table_inferences(&mut self) -> Vec<Inference> {
        let Some(network) = &self.table else { return Vec::new() };
        let page = Rect { left: 0.0, top: 0.0, right: self.raster.width as f32, bottom: self.raster.height as f32 };
        for ((part, view), layout) in self.parts.iter().zip(&self.layouts) {
            let is_table = |area: &Area| area.kind == BlockKind::Table && area.confidence >= LEAST_SURE;
            for area in layout.areas().iter().filter(|area| is_table(area)) {
                let seen = bounds_of(part, view, area, &|point| point).intersection(&page);
                let rect = Rect {
                    left: seen.left.floor(),
                    top: seen.top.floor(),
                    right: seen.right.ceil(),
                    bottom: seen.bottom.ceil(),
                };
                let (width, height) = (rect.width() as u32, rect.height() as u32);
                if width > 0 && height > 0 && self.tables.len() < MOST_TABLES {
                    self.tables.push((rect, network.view(width, height, self.rotation), None));
                }
            }
        }
        let asked = |(rect, view, _): &(Rect, View, Option<Cells>)| Inference {
            task: Task::Table,
            input: network.prepare(&self.raster, rect, view),
        };
        self.tables.iter().map(asked).collect()
    }

    /// The pixels of the page's formulas, first of those that are displayed.
    fn formula_cuts(&mut self) -> VecDeque<Cut> {
        let mut formulas = std::mem::take(&mut self.formulas);
        let mut areas = Vec::new();
        for ((part, view), layout) in self.parts.iter().zip(&self.layouts) {
            let place = |area: &Area| (bounds_of(part, view, area, &|point| point), area.kind, area.confidence);
            areas.extend(layout.areas().iter().map(place));
        }
        let plane = self.page.plane();
        let upright = upright_of(&self.raster, self.rotation);
        let kind_of_line = |polygon: &Polygon| self.kind_of(polygon);
        let seen = Seen { kind_of_line: &kind_of_line, areas: &areas };
        let mut cuts = VecDeque::from(formulas.cuts(plane, &upright, &seen));
        // What is a displayed formula's is no sentence's, and what stands in a picture is the picture's.
        let taken =
            areas.iter().filter(|(_, kind, confidence)| *kind == BlockKind::Figure && *confidence >= LEAST_TAKEN);
        let taken: Vec<Rect> = taken.map(|(rect, ..)| *rect).chain(formulas.places()).collect();
        let is_free = |polygon: &Polygon| !taken.iter().any(|rect| rect.contains(polygon.bounds().center()));
        let mut inline = std::mem::take(&mut self.inline);
        cuts.extend(inline.cuts(plane, is_free));
        (self.formulas, self.inline) = (formulas, inline);
        cuts
    }

    /// What of lines is no formula that was read in them, for those that have any; and how many characters formulas were read in the place
    /// of, and how many of those may be right.
    pub(super) fn without_formulas(&self, lines: &[(Polygon, Decoded)]) -> (Vec<Option<Decoded>>, (f32, usize)) {
        (self.inline.without_formulas(lines), self.inline.read_characters())
    }

    /// Puts what was read of formulas into the lines that it was made with.
    pub(super) fn settle(&mut self, lines: &mut [(Polygon, Decoded)]) {
        self.inline.settle(lines);
    }

    /// Whether somebody should look at a formula of the page.
    pub(super) fn needs_review(&self) -> bool {
        self.formulas.needs_review()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.formulas.held_bytes()
            + self.inline.held_bytes()
            + self.cuts.iter().map(Cut::held_bytes).sum::<usize>()
            + self.page.copied_bytes()
            + self.layouts.iter().map(Layout::memory_size).sum::<usize>()
    }

    /// Rulings, shades, regions of the lines and areas where the network was asked, and cells of tables. `to_given`: from the page as it was read to the page as it was given.
    pub(super) fn hints(&self, lines: &[TextLine], to_given: &dyn Fn(Point) -> Point) -> Hints {
        let asked = if self.layouts.is_empty() { &[] } else { lines };
        let mut regions: Vec<Region> = asked.iter().map(|line| self.of_line(line, to_given)).collect();
        for ((rect, view), layout) in self.parts.iter().zip(&self.layouts) {
            regions.extend(layout.areas().iter().map(|area| of_area(rect, view, area, to_given)));
        }
        let tables = self.tables.iter().filter_map(|(rect, view, cells)| {
            let cells = cells.as_ref()?;
            Some(seen_table(rect, view, cells, to_given))
        });
        let tables = tables.collect();
        let pictures = regions.iter().filter(|region| {
            region.scope == RegionScope::Area && region.kind == BlockKind::Figure && !self.is_whole(&region.rect)
        });
        let pictures: Vec<Rect> = pictures.map(|region| region.rect).collect();
        let mut heights: Vec<f32> = lines.iter().map(|line| line.polygon.height()).collect();
        heights.sort_unstable_by(f32::total_cmp);
        let plane = self.page.plane();
        let usual = plane.width.max(plane.height) as f32 * USUAL_TEXT;
        let height = heights.get(heights.len() / 2).copied().unwrap_or(usual);
        let found = rulings::of_page(plane, height);
        // A diagram's axes and arrows are its own.
        let is_drawn_in_one = |line: &rulings::Line| {
            let (from, to) = (to_given(line.from), to_given(line.to));
            pictures.iter().any(|picture| picture.contains(from) && picture.contains(to))
        };
        let rulings = found.iter().filter(|line| !is_drawn_in_one(line));
        let rulings = rulings.flat_map(|line| pieces(line, to_given)).collect();
        let place = |shade: &Rect| Polygon::from_rect(*shade).map(to_given).bounds();
        let is_in_picture = |shade: &Rect| pictures.iter().any(|picture| picture.contains(shade.center()));
        let fills = shades::of_page(plane, height).iter().map(place).filter(|shade| !is_in_picture(shade)).collect();
        let seen_formulas = self.formulas.seen(|rect| place(&rect));
        let formulas = self.inline.formulas(lines, |rect| place(&rect));
        Hints { regions, pictures, rulings, fills, tables, formulas, seen_formulas, ..Hints::default() }
    }

    /// Whether it covers the whole page, as no picture on it does.
    fn is_whole(&self, rect: &Rect) -> bool {
        let plane = self.page.plane();
        rect.width() * rect.height() > 0.9 * (plane.width * plane.height) as f32
    }

    /// What the layout network takes a line for.
    fn kind_of(&self, line: &Polygon) -> (BlockKind, f64) {
        let centre = line.bounds().center();
        let at = self.parts.iter().position(|(rect, _)| rect.contains(centre)).unwrap_or(0);
        match (self.parts.get(at), self.layouts.get(at)) {
            (Some((rect, view)), Some(layout)) => {
                let corner = |p: Point| view.of_page(Point::new(p.x - rect.left, p.y - rect.top));
                layout.kind_of_line(&line.0.map(corner))
            }
            _ => (BlockKind::Text, 0.0),
        }
    }

    fn of_line(&self, line: &TextLine, to_given: &dyn Fn(Point) -> Point) -> Region {
        let (kind, confidence) = self.kind_of(&line.polygon);
        Region {
            scope: RegionScope::Line,
            kind,
            rect: around(&line.polygon.map(to_given)),
            confidence: confidence as f32,
            stroke: strokes::thickness(self.page.plane(), &line.polygon),
        }
    }
}

fn upright_of(page: &Raster, rotation: Rotation) -> Upright {
    Upright { rotation, width: page.width as f32, height: page.height as f32 }
}

/// An upright rectangle around the middle of a line: around all of it, unless it lies so askew that others would be in it.
fn around(line: &Polygon) -> Rect {
    let (bounds, height) = (line.bounds(), line.height().max(1.0));
    if bounds.width().min(bounds.height()) <= MOST_HEIGHT * height.min(line.width()) {
        return bounds;
    }
    let centre = bounds.center();
    let half = height.min(line.width()) / 2.0;
    Rect { left: centre.x - half, top: centre.y - half, right: centre.x + half, bottom: centre.y + half }
}

/// Where an area is on the page.
fn bounds_of(part: &Rect, view: &View, area: &Area, to_given: &dyn Fn(Point) -> Point) -> Rect {
    let [left, top, right, bottom] = area.bounds.map(|side| side as f64);
    let (right, bottom) = (right.min(f64::from(view.width)), bottom.min(f64::from(view.height)));
    let corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
    let place = |p: Point| to_given(Point::new(p.x + part.left, p.y + part.top));
    view.to_page(&corners).map(place).bounds()
}

fn of_area(part: &Rect, view: &View, area: &Area, to_given: &dyn Fn(Point) -> Point) -> Region {
    Region {
        scope: RegionScope::Area,
        kind: area.kind,
        rect: bounds_of(part, view, area, to_given),
        confidence: area.confidence as f32,
        stroke: None,
    }
}

fn seen_table(part: &Rect, view: &View, cells: &Cells, to_given: &dyn Fn(Point) -> Point) -> SeenTable {
    let (width, height) = (f64::from(view.width), f64::from(view.height));
    let place = |p: Point| to_given(Point::new(p.x + part.left, p.y + part.top));
    let rect_of = |[left, top, right, bottom]: [f32; 4]| {
        let [left, right] = [left, right].map(|x| f64::from(x.clamp(0.0, 1.0)) * width);
        let [top, bottom] = [top, bottom].map(|y| f64::from(y.clamp(0.0, 1.0)) * height);
        view.to_page(&[[left, top], [right, top], [right, bottom], [left, bottom]]).map(place).bounds()
    };
    let cell = |cell: &crate::ocr::published::slanet::Cell| SeenCell {
        row: cell.row,
        column: cell.column,
        row_span: cell.row_span,
        column_span: cell.column_span,
        is_header: cell.is_header,
        rect: rect_of(cell.bounds),
    };
    SeenTable {
        rect: rect_of([0.0, 0.0, 1.0, 1.0]),
        cells: cells.cells.iter().map(cell).collect(),
        confidence: cells.confidence,
    }
}

/// A drawn line as upright rectangles; one that lies askew in pieces that are little thicker than it.
fn pieces(line: &rulings::Line, to_given: &dyn Fn(Point) -> Point) -> Vec<Ruling> {
    let (from, to) = (to_given(line.from), to_given(line.to));
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let aside = dx.abs().min(dy.abs());
    let count = (aside / line.thickness.max(2.0)).ceil().clamp(1.0, MOST_PIECES);
    let half = line.thickness / 2.0;
    let piece = |n: u32| {
        let at = |n: f32| Point::new(from.x + dx * n / count, from.y + dy * n / count);
        let (a, b) = (at(n as f32), at(n as f32 + 1.0));
        let (by_x, by_y) = if dx.abs() >= dy.abs() { (0.0, half) } else { (half, 0.0) };
        Ruling {
            rect: Rect {
                left: a.x.min(b.x) - by_x,
                top: a.y.min(b.y) - by_y,
                right: a.x.max(b.x) + by_x,
                bottom: a.y.max(b.y) + by_y,
            },
        }
    };
    (0..count as u32).map(piece).collect()
}
