//! What is drawn on a page beside letters: straight lines, shaded rectangles, pictures.
//!
//! Programs draw a line as a stroke, as a thin rectangle or as the narrow room between two; a shaded cell is a rectangle, with round
//! corners perhaps; all else that is drawn is a picture, or a part of one.

mod contours;
mod pictures;
mod rulings;

use hayro::{
    hayro_interpret::{DrawMode, StrokeProps},
    kurbo::{Affine, BezPath, Rect, Shape},
};

use self::contours::{Contour, Outline, contours};
use crate::{
    geometry,
    structure::{Hints, Ruling},
};

/// Points: what is thicker is a ruling only where it is much longer than that.
const THIN: f64 = 3.0;
const THICKEST: f64 = 6.0;
const LONG: f64 = 20.0;
/// Points: what is shorter in both directions is a dot.
const DOT: f64 = 3.0;
/// What is less dark than this cannot be told from paper.
const WHITE: f32 = 0.012;
/// A page's background, and pictures that are the page.
const WHOLE_PAGE: f64 = 0.85;
/// Of each kind that are kept: maps and plots have hundreds of thousands, and are pictures for a few of them.
const MOST_RULINGS: usize = 50_000;
const MOST_FILLS: usize = 5_000;
const MOST_SHAPES: usize = 50_000;
/// Elements of paths that are looked at on one page.
const MOST_ELEMENTS: usize = 1_000_000;

/// Gathers what is drawn, in the page's own units, y down.
pub(super) struct Drawings {
    page: Rect,
    /// What can be seen through each clip in force, as the rectangle around it.
    clips: Vec<Rect>,
    rulings: Vec<Rect>,
    /// Rulings as light as paper; on something dark they part it.
    white_rulings: Vec<Rect>,
    /// In the order in which they are drawn, white ones too.
    fills: Vec<Shade>,
    /// Around whatever else is drawn, a contour each.
    shapes: Vec<Rect>,
    images: Vec<Rect>,
    elements: usize,
}

#[derive(Clone, Copy, Debug)]
struct Shade {
    rect: Rect,
    darkness: f32,
}

impl Drawings {
    pub(super) fn on(page: Rect) -> Self {
        Self {
            page,
            clips: Vec::new(),
            rulings: Vec::new(),
            white_rulings: Vec::new(),
            fills: Vec::new(),
            shapes: Vec::new(),
            images: Vec::new(),
            elements: 0,
        }
    }

    pub(super) fn push_clip(&mut self, clip: Rect) {
        let outer = self.seen();
        self.clips.push(if clip.is_finite() { outer.intersect(clip) } else { outer });
    }

    pub(super) fn pop_clip(&mut self) {
        self.clips.pop();
    }

    fn seen(&self) -> Rect {
        self.clips.last().copied().unwrap_or(self.page)
    }

    pub(super) fn add_image(&mut self, place: Rect) {
        if let Some(place) = self.visible(place) {
            if is_ruling(place) {
                self.add_ruling(place, 1.0);
            } else if self.images.len() < MOST_SHAPES {
                self.images.push(place);
            }
        }
    }

    pub(super) fn add_rect(&mut self, rect: Rect, transform: Affine, mode: &DrawMode, darkness: f32) {
        let [a, b, c, d, ..] = transform.as_coeffs();
        let is_upright =
            (b.abs() + c.abs()) < 1e-3 * (a.abs() + d.abs()) || (a.abs() + d.abs()) < 1e-3 * (b.abs() + c.abs());
        if !is_upright {
            return self.add_path(&rect.to_path(0.1), transform, mode, darkness);
        }
        let place = transform.transform_rect_bbox(rect);
        if matches!(mode, DrawMode::Fill(_) | DrawMode::FillAndStroke(..)) {
            self.add_filled(place, darkness);
        }
        if let DrawMode::Stroke(props) | DrawMode::FillAndStroke(_, props) = mode {
            self.add_outline(place, thickness(props, transform), darkness);
        }
    }

    pub(super) fn add_path(&mut self, path: &BezPath, transform: Affine, mode: &DrawMode, darkness: f32) {
        self.elements = self.elements.saturating_add(path.elements().len());
        if self.elements > MOST_ELEMENTS {
            return;
        }
        if matches!(mode, DrawMode::Fill(_) | DrawMode::FillAndStroke(..)) {
            self.add_area(path, transform, darkness);
        }
        if let DrawMode::Stroke(props) | DrawMode::FillAndStroke(_, props) = mode {
            let thickness = thickness(props, transform);
            for contour in contours(path, transform) {
                match contour.outline {
                    Outline::Box | Outline::RoundedBox => self.add_outline(contour.bounds, thickness, darkness),
                    Outline::Other => {
                        for line in contour.straight {
                            let half = thickness / 2.0;
                            let is_level = line.width() >= line.height();
                            let stroke = if is_level { line.inflate(0.0, half) } else { line.inflate(half, 0.0) };
                            self.add_filled(stroke, darkness);
                        }
                        contour.rest.into_iter().for_each(|rest| self.add_shape(rest, darkness));
                    }
                }
            }
        }
    }

    /// What is filled: boxes, the room between two boxes, and other shapes.
    fn add_area(&mut self, path: &BezPath, transform: Affine, darkness: f32) {
        let mut outer: Option<Contour> = None;
        for contour in contours(path, transform) {
            let is_box = contour.outline != Outline::Other;
            match outer.take() {
                Some(around) if is_box && is_frame(around.bounds, contour.bounds) => {
                    sides(around.bounds, contour.bounds).into_iter().for_each(|side| self.add_filled(side, darkness));
                    continue;
                }
                Some(around) => self.add_filled(around.bounds, darkness),
                None => {}
            }
            if is_box {
                outer = Some(contour);
            } else if contour.rest.is_empty() && is_ruling(contour.bounds) {
                // The side of a border that ends in a mitre.
                self.add_filled(contour.bounds, darkness);
            } else {
                self.add_shape(contour.bounds, darkness);
            }
        }
        if let Some(around) = outer {
            self.add_filled(around.bounds, darkness);
        }
    }

    fn add_filled(&mut self, place: Rect, darkness: f32) {
        let Some(place) = self.visible(place) else { return };
        if is_ruling(place) {
            self.add_ruling(place, darkness);
        } else if place.width() <= DOT && place.height() <= DOT {
            self.add_shape(place, darkness);
        } else if self.fills.len() < MOST_FILLS {
            self.fills.push(Shade { rect: place, darkness });
        }
    }

    fn add_outline(&mut self, place: Rect, thickness: f64, darkness: f32) {
        let half = thickness / 2.0;
        sides(place.inflate(half, half), place.inset(-half))
            .into_iter()
            .for_each(|side| self.add_filled(side, darkness));
    }

    fn add_ruling(&mut self, place: Rect, darkness: f32) {
        let rulings = if darkness < WHITE { &mut self.white_rulings } else { &mut self.rulings };
        if rulings.len() < MOST_RULINGS {
            rulings.push(place);
        }
    }

    fn add_shape(&mut self, place: Rect, darkness: f32) {
        if darkness >= WHITE
            && self.shapes.len() < MOST_SHAPES
            && let Some(place) = self.visible(place)
        {
            self.shapes.push(place);
        }
    }

    /// The part of it that is seen; lines without thickness get some.
    fn visible(&self, place: Rect) -> Option<Rect> {
        const HAIRLINE: f64 = 0.1;
        if !place.is_finite() {
            return None;
        }
        let grow = |from: f64, to: f64| if to - from < HAIRLINE { (HAIRLINE - (to - from)) / 2.0 } else { 0.0 };
        let place = place.inflate(grow(place.x0, place.x1), grow(place.y0, place.y1));
        let seen = place.intersect(self.seen());
        (seen.width() > 0.0 && seen.height() > 0.0).then_some(seen)
    }

    /// How dark the ground is that lies under the middle of a place; `None` where it is a picture.
    pub(super) fn ground(&self, place: geometry::Rect) -> Option<f32> {
        let center = place.center();
        let (x, y) = (f64::from(center.x), f64::from(center.y));
        let lies_in = |rect: &Rect| (rect.x0..rect.x1).contains(&x) && (rect.y0..rect.y1).contains(&y);
        if self.images.iter().any(lies_in) {
            return None;
        }
        Some(self.fills.iter().rev().find(|shade| lies_in(&shade.rect)).map_or(0.0, |shade| shade.darkness))
    }

    /// Level lines that are dark, as they may be parts of formulas.
    pub(super) fn bars(&self) -> Vec<geometry::Rect> {
        let level = self.rulings.iter().filter(|line| line.width() > line.height() && line.height() < THIN);
        rulings::merged(level.take(MOST_FILLS).copied().collect()).into_iter().map(to_page).collect()
    }

    /// Puts together what was gathered; `text` is where visible lines of text are.
    pub(super) fn into_hints(self, text: &[geometry::Rect], hints: &mut Hints) {
        let is_page = |rect: &Rect| rect.area() >= WHOLE_PAGE * self.page.area();
        let mut rulings = self.rulings;
        let on_something_dark = |line: &Rect| {
            let middle = line.center();
            self.fills.iter().any(|shade| shade.darkness >= WHITE && shade.rect.contains(middle))
        };
        rulings.extend(self.white_rulings.iter().take(MOST_FILLS).filter(|line| on_something_dark(line)));
        let (dotted, shapes) = rulings::dotted(self.shapes, DOT);
        rulings.extend(dotted);
        let mut rulings = rulings::merged(rulings);
        let mut fills: Vec<Rect> = Vec::new();
        for shade in self.fills.iter().filter(|shade| shade.darkness >= WHITE && !is_page(&shade.rect)) {
            if fills.last() != Some(&shade.rect) {
                fills.push(shade.rect);
            }
        }
        let text: Vec<Rect> = text.iter().map(of_page).collect();
        let found = pictures::found(&shapes, &self.images, &rulings, &fills, &text, self.page);
        let is_in_picture = |rect: &Rect| found.drawn.iter().any(|picture| is_within(*rect, picture.inflate(1.0, 1.0)));
        rulings.retain(|ruling| !is_in_picture(ruling));
        fills.retain(|fill| !is_in_picture(fill));
        hints.rulings = rulings.into_iter().map(|rect| Ruling { rect: to_page(rect) }).collect();
        hints.fills = fills.into_iter().map(to_page).collect();
        hints.marks = found.marks.into_iter().map(to_page).collect();
        hints.pictures = found.all.into_iter().filter(|rect| !is_page(rect)).map(to_page).collect();
    }
}

fn thickness(props: &StrokeProps, transform: Affine) -> f64 {
    let scale = transform.determinant().abs().sqrt();
    let thickness = f64::from(props.line_width) * scale;
    if thickness.is_finite() { thickness.clamp(0.1, 1e4) } else { 0.1 }
}

/// Much longer than thick.
fn is_ruling(place: Rect) -> bool {
    let (thin, long) = (place.width().min(place.height()), place.width().max(place.height()));
    (thin <= THIN && long >= 3.0 * thin && long > DOT) || (thin <= THICKEST && long >= LONG * thin)
}

/// Whether what lies between two rectangles is no more than a border.
fn is_frame(outer: Rect, inner: Rect) -> bool {
    let gaps = [inner.x0 - outer.x0, outer.x1 - inner.x1, inner.y0 - outer.y0, outer.y1 - inner.y1];
    gaps.iter().all(|gap| (-0.01..=THICKEST).contains(gap)) && gaps.iter().any(|gap| *gap > 0.01)
}

/// The sides of the frame between two rectangles, those that have a thickness.
fn sides(outer: Rect, inner: Rect) -> Vec<Rect> {
    let all = [
        Rect::new(outer.x0, outer.y0, outer.x1, inner.y0),
        Rect::new(outer.x0, inner.y1, outer.x1, outer.y1),
        Rect::new(outer.x0, outer.y0, inner.x0, outer.y1),
        Rect::new(inner.x1, outer.y0, outer.x1, outer.y1),
    ];
    all.into_iter().filter(|side| side.x1 - side.x0 > 0.01 && side.y1 - side.y0 > 0.01).collect()
}

fn is_within(rect: Rect, other: Rect) -> bool {
    rect.x0 >= other.x0 && rect.x1 <= other.x1 && rect.y0 >= other.y0 && rect.y1 <= other.y1
}

fn of_page(rect: &geometry::Rect) -> Rect {
    let [left, top, right, bottom] = [rect.left, rect.top, rect.right, rect.bottom].map(f64::from);
    Rect::new(left, top, right, bottom)
}

fn to_page(rect: Rect) -> geometry::Rect {
    let [left, top, right, bottom] = [rect.x0, rect.y0, rect.x1, rect.y1].map(|value| value as f32);
    geometry::Rect { left, top, right, bottom }
}
