//! A page that lies askew: found by its ink and set straight before it is looked at, up to fifteen degrees.
//!
//! A degree or two are no matter: every line is cut out along its own rectangle (see [`super::deskew`]). Beyond that the detector cuts the
//! ends of lines off. The angle is that by which the ink falls into rows most sharply (Postl 1986: the sum of squared differences of
//! neighbouring rows of the projection), along the page or across it, since it may also stand sideways.

use pagestream_documents::{PixelFormat, Point, Raster, buffers};

use super::{
    compact::luma,
    pixels::histogram,
    rulings::{WORD, darker},
};

/// Beyond it a page is no page on a scanner's glass any more, and half of the ink falls into other rows by chance.
const MOST_DEGREES: i32 = 15;
/// What less is found stays: see the module.
const LEAST_DEGREES: f32 = 1.2;
/// Longer side of the picture that is looked at: its lines are four pixels apart.
const SIDE: u32 = 800;
/// Ink that covers more of the page is a photograph.
const MOST_INK: f32 = 0.35;
/// Fewer dark points say nothing, and more say nothing new.
const LEAST_INK: usize = 400;
const MOST_POINTS: usize = 12_000;
/// Where squares of so many points a side are darker than so much, there is a picture; its edges, and those of their neighbours, are no lines.
const SQUARE: usize = 16;
const ONE_SQUARE: u64 = (1 << SQUARE) - 1;
const MOST_OF_SQUARE: f32 = 0.6;
/// Where the page as it lies is so much sharper than three degrees to either side, it lies straight.
const STRAIGHT: f32 = 1.6;
/// The rows must be as much sharper than those of the page as it lies.
const GAIN: f32 = 1.25;
/// And so much sharper than at most angles: among grains of noise one angle is always a little sharper than the others.
const STANDS_OUT: f32 = 1.6;
/// Bits behind the point of a place on a page that is turned, and of how far a pixel is from it.
const POINT: u32 = 32;
const BITS: u32 = 8;

/// By how many radians the page is turned clockwise; 0 where that is little or not clear.
pub fn of_page(raster: &Raster) -> f32 {
    let ink = ink(raster);
    if ink.len() < 2 * LEAST_INK {
        return 0.0;
    }
    let scores = |angles: &[f32], across: bool| -> Vec<(f32, f32)> {
        let mut scored: Vec<_> = angles.iter().map(|&degrees| (degrees, sharpness(&ink, degrees, across))).collect();
        scored.sort_by(|a, b| a.1.total_cmp(&b.1));
        scored
    };
    let sharpest = |scored: &[(f32, f32)]| scored.last().copied().unwrap_or((0.0, 0.0));
    let is_straight = |across| {
        let beside = sharpness(&ink, -3.0, across).max(sharpness(&ink, 3.0, across));
        sharpness(&ink, 0.0, across) > STRAIGHT * beside
    };
    // Most pages do, and need not be searched.
    if is_straight(false) || is_straight(true) {
        buffers::give_back(ink);
        return 0.0;
    }
    // Lines blur within half a degree.
    let coarse: Vec<f32> = (-2 * MOST_DEGREES..=2 * MOST_DEGREES).map(|half| half as f32 / 2.0).collect();
    let (along, across) = (scores(&coarse, false), scores(&coarse, true));
    let is_across = sharpest(&along).1 < sharpest(&across).1;
    let scored = if is_across { across } else { along };
    let ((around, _), usual) = (sharpest(&scored), scored[scored.len() / 2].1);
    let fine: Vec<f32> = (-5..=5).map(|tenth| around + tenth as f32 / 10.0).collect();
    let (degrees, score) = sharpest(&scores(&fine, is_across));
    let as_it_lies = sharpness(&ink, 0.0, is_across);
    buffers::give_back(ink);
    // At the end of the range something else than lines has been found.
    let is_clear = score > GAIN * as_it_lies && score > STANDS_OUT * usual && degrees.abs() < MOST_DEGREES as f32 + 0.5;
    if is_clear && degrees.abs() >= LEAST_DEGREES { degrees.to_radians() } else { 0.0 }
}

/// Dark points of the page at a lower resolution: x and y in turn, in a buffer to be given back. Taken from the page point by point: what a
/// stroke loses by that, others of its line have.
fn ink(raster: &Raster) -> Vec<f32> {
    let step = (raster.width.max(raster.height) as f32 / SIDE as f32).max(1.0);
    let (columns, rows) = ((raster.width as f32 / step) as usize, (raster.height as f32 / step) as usize);
    let total = rows * columns;
    if total == 0 {
        return Vec::new();
    }
    let (channels, width) = (raster.format.channels(), raster.width as usize);
    // Green is nearest to what is seen.
    let places: Vec<usize> =
        (0..columns).map(|column| (column as f32 * step) as usize * channels + channels / 2).collect();
    let mut seen = buffers::take(total);
    for (row, seen) in seen.chunks_exact_mut(columns).enumerate() {
        let line = &raster.data[(row as f32 * step) as usize * width * channels..];
        seen.iter_mut().zip(&places).for_each(|(seen, &place)| *seen = line[place]);
    }
    let points = points_of(&seen, columns);
    buffers::give_back(seen);
    points
}

/// Of a small gray picture, of so many columns.
fn points_of(seen: &[u8], columns: usize) -> Vec<f32> {
    let (total, rows) = (seen.len(), seen.len() / columns);
    let counts = histogram(seen);
    // Paper is the lightest third; ink is clearly darker.
    let mut lighter = 0;
    let paper = (0..256).rev().find(|&value| {
        lighter += counts[value] as usize;
        3 * lighter >= total
    });
    let limit = (paper.unwrap_or(255) as f32 * 0.75) as u8;
    let (across, down) = (columns.div_ceil(SQUARE), rows.div_ceil(SQUARE));
    // A bit for each dark point, and so many words a row.
    let words = columns.div_ceil(WORD);
    let mut dark = Vec::with_capacity(words * rows);
    seen.chunks_exact(columns).for_each(|line| darker(line, limit, &mut dark));
    let mut squares = vec![0_u32; across * down];
    for (row, line) in dark.chunks_exact(words).enumerate() {
        let squares = &mut squares[row / SQUARE * across..][..across];
        for (squares, &word) in squares.chunks_mut(WORD / SQUARE).zip(line) {
            for (n, square) in squares.iter_mut().enumerate() {
                *square += (word >> (n * SQUARE) & ONE_SQUARE).count_ones();
            }
        }
    }
    let pictures = beside(&squares, across);
    let count: usize =
        squares.iter().zip(&pictures).filter(|(_, is_picture)| !**is_picture).map(|(&n, _)| n as usize).sum();
    if count as f32 > MOST_INK * total as f32 {
        return Vec::new();
    }
    // One of so many is enough; by chance which, since every so many of an area of one tone lie in rows of their own.
    let every = count.div_ceil(MOST_POINTS).max(1);
    let mut points = buffers::take(2 * (count / every));
    let mut chosen = points.as_chunks_mut().0.iter_mut();
    let chosen_of = |state: u32| (state >> 16) as usize % every;
    let (mut at, mut state) = (0, 1_u32);
    for (row, line) in dark.chunks_exact(words).enumerate() {
        let pictures = pictures[row / SQUARE * across..][..across].chunks(WORD / SQUARE);
        for (n, (&word, pictures)) in line.iter().zip(pictures).enumerate() {
            let hidden = |(n, &is_picture): (usize, &bool)| if is_picture { ONE_SQUARE << (n * SQUARE) } else { 0 };
            let mut word = word & !pictures.iter().enumerate().map(hidden).fold(0, |all, one| all | one);
            while word != 0 {
                // Whether all of these are passed by.
                let after = at + word.count_ones() as usize;
                let next = chosen_of(state);
                if after <= next || (at > next && after < every) {
                    at = after;
                    break;
                }
                if at == next {
                    let Some(point) = chosen.next() else { return points };
                    *point = [(n * WORD + word.trailing_zeros() as usize) as f32, row as f32];
                }
                word &= word - 1;
                at += 1;
                if at == every {
                    at = 0;
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                }
            }
        }
    }
    points
}

/// Which squares are part of a picture or lie beside one.
fn beside(squares: &[u32], across: usize) -> Vec<bool> {
    let limit = MOST_OF_SQUARE * (SQUARE * SQUARE) as f32;
    let mut pictures = vec![false; squares.len()];
    for at in (0..squares.len()).filter(|&at| squares[at] as f32 > limit) {
        let (x, y) = (at % across, at / across);
        for row in y.saturating_sub(1)..(y + 2).min(squares.len() / across) {
            pictures[row * across + x.saturating_sub(1)..row * across + (x + 2).min(across)].fill(true);
        }
    }
    pictures
}

/// How sharply the points fall into rows that lie `degrees` askew, or into columns.
fn sharpness(points: &[f32], degrees: f32, across: bool) -> f32 {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let row = |&[x, y]: &[f32; 2]| if across { x * cos + y * sin } else { y * cos - x * sin };
    let offset = 2.0 * SIDE as f32;
    let mut rows = vec![0_u32; 4 * SIDE as usize];
    for point in points.as_chunks().0 {
        let at = (row(point) + offset) as usize;
        if let Some(count) = rows.get_mut(at) {
            *count += 1;
        }
    }
    rows.windows(2).map(|pair| (pair[1] as f32 - pair[0] as f32).powi(2)).sum()
}

/// From which step on, and before which, `begin` and so many `step`s more lie in `0..end`; all with [`POINT`] bits behind the point but `end`.
fn within(begin: i64, step: i64, end: i64) -> (i64, i64) {
    let end = end << POINT;
    let reaching = |limit: i64| (limit - begin).div_euclid(step) + i64::from((limit - begin).rem_euclid(step) != 0);
    match step {
        0 if (0..end).contains(&begin) => (0, i64::MAX),
        0 => (0, 0),
        1.. => (reaching(0), reaching(end)),
        // It goes down: it is inside once it is below the end, until it passes 0.
        _ => ((begin - end).div_euclid(-step) + 1, begin.div_euclid(-step) + 1),
    }
}

/// A page that was set straight.
#[derive(Debug)]
pub struct Straightened {
    pub raster: Raster,
    sin: f32,
    cos: f32,
    /// Middles of the page as given and of the straight one.
    given: Point,
    straight: Point,
}

impl Straightened {
    /// Turns the page back by `angle` radians onto white; in gray where `gray` says so. Bilinear, and large enough for the whole of it.
    pub fn new(page: &Raster, angle: f32, gray: bool) -> Self {
        let (sin, cos) = angle.sin_cos();
        let (w, h) = (page.width as f32, page.height as f32);
        let width = (w * cos.abs() + h * sin.abs()).ceil() as u32;
        let height = (w * sin.abs() + h * cos.abs()).ceil() as u32;
        let format = if gray { PixelFormat::Gray8 } else { page.format };
        let mut this = Self {
            raster: Raster { width, height, format, data: Vec::new(), dpi: page.dpi },
            sin,
            cos,
            given: Point::new(w / 2.0, h / 2.0),
            straight: Point::new(width as f32 / 2.0, height as f32 / 2.0),
        };
        let gray = (format != page.format).then(|| luma(&page.data));
        let given = gray.as_deref().unwrap_or(&page.data);
        this.raster.data = match format {
            PixelFormat::Gray8 => this.turned::<1>(given, page.width, page.height),
            PixelFormat::Rgb8 => this.turned::<3>(given, page.width, page.height),
        };
        if let Some(gray) = gray {
            buffers::give_back(gray);
        }
        this
    }

    /// The pixels, of so many channels, of the straight page. Places are numbers with [`POINT`] bits behind the point: along a row of the
    /// straight page they go on by the same step, a thousandth of a pixel off at its end at most.
    fn turned<const CHANNELS: usize>(&self, given: &[u8], width: u32, height: u32) -> Vec<u8> {
        let (pixels, _) = given.as_chunks::<CHANNELS>();
        let across = self.raster.width as usize;
        let mut turned = vec![255; across * self.raster.height as usize * CHANNELS];
        let fixed = |value: f32| (f64::from(value) * (1_u64 << POINT) as f64) as i64;
        let step = (fixed(self.cos), fixed(self.sin));
        let (width, height) = (i64::from(width), i64::from(height));
        // A pixel with the one to its right, the two below, and how far it is to them.
        let at = |place: i64| (place >> POINT, (place >> (POINT - BITS)) as u32 & ((1 << BITS) - 1));
        let mix = |[from, to]: [u32; 2], part: u32| from * ((1 << BITS) - part) + to * part;
        for (y, line) in turned.chunks_exact_mut((across * CHANNELS).max(1)).enumerate() {
            let begin = self.to_given(Point::new(0.5, y as f32 + 0.5));
            let begin = (fixed(begin.x - 0.5), fixed(begin.y - 0.5));
            // Where all four pixels are on the page.
            let (first, end) = within(begin.0, step.0, width - 1);
            let (upper, lower) = within(begin.1, step.1, height - 1);
            let inside = first.max(upper)..end.min(lower);
            for (number, pixel) in line.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
                let number = number as i64;
                let ((x, right), (y, down)) = (at(begin.0 + number * step.0), at(begin.1 + number * step.1));
                let four = if inside.contains(&number) {
                    let place = (y * width + x) as usize;
                    [&pixels[place..place + 2], &pixels[place + width as usize..][..2]].map(|two| [two[0], two[1]])
                } else if x < -1 || y < -1 || x >= width || y >= height {
                    continue;
                } else {
                    let one = |x: i64, y: i64| {
                        let is_on_page = (0..width).contains(&x) && (0..height).contains(&y);
                        if is_on_page { pixels[(y * width + x) as usize] } else { [255; CHANNELS] }
                    };
                    [y, y + 1].map(|y| [one(x, y), one(x + 1, y)])
                };
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let rows = four.map(|row| mix(row.map(|pixel| u32::from(pixel[channel])), right));
                    *value = ((mix(rows, down) + (1 << (2 * BITS - 1))) >> (2 * BITS)) as u8;
                }
            }
        }
        turned
    }

    /// A point of the straight page on the page as it was given.
    pub fn to_given(&self, point: Point) -> Point {
        let (x, y) = (point.x - self.straight.x, point.y - self.straight.y);
        Point::new(x * self.cos - y * self.sin + self.given.x, x * self.sin + y * self.cos + self.given.y)
    }
}

#[cfg(test)]
mod tests {
    use pagestream_documents::Rotation;

    use super::*;

    /// A page of lines that look like words, turned by so many degrees about its middle.
    fn page(degrees: f32, format: PixelFormat) -> Raster {
        let (width, height) = (900_u32, 1200_u32);
        let (sin, cos) = degrees.to_radians().sin_cos();
        let mut data = Vec::new();
        for at in 0..width * height {
            let (x, y) = ((at % width) as f32 - 450.0, (at / width) as f32 - 600.0);
            let (x, y) = (x * cos + y * sin + 450.0, y * cos - x * sin + 600.0);
            let in_text = (90.0..810.0).contains(&x) && (90.0..1110.0).contains(&y);
            let (line, letter) = (y.rem_euclid(30.0), (x / 9.0).floor());
            let is_ink = in_text && line < 12.0 && letter.rem_euclid(7.0) > 0.5 && x.rem_euclid(9.0) < 6.0;
            data.extend(std::iter::repeat_n(if is_ink { 30 } else { 240 }, format.channels()));
        }
        Raster { width, height, format, data, dpi: 100.0 }
    }

    #[test]
    fn the_skew_of_a_page_is_found_to_a_fifth_of_a_degree() {
        for degrees in [-14.0, -5.0, -2.0, 3.0, 7.5, 14.0] {
            for page in
                [page(degrees, PixelFormat::Gray8), page(degrees, PixelFormat::Rgb8).rotated(Rotation::Clockwise90)]
            {
                let found = of_page(&page).to_degrees();
                assert!((found - degrees).abs() < 0.2, "{degrees}: {found}");
            }
        }
    }

    #[test]
    fn a_page_that_lies_straight_or_has_no_lines_stays() {
        assert_eq!(of_page(&page(0.0, PixelFormat::Gray8)), 0.0);
        assert_eq!(of_page(&page(0.5, PixelFormat::Gray8)), 0.0);
        let blank = Raster { data: vec![255; 900 * 1200], ..page(0.0, PixelFormat::Gray8) };
        assert_eq!(of_page(&blank), 0.0);
        let dark = Raster { data: vec![20; 900 * 1200], ..blank };
        assert_eq!(of_page(&dark), 0.0);
        let mut noise = Raster { data: vec![250; 900 * 1200], ..dark };
        let mut state = 7_u32;
        for level in &mut noise.data {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *level = if state >> 29 == 0 { 20 } else { 250 };
        }
        assert_eq!(of_page(&noise), 0.0);
    }

    #[test]
    fn a_picture_says_nothing_of_how_the_lines_lie() {
        let mut page = page(0.4, PixelFormat::Gray8);
        // Of one tone: every so many of its points would lie in rows of their own.
        for at in 0..page.data.len() {
            let (x, y) = (at % 900, at / 900);
            if (100..800).contains(&x) && (100..430).contains(&y) {
                page.data[at] = 90;
            }
        }
        assert_eq!(of_page(&page), 0.0);
    }

    /// Every pixel by the definition, in real numbers.
    #[test]
    fn a_page_is_turned_as_bilinear_sampling_has_it() {
        for (degrees, format) in [(3.3_f32, PixelFormat::Gray8), (-14.0, PixelFormat::Rgb8)] {
            let small = page(degrees, format);
            let small =
                Raster { width: 90, height: 120, data: small.data[..90 * 120 * format.channels()].to_vec(), ..small };
            let straight = Straightened::new(&small, degrees.to_radians(), false);
            let channels = format.channels();
            let value = |x: i64, y: i64, channel: usize| match (0..90).contains(&x) && (0..120).contains(&y) {
                true => f64::from(small.data[(y * 90 + x) as usize * channels + channel]),
                false => 255.0,
            };
            for (at, pixel) in straight.raster.data.chunks_exact(channels).enumerate() {
                let (x, y) = (at as u32 % straight.raster.width, at as u32 / straight.raster.width);
                let given = straight.to_given(Point::new(x as f32 + 0.5, y as f32 + 0.5));
                let (x, y) = (f64::from(given.x) - 0.5, f64::from(given.y) - 0.5);
                let (dx, dy) = (x - x.floor(), y - y.floor());
                let (left, top) = (x.floor() as i64, y.floor() as i64);
                for (channel, &found) in pixel.iter().enumerate() {
                    let row = |y| value(left, y, channel) * (1.0 - dx) + value(left + 1, y, channel) * dx;
                    let wanted = row(top) * (1.0 - dy) + row(top + 1) * dy;
                    assert!((f64::from(found) - wanted).abs() < 2.0, "{degrees}, {at}: {found}, not {wanted}");
                }
            }
        }
    }

    #[test]
    fn where_a_row_is_on_the_page_is_told_exactly() {
        for begin in [-1000_i64, -3, 0, 4, 999, 2000] {
            for step in [-7_i64, -1, 0, 1, 3, 500] {
                let (begin, step) = (begin << (POINT - 4), step << (POINT - 4));
                let (first, end) = within(begin, step, 50);
                for number in 0..3000 {
                    let is_inside = (0..50_i64 << POINT).contains(&(begin + number * step));
                    assert_eq!((first..end).contains(&number), is_inside, "{begin} {step} {number}");
                }
            }
        }
    }

    #[test]
    fn a_page_set_straight_has_no_skew_and_its_points_are_known() {
        let given = page(6.0, PixelFormat::Rgb8);
        let straight = Straightened::new(&given, 6.0_f32.to_radians(), true);
        assert_eq!((straight.raster.format, of_page(&straight.raster)), (PixelFormat::Gray8, 0.0));
        let middle = Point::new(straight.raster.width as f32 / 2.0, straight.raster.height as f32 / 2.0);
        let there = straight.to_given(middle);
        assert!((there.x - 450.0).abs() < 0.01 && (there.y - 600.0).abs() < 0.01, "{there:?}");
        // To the right on the straight page is to the right and down on one that was turned clockwise.
        let right = straight.to_given(Point::new(middle.x + 100.0, middle.y));
        assert!((right.x - 549.45).abs() < 0.1 && (right.y - 610.45).abs() < 0.1, "{right:?}");
    }
}
