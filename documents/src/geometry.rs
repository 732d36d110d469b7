//! Plane geometry of a page. Coordinates are pixels, x to the right and y down, at the page's own dpi.

use serde::{Deserialize, Serialize};

/// A point in pixels; serialised as `[x, y]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 2]", into = "[f32; 2]")]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

impl Point {
    pub fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// As it is serialised, to a tenth of a pixel: more digits say nothing and double the size of a record.
    pub fn rounded(self) -> Self {
        let [x, y] = [self.x, self.y].map(|v| (v * 10.0).round() / 10.0);
        Self { x, y }
    }

    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

impl From<[f32; 2]> for Point {
    fn from([x, y]: [f32; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [f32; 2] {
    fn from(point: Point) -> Self {
        let Point { x, y } = point.rounded();
        [x, y]
    }
}

/// Four corners in reading direction: top left, top right, bottom right, bottom left *of the text*, so that a line of
/// turned text starts at its own beginning. Serialised as `[[x, y]; 4]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Polygon(pub [Point; 4]);

impl Polygon {
    /// The upright rectangle.
    pub fn from_rect(rect: Rect) -> Self {
        let Rect { left, top, right, bottom } = rect;
        Self([Point::new(left, top), Point::new(right, top), Point::new(right, bottom), Point::new(left, bottom)])
    }

    /// The smallest upright rectangle around the four corners.
    pub fn bounds(&self) -> Rect {
        let fold =
            |pick: fn(&Point) -> f32, best: fn(f32, f32) -> f32| self.0.iter().map(pick).reduce(best).unwrap_or(0.0);
        Rect {
            left: fold(|p| p.x, f32::min),
            top: fold(|p| p.y, f32::min),
            right: fold(|p| p.x, f32::max),
            bottom: fold(|p| p.y, f32::max),
        }
    }

    /// The piece between two parts of the way along the reading direction, from 0 to 1.
    pub fn piece(self, from: f32, to: f32) -> Self {
        let [a, b, c, d] = self.0;
        let along = |p: Point, q: Point, t: f32| match t {
            // To the last bit the corner itself.
            1.0 => q,
            _ => Point::new(p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)),
        };
        Self([along(a, b, from), along(a, b, to), along(d, c, to), along(d, c, from)])
    }

    /// Length along the reading direction, in pixels.
    pub fn width(&self) -> f32 {
        self.0[0].distance(self.0[1]).max(self.0[3].distance(self.0[2]))
    }

    /// Extent across the reading direction, in pixels.
    pub fn height(&self) -> f32 {
        self.0[0].distance(self.0[3]).max(self.0[1].distance(self.0[2]))
    }

    pub fn map(self, f: impl Fn(Point) -> Point) -> Self {
        Self(self.0.map(f))
    }
}

/// An upright rectangle; `right` and `bottom` lie outside.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Rect {
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    pub fn center(&self) -> Point {
        Point::new((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    /// Whether a point lies in it; those at its right and bottom edges do not.
    pub fn contains(&self, point: Point) -> bool {
        (self.left..self.right).contains(&point.x) && (self.top..self.bottom).contains(&point.y)
    }

    pub fn union(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }
}
