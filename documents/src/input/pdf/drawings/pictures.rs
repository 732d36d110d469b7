//! Pictures: images, and what is drawn in lines and curves that make neither rulings nor boxes, put together where they touch.

use hayro::kurbo::Rect;

/// Points along a side of the cells by which many shapes are joined, and how far apart they may lie.
const CELL: f64 = 6.0;
const REACH: f64 = 2.0;
/// Cells of a side at most: of a poster they are larger.
const MOST_CELLS: usize = 256;
/// Points: smaller drawings are bullets, marks and icons.
const LEAST_DRAWING: f64 = 24.0;
const LEAST_IMAGE: f64 = 14.0;
/// A picture that text covers so much of is the ground of that text.
const GROUND: f64 = 0.3;
/// Axes and frames end so near to what they belong to, and make it larger by so much at most.
const NEAR: f64 = 8.0;
const LARGER: f64 = 1.8;
/// Bars of a chart are so many, and at least so many of them differ in length.
const BARS: usize = 3;
const MOST_PICTURES: usize = 256;
/// Points: the smallest bullet, and the largest box to be ticked.
const MARK: std::ops::RangeInclusive<f64> = 1.2..=16.0;
const MOST_MARKS: usize = 1_000;

pub(super) struct Found {
    pub(super) all: Vec<Rect>,
    /// Those that are drawn, with what lies in them.
    pub(super) drawn: Vec<Rect>,
    /// Of the size of letters, outside of pictures.
    pub(super) marks: Vec<Rect>,
}

pub(super) fn found(
    shapes: &[Rect],
    images: &[Rect],
    rulings: &[Rect],
    fills: &[Rect],
    text: &[Rect],
    page: Rect,
) -> Found {
    let is_part = |rect: &&Rect| rect.area() < super::WHOLE_PAGE * page.area();
    let mut drawn = joined(shapes.iter().filter(is_part), page);
    let is_mark = |rect: &Rect| MARK.contains(&rect.width()) && MARK.contains(&rect.height());
    let mut marks: Vec<Rect> =
        drawn.iter().map(|cluster| cluster.place).chain(fills.iter().copied()).filter(is_mark).collect();
    drawn
        .retain(|cluster| cluster.parts > 1 || cluster.place.width().min(cluster.place.height()) > 2.0 * LEAST_DRAWING);
    let mut drawn: Vec<Rect> = drawn.into_iter().map(|cluster| cluster.place).collect();
    drawn.extend(bars(fills, text));
    for picture in &mut drawn {
        // Twice, for what belongs to what was added.
        for _ in 0..2 {
            let whole = rulings.iter().chain(fills).filter(|rect| belongs(**rect, *picture));
            *picture = whole.fold(*picture, |all, rect| all.union(*rect));
        }
    }
    drawn.retain(|picture| {
        picture.width() >= LEAST_DRAWING && picture.height() >= LEAST_DRAWING && !is_ground(*picture, text)
    });
    let mut drawn = merged(drawn);
    drawn.truncate(MOST_PICTURES);
    let images = joined(images.iter(), page).into_iter().map(|cluster| cluster.place);
    let images = images
        .filter(|image| image.width() >= LEAST_IMAGE && image.height() >= LEAST_IMAGE && !is_ground(*image, text));
    let mut all = merged(drawn.iter().copied().chain(images).collect());
    all.truncate(MOST_PICTURES);
    all.sort_by(|a, b| a.y0.total_cmp(&b.y0).then(a.x0.total_cmp(&b.x0)));
    marks.retain(|mark| !all.iter().any(|picture| picture.contains(mark.center())));
    marks.truncate(MOST_MARKS);
    marks.sort_by(|a, b| a.y0.total_cmp(&b.y0).then(a.x0.total_cmp(&b.x0)));
    Found { all, drawn, marks }
}

fn belongs(rect: Rect, picture: Rect) -> bool {
    let near = picture.inflate(NEAR, NEAR);
    if near.intersect(rect).is_zero_area() {
        return false;
    }
    let whole = picture.union(rect);
    whole.width() <= LARGER * picture.width().max(LEAST_DRAWING)
        && whole.height() <= LARGER * picture.height().max(LEAST_DRAWING)
}

fn is_ground(picture: Rect, text: &[Rect]) -> bool {
    let covered: f64 = text
        .iter()
        .map(|line| line.intersect(picture))
        .map(|part| part.width().max(0.0) * part.height().max(0.0))
        .sum();
    covered > GROUND * picture.area()
}

/// Bars of charts: boxes without text that stand on one line, or hang on one, and differ in length.
fn bars(fills: &[Rect], text: &[Rect]) -> Vec<Rect> {
    let is_bare = |bar: &&Rect| !text.iter().any(|line| bar.contains(line.center()));
    let bare: Vec<Rect> = fills.iter().filter(is_bare).copied().collect();
    let mut charts = Vec::new();
    let upright = |bar: &Rect| [bar.y1, bar.height(), bar.width()];
    let level = |bar: &Rect| [bar.x0, bar.width(), bar.height()];
    for measure in [&upright as &dyn Fn(&Rect) -> [f64; 3], &level] {
        let mut bars = bare.clone();
        bars.sort_by(|a, b| measure(a)[0].total_cmp(&measure(b)[0]));
        let mut at = 0;
        while at < bars.len() {
            let foot = measure(&bars[at])[0];
            let end = at + bars[at..].partition_point(|bar| measure(bar)[0] <= foot + 0.5);
            let row = &bars[at..end];
            let mut lengths: Vec<f64> = row.iter().map(|bar| measure(bar)[1]).collect();
            lengths.sort_by(f64::total_cmp);
            lengths.dedup_by(|a, b| (*a - *b).abs() < 2.0);
            let breadth = measure(&row[0])[2];
            let are_alike = row.iter().all(|bar| (measure(bar)[2] - breadth).abs() < 0.5);
            if lengths.len() >= BARS && are_alike {
                charts.extend(row.iter().copied().reduce(|all, bar| all.union(bar)));
            }
            at = end;
        }
    }
    charts
}

struct Cluster {
    place: Rect,
    parts: usize,
}

/// Rectangles that touch or nearly do, as one each.
fn joined<'r>(rects: impl Iterator<Item = &'r Rect> + Clone, page: Rect) -> Vec<Cluster> {
    /// So few are compared with each other.
    const FEW: usize = 48;
    if rects.clone().nth(FEW).is_some() {
        return joined_by_cells(rects, page);
    }
    let mut clusters: Vec<Cluster> = Vec::new();
    for rect in rects {
        let mut whole = Cluster { place: *rect, parts: 1 };
        loop {
            let before = clusters.len();
            clusters.retain(|other| {
                let touches = !other.place.inflate(REACH, REACH).intersect(whole.place).is_zero_area();
                if touches {
                    whole = Cluster { place: whole.place.union(other.place), parts: whole.parts + other.parts };
                }
                !touches
            });
            if clusters.len() == before {
                break;
            }
        }
        clusters.push(whole);
    }
    clusters
}

/// By the cells of the page that they cover, so that it takes as long for a hundred as for ten thousand.
fn joined_by_cells<'r>(rects: impl Iterator<Item = &'r Rect> + Clone, page: Rect) -> Vec<Cluster> {
    let cell = (page.width().max(page.height()) / MOST_CELLS as f64).max(CELL);
    let columns = (page.width() / cell).ceil().clamp(1.0, MOST_CELLS as f64) as usize;
    let rows = (page.height() / cell).ceil().clamp(1.0, MOST_CELLS as f64) as usize;
    let spans = |rect: &Rect| {
        let at = |value: f64, most: usize| (value / cell).clamp(0.0, most as f64 - 1.0) as usize;
        let near = rect.inflate(REACH / 2.0, REACH / 2.0);
        let (left, right) = (at(near.x0 - page.x0, columns), at(near.x1 - page.x0, columns));
        let (top, bottom) = (at(near.y0 - page.y0, rows), at(near.y1 - page.y0, rows));
        (left, top, right, bottom)
    };
    // Corners first, then sums along rows and columns: how many rectangles cover each cell.
    let mut cover = vec![0_i32; (columns + 1) * (rows + 1)];
    let mut is_empty = true;
    for rect in rects.clone() {
        let (left, top, right, bottom) = spans(rect);
        let at = |column: usize, row: usize| row * (columns + 1) + column;
        cover[at(left, top)] += 1;
        cover[at(right + 1, top)] -= 1;
        cover[at(left, bottom + 1)] -= 1;
        cover[at(right + 1, bottom + 1)] += 1;
        is_empty = false;
    }
    if is_empty {
        return Vec::new();
    }
    for row in 0..=rows {
        for column in 1..=columns {
            cover[row * (columns + 1) + column] += cover[row * (columns + 1) + column - 1];
        }
    }
    for at in columns + 1..cover.len() {
        cover[at] += cover[at - columns - 1];
    }
    let mut label = vec![0_u32; cover.len()];
    let mut labels = 0;
    let mut open = Vec::new();
    for start in 0..cover.len() {
        if cover[start] <= 0 || label[start] != 0 {
            continue;
        }
        labels += 1;
        label[start] = labels;
        open.push(start);
        while let Some(at) = open.pop() {
            let column = at % (columns + 1);
            let left = (column > 0).then(|| at - 1);
            let right = (column < columns).then_some(at + 1);
            let neighbours = [left, right, at.checked_sub(columns + 1), Some(at + columns + 1)];
            for next in neighbours.into_iter().flatten().filter(|next| *next < cover.len()) {
                if cover[next] > 0 && label[next] == 0 {
                    label[next] = labels;
                    open.push(next);
                }
            }
        }
    }
    let mut clusters: Vec<Option<Cluster>> = (0..labels).map(|_| None).collect();
    for rect in rects {
        let (left, top, ..) = spans(rect);
        let Some(at) = (label[top * (columns + 1) + left] as usize).checked_sub(1) else { continue };
        match &mut clusters[at] {
            Some(cluster) => {
                cluster.place = cluster.place.union(*rect);
                cluster.parts += 1;
            }
            empty => *empty = Some(Cluster { place: *rect, parts: 1 }),
        }
    }
    clusters.into_iter().flatten().collect()
}

/// Those that overlap, as one each.
fn merged(mut rects: Vec<Rect>) -> Vec<Rect> {
    rects.truncate(4 * MOST_PICTURES);
    let mut merged: Vec<Rect> = Vec::new();
    for rect in rects {
        let mut whole = rect;
        loop {
            let before = merged.len();
            merged.retain(|other| {
                let touches = !other.intersect(whole).is_zero_area();
                if touches {
                    whole = whole.union(*other);
                }
                !touches
            });
            if merged.len() == before {
                break;
            }
        }
        merged.push(whole);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Rect = Rect::new(0.0, 0.0, 600.0, 800.0);

    #[test]
    fn shapes_that_touch_are_one_picture_and_specks_are_none() {
        let curve: Vec<Rect> =
            (0..30).map(|i| Rect::new(100.0 + 5.0 * f64::from(i), 300.0, 106.0 + 5.0 * f64::from(i), 360.0)).collect();
        let bullets = [Rect::new(50.0, 50.0, 54.0, 54.0), Rect::new(50.0, 70.0, 54.0, 74.0)];
        let shapes = [curve.as_slice(), &bullets].concat();
        let axes = [Rect::new(96.0, 290.0, 96.5, 362.0), Rect::new(96.0, 362.0, 262.0, 362.5)];
        let found = found(&shapes, &[], &axes, &[], &[], PAGE);
        assert_eq!(found.all, [Rect::new(96.0, 290.0, 262.0, 362.5)]);
    }

    #[test]
    fn bars_of_different_lengths_are_a_chart_and_cells_are_none() {
        let bars: Vec<Rect> = [40.0, 70.0, 20.0, 55.0]
            .iter()
            .enumerate()
            .map(|(i, h)| Rect::new(100.0 + 30.0 * i as f64, 500.0 - h, 120.0 + 30.0 * i as f64, 500.0))
            .collect();
        assert_eq!(found(&[], &[], &[], &bars, &[], PAGE).all, [Rect::new(100.0, 430.0, 210.0, 500.0)]);
        let cells: Vec<Rect> =
            (0..4).map(|i| Rect::new(100.0 + 30.0 * f64::from(i), 480.0, 130.0 + 30.0 * f64::from(i), 500.0)).collect();
        assert!(found(&[], &[], &[], &cells, &[], PAGE).all.is_empty());
    }

    #[test]
    fn tiles_of_one_image_are_one_picture_and_the_ground_of_text_is_none() {
        let tiles: Vec<Rect> = (0..10)
            .map(|i| Rect::new(100.0, 100.0 + 20.0 * f64::from(i), 400.0, 120.0 + 20.0 * f64::from(i)))
            .collect();
        assert_eq!(found(&[], &tiles, &[], &[], &[], PAGE).all, [Rect::new(100.0, 100.0, 400.0, 300.0)]);
        let lines: Vec<Rect> = (0..16)
            .map(|i| Rect::new(110.0, 102.0 + 12.0 * f64::from(i), 390.0, 112.0 + 12.0 * f64::from(i)))
            .collect();
        assert!(found(&[], &tiles, &[], &[], &lines, PAGE).all.is_empty());
    }
}
