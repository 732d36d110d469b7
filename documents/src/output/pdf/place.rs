//! From a page as it was read to a page as a PDF measures it: the pixels of a record run to the right and down over the visible page,
//! and a PDF's units up from a corner of a box that may be cut and turned (PDF 32000-1, 8.3 and 14.11.2).

use crate::geometry::Point;

/// A place on a PDF page, y up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spot {
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Spot {
    pub(super) fn minus(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }

    pub(super) fn plus(self, other: Self, times: f64) -> Self {
        Self { x: self.x + times * other.x, y: self.y + times * other.y }
    }

    pub(super) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    pub(super) fn middle(self, other: Self) -> Self {
        Self { x: (self.x + other.x) / 2.0, y: (self.y + other.y) / 2.0 }
    }
}

/// What is seen of a page: its box in its own units, and how it is turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// Left, bottom, right, top. Units of the page, whatever UserUnit says of them.
    pub(super) visible: [f64; 4],
    /// Quarters clockwise: /Rotate.
    pub(super) quarters: u8,
    /// Pixels of the record across and down.
    pub(super) pixels: [f64; 2],
}

impl Place {
    pub(super) fn of(&self, point: Point) -> Spot {
        let [left, bottom, right, top] = self.visible;
        let (width, height) = (right - left, top - bottom);
        let seen = if self.quarters.is_multiple_of(2) { [width, height] } else { [height, width] };
        // To the right and down on the page as it is seen.
        let across = f64::from(point.x) * seen[0] / self.pixels[0].max(1.0);
        let down = f64::from(point.y) * seen[1] / self.pixels[1].max(1.0);
        let (x, y) = match self.quarters % 4 {
            0 => (left + across, top - down),
            1 => (left + down, bottom + across),
            2 => (right - across, bottom + down),
            _ => (right - down, top - across),
        };
        Spot { x, y }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_top_left_is_found_however_the_page_is_turned() {
        // 100 x 200 units, drawn at two pixels a unit.
        let visible = [10.0, 20.0, 110.0, 220.0];
        for (quarters, pixels, expected) in [
            (0, [200.0, 400.0], (15.0, 210.0)),
            (1, [400.0, 200.0], (20.0, 25.0)),
            (2, [200.0, 400.0], (105.0, 30.0)),
            (3, [400.0, 200.0], (100.0, 215.0)),
        ] {
            let spot = Place { visible, quarters, pixels }.of(Point::new(10.0, 20.0));
            assert_eq!((spot.x, spot.y), expected, "{quarters}");
        }
    }
}
